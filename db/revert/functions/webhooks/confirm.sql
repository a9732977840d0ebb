-- Revert neanelu:functions/webhooks/confirm from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unregister_handler('webhook.confirm');
DROP FUNCTION webhooks.answer(uuid, uuid, timestamptz, boolean);
DROP FUNCTION webhooks.question(uuid, uuid, timestamptz);

COMMIT;
