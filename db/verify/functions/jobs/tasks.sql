-- Verify neanelu:functions/jobs/tasks on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(w.name, ', ') INTO v_bad
      FROM (VALUES ('jobs.purge', 'jobs._do_purge'), ('partitions.maintain', 'jobs._do_partitions'), ('runs.purge', 'jobs._do_purge_runs'))
           AS w (name, function_name)
     WHERE NOT EXISTS (SELECT FROM neanelu.job_handlers AS h WHERE h.job_name = w.name AND h.function_name = w.function_name)
        OR NOT EXISTS (SELECT FROM neanelu.scheduled_tasks AS t WHERE t.task_name = w.name AND t.shop_id IS NULL)
        OR NOT EXISTS (SELECT FROM pg_catalog.pg_proc AS p
                        WHERE p.oid = to_regprocedure(w.function_name || '(uuid, jsonb)') AND p.proowner = 'neanelu_engine'::regrole AND p.prosecdef);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'without handler, task or function: %', v_bad;
    END IF;
    IF NOT has_function_privilege('neanelu_engine', 'ops.maintain_partitions()', 'EXECUTE')
       OR has_function_privilege('neanelu_worker', 'jobs._do_partitions(uuid, jsonb)', 'EXECUTE') THEN
        RAISE EXCEPTION 'rights on the platform''s chores are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;
