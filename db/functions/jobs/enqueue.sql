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

CREATE FUNCTION jobs._message(p_job_id uuid, p_lease interval)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN jsonb_object(CASE WHEN p_lease <> '60 seconds' THEN ARRAY['job', p_job_id::text, 'lease', p_lease::text] ELSE ARRAY['job', p_job_id::text] END);
COMMENT ON FUNCTION jobs._message(uuid, interval) IS
    'The message of a job whose handler has such a lease (null: no handler). What claims need to know is in it, so that they need not look it up. Reads nothing.';

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

-- Into a queue ------------------------------------------------------------------------------------------------------

DO $of_queues$
DECLARE
    v_put  text;
    v_send text;
BEGIN
    -- A branch for each queue, because a statement that names its table is planned once a session, not once a job.
    SELECT string_agg(format($branch$%1$s p_queue = %2$L THEN
        WITH recorded AS (
            INSERT INTO neanelu.job_runs (id, shop_id, queue_name, job_id, job_name, max_attempts, payload)
            SELECT n.id, n.shop_id, p_queue, nextval('pgmq.%4$I')::text, p_name, p_tries, n.payload
              FROM unnest(p_job_ids, p_shop_ids, p_payloads) AS n (id, shop_id, payload)
            RETURNING id, shop_id, job_id
        )
        INSERT INTO pgmq.%3$I (msg_id, vt, message, headers) OVERRIDING SYSTEM VALUE
        SELECT r.job_id::bigint, p_at, jobs._message(r.id, p_lease), jsonb_object(ARRAY['x-pgmq-group', jobs._lane(r.shop_id)]) FROM recorded AS r;
    $branch$, CASE o.n WHEN 1 THEN 'IF' ELSE 'ELSIF' END, o.queue_name, 'q_' || o.queue_name, 'q_' || o.queue_name || '_msg_id_seq'), '' ORDER BY o.n),
           string_agg(format($branch$%s p_queue = %L THEN
        INSERT INTO pgmq.%I (vt, message, headers) VALUES (p_at, p_message, v_headers) RETURNING msg_id INTO v_id;
    $branch$, CASE o.n WHEN 1 THEN 'IF' ELSE 'ELSIF' END, o.queue_name, 'q_' || o.queue_name), '' ORDER BY o.n)
      INTO v_put, v_send
      FROM (SELECT q.queue_name, row_number() OVER (ORDER BY q.queue_name = 'webhooks' DESC, q.queue_name) AS n FROM neanelu.job_queues AS q) AS o;

    EXECUTE format($create$
CREATE FUNCTION jobs._put(p_queue text, p_name text, p_job_ids uuid[], p_shop_ids uuid[], p_payloads jsonb[], p_at timestamptz, p_tries integer, p_lease interval)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    %sELSE
        RAISE EXCEPTION 'there is no queue "%%"', p_queue USING ERRCODE = 'NJ002';
    END IF;
END
$$;
COMMENT ON FUNCTION jobs._put(text, text, uuid[], uuid[], jsonb[], timestamptz, integer, interval) IS
    'Messages and records of new jobs; the caller holds their shops. Locks: the rows it adds. Raises: NJ002 no such queue, 23514 a payload that is no object';

CREATE FUNCTION jobs._send(p_queue text, p_lane text, p_message jsonb, p_at timestamptz)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_headers constant jsonb := jsonb_object(ARRAY['x-pgmq-group', p_lane]);
    v_id      bigint;
BEGIN
    %sELSE
        RAISE EXCEPTION 'there is no queue "%%"', p_queue USING ERRCODE = 'NJ002';
    END IF;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION jobs._send(text, text, jsonb, timestamptz) IS 'A message into a queue; returns its number. Locks: the row it adds. Raises: NJ002 no such queue';
    $create$, v_put, v_send);
END
$of_queues$;

-- Jobs and their shops ----------------------------------------------------------------------------------------------

