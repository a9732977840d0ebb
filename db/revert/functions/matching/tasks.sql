-- Revert neanelu:functions/matching/tasks from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unschedule('matching.rescan');
SELECT jobs.unregister_handler('matching.rescan');
DROP FUNCTION matching._do_rescan(uuid, jsonb);

COMMIT;
