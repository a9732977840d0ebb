-- Revert neanelu:functions/normalise/identifiers from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION normalise.title(text);
DROP FUNCTION normalise.mpn(text);
DROP FUNCTION normalise.gtin(text);
DROP FUNCTION normalise._is_product_number(text);
DROP FUNCTION normalise._isbn13(text);
DROP FUNCTION normalise._expand_upce(text);
DROP FUNCTION normalise._check_digit(text);

COMMIT;
