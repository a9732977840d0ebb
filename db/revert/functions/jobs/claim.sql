-- Revert neanelu:functions/jobs/claim from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION jobs.claim(text[], text, integer, interval);
DROP FUNCTION jobs._start(neanelu.picked_job[], integer[], text, interval);
DROP FUNCTION jobs._look_at_slots();
DROP FUNCTION jobs._take(neanelu.job_queues, text, integer, integer, integer, jsonb, neanelu.picked_job[]);
DROP FUNCTION jobs._may_start(uuid);
DROP FUNCTION jobs.reclaim_expired();
DROP FUNCTION jobs._free(integer[]);
DROP FUNCTION jobs._settle_failed(uuid[], text, text, boolean, interval);
DROP FUNCTION jobs._pause(integer, interval, interval);
DROP FUNCTION jobs._move(text, uuid[], timestamptz[], text);

DO $of_queues$
DECLARE
    v_queue text;
BEGIN
    FOR v_queue IN SELECT q.queue_name FROM neanelu.job_queues AS q ORDER BY 1 LOOP
        EXECUTE format('DROP FUNCTION jobs.%I(text, integer, integer, integer, jsonb)', '_take_' || v_queue);
    END LOOP;
END
$of_queues$;

COMMIT;
