-- Deploy neanelu:policies/models to pg
-- requires: schema/models
-- requires: policies/pim
-- Models, budgets, batches and pages are global: staff reads them, nobody but the engine writes, tenants see none of them.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    neanelu.ai_models, neanelu.ai_budgets, neanelu.ai_spending, neanelu.ai_reservations, neanelu.ai_batch_runs, neanelu.ai_extractions
    TO neanelu_engine;
GRANT SELECT ON
    neanelu.ai_models, neanelu.ai_budgets, neanelu.ai_spending, neanelu.ai_reservations, neanelu.ai_batch_runs, neanelu.ai_extractions
    TO neanelu_analyst, neanelu_pim_editor, neanelu_operator;

COMMIT;
