-- Deploy neanelu:functions/jobs/claim to pg
-- requires: functions/jobs/enqueue
-- Who gets which job next, and what becomes of one that nobody finished. Claims run one after another, and each is short.

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
        '  SELECT n.vt, jobs._message(j.id, h.lease), jsonb_build_object(''x-pgmq-group'', jobs._lane(j.shop_id)) '
        '    FROM unnest($1, $2) AS n (id, vt) JOIN neanelu.job_runs AS j ON j.id = n.id '
        '    LEFT JOIN neanelu.job_handlers AS h ON h.job_name = j.job_name '
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

CREATE FUNCTION jobs._may_start(p_queue text, p_job_id uuid, p_msg_id bigint)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    PERFORM FROM neanelu.job_keys AS k WHERE k.job_id = p_job_id FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        DELETE FROM neanelu.job_keys AS k WHERE k.job_id = p_job_id;
    ELSIF EXISTS (SELECT FROM neanelu.job_keys AS k WHERE k.job_id = p_job_id) THEN
        UPDATE neanelu.job_keys AS k SET is_closing = true WHERE k.job_id = p_job_id AND NOT k.is_closing;
        EXECUTE format('UPDATE pgmq.%I SET vt = clock_timestamp() + interval ''100 milliseconds'' WHERE msg_id = $1', 'q_' || p_queue) USING p_msg_id;
        RETURN false;
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION jobs._may_start(text, uuid, bigint) IS
    'Whether a job that stands for others may start, and its key be forgotten: not while an unfinished transaction relies on it; then no further one may, and the job lets '
    'others of its lane pass for a moment. Called within a claim only. Locks: the key''s row, without waiting for those who rely on it. Raises: nothing';

DO $of_queues$
DECLARE
    v_branches text;
