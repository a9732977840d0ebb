BEGIN;
SELECT plan(78);

SELECT is(normalise.value(raw, kind, unit, NULL, locale) -> 'value', expected::jsonb, locale || ': ' || raw)
  FROM (VALUES
    ('up to 5 kg', 'range', 'kg', 'en', '{"max": 5}'),
    ('5 kg max', 'range', 'kg', 'en', '{"max": 5}'),
    ('not more than 5 kg', 'range', 'kg', 'en', '{"max": 5}'),
    ('cel mult 5 kg', 'range', 'kg', 'ro', '{"max": 5}'),
    ('5 kg maxim', 'range', 'kg', 'ro', '{"max": 5}'),
    ('höchstens 5 kg', 'range', 'kg', 'de', '{"max": 5}'),
    ('bis zu 5 kg', 'range', 'kg', 'de', '{"max": 5}'),
    ('jusqu’à 5 kg', 'range', 'kg', 'fr', '{"max": 5}'),
    ('moins de 5 kg', 'range', 'kg', 'fr', '{"max": 5}'),
    ('5 kg máx.', 'range', 'kg', 'es', '{"max": 5}'),
    ('como máximo 5 kg', 'range', 'kg', 'es', '{"max": 5}'),
    ('at least 5 kg', 'range', 'kg', 'en', '{"min": 5}'),
    ('5+ kg', 'range', 'kg', 'en', '{"min": 5}'),
    ('5 kg or more', 'range', 'kg', 'en', '{"min": 5}'),
    ('cel puțin 5 kg', 'range', 'kg', 'ro', '{"min": 5}'),
    ('über 5 kg', 'range', 'kg', 'de', '{"min": 5}'),
    ('mindestens 5 kg', 'range', 'kg', 'de', '{"min": 5}'),
    ('au moins 5 kg', 'range', 'kg', 'fr', '{"min": 5}'),
    ('plus de 5 kg', 'range', 'kg', 'fr', '{"min": 5}'),
    ('al menos 5 kg', 'range', 'kg', 'es', '{"min": 5}'),
    ('mín. 5 kg', 'range', 'kg', 'es', '{"min": 5}'),
    ('5 kg', 'range', 'kg', 'en', '{"min": 5, "max": 5}'),
    ('127…582 cm', 'range', 'mm', 'de', '{"min": 1270, "max": 5820}'),
    ('1.649,5...7.550,11 kWh', 'range', 'kWh', 'es', '{"min": 1649.5, "max": 7550.11}'),
    ('10 ÷ 20 kg', 'range', 'kg', 'ro', '{"min": 10, "max": 20}'),
    ('de 5 a 10 h', 'range', 'h', 'es', '{"min": 5, "max": 10}'),
    ('de 5 à 10 h', 'range', 'h', 'fr', '{"min": 5, "max": 10}'),
    ('de la 5 la 10 kg', 'range', 'kg', 'ro', '{"min": 5, "max": 10}'),
    ('între 5 și 10 kg', 'range', 'kg', 'ro', '{"min": 5, "max": 10}'),
    ('-14°C - 26°C', 'range', 'degC', 'en', '{"min": -14, "max": 26}'),
    ('32°F – 104°F', 'range', 'degC', 'en', '{"min": 0, "max": 40}'),
    ('de moins 5 à 10 °C', 'range', 'degC', 'fr', '{"min": -5, "max": 10}'),
    ('minus 18 °C', 'number', 'degC', 'de', '-18'),
    ('- 18 °C', 'number', 'degC', 'ro', '-18'),
    ('−18 ºC', 'number', 'degC', 'es', '-18'),
    ('- 18 kg', 'number', 'kg', 'en', '18'),
    ('au moins 18 °C', 'number', 'degC', 'fr', '18'),
    ('Ø30 mm', 'number', 'cm', 'de', '3'),
    ('31 ⅞´´', 'number', 'cm', 'es', '80.9625'),
    ('6,1″', 'number', 'in', 'ro', '6.1'),
    ('1h30', 'number', 'min', 'fr', '90'),
    ('2 h 30 m', 'number', 'min', 'en', '150'),
    ('x3', 'number', NULL, 'en', '3'),
    ('25 DE KILOGRAME', 'number', 'kg', 'ro', '25'),
    ('30 pounds-force per square inch', 'number', 'bar', 'en', '2.068427188'),
    ('30 de livre pe inch pătrat', 'number', 'bar', 'ro', '2.068427188'),
    ('W60 x D45 x H80 cm', 'dimensions', 'cm', 'en', '[60, 45, 80]'),
    ('60(W)x45(D)x80(H)mm', 'dimensions', 'mm', 'en', '[60, 45, 80]'),
    ('B: 60,5 x T: 45 x H: 80 cm', 'dimensions', 'mm', 'de', '[605, 450, 800]'),
    ('L60 x P45,5 x H80 in', 'dimensions', 'in', 'fr', '[60, 45.5, 80]'),
    ('An60 x F45 x Al80 m', 'dimensions', 'm', 'es', '[60, 45, 80]'),
    ('L 60 x l 45 x h 80 cm', 'dimensions', 'mm', 'ro', '[600, 450, 800]'),
    ('60 mal 45,5 cm', 'dimensions', 'mm', 'de', '[600, 455]'),
    ('60 por 45 por 80 cm', 'dimensions', 'mm', 'es', '[600, 450, 800]'),
    ('6''2" x 3''1"', 'dimensions', 'in', 'en', '[74, 37]'),
    ('✔️', 'boolean', NULL, 'en', 'true'),
    ('✅', 'boolean', NULL, 'en', 'true'),
    ('☑', 'boolean', NULL, 'en', 'true'),
    ('activé', 'boolean', NULL, 'fr', 'true'),
    ('❌', 'boolean', NULL, 'en', 'false'),
    ('×', 'boolean', NULL, 'en', 'false'),
    ('☐', 'boolean', NULL, 'en', 'false'),
    ('not available', 'boolean', NULL, 'en', 'false')) AS t (raw, kind, unit, locale, expected);
SELECT is(normalise.value('not available', 'string'), NULL, 'what is not available is no text');

SELECT is(normalise.gtin(raw), expected, raw)
  FROM (VALUES ('"4006381333931"', '04006381333931'), ('=''4006381333931''', '04006381333931'), ('(01)04006381333931', '04006381333931'), ('4006381333931;', '04006381333931'),
               ('https://id.gs1.org/01/04006381333931', '04006381333931'), ('Cod bare: 4006381333931', '04006381333931'), ('4006381333931;5901234123457', NULL)) AS t (raw, expected);
SELECT is(normalise._core_field('price', to_jsonb(raw), NULL, locale) ->> 'value', expected, 'price ' || raw)
  FROM (VALUES ('10.99-15.99', 'en', '10.99'), ('10,99–15,99 €', 'de', '10.99'), ('99,– €', 'de', '99'), ('1.299 lei', 'ro', '1299'), ('1 299,90 €', 'fr', '1299.9'),
               ('Rs. 1,299.00', 'en', '1299'), ('-5 lei', 'ro', NULL)) AS t (raw, locale, expected);

SELECT * FROM finish();
ROLLBACK;
