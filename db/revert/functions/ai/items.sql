-- Revert neanelu:functions/ai/items from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION ai._requeue(neanelu.ai_batch_runs, uuid[], interval);
DROP FUNCTION ai.add_items(text, text, text, text, text, uuid[], jsonb[], uuid, interval);
DROP FUNCTION ai._distribute(neanelu.ai_batch_runs, uuid[], interval);
DROP FUNCTION ai._fill(neanelu.ai_batch_runs, uuid[]);
DROP FUNCTION ai._open_batch(text, text, text, text, uuid, interval);
DROP FUNCTION ai._new_batch(text, text, text, text, uuid, integer, integer, timestamptz);
DROP FUNCTION ai._input_hash(text, jsonb);

COMMIT;
