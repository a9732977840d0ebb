BEGIN;
SELECT plan(9);

INSERT INTO prod_attr_definitions (code, label, data_type) SELECT 'q_' || n, 'Q ' || n, 'string' FROM unnest('{a,b,c,d}'::text[]) AS n;
INSERT INTO prod_taxonomy (id, parent_id, name, slug, level, breadcrumbs, attribute_schema) VALUES
  ('00000000-0000-7000-8000-000000000001', NULL, 'Q', 'q', 0, '{Q}', '{"q_a": {"required": true}, "q_b": {"weight": 1}, "q_d": {"weight": 9}}'),
  ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 'R', 'q-r', 1, '{Q,R}', '{"q_c": {"weight": 5, "channels": ["google"]}, "q_d": null}');
INSERT INTO prod_master (id, internal_sku, canonical_title, brand, gtin, taxonomy_id) VALUES
  ('00000000-0000-7000-8000-00000000000a', 'q-a', 'Full', 'B', '05901234123457', '00000000-0000-7000-8000-000000000002'),
  ('00000000-0000-7000-8000-00000000000b', 'q-b', 'Bare', NULL, NULL, '00000000-0000-7000-8000-000000000002'),
  ('00000000-0000-7000-8000-00000000000c', 'q-c', 'No category', NULL, NULL, NULL);
INSERT INTO prod_specs_normalized (product_id, specs, provenance) VALUES
  ('00000000-0000-7000-8000-00000000000a', '{"q_a": {"value": "x"}, "q_b": {"value": "y"}}',
   '{"description": {"value": "Long"}, "image": {"value": "https://i"}}'),
  ('00000000-0000-7000-8000-00000000000b', '{"q_a": {"value": null}}', '{}');

CREATE FUNCTION pg_temp.c(p_sku text) RETURNS TABLE (completeness numeric, missing text[], channels jsonb, locales jsonb) LANGUAGE sql AS $f$
    SELECT c.completeness, c.missing, c.channels, c.locales FROM prod_master AS m CROSS JOIN LATERAL pim._completeness(ARRAY[m.id]) AS c WHERE m.internal_sku = p_sku
$f$;
SELECT is((SELECT completeness FROM pg_temp.c('q-a')), 1.000, 'all fields and the attributes of the category and those above are there');
SELECT is((SELECT missing FROM pg_temp.c('q-a')), '{}', 'nothing is missing');
SELECT is((SELECT completeness FROM pg_temp.c('q-b')), round((3 + 2) / (3 + 2 + 2 + 2 + 2 + 1 + 2 + 1.0), 3), 'title and category only: by weight; null is no value');
SELECT is((SELECT missing[1:4] FROM pg_temp.c('q-b')), '{brand,identifier,specs.q_a,description}', 'what is required and heavy comes first');
SELECT is((SELECT (channels -> 'google' ->> 'completeness')::numeric FROM pg_temp.c('q-a')), round(11 / 16.0, 3), 'an attribute that a channel asks for counts there, and nowhere else');
SELECT is((SELECT channels -> 'google' -> 'missing' FROM pg_temp.c('q-b')), '["brand", "description", "identifier", "image"]', 'what a channel requires and misses');
SELECT is((SELECT completeness FROM pg_temp.c('q-c')), round(3 / 12.0, 3), 'a product of no category is held against the general fields');
SELECT is((SELECT locales FROM pg_temp.c('q-a')), '{}', 'no languages are asked for by default');

INSERT INTO system_config (key, value) VALUES ('quality.locales', '["ro", "en"]');
INSERT INTO prod_translations (product_id, locale, title, translation_source, is_stale) VALUES ('00000000-0000-7000-8000-00000000000a', 'en', 'Full', 'ai', false);
SELECT is((SELECT jsonb_build_array(locales -> 'ro' -> 'completeness', locales -> 'en' -> 'completeness', locales -> 'en' -> 'missing') FROM pg_temp.c('q-a')),
          '[1.000, 0.600, ["description"]]', 'texts count in a further language by their translations');

SELECT * FROM finish();
ROLLBACK;
