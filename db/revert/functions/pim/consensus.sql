-- Revert neanelu:functions/pim/consensus from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim._outcomes(uuid[], pim.vote[], pim.option[]);
DROP FUNCTION pim._fields(pim.option[]);
DROP FUNCTION pim._supporters(pim.vote[], pim.option[]);
DROP FUNCTION pim._heed_decisions(uuid[], pim.option[]);
DROP FUNCTION pim._agrees(jsonb, jsonb, numeric, text);
DROP FUNCTION pim._tally(pim.vote[]);
DROP FUNCTION pim._grouped(pim.vote[]);
DROP FUNCTION pim._keys(pim.vote[]);
DROP FUNCTION pim._elements(pim.vote[]);
DROP FUNCTION pim._votes(uuid[]);
DROP FUNCTION pim._live_proposals(uuid[]);
DROP FUNCTION pim._rules(uuid[], text[]);
DROP FUNCTION pim._value_key(jsonb);
DROP FUNCTION pim._array_key(jsonb);
DROP FUNCTION pim._inner(jsonb);
DROP FUNCTION pim._fold(text);

COMMIT;
