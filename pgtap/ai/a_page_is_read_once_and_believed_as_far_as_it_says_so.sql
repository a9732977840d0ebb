BEGIN;
SELECT plan(38);

SELECT ai.set_budget('openai', 100);
INSERT INTO prod_sources (id, name, source_type) VALUES ('00000000-0000-7000-8000-0000000000d1', 'web', 'SCRAPER');
INSERT INTO prod_raw_harvest (id, source_id, source_url, raw_html, content_hash)
SELECT ('00000000-0000-7000-8000-0000000000f' || n)::uuid, '00000000-0000-7000-8000-0000000000d1', 'https://a.example/' || n, '<p>' || n, repeat(n::text, 64) FROM generate_series(1, 4) AS n;
CREATE FUNCTION pg_temp.x(p_n integer) RETURNS uuid LANGUAGE sql AS $f$ SELECT id FROM ai_extractions WHERE harvest_id = ('00000000-0000-7000-8000-0000000000f' || p_n)::uuid $f$;
CREATE FUNCTION pg_temp.states() RETURNS text LANGUAGE sql AS $f$
    SELECT string_agg(right(harvest_id::text, 1) || ' ' || status || coalesce(' ' || error_code, ''), ', ' ORDER BY harvest_id) FROM ai_extractions
$f$;

-- Pages.
SELECT is((SELECT ai.request_extraction(array_agg(id), array_agg(fetched_at)) FROM prod_raw_harvest), 4, 'four pages are to be read');
SELECT is((SELECT pages FROM ai.outlook('openai')), 4::bigint, 'the outlook says so');
SELECT is((SELECT count(*) FROM ai.claim_pages(3)), 3::bigint, 'a daemon gets three');
SELECT results_eq('SELECT url, raw_html FROM ai.claim_pages()', $$VALUES ('https://a.example/4', '<p>4')$$, 'another one the last');
SELECT is_empty('SELECT * FROM ai.claim_pages()', 'then there are none');
UPDATE ai_extractions SET lease_expires_at = clock_timestamp() - interval '1 second', attempts = CASE WHEN id = pg_temp.x(4) THEN 5 ELSE attempts END;
SELECT is((SELECT count(*) FROM ai.claim_pages()), 3::bigint, 'of a daemon that is gone they can be had again');
SELECT is(pg_temp.states(), '1 requested, 2 requested, 3 requested, 4 failed NT109', 'but not for ever');

-- Questions.
SELECT throws_ok($$SELECT ai.queue_extractions(ARRAY[pg_temp.x(1)], '{}', 'openai', 'gpt-4.1-mini')$$, 'NT006', NULL, 'a page has a text');
SELECT throws_ok($$SELECT ai.queue_extractions(NULL, NULL, 'openai', 'gpt-4.1-mini')$$, 'NT006', NULL, 'nothing is no page');
SELECT throws_ok($$SELECT ai.queue_extractions(ARRAY[pg_temp.x(1)], '{x}', 'openai', 'none')$$, 'NT001', NULL, 'a model must be there');
SELECT is(ai.queue_extractions(ARRAY[pg_temp.x(1), pg_temp.x(2), pg_temp.x(3)], ARRAY['Brand: Acme', 'Brand: Acme', ' '], 'openai', 'gpt-4.1-mini', p_linger => '1 hour'), 2, 'two pages are asked about');
SELECT is(ai.queue_extractions(ARRAY[pg_temp.x(1)], ARRAY['Brand: Acme'], 'openai', 'gpt-4.1-mini'), 0, 'once');
SELECT is(pg_temp.states(), '1 queued, 2 queued, 3 failed NT110, 4 failed NT109', 'one has no text');
SELECT is((SELECT count(*) FROM ai_batch_items), 1::bigint, 'the same text is one question');
SELECT is(ai.take_extraction((SELECT id FROM ai_batch_items)), 0, 'there is no answer yet');
SELECT is(ai.take_extraction(uuidv7()), 0, 'nor to what nobody asked');

