BEGIN;
SELECT plan(45);

SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}');
CREATE TEMP TABLE lease (job_id uuid, token bigint);
CREATE FUNCTION pg_temp.take(p_limit integer DEFAULT 1, p_lease interval DEFAULT '1 minute') RETURNS bigint LANGUAGE sql VOLATILE AS $$
    DELETE FROM pg_temp.lease;
    INSERT INTO pg_temp.lease SELECT job_id, token FROM jobs.claim('{notifications}', 'tap', p_limit);
    SELECT count(*) FROM pg_temp.lease;
$$;
CREATE FUNCTION pg_temp.states() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(j.job_name || ' ' || j.status || ' ' || j.attempts, ', ' ORDER BY j.job_name, j.id) FROM job_runs AS j WHERE j.queue_name = 'notifications' $$;

-- Cancelled.
CREATE TEMP TABLE job AS SELECT jobs.enqueue('notifications', 'a', NULL) AS id;
SELECT lives_ok('SELECT jobs.cancel(id) FROM job', 'a job that waits is cancelled');
SELECT is(pg_temp.states(), 'a cancelled 0', 'and says so');
SELECT is(pg_temp.take(), 0::bigint, 'nobody gets it any more');
SELECT throws_ok('SELECT jobs.cancel(id) FROM job', 'NJ009', NULL, 'it is cancelled once');
SELECT throws_ok('SELECT jobs.cancel(gen_random_uuid())', 'NJ008', NULL, 'a job that is not there cannot be');

-- Given back.
SELECT jobs.enqueue('notifications', 'b', NULL);
SELECT is(pg_temp.take(), 1::bigint, 'a job is taken');
SELECT throws_ok('SELECT jobs.cancel(job_id) FROM lease', 'NJ009', NULL, 'and cannot be cancelled now');
SELECT throws_ok('SELECT jobs.release(job_id, token + 65536) FROM lease', 'NJ001', NULL, 'another lease does not give it back');
SELECT jobs.release(job_id, token) FROM lease;
SELECT is(pg_temp.states(), 'a cancelled 0, b waiting 0', 'given back it was never started');
SELECT throws_ok('SELECT jobs.release(job_id, token) FROM lease', 'NJ001', NULL, 'it is given back once');
SELECT is(pg_temp.take(), 1::bigint, 'and taken at once');
SELECT jobs.release(job_id, token, '1 hour') FROM lease;
SELECT is(pg_temp.take(), 0::bigint, 'or when a pause is over');

-- Many at once.
SELECT jobs.enqueue_many('notifications', 'c', '{NULL,NULL,NULL}', '{"{}","{}","{}"}');
SELECT is(pg_temp.take(9), 3::bigint, 'three are taken');
SELECT throws_ok($$SELECT jobs.complete_many(array_agg(CASE WHEN n = 1 THEN token + 65536 ELSE token END)) FROM (SELECT l.*, row_number() OVER () AS n FROM lease AS l) AS x$$,
    'NJ001', NULL, 'all of them or none are done');
SELECT is(pg_temp.states(), 'a cancelled 0, b waiting 0, c active 1, c active 1, c active 1', 'so none was');
SELECT is((SELECT jobs.complete_many(array_agg(token)) FROM lease), 3, 'now they are');
SELECT throws_ok('SELECT jobs.complete_many(array_agg(token)) FROM lease', 'NJ001', NULL, 'once');
SELECT is(jobs.complete_many('{}'), 0, 'no jobs are none');

-- Workers that did not come back.
SELECT is(jobs.reclaim_expired(), 0, 'no lease has run out');
SELECT jobs.enqueue('notifications', 'd', NULL);
SELECT is(pg_temp.take(), 1::bigint, 'a worker takes a job');
UPDATE job_slots SET lease_expires_at = clock_timestamp() - interval '1 second' WHERE job_id IS NOT NULL;
SELECT is(jobs.reclaim_expired(), 1, 'and does not come back');
SELECT is(jobs.reclaim_expired(), 0, 'once');
SELECT throws_ok('SELECT jobs.complete_many(array_agg(token)) FROM lease', 'NJ001', NULL, 'what it does later does not count');
SELECT matches((SELECT error_message FROM job_runs WHERE job_name = 'd'), 'did not come back', 'the attempt has failed');

-- The dead.
SELECT ok(jobs.is_permanent('tap', code) = expected, coalesce(code, 'no code') || CASE WHEN expected THEN ' is for good' ELSE ' may pass' END)
  FROM (VALUES ('22P02', true), ('23505', true), ('NJ005', true), ('40001', false), (NULL, false)) AS t (code, expected);
SELECT ok(jobs.is_permanent('harvest.shop', 'NG006') AND NOT jobs.is_permanent('tap', 'NG006'), 'a handler may say more');
SELECT jobs.enqueue_many('notifications', 'e', '{NULL,NULL}', '{"{}","{}"}');
SELECT is(pg_temp.take(9), 2::bigint, 'two jobs');
SELECT jobs.fail(job_id, token, 'broken', p_sqlstate => '22P02') FROM lease;
SELECT results_eq($$SELECT job_name, error_message FROM jobs.dead_letters('notifications')$$, $$VALUES ('e', 'broken'), ('e', 'broken')$$, 'die');
SELECT is((SELECT count(*) FROM jobs.dead_letters(p_limit => 1)), 1::bigint, 'no more dead are shown than asked for');
SELECT is_empty($$SELECT * FROM jobs.dead_letters('webhooks')$$, 'nor those of another queue');
SELECT is(jobs.retry_dead('notifications', 'other'), 0, 'others are not raised');
SELECT is(jobs.retry_dead('notifications', 'e', 1) + jobs.retry_dead('notifications'), 2, 'these are, by name or all');
SELECT is_empty($$SELECT * FROM jobs.dead_letters('notifications')$$, 'then nobody is dead');

-- Tasks.
SELECT jobs.schedule('tap.task', '5 4 * * *', 'maintenance', 'tap.job');
SELECT results_eq($$SELECT cron_expression, queue_name, job_name, is_active, run_count FROM jobs.list_tasks() WHERE task_name = 'tap.task'$$, $$VALUES ('5 4 * * *', 'maintenance', 'tap.job', true, 0)$$, 'a task is listed');
SELECT ok(jobs.pause_task('tap.task') AND NOT jobs.pause_task('tap.task'), 'it is paused, once');
SELECT ok(NOT (SELECT is_active FROM jobs.list_tasks() WHERE task_name = 'tap.task') AND jobs.pause_task('tap.task', p_is_active => true), 'and goes on');
SELECT ok(jobs.unschedule('tap.task') AND NOT jobs.unschedule('tap.task'), 'it is forgotten, once');
SELECT throws_ok($$SET LOCAL SESSION AUTHORIZATION neanelu_tenant; SELECT jobs.unschedule('tap.task', '00000000-0000-7000-8000-0000000000a1')$$, '42501', NULL, 'a tenant forgets none');
RESET SESSION AUTHORIZATION;
SELECT ok(EXISTS (SELECT FROM job_handlers WHERE job_name = 'harvest.chores'), 'a job has a handler');
SELECT jobs.unregister_handler('harvest.chores');
SELECT ok(NOT EXISTS (SELECT FROM job_handlers WHERE job_name = 'harvest.chores'), 'until its word is taken back');
SELECT lives_ok($$SELECT jobs.unregister_handler('harvest.chores')$$, 'which can be said twice');

SELECT * FROM finish();
ROLLBACK;
