-- Revert neanelu:functions/normalise/tasks from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unschedule('normalise.learn');
SELECT jobs.unregister_handler('normalise.learn');
DROP FUNCTION normalise._do_learn(uuid, jsonb);

COMMIT;
