BEGIN;
SELECT plan(17);

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
