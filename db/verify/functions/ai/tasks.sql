-- Verify neanelu:functions/ai/tasks on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

SELECT 1 / count(*) FROM neanelu.job_handlers AS h WHERE h.job_name = 'ai.purge' AND h.function_name = 'ai._do_purge';
SELECT 1 / count(*) FROM neanelu.scheduled_tasks AS t WHERE t.task_name = 'ai.purge' AND t.shop_id IS NULL;

ROLLBACK;
