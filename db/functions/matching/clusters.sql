-- Deploy neanelu:functions/matching/clusters to pg
-- requires: functions/matching/sessions
-- requires: functions/pim/consensus
-- Golden records become one, and two again. The one that goes stays as it was, as duplicate; what sources say moves to the survivor and is
-- noted in the journal row by row, so that it can go back.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION matching._family(p_product_id uuid) RETURNS uuid[]
LANGUAGE sql STABLE STRICT
SET search_path = neanelu, pg_temp
AS $$
    WITH RECURSIVE family AS (
        SELECT p_product_id AS id
        UNION
        SELECT d.id
          FROM family AS f
          JOIN prod_dedupe_clusters AS c ON c.canonical_product_id = f.id AND c.status = 'merged'
          JOIN prod_master AS d ON d.dedupe_cluster_id = c.id AND d.dedupe_status = 'duplicate'
    )
    SELECT array_agg(f.id) FROM family AS f
$$;
COMMENT ON FUNCTION matching._family(uuid) IS 'A golden record and all that were merged into it, also by way of others. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._survivor(p_product_id uuid) RETURNS uuid
LANGUAGE sql STABLE STRICT
SET search_path = neanelu, pg_temp
AS $$
    WITH RECURSIVE up AS (
        SELECT m.id, m.dedupe_status, m.dedupe_cluster_id, 0 AS step FROM prod_master AS m WHERE m.id = p_product_id
        UNION ALL
        SELECT m.id, m.dedupe_status, m.dedupe_cluster_id, u.step + 1
          FROM up AS u
          JOIN prod_dedupe_clusters AS c ON c.id = u.dedupe_cluster_id
          JOIN prod_master AS m ON m.id = c.canonical_product_id
         WHERE u.dedupe_status = 'duplicate' AND u.step < 100
    )
    SELECT u.id FROM up AS u ORDER BY u.step DESC LIMIT 1
$$;
COMMENT ON FUNCTION matching._survivor(uuid) IS 'The golden record that one was merged into, in the end; itself when it was not. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._are_never_one(p_a uuid, p_b uuid) RETURNS boolean
LANGUAGE sql STABLE STRICT
SET search_path = neanelu, matching, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM unnest(matching._family(p_a)) AS a, unnest(matching._family(p_b)) AS b, prod_match_rules AS r
         WHERE r.low_id = least(a, b) AND r.high_id = greatest(a, b) AND r.rule = 'cannot')
$$;
COMMENT ON FUNCTION matching._are_never_one(uuid, uuid) IS
    'Whether somebody said of the two golden records, or of any merged into them, that they are never the same. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._choose_survivor(p_cluster_id uuid) RETURNS uuid
LANGUAGE sql STABLE STRICT
SET search_path = neanelu, pg_temp
AS $$
    SELECT m.id
      FROM prod_dedupe_cluster_members AS c
      JOIN prod_master AS m ON m.id = c.product_id
     WHERE c.cluster_id = p_cluster_id AND m.dedupe_status <> 'duplicate'
     ORDER BY m.quality_score DESC NULLS LAST, (SELECT count(DISTINCT l.source_id) FROM prod_match_links AS l WHERE l.product_id = m.id) DESC,
              m.created_at, m.id
     LIMIT 1
$$;
COMMENT ON FUNCTION matching._choose_survivor(uuid) IS
    'Who stays of a cluster: the best quality, then the most sources, then the oldest. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._snapshot(p_cluster_id uuid, p_loser uuid, p_survivor uuid) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, pg_temp
