-- Revert neanelu:functions/ai/report from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION ai._do_purge(uuid, jsonb);
DROP FUNCTION ai.purge(integer, integer);
DROP FUNCTION ai.models();
DROP FUNCTION ai.extraction_report();
DROP FUNCTION ai.close_batches(text);
DROP FUNCTION ai.outlook(text);
DROP FUNCTION ai.metrics();
DROP FUNCTION ai.retry_batch(uuid);
DROP FUNCTION ai.cancel_batch(uuid);
DROP FUNCTION ai.batch_errors(uuid, integer);
DROP FUNCTION ai.list_batches(text[], integer, uuid);

COMMIT;
