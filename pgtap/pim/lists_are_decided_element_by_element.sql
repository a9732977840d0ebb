BEGIN;
SELECT plan(7);

\ir one_record_of_three_sources.psql

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
