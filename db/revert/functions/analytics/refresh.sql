-- Revert neanelu:functions/analytics/refresh from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION analytics.refresh_all();
DROP FUNCTION analytics.refresh(text);

COMMIT;
