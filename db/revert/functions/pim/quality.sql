-- Revert neanelu:functions/pim/quality from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.rescore(integer);
DROP FUNCTION pim.score(uuid[], text, uuid, text);
DROP FUNCTION pim._judged(uuid[]);
DROP FUNCTION pim._measures(uuid[]);
DROP FUNCTION pim._level_rules(uuid[]);
DROP FUNCTION pim._level_rank(text);
DROP FUNCTION pim._consistency(uuid[]);
DROP FUNCTION pim._validation_rules(uuid[]);
DROP FUNCTION pim._is_allowed(text, jsonb);
DROP FUNCTION pim._value_problem(jsonb, text, text, jsonb, text, jsonb);
DROP FUNCTION pim._matches(text, text);
DROP FUNCTION pim._accuracy(uuid[]);
DROP FUNCTION pim._completeness(uuid[]);
DROP FUNCTION pim._expected(uuid[]);
DROP FUNCTION pim._main_locales(uuid[]);
DROP FUNCTION pim._field_values(uuid[]);
DROP FUNCTION pim._quality_setting(text, numeric);

COMMIT;
