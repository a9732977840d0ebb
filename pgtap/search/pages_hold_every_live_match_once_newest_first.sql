BEGIN;
SELECT plan(17);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);
CREATE ROLE tap_a LOGIN IN ROLE neanelu_tenant;
CREATE ROLE tap_b LOGIN IN ROLE neanelu_tenant;
CREATE ROLE tap_unbound LOGIN IN ROLE neanelu_tenant;
SELECT app.bind_tenant_login('tap_a', '00000000-0000-7000-8000-0000000000a1');
SELECT app.bind_tenant_login('tap_b', '00000000-0000-7000-8000-0000000000a2');

\ir ../as_login.psql

-- 7000 products: tag 'all' on each (a walk finds it), 'old' on the first 5500 (the probe misses it, there are too many to
-- collect, and a walk may not fill the page), 'ten' on every tenth, 'two' on two of them, 'newest' on the newest two.
INSERT INTO shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, description, status, tags, metafields)
SELECT '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Product/' || n, n,
       CASE WHEN n = 3 THEN 'linen' ELSE 'shirt' END || ' ' || n, 'p' || n, CASE WHEN n % 1000 = 0 THEN 'with linen' ELSE 'of cotton' END, 'ACTIVE',
       ARRAY['all'] || CASE WHEN n <= 5500 THEN ARRAY['old'] ELSE '{}' END || CASE WHEN n % 10 = 0 THEN ARRAY['ten'] ELSE '{}' END
       || CASE WHEN n IN (17, 6000) THEN ARRAY['two'] ELSE '{}' END || CASE WHEN n > 6998 THEN ARRAY['newest'] ELSE '{}' END,
       jsonb_build_object('custom.n', jsonb_build_object('value', n::text), 'custom.old', jsonb_build_object('value', (n <= 5500)::text))
  FROM generate_series(1, 7000) AS n;
ANALYZE shopify_products;

-- All pages of a search, one after the other: how many rows, how many of them different, and whether ids fall all the way.
CREATE FUNCTION pg_temp.pages(p_call text, p_page integer) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
    v_ids uuid[] := '{}';
    v_page uuid[];
    v_last uuid;
BEGIN
    LOOP
        v_page := pg_temp.as_login('tap_a', format('SELECT array_agg(f.id) FROM search.%s AS f', format(p_call, p_page, v_last)));
        EXIT WHEN v_page IS NULL;
        IF cardinality(v_page) > p_page THEN
            RETURN 'a page of ' || cardinality(v_page);
        END IF;
        v_ids := v_ids || v_page;
        v_last := v_page[cardinality(v_page)];
    END LOOP;
    RETURN format('%s %s %s', cardinality(v_ids), (SELECT count(DISTINCT u) FROM unnest(v_ids) AS u),
                  v_ids = ARRAY(SELECT u FROM unnest(v_ids) AS u ORDER BY u DESC));
END
$f$;

SELECT is(pg_temp.pages($$products_by_tag('{all}', true, %s, %L)$$, 1000), '7000 7000 t', 'all: every row once, newest first');
SELECT is(pg_temp.pages($$products_by_tag('{old}', true, %s, %L)$$, 900), '5500 5500 t', 'old: every row once, newest first');
SELECT is(pg_temp.pages($$products_by_tag('{ten}', true, %s, %L)$$, 64), '700 700 t', 'ten: every row once, newest first');
SELECT is(pg_temp.pages($$products_by_tag('{two}', true, %s, %L)$$, 1), '2 2 t', 'two: one a page');
SELECT is(pg_temp.pages($$products_by_tag('{newest}', true, %s, %L)$$, 50), '2 2 t', 'newest: a walk that does not fill its page loses nothing');
SELECT is(pg_temp.pages($$products_by_tag('{two,newest,none}', false, %s, %L)$$, 3), '4 4 t', 'any of several tags');
SELECT is(pg_temp.pages($$products_by_metafield('custom.old', 'true', %s, %L)$$, 800), '5500 5500 t', 'a common metafield');
SELECT is(pg_temp.pages($$products_by_metafield('custom.n', '77', %s, %L)$$, 10), '1 1 t', 'a rare metafield');
SELECT is(pg_temp.pages($$products('cotton', %s, %L)$$, 1000), '6993 6993 t', 'a common word');
SELECT is(pg_temp.pages($$products('linen', %s, %L)$$, 5), '8 8 t', 'a rare word');
SELECT is(pg_temp.pages($$products('"of cotton" 5', %s, %L)$$, 5), '1 1 t', 'a phrase and a word');
SELECT is(pg_temp.pages($$products('"cotton of"', %s, %L)$$, 5), '0 0 t', 'a phrase has its words in their order');

SELECT is(pg_temp.as_login('tap_a', $$SELECT array_agg(title) FROM search.ranked_products('linen', 3)$$),
          '{"linen 3","shirt 7000","shirt 6000"}', 'a word of the title comes first');
SELECT is(pg_temp.as_login('tap_a', $$SELECT array_agg(title) FROM search.ranked_products('linen', 3, 2)$$),
          '{"shirt 7000","shirt 6000"}', 'only the newest candidates are ranked');

UPDATE shopify_products SET deleted_at = now(), deletion_reason = 'snapshot' WHERE legacy_resource_id IN (17, 7000);
SELECT is(pg_temp.pages($$products_by_tag('{two}', true, %s, %L)$$, 10), '1 1 t', 'a product with a tombstone is not found by the index');
SELECT is(pg_temp.pages($$products_by_tag('{all}', true, %s, %L)$$, 1000), '6998 6998 t', 'nor by a walk');
SELECT is(pg_temp.pages($$products('linen', %s, %L)$$, 10), '7 7 t', 'nor by its words');

SELECT * FROM finish();
ROLLBACK;
