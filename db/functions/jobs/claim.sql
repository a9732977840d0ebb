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
    -- A branch for each queue, because a statement that names its table is planned once a session, not once a claim. Two small plans
    -- instead of one large one: most claims need the first alone, and a plan's nodes are set up anew each time.
    SELECT string_agg(format($branch$%1$s p_queue = %2$L THEN
        WITH RECURSIVE ring AS (
            SELECT p_after AS lane, NULL::tid AS head, false AS is_around, 0 AS quota, 0 AS found
             UNION ALL
            SELECT x.lane, x.head, x.is_around, x.quota, r.found + (x.quota > 0)::integer
              FROM ring AS r
             CROSS JOIN LATERAL (
                SELECT y.lane, y.head, y.is_around, CASE WHEN y.vt > v_now THEN 0 ELSE least(
                           CASE y.lane WHEN 'platform' THEN p_platform ELSE p_each END - cardinality(array_positions(p_busy, y.lane)),
                           CASE WHEN y.lane <> 'platform' THEN p_each_here - cardinality(array_positions(p_busy_here, y.lane)) END) END AS quota
                  FROM (
                    (SELECT m.headers ->> 'x-pgmq-group' AS lane, m.ctid AS head, r.is_around, m.vt FROM pgmq.%3$I AS m
                      WHERE m.headers ->> 'x-pgmq-group' > r.lane AND (NOT r.is_around OR m.headers ->> 'x-pgmq-group' <= p_after)
                      ORDER BY m.headers ->> 'x-pgmq-group', m.vt LIMIT 1)
                    UNION ALL
                    (SELECT m.headers ->> 'x-pgmq-group', m.ctid, true, m.vt FROM pgmq.%3$I AS m
                      WHERE NOT r.is_around AND m.headers ->> 'x-pgmq-group' <= p_after
                      ORDER BY m.headers ->> 'x-pgmq-group', m.vt LIMIT 1)) AS y
                 LIMIT 1) AS x
             WHERE r.found < p_room
        )
        SELECT array_agg(r.head), array_agg(r.lane), array_agg(r.quota), max(r.quota) INTO v_heads, v_lanes, v_quotas, v_most FROM ring AS r WHERE r.quota > 0;
        IF cardinality(v_heads) = p_room OR v_most = 1 THEN
            WITH gone AS (
                DELETE FROM pgmq.%3$I AS q
                 WHERE q.ctid = ANY (ARRAY(SELECT f.ctid FROM pgmq.%3$I AS f WHERE f.ctid = ANY (v_heads) FOR UPDATE SKIP LOCKED))
                   AND (NOT q.message ? 'key' OR jobs._may_start(p_queue, (q.message ->> 'job')::uuid, q.msg_id))
                RETURNING (q.message ->> 'job')::uuid AS job_id, q.headers ->> 'x-pgmq-group' AS lane
            )
            SELECT array_agg(g.job_id), array_agg(g.lane) INTO v_taken FROM gone AS g;
        ELSIF v_most > 1 THEN
            v_share := p_room / cardinality(v_lanes);
            WITH gone AS (
                DELETE FROM pgmq.%3$I AS q
                 WHERE q.ctid = ANY (ARRAY(
                        SELECT f.ctid
                          FROM (SELECT s.lane, least(s.quota, v_share + (row_number() OVER (ORDER BY s.quota <= v_share, s.n)
                                                                         <= p_room - sum(least(s.quota, v_share)) OVER ())::integer) AS share
                                  FROM unnest(v_lanes, v_quotas) WITH ORDINALITY AS s (lane, quota, n)) AS l
                         CROSS JOIN LATERAL (
                            SELECT m.ctid FROM pgmq.%3$I AS m
                             WHERE m.headers ->> 'x-pgmq-group' = l.lane AND m.vt <= v_now
                             ORDER BY m.vt LIMIT l.share FOR UPDATE SKIP LOCKED) AS f))
                   AND (NOT q.message ? 'key' OR jobs._may_start(p_queue, (q.message ->> 'job')::uuid, q.msg_id))
                RETURNING (q.message ->> 'job')::uuid AS job_id, q.headers ->> 'x-pgmq-group' AS lane
            )
            SELECT array_agg(g.job_id), array_agg(g.lane) INTO v_taken FROM gone AS g;
        END IF;
        v_last := v_lanes[cardinality(v_lanes)];
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
    v_heads  tid[];
    v_lanes  text[];
    v_quotas integer[];
    v_most   integer;
    v_share  integer;
    v_last   text;
    v_taken  picked_jobs;
BEGIN
    -- The ring: lane after lane from the one behind p_after, once around, by one look into the index each. Then the first messages of the
    -- lanes that may have some: where one of each fills the room, the very first, which are known from the look; else an even share of each.
    %sEND IF;
    IF v_taken.job_ids IS NOT NULL AND v_last <> p_after THEN
        UPDATE neanelu.job_signals AS s SET ring_lane = v_last WHERE s.queue_name = p_queue;
    END IF;
    RETURN v_taken;
END
$$;
COMMENT ON FUNCTION jobs._take_from(text, text, integer, integer, integer, text[], integer, text[]) IS
    'Takes up to p_room messages from a queue: of the next lanes behind p_after, fairly. p_each (p_platform) is how many a lane may have active, p_busy which lanes have '
    'some, one element each; p_each_here and p_busy_here are the same for this queue alone, or null. Costs a look into the index for each lane on the way, whatever waits '
    'behind it. Locks: the messages; what others have locked is passed over. Raises: nothing';
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
    v_queues text[] := CAST('{}' AS text[]);
    v_share  integer;
    v_here   text[];
    v_room   integer;
BEGIN
    -- Each queue has a share of the room, in any order; then those that have more get what others left.
    FOREACH v_share IN ARRAY ARRAY[ceil(p_room::numeric / greatest(cardinality(p_queues), 1)), p_room] LOOP
        FOREACH v_name IN ARRAY array_shuffle(p_queues) LOOP
            SELECT s.ring_lane, q.max_active, q.max_active_per_shop INTO v_queue
              FROM neanelu.job_signals AS s JOIN neanelu.job_queues AS q ON q.queue_name = s.queue_name WHERE s.queue_name = v_name;
            v_room := least(v_share, p_room - cardinality(v_queues));
            v_here := NULL;
            IF num_nonnulls(v_queue.max_active, v_queue.max_active_per_shop) > 0 THEN
                v_here := ARRAY(SELECT s.lane FROM neanelu.job_slots AS s WHERE s.queue_name = v_name
                                UNION ALL SELECT p.lane FROM unnest(v_picked.lanes, v_queues) AS p (lane, queue_name) WHERE p.queue_name = v_name);
                v_room := least(v_room, v_queue.max_active - cardinality(v_here));
            END IF;
            CONTINUE WHEN v_room <= 0 OR v_queue.ring_lane IS NULL;
            v_taken := jobs._take_from(v_name, v_queue.ring_lane, v_room, p_each, p_platform, p_busy, v_queue.max_active_per_shop, v_here);
            IF cardinality(p_queues) = 1 THEN
                RETURN v_taken;
            ELSIF v_taken.job_ids IS NOT NULL THEN
                v_picked.job_ids := v_picked.job_ids || v_taken.job_ids;
                v_picked.lanes := v_picked.lanes || v_taken.lanes;
                v_queues := v_queues || array_fill(v_name, ARRAY[cardinality(v_taken.job_ids)]);
                p_busy := p_busy || v_taken.lanes;
            END IF;
        END LOOP;
        EXIT WHEN cardinality(v_queues) IN (0, p_room);
    END LOOP;
    RETURN v_picked;
END
$$;
COMMENT ON FUNCTION jobs._take(text[], integer, integer, integer, text[]) IS
    'Takes up to p_room messages from queues, as far as the limits of shops, platform and queues go with what is active already (p_busy: a lane for each job), and notes '
    'whose turn it was. Locks: as jobs._take_from, and the queues'' rows of job_signals. Raises: nothing';

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
    v_now    record;
    v_picked picked_jobs;
    v_more   integer;
BEGIN
    IF pg_catalog.pg_current_xact_id_if_assigned() IS NULL THEN
        -- A claim that a crash of the server undoes is no harm: nothing of the job is done before it is on disk.
        SET LOCAL synchronous_commit = off;
    END IF;
    IF NOT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('jobs.claim', 0)) THEN
        PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('jobs.claim', 0));
    END IF;
    FOR v_look IN 1 .. 2 LOOP
        -- Limits and slots at one look: here a statement more costs as much as a job.
        SELECT least(coalesce((SELECT (k.value #>> '{}')::integer FROM neanelu.system_config AS k WHERE k.key = 'jobs.max_active'), 50), 65535) AS most,
               coalesce((SELECT (k.value #>> '{}')::integer FROM neanelu.system_config AS k WHERE k.key = 'jobs.max_active_per_shop'), 2) AS each_shop,
               coalesce((SELECT (k.value #>> '{}')::integer FROM neanelu.system_config AS k WHERE k.key = 'jobs.max_active_platform'), 4) AS platform,
               coalesce(array_agg(t.slot) FILTER (WHERE t.job_id IS NULL), '{}') AS free, min(t.lease_expires_at) AS expires_at,
               coalesce(array_agg(t.lane) FILTER (WHERE t.job_id IS NOT NULL), '{}') AS busy
          INTO v_now FROM neanelu.job_slots AS t;
        EXIT WHEN v_now.expires_at > clock_timestamp() OR v_now.expires_at IS NULL OR jobs.reclaim_expired() = 0;
    END LOOP;
    v_picked := jobs._take(p_queues, least(p_limit, v_now.most - cardinality(v_now.busy)), v_now.each_shop, v_now.platform, v_now.busy);
    IF v_picked.job_ids IS NULL THEN
        IF cardinality(v_now.busy) < v_now.most THEN
            PERFORM jobs._want(p_queues);
        END IF;
        RETURN;
    END IF;
    v_more := cardinality(v_picked.job_ids) - cardinality(v_now.free);
    IF v_more > 0 THEN
        v_now.free := v_now.free || jobs._add_slots(v_more);
    END IF;
    RETURN QUERY
    WITH started AS (
        UPDATE neanelu.job_runs AS j SET status = 'active', attempts = j.attempts + 1, started_at = clock_timestamp()
         WHERE j.id = ANY (v_picked.job_ids) AND j.status = 'waiting'
        RETURNING j.id, j.queue_name, j.job_name, j.shop_id, j.payload, j.attempts, j.max_attempts, j.created_at
    )
    UPDATE neanelu.job_slots AS s
       SET job_id = j.id, lane = jobs._lane(j.shop_id), queue_name = j.queue_name, token = (random(1, 140737488355327) << 16) | s.slot, leased_by = p_worker,
           leased_at = clock_timestamp(), lease_expires_at = clock_timestamp() + coalesce(p_lease, h.lease, '60 seconds')
      FROM (SELECT x.*, row_number() OVER () AS n FROM started AS x) AS j
      LEFT JOIN neanelu.job_handlers AS h ON h.job_name = j.job_name
     WHERE s.slot = v_now.free[j.n]
    RETURNING j.id, s.token, j.queue_name::text, j.job_name::text, j.shop_id, j.payload, j.attempts, j.max_attempts, coalesce(h.runs_in, 'daemon')::text,
              s.lease_expires_at, j.created_at;
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
