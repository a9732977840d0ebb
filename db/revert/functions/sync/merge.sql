-- Revert neanelu:functions/sync/merge from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TRIGGER sync_checkpoints__completed_run ON neanelu.sync_checkpoints;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION sync.sweep_staging();
DROP FUNCTION sync._truncate_if_idle(text);
DROP FUNCTION sync._assert_staged(neanelu.bulk_runs, neanelu.bulk_steps);
DROP FUNCTION sync.merge(uuid, uuid);
DROP FUNCTION sync.lock_object(uuid, text, bigint);
DROP FUNCTION sync.share_resource(uuid, text);
DROP FUNCTION sync.lock_resource(uuid, text);
DROP FUNCTION sync._complete_run(neanelu.bulk_runs, bigint, bigint);
DROP FUNCTION sync.tg_sync_checkpoints__completed_run();
DROP FUNCTION sync._advance_checkpoint(neanelu.bulk_runs);
DROP FUNCTION sync._store_digests(neanelu.bulk_runs);
DROP FUNCTION sync._unclean_roots(neanelu.bulk_runs);
DROP FUNCTION sync._count_lines(neanelu.bulk_runs, boolean);
DROP FUNCTION sync._known_lines(neanelu.bulk_runs);
DROP FUNCTION sync._merge_tables(neanelu.bulk_runs, neanelu.sync_tables[], boolean);
DROP FUNCTION sync._assert_references(text, text[]);
DROP FUNCTION sync._take_empty(neanelu.bulk_runs, text[]);
DROP FUNCTION sync._has_rows(text[], uuid);
DROP FUNCTION sync._tombstone(neanelu.bulk_runs, neanelu.sync_tables[]);
DROP FUNCTION sync._tombstone_parts(neanelu.bulk_runs, neanelu.sync_tables);
DROP FUNCTION sync._tombstone_missing(neanelu.bulk_runs, neanelu.sync_tables);
DROP FUNCTION sync._tombstone_statement(neanelu.sync_tables);
DROP FUNCTION sync._assert_tombstone_limit(neanelu.bulk_runs, text, bigint);
DROP FUNCTION sync._may_tombstone(neanelu.bulk_runs);
DROP FUNCTION sync._prune_parts(neanelu.bulk_runs, neanelu.sync_tables);
DROP FUNCTION sync._note_empty(neanelu.bulk_runs, neanelu.sync_tables[], bigint[]);
DROP FUNCTION sync._insert_fresh(neanelu.bulk_runs, neanelu.sync_tables);
DROP FUNCTION sync._merge_table(neanelu.bulk_runs, neanelu.sync_tables);
DROP FUNCTION sync._has_repeats(neanelu.bulk_runs, neanelu.sync_tables);
DROP FUNCTION sync._reject_missing_parents(neanelu.bulk_runs, text);
DROP FUNCTION sync._mark_unwhole(neanelu.bulk_runs);
DROP FUNCTION sync._mark_buried(neanelu.bulk_runs);
DROP FUNCTION sync._mark_stale(neanelu.bulk_runs, text, text);
DROP FUNCTION sync._data_time(neanelu.bulk_runs);
DROP FUNCTION sync._insert_statements(text, boolean);
DROP FUNCTION sync._update_statement(text, boolean);
DROP FUNCTION sync._merge_source(text, boolean);
DROP FUNCTION sync._merge_columns(text);
DROP FUNCTION sync._has_column(text, text);

COMMIT;
