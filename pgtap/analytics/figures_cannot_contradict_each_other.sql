BEGIN;
SELECT plan(8);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes, timezone, currency_code)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}', zone, 'RON'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com', 'Europe/Bucharest'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com', 'America/New_York')) AS s (id, domain, zone);

INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
VALUES ('00000000-0000-7000-8000-000000000101', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Product/1', 1, 'p', 'p', 'ACTIVE');
CREATE FUNCTION pg_temp.period(p_type text, p_start date, p_end date) RETURNS text LANGUAGE sql AS $f$
    SELECT format($$INSERT INTO analytics_product_performance (shop_id, product_id, period_type, period_start, period_end)
                    VALUES ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000101', %L, %L, %L)$$, p_type, p_start, p_end)
$f$;
SELECT lives_ok(pg_temp.period('daily', '2026-02-28', '2026-02-28'), 'a day');
SELECT lives_ok(pg_temp.period('weekly', '2026-02-23', '2026-03-01'), 'a week from Monday to Sunday');
SELECT lives_ok(pg_temp.period('monthly', '2026-02-01', '2026-02-28'), 'a month');
SELECT throws_ok(pg_temp.period('weekly', '2026-02-22', '2026-02-28'), '23514', NULL, 'no week from Sunday');
SELECT throws_ok(pg_temp.period('monthly', '2026-02-01', '2026-03-01'), '23514', NULL, 'no month of 29 days in 2026');
SELECT throws_ok(pg_temp.period('yearly', '2026-01-01', '2026-12-31'), '23514', NULL, 'no year');
SELECT throws_ok($$INSERT INTO analytics_daily_shop (shop_id, date, gross_sales, discounts, net_sales)
                   VALUES ('00000000-0000-7000-8000-0000000000a1', '2026-01-01', 10, 2, 9)$$, '23514', NULL, 'net sales are what is left of gross sales');
SELECT throws_ok($$INSERT INTO analytics_daily_shop (shop_id, date, stock_at) VALUES ('00000000-0000-7000-8000-0000000000a1', '2026-01-01', now())$$,
                 '23514', NULL, 'a look at the stock has all its figures');

SELECT * FROM finish();
ROLLBACK;
