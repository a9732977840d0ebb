-- Revert neanelu:functions/normalise/text from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION normalise.number(text, text);
DROP FUNCTION normalise.measure_text(text, text);
DROP FUNCTION normalise.unit_key(text);
DROP FUNCTION normalise.name_key(text);
DROP FUNCTION normalise.clean_text(text);
DROP FUNCTION normalise.fold(text);
DROP FUNCTION normalise.plain_letters(text);

COMMIT;
