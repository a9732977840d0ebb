-- Verify neanelu:functions/jobs/settle on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('jobs._lost(uuid)', true, 's', '{}'),
             ('jobs._release_slot(uuid, bigint)', true, 'v', '{}'),
             ('jobs.complete(uuid, bigint, jsonb)', true, 'v', '{neanelu_worker}'),
             ('jobs.complete_many(bigint[])', true, 'v', '{neanelu_worker}'),
             ('jobs._secure_claim(timestamptz)', true, 'v', '{}'),
             ('jobs.execute(uuid, bigint)', true, 'v', '{neanelu_worker}'),
             ('jobs.is_permanent(text, text)', true, 's', '{neanelu_worker}'),
             ('jobs.fail(uuid, bigint, text, text, boolean, interval, text)', true, 'v', '{neanelu_worker}'),
             ('jobs.extend(uuid, bigint, interval)', true, 'v', '{neanelu_worker}'),
             ('jobs.release(uuid, bigint, interval)', true, 'v', '{neanelu_worker}')
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
