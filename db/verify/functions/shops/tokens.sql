-- Verify neanelu:functions/shops/tokens on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(format('%s may%s execute %s', r.rolname, CASE WHEN r.rolname = ANY (f.roles) THEN ' not' END, f.signature), '; ')
      INTO v_bad
      FROM (VALUES
            ('shops.begin_token_refresh(uuid, text, interval, interval, uuid, boolean)', '{neanelu_sync,neanelu_worker}'::text[]),
            ('shops.store_tokens(uuid, uuid, bytea, bytea, bytea, integer, bytea, interval, interval, text[])', '{neanelu_sync,neanelu_worker}'),
            ('shops.fail_token_refresh(uuid, uuid, text, text, boolean, boolean)', '{neanelu_sync,neanelu_worker}'),
            ('shops.token_metrics()', '{neanelu_worker,neanelu_operator}'),
            ('shops.token_report(uuid)', '{neanelu_sync,neanelu_webhooks,neanelu_app,neanelu_worker,neanelu_operator}')) AS f (signature, roles)
     CROSS JOIN (SELECT x.rolname FROM pg_catalog.pg_roles AS x
                  WHERE x.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator',
                                      'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')) AS r
     WHERE has_function_privilege(r.rolname, f.signature::regprocedure, 'EXECUTE') <> (r.rolname = ANY (f.roles));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on tokens of shops: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
