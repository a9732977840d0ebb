-- Revert neanelu:functions/budget/shopify from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;

DROP FUNCTION budget.settle(uuid, uuid, text, text, numeric, jsonb, text, interval, timestamptz, integer);
DROP FUNCTION budget._learn_cost(text, text, numeric);
DROP FUNCTION budget._shut(uuid, numeric, interval);
DROP FUNCTION budget._number(jsonb, text[]);
DROP FUNCTION budget._backoff(integer);
DROP FUNCTION budget.acquire(uuid, numeric, text, boolean);
DROP FUNCTION budget._bucket(uuid);
DROP FUNCTION budget._refilled(neanelu.rate_limit_buckets, timestamptz);

COMMIT;
