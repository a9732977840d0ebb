-- pim.define_attributes and pim.expect_attributes: idempotent, whole, refused by code; the rights of editors.
BEGIN;
SELECT plan(15);

SELECT results_eq($$SELECT inserted FROM pim.import_taxonomy('[{"id": "gid://shopify/TaxonomyCategory/zz", "path": ["Things"]},
                                                              {"id": "gid://shopify/TaxonomyCategory/zz-1", "path": ["Things", "Boxes"]}]')$$, ARRAY[2], 'two categories');
SET LOCAL ROLE neanelu_pim_editor;
SELECT results_eq($$SELECT inserted, updated, unchanged FROM pim.define_attributes('[{"code": "depth", "label": "Depth", "data_type": "number", "unit": "cm", "unit_family": "length"},
    {"code": "lid", "label": "Lid", "data_type": "enum", "allowed_values": [{"code": "hinged", "labels": {"ro": ["cu balama"]}}]}]')$$, $$VALUES (2, 0, 0)$$, 'both are made');
SELECT results_eq($$SELECT inserted, updated, unchanged FROM pim.define_attributes('[{"code": "depth", "label": "Depth", "data_type": "number", "unit": "cm", "unit_family": "length"}]')$$,
    $$VALUES (0, 0, 1)$$, 'the same again is no news');
SELECT results_eq($$SELECT inserted, updated, unchanged FROM pim.define_attributes('[{"code": "depth", "label": "Inner depth", "data_type": "number", "unit": "mm", "unit_family": "length"}]')$$,
    $$VALUES (0, 1, 0)$$, 'another unit is');
SELECT results_eq($$SELECT label::text, unit::text FROM prod_attr_definitions WHERE code = 'depth'$$, $$VALUES ('Inner depth', 'mm')$$, 'what is given counts');
SELECT throws_ok($$SELECT pim.define_attributes('{"code": "depth"}')$$, 'NX005', NULL, 'no list');
SELECT throws_ok($$SELECT pim.define_attributes('[{"code": "depth", "label": "Depth"}]')$$, 'NX005', NULL, 'no kind');
SELECT throws_ok($$SELECT pim.define_attributes('[{"code": "Depth!", "label": "Depth", "data_type": "number"}]')$$, '23514', NULL, 'no code');
SELECT ok(pim.expect_attributes('zz', '{"depth": {"required": true}}'), 'things have a depth');
SELECT ok(NOT pim.expect_attributes('Things', '{"depth": {"required": true}}'), 'again, by another name, is no news');
SELECT is(pim.attribute_schema((SELECT id FROM prod_taxonomy WHERE name = 'Boxes')) -> 'depth' -> 'required', 'true', 'boxes inherit it');
SELECT throws_ok($$SELECT pim.expect_attributes('nowhere', '{}')$$, 'NX006', NULL, 'no such category');
SELECT throws_ok($$SELECT pim.expect_attributes('zz', '{"nothing": {}}')$$, 'NX007', NULL, 'no such attribute');
RESET ROLE;
SET LOCAL ROLE neanelu_analyst;
SELECT throws_ok($$SELECT pim.define_attributes('[]')$$, '42501', NULL, 'analysts define nothing');
SELECT throws_ok($$SELECT pim.expect_attributes('zz', '{}')$$, '42501', NULL, 'nor say what is expected');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