-- Answers.
SELECT is(ai.close_batches('openai'), 1, 'a batch need not wait for more');
SELECT is(ai.close_batches('openai'), 0, 'which is said once');
CREATE TEMP TABLE claimed AS SELECT * FROM ai.claim_batch('openai', 'tap');
SELECT results_eq('SELECT batch_type, status, requests, leased_by FROM ai.list_batches()', $$VALUES ('extraction', 'submitting', 1, 'tap')$$, 'the batch is under way');
SELECT is_empty($$SELECT * FROM ai.list_batches('{failed}')$$, 'and has not failed');
SELECT is((SELECT count(*) FROM claimed, ai.list_batches(p_batch_id => claimed.batch_id)), 1::bigint, 'it is found by its id');
SELECT results_eq($$SELECT submitting, items_waiting FROM ai.metrics() WHERE batch_type = 'extraction'$$, 'VALUES (1::bigint, 1::bigint)', 'and counted');
SELECT is((SELECT count(*) FROM ai.metrics()), 4::bigint, 'with all kinds of batches');
SELECT ai.record_submitted(batch_id, token, 'batch_1', now() + interval '1 day', '0') FROM claimed;
UPDATE claimed SET token = (SELECT c.token FROM ai.claim_batch('openai', 'tap') AS c);
SELECT ai.record_poll(batch_id, token, '{"status": "completed", "output_file_id": "f"}') FROM claimed;
SELECT is((SELECT ai.take_results(c.batch_id, c.token, ARRAY[i.custom_id], '{200}', ARRAY[jsonb_build_object('usage', '{"prompt_tokens": 10, "completion_tokens": 5}'::jsonb, 'choices',
    jsonb_build_array(jsonb_build_object('finish_reason', 'stop', 'message', jsonb_build_object('content',
        '{"fields": [{"name": "brand", "value": "Acme", "snippet": "Brand: Acme", "confidence": 0.9}, {"name": "mpn", "value": "X1", "snippet": "nowhere", "confidence": 0.9}], "attributes": []}'))))::text], ARRAY[NULL]::text[])
    FROM claimed AS c, ai_batch_items AS i), 1, 'the answer comes');
SELECT is(pg_temp.states(), '1 completed, 2 completed, 3 failed NT110, 4 failed NT109', 'for both pages');
SELECT is((SELECT array_agg(DISTINCT extracted_specs ->> 'brand') FROM prod_extraction_sessions), '{Acme}', 'what the page says is read');
SELECT is((SELECT array_agg(DISTINCT r ->> 'code') FROM ai_extractions, jsonb_array_elements(refused) AS r), '{NT112}', 'what it does not say is refused');
SELECT is((SELECT sum(tokens_used) FROM prod_extraction_sessions), 15::bigint, 'it was paid once');
SELECT is(ai.take_extraction((SELECT id FROM ai_batch_items)), 0, 'an answer is taken once');
SELECT bag_eq('SELECT status, error_code, pages FROM ai.extraction_report()', $$VALUES ('completed', NULL, 2::bigint), ('failed', 'NT109', 1), ('failed', 'NT110', 1)$$, 'the report has all pages');

-- The end of a batch.
SELECT throws_ok('SELECT ai.retry_batch(batch_id) FROM claimed', 'NT005', NULL, 'a batch that runs is not asked again');
SELECT ai.finish_batch(batch_id, token) FROM claimed;
SELECT is((SELECT ai.retry_batch(batch_id) FROM claimed), 0, 'nor what was answered');
SELECT throws_ok('SELECT ai.retry_batch(uuidv7())', 'NT004', NULL, 'nor what is not there');
SELECT throws_ok('SELECT ai.cancel_batch(batch_id) FROM claimed', 'NT005', NULL, 'what has ended is not cancelled');
SELECT is(ai.purge(), '{"texts": 0, "batches": 0}', 'what is young is kept');
UPDATE ai_extractions SET done_at = now() - interval '15 days';
UPDATE ai_batches SET updated_at = now() - interval '91 days';
SELECT is(ai.purge(), '{"texts": 2, "batches": 1}', 'texts go after two weeks, batches after three months');
SELECT is(ai.purge(), '{"texts": 0, "batches": 0}', 'once');
SELECT is((SELECT count(*) FROM prod_extraction_sessions), 2::bigint, 'what was read stays');

SELECT * FROM finish();
ROLLBACK;
