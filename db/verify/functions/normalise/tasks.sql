-- Verify neanelu:functions/normalise/tasks on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
BEGIN
    IF NOT EXISTS (SELECT FROM neanelu.scheduled_tasks AS t WHERE (t.task_name, t.cron_expression) = ('normalise.learn', '40 2 * * *')) THEN
        RAISE EXCEPTION 'the nightly task is missing';
    END IF;
    IF has_function_privilege('neanelu_worker', 'normalise._do_learn(uuid, jsonb)', 'EXECUTE') THEN
        RAISE EXCEPTION 'handlers are for jobs.execute alone';
    END IF;
END
$verify$;

ROLLBACK;
