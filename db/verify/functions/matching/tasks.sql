-- Verify neanelu:functions/matching/tasks on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
BEGIN
    IF NOT EXISTS (SELECT FROM neanelu.scheduled_tasks AS t WHERE t.task_name = 'matching.rescan' AND t.cron_expression = '*/5 * * * *') THEN
        RAISE EXCEPTION 'the recurring task of matching is missing';
    END IF;
    IF has_function_privilege('neanelu_worker', 'matching._do_rescan(uuid, jsonb)', 'EXECUTE') THEN
        RAISE EXCEPTION 'handlers are for jobs.execute alone';
    END IF;
END
$verify$;

ROLLBACK;
