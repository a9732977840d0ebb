BEGIN;
SELECT plan(9);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
             ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);
INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
VALUES ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Product/7', 7, 'p', 'p', 'ACTIVE');
INSERT INTO shopify_variants (shop_id, product_id, shopify_gid, legacy_resource_id, title, price)
VALUES ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000b1', 'gid://shopify/ProductVariant/1', 1, 'v', 1);
INSERT INTO shopify_customers (id, shop_id, shopify_gid, legacy_resource_id)
VALUES ('00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Customer/1', 1);
INSERT INTO shopify_orders (shop_id, customer_id, shopify_gid, legacy_resource_id, name, order_number, total_price, currency_code, line_items)
VALUES ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000d1', 'gid://shopify/Order/1', 1, '#1', 1, 1, 'RON', '[]');
INSERT INTO shopify_publications (id, shop_id, shopify_gid, name)
VALUES ('00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Publication/1', 'web');
INSERT INTO shopify_resource_publications (shop_id, publication_id, resource_type, resource_id)
VALUES ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000f1', 'Product', '00000000-0000-7000-8000-0000000000b1');
INSERT INTO staff_users (id, shop_id, email) VALUES ('00000000-0000-7000-8000-000000000401', '00000000-0000-7000-8000-0000000000a1', 'Ana@Example.com');
INSERT INTO key_rotations (key_version_old, key_version_new, initiated_by_shop_id, initiated_by)
VALUES (1, 2, '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000401');
INSERT INTO app_sessions (id, shop_id, payload, expires_at) VALUES ('s', '00000000-0000-7000-8000-0000000000a2', '{}', now());

SELECT throws_ok($$DELETE FROM shops WHERE id = '00000000-0000-7000-8000-0000000000a1'$$, '23001', NULL, 'a shop with a mirror is not deleted');
SELECT lives_ok($$DELETE FROM shops WHERE id = '00000000-0000-7000-8000-0000000000a2'$$, 'an empty shop may be, with its sessions');
DELETE FROM shopify_products;
SELECT is_empty('SELECT FROM shopify_variants', 'variants go with their product');
SELECT is_empty('SELECT FROM shopify_resource_publications', 'so does what was published');
DELETE FROM shopify_customers;
SELECT results_eq('SELECT shop_id, customer_id FROM shopify_orders', $$VALUES ('00000000-0000-7000-8000-0000000000a1'::uuid, NULL::uuid)$$,
  'an order outlives its customer and stays in its shop');
DELETE FROM staff_users;
SELECT results_eq('SELECT initiated_by_shop_id, initiated_by FROM key_rotations', 'VALUES (NULL::uuid, NULL::uuid)', 'a rotation outlives the person who started it');
SELECT throws_ok('INSERT INTO key_rotations (key_version_old, key_version_new) VALUES (2, 3)', '23505', NULL, 'one rotation at a time');
SELECT lives_ok($$UPDATE key_rotations SET status = 'completed', completed_at = clock_timestamp()$$, 'a rotation ends with a time');
SELECT throws_ok($$UPDATE key_rotations SET status = 'failed'$$, '23514', NULL, 'and fails with a reason only');

SELECT * FROM finish();
ROLLBACK;
