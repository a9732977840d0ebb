-- Verify neanelu:schema/bulk on pg
BEGIN;
SELECT shop_id, id, mode, lines_in, lease_token, attempt FROM neanelu.bulk_runs WHERE false;
SELECT shop_id, bulk_run_id, step_name, status, metadata FROM neanelu.bulk_steps WHERE false;
SELECT shop_id, bulk_run_id, file_path, checksum, etag FROM neanelu.bulk_artifacts WHERE false;
SELECT shop_id, bulk_run_id, line_number, error_code, raw FROM neanelu.bulk_errors WHERE false;
SELECT shop_id, bulk_run_id, line_number, chunk_number, bytes FROM neanelu.bulk_error_chunks WHERE false;
SELECT shop_id, bulk_run_id, kind, lines, merged FROM neanelu.bulk_counts WHERE false;
SELECT shop_id, stream, object_id, digest FROM neanelu.sync_digests WHERE false;
-- The reconciliation is enforced by constraints, and the registry is filled.
SELECT 1 / count(*) FROM pg_constraint
 WHERE conrelid = 'neanelu.bulk_runs'::regclass AND conname = 'bulk_runs_reconciled_check';
SELECT 1 / count(*) FROM pg_constraint
 WHERE conrelid = 'neanelu.bulk_counts'::regclass AND conname = 'bulk_counts_reconciled_check';
SELECT 1 / (count(*) = 10)::integer FROM neanelu.sync_resources;
SELECT 1 / (count(*) = 13)::integer FROM neanelu.sync_streams;
ROLLBACK;
