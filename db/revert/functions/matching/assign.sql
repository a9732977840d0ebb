-- Revert neanelu:functions/matching/assign from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION matching._weigh(matching.pair[], boolean[], double precision);
DROP FUNCTION matching.assign(text[], text[], double precision[]);

COMMIT;
