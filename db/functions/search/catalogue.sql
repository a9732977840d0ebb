-- Deploy neanelu:functions/search/catalogue to pg
-- requires: policies/tenancy
-- requires: policies/grants
-- requires: functions/app/context
-- Searches for tenants. Containment and full text are not leakproof operators, so behind a policy they use no index; these
-- functions are the engine's, for which the policies pass every row, and state the shop themselves.
-- How a page is found, and why no index on (shop_id, tags) is made: docs/decisions/0009-tenant-search.md.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, search, app, extensions, pg_temp;

CREATE TYPE search.product AS (
    id           uuid,
    gid          text,
    title        text,
    handle       text,
    vendor       text,
    product_type text,
    status       text
);
COMMENT ON TYPE search.product IS
    'A product as a search answers it; join neanelu.shopify_products by id for the rest, its policy lets the shop''s own rows through';

CREATE TYPE search.ranked_product AS (
    id           uuid,
    gid          text,
    title        text,
    handle       text,
    vendor       text,
    product_type text,
    status       text,
    rank         real
);
COMMENT ON TYPE search.ranked_product IS 'search.product with its relevance: ts_rank, words of the title weigh ten times those of the description';

CREATE FUNCTION search._assert_limit(p_limit integer)
RETURNS void
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'a page has 1 to 1000 rows, not %', coalesce(p_limit::text, 'NULL') USING ERRCODE = 'NR004';
    END IF;
END
$body$;
COMMENT ON FUNCTION search._assert_limit(integer) IS
    'Returns when a page may have so many rows. Writes nothing, takes no locks. Raises: NR004 not between 1 and 1000';

CREATE FUNCTION search._parse_query(p_query text)
RETURNS tsquery
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    v_query tsquery;
BEGIN
    IF p_query IS NULL OR length(p_query) > 1000 THEN
        RAISE EXCEPTION 'a query has 1 to 1000 characters' USING ERRCODE = 'NR003';
    END IF;
    v_query := websearch_to_tsquery('pg_catalog.simple', p_query);
    -- What no index entry can answer would read every product: nothing at all ('') and words to leave out only ('T').
    IF querytree(v_query) IN ('', 'T') THEN
        RAISE EXCEPTION 'the query names no word to look for' USING ERRCODE = 'NR003',
            HINT = 'word, "a phrase", word or word, word -without';
    END IF;
    RETURN v_query;
END
$body$;
COMMENT ON FUNCTION search._parse_query(text) IS
    'What a person typed, as a query of the full text index. Writes nothing, takes no locks. '
    'Raises: NR003 missing, over 1000 characters, or without a word to look for';

CREATE FUNCTION search._density(p_shop_id uuid, p_metafields jsonb, p_all_tags text[], p_any_tags text[], p_before uuid)
RETURNS bigint
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $body$
BEGIN
    RETURN (SELECT count(*)
              FROM (SELECT n.metafields, n.tags FROM neanelu.shopify_products AS n
                     WHERE n.shop_id = p_shop_id AND n.id < p_before AND n.deleted_at IS NULL
                     ORDER BY n.id DESC LIMIT 16) AS probe
             WHERE (p_metafields IS NULL OR probe.metafields @> p_metafields)
               AND (p_all_tags IS NULL OR probe.tags @> p_all_tags)
               AND (p_any_tags IS NULL OR probe.tags && p_any_tags));
END
$body$;
COMMENT ON FUNCTION search._density(uuid, jsonb, text[], text[], uuid) IS
    'How many of the next 16 products match. Its plan is made once. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._common_page(p_shop_id uuid, p_metafields jsonb, p_all_tags text[], p_any_tags text[], p_before uuid, p_limit integer, p_visits bigint)
RETURNS search.product[]
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $body$
DECLARE
    v_page search.product[];
BEGIN
    SELECT array_agg(ROW(h.*)::search.product) INTO v_page
      FROM (SELECT p.id, p.shopify_gid, p.title, p.handle, p.vendor, p.product_type, p.status
              FROM (SELECT w.* FROM neanelu.shopify_products AS w
                     WHERE w.shop_id = p_shop_id AND w.id < p_before AND w.deleted_at IS NULL
                     ORDER BY w.id DESC
                     LIMIT p_visits) AS p
             WHERE (p_metafields IS NULL OR p.metafields @> p_metafields)
               AND (p_all_tags IS NULL OR p.tags @> p_all_tags)
               AND (p_any_tags IS NULL OR p.tags && p_any_tags)
             LIMIT p_limit) AS h;
    RETURN CASE WHEN cardinality(v_page) = p_limit THEN v_page END;