AS $$
    SELECT jsonb_build_object(
        'prod_dedupe_clusters', (SELECT to_jsonb(c) FROM prod_dedupe_clusters AS c WHERE c.id = p_cluster_id),
        'prod_dedupe_cluster_members', (SELECT jsonb_agg(m ORDER BY m.product_id) FROM prod_dedupe_cluster_members AS m WHERE m.cluster_id = p_cluster_id),
        'prod_master', (SELECT jsonb_agg(jsonb_build_object('id', m.id, 'dedupe_status', m.dedupe_status, 'dedupe_cluster_id', m.dedupe_cluster_id, 'updated_at', m.updated_at))
                          FROM prod_master AS m WHERE m.id IN (p_loser, p_survivor)),
        'prod_match_keys', (SELECT coalesce(jsonb_agg(k), '[]') FROM prod_match_keys AS k WHERE k.product_id IN (p_loser, p_survivor)),
        'prod_proposals', (SELECT jsonb_agg(p.id) FROM prod_proposals AS p WHERE p.product_id = p_loser),
        'prod_channel_mappings', (SELECT jsonb_agg(c.id) FROM prod_channel_mappings AS c WHERE c.product_id = p_loser),
        'prod_similarity_matches', (SELECT jsonb_agg(jsonb_build_object('id', s.id, 'is_primary_source', s.is_primary_source))
                                      FROM prod_similarity_matches AS s WHERE s.product_id = p_loser),
        'prod_match_links', (SELECT jsonb_agg(jsonb_build_object('source_id', l.source_id, 'source_key', l.source_key)) FROM prod_match_links AS l WHERE l.product_id = p_loser))
$$;
COMMENT ON FUNCTION matching._snapshot(uuid, uuid, uuid) IS
    'What a merge of two golden records will change, as it is now. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._adopt_decisions(p_loser uuid, p_survivor uuid) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, pim, pg_temp
AS $$
    WITH said AS (
        SELECT d.* FROM prod_field_decisions AS d WHERE d.product_id = p_loser AND d.replaced_at IS NULL AND d.withdrawn_at IS NULL
    ), free AS (
        SELECT s.field_path FROM said AS s
        EXCEPT
        -- A value that a person gave the survivor stands, and so does that they refused it one.
        SELECT s.field_path FROM said AS s
          JOIN prod_field_decisions AS o ON o.product_id = p_survivor AND o.field_path = s.field_path AND o.replaced_at IS NULL AND o.withdrawn_at IS NULL
         WHERE o.kind <> 'reject' OR s.kind <> 'reject' AND pim._value_key(o.value) = pim._value_key(s.value)
    )
    UPDATE prod_field_decisions AS d SET product_id = p_survivor, moved_from = d.moved_from || p_loser
      FROM free AS f WHERE d.product_id = p_loser AND d.field_path = f.field_path
$$;
COMMENT ON FUNCTION matching._adopt_decisions(uuid, uuid) IS
    'What people decided about fields of a merged golden record holds for the survivor where nothing was decided about that. Idempotent. Locks: the rows. Raises: nothing';

