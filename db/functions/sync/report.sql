-- Deploy neanelu:functions/sync/report to pg
-- requires: functions/sync/merge
-- requires: functions/shops/registry
-- What can be told of runs and of the mirror: for the command line, operators and dashboards. Changes nothing.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, sync, app, extensions, pg_temp;

CREATE TYPE sync.run_summary AS (
    run_id            uuid,
    shop_id           uuid,
    shop              text,
    resource          text,
    mode              text,
    source            text,
    status            text,
    step              text,
    requested_at      timestamptz,
    started_at        timestamptz,
    completed_at      timestamptz,
    seconds           double precision,
    lines_in          bigint,
    lines_merged      bigint,
    lines_unchanged   bigint,
    lines_quarantined bigint,
    lines_duplicate   bigint,
    lines_ignored     bigint,
    rows_inserted     bigint,
    rows_updated      bigint,
    rows_tombstoned   bigint,
    bytes_processed   bigint,
    bytes_expected    bigint,
    objects_expected  bigint,
    is_partial        boolean,
    error_code        text,
    error_message     text,
    attempt           integer,
    retry_count       integer,
    max_retries       integer,
    not_before        timestamptz,
    leased_by         text,
    lease_expires_at  timestamptz
);
COMMENT ON TYPE sync.run_summary IS
    'A run as reports show it: bulk_runs with the name of its shop, the step it is at, and the seconds it took so far; no address, no token';

CREATE FUNCTION sync._summary(p_run bulk_runs)
RETURNS sync.run_summary
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT p_run.id, p_run.shop_id, s.shopify_domain::text, p_run.query_type, p_run.mode, p_run.source, p_run.status,
           (SELECT t.step_name FROM bulk_steps AS t
             WHERE t.shop_id = p_run.shop_id AND t.bulk_run_id = p_run.id AND t.status IN ('running', 'failed')
             ORDER BY t.status DESC, t.started_at DESC LIMIT 1),
           p_run.created_at, p_run.started_at, p_run.completed_at,
           extract(epoch FROM coalesce(p_run.completed_at, clock_timestamp()) - p_run.started_at)::double precision,
           p_run.lines_in, p_run.lines_merged, p_run.lines_unchanged,
           -- The sums are written at the end; until then, and when it failed, quarantine speaks for itself.
           CASE WHEN p_run.status = 'completed' THEN p_run.lines_quarantined
                ELSE (SELECT count(*) FROM bulk_errors AS e WHERE e.shop_id = p_run.shop_id AND e.bulk_run_id = p_run.id) END,
           p_run.lines_duplicate, p_run.lines_ignored, p_run.rows_inserted, p_run.rows_updated, p_run.rows_tombstoned,
           p_run.bytes_processed, p_run.bytes_expected, p_run.objects_expected, p_run.is_partial, p_run.error_code, p_run.error_message,
           p_run.attempt, p_run.retry_count, p_run.max_retries, p_run.not_before, p_run.leased_by, p_run.lease_expires_at
      FROM shops AS s
     WHERE s.id = p_run.shop_id
$$;
COMMENT ON FUNCTION sync._summary(bulk_runs) IS 'A run as reports show it. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION sync.list_runs(p_shop_id uuid DEFAULT NULL, p_statuses text[] DEFAULT NULL, p_limit integer DEFAULT 20)
RETURNS SETOF sync.run_summary
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, sync, app, pg_temp
AS $$
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    RETURN QUERY
    SELECT x.*
      FROM (SELECT b.* FROM bulk_runs AS b
             WHERE (p_shop_id IS NULL OR b.shop_id = p_shop_id)
               AND (p_statuses IS NULL OR b.status = ANY (p_statuses))
             ORDER BY b.id DESC
             LIMIT p_limit) AS r
     CROSS JOIN LATERAL sync._summary(r) AS x
     ORDER BY x.run_id DESC;
END
$$;
COMMENT ON FUNCTION sync.list_runs(uuid, text[], integer) IS
    'Runs, newest first: of one shop or of all, in these statuses or in any, at most p_limit (NULL: all). '
    'Reads only, takes no locks. Raises: NA002 the login may not work for the shop';

CREATE FUNCTION sync.active_runs()
RETURNS TABLE (pending bigint, running bigint, abandoned bigint, oldest_pending_at timestamptz)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT count(*) FILTER (WHERE r.status = 'pending'),
           count(*) FILTER (WHERE r.status = 'running'),
           count(*) FILTER (WHERE r.status = 'running' AND r.lease_expires_at < clock_timestamp()),
           min(r.created_at) FILTER (WHERE r.status = 'pending')
      FROM bulk_runs AS r
     WHERE r.status IN ('pending', 'running')
$$;
COMMENT ON FUNCTION sync.active_runs() IS
    'How many runs of all shops wait and run; abandoned are those running ones whose lease ended, which the next daemon takes over. '
    'Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION sync._visible_run(p_run_id uuid)
