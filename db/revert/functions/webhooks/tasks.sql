-- Revert neanelu:functions/webhooks/tasks from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

SELECT jobs.unschedule(t.name) FROM (VALUES ('mirror.reconcile_due'), ('mirror.sweep')) AS t (name);
SELECT jobs.unregister_handler(t.name)
  FROM (VALUES ('webhook.process'), ('mirror.fetch'), ('mirror.reconcile'), ('mirror.reconcile_due'), ('mirror.sweep')) AS t (name);

COMMIT;
