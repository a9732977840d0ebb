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

DO $of_queues$
DECLARE
    v_queue text;
BEGIN
    FOR v_queue IN SELECT q.queue_name FROM neanelu.job_queues AS q ORDER BY 1 LOOP
        EXECUTE format('DROP FUNCTION jobs.%I(uuid[], uuid[], jsonb[], timestamptz, boolean, text, integer, integer, uuid)', '_put_' || v_queue);
    END LOOP;
END
$of_queues$;

COMMIT;
