-- Deploy neanelu:functions/ai/tasks to pg
-- requires: functions/ai/report
-- requires: functions/jobs/schedule
-- What recurs: old texts, requests and answers are forgotten.

BEGIN;

SET LOCAL ROLE neanelu_owner;
SET LOCAL search_path = neanelu, ai, jobs, extensions, pg_temp;

SELECT jobs.register_handler('ai.purge', 'maintenance', 'database', 'ai._do_purge(uuid, jsonb)', 3, '10 minutes', '1 minute');
SELECT jobs.schedule('ai.purge', '50 3 * * *', 'maintenance', 'ai.purge');

COMMIT;
