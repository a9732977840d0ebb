-- Deploy neanelu:functions/jobs/schedule to pg
-- requires: functions/jobs/settle
-- Work that recurs. Ticks are worked out by a worker, which has a library for cron expressions; each is taken here, once.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, jobs, app, extensions, pg_temp;

CREATE FUNCTION jobs.schedule(
    p_name text, p_cron text, p_queue text, p_job_name text, p_payload jsonb DEFAULT '{}', p_shop_id uuid DEFAULT NULL, p_timezone text DEFAULT 'UTC',
    p_missed text DEFAULT 'once')
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
DECLARE
    v_task_id uuid;
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_timezone_names AS z WHERE z.name = p_timezone) THEN
        RAISE EXCEPTION 'there is no time zone "%"', p_timezone USING ERRCODE = 'NJ006';
    END IF;
    INSERT INTO neanelu.scheduled_tasks AS t (task_name, shop_id, cron_expression, timezone, queue_name, job_name, job_data, missed_policy)
    VALUES (p_name, p_shop_id, p_cron, p_timezone, p_queue, p_job_name, p_payload, p_missed)
    ON CONFLICT (task_name, shop_id) DO UPDATE
       SET cron_expression = excluded.cron_expression, timezone = excluded.timezone, queue_name = excluded.queue_name, job_name = excluded.job_name,
           job_data = excluded.job_data, missed_policy = excluded.missed_policy, updated_at = clock_timestamp(),
           next_run_at = CASE WHEN (t.cron_expression, t.timezone) = (excluded.cron_expression, excluded.timezone) THEN t.next_run_at END
    RETURNING t.id INTO v_task_id;
    RETURN v_task_id;
END
$$;
COMMENT ON FUNCTION jobs.schedule(text, text, text, text, jsonb, uuid, text, text) IS
    'Asks for a job at each tick of a cron expression (minute hour day month weekday, with seconds in front when there are six), in a time zone. '
    'p_missed: what becomes of ticks that nobody was there for, see scheduled_tasks.missed_policy. Idempotent; the last word for the name and shop counts, '
    'and a paused task stays paused. Locks: the task''s row. '
    'Raises: NA002 not your shop, NJ006 no such time zone, 23503 no such queue or shop, 23514 no cron expression by its looks, or another value out of range';

