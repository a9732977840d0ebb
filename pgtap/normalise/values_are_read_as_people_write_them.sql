BEGIN;
SELECT plan(66);

SELECT is(normalise.number(raw, locale), expected, coalesce(locale, '-') || ': ' || raw)
  FROM (VALUES ('1.234,5', NULL, 1234.5), ('1,234.5', NULL, 1234.5), ('1 234,5', NULL, 1234.5), ('15-1/2', NULL, 15.5), ('5 1/2', NULL, 5.5),
               ('1.5E3', NULL, 1500), ('1.234', 'en', 1.234), ('1.234', 'de', 1234), ('1,234', NULL, 1234), ('1,234', 'ro', 1.234), ('0,5', 'en', 0.5),
               ('1.234.567', NULL, 1234567), ('.5', NULL, 0.5), ('1/0', NULL, NULL), ('twelve', NULL, NULL), ('1,2,', NULL, NULL)) AS t (raw, locale, expected);

SELECT is(normalise.value(raw, kind, unit, family, locale)::text, expected, raw)
  FROM (VALUES
    ('15-1/2"', 'number', 'cm', NULL, NULL, '{"unit": "cm", "value": 39.37}'),
    ('5½ in', 'number', 'cm', NULL, NULL, '{"unit": "cm", "value": 13.97}'),
    ('7'' 6"', 'number', 'cm', NULL, NULL, '{"unit": "cm", "value": 228.6}'),
    ('5 lb 3 oz', 'number', 'g', NULL, NULL, '{"unit": "g", "value": 2353.01041938}'),
    ('40-lb', 'number', 'kg', NULL, NULL, '{"unit": "kg", "value": 18.1436948}'),
    ('3,5 kilograme', 'number', 'g', NULL, 'ro', '{"unit": "g", "value": 3500}'),
    ('20 de inchi', 'number', 'cm', NULL, 'ro', '{"unit": "cm", "value": 50.8}'),
    ('2,5 Zoll', 'number', 'mm', NULL, 'de', '{"unit": "mm", "value": 63.5}'),
    ('12 pouces', 'number', 'cm', NULL, 'fr', '{"unit": "cm", "value": 30.48}'),
    ('12 pulgadas', 'number', 'cm', NULL, 'es', '{"unit": "cm", "value": 30.48}'),
    ('98.6 °F', 'number', 'degC', NULL, NULL, '{"unit": "degC", "value": 37}'),
    ('1 h 30 min', 'number', 'min', NULL, NULL, '{"unit": "min", "value": 90}'),
    ('300 cd/m²', 'number', 'cd_m2', NULL, NULL, '{"unit": "cd_m2", "value": 300}'),
    ('250 nits', 'number', 'cd_m2', NULL, NULL, '{"unit": "cd_m2", "value": 250}'),
    ('12 fl. oz.', 'number', 'ml', NULL, NULL, '{"unit": "ml", "value": 354.8823548}'),
    ('5 in', 'number', 'g', NULL, NULL, NULL),
    ('16 GB', 'number', NULL, 'data', NULL, '{"unit": "GB", "value": 16}'),
    ('7.2K', 'number', NULL, 'rotation', NULL, '{"value": 7200}'),
    ('16.7 million', 'number', NULL, NULL, NULL, '{"value": 16700000}'),
    ('Dual Port', 'number', NULL, NULL, NULL, '{"value": 2}'),
    ('G6', 'number', NULL, NULL, NULL, NULL),
    ('10-20 cm', 'number', 'cm', NULL, NULL, '{"unit": "cm", "value": 20}'),
    ('10-20 cm', 'range', 'mm', NULL, NULL, '{"unit": "mm", "value": {"max": 200, "min": 100}}'),
    ('10 to 20', 'range', 'cm', NULL, NULL, '{"unit": "cm", "value": {"max": 20, "min": 10}}'),
    ('-20 bis 60 °C', 'range', 'degC', NULL, 'de', '{"unit": "degC", "value": {"max": 60, "min": -20}}'),
    ('56Hz - 76Hz', 'range', 'Hz', NULL, NULL, '{"unit": "Hz", "value": {"max": 76, "min": 56}}'),
    ('până la 300 W', 'range', 'W', NULL, 'ro', '{"unit": "W", "value": {"max": 300}}'),
    ('10 x 20 x 30 cm', 'dimensions', 'mm', NULL, NULL, '{"unit": "mm", "value": [100, 200, 300]}'),
    ('24"W x 36"D x 10"H', 'dimensions', 'cm', NULL, NULL, '{"axes": "WDH", "unit": "cm", "value": [60.96, 91.44, 25.4]}'),
    ('1920×1080', 'dimensions', 'px', NULL, NULL, '{"unit": "px", "value": [1920, 1080]}'),
    ('12 cm', 'dimensions', 'cm', NULL, NULL, NULL),
    ('Da', 'boolean', NULL, NULL, NULL, '{"value": true}'),
    ('Nein', 'boolean', NULL, NULL, NULL, '{"value": false}'),
    ('Yes, 2 x HDMI', 'boolean', NULL, NULL, NULL, '{"value": true}'),
    ('purple', 'boolean', NULL, NULL, NULL, NULL),
    ('HDMI, VGA; DVI, hdmi', 'list', NULL, NULL, NULL, '{"value": ["HDMI", "VGA", "DVI"]}'),
    ('n/a', 'string', NULL, NULL, NULL, NULL),
    ('Nespecificat', 'string', NULL, NULL, NULL, NULL),
    (E'  two \u00a0 words ', 'string', NULL, NULL, NULL, '{"value": "two words"}'),
    ('', 'string', NULL, NULL, NULL, NULL)) AS t (raw, kind, unit, family, locale, expected);

SELECT is(normalise.value('30', 'number', 'cm', NULL, 'en', NULL, 'in') ->> 'value', '76.2', 'a number without unit has the source''s');
SELECT is(normalise.value('30 mm', 'number', 'cm', NULL, 'en', NULL, 'in') ->> 'value', '3', 'one with unit keeps its own');
SELECT is(normalise.value(raw, 'enum', NULL, NULL, NULL, '["black", "white", {"code": "grey", "labels": {"ro": ["antracit mat"]}}]') ->> 'value', expected, raw)
  FROM (VALUES ('Black', 'black'), ('Noir', 'black'), ('Weiß', 'white'), ('Antracit Mat', 'grey'), ('matt black', 'black'), ('tartan', NULL)) AS t (raw, expected);
SELECT ok(normalise.is_same_brand('S.C. Arctic S.A.', 'ARCTIC'), 'legal forms and case make no other brand');
SELECT is(normalise.brand('Robert Bosch GmbH'), 'Bosch', 'an alias is written as it is to be');

SELECT * FROM finish();
ROLLBACK;
