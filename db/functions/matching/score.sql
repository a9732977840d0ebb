-- Deploy neanelu:functions/matching/score to pg
-- requires: functions/matching/candidates
-- requires: functions/normalise/values
-- How much speaks for two records being the same product. Each piece of evidence adds to the log odds what prod_match_weights says; what is
-- needed for a merge without review is a second, stricter question.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION matching._probability(p_log_odds double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1 / (1 + exp(- greatest(-50, least(50, p_log_odds))));
COMMENT ON FUNCTION matching._probability(double precision) IS 'Log odds as a score from 0 to 1. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._is_prefix(p_short text, p_long text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN length(p_short) >= 4 AND length(p_short) < length(p_long) AND matching._shape(p_short) LIKE '%9%'
   AND (starts_with(p_long, p_short)
        AND NOT (matching._shape(right(p_short, 1)) = '9' AND matching._shape(substr(p_long, length(p_short) + 1, 1)) = '9')
        OR right(p_long, length(p_short)) = p_short
        AND NOT (matching._shape(left(p_short, 1)) = '9' AND matching._shape(substr(p_long, length(p_long) - length(p_short), 1)) = '9'));
COMMENT ON FUNCTION matching._is_prefix(text, text) IS
    'Whether a code is the beginning or the end of a longer one, not cutting a number in two. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._code_pair(p_a text, p_b text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN p_a = p_b THEN 'code'
    WHEN matching._is_prefix(p_a, p_b) OR matching._is_prefix(p_b, p_a) THEN 'code_part'
    WHEN length(rtrim(p_a, 'abcdefghijklmnopqrstuvwxyz')) >= 4
         AND rtrim(p_a, 'abcdefghijklmnopqrstuvwxyz') = rtrim(p_b, 'abcdefghijklmnopqrstuvwxyz') THEN 'code_variant'
    WHEN left(p_a, 2) = left(p_b, 2) AND starts_with(p_b, left(p_a, ceil(least(length(p_a), length(p_b)) * 0.4)::integer))
         OR left(p_a, 1) = left(p_b, 1) AND matching._shape(p_a) = matching._shape(p_b) THEN 'code_family'
    ELSE 'code_other'
END;
COMMENT ON FUNCTION matching._code_pair(text, text) IS
    'How two codes are related: code, code_part, code_variant, code_family or code_other. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._is_same_code(p_a text[], p_b text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, matching, pg_temp
AS $$
    WITH shared AS (
        SELECT a AS code FROM unnest(p_a) AS a WHERE a = ANY (p_b) AND length(a) >= 5
    ), alone AS (
        SELECT c.side, c.code
          FROM (SELECT 'a' AS side, a AS code FROM unnest(p_a) AS a WHERE a <> ALL (p_b)
                UNION ALL SELECT 'b', b FROM unnest(p_b) AS b WHERE b <> ALL (p_a)) AS c
         WHERE NOT EXISTS (SELECT FROM shared AS s WHERE strpos(s.code, c.code) > 0)
    )
    SELECT EXISTS (SELECT FROM shared)
       AND (SELECT count(DISTINCT l.side) < 2 FROM alone AS l)
       AND NOT EXISTS (SELECT FROM alone AS l, shared AS s WHERE strpos(l.code, s.code) > 0)
$$;
COMMENT ON FUNCTION matching._is_same_code(text[], text[]) IS
    'Whether the products'' own codes leave no doubt: one of at least five characters is in both, not both have further ones, and none is a longer form of it. '
    'Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._brand_relation(p_a neanelu.prod_match_keys, p_b neanelu.prod_match_keys) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN (p_a).brand = (p_b).brand THEN 'brand'
    WHEN (p_a).brand IS NULL AND (p_b).brand IS NULL THEN NULL
    WHEN (p_a).brand IS NULL OR (p_b).brand IS NULL
        THEN CASE WHEN coalesce((p_a).brand, (p_b).brand) = ANY (CASE WHEN (p_a).brand IS NULL THEN (p_a).tokens ELSE (p_b).tokens END) THEN 'brand' END
    -- HP and HP Inc; a part of the name, or each other's brand in the title.
    WHEN starts_with((p_a).brand, (p_b).brand) OR starts_with((p_b).brand, (p_a).brand)
         OR (p_a).brand = ANY ((p_b).tokens) OR (p_b).brand = ANY ((p_a).tokens) THEN NULL
    ELSE 'brand_conflict'
END;
COMMENT ON FUNCTION matching._brand_relation(neanelu.prod_match_keys, neanelu.prod_match_keys) IS
    'brand, brand_conflict, or null where nothing can be said; a brand may also stand in the other''s title. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._evidence(p_a neanelu.prod_match_keys, p_b neanelu.prod_match_keys, p_cosine real, p_code text, p_brand text, p_conflicts text[], p_price_gap numeric)
RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_strip_nulls(jsonb_build_object(
    'base', 1,
    'title', round(p_cosine::numeric, 4),
    coalesce(p_code, 'code'), CASE WHEN p_code IS NOT NULL THEN 1 END,
    coalesce(p_brand, 'brand'), CASE WHEN p_brand IS NOT NULL THEN 1 END,
    'measure', CASE WHEN NOT p_conflicts <@ '{"",!used,!bundle,!part,!pack,!without}' THEN 1 END,
    'variant', CASE WHEN p_conflicts && '{^size,<size,^w,^l,^side,^end,^people,^binding,^scent,^form,^language,!pack}' THEN 1 END,
    'extra', CASE WHEN p_conflicts && '{!bundle,!part,!pack,!without}' THEN 1 END,
    'condition', CASE WHEN '!used' = ANY (p_conflicts) THEN 1 END,
    'number', CASE WHEN '' = ANY (p_conflicts) THEN 1 END,
    'colour', CASE WHEN (p_a).colours <> '{}' AND (p_b).colours <> '{}' AND NOT (p_a).colours && (p_b).colours THEN 1 END,
    'gtin', CASE WHEN (p_a).gtins && (p_b).gtins THEN 1 END,
    'gtin_conflict', CASE WHEN (p_a).gtins <> '{}' AND (p_b).gtins <> '{}' AND NOT (p_a).gtins && (p_b).gtins THEN 1 END,
    'mpn', CASE WHEN (p_a).mpns && (p_b).mpns AND p_brand IS DISTINCT FROM 'brand_conflict' THEN 1 END,
    'mpn_conflict', CASE WHEN (p_a).mpns <> '{}' AND (p_b).mpns <> '{}' AND NOT (p_a).mpns && (p_b).mpns AND p_code IS DISTINCT FROM 'code_part' THEN 1 END,
    'price', CASE WHEN (p_a).currency = (p_b).currency AND greatest((p_a).price, (p_b).price) > 0
                   AND abs((p_a).price - (p_b).price) > p_price_gap * greatest((p_a).price, (p_b).price) THEN 1 END));
COMMENT ON FUNCTION matching._evidence(neanelu.prod_match_keys, neanelu.prod_match_keys, real, text, text, text[], numeric) IS
    'What speaks for and against two records being the same product, by the names of prod_match_weights, each with its strength, from what was found out '
    'about their codes, brands and measures. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._is_sufficient(p_a neanelu.prod_match_keys, p_b neanelu.prod_match_keys, p_evidence jsonb, p_max_distance numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN p_evidence ?| '{gtin_conflict,brand_conflict,price,condition}' THEN false
    WHEN p_evidence ? 'gtin' THEN NOT p_evidence ?| '{mpn_conflict}' OR (p_evidence ->> 'title')::numeric >= 0.5
    -- Makers of clothes number the model, not its sizes and colours.
    WHEN p_evidence ? 'mpn' AND p_evidence ? 'brand' THEN NOT p_evidence ?| '{variant,colour}'
    WHEN p_evidence ?| '{mpn_conflict,measure,colour,code_family,code_variant,extra}' THEN false
    WHEN matching._is_same_code((p_a).own_codes, (p_b).own_codes) THEN true
    ELSE (p_evidence ->> 'title')::numeric >= 1 - p_max_distance AND NOT p_evidence ?| '{number,code_part,code_other}' AND cardinality((p_a).tokens) >= 3
END;
COMMENT ON FUNCTION matching._is_sufficient(neanelu.prod_match_keys, neanelu.prod_match_keys, jsonb, numeric) IS
    'Whether the evidence is of a kind that may merge without review: the same GTIN, the same part number of the same brand, the same code without doubt, '
    'or the same words; and nothing that contradicts. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._method(p_evidence jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN p_evidence ? 'gtin' THEN 'gtin_exact'
    WHEN p_evidence ? 'mpn' THEN 'mpn_exact'
    WHEN p_evidence ? 'code' THEN 'model_code'
    WHEN p_evidence ? 'vector' THEN 'vector_semantic'
    ELSE 'title_fuzzy'
END;
COMMENT ON FUNCTION matching._method(jsonb) IS 'What speaks most for a match, as prod_similarity_matches.match_method. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._cosines(p_left matching.term[], p_right matching.term[], p_items integer[], p_others integer[])
RETURNS TABLE (item integer, other integer, cosine real)
LANGUAGE sql IMMUTABLE STRICT ROWS 1000
SET search_path = pg_catalog, pg_temp
SET enable_mergejoin = off
SET enable_nestloop = off
AS $$
    WITH l AS MATERIALIZED (
        SELECT t.item, t.token, t.weight * t.rarity AS strength FROM unnest(p_left) AS t WHERE t.weight * t.rarity > 0
    ), r AS MATERIALIZED (
        SELECT t.item, t.token, t.weight * t.rarity AS strength FROM unnest(p_right) AS t WHERE t.weight * t.rarity > 0
    ), p AS MATERIALIZED (
        -- The pairs' own tokens first: the tokens that any two records share are a hundred times as many.
        SELECT u.item, u.other, l.token, l.strength FROM unnest(p_items, p_others) AS u (item, other) JOIN l ON l.item = u.item
    ), shared AS (
        SELECT p.item, p.other, sum(p.strength * r.strength) AS product FROM p JOIN r ON r.item = p.other AND r.token = p.token GROUP BY p.item, p.other
    )
    SELECT s.item, s.other, (s.product / sqrt(a.size * b.size))::real
      FROM shared AS s
      JOIN (SELECT l.item, sum(l.strength ^ 2) AS size FROM l GROUP BY l.item) AS a ON a.item = s.item
      JOIN (SELECT r.item, sum(r.strength ^ 2) AS size FROM r GROUP BY r.item) AS b ON b.item = s.other
$$;
COMMENT ON FUNCTION matching._cosines(matching.term[], matching.term[], integer[], integer[]) IS
    'Rarity-weighted cosines of pairs of records, where they share anything. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._relations(p_left neanelu.prod_match_keys[], p_right neanelu.prod_match_keys[], p_items integer[], p_others integer[])
RETURNS TABLE (item integer, other integer, code text, conflicts text[])
LANGUAGE sql IMMUTABLE STRICT ROWS 1000
SET search_path = pg_catalog, matching, pg_temp
AS $$
    WITH pair AS MATERIALIZED (
        SELECT p.item, p.other, l.codes AS a_codes, r.codes AS b_codes
          FROM unnest(p_items, p_others) AS p (item, other)
          JOIN ROWS FROM (unnest(p_left)) WITH ORDINALITY AS l (product_id, title, tokens, weights, codes, own_codes, measures, colours, brand, gtins, mpns, price, currency, made_from, place) ON l.place = p.item
          JOIN ROWS FROM (unnest(p_right)) WITH ORDINALITY AS r (product_id, title, tokens, weights, codes, own_codes, measures, colours, brand, gtins, mpns, price, currency, made_from, place) ON r.place = p.other
    ), code AS (
        SELECT p.item, p.other, min(array_position('{code_part,code_variant,code_family,code_other}', matching._code_pair(a, b))) AS rank
          FROM pair AS p, unnest(p.a_codes) AS a, unnest(p.b_codes) AS b
         WHERE NOT p.a_codes && p.b_codes
         GROUP BY p.item, p.other
    ), said AS MATERIALIZED (
        SELECT u.is_left, u.place, split_part(m, '=', 1) AS context, split_part(m, '=', 2)::float8 AS number
          FROM (SELECT true AS is_left, l.place, l.measures FROM ROWS FROM (unnest(p_left)) WITH ORDINALITY AS l (product_id, title, tokens, weights, codes, own_codes, measures, colours, brand, gtins, mpns, price, currency, made_from, place) JOIN (SELECT DISTINCT unnest(p_items)) AS d (i) ON d.i = l.place
                UNION ALL
                SELECT false, r.place, r.measures FROM ROWS FROM (unnest(p_right)) WITH ORDINALITY AS r (product_id, title, tokens, weights, codes, own_codes, measures, colours, brand, gtins, mpns, price, currency, made_from, place) JOIN (SELECT DISTINCT unnest(p_others)) AS d (i) ON d.i = r.place) AS u, unnest(u.measures) AS m
    ), measure AS (
        SELECT p.item, p.other, a.context, bool_or(abs(a.number - b.number) <= CASE WHEN left(a.context, 1) = '^' OR a.context IN ('<size', '<vol', 'th') THEN 0 ELSE 0.04 END * greatest(a.number, b.number)) AS agrees
          FROM unnest(p_items, p_others) AS p (item, other)
          JOIN said AS a ON a.is_left AND a.place = p.item
          JOIN said AS b ON NOT b.is_left AND b.place = p.other AND b.context = a.context
         WHERE a.context NOT LIKE '!%'
         GROUP BY p.item, p.other, a.context
    ), marked AS (
        -- What one says of itself and the other does not: used, a bundle, six of it.
        SELECT p.item, p.other, coalesce(a.context, b.context) AS context
          FROM (SELECT p.item, p.other, s.context, s.number FROM unnest(p_items, p_others) AS p (item, other) JOIN said AS s ON s.is_left AND s.place = p.item WHERE s.context LIKE '!%') AS a
          FULL JOIN (SELECT p.item, p.other, s.context, s.number FROM unnest(p_items, p_others) AS p (item, other) JOIN said AS s ON NOT s.is_left AND s.place = p.other WHERE s.context LIKE '!%') AS b
            ON b.item = a.item AND b.other = a.other AND b.context = a.context AND b.number = a.number
         CROSS JOIN LATERAL (SELECT coalesce(a.item, b.item) AS item, coalesce(a.other, b.other) AS other) AS p
         WHERE a.item IS NULL OR b.item IS NULL
    ), conflict AS (
        SELECT c.item, c.other, array_agg(DISTINCT c.context) AS contexts
          FROM (SELECT m.item, m.other, m.context FROM measure AS m WHERE NOT m.agrees UNION ALL SELECT m.item, m.other, m.context FROM marked AS m) AS c
         GROUP BY c.item, c.other
    )
    SELECT p.item, p.other,
           CASE WHEN p.a_codes && p.b_codes THEN 'code' ELSE ('{code_part,code_variant,code_family,code_other}'::text[])[c.rank] END,
           coalesce(f.contexts, '{}')
      FROM pair AS p
      LEFT JOIN code AS c ON c.item = p.item AND c.other = p.other
      LEFT JOIN conflict AS f ON f.item = p.item AND f.other = p.other
$$;
COMMENT ON FUNCTION matching._relations(neanelu.prod_match_keys[], neanelu.prod_match_keys[], integer[], integer[]) IS
    'The closest relation of any two codes of a pair, null when a side has none; and what both give numbers for without one that agrees within four '
    'hundredths, an empty name for bare numbers. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._worth_a_look(p_left neanelu.prod_match_keys[], p_right neanelu.prod_match_keys[], p_items integer[], p_others integer[])
RETURNS TABLE (item integer, other integer, cosine real)
LANGUAGE plpgsql STABLE STRICT ROWS 1000
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_left  constant term[] := ARRAY(SELECT t FROM matching._terms(p_left, ARRAY(SELECT DISTINCT unnest(p_items))) AS t);
    v_right constant term[] := ARRAY(SELECT t FROM matching._terms(p_right, ARRAY(SELECT DISTINCT unnest(p_others))) AS t);
BEGIN
    RETURN QUERY
    SELECT r.item, r.other, r.cosine
      FROM (SELECT p.item, p.other, coalesce(c.cosine, 0) AS cosine,
                   row_number() OVER (PARTITION BY p.item ORDER BY c.cosine DESC NULLS LAST, p.other) AS place
              FROM unnest(p_items, p_others) AS p (item, other)
              LEFT JOIN matching._cosines(v_left, v_right, p_items, p_others) AS c ON c.item = p.item AND c.other = p.other) AS r
     WHERE r.place <= 6 OR (p_left[r.item]).codes && (p_right[r.other]).codes
        OR (p_left[r.item]).gtins && (p_right[r.other]).gtins OR (p_left[r.item]).mpns && (p_right[r.other]).mpns;
END
$$;
COMMENT ON FUNCTION matching._worth_a_look(neanelu.prod_match_keys[], neanelu.prod_match_keys[], integer[], integer[]) IS
    'Of the pairs those in which something may decide: the six nearest of each record by their titles, and all that share a code or number. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._score(p_left neanelu.prod_match_keys[], p_right neanelu.prod_match_keys[], p_items integer[], p_others integer[])
RETURNS SETOF matching.pair
LANGUAGE plpgsql STABLE STRICT ROWS 1000
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_weights constant jsonb := (SELECT jsonb_object_agg(w.evidence, w.weight) FROM prod_match_weights AS w);
    v_items   integer[];
    v_others  integer[];
    v_cosines real[];
    v_gap     numeric;
    v_near    numeric;
BEGIN
    SELECT t.price_gap, t.max_distance INTO v_gap, v_near FROM prod_match_thresholds AS t WHERE t.model = 'evidence/1' AND t.taxonomy_id IS NULL;
    SELECT array_agg(w.item), array_agg(w.other), array_agg(w.cosine) INTO v_items, v_others, v_cosines
      FROM matching._worth_a_look(p_left, p_right, p_items, p_others) AS w;
    RETURN QUERY
    WITH l AS MATERIALIZED (
        SELECT i AS item, p_left[i] AS keys FROM generate_subscripts(p_left, 1) AS i
    ), r AS MATERIALIZED (
        SELECT i AS other, p_right[i] AS keys FROM generate_subscripts(p_right, 1) AS i
    ), related AS MATERIALIZED (
        -- One step before the evidence, which is folded into the query only where its arguments are columns.
        SELECT p.item, (r.keys).product_id, p.cosine, l.keys AS a, r.keys AS b, n.code, n.conflicts, matching._brand_relation(l.keys, r.keys) AS brand
          FROM unnest(v_items, v_others, v_cosines) AS p (item, other, cosine)
          JOIN matching._relations(p_left, p_right, v_items, v_others) AS n ON n.item = p.item AND n.other = p.other
          JOIN l ON l.item = p.item
          JOIN r ON r.other = p.other
    ), found AS MATERIALIZED (
        SELECT r.item, r.product_id, r.cosine, r.a, r.b, matching._evidence(r.a, r.b, r.cosine, r.code, r.brand, r.conflicts, v_gap) AS evidence FROM related AS r
    )
    SELECT f.item, f.product_id, f.cosine,
           (SELECT sum(x.value::float8 * (v_weights -> x.key)::float8) FROM jsonb_each(f.evidence) AS x WHERE v_weights ? x.key),
           matching._method(f.evidence), matching._is_sufficient(f.a, f.b, f.evidence, v_near), f.evidence
      FROM found AS f;
END
$$;
COMMENT ON FUNCTION matching._score(neanelu.prod_match_keys[], neanelu.prod_match_keys[], integer[], integer[]) IS
    'Evidence and log odds of pairs, given by their places in two lists of records; of the pairs that are worth a look. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._compare_with(p_items neanelu.prod_match_keys[], p_places integer[], p_ids uuid[]) RETURNS SETOF matching.pair
LANGUAGE plpgsql STABLE STRICT ROWS 1000
SET search_path = neanelu, matching, pg_temp
AS $$
DECLARE
    v_right  constant prod_match_keys[] := ARRAY(SELECT k FROM prod_match_keys AS k WHERE k.product_id = ANY (p_ids));
    v_items  integer[];
    v_others integer[];
BEGIN
    SELECT array_agg(i.item), array_agg(o.place::integer) INTO v_items, v_others
      FROM unnest(p_places, p_ids) AS i (item, id)
      JOIN (SELECT r.product_id, r.place FROM unnest(v_right) WITH ORDINALITY
                   AS r (product_id, title, tokens, weights, codes, own_codes, measures, colours, brand, gtins, mpns, price, currency, made_from, place)) AS o
        ON o.product_id = i.id;
    RETURN QUERY SELECT * FROM matching._score(p_items, v_right, v_items, v_others);
END
$$;
COMMENT ON FUNCTION matching._compare_with(neanelu.prod_match_keys[], integer[], uuid[]) IS
    'Records, by their places in p_items, against golden records, with evidence and log odds. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._compare(p_items neanelu.prod_match_keys[], p_limit integer) RETURNS SETOF matching.pair
LANGUAGE sql STABLE STRICT ROWS 1000
SET search_path = neanelu, matching, pg_temp
AS $$
    SELECT p.*
      FROM (SELECT array_agg(c.item) AS places, array_agg(c.product_id) AS ids FROM matching._candidates(p_items, p_limit) AS c) AS c
     CROSS JOIN LATERAL matching._compare_with(p_items, c.places, c.ids) AS p
$$;
COMMENT ON FUNCTION matching._compare(neanelu.prod_match_keys[], integer) IS
    'Each record against its candidates among the golden records, with evidence and log odds. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._items(p_ids uuid[], p_titles text[], p_brands text[], p_mpns text[], p_gtins text[], p_further text[] DEFAULT NULL,
                                p_prices numeric[] DEFAULT NULL, p_currencies text[] DEFAULT NULL)
