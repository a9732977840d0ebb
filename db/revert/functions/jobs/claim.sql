-- Revert neanelu:functions/jobs/claim from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION jobs.claim(text[], text, integer, interval);
DROP FUNCTION jobs._want(text[]);
DROP FUNCTION jobs._free_unstarted(integer[], timestamptz);
DROP FUNCTION jobs._add_slots(integer);
DROP FUNCTION jobs._sorted(neanelu.picked_jobs);
DROP FUNCTION jobs._take(text[], integer, integer, integer, text[]);
DROP FUNCTION jobs._may_start(text, uuid, bigint);
DROP FUNCTION jobs.reclaim_expired();
DROP FUNCTION jobs._free(integer[]);
DROP FUNCTION jobs._settle_failed(uuid[], text, text, boolean, interval);
DROP FUNCTION jobs._pause(integer, interval, interval);
DROP FUNCTION jobs._move(text, uuid[], timestamptz[], text);
DROP FUNCTION jobs._take_from(text, text, integer, integer, integer, text[], integer, text[]);

COMMIT;
