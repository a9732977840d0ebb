BEGIN;
SELECT plan(30);

-- Models.
SELECT results_eq($$SELECT m.provider::text, m.model::text FROM ai.models() AS m WHERE m.kind = 'embedding'$$, $$VALUES ('openai', 'text-embedding-3-large'), ('openai', 'text-embedding-3-small')$$, 'models are listed by kind and name');
SELECT ai.set_model('tap', 'm1', 'chat', 2, 8);
SELECT results_eq($$SELECT input_price, batch_input_price, batch_output_price, max_input_tokens, max_batch_requests, is_active FROM ai.models() AS m WHERE m.provider = 'tap'$$,
    'VALUES (2::numeric, 2::numeric, 8::numeric, 100000, 50000, true)', 'a model is added; a batch costs the same if nobody says less');
SELECT ai.set_model('tap', 'm1', 'chat', 2, 8, 1, 4, 5000, 2);
SELECT ai.set_model('tap', 'm1', 'chat', 3, 8, 1, 4);
SELECT results_eq($$SELECT input_price, batch_input_price, max_input_tokens, max_batch_requests FROM ai.models() AS m WHERE m.provider = 'tap'$$, 'VALUES (3::numeric, 1::numeric, 5000, 2)', 'it is changed; limits that are not named stay');
SELECT throws_ok($$SELECT ai.set_model('tap', 'm1', 'chat', -1)$$, '23514', NULL, 'no price is negative');
SELECT throws_ok($$SELECT ai.set_model('tap', 'm1', 'poem', 1)$$, '23514', NULL, 'there are no other kinds');

-- Batches.
SELECT ai.set_budget('tap', 10);
CREATE FUNCTION pg_temp.ask(p_n integer) RETURNS void LANGUAGE sql AS $f$
    SELECT ai.add_items('enrichment', 'tap', 'm1', '/v1/x', 'product', ARRAY[uuidv7()], ARRAY[jsonb_build_object('n', p_n)], NULL, '0')
$f$;
CREATE TEMP TABLE claimed (batch_id uuid, token uuid, step text);
CREATE FUNCTION pg_temp.claim() RETURNS text LANGUAGE sql AS $f$
    DELETE FROM pg_temp.claimed; INSERT INTO pg_temp.claimed SELECT batch_id, token, step FROM ai.claim_batch('tap', 'w'); SELECT step FROM pg_temp.claimed
$f$;
SELECT pg_temp.ask(1), pg_temp.ask(2);
SELECT is((SELECT row(batches, held_back)::text FROM ai.outlook('tap')), '(1,0)', 'a batch is to be sent');
SELECT is(pg_temp.claim(), 'submit', 'who has it sends it');
SELECT throws_ok($$SELECT ai.release_batch(batch_id, gen_random_uuid(), '0') FROM claimed$$, 'NT003', NULL, 'who has it not cannot give it back');
SELECT throws_ok($$SELECT ai.release_batch(uuidv7(), gen_random_uuid(), '0')$$, 'NT004', NULL, 'nor what is not there');
SELECT ai.release_batch(batch_id, token, '1 hour', 'NT021 no answer') FROM claimed;
SELECT is(pg_temp.claim(), NULL, 'given back it rests');
SELECT is((SELECT error FROM ai.list_batches()), 'NT021 no answer', 'and says why');
UPDATE ai_batch_runs SET next_step_at = clock_timestamp();
SELECT isnt(pg_temp.claim(), NULL, 'then it goes on');
SELECT throws_ok($$SELECT ai.fail_batch(batch_id, gen_random_uuid(), 'NT030', 'x') FROM claimed$$, 'NT003', NULL, 'who has it not cannot say that it failed');
SELECT ai.fail_batch(batch_id, token, 'NT030', 'try later', '0', false) FROM claimed;
SELECT bag_eq('SELECT status, requests FROM ai.list_batches()', $$VALUES ('failed', 2), ('pending', 2)$$, 'what failed for now is asked in another batch');
SELECT isnt(pg_temp.claim(), NULL, 'which can be had');
SELECT ai.fail_batch(batch_id, token, 'NT030', 'never', p_is_permanent => true) FROM claimed;
SELECT bag_eq('SELECT status, requests FROM ai.list_batches()', $$VALUES ('failed', 2), ('failed', 2)$$, 'what failed for good is not');
SELECT is((SELECT count(*) FROM claimed AS c, ai.batch_errors(c.batch_id) AS e WHERE e.status = 'failed' AND e.error LIKE '%never%'), 2::bigint, 'each request says so');
SELECT is((SELECT count(*) FROM claimed AS c, ai.batch_errors(c.batch_id, 1)), 1::bigint, 'no more of them than asked for');
SELECT is_empty('SELECT * FROM ai.batch_errors(uuidv7())', 'none of what is not there');
SELECT is((SELECT ai.retry_batch(batch_id) FROM claimed), 2, 'a person may have them asked again');
SELECT is((SELECT ai.retry_batch(batch_id) FROM claimed), 0, 'once');
SELECT is((SELECT count(*) FROM ai.list_batches('{pending}')), 1::bigint, 'in a new batch');

SELECT is((SELECT ai.cancel_batch(b.batch_id) FROM ai.list_batches('{pending}') AS b), 'cancelled', 'what was not sent is cancelled at once');
SELECT is_empty($$SELECT * FROM ai.list_batches('{pending}')$$, 'then nothing waits');
SELECT throws_ok('SELECT ai.cancel_batch(uuidv7())', 'NT004', NULL, 'what is not there cannot be');
SELECT pg_temp.ask(3);
SELECT pg_temp.claim();
SELECT ai.record_submitted(batch_id, token, 'batch_2', now() + interval '1 day', '1 hour') FROM claimed;
SELECT is((SELECT ai.cancel_batch(batch_id) FROM claimed), 'cancelling', 'of what was sent the provider is told');
SELECT is((SELECT ai.cancel_batch(batch_id) FROM claimed), 'cancelling', 'again is no harm');
SELECT is(pg_temp.claim(), 'cancel', 'by the daemon, at once');

-- Without a budget.
SELECT pg_temp.ask(4);
SELECT ai.release_batch(batch_id, token, '1 hour') FROM claimed;
SELECT is(pg_temp.claim(), 'submit', 'another batch');
SELECT ai.release_batch(batch_id, token, '1 hour', 'NT002 no budget') FROM claimed;
SELECT is((SELECT row(batches, held_back)::text FROM ai.outlook('tap')), '(1,1)', 'one that has no budget is held back');

SELECT * FROM finish();
ROLLBACK;
