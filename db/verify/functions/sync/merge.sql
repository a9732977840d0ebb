-- Verify neanelu:functions/sync/merge on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('sync._has_column(text, text)', false, 's', '{}'),
             ('sync._merge_columns(text)', true, 's', '{}'),
             ('sync._merge_source(text, boolean)', true, 's', '{}'),
             ('sync._update_statement(text, boolean)', true, 's', '{}'),
             ('sync._insert_statements(text, boolean)', true, 's', '{}'),
             ('sync._data_time(neanelu.bulk_runs)', false, 'i', '{}'),
             ('sync._mark_stale(neanelu.bulk_runs, text, text)', true, 'v', '{}'),
             ('sync._mark_buried(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync._mark_unwhole(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync._reject_missing_parents(neanelu.bulk_runs, text)', true, 'v', '{}'),
             ('sync._has_repeats(neanelu.bulk_runs, neanelu.sync_tables)', true, 's', '{}'),
             ('sync._look_up_few(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync._merge_table(neanelu.bulk_runs, neanelu.sync_tables)', true, 'v', '{}'),
             ('sync._insert_fresh(neanelu.bulk_runs, neanelu.sync_tables, smallint)', true, 'v', '{}'),
             ('sync._reject_left_out(neanelu.bulk_runs, neanelu.sync_tables[], jsonb)', true, 'v', '{}'),
             ('sync._note_empty(neanelu.bulk_runs, neanelu.sync_tables[], bigint[])', true, 'v', '{}'),
             ('sync._prune_parts(neanelu.bulk_runs, neanelu.sync_tables)', true, 'v', '{}'),
             ('sync._may_tombstone(neanelu.bulk_runs)', true, 's', '{}'),
             ('sync._assert_tombstone_limit(neanelu.bulk_runs, text, bigint)', true, 's', '{}'),
             ('sync._tombstone_statement(neanelu.sync_tables)', true, 's', '{}'),
             ('sync._changed_rows(neanelu.bulk_runs, neanelu.sync_tables)', true, 's', '{}'),
             ('sync._tombstone_missing(neanelu.bulk_runs, neanelu.sync_tables, uuid[])', true, 'v', '{}'),
             ('sync._tombstone_parts(neanelu.bulk_runs, neanelu.sync_tables)', true, 'v', '{}'),
             ('sync._tombstone(neanelu.bulk_runs, neanelu.sync_tables[])', true, 'v', '{}'),
             ('sync._has_rows(text[], uuid)', true, 's', '{}'),
             ('sync._take_empty(neanelu.bulk_runs, text[])', true, 'v', '{}'),
             ('sync._assert_references(text, text[])', true, 's', '{}'),
             ('sync._run_tables(neanelu.bulk_runs)', true, 's', '{}'),
             ('sync._targets(neanelu.sync_tables[])', false, 'i', '{}'),
             ('sync._merge_tables(neanelu.bulk_runs, neanelu.sync_tables[])', true, 'v', '{}'),
             ('sync._open_first_load(neanelu.bulk_runs, neanelu.sync_tables[])', true, 'v', '{}'),
             ('sync._may_trust_shop(text)', true, 's', '{}'),
             ('sync._insert_tables(neanelu.bulk_runs, neanelu.sync_tables[], smallint)', true, 'v', '{}'),
             ('sync._close_first_load(neanelu.bulk_runs, neanelu.sync_tables[], jsonb)', true, 'v', '{}'),
             ('sync._known_lines(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync._count_lines(neanelu.bulk_runs, boolean)', true, 'v', '{}'),
             ('sync._unclean_roots(neanelu.bulk_runs)', true, 's', '{}'),
             ('sync._store_digests(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync._advance_checkpoint(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync.tg_sync_checkpoints__completed_run()', true, 'v', '{neanelu_owner}'),
             ('sync._complete_run(neanelu.bulk_runs, bigint, bigint)', true, 'v', '{}'),
             ('sync.lock_resource(uuid, text)', false, 'v', '{}'),
             ('sync.share_resource(uuid, text)', false, 'v', '{}'),
             ('sync.lock_object(uuid, text, bigint)', false, 'v', '{}'),
             ('sync._conclude(neanelu.bulk_runs, neanelu.sync_tables[], bigint)', true, 'v', '{}'),
             ('sync._plan_large_joins(neanelu.bulk_runs)', false, 'v', '{}'),
             ('sync.merge(uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync.conclude_unchanged(uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync._may_merge_beside(neanelu.bulk_runs, jsonb)', true, 's', '{}'),
             ('sync.begin_merge(uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync.merge_piece(uuid, uuid, text, smallint)', true, 'v', '{neanelu_sync}'),
             ('sync.end_merge(uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync._assert_staged(neanelu.bulk_runs, jsonb)', true, 's', '{}'),
             ('sync._truncate_if_idle(text)', true, 'v', '{}'),
             ('sync.sweep_staging()', true, 'v', '{neanelu_sync}')
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
         WHERE t.tgrelid = 'neanelu.sync_checkpoints'::regclass AND t.tgname = 'sync_checkpoints__completed_run' AND t.tgenabled = 'O'
           AND t.tgfoid = 'sync.tg_sync_checkpoints__completed_run()'::regprocedure) THEN
        RAISE EXCEPTION 'the trigger sync_checkpoints__completed_run is missing or disabled';
    END IF;
END
$verify$;

ROLLBACK;
