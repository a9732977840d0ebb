-- Deploy neanelu:functions/jobs/tasks to pg
-- requires: functions/jobs/report
-- requires: functions/sync/retention
-- requires: functions/ops/partitions
-- The platform's own chores that nobody else's module has: partitions, old jobs, old runs, left-over lines.

BEGIN;

SET LOCAL ROLE neanelu_owner;
GRANT EXECUTE ON FUNCTION ops.maintain_partitions() TO neanelu_engine;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, jobs, app, extensions, pg_temp;

CREATE FUNCTION jobs._do_purge(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $$
DECLARE
    v_purged constant integer := jobs.purge();
BEGIN
    IF v_purged = 50000 THEN
        PERFORM jobs.enqueue('maintenance', 'jobs.purge', p_shop_id, p_payload, p_dedupe_key => 'jobs.purge');
    END IF;
    RETURN jsonb_build_object('purged', v_purged);
END
$$;
COMMENT ON FUNCTION jobs._do_purge(uuid, jsonb) IS 'Handler of jobs.purge: jobs.purge(), and once more when that was not all. Raises: as jobs.purge';

CREATE FUNCTION jobs._do_partitions(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$ SELECT jsonb_build_object('covered', ops.maintain_partitions()) $$;
COMMENT ON FUNCTION jobs._do_partitions(uuid, jsonb) IS 'Handler of partitions.maintain: ops.maintain_partitions(). Raises: as that';

CREATE FUNCTION jobs._do_purge_runs(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$ SELECT to_jsonb(r) || jsonb_build_object('swept', sync.sweep_staging()) FROM sync.purge_runs() AS r $$;
COMMENT ON FUNCTION jobs._do_purge_runs(uuid, jsonb) IS 'Handler of runs.purge: sync.purge_runs() and sync.sweep_staging(). Raises: as these';

SELECT jobs.register_handler('jobs.purge', 'maintenance', 'database', 'jobs._do_purge(uuid, jsonb)', 3, '10 minutes');
SELECT jobs.register_handler('partitions.maintain', 'maintenance', 'database', 'jobs._do_partitions(uuid, jsonb)', 5, '10 minutes', '1 minute');
SELECT jobs.register_handler('runs.purge', 'maintenance', 'database', 'jobs._do_purge_runs(uuid, jsonb)', 3, '10 minutes', '1 minute');

SELECT jobs.schedule('jobs.purge', '7 * * * *', 'maintenance', 'jobs.purge');
SELECT jobs.schedule('partitions.maintain', '20 0,12 * * *', 'maintenance', 'partitions.maintain');
SELECT jobs.schedule('runs.purge', '40 3 * * *', 'maintenance', 'runs.purge');

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs FROM PUBLIC;

COMMIT;
