-- Revert neanelu:functions/pim/rules from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.remove_attribute(text);
DROP FUNCTION pim.forget_expectations(text, text[]);
DROP FUNCTION pim.remove_level(text, uuid, text);
DROP FUNCTION pim.put_level(text, uuid, text, jsonb);
DROP FUNCTION pim.remove_rule(text, uuid);
DROP FUNCTION pim.put_rule(text, uuid, jsonb, text);
DROP FUNCTION pim._assert_settings(jsonb, text[]);

COMMIT;