BEGIN
    -- A branch for each queue, because a statement that names its table is planned once a session, not once a claim. One statement does what most claims
    -- need, and a second what few do: a plan's nodes are set up anew each time.
    SELECT string_agg(format($branch$%1$s p_queue = %2$L THEN
        FOR v_turn IN 1 .. 2 LOOP
            WITH RECURSIVE ring AS (
                SELECT v_after AS lane, NULL::tid AS head, 0 AS quota, 0 AS before
                 UNION ALL
                SELECT y.lane, y.head, CASE WHEN y.vt > v_now THEN 0 ELSE least(
                           CASE y.lane WHEN 'platform' THEN p_platform ELSE p_each END - CASE WHEN v_busy IS NULL
                               THEN cardinality(array_positions(p_busy, y.lane)) ELSE width_bucket(y.lane, v_busy) - width_bucket(y.lane, v_ends) END,
                           CASE WHEN y.lane <> 'platform' THEN p_each_here - cardinality(array_positions(p_busy_here, y.lane)) END) END,
                       r.before + (r.quota > 0)::integer
                  FROM ring AS r
                 CROSS JOIN LATERAL (
                    SELECT m.headers ->> 'x-pgmq-group' AS lane, m.ctid AS head, m.vt FROM pgmq.%3$I AS m
                     WHERE m.headers ->> 'x-pgmq-group' > r.lane AND (v_turn = 1 OR m.headers ->> 'x-pgmq-group' <= p_after)
                     ORDER BY m.headers ->> 'x-pgmq-group', m.vt LIMIT 1) AS y
                 WHERE r.before + (r.quota > 0)::integer < v_room
            ), gone AS (
                DELETE FROM pgmq.%3$I AS q
                 WHERE q.ctid = ANY (ARRAY(SELECT f.ctid FROM pgmq.%3$I AS f
                                            WHERE f.ctid = ANY (ARRAY(SELECT r.head FROM ring AS r WHERE r.quota > 0)) FOR UPDATE SKIP LOCKED))
                   AND (NOT q.message ? 'key' OR jobs._may_start(p_queue, (q.message ->> 'job')::uuid, q.msg_id))
                RETURNING (q.message ->> 'job')::uuid AS job_id, q.headers ->> 'x-pgmq-group' AS lane, (q.message ->> 'lease')::interval AS lease
            ), turned AS (
                UPDATE neanelu.job_rings AS s SET ring_lane = (SELECT r.lane FROM ring AS r WHERE r.before = v_room - 1 AND r.quota > 0)
                 WHERE s.queue_name = p_queue AND s.ring_lane <> (SELECT r.lane FROM ring AS r WHERE r.before = v_room - 1 AND r.quota > 0)
            )
            SELECT v_taken.job_ids || ARRAY(SELECT g.job_id FROM gone AS g), v_taken.lanes || ARRAY(SELECT g.lane FROM gone AS g),
                   v_taken.leases || ARRAY(SELECT g.lease FROM gone AS g),
                   v_lanes || ARRAY(SELECT r.lane FROM ring AS r WHERE r.quota > 0), v_quotas || ARRAY(SELECT r.quota - 1 FROM ring AS r WHERE r.quota > 0)
              INTO v_taken.job_ids, v_taken.lanes, v_taken.leases, v_lanes, v_quotas;
            v_room := p_room - cardinality(v_lanes);
            EXIT WHEN v_room = 0 OR p_after = '';
            v_after := '';
        END LOOP;
        v_room := p_room - cardinality(v_taken.job_ids);
        IF v_room > 0 AND 0 < ANY (v_quotas) THEN
            v_share := v_room / cardinality(array_remove(v_quotas, 0));
            WITH gone AS (
                DELETE FROM pgmq.%3$I AS q
                 WHERE q.ctid = ANY (ARRAY(
                        SELECT f.ctid
                          FROM (SELECT s.lane, least(s.quota, v_share + (row_number() OVER (ORDER BY s.quota <= v_share, s.n)
                                                                         <= v_room - sum(least(s.quota, v_share)) OVER ())::integer) AS share
                                  FROM unnest(v_lanes, v_quotas) WITH ORDINALITY AS s (lane, quota, n) WHERE s.quota > 0) AS l
                         CROSS JOIN LATERAL (
                            SELECT m.ctid FROM pgmq.%3$I AS m
                             WHERE m.headers ->> 'x-pgmq-group' = l.lane AND m.vt <= v_now
                             ORDER BY m.vt LIMIT l.share FOR UPDATE SKIP LOCKED) AS f))
                   AND (NOT q.message ? 'key' OR jobs._may_start(p_queue, (q.message ->> 'job')::uuid, q.msg_id))
                RETURNING (q.message ->> 'job')::uuid AS job_id, q.headers ->> 'x-pgmq-group' AS lane, (q.message ->> 'lease')::interval AS lease
            )
            SELECT v_taken.job_ids || ARRAY(SELECT g.job_id FROM gone AS g), v_taken.lanes || ARRAY(SELECT g.lane FROM gone AS g),
                   v_taken.leases || ARRAY(SELECT g.lease FROM gone AS g)
              INTO v_taken.job_ids, v_taken.lanes, v_taken.leases;
        END IF;
    $branch$, CASE o.n WHEN 1 THEN 'IF' ELSE 'ELSIF' END, o.queue_name, 'q_' || o.queue_name), '' ORDER BY o.n)
      INTO v_branches
      FROM (SELECT q.queue_name, row_number() OVER (ORDER BY q.queue_name = 'webhooks' DESC, q.queue_name) AS n FROM neanelu.job_queues AS q) AS o;

    EXECUTE format($create$
CREATE FUNCTION jobs._take_from(
    p_queue text, p_after text, p_room integer, p_each integer, p_platform integer, p_busy text[], p_each_here integer, p_busy_here text[])
RETURNS neanelu.picked_jobs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_now    constant timestamptz := clock_timestamp();
    v_after  text := p_after;
    v_busy   text[];
    v_ends   text[];
    v_lanes  text[];
    v_quotas integer[];
    v_room   integer := p_room;
    v_share  integer;
    v_taken  picked_jobs;
BEGIN
    -- The ring: lane after lane from the one behind p_after, and in a second turn from the first one up to it, by one look into the index each. The first message
    -- of each is taken, which is known from the look; where this does not fill the room, an even share of what else the lanes may have. The next claim begins
    -- behind the lane that filled the ring.
    IF cardinality(p_busy) > 40 THEN
        -- Many are counted by bisection: those up to a lane, less those below it.
        v_busy := array_sort(p_busy);
        v_ends := array_sort(ARRAY(SELECT b.lane || '!' FROM unnest(p_busy) AS b (lane)));
    END IF;
    %sEND IF;
    RETURN v_taken;
END
$$;
COMMENT ON FUNCTION jobs._take_from(text, text, integer, integer, integer, text[], integer, text[]) IS
    'Takes up to p_room messages from a queue: of the next lanes behind p_after, fairly, and notes whose turn it was. p_each (p_platform) is how many a lane may have active, '
    'p_busy which lanes have some, one element each; p_each_here and p_busy_here are the same for this queue alone, or null. Costs a look into the index for each lane on the way, '
    'whatever waits behind it. Locks: the messages; what others have locked is passed over; the queue''s row of job_rings. Raises: nothing';
    $create$, v_branches);
