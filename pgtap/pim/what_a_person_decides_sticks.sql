BEGIN;
SELECT plan(22);

\ir one_record_of_three_sources.psql

SELECT pg_temp.say('maker', 'brand', '"Acme"'), pg_temp.say('shop', 'brand', '"Emca"');
SELECT pg_temp.decide();
SELECT is(pg_temp.value('brand'), '"Acme"', 'before: the most weight');
CREATE TEMP TABLE ids AS SELECT p.id, p.proposed_value #>> '{}' AS said FROM prod_proposals AS p;
GRANT SELECT ON ids TO neanelu_pim_editor;
SET LOCAL ROLE neanelu_pim_editor;
SELECT isnt(pim.review_proposal((SELECT id FROM ids WHERE said = 'Emca'), 'approve', '00000000-0000-7000-8000-0000000000e1', 'I know'), NULL, 'an editor approves the other');
RESET ROLE;
SELECT is(pg_temp.value('brand'), '"Emca"', 'it is in force');
SELECT is(pg_temp.status('brand', 'shop'), 'approved', 'approved');
SELECT is((SELECT reviewed_by::text || auto_approved FROM prod_proposals WHERE proposed_value = '"Emca"'), '00000000-0000-7000-8000-0000000000e1false', 'by a person');
SELECT is(pg_temp.status('brand', 'maker'), 'rejected', 'what lost is kept');
SELECT is((SELECT provenance -> 'brand' ->> 'reviewer' FROM prod_specs_normalized WHERE is_current), '00000000-0000-7000-8000-0000000000e1', 'provenance names the reviewer');
UPDATE prod_field_decisions SET decided_at = decided_at - interval '1 hour';
UPDATE prod_proposals SET created_at = created_at - interval '2 hours';
SELECT pg_temp.say('scraper', 'brand', '"Acme"'), pg_temp.decide();
SELECT is(pg_temp.value('brand'), '"Emca"', 'later votes do not overwrite it');
SELECT is(pg_temp.status('brand', 'scraper'), 'pending', 'they raise a new proposal');
SELECT isnt((SELECT expires_at FROM prod_proposals WHERE proposal_status = 'pending'), NULL, 'that lapses one day');
UPDATE prod_proposals SET expires_at = now() - interval '1 day' WHERE proposal_status = 'pending';
SELECT is(pim.expire_proposals(), 1, 'it lapses');
SELECT pg_temp.decide();
SELECT is(pg_temp.status('brand', 'scraper'), 'rejected', 'and does not come back');
SELECT isnt(pim.undo_review((SELECT id FROM ids WHERE said = 'Emca')), NULL, 'the review is taken back');
SELECT is(pg_temp.value('brand'), '"Acme"', 'and the votes decide again');
SELECT throws_ok(format('SELECT pim.undo_review(%L)', (SELECT id FROM ids WHERE said = 'Emca')), 'NC004', NULL, 'there is nothing more to take back');
SELECT pim.review_proposal((SELECT id FROM ids WHERE said = 'Acme'), 'reject');
SELECT is(pg_temp.value('brand'), '"Emca"', 'a rejected value has no vote');
SELECT is(pg_temp.status('brand', 'scraper'), 'rejected', 'from whichever source');
SELECT pim.review_proposal((SELECT id FROM ids WHERE said = 'Acme'), 'approve');
SELECT is(pg_temp.value('brand'), '"Acme"', 'a person may change their mind');
SELECT pim.undo_review((SELECT id FROM ids WHERE said = 'Acme'));
SELECT is(pg_temp.value('brand'), '"Emca"', 'and take that back: it is rejected again');
SELECT throws_ok($$SELECT pim.review_proposal(uuidv7(), 'approve')$$, 'NC001', NULL, 'no such proposal');
SELECT throws_ok(format('SELECT pim.review_proposal(%L, %L)', (SELECT id FROM ids WHERE said = 'Acme'), 'maybe'), 'NC005', NULL, 'no such decision');
SELECT is((SELECT count(*) FROM audit_logs WHERE entity_type = 'prod_field_decisions' AND action = 'INSERT'), 3::bigint, 'decisions are audited');

SELECT * FROM finish();
ROLLBACK;
