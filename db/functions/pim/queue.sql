-- Deploy neanelu:functions/pim/queue to pg
-- requires: functions/pim/review_items
-- requires: functions/pim/review
-- What waits for people goes to one reviewer each at a time, with the evidence; what they decided, and how it is taken back.

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

CREATE FUNCTION pim.review_queue(p_filter jsonb DEFAULT '{}', p_limit integer DEFAULT 50)
RETURNS TABLE (item_kind text, item_id uuid, priority integer, product_id uuid, internal_sku text, title text, subject text, confidence numeric,
               created_at timestamptz, claimed_by text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT w.item_kind, w.item_id, w.priority, w.product_id, m.internal_sku::text, m.canonical_title,
           CASE w.item_kind WHEN 'proposal' THEN concat(w.field_path, ': ', left(pim._value_text(p.proposed_value), 80), ' (', s.name, ')')
                            WHEN 'cluster' THEN concat(d.member_count, ' records, ', lower(replace(d.cluster_type, '_', ' ')))
                            WHEN 'synonym' THEN concat('"', n.name, '" (', s.name, ') means ', substr(w.field_path, 7))
                            ELSE concat(left(coalesce(x.source_title, x.source_url), 80), ' (', s.name, ')') END,
           w.confidence, w.created_at, r.name::text
      FROM pim._waiting(p_filter, NULL, p_limit) AS w
      LEFT JOIN neanelu.prod_master AS m ON m.id = w.product_id
      LEFT JOIN neanelu.prod_proposals AS p ON w.item_kind = 'proposal' AND p.id = w.item_id
      LEFT JOIN neanelu.prod_dedupe_clusters AS d ON w.item_kind = 'cluster' AND d.id = w.item_id
      LEFT JOIN neanelu.prod_attr_mappings AS n ON w.item_kind = 'synonym' AND n.id = w.item_id
      LEFT JOIN neanelu.prod_similarity_matches AS x ON w.item_kind = 'match' AND x.id = w.item_id
      LEFT JOIN neanelu.prod_sources AS s ON s.id = coalesce(p.source_id, n.source_id, x.source_id)
      LEFT JOIN neanelu.prod_review_claims AS c ON c.item_kind = w.item_kind AND c.item_id = w.item_id AND c.expires_at > statement_timestamp()
      LEFT JOIN neanelu.prod_reviewers AS r ON r.id = c.reviewer_id
     ORDER BY w.priority DESC, w.item_id
$$;
COMMENT ON FUNCTION pim.review_queue(jsonb, integer) IS
    'What waits for review, with what it is about and who looks at it just now; filter as pim._waiting: {"kind": "proposal", "cluster", "synonym" or "match", "category" (with all below), '
    '"source", "field", "product", "min_priority"}. Reads only, takes no locks. Raises: 22P02';

CREATE FUNCTION pim._lock_item(p_kind text, p_item_id uuid)
RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    CASE
        WHEN p_kind = 'proposal' THEN
            PERFORM FROM neanelu.prod_proposals AS p WHERE p.id = p_item_id AND p.proposal_status = 'pending' FOR NO KEY UPDATE SKIP LOCKED;
        WHEN p_kind = 'cluster' THEN
            PERFORM FROM neanelu.prod_dedupe_clusters AS d WHERE d.id = p_item_id AND d.status = 'pending' FOR NO KEY UPDATE SKIP LOCKED;
        WHEN p_kind = 'synonym' THEN
            PERFORM FROM neanelu.prod_attr_mappings AS n WHERE n.id = p_item_id AND n.decision = 'proposed' FOR NO KEY UPDATE SKIP LOCKED;
        WHEN p_kind = 'match' THEN
            PERFORM FROM neanelu.prod_similarity_matches AS x WHERE x.id = p_item_id AND x.match_confidence = 'pending' FOR NO KEY UPDATE SKIP LOCKED;
    END CASE;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION pim._lock_item(text, uuid) IS
    'Locks an item that waits; false: it does not, or somebody is deciding about it. Locks: its row, SKIP LOCKED. Raises: 20000 another kind';

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
        CONTINUE WHEN NOT pim._lock_item(v_item.item_kind, v_item.item_id);
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
    ELSIF EXISTS (SELECT FROM neanelu.prod_attr_mappings AS n WHERE n.id = p_item_id) THEN
        RETURN 'synonym';
    ELSIF EXISTS (SELECT FROM neanelu.prod_similarity_matches AS x WHERE x.id = p_item_id) THEN
        RETURN 'match';
    END IF;
    RAISE EXCEPTION 'there is no proposal, cluster, synonym or match %', p_item_id USING ERRCODE = 'NQ004', HINT = 'neanelu review list';
END
$$;
COMMENT ON FUNCTION pim.review_kind(uuid) IS 'Whether an id is a proposal''s, a cluster''s, that of a name that may be a synonym, or that of a match. Reads only, takes no locks. Raises: NQ004 none of them';

-- Evidence ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim.review_item(p_kind text, p_item_id uuid)
RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_item jsonb := CASE p_kind WHEN 'proposal' THEN pim._proposal_evidence(p_item_id) WHEN 'cluster' THEN pim._cluster_evidence(p_item_id)
                                WHEN 'synonym' THEN pim._synonym_evidence(p_item_id) WHEN 'match' THEN pim._match_evidence(p_item_id) END;
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
    'cluster its records side by side and what made it; of a synonym the name with its values beside the attributes that it may mean; of a match the golden records and what '
    'the source says. Reads only, takes no locks. Raises: NQ004 there is none';

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

CREATE FUNCTION pim.decide_review(p_kind text, p_item_id uuid, p_decision text, p_reviewer_id uuid, p_notes text DEFAULT NULL, p_means text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, matching, pg_temp
AS $$
DECLARE
    v_item     jsonb := pim.review_item(p_kind, p_item_id);
    v_products constant uuid[] := ARRAY(SELECT jsonb_array_elements_text(v_item -> 'products')::uuid);
    v_before   jsonb;
    v_id       uuid;
BEGIN
    PERFORM pim._lock_products(v_products);
    PERFORM FROM neanelu.prod_attr_mappings AS n WHERE n.id = p_item_id AND p_kind = 'synonym' FOR UPDATE;
    v_item := pim.review_item(p_kind, p_item_id);
    PERFORM FROM neanelu.prod_review_claims AS c
      WHERE c.item_kind = p_kind AND c.item_id = p_item_id AND c.reviewer_id <> p_reviewer_id AND c.expires_at > clock_timestamp();
    IF FOUND THEN
        RAISE EXCEPTION '% looks at this % just now', v_item -> 'claim' ->> 'reviewer', p_kind USING ERRCODE = 'NQ005';
    END IF;
    IF v_item ->> 'status' <> 'pending' THEN
        RAISE EXCEPTION 'the % does not wait any more: it is %', p_kind, v_item ->> 'status' USING ERRCODE = 'NQ004';
    END IF;
    IF p_decision IS NULL OR p_decision NOT IN ('approve', 'reject') OR p_means IS NOT NULL AND (p_kind <> 'synonym' OR p_decision <> 'approve') THEN
        RAISE EXCEPTION 'a decision is approve or reject; what else a name means is said of names that are approved' USING ERRCODE = 'NQ012';
    END IF;
    CASE
        WHEN p_kind = 'proposal' THEN PERFORM pim.review_proposal(p_item_id, p_decision, p_reviewer_id, p_notes);
        WHEN p_kind = 'cluster' THEN PERFORM matching.decide_cluster(p_item_id, p_decision, p_reviewer_id, p_notes);
        WHEN p_kind = 'synonym' THEN v_before := pim._decide_synonym(p_item_id, p_decision, p_reviewer_id, p_means);
        WHEN p_kind = 'match' THEN v_before := pim._decide_match(p_item_id, p_decision, p_reviewer_id, p_notes);
    END CASE;
    INSERT INTO neanelu.prod_review_decisions (item_kind, item_id, decision, reviewer_id, notes, outcome)
    VALUES (p_kind, p_item_id, p_decision, p_reviewer_id, p_notes,
            jsonb_strip_nulls(jsonb_build_object('products', v_item -> 'products', 'field', coalesce('specs.' || nullif(v_before ->> 'code', ''), v_item -> 'field' ->> 'path'),
                                                 'value', v_item -> 'proposed' -> 'value'))
            || CASE WHEN v_before IS NULL THEN '{}' ELSE jsonb_build_object('before', v_before) END)
    RETURNING id INTO v_id;
    DELETE FROM neanelu.prod_review_claims AS c WHERE c.item_kind = p_kind AND c.item_id = p_item_id;
    PERFORM pim._after_review(v_products, p_reviewer_id);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION pim.decide_review(text, uuid, text, uuid, text, text) IS
    'A person approves or rejects an item; the products are decided, scored and described again. p_means: the attribute that a name means, when not the one proposed. '
    'Returns the decision. Needs no claim, but another''s is respected. Locks: the products, the item. Raises: NQ004 there is no such item or it does not wait, '
    'NQ005 somebody else looks at it, NQ012 no such decision, and as pim.review_proposal, matching.decide_cluster, normalise.review_mapping and pim._decide_match';

CREATE FUNCTION pim.undo_review_decision(p_reviewer_id uuid, p_decision_id uuid DEFAULT NULL)
RETURNS TABLE (decision_id uuid, item_kind text, item_id uuid, decision text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, matching, pg_temp
AS $$
DECLARE
    v_old      neanelu.prod_review_decisions;
    v_products uuid[];
BEGIN
    SELECT d.* INTO v_old FROM neanelu.prod_review_decisions AS d
     WHERE d.undone_at IS NULL AND CASE WHEN p_decision_id IS NULL THEN d.reviewer_id = p_reviewer_id ELSE d.id = p_decision_id END
     ORDER BY d.id DESC LIMIT 1 FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is nothing to take back' USING ERRCODE = 'NQ006', HINT = 'neanelu review log';
    END IF;
    v_products := ARRAY(SELECT jsonb_array_elements_text(v_old.outcome -> 'products')::uuid);
    CASE
        WHEN v_old.item_kind = 'proposal' THEN PERFORM pim.undo_review(v_old.item_id);
        WHEN v_old.item_kind = 'cluster' THEN PERFORM matching.undo(v_old.item_id, p_reviewer_id);
        WHEN v_old.item_kind = 'synonym' THEN v_products := pim._undo_synonym(v_old.outcome -> 'before');
        WHEN v_old.item_kind = 'match' THEN PERFORM pim._undo_match(v_old.item_id, v_old.outcome -> 'before', p_reviewer_id);
    END CASE;
    UPDATE neanelu.prod_review_decisions AS d SET undone_at = clock_timestamp(), undone_by = p_reviewer_id WHERE d.id = v_old.id;
    PERFORM pim._after_review(v_products, p_reviewer_id);
    RETURN QUERY SELECT v_old.id, v_old.item_kind::text, v_old.item_id, v_old.decision::text;
END
$$;
COMMENT ON FUNCTION pim.undo_review_decision(uuid, uuid) IS
    'Takes a decision back: the reviewer''s last that stands, or the one given, whoever made it. Locks: the decision, the products. '
    'Raises: NQ006 nothing to take back, or somebody decided otherwise since, and as pim.undo_review and matching.undo';

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
    pim.decide_review(text, uuid, text, uuid, text, text), pim.undo_review_decision(uuid, uuid)
    TO neanelu_pim_editor, neanelu_operator;

COMMIT;
