BEGIN;
SELECT plan(13);

CREATE TEMP TABLE made AS SELECT harvest.register_source('tap', 'SUPPLIER') AS source;
SELECT is(harvest.register_source('tap', 'MARKETPLACE'), (SELECT source FROM made), 'a source is made once');

PREPARE page(text) AS SELECT s.outcome FROM made, harvest.store(made.source, 'https://a.example/p', $1, NULL, 200, '{"etag": "x", "set-cookie": "y"}', NULL) AS s;
SELECT results_eq('EXECUTE page(''a'')', ARRAY['stored'], 'a new page is stored');
SELECT results_eq('EXECUTE page(''a'')', ARRAY['unchanged'], 'the same again is not');
SELECT results_eq('EXECUTE page(''b'')', ARRAY['stored'], 'another content is');
SELECT results_eq('EXECUTE page(''a'')', ARRAY['stored'], 'and so is a return to the first: the newest is what counts');
SELECT is((SELECT array_agg(DISTINCT h.response_headers) FROM prod_raw_harvest AS h), ARRAY['{"etag": "x"}'::jsonb], 'cookies are not kept');

PREPARE feed(text) AS SELECT s.stored, s.unchanged, s.superseded FROM made, harvest.store_many(made.source, $1::jsonb) AS s;
SELECT results_eq($$EXECUTE feed('[{"source_product_id": "1", "json": {"a": 1}}, {"source_product_id": "2", "json": {"a": 1}}, {"source_product_id": "1", "json": {"a": 2}}]')$$,
                  'VALUES (2, 0, 1)', 'of several records of a product in a batch the last counts');
SELECT results_eq($$EXECUTE feed('[{"source_product_id": "1", "json": {"a": 2}}, {"source_product_id": "2", "json": {"a": 3}}]')$$, 'VALUES (1, 1, 0)', 'unchanged records are not stored');
SELECT is((SELECT array_agg(h.source_url ORDER BY h.source_url) FROM prod_raw_harvest AS h WHERE h.raw_json IS NOT NULL), '{feed:tap#1,feed:tap#2,feed:tap#2}', 'a record''s URL names feed and key');
SELECT throws_ok($$EXECUTE feed('[{"json": {"a": 1}}]')$$, 'NG004', NULL, 'a record without a key is refused');
SELECT throws_ok($$EXECUTE feed('[{"source_product_id": "1", "json": [1]}]')$$, 'NG004', NULL, 'and so is what is no object');
SELECT throws_ok($$SELECT harvest.store_many('00000000-0000-7000-8000-000000000000', '[]')$$, 'NG002', NULL, 'there must be a source');
SELECT harvest.set_source(source, '{"is_active": false}') FROM made;
SELECT throws_ok($$EXECUTE feed('[]')$$, 'NG003', NULL, 'that is active');

SELECT * FROM finish();
ROLLBACK;
