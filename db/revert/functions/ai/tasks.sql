-- Revert neanelu:functions/ai/tasks from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

SELECT jobs.unschedule('ai.purge');
SELECT jobs.unregister_handler('ai.purge');

COMMIT;
