BEGIN;
SELECT plan(26);

SELECT results_eq($$SELECT inserted FROM pim.import_taxonomy('[{"id": "gid://shopify/TaxonomyCategory/zz", "path": ["Things"]},
                                                              {"id": "gid://shopify/TaxonomyCategory/zz-1", "path": ["Things", "Boxes"]}]')$$, ARRAY[2], 'two categories');
SET LOCAL ROLE neanelu_pim_editor;

SELECT is(pim.put_rule('specs.depth', NULL, '{"tolerance": 0.1, "rule": "newest"}', 'Drawings are revised') ->> 'rule', 'newest', 'a rule is made');
SELECT is(pim.put_rule('specs.depth', NULL, '{"half_life_days": 30}', NULL) - '{id,created_at,updated_at}'::text[] @>
          '{"rule": "newest", "tolerance": 0.1, "half_life_days": 30, "reason": "Drawings are revised"}', true, 'what is not named stays, the reason too');
SELECT throws_ok($$SELECT pim.put_rule('specs.depth', NULL, '{"tolerence": 0.1}', NULL)$$, 'NQ013', NULL, 'no such setting');
SELECT throws_ok($$SELECT pim.put_rule('specs.depth', NULL, '[]', NULL)$$, 'NQ013', NULL, 'no settings');
SELECT throws_ok($$SELECT pim.put_rule('specs.depth', NULL, '{"rule": "loudest"}', NULL)$$, '23514', NULL, 'no such rule');
SELECT throws_ok($$SELECT pim.put_rule('specs.lid', NULL, '{"rule": "newest"}', NULL)$$, '23502', NULL, 'a new rule has a reason');
SELECT throws_ok($$SELECT pim.put_rule('*', NULL, '{"is_active": false}', NULL)$$, 'NC011', NULL, 'the rule for everything counts');
SELECT throws_ok($$SELECT pim.remove_rule('*')$$, 'NC011', NULL, 'and stays');
SELECT is(pim.remove_rule('specs.depth') ->> 'rule', 'newest', 'another goes');
SELECT throws_ok($$SELECT pim.remove_rule('specs.depth')$$, 'NC010', NULL, 'once');

SELECT is(pim.put_level('golden', (SELECT id FROM prod_taxonomy WHERE name = 'Things'), NULL, '{"min_sources": 3, "required_fields": ["title", "gtin"]}')
          @> '{"min_sources": 3, "required_fields": ["title", "gtin"], "hysteresis": 0.05}', true, 'a category asks for more');
SELECT is(pim.put_level('golden', (SELECT id FROM prod_taxonomy WHERE name = 'Things'), NULL, '{"min_score": 0.9}') @> '{"min_sources": 3, "min_score": 0.9}', true, 'what is not named stays');
RESET ROLE;
SELECT is((SELECT (r.rule).min_sources FROM pim._level_rules(ARRAY[(SELECT id FROM prod_taxonomy WHERE name = 'Boxes')]) AS r WHERE (r.rule).level = 'golden' AND (r.rule).channel IS NULL), 3,
  'and of what is below it');
SET LOCAL ROLE neanelu_pim_editor;
SELECT throws_ok($$SELECT pim.put_level('golden', NULL, NULL, '{"sources": 3}')$$, 'NQ013', NULL, 'no such setting');
SELECT throws_ok($$SELECT pim.put_level('golden', NULL, NULL, '{"min_score": 2}')$$, '23514', NULL, 'no such score');
SELECT is(pim.put_level('review_needed', (SELECT id FROM prod_taxonomy WHERE name = 'Things'), NULL, '{"required_fields": ["title"]}') ->> 'level', 'review_needed', 'what calls for a person');
SELECT is(pim.remove_level('golden', (SELECT id FROM prod_taxonomy WHERE name = 'Things'), NULL) ->> 'min_sources', '3', 'it goes');
SELECT throws_ok($$SELECT pim.remove_level('golden', (SELECT id FROM prod_taxonomy WHERE name = 'Things'), NULL)$$, 'NQ014', NULL, 'once');

SELECT pim.define_attributes('[{"code": "depth", "label": "Depth", "data_type": "number", "unit": "cm", "unit_family": "length"}]');
SELECT pim.expect_attributes('zz', '{"depth": {"required": true}}');
SELECT throws_ok($$SELECT pim.remove_attribute('depth')$$, 'NX008', NULL, 'what a category expects stays');
SELECT ok(pim.forget_expectations('Things', '{depth}'), 'the category forgets it');
SELECT ok(NOT pim.forget_expectations('zz', '{depth}'), 'once');
SELECT throws_ok($$SELECT pim.forget_expectations('nowhere', '{depth}')$$, 'NX006', NULL, 'no such category');
SELECT is(pim.remove_attribute('depth') ->> 'label', 'Depth', 'what nobody uses goes');
SELECT throws_ok($$SELECT pim.remove_attribute('depth')$$, 'NX007', NULL, 'once');

SELECT is(pim.request_readings(ARRAY[uuidv7()]), 0, 'a reading that there is not is not read again');
SELECT * FROM finish();
ROLLBACK;
