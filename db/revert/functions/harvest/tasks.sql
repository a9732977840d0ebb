-- Revert neanelu:functions/harvest/tasks from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unschedule(t.name) FROM (VALUES ('harvest.shops'), ('harvest.chores')) AS t (name);
SELECT jobs.unregister_handler(t.name) FROM (VALUES ('harvest.shop'), ('harvest.shops'), ('harvest.chores')) AS t (name);
DROP FUNCTION harvest._do_chores(uuid, jsonb);
DROP FUNCTION harvest._do_shops(uuid, jsonb);
DROP FUNCTION harvest._do_shop(uuid, jsonb);

COMMIT;
