-- Deploy neanelu:functions/analytics/schedule to pg
-- requires: functions/analytics/rollup
-- requires: functions/analytics/refresh
-- requires: functions/jobs/schedule
-- When summaries are refreshed and days added up.

BEGIN;

SET LOCAL search_path = neanelu, analytics, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION analytics._do_refresh(p_shop_id uuid, p_payload jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, analytics, pg_temp
AS $$
    SELECT jsonb_build_object('view', p_payload ->> 'view', 'rows', analytics.refresh(p_payload ->> 'view'))
$$;
COMMENT ON FUNCTION analytics._do_refresh(uuid, jsonb) IS
    'Handler of analytics.refresh: refreshes the summary that the payload names; rows is null when somebody else was at it. Idempotent. '
    'Locks: as analytics.refresh. Raises: NY002';

CREATE FUNCTION analytics._do_rollup(p_shop_id uuid, p_payload jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, analytics, pg_temp
AS $$
    SELECT jsonb_build_object('days', analytics.rollup_days(p_shop_id))
$$;
COMMENT ON FUNCTION analytics._do_rollup(uuid, jsonb) IS
    'Handler of analytics.rollup: analytics.rollup_days of the job''s shop. Idempotent. Locks: as that. Raises: NA002, NY001';

CREATE FUNCTION analytics._do_rollups(p_shop_id uuid, p_payload jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, analytics, pg_temp
AS $$
    SELECT jsonb_build_object('shops', count(jobs.enqueue('maintenance', 'analytics.rollup', s.id, p_dedupe_key => 'analytics.rollup')))
      FROM analytics.due_shops() AS s (id)
$$;
COMMENT ON FUNCTION analytics._do_rollups(uuid, jsonb) IS
    'Handler of analytics.rollups: asks for analytics.rollup of every shop that is due, once while one waits. Idempotent. Locks: none of its own. Raises: nothing of its own';

SELECT jobs.register_handler('analytics.refresh', 'maintenance', 'database', 'analytics._do_refresh(uuid, jsonb)', 3, '1 hour', '1 minute');
SELECT jobs.register_handler('analytics.rollup', 'maintenance', 'database', 'analytics._do_rollup(uuid, jsonb)', 5, '1 hour', '30 seconds');
SELECT jobs.register_handler('analytics.rollups', 'maintenance', 'database', 'analytics._do_rollups(uuid, jsonb)', 3, '1 minute', '10 seconds');

SELECT jobs.schedule('analytics.shop_summary', '0 * * * *', 'maintenance', 'analytics.refresh', '{"view": "mv_shop_summary"}');
SELECT jobs.schedule('analytics.low_stock', '*/15 * * * *', 'maintenance', 'analytics.refresh', '{"view": "mv_low_stock_alerts"}');
SELECT jobs.schedule('analytics.top_sellers', '0 3 * * *', 'maintenance', 'analytics.refresh', '{"view": "mv_top_sellers"}');
SELECT jobs.schedule('analytics.rollups', '*/5 * * * *', 'maintenance', 'analytics.rollups');

COMMIT;
