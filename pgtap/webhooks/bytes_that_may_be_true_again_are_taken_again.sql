BEGIN;
SELECT plan(17);

CREATE FUNCTION pg_temp.receive(p_topic text, p_body text, p_domain text DEFAULT 'one.myshopify.com') RETURNS text LANGUAGE sql AS $$
    SELECT webhooks.receive(p_domain, p_topic, uuidv7()::text, NULL, '2026-10', NULL, sha256(p_body::bytea), p_body::jsonb)
$$;
CREATE FUNCTION pg_temp.last_job() RETURNS text LANGUAGE sql AS $$
    SELECT j.job_name FROM neanelu.job_runs AS j WHERE j.queue_name = 'webhooks' ORDER BY j.id DESC LIMIT 1
$$;
INSERT INTO neanelu.shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes, installed_at, shopify_shop_id)
VALUES ('00000000-0000-7000-8000-0000000000a1', 'one.myshopify.com', 'x', repeat('x', 12)::bytea, repeat('x', 16)::bytea, '{}',
        now() - interval '9 days', 77);

-- A person who is to be forgotten, and later again.
SELECT is(pg_temp.receive('customers/redact', '{"shop_id": 77, "customer": {"id": 5}}'), 'stored', 'a request of erasure');
SELECT is(pg_temp.receive('customers/redact', '{"shop_id": 77, "customer": {"id": 5}}'), 'duplicate', 'not twice on one day');
UPDATE neanelu.webhook_receipts SET received_at = now() - interval '25 hours';
SELECT is(pg_temp.receive('customers/redact', '{"shop_id": 77, "customer": {"id": 5}}'), 'stored', 'but again the day after');
SELECT is((SELECT count(*)::integer FROM neanelu.webhook_events WHERE topic = 'customers/redact'), 2, 'with an event each');
SELECT is(pg_temp.receive('customers/redact', '{"shop_id": 78, "customer": {"id": 5}}'), 'wrong_shop', 'another shop''s number is refused');

-- Uninstalled, installed again, uninstalled again: the same bytes.
SELECT is(pg_temp.receive('app/uninstalled', '{"id": 77, "updated_at": "2026-01-01"}'), 'stored', 'the app is uninstalled');
SELECT is(pg_temp.last_job(), 'webhook.process', 'bytes never seen are believed');
SELECT is(pg_temp.receive('app/uninstalled', '{"id": 77, "updated_at": "2026-01-01"}'), 'duplicate', 'once an installation');
UPDATE neanelu.webhook_receipts SET received_at = now() - interval '10 days' WHERE topic = 'app/uninstalled';
SELECT is(pg_temp.receive('app/uninstalled', '{"id": 77, "updated_at": "2026-01-01"}'), 'stored', 'after the next installation they may be true');
SELECT is(pg_temp.last_job(), 'webhook.confirm', 'or a repetition: Shopify is asked');

-- The erasure of a shop.
SELECT is(pg_temp.receive('shop/redact', '{"shop_id": 77, "shop_domain": "one.myshopify.com"}'), 'stored', 'the erasure of a shop that is installed');
SELECT is(pg_temp.last_job(), 'webhook.confirm', 'is asked about');
UPDATE neanelu.shops SET access_token_ciphertext = NULL, access_token_iv = NULL, access_token_tag = NULL, uninstalled_at = now() + interval '1 second';
SELECT is(pg_temp.receive('shop/redact', '{"shop_id": 77, "shop_domain": "one.myshopify.com"}'), 'stored', 'after its uninstallation it is genuine');
SELECT is(pg_temp.last_job(), 'webhook.process', 'and done');
UPDATE neanelu.webhook_receipts SET received_at = now() + interval '2 seconds' WHERE topic = 'shop/redact';
SELECT is(pg_temp.receive('shop/redact', '{"shop_id": 77, "shop_domain": "one.myshopify.com"}'), 'duplicate', 'once an uninstallation');
SELECT is(pg_temp.receive('products/update', '{"id": 1, "updated_at": "2026-01-01"}'), 'uninstalled', 'all else is refused by then');
SELECT results_eq('SELECT reason::text, times FROM neanelu.webhook_refusals ORDER BY reason', $$VALUES ('uninstalled', 1::bigint), ('wrong_shop', 1)$$,
                  'what was refused is on record');

SELECT * FROM finish();
ROLLBACK;
