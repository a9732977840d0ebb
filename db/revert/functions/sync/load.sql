-- Revert neanelu:functions/sync/load from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION sync.refresh_statistics(text[]);
DROP FUNCTION sync.close_load(uuid, uuid, bigint, bigint, bigint, jsonb, bigint, bigint, text, bigint);
DROP FUNCTION sync._assert_complete(neanelu.bulk_runs, bigint, bigint, bigint);
DROP FUNCTION sync.quarantine_chunk(uuid, uuid, integer, integer, bytea);
DROP FUNCTION sync.quarantine_refused(uuid, uuid, integer[], text[], text[], bytea[]);
DROP FUNCTION sync.quarantine(uuid, uuid, integer[], text[], text[], text[], text[], bytea[], bigint[]);
DROP FUNCTION sync.landed_lines(uuid, uuid);
DROP FUNCTION sync.send_everything(uuid, uuid);
DROP FUNCTION sync.distrust_trees(uuid, uuid, bigint[]);
DROP FUNCTION sync.collect_trees(uuid, uuid);
DROP FUNCTION sync.known_trees(uuid, uuid, bigint, integer);
DROP FUNCTION sync._root_stream(neanelu.bulk_runs);
DROP FUNCTION sync._trusts_digests(neanelu.bulk_runs);
DROP FUNCTION sync.open_load(uuid, uuid);
DROP FUNCTION sync._discard_staging(neanelu.bulk_runs);

COMMIT;
