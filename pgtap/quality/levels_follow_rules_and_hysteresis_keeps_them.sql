BEGIN;
SELECT plan(16);

-- What the sources say is set aside here: the score is the completeness.
INSERT INTO system_config (key, value) VALUES ('quality.weight_accuracy', '0'), ('quality.weight_consistency', '0'), ('quality.weight_completeness', '1');
DELETE FROM prod_quality_fields;
INSERT INTO prod_quality_fields (code, field_paths, weight, is_required) VALUES ('title', '{title}', 60, true), ('brand', '{brand}', 10, false), ('mpn', '{mpn}', 20, false), ('gtin', '{gtin}', 10, false);
INSERT INTO prod_quality_fields (code, channel, field_paths) VALUES ('title', 'shopify', '{title}');
UPDATE prod_quality_rules SET min_score = 0.8, min_completeness = 0, min_accuracy = 0, min_sources = 0, required_fields = '{title}', no_open_conflicts = false WHERE level = 'silver' AND channel IS NULL;
UPDATE prod_quality_rules SET min_score = 0.95, min_completeness = 0, min_accuracy = 0, min_sources = 0, required_fields = '{title}', no_open_conflicts = true WHERE level = 'golden';
INSERT INTO prod_master (id, internal_sku, canonical_title) VALUES ('00000000-0000-7000-8000-00000000000a', 'lv', 'T');
INSERT INTO prod_sources (id, name, source_type) VALUES ('00000000-0000-7000-8000-000000000101', 'lv', 'SUPPLIER');

CREATE FUNCTION pg_temp.score(p_brand text, p_mpn text, p_gtin text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    UPDATE prod_master SET brand = p_brand, mpn = p_mpn, gtin = p_gtin WHERE internal_sku = 'lv';
    PERFORM pim.score(ARRAY(SELECT id FROM prod_master WHERE internal_sku = 'lv'), 'data_change');
    RETURN (SELECT data_quality_level || ' ' || quality_score FROM prod_master WHERE internal_sku = 'lv');
END $f$;
SELECT is(pg_temp.score(NULL, NULL, NULL), 'bronze 0.60', 'too little for silver');
SELECT is(pg_temp.score('B', 'M', NULL), 'silver 0.90', 'enough for silver');
SELECT isnt((SELECT promoted_to_silver_at FROM prod_master WHERE internal_sku = 'lv'), NULL, 'and it is noted when');
SELECT is((SELECT quality_score_breakdown -> 'unmet' FROM prod_master WHERE internal_sku = 'lv'), '{"golden": ["score"]}', 'what keeps it from golden');
SELECT is(pg_temp.score('B', 'M', '05901234123457'), 'golden 1.00', 'all there');
UPDATE prod_quality_fields SET weight = 6 WHERE code = 'gtin';
SELECT is(pg_temp.score('B', 'M', NULL), 'golden 0.94', 'a little less: it keeps the level');
UPDATE prod_quality_fields SET weight = 30 WHERE code = 'gtin';
SELECT is(pg_temp.score('B', 'M', NULL), 'silver 0.75', 'a lot less: it falls, to the level that it is nearly good enough for');
UPDATE prod_quality_fields SET weight = 40 WHERE code = 'gtin';
SELECT is(pg_temp.score('B', 'M', NULL), 'bronze 0.69', 'less still: it falls again');
UPDATE prod_quality_fields SET weight = 22 WHERE code = 'gtin';
SELECT is(pg_temp.score('B', 'M', NULL), 'silver 0.80', 'and rises again');
UPDATE prod_quality_fields SET weight = 28 WHERE code = 'gtin';
SELECT is(pg_temp.score('B', 'M', NULL), 'silver 0.76', 'within the hysteresis');
SELECT is((SELECT quality_score_breakdown -> 'channels' -> 'shopify' -> 'ready' FROM prod_master WHERE internal_sku = 'lv'), 'true', 'a channel takes silver');

UPDATE prod_quality_fields SET weight = 10 WHERE code = 'gtin';
INSERT INTO prod_proposals (product_id, field_path, proposed_value, source_id) VALUES ('00000000-0000-7000-8000-00000000000a', 'specs.colour', '"x"', '00000000-0000-7000-8000-000000000101');
SELECT is(pg_temp.score('B', 'M', '05901234123457'), 'silver 1.00', 'nothing that waits for review is golden');
SELECT is((SELECT review_notes FROM prod_master WHERE internal_sku = 'lv'), 'fields wait: specs.colour', 'and it says why it should be looked at');
INSERT INTO prod_proposals (product_id, field_path, proposed_value, source_id) VALUES ('00000000-0000-7000-8000-00000000000a', 'gtin', '"05901234123457"', '00000000-0000-7000-8000-000000000101');
SELECT is(pg_temp.score('B', 'M', '05901234123457'), 'review_needed 1.00', 'a conflict about what tells products apart needs a person');
DELETE FROM prod_proposals WHERE product_id = '00000000-0000-7000-8000-00000000000a';
SELECT is(pg_temp.score('B', 'M', '05901234123457'), 'golden 1.00', 'when that is settled it is what it was');

INSERT INTO prod_taxonomy (id, name, slug, breadcrumbs) VALUES ('00000000-0000-7000-8000-000000000001', 'L', 'l', '{L}');
INSERT INTO prod_taxonomy (id, parent_id, name, slug, level, breadcrumbs) VALUES ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 'M', 'l-m', 1, '{L,M}');
INSERT INTO prod_quality_rules (level, taxonomy_id, min_sources) VALUES ('golden', '00000000-0000-7000-8000-000000000001', 1), ('silver', '00000000-0000-7000-8000-000000000001', 1);
UPDATE prod_master SET taxonomy_id = '00000000-0000-7000-8000-000000000002' WHERE internal_sku = 'lv';
SELECT is(pg_temp.score('B', 'M', '05901234123457'), 'bronze 1.00', 'the rules of a category above count for those below');

SELECT * FROM finish();
ROLLBACK;