CREATE FUNCTION jobs._assert_shops(p_held bigint, p_asked bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_held < p_asked THEN
        RAISE EXCEPTION '% of % shops do not exist', p_asked - p_held, p_asked
            USING ERRCODE = '23503', SCHEMA = 'neanelu', TABLE = 'job_runs', CONSTRAINT = 'job_runs_shop_id_fkey';
    END IF;
END
$$;
COMMENT ON FUNCTION jobs._assert_shops(bigint, bigint) IS
    'What the reference of job_runs to shops would say when fewer shops are there than are asked for. Reads nothing. Raises: 23503 no such shop';

CREATE FUNCTION jobs.tg_shops__forget_jobs()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        PERFORM jobs._assert_shops(0, 1) FROM neanelu.job_runs AS j WHERE j.shop_id = OLD.id LIMIT 1;
    ELSE
        DELETE FROM neanelu.job_runs AS j WHERE j.shop_id = OLD.id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION jobs.tg_shops__forget_jobs() IS
    'Trigger: a deleted shop takes the records of its jobs along, and a shop with jobs keeps its id. Whoever adds a job holds the shop''s row (FOR KEY SHARE) until '
    'the end of the transaction, so none is overlooked and none comes after. Locks: the jobs. Raises: 23503 the id of a shop with jobs changes';
GRANT EXECUTE ON FUNCTION jobs.tg_shops__forget_jobs() TO neanelu_owner;

SET LOCAL ROLE neanelu_owner;
CREATE TRIGGER tg_shops__forget_jobs_delete AFTER DELETE ON neanelu.shops
    FOR EACH ROW EXECUTE FUNCTION jobs.tg_shops__forget_jobs();
CREATE TRIGGER tg_shops__forget_jobs_update AFTER UPDATE OF id ON neanelu.shops
    FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id) EXECUTE FUNCTION jobs.tg_shops__forget_jobs();
SET LOCAL ROLE neanelu_engine;

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
        ON CONFLICT (queue_name, lane, dedupe_key) WHERE NOT is_closing DO NOTHING
        RETURNING job_id INTO v_job_id;
        EXIT WHEN FOUND;
        -- Held until the end of this transaction, so that the job starts after it and sees what it wrote.
        SELECT k.job_id INTO v_job_id FROM neanelu.job_keys AS k
         WHERE k.queue_name = p_queue AND k.lane = p_lane AND k.dedupe_key = p_key AND NOT k.is_closing
           FOR KEY SHARE;
        EXIT WHEN FOUND;
    END LOOP;
    RETURN v_job_id;
END
$$;
COMMENT ON FUNCTION jobs._rely_on(text, text, text, uuid) IS
    'The job that waits for a key: the given one if there was none, else the one there is, which then cannot start before the caller''s '
    'transaction has ended. Waits for a transaction that is about to add the same key. Locks: the key''s row (FOR KEY SHARE). Raises: nothing';

CREATE FUNCTION jobs._enqueue(
    p_queue text, p_name text, p_shop_id uuid, p_payload jsonb, p_delay interval, p_priority integer, p_dedupe_key text, p_task_id uuid)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
-- A plan that suits the values is never better here, and costs more than the statement.
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_job_id  constant uuid := uuidv7();
    v_lane    constant text := coalesce(p_shop_id::text, 'platform');
    v_handler record;
    v_message jsonb;
    v_open_id uuid;
BEGIN
    IF p_priority NOT BETWEEN 0 AND 1000 THEN
        RAISE EXCEPTION 'a priority is 0 to 1000, not %', p_priority USING ERRCODE = 'NJ003';
    END IF;
    IF p_dedupe_key IS NOT NULL THEN
        v_open_id := jobs._rely_on(p_queue, v_lane, p_dedupe_key, v_job_id);
        IF v_open_id <> v_job_id THEN
            RETURN v_open_id;
        END IF;
    END IF;
    SELECT h.max_attempts, h.lease INTO v_handler FROM neanelu.job_handlers AS h WHERE h.job_name = p_name;
    v_message := jobs._message(v_job_id, v_handler.lease);
    IF p_dedupe_key IS NOT NULL THEN
        v_message := v_message || '{"key": true}';
    END IF;
    IF p_shop_id IS NOT NULL THEN
        PERFORM FROM neanelu.shops AS s WHERE s.id = p_shop_id FOR KEY SHARE;
        IF NOT FOUND THEN
            PERFORM jobs._assert_shops(0, 1);
        END IF;
    END IF;
    -- Priority is a head start: it puts the message before those of its lane that came up to so many minutes earlier.
    INSERT INTO neanelu.job_runs (id, shop_id, queue_name, job_id, job_name, priority, max_attempts, payload, task_id)
    VALUES (v_job_id, p_shop_id, p_queue,
            jobs._send(p_queue, v_lane, v_message, clock_timestamp() + CASE WHEN p_delay > '0' THEN p_delay ELSE make_interval(mins => -p_priority) END),
            p_name, p_priority, coalesce(v_handler.max_attempts, 5), p_payload, p_task_id);
    IF p_delay <= '0' AND EXISTS (SELECT FROM neanelu.job_signals AS s WHERE s.queue_name = p_queue AND s.is_wanted) THEN
        PERFORM jobs._wake(p_queue);
    END IF;
    RETURN v_job_id;
