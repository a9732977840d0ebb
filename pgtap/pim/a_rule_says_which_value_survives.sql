BEGIN;
SELECT plan(11);

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

INSERT INTO prod_taxonomy (id, name, slug) VALUES ('00000000-0000-7000-8000-0000000000f1', 'Root', 'root');
INSERT INTO prod_taxonomy (id, parent_id, level, name, slug) VALUES ('00000000-0000-7000-8000-0000000000f2', '00000000-0000-7000-8000-0000000000f1', 1, 'Leaf', 'leaf');
SELECT pg_temp.say('maker', 'specs.a', '10', 5), pg_temp.say('shop', 'specs.a', '20', 3), pg_temp.say('scraper', 'specs.a', '30', 1);
SELECT pg_temp.decide();
SELECT is(pg_temp.value('specs.a'), '10', 'vote: the most weight');
SELECT pim.set_rule('specs.a', NULL, '{"rule": "newest"}', 'test'), pg_temp.decide();
SELECT is(pg_temp.value('specs.a'), '30', 'newest');
SELECT pim.set_rule('specs.a', NULL, '{"rule": "oldest"}', 'test'), pg_temp.decide();
SELECT is(pg_temp.value('specs.a'), '10', 'oldest');
SELECT pim.set_rule('specs.a', NULL, '{"rule": "max"}', 'test'), pg_temp.decide();
SELECT is(pg_temp.value('specs.a'), '30', 'max');
SELECT pim.set_rule('specs.a', NULL, '{"rule": "min"}', 'test'), pg_temp.decide();
SELECT is(pg_temp.value('specs.a'), '10', 'min');
SELECT pim.set_rule('specs.a', NULL, '{"rule": "keep_both", "keep_share": 0.2}', 'test'), pg_temp.decide();
SELECT is(pg_temp.value('specs.a'), '[10, 20, 30]', 'keep_both: all with enough of the weight');
SELECT pim.set_rule('specs.a', NULL, '{"rule": "vote", "half_life_days": 1}', 'test'), pg_temp.decide();
SELECT is(pg_temp.value('specs.a'), '30', 'with a short half-life the newest outweighs a better source');
SELECT pim.set_rule('specs.a', NULL, '{"rule": "vote", "half_life_days": null, "min_confidence": 0.9}', 'test'), pg_temp.decide();
SELECT is(pg_temp.value('specs.a'), NULL, 'below the rule''s confidence there is no value');
SELECT pim.set_rule('specs.a', '00000000-0000-7000-8000-0000000000f1', '{"rule": "max"}', 'test'), pg_temp.decide();
SELECT is(pg_temp.value('specs.a'), NULL, 'a category''s rule is for its products');
SELECT pg_temp.say('maker', 'category', '"leaf"'), pg_temp.decide();
SELECT is(pg_temp.value('specs.a'), '30', 'and for those below it, as soon as the category is decided');
SELECT throws_ok($$SELECT pim.set_rule('specs.a', NULL, '{"rule": "best"}', 'test')$$, '23514', NULL, 'no other rules');

SELECT * FROM finish();
ROLLBACK;
