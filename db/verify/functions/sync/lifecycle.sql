-- Verify neanelu:functions/sync/lifecycle on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('sync._setting(text, numeric)', true, 's', '{}'),
             ('sync.operation_slots(text)', false, 'i', '{neanelu_sync,neanelu_operator}'),
             ('sync.resources()', true, 's', '{neanelu_sync,neanelu_operator}'),
             ('sync._incremental_start(uuid, text)', true, 's', '{}'),
             ('sync.request_run(uuid, text, text, text, text, boolean)', true, 'v', '{neanelu_sync,neanelu_operator}'),
             ('sync.run_states(uuid[])', true, 's', '{neanelu_sync,neanelu_operator}'),
             ('sync._is_claimable(neanelu.bulk_runs)', true, 's', '{}'),
             ('sync.claim_run(text, interval, uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync._leased_run(uuid, uuid)', true, 'v', '{}'),
             ('sync._leased_run_seen(uuid, uuid)', true, 'v', '{}'),
             ('sync._leased_run_shared(uuid, uuid)', true, 'v', '{}'),
             ('sync.renew_lease(uuid, uuid, interval)', true, 'v', '{neanelu_sync}'),
             ('sync.release_run(uuid, uuid, interval)', true, 'v', '{neanelu_sync}'),
             ('sync._begin_step(neanelu.bulk_runs, text, jsonb)', true, 'v', '{}'),
             ('sync._end_step(neanelu.bulk_runs, text, jsonb, bigint)', true, 'v', '{}'),
             ('sync.reserve_operation(uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync.record_operation(uuid, uuid, text, timestamptz)', true, 'v', '{neanelu_sync}'),
             ('sync.record_poll(uuid, uuid, jsonb)', true, 'v', '{neanelu_sync}'),
             ('sync.signal_operation(uuid, text)', true, 'v', '{neanelu_webhooks,neanelu_sync}'),
             ('sync.record_artifact(uuid, uuid, text, text, text, bigint, integer, text, timestamptz)', true, 'v', '{neanelu_sync}'),
             ('sync._is_retryable(text)', false, 'i', '{}'),
             ('sync.fail_run(uuid, uuid, text, text, text)', true, 'v', '{neanelu_sync}'),
             ('sync.cancel_run(uuid)', true, 'v', '{neanelu_sync,neanelu_operator}'),
             ('sync.retry_run(uuid, boolean)', true, 'v', '{neanelu_sync,neanelu_operator}')
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
