BEGIN;
SELECT plan(9);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes, timezone, currency_code)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}', zone, 'RON'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com', 'Europe/Bucharest'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com', 'America/New_York')) AS s (id, domain, zone);

INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status, metafields, deleted_at, deletion_reason)
SELECT format('00000000-0000-7000-8000-0000000001%s', lpad(n::text, 2, '0'))::uuid, '00000000-0000-7000-8000-0000000000a1',
       'gid://shopify/Product/' || n, n, 'p' || n, 'p' || n, CASE n WHEN 8 THEN 'DRAFT' ELSE 'ACTIVE' END, m::jsonb,
       CASE n WHEN 9 THEN now() END, CASE n WHEN 9 THEN 'webhook' END
  FROM (VALUES (1, '{}'), (2, '{"custom.low_stock_threshold": {"type": "number_integer", "value": "20"}}'),
               (3, '{"inventory.low_stock_threshold": {"type": "x", "value": "a few"}}'), (4, '{"low_stock_threshold": 2}'),
               (5, '{"custom.low_stock_threshold": {"value": "-3"}}'), (6, '{"custom.low_stock_threshold": ["12"]}'),
               (7, '{"custom.low_stock_threshold": {"value": "99999999999999999999"}}'), (8, '{}'), (9, '{}')) AS p (n, m);
INSERT INTO shopify_variants (shop_id, product_id, shopify_gid, legacy_resource_id, title, price, inventory_quantity, metafields)
SELECT p.shop_id, p.id, 'gid://shopify/ProductVariant/' || p.legacy_resource_id * 100 + q, p.legacy_resource_id * 100 + q, 'v', 1, q,
       CASE WHEN p.legacy_resource_id = 4 AND q = 15 THEN '{"custom.low_stock_threshold": {"value": "15"}}' ELSE '{}' END::jsonb
  FROM shopify_products AS p, unnest('{0,2,3,5,6,15,20,21}'::int[]) AS q;
INSERT INTO shopify_variants (shop_id, product_id, shopify_gid, legacy_resource_id, title, price, inventory_quantity)
SELECT p.shop_id, p.id, 'gid://shopify/ProductVariant/1999', 1999, 'oversold', 1, -4 FROM shopify_products AS p WHERE p.legacy_resource_id = 1;
SELECT analytics.refresh('mv_low_stock_alerts');

CREATE FUNCTION pg_temp.low(p_product int) RETURNS text LANGUAGE sql AS $f$
    SELECT string_agg(m.inventory_quantity::text, ',' ORDER BY m.inventory_quantity) || ' of ' || string_agg(DISTINCT m.threshold::text, ',')
      FROM mv_low_stock_alerts AS m JOIN shopify_products AS p ON p.shop_id = m.shop_id AND p.id = m.product_id WHERE p.legacy_resource_id = p_product
$f$;
SELECT is(pg_temp.low(1), '0,2,3,5 of 5', 'five without a metafield; what is oversold is no alert');
SELECT is(pg_temp.low(2), '0,2,3,5,6,15,20 of 20', 'as the metafield says');
SELECT is(pg_temp.low(3), '0,2,3,5 of 5', 'words are no number');
SELECT is(pg_temp.low(4), '0,2,15 of 15,2', 'the variant''s own goes before the product''s');
SELECT is(pg_temp.low(5), '0,2,3,5 of 5', 'nor is what is below zero a number of units');
SELECT is(pg_temp.low(6), '0,2,3,5 of 5', 'a list is none');
SELECT is(pg_temp.low(7), '0,2,3,5 of 5', 'what does not fit is none');
SELECT is(pg_temp.low(8), NULL, 'drafts raise no alert');
SELECT is(pg_temp.low(9), NULL, 'neither do deleted products');

SELECT * FROM finish();
ROLLBACK;
