-- Revert neanelu:functions/jobs/tasks from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;

SELECT jobs.unschedule(t.name) FROM (VALUES ('jobs.purge'), ('partitions.maintain'), ('runs.purge')) AS t (name);
SELECT jobs.unregister_handler(t.name) FROM (VALUES ('jobs.purge'), ('partitions.maintain'), ('runs.purge')) AS t (name);

DROP FUNCTION jobs._do_purge_runs(uuid, jsonb);
DROP FUNCTION jobs._do_partitions(uuid, jsonb);
DROP FUNCTION jobs._do_purge(uuid, jsonb);

SET LOCAL ROLE neanelu_owner;
REVOKE EXECUTE ON FUNCTION ops.maintain_partitions() FROM neanelu_engine;

COMMIT;
