-- Revert neanelu:functions/inventory/jobs from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TRIGGER tg_bulk_runs__record ON neanelu.bulk_runs;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unschedule(t.name) FROM (VALUES ('inventory.fold'), ('inventory.retention')) AS t (name);
SELECT jobs.unregister_handler(t.name) FROM (VALUES ('inventory.fold'), ('inventory.run'), ('inventory.retention')) AS t (name);
DROP FUNCTION inventory.tg_bulk_runs__record();
DROP FUNCTION inventory._do_retention(uuid, jsonb);
DROP FUNCTION inventory._do_run(uuid, jsonb);
DROP FUNCTION inventory._do_fold(uuid, jsonb);

COMMIT;
