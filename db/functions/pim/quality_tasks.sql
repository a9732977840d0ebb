-- Deploy neanelu:functions/pim/quality_tasks to pg
-- requires: functions/pim/events
-- requires: functions/jobs/schedule
-- Who tells of events, and when records are looked at again that nothing touched.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._do_rescore(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, jobs, pg_temp
AS $$
    WITH done AS MATERIALIZED (SELECT pim.rescore(5000) AS products)
    SELECT jsonb_strip_nulls(jsonb_build_object('products', d.products, 'next_job',
               CASE WHEN d.products = 5000 THEN jobs.enqueue('maintenance', 'quality.rescore', NULL, p_dedupe_key => 'quality.rescore') END))
      FROM done AS d
$$;
COMMENT ON FUNCTION pim._do_rescore(uuid, jsonb) IS
    'Handler of quality.rescore: pim.rescore of the next 5000, and asks for itself while there are more. Idempotent. Locks: as that. Raises: nothing of its own';

SELECT jobs.register_handler('quality.notify', 'notifications', 'daemon', NULL, 12, '2 minutes', '5 seconds');
SELECT jobs.register_handler('quality.rescore', 'maintenance', 'database', 'pim._do_rescore(uuid, jsonb)', 3, '10 minutes', '1 minute');
SELECT jobs.schedule('quality.rescore', '30 2 * * *', 'maintenance', 'quality.rescore');

COMMIT;
