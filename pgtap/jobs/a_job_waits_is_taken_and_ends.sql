BEGIN;
SELECT plan(25);

SELECT shops.register(id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}')
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com')) AS s (id, domain);
CREATE FUNCTION pg_temp.shop() RETURNS uuid LANGUAGE sql RETURN '00000000-0000-7000-8000-0000000000a1'::uuid;
CREATE TEMP TABLE lease (job_id uuid, token bigint, payload jsonb, attempt integer);
CREATE FUNCTION pg_temp.take(p_limit integer DEFAULT 1) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    DELETE FROM pg_temp.lease;
    INSERT INTO pg_temp.lease SELECT job_id, token, payload, attempt FROM jobs.claim('{notifications}', 'tap', p_limit);
    SELECT count(*) FROM pg_temp.lease;
$$;
CREATE FUNCTION pg_temp.record() RETURNS text LANGUAGE sql AS $$
    SELECT j.status || ' ' || j.attempts FROM job_runs AS j JOIN pg_temp.lease AS l ON l.job_id = j.id
$$;

SELECT throws_ok($$SELECT jobs.enqueue('nothing', 'tap', NULL)$$, 'NJ002', NULL, 'there must be such a queue');
SELECT throws_ok($$SELECT jobs.enqueue('webhooks_dead', 'tap', NULL)$$, 'NJ002', NULL, 'dead letters are none');
SELECT throws_ok($$SELECT jobs.enqueue_many('nothing', 'tap', '{NULL}', '{"{}"}')$$, 'NJ002', NULL, 'for many jobs, too');
SELECT throws_ok($$SELECT jobs.enqueue_many('sync', 'tap', '{NULL,NULL}', '{"{}"}')$$, 'NJ003', NULL, 'each shop has a payload');
SELECT throws_ok($$SELECT jobs.enqueue('sync', 'tap', NULL, p_priority => -1)$$, 'NJ003', NULL, 'no job goes back in time');
SELECT throws_ok($$SELECT jobs.enqueue('sync', 'tap', '00000000-0000-7000-8000-0000000000ff')$$, '23503', NULL, 'there must be such a shop');
SELECT throws_ok($$SELECT jobs.enqueue('sync', 'tap', NULL, '[1]')$$, '23514', NULL, 'a payload is an object');

SELECT jobs.enqueue('notifications', 'tap', pg_temp.shop(), '{"n": 1}');
SELECT jobs.enqueue('notifications', 'tap', pg_temp.shop(), '{"n": 2}', p_priority => 10);
SELECT jobs.enqueue('notifications', 'tap', pg_temp.shop(), '{"n": 3}', p_delay => '1 hour');
SELECT is((SELECT waiting || ' ' || delayed FROM jobs.metrics() WHERE queue_name = 'notifications'), '3 1', 'three wait, one of them for its time');
SELECT is(pg_temp.take(), 1::bigint, 'one is taken');
SELECT is((SELECT payload ->> 'n' FROM lease), '2', 'the one with the head start');
SELECT is(pg_temp.record(), 'active 1', 'it is active');
SELECT isnt_empty($$SELECT FROM jobs.list(p_statuses => '{active}') WHERE leased_by = 'tap'$$, 'and known to be ours');
SELECT lives_ok($$SELECT jobs.extend(job_id, token, '10 minutes') FROM lease$$, 'its lease can be extended');
SELECT ok((SELECT s.lease_expires_at > clock_timestamp() + interval '9 minutes' FROM job_slots AS s JOIN lease USING (job_id)), 'and is');
SELECT lives_ok($$SELECT jobs.complete(job_id, token, '{"done": true}') FROM lease$$, 'it is done');
SELECT is(pg_temp.record(), 'completed 1', 'it says so');
SELECT throws_ok($$SELECT jobs.complete(job_id, token) FROM lease$$, 'NJ001', NULL, 'once');
SELECT throws_ok($$SELECT jobs.fail(job_id, token, 'x') FROM lease$$, 'NJ001', NULL, 'and for all');

SELECT is(pg_temp.take(5), 1::bigint, 'the next; the delayed one is not to be had');
SELECT throws_ok($$SELECT jobs.execute(job_id, token) FROM lease$$, 'NJ005', NULL, 'no function handles it');
SELECT is((SELECT jobs.fail(job_id, token, 'no handler', p_sqlstate => 'NJ005') FROM lease), 'dead', 'so it is a dead letter');
SELECT is(pg_temp.record(), 'failed 1', 'it has failed');
SELECT lives_ok($$SELECT jobs.retry(job_id) FROM lease$$, 'it may begin anew');
SELECT throws_ok($$SELECT jobs.retry(job_id) FROM lease$$, 'NJ009', NULL, 'but not while it waits');
SELECT is_empty($$SELECT FROM pgmq.q_notifications_dead$$, 'it is no dead letter any more');

SELECT * FROM finish();
ROLLBACK;
