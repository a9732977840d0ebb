-- Revert neanelu:functions/sync/report from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION sync.row_counts(uuid);
DROP FUNCTION sync.staleness();
DROP FUNCTION sync.freshness(uuid);
DROP FUNCTION sync.run_errors(uuid, integer, integer);
DROP FUNCTION sync.run_details(uuid);
DROP FUNCTION sync._visible_run(uuid);
DROP FUNCTION sync.active_runs();
DROP FUNCTION sync.list_runs(uuid, text[], integer);
DROP FUNCTION sync._summary(neanelu.bulk_runs);
DROP TYPE sync.run_summary;

COMMIT;
