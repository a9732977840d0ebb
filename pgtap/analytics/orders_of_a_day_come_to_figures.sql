BEGIN;
SELECT plan(17);

CREATE FUNCTION pg_temp.s() RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$ SELECT '00000000-0000-7000-8000-0000000000a1'::uuid $f$;
SELECT shops.register(pg_temp.s(), 'a.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{}');
UPDATE shops SET timezone = 'Europe/Bucharest', currency_code = 'RON';
INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
VALUES ('00000000-0000-7000-8000-0000000000b1', pg_temp.s(), 'gid://shopify/Product/1', 1, 'Mug', 'mug', 'ACTIVE');
CREATE FUNCTION pg_temp.order(p_n integer, p_at timestamptz, p_units integer, p_left integer, p_product integer DEFAULT 1, p_currency text DEFAULT 'RON', p_test boolean DEFAULT false) RETURNS void LANGUAGE sql AS $f$
    INSERT INTO shopify_orders (shop_id, shopify_gid, legacy_resource_id, name, order_number, total_price, subtotal_price, current_subtotal_price, currency_code, processed_at, is_test, line_items)
    VALUES (pg_temp.s(), 'gid://shopify/Order/' || p_n, p_n, '#' || p_n, p_n, p_units * 10 - 3, p_units * 10 - 3, round((p_units * 10 - 3) * p_left::numeric / p_units, 2), p_currency, p_at, p_test, jsonb_build_array(jsonb_build_object(
        'quantity', p_units, 'currentQuantity', p_left, 'product', jsonb_build_object('id', 'gid://shopify/Product/' || p_product),
        'originalUnitPriceSet', '{"shopMoney": {"amount": "10.00"}}'::jsonb, 'totalDiscountSet', '{"shopMoney": {"amount": "3.00"}}'::jsonb)))
$f$;
PREPARE day(date) AS SELECT orders_count, all_orders, units_sold, units_refunded, gross_sales, discounts, returns, other_currency_orders FROM analytics_daily_shop WHERE date = $1;

-- The first is of the next day in the shop's time zone; one is in another currency, one is a test.
SELECT pg_temp.order(1, '2026-05-01 21:30Z', 3, 3), pg_temp.order(2, '2026-05-02 12:00Z', 2, 1), pg_temp.order(3, '2026-05-02 12:00Z', 5, 5, p_currency => 'EUR'),
       pg_temp.order(4, '2026-05-02 12:00Z', 5, 5, p_test => true), pg_temp.order(5, '2026-05-02 13:00Z', 1, 1, p_product => 2);
SELECT analytics.rollup_days(pg_temp.s());
SELECT is_empty($$EXECUTE day('2026-05-01')$$, 'a day of the shop''s time zone without orders has none');
SELECT results_eq($$EXECUTE day('2026-05-02')$$, 'VALUES (3, 3, 6, 1, 60.00, 9.00, 8.50, 1)', 'orders of a day are summed, those of other currencies and tests left out');
SELECT results_eq($$SELECT period_type::text, period_start, period_end, orders_count, units_sold, units_refunded, revenue, avg_order_value, return_rate FROM analytics_product_performance ORDER BY 1$$,
    $$VALUES ('daily', '2026-05-02'::date, '2026-05-02'::date, 2, 5, 1, 35.50, 17.75, 20.00), ('monthly', '2026-05-01', '2026-05-31', 2, 5, 1, 35.50, 17.75, 20.00),
             ('weekly', '2026-04-27', '2026-05-03', 2, 5, 1, 35.50, 17.75, 20.00)$$, 'what a product sold, by day, week and month');
SELECT results_eq('SELECT product_gid::text, date FROM analytics_unresolved_products', $$VALUES ('gid://shopify/Product/2', '2026-05-02'::date)$$, 'a product that is not here is remembered');

SELECT is_empty('SELECT FROM analytics_dirty_days', 'nothing is left to be summed');
UPDATE analytics_daily_shop SET updated_at = '2000-01-01';
SELECT pg_temp.order(6, '2026-05-09 12:00Z', 1, 1);
SELECT analytics.rollup_days(pg_temp.s());
SELECT results_eq($$SELECT date FROM analytics_daily_shop WHERE updated_at = '2000-01-01' AND date < '2026-05-09'$$, $$VALUES ('2026-05-02'::date)$$, 'a day that did not change is not written');
SELECT is((SELECT units_sold FROM analytics_product_performance WHERE period_type = 'monthly'), 6, 'its month is');
SELECT is((SELECT count(*) FROM analytics_product_performance WHERE period_type = 'weekly'), 2::bigint, 'a week begins on Monday');
INSERT INTO shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, status) VALUES (pg_temp.s(), 'gid://shopify/Product/2', 2, 'Late', 'late', 'ACTIVE');
SELECT analytics.rollup_days(pg_temp.s());
SELECT is_empty('SELECT FROM analytics_unresolved_products', 'a product that comes later');
SELECT is((SELECT count(*) FROM analytics_product_performance WHERE period_type = 'daily' AND period_start = '2026-05-02'), 2::bigint, 'gets what it sold');
UPDATE shopify_orders SET cancelled_at = '2026-05-03' WHERE legacy_resource_id = 1;
SELECT analytics.rollup_days(pg_temp.s());
SELECT is((SELECT orders_count || ' ' || all_orders || ' ' || cancelled_orders FROM analytics_daily_shop WHERE date = '2026-05-02'), '2 3 1', 'an order that is cancelled counts as such');
SELECT is((SELECT units_sold FROM analytics_product_performance WHERE period_type = 'daily' AND period_start = '2026-05-02' AND product_id = '00000000-0000-7000-8000-0000000000b1'), 2, 'its products did not sell');
DELETE FROM shopify_orders WHERE legacy_resource_id = 6;
SELECT analytics.rollup_days(pg_temp.s());
SELECT is((SELECT coalesce(sum(units_sold), 0) FROM analytics_product_performance WHERE period_start >= '2026-05-04'), 0::bigint, 'what is gone sold nothing');

-- By jobs.
SELECT is(analytics._do_rollups(NULL, '{}') ->> 'shops', '0', 'a shop that was just summed waits for nothing');
UPDATE analytics_rollups SET rolled_at = now() - interval '2 hours';
SELECT is(analytics._do_rollups(NULL, '{}') ->> 'shops', '1', 'after an hour it is looked at');
SELECT lives_ok($$SELECT analytics._do_rollup(pg_temp.s(), '{}')$$, 'by a job of its own');
SELECT is(analytics._do_rollups(NULL, '{}') ->> 'shops', '0', 'and that is that');

SELECT * FROM finish();
ROLLBACK;
