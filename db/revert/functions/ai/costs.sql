-- Revert neanelu:functions/ai/costs from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION ai.set_model(text, text, text, numeric, numeric, numeric, numeric, integer, integer, boolean);
DROP FUNCTION ai.usage(text, timestamptz, text);
DROP FUNCTION ai.log_usage(text, text, numeric, integer, bigint, bigint, integer, integer, text, uuid, uuid, text, jsonb);
DROP FUNCTION ai.cost_of(text, text, bigint, bigint, boolean);
DROP FUNCTION ai.estimate_tokens(text);

COMMIT;
