BEGIN;
SELECT plan(47);

CREATE FUNCTION pg_temp.shop() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-7000-8000-0000000000a1'::uuid $$;
INSERT INTO neanelu.shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes, installed_at, shopify_shop_id)
VALUES (pg_temp.shop(), 'one.myshopify.com', 'x', repeat('x', 12)::bytea, repeat('x', 16)::bytea, '{read_products}', '2026-01-01', 77);

-- Deliveries, many at once.
SELECT is(webhooks.receive_many('{one.myshopify.com,one.myshopify.com,none.myshopify.com,one.myshopify.com,one.myshopify.com}',
    '{products/delete,products/delete,products/delete,no/topic,products/delete}', '{w1,w2,w3,w4,w1}', '{NULL,NULL,NULL,NULL,NULL}', '{2026-10,2026-10,2026-10,2026-10,2026-10}',
    ARRAY[now(), now(), now(), now(), now()], ARRAY[sha256('1'), sha256('2'), sha256('3'), sha256('4'), sha256('1')], '{"{\"id\": 1}","{\"id\": 2}","{\"id\": 3}","{\"id\": 4}","{\"id\": 1}"}'),
    '{stored,stored,unknown_shop,unknown_topic,duplicate}', 'each delivery has its outcome');
SELECT is((SELECT count(*) FROM neanelu.webhook_events), 2::bigint, 'what is new is stored');
SELECT is((SELECT count(*) FROM neanelu.job_runs WHERE job_name = 'webhook.process'), 2::bigint, 'with a job each');
SELECT is(webhooks.receive_many('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'), NULL, 'no deliveries have none');

-- Questions about deliveries.
INSERT INTO neanelu.webhook_events (id, shop_id, topic, payload, hmac_verified, created_at) VALUES
    ('00000000-0000-7000-8000-0000000000e1', pg_temp.shop(), 'inventory_levels/disconnect', '{"inventory_item_id": 21, "location_id": 31}', true, now()),
    ('00000000-0000-7000-8000-0000000000e2', pg_temp.shop(), 'app/uninstalled', '{}', true, now()),
    ('00000000-0000-7000-8000-0000000000e3', pg_temp.shop(), 'shop/redact', '{}', true, now()),
    ('00000000-0000-7000-8000-0000000000e4', pg_temp.shop(), 'products/delete', '{"id": 5}', true, now());
