BEGIN;
SELECT plan(11);

\ir one_record_of_three_sources.psql

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
