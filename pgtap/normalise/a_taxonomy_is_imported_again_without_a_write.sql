BEGIN;
SELECT plan(17);

CREATE FUNCTION pg_temp.import(p_json text, p_most numeric DEFAULT 0.2) RETURNS text LANGUAGE sql AS $f$
    SELECT format('%s made, %s changed, %s gone, %s same', inserted, updated, deactivated, unchanged) FROM pim.import_taxonomy(p_json::jsonb, p_most)
$f$;
SELECT is(pg_temp.import('[{"id": "g/a", "path": ["Home"], "attributes": ["color", "3d-glasses-type"]}, {"id": "g/a-1", "path": ["Home", "Lamps"]},
    {"id": "g/a-1-1", "path": ["Home", "Lamps", "Desk Lamps"]}, {"id": "g/b", "path": ["Toys & Games"]}]'), '4 made, 0 changed, 0 gone, 0 same', 'four are made');
SELECT is(pg_temp.import('[{"id": "g/a", "path": ["Home"], "attributes": ["color", "3d-glasses-type"]}, {"id": "g/a-1", "path": ["Home", "Lamps"]},
    {"id": "g/a-1-1", "path": ["Home", "Lamps", "Desk Lamps"]}, {"id": "g/b", "path": ["Toys & Games"]}]'), '0 made, 0 changed, 0 gone, 4 same', 'the same again writes nothing');
SELECT results_eq($$SELECT name::text, level, slug::text, breadcrumbs FROM prod_taxonomy WHERE shopify_taxonomy_id = 'g/a-1-1'$$,
    $$VALUES ('Desk Lamps', 2, 'home-lamps-desk-lamps', '{Home,Lamps,Desk Lamps}'::text[])$$, 'level, slug and breadcrumbs');
SELECT is((SELECT slug::text FROM prod_taxonomy WHERE shopify_taxonomy_id = 'g/b'), 'toys-and-games', 'signs become words');

UPDATE prod_taxonomy SET attribute_schema = '{"wattage": {"required": true, "weight": 2}}' WHERE shopify_taxonomy_id = 'g/a-1';
UPDATE prod_taxonomy SET attribute_schema = '{"wattage": {"weight": 5}, "a_3d_glasses_type": null}' WHERE shopify_taxonomy_id = 'g/a-1-1';
SELECT is(pim.attribute_schema((SELECT id FROM prod_taxonomy WHERE shopify_taxonomy_id = 'g/a-1')),
    '{"color": {"required": false}, "a_3d_glasses_type": {"required": false}, "wattage": {"required": true, "weight": 2}}', 'demands are inherited');
SELECT is(pim.attribute_schema((SELECT id FROM prod_taxonomy WHERE shopify_taxonomy_id = 'g/a-1-1')),
    '{"color": {"required": false}, "wattage": {"required": true, "weight": 5}}', 'the nearer category wins, setting by setting; null takes away');
SELECT is(pim.attribute_schema(uuidv7()), '{}', 'no category demands nothing');

SELECT is(pg_temp.import('[{"id": "g/a", "path": ["House"], "attributes": ["color"]}, {"id": "g/a-1", "path": ["House", "Lamps"]},
    {"id": "g/a-1-1", "path": ["House", "Lamps", "Desk Lamps"]}]'), '0 made, 3 changed, 1 gone, 0 same', 'a renamed root changes those below it; what is missing goes');
SELECT is((SELECT is_active FROM prod_taxonomy WHERE shopify_taxonomy_id = 'g/b'), false, 'it is deactivated, not deleted');
SELECT is((SELECT slug::text FROM prod_taxonomy WHERE shopify_taxonomy_id = 'g/a-1'), 'home-lamps', 'slugs stay');
SELECT is((SELECT attribute_schema FROM prod_taxonomy WHERE shopify_taxonomy_id = 'g/a'), '{"color": {"imported": true, "required": false}}', 'attributes follow the file');
SELECT is((SELECT attribute_schema FROM prod_taxonomy WHERE shopify_taxonomy_id = 'g/a-1'), '{"wattage": {"required": true, "weight": 2}}', 'those of people stay');

SELECT throws_ok($$SELECT pim.import_taxonomy('{}')$$, 'NX001');
SELECT throws_ok($$SELECT pim.import_taxonomy('[{"id": "x", "path": ["A"]}, {"id": "x", "path": ["B"]}]')$$, 'NX002');
SELECT throws_ok($$SELECT pim.import_taxonomy('[{"id": "x", "path": ["A", "B"]}]')$$, 'NX003');
SELECT lives_ok($$SELECT pim.import_taxonomy((SELECT jsonb_agg(jsonb_build_object('id', 'n' || g, 'path', jsonb_build_array('N' || g))) FROM generate_series(1, 60) AS g))$$);
SELECT throws_ok($$SELECT pim.import_taxonomy('[{"id": "n1", "path": ["N1"]}]')$$, 'NX004');

SELECT * FROM finish();
ROLLBACK;
