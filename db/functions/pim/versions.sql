-- Deploy neanelu:functions/pim/versions to pg
-- requires: functions/pim/consensus
-- What was decided becomes the record: statuses of proposals, a new version where something changed, the columns of the golden record.

BEGIN;

SET LOCAL search_path = pim, neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._lock_products(p_product_ids uuid[])
RETURNS uuid[]
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(array_agg(l.id), '{}')
      FROM (SELECT m.id FROM neanelu.prod_master AS m WHERE m.id = ANY (p_product_ids) ORDER BY m.id FOR NO KEY UPDATE) AS l
$$;
COMMENT ON FUNCTION pim._lock_products(uuid[]) IS
    'Locks golden records in the order of their ids and returns those that exist. Every function that writes proposals or versions locks so, '
    'first. Locks: the records, FOR NO KEY UPDATE. Raises: nothing';

CREATE FUNCTION pim._statuses(p_votes pim.vote[], p_options pim.option[], p_outcomes pim.outcome[])
RETURNS TABLE (proposal_id uuid, status text, priority integer, is_challenge boolean, review_days integer, notes text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
    SELECT j.proposal_id,
           CASE WHEN j.is_refused THEN 'rejected'
                WHEN j.state = 'pending' AND j.is_whole THEN 'pending'
                WHEN j.state = 'approved' AND j.is_whole THEN CASE WHEN j.is_same AND j.place = 1 THEN 'approved' ELSE 'merged' END
                WHEN j.state = 'approved' AND j.taken > 0 THEN 'merged'
                WHEN j.state = 'approved' THEN 'rejected'
                WHEN j.state = 'decided' AND j.is_whole THEN 'merged'
                WHEN j.state = 'decided' AND j.created_at <= j.decided_at OR j.expires_at <= now() THEN 'rejected'
                ELSE 'pending' END,
           round(j.importance * (1 - greatest(coalesce(j.margin, 0), 0)))::integer,
           NOT (j.state = 'pending' AND j.is_whole), j.review_days,
           CASE WHEN j.is_refused THEN 'a person rejected this value'
                WHEN j.expires_at <= now() AND j.state <> 'approved' THEN 'lapsed: nobody decided in time'
                WHEN j.state = 'decided' AND j.taken < j.parts AND j.created_at <= j.decided_at THEN 'a person decided otherwise'
                WHEN j.state = 'decided' AND j.taken < j.parts THEN 'came after a person''s decision'
                WHEN j.state = 'approved' AND j.taken = 0 THEN format('lost by rule %s, confidence of the other %s', j.rule, j.sure)
                WHEN j.state = 'approved' AND j.taken < j.parts THEN format('taken in part: %s of %s', j.taken, j.parts)
                WHEN j.state IN ('pending', 'open') THEN format('confidence %s, ahead by %s: a person should look', j.sure, j.margin) END
      FROM (SELECT v.*, o.status AS state, o.margin, o.importance, o.review_days AS review_days, o.decided_at, o.rule, o.confidence AS sure, v.value = o.value AS is_same,
                   coalesce(t.parts, 0) AS parts, coalesce(t.taken, 0) AS taken, coalesce(t.parts = t.taken, false) AS is_whole,
                   row_number() OVER (PARTITION BY v.product_id, v.field_path
                                      ORDER BY v.value = o.value DESC NULLS LAST, v.weight DESC, v.priority DESC, v.observed_at DESC, v.proposal_id) AS place
              FROM unnest(p_votes) AS v
              JOIN unnest(p_outcomes) AS o ON o.product_id = v.product_id AND o.field_path = v.field_path
              LEFT JOIN (SELECT p.id, count(*) AS parts, count(*) FILTER (WHERE q.is_taken) AS taken
                           FROM unnest(p_options) AS q CROSS JOIN LATERAL unnest(q.proposals) AS p (id) GROUP BY p.id) AS t ON t.id = v.proposal_id
             WHERE NOT v.is_own) AS j
$$;
COMMENT ON FUNCTION pim._statuses(pim.vote[], pim.option[], pim.outcome[]) IS
    'What becomes of each vote''s proposal, and why. Proposals that a person decided about are left out. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._settle_proposals(p_votes vote[], p_options option[], p_outcomes outcome[])
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pim, neanelu, pg_catalog, pg_temp
AS $$
DECLARE
    v_count integer;
BEGIN
    UPDATE neanelu.prod_proposals AS p
       SET proposal_status = s.status, auto_approved = s.status = 'approved', priority = CASE s.status WHEN 'pending' THEN s.priority ELSE 0 END,
           reviewed_by = NULL, reviewed_at = CASE WHEN s.status <> 'pending' THEN coalesce(p.reviewed_at, now()) END, review_notes = s.notes,
           expires_at = CASE WHEN s.status = 'pending' AND s.is_challenge THEN coalesce(p.expires_at, now() + s.review_days * interval '1 day')
                             WHEN s.status = 'rejected' AND p.expires_at <= now() THEN p.expires_at END,
           updated_at = now()
      FROM pim._statuses(p_votes, p_options, p_outcomes) AS s
     WHERE p.id = s.proposal_id
       AND (p.proposal_status <> s.status OR p.auto_approved <> (s.status = 'approved')
            OR p.priority <> CASE s.status WHEN 'pending' THEN s.priority ELSE 0 END);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION pim._settle_proposals(pim.vote[], pim.option[], pim.outcome[]) IS
    'Gives the proposals their status; returns how many changed. The caller has locked the golden records. Raises: nothing';

CREATE FUNCTION pim._field_entries(p_outcomes pim.outcome[])
RETURNS TABLE (product_id uuid, field_path text, spec jsonb, raw jsonb, entry jsonb, is_waiting boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT o.product_id, o.field_path,
           CASE WHEN o.field_path LIKE 'specs.%' AND o.value IS NOT NULL
                THEN CASE WHEN jsonb_typeof(o.value) = 'object' AND o.value ? 'value' THEN o.value ELSE jsonb_build_object('value', o.value) END END,
           CASE WHEN o.field_path LIKE 'specs.%' AND o.value IS NOT NULL THEN o.raw END,
           jsonb_strip_nulls(jsonb_build_object('rule', o.rule, 'status', o.status, 'confidence', o.confidence, 'margin', o.margin,
               'sources', to_jsonb(o.sources), 'sessions', to_jsonb(o.sessions), 'proposals', to_jsonb(o.proposals),
               'reviewer', o.reviewer, 'decision', o.decision_id, 'decided_at', o.decided_at, 'alternatives', o.alternatives))
           || CASE WHEN o.field_path NOT LIKE 'specs.%' AND o.value IS NOT NULL THEN jsonb_build_object('value', o.value) ELSE '{}' END,
           o.status IN ('pending', 'open')
      FROM unnest(p_outcomes) AS o
$$;
COMMENT ON FUNCTION pim._field_entries(pim.outcome[]) IS
    'The outcomes as prod_specs_normalized keeps them. Values of the main fields stand in the provenance. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._lasting(p_provenance jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_object_agg(e.key, e.value - '{decided_at,sessions,proposals}'::text[]), '{}') FROM jsonb_each(p_provenance) AS e
$$;
COMMENT ON FUNCTION pim._lasting(jsonb) IS
    'A provenance without what changes when a source only says the same again. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._next_versions(p_product_ids uuid[], p_outcomes pim.outcome[])
RETURNS SETOF neanelu.prod_specs_normalized
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
    WITH entries AS (SELECT f.* FROM pim._field_entries(p_outcomes) AS f),
    current AS MATERIALIZED (SELECT c.* FROM neanelu.prod_specs_normalized AS c WHERE c.product_id = ANY (p_product_ids) AND c.is_current),
    dated AS (
        -- What stays as it was was decided when it was.
        SELECT e.product_id, e.field_path, e.spec, e.raw, e.is_waiting,
               e.entry || jsonb_build_object('decided_at', coalesce(e.entry -> 'decided_at',
                   CASE WHEN (e.entry - '{decided_at,sessions,proposals}'::text[]) = (c.provenance -> e.field_path) - '{decided_at,sessions,proposals}'::text[]
                             AND e.spec IS NOT DISTINCT FROM c.specs -> substr(e.field_path, 7)
                        THEN c.provenance -> e.field_path -> 'decided_at' ELSE to_jsonb(statement_timestamp()) END)) AS entry
          FROM entries AS e LEFT JOIN current AS c ON c.product_id = e.product_id),
    next AS (
        SELECT d.product_id, coalesce(jsonb_object_agg(substr(d.field_path, 7), d.spec) FILTER (WHERE d.spec IS NOT NULL), '{}') AS specs,
               jsonb_object_agg(substr(d.field_path, 7), d.raw) FILTER (WHERE d.raw IS NOT NULL) AS raw_specs,
               jsonb_object_agg(d.field_path, d.entry) AS provenance, bool_or(d.is_waiting) AS needs_review,
               left('waits for review: ' || string_agg(d.field_path, ', ' ORDER BY d.field_path) FILTER (WHERE d.is_waiting), 100) AS review_reason
          FROM dated AS d GROUP BY d.product_id)
    SELECT uuidv7(), n.product_id, n.specs, n.raw_specs, n.provenance, coalesce(c.version, 0) + 1, true, n.needs_review, n.review_reason::varchar(100),
           clock_timestamp(), clock_timestamp()
      FROM next AS n LEFT JOIN current AS c ON c.product_id = n.product_id
     WHERE c.id IS NULL OR n.specs <> c.specs OR n.raw_specs IS DISTINCT FROM c.raw_specs OR pim._lasting(n.provenance) <> pim._lasting(c.provenance)
$$;
COMMENT ON FUNCTION pim._next_versions(uuid[], pim.outcome[]) IS
    'The versions to write: of the products whose record differs from the current version. Sources that say the same again make none. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._write_versions(p_product_ids uuid[], p_outcomes outcome[])
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pim, neanelu, pg_catalog, pg_temp
AS $$
DECLARE
    v_versions prod_specs_normalized[] := (SELECT array_agg(n) FROM pim._next_versions(p_product_ids, p_outcomes) AS n);
BEGIN
    UPDATE neanelu.prod_specs_normalized AS c SET is_current = false, updated_at = clock_timestamp()
     WHERE c.product_id = ANY (ARRAY(SELECT v.product_id FROM unnest(v_versions) AS v)) AND c.is_current;
    INSERT INTO neanelu.prod_specs_normalized SELECT v.* FROM unnest(v_versions) AS v;
    RETURN coalesce(cardinality(v_versions), 0);
END
$$;
COMMENT ON FUNCTION pim._write_versions(uuid[], pim.outcome[]) IS
    'Writes a version where the record changed; returns how many. The caller has locked the golden records. '
    'Raises: 23505 (idx_specs_current) if it has not';

CREATE FUNCTION pim._text_of(p_value jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(pim._inner(p_value)) WHEN 'array' THEN pim._inner(p_value) ->> 0 WHEN 'object' THEN NULL WHEN 'null' THEN NULL
            ELSE nullif(pim._inner(p_value) #>> '{}', '') END;
COMMENT ON FUNCTION pim._text_of(jsonb) IS
    'A value as a column of text: of a list the first. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._category_of(p_value text)
RETURNS uuid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT t.id FROM neanelu.prod_taxonomy AS t WHERE t.shopify_taxonomy_id = p_value),
                    (SELECT t.id FROM neanelu.prod_taxonomy AS t WHERE t.slug = lower(p_value)),
                    (SELECT t.id FROM neanelu.prod_taxonomy AS t
                      WHERE t.id = CASE WHEN p_value ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN p_value::uuid END))
$$;
COMMENT ON FUNCTION pim._category_of(text) IS
    'Category of a value of the field category: its id at Shopify, its slug, or our id; NULL for none. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._main_fields(p_outcomes pim.outcome[])
RETURNS TABLE (product_id uuid, fields text[], title text, brand text, manufacturer text, mpn text, gtin text, category text, waiting text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT o.product_id, array_agg(o.field_path), max(pim._text_of(o.value)) FILTER (WHERE o.field_path = 'title'),
           left(max(pim._text_of(o.value)) FILTER (WHERE o.field_path = 'brand'), 255),
           left(max(pim._text_of(o.value)) FILTER (WHERE o.field_path = 'manufacturer'), 255),
           left(max(pim._text_of(o.value)) FILTER (WHERE o.field_path = 'mpn'), 100),
           max(pim._text_of(o.value)) FILTER (WHERE o.field_path = 'gtin' AND pim._text_of(o.value) ~ '^[0-9]{14}$'),
           max(pim._text_of(o.value)) FILTER (WHERE o.field_path = 'category'),
           string_agg(o.field_path, ', ' ORDER BY o.field_path) FILTER (WHERE o.status IN ('pending', 'open'))
      FROM unnest(p_outcomes) AS o
     GROUP BY o.product_id
$$;
COMMENT ON FUNCTION pim._main_fields(pim.outcome[]) IS
    'The outcomes as columns of golden records, the fields decided, and those that wait. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._primary_sources(p_outcomes pim.outcome[])
RETURNS TABLE (product_id uuid, source_id uuid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT ON (c.product_id) c.product_id, c.source_id
      FROM (SELECT o.product_id, s.id AS source_id, count(*) AS fields
              FROM unnest(p_outcomes) AS o CROSS JOIN LATERAL unnest(o.sources) AS s (id) GROUP BY o.product_id, s.id) AS c
      JOIN neanelu.prod_sources AS p ON p.id = c.source_id
     ORDER BY c.product_id, c.fields DESC, p.priority DESC, p.trust_score DESC, p.name
$$;
COMMENT ON FUNCTION pim._primary_sources(pim.outcome[]) IS
    'Which source is behind most fields of each product. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._came_from_sources(p_product_id uuid, p_field_path text)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM neanelu.prod_specs_normalized AS s WHERE s.product_id = p_product_id AND s.provenance ? p_field_path)
$$;
COMMENT ON FUNCTION pim._came_from_sources(uuid, text) IS
    'Whether a field of a golden record was ever decided: it goes when nobody says anything of it any more. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._write_masters(p_outcomes outcome[])
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE
SET search_path = pim, neanelu, pg_catalog, pg_temp
AS $$
DECLARE
    v_recategorised uuid[];
BEGIN
    WITH wanted AS (
        SELECT m.id, m.taxonomy_id AS old_taxonomy_id, coalesce(f.title, m.canonical_title) AS canonical_title,
               CASE WHEN 'brand' = ANY (f.fields) THEN f.brand WHEN m.brand IS NOT NULL AND NOT pim._came_from_sources(m.id, 'brand') THEN m.brand END AS brand,
               CASE WHEN 'manufacturer' = ANY (f.fields) THEN f.manufacturer WHEN m.manufacturer IS NOT NULL AND NOT pim._came_from_sources(m.id, 'manufacturer') THEN m.manufacturer END AS manufacturer,
               CASE WHEN 'mpn' = ANY (f.fields) THEN f.mpn WHEN m.mpn IS NOT NULL AND NOT pim._came_from_sources(m.id, 'mpn') THEN m.mpn END AS mpn,
               CASE WHEN 'gtin' = ANY (f.fields) THEN f.gtin WHEN m.gtin IS NOT NULL AND NOT pim._came_from_sources(m.id, 'gtin') THEN m.gtin END AS gtin,
               CASE WHEN f.category IS NULL THEN m.taxonomy_id ELSE coalesce(pim._category_of(f.category), m.taxonomy_id) END AS taxonomy_id,
               coalesce(s.source_id, m.primary_source_id) AS primary_source_id,
               -- Another reason to look at it, given by somebody else, stays.
               f.waiting IS NOT NULL OR m.needs_review AND m.review_notes NOT LIKE 'fields wait: %' AS needs_review,
               CASE WHEN m.needs_review AND m.review_notes NOT LIKE 'fields wait: %' THEN m.review_notes ELSE 'fields wait: ' || f.waiting END AS review_notes
          FROM pim._main_fields(p_outcomes) AS f
          JOIN neanelu.prod_master AS m ON m.id = f.product_id
          LEFT JOIN pim._primary_sources(p_outcomes) AS s ON s.product_id = f.product_id),
    written AS (
        UPDATE neanelu.prod_master AS m
           SET canonical_title = w.canonical_title, brand = w.brand, manufacturer = w.manufacturer, mpn = w.mpn, gtin = w.gtin,
               taxonomy_id = w.taxonomy_id, primary_source_id = w.primary_source_id, needs_review = coalesce(w.needs_review, false),
               review_notes = w.review_notes, updated_at = now()
          FROM wanted AS w
         WHERE m.id = w.id
           AND (m.canonical_title, m.brand, m.manufacturer, m.mpn, m.gtin, m.taxonomy_id, m.primary_source_id, m.needs_review, m.review_notes)
               IS DISTINCT FROM (w.canonical_title, w.brand, w.manufacturer, w.mpn, w.gtin, w.taxonomy_id, w.primary_source_id,
                                 coalesce(w.needs_review, false), w.review_notes)
        RETURNING m.id, m.taxonomy_id, w.old_taxonomy_id)
    SELECT array_agg(w.id) INTO v_recategorised FROM written AS w WHERE w.taxonomy_id IS DISTINCT FROM w.old_taxonomy_id;
    RETURN coalesce(v_recategorised, '{}');
END
$$;
COMMENT ON FUNCTION pim._write_masters(pim.outcome[]) IS
    'Writes decided fields into the columns of golden records; returns those whose category changed. A title is never emptied; '
    'what was decided once and nobody says any more goes. '
    'The caller has locked the golden records. Raises: nothing';

CREATE FUNCTION pim._decide(p_product_ids uuid[], p_is_again boolean)
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pim, neanelu, pg_catalog, pg_temp
AS $$
DECLARE
    v_votes vote[] := (SELECT array_agg(v) FROM pim._votes(p_product_ids) AS v);
    v_options option[] := (SELECT array_agg(o) FROM pim._tally(v_votes) AS o);
    v_outcomes outcome[];
    v_count integer;
    v_again uuid[];
BEGIN
    v_options := (SELECT array_agg(o) FROM pim._heed_decisions(p_product_ids, v_options) AS o);
    v_outcomes := (SELECT array_agg(o) FROM pim._outcomes(p_product_ids, v_votes, v_options) AS o);
    PERFORM pim._settle_proposals(v_votes, v_options, v_outcomes);
    v_count := pim._write_versions(p_product_ids, v_outcomes);
    v_again := pim._write_masters(v_outcomes);
    -- Rules hang on the category: a record that changed it is decided once more, by the rules of the new one.
    IF cardinality(v_again) > 0 AND NOT p_is_again
       AND EXISTS (SELECT FROM neanelu.prod_survivorship_rules AS r WHERE r.taxonomy_id IS NOT NULL AND r.is_active) THEN
        PERFORM pim._decide(v_again, true);
    END IF;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION pim._decide(uuid[], boolean) IS
    'pim.decide after the locks; p_is_again: for the second time, after a change of category. Raises: nothing';

CREATE FUNCTION pim.decide(p_product_ids uuid[])
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pim, neanelu, pg_catalog, pg_temp
AS $$
DECLARE
    v_product_ids constant uuid[] := pim._lock_products(p_product_ids);
BEGIN
    IF cardinality(v_product_ids) = 0 THEN
        RETURN 0;
    END IF;
    RETURN pim._decide(v_product_ids, false);
END
$$;
COMMENT ON FUNCTION pim.decide(uuid[]) IS
    'Consensus: decides every field of the golden records from their proposals, the rules and people''s decisions; writes statuses of proposals, '
    'a new version where the record changed, and the columns of prod_master. Returns how many products got a version. Idempotent: again, without '
    'news, changes nothing; the order in which proposals came does not matter. Unknown ids are left out. '
    'Locks: the golden records, in the order of their ids. Raises: nothing';

CREATE FUNCTION pim.as_of(p_product_id uuid, p_at timestamptz)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('product_id', v.product_id, 'version', v.version, 'since', v.created_at,
               'fields', coalesce((SELECT jsonb_object_agg(e.key, e.value -> 'value') FROM jsonb_each(v.provenance) AS e WHERE e.value ? 'value'), '{}'),
               'specs', v.specs, 'raw_specs', v.raw_specs, 'provenance', v.provenance)
      FROM neanelu.prod_specs_normalized AS v
     WHERE v.product_id = p_product_id AND v.created_at <= p_at
     ORDER BY v.version DESC
     LIMIT 1
$$;
COMMENT ON FUNCTION pim.as_of(uuid, timestamptz) IS
    'The record as it was at a time: {"product_id", "version", "since", "fields", "specs", "raw_specs", "provenance"}; NULL before its first version. '
    'Writes nothing, takes no locks. Raises: nothing';

GRANT EXECUTE ON FUNCTION pim.decide(uuid[]) TO neanelu_worker, neanelu_pim_editor, neanelu_operator;
GRANT EXECUTE ON FUNCTION pim.as_of(uuid, timestamptz) TO neanelu_worker, neanelu_pim_editor, neanelu_analyst, neanelu_operator;

COMMIT;
