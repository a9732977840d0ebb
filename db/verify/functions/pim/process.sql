-- Verify neanelu:functions/pim/process on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

DO $verify$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS t
                    WHERE t.tgfoid = 'pim.tg_prod_extraction_sessions__queue()'::regprocedure AND t.tgenabled = 'O') THEN
        RAISE EXCEPTION 'readings are not queued';
    END IF;
    IF NOT EXISTS (SELECT FROM neanelu.scheduled_tasks AS t WHERE t.task_name = 'pim.process') THEN
        RAISE EXCEPTION 'the factory is not scheduled';
    END IF;
    IF NOT has_function_privilege('neanelu_worker', 'pim.process(integer)', 'EXECUTE')
       OR NOT has_function_privilege('neanelu_operator', 'pim.process(integer)', 'EXECUTE')
       OR has_function_privilege('neanelu_tenant', 'pim.process(integer)', 'EXECUTE')
       OR NOT has_function_privilege('neanelu_pim_editor', 'pim.request_decisions(uuid[])', 'EXECUTE')
       OR NOT has_function_privilege('neanelu_pim_editor', 'pim.request_readings(uuid[])', 'EXECUTE')
       OR has_function_privilege('neanelu_pim_editor', 'pim.retry_failed(integer)', 'EXECUTE')
       OR has_function_privilege('neanelu_worker', 'pim._take_in(uuid[])', 'EXECUTE') THEN
        RAISE EXCEPTION 'rights on the factory are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;
