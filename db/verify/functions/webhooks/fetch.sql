-- Verify neanelu:functions/webhooks/fetch on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('webhooks.claim_fetches(uuid, integer)', true, 'v', '{neanelu_worker}'),
             ('webhooks._leave_to_bulk(uuid, text, timestamptz)', true, 'v', '{}'),
             ('webhooks.release_fetches(uuid, text, bigint[], timestamptz)', true, 'v', '{neanelu_worker}'),
             ('webhooks.forget_claims(uuid)', true, 'v', '{neanelu_worker}'),
             ('webhooks.fetch_kind(text)', true, 's', '{}'),
             ('webhooks._as_run(uuid, text, integer, timestamptz)', false, 'v', '{}'),
             ('webhooks._land(neanelu.bulk_runs, text[])', true, 'v', '{}'),
             ('webhooks._stage(neanelu.bulk_runs, neanelu.sync_tables[])', true, 'v', '{}'),
             ('webhooks._merge(neanelu.bulk_runs, neanelu.sync_tables[])', true, 'v', '{}'),
             ('webhooks._vanish(neanelu.bulk_runs, text, bigint[])', true, 'v', '{}'),
             ('webhooks._sees_all_orders(uuid)', true, 's', '{}'),
             ('webhooks._vanish_variants(neanelu.bulk_runs)', true, 'v', '{}'),
             ('webhooks._into_ledger(neanelu.bulk_runs, bigint[])', true, 'v', '{}'),
             ('webhooks._without_values(text)', false, 'i', '{}'),
             ('webhooks._end_fetches(neanelu.bulk_runs, bigint[], timestamptz)', true, 'v', '{}'),
             ('webhooks._root_of(neanelu.bulk_runs, neanelu.bulk_lines)', true, 's', '{}'),
             ('webhooks._lock_whole(uuid, text)', true, 'v', '{}'),
             ('webhooks.apply_fetched(uuid, text, bigint[], text[], timestamptz)', true, 'v', '{neanelu_worker}'),
             ('webhooks.next_fetch(uuid)', true, 'v', '{neanelu_worker}'),
             ('webhooks.tg_bulk_runs__refetch()', true, 'v', '{neanelu_owner}')
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
         WHERE t.tgrelid = 'neanelu.bulk_runs'::regclass AND t.tgname = 'tg_bulk_runs__refetch' AND t.tgenabled = 'O'
           AND t.tgfoid = 'webhooks.tg_bulk_runs__refetch()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger tg_bulk_runs__refetch is missing or disabled';
    END IF;
END
$verify$;

ROLLBACK;
