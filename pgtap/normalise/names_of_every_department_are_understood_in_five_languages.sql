BEGIN;
SELECT plan(31);

INSERT INTO neanelu.prod_attr_definitions (code, label, data_type, unit, unit_family)
SELECT 'a' || row_number() OVER (), d.code, CASE WHEN d.family IS NULL THEN 'string' ELSE 'number' END, NULL, d.family
  FROM (VALUES ('Shoe size', NULL), ('Heel height', 'length'), ('Non-stick coating', NULL), ('Grape variety', NULL), ('Sun protection factor', NULL), ('Publisher', NULL),
               ('Binding', NULL), ('Mattress firmness', NULL), ('Cutting width', 'length'), ('Hose length', 'length'), ('Number of pockets', NULL), ('Saturated fat', 'mass'),
               ('Engine displacement', 'volume'), ('Water resistance', NULL)) AS d (code, family);

SELECT is((SELECT d.label::text FROM normalise.attribute_candidates(t.name, t.locale) AS c JOIN neanelu.prod_attr_definitions AS d ON d.id = c.definition_id ORDER BY c.rank LIMIT 1), t.expected, t.locale || ': ' || t.name)
  FROM (VALUES
    ('Mărime pantofi', 'ro', 'Shoe size'), ('MARIME PANTOFI', 'ro', 'Shoe size'), ('Schuhgröße', 'de', 'Shoe size'), ('SCHUHGRÖSSE', 'de', 'Shoe size'),
    ('Pointure', 'fr', 'Shoe size'), ('Talla de calzado', 'es', 'Shoe size'),
    ('Înălțimea tocului', 'ro', 'Heel height'), ('Absatzhöhe', 'de', 'Heel height'), ('Hauteur du talon', 'fr', 'Heel height'),
    ('Antihaftbeschichtung', 'de', 'Non-stick coating'), ('Revêtement antiadhésif', 'fr', 'Non-stick coating'), ('Revestimiento antiadherente', 'es', 'Non-stick coating'),
    ('Soi de struguri', 'ro', 'Grape variety'), ('Rebsorte', 'de', 'Grape variety'), ('Cépages', 'fr', 'Grape variety'),
    ('Lichtschutzfaktor', 'de', 'Sun protection factor'), ('Factor de protección solar', 'es', 'Sun protection factor'),
    ('Editură', 'ro', 'Publisher'), ('Verlag', 'de', 'Publisher'), ('Reliure', 'fr', 'Binding'), ('Encuadernación', 'es', 'Binding'),
    ('Fermitatea saltelei', 'ro', 'Mattress firmness'), ('Schnittbreite', 'de', 'Cutting width'), ('Ancho de corte', 'es', 'Cutting width'),
    ('Schlauchlänge', 'de', 'Hose length'), ('Longitud de la manguera', 'es', 'Hose length'), ('Număr de buzunare', 'ro', 'Number of pockets'),
    ('Acides gras saturés', 'fr', 'Saturated fat'), ('Hubraum', 'de', 'Engine displacement'), ('Résistance à l''eau', 'fr', 'Water resistance')) AS t (name, locale, expected);
-- Of a German compound the end is enough where one attribute has it.
SELECT is((SELECT d.label::text FROM normalise.attribute_candidates('Zwirbelbreite', 'de') AS c JOIN neanelu.prod_attr_definitions AS d ON d.id = c.definition_id ORDER BY c.rank LIMIT 1), 'Cutting width', 'an unknown beginning of a compound does not hide its end');

SELECT * FROM finish();
ROLLBACK;
