-- Deploy neanelu:functions/pim/queue to pg
-- requires: functions/pim/quality
-- requires: functions/pim/semantics
-- requires: functions/pim/review
-- requires: functions/pim/explain
-- What waits for people: proposals and clusters, one reviewer each at a time, with the evidence; what they decided, and how it is taken back.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim.reviewer(p_name text)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    IF p_name IS NULL OR btrim(p_name) = '' OR length(p_name) > 100 THEN
        RAISE EXCEPTION 'a reviewer has a name of 1 to 100 characters' USING ERRCODE = 'NQ007';
    END IF;
    SELECT r.id INTO v_id FROM neanelu.prod_reviewers AS r WHERE r.name = btrim(p_name);
    IF v_id IS NULL THEN
        INSERT INTO neanelu.prod_reviewers (name) VALUES (btrim(p_name)) ON CONFLICT (name) DO NOTHING RETURNING id INTO v_id;
        v_id := coalesce(v_id, (SELECT r.id FROM neanelu.prod_reviewers AS r WHERE r.name = btrim(p_name)));
    END IF;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION pim.reviewer(text) IS
    'The id of a reviewer by name; a new name gets one. Who reviews is what the caller says, beside the login. Idempotent. Locks: the row it makes. Raises: NQ007 no name';

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

