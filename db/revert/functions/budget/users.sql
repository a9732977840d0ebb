-- Revert neanelu:functions/budget/users from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;

DROP FUNCTION budget.sweep_user_requests(interval);
DROP FUNCTION budget.take_user_request(uuid, uuid, integer, interval);

COMMIT;
