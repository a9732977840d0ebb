-- Verify neanelu:functions/pim/tasks on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
BEGIN
    IF (SELECT count(*) FROM neanelu.scheduled_tasks AS t WHERE t.task_name IN ('pim.expire', 'pim.learn_trust')) <> 2 THEN
        RAISE EXCEPTION 'a recurring task of consensus is missing';
    END IF;
    IF has_function_privilege('neanelu_worker', 'pim._do_learn_trust(uuid, jsonb)', 'EXECUTE') THEN
        RAISE EXCEPTION 'handlers are for jobs.execute alone';
    END IF;
END
$verify$;

ROLLBACK;
