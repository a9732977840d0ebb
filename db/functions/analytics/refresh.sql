-- Deploy neanelu:functions/analytics/refresh to pg
-- requires: schema/summaries
-- The materialized views are refreshed, and it is written down when.

BEGIN;

SET LOCAL search_path = neanelu, analytics, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION analytics.refresh(p_view text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_started constant timestamptz := clock_timestamp();
    v_rows    bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM analytics_refreshes WHERE view_name = p_view) THEN
        RAISE EXCEPTION 'there is no summary %', coalesce(p_view, 'NULL') USING ERRCODE = 'NY002', HINT = 'SELECT view_name FROM neanelu.analytics_refreshes';
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('analytics.refresh/' || p_view, 0)) THEN
        RETURN NULL;
    END IF;
    -- Restored from a dump without data it has no rows to compare with.
    IF (SELECT c.relispopulated FROM pg_class AS c WHERE c.oid = format('neanelu.%I', p_view)::regclass) THEN
        EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY neanelu.%I', p_view);
    ELSE
        EXECUTE format('REFRESH MATERIALIZED VIEW neanelu.%I', p_view);
    END IF;
    EXECUTE format('SELECT count(*) FROM neanelu.%I', p_view) INTO v_rows;
    UPDATE analytics_refreshes
       SET refreshed_at = v_started, duration_ms = extract(epoch FROM clock_timestamp() - v_started) * 1000, row_count = v_rows
     WHERE view_name = p_view;
    RETURN v_rows;
END
$$;
COMMENT ON FUNCTION analytics.refresh(text) IS
    'Refreshes one of the materialized views of analytics_refreshes while others read it, and returns its rows; null when somebody else is at it. '
    'Idempotent. Locks: an advisory one, and the view against other refreshes until the transaction ends. Raises: NY002 for another name';

CREATE FUNCTION analytics.refresh_all() RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, analytics, pg_temp
AS $$
    SELECT analytics.refresh(view_name) FROM analytics_refreshes ORDER BY view_name
$$;
COMMENT ON FUNCTION analytics.refresh_all() IS 'Refreshes all of them, after a restore or a first synchronisation. As analytics.refresh.';

GRANT EXECUTE ON FUNCTION analytics.refresh(text), analytics.refresh_all() TO neanelu_worker, neanelu_operator;

COMMIT;
