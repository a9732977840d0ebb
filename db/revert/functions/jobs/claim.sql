-- Revert neanelu:functions/jobs/claim from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION jobs._provide_slots(integer);
DROP FUNCTION jobs.claim(text[], text, integer, interval);
DROP FUNCTION jobs._take(neanelu.picked_job[], text, interval);
DROP FUNCTION jobs._without_relied_on(neanelu.picked_job[]);
DROP FUNCTION jobs._quotas(neanelu.job_queues, integer, integer, integer, jsonb);
DROP FUNCTION jobs._pick(text[], integer, jsonb);
DROP FUNCTION jobs._busy();
DROP FUNCTION jobs._ready(text, text, integer, integer, integer, jsonb);
DROP FUNCTION jobs.reclaim_expired();
DROP FUNCTION jobs._free(integer[]);
DROP FUNCTION jobs._settle_failed(uuid[], text, text, boolean, interval);
DROP FUNCTION jobs._pause(integer, interval, interval);
DROP FUNCTION jobs._move(text, uuid[], timestamptz[], text);

COMMIT;
