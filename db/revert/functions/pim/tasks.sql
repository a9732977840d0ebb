-- Revert neanelu:functions/pim/tasks from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unschedule(t.name) FROM (VALUES ('pim.expire'), ('pim.learn_trust')) AS t (name);
SELECT jobs.unregister_handler(t.name) FROM (VALUES ('pim.expire'), ('pim.learn_trust')) AS t (name);
DROP FUNCTION pim._do_learn_trust(uuid, jsonb);
DROP FUNCTION pim._do_expire(uuid, jsonb);

COMMIT;
