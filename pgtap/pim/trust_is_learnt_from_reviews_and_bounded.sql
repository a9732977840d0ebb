BEGIN;
SELECT plan(11);

\ir one_record_of_three_sources.psql

INSERT INTO prod_master (internal_sku, canonical_title) SELECT 'q' || g, 'q' FROM generate_series(1, 30) AS g;
INSERT INTO prod_proposals (product_id, field_path, proposed_value, source_id, confidence_score)
SELECT m.id, 'brand', to_jsonb(s.name), s.id, 0.9 FROM prod_master AS m, prod_sources AS s WHERE m.internal_sku LIKE 'q%' AND s.name IN ('maker', 'shop');
SELECT pim.decide(ARRAY(SELECT id FROM prod_master));
SELECT is(pim.learn_trust(), 0, 'two voices that contradict each other teach nothing');
SELECT count(pim.review_proposal(p.id, 'approve')) FROM prod_proposals AS p JOIN prod_sources AS s ON s.id = p.source_id WHERE s.name = 'shop';
SELECT is(pim.learn_trust(), 2, 'reviews do');
SELECT is((SELECT trust_score FROM prod_sources WHERE name = 'shop'), 0.88, '(10 x 0.5 + 30) / 40');
SELECT is((SELECT trust_score FROM prod_sources WHERE name = 'maker'), 0.20, '(10 x 0.8 + 0) / 40');
SELECT is((SELECT reviewed_right || ' ' || reviewed_wrong FROM prod_source_trust AS t JOIN prod_sources AS s ON s.id = t.source_id WHERE s.name = 'maker'), '0 30', 'counted');
SELECT matches((SELECT explanation FROM prod_source_trust AS t JOIN prod_sources AS s ON s.id = t.source_id WHERE s.name = 'shop'),
               '30 of 30 reviewed values right', 'and said');
SELECT is(pim.learn_trust(), 0, 'learning again changes nothing');
SELECT pim.pin_trust('00000000-0000-7000-8000-00000000000a', 0.9);
SELECT is(pim.learn_trust(), 0, 'a pinned source keeps its trust');
SELECT is((SELECT trust_score FROM prod_sources WHERE name = 'maker'), 0.90, 'as pinned');
SELECT count(pim.undo_review(p.id)) FROM prod_proposals AS p WHERE p.reviewed_at IS NOT NULL AND EXISTS (SELECT FROM prod_field_decisions AS d WHERE d.proposal_id = p.id);
SELECT pim.learn_trust();
SELECT is((SELECT trust_score FROM prod_sources WHERE name = 'shop'), 0.50, 'reviews taken back are forgotten');
SELECT throws_ok($$SELECT pim.pin_trust('00000000-0000-7000-8000-00000000000a', 2)$$, 'NC009', NULL, 'no trust beyond 1');

SELECT * FROM finish();
ROLLBACK;
