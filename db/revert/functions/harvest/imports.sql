-- Revert neanelu:functions/harvest/imports from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION harvest.purge(interval);
DROP FUNCTION harvest.list_errors(uuid, integer);
DROP FUNCTION harvest.list_imports(uuid, integer);
DROP FUNCTION harvest.end_import(uuid, text);
DROP FUNCTION harvest.record_import(uuid, jsonb, jsonb);
DROP FUNCTION harvest.begin_import(uuid, text, text);

COMMIT;
