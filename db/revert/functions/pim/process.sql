-- Revert neanelu:functions/pim/process from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TRIGGER tg_prod_extraction_sessions__queue ON neanelu.prod_extraction_sessions;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unschedule('pim.process');
SELECT jobs.unregister_handler('pim.process');
DROP FUNCTION pim._do_process(uuid, jsonb);
DROP FUNCTION pim.retry_failed(integer);
DROP FUNCTION pim.process(integer);
DROP FUNCTION pim._backlog(integer);
DROP FUNCTION pim.is_waiting();
DROP FUNCTION pim._process_products(integer);
DROP FUNCTION pim._finish(uuid[]);
DROP FUNCTION pim._propose_waiting(uuid[]);
DROP FUNCTION pim._process_sessions(integer);
DROP FUNCTION pim._take_in_safely(uuid[]);
DROP FUNCTION pim._take_in(uuid[]);
DROP FUNCTION pim._add_counts(jsonb, jsonb);
DROP FUNCTION pim.request_readings(uuid[]);
DROP FUNCTION pim.request_decisions(uuid[]);
DROP FUNCTION pim.tg_prod_extraction_sessions__queue();

COMMIT;