CREATE FUNCTION pg_temp.e(p_n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-7000-8000-0000000000e' || p_n)::uuid $$;
SELECT results_eq($$SELECT q.* FROM generate_series(1, 4) AS n, webhooks.question(pg_temp.shop(), pg_temp.e(n), now()) AS q ORDER BY n$$,
    $$VALUES ('inventory_levels/disconnect', 'level', 'gid://shopify/InventoryItem/21', 'gid://shopify/Location/31'), ('app/uninstalled', 'token', NULL, NULL),
             ('shop/redact', 'token', NULL, NULL), ('products/delete', 'none', NULL, NULL)$$, 'Shopify is asked about what cannot be taken back');
SELECT is(webhooks.answer(pg_temp.shop(), pg_temp.e(2), now(), false), 'refused', 'what is not so is refused');
SELECT is(webhooks.answer(pg_temp.shop(), pg_temp.e(2), now(), true), 'gone', 'for good');
SELECT is_empty('SELECT * FROM webhooks.question(pg_temp.shop(), pg_temp.e(2), now())', 'and asks nothing any more');
SELECT is(webhooks.answer(pg_temp.shop(), pg_temp.e(3), now(), true), 'confirmed', 'a shop that is to be erased');
SELECT ok((SELECT uninstalled_at IS NOT NULL FROM neanelu.shops), 'and whose token is dead has uninstalled');
SELECT is((SELECT count(*) FROM neanelu.job_runs WHERE job_name = 'webhook.process'), 3::bigint, 'the delivery is processed now');
SELECT is((SELECT kind FROM webhooks.question(pg_temp.shop(), pg_temp.e(1), now())), 'none', 'of a shop without token nothing is asked');
SELECT throws_ok('SELECT webhooks.answer(NULL, pg_temp.e(1), now(), true)', 'NA002', NULL, 'nor of no shop');
UPDATE neanelu.shops SET uninstalled_at = NULL, access_token_ciphertext = 'x', access_token_iv = repeat('x', 12)::bytea, access_token_tag = repeat('x', 16)::bytea;
DELETE FROM neanelu.mirror_fetches;

-- Fetches.
SELECT is(webhooks.fetch_kind(r), expected, 'objects of ' || r)
  FROM (VALUES ('products', 'Product'), ('orders', 'Order'), ('no such', NULL)) AS t (r, expected);
SELECT is(webhooks.next_fetch(pg_temp.shop()), NULL, 'when nothing is wanted nothing is asked for');
INSERT INTO neanelu.mirror_fetches (shop_id, resource, object_id, wanted_at, due_at) SELECT pg_temp.shop(), 'products', n, now(), now() - interval '20 minutes' FROM generate_series(1, 3) AS n;
SELECT is(webhooks.next_fetch(pg_temp.shop()), '0', 'what is due is asked for at once');
CREATE TEMP TABLE claim AS SELECT * FROM webhooks.claim_fetches(pg_temp.shop(), 10);
SELECT ok(webhooks.next_fetch(pg_temp.shop()) > '4 minutes', 'what is claimed when its worker may be dead');
SELECT webhooks.release_fetches(pg_temp.shop(), 'products', '{1,2,3}', claimed_at - interval '1 second') FROM claim;
SELECT is_empty('SELECT * FROM webhooks.claim_fetches(pg_temp.shop(), 10)', 'nobody gives back the claim of another');
SELECT webhooks.release_fetches(pg_temp.shop(), 'products', '{1,2,3}', claimed_at) FROM claim;
SELECT is((webhooks.claim_fetches(pg_temp.shop(), 10)).object_ids, '{1,2,3}', 'but its own');
SELECT results_eq($$SELECT fetches_waiting, fetches_refused FROM webhooks.metrics() WHERE resource = 'products'$$, 'VALUES (3::bigint, 0::bigint)', 'what waits is counted');
SELECT jobs.cancel(j.id) FROM neanelu.job_runs AS j WHERE j.job_name = 'mirror.fetch';
SELECT is(webhooks.reconcile_due(NULL, '{}') ->> 'comparisons', '0', 'a shop without a first snapshot is compared with nothing');
SELECT is((SELECT count(*) FROM neanelu.job_runs WHERE job_name = 'mirror.fetch' AND status <> 'cancelled'), 1::bigint, 'left-over fetches are asked for again');

-- Comparisons.
SELECT ok(webhooks.comparable() @> '{products,orders,customers}', 'what Shopify can list by its time of change is comparable');
SELECT throws_ok($$SELECT * FROM webhooks.begin_comparison(pg_temp.shop(), 'inventory')$$, 'NW020', NULL, 'other things are not');
ALTER TABLE neanelu.sync_checkpoints DISABLE TRIGGER USER;  -- they advance with runs only
INSERT INTO neanelu.sync_checkpoints (shop_id, resource_type, last_full_snapshot_at, last_sync_at) VALUES (pg_temp.shop(), 'products', now() - interval '9 days', now() - interval '1 day');
CREATE TEMP TABLE comparison AS SELECT b.* FROM webhooks.begin_comparison(pg_temp.shop(), 'products') AS b;
CREATE FUNCTION pg_temp.go_on(p_answers jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT webhooks.continue_comparison(pg_temp.shop(), c.comparison_id, p_answers) FROM comparison AS c $$;
CREATE TEMP TABLE list AS SELECT pg_temp.go_on((SELECT jsonb_agg(q || '{"count": 1}') FROM comparison AS c, jsonb_array_elements(c.questions) AS q)) AS questions;
SELECT is((SELECT jsonb_agg(DISTINCT q ->> 'kind') FROM list, jsonb_array_elements(list.questions) AS q), '["list"]', 'where counts differ a comparison asks which objects there are');
SELECT is(coalesce((SELECT pg_temp.go_on(jsonb_agg(q || jsonb_build_object('objects', CASE n WHEN 1 THEN '[{"id": "gid://shopify/Product/77", "updatedAt": "2026-11-01T00:00:00Z"}]'::jsonb ELSE '[]' END)))
    FROM list, jsonb_array_elements(list.questions) WITH ORDINALITY AS x (q, n)), '[]'), '[]', 'then it knows');
SELECT results_eq('SELECT status::text, missing, outdated, extra FROM neanelu.mirror_comparisons', $$VALUES ('drift', 1, 0, 0)$$, 'that one is missing');
SELECT ok(EXISTS (SELECT FROM neanelu.mirror_fetches WHERE resource = 'products' AND object_id = 77 AND wanted_at IS NOT NULL), 'which is asked for');
SELECT throws_ok($$SELECT pg_temp.go_on('[]')$$, 'NW021', NULL, 'and is over');
SELECT throws_ok($$SELECT webhooks.continue_comparison(pg_temp.shop(), uuidv7(), '[]')$$, 'NW021', NULL, 'one that is over takes no answers');
SELECT throws_ok($$SELECT webhooks.continue_comparison(NULL, uuidv7(), '[]')$$, 'NA002', NULL, 'nor one of no shop');

-- Subscriptions.
CREATE TEMP TABLE plan AS SELECT * FROM webhooks.plan_subscriptions(pg_temp.shop(), 'https://a.example/h', '[]');
SELECT ok((SELECT bool_and(action IN ('create', 'skip')) AND count(*) FILTER (WHERE action = 'create') > 5 FROM plan), 'where there are none all are made');
SELECT results_eq($$SELECT action, reason FROM plan WHERE topic = 'orders/create'$$, $$VALUES ('skip', 'no scope read_orders')$$, 'but those that the token may not have');
SELECT results_eq($$SELECT action, topic FROM webhooks.plan_subscriptions(pg_temp.shop(), 'https://a.example/h', jsonb_build_array(
        jsonb_build_object('id', 'g1', 'topic', 'PRODUCTS_DELETE', 'uri', 'https://a.example/h', 'format', 'JSON'),
        jsonb_build_object('id', 'g2', 'topic', 'APP_UNINSTALLED', 'uri', 'https://a.example/h', 'format', 'XML'),
        jsonb_build_object('id', 'g3', 'topic', 'THEMES_PUBLISH', 'uri', 'https://a.example/h', 'format', 'JSON'),
        jsonb_build_object('id', 'g4', 'topic', 'PRODUCTS_DELETE', 'uri', 'https://b.example/', 'format', 'JSON'),
        jsonb_build_object('id', 'g5', 'topic', 'PRODUCTS_DELETE', 'uri', 'https://a.example/h', 'format', 'JSON'))) WHERE gid IS NOT NULL ORDER BY gid$$,
    $$VALUES ('keep', 'products/delete'), ('update', 'app/uninstalled'), ('delete', 'themes_publish'), ('foreign', 'products/delete'), ('delete', 'products/delete')$$,
    'what is right stays, what is not is mended, what is not ours is left alone');
CREATE FUNCTION pg_temp.record(p_actual jsonb) RETURNS integer LANGUAGE sql AS $$ SELECT webhooks.record_subscriptions(pg_temp.shop(), 'https://a.example/h', p_actual) $$;
SELECT is(pg_temp.record('[{"id": "gid://shopify/WebhookSubscription/1", "topic": "PRODUCTS_DELETE", "uri": "https://a.example/h", "format": "JSON", "apiVersion": {"handle": "2026-10"}},
    {"id": "gid://shopify/WebhookSubscription/2", "topic": "PRODUCTS_DELETE", "uri": "https://b.example/", "format": "JSON", "apiVersion": {"handle": "2026-10"}}]'), 1, 'what is at our address is noted');
SELECT is(pg_temp.record('[{"id": "gid://shopify/WebhookSubscription/1", "topic": "PRODUCTS_DELETE", "uri": "https://a.example/h", "format": "JSON", "apiVersion": {"handle": "2026-10"}}]'), 0, 'the same again is no change');
SELECT is(pg_temp.record('[{"id": "gid://shopify/WebhookSubscription/1", "topic": "PRODUCTS_DELETE", "uri": "https://a.example/h", "format": "JSON", "filter": "id:1", "apiVersion": {"handle": "2026-10"}}]'), 1, 'another filter is');
SELECT is(pg_temp.record('[]'), 1, 'what is gone is forgotten');
SELECT throws_ok($$SELECT pg_temp.record('{}')$$, '22023', NULL, 'what is no list is refused');
SELECT is(webhooks.sweep_subscriptions(NULL, '{}'), '{"shops": 1}', 'each shop''s subscriptions are looked at');
SELECT webhooks.sweep_subscriptions(NULL, '{}');
SELECT is((SELECT count(*) FROM neanelu.job_runs WHERE job_name = 'webhooks.subscriptions'), 1::bigint, 'once while the look waits');

-- What is old.
INSERT INTO neanelu.mirror_tombstones (shop_id, kind, object_id, deleted_at, created_at) VALUES (pg_temp.shop(), 'Product', 1, now(), now() - interval '31 days'), (pg_temp.shop(), 'Product', 2, now(), now() - interval '29 days');
UPDATE neanelu.mirror_fetches SET wanted_at = NULL, due_at = NULL, claimed_at = NULL, fetched_at = now() - interval '12 days' WHERE object_id = 1;
SELECT is(webhooks.sweep(NULL, '{}'), '{"tombstones": 1, "fetches": 1, "comparisons": 0}', 'tombstones and fetches of long ago are forgotten');
SELECT is(webhooks.sweep(NULL, '{}'), '{"tombstones": 0, "fetches": 0, "comparisons": 0}', 'once');
SELECT is(webhooks.sweep(uuidv7(), '{"keep_days": 1}') ->> 'tombstones', '0', 'or those of one shop');
SELECT is(webhooks.sweep(NULL, '{"keep_days": 1}') ->> 'tombstones', '1', 'or younger ones');

SELECT * FROM finish();
ROLLBACK;
