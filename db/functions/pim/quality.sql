-- Deploy neanelu:functions/pim/quality to pg
-- requires: policies/quality
-- requires: functions/app/context
-- How good golden records are: what they lack, how far their sources agree, whether their values keep the rules; and the level
-- that follows from it.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._quality_setting(p_key text, p_default numeric)
RETURNS numeric
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce((SELECT (c.value #>> '{}')::numeric FROM neanelu.system_config AS c WHERE c.key = 'quality.' || p_key), p_default)
$$;
COMMENT ON FUNCTION pim._quality_setting(text, numeric) IS
    'A number of system_config, key quality.<p_key>, or the default. Reads only, takes no locks. Raises: 22P02 where the stored value is none';

-- What there is ----------------------------------------------------------------------------------------------------

CREATE FUNCTION pim._field_values(p_product_ids uuid[])
RETURNS TABLE (product_id uuid, field_path text, value jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT m.id, f.field_path, to_jsonb(f.value)
      FROM neanelu.prod_master AS m
     CROSS JOIN LATERAL (VALUES ('title', m.canonical_title), ('brand', m.brand), ('manufacturer', m.manufacturer), ('mpn', m.mpn),
                                ('gtin', m.gtin), ('category', m.taxonomy_id::text)) AS f (field_path, value)
     WHERE m.id = ANY (p_product_ids) AND f.value <> ''
    UNION ALL
    SELECT s.product_id, 'specs.' || e.key, e.value
      FROM neanelu.prod_specs_normalized AS s
     CROSS JOIN LATERAL jsonb_each(s.specs) AS e
     WHERE s.is_current AND s.product_id = ANY (p_product_ids)
       AND coalesce(e.value -> 'value', e.value) NOT IN ('null', '""', '[]', '{}')
    UNION ALL
    SELECT s.product_id, e.field_path, s.provenance -> e.field_path -> 'value'
      FROM neanelu.prod_specs_normalized AS s
     CROSS JOIN unnest('{description,image,model,price}'::text[]) AS e (field_path)
     WHERE s.is_current AND s.product_id = ANY (p_product_ids)
       AND coalesce(s.provenance -> e.field_path -> 'value' -> 'value', s.provenance -> e.field_path -> 'value') NOT IN ('null', '""', '[]', '{}')
$$;
COMMENT ON FUNCTION pim._field_values(uuid[]) IS
    'Every decided field of the products, named as in prod_proposals: main columns, the current version''s attributes, and description, '
    'image, model and price, which stand in its provenance. category is the category''s id. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim._main_locales(p_product_ids uuid[])
RETURNS TABLE (product_id uuid, locale text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT m.id, left(coalesce(t.locale, s.locale, (SELECT c.value #>> '{}' FROM neanelu.system_config AS c WHERE c.key = 'pim.locale'), 'ro'), 10)
      FROM neanelu.prod_master AS m
      LEFT JOIN neanelu.prod_semantics AS s ON s.product_id = m.id
      LEFT JOIN LATERAL (
        SELECT coalesce(nullif(x.extracted_specs ->> 'locale', ''), o.config ->> 'locale') AS locale
          FROM neanelu.prod_specs_normalized AS v
          LEFT JOIN neanelu.prod_extraction_sessions AS x ON x.id = (v.provenance -> 'title' -> 'sessions' ->> 0)::uuid
          LEFT JOIN neanelu.prod_sources AS o ON o.id = (v.provenance -> 'title' -> 'sources' ->> 0)::uuid
         WHERE v.product_id = m.id AND v.is_current) AS t ON t.locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'
     WHERE m.id = ANY (p_product_ids)
$$;
COMMENT ON FUNCTION pim._main_locales(uuid[]) IS
    'The language that each product''s decided title is in: what the reading or the source of it says, else as it was, else the setting pim.locale, else ro. '
    'Reads only, takes no locks. Raises: nothing';

-- Completeness -----------------------------------------------------------------------------------------------------

CREATE FUNCTION pim._expected(p_taxonomy_ids uuid[])
RETURNS TABLE (taxonomy_id uuid, channel text, locale text, code text, field_paths text[], weight numeric, is_required boolean, is_text boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH category AS (
        SELECT DISTINCT coalesce(u.id, '00000000-0000-0000-0000-000000000000') AS id FROM unnest(p_taxonomy_ids) AS u (id)
    ), wanted AS MATERIALIZED (
        SELECT c.id, a.key AS attribute, a.value FROM category AS c CROSS JOIN LATERAL jsonb_each(pim.attribute_schema(c.id)) AS a
         WHERE c.id <> '00000000-0000-0000-0000-000000000000'
    ), attribute AS (
        SELECT w.id, w.attribute, CASE WHEN jsonb_typeof(w.value -> 'weight') = 'number' THEN (w.value ->> 'weight')::numeric
                                       WHEN w.value -> 'required' = 'true' THEN 2 ELSE 0.25 END AS weight,
               w.value -> 'required' = 'true' AS is_required, CASE jsonb_typeof(w.value -> 'channels') WHEN 'array' THEN nullif(w.value -> 'channels', '[]') END AS channels, w.value -> 'locales' AS locales
          FROM wanted AS w
        UNION ALL
        SELECT c.id, d.code, 2, true, NULL, NULL FROM category AS c CROSS JOIN neanelu.prod_attr_definitions AS d
         WHERE d.is_required AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.id = c.id AND w.attribute = d.code)
    ), locale AS (
        SELECT l.value AS name FROM neanelu.system_config AS c
         CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(c.value) WHEN 'array' THEN c.value ELSE '[]' END) AS l
         WHERE c.key = 'quality.locales'
    )
    SELECT c.id, f.channel::text, NULL::text, f.code::text, f.field_paths, f.weight, f.is_required, f.is_text
      FROM category AS c CROSS JOIN neanelu.prod_quality_fields AS f
    UNION ALL
    SELECT c.id, NULL, l.name, f.code, f.field_paths, f.weight, f.is_required, true
      FROM category AS c CROSS JOIN neanelu.prod_quality_fields AS f CROSS JOIN locale AS l WHERE f.channel IS NULL AND f.is_text
    UNION ALL
    SELECT a.id, h.name, NULL, 'specs.' || a.attribute, ARRAY['specs.' || a.attribute], a.weight, coalesce(a.is_required, false), false
      FROM attribute AS a
     CROSS JOIN LATERAL (SELECT NULL WHERE a.channels IS NULL UNION ALL SELECT jsonb_array_elements_text(a.channels)) AS h (name)
     WHERE a.weight > 0
    UNION ALL
    SELECT a.id, NULL, l.name, 'specs.' || a.attribute, ARRAY['specs.' || a.attribute], a.weight, coalesce(a.is_required, false), false
      FROM attribute AS a JOIN locale AS l ON a.locales ? l.name
     WHERE a.weight > 0;
END
$$;
COMMENT ON FUNCTION pim._expected(uuid[]) IS
    'What products of the categories (zeros: of none) should say: in general, for each channel, and in each language of the setting quality.locales. An '
    'attribute without a weight counts 2 when it is required, else 0.25. Reads only, takes no locks. Raises: nothing of its own';

CREATE FUNCTION pim._completeness(p_product_ids uuid[])
RETURNS TABLE (product_id uuid, present text[], completeness numeric, missing text[], channels jsonb, locales jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    WITH product AS MATERIALIZED (
        SELECT m.id, coalesce(m.taxonomy_id, '00000000-0000-0000-0000-000000000000') AS taxonomy_id, coalesce(v.present, '{}') AS present, l.locale
          FROM neanelu.prod_master AS m
          LEFT JOIN (SELECT f.product_id, array_agg(f.field_path) AS present FROM pim._field_values(p_product_ids) AS f GROUP BY 1) AS v ON v.product_id = m.id
          LEFT JOIN pim._main_locales(p_product_ids) AS l ON l.product_id = m.id
         WHERE m.id = ANY (p_product_ids)
    ), expected AS MATERIALIZED (
        SELECT e.*, e.weight::float8 AS part, row_number() OVER (ORDER BY e.is_required DESC, e.weight DESC, e.code) AS place
          FROM pim._expected(ARRAY(SELECT DISTINCT p.taxonomy_id FROM product AS p)) AS e
    ), translated AS MATERIALIZED (
        SELECT t.product_id, t.locale, array_remove(ARRAY[CASE WHEN t.title <> '' THEN 'title' END, CASE WHEN t.description <> '' THEN 'description' END], NULL) AS present
          FROM neanelu.prod_translations AS t WHERE t.product_id = ANY (p_product_ids) AND NOT t.is_stale
    ), judged AS (
        SELECT p.id, e.channel, e.locale, e.code, e.part, e.place, e.is_required,
               e.field_paths && CASE WHEN e.locale IS NULL OR NOT e.is_text OR e.locale = p.locale THEN p.present ELSE coalesce(t.present, '{}') END AS is_there
          FROM product AS p
          JOIN expected AS e ON e.taxonomy_id = p.taxonomy_id
          LEFT JOIN translated AS t ON t.product_id = p.id AND t.locale = e.locale
    ), part AS (
        SELECT j.id, j.channel, j.locale, round((coalesce(sum(j.part) FILTER (WHERE j.is_there), 0) / nullif(sum(j.part), 0))::numeric, 3) AS completeness,
               coalesce(array_agg(j.code ORDER BY j.place) FILTER (WHERE NOT j.is_there AND j.is_required), '{}') AS required,
               coalesce(array_agg(j.code ORDER BY j.place) FILTER (WHERE NOT j.is_there), '{}') AS missing
          FROM judged AS j GROUP BY j.id, j.channel, j.locale
    )
    SELECT p.id, p.present, coalesce(max(t.completeness) FILTER (WHERE t.channel IS NULL AND t.locale IS NULL), 0),
           coalesce(max(t.missing[1:20]) FILTER (WHERE t.channel IS NULL AND t.locale IS NULL), '{}'),
           coalesce(jsonb_object_agg(t.channel, jsonb_build_object('completeness', t.completeness, 'missing', t.required)) FILTER (WHERE t.channel IS NOT NULL), '{}'),
           coalesce(jsonb_object_agg(t.locale, jsonb_build_object('completeness', t.completeness, 'missing', t.missing)) FILTER (WHERE t.locale IS NOT NULL), '{}')
      FROM product AS p LEFT JOIN part AS t ON t.id = p.id GROUP BY p.id, p.present
$$;
COMMENT ON FUNCTION pim._completeness(uuid[]) IS
    'What each product says of what it should, by weight, 0 to 1: in general with what is missing (required first, at most 20), by channel with what is '
    'required and missing, by language. Texts count in another language when there is a translation that is not stale. Reads only, takes no locks. Raises: nothing of its own';

-- Accuracy ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim._accuracy(p_product_ids uuid[])
RETURNS TABLE (product_id uuid, accuracy numeric, sources integer, fields jsonb, conflicts text[])
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, app, pg_temp
AS $$
    WITH cap AS MATERIALIZED (
        SELECT 1 - pim._quality_setting('single_source_cap', 0.7)::float8 AS miss
    ), vote AS (
        SELECT p.product_id, p.field_path, coalesce(p.source_id, p.reviewed_by) AS voter, max(coalesce(s.trust_score, 1))::float8 AS weight,
               bool_or(p.proposal_status IN ('approved', 'merged')) AS agrees,
               bool_or(p.proposal_status = 'pending' AND coalesce(p.expires_at > app.now(), true)) AS is_open,
               bool_or(p.proposal_status = 'approved' AND p.reviewed_by IS NOT NULL) AS is_reviewed
          FROM neanelu.prod_proposals AS p
          LEFT JOIN neanelu.prod_sources AS s ON s.id = p.source_id
         WHERE p.product_id = ANY (p_product_ids) AND p.proposal_status <> 'superseded'
               -- What a person refused speaks against nothing.
           AND NOT (p.proposal_status = 'rejected' AND p.reviewed_by IS NOT NULL)
         GROUP BY 1, 2, 3
    ), field AS (
        SELECT v.product_id, v.field_path, bool_or(v.is_open) AS is_open,
               CASE WHEN bool_or(v.is_reviewed) THEN 1
                    WHEN bool_or(v.agrees) THEN
                         coalesce(sum(v.weight) FILTER (WHERE v.agrees) / nullif(sum(v.weight), 0), 0)
                         * (1 - power(c.miss, count(*) FILTER (WHERE v.agrees))) END AS accuracy
          FROM vote AS v CROSS JOIN cap AS c
         GROUP BY v.product_id, v.field_path, c.miss
    ), doubt AS (
        SELECT c.product_id FROM neanelu.prod_dedupe_cluster_members AS c
          JOIN neanelu.prod_dedupe_clusters AS d ON d.id = c.cluster_id AND d.status = 'pending'
         WHERE c.product_id = ANY (p_product_ids) GROUP BY 1
    )
    SELECT u.id, round(coalesce(f.accuracy, 0)::numeric, 3), coalesce(n.sources, 0)::integer, coalesce(f.weakest, '{}'),
           coalesce(f.conflicts, '{}') || CASE WHEN d.product_id IS NULL THEN '{}' ELSE '{identity}'::text[] END
      FROM (SELECT DISTINCT i.id FROM unnest(p_product_ids) AS i (id)) AS u
      LEFT JOIN (
        SELECT x.product_id, avg(x.accuracy) AS accuracy, array_agg(x.field_path ORDER BY x.field_path) FILTER (WHERE x.is_open) AS conflicts,
               jsonb_object_agg(x.field_path, round(x.accuracy::numeric, 2)) FILTER (WHERE x.accuracy < 0.5) AS weakest
          FROM field AS x GROUP BY 1) AS f ON f.product_id = u.id
      LEFT JOIN (SELECT v.product_id, count(DISTINCT v.voter) FILTER (WHERE v.agrees) AS sources FROM vote AS v GROUP BY 1) AS n ON n.product_id = u.id
      LEFT JOIN doubt AS d ON d.product_id = u.id
$$;
COMMENT ON FUNCTION pim._accuracy(uuid[]) IS
    'How far sources agree with the values in force, 0 to 1: per field the share of trust on their side, times 1 - (1 - cap)^n for n sources that agree (cap: '
    'setting quality.single_source_cap, 0.7), 1 where a person decided; the mean of the fields. sources: how many have a value in force. conflicts: fields with '
    'an open proposal, and identity when a cluster of the product waits. Reads only, takes no locks. Raises: nothing of its own';

-- Consistency ------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim._matches(p_text text, p_regex text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN p_text ~ p_regex;
EXCEPTION WHEN invalid_regular_expression THEN
    RETURN true;
END
$$;
COMMENT ON FUNCTION pim._matches(text, text) IS 'Whether a text fits a pattern; a pattern that is none fits everything. Pure. Raises: nothing';

CREATE FUNCTION pim._value_problem(p_value jsonb, p_data_type text, p_unit text, p_allowed jsonb, p_regex text, p_rule jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pim, pg_catalog, pg_temp
AS $$
DECLARE
    v_value constant jsonb := CASE WHEN jsonb_typeof(p_value) = 'object' AND p_value ? 'value' THEN p_value -> 'value' ELSE p_value END;
    v_kind  constant text := jsonb_typeof(v_value);
    v_one   jsonb;
BEGIN
    IF v_kind = 'array' AND p_data_type NOT IN ('range', 'dimensions') THEN
        FOR v_one IN SELECT e.value FROM jsonb_array_elements(v_value) AS e LOOP
            IF pim._value_problem(v_one, CASE p_data_type WHEN 'list' THEN 'string' ELSE p_data_type END, NULL, p_allowed, p_regex, p_rule) IS NOT NULL THEN
                RETURN pim._value_problem(v_one, CASE p_data_type WHEN 'list' THEN 'string' ELSE p_data_type END, NULL, p_allowed, p_regex, p_rule);
            END IF;
        END LOOP;
        RETURN NULL;
    END IF;
    RETURN CASE
        WHEN p_data_type = 'number' AND v_kind <> 'number' OR p_data_type = 'boolean' AND v_kind <> 'boolean' THEN 'type'
        WHEN p_data_type IN ('string', 'enum', 'list') AND v_kind IN ('object', 'array') THEN 'type'
        WHEN p_unit <> '' AND p_value ->> 'unit' <> p_unit THEN 'unit'
        WHEN p_data_type = 'enum' AND NOT coalesce(pim._is_allowed(v_value #>> '{}', p_allowed), true)
          OR NOT coalesce(pim._is_allowed(v_value #>> '{}', p_rule -> 'allowed'), true) THEN 'allowed'
        WHEN v_kind = 'string' AND NOT (coalesce(pim._matches(v_value #>> '{}', p_regex), true)
                                        AND coalesce(pim._matches(v_value #>> '{}', p_rule ->> 'regex'), true)) THEN 'regex'
        WHEN v_kind = 'number' AND jsonb_typeof(p_rule -> 'min') = 'number' AND (v_value #>> '{}')::numeric < (p_rule ->> 'min')::numeric THEN 'min'
        WHEN v_kind = 'number' AND jsonb_typeof(p_rule -> 'max') = 'number' AND (v_value #>> '{}')::numeric > (p_rule ->> 'max')::numeric THEN 'max'
    END;
END
$$;
COMMENT ON FUNCTION pim._value_problem(jsonb, text, text, jsonb, text, jsonb) IS
    'Which rule an attribute''s value breaks: type, unit, allowed, regex, min or max; null when none. Every element of a list must keep them. p_rule as in '
    'prod_taxonomy.validation_rules. Pure. Raises: nothing';

CREATE FUNCTION pim._is_allowed(p_value text, p_allowed jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN jsonb_typeof(p_allowed) = 'array' AND p_allowed <> '[]' THEN
                p_allowed ? p_value OR EXISTS (SELECT FROM jsonb_array_elements(p_allowed) AS a WHERE a.value ->> 'code' = p_value OR a.value #>> '{}' = p_value) END
$$;
COMMENT ON FUNCTION pim._is_allowed(text, jsonb) IS
    'Whether a value is one of those allowed (texts, numbers, or objects with a code); null when nothing is said. Pure. Raises: nothing';

CREATE FUNCTION pim._validation_rules(p_taxonomy_ids uuid[])
RETURNS TABLE (taxonomy_id uuid, attribute text, rule jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH RECURSIVE up AS (
        SELECT DISTINCT u.id AS taxonomy_id, u.id AS at, 0 AS distance FROM unnest(p_taxonomy_ids) AS u (id) WHERE u.id IS NOT NULL
        UNION ALL
        SELECT u.taxonomy_id, t.parent_id, u.distance + 1 FROM up AS u JOIN neanelu.prod_taxonomy AS t ON t.id = u.at WHERE t.parent_id IS NOT NULL
    )
    SELECT DISTINCT ON (u.taxonomy_id, r.key) u.taxonomy_id, r.key, r.value
      FROM up AS u
      JOIN neanelu.prod_taxonomy AS t ON t.id = u.at
     CROSS JOIN LATERAL jsonb_each(t.validation_rules) AS r
     WHERE jsonb_typeof(r.value) = 'object'
     ORDER BY u.taxonomy_id, r.key, u.distance
$$;
COMMENT ON FUNCTION pim._validation_rules(uuid[]) IS
    'Rules for the values of categories, inherited: the nearest category''s word for an attribute counts. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim._consistency(p_product_ids uuid[])
RETURNS TABLE (product_id uuid, consistency numeric, violations jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    WITH rule AS MATERIALIZED (
        SELECT r.* FROM pim._validation_rules(ARRAY(SELECT DISTINCT m.taxonomy_id FROM neanelu.prod_master AS m WHERE m.id = ANY (p_product_ids))) AS r
    ), checked AS (
        -- What is plainly right needs no call.
        SELECT m.id, 'specs.' || e.key AS field_path, CASE
                   WHEN r.rule IS NULL AND d.validation_regex IS NULL AND (d.unit IS NULL OR e.value ->> 'unit' = d.unit)
                        AND jsonb_typeof(e.value -> 'value') = CASE d.data_type WHEN 'number' THEN 'number' WHEN 'boolean' THEN 'boolean' ELSE 'string' END
                        AND (d.data_type <> 'enum' OR d.allowed_values IS NULL OR d.allowed_values ? (e.value ->> 'value'))
                   THEN NULL
                   ELSE pim._value_problem(e.value, coalesce(d.data_type, ''), d.unit, d.allowed_values, d.validation_regex, r.rule) END AS problem
          FROM neanelu.prod_master AS m
          JOIN neanelu.prod_specs_normalized AS s ON s.product_id = m.id AND s.is_current
         CROSS JOIN LATERAL jsonb_each(s.specs) AS e
          LEFT JOIN neanelu.prod_attr_definitions AS d ON d.code = e.key
          LEFT JOIN rule AS r ON r.taxonomy_id = m.taxonomy_id AND r.attribute = e.key
         WHERE m.id = ANY (p_product_ids)
    )
    SELECT c.id, round(1 - count(c.problem)::numeric / count(*), 3),
           coalesce(jsonb_agg(jsonb_build_object('field', c.field_path, 'rule', c.problem) ORDER BY c.field_path) FILTER (WHERE c.problem IS NOT NULL), '[]')
      FROM checked AS c GROUP BY c.id
$$;
COMMENT ON FUNCTION pim._consistency(uuid[]) IS
    'The share of attributes that keep type, unit, allowed values and pattern of their definition and the rules of the category, 0 to 1, and those that do not. '
    'Products without attributes are not in the answer. Reads only, takes no locks. Raises: nothing';

-- Levels -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim._level_rank(p_level text)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE p_level WHEN 'golden' THEN 3 WHEN 'silver' THEN 2 WHEN 'bronze' THEN 1 ELSE 0 END;
COMMENT ON FUNCTION pim._level_rank(text) IS 'Order of the levels: review_needed 0, bronze 1, silver 2, golden 3. Pure.';

CREATE FUNCTION pim._level_rules(p_taxonomy_ids uuid[])
RETURNS TABLE (for_taxonomy_id uuid, rule neanelu.prod_quality_rules)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH RECURSIVE category AS (
        SELECT DISTINCT coalesce(u.id, '00000000-0000-0000-0000-000000000000') AS id FROM unnest(p_taxonomy_ids) AS u (id)
    ), up AS (
        SELECT c.id AS taxonomy_id, c.id AS at, 0 AS distance FROM category AS c
        UNION ALL
        SELECT u.taxonomy_id, t.parent_id, u.distance + 1 FROM up AS u JOIN neanelu.prod_taxonomy AS t ON t.id = u.at WHERE t.parent_id IS NOT NULL
    )
    SELECT DISTINCT ON (c.id, r.level, r.channel) c.id, r
      FROM category AS c
     CROSS JOIN neanelu.prod_quality_rules AS r
      LEFT JOIN up AS u ON u.taxonomy_id = c.id AND u.at = r.taxonomy_id
     WHERE r.is_active AND (r.taxonomy_id IS NULL OR u.at IS NOT NULL)
     ORDER BY c.id, r.level, r.channel, u.distance NULLS LAST
$$;
COMMENT ON FUNCTION pim._level_rules(uuid[]) IS
    'The rule that counts for each category (zeros: products of none), level and channel: the nearest category''s, else the general one. '
    'Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim._measures(p_product_ids uuid[])
RETURNS TABLE (product_id uuid, taxonomy_id uuid, old_level text, completeness numeric, accuracy numeric, consistency numeric, score numeric,
               sources integer, present text[], missing text[], conflicts text[], violations jsonb, weakest jsonb, channels jsonb, locales jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    WITH w AS MATERIALIZED (
        SELECT pim._quality_setting('weight_completeness', 0.5) AS completeness, pim._quality_setting('weight_accuracy', 0.3) AS accuracy,
               pim._quality_setting('weight_consistency', 0.2) AS consistency)
    SELECT m.id, coalesce(m.taxonomy_id, '00000000-0000-0000-0000-000000000000'), m.data_quality_level, c.completeness, a.accuracy, coalesce(v.consistency, 1),
           round((w.completeness * c.completeness + w.accuracy * a.accuracy + w.consistency * coalesce(v.consistency, 1))
                 / greatest(w.completeness + w.accuracy + w.consistency, 0.001), 2),
           a.sources, c.present, c.missing, a.conflicts, coalesce(v.violations, '[]'), a.fields, c.channels, c.locales
      FROM neanelu.prod_master AS m
      JOIN pim._completeness(p_product_ids) AS c ON c.product_id = m.id
      JOIN pim._accuracy(p_product_ids) AS a ON a.product_id = m.id
      LEFT JOIN pim._consistency(p_product_ids) AS v ON v.product_id = m.id
     CROSS JOIN w
     WHERE m.id = ANY (p_product_ids) AND m.dedupe_status <> 'duplicate'
$$;
COMMENT ON FUNCTION pim._measures(uuid[]) IS
    'Completeness, accuracy and consistency of products, and the score: their mean by the settings quality.weight_completeness (0.5), .weight_accuracy (0.3) and '
    '.weight_consistency (0.2). Products that were merged into others are left out. Reads only, takes no locks. Raises: nothing of its own';

CREATE FUNCTION pim._judged(p_product_ids uuid[])
RETURNS TABLE (product_id uuid, old_level text, new_level text, score numeric, breakdown jsonb, doubts text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    WITH measure AS MATERIALIZED (
        SELECT m.*, ARRAY(SELECT v.value ->> 'field' FROM jsonb_array_elements(m.violations) AS v) AS violated FROM pim._measures(p_product_ids) AS m
    ), verdict AS (
        SELECT m.product_id, (l.rule).level, (l.rule).channel, array_remove(ARRAY[
                   CASE WHEN m.score < (l.rule).min_score - h.slack THEN 'score' END,
                   CASE WHEN CASE WHEN (l.rule).channel IS NULL THEN m.completeness ELSE coalesce((m.channels -> (l.rule).channel ->> 'completeness')::numeric, 1) END
                             < (l.rule).min_completeness - h.slack THEN 'completeness' END,
                   CASE WHEN m.accuracy < (l.rule).min_accuracy - h.slack THEN 'accuracy' END,
                   CASE WHEN m.consistency < (l.rule).min_consistency - h.slack THEN 'consistency' END,
                   CASE WHEN m.sources < (l.rule).min_sources THEN 'sources' END,
                   CASE WHEN (l.rule).no_open_conflicts AND m.conflicts <> '{}' THEN 'conflicts' END], NULL)
               || ARRAY(SELECT 'missing ' || f.name FROM unnest((l.rule).required_fields) AS f (name)
                         WHERE (l.rule).level <> 'review_needed' AND f.name <> ALL (m.present)) AS unmet,
               ARRAY(SELECT f.name FROM unnest((l.rule).required_fields) AS f (name)
                      WHERE (l.rule).level = 'review_needed' AND (f.name = ANY (m.conflicts) OR f.name = ANY (m.violated))) AS doubts
          FROM measure AS m
          JOIN pim._level_rules(ARRAY(SELECT DISTINCT x.taxonomy_id FROM measure AS x)) AS l ON l.for_taxonomy_id = m.taxonomy_id
         CROSS JOIN LATERAL (SELECT CASE WHEN (l.rule).channel IS NULL AND pim._level_rank(m.old_level) >= pim._level_rank((l.rule).level)
                                         THEN (l.rule).hysteresis ELSE 0 END AS slack) AS h
    ), summed AS (
        SELECT v.product_id, max(v.doubts) FILTER (WHERE v.level = 'review_needed') AS doubts,
               bool_or(v.level = 'golden' AND v.unmet = '{}') FILTER (WHERE v.channel IS NULL) AS is_golden,
               bool_or(v.level = 'silver' AND v.unmet = '{}') FILTER (WHERE v.channel IS NULL) AS is_silver,
               jsonb_object_agg(v.level, to_jsonb(v.unmet)) FILTER (WHERE v.channel IS NULL AND v.unmet <> '{}') AS unmet
          FROM verdict AS v GROUP BY v.product_id
    ), levelled AS (
        SELECT s.product_id, s.unmet, coalesce(s.doubts, '{}') AS doubts,
               CASE WHEN s.doubts <> '{}' THEN 'review_needed' WHEN s.is_golden THEN 'golden' WHEN s.is_silver THEN 'silver' ELSE 'bronze' END AS level,
               CASE WHEN s.is_golden THEN 3 WHEN s.is_silver THEN 2 ELSE 1 END AS rank
          FROM summed AS s
    ), channel AS (
        SELECT v.product_id, jsonb_object_agg(v.channel, v.is_ready) AS ready
          FROM (SELECT x.product_id, x.channel, bool_and(x.unmet = '{}' AND l.doubts = '{}' AND l.rank >= pim._level_rank(x.level)) AS is_ready
                  FROM verdict AS x JOIN levelled AS l ON l.product_id = x.product_id WHERE x.channel IS NOT NULL GROUP BY 1, 2) AS v
         GROUP BY 1
    )
    SELECT m.product_id, m.old_level, coalesce(l.level, 'bronze'), m.score, jsonb_strip_nulls(jsonb_build_object(
               'completeness', m.completeness, 'accuracy', m.accuracy, 'consistency', m.consistency, 'sources', m.sources,
               'missing', nullif(to_jsonb(m.missing), '[]'), 'conflicts', nullif(to_jsonb(m.conflicts), '[]'), 'violations', nullif(m.violations, '[]'),
               'weakest', nullif(m.weakest, '{}'), 'locales', nullif(m.locales, '{}'), 'unmet', l.unmet,
               'channels', (SELECT jsonb_object_agg(c.key, c.value || jsonb_build_object('ready', coalesce(h.ready -> c.key, to_jsonb(c.value -> 'missing' = '[]'))))
                              FROM jsonb_each(m.channels) AS c))),
           nullif(concat_ws('; ', 'fields wait: ' || nullif(array_to_string(array_remove(m.conflicts, 'identity'), ', '), ''),
                            'values against rules: ' || nullif(array_to_string(m.violated, ', '), ''),
                            CASE WHEN 'identity' = ANY (m.conflicts) THEN 'may be a duplicate' END), '')
      FROM measure AS m
      LEFT JOIN levelled AS l ON l.product_id = m.product_id
      LEFT JOIN channel AS h ON h.product_id = m.product_id
$$;
COMMENT ON FUNCTION pim._judged(uuid[]) IS
    'Measures of products held against the rules: the level that follows, the breakdown that is kept (with what keeps it from the next levels, and whether '
    'channels may take it), and what a person should look at. A level once had is kept within the rule''s hysteresis. Reads only, takes no locks. Raises: nothing of its own';

CREATE FUNCTION pim.score(p_product_ids uuid[], p_reason text DEFAULT 'auto_enrichment', p_user_id uuid DEFAULT NULL, p_job_id text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, app, pg_temp
AS $$
DECLARE
    v_checked integer;
    v_events  uuid[];
BEGIN
    PERFORM FROM neanelu.prod_master AS m WHERE m.id = ANY (p_product_ids) ORDER BY m.id FOR NO KEY UPDATE;
    WITH judged AS MATERIALIZED (
        SELECT j.*, m.quality_score AS old_score, m.needs_review AS old_needs_review, coalesce(m.review_notes, '') AS old_notes
          FROM pim._judged(p_product_ids) AS j JOIN neanelu.prod_master AS m ON m.id = j.product_id
    ), written AS (
        UPDATE neanelu.prod_master AS m
           SET data_quality_level = j.new_level, quality_score = j.score, quality_score_breakdown = j.breakdown, last_quality_check = app.now(),
               needs_review = j.doubts IS NOT NULL OR r.is_others, review_notes = CASE WHEN r.is_others THEN m.review_notes ELSE j.doubts END,
               promoted_to_silver_at = CASE WHEN j.new_level = 'silver' AND pim._level_rank(j.old_level) < 2 THEN app.now() ELSE m.promoted_to_silver_at END,
               promoted_to_golden_at = CASE WHEN j.new_level = 'golden' AND j.old_level <> 'golden' THEN app.now() ELSE m.promoted_to_golden_at END
          FROM judged AS j
          -- A reason that somebody else gave stays.
          JOIN LATERAL (SELECT j.old_needs_review AND j.old_notes !~ '^(fields wait: |values against rules: |may be a duplicate)' AS is_others) AS r ON true
         WHERE m.id = j.product_id
        RETURNING m.id
    ), told AS (
        INSERT INTO neanelu.prod_quality_events (product_id, event_type, previous_level, new_level, quality_score_before, quality_score_after,
                                                 trigger_reason, trigger_details, triggered_by, job_id)
        SELECT j.product_id, CASE WHEN j.new_level = 'review_needed' THEN 'review_requested'
                                  WHEN pim._level_rank(j.new_level) > pim._level_rank(j.old_level) THEN 'quality_promoted' ELSE 'quality_demoted' END,
               j.old_level, j.new_level, j.old_score, j.score, p_reason,
               jsonb_strip_nulls(jsonb_build_object('unmet', j.breakdown -> 'unmet', 'review', j.doubts)), p_user_id, p_job_id
          FROM judged AS j WHERE j.new_level <> j.old_level
         ORDER BY j.product_id
        RETURNING id
    )
    SELECT (SELECT count(*) FROM written), ARRAY(SELECT t.id FROM told AS t) INTO v_checked, v_events;
    IF v_events <> '{}' THEN
        PERFORM pim._announce(v_events);
    END IF;
    RETURN v_checked;
END
$$;
COMMENT ON FUNCTION pim.score(uuid[], text, uuid, text) IS
    'Computes score, breakdown and level of products, writes an event for each change of level and sees to it that it is told; returns how many were looked at. '
    'p_reason: auto_enrichment, manual_review, data_change or scheduled_check. Idempotent: without a change there is no event. Locks: the products, in the order '
    'of their ids. Raises: 23514 for another reason';

CREATE FUNCTION pim.rescore(p_limit integer DEFAULT 5000)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, app, pg_temp
AS $$
DECLARE
    v_before constant timestamptz := greatest(app.now() - make_interval(days => pim._quality_setting('recheck_days', 30)::integer),
                                              (SELECT max(r.updated_at) FROM neanelu.prod_quality_rules AS r));
BEGIN
    RETURN pim.score(ARRAY(SELECT m.id FROM neanelu.prod_master AS m
                            WHERE m.dedupe_status <> 'duplicate' AND (m.last_quality_check IS NULL OR m.last_quality_check < v_before)
                            ORDER BY m.last_quality_check NULLS FIRST LIMIT p_limit), 'scheduled_check');
END
$$;
COMMENT ON FUNCTION pim.rescore(integer) IS
    'pim.score of products that were not looked at for quality.recheck_days (30), or since a rule changed, the longest first; returns how many. Reads all golden '
    'records. Idempotent. Locks: as pim.score. Raises: nothing of its own';

GRANT EXECUTE ON FUNCTION pim.score(uuid[], text, uuid, text), pim.rescore(integer) TO neanelu_worker, neanelu_operator, neanelu_pim_editor;

COMMIT;
