BEGIN;
SELECT plan(13);

SELECT shops.register(id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}')
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com')) AS s (id, domain);
CREATE FUNCTION pg_temp.shop() RETURNS uuid LANGUAGE sql RETURN '00000000-0000-7000-8000-0000000000a1'::uuid;
SELECT jobs.enqueue(q, 'tap', pg_temp.shop(), '{"n": 1}', p_dedupe_key => 'k') FROM unnest(ARRAY['sync', 'ai', 'bulk']) AS q;
SELECT jobs.enqueue('bulk', 'tap', '00000000-0000-7000-8000-0000000000a2');
SELECT jobs.schedule('tap', '* * * * *', 'sync', 'tap', p_shop_id => pg_temp.shop());
CREATE TEMP TABLE active AS SELECT * FROM jobs.claim('{ai}', 'tap', 1);
SELECT is((SELECT count(*) FROM active), 1::bigint, 'a job of the shop is active');

SELECT is(jobs.stop_shop(pg_temp.shop()), 2, 'what waits is cancelled');
SELECT is_empty($$SELECT FROM pgmq.q_sync WHERE headers ->> 'x-pgmq-group' = pg_temp.shop()::text$$, 'and in no queue');
SELECT is((SELECT count(*) FROM pgmq.q_bulk), 1::bigint, 'the other shop''s job is');
SELECT is_empty($$SELECT FROM scheduled_tasks WHERE shop_id = pg_temp.shop() AND is_active$$, 'its tasks are paused');
SELECT is_empty($$SELECT FROM job_keys$$, 'its keys forgotten');
SELECT is(jobs.stop_shop(pg_temp.shop()), 0, 'once more changes nothing');

SELECT jobs.enqueue('sync', 'tap', pg_temp.shop());
SELECT jobs.fail(c.job_id, c.token, 'it said jane@example.com', p_permanent => true) FROM jobs.claim('{sync}', 'tap', 1) AS c;
SELECT isnt_empty($$SELECT FROM pgmq.q_sync_dead$$, 'a dead letter');
SELECT is(jobs.erase_shop(pg_temp.shop()), 3, 'cancelled and failed ones are erased');
SELECT is_empty($$SELECT FROM pgmq.q_sync_dead$$, 'the dead letter, too');
SELECT results_eq($$SELECT status::text, payload, error_message FROM job_runs WHERE shop_id = pg_temp.shop()$$, $$VALUES ('active', '{}'::jsonb, NULL::text)$$,
                  'the active one is there, and empty');
SELECT lives_ok($$SELECT jobs.complete(job_id, token) FROM active$$, 'and can be completed: it may be the one that erases');
SELECT is(jobs.erase_shop(pg_temp.shop()), 1, 'then it can be erased');

SELECT * FROM finish();
ROLLBACK;
