-- Verify neanelu:functions/inventory/record on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('inventory._receipt(text, text, uuid, text)', false, 's', '{}'),
             ('inventory._assert_kept(timestamptz[])', false, 's', '{}'),
             ('inventory._admit(uuid, uuid, text, text, text, timestamptz)', false, 'v', '{}'),
             ('inventory.record(uuid, uuid, text, integer, text, text, text, timestamptz, numeric)', true, 'v', '{neanelu_worker,neanelu_webhooks,neanelu_operator,neanelu_app}'),
             ('inventory._take_receipts(uuid, uuid[], text[], text[], text[])', false, 'v', '{}'),
             ('inventory._fresh(uuid, uuid[], text[], text[], text[])', false, 'v', '{}'),
             ('inventory.record_many(uuid, uuid[], text[], integer[], text[], text[], text[], timestamptz[], numeric[])', true, 'v', '{neanelu_worker,neanelu_webhooks,neanelu_operator,neanelu_app}'),
             ('inventory.record_many(uuid, jsonb)', true, 'v', '{neanelu_worker,neanelu_webhooks,neanelu_operator,neanelu_app}'),
             ('inventory.transfer(uuid, uuid, text, text, integer, text, timestamptz)', true, 'v', '{neanelu_worker,neanelu_webhooks,neanelu_operator,neanelu_app}')
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
