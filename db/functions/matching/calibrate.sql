-- Deploy neanelu:functions/matching/calibrate to pg
-- requires: functions/matching/decide
-- Thresholds learn from what people said about pairs.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION matching.reviewed_pairs(p_model text, p_taxonomy_id uuid DEFAULT NULL) RETURNS TABLE (score numeric, is_match boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH RECURSIVE below AS (
        SELECT t.id FROM prod_taxonomy AS t WHERE t.id = p_taxonomy_id
        UNION ALL
        SELECT t.id FROM below AS b JOIN prod_taxonomy AS t ON t.parent_id = b.id
    )
    SELECT s.similarity_score, s.match_confidence = 'confirmed'
      FROM prod_similarity_matches AS s
      JOIN prod_master AS m ON m.id = s.product_id
     WHERE s.validated_at IS NOT NULL AND s.match_confidence IN ('confirmed', 'rejected') AND coalesce(s.match_details ->> 'model', 'evidence/1') = p_model
       AND (p_taxonomy_id IS NULL OR m.taxonomy_id IN (SELECT b.id FROM below AS b))
    UNION ALL
    -- Golden records that were compared with one another have their score in the cluster alone.
    SELECT c.similarity_score, j.action = 'approve' AND NOT EXISTS (
               SELECT FROM prod_match_rules AS r
                WHERE r.low_id = least(c.product_id, j.survivor_id) AND r.high_id = greatest(c.product_id, j.survivor_id) AND r.rule = 'cannot')
      FROM prod_match_journal AS j
      JOIN prod_dedupe_clusters AS d ON d.id = j.cluster_id
      JOIN prod_dedupe_cluster_members AS c ON c.cluster_id = j.cluster_id AND c.product_id <> j.survivor_id
      JOIN prod_master AS m ON m.id = j.survivor_id
     WHERE j.action IN ('approve', 'reject') AND j.undone_at IS NULL AND d.match_criteria ->> 'model' = p_model AND c.similarity_score IS NOT NULL
       AND NOT EXISTS (SELECT FROM prod_similarity_matches AS s
                        WHERE s.product_id IN (c.product_id, j.survivor_id, d.canonical_product_id) AND s.validated_at IS NOT NULL
                          AND s.match_details ->> 'decided_for' = c.product_id::text)
       AND (p_taxonomy_id IS NULL OR m.taxonomy_id IN (SELECT b.id FROM below AS b))
$$;
COMMENT ON FUNCTION matching.reviewed_pairs(text, uuid) IS
    'Scores of pairs that people decided about, as matches or in clusters, and what they said; of a category and all below it. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._best_threshold(p_scores numeric[], p_matches boolean[], p_precision numeric, p_old numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH pair AS (
        SELECT u.score, u.is_match FROM unnest(p_scores, p_matches) AS u (score, is_match)
    ), tried AS (
        SELECT c.threshold, count(p.score) AS above, avg(p.is_match::integer) AS reached
          FROM (SELECT DISTINCT score FROM pair UNION SELECT p_old UNION SELECT 1.0) AS c (threshold)
          LEFT JOIN pair AS p ON p.score >= c.threshold
         GROUP BY c.threshold
    )
    SELECT coalesce(
        (SELECT t.threshold FROM tried AS t
          WHERE (t.reached IS NULL OR t.reached >= p_precision)
            AND coalesce(t.reached, 1) >= coalesce((SELECT o.reached FROM tried AS o WHERE o.threshold = p_old), 0)
            -- Further down only on the word of thirty pairs or more.
            AND (t.threshold >= p_old OR t.above >= 30)
            -- Nothing below may be better told apart from it: no pair of the same score is left out.
          ORDER BY t.threshold LIMIT 1),
        (SELECT t.threshold FROM tried AS t WHERE t.threshold >= p_old ORDER BY coalesce(t.reached, 1) DESC, t.threshold LIMIT 1))
