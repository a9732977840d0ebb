BEGIN;
SELECT plan(42);

CREATE FUNCTION pg_temp.id(p_name text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$ SELECT ('00000000-0000-7000-8000-' || left(md5(p_name), 12))::uuid $f$;
INSERT INTO prod_sources (id, name, source_type, config) VALUES (pg_temp.id('source'), 'one', 'SUPPLIER', '{"currency": "RON", "categories": {"Ecrane mari": "monitors"}}');
INSERT INTO prod_attr_definitions (code, label, data_type, unit, unit_family) VALUES ('screen_size', 'Screen size', 'number', 'cm', 'length'), ('colour', 'Colour', 'string', NULL, NULL);
INSERT INTO prod_taxonomy (id, parent_id, name, slug, level, shopify_taxonomy_id) VALUES (pg_temp.id('el'), NULL, 'Electronics', 'electronics', 0, 'el'),
    (pg_temp.id('mon'), pg_temp.id('el'), 'Monitors', 'monitors', 1, 'el-1'), (pg_temp.id('own'), pg_temp.id('el'), 'Own things', 'own-things', 1, NULL),
    (pg_temp.id('c1'), pg_temp.id('el'), 'Cables', 'cables', 1, 'el-2'), (pg_temp.id('c2'), pg_temp.id('mon'), 'Cables', 'monitor-cables', 2, 'el-1-1');

-- Brands.
SELECT is(normalise.brand('Acmee GmbH'), 'Acmee', 'a brand that nobody knows stays as it is');
SELECT normalise.add_brand_alias('Acmee GmbH', ' Acme ');
SELECT is(normalise.brand('ACMEE'), 'Acme', 'a spelling stands for the brand, however it is written');
SELECT normalise.add_brand_alias('acmee', 'Other');
SELECT is(normalise.brand('ACMEE'), 'Other', 'the last word counts');
SELECT normalise.add_brand_alias('acmee', 'Other');
SELECT is((SELECT count(*) FROM prod_brand_aliases WHERE alias_key = 'acmee'), 1::bigint, 'a spelling has one meaning');

-- Categories.
SELECT is(normalise.category(raw, '{"Ecrane mari": "monitors"}'), expected, 'category: ' || raw)
  FROM (VALUES (' Ecrane mari ', 'el-1'), ('el-1', 'el-1'), ('monitors', 'el-1'), ('Shop > TV & more > Monitors', 'el-1'), ('own-things', 'own-things'), ('a > Cables', NULL), ('Bananas', NULL)) AS t (raw, expected);
UPDATE prod_taxonomy SET is_active = false WHERE slug = 'monitors';
SELECT is(normalise.category('Shop > Monitors'), NULL, 'a category that is put aside is not guessed');
UPDATE prod_taxonomy SET is_active = true WHERE slug = 'monitors';

-- Thresholds.
SELECT is(normalise.setting('apply_score'), 0.86, 'a threshold has its value');
SELECT is(normalise.setting('no such'), NULL, 'one that is not there has none');
SELECT normalise.set_setting('apply_score', 0.9);
SELECT is(normalise.setting('apply_score'), 0.9, 'it can be set');
SELECT throws_ok($$SELECT normalise.set_setting('no such', 0.5)$$, 'NN006', NULL, 'but not made');
SELECT throws_ok(format('SELECT normalise.set_setting(''apply_score'', %s)', v), 'NN006', NULL, 'nor be ' || v) FROM unnest('{1.01,-0.01,NULL}'::text[]) AS v WHERE v <> 'NULL';
SELECT throws_ok($$SELECT normalise.set_setting('apply_score', NULL)$$, 'NN006', NULL, 'nor be nothing');
SELECT is(normalise.setting('apply_score'), 0.9, 'what was refused changes nothing');
SELECT normalise.set_setting('apply_score', 0.86);

-- Readings.
INSERT INTO prod_raw_harvest (id, source_id, source_url, raw_html, content_hash) VALUES (pg_temp.id('page'), pg_temp.id('source'), 'https://a.example/1', '<p>', repeat('0', 64));
INSERT INTO prod_extraction_sessions (id, harvest_id, harvest_fetched_at, agent_version, extracted_specs, confidence_score, field_confidences)
SELECT pg_temp.id('session'), h.id, h.fetched_at, 'tap', '{"title": "Wide  monitor", "brand": "Acmee", "gtin": "4006381333931", "price": "1.234,50", "category": "Ecrane mari",
       "attributes": {"Screen size": "24 in", "Qwertz": "7"}}', 0.9, '{"brand": 0.5}'
  FROM prod_raw_harvest AS h WHERE h.id = pg_temp.id('page');
