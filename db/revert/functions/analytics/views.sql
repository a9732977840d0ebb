-- Revert neanelu:functions/analytics/views from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
REVOKE EXECUTE ON FUNCTION analytics.visible_shops() FROM neanelu_operator;
DROP VIEW analytics.freshness;
DROP VIEW analytics.top_sellers;
DROP VIEW analytics.low_stock_alerts;
DROP VIEW analytics.shop_summary;
DROP VIEW analytics.discounts;
DROP VIEW analytics.product_performance;
DROP VIEW analytics.monthly_shop;
DROP VIEW analytics.weekly_shop;
DROP VIEW analytics.daily_shop;
DROP VIEW analytics.inventory_levels;
DROP VIEW analytics.variants;
DROP VIEW analytics.products;
DROP VIEW analytics.customers;
DROP VIEW analytics.refunds;
DROP VIEW analytics.order_lines;
DROP VIEW analytics.orders;

COMMIT;
