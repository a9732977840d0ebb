BEGIN;
SELECT plan(92);

SELECT is(normalise.plain_letters(raw), expected, 'plain: ' || raw) FROM (VALUES (' ÎNĂLȚIME  mare', ' inaltime  mare'), ('Straße', 'strasse'), ('', '')) AS t (raw, expected);
SELECT is(normalise.fold(raw), expected, 'folded: ' || raw)
  FROM (VALUES ('  ÎNĂLȚIME   maximă ', 'inaltime maxima'), ('Straße', 'strasse'), ('ﬁne', 'fine'), (E'a\tb', 'a b'), ('', '')) AS t (raw, expected);
SELECT is(normalise.fold(NULL), NULL, 'nothing folds to nothing');
SELECT is(normalise.clean_text(raw), expected, 'clean: ' || raw)
  FROM (VALUES (E'  two \u00a0\n words ', 'two words'), (E'e\u0301te\u0301', 'été'), (E'in\u00advisi\u200bble', 'invisible'), (E' \t ', NULL), ('As It Is', 'As It Is')) AS t (raw, expected);
SELECT is(normalise.name_key(raw), expected, 'name: ' || raw)
  FROM (VALUES ('screenSize', 'screen size'), ('Screen-Size', 'screen size'), ('screen_size', 'screen size'), ('Culoare(i)', 'culoare'), ('Farbe(n)', 'farbe'),
               ('USB 3.0+', 'usb 3 0+'), ('***', '')) AS t (raw, expected);
SELECT is(length(normalise.name_key(repeat('abcd ', 100))), 255, 'a name has at most 255 characters');
SELECT is(normalise.brand_key(raw), expected, 'brand: ' || raw)
  FROM (VALUES ('Robert Bosch GmbH', 'robert bosch'), ('S.C. Arctic S.A.', 'arctic'), ('ACME, Inc.', 'acme'), ('L''Oréal®', 'loreal'), ('Acme™', 'acme'), ('Co.', 'co'), ('Black & Decker', 'black decker')) AS t (raw, expected);
SELECT is(normalise.title(raw), expected, 'title: ' || raw)
  FROM (VALUES ('Țeavă  INOX', 'teava inox'), ('TV 55" LED', 'tv 55in led'), ('Monitor 27-inch', 'monitor 27in'), ('Ecran 15,6 inci', 'ecran 15,6in'),
               ('Brand™ (R) X', 'brand x')) AS t (raw, expected);

SELECT is(normalise.unit_key(raw), expected, 'key of unit: ' || raw)
  FROM (VALUES ('fl. oz.', 'floz'), ('FL_OZ', 'floz'), ('m²', 'm2'), ('µF', 'uf'), ('kΩ', 'kohm'), ('″', '"')) AS t (raw, expected);
SELECT is(normalise.unit(raw, family), expected, 'unit: ' || raw || coalesce(' of ' || family, ''))
  FROM (VALUES ('inches', NULL, 'in'), ('Zoll', NULL, 'in'), ('Kilogramm', NULL, 'kg'), ('kg.', NULL, 'kg'), ('ml', NULL, 'ml'), ('Mbps', 'length', NULL), ('furlongs of joy', NULL, NULL),
               ('W', NULL, 'W'), ('m', 'length', 'm')) AS t (raw, family, expected);
SELECT is(normalise.convert(v, a, b), expected, format('%s %s in %s', v, a, b))
  FROM (VALUES (1, 'in', 'cm', 2.54), (0, 'cm', 'in', 0), (32, 'degF', 'degC', 0), (-40, 'degC', 'degF', -40), (1, 'lb', 'g', 453.59237), (1, 'cm', 'in', 0.3937007874),
               (1, 'cm', 'kg', NULL), (7, 'no such unit', 'no such unit', 7), (7, 'cm', 'no such unit', NULL)) AS t (v, a, b, expected);
SELECT is(normalise.convert(NULL, 'cm', 'in'), NULL, 'no value stays none');