END
$body$;
COMMENT ON FUNCTION search._common_page(uuid, jsonb, text[], text[], uuid, integer, bigint) IS
    'A full page of matches among the next p_visits products by a walk of the primary key, or NULL. Its plan is made once. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._matches(p_shop_id uuid, p_metafields jsonb, p_all_tags text[], p_any_tags text[], p_most bigint)
RETURNS SETOF search.product
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
SET plan_cache_mode = force_custom_plan
AS $body$
DECLARE
    v_count bigint;
BEGIN
    -- Without an order: else the planner may walk the whole shop for a rare value that it takes for common.
    IF p_metafields IS NOT NULL THEN
        RETURN QUERY
        SELECT p.id, p.shopify_gid::text, p.title, p.handle::text, p.vendor::text, p.product_type::text, p.status::text
          FROM neanelu.shopify_products AS p
         WHERE p.shop_id = p_shop_id AND p.deleted_at IS NULL AND p.metafields @> p_metafields
         LIMIT p_most + 1;
    ELSIF p_all_tags IS NOT NULL THEN
        RETURN QUERY
        SELECT p.id, p.shopify_gid::text, p.title, p.handle::text, p.vendor::text, p.product_type::text, p.status::text
          FROM neanelu.shopify_products AS p
         WHERE p.shop_id = p_shop_id AND p.deleted_at IS NULL AND p.tags @> p_all_tags
         LIMIT p_most + 1;
    ELSE
        RETURN QUERY
        SELECT p.id, p.shopify_gid::text, p.title, p.handle::text, p.vendor::text, p.product_type::text, p.status::text
          FROM neanelu.shopify_products AS p
         WHERE p.shop_id = p_shop_id AND p.deleted_at IS NULL AND p.tags && p_any_tags
         LIMIT p_most + 1;
    END IF;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    IF v_count > p_most THEN
        RETURN QUERY SELECT NULL::uuid, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text;
    END IF;
END
$body$;
COMMENT ON FUNCTION search._matches(uuid, jsonb, text[], text[], bigint) IS
    'All of the shop''s live products that match the one criterion given, in no order, by its GIN index when it is selective, planned for its value. When '
    'they are over p_most (NULL: any number), p_most + 1 of them and a row without an id. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._indexed_page(
    p_shop_id uuid, p_metafields jsonb, p_all_tags text[], p_any_tags text[], p_before uuid, p_limit integer, p_most bigint)
RETURNS search.product[]
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
SET plan_cache_mode = force_generic_plan
AS $body$
BEGIN
    RETURN ARRAY(SELECT ROW(h.*)::search.product
                   FROM (SELECT m.*
                           FROM search._matches(p_shop_id, p_metafields, p_all_tags, p_any_tags, p_most) AS m
                          WHERE m.id < p_before OR m.id IS NULL
                          ORDER BY m.id DESC NULLS FIRST
                          LIMIT p_limit) AS h);
END
$body$;
COMMENT ON FUNCTION search._indexed_page(uuid, jsonb, text[], text[], uuid, integer, bigint) IS
    'The page below p_before of all matches of the one criterion given. With over p_most of them (NULL: any number) its first row has no id, and the page '
    'means nothing. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._find(p_shop_id uuid, p_metafields jsonb, p_all_tags text[], p_any_tags text[], p_before uuid, p_limit integer)
