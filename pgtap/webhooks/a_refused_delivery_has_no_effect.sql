BEGIN;
SELECT plan(12);

INSERT INTO neanelu.shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
VALUES ('00000000-0000-7000-8000-0000000000a1', 'one.myshopify.com', 'x', repeat('x', 12)::bytea, repeat('x', 16)::bytea, '{}');
INSERT INTO neanelu.webhook_events (id, shop_id, topic, payload, hmac_verified, created_at) VALUES
    ('00000000-0000-7000-8000-0000000000e1', '00000000-0000-7000-8000-0000000000a1', 'products/create',
     '{"id": 1, "title": "T", "handle": "t", "status": "active", "updated_at": "2026-11-01T00:00:00Z",
       "variants": [{"id": 11, "title": "A", "price": "1.00"}, {"id": 12, "title": "B", "price": "1.001"}]}', true, now()),
    ('00000000-0000-7000-8000-0000000000e2', '00000000-0000-7000-8000-0000000000a1', 'products/create', '[1]', true, now()),
    ('00000000-0000-7000-8000-0000000000e3', '00000000-0000-7000-8000-0000000000a1', 'themes/publish', '{"id": 1}', true, now()),
    ('00000000-0000-7000-8000-0000000000e4', '00000000-0000-7000-8000-0000000000a1', 'products/delete', '{"id": 1}', false, now());
CREATE FUNCTION pg_temp.process(p_event text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT webhooks.process('00000000-0000-7000-8000-0000000000a1',
        jsonb_build_object('event_id', '00000000-0000-7000-8000-0000000000' || p_event, 'event_created_at', now()))
$$;

SELECT is(pg_temp.process('e1'), '{"topic": "products/create", "outcome": "rejected", "error": "22003"}', 'the second price would have to be rounded');
SELECT is_empty('SELECT FROM neanelu.shopify_products', 'so there is no product');
SELECT is_empty('SELECT FROM neanelu.shopify_variants', 'nor the first variant');
SELECT is_empty('SELECT FROM neanelu.mirror_fetches', 'and nothing is asked for');
SELECT is((SELECT row(processed_at, retry_count)::text FROM neanelu.webhook_events WHERE id = '00000000-0000-7000-8000-0000000000e1'), '(,0)', 'the delivery stays open');
SELECT matches((SELECT processing_error FROM neanelu.webhook_events WHERE id = '00000000-0000-7000-8000-0000000000e1'), '^22003: ', 'with its reason');
SELECT is(pg_temp.process('e2') ->> 'error', 'NW012', 'what is no object is refused');
SELECT is(pg_temp.process('e3') ->> 'outcome', 'ignored', 'a topic that nobody processes is kept and left alone');
SELECT is(pg_temp.process('e4') ->> 'outcome', 'unverified', 'what is not signed is not looked at');
SELECT is(webhooks.retry('00000000-0000-7000-8000-0000000000a1'), 2, 'refused ones can be tried again');
SELECT is((SELECT row(waiting, refused)::text FROM webhooks.event_metrics()), '(1,2)', 'and are counted');
SELECT throws_ok($$SELECT webhooks.process(NULL, '{}')$$, 'NA002', NULL, 'no shop, no delivery');

SELECT * FROM finish();
ROLLBACK;
