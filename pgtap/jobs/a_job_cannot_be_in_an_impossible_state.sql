BEGIN;
SELECT plan(11);

CREATE FUNCTION pg_temp.job(p_status text, p_started timestamptz, p_completed timestamptz, p_failed timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO job_runs (queue_name, job_id, job_name, payload, status, started_at, completed_at, failed_at)
    VALUES ('sync', '1', 'tap', '{}', p_status, p_started, p_completed, p_failed)
$$;
SET LOCAL ROLE neanelu_engine;
SELECT lives_ok($$SELECT pg_temp.job('waiting', NULL, NULL, NULL), pg_temp.job('active', now(), NULL, NULL), pg_temp.job('completed', now(), now(), NULL),
                         pg_temp.job('failed', now(), NULL, now()), pg_temp.job('cancelled', NULL, NULL, now())$$, 'these states are possible');
SELECT throws_ok($$SELECT pg_temp.job('paused', NULL, NULL, NULL)$$, '23514', NULL, 'no other word');
SELECT throws_ok($$SELECT pg_temp.job('completed', now(), NULL, NULL)$$, '23514', NULL, 'what is completed was completed at some time');
SELECT throws_ok($$SELECT pg_temp.job('completed', NULL, now(), NULL)$$, '23514', NULL, 'and had begun');
SELECT throws_ok($$SELECT pg_temp.job('active', NULL, NULL, NULL)$$, '23514', NULL, 'so has what is active');
SELECT throws_ok($$SELECT pg_temp.job('waiting', NULL, now(), NULL)$$, '23514', NULL, 'what waits is not done');
SELECT throws_ok($$SELECT pg_temp.job('failed', now(), NULL, NULL)$$, '23514', NULL, 'what failed did so at some time');
SELECT throws_ok($$SELECT pg_temp.job('waiting', NULL, NULL, now())$$, '23514', NULL, 'and does not wait');
SELECT throws_ok($$UPDATE job_runs SET completed_at = now() WHERE status = 'active'$$, '23514', NULL, 'nor can a job get there');
SELECT throws_ok($$UPDATE job_runs SET payload = '[]' WHERE status = 'active'$$, '23514', NULL, 'what it is given is an object');
SELECT throws_ok($$UPDATE job_slots SET job_id = uuidv7() WHERE slot = 1$$, '42501', NULL, 'nobody holds a job without a token');

SELECT * FROM finish();
ROLLBACK;
