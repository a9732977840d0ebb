-- Deploy neanelu:functions/pim/proposals to pg
-- requires: functions/pim/versions
-- What readings of documents say becomes proposals: one a source and field counts, its newest.

BEGIN;

SET LOCAL search_path = neanelu, pim, normalise, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._said(p_session_ids uuid[], p_product_ids uuid[])
RETURNS SETOF prod_proposals
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    RETURN QUERY
    WITH fields AS MATERIALIZED (
        SELECT s.product_id, f.session_id, f.source_id, f.field_path, f.value, f.raw, f.confidence, e.harvest_fetched_at, m.taxonomy_id
          FROM unnest(p_session_ids, p_product_ids) AS s (session_id, product_id)
          JOIN normalise.session_fields(p_session_ids) AS f ON f.session_id = s.session_id
          JOIN neanelu.prod_extraction_sessions AS e ON e.id = s.session_id
          JOIN neanelu.prod_master AS m ON m.id = s.product_id
         WHERE f.field_path IS NOT NULL),
    ruled AS MATERIALIZED (
        SELECT r.taxonomy_id, r.field_path, s.value_kind
          FROM pim._rules((SELECT array_agg(DISTINCT f.taxonomy_id) FROM fields AS f), (SELECT array_agg(DISTINCT f.field_path) FROM fields AS f)) AS r
          JOIN neanelu.prod_survivorship_rules AS s ON s.id = r.rule_id),
    -- Names of persons are read from what the source wrote: what splits other lists cuts them in two. Each writing once.
    names AS MATERIALIZED (
        SELECT d.raw, to_jsonb(normalise.person_names(d.raw)) AS persons
          FROM (SELECT DISTINCT coalesce(f.raw, f.value) AS raw
                  FROM fields AS f JOIN ruled AS r ON r.field_path = f.field_path AND r.taxonomy_id IS NOT DISTINCT FROM f.taxonomy_id
                 WHERE r.value_kind = 'persons') AS d),
    read AS MATERIALIZED (
        SELECT f.*, CASE WHEN r.value_kind = 'persons' THEN n.persons ELSE f.value END AS said
          FROM fields AS f
          JOIN ruled AS r ON r.field_path = f.field_path AND r.taxonomy_id IS NOT DISTINCT FROM f.taxonomy_id
          LEFT JOIN names AS n ON r.value_kind = 'persons' AND n.raw = coalesce(f.raw, f.value))
    SELECT DISTINCT ON (r.product_id, r.field_path, r.source_id, r.session_id)
           uuidv7(), r.product_id, r.field_path, NULL::jsonb, r.said, r.session_id, r.source_id, least(greatest(r.confidence, 0), 1)::numeric(3,2),
           'pending'::varchar(20), 0, NULL::uuid, NULL::timestamptz, NULL::text, false, NULL::timestamptz, r.raw, r.harvest_fetched_at, now(), now()
      FROM read AS r
     WHERE jsonb_typeof(pim._inner(r.said)) <> 'null' AND pim._inner(r.said) NOT IN ('""', '[]', '{}')
     ORDER BY r.product_id, r.field_path, r.source_id, r.session_id, r.confidence DESC NULLS LAST, r.said::text COLLATE "C";
END
$$;
COMMENT ON FUNCTION pim._said(uuid[], uuid[]) IS
    'The fields of readings as proposals that are not stored yet. Fields without an attribute and empty values are left out. '
    'Writes what normalise.session_fields remembers of new names. Raises: nothing of its own';

CREATE FUNCTION pim._refresh_proposals(p_said neanelu.prod_proposals[])
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    -- A source that says the same again has newer evidence for it.
    UPDATE neanelu.prod_proposals AS p
       SET observed_at = s.observed_at, extraction_session_id = s.extraction_session_id, confidence_score = s.confidence_score,
           raw_value = s.raw_value, updated_at = now()
      FROM (SELECT DISTINCT ON (u.product_id, u.field_path, u.source_id) u.*
              FROM unnest(p_said) AS u
             ORDER BY u.product_id, u.field_path, u.source_id, u.observed_at DESC, u.extraction_session_id DESC) AS s
     WHERE p.product_id = s.product_id AND p.field_path = s.field_path AND p.source_id = s.source_id
       AND p.proposal_status <> 'superseded' AND p.proposed_value = s.proposed_value
       AND (p.observed_at, p.extraction_session_id) < (s.observed_at, s.extraction_session_id)
$$;
COMMENT ON FUNCTION pim._refresh_proposals(neanelu.prod_proposals[]) IS
    'Marks standing proposals of the same source and value as seen again. The caller has locked the golden records. Raises: nothing';

