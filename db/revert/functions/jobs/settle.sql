-- Revert neanelu:functions/jobs/settle from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION jobs.release(uuid, bigint, interval);
DROP FUNCTION jobs.extend(uuid, bigint, interval);
DROP FUNCTION jobs.fail(uuid, bigint, text, text, boolean, interval, text);
DROP FUNCTION jobs.is_permanent(text, text);
DROP FUNCTION jobs.execute(uuid, bigint);
DROP FUNCTION jobs._secure_claim(timestamptz);
DROP FUNCTION jobs.complete_many(bigint[]);
DROP FUNCTION jobs.complete(uuid, bigint, jsonb);
DROP FUNCTION jobs._release_slot(uuid, bigint);
DROP FUNCTION jobs._lost(uuid);

COMMIT;