CREATE FUNCTION pim._waiting(p_filter jsonb, p_reviewer_id uuid, p_limit integer)
RETURNS TABLE (item_kind text, item_id uuid, priority integer, product_id uuid, field_path text, confidence numeric, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, app, pg_temp
AS $$
    WITH wanted AS MATERIALIZED (
        SELECT pim._category_tree(p_filter ->> 'category') AS categories, p_filter ->> 'kind' AS kind, p_filter ->> 'field' AS field,
               (SELECT s.id FROM neanelu.prod_sources AS s WHERE s.name = p_filter ->> 'source') AS source_id, (p_filter ->> 'product')::uuid AS product_id,
               coalesce((p_filter ->> 'min_priority')::integer, 0) AS least
    ), proposal AS (
        SELECT 'proposal', p.id, p.priority, p.product_id, p.field_path, p.confidence_score, p.created_at
          FROM wanted AS w
         CROSS JOIN neanelu.prod_proposals AS p
          JOIN neanelu.prod_master AS m ON m.id = p.product_id
         WHERE coalesce(w.kind, 'proposal') = 'proposal' AND p.proposal_status = 'pending' AND coalesce(p.expires_at > app.now(), true) AND p.priority >= w.least
           AND (w.categories IS NULL OR m.taxonomy_id = ANY (w.categories)) AND (w.product_id IS NULL OR p.product_id = w.product_id)
           AND (w.field IS NULL OR p.field_path IN (w.field, 'specs.' || w.field)) AND (p_filter ->> 'source' IS NULL OR p.source_id = w.source_id)
           AND NOT EXISTS (SELECT FROM neanelu.prod_review_skips AS k
                            WHERE k.item_kind = 'proposal' AND k.item_id = p.id AND k.reviewer_id = p_reviewer_id AND k.skipped_at > app.now() - interval '1 day')
           -- Who looks at one value of a field looks at all of them.
           AND NOT EXISTS (SELECT FROM neanelu.prod_review_claims AS c JOIN neanelu.prod_proposals AS o ON o.id = c.item_id
                            WHERE p_reviewer_id IS NOT NULL AND c.item_kind = 'proposal' AND c.expires_at > statement_timestamp() AND c.reviewer_id <> p_reviewer_id
                              AND o.product_id = p.product_id AND o.field_path = p.field_path)
         ORDER BY p.priority DESC, p.id LIMIT p_limit
    ), cluster AS (
        SELECT 'cluster', d.id, round(100 * coalesce(d.confidence_score, 0.5))::integer AS priority, v.product_id, NULL::text, d.confidence_score, d.created_at
          FROM wanted AS w
         CROSS JOIN neanelu.prod_dedupe_clusters AS d
         CROSS JOIN LATERAL (SELECT coalesce(d.canonical_product_id, (SELECT b.product_id FROM neanelu.prod_dedupe_cluster_members AS b
                                                                      WHERE b.cluster_id = d.id ORDER BY b.product_id LIMIT 1)) AS product_id) AS v
         WHERE coalesce(w.kind, 'cluster') = 'cluster' AND w.field IS NULL AND p_filter ->> 'source' IS NULL AND d.status = 'pending'
           AND round(100 * coalesce(d.confidence_score, 0.5)) >= w.least
           AND (w.categories IS NULL AND w.product_id IS NULL
                OR EXISTS (SELECT FROM neanelu.prod_dedupe_cluster_members AS b JOIN neanelu.prod_master AS m ON m.id = b.product_id
                            WHERE b.cluster_id = d.id AND (w.categories IS NULL OR m.taxonomy_id = ANY (w.categories))
                              AND (w.product_id IS NULL OR m.id = w.product_id)))
           AND NOT EXISTS (SELECT FROM neanelu.prod_review_skips AS k
                            WHERE k.item_kind = 'cluster' AND k.item_id = d.id AND k.reviewer_id = p_reviewer_id AND k.skipped_at > app.now() - interval '1 day')
           AND NOT EXISTS (SELECT FROM neanelu.prod_review_claims AS c
                            WHERE p_reviewer_id IS NOT NULL AND c.item_kind = 'cluster' AND c.item_id = d.id AND c.expires_at > statement_timestamp()
                              AND c.reviewer_id <> p_reviewer_id)
         ORDER BY d.confidence_score DESC NULLS LAST, d.id LIMIT p_limit
    )
    SELECT * FROM (SELECT * FROM proposal UNION ALL SELECT * FROM cluster) AS i (item_kind, item_id, priority, product_id, field_path, confidence, created_at)
     ORDER BY i.priority DESC, i.item_id LIMIT p_limit
$$;
COMMENT ON FUNCTION pim._waiting(jsonb, uuid, integer) IS
    'What waits for review, the most important first; for a reviewer without what they skipped within a day, and without what others look at. p_filter: {"kind", '
    '"category", "source", "field", "product", "min_priority"}, each optional. Reads only, takes no locks. Raises: 22P02 a product or priority that is none';

CREATE FUNCTION pim.review_queue(p_filter jsonb DEFAULT '{}', p_limit integer DEFAULT 50)
RETURNS TABLE (item_kind text, item_id uuid, priority integer, product_id uuid, internal_sku text, title text, subject text, confidence numeric,
               created_at timestamptz, claimed_by text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT w.item_kind, w.item_id, w.priority, w.product_id, m.internal_sku::text, m.canonical_title,
           CASE w.item_kind WHEN 'proposal' THEN concat(w.field_path, ': ', left(pim._value_text(p.proposed_value), 80), ' (', s.name, ')')
                            ELSE concat(d.member_count, ' records, ', lower(replace(d.cluster_type, '_', ' '))) END,
           w.confidence, w.created_at, r.name::text
      FROM pim._waiting(p_filter, NULL, p_limit) AS w
      LEFT JOIN neanelu.prod_master AS m ON m.id = w.product_id
      LEFT JOIN neanelu.prod_proposals AS p ON w.item_kind = 'proposal' AND p.id = w.item_id
      LEFT JOIN neanelu.prod_sources AS s ON s.id = p.source_id
      LEFT JOIN neanelu.prod_dedupe_clusters AS d ON w.item_kind = 'cluster' AND d.id = w.item_id
      LEFT JOIN neanelu.prod_review_claims AS c ON c.item_kind = w.item_kind AND c.item_id = w.item_id AND c.expires_at > statement_timestamp()
      LEFT JOIN neanelu.prod_reviewers AS r ON r.id = c.reviewer_id
     ORDER BY w.priority DESC, w.item_id
$$;
COMMENT ON FUNCTION pim.review_queue(jsonb, integer) IS
    'What waits for review, with what it is about and who looks at it just now; filter as pim._waiting: {"kind": "proposal" or "cluster", "category" (with all below), '
    '"source", "field", "product", "min_priority"}. Reads only, takes no locks. Raises: 22P02';

CREATE FUNCTION pim.claim_reviews(p_reviewer_id uuid, p_filter jsonb DEFAULT '{}', p_lease interval DEFAULT '10 minutes', p_limit integer DEFAULT 1)
RETURNS TABLE (item_kind text, item_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_item  record;
    v_taken integer := 0;
BEGIN
    -- People ask seldom: one at a time, so that nobody gets what another just got.
    PERFORM pg_advisory_xact_lock(hashtextextended('pim.claim_reviews', 0));
    DELETE FROM neanelu.prod_review_claims AS c WHERE c.expires_at <= clock_timestamp();
    FOR v_item IN SELECT w.* FROM pim._waiting(p_filter, p_reviewer_id, p_limit + 20) AS w
                    LEFT JOIN neanelu.prod_review_claims AS c ON c.item_kind = w.item_kind AND c.item_id = w.item_id AND c.reviewer_id = p_reviewer_id
                   -- What the reviewer has already comes first.
                   ORDER BY c.claimed_at NULLS LAST, w.priority DESC, w.item_id LOOP
        EXIT WHEN v_taken >= p_limit;
        -- What is being decided just now is passed by.
        IF v_item.item_kind = 'proposal' THEN
            PERFORM FROM neanelu.prod_proposals AS p WHERE p.id = v_item.item_id AND p.proposal_status = 'pending' FOR NO KEY UPDATE SKIP LOCKED;
        ELSE
            PERFORM FROM neanelu.prod_dedupe_clusters AS d WHERE d.id = v_item.item_id AND d.status = 'pending' FOR NO KEY UPDATE SKIP LOCKED;
        END IF;
        CONTINUE WHEN NOT FOUND;
        INSERT INTO neanelu.prod_review_claims AS c (item_kind, item_id, reviewer_id, claimed_at, expires_at)
        VALUES (v_item.item_kind, v_item.item_id, p_reviewer_id, clock_timestamp(), clock_timestamp() + p_lease)
        ON CONFLICT ON CONSTRAINT prod_review_claims_pkey DO UPDATE SET expires_at = excluded.expires_at;
        v_taken := v_taken + 1;
        item_kind := v_item.item_kind;
        item_id := v_item.item_id;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION pim.claim_reviews(uuid, jsonb, interval, integer) IS
    'Gives a reviewer the next items for so long: what they have already, else the most important that nobody looks at. All values of one field are one reviewer''s. '
    'Idempotent until something is decided. Locks: an advisory one against other claims; what others are changing is passed by. Raises: 22P02, 23503 no such reviewer';

CREATE FUNCTION pim.release_review(p_kind text, p_item_id uuid, p_reviewer_id uuid, p_is_skipped boolean DEFAULT false)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    DELETE FROM neanelu.prod_review_claims AS c WHERE c.item_kind = p_kind AND c.item_id = p_item_id AND c.reviewer_id = p_reviewer_id;
    INSERT INTO neanelu.prod_review_skips AS k (item_kind, item_id, reviewer_id) SELECT p_kind, p_item_id, p_reviewer_id WHERE p_is_skipped
    ON CONFLICT (item_kind, item_id, reviewer_id) DO UPDATE SET skipped_at = now();
$$;
COMMENT ON FUNCTION pim.release_review(text, uuid, uuid, boolean) IS
    'Gives an item back undecided; p_is_skipped: and the reviewer does not get it again for a day. Idempotent. Locks: its rows. Raises: 23514 another kind';

CREATE FUNCTION pim.review_kind(p_item_id uuid)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM neanelu.prod_proposals AS p WHERE p.id = p_item_id) THEN
        RETURN 'proposal';
    ELSIF EXISTS (SELECT FROM neanelu.prod_dedupe_clusters AS d WHERE d.id = p_item_id) THEN
        RETURN 'cluster';
    END IF;
    RAISE EXCEPTION 'there is no proposal or cluster %', p_item_id USING ERRCODE = 'NQ004', HINT = 'neanelu review list';
END
$$;
COMMENT ON FUNCTION pim.review_kind(uuid) IS 'Whether an id is a proposal''s or a cluster''s. Reads only, takes no locks. Raises: NQ004 neither';

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

CREATE FUNCTION pim.review_item(p_kind text, p_item_id uuid)
RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_item jsonb := CASE p_kind WHEN 'proposal' THEN pim._proposal_evidence(p_item_id) WHEN 'cluster' THEN pim._cluster_evidence(p_item_id) END;
BEGIN
    IF v_item IS NULL THEN
        RAISE EXCEPTION 'there is no % %', p_kind, p_item_id USING ERRCODE = 'NQ004';
    END IF;
    RETURN v_item || coalesce((SELECT jsonb_build_object('claim', jsonb_build_object('reviewer', r.name, 'until', c.expires_at))
                                 FROM neanelu.prod_review_claims AS c JOIN neanelu.prod_reviewers AS r ON r.id = c.reviewer_id
                                WHERE c.item_kind = p_kind AND c.item_id = p_item_id AND c.expires_at > statement_timestamp()), '{}');
END
$$;
COMMENT ON FUNCTION pim.review_item(text, uuid) IS
    'An item with both sides and the evidence: of a proposal the product, the value proposed with source, page and passage, and the field''s story (pim.explain); of a '
    'cluster its records side by side and what made it. Reads only, takes no locks. Raises: NQ004 there is none';

-- Decisions --------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim._after_review(p_product_ids uuid[], p_reviewer_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
BEGIN
    PERFORM pim.decide(p_product_ids);
    PERFORM pim.score(p_product_ids, 'manual_review', p_reviewer_id);
    PERFORM pim.refresh_semantics(p_product_ids);
END
$$;
COMMENT ON FUNCTION pim._after_review(uuid[], uuid) IS 'Products that a person decided about are decided, scored and described again. Idempotent. Locks: the products. Raises: nothing of its own';

CREATE FUNCTION pim.decide_review(p_kind text, p_item_id uuid, p_decision text, p_reviewer_id uuid, p_notes text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, matching, pg_temp
AS $$
DECLARE
    v_item     jsonb := pim.review_item(p_kind, p_item_id);
    v_products constant uuid[] := ARRAY(SELECT jsonb_array_elements_text(v_item -> 'products')::uuid);
    v_id       uuid;
BEGIN
    PERFORM pim._lock_products(v_products);
    v_item := pim.review_item(p_kind, p_item_id);
    PERFORM FROM neanelu.prod_review_claims AS c
      WHERE c.item_kind = p_kind AND c.item_id = p_item_id AND c.reviewer_id <> p_reviewer_id AND c.expires_at > clock_timestamp();
    IF FOUND THEN
        RAISE EXCEPTION '% looks at this % just now', v_item -> 'claim' ->> 'reviewer', p_kind USING ERRCODE = 'NQ005';
    END IF;
    IF v_item ->> 'status' <> 'pending' THEN
        RAISE EXCEPTION 'the % does not wait any more: it is %', p_kind, v_item ->> 'status' USING ERRCODE = 'NQ004';
    END IF;
    IF p_kind = 'proposal' THEN
        PERFORM pim.review_proposal(p_item_id, p_decision, p_reviewer_id, p_notes);
    ELSE
        PERFORM matching.decide_cluster(p_item_id, p_decision, p_reviewer_id, p_notes);
    END IF;
    INSERT INTO neanelu.prod_review_decisions (item_kind, item_id, decision, reviewer_id, notes, outcome)
    VALUES (p_kind, p_item_id, p_decision, p_reviewer_id, p_notes,
            jsonb_strip_nulls(jsonb_build_object('products', v_item -> 'products', 'field', v_item -> 'field' -> 'path', 'value', v_item -> 'proposed' -> 'value')))
    RETURNING id INTO v_id;
    DELETE FROM neanelu.prod_review_claims AS c WHERE c.item_kind = p_kind AND c.item_id = p_item_id;
    PERFORM pim._after_review(v_products, p_reviewer_id);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION pim.decide_review(text, uuid, text, uuid, text) IS
    'A person approves or rejects a proposal or a cluster; the products are decided, scored and described again. Returns the decision. Needs no claim, but another''s '
    'is respected. Locks: the products. Raises: NQ004 there is no such item or it does not wait, NQ005 somebody else looks at it, and as pim.review_proposal and '
    'matching.decide_cluster';

CREATE FUNCTION pim.undo_review_decision(p_reviewer_id uuid, p_decision_id uuid DEFAULT NULL)
RETURNS TABLE (decision_id uuid, item_kind text, item_id uuid, decision text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, matching, pg_temp
AS $$
DECLARE
    v_old neanelu.prod_review_decisions;
BEGIN
    SELECT d.* INTO v_old FROM neanelu.prod_review_decisions AS d
     WHERE d.undone_at IS NULL AND CASE WHEN p_decision_id IS NULL THEN d.reviewer_id = p_reviewer_id ELSE d.id = p_decision_id END
     ORDER BY d.id DESC LIMIT 1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is nothing to take back' USING ERRCODE = 'NQ006', HINT = 'neanelu review log';
    END IF;
    IF v_old.item_kind = 'proposal' THEN
        PERFORM pim.undo_review(v_old.item_id);
    ELSE
        PERFORM matching.undo(v_old.item_id, p_reviewer_id);
    END IF;
    UPDATE neanelu.prod_review_decisions AS d SET undone_at = clock_timestamp(), undone_by = p_reviewer_id WHERE d.id = v_old.id;
    PERFORM pim._after_review(ARRAY(SELECT jsonb_array_elements_text(v_old.outcome -> 'products')::uuid), p_reviewer_id);
    RETURN QUERY SELECT v_old.id, v_old.item_kind::text, v_old.item_id, v_old.decision::text;
END
$$;
COMMENT ON FUNCTION pim.undo_review_decision(uuid, uuid) IS
    'Takes a decision back: the reviewer''s last that stands, or the one given, whoever made it. Locks: the decision, the products. '
    'Raises: NQ006 nothing to take back, and as pim.undo_review and matching.undo';

CREATE FUNCTION pim.review_log(p_reviewer_id uuid DEFAULT NULL, p_limit integer DEFAULT 20)
RETURNS TABLE (decision_id uuid, decided_at timestamptz, reviewer text, item_kind text, item_id uuid, decision text, subject text, notes text, undone_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT d.id, d.decided_at, r.name::text, d.item_kind::text, d.item_id, d.decision::text,
           concat_ws(': ', m.canonical_title, d.outcome ->> 'field', left(pim._value_text(d.outcome -> 'value'), 80)), d.notes, d.undone_at
      FROM neanelu.prod_review_decisions AS d
      JOIN neanelu.prod_reviewers AS r ON r.id = d.reviewer_id
      LEFT JOIN neanelu.prod_master AS m ON m.id = (d.outcome -> 'products' ->> 0)::uuid
     WHERE p_reviewer_id IS NULL OR d.reviewer_id = p_reviewer_id
     ORDER BY d.id DESC LIMIT p_limit
$$;
COMMENT ON FUNCTION pim.review_log(uuid, integer) IS 'The latest decisions, of one reviewer or of all. Reads only, takes no locks. Raises: nothing';

GRANT EXECUTE ON FUNCTION pim.review_queue(jsonb, integer), pim.review_kind(uuid), pim.review_item(text, uuid), pim.review_log(uuid, integer)
    TO neanelu_pim_editor, neanelu_analyst, neanelu_operator;
GRANT EXECUTE ON FUNCTION
    pim.reviewer(text), pim.claim_reviews(uuid, jsonb, interval, integer), pim.release_review(text, uuid, uuid, boolean),
    pim.decide_review(text, uuid, text, uuid, text), pim.undo_review_decision(uuid, uuid)
    TO neanelu_pim_editor, neanelu_operator;

COMMIT;
