-- Revert neanelu:functions/webhooks/subscriptions from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
SELECT jobs.unschedule('webhooks.sweep_subscriptions');
SELECT jobs.unregister_handler('webhooks.sweep_subscriptions');
SELECT jobs.unregister_handler('webhooks.subscriptions');
DROP FUNCTION webhooks.sweep_subscriptions(uuid, jsonb);
DROP FUNCTION webhooks.record_subscriptions(uuid, text, jsonb);
DROP FUNCTION webhooks.plan_subscriptions(uuid, text, jsonb);
DROP FUNCTION webhooks._wanted(uuid);

COMMIT;