RETURNS SETOF neanelu.prod_match_keys
LANGUAGE sql STABLE ROWS 1000
SET search_path = neanelu, matching, normalise, pg_temp
AS $$
    WITH brand AS MATERIALIZED (
        SELECT b.raw, lower(normalise.mpn(normalise.brand(b.raw))) AS key FROM (SELECT DISTINCT unnest(p_brands)) AS b (raw)
    )
    SELECT p_ids[f.item], f.title,
           (f.features).tokens || array_remove(ARRAY['g:' || n.gtin, 'p:' || n.mpn], NULL),
           (f.features).weights || array_fill(0::real, ARRAY[num_nonnulls(n.gtin, n.mpn)]),
           (f.features).codes, (f.features).own_codes, (f.features).measures, (f.features).colours,
           b.key, array_remove(ARRAY[n.gtin], NULL), array_remove(ARRAY[n.mpn], NULL),
           p_prices[f.item], left(upper(p_currencies[f.item]), 3), now()
      FROM matching.features_many(p_titles, p_mpns, p_further) AS f
     CROSS JOIN LATERAL (SELECT normalise.gtin(p_gtins[f.item]) AS gtin, normalise.mpn(split_part(p_mpns[f.item], '|', 1)) AS mpn) AS n
      LEFT JOIN brand AS b ON b.raw = p_brands[f.item]
     ORDER BY f.item
