-- Deploy neanelu:policies/quality to pg
-- requires: schema/quality
-- requires: policies/pim
-- Rules and queues of the PIM are global: editors, analysts and operators read them, the engine writes; addresses are the operators'.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

GRANT SELECT ON
    neanelu.prod_quality_fields, neanelu.prod_quality_rules, neanelu.prod_channel_fields, neanelu.prod_reviewers,
    neanelu.prod_review_claims, neanelu.prod_review_skips, neanelu.prod_review_decisions
    TO neanelu_engine, neanelu_analyst, neanelu_pim_editor, neanelu_operator;
GRANT SELECT ON neanelu.prod_quality_signals TO neanelu_engine;
GRANT SELECT ON neanelu.prod_quality_endpoints, neanelu.prod_quality_deliveries TO neanelu_engine, neanelu_operator;
GRANT INSERT, UPDATE, DELETE ON
    neanelu.prod_quality_rules, neanelu.prod_quality_fields, neanelu.prod_channel_fields, neanelu.prod_quality_endpoints,
    neanelu.prod_quality_deliveries, neanelu.prod_review_claims, neanelu.prod_review_skips
    TO neanelu_engine;
GRANT UPDATE ON neanelu.prod_quality_signals TO neanelu_engine;
GRANT INSERT ON neanelu.prod_reviewers, neanelu.prod_review_decisions TO neanelu_engine;
GRANT UPDATE (undone_at, undone_by) ON neanelu.prod_review_decisions TO neanelu_engine;

COMMIT;
