BEGIN;
SELECT plan(7);

CREATE FUNCTION pg_temp.job(p_age interval, p_status text) RETURNS void LANGUAGE sql AS $$
    WITH letter AS (
        INSERT INTO pgmq.q_ai_dead (vt, message) SELECT now(), '{}' WHERE p_status = 'failed' RETURNING msg_id
    )
    INSERT INTO job_runs (id, queue_name, job_id, job_name, payload, status, started_at, completed_at, failed_at, created_at)
    SELECT uuidv7(-p_age), 'ai', coalesce((SELECT msg_id FROM letter), 0)::text, 'tap', '{}', p_status, now() - p_age,
           CASE WHEN p_status = 'completed' THEN now() - p_age END, CASE WHEN p_status IN ('failed', 'cancelled') THEN now() - p_age END, now() - p_age
$$;
SELECT pg_temp.job(a.age, s.status)
  FROM unnest(ARRAY['1 hour', '4 days', '40 days']::interval[]) AS a (age), unnest(ARRAY['completed', 'failed', 'cancelled', 'waiting', 'active']) AS s (status);

SELECT is(jobs.purge('50 days'), 0, 'nothing is so old');
SELECT is(jobs.purge(), 4, 'what was completed or cancelled more than three days ago goes');
SELECT results_eq($$SELECT status::text, count(*) FROM job_runs WHERE job_name = 'tap' GROUP BY status ORDER BY status::text$$,
                  $$VALUES ('active', 3::bigint), ('cancelled', 1), ('completed', 1), ('failed', 2), ('waiting', 3)$$, 'what is not over stays, however old, and dead letters for thirty days');
SELECT is((SELECT count(*) FROM pgmq.q_ai_dead), 2::bigint, 'the oldest dead letter is gone, too');
SELECT is(jobs.purge(), 0, 'once more finds nothing');
INSERT INTO system_config (key, value) VALUES ('jobs.keep_failed_days', '1');
SELECT is(jobs.purge('10 minutes'), 2, 'both can be set');
SELECT is((SELECT count(*) FROM pgmq.q_ai_dead), 1::bigint, 'a day');

SELECT * FROM finish();
ROLLBACK;
