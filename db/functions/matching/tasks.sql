-- Deploy neanelu:functions/matching/tasks to pg
-- requires: functions/matching/rescan
-- requires: functions/jobs/schedule
-- When golden records are compared again.

BEGIN;

SET LOCAL search_path = neanelu, matching, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION matching._do_rescan(p_shop_id uuid, p_payload jsonb) RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, matching, pg_temp
AS $$
    SELECT matching.rescan(coalesce((p_payload ->> 'limit')::integer, 500))
$$;
COMMENT ON FUNCTION matching._do_rescan(uuid, jsonb) IS 'Handler of matching.rescan: as that. Idempotent. Locks and raises: as matching.rescan';

SELECT jobs.register_handler('matching.rescan', 'maintenance', 'database', 'matching._do_rescan(uuid, jsonb)', 5, '10 minutes', '30 seconds');
SELECT jobs.schedule('matching.rescan', '*/5 * * * *', 'maintenance', 'matching.rescan', '{"limit": 1000}', p_missed => 'skip');

COMMIT;
