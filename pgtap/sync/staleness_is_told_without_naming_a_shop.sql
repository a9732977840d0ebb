BEGIN;
SELECT plan(4);

SELECT shops.register(id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}')
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com'), ('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a3', 'tap-gone.myshopify.com')) AS s (id, domain);
-- A checkpoint that no run made: the trigger is about how it came to be, and this is about what is told.
SET LOCAL session_replication_role = replica;
INSERT INTO neanelu.sync_checkpoints (shop_id, resource_type, last_sync_at)
SELECT ('00000000-0000-7000-8000-0000000000a' || n)::uuid, 'products', now() - n * interval '1 hour' FROM generate_series(1, 3) AS n;
SET LOCAL session_replication_role = origin;
UPDATE neanelu.shops SET uninstalled_at = now(), access_token_ciphertext = NULL, access_token_iv = NULL, access_token_tag = NULL
 WHERE shopify_domain = 'tap-gone.myshopify.com';

SET LOCAL SESSION AUTHORIZATION neanelu_worker;
SELECT results_eq($$SELECT resource, shops, round(oldest_age)::integer FROM sync.staleness()$$, $$VALUES ('products', 2::bigint, 7200)$$,
                  'the worker hears of the installed shop that is furthest behind');
SET LOCAL SESSION AUTHORIZATION neanelu_operator;
SELECT is((SELECT count(*)::integer FROM sync.staleness()), 1, 'so does an operator');
SET LOCAL SESSION AUTHORIZATION neanelu_app;
SELECT throws_ok('SELECT sync.staleness()', '42501', NULL, 'the app does not');
SET LOCAL SESSION AUTHORIZATION neanelu_webhooks;
SELECT throws_ok('SELECT sync.staleness()', '42501', NULL, 'nor the receiver');
SET LOCAL SESSION AUTHORIZATION DEFAULT;

SELECT * FROM finish();
ROLLBACK;