$$;
COMMENT ON FUNCTION matching._best_threshold(numeric[], boolean[], numeric, numeric) IS
    'The lowest threshold at which pairs with that score or more are right as often as wanted, and never less often than at the old one; when none is, that at '
    'which they are right most often. Below the old one only when thirty pairs speak for it. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching.calibrate(p_model text DEFAULT 'evidence/1', p_taxonomy_id uuid DEFAULT NULL, p_precision numeric DEFAULT 0.98)
RETURNS TABLE (merge_at numeric, review_at numeric, reached_precision numeric, reached_recall numeric, pairs integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_scores  numeric[];
    v_matches boolean[];
    v_old     prod_match_thresholds;
    v_new     numeric;
BEGIN
    IF p_precision IS NULL OR p_precision <= 0 OR p_precision > 1 THEN
        RAISE EXCEPTION 'a precision is over 0 and at most 1, not %', coalesce(p_precision::text, 'NULL') USING ERRCODE = 'NM005';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('matching.calibrate', 0));
    SELECT * INTO v_old FROM prod_match_thresholds AS t
     WHERE t.model = p_model AND (t.taxonomy_id = p_taxonomy_id OR t.taxonomy_id IS NULL) ORDER BY t.taxonomy_id NULLS LAST LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no model %', coalesce(p_model, 'NULL') USING ERRCODE = 'NM005', HINT = 'SELECT model FROM neanelu.prod_match_thresholds';
    END IF;
    SELECT array_agg(r.score), array_agg(r.is_match) INTO v_scores, v_matches FROM matching.reviewed_pairs(p_model, p_taxonomy_id) AS r;
    v_new := coalesce(matching._best_threshold(v_scores, v_matches, p_precision, v_old.merge_at), v_old.merge_at);
    INSERT INTO prod_match_journal (action, notes, before) VALUES ('calibrate', p_model, jsonb_build_object('prod_match_thresholds', jsonb_build_array(to_jsonb(v_old))));
    RETURN QUERY
    WITH result AS (
        SELECT count(*)::integer AS pairs, round(avg(u.m::integer) FILTER (WHERE u.s >= v_new), 4) AS precision,
               round(count(*) FILTER (WHERE u.m AND u.s >= v_new)::numeric / nullif(count(*) FILTER (WHERE u.m), 0), 4) AS recall
          FROM unnest(v_scores, v_matches) AS u (s, m)
    ), put AS (
        INSERT INTO prod_match_thresholds AS t (model, taxonomy_id, merge_at, review_at, max_distance, price_gap, wanted_precision, reviewed_pairs, reached_precision, calibrated_at)
        SELECT p_model, p_taxonomy_id, v_new, least(v_old.review_at, v_new), v_old.max_distance, v_old.price_gap, p_precision, r.pairs, r.precision, now() FROM result AS r
        ON CONFLICT (model, taxonomy_id) DO UPDATE
           SET merge_at = excluded.merge_at, review_at = excluded.review_at, wanted_precision = excluded.wanted_precision, reviewed_pairs = excluded.reviewed_pairs,
               reached_precision = excluded.reached_precision, calibrated_at = excluded.calibrated_at, updated_at = now()
        RETURNING t.merge_at, t.review_at
    )
    SELECT p.merge_at, p.review_at, r.precision, r.recall, r.pairs FROM put AS p, result AS r;
END
$$;
COMMENT ON FUNCTION matching.calibrate(text, uuid, numeric) IS
    'Sets from which score pairs of a category (null: all) are merged without review, so that pairs that people decided about would have been merged rightly as '
    'often as wanted; never less often than before. Returns the thresholds and what they reach. Without reviewed pairs they stay. Idempotent. '
    'Locks: an advisory one until the transaction ends. Raises: NM005';

GRANT EXECUTE ON FUNCTION matching.reviewed_pairs(text, uuid) TO neanelu_analyst, neanelu_pim_editor, neanelu_operator;
GRANT EXECUTE ON FUNCTION matching.calibrate(text, uuid, numeric) TO neanelu_pim_editor, neanelu_operator;

COMMIT;
