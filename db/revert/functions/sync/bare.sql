-- Revert neanelu:functions/sync/bare from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP FUNCTION sync._merge_bare(neanelu.bulk_runs, neanelu.sync_tables, text[]);
DROP FUNCTION sync._inner_references(regclass, text[]);
DROP FUNCTION sync._secondary_indexes(regclass);

COMMIT;