SELECT is(normalise.measure_text(raw, locale), expected, 'measures: ' || raw)
  FROM (VALUES ('5½ in', NULL, '5 1/2 in'), ('10×20×30 cm', NULL, '10 x 20 x 30 cm'), ('1 234,5', NULL, '1234,5'), ('1 234', 'de', '1234'),
               ('1 234', 'en', '1 234'), ('1 234 567', NULL, '1234567'), ('5″', NULL, '5"'), ('5 l/100km', NULL, '5 l_100km')) AS t (raw, locale, expected);
SELECT results_eq($$SELECT before, amount, unit, family FROM normalise.measures('Weight 5 lb 3 oz, 30 cm high')$$,
    $$VALUES ('Weight ', 5::numeric, 'lb', 'mass'), ('', 3, 'oz', 'mass'), (', ', 30, 'cm', 'length')$$, 'all numbers in order with what they measure');
SELECT results_eq($$SELECT amount, unit FROM normalise.measures('1,5 kg', p_locale => 'de')$$, $$VALUES (1.5, 'kg')$$, 'in the spelling of the language');
SELECT results_eq($$SELECT amount, unit FROM normalise.measures('7.2K, 16.7 million', 'rotation')$$, $$VALUES (7200::numeric, NULL), (16700000, NULL)$$, 'thousands and millions are written out');
SELECT is_empty($$SELECT * FROM normalise.measures('G6 U320')$$, 'numbers within words are none');
SELECT is_empty($$SELECT * FROM normalise.measures('')$$, 'nothing measures nothing');
SELECT is_empty($$SELECT * FROM normalise.measures(NULL)$$, 'nor what is not said');
SELECT is((SELECT count(*) FROM normalise.measures(repeat('9 ', 300))), 40::bigint, 'at most forty of the first five hundred characters');
SELECT results_eq($$SELECT amount, unit FROM normalise.measures('30 kg', 'length')$$, $$VALUES (30::numeric, 'kg') LIMIT 0$$, 'what is of another family is left out');

SELECT is(normalise.concepts(raw, locale), expected::text[], 'means: ' || raw)
  FROM (VALUES ('Taille de l''écran', 'fr', '{size,display}'), ('Screen Size', 'en', '{display,size}'), ('Bildschirmgröße', 'de', '{display,size}'), ('Weight (kg)', 'en', '{weight}'), ('Nettogewicht [g]', 'de', '{net,weight}'), ('Frobnications', NULL, '{frobnication}'), ('', NULL, '{}'))
       AS t (raw, locale, expected);
SELECT is(normalise.profile('{}'), NULL, 'no values have no profile');
SELECT is(normalise.profile('{NULL,"  "}'), NULL, 'nor do empty ones');
SELECT is(normalise.profile('{"10 cm","20 cm","30 cm","yes","10 cm"}') - 'words', '{"n": 4, "kinds": {"number": 0.750, "boolean": 0.250}, "families": {"length": 0.750}, "plain": 0.000, "median": 20.0000}'::jsonb,
    'a profile says what kinds of values there are, each counted once');
SELECT is(normalise.profile('{"1920 x 1080"}') -> 'families', '{"pixels": 1.000}', 'two large factors are pixels');
SELECT results_eq($$SELECT (normalise.expected(n)).* FROM unnest('{Screen Size,Weight,Has Bluetooth,Number of Ports,Frobnication}'::text[]) AS n$$,
    $$VALUES (NULL, 'length'), ('number', 'mass'), ('boolean', NULL), ('number', NULL), (NULL, NULL)$$, 'a name says what its values are to be');

SELECT ok(normalise.is_same_person('{jane,doe}', '{j,doe}'), 'an initial may be a name');
SELECT ok(normalise.is_same_person('{j,doe}', '{jane,doe}'), 'either way round');
SELECT ok(NOT normalise.is_same_person('{jane,doe}', '{john,doe}'), 'two names are not');
SELECT ok(NOT normalise.is_same_person('{j,d}', '{j,d}'), 'initials alone are nobody');
SELECT ok(NOT normalise.is_same_person('{}', '{jane}'), 'nor is nothing');

SELECT * FROM finish();
ROLLBACK;
