-- Verify neanelu:functions/harvest/tasks on pg

BEGIN;

DO $verify$
BEGIN
    IF (SELECT count(*) FROM neanelu.scheduled_tasks AS t WHERE t.task_name IN ('harvest.shops', 'harvest.chores')) <> 2
       OR (SELECT count(*) FROM neanelu.job_handlers AS h WHERE h.job_name IN ('harvest.shop', 'harvest.shops', 'harvest.chores')) <> 3 THEN
        RAISE EXCEPTION 'a recurring task of harvest, or who does it, is missing';
    END IF;
    IF has_function_privilege('neanelu_worker', 'harvest._do_shop(uuid, jsonb)', 'EXECUTE') THEN
        RAISE EXCEPTION 'handlers are for jobs.execute alone';
    END IF;
END
$verify$;

ROLLBACK;
