-- Deploy neanelu:policies/factory to pg
-- requires: schema/factory
-- requires: policies/pim
-- Global as the PIM: editors, analysts and operators see what waits, the engine alone writes.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

GRANT SELECT, INSERT, UPDATE, DELETE ON neanelu.factory_sessions, neanelu.factory_products TO neanelu_engine;
GRANT SELECT ON neanelu.factory_sessions, neanelu.factory_products TO neanelu_analyst, neanelu_pim_editor, neanelu_operator;

COMMIT;
