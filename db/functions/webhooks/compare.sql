-- Deploy neanelu:functions/webhooks/compare to pg
-- requires: functions/webhooks/fetch
-- requires: functions/sync/lifecycle
-- Comparisons with Shopify find what webhooks missed. The database says what to ask, a worker asks, until nothing is open:
--
--   count some windows of time                    numbers that agree are done
--   a window whose numbers differ                 is halved, until it is small enough to list
--   list a window, and always what changed lately ids and versions say which objects are missing, outdated or too many
--
-- A missed update makes two windows differ: the one that the object left and the one that it went to. What is found is asked
-- for; when it is a lot, a bulk run is. One object too many and one too few within a window hide each other: until a snapshot.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, webhooks, sync, app, extensions, pg_temp;

CREATE FUNCTION webhooks._filter(p_from timestamptz, p_to timestamptz, p_born_from timestamptz)
RETURNS text
LANGUAGE sql STABLE
SET search_path = neanelu, webhooks, pg_temp
RETURN concat_ws(' AND ', 'created_at:>=''' || webhooks._utc(p_born_from) || '''', 'updated_at:>=''' || webhooks._utc(p_from) || '''',
                 'updated_at:<''' || webhooks._utc(p_to) || '''');
COMMENT ON FUNCTION webhooks._filter(timestamptz, timestamptz, timestamptz) IS 'A window as a search of Shopify''s. Pure.';

CREATE FUNCTION webhooks._question(p_kind text, p_from timestamptz, p_to timestamptz, p_born_from timestamptz)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, webhooks, pg_temp
RETURN jsonb_build_object('kind', p_kind, 'from', p_from, 'to', p_to, 'filter', webhooks._filter(p_from, p_to, p_born_from));
COMMENT ON FUNCTION webhooks._question(text, timestamptz, timestamptz, timestamptz) IS 'A question to Shopify: how many, or which, objects changed in a window. Pure.';

CREATE FUNCTION webhooks._mirror_window(p_comparison mirror_comparisons, p_from timestamptz, p_to timestamptz, OUT objects bigint, OUT middle timestamptz, OUT bounds timestamptz[])
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
DECLARE
    v_table text;
BEGIN
    SELECT t.target_table INTO STRICT v_table FROM sync_tables AS t JOIN sync_streams AS s USING (stream)
     WHERE s.resource = p_comparison.resource AND s.kind = webhooks.fetch_kind(p_comparison.resource) AND t.vanish = 'tombstone';
    EXECUTE format(
        'SELECT count(*), percentile_disc(0.5) WITHIN GROUP (ORDER BY updated_at_shopify), '
        '       CASE WHEN count(*) > 1000 THEN percentile_disc(''{0.125,0.25,0.375,0.5,0.625,0.75,0.875}''::float8[]) WITHIN GROUP (ORDER BY updated_at_shopify) END '
        '  FROM neanelu.%I '
        ' WHERE shop_id = $1 AND deleted_at IS NULL AND coalesce(updated_at_shopify, ''-infinity'') >= coalesce($2, ''-infinity'') '
        '   AND coalesce(updated_at_shopify, ''-infinity'') < coalesce($3, ''infinity'') %s', v_table,
        CASE WHEN p_comparison.born_from IS NOT NULL THEN 'AND created_at_shopify >= $4' ELSE 'AND $4 IS NULL' END)
       INTO objects, middle, bounds USING p_comparison.shop_id, p_from, p_to, p_comparison.born_from;
END
$$;
COMMENT ON FUNCTION webhooks._mirror_window(mirror_comparisons, timestamptz, timestamptz) IS
    'How many objects of the mirror changed in a window, when the middle one of them did, and of many where eight parts of them begin. Reads only, all of the shop''s rows. Raises: P0002 nothing to compare';

CREATE FUNCTION webhooks._first_questions(p_comparison mirror_comparisons)
RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
DECLARE
    v_window record;
BEGIN
    IF p_comparison.resource = 'locations' THEN
        RETURN jsonb_build_array(webhooks._question('list', NULL, NULL, NULL));
    END IF;
    v_window := webhooks._mirror_window(p_comparison, NULL, p_comparison.recent_from);
    -- Windows of some hundred objects and more, eight at most, and what is recent.
    RETURN (SELECT jsonb_agg(webhooks._question('count', w.lower, w.upper, p_comparison.born_from))
              FROM (SELECT lag(b.bound) OVER (ORDER BY b.bound) AS lower, b.bound AS upper
                      FROM (SELECT unnest(v_window.bounds) UNION SELECT p_comparison.recent_from UNION SELECT p_comparison.horizon) AS b (bound)
                     WHERE isfinite(b.bound) AND (b.bound <= p_comparison.recent_from OR b.bound = p_comparison.horizon)) AS w);
END
$$;
COMMENT ON FUNCTION webhooks._first_questions(mirror_comparisons) IS
    'What a comparison begins with: counts of some windows, the last of which is what is recent. Reads only, all of the shop''s rows.';

CREATE FUNCTION webhooks.begin_comparison(p_shop_id uuid, p_resource text, p_grace interval DEFAULT NULL)
RETURNS TABLE (comparison_id uuid, questions jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, app, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_horizon constant timestamptz := date_trunc('second', clock_timestamp() - coalesce(
        p_grace, make_interval(secs => sync._setting('compare_grace_seconds', 300)::double precision)));
    v_recent  timestamptz;
    v_new     mirror_comparisons;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_resource <> ALL (webhooks.comparable()) THEN
        RAISE EXCEPTION '% cannot be compared', p_resource USING ERRCODE = 'NW020', HINT = 'SELECT webhooks.comparable(). Bulk runs compare the others.';
    END IF;
    -- What never came whole is not compared but brought.
    IF NOT EXISTS (SELECT FROM sync_checkpoints AS c WHERE c.shop_id = p_shop_id AND c.resource_type = p_resource AND c.last_full_snapshot_at IS NOT NULL) THEN
        RETURN;
    END IF;
    UPDATE mirror_comparisons AS m SET status = 'abandoned', ended_at = clock_timestamp(), questions = '[]'
     WHERE m.shop_id = p_shop_id AND m.resource = p_resource AND m.status = 'running';
    SELECT coalesce(max(m.horizon) - interval '1 hour', v_horizon - interval '1 day') INTO v_recent
      FROM mirror_comparisons AS m WHERE m.shop_id = p_shop_id AND m.resource = p_resource AND m.status IN ('equal', 'drift');
    v_recent := least(greatest(v_recent, v_horizon - interval '7 days'), v_horizon);
    INSERT INTO mirror_comparisons (shop_id, resource, horizon, recent_from, born_from)
    VALUES (p_shop_id, p_resource, v_horizon, v_recent,
            CASE WHEN p_resource = 'orders' AND NOT webhooks._sees_all_orders(p_shop_id) THEN v_horizon - interval '59 days' END)
    RETURNING * INTO v_new;
    UPDATE mirror_comparisons AS m SET questions = webhooks._first_questions(v_new) WHERE m.shop_id = p_shop_id AND m.id = v_new.id
    RETURNING m.id, m.questions INTO comparison_id, questions;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION webhooks.begin_comparison(uuid, text, interval) IS
    'Begins to compare a resource of a shop with Shopify and returns the first questions; no row where nothing was ever brought whole. One that is under way is given up. '
    'What changed in the last p_grace (setting sync.compare_grace_seconds, 300) is left out: its webhooks may be on their way. '
    'Locks: its row. Raises: NA002, NW020 a resource that cannot be compared';

CREATE FUNCTION webhooks.comparable()
RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN '{locations,products,collections,customers,orders}'::text[];
COMMENT ON FUNCTION webhooks.comparable() IS
    'The resources that Shopify can count and list by when they changed. The others are compared by bulk runs. Pure.';

CREATE FUNCTION webhooks._weigh_count(p_comparison mirror_comparisons, p_answer jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, pg_temp
AS $$
DECLARE
    v_from   constant timestamptz := (p_answer ->> 'from')::timestamptz;
    v_to     constant timestamptz := (p_answer ->> 'to')::timestamptz;
    v_theirs constant bigint := (p_answer ->> 'count')::bigint;
    v_born   constant timestamptz := p_comparison.born_from;
    v_ours   record;
BEGIN
    v_ours := webhooks._mirror_window(p_comparison, v_from, v_to);
    IF v_from = p_comparison.recent_from AND v_to = p_comparison.horizon AND greatest(v_theirs, v_ours.objects) <= sync._setting('compare_list_max', 2000) THEN
        RETURN jsonb_build_array(webhooks._question('list', v_from, v_to, v_born));
    ELSIF v_theirs = v_ours.objects THEN
        RETURN '[]'::jsonb;
    ELSIF greatest(v_theirs, v_ours.objects) <= 250 THEN
        RETURN jsonb_build_array(webhooks._question('list', v_from, v_to, v_born));
    ELSIF v_ours.middle IS NULL OR v_ours.middle <= coalesce(v_from, '-infinity') OR v_ours.middle >= v_to OR p_comparison.asked > 200 THEN
        RETURN NULL;
    END IF;
    RETURN jsonb_build_array(webhooks._question('count', v_from, v_ours.middle, v_born), webhooks._question('count', v_ours.middle, v_to, v_born));
END
$$;
COMMENT ON FUNCTION webhooks._weigh_count(mirror_comparisons, jsonb) IS
    'What to ask next after a count: nothing, the halves of the window, or which objects; null when it cannot be found out this way. Reads only.';

CREATE FUNCTION webhooks._weigh_list(p_comparison mirror_comparisons, p_answer jsonb)
RETURNS mirror_comparisons
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
DECLARE
    v_table text;
    v_differs bigint[];
BEGIN
    SELECT t.target_table INTO STRICT v_table FROM sync_tables AS t JOIN sync_streams AS s USING (stream)
     WHERE s.resource = p_comparison.resource AND s.kind = webhooks.fetch_kind(p_comparison.resource) AND t.vanish = 'tombstone';
    EXECUTE format($q$
        WITH theirs AS (
            SELECT split_part(o.doc ->> 'id', '/', 5)::bigint AS number, (o.doc ->> 'updatedAt')::timestamptz AS version
              FROM jsonb_array_elements($2 -> 'objects') AS o (doc)),
        ours AS (
            SELECT t.legacy_resource_id AS number, t.updated_at_shopify AS version, t.deleted_at
              FROM neanelu.%1$I AS t
             WHERE t.shop_id = $1 AND (t.legacy_resource_id = ANY (ARRAY(SELECT h.number FROM theirs AS h))
                OR t.deleted_at IS NULL AND coalesce(t.updated_at_shopify, '-infinity') >= coalesce(($2 ->> 'from')::timestamptz, '-infinity')
                   AND coalesce(t.updated_at_shopify, '-infinity') < coalesce(($2 ->> 'to')::timestamptz, 'infinity') AND %2$s)),
        differing AS (
            SELECT coalesce(h.number, u.number) AS number,
                   CASE WHEN h.number IS NULL THEN 'extra' WHEN u.number IS NULL OR u.deleted_at IS NOT NULL THEN 'missing' ELSE 'outdated' END AS how
              FROM theirs AS h FULL JOIN ours AS u ON u.number = h.number
             WHERE h.number IS NULL OR u.number IS NULL
                OR CASE WHEN u.deleted_at IS NULL THEN coalesce(u.version, '-infinity') < h.version ELSE u.deleted_at < h.version OR u.deleted_at < $4 END)
        SELECT array_agg(d.number), count(*) FILTER (WHERE d.how = 'missing'), count(*) FILTER (WHERE d.how = 'outdated'), count(*) FILTER (WHERE d.how = 'extra')
          FROM differing AS d
         WHERE NOT EXISTS (SELECT FROM mirror_fetches AS f
                            WHERE f.shop_id = $1 AND f.resource = $5 AND f.object_id = d.number AND (f.wanted_at IS NOT NULL OR f.fetched_at > $4))$q$,
        v_table, CASE WHEN p_comparison.born_from IS NOT NULL THEN 't.created_at_shopify >= $3' ELSE '$3 IS NULL' END)
       INTO v_differs, p_comparison.missing, p_comparison.outdated, p_comparison.extra
      USING p_comparison.shop_id, p_answer, p_comparison.born_from, p_comparison.started_at, p_comparison.resource;
    IF cardinality(v_differs) <= 1000 THEN
        PERFORM webhooks._want(p_comparison.shop_id, p_comparison.resource, v_differs, interval '0');
    END IF;
    RETURN p_comparison;
END
$$;
COMMENT ON FUNCTION webhooks._weigh_list(mirror_comparisons, jsonb) IS
    'Compares a window object by object: what differs is asked for, unless it is already. Returns the comparison with the numbers of this window. '
    'Locks: the rows of mirror_fetches. Raises: nothing of its own';

CREATE FUNCTION webhooks.continue_comparison(p_shop_id uuid, p_comparison_id uuid, p_answers jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, app, pg_temp
AS $$
DECLARE
    v_comparison mirror_comparisons;
    v_found      mirror_comparisons;
    v_answer     jsonb;
    v_more       jsonb;
    v_next       jsonb := '[]'::jsonb;
    v_repair     text := 'none';
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    SELECT * INTO v_comparison FROM mirror_comparisons WHERE shop_id = p_shop_id AND id = p_comparison_id AND status = 'running' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'comparison % is over', p_comparison_id USING ERRCODE = 'NW021';
    END IF;
    FOR v_answer IN SELECT a FROM jsonb_array_elements(p_answers) AS a LOOP
        IF v_answer ->> 'kind' = 'count' THEN
            v_more := webhooks._weigh_count(v_comparison, v_answer);
            v_repair := CASE WHEN v_more IS NULL THEN 'snapshot' ELSE v_repair END;
            v_next := v_next || coalesce(v_more, '[]'::jsonb);
        ELSE
            v_found := webhooks._weigh_list(v_comparison, v_answer);
            v_comparison.missing := v_comparison.missing + v_found.missing;
            v_comparison.outdated := v_comparison.outdated + v_found.outdated;
            v_comparison.extra := v_comparison.extra + v_found.extra;
            v_repair := CASE WHEN v_repair = 'snapshot' OR v_found.extra > 1000 THEN 'snapshot'
                             WHEN v_found.missing + v_found.outdated + v_found.extra > 1000 THEN 'incremental' ELSE v_repair END;
        END IF;
        v_comparison.asked := v_comparison.asked + 1;
    END LOOP;
    v_next := CASE v_repair WHEN 'snapshot' THEN '[]'::jsonb ELSE v_next END;
    RETURN webhooks._note_comparison(v_comparison, v_next, v_repair);
END
$$;
COMMENT ON FUNCTION webhooks.continue_comparison(uuid, uuid, jsonb) IS
    'Takes answers (the questions with count, or objects: [{id, updatedAt}]) and returns what to ask next; nothing when the comparison is over. '
    'Locks: the comparison, rows of mirror_fetches. Raises: NA002, NW021 the comparison is over, or another one took its place';

CREATE FUNCTION webhooks._note_comparison(p_comparison mirror_comparisons, p_next jsonb, p_repair text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, pg_temp
AS $$
DECLARE
    v_drift  constant integer := p_comparison.missing + p_comparison.outdated + p_comparison.extra;
    v_repair constant text := CASE WHEN p_repair <> 'none' THEN p_repair WHEN p_comparison.repair <> 'none' AND p_comparison.repair <> 'fetch' THEN p_comparison.repair
                                   WHEN v_drift > 0 THEN 'fetch' ELSE 'none' END;
    v_run    uuid := p_comparison.run_id;
BEGIN
    IF v_repair IN ('incremental', 'snapshot') AND v_run IS NULL AND NOT EXISTS (
            SELECT FROM bulk_runs AS r WHERE r.shop_id = p_comparison.shop_id AND r.query_type = p_comparison.resource AND r.status IN ('pending', 'running')) THEN
        v_run := sync.request_run(p_comparison.shop_id, p_comparison.resource, v_repair);
    END IF;
    UPDATE mirror_comparisons AS m
       SET asked = p_comparison.asked, missing = p_comparison.missing, outdated = p_comparison.outdated, extra = p_comparison.extra,
           questions = p_next, repair = v_repair, run_id = v_run,
           status = CASE WHEN p_next <> '[]' THEN 'running' WHEN v_repair = 'none' THEN 'equal' ELSE 'drift' END,
           ended_at = CASE WHEN p_next = '[]' THEN clock_timestamp() END
     WHERE m.shop_id = p_comparison.shop_id AND m.id = p_comparison.id;
    RETURN p_next;
END
$$;
COMMENT ON FUNCTION webhooks._note_comparison(mirror_comparisons, jsonb, text) IS
    'Writes how far a comparison is, ends it when nothing is open, and asks for a bulk run where one is needed and none is under way. Locks: its row. '
    'Raises: NS002 the shop is not installed';

-- When --------------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._compare_due(p_limit integer)
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, jobs, pg_temp
AS $$
    SELECT count(jobs.enqueue('sync', 'mirror.reconcile', d.shop_id, jsonb_build_object('resource', d.resource_type), p_dedupe_key => 'mirror.reconcile:' || d.resource_type))
      FROM (SELECT c.shop_id, c.resource_type
              FROM sync_checkpoints AS c
              JOIN shops AS s ON s.id = c.shop_id AND s.uninstalled_at IS NULL
             WHERE c.resource_type = ANY (webhooks.comparable()) AND c.last_full_snapshot_at IS NOT NULL
               AND NOT EXISTS (SELECT FROM mirror_comparisons AS m
                                WHERE m.shop_id = c.shop_id AND m.resource = c.resource_type
                                  AND m.started_at > clock_timestamp() - make_interval(secs => 3600 * sync._setting('compare_hours', 6)::double precision))
             ORDER BY c.shop_id, c.resource_type LIMIT p_limit) AS d
$$;
COMMENT ON FUNCTION webhooks._compare_due(integer) IS
    'Asks for the comparisons that are due (setting sync.compare_hours, 6), p_limit at most; returns how many. Idempotent. Raises: nothing of its own';

CREATE FUNCTION webhooks._resync_due(p_limit integer)
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, pg_temp
AS $$
    SELECT count(sync.request_run(d.shop_id, d.resource_type, d.mode))
      FROM (SELECT c.shop_id, c.resource_type, CASE WHEN r.supports_filter AND NOT x.is_old THEN 'incremental' ELSE 'snapshot' END AS mode
              FROM sync_checkpoints AS c
              JOIN sync_resources AS r ON r.resource = c.resource_type
              JOIN shops AS s ON s.id = c.shop_id AND s.uninstalled_at IS NULL
             CROSS JOIN LATERAL (SELECT c.last_full_snapshot_at < clock_timestamp()
                                        - make_interval(secs => 86400 * sync._setting('resync_snapshot_days', 7)::double precision) AS is_old) AS x
             WHERE c.last_full_snapshot_at IS NOT NULL AND c.high_water_mark IS NOT NULL
               AND (x.is_old OR c.resource_type <> ALL (webhooks.comparable())
                                AND c.last_sync_at < clock_timestamp() - make_interval(secs => 3600 * sync._setting('resync_hours', 24)::double precision))
               AND NOT EXISTS (SELECT FROM bulk_runs AS b
                                WHERE b.shop_id = c.shop_id AND b.query_type = c.resource_type
                                  AND (b.status IN ('pending', 'running') OR b.created_at > clock_timestamp() - interval '6 hours'))
             ORDER BY c.last_sync_at LIMIT p_limit) AS d
$$;
COMMENT ON FUNCTION webhooks._resync_due(integer) IS
    'Asks for bulk runs of resources that cannot be compared otherwise (setting sync.resync_hours, 24), and of all once in a while (sync.resync_snapshot_days, 7), for shops '
    'that are synchronised from Shopify; p_limit at most. Unchanged trees cost a digest each. Returns how many. Idempotent. Raises: nothing of its own';

CREATE FUNCTION webhooks.reconcile_due(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
DECLARE
    v_limit constant integer := coalesce((p_payload ->> 'limit')::integer, 500);
BEGIN
    -- Fetches whose job was lost, or ended among the dead letters.
    PERFORM webhooks.next_fetch(f.shop_id)
       FROM (SELECT DISTINCT m.shop_id FROM mirror_fetches AS m JOIN shops AS s ON s.id = m.shop_id AND s.uninstalled_at IS NULL
              WHERE m.wanted_at IS NOT NULL AND m.due_at < clock_timestamp() - interval '10 minutes' AND coalesce(m.shop_id = p_shop_id, true)) AS f;
    RETURN jsonb_build_object('comparisons', webhooks._compare_due(v_limit), 'runs', webhooks._resync_due(v_limit / 10));
END
$$;
COMMENT ON FUNCTION webhooks.reconcile_due(uuid, jsonb) IS
    'Handler of the job mirror.reconcile_due, every quarter of an hour: asks for comparisons, bulk runs and left-over fetches that are due, of all shops, payload.limit (500) at most. '
    'Idempotent. Raises: nothing of its own';

CREATE FUNCTION webhooks.sweep(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_keep        constant interval := make_interval(days => coalesce((p_payload ->> 'keep_days')::integer, 30));
    v_tombstones  bigint;
    v_fetches     bigint;
    v_comparisons bigint;
BEGIN
    DELETE FROM mirror_tombstones AS d WHERE d.created_at < now() - v_keep AND coalesce(d.shop_id = p_shop_id, true);
    GET DIAGNOSTICS v_tombstones = ROW_COUNT;
    DELETE FROM mirror_fetches AS f WHERE f.wanted_at IS NULL AND f.fetched_at < now() - interval '11 days';
    GET DIAGNOSTICS v_fetches = ROW_COUNT;
    DELETE FROM mirror_comparisons AS m WHERE m.started_at < now() - interval '90 days';
    GET DIAGNOSTICS v_comparisons = ROW_COUNT;
    RETURN jsonb_build_object('tombstones', v_tombstones, 'fetches', v_fetches, 'comparisons', v_comparisons);
END
$$;
COMMENT ON FUNCTION webhooks.sweep(uuid, jsonb) IS
    'Handler of the job mirror.sweep: forgets tombstones after payload.keep_days (30), of a shop or all, fetches after 11 (a bulk operation may last ten), comparisons after 90. Idempotent. '
    'Locks: the rows deleted. Raises: nothing';

CREATE FUNCTION webhooks.metrics()
RETURNS TABLE (resource text, fetches_waiting bigint, fetches_refused bigint, comparisons bigint, drift_shops bigint, drift_objects bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT r.resource, coalesce(f.waiting, 0), coalesce(f.refused, 0), coalesce(m.comparisons, 0), coalesce(m.shops, 0), coalesce(m.objects, 0)
      FROM sync_resources AS r
      LEFT JOIN (SELECT x.resource, count(*) FILTER (WHERE x.wanted_at IS NOT NULL) AS waiting, count(x.error) AS refused
                   FROM mirror_fetches AS x GROUP BY x.resource) AS f USING (resource)
      LEFT JOIN (SELECT x.resource, count(*) AS comparisons, count(DISTINCT x.shop_id) FILTER (WHERE x.status = 'drift') AS shops,
                        sum(x.missing + x.outdated + x.extra) AS objects
                   FROM mirror_comparisons AS x
                  WHERE x.started_at > clock_timestamp() - interval '1 day' AND x.status IN ('equal', 'drift') GROUP BY x.resource) AS m USING (resource)
     WHERE r.transport = 'bulk'
     ORDER BY r.run_order
$$;
COMMENT ON FUNCTION webhooks.metrics() IS
    'How the mirror follows Shopify, of all shops, a row a resource: objects to be asked for, answers that the mirror did not take, and what comparisons of the last day '
    'found that webhooks had missed. Reads only.';

CREATE FUNCTION webhooks.event_metrics()
RETURNS TABLE (waiting bigint, refused bigint, oldest_seconds double precision)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT count(*) FILTER (WHERE e.processing_error IS NULL), count(e.processing_error),
           coalesce(extract(epoch FROM clock_timestamp() - min(e.received_at) FILTER (WHERE e.processing_error IS NULL)), 0)::double precision
      FROM webhook_events AS e WHERE e.processed_at IS NULL
$$;
COMMENT ON FUNCTION webhooks.event_metrics() IS
    'Deliveries without their effect, of all shops: those that wait, those that were refused, and the age of the oldest that waits. Reads only.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA webhooks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION webhooks.begin_comparison(uuid, text, interval), webhooks.continue_comparison(uuid, uuid, jsonb) TO neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION webhooks.comparable(), webhooks.metrics(), webhooks.event_metrics() TO neanelu_worker, neanelu_operator;

COMMIT;
