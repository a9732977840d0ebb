BEGIN;
SELECT plan(22);

CREATE FUNCTION pg_temp.import(p_json jsonb) RETURNS text LANGUAGE sql AS $f$ SELECT concat_ws(' ', inserted, updated, unchanged) FROM pim.import_attributes(p_json) $f$;
SELECT throws_ok($$SELECT pim.import_attributes('{}')$$, 'NX005', NULL, 'what is no list is refused');
SELECT throws_ok($$SELECT pim.import_attributes('[{"description": "x"}]')$$, 'NX005', NULL, 'so is an attribute without name');
SELECT throws_ok('SELECT pim.import_attributes(NULL)', 'NX005', NULL, 'and nothing');
SELECT is(pg_temp.import('[]'), '0 0 0', 'no attributes are none');
SELECT is(pg_temp.import('[{"handle": "cup-weight", "name": "Cup weight"}, {"name": "Mood", "values": [{"handle": "gay", "name": "Gay"}, "grim"]}, {"name": "Is foldable"}, {"name": "Maker''s mark", "description": "Where"}]'),
    '4 0 0', 'attributes are made');
SELECT results_eq($$SELECT code::text, label::text, data_type::text, unit::text FROM prod_attr_definitions WHERE code IN ('cup_weight', 'mood', 'is_foldable') ORDER BY code$$,
    $$VALUES ('cup_weight', 'Cup weight', 'number', 'kg'), ('is_foldable', 'Is foldable', 'string', NULL), ('mood', 'Mood', 'enum', NULL)$$, 'values or the name say of what kind they are');
SELECT is((SELECT allowed_values FROM prod_attr_definitions WHERE code = 'mood'), '[{"code": "gay", "labels": {"en": ["Gay"]}}, "grim"]', 'with the values that they may have');
SELECT is(pg_temp.import('[{"handle": "cup-weight", "name": "Cup weight"}, {"name": "Mood", "values": [{"handle": "gay", "name": "Gay"}, "grim"]}]'), '0 0 2', 'the same again writes nothing');
SELECT is(pg_temp.import('[{"handle": "cup-weight", "name": "Weight of the cup"}, {"handle": "cup-weight", "name": "Second"}]'), '0 1 0', 'the label follows the file, the first of two');
SELECT is((SELECT label::text || ' ' || unit FROM prod_attr_definitions WHERE code = 'cup_weight'), 'Weight of the cup kg', 'the unit stays');
SELECT is((SELECT count(*) FROM prod_attr_definitions WHERE code IN ('mood', 'is_foldable')), 2::bigint, 'and what the file lacks');

-- Categories.
SELECT pim.import_taxonomy('[{"id": "gid://shopify/TaxonomyCategory/hg", "path": ["Home"]}, {"id": "gid://shopify/TaxonomyCategory/hg-1", "path": ["Home", "Lămpi"]}, {"id": "gid://shopify/TaxonomyCategory/hg-2", "path": ["Home", "Mugs"]}]');
CREATE FUNCTION pg_temp.path(p_id uuid) RETURNS text LANGUAGE sql AS $f$ SELECT array_to_string(breadcrumbs, ' > ') FROM prod_taxonomy WHERE id = p_id $f$;
SELECT is(pg_temp.path(pim.category_id(said)), expected, 'category: ' || said)
  FROM (VALUES ('hg-2', 'Home > Mugs'), ('gid://shopify/TaxonomyCategory/hg-2', 'Home > Mugs'), ('home-mugs', 'Home > Mugs'), ('Home > Mugs', 'Home > Mugs'), ('Mugs', NULL)) AS t (said, expected);
SELECT results_eq('SELECT path, children, products FROM pim.find_categories()', $$VALUES ('Home', 2::bigint, 0::bigint)$$, 'without a word the roots');
SELECT results_eq('SELECT path FROM pim.find_categories(p_parent_id => pim.category_id(''hg''))', $$VALUES ('Home > Lămpi'), ('Home > Mugs')$$, 'or what is below one');
SELECT results_eq($$SELECT path FROM pim.find_categories('lampi')$$, $$VALUES ('Home > Lămpi')$$, 'by a word, without its diacritics');
UPDATE prod_taxonomy SET is_active = false WHERE name = 'Mugs';
SELECT is_empty($$SELECT * FROM pim.find_categories('mugs')$$, 'what is put aside is not offered');
SELECT isnt_empty($$SELECT * FROM pim.find_categories('mugs', p_all => true)$$, 'unless all are asked for');
SELECT is((SELECT count(*) FROM pim.find_categories(p_parent_id => pim.category_id('hg'), p_limit => -3, p_all => true)), 1::bigint, 'one at least');

SELECT * FROM finish();
ROLLBACK;
