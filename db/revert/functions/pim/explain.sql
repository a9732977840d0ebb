-- Revert neanelu:functions/pim/explain from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.explain(uuid, text);
DROP FUNCTION pim._history_told(uuid, text);
DROP FUNCTION pim._options_told(uuid, text);
DROP FUNCTION pim._votes_told(uuid, text);
DROP FUNCTION pim._snippet(jsonb, text, jsonb);

COMMIT;
