-- Verify neanelu:functions/flags/flags on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(format('%s may%s execute %s', r.rolname, CASE WHEN r.rolname = ANY (f.roles) THEN ' not' END, f.signature), '; ')
      INTO v_bad
      FROM (VALUES
            ('flags.is_enabled(text, uuid)', '{neanelu_sync,neanelu_webhooks,neanelu_app,neanelu_worker,neanelu_tenant,neanelu_operator}'::text[]),
            ('flags.enabled_for(uuid)', '{neanelu_sync,neanelu_webhooks,neanelu_app,neanelu_worker,neanelu_tenant,neanelu_operator}'),
            ('flags.explain(text, uuid)', '{neanelu_sync,neanelu_webhooks,neanelu_app,neanelu_worker,neanelu_operator}'),
            ('flags.set_flag(text, boolean, boolean, integer, uuid[], uuid[], jsonb, text)', '{neanelu_operator}'),
            ('flags.delete_flag(text)', '{neanelu_operator}')) AS f (signature, roles)
     CROSS JOIN (SELECT x.rolname FROM pg_catalog.pg_roles AS x
                  WHERE x.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator',
                                      'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')) AS r
     WHERE has_function_privilege(r.rolname, f.signature::regprocedure, 'EXECUTE') <> (r.rolname = ANY (f.roles));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on feature flags: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
