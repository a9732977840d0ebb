-- Deploy neanelu:functions/jobs/enqueue to pg
-- requires: policies/jobs
-- requires: functions/app/context
-- What there is to handle jobs, and how jobs come into their queues.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, jobs, app, extensions, pg_temp;

CREATE FUNCTION jobs._setting(p_key text, p_default integer)
RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce((SELECT (c.value #>> '{}')::integer FROM neanelu.system_config AS c WHERE c.key = 'jobs.' || p_key), p_default)
$$;
COMMENT ON FUNCTION jobs._setting(text, integer) IS
    'A whole number of system_config, key jobs.<p_key>, or the default. Reads only. Raises: 22P02 where the stored value is none';

CREATE FUNCTION jobs._lane(p_shop_id uuid)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(p_shop_id::text, 'platform');
COMMENT ON FUNCTION jobs._lane(uuid) IS 'The lane of a shop''s jobs within a queue: its id, or platform. Pure.';

-- Handlers ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION jobs.register_handler(
    p_name text, p_queue text, p_runs_in text, p_function regprocedure DEFAULT NULL, p_max_attempts integer DEFAULT 5,
    p_lease interval DEFAULT '60 seconds', p_backoff interval DEFAULT '5 seconds', p_permanent_codes text[] DEFAULT '{}')
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_function text;
BEGIN
    SELECT format('%I.%I', n.nspname, p.proname) INTO v_function
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE p.oid = p_function AND p.proargtypes = '2950 3802'::oidvector AND p.prorettype = 'jsonb'::regtype AND NOT p.proretset;
    IF p_function IS NOT NULL AND v_function IS NULL THEN
        RAISE EXCEPTION '% cannot handle jobs', p_function USING ERRCODE = 'NJ004', HINT = 'f(p_shop_id uuid, p_payload jsonb) RETURNS jsonb';
    END IF;
    INSERT INTO neanelu.job_handlers AS h (job_name, queue_name, runs_in, function_name, max_attempts, lease, backoff, max_backoff, permanent_codes)
    VALUES (p_name, p_queue, p_runs_in, v_function, p_max_attempts, p_lease, p_backoff, greatest(p_backoff, '1 hour'), p_permanent_codes)
    ON CONFLICT (job_name) DO UPDATE
       SET queue_name = excluded.queue_name, runs_in = excluded.runs_in, function_name = excluded.function_name,
           max_attempts = excluded.max_attempts, lease = excluded.lease, backoff = excluded.backoff, max_backoff = excluded.max_backoff,
           permanent_codes = excluded.permanent_codes
     WHERE (h.queue_name, h.runs_in, h.function_name, h.max_attempts, h.lease, h.backoff, h.max_backoff, h.permanent_codes) IS DISTINCT FROM
           (excluded.queue_name, excluded.runs_in, excluded.function_name, excluded.max_attempts, excluded.lease, excluded.backoff,
            excluded.max_backoff, excluded.permanent_codes);
END
$$;
COMMENT ON FUNCTION jobs.register_handler(text, text, text, regprocedure, integer, interval, interval, text[]) IS
    'Says what handles the jobs of a name: a function of the database, or code of a worker. For migrations. A function is owned by '
    'neanelu_engine, idempotent, and what it raises has the job tried again, unless the code is of class 22 or 23 or among p_permanent_codes '
    '(codes, or classes of two letters). Idempotent; the last word counts. Locks: the handler''s row. '
    'Raises: NJ004 the function cannot handle jobs, 23503 no such queue, 23514 a value out of range';

CREATE FUNCTION jobs.unregister_handler(p_name text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$ DELETE FROM neanelu.job_handlers WHERE job_name = p_name $$;
COMMENT ON FUNCTION jobs.unregister_handler(text) IS
    'Takes the word of jobs.register_handler back; jobs of the name then fail. For migrations. Idempotent. Locks: the handler''s row. Raises: nothing';

-- Waking workers ----------------------------------------------------------------------------------------------------

CREATE FUNCTION jobs._wake(p_queue text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    -- A plain look first: while workers are busy nobody is to write here.
    PERFORM FROM neanelu.job_signals AS s WHERE s.queue_name = p_queue AND s.is_wanted;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- One notifier at a time: who commits with a notification holds a lock of the whole server while it is written to disk.
    PERFORM FROM neanelu.job_signals AS s WHERE s.queue_name = p_queue AND s.is_wanted FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE neanelu.job_signals AS s SET is_wanted = false WHERE s.queue_name = p_queue;
        PERFORM pg_catalog.pg_notify('neanelu_jobs', p_queue);
    END IF;
END
$$;
COMMENT ON FUNCTION jobs._wake(text) IS
    'Notifies on neanelu_jobs, with the queue as payload, if a worker found nothing to do since the last notification and nobody else is '
    'about to. What falls between two stools waits for the workers'' next look. Locks: the queue''s row of job_signals until the commit, without waiting. '
    'Raises: nothing';

DO $of_queues$
DECLARE
    v_queue text;
BEGIN
    -- One function a queue, because a statement that names its table is planned once a session, not once a job.
    FOR v_queue IN SELECT q.queue_name FROM neanelu.job_queues AS q ORDER BY 1 LOOP
        EXECUTE format($create$
CREATE FUNCTION jobs.%1$I(
    p_job_ids uuid[], p_shop_ids uuid[], p_payloads jsonb[], p_at timestamptz, p_has_key boolean, p_name text, p_priority integer, p_tries integer,
    p_task_id uuid)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH new AS (
        SELECT n.id, n.shop_id, n.payload FROM unnest(p_job_ids, p_shop_ids, p_payloads) AS n (id, shop_id, payload)
    ), sent AS (
        INSERT INTO pgmq.%2$I (vt, message, headers)
        SELECT p_at, CASE WHEN p_has_key THEN jsonb_build_object('job', n.id, 'key', true) ELSE jsonb_build_object('job', n.id) END,
               jsonb_build_object('x-pgmq-group', coalesce(n.shop_id::text, 'platform'))
          FROM new AS n
        RETURNING msg_id, (message ->> 'job')::uuid AS id
    )
    INSERT INTO neanelu.job_runs (id, shop_id, queue_name, job_id, job_name, priority, max_attempts, payload, task_id)
    SELECT n.id, n.shop_id, %3$L, s.msg_id::text, p_name, p_priority, p_tries, n.payload, p_task_id FROM sent AS s JOIN new AS n ON n.id = s.id
$$;
COMMENT ON FUNCTION jobs.%1$I(uuid[], uuid[], jsonb[], timestamptz, boolean, text, integer, integer, uuid) IS
    'Messages and records of new jobs of the queue. Locks: the rows it adds. Raises: 23503 no such shop, 23514 a value out of range';
        $create$, '_put_' || v_queue, 'q_' || v_queue, v_queue);
    END LOOP;
END
$of_queues$;

-- Enqueueing --------------------------------------------------------------------------------------------------------

CREATE FUNCTION jobs._rely_on(p_queue text, p_lane text, p_key text, p_job_id uuid)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_job_id uuid;
BEGIN
    LOOP
        INSERT INTO neanelu.job_keys (job_id, queue_name, lane, dedupe_key) VALUES (p_job_id, p_queue, p_lane, p_key)
        ON CONFLICT (queue_name, lane, dedupe_key) WHERE NOT is_closing DO NOTHING;
        IF FOUND THEN
            RETURN p_job_id;
        END IF;
        -- Held until the end of this transaction, so that the job starts after it and sees what it wrote.
        SELECT k.job_id INTO v_job_id FROM neanelu.job_keys AS k
         WHERE k.queue_name = p_queue AND k.lane = p_lane AND k.dedupe_key = p_key AND NOT k.is_closing
           FOR KEY SHARE;
        IF FOUND THEN
            RETURN v_job_id;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION jobs._rely_on(text, text, text, uuid) IS
    'The job that waits for a key: the given one if there was none, else the one there is, which then cannot start before the caller''s '
    'transaction has ended. Waits for a transaction that is about to add the same key. Locks: the key''s row (FOR KEY SHARE). Raises: nothing';

CREATE FUNCTION jobs.enqueue(
    p_queue text, p_name text, p_shop_id uuid, p_payload jsonb DEFAULT '{}', p_delay interval DEFAULT '0', p_priority integer DEFAULT 0,
    p_dedupe_key text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, app, pg_temp
AS $$
DECLARE
    v_job_id  uuid := uuidv7();
    v_open_id uuid;
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    IF p_dedupe_key IS NOT NULL THEN
        v_open_id := jobs._rely_on(p_queue, jobs._lane(p_shop_id), p_dedupe_key, v_job_id);
        IF v_open_id <> v_job_id THEN
            RETURN v_open_id;
        END IF;
    END IF;
    PERFORM jobs._insert(p_queue, p_name, ARRAY[v_job_id], ARRAY[p_shop_id], ARRAY[p_payload], p_delay, p_priority, p_dedupe_key IS NOT NULL, NULL);
    RETURN v_job_id;
END
$$;

CREATE FUNCTION jobs._insert(
    p_queue text, p_name text, p_job_ids uuid[], p_shop_ids uuid[], p_payloads jsonb[], p_delay interval, p_priority integer, p_has_key boolean,
    p_task_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_tries integer;
BEGIN
    SELECT coalesce(h.max_attempts, 5) INTO v_tries
      FROM neanelu.job_queues AS q LEFT JOIN neanelu.job_handlers AS h ON h.job_name = p_name WHERE q.queue_name = p_queue;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no queue "%"', p_queue USING ERRCODE = 'NJ002';
    END IF;
    -- Priority is a head start: it puts the message before those of its lane that came up to so many minutes earlier.
    EXECUTE format('SELECT jobs.%I($1, $2, $3, $4, $5, $6, $7, $8, $9)', '_put_' || p_queue)
      USING p_job_ids, p_shop_ids, p_payloads, clock_timestamp() + CASE WHEN p_delay > '0' THEN p_delay ELSE make_interval(mins => -p_priority) END,
            p_has_key, p_name, p_priority, v_tries, p_task_id;
    IF p_delay <= '0' THEN
        PERFORM jobs._wake(p_queue);
    END IF;
END
$$;

COMMENT ON FUNCTION jobs.enqueue(text, text, uuid, jsonb, interval, integer, text) IS
    'Asks for a job and returns its id (job_runs.id), in the caller''s transaction. p_shop_id null: the platform''s own. Each point of p_priority '
    '(0 to 1000) is a minute''s head start among the shop''s jobs. p_dedupe_key: while a job with the same queue, shop and key waits, its id is returned '
    'instead, and it does not start before this transaction has ended. Not idempotent without such a key. Locks: none that others wait for, except '
    'for a key that another transaction is about to add. '
    'Raises: NA002 not your shop, NJ002 no such queue, 23503 no such shop, 23514 a payload that is no object or a priority out of range';
COMMENT ON FUNCTION jobs._insert(text, text, uuid[], uuid[], jsonb[], interval, integer, boolean, uuid) IS
    'Puts jobs into a queue: messages and records, then a wake-up if one is wanted. Locks: as jobs._wake. Raises: NJ002 no such queue';

CREATE FUNCTION jobs.enqueue_many(p_queue text, p_name text, p_shop_ids uuid[], p_payloads jsonb[], p_delay interval DEFAULT '0')
RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, app, pg_temp
AS $$
DECLARE
    v_job_ids uuid[];
BEGIN
    IF cardinality(p_shop_ids) IS DISTINCT FROM cardinality(p_payloads) THEN
        RAISE EXCEPTION '% shops, but % payloads', cardinality(p_shop_ids), cardinality(p_payloads) USING ERRCODE = 'NJ003';
    END IF;
    -- A login that may work for two shops may work for any.
    PERFORM app.assert_shop_access(s.id) FROM (SELECT DISTINCT u.id FROM unnest(p_shop_ids) AS u (id) WHERE u.id IS NOT NULL LIMIT 2) AS s;
    v_job_ids := ARRAY(SELECT uuidv7() FROM unnest(p_shop_ids));
    IF v_job_ids <> '{}' THEN
        PERFORM jobs._insert(p_queue, p_name, v_job_ids, p_shop_ids, p_payloads, p_delay, 0, false, NULL);
    END IF;
    RETURN QUERY SELECT unnest(v_job_ids);
END
$$;
COMMENT ON FUNCTION jobs.enqueue_many(text, text, uuid[], jsonb[], interval) IS
    'jobs.enqueue for many at once, one shop (null: the platform) and one payload each; the ids come in the same order. Not idempotent. Locks: none that others wait for. '
    'Raises: NA002 not your shop, NJ002 no such queue, NJ003 other numbers of shops and payloads, 23503 no such shop, 23514 a payload that is no object';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    jobs.register_handler(text, text, text, regprocedure, integer, interval, interval, text[]), jobs.unregister_handler(text)
    TO neanelu_owner;
GRANT EXECUTE ON FUNCTION
    jobs.enqueue(text, text, uuid, jsonb, interval, integer, text), jobs.enqueue_many(text, text, uuid[], jsonb[], interval)
    TO neanelu_worker, neanelu_webhooks, neanelu_sync, neanelu_app, neanelu_operator;

COMMIT;
