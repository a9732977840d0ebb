-- Revert neanelu:policies/factory from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
REVOKE SELECT ON neanelu.factory_sessions, neanelu.factory_products FROM neanelu_analyst, neanelu_pim_editor, neanelu_operator;
REVOKE SELECT, INSERT, UPDATE, DELETE ON neanelu.factory_sessions, neanelu.factory_products FROM neanelu_engine;

COMMIT;
