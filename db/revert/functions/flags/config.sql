-- Revert neanelu:functions/flags/config from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION flags.delete_config(text);
DROP FUNCTION flags.set_config(text, jsonb, boolean, text);
DROP FUNCTION flags.list_config();
DROP FUNCTION flags.sealed_config(text);
DROP FUNCTION flags.config(text, jsonb);

COMMIT;
