-- Revert neanelu:schema/webhooks from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.webhook_refusals;
DROP TABLE neanelu.webhook_receipts;
DROP TABLE neanelu.webhook_events;
DROP TABLE neanelu.shopify_webhooks;

COMMIT;
