-- Deploy neanelu:functions/pim/explain to pg
-- requires: functions/pim/review
-- Why a value is what it is.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._snippet(p_snippets jsonb, p_field_path text, p_raw jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(p_snippets ->> p_field_path, p_snippets ->> substr(p_field_path, 7),
                    (SELECT s.value FROM jsonb_each_text(CASE jsonb_typeof(p_snippets) WHEN 'object' THEN p_snippets ELSE '{}' END) AS s
                      WHERE strpos(s.value, p_raw #>> '{}') > 0 ORDER BY length(s.value), s.key LIMIT 1))
$$;
COMMENT ON FUNCTION pim._snippet(jsonb, text, jsonb) IS
    'The passage that a field rests on: named after it, or else the shortest one with the raw value in it. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._votes_told(p_product_id uuid, p_field_path text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'source', s.name, 'source_id', p.source_id, 'value', p.proposed_value, 'raw', p.raw_value, 'status', p.proposal_status, 'notes', p.review_notes,
               'trust', v.trust, 'confidence', coalesce(v.confidence, p.confidence_score), 'recency', v.recency, 'weight', v.weight,
               'counts', v.proposal_id IS NOT NULL AND NOT v.is_refused,
               'observed_at', p.observed_at, 'url', h.source_url, 'snippet', pim._snippet(e.grounding_snippets, p_field_path, p.raw_value),
               'reader', e.agent_version, 'session_id', p.extraction_session_id, 'proposal_id', p.id, 'reviewer', p.reviewed_by, 'reviewed_at', p.reviewed_at))
               ORDER BY v.weight DESC NULLS LAST, p.observed_at DESC, p.id), '[]')
      FROM neanelu.prod_proposals AS p
      LEFT JOIN pim._votes(ARRAY[p_product_id]) AS v ON v.proposal_id = p.id
      LEFT JOIN neanelu.prod_sources AS s ON s.id = p.source_id
      LEFT JOIN neanelu.prod_extraction_sessions AS e ON e.id = p.extraction_session_id
      LEFT JOIN neanelu.prod_raw_harvest AS h ON h.id = e.harvest_id AND h.fetched_at = e.harvest_fetched_at
     WHERE p.product_id = p_product_id AND p.field_path = p_field_path
$$;
COMMENT ON FUNCTION pim._votes_told(uuid, text) IS
    'Every proposal of a field with its evidence, those that count first: {"source", "value", "raw", "trust", "confidence", "recency", "weight", '
    '"status", "notes", "url", "snippet", ..}. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._options_told(p_product_id uuid, p_field_path text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pim, neanelu, pg_catalog, pg_temp
AS $$
DECLARE
    v_votes vote[] := (SELECT array_agg(v) FROM pim._votes(ARRAY[p_product_id]) AS v WHERE v.field_path = p_field_path);
    v_options option[] := (SELECT array_agg(o) FROM pim._tally(v_votes) AS o);
BEGIN
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'value', o.item, 'weight', o.support, 'of', o.total, 'share', o.share, 'taken', o.is_taken,
                'sources', (SELECT jsonb_agg(coalesce(s.name, 'nobody') ORDER BY s.name)
                              FROM unnest(v_votes) AS v LEFT JOIN neanelu.prod_sources AS s ON s.id = v.source_id WHERE v.proposal_id = ANY (o.proposals)))
                ORDER BY o.place), '[]')
              FROM pim._heed_decisions(ARRAY[p_product_id], v_options) AS o);
END
$$;
COMMENT ON FUNCTION pim._options_told(uuid, text) IS
    'The values that a field could have, best first: {"value", "weight", "of", "share", "taken", "sources"}. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim._history_told(p_product_id uuid, p_field_path text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('version', c.version, 'since', c.created_at, 'value', c.value, 'rule', c.rule) ORDER BY c.version), '[]')
      FROM (SELECT s.version, s.created_at, f.value, s.provenance -> p_field_path ->> 'rule' AS rule,
                   lag(f.value) OVER w AS earlier, lag(s.version) OVER w AS before
              FROM neanelu.prod_specs_normalized AS s
              LEFT JOIN LATERAL (SELECT x.value FROM pim._fields_of(s) AS x WHERE x.field_path = p_field_path) AS f ON true
             WHERE s.product_id = p_product_id
            WINDOW w AS (ORDER BY s.version)) AS c
     WHERE c.before IS NULL AND c.value IS NOT NULL OR c.before IS NOT NULL AND c.value IS DISTINCT FROM c.earlier
$$;
COMMENT ON FUNCTION pim._history_told(uuid, text) IS
    'The versions in which a field changed its value: {"version", "since", "value", "rule"}. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION pim.explain(p_product_id uuid, p_field_path text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
               'product_id', m.id, 'sku', m.internal_sku, 'title', m.canonical_title, 'field', p_field_path,
               'value', f.value, 'raw', c.raw_specs -> substr(p_field_path, 7),
               'version', c.version, 'status', c.provenance -> p_field_path ->> 'status', 'confidence', c.provenance -> p_field_path -> 'confidence',
               'margin', c.provenance -> p_field_path -> 'margin', 'decided_at', c.provenance -> p_field_path -> 'decided_at',
               'rule', (SELECT jsonb_build_object('rule', r.rule, 'pattern', r.field_pattern, 'category', t.name, 'reason', r.reason, 'tolerance', r.tolerance,
                               'half_life_days', r.half_life_days, 'auto_approve', r.auto_approve, 'min_margin', r.min_margin)
                          FROM pim._rules(ARRAY[m.taxonomy_id], ARRAY[p_field_path]) AS u
                          JOIN neanelu.prod_survivorship_rules AS r ON r.id = u.rule_id LEFT JOIN neanelu.prod_taxonomy AS t ON t.id = r.taxonomy_id),
               'decisions', (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', d.kind, 'value', d.value, 'reviewer', d.reviewed_by, 'notes', d.notes,
                                    'decided_at', d.decided_at, 'in_force', d.replaced_at IS NULL AND d.withdrawn_at IS NULL,
                                    'proposal_id', d.proposal_id) ORDER BY d.decided_at DESC), '[]')
                               FROM neanelu.prod_field_decisions AS d WHERE d.product_id = m.id AND d.field_path = p_field_path),
               'options', pim._options_told(m.id, p_field_path), 'votes', pim._votes_told(m.id, p_field_path),
               'history', pim._history_told(m.id, p_field_path))
      FROM neanelu.prod_master AS m
      LEFT JOIN neanelu.prod_specs_normalized AS c ON c.product_id = m.id AND c.is_current
      LEFT JOIN LATERAL (SELECT x.value FROM pim._fields_of(c) AS x WHERE x.field_path = p_field_path) AS f ON true
     WHERE m.id = p_product_id
$$;
COMMENT ON FUNCTION pim.explain(uuid, text) IS
    'The story of a value in one object: the value, the rule and its reason, the options with their weights, every vote with source, trust, weight, age, '
    'page and passage (losers and superseded ones too), what people decided, and the versions in which it changed. NULL for no such golden record. '
    'Writes nothing, takes no locks. Raises: nothing';

GRANT EXECUTE ON FUNCTION pim.explain(uuid, text) TO neanelu_worker, neanelu_pim_editor, neanelu_analyst, neanelu_operator;

COMMIT;
