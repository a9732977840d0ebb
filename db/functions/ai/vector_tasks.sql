-- Deploy neanelu:functions/ai/vector_tasks to pg
-- requires: functions/ai/vectors
-- requires: functions/jobs/schedule
-- Vectors follow what changes: every minute texts are collected and, while the model in use is the local one, embedded.

BEGIN;

SET LOCAL ROLE neanelu_owner;
SET LOCAL search_path = neanelu, ai, jobs, extensions, pg_temp;

SELECT jobs.register_handler('ai.embed_local', 'ai', 'daemon', NULL, 3, '2 minutes', '1 minute');
SELECT jobs.schedule('ai.embed_local', '* * * * *', 'ai', 'ai.embed_local', p_missed => 'skip');

COMMIT;
