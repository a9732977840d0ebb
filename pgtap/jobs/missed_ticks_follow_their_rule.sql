BEGIN;
SELECT plan(17);

CREATE TEMP TABLE task AS
SELECT m.rule, jobs.schedule('tap.' || m.rule, '0 * * * *', 'ai', 'tap.' || m.rule, p_missed => m.rule) AS id FROM unnest(ARRAY['once', 'skip', 'all']) AS m (rule);
CREATE FUNCTION pg_temp.jobs_of(p_rule text) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM job_runs WHERE job_name = 'tap.' || p_rule $$;
CREATE FUNCTION pg_temp.fire(p_rule text, p_next timestamptz) RETURNS boolean LANGUAGE sql AS $$
    SELECT jobs.fire_task(t.id, s.next_run_at, p_next) IS NOT NULL FROM task AS t JOIN scheduled_tasks AS s ON s.id = t.id WHERE t.rule = p_rule
$$;

SELECT is((SELECT count(*) FROM jobs.due_tasks() AS d JOIN task AS t ON t.id = d.task_id WHERE d.expected IS NULL), 3::bigint, 'new tasks ask for their first tick');
SELECT ok(NOT pg_temp.fire(t.rule, now() - interval '5 hours'), 'which is noted, and nothing else: ' || t.rule) FROM task AS t ORDER BY t.rule;
SELECT results_eq($$SELECT t.rule, d.next_after < now() - interval '4 hours' FROM jobs.due_tasks() AS d JOIN task AS t ON t.id = d.task_id ORDER BY 1$$,
                  $$VALUES ('all', true), ('once', false), ('skip', false)$$, 'five hours late: all goes on from the tick, the others from now');

SELECT ok(pg_temp.fire('once', now() + interval '1 hour'), 'one run for all that was missed');
SELECT ok(NOT pg_temp.fire('skip', now() + interval '1 hour'), 'none');
SELECT ok(pg_temp.fire('all', now() - interval '4 hours'), 'one each');
SELECT ok(pg_temp.fire('all', now() + interval '1 hour'), 'and another');
SELECT is((SELECT string_agg(t.rule || pg_temp.jobs_of(t.rule), ' ' ORDER BY t.rule) FROM task AS t), 'all2 once1 skip0', 'that makes');
SELECT is_empty($$SELECT FROM jobs.due_tasks() AS d JOIN task AS t ON t.id = d.task_id$$, 'now none is due');

SELECT is(jobs.fire_task(t.id, now() - interval '5 hours', now() + interval '2 hours'), NULL, 'a tick that was taken is not taken again') FROM task AS t WHERE rule = 'once';
SELECT is(jobs.fire_task(t.id, s.next_run_at, s.next_run_at + interval '1 hour'), NULL, 'nor one that has not come')
  FROM task AS t JOIN scheduled_tasks AS s USING (id) WHERE rule = 'once';
SELECT throws_ok($$SELECT jobs.fire_task(id, now(), now()) FROM task WHERE rule = 'once'$$, 'NJ007', NULL, 'time goes on');
SELECT lives_ok($$SELECT jobs.schedule('tap.once', '0 * * * *', 'ai', 'tap.once', '{"more": 1}')$$, 'a task said again');
SELECT isnt((SELECT next_run_at FROM scheduled_tasks WHERE task_name = 'tap.once'), NULL, 'keeps its next tick');
SELECT jobs.schedule('tap.once', '5 * * * *', 'ai', 'tap.once');
SELECT is((SELECT next_run_at FROM scheduled_tasks WHERE task_name = 'tap.once'), NULL, 'unless its times are others');

SELECT * FROM finish();
ROLLBACK;
