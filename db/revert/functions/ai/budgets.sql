-- Revert neanelu:functions/ai/budgets from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION ai.settle_budget(uuid);
DROP FUNCTION ai.reserve_budget(text, numeric, text);
DROP FUNCTION ai.budget_status(text);
DROP FUNCTION ai.set_budget(text, numeric);

COMMIT;
