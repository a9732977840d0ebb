-- Verify neanelu:functions/app/context on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(p.oid::regprocedure::text, ', ') INTO v_bad
      FROM pg_catalog.pg_proc AS p
     WHERE p.pronamespace = 'app'::regnamespace
       AND (p.proowner <> 'neanelu_engine'::regrole
            OR EXISTS (SELECT FROM pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS a WHERE a.grantee = 0)
            OR (p.prosecdef AND p.proconfig IS NULL));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'functions of app with a wrong owner, open to PUBLIC or without search_path: %', v_bad;
    END IF;

    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES ('app.current_shop_id()', 's'), ('app._bound_shop_id()', 's'), ('app.current_user_id()', 's'), ('app.trace_id()', 's'),
                   ('app.now()', 's'), ('app.assert_shop_access(uuid)', 's'), ('app.set_context(uuid, uuid, text)', 'v'),
                   ('app.fail(text, text, text, text)', 'v')) AS f (signature, volatility)
      LEFT JOIN pg_catalog.pg_proc AS p ON p.oid = to_regprocedure(f.signature)
     WHERE p.oid IS NULL OR p.provolatile::text <> f.volatility
        OR NOT has_function_privilege('neanelu_tenant', p.oid, 'EXECUTE')
        OR NOT has_function_privilege('neanelu_sync', p.oid, 'EXECUTE');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'functions missing, of another volatility or not executable: %', v_bad;
    END IF;

    IF has_function_privilege('neanelu_sync', 'app.bind_tenant_login(name, uuid)', 'EXECUTE')
       OR has_function_privilege('neanelu_tenant', 'app.bind_tenant_login(name, uuid)', 'EXECUTE')
       OR NOT has_function_privilege('neanelu_operator', 'app.bind_tenant_login(name, uuid)', 'EXECUTE')
       OR has_table_privilege('neanelu_tenant', 'app.tenant_logins', 'INSERT, UPDATE, DELETE, TRUNCATE') THEN
        RAISE EXCEPTION 'tenant logins can be bound by others than operators';
    END IF;

    IF NOT (SELECT c.relrowsecurity AND c.relforcerowsecurity FROM pg_catalog.pg_class AS c WHERE c.oid = 'app.tenant_logins'::regclass) THEN
        RAISE EXCEPTION 'app.tenant_logins lacks row level security';
    END IF;

    IF app.current_shop_id() IS NOT NULL AND nullif(current_setting('app.current_shop_id', true), '') IS NULL THEN
        RAISE EXCEPTION 'a shop without a context';
    END IF;
END
$verify$;

ROLLBACK;
