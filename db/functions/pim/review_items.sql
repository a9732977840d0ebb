-- Deploy neanelu:functions/pim/review_items to pg
-- requires: functions/pim/quality
-- requires: functions/pim/semantics
-- requires: functions/pim/explain
-- requires: functions/normalise/map
-- requires: functions/matching/decide
-- What waits for people, of four kinds: proposals, clusters, names of sources that may mean an attribute (synonym), and pairs of a
-- record and a golden record that no cluster asks about (match). Each with its evidence; the latter two are also decided here.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._category_tree(p_category text)
RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH RECURSIVE below AS (
        SELECT t.id FROM neanelu.prod_taxonomy AS t
         WHERE t.slug = lower(p_category) OR t.shopify_taxonomy_id = p_category OR t.id::text = p_category OR lower(t.name) = lower(p_category)
        UNION
        SELECT t.id FROM below AS b JOIN neanelu.prod_taxonomy AS t ON t.parent_id = b.id
    )
    SELECT CASE WHEN p_category IS NOT NULL THEN coalesce((SELECT array_agg(b.id) FROM below AS b), '{}') END
$$;
COMMENT ON FUNCTION pim._category_tree(text) IS
    'A category, by slug, name, id or id at Shopify, with all below it; null for null, empty for none. Reads only, takes no locks. Raises: nothing';

-- What waits --------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim._wanted(p_filter jsonb, p_kind text, p_reviewer_id uuid)
RETURNS TABLE (categories uuid[], field text, source text, source_id uuid, product_id uuid, least_priority integer, withheld uuid[])
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, app, pg_temp
AS $$
    SELECT pim._category_tree(p_filter ->> 'category'), p_filter ->> 'field', p_filter ->> 'source',
           (SELECT s.id FROM neanelu.prod_sources AS s WHERE s.name = p_filter ->> 'source'), (p_filter ->> 'product')::uuid,
           coalesce((p_filter ->> 'min_priority')::integer, 0),
           ARRAY(SELECT k.item_id FROM neanelu.prod_review_skips AS k
                  WHERE k.item_kind = p_kind AND k.reviewer_id = p_reviewer_id AND k.skipped_at > app.now() - interval '1 day'
                 UNION ALL
                 SELECT c.item_id FROM neanelu.prod_review_claims AS c
                  WHERE c.item_kind = p_kind AND c.reviewer_id <> p_reviewer_id AND c.expires_at > statement_timestamp())
     WHERE coalesce(p_filter ->> 'kind', p_kind) = p_kind
$$;
COMMENT ON FUNCTION pim._wanted(jsonb, text, uuid) IS
    'A filter of reviews taken apart for one kind, with what a reviewer skipped within a day and what others look at; no row when other kinds are asked for. '
    'Reads only, takes no locks. Raises: 22P02 a product or priority that is none';

