-- Verify neanelu:policies/jobs on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(c.relname, ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c
     WHERE c.oid IN ('neanelu.job_runs'::regclass, 'neanelu.job_slots'::regclass, 'neanelu.scheduled_tasks'::regclass) AND NOT (c.relrowsecurity AND c.relforcerowsecurity);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'no forced row level security on: %', v_bad;
    END IF;
    SELECT string_agg(r.role || ' on ' || c.relname, ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c,
           unnest(ARRAY['neanelu_tenant', 'neanelu_app', 'neanelu_worker', 'neanelu_webhooks', 'neanelu_sync', 'neanelu_analyst']) AS r (role)
     WHERE (c.relnamespace = 'pgmq'::regnamespace AND c.relname ~ '^[qa]_' AND c.relkind = 'r'
            OR c.oid IN ('neanelu.job_slots'::regclass, 'neanelu.job_keys'::regclass, 'neanelu.job_signals'::regclass, 'neanelu.job_rings'::regclass))
       AND has_table_privilege(r.role, c.oid, 'SELECT, INSERT, UPDATE, DELETE');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights that nobody should have: %', v_bad;
    END IF;
    IF has_column_privilege('neanelu_operator', 'neanelu.job_runs', 'payload', 'SELECT')
       OR has_table_privilege('neanelu_worker', 'neanelu.job_runs', 'UPDATE')
       OR NOT has_table_privilege('neanelu_engine', 'pgmq.q_webhooks', 'DELETE')
       OR NOT has_sequence_privilege('neanelu_engine', 'pgmq.q_webhooks_msg_id_seq', 'USAGE')
       OR NOT has_schema_privilege('neanelu_engine', 'pgmq', 'USAGE')
       OR NOT has_column_privilege('neanelu_tenant', 'neanelu.job_runs', 'status', 'SELECT') THEN
        RAISE EXCEPTION 'rights on the tables of jobs are not what they should be';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_policies AS p
                    WHERE p.schemaname = 'neanelu' AND p.tablename = 'job_runs' AND p.policyname = 'job_runs_engine_all' AND p.with_check ~ '_refuse_state') THEN
        RAISE EXCEPTION 'nothing enforces that the times of a job go with its state';
    END IF;
END
$verify$;

ROLLBACK;
