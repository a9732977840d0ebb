-- Deploy neanelu:functions/jobs/report to pg
-- requires: functions/jobs/schedule
-- What there is to see and to do for operators; what ends when a shop goes; and what is forgotten.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, jobs, app, extensions, pg_temp;

-- Looking -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION jobs.list(
    p_queue text DEFAULT NULL, p_statuses text[] DEFAULT NULL, p_shop_id uuid DEFAULT NULL, p_name text DEFAULT NULL, p_limit integer DEFAULT 50)
RETURNS TABLE (
    job_id uuid, shop_id uuid, shop_domain text, queue_name text, job_name text, status text, attempts integer, max_attempts integer,
    error_message text, created_at timestamptz, started_at timestamptz, ended_at timestamptz, leased_by text, lease_expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT j.id, j.shop_id, s.shopify_domain::text, j.queue_name, j.job_name, j.status, j.attempts, j.max_attempts, j.error_message,
           j.created_at, j.started_at, coalesce(j.completed_at, j.failed_at), l.leased_by, l.lease_expires_at
      FROM neanelu.job_runs AS j
      LEFT JOIN neanelu.shops AS s ON s.id = j.shop_id
      LEFT JOIN neanelu.job_slots AS l ON l.job_id = j.id
     WHERE (p_queue IS NULL OR j.queue_name = p_queue) AND (p_statuses IS NULL OR j.status = ANY (p_statuses))
       AND (p_shop_id IS NULL OR j.shop_id = p_shop_id) AND (p_name IS NULL OR j.job_name = p_name)
     ORDER BY j.id DESC
     LIMIT p_limit
$$;
COMMENT ON FUNCTION jobs.list(text, text[], uuid, text, integer) IS
    'Jobs, the latest first; null is no condition. For operators, so without payloads. Reads only; looks at jobs from the latest back until it has '
    'enough, so what is rare and old takes a while.';

CREATE FUNCTION jobs._next_attempt(p_queue text, p_msg_id bigint)
RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_at timestamptz;
BEGIN
    EXECUTE format('SELECT vt FROM pgmq.%I WHERE msg_id = $1', 'q_' || p_queue) INTO v_at USING p_msg_id;
    RETURN v_at;
END
$$;
COMMENT ON FUNCTION jobs._next_attempt(text, bigint) IS 'When a waiting job may start; null when it has no message. Reads only.';

CREATE FUNCTION jobs.show(p_job_id uuid)
RETURNS TABLE (
    job_id uuid, shop_id uuid, shop_domain text, queue_name text, job_name text, status text, priority integer, attempts integer,
    max_attempts integer, payload jsonb, result jsonb, error_message text, error_stack text, created_at timestamptz, started_at timestamptz,
    ended_at timestamptz, next_attempt_at timestamptz, leased_by text, lease_expires_at timestamptz, task_name text, runs_in text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT j.id, j.shop_id, s.shopify_domain::text, j.queue_name::text, j.job_name::text, j.status::text, j.priority, j.attempts, j.max_attempts,
           j.payload, j.result, j.error_message, j.error_stack, j.created_at, j.started_at, coalesce(j.completed_at, j.failed_at),
           CASE WHEN j.status = 'waiting' THEN jobs._next_attempt(j.queue_name, j.job_id::bigint) END, l.leased_by, l.lease_expires_at,
           t.task_name::text, h.runs_in::text
      FROM neanelu.job_runs AS j
      LEFT JOIN neanelu.shops AS s ON s.id = j.shop_id
      LEFT JOIN neanelu.job_slots AS l ON l.job_id = j.id
      LEFT JOIN neanelu.scheduled_tasks AS t ON t.id = j.task_id
      LEFT JOIN neanelu.job_handlers AS h ON h.job_name = j.job_name
     WHERE j.id = p_job_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no job %', p_job_id USING ERRCODE = 'NJ008';
    END IF;
END
$$;
COMMENT ON FUNCTION jobs.show(uuid) IS 'All that is known of a job. Reads only. Raises: NJ008 there is no such job';

CREATE FUNCTION jobs.dead_letters(p_queue text DEFAULT NULL, p_limit integer DEFAULT 50)
RETURNS TABLE (
    job_id uuid, shop_id uuid, shop_domain text, queue_name text, job_name text, attempts integer, error_message text, created_at timestamptz,
    failed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT j.id, j.shop_id, s.shopify_domain::text, j.queue_name, j.job_name, j.attempts, j.error_message, j.created_at, j.failed_at
      FROM neanelu.job_runs AS j
      LEFT JOIN neanelu.shops AS s ON s.id = j.shop_id
     WHERE j.failed_at IS NOT NULL AND j.status = 'failed' AND (p_queue IS NULL OR j.queue_name = p_queue)
     ORDER BY j.failed_at DESC
     LIMIT p_limit
$$;
COMMENT ON FUNCTION jobs.dead_letters(text, integer) IS 'Jobs that were given up, the latest first. Reads only.';

CREATE FUNCTION jobs._count_messages(p_queue text, OUT waiting bigint, OUT delayed bigint, OUT dead bigint, OUT oldest_age double precision)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    EXECUTE format(
        'SELECT count(*), count(*) FILTER (WHERE q.vt > clock_timestamp()), (SELECT count(*) FROM pgmq.%I), '
        'coalesce(extract(epoch FROM clock_timestamp() - min(q.enqueued_at) FILTER (WHERE q.vt <= clock_timestamp())), 0) '
        'FROM pgmq.%I AS q', 'q_' || p_queue || '_dead', 'q_' || p_queue)
       INTO waiting, delayed, dead, oldest_age;
END
$$;
COMMENT ON FUNCTION jobs._count_messages(text) IS 'Messages of a queue and of its dead letters, and the age in seconds of the oldest that may be read. Reads only.';

CREATE FUNCTION jobs.metrics()
RETURNS TABLE (queue_name text, waiting bigint, delayed bigint, active bigint, failed bigint, dead bigint, oldest_age double precision)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
    SELECT q.queue_name, m.waiting, m.delayed, (SELECT count(*) FROM neanelu.job_slots AS s WHERE s.queue_name = q.queue_name),
           (SELECT count(*) FROM neanelu.job_runs AS j WHERE j.failed_at IS NOT NULL AND j.status = 'failed' AND j.queue_name = q.queue_name),
           m.dead, m.oldest_age
      FROM neanelu.job_queues AS q
     CROSS JOIN LATERAL jobs._count_messages(q.queue_name) AS m
     ORDER BY q.queue_name
$$;
COMMENT ON FUNCTION jobs.metrics() IS
    'Per queue: jobs that wait (delayed: of these, the ones whose time has not come), are active, have failed for good and are kept, dead letters, and the seconds that the '
    'oldest that may start has waited (since its last attempt, if there was one). Counts messages one by one. Reads only.';

-- Doing -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION jobs._drop_messages(p_lane text, p_dead boolean)
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_queue text;
    v_some  uuid[];
    v_all   uuid[] := ARRAY[]::uuid[];
BEGIN
    FOR v_queue IN SELECT q.queue_name || CASE WHEN p_dead THEN '_dead' ELSE '' END FROM neanelu.job_queues AS q ORDER BY q.queue_name LOOP
        EXECUTE format('WITH gone AS (DELETE FROM pgmq.%I WHERE headers ->> ''x-pgmq-group'' = $1 RETURNING message) '
                       'SELECT array_agg((message ->> ''job'')::uuid) FROM gone', 'q_' || v_queue)
           INTO v_some USING p_lane;
        v_all := v_all || coalesce(v_some, '{}');
    END LOOP;
    DELETE FROM neanelu.job_keys AS k WHERE k.lane = p_lane AND NOT p_dead;
    RETURN v_all;
END
$$;
COMMENT ON FUNCTION jobs._drop_messages(text, boolean) IS
    'Deletes a lane''s messages from all queues, or from all dead letters, and returns their jobs. Locks: the messages and keys. Raises: nothing';

CREATE FUNCTION jobs._take_message(p_job job_runs)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_found bigint;
BEGIN
    EXECUTE format('DELETE FROM pgmq.%I WHERE msg_id = $1 RETURNING msg_id', 'q_' || p_job.queue_name || CASE WHEN p_job.status = 'failed' THEN '_dead' ELSE '' END)
       INTO v_found USING p_job.job_id::bigint;
    DELETE FROM neanelu.job_keys AS k WHERE k.job_id = p_job.id;
    RETURN v_found IS NOT NULL;
END
$$;
COMMENT ON FUNCTION jobs._take_message(job_runs) IS
    'Deletes the message and the key of a job that waits or has failed; says whether there was a message. Locks: these. Raises: nothing';

CREATE FUNCTION jobs._found(p_job_id uuid, p_statuses text[])
RETURNS job_runs
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_job job_runs;
BEGIN
    SELECT * INTO v_job FROM neanelu.job_runs AS j WHERE j.id = p_job_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no job %', p_job_id USING ERRCODE = 'NJ008';
    END IF;
    IF v_job.status::text <> ALL (p_statuses) THEN
        RAISE EXCEPTION 'job % is %', p_job_id, v_job.status USING ERRCODE = 'NJ009', HINT = 'It would have to be ' || array_to_string(p_statuses, ' or ');
    END IF;
    RETURN v_job;
END
$$;
COMMENT ON FUNCTION jobs._found(uuid, text[]) IS
    'The job, if it is in one of the states. Reads only. Raises: NJ008 there is no such job, NJ009 it is in another state';

CREATE FUNCTION jobs.retry(p_job_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_job job_runs;
BEGIN
    PERFORM FROM neanelu.job_runs AS j WHERE j.id = p_job_id FOR NO KEY UPDATE;
    v_job := jobs._found(p_job_id, ARRAY['failed', 'cancelled']);
    IF v_job.status = 'failed' THEN
        PERFORM jobs._take_message(v_job);
    END IF;
    PERFORM jobs._move(v_job.queue_name, ARRAY[p_job_id], ARRAY[clock_timestamp()], 'waiting');
    UPDATE neanelu.job_runs AS j SET attempts = 0 WHERE j.id = p_job_id;
    PERFORM jobs._wake(v_job.queue_name);
END
$$;
COMMENT ON FUNCTION jobs.retry(uuid) IS
    'Lets a job that was given up or cancelled begin anew, with all its attempts before it. Locks: the job and its dead letter. '
    'Raises: NJ008 there is no such job, NJ009 it neither failed nor was cancelled';

CREATE FUNCTION jobs.retry_dead(p_queue text, p_name text DEFAULT NULL, p_limit integer DEFAULT 1000)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_job_id uuid;
    v_count  integer := 0;
BEGIN
    FOR v_job_id IN
        SELECT j.id FROM neanelu.job_runs AS j
         WHERE j.failed_at IS NOT NULL AND j.status = 'failed' AND j.queue_name = p_queue AND (p_name IS NULL OR j.job_name = p_name)
         ORDER BY j.failed_at LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED
    LOOP
        PERFORM jobs.retry(v_job_id);
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION jobs.retry_dead(text, text, integer) IS
    'jobs.retry for the dead letters of a queue (of a name), the oldest first; returns how many. Locks: the jobs and their dead letters. Raises: nothing';

CREATE FUNCTION jobs.cancel(p_job_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
BEGIN
    -- The message before the job, as claims do.
    IF NOT jobs._take_message(jobs._found(p_job_id, ARRAY['waiting'])) THEN
        RAISE EXCEPTION 'job % was taken by a worker just now', p_job_id USING ERRCODE = 'NJ009';
    END IF;
    UPDATE neanelu.job_runs AS j SET status = 'cancelled', failed_at = clock_timestamp() WHERE j.id = p_job_id;
END
$$;
COMMENT ON FUNCTION jobs.cancel(uuid) IS
    'Takes a waiting job out of its queue. Locks: its message, key and row, in this order. Raises: NJ008 there is no such job, NJ009 it does not wait';

-- When a shop goes --------------------------------------------------------------------------------------------------

CREATE FUNCTION jobs.stop_shop(p_shop_id uuid)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, app, pg_temp
AS $$
DECLARE
    v_job_ids uuid[];
    v_stopped integer;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    v_job_ids := jobs._drop_messages(p_shop_id::text, false);
    UPDATE neanelu.job_runs AS j
       SET status = 'cancelled', failed_at = clock_timestamp(), error_message = 'The shop uninstalled the app'
     WHERE j.id = ANY (v_job_ids) AND j.status = 'waiting';
    GET DIAGNOSTICS v_stopped = ROW_COUNT;
    UPDATE neanelu.scheduled_tasks AS t SET is_active = false, next_run_at = NULL, updated_at = clock_timestamp()
     WHERE t.shop_id = p_shop_id AND t.is_active;
    RETURN v_stopped;
END
$$;
COMMENT ON FUNCTION jobs.stop_shop(uuid) IS
    'Cancels all that waits for a shop and pauses its recurring tasks; what is active goes on. Returns how many jobs were cancelled. Idempotent. '
    'Locks: messages, jobs, keys and tasks of the shop; waits for enqueuers that rely on one of its keys. Raises: NA002 not your shop';

CREATE FUNCTION jobs.erase_shop(p_shop_id uuid)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, app, pg_temp
AS $$
DECLARE
    v_erased integer;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    PERFORM jobs._drop_messages(p_shop_id::text, d.is_dead) FROM (VALUES (false), (true)) AS d (is_dead);
    DELETE FROM neanelu.scheduled_tasks AS t WHERE t.shop_id = p_shop_id;
    -- What is active may be the very job that erases.
    DELETE FROM neanelu.job_runs AS j WHERE j.shop_id = p_shop_id AND j.status <> 'active';
    GET DIAGNOSTICS v_erased = ROW_COUNT;
    UPDATE neanelu.job_runs AS j SET payload = '{}', result = NULL, error_message = NULL, error_stack = NULL WHERE j.shop_id = p_shop_id;
    RETURN v_erased;
END
$$;
COMMENT ON FUNCTION jobs.erase_shop(uuid) IS
    'Deletes a shop''s jobs, messages, dead letters and recurring tasks. Of what is active, the job that erases among it, the row stays until jobs.purge, emptied. Returns how '
    'many jobs were deleted. Idempotent. Locks: all of that; waits for enqueuers that rely on one of its keys. Raises: NA002 not your shop';

-- Forgetting --------------------------------------------------------------------------------------------------------

CREATE FUNCTION jobs.purge(p_keep interval DEFAULT NULL, p_limit integer DEFAULT 50000)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_keep   constant interval := coalesce(p_keep, make_interval(hours => jobs._setting('keep_completed_hours', 72)));
    v_failed constant interval := greatest(v_keep, make_interval(days => jobs._setting('keep_failed_days', 30)));
    v_gone   job_runs;
    v_count  integer;
BEGIN
    FOR v_gone IN
        SELECT * FROM neanelu.job_runs AS j
         WHERE j.failed_at < clock_timestamp() - v_failed AND j.status = 'failed' ORDER BY j.failed_at LIMIT 1000 FOR UPDATE SKIP LOCKED
    LOOP
        PERFORM jobs._take_message(v_gone);
        DELETE FROM neanelu.job_runs AS j WHERE j.id = v_gone.id;
    END LOOP;
    -- Ids are in the order of time, so the oldest jobs are at the beginning of the key. A little slack for clocks that differ.
    DELETE FROM neanelu.job_runs AS j
     WHERE j.id IN (SELECT o.id FROM neanelu.job_runs AS o
                     WHERE o.id < uuidv7(interval '1 minute' - v_keep)
                       AND (o.completed_at < clock_timestamp() - v_keep OR o.failed_at < clock_timestamp() - v_keep AND o.status = 'cancelled')
                     ORDER BY o.id LIMIT p_limit FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION jobs.purge(interval, integer) IS
    'Forgets jobs that were completed or cancelled more than p_keep ago (default: system_config jobs.keep_completed_hours, 72), at most p_limit, and dead letters older than '
    'jobs.keep_failed_days (30), at most 1,000. Returns how many of the former. Idempotent. Locks: the jobs it deletes, without waiting. Raises: 22P02 a setting is no number';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    jobs.list(text, text[], uuid, text, integer), jobs.show(uuid), jobs.dead_letters(text, integer), jobs.retry(uuid), jobs.retry_dead(text, text, integer),
    jobs.cancel(uuid), jobs.stop_shop(uuid), jobs.purge(interval, integer)
    TO neanelu_operator;
GRANT EXECUTE ON FUNCTION jobs.metrics() TO neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION jobs.purge(interval, integer) TO neanelu_worker;

COMMIT;
