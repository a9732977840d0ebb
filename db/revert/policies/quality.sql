-- Revert neanelu:policies/quality from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

REVOKE UPDATE (undone_at, undone_by) ON neanelu.prod_review_decisions FROM neanelu_engine;
REVOKE INSERT ON neanelu.prod_reviewers, neanelu.prod_review_decisions FROM neanelu_engine;
REVOKE UPDATE ON neanelu.prod_quality_signals FROM neanelu_engine;
REVOKE INSERT, UPDATE, DELETE ON
    neanelu.prod_quality_rules, neanelu.prod_quality_fields, neanelu.prod_channel_fields, neanelu.prod_quality_endpoints,
    neanelu.prod_quality_deliveries, neanelu.prod_review_claims, neanelu.prod_review_skips
    FROM neanelu_engine;
REVOKE SELECT ON neanelu.prod_quality_endpoints, neanelu.prod_quality_deliveries FROM neanelu_engine, neanelu_operator;
REVOKE SELECT ON neanelu.prod_quality_signals FROM neanelu_engine;
REVOKE SELECT ON
    neanelu.prod_quality_fields, neanelu.prod_quality_rules, neanelu.prod_channel_fields, neanelu.prod_reviewers,
    neanelu.prod_review_claims, neanelu.prod_review_skips, neanelu.prod_review_decisions
    FROM neanelu_engine, neanelu_analyst, neanelu_pim_editor, neanelu_operator;

COMMIT;
