BEGIN;
SELECT plan(37);

INSERT INTO prod_attr_definitions (code, label, data_type, unit, unit_family) VALUES
  ('screen_size', 'Screen size', 'number', 'cm', 'length'), ('response_time', 'Response time', 'number', 'ms', 'duration'),
  ('weight', 'Weight', 'number', 'kg', 'mass'), ('package_weight', 'Package weight', 'number', 'kg', 'mass'), ('has_vga_port', 'Has VGA port', 'boolean', NULL, NULL),
  ('vga_port_quantity', 'VGA port quantity', 'number', NULL, NULL), ('colour', 'Colour', 'string', NULL, NULL);

CREATE FUNCTION pg_temp.first(p_name text, p_examples text[] DEFAULT NULL, p_unit text DEFAULT NULL) RETURNS text LANGUAGE sql AS $f$
    SELECT code FROM normalise.attribute_candidates(p_name, NULL, p_unit, p_examples, 1)
$f$;
SELECT is(pg_temp.first(name), code, name)
  FROM (VALUES ('Screen-Size', 'screen_size'), ('screenSize', 'screen_size'), ('Taille de l''écran', 'screen_size'), ('Bildschirmgröße', 'screen_size'),
               ('Mărimea ecranului', 'screen_size'), ('Tamaño de pantalla', 'screen_size'), ('Greutate', 'weight'), ('Verpackungsgewicht', 'package_weight'),
               ('Peso del paquete (kg)', 'package_weight'), ('Culoare', 'colour'), ('Farbe', 'colour'), ('Temps de réponse', 'response_time'), ('qwertz', NULL)) AS t (name, code);
SELECT is(pg_temp.first('VGA', '{Yes,No}'), 'has_vga_port', 'yes and no speak for the boolean');
SELECT is(pg_temp.first('VGA', '{1,2,3}'), 'vga_port_quantity', 'numbers for the quantity');
SELECT is((SELECT method || ' ' || score FROM normalise.attribute_candidates('weight')  LIMIT 1), 'code 1.0000', 'a code is certain');

-- A source's names are decided once and remembered.
INSERT INTO prod_sources (id, name, source_type) VALUES ('00000000-0000-7000-8000-0000000000d1', 'one', 'SUPPLIER'), ('00000000-0000-7000-8000-0000000000d2', 'two', 'SUPPLIER');
SELECT results_eq($$SELECT name, code, decision FROM normalise.map_attributes('00000000-0000-7000-8000-0000000000d1', '{Gewicht,Diagonale,qwertz}',
    '{"Gewicht": ["5 kg"], "Diagonale": ["15 cm", "20 cm"]}', 'de') ORDER BY name$$,
    $$VALUES ('Diagonale', 'screen_size'::text, 'proposed'), ('Gewicht', 'weight', 'applied'), ('qwertz', NULL, 'unknown')$$, 'certain names are applied, near ones proposed')
  FROM (SELECT normalise.add_synonym('screen_size', 'Diagonal length')) AS s;
SELECT is((SELECT count(*) FROM prod_attr_synonyms WHERE NOT is_approved), 1::bigint, 'a proposal is a synonym that is not in force');
SELECT lives_ok($$SELECT * FROM normalise.map_attributes('00000000-0000-7000-8000-0000000000d2', '{Diagonale}', '{"Diagonale": ["15 cm"]}', 'de')$$, 'another source says so too');
SELECT is((SELECT normalise.review_mapping(mapping_id, 'approve') FROM normalise.review_mappings(1)), 'screen_size', 'a person approves');
SELECT is((SELECT count(*) FROM prod_attr_mappings WHERE name = 'Diagonale' AND decision = 'applied'), 2::bigint, 'and the other source''s name is mapped with it');
SELECT is(pg_temp.first('diagonale'), 'screen_size', 'for everybody from now on');
INSERT INTO prod_attr_definitions (code, label, data_type) VALUES ('qwertz', 'Qwertz', 'string');
SELECT is((SELECT decision FROM normalise.map_attributes('00000000-0000-7000-8000-0000000000d1', '{qwertz}')), 'applied', 'what was unknown is tried again when there are new attributes');

-- A unit at the end of a name is no part of its meaning, but that of its plain numbers.
SELECT is(normalise.concepts(name), concepts, 'name with a unit: ' || name)
  FROM (VALUES ('Length in cm', '{length}'::text[]), ('Länge, in cm', '{length}'), ('Greutate în kg', '{weight}'), ('Poids en g', '{weight}'), ('Weight (g)', '{weight}'), ('Video in', '{video,input}')) AS t (name, concepts);
SELECT results_eq($$SELECT name, code FROM normalise.map_attributes('00000000-0000-7000-8000-0000000000d2', '{Weight (g),Gewicht}', '{"Weight (g)": ["500"]}') ORDER BY name$$,
    $$VALUES ('Gewicht', 'weight'::text), ('Weight (g)', 'weight')$$, 'with and without');
SELECT is((SELECT jsonb_object_agg(name, source_unit) FROM prod_attr_mappings WHERE source_id = '00000000-0000-7000-8000-0000000000d2' AND name LIKE '%e%w%t%' OR name = 'Weight (g)'),
    '{"Gewicht": null, "Weight (g)": "g"}', 'the source''s unit is remembered');
SELECT is(normalise.value(raw, 'number', 'kg', 'mass', 'en', NULL, said) ->> 'value', expected, raw || ' where the name says ' || said)
  FROM (VALUES ('500', 'g', '0.5'), ('2 kg', 'g', '2'), ('500', 'cm', '500')) AS t (raw, said, expected);
SELECT is(normalise.value('A4 (210 x 297 mm)', 'dimensions', 'mm') -> 'value', '[210, 297]', 'a format of paper is no side');
SELECT throws_ok($$SELECT normalise.add_synonym('nothing', 'x')$$, 'NN001');
SELECT throws_ok($$SELECT normalise.review_mapping(uuidv7(), 'approve')$$, 'NN003');

SELECT * FROM finish();
ROLLBACK;