CREATE FUNCTION pim._waiting_proposals(p_filter jsonb, p_reviewer_id uuid, p_limit integer)
RETURNS TABLE (item_kind text, item_id uuid, priority integer, product_id uuid, field_path text, confidence numeric, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, app, pg_temp
AS $$
    SELECT 'proposal', p.id, p.priority, p.product_id, p.field_path, p.confidence_score, p.created_at
      FROM pim._wanted(p_filter, 'proposal', p_reviewer_id) AS w
     CROSS JOIN neanelu.prod_proposals AS p
      JOIN neanelu.prod_master AS m ON m.id = p.product_id
     WHERE p.proposal_status = 'pending' AND coalesce(p.expires_at > app.now(), true) AND p.priority >= w.least_priority
       AND (w.categories IS NULL OR m.taxonomy_id = ANY (w.categories)) AND (w.product_id IS NULL OR p.product_id = w.product_id)
       AND (w.field IS NULL OR p.field_path IN (w.field, 'specs.' || w.field)) AND (w.source IS NULL OR p.source_id = w.source_id)
       AND p.id <> ALL (w.withheld)
       -- Who looks at one value of a field looks at all of them.
       AND NOT EXISTS (SELECT FROM neanelu.prod_review_claims AS c JOIN neanelu.prod_proposals AS o ON o.id = c.item_id
                        WHERE p_reviewer_id IS NOT NULL AND c.item_kind = 'proposal' AND c.expires_at > statement_timestamp() AND c.reviewer_id <> p_reviewer_id
                          AND o.product_id = p.product_id AND o.field_path = p.field_path)
     ORDER BY p.priority DESC, p.id LIMIT p_limit
$$;
COMMENT ON FUNCTION pim._waiting_proposals(jsonb, uuid, integer) IS 'Proposals that wait, as pim._waiting. Reads only, takes no locks. Raises: 22P02';

CREATE FUNCTION pim._waiting_clusters(p_filter jsonb, p_reviewer_id uuid, p_limit integer)
RETURNS TABLE (item_kind text, item_id uuid, priority integer, product_id uuid, field_path text, confidence numeric, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT 'cluster', d.id, round(100 * coalesce(d.confidence_score, 0.5))::integer,
           coalesce(d.canonical_product_id, (SELECT b.product_id FROM neanelu.prod_dedupe_cluster_members AS b
                                              WHERE b.cluster_id = d.id ORDER BY b.product_id LIMIT 1)), NULL::text, d.confidence_score, d.created_at
      FROM pim._wanted(p_filter, 'cluster', p_reviewer_id) AS w
     CROSS JOIN neanelu.prod_dedupe_clusters AS d
     WHERE w.field IS NULL AND w.source IS NULL AND d.status = 'pending' AND round(100 * coalesce(d.confidence_score, 0.5)) >= w.least_priority
       AND (w.categories IS NULL AND w.product_id IS NULL
            OR EXISTS (SELECT FROM neanelu.prod_dedupe_cluster_members AS b JOIN neanelu.prod_master AS m ON m.id = b.product_id
                        WHERE b.cluster_id = d.id AND (w.categories IS NULL OR m.taxonomy_id = ANY (w.categories))
                          AND (w.product_id IS NULL OR m.id = w.product_id)))
       AND d.id <> ALL (w.withheld)
     ORDER BY d.confidence_score DESC NULLS LAST, d.id LIMIT p_limit
$$;
COMMENT ON FUNCTION pim._waiting_clusters(jsonb, uuid, integer) IS 'Clusters that wait, as pim._waiting. Reads only, takes no locks. Raises: 22P02';

CREATE FUNCTION pim._waiting_synonyms(p_filter jsonb, p_reviewer_id uuid, p_limit integer)
RETURNS TABLE (item_kind text, item_id uuid, priority integer, product_id uuid, field_path text, confidence numeric, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT 'synonym', n.id, round(100 * coalesce(n.score, 0.5))::integer, NULL::uuid, 'specs.' || d.code, n.score, n.created_at
      FROM pim._wanted(p_filter, 'synonym', p_reviewer_id) AS w
     CROSS JOIN neanelu.prod_attr_mappings AS n
      JOIN neanelu.prod_attr_definitions AS d ON d.id = n.definition_id
     WHERE n.decision = 'proposed' AND w.categories IS NULL AND w.product_id IS NULL AND (w.field IS NULL OR w.field IN (d.code, 'specs.' || d.code))
       AND (w.source IS NULL OR n.source_id = w.source_id) AND round(100 * coalesce(n.score, 0.5)) >= w.least_priority AND n.id <> ALL (w.withheld)
     ORDER BY n.score DESC NULLS LAST, n.id LIMIT p_limit
$$;
COMMENT ON FUNCTION pim._waiting_synonyms(jsonb, uuid, integer) IS
    'Names of sources that may mean an attribute, as pim._waiting; of no product and no category. Reads only, takes no locks. Raises: 22P02';

CREATE FUNCTION pim._match_other(p_match neanelu.prod_similarity_matches)
RETURNS uuid
LANGUAGE sql STABLE
SET search_path = neanelu, matching, pg_temp
AS $$
    SELECT nullif(matching._survivor(coalesce(
               (SELECT m.id FROM neanelu.prod_master AS m
                 WHERE m.id = substring(p_match.match_details ->> 'decided_for' FROM '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$')::uuid),
               (SELECT l.product_id FROM neanelu.prod_match_links AS l
                 WHERE l.source_id = p_match.source_id AND l.source_key = matching._source_key(p_match.source_product_id, p_match.source_url)))),
               p_match.product_id)
$$;
COMMENT ON FUNCTION pim._match_other(neanelu.prod_similarity_matches) IS
    'The golden record that the source''s record of a match is just now, when it is another than the match''s; null: none, or the same. '
    'Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim._is_settled(p_match neanelu.prod_similarity_matches)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = neanelu, matching, pg_temp
AS $$
    SELECT CASE WHEN o.id IS NULL THEN EXISTS (
                    SELECT FROM neanelu.prod_match_links AS l
                     WHERE l.source_id = p_match.source_id AND l.source_key = matching._source_key(p_match.source_product_id, p_match.source_url))
                ELSE matching._are_never_one(p_match.product_id, o.id) END
      FROM (SELECT pim._match_other(p_match) AS id) AS o
$$;
COMMENT ON FUNCTION pim._is_settled(neanelu.prod_similarity_matches) IS
    'Whether a match needs no answer any more: the source''s record is that golden record already, or somebody said that the two are never one. '
    'Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim._waiting_matches(p_filter jsonb, p_reviewer_id uuid, p_limit integer)
RETURNS TABLE (item_kind text, item_id uuid, priority integer, product_id uuid, field_path text, confidence numeric, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    WITH single AS MATERIALIZED (
        SELECT s AS pair
          FROM pim._wanted(p_filter, 'match', p_reviewer_id) AS w
         CROSS JOIN neanelu.prod_similarity_matches AS s
          JOIN neanelu.prod_master AS m ON m.id = s.product_id
         WHERE s.match_confidence = 'pending' AND w.field IS NULL AND (w.source IS NULL OR s.source_id = w.source_id)
           AND round(100 * s.similarity_score) >= w.least_priority AND (w.categories IS NULL OR m.taxonomy_id = ANY (w.categories))
           AND (w.product_id IS NULL OR w.product_id = s.product_id OR s.match_details ->> 'decided_for' = w.product_id::text) AND s.id <> ALL (w.withheld)
           -- A cluster asks about the same two.
           AND NOT EXISTS (SELECT FROM neanelu.prod_dedupe_cluster_members AS a
                             JOIN neanelu.prod_dedupe_cluster_members AS b ON b.cluster_id = a.cluster_id AND b.product_id::text = s.match_details ->> 'decided_for'
                             JOIN neanelu.prod_dedupe_clusters AS d ON d.id = a.cluster_id
                            WHERE a.product_id = s.product_id AND d.status = 'pending')
    )
    SELECT 'match', (q.pair).id, round(100 * (q.pair).similarity_score)::integer, (q.pair).product_id, NULL::text, (q.pair).similarity_score, (q.pair).created_at
      -- In order first: whether a pair is settled is asked of no more than are wanted.
      FROM (SELECT s.pair FROM single AS s ORDER BY (s.pair).similarity_score DESC, (s.pair).id OFFSET 0) AS q
     WHERE NOT pim._is_settled(q.pair)
     LIMIT p_limit
$$;
COMMENT ON FUNCTION pim._waiting_matches(jsonb, uuid, integer) IS
    'Pairs of a source''s record and a golden record that wait, no cluster asks about, and are still open, as pim._waiting. Reads only, takes no locks. Raises: 22P02';

CREATE FUNCTION pim._waiting(p_filter jsonb, p_reviewer_id uuid, p_limit integer)
RETURNS TABLE (item_kind text, item_id uuid, priority integer, product_id uuid, field_path text, confidence numeric, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT i.*
      FROM (SELECT * FROM pim._waiting_proposals(p_filter, p_reviewer_id, p_limit) UNION ALL SELECT * FROM pim._waiting_clusters(p_filter, p_reviewer_id, p_limit)
            UNION ALL SELECT * FROM pim._waiting_synonyms(p_filter, p_reviewer_id, p_limit)
            UNION ALL SELECT * FROM pim._waiting_matches(p_filter, p_reviewer_id, p_limit)) AS i
     ORDER BY i.priority DESC, i.item_id LIMIT p_limit
$$;
COMMENT ON FUNCTION pim._waiting(jsonb, uuid, integer) IS
    'What waits for review, the most important first; for a reviewer without what they skipped within a day, and without what others look at. p_filter: {"kind", '
    '"category", "source", "field", "product", "min_priority"}, each optional. Reads only, takes no locks. Raises: 22P02 a product or priority that is none';

-- Evidence ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim._card(p_product_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
               'product_id', m.id, 'sku', m.internal_sku, 'title', m.canonical_title, 'brand', m.brand, 'manufacturer', m.manufacturer, 'mpn', m.mpn,
               'gtin', m.gtin, 'category', array_to_string(t.breadcrumbs, ' > '), 'level', m.data_quality_level, 'score', m.quality_score,
               'lifecycle', m.lifecycle_status, 'dedupe', m.dedupe_status,
               'description', pim._summary(pim._plain_text(s.provenance -> 'description' ->> 'value')), 'price', s.provenance -> 'price' -> 'value',
               'image', s.provenance -> 'image' -> 'value',
               'specs', (SELECT jsonb_object_agg(coalesce(d.code, e.key), pim._value_text(e.value)) FROM jsonb_each(s.specs) AS e
                           LEFT JOIN neanelu.prod_attr_definitions AS d ON d.code = e.key),
               'sources', (SELECT jsonb_agg(DISTINCT o.name) FROM neanelu.prod_proposals AS p JOIN neanelu.prod_sources AS o ON o.id = p.source_id
                            WHERE p.product_id = m.id AND p.proposal_status <> 'superseded')))
      FROM neanelu.prod_master AS m
      LEFT JOIN neanelu.prod_taxonomy AS t ON t.id = m.taxonomy_id
      LEFT JOIN neanelu.prod_specs_normalized AS s ON s.product_id = m.id AND s.is_current
     WHERE m.id = p_product_id
$$;
COMMENT ON FUNCTION pim._card(uuid) IS 'A golden record as people look at it. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim._proposal_evidence(p_proposal_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT jsonb_build_object('kind', 'proposal', 'id', p.id, 'status', p.proposal_status, 'priority', p.priority, 'created_at', p.created_at, 'why', p.review_notes,
               'products', jsonb_build_array(p.product_id), 'product', pim._card(p.product_id),
               'field', jsonb_strip_nulls(jsonb_build_object('path', p.field_path, 'label', d.label, 'type', d.data_type, 'unit', d.unit)),
               'proposed', jsonb_strip_nulls(jsonb_build_object('value', p.proposed_value, 'raw', p.raw_value, 'confidence', p.confidence_score, 'source', s.name,
                               'source_type', s.source_type, 'trust', s.trust_score, 'url', h.source_url, 'observed_at', p.observed_at, 'reader', x.agent_version,
                               'snippet', pim._snippet(x.grounding_snippets, p.field_path, p.raw_value))),
               'story', pim.explain(p.product_id, p.field_path))
      FROM neanelu.prod_proposals AS p
      LEFT JOIN neanelu.prod_sources AS s ON s.id = p.source_id
      LEFT JOIN neanelu.prod_extraction_sessions AS x ON x.id = p.extraction_session_id
      LEFT JOIN neanelu.prod_raw_harvest AS h ON h.id = x.harvest_id AND h.fetched_at = x.harvest_fetched_at
      LEFT JOIN neanelu.prod_attr_definitions AS d ON p.field_path = 'specs.' || d.code
     WHERE p.id = p_proposal_id
$$;
COMMENT ON FUNCTION pim._proposal_evidence(uuid) IS 'A proposal beside what is in force, with page, passage and all rival votes. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim._cluster_evidence(p_cluster_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT jsonb_build_object('kind', 'cluster', 'id', d.id, 'status', d.status, 'priority', round(100 * coalesce(d.confidence_score, 0.5)), 'created_at', d.created_at,
               'type', d.cluster_type, 'criteria', d.match_criteria, 'confidence', d.confidence_score,
               'products', (SELECT jsonb_agg(b.product_id ORDER BY b.is_canonical DESC, b.product_id) FROM neanelu.prod_dedupe_cluster_members AS b WHERE b.cluster_id = d.id),
               'members', (SELECT jsonb_agg(pim._card(b.product_id) || jsonb_build_object('is_canonical', b.is_canonical, 'similarity', b.similarity_score,
                                                'evidence', b.match_fields) ORDER BY b.is_canonical DESC, b.product_id)
                             FROM neanelu.prod_dedupe_cluster_members AS b WHERE b.cluster_id = d.id))
      FROM neanelu.prod_dedupe_clusters AS d WHERE d.id = p_cluster_id
$$;
COMMENT ON FUNCTION pim._cluster_evidence(uuid) IS 'The records of a cluster side by side, with what made it. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim._meaning(p_mapping neanelu.prod_attr_mappings, p_code text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, normalise, pg_temp
AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object('code', d.code, 'label', d.label, 'description', d.description, 'type', d.data_type, 'unit', d.unit,
               'unit_family', d.unit_family,
               'also', (SELECT jsonb_agg(DISTINCT s.synonym_text ORDER BY s.synonym_text) FROM neanelu.prod_attr_synonyms AS s
                         WHERE s.definition_id = d.id AND s.is_approved),
               'values', (SELECT jsonb_agg(jsonb_build_object('raw', e.raw, 'value', normalise.value(e.raw #>> '{}', d.data_type, d.unit, d.unit_family, p_mapping.locale,
                                               d.allowed_values, p_mapping.source_unit)) ORDER BY e.n)
                            FROM jsonb_array_elements(p_mapping.examples) WITH ORDINALITY AS e (raw, n))))
      FROM neanelu.prod_attr_definitions AS d WHERE d.code = p_code
$$;
COMMENT ON FUNCTION pim._meaning(neanelu.prod_attr_mappings, text) IS
    'An attribute that a name may mean, and what the name''s values would become as its values. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim._synonym_evidence(p_mapping_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT jsonb_build_object('kind', 'synonym', 'id', n.id, 'status', CASE n.decision WHEN 'proposed' THEN 'pending' ELSE n.decision END,
               'priority', round(100 * coalesce(n.score, 0.5)), 'created_at', n.created_at, 'confidence', n.score, 'products', '[]'::jsonb,
               'field', jsonb_build_object('path', 'specs.' || d.code, 'label', d.label),
               'name', jsonb_strip_nulls(jsonb_build_object('name', n.name, 'locale', n.locale, 'unit', n.source_unit, 'source', s.name, 'source_type', s.source_type,
                                                            'trust', s.trust_score, 'examples', n.examples, 'method', n.method)),
               'proposed', jsonb_build_object('value', n.name, 'means', d.code),
               'candidates', (SELECT coalesce(jsonb_agg(c.said || pim._meaning(n, c.said ->> 'code') ORDER BY c.said ->> 'code' = d.code DESC NULLS LAST, c.place), '[]')
                                FROM jsonb_array_elements(n.candidates) WITH ORDINALITY AS c (said, place)),
               'elsewhere', (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('source', x.name, 'decision', o.decision, 'means', e.code)) ORDER BY x.name), '[]')
                               FROM neanelu.prod_attr_mappings AS o JOIN neanelu.prod_sources AS x ON x.id = o.source_id
                               LEFT JOIN neanelu.prod_attr_definitions AS e ON e.id = o.definition_id
                              WHERE o.name_key = n.name_key AND o.id <> n.id))
      FROM neanelu.prod_attr_mappings AS n
      JOIN neanelu.prod_sources AS s ON s.id = n.source_id
      LEFT JOIN neanelu.prod_attr_definitions AS d ON d.id = n.definition_id
     WHERE n.id = p_mapping_id
