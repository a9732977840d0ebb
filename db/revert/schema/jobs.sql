-- Revert neanelu:schema/jobs from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

DO $queues$
DECLARE
  v_name text;
BEGIN
  FOR v_name IN SELECT q.queue_name || s.suffix FROM neanelu.job_queues AS q, (VALUES (''), ('_dead')) AS s (suffix) ORDER BY 1 LOOP
    PERFORM pgmq.drop_queue(v_name);
  END LOOP;
END
$queues$;

DROP TYPE neanelu.picked_jobs;
DROP TABLE neanelu.scheduled_tasks;
DROP TABLE neanelu.job_keys;
DROP SEQUENCE neanelu.job_flushes;
DROP TABLE neanelu.job_slots;
DROP TABLE neanelu.job_runs;
SET LOCAL ROLE neanelu_engine;
DROP FUNCTION jobs._refuse_state(text);
SET LOCAL ROLE neanelu_owner;
DROP DOMAIN neanelu.job_status;
DROP TABLE neanelu.job_handlers;
DROP TABLE neanelu.job_rings;
DROP TABLE neanelu.job_signals;
DROP TABLE neanelu.job_queues;

COMMIT;
