-- Revert neanelu:schema/analytics from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

DROP INDEX neanelu.idx_customers_created;
DROP TABLE neanelu.analytics_refreshes;
DROP TABLE neanelu.analytics_rollups;
DROP TABLE neanelu.analytics_unresolved_products;
DROP TABLE neanelu.analytics_dirty_days;
DROP TABLE neanelu.analytics_product_performance;
DROP TABLE neanelu.analytics_daily_shop;

COMMIT;
