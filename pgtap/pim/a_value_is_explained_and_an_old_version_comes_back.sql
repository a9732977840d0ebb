BEGIN;
SELECT plan(17);

\ir one_record_of_three_sources.psql

INSERT INTO prod_attr_definitions (code, label, data_type) VALUES ('colour', 'Colour', 'string');
SELECT pg_temp.say('maker', 'title', '"Old title"', 9), pg_temp.say('shop', 'specs.colour', '"red"', 9), pg_temp.decide();
CREATE TEMP TABLE moment AS SELECT clock_timestamp() AS at;
SELECT pim.set_value('00000000-0000-7000-8000-000000000001', 'title', '"New title"', NULL, 'shorter');
SELECT pg_temp.say('maker', 'specs.colour', '"green"'), pg_temp.decide();
SELECT is((SELECT count(*) || ' ' || count(*) FILTER (WHERE is_current) || ' ' || max(version) FROM prod_specs_normalized), '3 1 3', 'three versions, one current');
SELECT is(pim.as_of('00000000-0000-7000-8000-000000000001', (SELECT at FROM moment)) #>> '{fields,title}', 'Old title', 'the record as it was');
SELECT is(pim.as_of('00000000-0000-7000-8000-000000000001', (SELECT at FROM moment)) #>> '{specs,colour,value}', 'red', 'its attributes too');
SELECT is(pim.as_of('00000000-0000-7000-8000-000000000001', '2020-01-01'), NULL, 'nothing before its first version');
SELECT is(x ->> 'value', 'New title', 'explain: the value') FROM pim.explain('00000000-0000-7000-8000-000000000001', 'title') AS x;
SELECT is(x #>> '{decisions,0,notes}', 'shorter', 'what a person said') FROM pim.explain('00000000-0000-7000-8000-000000000001', 'title') AS x;
SELECT is(x #>> '{votes,0,source}', 'maker', 'who voted') FROM pim.explain('00000000-0000-7000-8000-000000000001', 'specs.colour') AS x;
SELECT is((x #>> '{votes,0,weight}')::numeric, 0.72, 'with which weight') FROM pim.explain('00000000-0000-7000-8000-000000000001', 'specs.colour') AS x;
SELECT is(jsonb_array_length(x -> 'history'), 2, 'when it changed') FROM pim.explain('00000000-0000-7000-8000-000000000001', 'specs.colour') AS x;
SELECT matches(x #>> '{rule,reason}', 'Sheets round', 'by which rule and why') FROM pim.explain('00000000-0000-7000-8000-000000000001', 'specs.colour') AS x;
SELECT is(pim.explain(uuidv7(), 'title'), NULL, 'nothing about nothing');
SELECT is(pim.restore('00000000-0000-7000-8000-000000000001', 1), 4, 'restoring makes a new version');
SELECT is(pg_temp.value('title')::text || pg_temp.value('specs.colour'), '"Old title""red"', 'with the old values');
SELECT pg_temp.say('scraper', 'specs.colour', '"green"'), pg_temp.decide();
SELECT is(pg_temp.value('specs.colour'), '"red"', 'that stick');
SELECT pim.release_field('00000000-0000-7000-8000-000000000001', 'specs.colour');
SELECT is(pg_temp.value('specs.colour'), '"green"', 'until the field is let go');
SELECT throws_ok($$SELECT pim.restore('00000000-0000-7000-8000-000000000001', 99)$$, 'NC006', NULL, 'no such version');
SELECT throws_ok($$SELECT pim.set_value('00000000-0000-7000-8000-000000000001', 'specs.nothing', '1')$$, 'NC007', NULL, 'no such attribute');

SELECT * FROM finish();
ROLLBACK;
