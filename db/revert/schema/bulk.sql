-- Revert neanelu:schema/bulk from pg
BEGIN;
DROP TABLE neanelu.sync_digests;
DROP TABLE neanelu.bulk_counts;
DROP TABLE neanelu.bulk_error_chunks;
DROP TABLE neanelu.bulk_errors;
DROP TABLE neanelu.bulk_artifacts;
DROP TABLE neanelu.bulk_steps;
DROP TABLE neanelu.bulk_runs;
DROP TABLE neanelu.sync_streams;
DROP TABLE neanelu.sync_resources;
COMMIT;
