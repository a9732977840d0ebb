-- Deploy neanelu:functions/sync/retention to pg
-- requires: functions/sync/merge
-- What of old runs is forgotten, and when.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, sync, app, extensions, pg_temp;

CREATE FUNCTION sync._purgeable_runs(p_keep interval, p_limit integer)
RETURNS TABLE (shop_id uuid, run_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT r.shop_id, r.id
      FROM neanelu.bulk_runs AS r
     WHERE r.completed_at < clock_timestamp() - p_keep
       -- the last one of its kind and outcome is what reports tell of
       AND EXISTS (SELECT FROM neanelu.bulk_runs AS n
                    WHERE n.shop_id = r.shop_id AND n.query_type = r.query_type AND n.status = r.status AND n.completed_at > r.completed_at)
       AND NOT EXISTS (SELECT FROM neanelu.sync_checkpoints AS c WHERE c.shop_id = r.shop_id AND c.last_run_id = r.id)
     ORDER BY r.completed_at
     LIMIT p_limit
$$;
COMMENT ON FUNCTION sync._purgeable_runs(interval, integer) IS
    'Runs that ended more than p_keep ago, but for the last of each shop, resource and outcome and the one that a checkpoint names. Reads only.';

CREATE FUNCTION sync.purge_runs(p_keep interval DEFAULT NULL, p_limit integer DEFAULT 1000, OUT runs integer, OUT errors integer, OUT digests integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_keep   constant interval := coalesce(p_keep, make_interval(days => sync._setting('keep_runs_days', 30)::integer));
    v_errors constant interval := least(v_keep, make_interval(days => sync._setting('keep_errors_days', 14)::integer));
BEGIN
    -- Steps, artifacts, counts and quarantine go with their run.
    DELETE FROM neanelu.bulk_runs AS r USING sync._purgeable_runs(v_keep, p_limit) AS p WHERE r.shop_id = p.shop_id AND r.id = p.run_id;
    GET DIAGNOSTICS runs = ROW_COUNT;
    -- What quarantined lines say may be personal, and is of no use for long; that there were such lines is kept with the run.
    DELETE FROM neanelu.bulk_error_chunks AS c USING neanelu.bulk_runs AS r
     WHERE r.shop_id = c.shop_id AND r.id = c.bulk_run_id AND r.completed_at < clock_timestamp() - v_errors;
    UPDATE neanelu.bulk_errors AS e SET payload = NULL, raw = NULL
      FROM neanelu.bulk_runs AS r
     WHERE r.shop_id = e.shop_id AND r.id = e.bulk_run_id AND r.completed_at < clock_timestamp() - v_errors
       AND (e.payload IS NOT NULL OR e.raw IS NOT NULL);
    GET DIAGNOSTICS errors = ROW_COUNT;
    -- No foreign key holds digests. When the shop comes back, its first run compares for real.
    DELETE FROM neanelu.sync_digests AS d USING neanelu.shops AS s WHERE s.id = d.shop_id AND s.uninstalled_at < clock_timestamp() - v_keep;
    GET DIAGNOSTICS digests = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION sync.purge_runs(interval, integer) IS
    'Forgets runs that ended more than p_keep ago (default: system_config sync.keep_runs_days, 30), with their steps, artifacts, counts and quarantine, at most p_limit, and '
    'never the last of each shop, resource and outcome; empties quarantined lines after sync.keep_errors_days (14); deletes digests of shops that left. Returns how many of each. '
    'Idempotent. Locks: the rows it deletes. Raises: 22P02 a setting is no number';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.purge_runs(interval, integer) TO neanelu_worker, neanelu_operator;

COMMIT;