CREATE FUNCTION matching._return_decisions(p_loser uuid, p_survivor uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, matching, pg_temp
AS $$
BEGIN
    UPDATE prod_field_decisions AS d
       SET product_id = p_loser, moved_from = d.moved_from[:cardinality(d.moved_from) - 1],
           replaced_at = CASE WHEN NOT w.is_free THEN d.replaced_at END, replaced_by_id = CASE WHEN NOT w.is_free THEN d.replaced_by_id END
      FROM (SELECT b.id,
                   -- What a person put in its place since stays with the survivor: where it was said it is in force again.
                   n.id IS NOT NULL AND n.moved_from[cardinality(n.moved_from)] IS DISTINCT FROM p_loser
                   AND (b.kind = 'reject' OR NOT EXISTS (
                        SELECT FROM prod_field_decisions AS o WHERE o.product_id = p_loser AND o.field_path = b.field_path AND o.kind <> 'reject'
                           AND o.replaced_at IS NULL AND o.withdrawn_at IS NULL)) AS is_free
              FROM prod_field_decisions AS b LEFT JOIN prod_field_decisions AS n ON n.id = b.replaced_by_id
             WHERE b.product_id = p_survivor AND b.moved_from[cardinality(b.moved_from)] = p_loser) AS w
     WHERE d.id = w.id;
    -- Others that were merged into it may have something to say about the same fields.
    PERFORM matching._adopt_decisions(j.product_id, p_survivor)
       FROM (SELECT m.product_id FROM prod_match_journal AS m
              WHERE m.survivor_id = p_survivor AND m.action = 'merge' AND m.undone_at IS NULL AND m.product_id <> p_loser ORDER BY m.id) AS j;
END
$$;
COMMENT ON FUNCTION matching._return_decisions(uuid, uuid) IS
    'Gives a golden record that is taken out of another back what people had decided about it; then what they decided about others that were merged holds where it '
    'now can. Locks: the rows. Raises: nothing';

CREATE FUNCTION matching._merge_one(p_cluster_id uuid, p_loser uuid, p_survivor uuid, p_reviewer uuid, p_notes text) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_entry bigint;
BEGIN
    INSERT INTO prod_match_journal (action, cluster_id, product_id, survivor_id, done_by, notes, before)
    VALUES ('merge', p_cluster_id, p_loser, p_survivor, p_reviewer, p_notes, matching._snapshot(p_cluster_id, p_loser, p_survivor))
    RETURNING id INTO v_entry;
    UPDATE prod_proposals SET product_id = p_survivor WHERE product_id = p_loser;
    UPDATE prod_channel_mappings SET product_id = p_survivor WHERE product_id = p_loser;
    UPDATE prod_similarity_matches SET product_id = p_survivor, is_primary_source = false WHERE product_id = p_loser;
    UPDATE prod_match_links SET product_id = p_survivor WHERE product_id = p_loser;
    UPDATE prod_master SET dedupe_status = 'duplicate', dedupe_cluster_id = p_cluster_id, updated_at = now() WHERE id = p_loser;
    UPDATE prod_master SET dedupe_status = 'merged', dedupe_cluster_id = p_cluster_id, updated_at = now() WHERE id = p_survivor;
    PERFORM matching._adopt_decisions(p_loser, p_survivor);
    PERFORM matching.refresh_keys(ARRAY[p_loser, p_survivor]);
    RETURN v_entry;
END
$$;
COMMENT ON FUNCTION matching._merge_one(uuid, uuid, uuid, uuid, text) IS
    'Merges one golden record into another: what sources said about it, its channels and matches move, and what people decided where '
    'nothing was decided about the other; its versions, texts and vectors stay with it. '
    'Returns the journal entry. Locks: the rows. Raises: nothing of its own';

CREATE FUNCTION matching._lock_cluster(p_cluster_id uuid) RETURNS neanelu.prod_dedupe_clusters
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_cluster prod_dedupe_clusters;
BEGIN
    PERFORM FROM prod_master AS m
      WHERE m.id IN (SELECT c.product_id FROM prod_dedupe_cluster_members AS c WHERE c.cluster_id = p_cluster_id) ORDER BY m.id FOR UPDATE;
    SELECT * INTO v_cluster FROM prod_dedupe_clusters AS c WHERE c.id = p_cluster_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no cluster %', coalesce(p_cluster_id::text, 'NULL') USING ERRCODE = 'NM001';
    END IF;
    RETURN v_cluster;
END
$$;
COMMENT ON FUNCTION matching._lock_cluster(uuid) IS 'Locks the golden records of a cluster in the order of their ids, then the cluster. Raises: NM001';

CREATE FUNCTION matching._tell(p_product_ids uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    IF to_regprocedure('pim.request_decisions(uuid[])') IS NOT NULL THEN
        PERFORM pim.request_decisions(p_product_ids);
    END IF;
END
$$;
COMMENT ON FUNCTION matching._tell(uuid[]) IS 'Asks that golden records be decided anew, for other sources speak about them now. Locks: none of others. Raises: nothing';

CREATE FUNCTION matching.merge(p_cluster_id uuid, p_survivor uuid DEFAULT NULL, p_reviewer uuid DEFAULT NULL, p_notes text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_cluster  constant prod_dedupe_clusters := matching._lock_cluster(p_cluster_id);
    v_survivor constant uuid := coalesce(p_survivor, matching._choose_survivor(p_cluster_id));
    v_losers   uuid[];
BEGIN
    IF v_cluster.status NOT IN ('pending', 'confirmed') THEN
        RAISE EXCEPTION 'the cluster is %', v_cluster.status USING ERRCODE = 'NM002';
    END IF;
    IF NOT EXISTS (SELECT FROM prod_dedupe_cluster_members AS m JOIN prod_master AS p ON p.id = m.product_id
                    WHERE m.cluster_id = p_cluster_id AND m.product_id = v_survivor AND p.dedupe_status <> 'duplicate') THEN
        RAISE EXCEPTION 'product % is no member of the cluster that could survive', coalesce(v_survivor::text, 'NULL') USING ERRCODE = 'NM003';
    END IF;
    v_losers := ARRAY(SELECT m.product_id FROM prod_dedupe_cluster_members AS m JOIN prod_master AS p ON p.id = m.product_id
                       WHERE m.cluster_id = p_cluster_id AND m.product_id <> v_survivor AND p.dedupe_status <> 'duplicate' ORDER BY m.product_id);
    IF v_losers = '{}' THEN
        RAISE EXCEPTION 'there is nothing to merge in the cluster' USING ERRCODE = 'NM002';
    END IF;
    IF EXISTS (SELECT FROM unnest(v_losers || v_survivor) AS a, unnest(v_losers || v_survivor) AS b WHERE a < b AND matching._are_never_one(a, b)) THEN
        RAISE EXCEPTION 'somebody said that two of the products are never the same' USING ERRCODE = 'NM004';
    END IF;
    PERFORM matching._merge_one(p_cluster_id, l, v_survivor, p_reviewer, p_notes) FROM unnest(v_losers) AS l;
    UPDATE prod_dedupe_cluster_members SET is_canonical = false WHERE cluster_id = p_cluster_id AND is_canonical AND product_id <> v_survivor;
    UPDATE prod_dedupe_cluster_members SET is_canonical = true WHERE cluster_id = p_cluster_id AND product_id = v_survivor AND NOT is_canonical;
    UPDATE prod_dedupe_clusters
       SET status = 'merged', canonical_product_id = v_survivor, reviewed_by = p_reviewer, reviewed_at = now(), updated_at = now()
     WHERE id = p_cluster_id;
    PERFORM matching._tell(ARRAY[v_survivor]);
    RETURN v_survivor;
END
$$;
COMMENT ON FUNCTION matching.merge(uuid, uuid, uuid, text) IS
    'Makes the golden records of a cluster one and returns the survivor: the one given, else the best. What sources said, channels and matches move to it; the '
    'others stay as duplicates. Each step is in the journal. Not idempotent: NM002 the second time. Locks: the products in the order of their ids, the cluster. '
    'Raises: NM001, NM002, NM003, NM004';

CREATE FUNCTION matching._restore_references(p_entry neanelu.prod_match_journal) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    WITH proposal AS (
        UPDATE prod_proposals AS p SET product_id = p_entry.product_id
         WHERE p.product_id = p_entry.survivor_id AND p.id IN (SELECT jsonb_array_elements_text(nullif(p_entry.before -> 'prod_proposals', 'null'))::uuid)
    ), channel AS (
        UPDATE prod_channel_mappings AS c SET product_id = p_entry.product_id
         WHERE c.product_id = p_entry.survivor_id AND c.id IN (SELECT jsonb_array_elements_text(nullif(p_entry.before -> 'prod_channel_mappings', 'null'))::uuid)
    ), similarity AS (
        UPDATE prod_similarity_matches AS s SET product_id = p_entry.product_id, is_primary_source = b.is_primary_source
          FROM jsonb_to_recordset(nullif(p_entry.before -> 'prod_similarity_matches', 'null')) AS b (id uuid, is_primary_source boolean)
         WHERE s.product_id = p_entry.survivor_id AND s.id = b.id
    ), link AS (
        UPDATE prod_match_links AS l SET product_id = p_entry.product_id
          FROM jsonb_to_recordset(nullif(p_entry.before -> 'prod_match_links', 'null')) AS b (source_id uuid, source_key text)
         WHERE l.product_id = p_entry.survivor_id AND l.source_id = b.source_id AND l.source_key = b.source_key
        RETURNING l.session_id
    )
    -- What the product's sources said since the merge is about it, too.
    UPDATE prod_proposals AS p SET product_id = p_entry.product_id
      FROM link AS l
     WHERE p.product_id = p_entry.survivor_id AND p.extraction_session_id = l.session_id
       AND p.id NOT IN (SELECT jsonb_array_elements_text(nullif(p_entry.before -> 'prod_proposals', 'null'))::uuid)
$$;
COMMENT ON FUNCTION matching._restore_references(neanelu.prod_match_journal) IS
    'Gives a golden record back what a merge moved away from it, and what its sources said since. Locks: the rows. Raises: nothing';

CREATE FUNCTION matching._restore_products(p_entry neanelu.prod_match_journal, p_is_last boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_first constant prod_match_journal := (SELECT j FROM prod_match_journal AS j
        WHERE j.cluster_id = p_entry.cluster_id AND j.survivor_id = p_entry.survivor_id AND j.action = 'merge' AND j.done_at = p_entry.done_at ORDER BY j.id LIMIT 1);
BEGIN
    -- The survivor is what it was before the first merge of the cluster only when nothing merged is left in it.
    UPDATE prod_master AS m
       SET dedupe_status = b.dedupe_status, dedupe_cluster_id = b.dedupe_cluster_id,
           updated_at = CASE WHEN m.updated_at = p_entry.done_at THEN b.updated_at ELSE now() END
      FROM jsonb_to_recordset(CASE WHEN p_is_last THEN v_first.before ELSE p_entry.before END -> 'prod_master')
           AS b (id uuid, dedupe_status text, dedupe_cluster_id uuid, updated_at timestamptz)
     WHERE m.id = b.id AND p_is_last AND m.id = p_entry.survivor_id;
    UPDATE prod_master AS m
       SET dedupe_status = b.dedupe_status, dedupe_cluster_id = b.dedupe_cluster_id,
           updated_at = CASE WHEN m.updated_at = p_entry.done_at THEN b.updated_at ELSE now() END
      FROM jsonb_to_recordset(p_entry.before -> 'prod_master') AS b (id uuid, dedupe_status text, dedupe_cluster_id uuid, updated_at timestamptz)
     WHERE m.id = b.id AND m.id = p_entry.product_id;
    PERFORM matching._put_keys(ARRAY(
        SELECT k FROM jsonb_populate_recordset(NULL::prod_match_keys,
            CASE WHEN p_is_last THEN v_first.before ELSE p_entry.before END -> 'prod_match_keys') AS k WHERE k.product_id = p_entry.survivor_id AND p_is_last
        UNION ALL
        SELECT k FROM jsonb_populate_recordset(NULL::prod_match_keys, p_entry.before -> 'prod_match_keys') AS k WHERE k.product_id = p_entry.product_id));
    IF NOT p_is_last THEN
        PERFORM matching.refresh_keys(ARRAY[p_entry.survivor_id]);
    END IF;
END
$$;
COMMENT ON FUNCTION matching._restore_products(neanelu.prod_match_journal, boolean) IS
    'Makes two golden records what they were before a merge, and what they are found by. Locks: the rows. Raises: nothing of its own';

CREATE FUNCTION matching._restore_cluster(p_entry neanelu.prod_match_journal, p_is_last boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_before constant jsonb := (SELECT j.before FROM prod_match_journal AS j
        WHERE j.cluster_id = p_entry.cluster_id AND j.survivor_id = p_entry.survivor_id AND j.action = 'merge' AND j.done_at = p_entry.done_at ORDER BY j.id LIMIT 1);
BEGIN
    DELETE FROM prod_dedupe_cluster_members WHERE cluster_id = p_entry.cluster_id AND (p_is_last OR product_id = p_entry.product_id);
    IF p_is_last THEN
        INSERT INTO prod_dedupe_cluster_members
        SELECT b.* FROM jsonb_populate_recordset(NULL::prod_dedupe_cluster_members, v_before -> 'prod_dedupe_cluster_members') AS b;
        UPDATE prod_dedupe_clusters AS c
           SET status = b.status, canonical_product_id = b.canonical_product_id, member_count = b.member_count, confidence_score = b.confidence_score,
               reviewed_by = b.reviewed_by, reviewed_at = b.reviewed_at, match_criteria = b.match_criteria, updated_at = b.updated_at
          FROM jsonb_populate_record(NULL::prod_dedupe_clusters, v_before -> 'prod_dedupe_clusters') AS b
         WHERE c.id = b.id;
    ELSE
        PERFORM matching._count_members(ARRAY[p_entry.cluster_id]);
    END IF;
END
$$;
COMMENT ON FUNCTION matching._restore_cluster(neanelu.prod_match_journal, boolean) IS
    'Takes a golden record out of a cluster; the last one that was merged makes the cluster what it was before. Locks: the rows. Raises: nothing';

CREATE FUNCTION matching._unmerge(p_entry neanelu.prod_match_journal, p_reviewer uuid, p_notes text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_is_last boolean;
BEGIN
    IF EXISTS (SELECT FROM prod_master AS m WHERE m.id = p_entry.survivor_id AND m.dedupe_status = 'duplicate') THEN
        RAISE EXCEPTION 'the product that it was merged into was merged itself since' USING ERRCODE = 'NM008',
            DETAIL = format('survivor %s', p_entry.survivor_id), HINT = 'Unmerge that first.';
    END IF;
    UPDATE prod_match_journal SET undone_at = clock_timestamp() WHERE id = p_entry.id;
    v_is_last := NOT EXISTS (SELECT FROM prod_master AS m
                              WHERE m.dedupe_cluster_id = p_entry.cluster_id AND m.dedupe_status = 'duplicate' AND m.id <> p_entry.product_id);
    PERFORM matching._restore_references(p_entry);
    PERFORM matching._return_decisions(p_entry.product_id, p_entry.survivor_id);
    PERFORM matching._restore_products(p_entry, v_is_last);
    PERFORM matching._restore_cluster(p_entry, v_is_last);
    INSERT INTO prod_match_journal (action, cluster_id, product_id, survivor_id, done_by, notes, undoes)
    VALUES ('unmerge', p_entry.cluster_id, p_entry.product_id, p_entry.survivor_id, p_reviewer, p_notes, p_entry.id);
    PERFORM matching._tell(ARRAY[p_entry.product_id, p_entry.survivor_id]);
END
$$;
COMMENT ON FUNCTION matching._unmerge(neanelu.prod_match_journal, uuid, text) IS 'Undoes one merge by its journal entry. Locks: the rows. Raises: NM008';

CREATE FUNCTION matching.unmerge(p_cluster_id uuid, p_product_id uuid, p_reviewer uuid DEFAULT NULL, p_notes text DEFAULT NULL, p_remember boolean DEFAULT true)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_cluster constant prod_dedupe_clusters := matching._lock_cluster(p_cluster_id);
    v_entry   prod_match_journal;
BEGIN
    SELECT * INTO v_entry FROM prod_match_journal AS j
     WHERE j.cluster_id = v_cluster.id AND j.product_id = p_product_id AND j.action = 'merge' AND j.undone_at IS NULL ORDER BY j.id DESC LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'product % was not merged in this cluster', coalesce(p_product_id::text, 'NULL') USING ERRCODE = 'NM003';
    END IF;
    PERFORM matching._unmerge(v_entry, p_reviewer, p_notes);
    IF p_remember THEN
        INSERT INTO prod_match_rules (low_id, high_id, rule, said_by, notes)
        VALUES (least(v_entry.product_id, v_entry.survivor_id), greatest(v_entry.product_id, v_entry.survivor_id), 'cannot', p_reviewer, p_notes)
        ON CONFLICT (low_id, high_id) DO UPDATE SET rule = 'cannot', said_by = excluded.said_by, notes = excluded.notes, created_at = now();
    END IF;
END
$$;
COMMENT ON FUNCTION matching.unmerge(uuid, uuid, uuid, text, boolean) IS
    'Takes a merged golden record out of the one it was merged into: it, its proposals, channels, matches and links are as before, and when it was the last the '
    'cluster is too. Unless p_remember is false it is remembered that the two are never the same. Locks: the products in the order of their ids, the cluster. '
    'Raises: NM001, NM003, NM008';

GRANT EXECUTE ON FUNCTION matching.merge(uuid, uuid, uuid, text), matching.unmerge(uuid, uuid, uuid, text, boolean) TO neanelu_pim_editor, neanelu_operator, neanelu_app;

COMMIT;