END
$$;
COMMENT ON FUNCTION jobs._enqueue(text, text, uuid, jsonb, interval, integer, text, uuid) IS
    'What jobs.enqueue does, for callers that were checked; p_task_id is the recurring task, if one asks. Locks: as there. Raises: as there (NJ003), but for NA002';

CREATE FUNCTION jobs.enqueue(
    p_queue text, p_name text, p_shop_id uuid, p_payload jsonb DEFAULT '{}', p_delay interval DEFAULT '0', p_priority integer DEFAULT 0,
    p_dedupe_key text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, app, pg_temp
AS $$
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    RETURN jobs._enqueue(p_queue, p_name, p_shop_id, p_payload, p_delay, p_priority, p_dedupe_key, NULL);
END
$$;
COMMENT ON FUNCTION jobs.enqueue(text, text, uuid, jsonb, interval, integer, text) IS
    'Asks for a job and returns its id (job_runs.id), in the caller''s transaction. p_shop_id null: the platform''s own. Each point of p_priority '
    '(0 to 1000) is a minute''s head start among the shop''s jobs. p_dedupe_key: while a job with the same queue, shop and key waits, its id is returned '
    'instead, and it does not start before this transaction has ended. Not idempotent without such a key. Locks: the shop (FOR KEY SHARE); none that others wait for, except '
    'for a key that another transaction is about to add, and who deletes the shop. '
    'Raises: NA002 not your shop, NJ002 no such queue, NJ003 a priority out of range, 23503 no such shop, 23514 a payload that is no object';

CREATE FUNCTION jobs.enqueue_many(p_queue text, p_name text, p_shop_ids uuid[], p_payloads jsonb[], p_delay interval DEFAULT '0')
RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, app, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_job_ids constant uuid[] := ARRAY(SELECT uuidv7() FROM unnest(p_shop_ids));
    v_shops   uuid[] := array_remove(p_shop_ids, NULL);
    v_found   record;
BEGIN
    IF cardinality(p_shop_ids) IS DISTINCT FROM cardinality(p_payloads) THEN
        RAISE EXCEPTION '% shops, but % payloads', cardinality(p_shop_ids), cardinality(p_payloads) USING ERRCODE = 'NJ003';
    END IF;
    -- A login that may work for two shops may work for any.
    FOR v_turn IN 1 .. 2 LOOP
        EXIT WHEN (cardinality(v_shops) > 0) IS NOT TRUE;
        PERFORM app.assert_shop_access(v_shops[1]);
        v_shops := array_remove(v_shops, v_shops[1]);
    END LOOP;
    IF v_job_ids <> '{}' THEN
        SELECT s.is_wanted AND p_delay <= '0' AS is_wanted, h.max_attempts, h.lease,
               (SELECT count(*) FROM (SELECT FROM neanelu.shops AS o WHERE o.id = ANY (p_shop_ids) FOR KEY SHARE) AS k) AS held
          INTO v_found FROM neanelu.job_signals AS s LEFT JOIN neanelu.job_handlers AS h ON h.job_name = p_name WHERE s.queue_name = p_queue;
        IF v_found.held < cardinality(p_shop_ids) THEN
            PERFORM jobs._assert_shops(v_found.held, (SELECT count(DISTINCT g.id) FROM unnest(p_shop_ids) AS g (id)));
        END IF;
        PERFORM jobs._put(p_queue, p_name, v_job_ids, p_shop_ids, p_payloads, clock_timestamp() + greatest(p_delay, '0'), coalesce(v_found.max_attempts, 5), v_found.lease);
        IF v_found.is_wanted THEN
            PERFORM jobs._wake(p_queue);
        END IF;
    END IF;
    RETURN QUERY SELECT unnest(v_job_ids);
END
$$;
COMMENT ON FUNCTION jobs.enqueue_many(text, text, uuid[], jsonb[], interval) IS
    'jobs.enqueue for many at once, one shop (null: the platform) and one payload each; the ids come in the same order. Not idempotent. Locks: the shops (FOR KEY SHARE), which only who deletes one waits for. '
    'Raises: NA002 not your shop, NJ002 no such queue, NJ003 other numbers of shops and payloads, 23503 no such shop, 23514 a payload that is no object';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    jobs.register_handler(text, text, text, regprocedure, integer, interval, interval, text[]), jobs.unregister_handler(text)
    TO neanelu_owner;
GRANT EXECUTE ON FUNCTION
    jobs.enqueue(text, text, uuid, jsonb, interval, integer, text), jobs.enqueue_many(text, text, uuid[], jsonb[], interval)
    TO neanelu_worker, neanelu_webhooks, neanelu_sync, neanelu_app, neanelu_operator;

COMMIT;
