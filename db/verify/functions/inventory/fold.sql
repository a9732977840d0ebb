-- Verify neanelu:functions/inventory/fold on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Each function is there, of its owner, closed to PUBLIC, with a search path; and exactly these logins may call it.
    SELECT string_agg(f.name, ', ') INTO v_bad
      FROM (VALUES ('inventory._lock_fold(boolean)', '{}'),
                   ('inventory._take_arrivals(integer)', '{}'),
                   ('inventory.fold(integer)', '{neanelu_worker,neanelu_operator}'),
                   ('inventory._stock(uuid, uuid, text)', '{}'),
                   ('inventory._stock_at(uuid, uuid, text, timestamptz)', '{}'),
                   ('inventory.available(uuid, uuid, text)', '{neanelu_tenant,neanelu_app,neanelu_webhooks,neanelu_worker,neanelu_operator}'),
                   ('inventory.stock_at(uuid, uuid, text, timestamptz)', '{neanelu_tenant,neanelu_app,neanelu_webhooks,neanelu_worker,neanelu_operator}'),
                   ('inventory.reconcile(uuid)', '{neanelu_tenant,neanelu_app,neanelu_worker,neanelu_operator}'),
                   ('inventory.fold_lag()', '{neanelu_worker,neanelu_operator}')) AS f (name, callers)
      JOIN pg_catalog.pg_proc AS p ON p.oid = f.name::regprocedure
     WHERE p.proowner <> 'neanelu_engine'::regrole
        OR p.prosecdef AND (p.proconfig IS NULL OR NOT p.proconfig[1] LIKE 'search_path=%pg_temp')
        OR p.prosecdef = (f.name LIKE 'inventory.\_%')
        OR EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a WHERE a.grantee = 0)
        OR EXISTS (SELECT FROM pg_catalog.pg_roles AS r
                    WHERE r.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_operator',
                                        'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')
                      AND has_function_privilege(r.rolname, p.oid, 'EXECUTE') <> (r.rolname = ANY (f.callers::text[])));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'owner, rights or settings are not as they should be: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
