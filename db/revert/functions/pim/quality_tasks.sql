-- Revert neanelu:functions/pim/quality_tasks from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;

SELECT jobs.unschedule('quality.rescore');
SELECT jobs.unregister_handler(t.name) FROM (VALUES ('quality.notify'), ('quality.rescore')) AS t (name);
DROP FUNCTION pim._do_rescore(uuid, jsonb);

COMMIT;
