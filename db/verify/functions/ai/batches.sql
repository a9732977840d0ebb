-- Verify neanelu:functions/ai/batches on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('ai._status(uuid)', true, 's', '{}'),
             ('ai._mark(uuid, text, text, numeric, text)', true, 'v', '{}'),
             ('ai._held(uuid, uuid)', true, 'v', '{}'),
             ('ai._let_go(uuid, interval, text)', true, 'v', '{}'),
             ('ai._begin(neanelu.ai_batch_runs, integer)', true, 'v', '{}'),
             ('ai._next_step(neanelu.ai_batch_runs, integer)', true, 'v', '{}'),
             ('ai.claim_batch(text, text, interval, integer)', true, 'v', '{neanelu_ai}'),
             ('ai.extend_batch(uuid, uuid, interval)', true, 'v', '{neanelu_ai}'),
             ('ai.release_batch(uuid, uuid, interval, text)', true, 'v', '{neanelu_ai}'),
             ('ai.batch_lines(uuid, uuid, text, integer)', true, 'v', '{neanelu_ai}'),
             ('ai.record_upload(uuid, uuid, text)', true, 'v', '{neanelu_ai}'),
             ('ai.record_submitted(uuid, uuid, text, timestamptz, interval)', true, 'v', '{neanelu_ai}'),
             ('ai.record_poll(uuid, uuid, jsonb, interval, interval, interval)', true, 'v', '{neanelu_ai}'),
             ('ai._is_retried(integer, text)', false, 'i', '{}'),
             ('ai._usable(text)', false, 's', '{}'),
             ('ai._int(jsonb)', false, 'i', '{}'),
             ('ai.take_results(uuid, uuid, text[], integer[], text[], text[])', true, 'v', '{neanelu_ai}'),
             ('ai._after_items(uuid[])', true, 'v', '{}'),
             ('ai._account(neanelu.ai_batch_runs, text, text)', true, 'v', '{}'),
             ('ai._give_up(uuid[], text, text)', true, 'v', '{}'),
             ('ai.finish_batch(uuid, uuid, interval)', true, 'v', '{neanelu_ai}'),
             ('ai._fail_batch(neanelu.ai_batch_runs, text, text, interval, boolean)', true, 'v', '{}'),
             ('ai.fail_batch(uuid, uuid, text, text, interval, boolean)', true, 'v', '{neanelu_ai}')
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
