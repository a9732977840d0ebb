-- Revert neanelu:functions/jobs/report from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION jobs.purge(interval, integer);
DROP FUNCTION jobs.erase_shop(uuid);
DROP FUNCTION jobs.stop_shop(uuid);
DROP FUNCTION jobs.cancel(uuid);
DROP FUNCTION jobs.retry_dead(text, text, integer);
DROP FUNCTION jobs.retry(uuid);
DROP FUNCTION jobs._found(uuid, text[]);
DROP FUNCTION jobs._take_message(neanelu.job_runs);
DROP FUNCTION jobs._drop_messages(text, boolean);
DROP FUNCTION jobs.metrics();
DROP FUNCTION jobs._count_messages(text);
DROP FUNCTION jobs.dead_letters(text, integer);
DROP FUNCTION jobs.show(uuid);
DROP FUNCTION jobs._next_attempt(text, bigint);
DROP FUNCTION jobs.list(text, text[], uuid, text, integer);

COMMIT;
