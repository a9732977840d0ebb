-- Revert neanelu:functions/sync/retention from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION sync.purge_runs(interval, integer);
DROP FUNCTION sync._purgeable_runs(interval, integer);

COMMIT;
