-- Revert neanelu:functions/webhooks/compare from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION webhooks.event_metrics();
DROP FUNCTION webhooks.metrics();
DROP FUNCTION webhooks.sweep(uuid, jsonb);
DROP FUNCTION webhooks.reconcile_due(uuid, jsonb);
DROP FUNCTION webhooks._resync_due(integer);
DROP FUNCTION webhooks._compare_due(integer);
DROP FUNCTION webhooks._note_comparison(neanelu.mirror_comparisons, jsonb, text);
DROP FUNCTION webhooks.continue_comparison(uuid, uuid, jsonb);
DROP FUNCTION webhooks._weigh_list(neanelu.mirror_comparisons, jsonb);
DROP FUNCTION webhooks._weigh_count(neanelu.mirror_comparisons, jsonb);
DROP FUNCTION webhooks.comparable();
DROP FUNCTION webhooks.begin_comparison(uuid, text, interval);
DROP FUNCTION webhooks._first_questions(neanelu.mirror_comparisons);
DROP FUNCTION webhooks._mirror_window(neanelu.mirror_comparisons, timestamptz, timestamptz);
DROP FUNCTION webhooks._question(text, timestamptz, timestamptz, timestamptz);
DROP FUNCTION webhooks._filter(timestamptz, timestamptz, timestamptz);

COMMIT;