$$;
COMMENT ON FUNCTION matching._items(uuid[], text[], text[], text[], text[], text[], numeric[], text[]) IS
    'Records as they are compared, from parallel lists; part number and model joined by |. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching._item(p_id uuid, p_title text, p_brand text, p_mpn text, p_gtin text) RETURNS neanelu.prod_match_keys
LANGUAGE sql STABLE
SET search_path = neanelu, matching, normalise, pg_temp
AS $$
    SELECT i FROM matching._items(ARRAY[coalesce(p_id, '00000000-0000-0000-0000-000000000000')], ARRAY[p_title], ARRAY[p_brand], ARRAY[p_mpn], ARRAY[p_gtin]) AS i
$$;
COMMENT ON FUNCTION matching._item(uuid, text, text, text, text) IS 'matching._items of one record. Reads nothing, takes no locks. Raises: nothing';

CREATE FUNCTION matching.candidates(p_title text, p_brand text DEFAULT NULL, p_mpn text DEFAULT NULL, p_gtin text DEFAULT NULL, p_limit integer DEFAULT 20)
RETURNS TABLE (product_id uuid, title text, score numeric, sufficient boolean, method text, evidence jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, matching, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
    SELECT k.product_id, m.canonical_title, round(matching._probability(s.log_odds)::numeric, 4), s.is_sufficient, s.method, s.evidence
      FROM matching._item(NULL, p_title, p_brand, p_mpn, p_gtin) AS i
     CROSS JOIN LATERAL matching._compare(ARRAY[i], p_limit) AS s
      JOIN prod_match_keys AS k ON k.product_id = s.product_id
      JOIN prod_master AS m ON m.id = k.product_id
     ORDER BY s.log_odds DESC, k.product_id
$$;
COMMENT ON FUNCTION matching.candidates(text, text, text, text, integer) IS
    'Golden records that a product with this title, brand, part number and GTIN may be, best first, with score and evidence. For people and for measuring. '
    'Writes nothing, takes no locks. Raises: nothing';

GRANT EXECUTE ON FUNCTION matching.candidates(text, text, text, text, integer) TO neanelu_platform, neanelu_analyst, neanelu_pim_editor, neanelu_operator;

COMMIT;