$$;
COMMENT ON FUNCTION pim._synonym_evidence(uuid) IS
    'A name of a source beside the attributes that it may mean, best first, with what its values would become, and what it means at other sources. '
    'Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim._match_evidence(p_match_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT jsonb_build_object('kind', 'match', 'id', s.id, 'status', s.match_confidence, 'priority', round(100 * s.similarity_score), 'created_at', s.created_at,
               'confidence', s.similarity_score, 'method', s.match_method, 'scores', coalesce(s.match_details -> 'scores', '{}'),
               'conflicts', coalesce(s.match_details -> 'conflicts', '[]'), 'products', jsonb_strip_nulls(jsonb_build_array(s.product_id)) ||
                   CASE WHEN o.id IS NULL THEN '[]'::jsonb ELSE jsonb_build_array(o.id) END,
               'product', pim._card(s.product_id), 'other', pim._card(o.id),
               'proposed', jsonb_build_object('value', coalesce(s.source_title, s.source_url)),
               'offer', jsonb_strip_nulls(jsonb_build_object('source', x.name, 'source_type', x.source_type, 'trust', x.trust_score, 'url', s.source_url,
                            'key', s.source_product_id, 'title', s.source_title, 'brand', s.source_brand, 'gtin', s.source_gtin, 'price', s.source_price,
                            'currency', s.source_currency, 'read_at', s.scraped_at, 'mpn', e.extracted_specs -> 'mpn', 'model', e.extracted_specs -> 'model',
                            'specs', coalesce(s.specs_extracted, e.extracted_specs -> 'attributes'),
                            'description', left(e.extracted_specs ->> 'description', 300))))
      FROM neanelu.prod_similarity_matches AS s
     CROSS JOIN LATERAL (SELECT pim._match_other(s) AS id OFFSET 0) AS o
      LEFT JOIN neanelu.prod_sources AS x ON x.id = s.source_id
      LEFT JOIN neanelu.prod_extraction_sessions AS e ON e.id = s.extraction_session_id
     WHERE s.id = p_match_id
