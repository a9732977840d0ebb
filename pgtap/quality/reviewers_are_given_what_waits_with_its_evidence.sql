BEGIN;
SELECT plan(26);

INSERT INTO prod_taxonomy (id, parent_id, name, slug, level, breadcrumbs) VALUES
  ('00000000-0000-7000-8000-000000000001', NULL, 'Audio', 'audio', 0, '{Audio}'),
  ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 'Headphones', 'audio-headphones', 1, '{Audio,Headphones}');
INSERT INTO prod_sources (id, name, source_type, trust_score) VALUES
  ('00000000-0000-7000-8000-000000000101', 'rv1', 'SUPPLIER', 0.5), ('00000000-0000-7000-8000-000000000102', 'rv2', 'SUPPLIER', 0.5);
INSERT INTO prod_master (id, internal_sku, canonical_title, brand, taxonomy_id) VALUES
  ('00000000-0000-7000-8000-00000000000a', 'rv-a', 'A', 'Old', '00000000-0000-7000-8000-000000000002'), ('00000000-0000-7000-8000-00000000000b', 'rv-b', 'B', NULL, NULL);
INSERT INTO prod_proposals (id, product_id, field_path, proposed_value, source_id, confidence_score, priority, raw_value) VALUES
  ('00000000-0000-7000-8000-000000000301', '00000000-0000-7000-8000-00000000000a', 'brand', '"Sony"', '00000000-0000-7000-8000-000000000101', 0.9, 60, '"SONY"'),
  ('00000000-0000-7000-8000-000000000302', '00000000-0000-7000-8000-00000000000a', 'brand', '"Philips"', '00000000-0000-7000-8000-000000000102', 0.9, 59, '"PHILIPS"'),
  ('00000000-0000-7000-8000-000000000303', '00000000-0000-7000-8000-00000000000b', 'mpn', '"X1"', '00000000-0000-7000-8000-000000000101', 0.9, 40, NULL);
CREATE FUNCTION pg_temp.next(p_name text, p_filter jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $f$
    SELECT (SELECT right(c.item_id::text, 3) FROM pim.claim_reviews(pim.reviewer(p_name), p_filter) AS c) $f$;

SELECT is((SELECT array_agg(right(item_id::text, 3)) FROM pim.review_queue()), '{301,302,303}', 'what matters most comes first');
SELECT is((SELECT array_agg(right(item_id::text, 3)) FROM pim.review_queue('{"category": "audio"}')), '{301,302}', 'of a category and those below');
SELECT is((SELECT array_agg(right(item_id::text, 3)) FROM pim.review_queue('{"source": "rv2"}')), '{302}', 'of a source');
SELECT is((SELECT array_agg(right(item_id::text, 3)) FROM pim.review_queue('{"field": "mpn"}')), '{303}', 'for a field');
SELECT is((SELECT array_agg(right(item_id::text, 3)) FROM pim.review_queue('{"min_priority": 60}')), '{301}', 'that matters so much');
SELECT is((SELECT array_agg(right(item_id::text, 3)) FROM pim.review_queue('{"product": "00000000-0000-7000-8000-00000000000b"}')), '{303}', 'of a product');
SELECT is((SELECT count(*) FROM pim.review_queue('{"kind": "cluster"}')), 0::bigint, 'of a kind');

SELECT is(pg_temp.next('Ana'), '301', 'Ana gets the first');
SELECT is(pg_temp.next('Ana'), '301', 'asking again she gets the same');
SELECT is(pg_temp.next('Ben'), '303', 'Ben gets what is of another field: rivals are Ana''s, too');
SELECT is(pg_temp.next('Cid'), NULL, 'nothing is left for Cid');
SELECT is((SELECT claimed_by FROM pim.review_queue('{"min_priority": 60}')), 'Ana', 'the queue says who looks at it');
SELECT throws_ok($$SELECT pim.decide_review('proposal', '00000000-0000-7000-8000-000000000301', 'approve', pim.reviewer('Ben'))$$, 'NQ005', NULL, 'Ben cannot decide what Ana looks at');
UPDATE prod_review_claims SET claimed_at = claimed_at - interval '1 hour', expires_at = expires_at - interval '1 hour' WHERE item_id = '00000000-0000-7000-8000-000000000303';
SELECT is(pg_temp.next('Cid'), '303', 'when Ben''s time is over, Cid gets it');
SELECT pim.release_review('proposal', '00000000-0000-7000-8000-000000000303', pim.reviewer('Cid'), true);
SELECT is(pg_temp.next('Cid'), NULL, 'what Cid passed over Cid does not get again');
SELECT is(pg_temp.next('Ben'), '303', 'others do');

SELECT is(pim.review_item('proposal', '00000000-0000-7000-8000-000000000301') -> 'proposed' ->> 'raw', 'SONY', 'the evidence has what the source wrote');
SELECT is(pim.review_item('proposal', '00000000-0000-7000-8000-000000000301') -> 'product' ->> 'title', 'A', 'the product');
SELECT is(jsonb_array_length(pim.review_item('proposal', '00000000-0000-7000-8000-000000000301') -> 'story' -> 'votes'), 2, 'and all votes');
SELECT throws_ok($$SELECT pim.review_item('proposal', '00000000-0000-7000-8000-0000000003ff')$$, 'NQ004', NULL, 'no such item');

SELECT lives_ok($$SELECT pim.decide_review('proposal', '00000000-0000-7000-8000-000000000301', 'approve', pim.reviewer('Ana'), 'on the box')$$, 'Ana approves');
SELECT is((SELECT brand FROM prod_master WHERE internal_sku = 'rv-a'), 'Sony', 'and the value is in force');
SELECT isnt((SELECT last_quality_check FROM prod_master WHERE internal_sku = 'rv-a'), NULL, 'and the product scored');
SELECT throws_ok($$SELECT pim.decide_review('proposal', '00000000-0000-7000-8000-000000000301', 'reject', pim.reviewer('Ana'))$$, 'NQ004', NULL, 'it does not wait any more');
SELECT is((SELECT decision FROM pim.undo_review_decision(pim.reviewer('Ana'))), 'approve', 'Ana takes it back');
SELECT throws_ok($$SELECT pim.undo_review_decision(pim.reviewer('Ana'))$$, 'NQ006', NULL, 'once');

SELECT * FROM finish();
ROLLBACK;
