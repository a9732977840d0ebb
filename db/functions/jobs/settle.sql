-- Deploy neanelu:functions/jobs/settle to pg
-- requires: functions/jobs/claim
-- How a job ends, or begins again: with its effects, or without.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, jobs, app, extensions, pg_temp;

CREATE FUNCTION jobs._lost(p_job_id uuid)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'the lease on job % is lost: it is %', p_job_id,
        coalesce((SELECT j.status FROM neanelu.job_runs AS j WHERE j.id = p_job_id), 'gone')
        USING ERRCODE = 'NJ001', HINT = 'Roll back; whoever holds the job now does it.';
END
$$;
COMMENT ON FUNCTION jobs._lost(uuid) IS 'Raises: NJ001 the lease on the job is lost';

CREATE FUNCTION jobs._release_slot(p_job_id uuid, p_token bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
BEGIN
    UPDATE neanelu.job_slots AS s
       SET job_id = NULL, lane = NULL, queue_name = NULL, token = NULL, leased_by = NULL, leased_at = NULL, lease_expires_at = NULL
     WHERE s.slot = p_token & 65535 AND s.token = p_token AND s.job_id = p_job_id;
    IF NOT FOUND THEN
        PERFORM jobs._lost(p_job_id);
    END IF;
END
$$;
COMMENT ON FUNCTION jobs._release_slot(uuid, bigint) IS
    'Gives up a lease, if it is still the caller''s: the first step of every end. A lease past its time that nobody took is still good. Locks: the slot. '
    'Raises: NJ001 the lease is lost';

CREATE FUNCTION jobs.complete(p_job_id uuid, p_token bigint, p_result jsonb DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
    WITH released AS (
        UPDATE neanelu.job_slots AS s
           SET job_id = NULL, lane = NULL, queue_name = NULL, token = NULL, leased_by = NULL, leased_at = NULL, lease_expires_at = NULL
         WHERE s.slot = p_token & 65535 AND s.token = p_token AND s.job_id = p_job_id
        RETURNING p_job_id AS id
    )
    UPDATE neanelu.job_runs AS j SET status = 'completed', completed_at = clock_timestamp(), result = p_result FROM released AS r WHERE j.id = r.id;
    IF NOT FOUND THEN
        PERFORM jobs._lost(p_job_id);
    END IF;
END
$$;
COMMENT ON FUNCTION jobs.complete(uuid, bigint, jsonb) IS
    'The job is done. To be called in the transaction of its effects, at its end: when the lease was lost to somebody else, this raises and the '
    'effects are undone with it. Locks: the slot and the job. Raises: NJ001 the lease is lost';

CREATE FUNCTION jobs.complete_many(p_tokens bigint[])
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    v_done integer;
BEGIN
    WITH released AS (
        UPDATE neanelu.job_slots AS s
           SET job_id = NULL, lane = NULL, queue_name = NULL, token = NULL, leased_by = NULL, leased_at = NULL, lease_expires_at = NULL
         WHERE s.slot = ANY (ARRAY(SELECT n.token & 65535 FROM unnest(p_tokens) AS n (token))) AND s.token = ANY (p_tokens)
        RETURNING old.job_id AS id
    )
    UPDATE neanelu.job_runs AS j SET status = 'completed', completed_at = clock_timestamp() WHERE j.id = ANY (ARRAY(SELECT r.id FROM released AS r));
    GET DIAGNOSTICS v_done = ROW_COUNT;
    IF v_done <> cardinality(p_tokens) THEN
        RAISE EXCEPTION '% of % leases are lost', cardinality(p_tokens) - v_done, cardinality(p_tokens)
            USING ERRCODE = 'NJ001', HINT = 'Roll back, and complete them one by one.';
    END IF;
    RETURN v_done;
END
$$;
COMMENT ON FUNCTION jobs.complete_many(bigint[]) IS
    'jobs.complete for several jobs without results, all or none; a token says which job it is for. Locks: their slots and the jobs. Raises: NJ001 a lease is lost';

CREATE FUNCTION jobs._secure_claim(p_leased_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_now constant bigint := extract(epoch FROM clock_timestamp()) * 1000000;
BEGIN
    IF (SELECT f.last_value FROM neanelu.job_flushes AS f) < extract(epoch FROM p_leased_at) * 1000000 THEN
        PERFORM pg_catalog.pg_logical_emit_message(false, 'neanelu.jobs', '', true);
        PERFORM pg_catalog.setval('neanelu.job_flushes', v_now);
    END IF;
END
$$;
COMMENT ON FUNCTION jobs._secure_claim(timestamptz) IS
    'Has the server write its log to disk, if it did not since that time: claims do not wait for the disk, but a job that crashes the server '
    'must not find its attempt uncounted and crash it for ever. Once a claim, however many jobs it took. Locks: nothing. Raises: nothing';

CREATE FUNCTION jobs.execute(p_job_id uuid, p_token bigint)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_job       record;
    v_leased_at timestamptz;
    v_function  text[];
    v_result    jsonb;
BEGIN
    -- Held while the function runs: a lease that runs out meanwhile is not taken, and can still be extended.
    SELECT s.leased_at INTO v_leased_at FROM neanelu.job_slots AS s
     WHERE s.slot = p_token & 65535 AND s.token = p_token AND s.job_id = p_job_id FOR KEY SHARE;
    IF NOT FOUND THEN
        PERFORM jobs._lost(p_job_id);
    END IF;
    SELECT j.job_name, j.shop_id, j.payload, h.function_name INTO STRICT v_job
      FROM neanelu.job_runs AS j LEFT JOIN neanelu.job_handlers AS h ON h.job_name = j.job_name WHERE j.id = p_job_id;
    IF v_job.function_name IS NULL THEN
        RAISE EXCEPTION 'no function handles jobs of the name %', v_job.job_name USING ERRCODE = 'NJ005';
    END IF;
    PERFORM jobs._secure_claim(v_leased_at);
    v_function := parse_ident(v_job.function_name);
    EXECUTE format('SELECT %I.%I($1, $2)', v_function[1], v_function[2]) INTO v_result USING v_job.shop_id, v_job.payload;
    PERFORM jobs.complete(p_job_id, p_token, v_result);
    RETURN v_result;
END
$$;
COMMENT ON FUNCTION jobs.execute(uuid, bigint) IS
    'Does a job whose handler is a function, and completes it, in one transaction; returns what the handler returned. When it raises, nothing has happened: '
    'call jobs.fail with the code. Locks: the slot (its lease cannot be taken meanwhile), the job, and what the handler locks. '
    'Raises: NJ001 the lease is lost, NJ005 no function handles it, and whatever the handler raises';

CREATE FUNCTION jobs.is_permanent(p_job_name text, p_sqlstate text)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce(left(p_sqlstate, 2) IN ('22', '23') OR p_sqlstate = 'NJ005'
                    OR EXISTS (SELECT FROM neanelu.job_handlers AS h
                                WHERE h.job_name = p_job_name AND h.permanent_codes && ARRAY[p_sqlstate, left(p_sqlstate, 2)]), false)
$$;
COMMENT ON FUNCTION jobs.is_permanent(text, text) IS
    'Whether another attempt is pointless after an error of this SQLSTATE: data and constraints (22, 23), a missing handler (NJ005), '
    'and what the handler''s registration says. Reads only.';

CREATE FUNCTION jobs.fail(
    p_job_id uuid, p_token bigint, p_error text, p_detail text DEFAULT NULL, p_permanent boolean DEFAULT false, p_retry_after interval DEFAULT NULL,
    p_sqlstate text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_name text;
BEGIN
    PERFORM jobs._release_slot(p_job_id, p_token);
    SELECT j.job_name INTO v_name FROM neanelu.job_runs AS j WHERE j.id = p_job_id;
    IF jobs._settle_failed(ARRAY[p_job_id], p_error, p_detail, p_permanent OR jobs.is_permanent(v_name, p_sqlstate), p_retry_after) > 0 THEN
        RETURN 'dead';
    END IF;
    RETURN 'retry';
END
$$;
COMMENT ON FUNCTION jobs.fail(uuid, bigint, text, text, boolean, interval, text) IS
    'The attempt failed: retry, after p_retry_after or a pause that doubles with each attempt, or dead, when that was the last one, the caller says so, or '
    'jobs.is_permanent does for p_sqlstate. To be called in a transaction of its own, after that of the effects was rolled back. Locks: the slot and the job. '
    'Raises: NJ001 the lease is lost';

CREATE FUNCTION jobs.extend(p_job_id uuid, p_token bigint, p_lease interval)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_until timestamptz;
BEGIN
    UPDATE neanelu.job_slots AS s SET lease_expires_at = clock_timestamp() + p_lease
     WHERE s.slot = p_token & 65535 AND s.token = p_token AND s.job_id = p_job_id
    RETURNING s.lease_expires_at INTO v_until;
    IF NOT FOUND THEN
        PERFORM jobs._lost(p_job_id);
    END IF;
    RETURN v_until;
END
$$;
COMMENT ON FUNCTION jobs.extend(uuid, bigint, interval) IS
    'The worker is still at it: the lease lasts p_lease from now on. Idempotent. Locks: the slot. Raises: NJ001 the lease is lost';

CREATE FUNCTION jobs.release(p_job_id uuid, p_token bigint, p_delay interval DEFAULT '0')
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_queue text;
BEGIN
    PERFORM jobs._release_slot(p_job_id, p_token);
    UPDATE neanelu.job_runs AS j SET attempts = j.attempts - 1, status = 'waiting' WHERE j.id = p_job_id RETURNING j.queue_name INTO v_queue;
    PERFORM jobs._move(v_queue, ARRAY[p_job_id], ARRAY[clock_timestamp() + p_delay], 'waiting');
    IF p_delay <= '0' THEN
        PERFORM jobs._wake(v_queue);
    END IF;
END
$$;
COMMENT ON FUNCTION jobs.release(uuid, bigint, interval) IS
    'Gives the job back as if it had not been started, to be had again after p_delay: no budget for it, or the worker stops. Locks: the slot and the job. '
    'Raises: NJ001 the lease is lost';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    jobs.complete(uuid, bigint, jsonb), jobs.complete_many(bigint[]), jobs.execute(uuid, bigint), jobs.is_permanent(text, text),
    jobs.fail(uuid, bigint, text, text, boolean, interval, text), jobs.extend(uuid, bigint, interval), jobs.release(uuid, bigint, interval)
    TO neanelu_worker;

COMMIT;
