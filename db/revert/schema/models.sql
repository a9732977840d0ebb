-- Revert neanelu:schema/models from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.ai_extractions;
DROP TABLE neanelu.ai_batch_runs;
DROP TABLE neanelu.ai_reservations;
DROP TABLE neanelu.ai_spending;
DROP TABLE neanelu.ai_budgets;
DROP TABLE neanelu.ai_models;

COMMIT;
