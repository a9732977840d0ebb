-- Verify neanelu:functions/ai/vector_tasks on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
BEGIN
    IF NOT EXISTS (SELECT FROM neanelu.job_handlers AS h WHERE h.job_name = 'ai.embed_local' AND h.function_name IS NULL) THEN
        RAISE EXCEPTION 'ai.embed_local has no handler among the daemons';
    END IF;
    IF NOT EXISTS (SELECT FROM neanelu.scheduled_tasks AS t WHERE t.task_name = 'ai.embed_local' AND t.shop_id IS NULL) THEN
        RAISE EXCEPTION 'ai.embed_local is not scheduled';
    END IF;
END
$verify$;

ROLLBACK;
