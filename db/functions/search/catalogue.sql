-- Deploy neanelu:functions/search/catalogue to pg
-- requires: policies/tenancy
-- requires: policies/grants
-- requires: functions/app/context
-- Searches for tenants. Containment and full text are not leakproof operators, so behind a policy they use no index; these
-- functions are the engine's, for which the policies pass every row, and state the shop themselves.
-- How a page is found, and why no index on (shop_id, tags) is made: docs/decisions/0001-tenant-search.md.

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

CREATE FUNCTION search._hits(p_shop_id uuid, p_metafields jsonb, p_all_tags text[], p_any_tags text[], p_query tsquery, p_most integer)
RETURNS search.product[]
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
SET plan_cache_mode = force_custom_plan
AS $body$
DECLARE
    v_hits search.product[];
BEGIN
    IF p_query IS NOT NULL THEN
        RETURN search._text_hits(p_shop_id, p_query, p_most);
    END IF;
    -- Planned for these values, each criterion by itself. No ORDER BY id here: with it, the planner walks the whole shop
    -- for a rare value that it takes for a common one.
    IF p_metafields IS NOT NULL THEN
        SELECT array_agg(ROW(h.*)::search.product) INTO v_hits
          FROM (SELECT p.id, p.shopify_gid, p.title, p.handle, p.vendor, p.product_type, p.status
                  FROM neanelu.shopify_products AS p
                 WHERE p.shop_id = p_shop_id AND p.deleted_at IS NULL AND p.metafields @> p_metafields
                 LIMIT p_most) AS h;
    ELSIF p_all_tags IS NOT NULL THEN
        SELECT array_agg(ROW(h.*)::search.product) INTO v_hits
          FROM (SELECT p.id, p.shopify_gid, p.title, p.handle, p.vendor, p.product_type, p.status
                  FROM neanelu.shopify_products AS p
                 WHERE p.shop_id = p_shop_id AND p.deleted_at IS NULL AND p.tags @> p_all_tags
                 LIMIT p_most) AS h;
    ELSE
        SELECT array_agg(ROW(h.*)::search.product) INTO v_hits
          FROM (SELECT p.id, p.shopify_gid, p.title, p.handle, p.vendor, p.product_type, p.status
                  FROM neanelu.shopify_products AS p
                 WHERE p.shop_id = p_shop_id AND p.deleted_at IS NULL AND p.tags && p_any_tags
                 LIMIT p_most) AS h;
    END IF;
    RETURN coalesce(v_hits, '{}');
END
$body$;
COMMENT ON FUNCTION search._hits(uuid, jsonb, text[], text[], tsquery, integer) IS
    'The shop''s live products that match the one criterion given, in no order, at most p_most (NULL: all); by the criterion''s GIN index '
    'when it is selective. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._text_hits(p_shop_id uuid, p_query tsquery, p_most integer)
RETURNS search.product[]
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
SET enable_indexscan = off
AS $body$
DECLARE
    v_hits search.product[];
BEGIN
    -- The planner takes to_tsvector for ten times cheaper than it is, and would rather take words apart than read the index.
    SELECT array_agg(ROW(h.*)::search.product) INTO v_hits
      FROM (SELECT p.id, p.shopify_gid, p.title, p.handle, p.vendor, p.product_type, p.status
              FROM neanelu.shopify_products AS p
             WHERE p.shop_id = p_shop_id AND p.deleted_at IS NULL AND to_tsvector('pg_catalog.simple', p.title || ' ' || COALESCE(p.description, '')) @@ p_query
             LIMIT p_most) AS h;
    RETURN coalesce(v_hits, '{}');
END
$body$;
COMMENT ON FUNCTION search._text_hits(uuid, tsquery, integer) IS
    'The shop''s live products that match the query, in no order, at most p_most (NULL: all); by bitmaps of indexes only. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._is_common_text(p_query tsquery)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE -- EXPLAIN is refused in any other
SET search_path = neanelu, search, pg_temp
AS $body$
DECLARE
    v_plan json;
