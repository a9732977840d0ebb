BEGIN;
SELECT plan(14);

CREATE FUNCTION pg_temp.may(p_role text, p_function text) RETURNS boolean LANGUAGE sql AS
$$ SELECT has_function_privilege(p_role, p_function, 'EXECUTE') $$;

SELECT ok(NOT pg_temp.may('neanelu_webhooks', 'webhooks.process(uuid, jsonb)'), 'the receiver takes deliveries and processes none');
SELECT ok(NOT pg_temp.may('neanelu_worker', 'webhooks.process(uuid, jsonb)'), 'a worker processes them by jobs.execute, with a lease');
SELECT ok(pg_temp.may('neanelu_worker', 'webhooks.apply_fetched(uuid, text, bigint[], text[], timestamptz)'), 'a worker hands over what it fetched');
SELECT ok(NOT pg_temp.may('neanelu_sync', 'webhooks.apply_fetched(uuid, text, bigint[], text[], timestamptz)'), 'nobody else does');
SELECT ok(NOT pg_temp.may('neanelu_tenant', 'webhooks.apply_fetched(uuid, text, bigint[], text[], timestamptz)'), 'tenants least of all');
SELECT ok(NOT pg_temp.may('neanelu_worker', 'webhooks.apply_products(uuid, text, jsonb, timestamptz)'), 'processors are not called by themselves');
SELECT ok(pg_temp.may('neanelu_operator', 'webhooks.retry(uuid, uuid)'), 'an operator has refused deliveries tried again');
SELECT ok(NOT pg_temp.may('neanelu_tenant', 'webhooks.retry(uuid, uuid)'), 'a tenant does not');

SET LOCAL ROLE neanelu_tenant;
SELECT throws_ok('SELECT * FROM neanelu.mirror_tombstones', '42501', NULL, 'tenants do not read tombstones');
SELECT throws_ok('SELECT * FROM neanelu.mirror_fetches', '42501', NULL, 'nor what is asked for');
SELECT lives_ok('SELECT * FROM neanelu.mirror_comparisons', 'but how true their mirror is');
RESET ROLE;
SET LOCAL ROLE neanelu_operator;
SELECT lives_ok($$UPDATE neanelu.webhook_topics SET fetch_after = '10 seconds' WHERE topic = 'products/update'$$, 'an operator says how patiently to ask');
SELECT throws_ok($$UPDATE neanelu.webhook_topics SET processor = 'pg_catalog.now'$$, '42501', NULL, 'and not who applies a topic');
RESET ROLE;
SELECT throws_ok($$UPDATE neanelu.webhook_topics SET processor = 'now(); DROP TABLE shops'$$, '23514', NULL, 'a processor is a name');

SELECT * FROM finish();
ROLLBACK;
