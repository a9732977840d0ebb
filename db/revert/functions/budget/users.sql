-- Revert neanelu:functions/budget/users from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;

SELECT jobs.unschedule('budget.sweep_user_requests');
SELECT jobs.unregister_handler('budget.sweep_user_requests');
DROP FUNCTION budget.sweep_user_requests(uuid, jsonb);
DROP FUNCTION budget.take_user_request(uuid, uuid, integer, interval);

COMMIT;
