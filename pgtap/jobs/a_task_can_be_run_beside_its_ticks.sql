BEGIN;
SELECT plan(8);

SELECT jobs.schedule('tap.task', '5 4 * * *', 'maintenance', 'tap.job', '{"a": 1}');
UPDATE neanelu.scheduled_tasks SET next_run_at = '2100-01-01', is_active = false WHERE task_name = 'tap.task';

SET LOCAL SESSION AUTHORIZATION neanelu_operator;
SELECT lives_ok($$SELECT set_config('tap.job', jobs.run_task('tap.task')::text, true)$$, 'an operator runs it, paused or not');
SELECT throws_ok($$SELECT jobs.run_task('tap.nothing')$$, 'NJ011', NULL, 'only a task that there is');
SELECT throws_ok($$SELECT jobs.run_task('tap.task', '00000000-0000-7000-8000-0000000000ff')$$, 'NJ011', NULL, 'of that shop');
SET LOCAL SESSION AUTHORIZATION neanelu_worker;
SELECT throws_ok($$SELECT jobs.run_task('tap.task')$$, '42501', NULL, 'a worker does not');
SET LOCAL SESSION AUTHORIZATION DEFAULT;

SELECT results_eq(
    $$SELECT j.queue_name::text, j.job_name::text, j.payload, j.status::text, t.task_name::text
        FROM neanelu.job_runs AS j JOIN neanelu.scheduled_tasks AS t ON t.id = j.task_id
       WHERE j.id = current_setting('tap.job')::uuid$$,
    $$VALUES ('maintenance', 'tap.job', '{"a": 1}'::jsonb, 'waiting', 'tap.task')$$,
    'its job waits, and knows its task');
SELECT results_eq(
    $$SELECT run_count, next_run_at, last_run_at, last_job_id::text FROM neanelu.scheduled_tasks WHERE task_name = 'tap.task'$$,
    $$VALUES (1, '2100-01-01'::timestamptz, NULL::timestamptz, current_setting('tap.job'))$$,
    'the run is counted, the ticks are as they were');
SELECT isnt(jobs.run_task('tap.task')::text, current_setting('tap.job'), 'each time a job of its own');
SELECT is((SELECT count(*)::integer FROM neanelu.job_runs WHERE job_name = 'tap.job'), 2, 'so there are two');

SELECT * FROM finish();
ROLLBACK;
