-- Revert neanelu:policies/jobs from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

REVOKE ALL ON
    neanelu.job_runs, neanelu.job_slots, neanelu.job_keys, neanelu.job_handlers, neanelu.scheduled_tasks, neanelu.job_queues, neanelu.job_signals, neanelu.job_rings
    FROM neanelu_engine, neanelu_tenant, neanelu_app, neanelu_operator;
REVOKE ALL ON SEQUENCE neanelu.job_flushes FROM neanelu_engine;
REVOKE SELECT (id, shop_id, queue_name, job_id, job_name, status, priority, attempts, max_attempts, error_message, task_id, started_at,
               completed_at, failed_at, created_at) ON neanelu.job_runs FROM neanelu_tenant, neanelu_app, neanelu_operator;

DROP POLICY scheduled_tasks_engine_all ON neanelu.scheduled_tasks;
DROP POLICY scheduled_tasks_operator_select ON neanelu.scheduled_tasks;
DROP POLICY scheduled_tasks_tenant_select ON neanelu.scheduled_tasks;
ALTER TABLE neanelu.scheduled_tasks NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.scheduled_tasks DISABLE ROW LEVEL SECURITY;
DROP POLICY job_slots_engine_all ON neanelu.job_slots;
DROP POLICY job_slots_operator_select ON neanelu.job_slots;
ALTER TABLE neanelu.job_slots NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.job_slots DISABLE ROW LEVEL SECURITY;
DROP POLICY job_runs_engine_all ON neanelu.job_runs;
DROP POLICY job_runs_operator_select ON neanelu.job_runs;
DROP POLICY job_runs_tenant_select ON neanelu.job_runs;
ALTER TABLE neanelu.job_runs NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.job_runs DISABLE ROW LEVEL SECURITY;

DO $queues$
DECLARE
    v_table name;
BEGIN
    FOR v_table IN SELECT 'q_' || q.queue_name || s.suffix FROM neanelu.job_queues AS q, (VALUES (''), ('_dead')) AS s (suffix) ORDER BY 1 LOOP
        EXECUTE format('REVOKE ALL ON pgmq.%I FROM neanelu_engine', v_table);
    END LOOP;
    FOR v_table IN SELECT 'q_' || q.queue_name || '_msg_id_seq' FROM neanelu.job_queues AS q ORDER BY 1 LOOP
        EXECUTE format('REVOKE ALL ON SEQUENCE pgmq.%I FROM neanelu_engine', v_table);
    END LOOP;
END
$queues$;

RESET ROLE;

DO $pgmq$
BEGIN
    REVOKE USAGE ON SCHEMA pgmq FROM neanelu_engine;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'role % may not revoke rights on schema pgmq: neanelu_engine keeps USAGE', current_user;
END
$pgmq$;

COMMIT;
