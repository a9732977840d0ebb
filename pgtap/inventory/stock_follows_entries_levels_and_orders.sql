BEGIN;
SELECT plan(55);

CREATE FUNCTION pg_temp.s() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-7000-8000-0000000000a1'::uuid $$;
CREATE FUNCTION pg_temp.v(p_n integer DEFAULT 1) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-7000-8000-0000000000c' || p_n)::uuid $$;
CREATE FUNCTION pg_temp.at(p_n integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'gid://shopify/Location/' || p_n $$;
CREATE FUNCTION pg_temp.stock(p_n integer, p_variant integer DEFAULT 1) RETURNS bigint LANGUAGE sql AS $$ SELECT inventory.available(pg_temp.s(), pg_temp.v(p_variant), pg_temp.at(p_n)) $$;
INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
VALUES (pg_temp.s(), 'a.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}');
INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
VALUES ('00000000-0000-7000-8000-0000000000b1', pg_temp.s(), 'gid://shopify/Product/1', 1, 'Mug', 'p', 'ACTIVE');
INSERT INTO shopify_variants (id, shop_id, product_id, shopify_gid, legacy_resource_id, title, sku, price, inventory_item_id)
SELECT pg_temp.v(n), pg_temp.s(), '00000000-0000-7000-8000-0000000000b1', 'gid://shopify/ProductVariant/' || n, n, 'v' || n, CASE WHEN n < 3 THEN 'SKU' ELSE 'OTHER' END, 1, 'gid://shopify/InventoryItem/' || n
  FROM generate_series(1, 3) AS n;
INSERT INTO inventory_locations (shop_id, shopify_gid, legacy_resource_id, name, is_active) SELECT pg_temp.s(), pg_temp.at(n), n, 'L' || n, true FROM generate_series(1, 2) AS n;

SELECT bag_eq($$SELECT sku, product, variant FROM inventory.find_variants(pg_temp.s(), 'SKU')$$, $$VALUES ('SKU', 'Mug', 'v1'), ('SKU', 'Mug', 'v2')$$, 'a SKU may be two variants''');
SELECT is((SELECT variant FROM inventory.find_variants(pg_temp.s(), pg_temp.v(3)::text)), 'v3', 'an id is one''s');
SELECT is_empty($$SELECT * FROM inventory.find_variants(pg_temp.s(), 'sku')$$, 'another spelling is nobody''s');

-- Entries of our own.
SELECT is(inventory.record_many(pg_temp.s(), ARRAY[pg_temp.v(), pg_temp.v(2), pg_temp.v()], ARRAY[pg_temp.at(1), pg_temp.at(1), pg_temp.at(1)], '{5,3,5}', '{RESTOCK,RESTOCK,RESTOCK}',
    '{po,po,po}', '{1,1,1}'), 2, 'a reference counts once in a batch');
SELECT is(inventory.record_many(pg_temp.s(), ARRAY[pg_temp.v()], ARRAY[pg_temp.at(1)], '{5}', '{RESTOCK}', '{po}', '{1}'), 0, 'and once for ever');
SELECT is(inventory.record_many(pg_temp.s(), '[]'::jsonb), 0, 'nothing is nothing');
SELECT is(inventory.record_many(pg_temp.s(), jsonb_build_array(jsonb_build_object('variant_id', pg_temp.v(), 'location_id', pg_temp.at(1), 'delta', 2, 'reason', 'RESTOCK'))), 1, 'JSON will do');
SELECT is(pg_temp.stock(1), 7::bigint, 'all of it counts');
SELECT throws_ok($$SELECT inventory.record_many(pg_temp.s(), ARRAY[uuidv7()], '{x}', '{1}', '{RESTOCK}')$$, 'NI002', NULL, 'a variant that is not the shop''s is refused');
SELECT throws_ok($$SELECT inventory.record_many(pg_temp.s(), ARRAY[pg_temp.v()], '{x}', '{1}', '{RESTOCK}', '{po}', '{NULL}')$$, 'NI009', NULL, 'half a reference is none');
SELECT throws_ok($$SELECT inventory.record_many(pg_temp.s(), ARRAY[pg_temp.v()], '{x}', '{1}', '{RESTOCK}', p_recorded_at => '{2001-01-01}')$$, 'NI003', NULL, 'nothing goes into months that are gone');
SELECT throws_ok($$SELECT inventory.record_many(NULL, '[]'::jsonb)$$, 'NA002', NULL, 'no shop, no entries');

SELECT ok(inventory.transfer(pg_temp.s(), pg_temp.v(), pg_temp.at(1), pg_temp.at(2), 3, 't1'), 'units move');
SELECT ok(NOT inventory.transfer(pg_temp.s(), pg_temp.v(), pg_temp.at(1), pg_temp.at(2), 3, 't1'), 'once a reference');
SELECT is(ARRAY[pg_temp.stock(1), pg_temp.stock(2)], '{4,3}', 'from one place to another');
SELECT throws_ok($$SELECT inventory.transfer(pg_temp.s(), pg_temp.v(), pg_temp.at(1), pg_temp.at(3), 3, 't1')$$, 'NI004', NULL, 'the reference of another transfer is refused');
SELECT throws_ok($$SELECT inventory.transfer(pg_temp.s(), pg_temp.v(), pg_temp.at(1), pg_temp.at(1), 3)$$, 'NI004', NULL, 'so is a move to the same place');
SELECT throws_ok($$SELECT inventory.transfer(pg_temp.s(), pg_temp.v(), pg_temp.at(1), pg_temp.at(2), 0)$$, 'NI004', NULL, 'or of nothing');

SELECT is((SELECT waiting FROM inventory.fold_lag()), 5::bigint, 'five entries wait for the fold');
SELECT results_eq('SELECT location, available, folded, waiting, entries FROM inventory.show(pg_temp.s(), pg_temp.v())',
    $$VALUES ('L1', 4::bigint, 0::bigint, 4::bigint, 3::bigint), ('L2', 3, 0, 3, 1)$$, 'which is told');
SELECT inventory.fold();
SELECT results_eq('SELECT * FROM inventory.fold_lag()', 'VALUES (0::bigint, 0::double precision)', 'then none');
SELECT results_eq('SELECT location, available, folded, waiting, entries FROM inventory.show(pg_temp.s(), pg_temp.v())',
    $$VALUES ('L1', 4::bigint, 4::bigint, 0::bigint, 3::bigint), ('L2', 3, 3, 0, 1)$$, 'and the same units are there');
SELECT bag_eq($$SELECT delta, quantity, reason, reference_id FROM inventory.history(pg_temp.s(), pg_temp.v(), pg_temp.at(1))$$,
    $$VALUES (5, 5, 'RESTOCK', '1'), (2, 7, 'RESTOCK', NULL), (-3, 4, 'TRANSFER', 't1')$$, 'what happened at a place');
SELECT is((SELECT count(*) FROM inventory.history(pg_temp.s(), pg_temp.v(), p_limit => 3)), 3::bigint, 'or at all, no more than asked for');
SELECT is_empty($$SELECT * FROM inventory.reconcile(pg_temp.s())$$, 'balances and entries agree');
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE inventory_balances SET quantity = quantity + 1 WHERE location_id = pg_temp.at(2);
SELECT results_eq('SELECT balance, recomputed, difference, problem FROM inventory.reconcile(pg_temp.s())', $$VALUES (4::bigint, 3::bigint, 1::bigint, 'the entries sum to something else')$$, 'a difference would be found');
UPDATE inventory_balances SET quantity = quantity - 1 WHERE location_id = pg_temp.at(2);

SELECT is(inventory.record_many(pg_temp.s(), ARRAY[pg_temp.v(3)], ARRAY[pg_temp.at(1)], '{10}', '{RESTOCK}', p_recorded_at => ARRAY[now() - interval '2 hours']), 1, 'what was two hours ago');
SELECT inventory.record_many(pg_temp.s(), ARRAY[pg_temp.v(3)], ARRAY[pg_temp.at(2)], '{-4}', '{SALE}', p_recorded_at => ARRAY[now() - interval '1 hour']);
SELECT is(inventory.stock_at(pg_temp.s(), pg_temp.v(3), pg_temp.at(1), now() - interval '3 hours'), 0::bigint, 'was not there before');
SELECT is(inventory.stock_at(pg_temp.s(), pg_temp.v(3), pg_temp.at(1), now() - interval '2 hours'), 10::bigint, 'it was then');
SELECT is(inventory.stock_at(pg_temp.s(), pg_temp.v(3), NULL, now()), 6::bigint, 'at all places together');
SELECT throws_ok($$SELECT inventory.stock_at(pg_temp.s(), pg_temp.v(3), NULL, '2001-01-01')$$, 'NI003', NULL, 'of months that are gone nothing is known');

-- Levels.
SELECT is(inventory.source(pg_temp.s()), 'shopify', 'Shopify''s levels count at first');
SELECT ok(inventory.record_absolute(pg_temp.s(), 1, pg_temp.at(1), 9, now(), 'webhook', 'w1'), 'a level is taken');
SELECT is(pg_temp.stock(1), 9::bigint, 'and is the stock');
SELECT ok(NOT inventory.record_absolute(pg_temp.s(), 1, pg_temp.at(1), 8, now(), 'webhook', 'w1'), 'not twice of one reference');
SELECT ok(NOT inventory.record_absolute(pg_temp.s(), 1, pg_temp.at(1), 8, now() - interval '2 minutes', 'webhook', 'w2'), 'nor an older one');
SELECT ok(NOT inventory.record_absolute(pg_temp.s(), 77, pg_temp.at(1), 8, now()), 'nor of an item that is not here');
SELECT throws_ok($$SELECT inventory.record_absolute(pg_temp.s(), 1, pg_temp.at(1), NULL, now())$$, 'NI006', NULL, 'a level without quantity is none');
INSERT INTO inventory_levels (shop_id, shopify_gid, inventory_item_gid, inventory_item_legacy_id, location_id, available, updated_at_shopify)
SELECT pg_temp.s(), 'gid://shopify/InventoryLevel/2', 'gid://shopify/InventoryItem/2', 2, l.id, 20, now() FROM inventory_locations AS l WHERE l.name = 'L2';
SELECT results_eq('SELECT location_id, stock, level FROM inventory.drift(pg_temp.s())', $$VALUES (pg_temp.at(2), 0::bigint, 20)$$, 'what the mirror says and the ledger does not');
SELECT is(inventory.record_levels(pg_temp.s()), 1, 'is taken');
SELECT is(inventory.record_levels(pg_temp.s()), 0, 'once');
SELECT is_empty('SELECT * FROM inventory.drift(pg_temp.s())', 'then they agree');
SELECT throws_ok($$SELECT inventory.record_bulk(pg_temp.s(), uuidv7())$$, 'NI007', NULL, 'a run that is not there brought none');

-- Orders.
SELECT throws_ok($$SELECT inventory.set_source(pg_temp.s(), 'nobody')$$, 'NI005', NULL, 'the stock is Shopify''s or the ledger''s');
SELECT inventory.set_source(pg_temp.s(), 'ledger');
SELECT is(inventory.source(pg_temp.s()), 'ledger', 'as was said');
INSERT INTO shopify_orders (shop_id, shopify_gid, legacy_resource_id, name, order_number, total_price, currency_code, line_items, created_at_shopify, processed_at)
SELECT pg_temp.s(), 'gid://shopify/Order/1', 1, '#1', 1, 2, 'RON', jsonb_build_array(jsonb_build_object('id', 'gid://shopify/LineItem/1', 'quantity', 2, 'currentQuantity', 2,
       'variant', jsonb_build_object('id', 'gid://shopify/ProductVariant/2'))), now() + interval '1 minute', now() + interval '1 minute';
SELECT is((SELECT inventory.record_order(pg_temp.s(), o.id) FROM shopify_orders AS o), 1, 'an order is a sale');
SELECT is((SELECT inventory.record_orders(pg_temp.s(), ARRAY[o.id]) FROM shopify_orders AS o), 0, 'once');
SELECT is(inventory.record_orders(pg_temp.s(), '{}'), 0, 'no orders are none');
SELECT is((SELECT sum(delta) FROM inventory_entries WHERE reason = 'SALE' AND reference_type = 'order_line'), -2::bigint, 'of its units');

-- The end.
SELECT throws_ok($$SELECT * FROM inventory.drop_months('20 days')$$, 'NI008', NULL, 'a month is kept in any case');
SELECT is_empty($$SELECT * FROM inventory.drop_months('50 years')$$, 'months that are not old stay');
SELECT is(inventory.close_months('-infinity'), 0::bigint, 'nothing is closed twice');
SELECT is(inventory.erase_shop(pg_temp.s()) > 0, true, 'a shop is forgotten');
SELECT is(inventory.erase_shop(pg_temp.s()), 0::bigint, 'once');
SELECT is_empty('SELECT FROM inventory_entries', 'with all entries');

SELECT * FROM finish();
ROLLBACK;
