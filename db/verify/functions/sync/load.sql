-- Verify neanelu:functions/sync/load on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('sync._discard_staging(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync.open_load(uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync._trusts_digests(neanelu.bulk_runs)', true, 's', '{}'),
             ('sync._root_stream(neanelu.bulk_runs)', true, 's', '{}'),
             ('sync.known_trees(uuid, uuid, bigint, integer)', true, 'v', '{neanelu_sync}'),
             ('sync.collect_trees(uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync.distrust_trees(uuid, uuid, bigint[])', true, 'v', '{neanelu_sync}'),
             ('sync.send_everything(uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync.landed_lines(uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync.quarantine(uuid, uuid, integer[], text[], text[], text[], text[], bytea[], bigint[])', true, 'v', '{neanelu_sync}'),
             ('sync.quarantine_refused(uuid, uuid, integer[], text[], text[], bytea[])', true, 'v', '{neanelu_sync}'),
             ('sync.quarantine_chunk(uuid, uuid, integer, integer, bytea)', true, 'v', '{neanelu_sync}'),
             ('sync._assert_complete(neanelu.bulk_runs, bigint, bigint, bigint)', true, 's', '{}'),
             ('sync.close_load(uuid, uuid, bigint, bigint, bigint, jsonb, bigint, bigint, text, bigint)', true, 'v', '{neanelu_sync}'),
             ('sync.refresh_statistics(text[])', true, 'v', '{neanelu_sync}')
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
