-- From pending to its end: only who holds the lease moves a batch, and each call can be made again.
BEGIN;
SELECT plan(24);

SELECT ai.set_budget('openai', 10);
CREATE TEMPORARY TABLE seen (name text, id uuid, token uuid);
INSERT INTO seen (name, id)
SELECT 'item', i FROM unnest(ai.add_items('enrichment', 'openai', 'gpt-4.1-mini', '/v1/chat/completions', 'product',
    ARRAY[uuidv7(), uuidv7(), uuidv7()], ARRAY['{"n": 1}', '{"n": 2}', '{"n": 1}']::jsonb[], NULL, '0')) AS i;
SELECT is((SELECT count(DISTINCT id) FROM seen), 2::bigint, 'the same input is one item');
SELECT is((SELECT request_count FROM neanelu.ai_batches), 2, 'of one batch');
SELECT is((ai.add_items('enrichment', 'openai', 'gpt-4.1-mini', '/v1/chat/completions', 'product', ARRAY[uuidv7()], ARRAY['{"n": 2}']::jsonb[]))[1] IN (SELECT id FROM seen),
          true, 'asked again it is the item that there is');
SELECT throws_ok($$ SELECT ai.add_items('enrichment', 'openai', 'gpt-4.1-mini', '/v1/x', 'product', ARRAY[uuidv7()], '{}'::jsonb[]) $$, 'NT006', NULL, 'bodies are in pairs with what they are about');
SELECT throws_ok($$ SELECT ai.add_items('enrichment', 'openai', 'none', '/v1/x', 'product', ARRAY[uuidv7()], ARRAY['{}']::jsonb[]) $$, 'NT001', NULL, 'an unknown model is not asked');

CREATE TEMPORARY TABLE claimed AS SELECT * FROM ai.claim_batch('openai', 'first');
SELECT is((SELECT step FROM claimed), 'submit', 'a full or old enough batch is to be submitted');
SELECT is((SELECT status FROM neanelu.ai_batches)::text, 'submitting', 'which stands in the database before anything is sent');
SELECT ok((SELECT estimated_cost FROM neanelu.ai_batches) > 0, 'with what it can cost');
SELECT is_empty($$ SELECT * FROM ai.claim_batch('openai', 'second') $$, 'nobody else gets it meanwhile');
SELECT throws_ok($$ SELECT ai.record_submitted(batch_id, gen_random_uuid(), 'batch_1', NULL) FROM claimed $$, 'NT003', NULL, 'or may say anything about it');
SELECT throws_ok($$ SELECT ai.extend_batch(uuidv7(), gen_random_uuid()) $$, 'NT004', NULL, 'a batch that is not there is told');

UPDATE neanelu.ai_batch_runs SET lease_expires_at = clock_timestamp();
SELECT is((SELECT step FROM ai.claim_batch('openai', 'second')), 'recover', 'after a crash the next one looks whether it was sent');
SELECT throws_ok($$ SELECT ai.record_upload(batch_id, token, 'file-1') FROM claimed $$, 'NT003', NULL, 'the first one comes too late');
UPDATE claimed SET token = (SELECT lease_token FROM neanelu.ai_batch_runs);
SELECT is((SELECT count(*) FROM claimed AS c, ai.batch_lines(c.batch_id, c.token)), 2::bigint, 'the requests are still all there');
SELECT lives_ok($$ SELECT ai.record_submitted(batch_id, token, 'batch_1', now() + interval '1 day', '0') FROM claimed $$, 'it is submitted');
UPDATE claimed SET token = (SELECT token FROM ai.claim_batch('openai', 'third'));
SELECT throws_ok($$ SELECT ai.finish_batch(batch_id, token) FROM claimed $$, 'NT005', NULL, 'it has not ended before the provider says so');
SELECT throws_ok($$ SELECT ai.record_poll(batch_id, token, '{"status": "odd"}') FROM claimed $$, 'NT006', NULL, 'an unknown status is no news');
SELECT is((SELECT ai.record_poll(batch_id, token, '{"status": "expired", "output_file_id": "file-2"}') FROM claimed), 'take', 'answers are there to be taken');

CREATE FUNCTION pg_temp.take() RETURNS integer LANGUAGE sql AS $$
    SELECT ai.take_results(c.batch_id, c.token, ARRAY[i.custom_id, 'unknown'], ARRAY[200, 200], ARRAY['{"usage": {"prompt_tokens": 10, "completion_tokens": 5}}', '{}'], ARRAY[NULL, NULL]::text[])
      FROM claimed AS c, (SELECT custom_id FROM neanelu.ai_batch_items ORDER BY id LIMIT 1) AS i $$;
SELECT is(pg_temp.take(), 1, 'an answer ends its item, what nobody asked for is left out');
SELECT is(pg_temp.take(), 0, 'the same answer again changes nothing');
SELECT is((SELECT total_tokens FROM neanelu.ai_batches), 15, 'tokens count once');
SELECT is((SELECT ai.finish_batch(batch_id, token) FROM claimed), 'expired', 'the batch is at its end');
SELECT results_eq($$ SELECT status::text, request_count, completed_count, error_count FROM neanelu.ai_batches ORDER BY id $$,
                  $$ VALUES ('expired', 2, 1, 1), ('pending', 1, 0, 0) $$, 'what was not executed waits in another one');
SELECT results_eq($$ SELECT tokens_input, tokens_output, request_count FROM neanelu.api_usage_log $$, $$ VALUES (10, 5, 1) $$, 'what it cost is recorded once');

SELECT * FROM finish();
ROLLBACK;