PREPARE fields AS SELECT field_path, value, confidence FROM normalise.session_fields(ARRAY[pg_temp.id('session')]) ORDER BY field_path COLLATE "C";
CREATE TEMP TABLE fields AS SELECT * FROM normalise.session_fields(ARRAY[pg_temp.id('session')]);
SELECT is((SELECT value FROM fields WHERE field_path = path), expected::jsonb, path || ' is read')
  FROM (VALUES ('title', '"Wide monitor"'), ('brand', '"Other"'), ('gtin', '"04006381333931"'), ('price', '{"unit": "RON", "value": 1234.5}'), ('category', '"el-1"'),
               ('specs.screen_size', '{"unit": "cm", "value": 60.96}')) AS t (path, expected);
SELECT is((SELECT confidence FROM fields WHERE field_path = 'brand'), 0.5, 'a field is as certain as it is said to be');
SELECT is((SELECT confidence FROM fields WHERE field_path = 'title'), 0.9, 'else as the whole reading');
SELECT results_eq('SELECT raw FROM fields WHERE field_path IS NULL', $$VALUES ('{"name": "Qwertz", "value": "7"}'::jsonb)$$, 'a name that means nothing yet is handed on as it is');
SELECT is((SELECT count(*) FROM (SELECT f.* FROM normalise.session_fields(ARRAY[pg_temp.id('session')]) AS f EXCEPT SELECT * FROM fields) AS d), 0::bigint, 'read again it is the same');
SELECT is_empty($$SELECT * FROM normalise.session_fields('{}')$$, 'no readings have no fields');

-- Units of a source.
SELECT throws_ok($$SELECT normalise.set_source_unit(pg_temp.id('source'), 'Screen size', 'furlong of joy')$$, 'NN005', NULL, 'an unknown unit is refused');
SELECT throws_ok($$SELECT normalise.set_source_unit(pg_temp.id('source'), 'never heard', 'in')$$, 'NN003', NULL, 'and a name that the source has not');
SELECT normalise.set_source_unit(pg_temp.id('source'), 'SCREEN SIZE', 'Zoll');
UPDATE prod_extraction_sessions SET extracted_specs = '{"attributes": {"Screen size": "24"}}' WHERE id = pg_temp.id('session');
SELECT is((SELECT value ->> 'value' FROM normalise.session_fields(ARRAY[pg_temp.id('session')])), '60.96', 'a number without unit is in the source''s');

-- Vectors and profiles.
SELECT is(normalise.store_name_vectors('tap', '{Size,size,Colour,***}', '{{1,0},{0,1},{0,1},{1,1}}'), 2, 'names that are one have one vector, those that are none have none');
SELECT is(normalise.store_name_vectors('tap', '{size}', '{{0.5,0.5}}'), 1, 'a newer one takes its place');
SELECT is((SELECT array_agg(DISTINCT name_key::text || ' ' || subvector(embedding, 1, 3)::text) FROM prod_attr_name_vectors WHERE model = 'tap'), '{"colour [0,1,0]","size [0.5,0.5,0]"}', 'shorter vectors are filled up');
SELECT is(normalise.store_definition_vectors('tap', '{colour,nothing}', '{{1,0},{0,1}}'), 1, 'attributes that there are have vectors');
SELECT is((SELECT embedding_model::text FROM prod_attr_definitions WHERE code = 'colour'), 'tap', 'with the model''s name');
INSERT INTO prod_master (id, internal_sku, canonical_title) SELECT pg_temp.id('p' || i), 'P' || i, 'P' FROM generate_series(1, 6) AS i;
INSERT INTO prod_specs_normalized (product_id, specs, raw_specs, provenance) SELECT pg_temp.id('p' || i), '{}', jsonb_build_object('screen_size', i || '0 cm') || CASE WHEN i < 5 THEN jsonb_build_object('colour', 'red ' || i) ELSE '{}' END, '{}' FROM generate_series(1, 6) AS i;
SELECT is(normalise.learn_profiles(), 1, 'an attribute with values enough gets a profile');
SELECT is(normalise.learn_profiles(), 0, 'once');
SELECT results_eq('SELECT d.code::text, p.example_count, p.profile ->> ''median'' FROM prod_attr_profiles AS p JOIN prod_attr_definitions AS d ON d.id = p.definition_id', $$VALUES ('screen_size', 6, '35.0000')$$, 'of its values');

SELECT * FROM finish();
ROLLBACK;
