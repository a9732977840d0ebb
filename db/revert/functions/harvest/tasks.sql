-- Revert neanelu:functions/harvest/tasks from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION harvest._do_chores(uuid, jsonb);
DROP FUNCTION harvest._do_shops(uuid, jsonb);
DROP FUNCTION harvest._do_shop(uuid, jsonb);

COMMIT;