BEGIN
    EXECUTE $$EXPLAIN (FORMAT JSON)
        SELECT FROM neanelu.shopify_products AS p
         WHERE to_tsvector('pg_catalog.simple', p.title || ' ' || COALESCE(p.description, '')) @@ $1$$
       INTO v_plan
      USING p_query;
    RETURN coalesce((v_plan #>> '{0,Plan,Plan Rows}')::numeric > 10000
           AND (v_plan #>> '{0,Plan,Plan Rows}')::numeric > 0.04 * (SELECT c.reltuples FROM pg_class AS c WHERE c.oid = 'neanelu.shopify_products'::regclass), false);
END
$body$;
COMMENT ON FUNCTION search._is_common_text(tsquery) IS
    'Whether the planner expects over 4 % and over 10,000 of all shops'' products to match, from the statistics of the words; runs no search. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._walk(
    p_shop_id uuid, p_metafields jsonb, p_all_tags text[], p_any_tags text[], p_query tsquery, p_before uuid, p_limit integer, p_visits integer)
RETURNS search.product[]
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $body$
DECLARE
    v_hits search.product[];
BEGIN
    SELECT array_agg(ROW(h.*)::search.product) INTO v_hits
      FROM (SELECT p.id, p.shopify_gid, p.title, p.handle, p.vendor, p.product_type, p.status
              FROM (SELECT w.* FROM neanelu.shopify_products AS w
                     WHERE w.shop_id = p_shop_id AND w.id < p_before AND w.deleted_at IS NULL
                     ORDER BY w.id DESC LIMIT p_visits) AS p
             WHERE (p_metafields IS NULL OR p.metafields @> p_metafields)
               AND (p_all_tags IS NULL OR p.tags @> p_all_tags)
               AND (p_any_tags IS NULL OR p.tags && p_any_tags)
               AND (p_query IS NULL OR to_tsvector('pg_catalog.simple', p.title || ' ' || COALESCE(p.description, '')) @@ p_query)
             LIMIT p_limit) AS h;
    RETURN coalesce(v_hits, '{}');
END
$body$;
COMMENT ON FUNCTION search._walk(uuid, jsonb, text[], text[], tsquery, uuid, integer, integer) IS
    'The matches, at most p_limit, among the next p_visits live products below p_before, by the primary key backwards; its plan is made once. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search._find(
    p_shop_id uuid, p_metafields jsonb, p_all_tags text[], p_any_tags text[], p_query tsquery, p_is_common boolean, p_before uuid, p_limit integer)
RETURNS SETOF search.product
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, search, pg_temp
AS $body$
DECLARE
    -- A walk takes the words of each product apart again, 20 to 100 µs: with text shorter, and only for words in very many.
    v_most constant integer := CASE WHEN p_query IS NULL THEN 5000 ELSE 25000 END;
    v_visits integer := CASE WHEN p_query IS NULL THEN 10000 ELSE 2500 END;
    v_before constant uuid := coalesce(p_before, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    v_common boolean := p_is_common;
    v_seen integer;
    v_hits search.product[];
BEGIN
    IF p_shop_id IS NULL THEN
        RETURN;
    END IF;
    IF v_common IS NULL THEN
        v_seen := cardinality(search._walk(p_shop_id, p_metafields, p_all_tags, p_any_tags, NULL, v_before, 32, 32));
        v_common := v_seen > 1;
        v_visits := least(v_visits, 4 * p_limit * 32 / greatest(v_seen, 1));
    END IF;
    IF NOT v_common THEN
        v_hits := search._hits(p_shop_id, p_metafields, p_all_tags, p_any_tags, p_query, v_most + 1);
        v_common := cardinality(v_hits) > v_most;
    END IF;
    IF v_common THEN
        v_hits := search._walk(p_shop_id, p_metafields, p_all_tags, p_any_tags, p_query, v_before, p_limit, v_visits);
        IF cardinality(v_hits) < p_limit THEN
            v_hits := search._hits(p_shop_id, p_metafields, p_all_tags, p_any_tags, p_query, NULL);
        END IF;
    END IF;
    RETURN QUERY SELECT h.* FROM unnest(v_hits) AS h WHERE h.id < v_before ORDER BY h.id DESC LIMIT p_limit;
END
$body$;
COMMENT ON FUNCTION search._find(uuid, jsonb, text[], text[], tsquery, boolean, uuid, integer) IS
    'The shop''s live products that match the one criterion given, newest id first, at most p_limit below p_before. What is common is found by a bounded '
    'walk, every other criterion, and what a walk does not fill, by the index. p_is_common says it; NULL asks the next 32 products, and more than '
    '5000 hits (25000 with words) are common in any case. No shop, no rows. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION search.products_by_metafield(p_filter jsonb, p_limit integer DEFAULT 50, p_before uuid DEFAULT NULL)
RETURNS SETOF search.product
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, search, app, pg_temp
AS $body$
BEGIN
    PERFORM search._assert_limit(p_limit);
    IF p_filter IS NULL OR jsonb_typeof(p_filter) <> 'object' OR pg_column_size(p_filter) > 8000
       OR NOT jsonb_path_exists(p_filter, '$.** ? (@.type() != "object" && @.type() != "array")') THEN
        RAISE EXCEPTION 'a metafield filter is an object of at most 8000 bytes with a value in it' USING ERRCODE = 'NR001',
            HINT = '{"namespace.key": {"value": "…"}}';
    END IF;
    RETURN QUERY SELECT f.* FROM search._find(app.current_shop_id(), p_filter, NULL, NULL, NULL, NULL, p_before, p_limit) AS f;
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
BEGIN
    IF p_key IS NULL OR p_value IS NULL THEN
        RAISE EXCEPTION 'a metafield search needs a key and a value' USING ERRCODE = 'NR001';
    END IF;
    RETURN QUERY SELECT f.* FROM search.products_by_metafield(
        jsonb_build_object(p_key, jsonb_build_object('value', p_value)), p_limit, p_before) AS f;
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
BEGIN
    PERFORM search._assert_limit(p_limit);
    IF p_tags IS NULL OR cardinality(p_tags) NOT BETWEEN 1 AND 100 OR array_position(p_tags, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'a tag search needs 1 to 100 tags' USING ERRCODE = 'NR002';
    END IF;
    IF p_all IS NULL THEN
        RAISE EXCEPTION 'say whether all tags are needed or any of them' USING ERRCODE = 'NR002', HINT = 'p_all => true or false';
    END IF;
    RETURN QUERY SELECT f.* FROM search._find(
        app.current_shop_id(), NULL, CASE WHEN p_all THEN p_tags END, CASE WHEN NOT p_all THEN p_tags END, NULL, NULL, p_before, p_limit) AS f;
END
$body$;
COMMENT ON FUNCTION search.products_by_tag(text[], boolean, integer, uuid) IS
    'Live products of the session''s shop that have all of the tags, or any of them (p_all false), newest id first; tags match exactly, '
    'capitals count; the next page begins below the last id: p_before. No shop, no rows. Writes nothing, takes no locks. '
    'Raises: NR002 no tags, over 100, a null among them, or p_all null; NR004 page size';

CREATE FUNCTION search.products(p_query text, p_limit integer DEFAULT 50, p_before uuid DEFAULT NULL)
RETURNS SETOF search.product
LANGUAGE plpgsql
VOLATILE -- for search._is_common_text
SECURITY DEFINER
SET search_path = neanelu, search, app, pg_temp
AS $body$
DECLARE
    v_query constant tsquery := search._parse_query(p_query);
BEGIN
    PERFORM search._assert_limit(p_limit);
    RETURN QUERY SELECT f.* FROM search._find(
        app.current_shop_id(), NULL, NULL, NULL, v_query, search._is_common_text(v_query), p_before, p_limit) AS f;
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
