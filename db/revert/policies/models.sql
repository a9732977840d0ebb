-- Revert neanelu:policies/models from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

REVOKE ALL ON
    neanelu.ai_models, neanelu.ai_budgets, neanelu.ai_spending, neanelu.ai_reservations, neanelu.ai_batch_runs, neanelu.ai_extractions
    FROM neanelu_engine, neanelu_analyst, neanelu_pim_editor, neanelu_operator;

COMMIT;