CREATE FUNCTION jobs.unschedule(p_name text, p_shop_id uuid DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    DELETE FROM neanelu.scheduled_tasks AS t WHERE t.task_name = p_name AND t.shop_id IS NOT DISTINCT FROM p_shop_id;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION jobs.unschedule(text, uuid) IS
    'Forgets a recurring task; returns whether there was one. Idempotent. Locks: the task''s row. Raises: NA002 not your shop';

CREATE FUNCTION jobs.pause_task(p_name text, p_shop_id uuid DEFAULT NULL, p_is_active boolean DEFAULT false)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    UPDATE neanelu.scheduled_tasks AS t SET is_active = p_is_active, next_run_at = NULL, updated_at = clock_timestamp()
     WHERE t.task_name = p_name AND t.shop_id IS NOT DISTINCT FROM p_shop_id AND t.is_active <> p_is_active;
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION jobs.pause_task(text, uuid, boolean) IS
    'Pauses a recurring task, or lets it go on (p_is_active); ticks of the pause are gone. Returns whether that changed anything. Idempotent. '
    'Locks: the task''s row. Raises: NA002 not your shop';

CREATE FUNCTION jobs.run_task(p_name text, p_shop_id uuid DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, app, pg_temp
AS $$
DECLARE
    v_task   scheduled_tasks;
    v_job_id uuid;
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    SELECT * INTO v_task FROM neanelu.scheduled_tasks AS t WHERE t.task_name = p_name AND t.shop_id IS NOT DISTINCT FROM p_shop_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no task "%"', p_name USING ERRCODE = 'NJ011';
    END IF;
    v_job_id := jobs._enqueue(v_task.queue_name, v_task.job_name, p_shop_id, v_task.job_data, '0', 0, NULL, v_task.id);
    UPDATE neanelu.scheduled_tasks AS t SET run_count = t.run_count + 1, last_job_id = v_job_id, updated_at = clock_timestamp() WHERE t.id = v_task.id;
    RETURN v_job_id;
END
$$;
COMMENT ON FUNCTION jobs.run_task(text, uuid) IS
    'Asks for the job of a recurring task now, beside its ticks, and returns its id; also while the task is paused. Not idempotent. Locks: the task''s row. '
    'Raises: NA002 not your shop, NJ011 there is no such task';

CREATE FUNCTION jobs.due_tasks()
RETURNS TABLE (task_id uuid, task_name text, shop_id uuid, cron_expression text, timezone text, missed_policy text, expected timestamptz, next_after timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT t.id, t.task_name, t.shop_id, t.cron_expression, t.timezone, t.missed_policy, t.next_run_at,
           CASE WHEN t.missed_policy = 'all' AND t.next_run_at IS NOT NULL THEN t.next_run_at ELSE clock_timestamp() END
      FROM neanelu.scheduled_tasks AS t
     WHERE t.is_active AND (t.next_run_at IS NULL OR t.next_run_at <= clock_timestamp())
     ORDER BY t.next_run_at NULLS FIRST, t.id
$$;
COMMENT ON FUNCTION jobs.due_tasks() IS
    'Tasks whose tick has come (or that do not know their next one yet, expected is null): work out the first tick after next_after and call jobs.fire_task '
    'with expected and that. Reads only.';

CREATE FUNCTION jobs.fire_task(p_task_id uuid, p_expected timestamptz, p_next timestamptz)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_task   scheduled_tasks;
    v_job_id uuid;
    v_runs   boolean;
BEGIN
    IF p_next IS NULL OR p_next <= p_expected THEN
        RAISE EXCEPTION 'the tick after % cannot be %', p_expected, p_next USING ERRCODE = 'NJ007';
    END IF;
    SELECT * INTO v_task FROM neanelu.scheduled_tasks AS t
     WHERE t.id = p_task_id AND t.is_active AND t.next_run_at IS NOT DISTINCT FROM p_expected FOR NO KEY UPDATE;
    IF NOT FOUND OR p_expected > clock_timestamp() THEN
        RETURN NULL;
    END IF;
    v_runs := p_expected IS NOT NULL AND NOT (v_task.missed_policy = 'skip' AND p_expected < clock_timestamp() - interval '1 minute');
    IF v_runs THEN
        v_job_id := jobs._enqueue(v_task.queue_name, v_task.job_name, v_task.shop_id, v_task.job_data, '0', 0, NULL, p_task_id);
    END IF;
    UPDATE neanelu.scheduled_tasks AS t
       SET next_run_at = p_next, last_run_at = coalesce(p_expected, t.last_run_at), updated_at = clock_timestamp(),
           run_count = t.run_count + v_runs::integer, last_job_id = coalesce(v_job_id, t.last_job_id)
     WHERE t.id = p_task_id;
    RETURN v_job_id;
END
$$;
COMMENT ON FUNCTION jobs.fire_task(uuid, timestamptz, timestamptz) IS
    'Takes the tick p_expected of a task, asks for its job and sets the next tick, if nobody was quicker; returns the job''s id, or null when somebody was, the task does not '
    'run (late, and missed ticks are skipped), or there was no tick yet. So each tick has one job whatever the number of workers. Idempotent for a tick. Locks: the '
    'task''s row; the second of two waits and finds it done. Raises: NJ007 the next tick is not after this one';

CREATE FUNCTION jobs.list_tasks()
RETURNS TABLE (
    task_name text, shop_id uuid, cron_expression text, timezone text, queue_name text, job_name text, missed_policy text, is_active boolean,
    last_run_at timestamptz, next_run_at timestamptz, last_status text, run_count integer, error_count integer)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT t.task_name, t.shop_id, t.cron_expression, t.timezone, t.queue_name, t.job_name, t.missed_policy, t.is_active, t.last_run_at, t.next_run_at,
           (SELECT j.status FROM neanelu.job_runs AS j WHERE j.id = t.last_job_id), t.run_count, t.error_count
      FROM neanelu.scheduled_tasks AS t
     ORDER BY t.task_name, t.shop_id NULLS FIRST
$$;
COMMENT ON FUNCTION jobs.list_tasks() IS 'All recurring tasks, when they ran and will run, and how the last job did (null when it is purged). Reads only.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    jobs.schedule(text, text, text, text, jsonb, uuid, text, text), jobs.unschedule(text, uuid)
    TO neanelu_owner, neanelu_operator;
GRANT EXECUTE ON FUNCTION jobs.pause_task(text, uuid, boolean), jobs.run_task(text, uuid) TO neanelu_operator;
GRANT EXECUTE ON FUNCTION jobs.due_tasks(), jobs.fire_task(uuid, timestamptz, timestamptz), jobs.list_tasks() TO neanelu_worker, neanelu_operator;

COMMIT;
