-- Verify neanelu:functions/inventory/fold on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('inventory._lock_fold(boolean)', false, 'v', '{}'),
             ('inventory._take_arrivals(integer)', false, 'v', '{}'),
             ('inventory.fold(integer)', true, 'v', '{neanelu_worker,neanelu_operator}'),
             ('inventory._stock_at(uuid, uuid, text, timestamptz)', false, 's', '{}'),
             ('inventory.available(uuid, uuid, text)', true, 's', '{neanelu_worker,neanelu_webhooks,neanelu_tenant,neanelu_operator,neanelu_app}'),
             ('inventory.stock_at(uuid, uuid, text, timestamptz)', true, 's', '{neanelu_worker,neanelu_webhooks,neanelu_tenant,neanelu_operator,neanelu_app}'),
             ('inventory.reconcile(uuid)', true, 's', '{neanelu_worker,neanelu_tenant,neanelu_operator,neanelu_app}'),
             ('inventory.fold_lag()', true, 's', '{neanelu_worker,neanelu_operator}')
           ) AS f (signature, is_definer, volatility, callers)
      LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = to_regprocedure(f.signature)
     WHERE p.oid IS NULL OR p.proowner <> 'neanelu_engine'::regrole
        OR p.prosecdef <> f.is_definer OR p.provolatile::text <> f.volatility
        OR (p.prosqlbody IS NULL AND coalesce(array_to_string(p.proconfig, ' '), '') !~ 'search_path=.*pg_temp')
        OR ARRAY(SELECT coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC')
                   FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a
                  WHERE a.grantee <> p.proowner ORDER BY 1 DESC) <> f.callers::text[];
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'functions missing, of another kind, or executable by the wrong roles: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
