-- Revert neanelu:functions/jobs/schedule from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION jobs.list_tasks();
DROP FUNCTION jobs.fire_task(uuid, timestamptz, timestamptz);
DROP FUNCTION jobs.due_tasks();
DROP FUNCTION jobs.run_task(text, uuid);
DROP FUNCTION jobs.pause_task(text, uuid, boolean);
DROP FUNCTION jobs.unschedule(text, uuid);
DROP FUNCTION jobs.schedule(text, text, text, text, jsonb, uuid, text, text);

COMMIT;
