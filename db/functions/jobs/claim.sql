-- Deploy neanelu:functions/jobs/claim to pg
-- requires: functions/jobs/enqueue
-- Who gets which job next, and what becomes of one that nobody finished.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, jobs, app, extensions, pg_temp;

-- Out of a slot -----------------------------------------------------------------------------------------------------

CREATE FUNCTION jobs._move(p_queue text, p_job_ids uuid[], p_at timestamptz[], p_status text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
BEGIN
    EXECUTE format(
        'WITH sent AS ('
        '  INSERT INTO pgmq.%I (vt, message, headers) '
        '  SELECT n.vt, jsonb_build_object(''job'', j.id), jsonb_build_object(''x-pgmq-group'', jobs._lane(j.shop_id)) '
        '    FROM unnest($1, $2) AS n (id, vt) JOIN neanelu.job_runs AS j ON j.id = n.id '
        '  RETURNING msg_id, (message ->> ''job'')::uuid AS id) '
        'UPDATE neanelu.job_runs AS j '
        '   SET job_id = s.msg_id::text, status = $3, failed_at = CASE WHEN $3 = ''failed'' THEN clock_timestamp() END '
        '  FROM sent AS s WHERE j.id = s.id',
        'q_' || p_queue || CASE WHEN p_status = 'failed' THEN '_dead' ELSE '' END)
    USING p_job_ids, p_at, p_status;
END
$$;
COMMENT ON FUNCTION jobs._move(text, uuid[], timestamptz[], text) IS
    'Sends new messages for jobs that have none: into their queue (waiting), to be read from the given times on, or into its dead letters (failed). '
    'Locks: the jobs'' rows. Raises: nothing';

CREATE FUNCTION jobs._pause(p_attempts integer, p_backoff interval, p_max_backoff interval)
RETURNS interval
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
RETURN least(p_backoff * power(2, least(greatest(p_attempts - 1, 0), 30)), p_max_backoff) * (0.5 + random() / 2);
COMMENT ON FUNCTION jobs._pause(integer, interval, interval) IS
    'The pause after so many attempts: doubled each time, up to the longest, and up to a half of it less at random, so that what failed '
    'together does not come back together. Pure but for the chance in it.';

CREATE FUNCTION jobs._settle_failed(
    p_job_ids uuid[], p_error text, p_detail text DEFAULT NULL, p_is_permanent boolean DEFAULT false, p_retry_after interval DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_move record;
    v_dead integer := 0;
BEGIN
    UPDATE neanelu.job_runs AS j SET error_message = left(p_error, 2000), error_stack = left(p_detail, 20000)
     WHERE j.id = ANY (p_job_ids);
    FOR v_move IN
        SELECT j.queue_name, d.is_dead, array_agg(j.id ORDER BY j.id) AS ids,
               array_agg(clock_timestamp() + CASE WHEN d.is_dead THEN '0' ELSE coalesce(p_retry_after, jobs._pause(
                   j.attempts, coalesce(h.backoff, '5 seconds'), coalesce(h.max_backoff, '1 hour'))) END ORDER BY j.id) AS times
          FROM neanelu.job_runs AS j
          LEFT JOIN neanelu.job_handlers AS h ON h.job_name = j.job_name
         CROSS JOIN LATERAL (SELECT p_is_permanent OR j.attempts >= j.max_attempts) AS d (is_dead)
         WHERE j.id = ANY (p_job_ids)
         GROUP BY j.queue_name, d.is_dead
    LOOP
        PERFORM jobs._move(v_move.queue_name, v_move.ids, v_move.times, CASE WHEN v_move.is_dead THEN 'failed' ELSE 'waiting' END);
        IF v_move.is_dead THEN
            v_dead := v_dead + cardinality(v_move.ids);
            UPDATE neanelu.scheduled_tasks AS t SET error_count = t.error_count + 1, updated_at = clock_timestamp()
              FROM neanelu.job_runs AS j
             WHERE j.id = ANY (v_move.ids) AND t.id = j.task_id;
        END IF;
    END LOOP;
    RETURN v_dead;
END
$$;
COMMENT ON FUNCTION jobs._settle_failed(uuid[], text, text, boolean, interval) IS
    'What becomes of jobs whose attempt failed and whose slots are free: another attempt after a pause, or the dead letters when that is '
    'pointless or was the last one. Returns how many are dead. Locks: the jobs'' rows. Raises: nothing';

CREATE FUNCTION jobs._free(p_slots integer[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    UPDATE neanelu.job_slots
       SET job_id = NULL, lane = NULL, queue_name = NULL, token = NULL, leased_by = NULL, leased_at = NULL, lease_expires_at = NULL
     WHERE slot = ANY (p_slots)
$$;
COMMENT ON FUNCTION jobs._free(integer[]) IS 'Empties slots, whoever held them. Locks: their rows. Raises: nothing';

CREATE FUNCTION jobs.reclaim_expired()
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_slots integer[];
    v_job_ids uuid[];
BEGIN
    -- Who executes a job, or is completing one, holds its slot: that one is not gone, however late.
    WITH lost AS (
        SELECT s.slot, s.job_id FROM neanelu.job_slots AS s WHERE s.lease_expires_at <= clock_timestamp() FOR UPDATE SKIP LOCKED
    )
    SELECT array_agg(l.slot), array_agg(l.job_id) INTO v_slots, v_job_ids FROM lost AS l;
    IF v_slots IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM jobs._free(v_slots);
    PERFORM jobs._settle_failed(v_job_ids, 'The lease ran out: the worker did not come back');
    RETURN cardinality(v_slots);
END
$$;
COMMENT ON FUNCTION jobs.reclaim_expired() IS
    'Takes the jobs of expired leases from workers that are gone, as failed attempts: so a job that kills its worker is a dead letter in the end. '
    'Every claim begins with it. Returns how many. Idempotent. Locks: their slots, without waiting, and their jobs. Raises: nothing';

-- The next ones -----------------------------------------------------------------------------------------------------

CREATE FUNCTION jobs._ready(p_queue text, p_after text, p_limit integer, p_each integer, p_platform integer, p_left jsonb)
RETURNS TABLE (msg_id bigint, job_id uuid, has_key boolean, lane text, lane_order integer, lane_rank integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
BEGIN
    -- The ring: lane after lane from the one behind p_after on, once around, by one look into the index each. Then the first
    -- messages of each lane that may have some.
    RETURN QUERY EXECUTE format(
        'WITH RECURSIVE ring AS ('
        '  SELECT $1 AS lane, 0 AS around, 0 AS n, 0 AS quota, 0 AS found '
        '  UNION ALL '
        '  SELECT x.lane, x.around, r.n + 1, y.quota, r.found + (y.quota > 0)::integer '
        '    FROM ring AS r '
        '   CROSS JOIN LATERAL ('
        '     (SELECT m.headers ->> ''x-pgmq-group'' AS lane, r.around AS around, m.vt FROM pgmq.%1$I AS m '
        '       WHERE m.headers ->> ''x-pgmq-group'' > r.lane AND (r.around = 0 OR m.headers ->> ''x-pgmq-group'' <= $1) '
        '       ORDER BY m.headers ->> ''x-pgmq-group'', m.vt LIMIT 1) '
        '     UNION ALL '
        '     (SELECT m.headers ->> ''x-pgmq-group'', 1, m.vt FROM pgmq.%1$I AS m '
        '       WHERE r.around = 0 AND m.headers ->> ''x-pgmq-group'' <= $1 '
        '       ORDER BY m.headers ->> ''x-pgmq-group'', m.vt LIMIT 1) '
        '     ORDER BY around LIMIT 1) AS x '
        '   CROSS JOIN LATERAL (SELECT CASE WHEN x.vt > clock_timestamp() THEN 0 ELSE greatest(coalesce(($5 ->> x.lane)::integer, '
        '     CASE x.lane WHEN ''platform'' THEN $4 ELSE $3 END), 0) END AS quota) AS y '
        '   WHERE r.found < $2) '
        'SELECT m.msg_id, (m.message ->> ''job'')::uuid, m.message ? ''key'', r.lane, r.n, m.place::integer '
        '  FROM ring AS r '
        ' CROSS JOIN LATERAL ('
        '   SELECT f.*, row_number() OVER (ORDER BY f.vt, f.msg_id) AS place '
        '     FROM (SELECT q.msg_id, q.message, q.vt FROM pgmq.%1$I AS q '
        '            WHERE q.headers ->> ''x-pgmq-group'' = r.lane AND q.vt <= clock_timestamp() '
        '            ORDER BY q.vt LIMIT least(r.quota, $2) FOR UPDATE SKIP LOCKED) AS f) AS m '
        ' WHERE r.quota > 0',
        'q_' || p_queue)
    USING p_after, p_limit, p_each, p_platform, p_left;
END
$$;
COMMENT ON FUNCTION jobs._ready(text, text, integer, integer, integer, jsonb) IS
    'The messages of a queue that may be taken now: of the next p_limit lanes behind p_after that have any, the first few. p_each (p_platform) is how many '
    'a lane may have, p_left says it for lanes that have some already. Costs a look into the index for each lane on the way, whatever waits behind it. '
    'Locks: the messages it returns; what others have locked is passed over. Raises: nothing';

CREATE FUNCTION jobs._busy(OUT taken integer, OUT by_lane jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce(sum(b.n), 0)::integer, coalesce(jsonb_object_agg(b.lane, b.n), '{}')
      FROM (SELECT s.lane, count(*) AS n FROM neanelu.job_slots AS s WHERE s.job_id IS NOT NULL GROUP BY s.lane) AS b
$$;
COMMENT ON FUNCTION jobs._busy() IS 'How many slots are occupied, and by which lanes. Reads only.';

CREATE FUNCTION jobs._pick(p_queues text[], p_room integer, p_by_lane jsonb)
RETURNS picked_job[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_each     constant integer := jobs._setting('max_active_per_shop', 2);
    v_platform constant integer := jobs._setting('max_active_platform', 4);
    v_picked   picked_job[];
BEGIN
    SELECT array_agg(ROW(c.queue_name, c.msg_id, c.job_id, c.has_key, c.lane, c.lane_order)::picked_job) INTO v_picked
      FROM (
        SELECT u.* FROM (
            SELECT q.queue_name::text, r.*, CASE r.lane WHEN 'platform' THEN v_platform ELSE v_each END - coalesce((p_by_lane ->> r.lane)::integer, 0) AS quota,
                   count(*) OVER (PARTITION BY r.lane ORDER BY r.lane_rank, o.place ROWS UNBOUNDED PRECEDING) AS turn, o.place
              FROM unnest(p_queues) WITH ORDINALITY AS o (queue_name, place)
              JOIN neanelu.job_queues AS q ON q.queue_name = o.queue_name
              JOIN neanelu.job_signals AS s ON s.queue_name = q.queue_name
             CROSS JOIN LATERAL jobs._quotas(q, p_room, v_each, v_platform, p_by_lane) AS l
             CROSS JOIN LATERAL jobs._ready(q.queue_name, s.ring_lane, l.room, l.each, l.platform, l.left_over) AS r
             WHERE l.room > 0) AS u
         WHERE u.turn <= u.quota
         ORDER BY u.turn, u.lane_order, u.place
         LIMIT p_room) AS c;
    RETURN v_picked;
END
$$;
COMMENT ON FUNCTION jobs._pick(text[], integer, jsonb) IS
    'What a claim takes from its queues: first one of each lane, in the order of the ring, then a second one of each, as far as there is room and '
    'the lane''s share goes. Locks: as jobs._ready. Raises: 22P02 a setting is no number';

CREATE FUNCTION jobs._quotas(
    p_queue job_queues, p_room integer, p_each integer, p_platform integer, p_by_lane jsonb,
    OUT room integer, OUT each integer, OUT platform integer, OUT left_over jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    each := least(p_each, p_queue.max_active_per_shop);
    platform := p_platform;
    room := p_room;
    IF p_queue.max_active IS NOT NULL THEN
        room := least(p_room, p_queue.max_active - (SELECT count(*)::integer FROM neanelu.job_slots AS s WHERE s.queue_name = p_queue.queue_name));
    END IF;
    SELECT coalesce(jsonb_object_agg(b.lane, least(
               CASE b.lane WHEN 'platform' THEN p_platform ELSE p_each END - b.n::integer,
               CASE WHEN b.lane <> 'platform' AND p_queue.max_active_per_shop IS NOT NULL THEN p_queue.max_active_per_shop - (
                    SELECT count(*)::integer FROM neanelu.job_slots AS s WHERE s.queue_name = p_queue.queue_name AND s.lane = b.lane) END)), '{}')
      INTO left_over
      FROM jsonb_each_text(p_by_lane) AS b (lane, n);
END
$$;
COMMENT ON FUNCTION jobs._quotas(job_queues, integer, integer, integer, jsonb) IS
    'How many jobs of a queue may start now: in all, of a shop, of the platform, and of the lanes that have some active already. Reads only.';

CREATE FUNCTION jobs._without_relied_on(p_picked picked_job[])
RETURNS picked_job[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_keyed  constant uuid[] := ARRAY(SELECT p.job_id FROM unnest(p_picked) AS p WHERE p.has_key);
    v_closed uuid[];
BEGIN
    IF v_keyed = '{}' THEN
        RETURN p_picked;
    END IF;
    WITH free AS (
        SELECT k.job_id FROM neanelu.job_keys AS k WHERE k.job_id = ANY (v_keyed) FOR UPDATE SKIP LOCKED
    )
    DELETE FROM neanelu.job_keys AS k USING free AS f WHERE k.job_id = f.job_id;
    SELECT array_agg(k.job_id) INTO v_closed FROM neanelu.job_keys AS k WHERE k.job_id = ANY (v_keyed);
    IF v_closed IS NULL THEN
        RETURN p_picked;
    END IF;
    UPDATE neanelu.job_keys AS k SET is_closing = true
     WHERE k.job_id IN (SELECT c.job_id FROM neanelu.job_keys AS c
                         WHERE c.job_id = ANY (v_closed) AND NOT c.is_closing FOR NO KEY UPDATE SKIP LOCKED);
    RETURN ARRAY(SELECT p FROM unnest(p_picked) AS p WHERE p.job_id <> ALL (v_closed));
END
$$;
COMMENT ON FUNCTION jobs._without_relied_on(picked_job[]) IS
    'Leaves out the jobs that unfinished transactions rely on, and sees to it that no more of them do; forgets the keys of the others. '
    'Locks: the keys'' rows, without waiting. Raises: nothing';

CREATE FUNCTION jobs._take(p_picked picked_job[], p_worker text, p_lease interval)
RETURNS TABLE (
    job_id uuid, token bigint, queue_name text, job_name text, shop_id uuid, payload jsonb, attempt integer, max_attempts integer, runs_in text,
    lease_expires_at timestamptz, enqueued_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_queue record;
BEGIN
    FOR v_queue IN
        SELECT p.queue_name, array_agg(p.msg_id) AS ids, (array_agg(p.lane ORDER BY p.lane_order DESC))[1] AS lane
          FROM unnest(p_picked) AS p GROUP BY p.queue_name
    LOOP
        EXECUTE format('DELETE FROM pgmq.%I WHERE msg_id = ANY ($1)', 'q_' || v_queue.queue_name) USING v_queue.ids;
        UPDATE neanelu.job_signals AS s SET ring_lane = v_queue.lane
         WHERE s.queue_name = v_queue.queue_name AND s.ring_lane <> v_queue.lane;
    END LOOP;
    RETURN QUERY
        WITH taken AS (
            SELECT p.job_id, p.lane, p.queue_name, row_number() OVER () AS n FROM unnest(p_picked) AS p
        ), free AS (
            SELECT s.slot, row_number() OVER (ORDER BY s.slot) AS n FROM neanelu.job_slots AS s WHERE s.job_id IS NULL
        ), started AS (
            UPDATE neanelu.job_runs AS j
               SET status = 'active', attempts = j.attempts + 1, started_at = clock_timestamp()
              FROM taken AS t
              JOIN free AS f ON f.n = t.n
             WHERE j.id = t.job_id AND j.status = 'waiting'
            RETURNING j.id, j.job_name, j.shop_id, j.payload, j.attempts, j.max_attempts, j.created_at, t.lane, t.queue_name, f.slot, t.n
        ), held AS (
            UPDATE neanelu.job_slots AS s
               SET job_id = j.id, lane = j.lane, queue_name = j.queue_name, token = (random(1, 140737488355327) << 16) | j.slot, leased_by = p_worker,
                   leased_at = clock_timestamp(), lease_expires_at = clock_timestamp() + coalesce(p_lease, h.lease, '60 seconds')
              FROM started AS j
              LEFT JOIN neanelu.job_handlers AS h ON h.job_name = j.job_name
             WHERE s.slot = j.slot
            RETURNING s.slot, s.token, s.lease_expires_at, coalesce(h.runs_in, 'daemon') AS runs_in
        )
        SELECT j.id, e.token, j.queue_name, j.job_name::text, j.shop_id, j.payload, j.attempts, j.max_attempts, e.runs_in::text, e.lease_expires_at,
               j.created_at
          FROM started AS j JOIN held AS e ON e.slot = j.slot
         ORDER BY j.n;
END
$$;
COMMENT ON FUNCTION jobs._take(picked_job[], text, interval) IS
    'Turns messages into leases: deletes them, puts their jobs into free slots, notes whose turn it was. Locks: messages, jobs, slots and the '
    'queue''s row of job_signals. Raises: nothing';

CREATE FUNCTION jobs.claim(p_queues text[], p_worker text, p_limit integer, p_lease interval DEFAULT NULL)
RETURNS TABLE (
    job_id uuid, token bigint, queue_name text, job_name text, shop_id uuid, payload jsonb, attempt integer, max_attempts integer, runs_in text,
    lease_expires_at timestamptz, enqueued_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_most   constant integer := least(jobs._setting('max_active', 50), 65535);
    v_busy   record;
    v_picked picked_job[];
    v_found  boolean := false;
BEGIN
    IF pg_catalog.pg_current_xact_id_if_assigned() IS NULL THEN
        -- A claim that a crash of the server undoes is no harm: nothing of the job is done before it is on disk.
        SET LOCAL synchronous_commit = off;
    END IF;
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('jobs.claim', 0));
    PERFORM jobs.reclaim_expired();
    v_busy := jobs._busy();
    IF least(p_limit, v_most - v_busy.taken) <= 0 THEN
        RETURN;
    END IF;
    v_picked := jobs._pick(p_queues, least(p_limit, v_most - v_busy.taken), v_busy.by_lane);
    IF v_picked IS NOT NULL THEN
        v_picked := jobs._without_relied_on(v_picked);
        PERFORM jobs._provide_slots(v_busy.taken + cardinality(v_picked));
        RETURN QUERY SELECT * FROM jobs._take(v_picked, p_worker, p_lease);
        v_found := FOUND;
    END IF;
    IF NOT v_found THEN
        -- Without waiting for an enqueuer that is about to say the opposite, and notify.
        UPDATE neanelu.job_signals AS s SET is_wanted = true
         WHERE s.queue_name IN (SELECT w.queue_name FROM neanelu.job_signals AS w
                                 WHERE w.queue_name = ANY (p_queues) AND NOT w.is_wanted FOR NO KEY UPDATE SKIP LOCKED);
    END IF;
END
$$;
COMMENT ON FUNCTION jobs.claim(text[], text, integer, interval) IS
    'Takes up to p_limit jobs for a worker, shop after shop: at most jobs.max_active_per_shop (2) of a shop and jobs.max_active (50) in all are active, whatever '
    'the queues (system_config; job_queues has further limits a queue). Each has a fencing token; its lease is p_lease, or its handler''s. To be called in a '
    'transaction of its own, because claims wait for one another until their end. No rows: nothing to do, or no room; then look again after '
    'some 50 ms once (an enqueuer may just have been committing), and after that on a notification on neanelu_jobs, and every second or so. Not idempotent: leases '
    'of a caller that died run out. Locks: claims (advisory), messages, jobs and slots; waits for no other transaction but a claim. Raises: 22P02 a setting is no number';

CREATE FUNCTION jobs._provide_slots(p_count integer)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO neanelu.job_slots (slot)
    SELECT n FROM generate_series((SELECT max(s.slot) FROM neanelu.job_slots AS s) + 1, p_count) AS n
$$;
COMMENT ON FUNCTION jobs._provide_slots(integer) IS 'Adds slots up to a number, for when jobs.max_active was raised. Called within a claim only. Raises: nothing';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs.claim(text[], text, integer, interval), jobs.reclaim_expired() TO neanelu_worker, neanelu_operator;

COMMIT;
