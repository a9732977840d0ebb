-- Verify neanelu:functions/sync/stage on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Signature, SECURITY DEFINER, volatility, and exactly who may call it beside its owner; _private ones nobody.
    SELECT string_agg(f.signature, ', ') INTO v_bad
      FROM (VALUES
             ('sync._guess_expression(text, oid, integer, boolean)', false, 'i', '{}'),
             ('sync._without_null(text)', false, 'i', '{}'),
             ('sync._typed_expression(text, oid, integer, text, boolean)', false, 's', '{}'),
             ('sync._shared_heads(text)', true, 's', '{}'),
             ('sync._steps(text[], boolean)', false, 'i', '{}'),
             ('sync._columns(text, boolean)', true, 's', '{}'),
             ('sync._kind_condition(text, text[])', false, 'i', '{}'),
             ('sync._half_condition(text, text)', false, 'i', '{}'),
             ('sync._fold_expression(text, boolean)', false, 'i', '{}'),
             ('sync._child_lines(text[], text, boolean)', false, 's', '{}'),
             ('sync._child_joins(text, boolean, boolean)', true, 's', '{}'),
             ('sync._mirror_checks(text)', true, 's', '{}'),
             ('sync._rules(text, jsonb)', true, 's', '{}'),
             ('sync._is_searchable(text, text)', false, 'i', '{}'),
             ('sync._line_values(text, boolean, boolean)', true, 's', '{}'),
             ('sync._typed_rows(text, boolean, boolean, boolean, boolean)', true, 's', '{}'),
             ('sync._stage_statement(text, boolean, boolean, boolean, jsonb)', true, 's', '{}'),
             ('sync._report_statement(text, jsonb)', true, 's', '{}'),
             ('sync._problem_report(text, text[], jsonb)', true, 's', '{}'),
             ('sync._collect_groups(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync._is_whole(neanelu.bulk_runs)', true, 's', '{}'),
             ('sync._count_objects(neanelu.bulk_runs, smallint)', true, 's', '{}'),
             ('sync._places()', true, 's', '{}'),
             ('sync._reject_unknown_kinds(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync._reject_bad_children(neanelu.bulk_runs, text)', true, 'v', '{}'),
             ('sync._reject_duplicates(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync._stage_rows(neanelu.bulk_runs, neanelu.sync_tables, boolean, jsonb, smallint)', true, 'v', '{}'),
             ('sync.stage_table(uuid, uuid, text, smallint)', true, 'v', '{neanelu_sync}'),
             ('sync.collect_groups(uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync.staging_tables(text)', true, 's', '{neanelu_sync}'),
             ('sync._stage_menu_items(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync._reject_orphans(neanelu.bulk_runs, smallint[])', true, 'v', '{}'),
             ('sync._withdraw_rejected(neanelu.bulk_runs, smallint[])', true, 'v', '{}'),
             ('sync._record_rejects(neanelu.bulk_runs)', true, 'v', '{}'),
             ('sync._assert_error_limit(neanelu.bulk_runs, bigint)', true, 's', '{}'),
             ('sync._count_lines_staged(neanelu.bulk_runs)', true, 's', '{}'),
             ('sync._settle_streams(neanelu.bulk_runs, smallint)', true, 'v', '{}'),
             ('sync.settle_stream(uuid, uuid, smallint)', true, 'v', '{neanelu_sync}'),
             ('sync.begin_stage(uuid, uuid)', true, 'v', '{neanelu_sync}'),
             ('sync._count_staged(neanelu.bulk_runs)', true, 's', '{}'),
             ('sync.end_stage(uuid, uuid, bigint)', true, 'v', '{neanelu_sync}')
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
