BEGIN;
SELECT plan(24);

SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}');
CREATE TEMP TABLE run AS
SELECT c.* FROM (SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products')) AS r, sync.claim_run('tap') AS c;
CREATE FUNCTION pg_temp.poll(p_operation jsonb) RETURNS text LANGUAGE sql AS $$ SELECT sync.record_poll(id, lease_token, p_operation) FROM run $$;

SELECT ok(sync.reserve_operation(id, lease_token), 'a slot is reserved') FROM run;
SELECT ok(sync.reserve_operation(id, lease_token), 'twice') FROM run;
SELECT lives_ok($$SELECT sync.record_operation(id, lease_token, 'gid://shopify/BulkOperation/1', '2026-11-01T00:00:00Z') FROM run$$, 'the operation is noted');
SELECT is(pg_temp.poll('{"status":"CREATED","objectCount":"0"}'), 'wait', 'created');
SELECT is(pg_temp.poll('{"status":"RUNNING","objectCount":"1200"}'), 'wait', 'running');
SELECT is((SELECT records_processed FROM bulk_runs), 1200, 'with what Shopify counted so far');
SELECT is(pg_temp.poll('{"status":"CANCELING"}'), 'wait', 'canceling');
SELECT is(pg_temp.poll('{"status":"EXPIRED","objectCount":"5"}'), 'lost', 'expired');
SELECT is(pg_temp.poll('{"status":"FAILED","errorCode":"TIMEOUT"}'), 'lost', 'failed without data');
SELECT is(pg_temp.poll('{"status":"CANCELED"}'), 'lost', 'canceled without data');
SELECT is(pg_temp.poll('{"status":"COMPLETED","objectCount":"5","url":null}'), 'lost', 'completed with objects but without a file');
SELECT throws_ok($$SELECT pg_temp.poll('{"status":"SINGING"}')$$, 'NS030', NULL, 'a status that we do not know');
SELECT throws_ok($$SELECT pg_temp.poll('{}')$$, 'NS030', NULL, 'or none');

SELECT is(pg_temp.poll('{"status":"FAILED","partialDataUrl":"https://x/1?sig=1","objectCount":"9","fileSize":"900"}'), 'download', 'failed with data');
SELECT results_eq($$SELECT is_partial, objects_expected, bytes_expected FROM bulk_runs$$, $$VALUES (true, NULL::bigint, NULL::bigint)$$,
                  'which are partial, and promise nothing');
SELECT is(pg_temp.poll('{"status":"CANCELED","url":"https://x/1?sig=1"}'), 'download', 'canceled with data');
SELECT ok((SELECT is_partial FROM bulk_runs), 'which are partial as well');
SELECT is(pg_temp.poll('{"status":"COMPLETED","url":"https://x/2?sig=1","objectCount":"57","rootObjectCount":"10","fileSize":"9007199254740993"}'),
          'download', 'completed');
SELECT results_eq($$SELECT is_partial, objects_expected, roots_expected, bytes_expected, result_url FROM bulk_runs$$,
                  $$VALUES (false, 57::bigint, 10::bigint, 9007199254740993, 'https://x/2?sig=1')$$, 'whole, with what the file must have, exactly');
SELECT is(pg_temp.poll('{"status":"completed","url":null,"objectCount":"0"}'), 'empty', 'completed without anything, in the webhook''s spelling');

SELECT lives_ok($$SELECT sync.record_artifact(id, lease_token, '/spool/1', 'https://x/2?sig=secret') FROM run$$, 'the file is noted');
SELECT is((SELECT url FROM bulk_artifacts), 'https://x/2', 'without the signature of its URL');
SELECT is((SELECT metadata ? 'url' FROM bulk_steps WHERE step_name = 'poll'), false, 'nor is it among the facts of the step');
SELECT throws_ok($$SELECT sync.close_load(id, lease_token, 10, 57, 10, '{"Product":57}', 0, 0, repeat('0', 64), 0) FROM run, (SELECT pg_temp.poll('{"status":"COMPLETED","url":"u","objectCount":"58","rootObjectCount":"10","fileSize":"10"}')) AS p$$,
                 'NS042', NULL, 'a file with a line less than announced is refused');

SELECT * FROM finish();
ROLLBACK;
