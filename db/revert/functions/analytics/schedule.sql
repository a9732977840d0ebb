-- Revert neanelu:functions/analytics/schedule from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unschedule(t.name)
  FROM (VALUES ('analytics.shop_summary'), ('analytics.low_stock'), ('analytics.top_sellers'), ('analytics.rollups')) AS t (name);
SELECT jobs.unregister_handler(t.name) FROM (VALUES ('analytics.refresh'), ('analytics.rollup'), ('analytics.rollups')) AS t (name);
DROP FUNCTION analytics._do_rollups(uuid, jsonb);
DROP FUNCTION analytics._do_rollup(uuid, jsonb);
DROP FUNCTION analytics._do_refresh(uuid, jsonb);

COMMIT;