$$;
COMMENT ON FUNCTION pim._match_evidence(uuid) IS
    'A pair side by side: the golden record, the one that the source''s record is just now, what the source says, and each piece of evidence for and against. '
    'Reads only, takes no locks. Raises: nothing';

-- Decisions about names and pairs ------------------------------------------------------------------------------------

CREATE FUNCTION pim._retract_proposals(p_proposal_ids uuid[], p_notes text)
RETURNS uuid[]
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    WITH gone AS (
        UPDATE neanelu.prod_proposals AS p
           SET proposal_status = 'superseded', auto_approved = false, priority = 0, expires_at = NULL, review_notes = p_notes, updated_at = now()
         WHERE p.id = ANY (p_proposal_ids) AND p.proposal_status <> 'superseded'
           AND NOT EXISTS (SELECT FROM neanelu.prod_field_decisions AS d WHERE d.proposal_id = p.id AND d.replaced_at IS NULL AND d.withdrawn_at IS NULL)
        RETURNING p.product_id)
    SELECT coalesce(array_agg(DISTINCT g.product_id), '{}') FROM gone AS g
$$;
COMMENT ON FUNCTION pim._retract_proposals(uuid[], text) IS
    'Takes the vote from proposals that rest on a decision taken back; those that a person decided about stay. Returns their golden records. '
    'Locks: the rows. Raises: nothing';

