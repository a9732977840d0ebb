-- Verify neanelu:functions/budget/shopify on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
BEGIN
    IF NOT has_function_privilege('neanelu_sync', 'budget.acquire(uuid, numeric, text, boolean)', 'EXECUTE')
       OR NOT has_function_privilege('neanelu_worker', 'budget.settle(uuid, uuid, text, text, numeric, jsonb, text, interval, timestamptz, integer)', 'EXECUTE')
       OR has_function_privilege('neanelu_tenant', 'budget.acquire(uuid, numeric, text, boolean)', 'EXECUTE')
       OR has_function_privilege('neanelu_worker', 'budget._bucket(uuid)', 'EXECUTE') THEN
        RAISE EXCEPTION 'not exactly the services draw from the budget';
    END IF;
    IF budget._refilled(ROW('00000000-0000-7000-8000-000000000000', 10, 100, 2, '2026-01-01', NULL, 0, '2026-01-01')::neanelu.rate_limit_buckets,
                        '2026-01-01 00:00:10') <> 30 THEN
        RAISE EXCEPTION 'a bucket does not refill by its rate';
    END IF;
END
$verify$;

ROLLBACK;
