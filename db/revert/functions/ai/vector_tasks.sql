-- Revert neanelu:functions/ai/vector_tasks from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

SELECT jobs.unschedule('ai.embed_local');
SELECT jobs.unregister_handler('ai.embed_local');

COMMIT;
