-- Verify neanelu:schema/analytics on pg

BEGIN;

SELECT id, shop_id, date, orders_count, orders_total, orders_avg, products_synced, variants_synced, customers_new,
       inventory_value, low_stock_count, out_of_stock_count, bulk_runs_count, bulk_runs_failed, api_calls_count,
       webhook_events_count, currency_code, all_orders, cancelled_orders, discounted_orders, refunded_orders,
       other_currency_orders, ordering_customers, line_items, units_sold, units_refunded, products_sold, variants_sold,
       gross_sales, discounts, returns, net_sales, shipping, taxes, total_discounts, shipping_cost, refund_total_tax,
       order_adjusted_total, first_order_at, last_order_at, stock_at, created_at, updated_at
  FROM neanelu.analytics_daily_shop WHERE false;
SELECT id, shop_id, product_id, period_start, period_end, period_type, views_count, orders_count, units_sold, revenue,
       avg_order_value, return_rate, inventory_turnover, units_refunded, order_lines, gross_sales, discounts, returns, created_at,
       updated_at
  FROM neanelu.analytics_product_performance WHERE false;
SELECT id, shop_id, date, marked_at
  FROM neanelu.analytics_dirty_days WHERE false;
SELECT shop_id, product_gid, date
  FROM neanelu.analytics_unresolved_products WHERE false;
SELECT shop_id, rolled_at, days, duration_ms, timezone, currency_code, today
  FROM neanelu.analytics_rollups WHERE false;
SELECT view_name, refreshed_at, duration_ms, row_count, expected_every
  FROM neanelu.analytics_refreshes WHERE false;
SELECT 1 / count(*) FROM pg_catalog.pg_class WHERE oid = 'neanelu.idx_customers_created'::regclass;
SELECT 1 / (count(*) / 3) FROM neanelu.analytics_refreshes;

ROLLBACK;
