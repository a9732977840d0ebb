-- Revert neanelu:functions/pim/semantics from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.refresh_semantics(uuid[]);
DROP FUNCTION pim._pages(uuid[]);
DROP FUNCTION pim._value_text(jsonb);
DROP FUNCTION pim._summary(text, integer);
DROP FUNCTION pim._plain_text(text);
DROP FUNCTION pim.search_config(text);

COMMIT;
