BEGIN;
SELECT plan(14);

\ir one_record_of_three_sources.psql

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
