-- Revert neanelu:functions/webhooks/receive from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unschedule('webhooks.prune');
SELECT jobs.unregister_handler('webhooks.prune');
DROP FUNCTION webhooks.prune(uuid, jsonb);
DROP FUNCTION webhooks.own_secrets();
DROP FUNCTION webhooks.quarantine(text, text, text, bytea, text, text);
DROP FUNCTION webhooks.receive(text, text, text, text, text, timestamptz, bytea, jsonb, boolean);
DROP FUNCTION webhooks.receive_many(text[], text[], text[], text[], text[], timestamptz[], bytea[], text[]);
DROP FUNCTION webhooks._refuse(text, bytea, text, text, text, text, text);
DROP FUNCTION webhooks._retake(uuid, text, text, text, timestamptz, text, bytea, jsonb, uuid);
DROP FUNCTION webhooks._take(text[], text[], text[], text[], text[], timestamptz[], bytea[], text[]);
DROP TYPE webhooks.verdict;
DROP FUNCTION webhooks._has_shape(text, boolean, jsonb);
DROP FUNCTION webhooks._names_another_shop(text, jsonb, text, bigint);
DROP FUNCTION webhooks.topics();

COMMIT;
