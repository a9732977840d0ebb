-- Verify neanelu:functions/flags/config on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(format('%s may%s execute %s', r.rolname, CASE WHEN r.rolname = ANY (f.roles) THEN ' not' END, f.signature), '; ')
      INTO v_bad
      FROM (VALUES
            ('flags.config(text, jsonb)', '{neanelu_sync,neanelu_webhooks,neanelu_app,neanelu_worker,neanelu_operator}'::text[]),
            ('flags.sealed_config(text)', '{neanelu_sync,neanelu_webhooks,neanelu_worker}'),
            ('flags.list_config()', '{neanelu_operator}'),
            ('flags.set_config(text, jsonb, boolean, text)', '{neanelu_operator}'),
            ('flags.delete_config(text)', '{neanelu_operator}')) AS f (signature, roles)
     CROSS JOIN (SELECT x.rolname FROM pg_catalog.pg_roles AS x
                  WHERE x.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator',
                                      'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')) AS r
     WHERE has_function_privilege(r.rolname, f.signature::regprocedure, 'EXECUTE') <> (r.rolname = ANY (f.roles));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on settings: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