END
$of_queues$;

CREATE FUNCTION jobs._take(p_queues text[], p_room integer, p_each integer, p_platform integer, p_busy text[])
RETURNS picked_jobs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_name   text;
    v_queue  record;
    v_taken  picked_jobs;
    v_picked picked_jobs;
    v_share  integer;
    v_here   text[];
    v_room   integer;
BEGIN
    -- Each queue has a share of the room, in any order; then those that have more get what others left.
    FOREACH v_share IN ARRAY ARRAY[ceil(p_room::numeric / greatest(cardinality(p_queues), 1)), p_room] LOOP
        FOREACH v_name IN ARRAY array_shuffle(p_queues) LOOP
            SELECT s.ring_lane, q.max_active, q.max_active_per_shop INTO v_queue
              FROM neanelu.job_rings AS s JOIN neanelu.job_queues AS q ON q.queue_name = s.queue_name WHERE s.queue_name = v_name;
            v_room := least(v_share, p_room - coalesce(cardinality(v_picked.job_ids), 0));
            v_here := NULL;
            IF num_nonnulls(v_queue.max_active, v_queue.max_active_per_shop) > 0 THEN
                v_here := ARRAY(SELECT s.lane FROM neanelu.job_slots AS s WHERE s.queue_name = v_name
                                UNION ALL SELECT p.lane FROM unnest(v_picked.lanes, v_picked.queues) AS p (lane, queue_name) WHERE p.queue_name = v_name);
                v_room := least(v_room, v_queue.max_active - cardinality(v_here));
            END IF;
            CONTINUE WHEN v_room <= 0 OR v_queue.ring_lane IS NULL;
            v_taken := jobs._take_from(v_name, v_queue.ring_lane, v_room, p_each, p_platform, p_busy, v_queue.max_active_per_shop, v_here);
            IF cardinality(p_queues) = 1 THEN
                RETURN v_taken;
            ELSIF cardinality(v_taken.job_ids) > 0 THEN
                v_picked.job_ids := v_picked.job_ids || v_taken.job_ids;
                v_picked.lanes := v_picked.lanes || v_taken.lanes;
                v_picked.leases := v_picked.leases || v_taken.leases;
                v_picked.queues := v_picked.queues || array_fill(v_name, ARRAY[cardinality(v_taken.job_ids)]);
                p_busy := p_busy || v_taken.lanes;
            END IF;
        END LOOP;
        EXIT WHEN coalesce(cardinality(v_picked.job_ids), 0) IN (0, p_room);
    END LOOP;
    RETURN v_picked;
END
$$;
COMMENT ON FUNCTION jobs._take(text[], integer, integer, integer, text[]) IS
    'Takes up to p_room messages from queues, as far as the limits of shops, platform and queues go with what is active already (p_busy: a lane for each job). '
    'Locks: as jobs._take_from. Raises: nothing';

CREATE FUNCTION jobs._sorted(p_picked picked_jobs)
RETURNS picked_jobs
LANGUAGE plpgsql IMMUTABLE
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_sorted picked_jobs;
BEGIN
    SELECT array_agg(o.job_id), array_agg(o.lane), array_agg(o.lease), CASE WHEN p_picked.queues IS NOT NULL THEN array_agg(o.queue) END
      INTO v_sorted.job_ids, v_sorted.lanes, v_sorted.leases, v_sorted.queues
      FROM (SELECT p.job_id, p.lane, p.lease, p.queue
              FROM unnest(p_picked.job_ids, p_picked.lanes, p_picked.leases, p_picked.queues) AS p (job_id, lane, lease, queue) ORDER BY p.job_id) AS o;
    RETURN v_sorted;
