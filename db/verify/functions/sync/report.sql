-- Verify neanelu:functions/sync/report on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Who may, and who may not.
    SELECT string_agg(format('%s may%s execute %s', r.rolname, CASE WHEN r.rolname = ANY (f.roles) THEN ' not' END, f.signature), '; ')
      INTO v_bad
      FROM (VALUES
            ('sync.list_runs(uuid, text[], integer)', '{neanelu_sync,neanelu_operator}'::text[]),
            ('sync.active_runs()', '{neanelu_sync,neanelu_operator}'),
            ('sync.run_details(uuid)', '{neanelu_sync,neanelu_operator}'),
            ('sync.run_errors(uuid, integer, integer)', '{neanelu_sync,neanelu_operator}'),
            ('sync.freshness(uuid)', '{neanelu_sync,neanelu_operator}'),
            ('sync.row_counts(uuid)', '{neanelu_sync,neanelu_operator}'),
            ('sync.staleness()', '{neanelu_worker,neanelu_operator}'),
            ('sync._visible_run(uuid)', '{}'),
            ('sync._summary(neanelu.bulk_runs)', '{}')) AS f (signature, roles)
     CROSS JOIN (SELECT x.rolname FROM pg_catalog.pg_roles AS x
                  WHERE x.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator',
                                      'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')) AS r
     WHERE has_function_privilege(r.rolname, f.signature::regprocedure, 'EXECUTE') <> (r.rolname = ANY (f.roles));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on reports: %', v_bad;
    END IF;

    SELECT string_agg(p.oid::regprocedure::text, ', ') INTO v_bad
      FROM pg_catalog.pg_proc AS p
     WHERE p.pronamespace = 'sync'::regnamespace
       AND p.proname IN ('list_runs', 'active_runs', 'run_details', 'run_errors', 'freshness', 'staleness', 'row_counts', '_visible_run', '_summary')
       AND (p.proowner <> 'neanelu_engine'::regrole OR NOT p.prosecdef OR p.proconfig IS NULL OR p.provolatile <> 's');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'reports with a wrong owner, that write, or without search_path: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
