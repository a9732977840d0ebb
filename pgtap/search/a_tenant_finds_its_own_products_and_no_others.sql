BEGIN;
SELECT plan(25);

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

-- The same products in both shops, named after the shop.
INSERT INTO shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, description, status, tags, metafields)
SELECT s.id, 'gid://shopify/Product/' || n, n, s.name || ' shirt ' || n, 'p' || n, 'of cotton', 'ACTIVE', ARRAY['sale', 'n' || n],
       jsonb_build_object('custom.n', jsonb_build_object('type', 'single_line_text_field', 'value', n::text))
  FROM generate_series(1, 40) AS n
 CROSS JOIN (VALUES ('00000000-0000-7000-8000-0000000000a1'::uuid, 'a'), ('00000000-0000-7000-8000-0000000000a2', 'b')) AS s (id, name);

CREATE TEMPORARY TABLE searches (name text, call text);
INSERT INTO searches VALUES
    ('a metafield by filter', $$search.products_by_metafield('{"custom.n": {"value": "7"}}'::jsonb)$$),
    ('a metafield by key',    $$search.products_by_metafield('custom.n', '7')$$),
    ('a tag',                 $$search.products_by_tag('{n7,sale}')$$),
    ('any tag',               $$search.products_by_tag('{n7,nowhere}', false)$$),
    ('words',                 $$search.products('cotton 7')$$),
    ('ranked words',          $$search.ranked_products('cotton 7')$$);

SELECT is(pg_temp.as_login('tap_a', 'SELECT string_agg(title, '','') FROM ' || call), 'a shirt 7', name || ': the first tenant finds its own') FROM searches;
SELECT is(pg_temp.as_login('tap_b', 'SELECT string_agg(title, '','') FROM ' || call), 'b shirt 7', name || ': the second tenant its own') FROM searches;
SELECT is(pg_temp.as_login('tap_unbound', 'SELECT count(*) FROM ' || call), '0', name || ': no shop, no rows') FROM searches;

SELECT is(pg_temp.as_login('tap_a', $$SELECT count(*) FROM search.products_by_tag('{sale}')$$), '40', 'what is common to both shops is still the own shop''s');
SET LOCAL app.current_shop_id = '00000000-0000-7000-8000-0000000000a2';
SELECT is(pg_temp.as_login('tap_a', $$SELECT min(title) FROM search.products_by_tag('{n7}')$$), 'a shirt 7', 'the parameter does not move a tenant');
SELECT is(pg_temp.as_login('neanelu_app', $$SELECT min(title) FROM search.products_by_tag('{n7}')$$), 'b shirt 7', 'it chooses for the platform''s service');
SET LOCAL app.current_shop_id = '';
SELECT is(pg_temp.as_login('neanelu_app', $$SELECT count(*) FROM search.products_by_tag('{n7}')$$), '0', 'which without a shop gets no rows');
SELECT is(pg_temp.as_login('tap_a', $$SELECT count(*) FROM search.products_by_tag('{n7}') AS f JOIN neanelu.shopify_products AS p ON p.id = f.id$$), '1',
          'an answer can be joined to the table behind its policy');
SELECT is(pg_temp.as_login('neanelu_analyst', $$SELECT count(*) FROM search.products('cotton')$$), '42501', 'analysts have no shop and no search');
SELECT is(pg_temp.as_login('tap_a', $$SELECT search._common_page('00000000-0000-7000-8000-0000000000a2', NULL, '{sale}', NULL, NULL, 50, 50)$$), '42501',
          'nobody calls what takes a shop');

SELECT * FROM finish();
ROLLBACK;
