BEGIN;
SELECT plan(24);

CREATE TEMP TABLE made AS SELECT harvest.register_source('acme', 'SUPPLIER', p_config => '{"locale": "ro"}') AS source, harvest.register_source('other', 'SUPPLIER') AS other;
SELECT is((SELECT harvest.find_source('acme') = source FROM made), true, 'a source is found by its name');
SELECT is((SELECT harvest.find_source(source::text) = source FROM made), true, 'or by its id');
SELECT throws_ok($$SELECT harvest.find_source('nobody')$$, 'NG002', NULL, 'one that is not there is told');
SELECT results_eq($$SELECT s.* FROM made, harvest.source_settings(source) AS s$$, $$VALUES ('acme', 'SUPPLIER', true, '{"locale": "ro"}'::jsonb)$$, 'its settings are there for who imports');
SELECT throws_ok($$SELECT harvest.begin_import(gen_random_uuid(), 'a.csv', 'csv')$$, 'NG002', NULL, 'nothing is imported for no source');
SELECT throws_ok($$SELECT harvest.begin_import(source, 'a.doc', 'doc') FROM made$$, '23514', NULL, 'or in an unknown format');

CREATE TEMP TABLE import AS SELECT harvest.begin_import(source, 'a.csv', 'csv') AS id FROM made;
SELECT results_eq($$SELECT r.* FROM import, harvest.record_import(import.id, '[{"source_product_id": "1", "json": {"n": 1}}, {"source_product_id": "2", "json": {"n": 2}}]',
    '[{"line": 7, "code": "NG104", "message": "columns", "raw": "YSxi", "bytes": 3}, {"line": 3, "code": "NG106", "message": "no key", "raw": "e30=", "bytes": 900}]') AS r$$,
    'VALUES (2, 0, 0, 2)', 'a batch is stored or in quarantine');
SELECT results_eq($$SELECT r.* FROM import, harvest.record_import(import.id, '[{"source_product_id": "1", "json": {"n": 1}}, {"source_product_id": "2", "json": {"n": 3}}]') AS r$$,
    'VALUES (1, 1, 0, 0)', 'what is known already is unchanged');
SELECT results_eq($$SELECT e.line_number, e.error_code, e.message, encode(e.raw, 'escape'), e.raw_bytes FROM import, harvest.list_errors(import.id) AS e$$,
    $$VALUES (3::bigint, 'NG106', 'no key', '{}', 900::bigint), (7, 'NG104', 'columns', 'a,b', 3)$$, 'the quarantine is told by line');
SELECT is((SELECT count(*) FROM import, harvest.list_errors(import.id, 1)), 1::bigint, 'no more of it than asked for');
SELECT throws_ok($$SELECT harvest.record_import(id, '[{"json": {}}]') FROM import$$, 'NG004', NULL, 'a record without key is the caller''s mistake');
SELECT results_eq($$SELECT i.source, i.file_name, i.status, i.records, i.stored, i.unchanged, i.superseded, i.quarantined FROM harvest.list_imports() AS i$$,
    $$VALUES ('acme', 'a.csv', 'running', 6::bigint, 3::bigint, 1::bigint, 0::bigint, 2::bigint)$$, 'the accounts add up');
SELECT lives_ok('SELECT harvest.end_import(id) FROM import', 'an import ends');
SELECT throws_ok('SELECT harvest.end_import(id) FROM import', 'NG010', NULL, 'once');
SELECT throws_ok($$SELECT harvest.record_import(id, '[]') FROM import$$, 'NG010', NULL, 'and takes nothing any more');
SELECT harvest.end_import(harvest.begin_import(other, 'b.jsonl', 'jsonl'), 'NG011') FROM made;
SELECT results_eq($$SELECT i.source, i.status, i.error_code, i.ended_at IS NULL FROM harvest.list_imports() AS i ORDER BY i.source$$,
    $$VALUES ('acme', 'completed', NULL, false), ('other', 'failed', 'NG011', false)$$, 'one that broke says why');
SELECT is((SELECT count(*) FROM made, harvest.list_imports(made.other)), 1::bigint, 'imports of one source');
SELECT is((SELECT count(*) FROM harvest.list_imports(p_limit => 1)), 1::bigint, 'or the latest');

SELECT results_eq($$SELECT d.source_product_id, d.raw_json -> 'n', d.processing_status, d.html_length
    FROM prod_raw_harvest AS h, harvest.document(h.id) AS d ORDER BY 1, 2$$,
    $$VALUES ('1', '1'::jsonb, 'pending', NULL::integer), ('2', '2', 'pending', NULL), ('2', '3', 'pending', NULL)$$, 'a document is shown without its HTML');
SELECT is_empty('SELECT * FROM harvest.document(gen_random_uuid())', 'none where there is none');

UPDATE harvest_imports SET started_at = now() - interval '91 days', ended_at = now() - interval '91 days' WHERE file_name = 'a.csv';
SELECT is(harvest.purge(), 1, 'imports of over ninety days are forgotten');
SELECT is(harvest.purge(), 0, 'once');
SELECT is((SELECT count(*) FROM harvest_errors), 0::bigint, 'with their quarantine');
SELECT harvest.set_source(source, '{"is_active": false}') FROM made;
SELECT throws_ok($$SELECT harvest.begin_import(source, 'a.csv', 'csv') FROM made$$, 'NG003', NULL, 'a source that is put aside takes no imports');

SELECT * FROM finish();
ROLLBACK;
