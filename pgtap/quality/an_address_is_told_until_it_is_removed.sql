BEGIN;
SELECT plan(24);

\set sealed '''{"sealed": "AAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}'''
INSERT INTO prod_quality_rules (level, required_fields) SELECT 'silver', '{brand}' WHERE NOT EXISTS (SELECT FROM prod_quality_rules WHERE level = 'silver');
INSERT INTO prod_master (id, internal_sku, canonical_title) VALUES ('00000000-0000-7000-8000-00000000000a', 'ep', 'Mug');
CREATE FUNCTION pg_temp.body(p_endpoint uuid) RETURNS jsonb LANGUAGE sql AS $f$
    SELECT d.body FROM prod_quality_events AS e, pim.quality_delivery(e.id, p_endpoint) AS d
$f$;

SELECT throws_ok($$SELECT pim.set_endpoint('shop', 'https://a.example/x', NULL)$$, 'NQ001', NULL, 'a new address needs a secret');
SELECT throws_ok($$SELECT pim.set_endpoint('shop', 'https://a.example/x', '"open"')$$, 'NF004', NULL, 'which is sealed');
SELECT throws_ok(format('SELECT pim.set_endpoint(''shop'', ''nowhere'', %L)', :sealed), '23514', NULL, 'and is an address');
SELECT throws_ok(format('SELECT pim.set_endpoint(''shop'', ''https://a.example/x'', %L, ''{nonsense}'')', :sealed), '23514', NULL, 'for events that there are');
CREATE TEMP TABLE made AS SELECT pim.set_endpoint('shop', 'https://a.example/x', :sealed, '{quality_promoted}') AS id;
SELECT is((SELECT pim.set_endpoint('shop', 'https://b.example/y', NULL) = id FROM made), true, 'it may move, and keeps its id and secret');
SELECT results_eq('SELECT name, url, event_types, is_active, pending, sent, failed FROM pim.list_endpoints()',
    $$VALUES ('shop', 'https://b.example/y', '{quality_promoted}'::text[], true, 0::bigint, 0::bigint, 0::bigint)$$, 'it is listed, without its secret');
SELECT is(octet_length(flags.sealed_config('pim.endpoint.shop')), 33, 'which is a sealed setting');

INSERT INTO prod_quality_events (id, product_id, event_type, previous_level, new_level, trigger_reason)
VALUES ('00000000-0000-7000-8000-0000000000e1', '00000000-0000-7000-8000-00000000000a', 'quality_promoted', 'bronze', 'silver', 'auto_enrichment');
INSERT INTO prod_quality_deliveries (event_id, endpoint_id) SELECT '00000000-0000-7000-8000-0000000000e1', id FROM made;
SELECT is((SELECT pending FROM pim.list_endpoints()), 1::bigint, 'it is owed an event');
SELECT is((SELECT pg_temp.body(id) ->> 'type' FROM made), 'quality_promoted', 'which is posted');
SELECT is((SELECT pg_temp.body(id) -> 'data' ->> 'title' FROM made), 'Mug', 'with the record');
SELECT is((SELECT pg_temp.body(id) -> 'data' ->> 'new_level' FROM made), 'silver', 'and its level');
UPDATE prod_quality_endpoints SET is_active = false;
SELECT is((SELECT pg_temp.body(id) FROM made), NULL, 'not where nobody listens');
SELECT pim.set_endpoint('shop', 'https://b.example/y', NULL);
SELECT isnt((SELECT pg_temp.body(id) FROM made), NULL, 'set again it listens again');
SELECT pim.record_delivery('00000000-0000-7000-8000-0000000000e1', id, 200, NULL) FROM made;
SELECT is((SELECT pg_temp.body(id) FROM made), NULL, 'what was taken is not posted again');
SELECT is((SELECT sent FROM pim.list_endpoints()), 1::bigint, 'it is counted');
SELECT is_empty($$SELECT * FROM pim.quality_delivery(uuidv7(), uuidv7())$$, 'nothing is posted nowhere');

SELECT throws_ok($$SELECT pim.remove_endpoint('other')$$, 'NQ002', NULL, 'an address that is not there is not removed');
SELECT lives_ok($$SELECT pim.remove_endpoint('shop')$$, 'this one is');
SELECT throws_ok($$SELECT pim.remove_endpoint('shop')$$, 'NQ002', NULL, 'once');
SELECT throws_ok($$SELECT flags.sealed_config('pim.endpoint.shop')$$, 'NF003', NULL, 'with its secret');
SELECT is_empty('SELECT * FROM pim.list_endpoints()', 'and nobody is told any more');

-- Channels.
INSERT INTO prod_channel_mappings (product_id, channel, external_id) VALUES ('00000000-0000-7000-8000-00000000000a', 'google', 'g1');
SELECT is_empty($$SELECT * FROM pim.pushable('google')$$, 'a product that is not ready for a channel is not sent');
UPDATE prod_master SET quality_score_breakdown = '{"channels": {"google": {"ready": true}}}';
SELECT results_eq($$SELECT external_id, sync_status FROM pim.pushable('google')$$, $$VALUES ('g1', 'pending')$$, 'a ready one is');
SELECT throws_ok($$SELECT * FROM pim.pushable('shopify')$$, 'NA002', NULL, 'Shopify''s are a shop''s');

SELECT * FROM finish();
ROLLBACK;
