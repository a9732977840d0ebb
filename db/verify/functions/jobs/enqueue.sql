-- Verify neanelu:functions/jobs/enqueue on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('jobs._setting(text, integer)', true, 's', '{}'),
             ('jobs._lane(uuid)', false, 'i', '{}'),
             ('jobs._message(uuid, interval)', false, 's', '{}'),
             ('jobs.register_handler(text, text, text, regprocedure, integer, interval, interval, text[])', true, 'v', '{neanelu_owner}'),
             ('jobs.unregister_handler(text)', true, 'v', '{neanelu_owner}'),
             ('jobs._wake(text)', true, 'v', '{}'),
             ('jobs._assert_shops(bigint, bigint)', false, 'v', '{}'),
             ('jobs.tg_shops__forget_jobs()', true, 'v', '{neanelu_owner}'),
             ('jobs._rely_on(text, text, text, uuid)', true, 'v', '{}'),
             ('jobs._enqueue(text, text, uuid, jsonb, interval, integer, text, uuid)', true, 'v', '{}'),
             ('jobs.enqueue(text, text, uuid, jsonb, interval, integer, text)', true, 'v', '{neanelu_worker,neanelu_webhooks,neanelu_sync,neanelu_operator,neanelu_app}'),
             ('jobs.enqueue_many(text, text, uuid[], jsonb[], interval)', true, 'v', '{neanelu_worker,neanelu_webhooks,neanelu_sync,neanelu_operator,neanelu_app}'),
             ('jobs._put(text, text, uuid[], uuid[], jsonb[], timestamptz, integer, interval)', true, 'v', '{}'),
             ('jobs._send(text, text, jsonb, timestamptz)', true, 'v', '{}')
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

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = 'neanelu.shops'::regclass AND t.tgname = 'tg_shops__forget_jobs_delete' AND t.tgenabled = 'O'
           AND t.tgfoid = 'jobs.tg_shops__forget_jobs()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_shops__forget_jobs_delete is missing or disabled';
    END IF;

    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_trigger AS t
         WHERE t.tgrelid = 'neanelu.shops'::regclass AND t.tgname = 'tg_shops__forget_jobs_update' AND t.tgenabled = 'O'
           AND t.tgfoid = 'jobs.tg_shops__forget_jobs()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_shops__forget_jobs_update is missing or disabled';
    END IF;
END
$verify$;

ROLLBACK;