END
$$;
COMMENT ON FUNCTION jobs._sorted(picked_jobs) IS 'The same in the order of the jobs'' ids, so that a job''s place among many is found by bisection. Reads nothing.';

CREATE FUNCTION jobs._add_slots(p_count integer)
RETURNS integer[]
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH added AS (
        INSERT INTO neanelu.job_slots (slot)
        SELECT o.last + g.n FROM (SELECT max(m.slot) AS last FROM neanelu.job_slots AS m) AS o, generate_series(1, p_count) AS g (n)
        RETURNING slot
    )
    SELECT array_agg(a.slot) FROM added AS a
$$;
COMMENT ON FUNCTION jobs._add_slots(integer) IS 'Adds slots, for when jobs.max_active was raised. Called within a claim only. Raises: nothing';

CREATE FUNCTION jobs._free_unstarted(p_slots integer[], p_at timestamptz)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
    SELECT jobs._free(ARRAY(
        SELECT s.slot FROM neanelu.job_slots AS s
         WHERE s.slot = ANY (p_slots) AND NOT EXISTS (SELECT FROM neanelu.job_runs AS j WHERE j.id = s.job_id AND j.started_at = p_at AND j.status = 'active')))
$$;
COMMENT ON FUNCTION jobs._free_unstarted(integer[], timestamptz) IS
    'Empties those of a claim''s slots whose job it did not start at that time: there was a message, but the job had gone with its shop. Locks: their rows. Raises: nothing';

