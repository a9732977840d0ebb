BEGIN;
SELECT plan(9);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
             ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);
INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
SELECT ('00000000-0000-7000-8000-0000000000b' || n)::uuid, ('00000000-0000-7000-8000-0000000000a' || n)::uuid,
       'gid://shopify/Product/7', 7, 'p', 'p', 'ACTIVE'
FROM generate_series(1, 2) AS n;
INSERT INTO shopify_collections (id, shop_id, shopify_gid, legacy_resource_id, title, handle, collection_type)
VALUES ('00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Collection/1', 1, 'c', 'c', 'MANUAL');
INSERT INTO shopify_customers (id, shop_id, shopify_gid, legacy_resource_id)
VALUES ('00000000-0000-7000-8000-0000000000d1', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Customer/1', 1);
INSERT INTO shopify_media (media_id, shop_id, shopify_gid, media_type, status)
VALUES ('00000000-0000-7000-8000-0000000000e1', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/MediaImage/1', 'IMAGE', 'READY');
INSERT INTO shopify_publications (id, shop_id, shopify_gid, name)
VALUES ('00000000-0000-7000-8000-0000000000f1', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Publication/1', 'web');
INSERT INTO inventory_locations (id, shop_id, shopify_gid, name)
VALUES ('00000000-0000-7000-8000-000000000101', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Location/1', 'here');
INSERT INTO shopify_menus (id, shop_id, shopify_gid, title, handle)
SELECT ('00000000-0000-7000-8000-00000000020' || n)::uuid, '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Menu/' || n, 'm', 'm' || n
FROM generate_series(1, 2) AS n;
INSERT INTO shopify_menu_items (id, shop_id, menu_id, shopify_gid, title)
VALUES ('00000000-0000-7000-8000-000000000301', '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000201', 'gid://shopify/MenuItem/1', 'i');

SELECT pass('two shops may hold the same GID');
SELECT throws_ok($$INSERT INTO shopify_variants (shop_id, product_id, shopify_gid, legacy_resource_id, title, price)
  VALUES ('00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-0000000000b1', 'gid://shopify/ProductVariant/1', 1, 'v', 1)$$,
  '23503', NULL, 'a variant of another shop''s product');
SELECT throws_ok($$INSERT INTO shopify_collection_products (shop_id, collection_id, product_id)
  VALUES ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000b2')$$,
  '23503', NULL, 'another shop''s product in a collection');
SELECT throws_ok($$INSERT INTO shopify_orders (shop_id, customer_id, shopify_gid, legacy_resource_id, name, order_number, total_price, currency_code, line_items)
  VALUES ('00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-0000000000d1', 'gid://shopify/Order/1', 1, '#1', 1, 1, 'RON', '[]')$$,
  '23503', NULL, 'an order of another shop''s customer');
SELECT throws_ok($$INSERT INTO shopify_product_media (shop_id, product_id, media_id)
  VALUES ('00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-0000000000e1')$$,
  '23503', NULL, 'another shop''s image on a product');
SELECT throws_ok($$INSERT INTO shopify_resource_publications (shop_id, publication_id, resource_type, resource_id)
  VALUES ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000f1', 'Product', '00000000-0000-7000-8000-0000000000b2')$$,
  '23503', NULL, 'another shop''s product in a publication, although resource_id may point into two tables');
SELECT throws_ok($$INSERT INTO shopify_resource_publications (shop_id, publication_id, resource_type, resource_id)
  VALUES ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000f1', 'Collection', '00000000-0000-7000-8000-0000000000b1')$$,
  '23503', NULL, 'a product where a collection is announced');
SELECT throws_ok($$INSERT INTO inventory_levels (shop_id, location_id, shopify_gid, inventory_item_gid, inventory_item_legacy_id)
  VALUES ('00000000-0000-7000-8000-0000000000a2', '00000000-0000-7000-8000-000000000101', 'gid://shopify/InventoryLevel/1?inventory_item_id=1', 'gid://shopify/InventoryItem/1', 1)$$,
  '23503', NULL, 'stock at another shop''s location');
SELECT throws_ok($$INSERT INTO shopify_menu_items (shop_id, menu_id, parent_item_id, level, shopify_gid, title)
  VALUES ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000202', '00000000-0000-7000-8000-000000000301', 1, 'gid://shopify/MenuItem/2', 'i')$$,
  '23503', NULL, 'an item below one of another menu');

SELECT * FROM finish();
ROLLBACK;
