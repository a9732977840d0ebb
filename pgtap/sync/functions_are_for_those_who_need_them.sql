-- Who may EXECUTE what, by the logins' own rights and those of the groups that they are in; nobody: functions of the module itself.
BEGIN;
SELECT plan(45);

CREATE FUNCTION pg_temp.callers(p_function text) RETURNS text[] LANGUAGE sql AS $f$
    SELECT array_agg(DISTINCT coalesce(w.logins, '')) FROM pg_proc AS p
     CROSS JOIN LATERAL (SELECT string_agg(l, ', ' ORDER BY l) AS logins FROM unnest('{ai,analyst,app,auditor,harvester,operator,pim_editor,sync,tenant,webhooks,worker}'::text[]) AS l
                          WHERE has_function_privilege('neanelu_' || l, p.oid, 'EXECUTE')) AS w
     WHERE p.pronamespace = 'sync'::regnamespace AND p.proname = p_function
$f$;
SELECT is(pg_temp.callers(f), ARRAY[t.logins], f || ' is for ' || coalesce(nullif(t.logins, ''), 'nobody')) FROM (VALUES
    ('', '{lock_object,lock_resource,share_resource}'),
    ('operator, sync', '{active_runs,cancel_run,freshness,list_runs,operation_slots,request_run,resources,retry_run,row_counts,run_details,run_errors,
        run_states}'),
    ('operator, worker', '{purge_runs,staleness}'),
    ('sync', '{artifact,begin_stage,changed_roots,claim_run,close_load,compare_manifest,distrust_trees,end_stage,fail_run,landed_lines,merge,
        open_load,quarantine,quarantine_chunk,quarantine_refused,record_artifact,record_cursor,record_operation,record_poll,refresh_statistics,
        release_run,renew_lease,reserve_operation,send_everything,stage_table,staging_tables,sweep_staging}'),
    ('sync, webhooks', '{signal_operation}')) AS t (logins, functions) CROSS JOIN LATERAL unnest(t.functions::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
