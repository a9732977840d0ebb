BEGIN;
SELECT plan(7);

INSERT INTO prod_sources (id, name, source_type, trust_score, priority)
VALUES ('00000000-0000-7000-8000-00000000000a', 'maker', 'MANUFACTURER', 0.8, 60), ('00000000-0000-7000-8000-00000000000b', 'shop', 'SUPPLIER', 0.5, 50),
       ('00000000-0000-7000-8000-00000000000c', 'scraper', 'SCRAPER', 0.5, 40);
INSERT INTO prod_master (id, internal_sku, canonical_title) VALUES ('00000000-0000-7000-8000-000000000001', 'p1', 'first words');
CREATE FUNCTION pg_temp.say(p_source text, p_field text, p_value jsonb, p_days integer DEFAULT 0) RETURNS uuid LANGUAGE sql AS $f$
    INSERT INTO prod_proposals (product_id, field_path, proposed_value, source_id, confidence_score, observed_at, raw_value)
    SELECT '00000000-0000-7000-8000-000000000001', p_field, p_value, s.id, 0.9, now() - p_days * interval '1 day', to_jsonb(p_value #>> '{}')
      FROM prod_sources AS s WHERE s.name = p_source RETURNING id
$f$;
CREATE FUNCTION pg_temp.decide() RETURNS integer LANGUAGE sql AS $f$ SELECT pim.decide('{00000000-0000-7000-8000-000000000001}') $f$;
CREATE FUNCTION pg_temp.value(p_field text) RETURNS jsonb LANGUAGE sql AS $f$
    SELECT CASE WHEN p_field LIKE 'specs.%' THEN s.specs -> substr(p_field, 7) -> 'value' ELSE s.provenance -> p_field -> 'value' END
      FROM prod_specs_normalized AS s WHERE s.product_id = '00000000-0000-7000-8000-000000000001' AND s.is_current
$f$;
CREATE FUNCTION pg_temp.status(p_field text, p_source text) RETURNS text LANGUAGE sql AS $f$
    SELECT string_agg(p.proposal_status, ', ' ORDER BY p.observed_at) FROM prod_proposals AS p JOIN prod_sources AS s ON s.id = p.source_id
     WHERE p.field_path = p_field AND s.name = p_source
$f$;

SELECT pg_temp.say('maker', 'specs.ports', '["HDMI", "USB-C"]'), pg_temp.say('shop', 'specs.ports', '["usb c", "VGA"]'), pg_temp.say('scraper', 'specs.ports', '"HDMI"');
SELECT pg_temp.say('maker', 'specs.authors', '["Donald E. Knuth", "Ronald L. Graham"]'), pg_temp.say('shop', 'specs.authors', '["Knuth Donald"]'),
       pg_temp.say('scraper', 'specs.authors', '["R. Graham", "John Fuller"]');
SELECT pg_temp.say('shop', 'specs.warnings', '["hot"]'), pg_temp.say('maker', 'specs.warnings', '["sharp"]');
SELECT pg_temp.say('maker', 'specs.size', '[10, 20, 30]'), pg_temp.say('shop', 'specs.size', '[10, 20, 31]');
SELECT pg_temp.decide();
SELECT is(pg_temp.value('specs.ports'), '["HDMI", "USB-C"]', 'each element has its own vote; a single value is a list of one');
SELECT is(pg_temp.status('specs.ports', 'scraper'), 'merged', 'a source that names a part agrees');
SELECT is(pg_temp.status('specs.ports', 'shop'), 'merged', 'one that is right in part is merged');
SELECT is((SELECT review_notes FROM prod_proposals WHERE proposed_value = '["usb c", "VGA"]'), 'taken in part: 1 of 2', 'and told so');
SELECT is(pg_temp.value('specs.authors'), '["Donald E. Knuth", "Ronald L. Graham"]', 'writings of one person are one element');
SELECT is(pg_temp.value('specs.warnings'), '["hot", "sharp"]', 'union: one source is enough');
SELECT is(pg_temp.value('specs.size'), '[10, 20, 30]', 'an array of numbers is one value');

SELECT * FROM finish();
ROLLBACK;
