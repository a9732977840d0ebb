BEGIN;
SELECT plan(8);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes, timezone, currency_code)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}', zone, 'RON'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com', 'Europe/Bucharest'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com', 'America/New_York')) AS s (id, domain, zone);

CREATE FUNCTION pg_temp.marked() RETURNS text LANGUAGE sql AS $f$
    WITH gone AS (DELETE FROM analytics_dirty_days RETURNING shop_id, date)
    SELECT string_agg(DISTINCT right(shop_id::text, 2) || ' ' || date, ', ' ORDER BY right(shop_id::text, 2) || ' ' || date) FROM gone
$f$;

INSERT INTO shopify_orders (shop_id, shopify_gid, legacy_resource_id, name, order_number, total_price, currency_code, line_items, processed_at, created_at_shopify)
SELECT s.id, 'gid://shopify/Order/' || n, n, '#' || n, n, 10, 'RON', '[]', CASE WHEN n < 3 THEN '2026-05-01 22:30Z'::timestamptz END, '2026-05-01 12:00Z'
  FROM shops AS s, generate_series(1, 3) AS n;
SELECT is((SELECT count(*) FROM analytics_dirty_days), 3::bigint, 'one mark a shop and day, not one an order');
SELECT is(pg_temp.marked(), 'a1 2026-05-01, a1 2026-05-02, a2 2026-05-01',
          'the day of the shop''s own time zone, by when an order was processed, or made where that is not known');

UPDATE shopify_orders SET tags = '{x}' WHERE legacy_resource_id = 1 AND shop_id = '00000000-0000-7000-8000-0000000000a1';
SELECT is(pg_temp.marked(), 'a1 2026-05-02', 'a change of an order marks its day');
UPDATE shopify_orders SET processed_at = '2026-05-04 12:00Z' WHERE legacy_resource_id = 2 AND shop_id = '00000000-0000-7000-8000-0000000000a1';
SELECT is(pg_temp.marked(), 'a1 2026-05-02, a1 2026-05-04', 'an order that moves, both days');
UPDATE shopify_orders SET deleted_at = now(), deletion_reason = 'webhook' WHERE legacy_resource_id = 2 AND shop_id = '00000000-0000-7000-8000-0000000000a1';
SELECT is(pg_temp.marked(), 'a1 2026-05-04', 'a tombstone, its day');
DELETE FROM shopify_orders WHERE shop_id = '00000000-0000-7000-8000-0000000000a2';
SELECT is(pg_temp.marked(), 'a2 2026-05-01', 'an order that is gone, its day');
UPDATE shopify_orders SET tags = '{y}' WHERE false;
SELECT is(pg_temp.marked(), NULL, 'a statement that changes nothing marks nothing');

INSERT INTO shopify_customers (shop_id, shopify_gid, legacy_resource_id, created_at_shopify)
VALUES ('00000000-0000-7000-8000-0000000000a2', 'gid://shopify/Customer/1', 1, '2026-05-01 03:30Z');
SELECT is(pg_temp.marked(), 'a2 2026-04-30', 'a customer marks the day of coming');

SELECT * FROM finish();
ROLLBACK;