RETURNS search.product[]
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
AS $body$
DECLARE
    v_before constant uuid := coalesce(p_before, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    v_density bigint;
    v_page search.product[];
BEGIN
    IF p_shop_id IS NULL THEN
        RETURN NULL;
    END IF;
    v_density := search._density(p_shop_id, p_metafields, p_all_tags, p_any_tags, v_before);
    IF v_density > 0 THEN
        -- the page is expected among as many products as that density needs; four times as many are looked at
        v_page := search._common_page(p_shop_id, p_metafields, p_all_tags, p_any_tags, v_before, p_limit, least(10000, 4 * p_limit * 16 / v_density));
        IF v_page IS NOT NULL THEN
            RETURN v_page;
        END IF;
    END IF;
    v_page := search._indexed_page(p_shop_id, p_metafields, p_all_tags, p_any_tags, v_before, p_limit, 5000);
    IF cardinality(v_page) > 0 AND (v_page[1]).id IS NULL THEN
        v_page := search._common_page(p_shop_id, p_metafields, p_all_tags, p_any_tags, v_before, p_limit, 10000);
        IF v_page IS NULL THEN
            v_page := search._indexed_page(p_shop_id, p_metafields, p_all_tags, p_any_tags, v_before, p_limit, NULL);
        END IF;
    END IF;
    RETURN v_page;
END
$body$;
COMMENT ON FUNCTION search._find(uuid, jsonb, text[], text[], uuid, integer) IS
    'The shop''s live products that match the one criterion given, newest id first, at most p_limit below p_before: what is common by a bounded walk, the '
    'rest, and what a walk does not fill, by the index. No shop: NULL. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._expected_rows(p_query tsquery)
RETURNS numeric
LANGUAGE plpgsql
VOLATILE -- EXPLAIN is refused in any other
SET search_path = neanelu, search, pg_temp
AS $body$
DECLARE
    v_plan text; -- its first line
BEGIN
    EXECUTE $$EXPLAIN
        SELECT FROM neanelu.shopify_products AS p
         WHERE to_tsvector('pg_catalog.simple', p.title || ' ' || COALESCE(p.description, '')) @@ $1$$
       INTO v_plan
      USING p_query;
    RETURN substring(v_plan FROM ' rows=(\d+)')::numeric;
END
$body$;
COMMENT ON FUNCTION search._expected_rows(tsquery) IS
    'How many products of all shops the planner expects to match, from the statistics of the words; runs no search. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._is_common_text(p_rows numeric)
RETURNS boolean
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
AS $body$
BEGIN
    RETURN p_rows > 10000 AND p_rows > 0.04 * (SELECT c.reltuples FROM pg_class AS c WHERE c.oid = 'neanelu.shopify_products'::regclass);
END
$body$;
COMMENT ON FUNCTION search._is_common_text(numeric) IS
    'Whether so many expected rows are over 4 % and over 10,000 of all shops'' products. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._common_text_page(p_shop_id uuid, p_query tsquery, p_before uuid, p_limit integer)
RETURNS search.product[]
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $body$
DECLARE
    v_page search.product[];
BEGIN
    -- The words of each product are taken apart again, 20 to 100 µs.
    SELECT array_agg(ROW(h.*)::search.product) INTO v_page
      FROM (SELECT p.id, p.shopify_gid, p.title, p.handle, p.vendor, p.product_type, p.status
              FROM (SELECT w.* FROM neanelu.shopify_products AS w
                     WHERE w.shop_id = p_shop_id AND w.id < p_before AND w.deleted_at IS NULL
                     ORDER BY w.id DESC
                     LIMIT 2500) AS p
             WHERE to_tsvector('pg_catalog.simple', p.title || ' ' || COALESCE(p.description, '')) @@ p_query
             LIMIT p_limit) AS h;
    RETURN CASE WHEN cardinality(v_page) = p_limit THEN v_page END;
END
$body$;
COMMENT ON FUNCTION search._common_text_page(uuid, tsquery, uuid, integer) IS
    'A full page of matches among the next 2500 products by the primary key, or NULL. Its plan is made once. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._rare_text_page(p_shop_id uuid, p_query tsquery, p_before uuid, p_limit integer)
RETURNS search.product[]
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_indexscan = off
AS $body$
BEGIN
    -- OFFSET 0 keeps the shop out of the search, which the index of the words has to answer alone.
    RETURN ARRAY(SELECT ROW(h.*)::search.product
                   FROM (SELECT m.id, m.shopify_gid, m.title, m.handle, m.vendor, m.product_type, m.status
                           FROM (SELECT p.shop_id, p.deleted_at, p.id, p.shopify_gid, p.title, p.handle, p.vendor, p.product_type, p.status
                                   FROM neanelu.shopify_products AS p
                                  WHERE to_tsvector('pg_catalog.simple', p.title || ' ' || COALESCE(p.description, '')) @@ p_query
                                 OFFSET 0) AS m
                          WHERE m.shop_id = p_shop_id AND m.deleted_at IS NULL AND m.id < p_before
                          ORDER BY m.id DESC
                          LIMIT p_limit) AS h);
END
$body$;
COMMENT ON FUNCTION search._rare_text_page(uuid, tsquery, uuid, integer) IS
    'The page below p_before, found by the words among all shops'' products: for words that few of these have. Its plan is made once. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._text_page(p_shop_id uuid, p_query tsquery, p_before uuid, p_limit integer)
RETURNS search.product[]
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
SET plan_cache_mode = force_custom_plan
AS $body$
BEGIN
    -- OFFSET 0 keeps the sort apart from the search: see search._matches.
    RETURN ARRAY(SELECT ROW(h.*)::search.product
                   FROM (SELECT m.id, m.shopify_gid, m.title, m.handle, m.vendor, m.product_type, m.status
                           FROM (SELECT p.id, p.shopify_gid, p.title, p.handle, p.vendor, p.product_type, p.status
                                   FROM neanelu.shopify_products AS p
                                  WHERE p.shop_id = p_shop_id AND p.deleted_at IS NULL
                                    AND to_tsvector('pg_catalog.simple', p.title || ' ' || COALESCE(p.description, '')) @@ p_query
                                 OFFSET 0) AS m
                          WHERE m.id < p_before
                          ORDER BY m.id DESC
                          LIMIT p_limit) AS h);
END
$body$;
COMMENT ON FUNCTION search._text_page(uuid, tsquery, uuid, integer) IS
    'The page below p_before of all matches, planned for the words and the shop. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search.products_by_metafield(p_filter jsonb, p_limit integer DEFAULT 50, p_before uuid DEFAULT NULL)
RETURNS SETOF search.product
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, search, app, pg_temp
AS $body$
DECLARE
    v_page search.product[];
BEGIN
    PERFORM search._assert_limit(p_limit);
    IF p_filter IS NULL OR jsonb_typeof(p_filter) <> 'object' OR pg_column_size(p_filter) > 8000
       OR NOT jsonb_path_exists(p_filter, '$.** ? (@.type() != "object" && @.type() != "array")') THEN
        RAISE EXCEPTION 'a metafield filter is an object of at most 8000 bytes with a value in it' USING ERRCODE = 'NR001',
            HINT = '{"namespace.key": {"value": "…"}}';
    END IF;
    v_page := search._find(app.current_shop_id(), p_filter, NULL, NULL, p_before, p_limit);
    RETURN QUERY SELECT f.* FROM unnest(v_page) AS f;
END
$body$;
COMMENT ON FUNCTION search.products_by_metafield(jsonb, integer, uuid) IS
    'Live products of the session''s shop whose metafields contain the filter, {"namespace.key": {"value": "…"}}, newest id first; '
    'the next page begins below the last id: p_before. No shop, no rows. Writes nothing, takes no locks. '
    'Raises: NR001 filter missing, no object, without a value or too large; NR004 page size';

CREATE FUNCTION search.products_by_metafield(p_key text, p_value text, p_limit integer DEFAULT 50, p_before uuid DEFAULT NULL)
RETURNS SETOF search.product
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, search, app, pg_temp
AS $body$
DECLARE
    v_page search.product[];
BEGIN
    PERFORM search._assert_limit(p_limit);
    IF p_key IS NULL OR p_value IS NULL OR octet_length(p_key) + octet_length(p_value) > 8000 THEN
        RAISE EXCEPTION 'a metafield search needs a key and a value of at most 8000 bytes' USING ERRCODE = 'NR001';
    END IF;
    v_page := search._find(app.current_shop_id(), jsonb_build_object(p_key, jsonb_build_object('value', p_value)), NULL, NULL, p_before, p_limit);
    RETURN QUERY SELECT f.* FROM unnest(v_page) AS f;
END
$body$;
COMMENT ON FUNCTION search.products_by_metafield(text, text, integer, uuid) IS
    'Live products of the session''s shop whose metafield p_key (namespace.key) has exactly the value p_value, as the function with a filter. '
    'Writes nothing, takes no locks. Raises: NR001 key or value missing or too large, NR004 page size';

CREATE FUNCTION search.products_by_tag(
    p_tags text[], p_all boolean DEFAULT true, p_limit integer DEFAULT 50, p_before uuid DEFAULT NULL)
RETURNS SETOF search.product
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, search, app, pg_temp
AS $body$
DECLARE
    v_page search.product[];
BEGIN
    PERFORM search._assert_limit(p_limit);
    IF p_tags IS NULL OR cardinality(p_tags) NOT BETWEEN 1 AND 100 OR array_position(p_tags, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'a tag search needs 1 to 100 tags' USING ERRCODE = 'NR002';
    END IF;
    IF p_all IS NULL THEN
        RAISE EXCEPTION 'say whether all tags are needed or any of them' USING ERRCODE = 'NR002', HINT = 'p_all => true or false';
    END IF;
    v_page := search._find(app.current_shop_id(), NULL, CASE WHEN p_all THEN p_tags END, CASE WHEN NOT p_all THEN p_tags END, p_before, p_limit);
    RETURN QUERY SELECT f.* FROM unnest(v_page) AS f;
END
$body$;
COMMENT ON FUNCTION search.products_by_tag(text[], boolean, integer, uuid) IS
    'Live products of the session''s shop that have all of the tags, or any of them (p_all false), newest id first; tags match exactly, '
    'capitals count; the next page begins below the last id: p_before. No shop, no rows. Writes nothing, takes no locks. '
    'Raises: NR002 no tags, over 100, a null among them, or p_all null; NR004 page size';

CREATE FUNCTION search.products(p_query text, p_limit integer DEFAULT 50, p_before uuid DEFAULT NULL)
RETURNS SETOF search.product
LANGUAGE plpgsql
VOLATILE -- for search._expected_rows
SECURITY DEFINER
SET search_path = neanelu, search, app, pg_temp
AS $body$
DECLARE
    v_query constant tsquery := search._parse_query(p_query);
    v_shop_id constant uuid := app.current_shop_id();
    v_before constant uuid := coalesce(p_before, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    v_rows numeric;
    v_page search.product[];
BEGIN
    PERFORM search._assert_limit(p_limit);
    IF v_shop_id IS NULL THEN
        RETURN;
    END IF;
    v_rows := search._expected_rows(v_query);
    IF v_rows <= 2000 THEN
        v_page := search._rare_text_page(v_shop_id, v_query, v_before, p_limit);
    ELSIF search._is_common_text(v_rows) THEN
        v_page := search._common_text_page(v_shop_id, v_query, v_before, p_limit);
    END IF;
    IF v_page IS NULL THEN
        v_page := search._text_page(v_shop_id, v_query, v_before, p_limit);
    END IF;
    RETURN QUERY SELECT f.* FROM unnest(v_page) AS f;
END
$body$;
COMMENT ON FUNCTION search.products(text, integer, uuid) IS
    'Live products of the session''s shop whose title and description match what a person typed (word, "a phrase", or, -without), '
    'newest id first; whole words, no stemming, diacritics count; the next page begins below the last id: p_before. No shop, no rows. '
    'Writes nothing, takes no locks. Raises: NR003 query missing, too long or without a word to look for; NR004 page size';

CREATE FUNCTION search.ranked_products(p_query text, p_limit integer DEFAULT 20, p_candidates integer DEFAULT 200)
RETURNS SETOF search.ranked_product
LANGUAGE plpgsql
VOLATILE -- as search.products
SECURITY DEFINER
SET search_path = neanelu, search, app, pg_temp
AS $body$
DECLARE
    v_shop_id constant uuid := app.current_shop_id();
    v_query tsquery;
BEGIN
    PERFORM search._assert_limit(p_limit);
    PERFORM search._assert_limit(p_candidates);
    v_query := search._parse_query(p_query);
    RETURN QUERY
    SELECT c.*, ts_rank('{0.1, 0.1, 0.1, 1.0}',
                        setweight(to_tsvector('pg_catalog.simple', p.title), 'A')
                        || setweight(to_tsvector('pg_catalog.simple', COALESCE(p.description, '')), 'D'), v_query) AS rank
      FROM search.products(p_query, p_candidates) AS c
      JOIN neanelu.shopify_products AS p ON p.shop_id = v_shop_id AND p.id = c.id
     ORDER BY rank DESC, c.id DESC
     LIMIT p_limit;
END
$body$;
COMMENT ON FUNCTION search.ranked_products(text, integer, integer) IS
    'As search.products, the most relevant first, among the p_candidates newest matches; without further pages. No shop, no rows. '
    'Writes nothing, takes no locks. Raises: NR003 as search.products, NR004 p_limit or p_candidates not between 1 and 1000';

GRANT EXECUTE ON FUNCTION
    search.products_by_metafield(jsonb, integer, uuid), search.products_by_metafield(text, text, integer, uuid),
    search.products_by_tag(text[], boolean, integer, uuid), search.products(text, integer, uuid),
    search.ranked_products(text, integer, integer)
    TO neanelu_tenant, neanelu_app;

COMMIT;