CREATE FUNCTION pim._store_proposals(p_said neanelu.prod_proposals[])
RETURNS integer
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH stored AS (
    INSERT INTO neanelu.prod_proposals
        (id, product_id, field_path, current_value, proposed_value, extraction_session_id, source_id, confidence_score, raw_value, observed_at)
    SELECT s.id, s.product_id, s.field_path,
           CASE WHEN s.field_path LIKE 'specs.%' THEN c.specs -> substr(s.field_path, 7) ELSE c.provenance -> s.field_path -> 'value' END,
           s.proposed_value, s.extraction_session_id, s.source_id, s.confidence_score, s.raw_value, s.observed_at
      FROM unnest(p_said) AS s
      LEFT JOIN neanelu.prod_specs_normalized AS c ON c.product_id = s.product_id AND c.is_current
     -- Known already: this reading, or the same value from a reading as new.
     WHERE NOT EXISTS (
            SELECT FROM neanelu.prod_proposals AS p
             WHERE p.product_id = s.product_id AND p.field_path = s.field_path AND p.source_id = s.source_id
               AND (p.extraction_session_id = s.extraction_session_id
                    OR p.proposal_status <> 'superseded' AND p.proposed_value = s.proposed_value AND p.observed_at >= s.observed_at))
    RETURNING 1)
    SELECT count(*)::integer FROM stored
$$;
COMMENT ON FUNCTION pim._store_proposals(neanelu.prod_proposals[]) IS
    'Stores what is not known yet; returns how many. The caller has locked the golden records. Raises: 23503, 23514 (a field that is none)';

CREATE FUNCTION pim._supersede_proposals(p_product_ids uuid[])
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE neanelu.prod_proposals AS p
       SET proposal_status = 'superseded', auto_approved = false, priority = 0, expires_at = NULL,
           review_notes = 'the same source says something newer', updated_at = now()
      FROM (SELECT q.id, row_number() OVER (PARTITION BY q.product_id, q.field_path, q.source_id
                                            ORDER BY q.observed_at DESC, q.extraction_session_id DESC NULLS LAST, q.id DESC) AS age
              FROM neanelu.prod_proposals AS q
             WHERE q.product_id = ANY (p_product_ids) AND q.source_id IS NOT NULL AND q.proposal_status <> 'superseded') AS a
     WHERE p.id = a.id AND a.age > 1
       -- What a person decided about keeps its mark.
       AND NOT EXISTS (SELECT FROM neanelu.prod_field_decisions AS d WHERE d.proposal_id = p.id AND d.replaced_at IS NULL AND d.withdrawn_at IS NULL)
$$;
COMMENT ON FUNCTION pim._supersede_proposals(uuid[]) IS
    'Supersedes all but the newest proposal of each source for each field, by when the source said so, not by when it arrived. '
    'The caller has locked the golden records. Raises: nothing';

CREATE FUNCTION pim.propose(p_session_ids uuid[], p_product_ids uuid[])
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_catalog, pg_temp
AS $$
DECLARE
    v_product_ids uuid[];
    v_said prod_proposals[];
    v_count integer;
BEGIN
    IF coalesce(cardinality(p_session_ids), 0) <> coalesce(cardinality(p_product_ids), 0) THEN
        RAISE EXCEPTION '% readings for % golden records', cardinality(p_session_ids), cardinality(p_product_ids) USING ERRCODE = 'NC008';
    END IF;
    v_product_ids := pim._lock_products(p_product_ids);
    IF EXISTS (SELECT FROM unnest(p_product_ids) AS p (id) WHERE p.id <> ALL (v_product_ids)) THEN
        RAISE EXCEPTION 'some of the golden records do not exist' USING ERRCODE = 'NC002';
    END IF;
    v_said := (SELECT array_agg(s) FROM pim._said(p_session_ids, p_product_ids) AS s);
    PERFORM pim._refresh_proposals(v_said);
    v_count := pim._store_proposals(v_said);
    PERFORM pim._supersede_proposals(v_product_ids);
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION pim.propose(uuid[], uuid[]) IS
    'Turns readings of documents into proposals for golden records (parallel arrays), fields and values as normalise.session_fields gives them. '
    'A newer value of the same source supersedes its older one, whichever arrives first; older ones are kept as evidence. Returns how many were '
    'stored. Idempotent. Locks: the golden records, in the order of their ids. Raises: NC002 no such golden record, NC008 arrays of two lengths';

CREATE FUNCTION pim.expire_proposals(p_limit integer DEFAULT 10000)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count integer;
BEGIN
    WITH due AS (
        SELECT p.id FROM neanelu.prod_proposals AS p
         WHERE p.proposal_status = 'pending' AND p.expires_at <= now()
         ORDER BY p.expires_at, p.id LIMIT p_limit FOR UPDATE SKIP LOCKED)
    UPDATE neanelu.prod_proposals AS p
       SET proposal_status = 'rejected', priority = 0, reviewed_at = now(), review_notes = 'lapsed: nobody decided in time', updated_at = now()
      FROM due AS d WHERE p.id = d.id;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION pim.expire_proposals(integer) IS
    'Rejects challenges that nobody decided about in time; what is in force stays. They still count as votes. Returns how many. Idempotent. '
    'Locks: the proposals, skipping locked ones. Raises: nothing';

GRANT EXECUTE ON FUNCTION pim.propose(uuid[], uuid[]) TO neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION pim.expire_proposals(integer) TO neanelu_worker, neanelu_operator;

COMMIT;
