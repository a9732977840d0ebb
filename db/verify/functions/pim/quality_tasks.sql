-- Verify neanelu:functions/pim/quality_tasks on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
BEGIN
    IF (SELECT array_agg(h.job_name || ' ' || h.runs_in ORDER BY h.job_name) FROM neanelu.job_handlers AS h WHERE h.job_name LIKE 'quality.%')
       IS DISTINCT FROM '{quality.notify daemon,quality.rescore database}' THEN
        RAISE EXCEPTION 'handlers are missing';
    END IF;
    IF NOT EXISTS (SELECT FROM neanelu.scheduled_tasks AS t WHERE t.task_name = 'quality.rescore' AND t.shop_id IS NULL) THEN
        RAISE EXCEPTION 'not scheduled: quality.rescore';
    END IF;
END
$verify$;

ROLLBACK;
