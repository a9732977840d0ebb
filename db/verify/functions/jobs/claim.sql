-- Verify neanelu:functions/jobs/claim on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('jobs._move(text, uuid[], timestamptz[], text)', true, 'v', '{}'),
             ('jobs._pause(integer, interval, interval)', false, 'v', '{}'),
             ('jobs._settle_failed(uuid[], text, text, boolean, interval)', true, 'v', '{}'),
             ('jobs._free(integer[])', true, 'v', '{}'),
             ('jobs.reclaim_expired()', true, 'v', '{neanelu_worker,neanelu_operator}'),
             ('jobs._may_start(text, uuid, bigint)', true, 'v', '{}'),
             ('jobs._take(text[], integer, integer, integer, text[])', true, 'v', '{}'),
             ('jobs._sorted(neanelu.picked_jobs)', false, 'i', '{}'),
             ('jobs._add_slots(integer)', true, 'v', '{}'),
             ('jobs._free_unstarted(integer[], timestamptz)', true, 'v', '{}'),
             ('jobs._want(text[])', true, 'v', '{}'),
             ('jobs.claim(text[], text, integer, interval)', true, 'v', '{neanelu_worker,neanelu_operator}'),
             ('jobs._take_from(text, text, integer, integer, integer, text[], integer, text[])', true, 'v', '{}')
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
