-- Revert neanelu:functions/matching/candidates from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION matching._candidates(neanelu.prod_match_keys[], integer);
DROP FUNCTION matching._needles(matching.term[], integer);
DROP FUNCTION matching._terms(neanelu.prod_match_keys[], integer[]);

COMMIT;
