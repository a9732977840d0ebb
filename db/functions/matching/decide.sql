-- Deploy neanelu:functions/matching/decide to pg
-- requires: functions/matching/clusters
-- What people say about clusters and pairs, remembered; and taken back.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION matching._split(p_cluster_id uuid, p_product_id uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_new uuid;
BEGIN
    IF NOT EXISTS (SELECT FROM prod_dedupe_cluster_members AS m WHERE m.cluster_id = p_cluster_id AND m.product_id = p_product_id AND NOT m.is_canonical) THEN
        RAISE EXCEPTION 'product % is no member of the cluster that could be decided alone', p_product_id USING ERRCODE = 'NM003';
    END IF;
    IF (SELECT c.member_count = 2 FROM prod_dedupe_clusters AS c WHERE c.id = p_cluster_id) THEN
        RETURN p_cluster_id;
    END IF;
    INSERT INTO prod_dedupe_clusters (cluster_type, match_criteria, canonical_product_id, member_count, confidence_score)
    SELECT c.cluster_type, c.match_criteria || jsonb_build_object('split_from', c.id), c.canonical_product_id, 2, c.confidence_score
      FROM prod_dedupe_clusters AS c WHERE c.id = p_cluster_id
    RETURNING id INTO v_new;
    INSERT INTO prod_dedupe_cluster_members (cluster_id, product_id, similarity_score, match_fields, is_canonical)
    SELECT v_new, m.product_id, m.similarity_score, m.match_fields, m.is_canonical
      FROM prod_dedupe_cluster_members AS m WHERE m.cluster_id = p_cluster_id AND (m.is_canonical OR m.product_id = p_product_id);
    DELETE FROM prod_dedupe_cluster_members WHERE cluster_id = p_cluster_id AND product_id = p_product_id;
    PERFORM matching._count_members(ARRAY[p_cluster_id, v_new]);
    RETURN v_new;
END
$$;
COMMENT ON FUNCTION matching._split(uuid, uuid) IS
    'Puts one member of a pending cluster with the survivor into a cluster of their own, so that it can be decided alone; nothing to do where they are alone. Locks: the rows. Raises: NM003';

CREATE FUNCTION matching._validate(p_cluster_id uuid, p_verdict text, p_reviewer uuid, p_notes text) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    UPDATE prod_similarity_matches AS s
       SET match_confidence = p_verdict, validated_at = now(), validated_by = p_reviewer, validation_notes = p_notes, updated_at = now()
      FROM prod_dedupe_cluster_members AS m
     WHERE m.cluster_id = p_cluster_id AND s.match_confidence = 'pending' AND s.match_details ->> 'decided_for' = m.product_id::text
       AND s.product_id IN (SELECT x.product_id FROM prod_dedupe_cluster_members AS x WHERE x.cluster_id = p_cluster_id)
$$;
COMMENT ON FUNCTION matching._validate(uuid, text, uuid, text) IS
    'Writes what was decided about a cluster''s pairs where they were found: what calibration learns from. Locks: the rows. Raises: nothing';

CREATE FUNCTION matching._reject(p_cluster_id uuid, p_reviewer uuid, p_notes text) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    WITH rule AS (
        INSERT INTO prod_match_rules (low_id, high_id, rule, said_by, notes)
        SELECT least(c.canonical_product_id, m.product_id), greatest(c.canonical_product_id, m.product_id), 'cannot', p_reviewer, p_notes
          FROM prod_dedupe_clusters AS c JOIN prod_dedupe_cluster_members AS m ON m.cluster_id = c.id AND m.product_id <> c.canonical_product_id
         WHERE c.id = p_cluster_id
        ON CONFLICT (low_id, high_id) DO UPDATE SET rule = 'cannot', said_by = excluded.said_by, notes = excluded.notes, created_at = now()
    )
    UPDATE prod_dedupe_clusters SET status = 'rejected', reviewed_by = p_reviewer, reviewed_at = now(), updated_at = now() WHERE id = p_cluster_id
$$;
COMMENT ON FUNCTION matching._reject(uuid, uuid, text) IS
    'Remembers that no member of a cluster is the same product as its survivor. Locks: the rows. Raises: nothing';

CREATE FUNCTION matching.decide_cluster(p_cluster_id uuid, p_decision text, p_reviewer uuid DEFAULT NULL, p_notes text DEFAULT NULL, p_product_id uuid DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_cluster prod_dedupe_clusters := matching._lock_cluster(p_cluster_id);
    v_id      uuid := p_cluster_id;
BEGIN
    IF p_decision IS NULL OR p_decision NOT IN ('approve', 'reject') THEN
        RAISE EXCEPTION 'a decision is approve or reject, not %', coalesce(p_decision, 'NULL') USING ERRCODE = 'NM005';
    END IF;
    IF v_cluster.status NOT IN ('pending', 'confirmed') THEN
        RAISE EXCEPTION 'the cluster is %', v_cluster.status USING ERRCODE = 'NM002';
    END IF;
    IF p_product_id IS NOT NULL THEN
        v_id := matching._split(p_cluster_id, p_product_id);
        v_cluster := matching._lock_cluster(v_id);
    END IF;
    INSERT INTO prod_match_journal (action, cluster_id, survivor_id, done_by, notes, before)
    VALUES (p_decision, v_id, v_cluster.canonical_product_id, p_reviewer, p_notes, jsonb_build_object(
        'prod_dedupe_clusters', to_jsonb(v_cluster),
        'prod_match_rules', (SELECT jsonb_agg(r) FROM prod_match_rules AS r, prod_dedupe_cluster_members AS m
                              WHERE m.cluster_id = v_id AND r.low_id = least(m.product_id, v_cluster.canonical_product_id)
                                AND r.high_id = greatest(m.product_id, v_cluster.canonical_product_id)),
        'prod_similarity_matches', (SELECT jsonb_agg(s.id) FROM prod_similarity_matches AS s, prod_dedupe_cluster_members AS m
                              WHERE m.cluster_id = v_id AND s.match_confidence = 'pending' AND s.match_details ->> 'decided_for' = m.product_id::text
                                AND s.product_id IN (SELECT x.product_id FROM prod_dedupe_cluster_members AS x WHERE x.cluster_id = v_id))));
    PERFORM matching._validate(v_id, CASE p_decision WHEN 'approve' THEN 'confirmed' ELSE 'rejected' END, p_reviewer, p_notes);
    IF p_decision = 'approve' THEN
        PERFORM matching.merge(v_id, NULL, p_reviewer, p_notes);
    ELSE
        PERFORM matching._reject(v_id, p_reviewer, p_notes);
    END IF;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION matching.decide_cluster(uuid, text, uuid, text, uuid) IS
    'A person approves (the members are one product: they are merged) or rejects (they are not: remembered for ever) a cluster that waits, or one member of it, '
    'which then gets a cluster of its own. Returns the cluster that was decided. Locks: the products in the order of their ids, the cluster. '
    'Raises: NM001, NM002, NM003, NM004, NM005';

CREATE FUNCTION matching._undo_decision(p_entry neanelu.prod_match_journal) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, matching, pg_temp
AS $$
BEGIN
    UPDATE prod_similarity_matches AS s
       SET match_confidence = 'pending', validated_at = NULL, validated_by = NULL, validation_notes = NULL, updated_at = now()
     WHERE s.id IN (SELECT jsonb_array_elements_text(nullif(p_entry.before -> 'prod_similarity_matches', 'null'))::uuid);
    IF p_entry.action = 'reject' THEN
        DELETE FROM prod_match_rules AS r
         USING prod_dedupe_cluster_members AS m
         WHERE m.cluster_id = p_entry.cluster_id AND r.low_id = least(m.product_id, p_entry.survivor_id) AND r.high_id = greatest(m.product_id, p_entry.survivor_id);
        INSERT INTO prod_match_rules SELECT * FROM jsonb_populate_recordset(NULL::prod_match_rules, nullif(p_entry.before -> 'prod_match_rules', 'null'));
        UPDATE prod_dedupe_clusters AS c
           SET status = b.status, reviewed_by = b.reviewed_by, reviewed_at = b.reviewed_at, updated_at = b.updated_at
          FROM jsonb_populate_record(NULL::prod_dedupe_clusters, p_entry.before -> 'prod_dedupe_clusters') AS b
         WHERE c.id = b.id;
    END IF;
    UPDATE prod_match_journal SET undone_at = clock_timestamp() WHERE id = p_entry.id;
END
$$;
COMMENT ON FUNCTION matching._undo_decision(neanelu.prod_match_journal) IS
    'Takes back what a decision about a cluster wrote, but for merges. Locks: the rows. Raises: nothing';

CREATE FUNCTION matching.undo(p_cluster_id uuid, p_reviewer uuid DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_cluster  constant prod_dedupe_clusters := matching._lock_cluster(p_cluster_id);
    v_decision prod_match_journal;
    v_merge    prod_match_journal;
    v_undone   integer := 0;
BEGIN
    SELECT * INTO v_decision FROM prod_match_journal AS j
     WHERE j.cluster_id = v_cluster.id AND j.action IN ('approve', 'reject') AND j.undone_at IS NULL ORDER BY j.id DESC LIMIT 1;
    FOR v_merge IN
        SELECT * FROM prod_match_journal AS j
         WHERE j.cluster_id = v_cluster.id AND j.action = 'merge' AND j.undone_at IS NULL AND j.id > coalesce(v_decision.id, 0) ORDER BY j.id DESC
    LOOP
        PERFORM matching._unmerge(v_merge, p_reviewer, 'undo');
        v_undone := v_undone + 1;
    END LOOP;
    IF v_decision.id IS NOT NULL THEN
        PERFORM matching._undo_decision(v_decision);
        v_undone := v_undone + 1;
    END IF;
    IF v_undone = 0 THEN
        RAISE EXCEPTION 'there is nothing to undo about cluster %', p_cluster_id USING ERRCODE = 'NM007';
    END IF;
    RETURN v_undone;
END
$$;
COMMENT ON FUNCTION matching.undo(uuid, uuid) IS
    'Takes back the last decision about a cluster that stands, and the merges that it, or somebody or something else, made after it. Returns how many entries of '
    'the journal were undone. Locks: the products in the order of their ids, the cluster. Raises: NM001, NM007, NM008';

CREATE FUNCTION matching._pair_cluster(p_a uuid, p_b uuid, p_notes text) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    INSERT INTO prod_dedupe_clusters (cluster_type, match_criteria, canonical_product_id, member_count, confidence_score)
    VALUES ('EXACT_MATCH', jsonb_build_object('said', p_notes), p_a, 2, 1)
    RETURNING id INTO v_id;
    INSERT INTO prod_dedupe_cluster_members (cluster_id, product_id, similarity_score, match_fields, is_canonical)
    VALUES (v_id, p_a, 1, '{}', true), (v_id, p_b, 1, '{"manual": 1}', false);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION matching._pair_cluster(uuid, uuid, text) IS 'A cluster of two golden records that somebody says are one product. Locks: none of others. Raises: nothing';

CREATE FUNCTION matching.link(p_a uuid, p_b uuid, p_rule text, p_reviewer uuid DEFAULT NULL, p_notes text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_a  uuid;
    v_b  uuid;
    v_id uuid;
BEGIN
    PERFORM FROM prod_master AS m WHERE m.id IN (p_a, p_b) ORDER BY m.id FOR UPDATE;
    v_a := matching._survivor(p_a);
    v_b := matching._survivor(p_b);
    IF p_rule IS NULL OR p_rule NOT IN ('must', 'cannot', 'none') OR v_a IS NULL OR v_b IS NULL OR p_a = p_b THEN
        RAISE EXCEPTION 'two golden records, and must, cannot or none' USING ERRCODE = 'NM005';
    END IF;
    IF p_rule = 'cannot' AND v_a = v_b THEN
        RAISE EXCEPTION 'the two are merged' USING ERRCODE = 'NM004', HINT = 'matching.unmerge takes them apart, and remembers it.';
    END IF;
    DELETE FROM prod_match_rules WHERE low_id = least(p_a, p_b) AND high_id = greatest(p_a, p_b);
    IF p_rule <> 'none' THEN
        IF p_rule = 'must' AND v_a <> v_b THEN
            IF matching._are_never_one(v_a, v_b) THEN
                RAISE EXCEPTION 'somebody said of others that were merged with them that they are never the same' USING ERRCODE = 'NM004';
            END IF;
            v_id := matching._pair_cluster(v_a, v_b, p_notes);
            PERFORM matching.merge(v_id, NULL, p_reviewer, p_notes);
        END IF;
        INSERT INTO prod_match_rules (low_id, high_id, rule, said_by, notes) VALUES (least(p_a, p_b), greatest(p_a, p_b), p_rule, p_reviewer, p_notes);
        INSERT INTO prod_match_journal (action, cluster_id, product_id, survivor_id, done_by, notes)
        VALUES (p_rule, v_id, least(p_a, p_b), greatest(p_a, p_b), p_reviewer, p_notes);
    END IF;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION matching.link(uuid, uuid, text, uuid, text) IS
    'Remembers what somebody says about two golden records: must (they are one product: merged at once, returns the cluster), cannot (never suggested and never '
    'merged), none (forget what was said). Idempotent. Locks: the products in the order of their ids. Raises: NM004, NM005';

GRANT EXECUTE ON FUNCTION matching.decide_cluster(uuid, text, uuid, text, uuid), matching.undo(uuid, uuid), matching.link(uuid, uuid, text, uuid, text)
    TO neanelu_pim_editor, neanelu_operator, neanelu_app;

COMMIT;