RETURNS bulk_runs
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
DECLARE
    v_run bulk_runs;
BEGIN
    SELECT r.* INTO v_run FROM bulk_runs AS r WHERE r.id = p_run_id;
    IF v_run.id IS NULL THEN
        RAISE EXCEPTION 'there is no run %', p_run_id USING ERRCODE = 'NS004';
    END IF;
    PERFORM app.assert_shop_access(v_run.shop_id);
    RETURN v_run;
END
$$;
COMMENT ON FUNCTION sync._visible_run(uuid) IS
    'A run that the login may look at. Reads only, takes no locks. Raises: NA002 the login may not work for its shop, NS004 no such run';

CREATE FUNCTION sync.run_details(p_run_id uuid)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run constant bulk_runs := sync._visible_run(p_run_id);
BEGIN
    RETURN to_jsonb(sync._summary(v_run)) || jsonb_build_object(
        'api_version', v_run.api_version,
        'operation_gid', v_run.shopify_operation_id,
        'filter_from', v_run.filter_from,
        'allow_mass_delete', v_run.allow_mass_delete,
        'steps', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'step', s.step_name, 'status', s.status, 'started_at', s.started_at, 'completed_at', s.completed_at,
                       'seconds', extract(epoch FROM coalesce(s.completed_at, statement_timestamp()) - s.started_at)::double precision,
                       'records', s.records_processed, 'error_message', s.error_message, 'facts', s.metadata)
                   ORDER BY array_position(ARRAY['start', 'poll', 'download', 'load', 'stage', 'merge'], s.step_name::text)), '[]')
              FROM bulk_steps AS s WHERE s.shop_id = v_run.shop_id AND s.bulk_run_id = v_run.id),
        'counts', (
            SELECT coalesce(jsonb_agg(to_jsonb(c) - 'shop_id' - 'bulk_run_id' ORDER BY c.kind), '[]')
              FROM bulk_counts AS c WHERE c.shop_id = v_run.shop_id AND c.bulk_run_id = v_run.id),
        'artifacts', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'type', a.artifact_type, 'file_path', a.file_path, 'etag', a.etag, 'bytes', a.bytes_size, 'lines', a.rows_count,
                       'sha256', a.checksum, 'removed_at', a.removed_at) ORDER BY a.artifact_type), '[]')
              FROM bulk_artifacts AS a WHERE a.shop_id = v_run.shop_id AND a.bulk_run_id = v_run.id),
        'error_codes', (
            SELECT coalesce(jsonb_agg(jsonb_build_object('code', e.error_code, 'kind', e.kind, 'lines', e.lines)
                                      ORDER BY e.lines DESC, e.error_code, e.kind), '[]')
              FROM (SELECT b.error_code, b.kind, count(*) AS lines FROM bulk_errors AS b
                     WHERE b.shop_id = v_run.shop_id AND b.bulk_run_id = v_run.id GROUP BY 1, 2) AS e));
END
$$;
COMMENT ON FUNCTION sync.run_details(uuid) IS
    'All of one run as an object: the summary, its steps with their facts, what became of its lines a kind, its file, and how many lines are '
    'quarantined for which reason. Reads only, takes no locks. Raises: NA002 the login may not work for its shop, NS004 no such run';

CREATE FUNCTION sync.run_errors(p_run_id uuid, p_limit integer DEFAULT 20, p_after_line integer DEFAULT 0)
RETURNS TABLE (line_number integer, error_type text, error_code text, error_message text, kind text, object_gid text,
               raw_bytes bigint, excerpt bytea)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run     constant bulk_runs := sync._visible_run(p_run_id);
    -- Operators see how the system does, not what is in shops.
    v_content constant boolean := pg_has_role(SESSION_USER, 'neanelu_platform', 'MEMBER');
BEGIN
    RETURN QUERY
    SELECT e.line_number, e.error_type::text, e.error_code::text, e.error_message, e.kind, e.object_gid, e.raw_bytes,
           CASE WHEN v_content THEN substr(coalesce(e.raw, convert_to(e.payload::text, 'UTF8')), 1, 1000) END
      FROM bulk_errors AS e
     WHERE e.shop_id = v_run.shop_id AND e.bulk_run_id = v_run.id AND coalesce(e.line_number, 0) > p_after_line
     ORDER BY e.line_number
     LIMIT p_limit;
END
$$;
COMMENT ON FUNCTION sync.run_errors(uuid, integer, integer) IS
    'Quarantined lines of a run in the order of the file, from the line after p_after_line. excerpt is the first 1000 bytes of the line, for '
    'members of neanelu_platform only, because it may hold personal data. Reads only, takes no locks. '
    'Raises: NA002 the login may not work for its shop, NS004 no such run';

