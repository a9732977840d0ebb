-- Revert neanelu:functions/jobs/enqueue from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TRIGGER tg_shops__forget_jobs_update ON neanelu.shops;
DROP TRIGGER tg_shops__forget_jobs_delete ON neanelu.shops;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION jobs.enqueue_many(text, text, uuid[], jsonb[], interval);
DROP FUNCTION jobs.enqueue(text, text, uuid, jsonb, interval, integer, text);
DROP FUNCTION jobs._enqueue(text, text, uuid, jsonb, interval, integer, text, uuid);
DROP FUNCTION jobs._rely_on(text, text, text, uuid);
DROP FUNCTION jobs.tg_shops__forget_jobs();
DROP FUNCTION jobs._assert_shops(bigint, bigint);
DROP FUNCTION jobs._wake(text);
DROP FUNCTION jobs.unregister_handler(text);
DROP FUNCTION jobs.register_handler(text, text, text, regprocedure, integer, interval, interval, text[]);
DROP FUNCTION jobs._message(uuid, interval);
DROP FUNCTION jobs._lane(uuid);
DROP FUNCTION jobs._setting(text, integer);
DROP FUNCTION jobs._send(text, text, jsonb, timestamptz);
DROP FUNCTION jobs._put(text, text, uuid[], uuid[], jsonb[], timestamptz, integer, interval);

COMMIT;
