-- Verify neanelu:functions/budget/users on pg

BEGIN;

DO $verify$
BEGIN
    IF NOT has_function_privilege('neanelu_app', 'budget.take_user_request(uuid, uuid, integer, interval)', 'EXECUTE')
       OR has_function_privilege('neanelu_tenant', 'budget.take_user_request(uuid, uuid, integer, interval)', 'EXECUTE')
       OR has_function_privilege('neanelu_worker', 'budget.sweep_user_requests(uuid, jsonb)', 'EXECUTE') THEN
        RAISE EXCEPTION 'not exactly the app counts the requests of its users';
    END IF;
END
$verify$;

ROLLBACK;
