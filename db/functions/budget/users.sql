-- Deploy neanelu:functions/budget/users to pg
-- requires: policies/budget
-- requires: functions/jobs/schedule
-- How many requests a user of the app may make of us: a sliding window counter, one row a user.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, budget, app, extensions, pg_temp;

CREATE FUNCTION budget.take_user_request(
    p_shop_id uuid, p_user_id uuid, p_limit integer DEFAULT 1000, p_window interval DEFAULT '1 minute',
    OUT allowed boolean, OUT remaining integer, OUT retry_after interval)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $body$
DECLARE
    v_now   constant timestamptz := clock_timestamp();
    v_start constant timestamptz := date_bin(p_window, v_now, 'epoch');
    v_share constant numeric := 1 - extract(epoch FROM v_now - v_start) / extract(epoch FROM p_window);
    v_used  numeric;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    -- The window before counts by the share of it that the sliding window still covers.
    INSERT INTO neanelu.user_request_windows AS w (shop_id, user_id, window_start, requests)
    SELECT p_shop_id, p_user_id, v_start, 1 WHERE p_limit > 0
    ON CONFLICT (shop_id, user_id) DO UPDATE
       SET previous_requests = CASE WHEN w.window_start = v_start THEN w.previous_requests
                                    WHEN w.window_start = v_start - p_window THEN w.requests ELSE 0 END,
           requests = CASE WHEN w.window_start = v_start THEN w.requests ELSE 0 END + 1,
           window_start = v_start
     WHERE p_limit >= 1 + CASE WHEN w.window_start = v_start THEN w.requests + w.previous_requests * v_share
                               WHEN w.window_start = v_start - p_window THEN w.requests * v_share
                               WHEN w.window_start > v_start THEN p_limit ELSE 0 END
    RETURNING w.requests + w.previous_requests * v_share INTO v_used;
    allowed := v_used IS NOT NULL;
    remaining := CASE WHEN allowed THEN greatest(floor(p_limit - v_used), 0) ELSE 0 END;
    retry_after := CASE WHEN allowed THEN '0'::interval ELSE greatest(p_window / greatest(p_limit, 1), '50 ms') END;
END
$body$;
COMMENT ON FUNCTION budget.take_user_request(uuid, uuid, integer, interval) IS
    'Counts one request of a member of staff and says whether it is within the limit (1,000 a minute unless told). What is refused is not counted. '
    'Each call counts, so it is not idempotent. Locks: the user''s row until the commit, so commit at once. '
    'Raises: NA002 the login may not work for the shop, 23503 no such member of staff, 22023 a window of months or none';

CREATE FUNCTION budget.sweep_user_requests(p_shop_id uuid DEFAULT NULL, p_payload jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $body$
DECLARE
    v_rows bigint;
BEGIN
    DELETE FROM neanelu.user_request_windows AS w
     WHERE w.window_start < clock_timestamp() - coalesce((p_payload ->> 'keep')::interval, '1 hour') AND (p_shop_id IS NULL OR w.shop_id = p_shop_id);
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN jsonb_build_object('deleted', v_rows);
END
$body$;
COMMENT ON FUNCTION budget.sweep_user_requests(uuid, jsonb) IS
    'Handler of the job budget.sweep_user_requests: deletes the windows of users who asked nothing for {"keep": "1 hour"}. Idempotent. '
    'Locks: the rows it deletes. Raises: 22007 keep is no interval';

SELECT jobs.register_handler('budget.sweep_user_requests', 'maintenance', 'database', 'budget.sweep_user_requests(uuid, jsonb)');
SELECT jobs.schedule('budget.sweep_user_requests', '41 * * * *', 'maintenance', 'budget.sweep_user_requests');

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA budget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION budget.take_user_request(uuid, uuid, integer, interval) TO neanelu_app;

COMMIT;
