-- Verify neanelu:functions/jobs/report on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('jobs.list(text, text[], uuid, text, integer)', true, 's', '{neanelu_operator}'),
             ('jobs._next_attempt(text, bigint)', true, 's', '{}'),
             ('jobs.show(uuid)', true, 's', '{neanelu_operator}'),
             ('jobs.dead_letters(text, integer)', true, 's', '{neanelu_operator}'),
             ('jobs._count_messages(text)', true, 's', '{}'),
             ('jobs.metrics()', true, 's', '{neanelu_worker,neanelu_operator}'),
             ('jobs._drop_messages(text, boolean)', true, 'v', '{}'),
             ('jobs._take_message(neanelu.job_runs)', true, 'v', '{}'),
             ('jobs._found(uuid, text[])', true, 's', '{}'),
             ('jobs.retry(uuid)', true, 'v', '{neanelu_operator}'),
             ('jobs.retry_dead(text, text, integer)', true, 'v', '{neanelu_operator}'),
             ('jobs.cancel(uuid)', true, 'v', '{neanelu_operator}'),
             ('jobs.stop_shop(uuid)', true, 'v', '{neanelu_operator}'),
             ('jobs.erase_shop(uuid)', true, 'v', '{}'),
             ('jobs.purge(interval, integer)', true, 'v', '{neanelu_worker,neanelu_operator}')
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
