-- Revert neanelu:functions/matching/calibrate from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION matching.calibrate(text, uuid, numeric);
DROP FUNCTION matching._best_threshold(numeric[], boolean[], numeric, numeric);
DROP FUNCTION matching.reviewed_pairs(text, uuid);

COMMIT;