CREATE FUNCTION jobs._want(p_queues text[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    UPDATE neanelu.job_signals AS s SET is_wanted = true
     WHERE s.queue_name IN (SELECT w.queue_name FROM neanelu.job_signals AS w
                             WHERE w.queue_name = ANY (p_queues) AND NOT w.is_wanted FOR NO KEY UPDATE SKIP LOCKED)
$$;
COMMENT ON FUNCTION jobs._want(text[]) IS
    'A worker found nothing to do in these queues: the next enqueuer notifies. Idempotent. Locks: the queues'' rows of job_signals, without waiting for an enqueuer '
    'that is about to say the opposite, and notify. Raises: nothing';

CREATE FUNCTION jobs.claim(p_queues text[], p_worker text, p_limit integer, p_lease interval DEFAULT NULL)
RETURNS TABLE (
    job_id uuid, token bigint, queue_name text, job_name text, shop_id uuid, payload jsonb, attempt integer, max_attempts integer, runs_in text,
    lease_expires_at timestamptz, enqueued_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
-- Plans are kept for the session, and must be as good when the queue is long as when it was empty.
SET search_path = neanelu, jobs, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_limits   jsonb;
    v_most     integer;
    v_slots    record;
    v_free     integer[];
    v_picked   picked_jobs;
    v_count    integer;
    v_started  integer;
    v_token    constant bigint := random(1, 140737488355327) << 16;
    v_at       timestamptz;
    v_is_long  boolean;
    v_functions text[];
BEGIN
    IF pg_catalog.pg_current_xact_id_if_assigned() IS NULL THEN
        -- A claim that a crash of the server undoes is no harm: nothing of the job is done before it is on disk.
        SET LOCAL synchronous_commit = off;
    END IF;
    v_limits := (SELECT jsonb_object_agg(k.key, k.value) FROM neanelu.system_config AS k
                  WHERE k.key = ANY ('{jobs.max_active,jobs.max_active_per_shop,jobs.max_active_platform}'::text[]));
    v_most := least(coalesce((v_limits ->> 'jobs.max_active')::integer, 50), 65535);
    IF NOT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('jobs.claim', 0)) THEN
        PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('jobs.claim', 0));
    END IF;
    FOR v_look IN 1 .. 2 LOOP
        SELECT coalesce(array_agg(t.slot) FILTER (WHERE t.job_id IS NULL), '{}') AS free, min(t.lease_expires_at) AS expires_at,
               coalesce(array_agg(t.lane) FILTER (WHERE t.job_id IS NOT NULL), '{}') AS busy
          INTO v_slots FROM neanelu.job_slots AS t;
        EXIT WHEN v_slots.expires_at > clock_timestamp() OR v_slots.expires_at IS NULL OR jobs.reclaim_expired() = 0;
    END LOOP;
    v_picked := jobs._take(p_queues, least(p_limit, v_most - cardinality(v_slots.busy)), coalesce((v_limits ->> 'jobs.max_active_per_shop')::integer, 2),
                           coalesce((v_limits ->> 'jobs.max_active_platform')::integer, 4), v_slots.busy);
    v_count := coalesce(cardinality(v_picked.job_ids), 0);
    IF v_count = 0 THEN
        IF cardinality(v_slots.busy) < v_most THEN
            PERFORM jobs._want(p_queues);
        END IF;
        RETURN;
    END IF;
    v_free := array_sort((v_slots.free || CASE WHEN v_count > cardinality(v_slots.free) THEN jobs._add_slots(v_count - cardinality(v_slots.free)) END)[1:v_count]);
    v_is_long := v_count > 40;
    IF v_is_long THEN
        v_picked := jobs._sorted(v_picked);
        v_functions := ARRAY(SELECT h.job_name FROM neanelu.job_handlers AS h WHERE h.runs_in = 'database');
    END IF;
    v_at := clock_timestamp();
    -- A slot's place among the chosen ones, which is its job's among those picked, is found by bisection.
    UPDATE neanelu.job_slots AS s
       SET job_id = v_picked.job_ids[width_bucket(s.slot, v_free)], lane = v_picked.lanes[width_bucket(s.slot, v_free)],
           queue_name = coalesce(v_picked.queues[width_bucket(s.slot, v_free)], p_queues[1]), token = v_token | s.slot, leased_by = p_worker, leased_at = v_at,
           lease_expires_at = v_at + coalesce(p_lease, v_picked.leases[width_bucket(s.slot, v_free)], '60 seconds')
     WHERE s.slot = ANY (v_free);
    RETURN QUERY
    UPDATE neanelu.job_runs AS j SET status = 'active', attempts = j.attempts + 1, started_at = v_at
     WHERE j.id = ANY (v_picked.job_ids) AND j.status = 'waiting'
    RETURNING j.id, v_token | v_free[CASE WHEN v_is_long THEN width_bucket(j.id, v_picked.job_ids) ELSE array_position(v_picked.job_ids, j.id) END],
              j.queue_name::text, j.job_name::text, j.shop_id, j.payload, j.attempts, j.max_attempts,
              CASE WHEN CASE WHEN v_is_long THEN j.job_name = ANY (v_functions)
                             ELSE EXISTS (SELECT FROM neanelu.job_handlers AS h WHERE h.job_name = j.job_name AND h.runs_in = 'database') END THEN 'database' ELSE 'daemon' END,
              v_at + coalesce(p_lease, v_picked.leases[CASE WHEN v_is_long THEN width_bucket(j.id, v_picked.job_ids) ELSE array_position(v_picked.job_ids, j.id) END],
                              '60 seconds'), j.created_at;
    GET DIAGNOSTICS v_started = ROW_COUNT;
    IF v_started < v_count THEN
        PERFORM jobs._free_unstarted(v_free, v_at);
    END IF;
END
$$;
COMMENT ON FUNCTION jobs.claim(text[], text, integer, interval) IS
    'Takes up to p_limit jobs for a worker, shop after shop: at most jobs.max_active_per_shop (2) of a shop, jobs.max_active_platform (4) of the platform''s own and '
    'jobs.max_active (50) in all are active, whatever the queues (system_config; job_queues has further limits a queue). Each has a fencing token; its lease is '
    'p_lease, or its handler''s. To be called in a transaction of its own, because claims wait for one another until their end. No rows: nothing to do, or no room; then look again '
    'after some 50 ms once (an enqueuer may just have been committing), and after that on a notification on neanelu_jobs, and every second or so. Not idempotent: leases of a '
    'caller that died run out. Locks: claims (advisory), messages, jobs and slots; waits for no other transaction but a claim. Raises: 22P02 a setting is no whole number';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jobs.claim(text[], text, integer, interval), jobs.reclaim_expired() TO neanelu_worker, neanelu_operator;

COMMIT;
