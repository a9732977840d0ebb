-- Deploy neanelu:functions/pim/factory_report to pg
-- requires: functions/pim/process
-- requires: functions/pim/explain
-- What the factory has made, what waits for it and for people.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, pim, extensions, pg_temp;

CREATE FUNCTION pim._counts_of(p_table regclass, p_column name) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_counts jsonb;
BEGIN
    EXECUTE format('SELECT coalesce(jsonb_object_agg(c.value, c.total), ''{}'')
                      FROM (SELECT t.%I::text AS value, count(*) AS total FROM %s AS t GROUP BY 1) AS c', p_column, p_table) INTO v_counts;
    RETURN v_counts;
END
$$;
COMMENT ON FUNCTION pim._counts_of(regclass, name) IS 'How many rows of a table have each value of a column. Reads all of it. Takes no locks. Raises: nothing';

CREATE FUNCTION pim.factory_status() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT jsonb_build_object(
        'documents', (SELECT count(*) FROM neanelu.prod_raw_harvest AS h WHERE h.processing_status = 'pending'),
        'readings', (SELECT count(*) FROM neanelu.factory_sessions AS f WHERE f.failed_at IS NULL AND f.product_id IS NULL),
        'products', (SELECT count(DISTINCT f.product_id) FROM neanelu.factory_products AS f WHERE f.failed_at IS NULL),
        'oldest', (SELECT least((SELECT min(f.queued_at) FROM neanelu.factory_sessions AS f WHERE f.failed_at IS NULL),
                                (SELECT min(f.queued_at) FROM neanelu.factory_products AS f WHERE f.failed_at IS NULL))),
        'failed', (SELECT count(*) FROM neanelu.factory_sessions AS f WHERE f.failed_at IS NOT NULL)
                  + (SELECT count(*) FROM neanelu.factory_products AS f WHERE f.failed_at IS NOT NULL),
        'last_error', (SELECT f.error_code || ': ' || f.error_message
                         FROM (SELECT s.failed_at, s.error_code, s.error_message FROM neanelu.factory_sessions AS s WHERE s.failed_at IS NOT NULL
                               UNION ALL
                               SELECT p.failed_at, p.error_code, p.error_message FROM neanelu.factory_products AS p WHERE p.failed_at IS NOT NULL) AS f
                        ORDER BY f.failed_at DESC LIMIT 1))
$$;
COMMENT ON FUNCTION pim.factory_status() IS
    'What waits for pim.process: documents to read, readings to take in, golden records to finish, since when, and how many were set aside. '
    'Takes no locks. Raises: nothing';

CREATE FUNCTION pim._factory_sources() RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, pg_temp
AS $$
    WITH read AS (
        SELECT h.source_id, count(DISTINCT (h.id, h.fetched_at)) AS documents, count(s.id) AS readings
          FROM neanelu.prod_raw_harvest AS h
          LEFT JOIN neanelu.prod_extraction_sessions AS s ON s.harvest_id = h.id AND s.error_message IS NULL
         GROUP BY h.source_id
    ), voted AS (
        SELECT p.source_id, count(DISTINCT p.product_id) AS products, count(*) FILTER (WHERE p.field_path LIKE 'specs.%') AS votes,
               count(*) FILTER (WHERE p.field_path LIKE 'specs.%' AND p.proposal_status IN ('approved', 'merged')) AS won
          FROM neanelu.prod_proposals AS p WHERE p.proposal_status <> 'superseded'
         GROUP BY p.source_id
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object('name', s.name, 'type', s.source_type, 'trust', s.trust_score, 'documents', r.documents,
               'readings', r.readings, 'products', coalesce(v.products, 0), 'votes', coalesce(v.votes, 0), 'won', coalesce(v.won, 0))
               ORDER BY s.priority DESC, s.name), '[]')
      FROM neanelu.prod_sources AS s
      JOIN read AS r ON r.source_id = s.id
      LEFT JOIN voted AS v ON v.source_id = s.id
$$;
COMMENT ON FUNCTION pim._factory_sources() IS
    'Sources that said something: documents, readings, products they speak of, votes about attributes, and how many of these agree with what was decided. '
    'Reads documents and proposals whole. Takes no locks. Raises: nothing';

CREATE FUNCTION pim.factory_report() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT jsonb_build_object(
        'sources', pim._factory_sources(),
        'waiting', pim.factory_status(),
        'documents', pim._counts_of('neanelu.prod_raw_harvest', 'processing_status'),
        'readings', pim._counts_of('neanelu.prod_extraction_sessions', 'agent_version'),
        'levels', (SELECT coalesce(jsonb_object_agg(l.level, l.total), '{}')
                     FROM (SELECT m.data_quality_level AS level, count(*) AS total FROM neanelu.prod_master AS m
                            WHERE m.dedupe_status <> 'duplicate' GROUP BY 1) AS l),
        'products', (SELECT count(*) FROM neanelu.prod_master AS m WHERE m.dedupe_status <> 'duplicate'),
        'duplicates', (SELECT count(*) FROM neanelu.prod_master AS m WHERE m.dedupe_status = 'duplicate'),
        'said_by_several', (SELECT count(*) FROM (SELECT p.product_id FROM neanelu.prod_proposals AS p GROUP BY 1 HAVING count(DISTINCT p.source_id) > 1) AS s),
        'proposals', pim._counts_of('neanelu.prod_proposals', 'proposal_status'),
        'clusters', pim._counts_of('neanelu.prod_dedupe_clusters', 'status'),
        'versions', (SELECT count(*) FROM neanelu.prod_specs_normalized),
        'linked', (SELECT count(*) FROM neanelu.prod_channel_mappings AS c WHERE c.channel = 'shopify'),
        'names_proposed', (SELECT count(*) FROM neanelu.prod_attr_synonyms AS s WHERE NOT s.is_approved))
$$;
COMMENT ON FUNCTION pim.factory_report() IS
    'The factory in numbers: sources, documents, readings, golden records by level, merged duplicates, proposals and clusters by status, products of shops '
    'that are linked, names of attributes that wait for a person. Reads tables whole: seconds at a million records. Takes no locks. Raises: nothing';

CREATE FUNCTION pim.most_disputed(p_limit integer DEFAULT 1) RETURNS TABLE (product_id uuid, field_path text, claims integer, sources integer)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT p.product_id, p.field_path, count(DISTINCT p.proposed_value)::integer, count(DISTINCT p.source_id)::integer
      FROM neanelu.prod_proposals AS p
      JOIN neanelu.prod_master AS m ON m.id = p.product_id AND m.dedupe_status <> 'duplicate'
     WHERE p.field_path LIKE 'specs.%' AND p.proposal_status <> 'superseded'
     GROUP BY p.product_id, p.field_path
    HAVING count(DISTINCT p.proposed_value) > 1 AND bool_or(p.proposal_status IN ('approved', 'merged'))
     ORDER BY count(DISTINCT p.source_id) DESC, count(DISTINCT p.proposed_value), p.product_id, p.field_path
     LIMIT p_limit
$$;
COMMENT ON FUNCTION pim.most_disputed(integer) IS
    'Decided attributes about which sources disagree, those first that most sources speak of. Reads proposals whole. Takes no locks. Raises: nothing';

REVOKE EXECUTE ON FUNCTION
    pim._counts_of(regclass, name), pim.factory_status(), pim._factory_sources(), pim.factory_report(), pim.most_disputed(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pim.factory_status(), pim.factory_report(), pim.most_disputed(integer)
    TO neanelu_operator, neanelu_pim_editor, neanelu_analyst;

COMMIT;
