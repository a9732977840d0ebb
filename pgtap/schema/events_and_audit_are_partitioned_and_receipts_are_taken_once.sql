BEGIN;
SELECT plan(7);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
             ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);
SELECT is(pg_get_partkeydef('webhook_events'::regclass), 'RANGE (created_at)', 'webhook_events is partitioned by time');
SELECT is(pg_get_partkeydef('audit_logs'::regclass), 'RANGE (created_at)', 'audit_logs is partitioned by time');
SELECT is_empty($$SELECT conname FROM pg_constraint WHERE conrelid = 'audit_logs'::regclass AND contype = 'f'$$,
  'the audit log refers to nothing, so that nothing keeps it and it keeps nothing');
INSERT INTO webhook_receipts (shop_id, idempotency_key, topic) VALUES ('00000000-0000-7000-8000-0000000000a1', 'k', 'orders/create');
SELECT throws_ok($$INSERT INTO webhook_receipts (shop_id, idempotency_key, topic, received_at)
  VALUES ('00000000-0000-7000-8000-0000000000a1', 'k', 'orders/create', now() + interval '2 months')$$, '23505', NULL, 'a delivery is taken once, in whatever month');
SELECT lives_ok($$INSERT INTO webhook_receipts (shop_id, idempotency_key, topic) VALUES ('00000000-0000-7000-8000-0000000000a2', 'k', 'orders/create')$$,
  'another shop may bear the same key');
SELECT throws_ok($$INSERT INTO webhook_events (shop_id, topic, payload, processed_at) VALUES ('00000000-0000-7000-8000-0000000000a1', 'orders/create', '{}', now())$$,
  '23514', NULL, 'nothing is processed that was not verified');
SELECT throws_ok($$INSERT INTO audit_logs (action, entity_type) VALUES ('UPDATE', 'shops')$$, '23514', NULL, 'an entry says which row it is about');

SELECT * FROM finish();
ROLLBACK;
