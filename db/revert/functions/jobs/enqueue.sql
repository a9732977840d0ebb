-- Revert neanelu:functions/jobs/enqueue from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION jobs.enqueue_many(text, text, uuid[], jsonb[], interval);
DROP FUNCTION jobs._insert(text, text, uuid[], uuid[], jsonb[], interval, integer, boolean, uuid);
DROP FUNCTION jobs.enqueue(text, text, uuid, jsonb, interval, integer, text);
DROP FUNCTION jobs._rely_on(text, text, text, uuid);
DROP FUNCTION jobs._wake(text);
DROP FUNCTION jobs.unregister_handler(text);
DROP FUNCTION jobs.register_handler(text, text, text, regprocedure, integer, interval, interval, text[]);
DROP FUNCTION jobs._lane(uuid);
DROP FUNCTION jobs._setting(text, integer);

COMMIT;
