-- Verify neanelu:functions/shops/registry on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(p.oid::regprocedure::text, ', ') INTO v_bad
      FROM pg_catalog.pg_proc AS p
     WHERE p.pronamespace = 'shops'::regnamespace
       AND (p.proowner <> 'neanelu_engine'::regrole
            OR EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a WHERE a.grantee = 0)
            OR (p.prosecdef AND p.proconfig IS NULL));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'functions of shops with a wrong owner, open to PUBLIC or without search_path: %', v_bad;
    END IF;

    -- Who may, and who may not.
    SELECT string_agg(format('%s may%s execute %s', r.rolname, CASE WHEN r.rolname = ANY (f.roles) THEN ' not' END, f.signature), '; ')
      INTO v_bad
      FROM (VALUES
            ('shops.find(text)', '{neanelu_sync,neanelu_webhooks,neanelu_app,neanelu_worker,neanelu_operator}'::text[]),
            ('shops.list(boolean)', '{neanelu_sync,neanelu_webhooks,neanelu_app,neanelu_worker,neanelu_operator}'),
            ('shops.reserve_id(text, bigint)', '{neanelu_sync,neanelu_webhooks,neanelu_app,neanelu_operator}'),
            ('shops.register(uuid, text, bytea, bytea, bytea, integer, text[], text, text, text, bytea, bigint, text)',
             '{neanelu_sync,neanelu_app,neanelu_operator}'),
            ('shops.uninstall(uuid)', '{neanelu_sync,neanelu_app,neanelu_webhooks,neanelu_operator}'),
            ('shops.credentials(uuid)', '{neanelu_sync,neanelu_worker}')) AS f (signature, roles)
     CROSS JOIN (SELECT x.rolname FROM pg_catalog.pg_roles AS x
                  WHERE x.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator',
                                      'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')) AS r
     WHERE has_function_privilege(r.rolname, f.signature::regprocedure, 'EXECUTE') <> (r.rolname = ANY (f.roles));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on functions of shops: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
