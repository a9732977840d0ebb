-- Revert neanelu:schema/summaries from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP MATERIALIZED VIEW neanelu.mv_top_sellers;
DROP MATERIALIZED VIEW neanelu.mv_low_stock_alerts;
DROP MATERIALIZED VIEW neanelu.mv_shop_summary;

COMMIT;
