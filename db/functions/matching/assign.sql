-- Deploy neanelu:functions/matching/assign to pg
-- requires: functions/matching/score
-- One to one: who goes with whom when nobody may go with two.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION matching.assign(p_left text[], p_right text[], p_scores double precision[])
RETURNS TABLE (left_key text, right_key text, score double precision)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_left   text[] := p_left;
    v_right  text[] := p_right;
    v_scores double precision[] := p_scores;
    v_won_left  text[];
    v_won_right text[];
    v_won_scores double precision[];
BEGIN
    IF cardinality(p_left) <> cardinality(p_right) OR cardinality(p_left) <> cardinality(p_scores) THEN
        RAISE EXCEPTION 'the three lists of pairs have different lengths' USING ERRCODE = 'NM006';
    END IF;
    LOOP
        -- Pairs that are the first choice of both sides; ties go by the keys, so that the order of the lists makes no difference.
        SELECT array_agg(b.l), array_agg(b.r), array_agg(b.s) INTO v_won_left, v_won_right, v_won_scores
          FROM (SELECT u.l, u.r, u.s,
                       row_number() OVER (PARTITION BY u.l ORDER BY u.s DESC, u.l || ' ' || u.r) AS of_left,
                       row_number() OVER (PARTITION BY u.r ORDER BY u.s DESC, u.l || ' ' || u.r) AS of_right
                  FROM unnest(v_left, v_right, v_scores) AS u (l, r, s)) AS b
         WHERE b.of_left = 1 AND b.of_right = 1;
        EXIT WHEN v_won_left IS NULL;
        RETURN QUERY SELECT * FROM unnest(v_won_left, v_won_right, v_won_scores);
        SELECT array_agg(u.l), array_agg(u.r), array_agg(u.s) INTO v_left, v_right, v_scores
          FROM unnest(v_left, v_right, v_scores) AS u (l, r, s)
         WHERE NOT EXISTS (SELECT FROM unnest(v_won_left) AS w (l) WHERE w.l = u.l)
           AND NOT EXISTS (SELECT FROM unnest(v_won_right) AS w (r) WHERE w.r = u.r);
    END LOOP;
END
$$;
COMMENT ON FUNCTION matching.assign(text[], text[], double precision[]) IS
    'Of scored pairs those in which each side occurs once: the stable assignment, in which no two that are not together both prefer each other (the best '
    'pair first, then the best of what is left). The order of the lists makes no difference. Reads nothing, takes no locks. Raises: NM006';

CREATE FUNCTION matching._weigh(p_pairs matching.pair[], p_is_one_to_one boolean[], p_margin double precision)
RETURNS TABLE (item integer, product_id uuid, score double precision, method text, is_sufficient boolean, evidence jsonb)
LANGUAGE sql IMMUTABLE STRICT ROWS 1000
SET search_path = pg_catalog, matching, pg_temp
AS $$
    WITH ranked AS (
        SELECT p.*, row_number() OVER of_item AS item_place, lead(p.log_odds) OVER of_item AS item_next, first_value(p.log_odds) OVER of_item AS item_best,
               row_number() OVER of_product AS product_place, lead(p.log_odds) OVER of_product AS product_next,
               first_value(p.log_odds) OVER of_product AS product_best
          FROM unnest(p_pairs) AS p
        WINDOW of_item AS (PARTITION BY p.item ORDER BY p.log_odds DESC, p.product_id),
               of_product AS (PARTITION BY p.product_id ORDER BY p.log_odds DESC, p.item)
    ), ahead AS (
        SELECT r.*, r.log_odds - greatest(-5, CASE WHEN r.item_place = 1 THEN coalesce(r.item_next, -5) ELSE r.item_best END) AS of_item,
               CASE WHEN p_is_one_to_one[r.item]
                    THEN r.log_odds - greatest(-5, CASE WHEN r.product_place = 1 THEN coalesce(r.product_next, -5) ELSE r.product_best END) END AS of_product
          FROM ranked AS r
    )
    SELECT a.item, a.product_id, matching._probability(a.log_odds + p_margin * m.margin), a.method,
           a.is_sufficient AND (m.margin >= 1 OR a.evidence ?| '{gtin,mpn}'), a.evidence || jsonb_build_object('margin', round(m.margin::numeric, 3))
      FROM ahead AS a
     CROSS JOIN LATERAL (SELECT greatest(-3, least(3, a.of_item, coalesce(a.of_product, a.of_item))) AS margin) AS m
$$;
COMMENT ON FUNCTION matching._weigh(matching.pair[], boolean[], double precision) IS
    'Scores of pairs in the light of the others: how far a pair is ahead of the next best of its record and, where a source has each product once, of the '
    'next best record of its product. Reads nothing, takes no locks. Raises: nothing';

GRANT EXECUTE ON FUNCTION matching.assign(text[], text[], double precision[]) TO neanelu_platform, neanelu_analyst, neanelu_pim_editor, neanelu_operator;

COMMIT;
