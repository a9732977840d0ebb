BEGIN;
SELECT plan(15);

INSERT INTO prod_sources (id, name, source_type, trust_score) VALUES ('00000000-0000-7000-8000-000000000101', 'nk1', 'SUPPLIER', 0.5), ('00000000-0000-7000-8000-000000000102', 'nk2', 'SUPPLIER', 0.5);
INSERT INTO prod_attr_definitions (id, code, label, data_type, unit, unit_family) VALUES
  ('00000000-0000-7000-8000-000000000201', 'screen_size', 'Screen size', 'number', 'cm', 'length'), ('00000000-0000-7000-8000-000000000202', 'depth', 'Depth', 'number', 'cm', 'length');
INSERT INTO prod_attr_mappings (id, source_id, name_key, name, definition_id, decision, score, method, candidates, examples) VALUES
  ('00000000-0000-7000-8000-000000000301', '00000000-0000-7000-8000-000000000101', normalise.name_key('Diag'), 'Diag', '00000000-0000-7000-8000-000000000201', 'proposed', 0.7, 'similar',
   '[{"code": "depth", "score": 0.6}, {"code": "screen_size", "score": 0.7}]', '["0.5 m", "big"]'),
  ('00000000-0000-7000-8000-000000000302', '00000000-0000-7000-8000-000000000102', normalise.name_key('Diag'), 'Diag', '00000000-0000-7000-8000-000000000202', 'proposed', 0.5, 'similar', '[]', '[]');
INSERT INTO prod_master (id, internal_sku, canonical_title) VALUES
  ('00000000-0000-7000-8000-00000000000a', 'nk-a', 'A'), ('00000000-0000-7000-8000-00000000000b', 'nk-b', 'B'), ('00000000-0000-7000-8000-00000000000c', 'nk-c', 'C');
INSERT INTO prod_similarity_matches (id, product_id, source_id, source_url, similarity_score, match_method, match_details) VALUES
  ('00000000-0000-7000-8000-000000000401', '00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-000000000101', 'u1', 0.6, 'title_fuzzy', '{"decided_for": "00000000-0000-7000-8000-00000000000b"}'),
  ('00000000-0000-7000-8000-000000000402', '00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-000000000102', 'u2', 0.4, 'title_fuzzy', '{"decided_for": "no id"}'),
  ('00000000-0000-7000-8000-000000000403', '00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-000000000102', 'u3', 0.3, 'title_fuzzy', '{"decided_for": "00000000-0000-7000-8000-00000000000c"}');
CREATE FUNCTION pg_temp.queue(p_filter jsonb) RETURNS text[] LANGUAGE sql AS $f$ SELECT array_agg(right(item_id::text, 3) ORDER BY priority DESC, item_id) FROM pim.review_queue(p_filter) $f$;

SELECT is(pg_temp.queue('{}'), '{301,401,302,402,403}', 'names and pairs wait, the likeliest first');
SELECT is(pg_temp.queue('{"kind": "synonym", "source": "nk2"}'), '{302}', 'names of a source');
SELECT is(pg_temp.queue('{"field": "screen_size"}'), '{301}', 'of an attribute');
SELECT is(pg_temp.queue('{"product": "00000000-0000-7000-8000-00000000000b"}'), '{401}', 'pairs of a product, from either side');
SELECT is(pg_temp.queue('{"category": "nothing"}'), NULL, 'of a category that there is not');
INSERT INTO prod_dedupe_clusters (id, cluster_type, match_criteria, canonical_product_id, member_count, confidence_score)
VALUES ('00000000-0000-7000-8000-000000000501', 'FUZZY', '{}', '00000000-0000-7000-8000-00000000000a', 2, 0.3);
INSERT INTO prod_dedupe_cluster_members (cluster_id, product_id, similarity_score, is_canonical) VALUES
  ('00000000-0000-7000-8000-000000000501', '00000000-0000-7000-8000-00000000000a', 1, true), ('00000000-0000-7000-8000-000000000501', '00000000-0000-7000-8000-00000000000c', 0.3, false);
SELECT is(pg_temp.queue('{"kind": "match"}'), '{401,402}', 'what a cluster asks about is not asked twice');
SELECT matching.link('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000000b', 'cannot');
SELECT is(pg_temp.queue('{"kind": "match"}'), '{402}', 'nor what somebody answered already');
SELECT matching.link('00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000000b', 'none');

SELECT is((SELECT jsonb_path_query_array(pim.review_item('synonym', '00000000-0000-7000-8000-000000000301'), '$.candidates[*].code')), '["screen_size", "depth"]', 'the proposed meaning comes first');
SELECT is(pim.review_item('synonym', '00000000-0000-7000-8000-000000000301') #> '{candidates,0,values}', '[{"raw": "0.5 m", "value": {"unit": "cm", "value": 50}}, {"raw": "big"}]',
  'with what the values become, and which cannot be read');
SELECT is(pim.review_item('match', '00000000-0000-7000-8000-000000000401') -> 'other' ->> 'title', 'B', 'a pair has both records');
SELECT is(pim.review_kind('00000000-0000-7000-8000-000000000401') || pim.review_kind('00000000-0000-7000-8000-000000000301'), 'matchsynonym', 'ids tell kinds');

SELECT throws_ok($$SELECT pim.decide_review('match', '00000000-0000-7000-8000-000000000401', 'approve', pim.reviewer('Ana'), NULL, 'depth')$$, 'NQ012', NULL, 'pairs mean no attribute');
SELECT throws_ok($$SELECT pim.decide_review('synonym', '00000000-0000-7000-8000-000000000301', 'approve', pim.reviewer('Ana'), NULL, 'nothing')$$, 'NN001', NULL, 'nor do names mean what there is not');
SELECT pim.decide_review('synonym', '00000000-0000-7000-8000-000000000301', 'approve', pim.reviewer('Ana'));
SELECT is((SELECT array_agg(decision ORDER BY id) FROM prod_attr_mappings), '{applied,applied}', 'a name that is approved is approved for all sources that wait');
SELECT pim.undo_review_decision(pim.reviewer('Ana'));
SELECT is((SELECT array_agg(decision || score ORDER BY id) FROM prod_attr_mappings), '{proposed0.7000,proposed0.5000}', 'and waits for all when that is taken back');

SELECT * FROM finish();
ROLLBACK;
