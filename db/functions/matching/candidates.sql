-- Deploy neanelu:functions/matching/candidates to pg
-- requires: functions/matching/features
-- Which golden records may be the same as a record: those that share its rarest tokens, or rare pairs of common ones. Identifiers and
-- codes are tokens too, so one look into one index finds them by number, by words, by codes and by parts of codes.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

-- One by one, whatever the statistics say: the table may have grown by a million since a plan was made.
CREATE FUNCTION matching._terms(p_items neanelu.prod_match_keys[], p_places integer[]) RETURNS SETOF matching.term
LANGUAGE sql STABLE STRICT ROWS 1000
SET search_path = neanelu, matching, pg_temp
SET enable_seqscan = off
AS $$
    SELECT i.item::integer, t.token, t.weight,
           (ln(coalesce((SELECT n.document_count FROM prod_match_terms AS n WHERE n.term = ''), 0) + 200)
            - coalesce(m.log_count, ln(matching._prior(t.token))))::real,
           coalesce(m.document_count, 0)
      FROM unnest(p_items) WITH ORDINALITY AS i (product_id, title, tokens, weights, codes, own_codes, measures, colours, brand, gtins, mpns, price, currency, made_from, item)
     CROSS JOIN LATERAL unnest(i.tokens, i.weights) AS t (token, weight)
      LEFT JOIN LATERAL (SELECT x.log_count, x.document_count FROM prod_match_terms AS x WHERE x.term = t.token LIMIT 1) AS m ON true
     WHERE i.item = ANY (p_places)
$$;
COMMENT ON FUNCTION matching._terms(neanelu.prod_match_keys[], integer[]) IS
    'Tokens of the records at these places, with their rarity: ln((golden records + 200) / (those with the token + what is expected of its kind)). '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._needles(p_terms matching.term[], p_postings integer) RETURNS TABLE (item integer, needle text[], gain real)
LANGUAGE sql IMMUTABLE STRICT ROWS 1000
SET search_path = pg_catalog, matching, pg_temp
AS $$
    WITH ordered AS MATERIALIZED (
        SELECT t.item, t.token, CASE WHEN t.weight = 0 THEN 1000 ELSE t.weight * t.rarity * t.rarity END AS gain, t.found, t.rarity, t.weight = 0 AS is_number,
               left(t.token, 1) IN ('#', '~') AS is_part, sum(t.found) OVER (PARTITION BY t.item ORDER BY t.found, t.token) AS cost,
               bool_or(t.weight = 0 AND t.found > 0) OVER (PARTITION BY t.item) AS is_known,
               bool_or(t.found BETWEEN 1 AND 20 AND left(t.token, 1) NOT IN ('#', '~') AND matching._prior(t.token) < 1) OVER (PARTITION BY t.item) AS is_coded
          FROM unnest(p_terms) AS t
    ), common AS MATERIALIZED (
        -- In too many golden records to look all of them through; of a record that a number or a rare code of its own finds, none.
        SELECT o.item, o.token, o.gain, o.found, o.rarity, row_number() OVER (PARTITION BY o.item ORDER BY o.found, o.token) AS place
          FROM ordered AS o WHERE NOT (o.is_known OR o.is_coded OR o.is_part) AND o.cost > p_postings
    ), pair AS MATERIALIZED (
        -- As many as would have both by chance: those with found of b, times how likely one has a.
        SELECT a.item, ARRAY[a.token, b.token] AS needle, a.gain + b.gain AS gain
          FROM common AS a JOIN common AS b ON b.item = a.item AND b.place > a.place
         WHERE b.place <= 4 AND b.found * exp(- a.rarity) <= 60
    )
    -- Somebody has its number already: the next of kin, which its rarest tokens find, are enough to see whether that is so.
    SELECT o.item, ARRAY[o.token], o.gain::real FROM ordered AS o
     WHERE o.cost <= CASE WHEN o.is_known THEN least(20, p_postings) ELSE p_postings END OR o.is_number
    UNION ALL
    SELECT p.item, p.needle, p.gain::real FROM pair AS p
    UNION ALL
    SELECT c.item, array_agg(c.token ORDER BY c.place), sum(c.gain)::real
      FROM common AS c WHERE c.place <= 3 AND NOT EXISTS (SELECT FROM pair AS p WHERE p.item = c.item) GROUP BY c.item
$$;
COMMENT ON FUNCTION matching._needles(matching.term[], integer) IS
    'What to look up for each record: its numbers; its rarest tokens, as many as together are in p_postings golden records (20 when one of its numbers is '
    'known); and of the four rarest beyond those each two that few golden records have together, or the three rarest at once where no two are rare. '
    'Reads nothing, takes no locks. Raises: nothing';

-- Bitmaps of posting lists are what is wanted, also while the table is so small that a plan would rather read all of it.
CREATE FUNCTION matching._candidates(p_items neanelu.prod_match_keys[], p_limit integer) RETURNS TABLE (item integer, product_id uuid)
LANGUAGE plpgsql STABLE STRICT ROWS 1000
SET search_path = neanelu, matching, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    v_terms constant term[] := ARRAY(SELECT t FROM matching._terms(p_items, ARRAY(SELECT generate_subscripts(p_items, 1))) AS t);
BEGIN
    RETURN QUERY
    WITH needle AS MATERIALIZED (
        SELECT n.item, n.needle, n.gain, i.product_id AS self
          FROM matching._needles(v_terms, 200) AS n
          JOIN unnest(p_items) WITH ORDINALITY AS i (product_id, title, tokens, weights, codes, own_codes, measures, colours, brand, gtins, mpns, price, currency, made_from, item)
            ON i.item = n.item
    ), posting AS (
        SELECT d.needle, k.product_id, k.weights[array_position(k.tokens, d.needle[1])] AS weight, cardinality(k.tokens) AS length
          FROM (SELECT DISTINCT e.needle FROM needle AS e) AS d
         CROSS JOIN LATERAL (SELECT x.product_id, x.tokens, x.weights FROM prod_match_keys AS x WHERE x.tokens @> d.needle LIMIT 200) AS k
    ), ranked AS (
        SELECT n.item, p.product_id,
               row_number() OVER (PARTITION BY n.item ORDER BY sum(n.gain * greatest(p.weight, 0.01)) / sqrt(max(p.length) + 5) DESC, p.product_id) AS place
          FROM needle AS n
          JOIN posting AS p ON p.needle = n.needle
         WHERE p.product_id <> n.self
         GROUP BY n.item, p.product_id
    )
    SELECT r.item, r.product_id FROM ranked AS r WHERE r.place <= p_limit;
END
$$;
COMMENT ON FUNCTION matching._candidates(neanelu.prod_match_keys[], integer) IS
    'Golden records that share the rarest tokens of each record, or rare pairs of its common ones, the most promising first, at most p_limit a record; item is the place in p_items. '
    'Writes nothing, takes no locks. Raises: nothing';

COMMIT;
