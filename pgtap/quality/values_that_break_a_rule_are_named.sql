BEGIN;
SELECT plan(20);

CREATE FUNCTION pg_temp.p(p_value jsonb, p_type text, p_unit text DEFAULT NULL, p_allowed jsonb DEFAULT NULL, p_regex text DEFAULT NULL, p_rule jsonb DEFAULT NULL)
RETURNS text LANGUAGE sql AS $f$ SELECT pim._value_problem(p_value, p_type, p_unit, p_allowed, p_regex, p_rule) $f$;
SELECT is(pg_temp.p('{"value": 2, "unit": "kg"}', 'number', 'kg'), NULL, 'a number in its unit');
SELECT is(pg_temp.p('{"value": "2"}', 'number'), 'type', 'a text is no number');
SELECT is(pg_temp.p('{"value": 2, "unit": "g"}', 'number', 'kg'), 'unit', 'another unit');
SELECT is(pg_temp.p('{"value": true}', 'boolean'), NULL, 'a boolean');
SELECT is(pg_temp.p('{"value": "yes"}', 'boolean'), 'type', 'a word is no boolean');
SELECT is(pg_temp.p('{"value": {"x": 1}}', 'string'), 'type', 'an object is no text');
SELECT is(pg_temp.p('{"value": "red"}', 'enum', NULL, '["red", "blue"]'), NULL, 'one of the allowed values');
SELECT is(pg_temp.p('{"value": "pink"}', 'enum', NULL, '["red", "blue"]'), 'allowed', 'none of them');
SELECT is(pg_temp.p('{"value": "red"}', 'enum', NULL, '[{"code": "red", "labels": {"ro": ["roșu"]}}]'), NULL, 'by its code');
SELECT is(pg_temp.p('{"value": ["red", "pink"]}', 'enum', NULL, '["red", "blue"]'), 'allowed', 'every element of a list');
SELECT is(pg_temp.p('{"value": ["a", "b"]}', 'list'), NULL, 'a list of texts');
SELECT is(pg_temp.p('{"value": "AB-1"}', 'string', NULL, NULL, '^[A-Z]+-[0-9]+$'), NULL, 'the pattern fits');
SELECT is(pg_temp.p('{"value": "ab"}', 'string', NULL, NULL, '^[A-Z]+-[0-9]+$'), 'regex', 'the pattern does not fit');
SELECT is(pg_temp.p('{"value": "ab"}', 'string', NULL, NULL, '(('), NULL, 'a pattern that is none refuses nothing');
SELECT is(pg_temp.p('{"value": 5}', 'number', NULL, NULL, NULL, '{"min": 6}'), 'min', 'less than the category has');
SELECT is(pg_temp.p('{"value": 5}', 'number', NULL, NULL, NULL, '{"max": 4}'), 'max', 'more than it has');
SELECT is(pg_temp.p('{"value": "x"}', 'string', NULL, NULL, NULL, '{"allowed": ["y"]}'), 'allowed', 'what the category does not allow');
SELECT is(pg_temp.p('{"value": {"min": 1, "max": 2}, "unit": "kg"}', 'range', 'kg'), NULL, 'a range');

INSERT INTO prod_attr_definitions (code, label, data_type) VALUES ('qv', 'QV', 'number'), ('qw', 'QW', 'number');
INSERT INTO prod_taxonomy (id, parent_id, name, slug, level, breadcrumbs, validation_rules) VALUES
  ('00000000-0000-7000-8000-000000000001', NULL, 'V', 'v', 0, '{V}', '{"qv": {"max": 10}, "qw": {"max": 10}}'),
  ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 'W', 'v-w', 1, '{V,W}', '{"qv": {"max": 100}}');
INSERT INTO prod_master (id, internal_sku, canonical_title, taxonomy_id) VALUES ('00000000-0000-7000-8000-00000000000a', 'qv', 'T', '00000000-0000-7000-8000-000000000002');
INSERT INTO prod_specs_normalized (product_id, specs, provenance) VALUES ('00000000-0000-7000-8000-00000000000a', '{"qv": {"value": 50}, "qw": {"value": 50}}', '{}');
SELECT is((SELECT consistency FROM pim._consistency('{00000000-0000-7000-8000-00000000000a}')), 0.500, 'half of the values keep the rules');
SELECT is((SELECT violations FROM pim._consistency('{00000000-0000-7000-8000-00000000000a}')), '[{"field": "specs.qw", "rule": "max"}]',
          'rules are inherited, and the nearest category''s counts');

SELECT * FROM finish();
ROLLBACK;
