-- Revert neanelu:functions/webhooks/process from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION webhooks.retry(uuid, uuid);
DROP FUNCTION webhooks.process(uuid, jsonb);
DROP FUNCTION webhooks._apply(uuid, neanelu.webhook_events, text);
DROP FUNCTION webhooks._enter(uuid, text[]);
DROP FUNCTION webhooks.apply_privacy(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks.apply_bulk(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks.apply_shop(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks._update_shop(uuid, jsonb, timestamptz);
DROP FUNCTION webhooks._note_shop(uuid, jsonb, text, timestamptz);

COMMIT;
