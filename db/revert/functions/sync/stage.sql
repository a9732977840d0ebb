-- Revert neanelu:functions/sync/stage from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION sync.end_stage(uuid, uuid, bigint);
DROP FUNCTION sync._count_staged(neanelu.bulk_runs);
DROP FUNCTION sync.begin_stage(uuid, uuid);
DROP FUNCTION sync.settle_stream(uuid, uuid, smallint);
DROP FUNCTION sync._settle_streams(neanelu.bulk_runs, smallint);
DROP FUNCTION sync._count_lines_staged(neanelu.bulk_runs);
DROP FUNCTION sync._assert_error_limit(neanelu.bulk_runs, bigint);
DROP FUNCTION sync._record_rejects(neanelu.bulk_runs);
DROP FUNCTION sync._withdraw_rejected(neanelu.bulk_runs, smallint[]);
DROP FUNCTION sync._reject_orphans(neanelu.bulk_runs, smallint[]);
DROP FUNCTION sync._stage_menu_items(neanelu.bulk_runs);
DROP FUNCTION sync.staging_tables(text);
DROP FUNCTION sync.collect_groups(uuid, uuid);
DROP FUNCTION sync.stage_table(uuid, uuid, text, smallint);
DROP FUNCTION sync._stage_rows(neanelu.bulk_runs, neanelu.sync_tables, boolean, jsonb, smallint);
DROP FUNCTION sync._reject_duplicates(neanelu.bulk_runs);
DROP FUNCTION sync._reject_bad_children(neanelu.bulk_runs, text);
DROP FUNCTION sync._reject_unknown_kinds(neanelu.bulk_runs);
DROP FUNCTION sync._places();
DROP FUNCTION sync._count_objects(neanelu.bulk_runs, smallint);
DROP FUNCTION sync._is_whole(neanelu.bulk_runs);
DROP FUNCTION sync._collect_groups(neanelu.bulk_runs);
DROP FUNCTION sync._problem_report(text, text[], jsonb);
DROP FUNCTION sync._report_statement(text, jsonb);
DROP FUNCTION sync._stage_statement(text, boolean, boolean, boolean, jsonb);
DROP FUNCTION sync._typed_rows(text, boolean, boolean, boolean, boolean);
DROP FUNCTION sync._line_values(text, boolean, boolean);
DROP FUNCTION sync._is_searchable(text, text);
DROP FUNCTION sync._rules(text, jsonb);
DROP FUNCTION sync._mirror_checks(text);
DROP FUNCTION sync._child_joins(text, boolean, boolean);
DROP FUNCTION sync._child_lines(text[], text, boolean);
DROP FUNCTION sync._fold_expression(text, boolean);
DROP FUNCTION sync._half_condition(text, text);
DROP FUNCTION sync._kind_condition(text, text[]);
DROP FUNCTION sync._columns(text, boolean);
DROP FUNCTION sync._steps(text[], boolean);
DROP FUNCTION sync._shared_heads(text);
DROP FUNCTION sync._typed_expression(text, oid, integer, text, boolean);
DROP FUNCTION sync._without_null(text);
DROP FUNCTION sync._guess_expression(text, oid, integer, boolean);

COMMIT;
