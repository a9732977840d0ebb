BEGIN;
SELECT plan(29);

CREATE FUNCTION pg_temp.shop(p_n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$ SELECT ('00000000-0000-7000-8000-0000000000d' || p_n)::uuid $f$;
SELECT shops.register(pg_temp.shop(n), 'tap-privacy-' || n || '.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{}')
  FROM generate_series(1, 2) AS n;

-- The same person in two shops, and another one whose number begins alike.
INSERT INTO neanelu.shopify_customers (shop_id, shopify_gid, legacy_resource_id, email, phone, first_name, last_name, display_name, addresses, default_address, note, updated_at_shopify)
SELECT pg_temp.shop(n), 'gid://shopify/Customer/' || c, c, p || '@example.com', '+4072100011' || c % 10, p, 'Popescu', p || ' Popescu',
       '[{"address1": "Strada Lungă 5", "phone": "0721 000 111"}]', '{"address1": "Strada Lungă 5"}', 'likes tea', '2026-01-01'
  FROM (VALUES (1, 12, 'Ana'), (1, 123, 'Ion'), (2, 12, 'Ana')) AS x (n, c, p);
INSERT INTO neanelu.shopify_orders (shop_id, shopify_gid, legacy_resource_id, name, order_number, total_price, currency_code, email, customer_id, shipping_address, line_items, note)
SELECT pg_temp.shop(1), 'gid://shopify/Order/' || o, o, '#' || o, o, 99.90, 'RON', lower(c.email::text),
       CASE WHEN o <> 903 THEN c.id END, '{"name": "Ana Popescu", "address1": "Strada Lungă 5"}',
       '[{"title": "Cup", "quantity": 2, "customAttributes": [{"key": "engrave", "value": "Ana Popescu"}]}]', 'ring Ana Popescu'
  FROM neanelu.shopify_customers AS c, (VALUES (901, 12), (902, 12), (903, 12), (904, 123)) AS x (o, customer)
 WHERE c.shop_id = pg_temp.shop(1) AND c.legacy_resource_id = customer;
UPDATE neanelu.shopify_orders SET shipping_address = '{"name": "Ion Popescu"}', note = NULL, line_items = '[]' WHERE legacy_resource_id = 904;
INSERT INTO neanelu.webhook_events (shop_id, topic, payload, hmac_verified)
VALUES (pg_temp.shop(1), 'customers/update', '{"id": 12, "email": "ANA@example.com"}', true),
       (pg_temp.shop(1), 'customers/update', '{"id": 123, "email": "ion@example.com"}', true),
       (pg_temp.shop(1), 'orders/create', '{"id": 901, "admin_graphql_api_id": "gid://shopify/Order/901", "shipping_address": {"address1": "Strada Lungă 5", "name": "X"}}', true),
       (pg_temp.shop(2), 'customers/update', '{"id": 12, "email": "ana@example.com"}', true);
INSERT INTO neanelu.bulk_runs (id, shop_id, operation_type, query_type, status)
VALUES ('00000000-0000-7000-8000-0000000000e1', pg_temp.shop(1), 'QUERY', 'customers', 'pending');
INSERT INTO neanelu.bulk_errors (shop_id, bulk_run_id, error_type, error_code, error_message, line_number, raw)
VALUES (pg_temp.shop(1), '00000000-0000-7000-8000-0000000000e1', 'PARSE', 'NS100', 'cut', 1, convert_to('{"email":"ana@example.com","add', 'UTF8')),
       (pg_temp.shop(1), '00000000-0000-7000-8000-0000000000e1', 'PARSE', 'NS100', 'cut', 2, convert_to('{"email":"ion@example.com","add', 'UTF8'));
INSERT INTO neanelu.audit_logs (shop_id, actor_type, action, entity_type, entity_id, new_values)
VALUES (pg_temp.shop(1), 'system', 'UPDATE', 'shopify_products', uuidv7(), '{"title": "made for ana@example.com", "vendor": "v"}'),
       (pg_temp.shop(1), 'system', 'UPDATE', 'shopify_products', uuidv7(), '{"title": "something else"}');

SELECT isnt(cardinality(privacy._identifiers(pg_temp.shop(1), '{"customer": {"id": 12}}')), 0, 'a customer has identifiers');
SELECT cmp_ok((SELECT count(*) FROM privacy.find_traces(pg_temp.shop(1), privacy._identifiers(pg_temp.shop(1), '{"customer": {"id": 12}}'))), '>=', 5::bigint,
              'and is mentioned in many places');
UPDATE neanelu.shopify_customers SET note = 'Ștampilă 5%_a.b' WHERE shop_id = pg_temp.shop(2);
SELECT results_eq($$SELECT relation FROM privacy.find_traces(pg_temp.shop(2), '{"ȘTAMPILĂ 5%_A.B"}')$$, ARRAY['shopify_customers'], 'large or small, letter by letter');
SELECT is_empty($$SELECT relation FROM privacy.find_traces(pg_temp.shop(2), '{"ștampilă 5xya.b", "ștampilă 5%_axb"}')$$, 'and no letter stands for another');

-- data_request
CREATE TEMP TABLE request ON COMMIT DROP AS
SELECT privacy.handle(pg_temp.shop(1), 'customers/data_request', '{"customer": {"id": 12, "email": "ana@example.com"}, "orders_requested": [903]}') AS id;
SELECT is(privacy.handle(pg_temp.shop(1), 'customers/data_request', '{"customer": {"id": 12, "email": "ana@example.com"}, "orders_requested": [903]}'),
          (SELECT id FROM request), 'a request that is repeated is the same request');
SELECT lives_ok($$SELECT privacy.fulfil(NULL, jsonb_build_object('shop_id', pg_temp.shop(1), 'request_id', (SELECT id FROM request)))$$, 'it is fulfilled');
SELECT is(privacy.read_export((SELECT id FROM request)) #>> '{customer,0,email}', 'Ana@example.com', 'the export has the customer');
SELECT is(jsonb_array_length(privacy.read_export((SELECT id FROM request)) -> 'orders'), 3, 'and the orders, those named too');
SELECT ok((SELECT payload IS NULL AND status = 'completed' FROM neanelu.privacy_requests WHERE id = (SELECT id FROM request)), 'what Shopify sent is not kept');
SELECT is(privacy.sweep_exports(NULL, jsonb_build_object('before', now() + interval '31 days')), '{"deleted": 1}', 'the export goes when it expires');
SELECT throws_ok($$SELECT privacy.read_export((SELECT id FROM request))$$, 'NP003', NULL, 'and cannot be read any more');

-- customers/redact
CREATE TEMP TABLE needles ON COMMIT DROP AS SELECT privacy._identifiers(pg_temp.shop(1), '{"customer": {"id": 12}}') || '{Ana Popescu}' AS of;
TRUNCATE request;
INSERT INTO request SELECT privacy.handle(pg_temp.shop(1), 'customers/redact', '{"customer": {"id": 12, "email": "ana@example.com", "phone": "0721000111"}, "orders_to_redact": [903]}');
SELECT lives_ok($$SELECT privacy.fulfil(NULL, jsonb_build_object('shop_id', pg_temp.shop(1), 'request_id', (SELECT id FROM request)))$$, 'erasure is fulfilled');
SELECT is((SELECT status FROM neanelu.privacy_requests WHERE id = (SELECT id FROM request)), 'completed', 'without anything left for a person to look at');
SELECT results_eq($$SELECT relation FROM privacy.find_traces(pg_temp.shop(1), (SELECT of FROM needles))$$, ARRAY['shopify_customers'],
                  'nothing mentions the customer but the row that holds the number');
SELECT is_empty($$SELECT relation FROM privacy.find_traces(pg_temp.shop(1), (SELECT array_remove(of, 'gid://shopify/customer/12') FROM needles))$$,
                'and that row has nothing but the number');
SELECT ok((SELECT deletion_reason = 'erasure' AND updated_at_shopify >= now() FROM neanelu.shopify_customers WHERE shop_id = pg_temp.shop(1) AND legacy_resource_id = 12),
          'which is dated now: what was said before is older');
SELECT results_eq($$SELECT legacy_resource_id, total_price, line_items #>> '{0,title}', customer_id IS NULL FROM neanelu.shopify_orders
                    WHERE shop_id = pg_temp.shop(1) AND legacy_resource_id <= 903 ORDER BY 1$$,
                  $$VALUES (901::bigint, 99.90, 'Cup', true), (902, 99.90, 'Cup', true), (903, 99.90, 'Cup', true)$$, 'orders keep their figures, without the person');
SELECT is((SELECT array_agg(email::text ORDER BY shop_id, legacy_resource_id) FROM neanelu.shopify_customers WHERE email IS NOT NULL), '{Ion@example.com,Ana@example.com}',
          'others stay, and so does the same person in another shop');
SELECT is((SELECT count(*)::integer FROM neanelu.webhook_events WHERE shop_id IN (pg_temp.shop(1), pg_temp.shop(2))), 2, 'deliveries about the person are gone');
SELECT results_eq($$SELECT line_number, raw IS NULL FROM neanelu.bulk_errors WHERE shop_id = pg_temp.shop(1) ORDER BY 1$$, $$VALUES (1, true), (2, false)$$,
                  'a quarantined line stays as a line, without its bytes');
SELECT results_eq($$SELECT new_values ->> 'title' FROM neanelu.audit_logs WHERE shop_id = pg_temp.shop(1) AND entity_type = 'shopify_products' ORDER BY 1$$,
                  ARRAY['[erased]', 'something else'], 'the audit log says what was changed, not to what');
SELECT throws_ok($$UPDATE neanelu.audit_logs SET new_values = '{}'$$, 'NU001', NULL, 'and still cannot be written');
SELECT ok(privacy.fulfil(NULL, jsonb_build_object('shop_id', pg_temp.shop(1), 'request_id', (SELECT id FROM request))) ? 'erased', 'fulfilling again changes nothing');
SELECT ok(EXISTS (SELECT FROM neanelu.privacy_requests WHERE subject_digest = privacy._subject_digest(pg_temp.shop(1), '12') AND topic = 'customers/redact'),
          'who knows the number can ask whether the erasure was done');

-- shop/redact
TRUNCATE request;
INSERT INTO request SELECT privacy.handle(pg_temp.shop(1), 'shop/redact', '{"shop_id": 1}');
SELECT is(privacy.fulfil(NULL, jsonb_build_object('shop_id', pg_temp.shop(1), 'request_id', (SELECT id FROM request))) ->> 'reason',
          'the shop has installed the app again', 'a shop that is installed is not erased');
SELECT shops.uninstall(pg_temp.shop(1));
TRUNCATE request;
INSERT INTO request SELECT privacy.handle(pg_temp.shop(1), 'shop/redact', '{"shop_id": 1}');
SELECT lives_ok($$SELECT privacy.fulfil(NULL, jsonb_build_object('shop_id', pg_temp.shop(1), 'request_id', (SELECT id FROM request)))$$, 'one that uninstalled is');
SELECT is_empty($$SELECT * FROM privacy.find_traces(pg_temp.shop(1), '{ion@example.com, Ion Popescu, Strada Lungă 5, something else}')$$, 'nothing is left of its customers');
SELECT is((SELECT count(*)::integer FROM neanelu.shopify_orders WHERE shop_id = pg_temp.shop(1) AND total_price = 99.90), 4, 'but the figures of its orders');
SELECT throws_ok($$SELECT privacy.find_traces(pg_temp.shop(1), NULL)$$, 'NP001', NULL, 'one must say whom to look for');

SELECT * FROM finish();
ROLLBACK;
