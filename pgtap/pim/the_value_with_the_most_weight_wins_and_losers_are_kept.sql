BEGIN;
SELECT plan(14);

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

SELECT pg_temp.say('maker', 'brand', '"ACME  Tools"'), pg_temp.say('shop', 'brand', '"acme tools"'), pg_temp.say('scraper', 'brand', '"Emca"');
SELECT pg_temp.say('maker', 'specs.weight', '{"value": 100, "unit": "g"}'), pg_temp.say('shop', 'specs.weight', '{"value": 101.5, "unit": "g"}'),
       pg_temp.say('scraper', 'specs.weight', '{"value": 130, "unit": "g"}');
SELECT pg_temp.say('shop', 'specs.colour', '"red"'), pg_temp.say('scraper', 'specs.colour', '"blue"');
SELECT pg_temp.say('maker', 'specs.stuff', '"1.5 C++"'), pg_temp.say('shop', 'specs.stuff', '"15 C"');
SELECT is(pg_temp.decide(), 1, 'the record gets a version');
SELECT is(pg_temp.value('brand'), '"ACME  Tools"', 'case and spaces aside two say the same; the writing with the most weight is shown');
SELECT is(pg_temp.status('brand', 'maker'), 'approved', 'the winner is approved');
SELECT is(pg_temp.status('brand', 'shop'), 'merged', 'who agrees is merged');
SELECT is(pg_temp.status('brand', 'scraper'), 'rejected', 'who does not is rejected, and kept');
SELECT is((SELECT auto_approved AND reviewed_by IS NULL FROM prod_proposals WHERE proposed_value = '"ACME  Tools"'), true, 'by the rules, not by a person');
SELECT is(pg_temp.value('specs.weight'), '100', 'numbers within the tolerance agree');
SELECT is((SELECT raw_specs -> 'weight' FROM prod_specs_normalized), '"{\"unit\": \"g\", \"value\": 100}"', 'the winner''s own words are kept');
SELECT is(pg_temp.value('specs.stuff'), '"1.5 C++"', '1.5 is not 15, and C++ not C');
SELECT is((SELECT brand::text FROM prod_master), 'ACME  Tools', 'the golden record''s column follows');
SELECT is((SELECT provenance -> 'brand' -> 'alternatives' -> 0 ->> 'value' FROM prod_specs_normalized), 'Emca', 'provenance names what lost');
SELECT is(pg_temp.status('specs.colour', 'shop') || pg_temp.status('specs.colour', 'scraper'), 'pendingpending', 'a tie waits for a person');
SELECT is((SELECT needs_review::text || review_notes FROM prod_master), 'truefields wait: specs.colour', 'and the record says so');
SELECT is(pg_temp.decide(), 0, 'deciding again changes nothing');

SELECT * FROM finish();
ROLLBACK;
