BEGIN;
SELECT plan(21);

CREATE FUNCTION pg_temp.unit(p_place integer) RETURNS text LANGUAGE sql AS $f$
    SELECT '[' || string_agg(CASE WHEN g = p_place THEN '1' ELSE '0' END, ',' ORDER BY g) || ']' FROM generate_series(1, 384) AS g
$f$;
INSERT INTO neanelu.prod_master (internal_sku, canonical_title, brand) VALUES ('A', 'Blue mug', 'Acme'), ('B', 'Acme red mug', 'ACME');
INSERT INTO neanelu.prod_attr_definitions (code, label, data_type, unit, unit_family, allowed_values)
VALUES ('colour', 'Colour', 'enum', NULL, NULL, '["red", {"code": "blue", "labels": {"ro": ["albastru"]}}]'),
       ('height', 'Height', 'number', 'cm', 'length', NULL);

SELECT results_eq($$SELECT checked, queued, is_complete FROM ai.collect_texts('product', p_limit => 1)$$, $$VALUES (1, 1, false)$$,
    'a sweep goes page by page');
SELECT results_eq($$SELECT checked, queued, is_complete FROM ai.collect_texts('product', p_limit => 10)$$, $$VALUES (1, 1, true)$$, 'until it is complete');
SELECT results_eq($$SELECT content FROM neanelu.embedding_items ORDER BY content$$, $$VALUES ('Acme Blue mug'), ('Acme red mug')$$,
    'the brand stands before a title that does not have it');
SELECT is((SELECT queued FROM ai.collect_texts('product')), 0, 'a text waits once');
SELECT is((SELECT queued FROM ai.collect_texts('product', p_type => 'title')), 2, 'another kind of text is another wait');
SELECT is((SELECT queued FROM ai.collect_texts('product', 'text-embedding-3-small')), 2, 'and so is another model');
SELECT is((SELECT queued FROM ai.collect_texts('attribute')), 2, 'attributes have texts, too');
SELECT bag_eq($$SELECT content FROM neanelu.embedding_items WHERE kind = 'attribute'$$, $$VALUES (E'Colour\nred, blue'), ('Height (cm)')$$,
    'name, unit and allowed values');

CREATE TEMPORARY TABLE claimed AS SELECT * FROM ai.claim_texts('all-minilm-l6-v2', 100);
SELECT is((SELECT count(*)::integer FROM claimed), 6, 'what waits for a model is handed out');
SELECT is((SELECT count(*)::integer FROM ai.claim_texts('all-minilm-l6-v2', 100)), 0, 'to one');
SELECT is((SELECT stored FROM ai.store_vectors((SELECT array_agg(custom_id) FROM claimed), (SELECT array_agg(pg_temp.unit(1)) FROM claimed))), 6,
    'vectors are stored');
SELECT is((SELECT count(*)::integer FROM neanelu.prod_embeddings WHERE model_version = 'all-minilm-l6-v2' AND dimensions = 384), 4, 'of products by kind of text');
SELECT is((SELECT count(*)::integer FROM neanelu.prod_attr_definitions WHERE embedding_model = 'all-minilm-l6-v2'), 2, 'and of attributes');
SELECT is((SELECT count(*)::integer FROM neanelu.embedding_items WHERE model = 'all-minilm-l6-v2' AND status <> 'done'), 0, 'nothing waits any more');
SELECT is((SELECT queued FROM ai.collect_texts('attribute')), 0, 'an attribute is not embedded again');
UPDATE neanelu.prod_attr_definitions SET unit = 'mm' WHERE code = 'height';
SELECT is((SELECT queued FROM ai.collect_texts('attribute')), 1, 'unless its text changes');
UPDATE neanelu.prod_master SET dedupe_status = 'duplicate', canonical_title = 'Gone' WHERE internal_sku = 'A';
SELECT is((SELECT queued FROM ai.collect_texts('product')), 0, 'what was merged into another record needs none');

SELECT throws_ok($$SELECT * FROM ai.collect_texts('product', 'no such model')$$, 'NE001');
SELECT throws_ok($$SELECT * FROM ai.collect_texts('page')$$, 'NE002');
SELECT throws_ok($$SELECT * FROM ai.collect_texts('shop_product')$$, 'NA002');
SELECT throws_ok($$SELECT * FROM ai.store_vectors('{a,b}', '{c}')$$, 'NE005');

SELECT * FROM finish();
ROLLBACK;
