-- Deploy neanelu:policies/jobs to pg
-- requires: schema/jobs
-- requires: policies/grants
-- Who sees which job. Nobody but the engine writes, and nobody but the engine reaches pgmq's tables.

BEGIN;

-- The schema is the extension's, so the role that deploys grants it.
DO $pgmq$
BEGIN
    GRANT USAGE ON SCHEMA pgmq TO neanelu_engine;
EXCEPTION WHEN insufficient_privilege THEN
    IF NOT has_schema_privilege('neanelu_engine', 'pgmq', 'USAGE') THEN
        RAISE EXCEPTION 'role % may not grant rights on schema pgmq', current_user
            USING ERRCODE = 'NA012', HINT = 'An administrator should run: GRANT USAGE ON SCHEMA pgmq TO neanelu_engine;';
    END IF;
END
$pgmq$;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

DO $queues$
DECLARE
    v_table name;
BEGIN
    FOR v_table IN SELECT 'q_' || q.queue_name || s.suffix FROM neanelu.job_queues AS q, (VALUES (''), ('_dead')) AS s (suffix) ORDER BY 1 LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON pgmq.%I TO neanelu_engine', v_table);
    END LOOP;
    -- Many messages get their numbers before they are sent, so that no record has to be matched with its message.
    FOR v_table IN SELECT 'q_' || q.queue_name || '_msg_id_seq' FROM neanelu.job_queues AS q ORDER BY 1 LOOP
        EXECUTE format('GRANT USAGE ON SEQUENCE pgmq.%I TO neanelu_engine', v_table);
    END LOOP;
END
$queues$;

ALTER TABLE neanelu.job_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.job_runs FORCE ROW LEVEL SECURITY;
CREATE POLICY job_runs_tenant_select ON neanelu.job_runs FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY job_runs_operator_select ON neanelu.job_runs FOR SELECT TO neanelu_operator USING (true);
-- The engine alone writes, and this is what it cannot write: a job whose times do not go with its state, or whose payload is no object. As a CHECK it would be parsed for each statement.
CREATE POLICY job_runs_engine_all ON neanelu.job_runs FOR ALL TO neanelu_engine USING (true) WITH CHECK (
    (completed_at IS NOT NULL) = (status = 'completed') AND (failed_at IS NOT NULL) = (status IN ('failed', 'cancelled'))
    AND (started_at IS NOT NULL OR status NOT IN ('active', 'completed'))
    AND jsonb_typeof(payload) = 'object' OR jobs._refuse_state(status));

-- The same for slots: one that is free has no token, one that is not has one.
ALTER TABLE neanelu.job_slots ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.job_slots FORCE ROW LEVEL SECURITY;
CREATE POLICY job_slots_operator_select ON neanelu.job_slots FOR SELECT TO neanelu_operator USING (true);
CREATE POLICY job_slots_engine_all ON neanelu.job_slots FOR ALL TO neanelu_engine USING (true) WITH CHECK ((job_id IS NULL) = (token IS NULL));

ALTER TABLE neanelu.scheduled_tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.scheduled_tasks FORCE ROW LEVEL SECURITY;
CREATE POLICY scheduled_tasks_tenant_select ON neanelu.scheduled_tasks FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY scheduled_tasks_operator_select ON neanelu.scheduled_tasks FOR SELECT TO neanelu_operator USING (true);
CREATE POLICY scheduled_tasks_engine_all ON neanelu.scheduled_tasks FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON
    neanelu.job_runs, neanelu.job_slots, neanelu.job_keys, neanelu.job_handlers, neanelu.scheduled_tasks
    TO neanelu_engine;
GRANT SELECT, UPDATE ON neanelu.job_queues, neanelu.job_signals, neanelu.job_rings TO neanelu_engine;
GRANT SELECT, UPDATE ON SEQUENCE neanelu.job_flushes TO neanelu_engine;

-- Payloads, results and traces may hold what a shop's data says: for the shop, and for those who ask jobs.show.
GRANT SELECT (id, shop_id, queue_name, job_id, job_name, status, priority, attempts, max_attempts, error_message, task_id, started_at,
              completed_at, failed_at, created_at) ON neanelu.job_runs TO neanelu_tenant, neanelu_app, neanelu_operator;
GRANT SELECT ON neanelu.scheduled_tasks TO neanelu_tenant, neanelu_app, neanelu_operator;
GRANT SELECT ON neanelu.job_queues, neanelu.job_handlers, neanelu.job_slots TO neanelu_operator;

COMMIT;