CREATE FUNCTION pim._decide_synonym(p_mapping_id uuid, p_decision text, p_reviewer uuid, p_code text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, normalise, pg_temp
AS $$
DECLARE
    v_mapping prod_attr_mappings;
    v_before  jsonb;
BEGIN
    SELECT * INTO v_mapping FROM prod_attr_mappings AS m WHERE m.id = p_mapping_id;
    v_before := jsonb_build_object(
        'at', clock_timestamp(), 'mapping', p_mapping_id, 'key', v_mapping.name_key, 'name', v_mapping.name,
        'mappings', (SELECT jsonb_agg(m) FROM prod_attr_mappings AS m WHERE m.name_key = v_mapping.name_key AND m.decision IN ('proposed', 'unknown')),
        'synonyms', (SELECT coalesce(jsonb_agg(to_jsonb(s)), '[]') FROM prod_attr_synonyms AS s WHERE lower(s.synonym_text) = lower(v_mapping.name)));
    RETURN v_before || jsonb_build_object('code', normalise.review_mapping(p_mapping_id, p_decision, p_code, p_reviewer));
END
$$;
COMMENT ON FUNCTION pim._decide_synonym(uuid, text, uuid, text) IS
    'A person says what a name of a source means, or that it does not; returns what that changes as it was before, for pim._undo_synonym. '
    'Locks and raises: as normalise.review_mapping';

CREATE FUNCTION pim._restore_synonyms(p_before jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    DELETE FROM prod_attr_synonyms AS s
     USING prod_attr_definitions AS d
     WHERE d.id = s.definition_id AND d.code = p_before ->> 'code' AND lower(s.synonym_text) = lower(p_before ->> 'name') AND s.source = 'review'
       AND s.id NOT IN (SELECT b.id FROM jsonb_to_recordset(p_before -> 'synonyms') AS b (id uuid));
    UPDATE prod_attr_synonyms AS s SET is_approved = b.is_approved, source = b.source
      FROM jsonb_populate_recordset(NULL::prod_attr_synonyms, p_before -> 'synonyms') AS b
     WHERE s.id = b.id AND (s.is_approved, s.source) IS DISTINCT FROM (b.is_approved, b.source);
    INSERT INTO prod_attr_synonyms SELECT b.* FROM jsonb_populate_recordset(NULL::prod_attr_synonyms, p_before -> 'synonyms') AS b
     WHERE EXISTS (SELECT FROM prod_attr_definitions AS d WHERE d.id = b.definition_id)
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION pim._restore_synonyms(jsonb) IS 'Makes the synonyms of a name what they were before a decision. Idempotent. Locks: the rows. Raises: nothing';

CREATE FUNCTION pim._undo_synonym(p_before jsonb)
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_at      constant timestamptz := (p_before ->> 'at')::timestamptz;
    v_code    constant text := nullif(p_before ->> 'code', '');
    v_sources uuid[];
BEGIN
    PERFORM FROM prod_attr_mappings AS m WHERE m.name_key = p_before ->> 'key' ORDER BY m.id FOR UPDATE;
    IF NOT EXISTS (SELECT FROM prod_attr_mappings AS m WHERE m.id = (p_before ->> 'mapping')::uuid AND m.method = 'review') THEN
        RAISE EXCEPTION 'somebody else has decided about the name since' USING ERRCODE = 'NQ006', HINT = 'neanelu attributes review';
    END IF;
    PERFORM pim._restore_synonyms(p_before);
    WITH back AS (
        UPDATE prod_attr_mappings AS m
           SET definition_id = b.definition_id, decision = b.decision, score = b.score, method = b.method, decided_by = b.decided_by, updated_at = now()
          FROM jsonb_populate_recordset(NULL::prod_attr_mappings, p_before -> 'mappings') AS b
         WHERE m.id = b.id AND m.method IN ('review', 'synonym')
        RETURNING m.source_id
    ), gone AS (
        -- Names that only this synonym explained are tried again.
        DELETE FROM prod_attr_mappings AS m WHERE m.name_key = p_before ->> 'key' AND m.method = 'synonym' AND m.created_at >= v_at RETURNING m.source_id
    )
    SELECT array_agg(x.source_id) INTO v_sources FROM (SELECT * FROM back UNION SELECT * FROM gone) AS x;
    -- Values that came in by the name alone have no vote any more.
    RETURN pim._retract_proposals(ARRAY(
        SELECT p.id FROM prod_proposals AS p
         WHERE v_code IS NOT NULL AND p.source_id = ANY (v_sources) AND p.field_path = 'specs.' || v_code AND p.created_at >= v_at
           AND NOT EXISTS (SELECT FROM prod_attr_mappings AS m JOIN prod_attr_definitions AS d ON d.id = m.definition_id
                            WHERE m.source_id = p.source_id AND m.decision = 'applied' AND d.code = v_code)), 'the name was mapped otherwise again');
END
$$;
COMMENT ON FUNCTION pim._undo_synonym(jsonb) IS
    'Takes a decision about a name back: mappings and synonyms are as before, and values that came in by it have no vote. Returns the golden records that had some. '
    'Locks: the mappings, the rows. Raises: NQ006 somebody decided otherwise since';

CREATE FUNCTION pim._decide_match(p_match_id uuid, p_decision text, p_reviewer uuid, p_notes text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pim, matching, pg_temp
AS $$
DECLARE
    v_match  prod_similarity_matches;
    v_other  uuid;
    v_before jsonb;
    v_linked boolean := false;
BEGIN
    SELECT * INTO v_match FROM prod_similarity_matches AS s WHERE s.id = p_match_id FOR NO KEY UPDATE;
    v_other := pim._match_other(v_match);
    v_before := jsonb_build_object('at', clock_timestamp(), 'other', v_other, 'product', v_match.product_id,
        'rules', (SELECT coalesce(jsonb_agg(r), '[]') FROM prod_match_rules AS r
                   WHERE r.low_id = least(v_match.product_id, v_other) AND r.high_id = greatest(v_match.product_id, v_other)));
    UPDATE prod_similarity_matches AS s
       SET match_confidence = CASE p_decision WHEN 'approve' THEN 'confirmed' ELSE 'rejected' END, validated_at = now(), validated_by = p_reviewer,
           validation_notes = p_notes, updated_at = now()
     WHERE s.id = p_match_id;
    IF v_other IS NOT NULL THEN
        RETURN v_before || jsonb_build_object('cluster',
            matching.link(v_match.product_id, v_other, CASE p_decision WHEN 'approve' THEN 'must' ELSE 'cannot' END, p_reviewer, p_notes));
    ELSIF p_decision = 'approve' AND v_match.source_id IS NOT NULL THEN
        INSERT INTO prod_match_links (source_id, source_key, product_id, session_id, decision, method, score, gtin)
        VALUES (v_match.source_id, matching._source_key(v_match.source_product_id, v_match.source_url), v_match.product_id, v_match.extraction_session_id, 'matched', 'manual',
                v_match.similarity_score, v_match.source_gtin)
        ON CONFLICT DO NOTHING;
        v_linked := FOUND;
        PERFORM pim.request_readings(ARRAY[v_match.extraction_session_id]);
    END IF;
    RETURN v_before || jsonb_build_object('link', CASE WHEN v_linked THEN jsonb_build_array(v_match.source_id, matching._source_key(v_match.source_product_id, v_match.source_url)) END);
END
$$;
COMMENT ON FUNCTION pim._decide_match(uuid, text, uuid, text) IS
    'A person says whether a source''s record is a golden record. Where the record is another one by now, the two are merged, or never will be; else an approved record '
    'becomes that one''s, and what it says is proposed. Calibration learns from it. Returns what pim._undo_match needs. Locks: the match, the golden records. '
    'Raises: NM004 somebody said otherwise of records merged with them';

CREATE FUNCTION pim._undo_match(p_match_id uuid, p_before jsonb, p_reviewer uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pim, matching, pg_temp
AS $$
DECLARE
    v_product constant uuid := (p_before ->> 'product')::uuid;
    v_other   constant uuid := (p_before ->> 'other')::uuid;
BEGIN
    IF p_before ->> 'cluster' IS NOT NULL THEN
        PERFORM matching.undo((p_before ->> 'cluster')::uuid, p_reviewer);
        DELETE FROM prod_dedupe_clusters AS c WHERE c.id = (p_before ->> 'cluster')::uuid AND c.status = 'pending';
    END IF;
    DELETE FROM prod_match_rules AS r WHERE r.low_id = least(v_product, v_other) AND r.high_id = greatest(v_product, v_other);
    INSERT INTO prod_match_rules SELECT * FROM jsonb_populate_recordset(NULL::prod_match_rules, p_before -> 'rules');
    IF p_before ->> 'link' IS NOT NULL THEN
        DELETE FROM prod_match_links AS l
         WHERE l.source_id = (p_before -> 'link' ->> 0)::uuid AND l.source_key = p_before -> 'link' ->> 1 AND l.product_id = v_product;
        PERFORM pim._retract_proposals(ARRAY(
            SELECT p.id FROM prod_proposals AS p JOIN prod_similarity_matches AS s ON s.id = p_match_id AND s.source_id = p.source_id
             WHERE p.product_id = v_product AND p.created_at >= (p_before ->> 'at')::timestamptz
               AND NOT EXISTS (SELECT FROM prod_match_links AS l WHERE l.product_id = v_product AND l.source_id = p.source_id)), 'the record is another product');
    END IF;
    UPDATE prod_similarity_matches AS s
       SET match_confidence = 'pending', validated_at = NULL, validated_by = NULL, validation_notes = NULL, updated_at = now()
     WHERE s.id = p_match_id;
END
$$;
COMMENT ON FUNCTION pim._undo_match(uuid, jsonb, uuid) IS
    'Takes a decision about a pair back: what was merged is two again, what was said of the two before holds again, and the pair waits. '
    'Locks: the products in the order of their ids, the rows. Raises: NM007, NM008 as matching.undo';

COMMIT;
