-- Deploy neanelu:functions/normalise/map to pg
-- requires: functions/normalise/names
-- Names of sources are mapped to attributes: decided once, remembered, reviewed by people; approved ones become synonyms.

BEGIN;

SET LOCAL search_path = neanelu, normalise, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION normalise._decide_names(p_keys text[], p_names text[], p_profiles jsonb, p_locale text)
RETURNS TABLE (asked integer, definition_id uuid, score numeric, method text, decision text, candidates jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
    WITH ranked AS (
        SELECT r.* FROM normalise._rank(p_keys, (SELECT jsonb_agg(to_jsonb(normalise.concepts(n.name, p_locale)) ORDER BY n.n)
                                                   FROM unnest(p_names) WITH ORDINALITY AS n (name, n)), p_profiles, 3, NULL, NULL) AS r
    )
    SELECT a.n::integer, CASE WHEN d.decision <> 'unknown' THEN f.definition_id END, f.score, f.method, d.decision,
           coalesce((SELECT jsonb_agg(jsonb_build_object('code', r.code, 'score', r.score, 'method', r.method) ORDER BY r.rank) FROM ranked AS r WHERE r.asked = a.n), '[]')
      FROM generate_series(1, cardinality(p_keys)) AS a (n)
      LEFT JOIN ranked AS f ON f.asked = a.n AND f.rank = 1
      LEFT JOIN ranked AS s ON s.asked = a.n AND s.rank = 2
     CROSS JOIN LATERAL (SELECT CASE
            WHEN f.score >= 0.97 AND f.score > coalesce(s.score, 0) THEN 'applied'
            WHEN f.score >= normalise.setting('apply_score') AND f.score - coalesce(s.score, 0) >= normalise.setting('apply_margin') THEN 'applied'
            WHEN f.score >= normalise.setting('propose_score') THEN 'proposed' ELSE 'unknown' END AS decision) AS d
$$;
COMMENT ON FUNCTION normalise._decide_names(text[], text[], jsonb, text) IS
    'What becomes of names: applied (the threshold, and better than the second by the margin), proposed, or unknown; with the first three. Reads only.';

CREATE FUNCTION normalise.map_attributes(p_source_id uuid, p_names text[], p_examples jsonb DEFAULT '{}', p_locale text DEFAULT NULL)
RETURNS TABLE (name text, definition_id uuid, code text, score numeric, decision text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_keys text[];
    v_names text[];
    v_examples jsonb;
BEGIN
    SELECT array_agg(q.key ORDER BY q.key), array_agg(q.name ORDER BY q.key),
           jsonb_agg(coalesce((SELECT jsonb_agg(left(e.v, 200)) FROM (SELECT x FROM jsonb_array_elements_text(
               CASE jsonb_typeof(p_examples -> q.name) WHEN 'array' THEN p_examples -> q.name ELSE '[]' END) AS x LIMIT 30) AS e (v)), '[]') ORDER BY q.key)
      INTO v_keys, v_names, v_examples
      FROM (SELECT DISTINCT ON (normalise.name_key(n.x)) normalise.name_key(n.x) AS key, n.x AS name FROM unnest(p_names) AS n (x) ORDER BY normalise.name_key(n.x), n.x) AS q
     WHERE q.key <> '' AND NOT EXISTS (SELECT FROM prod_attr_mappings AS m WHERE m.source_id = p_source_id AND m.name_key = q.key);
    IF v_keys IS NOT NULL THEN
        INSERT INTO prod_attr_mappings AS t (source_id, name_key, name, locale, definition_id, decision, score, method, candidates, examples, source_unit)
        SELECT p_source_id, v_keys[d.asked], left(v_names[d.asked], 255), p_locale, d.definition_id, d.decision, d.score, d.method, d.candidates,
               coalesce((SELECT jsonb_agg(e.v) FROM (SELECT x FROM jsonb_array_elements(v_examples -> (d.asked - 1)) AS x LIMIT 10) AS e (v)), '[]'),
               normalise._name_unit(v_names[d.asked])
          FROM normalise._decide_names(v_keys, v_names, (SELECT jsonb_agg(normalise._profile_with_unit(ARRAY(SELECT jsonb_array_elements_text(e.v)), normalise._name_unit(v_names[e.n])) ORDER BY e.n)
                   FROM jsonb_array_elements(v_examples) WITH ORDINALITY AS e (v, n)), p_locale) AS d
         ORDER BY v_keys[d.asked]
        ON CONFLICT ON CONSTRAINT prod_attr_mappings_name_key DO NOTHING;
        PERFORM normalise._propose_synonyms(p_source_id, v_keys);
    END IF;
    RETURN QUERY
        SELECT n.x, m.definition_id, d.code::text, m.score, CASE m.decision WHEN 'ignored' THEN 'unknown' ELSE m.decision::text END
          FROM unnest(p_names) AS n (x)
          JOIN prod_attr_mappings AS m ON m.source_id = p_source_id AND m.name_key = normalise.name_key(n.x)
          LEFT JOIN prod_attr_definitions AS d ON d.id = m.definition_id;
END
$$;
COMMENT ON FUNCTION normalise.map_attributes(uuid, text[], jsonb, text) IS
    'Which attributes a source means by names: as remembered, new ones decided by names and example values ({name: [values]}) and remembered. '
    'The middle band is proposed for review and applied only then. A unit that a name ends with is that of its plain numbers. Idempotent; waits for who maps the same name of the same source.';

CREATE FUNCTION normalise._propose_synonyms(p_source_id uuid, p_keys text[]) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO prod_attr_synonyms (definition_id, synonym_text, locale, source, confidence_score, is_approved)
    SELECT m.definition_id, m.name, coalesce(left(m.locale, 2), 'und'), 'ai', round(m.score, 2), false
      FROM prod_attr_mappings AS m
     WHERE m.source_id = p_source_id AND m.name_key = ANY (p_keys) AND m.decision = 'proposed'
     ORDER BY m.definition_id, lower(m.name)
    ON CONFLICT (definition_id, lower(synonym_text), locale) DO NOTHING
$$;
COMMENT ON FUNCTION normalise._propose_synonyms(uuid, text[]) IS 'Proposed mappings as synonyms that are not in force yet. Idempotent.';

CREATE FUNCTION normalise._read_again(p_source_ids uuid[], p_name_key text) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = neanelu, normalise, pim, pg_temp
AS $$
DECLARE
    v_names text[];
BEGIN
    v_names := ARRAY(SELECT q.name
                       FROM (SELECT DISTINCT a.name FROM prod_match_links AS l JOIN prod_extraction_sessions AS e ON e.id = l.session_id
                              CROSS JOIN LATERAL jsonb_object_keys(CASE jsonb_typeof(e.extracted_specs -> 'attributes') WHEN 'object' THEN e.extracted_specs -> 'attributes'
                                                                        ELSE '{}' END) AS a (name)
                              WHERE l.source_id = ANY (p_source_ids)) AS q
                      WHERE normalise.name_key(q.name) = p_name_key);
    RETURN CASE WHEN v_names = '{}' THEN 0 ELSE pim.request_readings(ARRAY(
        SELECT l.session_id FROM prod_match_links AS l JOIN prod_extraction_sessions AS e ON e.id = l.session_id
         WHERE l.source_id = ANY (p_source_ids) AND jsonb_typeof(e.extracted_specs -> 'attributes') = 'object' AND e.extracted_specs -> 'attributes' ?| v_names)) END;
END
$$;
COMMENT ON FUNCTION normalise._read_again(uuid[], text) IS
    'Asks that the newest readings of sources which use a name be proposed again, for it means something now; returns how many. Idempotent.';

CREATE FUNCTION normalise.add_synonym(p_code text, p_name text, p_locale text DEFAULT 'und', p_source text DEFAULT 'manual') RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_definition uuid;
    v_name text := left(normalise.clean_text(p_name), 255);
    v_sources uuid[];
BEGIN
    SELECT d.id INTO v_definition FROM prod_attr_definitions AS d WHERE d.code = p_code;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no attribute %', p_code USING ERRCODE = 'NN001';
    END IF;
    IF v_name IS NULL OR normalise.name_key(v_name) = '' THEN
        RAISE EXCEPTION 'a synonym needs a name' USING ERRCODE = 'NN002';
    END IF;
    v_sources := ARRAY(SELECT m.source_id FROM prod_attr_mappings AS m
                        WHERE m.name_key = normalise.name_key(v_name) AND m.decision IN ('proposed', 'unknown')
                          AND (p_locale = 'und' OR m.locale IS NULL OR left(m.locale, 2) = left(p_locale, 2)));
    INSERT INTO prod_attr_synonyms AS s (definition_id, synonym_text, locale, source, is_approved)
    VALUES (v_definition, v_name, p_locale, p_source, true)
    ON CONFLICT (definition_id, lower(synonym_text), locale) DO UPDATE SET is_approved = true, source = excluded.source WHERE NOT s.is_approved;
    UPDATE prod_attr_mappings AS m
       SET definition_id = v_definition, decision = 'applied', score = 0.99, method = 'synonym', updated_at = now()
     WHERE m.source_id = ANY (v_sources) AND m.name_key = normalise.name_key(v_name) AND m.decision IN ('proposed', 'unknown');
    PERFORM normalise._read_again(v_sources, normalise.name_key(v_name));
    RETURN v_definition;
END
$$;
COMMENT ON FUNCTION normalise.add_synonym(text, text, text, text) IS
    'A further name of an attribute, in force at once: names of sources that waited for a decision are mapped, and what '
    'these sources said is proposed again. Idempotent. '
    'Raises NN001 (no such attribute), NN002 (no name).';

CREATE FUNCTION normalise.review_mapping(p_mapping_id uuid, p_decision text, p_code text DEFAULT NULL, p_reviewer uuid DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_mapping prod_attr_mappings;
    v_code text := p_code;
BEGIN
    IF p_decision IS NULL OR p_decision NOT IN ('approve', 'reject', 'ignore') THEN
        RAISE EXCEPTION 'a decision is approve, reject or ignore' USING ERRCODE = 'NN004';
    END IF;
    SELECT * INTO v_mapping FROM prod_attr_mappings WHERE id = p_mapping_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no mapping %', p_mapping_id USING ERRCODE = 'NN003';
    END IF;
    IF p_decision = 'approve' THEN
        v_code := coalesce(v_code, (SELECT d.code FROM prod_attr_definitions AS d WHERE d.id = v_mapping.definition_id));
        IF v_code IS NULL THEN
            RAISE EXCEPTION 'nothing is proposed for %: name the attribute', v_mapping.name USING ERRCODE = 'NN001';
        END IF;
        PERFORM normalise.add_synonym(v_code, v_mapping.name, coalesce(left(v_mapping.locale, 2), 'und'), 'review');
        UPDATE prod_attr_mappings
           SET decision = 'applied', definition_id = (SELECT d.id FROM prod_attr_definitions AS d WHERE d.code = v_code), score = 1, method = 'review',
               decided_by = p_reviewer, updated_at = now()
         WHERE id = p_mapping_id;
        PERFORM normalise._read_again(ARRAY[v_mapping.source_id], v_mapping.name_key);
    ELSE
        DELETE FROM prod_attr_synonyms AS s
         WHERE s.definition_id = v_mapping.definition_id AND lower(s.synonym_text) = lower(v_mapping.name) AND NOT s.is_approved;
        UPDATE prod_attr_mappings SET decision = 'ignored', definition_id = NULL, method = 'review', decided_by = p_reviewer, updated_at = now()
         WHERE id = p_mapping_id;
    END IF;
    RETURN coalesce(v_code, '');
END
$$;
COMMENT ON FUNCTION normalise.review_mapping(uuid, text, text, uuid) IS
    'A person''s decision about a name of a source: approve (as proposed, or as p_code) makes it a synonym in force, also for other sources '
    'that wait; reject and ignore take the proposal back and leave the name unmapped. Locks the mapping. Idempotent. '
    'Raises NN001 (no such attribute), NN003 (no such mapping), NN004 (no such decision).';

CREATE FUNCTION normalise.review_mappings(p_limit integer DEFAULT 50, p_decision text DEFAULT 'proposed', p_source_id uuid DEFAULT NULL)
RETURNS TABLE (mapping_id uuid, source text, name text, locale text, decision text, code text, label text, score numeric, candidates jsonb, examples jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
    SELECT m.id, s.name::text, m.name::text, m.locale::text, m.decision::text, d.code::text, d.label::text, m.score, m.candidates, m.examples
      FROM prod_attr_mappings AS m JOIN prod_sources AS s ON s.id = m.source_id LEFT JOIN prod_attr_definitions AS d ON d.id = m.definition_id
     WHERE (p_decision IS NULL OR m.decision = p_decision) AND (p_source_id IS NULL OR m.source_id = p_source_id)
     ORDER BY m.score DESC NULLS LAST, m.id LIMIT least(p_limit, 1000)
$$;
COMMENT ON FUNCTION normalise.review_mappings(integer, text, uuid) IS 'Names of sources with what was decided, those that wait for review by default, best first. Reads only.';

CREATE FUNCTION normalise.set_source_unit(p_source_id uuid, p_name text, p_unit text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_unit text := normalise.unit(p_unit);
BEGIN
    IF v_unit IS NULL AND p_unit IS NOT NULL THEN
        RAISE EXCEPTION 'there is no unit %', p_unit USING ERRCODE = 'NN005';
    END IF;
    UPDATE prod_attr_mappings SET source_unit = v_unit, updated_at = now()
     WHERE source_id = p_source_id AND name_key = normalise.name_key(p_name);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the source has no name %', p_name USING ERRCODE = 'NN003';
    END IF;
END
$$;
COMMENT ON FUNCTION normalise.set_source_unit(uuid, text, text) IS
    'In which unit a source gives numbers of a name that carry none; null: in the attribute''s own. Idempotent. '
    'Raises NN003 (no such name), NN005 (no such unit).';

CREATE FUNCTION normalise.set_setting(p_name text, p_value numeric) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
BEGIN
    IF p_value IS NULL OR p_value NOT BETWEEN 0 AND 1 THEN
        RAISE EXCEPTION 'thresholds and weights lie between 0 and 1' USING ERRCODE = 'NN006';
    END IF;
    UPDATE normalise_settings SET value = p_value WHERE name = p_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no setting %', p_name USING ERRCODE = 'NN006';
    END IF;
END
$$;
COMMENT ON FUNCTION normalise.set_setting(text, numeric) IS 'Sets a threshold or weight. Idempotent. Raises NN006 (no such setting, or not between 0 and 1).';

CREATE FUNCTION normalise.learn_profiles(p_values integer DEFAULT 200) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_count integer;
BEGIN
    INSERT INTO prod_attr_profiles AS t (definition_id, profile, example_count)
    SELECT q.id, normalise.profile(q.examples), cardinality(q.examples)
      FROM (SELECT d.id, (array_agg(e.raw ORDER BY md5(e.raw)))[1 : p_values] AS examples
              FROM (SELECT DISTINCT r.key, CASE jsonb_typeof(r.value) WHEN 'string' THEN r.value #>> '{}' ELSE r.value::text END AS raw
                      FROM (SELECT s.raw_specs FROM prod_specs_normalized AS s WHERE s.is_current AND jsonb_typeof(s.raw_specs) = 'object' ORDER BY s.id DESC LIMIT 20000) AS s
                     CROSS JOIN LATERAL jsonb_each(s.raw_specs) AS r (key, value)) AS e
              JOIN prod_attr_definitions AS d ON d.code = e.key
             WHERE length(e.raw) BETWEEN 1 AND 200
             GROUP BY d.id HAVING count(*) >= 5) AS q
     WHERE normalise.profile(q.examples) IS NOT NULL
     ORDER BY q.id
    ON CONFLICT (definition_id) DO UPDATE SET profile = excluded.profile, example_count = excluded.example_count, updated_at = now()
     WHERE t.profile <> excluded.profile OR t.example_count <> excluded.example_count;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION normalise.learn_profiles(integer) IS
    'What values of each attribute look like, from the raw values of the newest 20,000 golden records; attributes with under five are left out. '
    'Returns how many profiles changed. Idempotent.';

CREATE FUNCTION normalise.store_name_vectors(p_model text, p_names text[], p_vectors real[]) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = neanelu, extensions, pg_temp
AS $$
    WITH rows AS (
        SELECT DISTINCT ON (normalise.name_key(n.name)) normalise.name_key(n.name) AS key,
               (SELECT array_agg(p_vectors[n.n][i] ORDER BY i) || array_fill(0::real, ARRAY[1536 - array_length(p_vectors, 2)])
                  FROM generate_series(1, array_length(p_vectors, 2)) AS i)::vector(1536) AS embedding
          FROM unnest(p_names) WITH ORDINALITY AS n (name, n) ORDER BY 1
    ), written AS (
        INSERT INTO prod_attr_name_vectors (name_key, model, embedding) SELECT r.key, p_model, r.embedding FROM rows AS r WHERE r.key <> ''
        ON CONFLICT (name_key, model) DO UPDATE SET embedding = excluded.embedding RETURNING 1
    )
    SELECT count(*)::integer FROM written
$$;
COMMENT ON FUNCTION normalise.store_name_vectors(text, text[], real[]) IS
    'Vectors of names of attributes (a matrix, a row a name, up to 1536 wide). Returns how many. Idempotent.';

CREATE FUNCTION normalise.store_definition_vectors(p_model text, p_codes text[], p_vectors real[]) RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = neanelu, extensions, pg_temp
AS $$
    WITH rows AS (
        SELECT n.code, (SELECT array_agg(p_vectors[n.n][i] ORDER BY i) || array_fill(0::real, ARRAY[1536 - array_length(p_vectors, 2)])
                          FROM generate_series(1, array_length(p_vectors, 2)) AS i)::vector(1536) AS embedding
          FROM unnest(p_codes) WITH ORDINALITY AS n (code, n)
    ), written AS (
        UPDATE prod_attr_definitions AS d SET embedding = r.embedding, embedding_model = p_model, updated_at = now()
          FROM rows AS r WHERE d.code = r.code RETURNING 1
    )
    SELECT count(*)::integer FROM written
$$;
COMMENT ON FUNCTION normalise.store_definition_vectors(text, text[], real[]) IS
    'Vectors of attributes, of name, examples and unit (a matrix, a row a code). Returns how many. Idempotent.';

GRANT EXECUTE ON FUNCTION normalise.map_attributes(uuid, text[], jsonb, text) TO neanelu_platform, neanelu_pim_editor, neanelu_harvester;
GRANT EXECUTE ON FUNCTION normalise.add_synonym(text, text, text, text), normalise.review_mapping(uuid, text, text, uuid),
    normalise.set_source_unit(uuid, text, text), normalise.set_setting(text, numeric) TO neanelu_pim_editor, neanelu_operator;
GRANT EXECUTE ON FUNCTION normalise.review_mappings(integer, text, uuid) TO neanelu_pim_editor, neanelu_analyst, neanelu_operator;
GRANT EXECUTE ON FUNCTION normalise.learn_profiles(integer) TO neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION normalise.store_name_vectors(text, text[], real[]), normalise.store_definition_vectors(text, text[], real[])
    TO neanelu_ai, neanelu_operator;

COMMIT;