CREATE FUNCTION sync.freshness(p_shop_id uuid DEFAULT NULL)
RETURNS TABLE (shop_id uuid, shop text, is_installed boolean, resource text, last_sync_at timestamptz, last_mode text,
               last_full_snapshot_at timestamptz, high_water_mark timestamptz, records integer, checkpoint_status text,
               last_run_id uuid, last_run_status text, last_run_at timestamptz, last_error_code text, last_error_message text,
               quarantined bigint, active_run_id uuid, active_status text)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
BEGIN
    IF p_shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    RETURN QUERY
    SELECT s.id, s.shopify_domain::text, s.uninstalled_at IS NULL, r.resource, c.last_sync_at, c.metadata ->> 'mode',
           c.last_full_snapshot_at, c.high_water_mark, c.records_synced, c.status::text,
           l.id, l.status::text, l.completed_at, l.error_code, l.error_message, q.lines, a.id, a.status::text
      FROM shops AS s
     CROSS JOIN sync_resources AS r
      LEFT JOIN sync_checkpoints AS c ON c.shop_id = s.id AND c.resource_type = r.resource
      LEFT JOIN LATERAL (SELECT b.* FROM bulk_runs AS b
                          WHERE b.shop_id = s.id AND b.query_type = r.resource AND b.status IN ('completed', 'failed', 'cancelled')
                          ORDER BY b.completed_at DESC LIMIT 1) AS l ON true
      LEFT JOIN LATERAL (SELECT count(*) AS lines FROM bulk_errors AS e
                          WHERE e.shop_id = s.id AND e.bulk_run_id = l.id) AS q ON l.id IS NOT NULL
      LEFT JOIN bulk_runs AS a ON a.shop_id = s.id AND a.query_type = r.resource AND a.status IN ('pending', 'running')
     WHERE p_shop_id IS NULL OR s.id = p_shop_id
     ORDER BY s.shopify_domain, r.run_order;
END
$$;
COMMENT ON FUNCTION sync.freshness(uuid) IS
    'How fresh each resource of a shop, or of all shops, is: checkpoint, outcome of the run that ended last and the lines it quarantined, and '
    'the run that waits or runs. One row a shop and resource, also where nothing was synchronised yet. '
    'Reads only, takes no locks. Raises: NA002 the login may not work for the shop';

CREATE FUNCTION sync.staleness()
RETURNS TABLE (resource text, shops bigint, oldest_age double precision)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT c.resource_type, count(*), extract(epoch FROM app.now() - min(c.last_sync_at))::double precision
      FROM sync_checkpoints AS c
      JOIN shops AS s ON s.id = c.shop_id
     WHERE s.uninstalled_at IS NULL AND c.last_sync_at IS NOT NULL
     GROUP BY c.resource_type
     ORDER BY c.resource_type
$$;
COMMENT ON FUNCTION sync.staleness() IS
    'For a daemon''s metrics: how many installed shops were synchronised at least once, and the seconds since the last completed run of the one '
    'that is furthest behind, a row a resource. Tells nothing of a single shop. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION sync.row_counts(p_shop_id uuid)
RETURNS TABLE (resource text, table_name text, is_main boolean, live bigint, tombstoned bigint)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, sync, app, pg_temp
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    FOR resource, table_name, is_main IN
        SELECT DISTINCT ON (r.run_order, t.target_table)
               r.resource, t.target_table, row_number() OVER (PARTITION BY r.resource ORDER BY t.stream, t.merge_order) = 1
          FROM sync_tables AS t
          JOIN sync_streams AS s USING (stream)
          JOIN sync_resources AS r ON r.resource = s.resource
         ORDER BY r.run_order, t.target_table
    LOOP
        IF sync._has_column(table_name, 'deleted_at') THEN
            EXECUTE format('SELECT count(*) FILTER (WHERE deleted_at IS NULL), count(deleted_at) FROM neanelu.%I WHERE shop_id = $1', table_name)
               INTO live, tombstoned USING p_shop_id;
        ELSE
            EXECUTE format('SELECT count(*), NULL FROM neanelu.%I WHERE shop_id = $1', table_name) INTO live, tombstoned USING p_shop_id;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION sync.row_counts(uuid) IS
    'Exact numbers of a shop''s rows in each mirror table by the resource that fills it: living ones, and those marked deleted (NULL for link '
    'tables, which mark nothing). is_main: the table of the resource''s own objects. Counts every row, so it takes seconds for a million. '
    'Reads only, takes no locks. Raises: NA002 the login may not work for the shop';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync FROM PUBLIC;
REVOKE USAGE ON TYPE sync.run_summary FROM PUBLIC;
GRANT USAGE ON TYPE sync.run_summary TO neanelu_sync, neanelu_operator;
GRANT EXECUTE ON FUNCTION
    sync.list_runs(uuid, text[], integer), sync.active_runs(), sync.run_details(uuid), sync.run_errors(uuid, integer, integer),
    sync.freshness(uuid), sync.row_counts(uuid)
    TO neanelu_sync, neanelu_operator;
GRANT EXECUTE ON FUNCTION sync.staleness() TO neanelu_worker, neanelu_operator;

COMMIT;
