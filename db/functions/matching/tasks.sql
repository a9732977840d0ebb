-- Deploy neanelu:functions/matching/tasks to pg
-- requires: functions/matching/rescan
-- requires: functions/jobs/schedule
-- When golden records are compared again.

BEGIN;

SET LOCAL search_path = neanelu, matching, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION matching._do_rescan(p_shop_id uuid, p_payload jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, matching, jobs, pg_temp
AS $$
DECLARE
    v_limit constant integer := coalesce((p_payload ->> 'limit')::integer, 500);
    v_done  constant jsonb := matching.rescan(v_limit);
BEGIN
    IF (v_done ->> 'arrived')::integer >= v_limit OR (v_done ->> 'products')::integer >= v_limit THEN
        PERFORM jobs.enqueue('maintenance', 'matching.rescan', p_shop_id, p_payload, p_dedupe_key => 'matching.rescan');
    END IF;
    RETURN v_done;
END
$$;
COMMENT ON FUNCTION matching._do_rescan(uuid, jsonb) IS 'Handler of matching.rescan: as that, and once more while there is more than one call takes. Idempotent. Locks and raises: as matching.rescan';

SELECT jobs.register_handler('matching.rescan', 'maintenance', 'database', 'matching._do_rescan(uuid, jsonb)', 5, '10 minutes', '30 seconds');
SELECT jobs.schedule('matching.rescan', '*/5 * * * *', 'maintenance', 'matching.rescan', '{"limit": 1000}', p_missed => 'skip');

COMMIT;
