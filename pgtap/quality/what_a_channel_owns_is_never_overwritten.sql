BEGIN;
SELECT plan(17);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'qa.myshopify.com'), ('00000000-0000-7000-8000-0000000000a2', 'qb.myshopify.com')) AS s (id, domain);
INSERT INTO prod_sources (id, name, source_type, trust_score) VALUES ('00000000-0000-7000-8000-000000000101', 'ch', 'SUPPLIER', 0.9);
INSERT INTO prod_master (id, internal_sku, canonical_title) VALUES ('00000000-0000-7000-8000-00000000000a', 'ch', 'Old title');
INSERT INTO prod_proposals (product_id, field_path, proposed_value, source_id, confidence_score) VALUES
  ('00000000-0000-7000-8000-00000000000a', 'title', '"Good title"', '00000000-0000-7000-8000-000000000101', 1),
  ('00000000-0000-7000-8000-00000000000a', 'brand', '"Sony"', '00000000-0000-7000-8000-000000000101', 1),
  ('00000000-0000-7000-8000-00000000000a', 'price', '{"value": 10, "unit": "EUR"}', '00000000-0000-7000-8000-000000000101', 1);
SELECT pim.decide('{00000000-0000-7000-8000-00000000000a}'), pim.score('{00000000-0000-7000-8000-00000000000a}');
INSERT INTO prod_channel_mappings (id, product_id, channel, shop_id, external_id) VALUES
  ('00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-00000000000a', 'shopify', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Product/1');
CREATE FUNCTION pg_temp.payload() RETURNS jsonb LANGUAGE sql AS $f$ SELECT pim.channel_payload('00000000-0000-7000-8000-0000000000c1') $f$;
CREATE FUNCTION pg_temp.meta() RETURNS jsonb LANGUAGE sql AS $f$ SELECT channel_meta FROM prod_channel_mappings $f$;

SELECT is(pg_temp.payload() -> 'fields' ->> 'title', 'Good title', 'what the PIM owns may be sent');
SELECT is(pg_temp.payload() -> 'fields' -> 'price', NULL, 'the price is the shop''s');
SELECT is(pg_temp.payload() -> 'withheld' -> 'price' ->> 'value', '10', 'and withheld');
SELECT is(pg_temp.payload() -> 'changed', pg_temp.payload() -> 'fields', 'nothing was sent yet');
SELECT throws_ok($$SELECT pim.record_push('00000000-0000-7000-8000-0000000000c1', '{"price": 9}')$$, 'NQ009', NULL, 'who sent the channel''s fields is told so');
SELECT pim.record_push('00000000-0000-7000-8000-0000000000c1', NULL, 'answered 503');
SELECT is((SELECT sync_status || ' ' || error_message FROM prod_channel_mappings), 'error answered 503', 'a push that failed');
SELECT pim.record_push('00000000-0000-7000-8000-0000000000c1', pg_temp.payload() -> 'fields');
SELECT is((SELECT sync_status FROM prod_channel_mappings), 'synced', 'one that did not');
SELECT is(pg_temp.payload() -> 'changed', '{}', 'nothing is left to send');

SELECT is(pim.record_pull('00000000-0000-7000-8000-0000000000c1', '{"title": "Good title", "brand": "Sony", "price": {"value": 12, "unit": "EUR"}}'), 0,
          'what we sent comes back: no news');
SELECT is(pg_temp.meta() -> 'values' -> 'price' ->> 'value', '12', 'the shop''s price is kept');
SELECT is(pg_temp.meta() -> 'differences' -> 'price' -> 'pim' ->> 'value', '10', 'with the difference from ours');
SELECT is(pim.record_pull('00000000-0000-7000-8000-0000000000c1', '{"title": "Better title"}'), 1, 'what somebody changed there becomes a proposal');
SELECT is((SELECT s.source_type || ' ' || s.name FROM prod_proposals AS p JOIN prod_sources AS s ON s.id = p.source_id WHERE p.proposed_value = '"Better title"'),
          'SHOPIFY qa.myshopify.com', 'of the shop as a source');
SELECT is(pim.record_pull('00000000-0000-7000-8000-0000000000c1', '{"title": "Better title"}'), 0, 'the same again is none');
UPDATE prod_channel_mappings SET channel_meta = channel_meta || '{"owned_fields": ["title"]}';
SELECT is(pg_temp.payload() -> 'fields' -> 'title', NULL, 'a mapping may own other fields than its channel');
SELECT throws_ok($$SELECT pim.channel_payload('00000000-0000-7000-8000-0000000000cf')$$, 'NQ003', NULL, 'a mapping that is none');

SELECT is((SELECT array_agg(r ORDER BY r) FROM unnest('{neanelu_app,neanelu_worker,neanelu_tenant,neanelu_analyst,neanelu_harvester}'::text[]) AS r
            WHERE has_function_privilege(r, 'pim.channel_payload(uuid)', 'EXECUTE')), '{neanelu_app,neanelu_worker}', 'services of the platform read it, nobody else');

SELECT * FROM finish();
ROLLBACK;
