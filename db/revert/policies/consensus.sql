-- Revert neanelu:policies/consensus from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

DROP TRIGGER tg_prod_source_trust__capture_delete ON neanelu.prod_source_trust;
DROP TRIGGER tg_prod_source_trust__capture_update ON neanelu.prod_source_trust;
DROP TRIGGER tg_prod_field_decisions__capture_delete ON neanelu.prod_field_decisions;
DROP TRIGGER tg_prod_field_decisions__capture_update ON neanelu.prod_field_decisions;
DROP TRIGGER tg_prod_field_decisions__capture_insert ON neanelu.prod_field_decisions;
DROP TRIGGER tg_prod_survivorship_rules__capture_delete ON neanelu.prod_survivorship_rules;
DROP TRIGGER tg_prod_survivorship_rules__capture_update ON neanelu.prod_survivorship_rules;
DROP TRIGGER tg_prod_survivorship_rules__capture_insert ON neanelu.prod_survivorship_rules;
DROP TRIGGER tg_prod_master__capture_delete ON neanelu.prod_master;
DROP TRIGGER tg_prod_master__capture_update ON neanelu.prod_master;

SET LOCAL ROLE neanelu_engine;

DROP FUNCTION audit.tg_prod_source_trust__capture_delete();
DROP FUNCTION audit.tg_prod_source_trust__capture_update();
DROP FUNCTION audit.tg_prod_field_decisions__capture_delete();
DROP FUNCTION audit.tg_prod_field_decisions__capture_update();
DROP FUNCTION audit.tg_prod_field_decisions__capture_insert();
DROP FUNCTION audit.tg_prod_survivorship_rules__capture_delete();
DROP FUNCTION audit.tg_prod_survivorship_rules__capture_update();
DROP FUNCTION audit.tg_prod_survivorship_rules__capture_insert();
DROP FUNCTION audit.tg_prod_master__capture_delete();
DROP FUNCTION audit.tg_prod_master__capture_update();

SET LOCAL ROLE neanelu_owner;

REVOKE TRIGGER ON neanelu.prod_master, neanelu.prod_survivorship_rules, neanelu.prod_field_decisions, neanelu.prod_source_trust
    FROM neanelu_engine;
REVOKE SELECT ON
    neanelu.prod_survivorship_rules, neanelu.prod_field_decisions, neanelu.prod_trust_observations, neanelu.prod_source_trust
    FROM neanelu_analyst, neanelu_pim_editor, neanelu_operator;
REVOKE SELECT, INSERT, UPDATE, DELETE ON
    neanelu.prod_survivorship_rules, neanelu.prod_field_decisions, neanelu.prod_trust_observations, neanelu.prod_source_trust
    FROM neanelu_engine;

COMMIT;
