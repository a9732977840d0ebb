-- Revert neanelu:functions/pim/define from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.expect_attributes(text, jsonb);
DROP FUNCTION pim.define_attributes(jsonb);

COMMIT;
