-- Revert neanelu:policies/mirror from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

REVOKE TRIGGER ON neanelu.bulk_runs FROM neanelu_engine;
REVOKE SELECT (id, shop_id, topic, shopify_webhook_id, shopify_event_id, triggered_at, api_version, received_at, processed_at, processing_error, job_id, retry_count,
               created_at) ON neanelu.webhook_events FROM neanelu_operator;
DROP POLICY webhook_events_operator_select ON neanelu.webhook_events;
REVOKE UPDATE (fetch_after) ON neanelu.webhook_topics FROM neanelu_operator;
REVOKE ALL ON neanelu.webhook_topics, neanelu.mirror_tombstones, neanelu.mirror_fetches, neanelu.mirror_comparisons
    FROM neanelu_engine, neanelu_tenant, neanelu_app, neanelu_operator;

DROP POLICY mirror_comparisons_engine_all ON neanelu.mirror_comparisons;
DROP POLICY mirror_comparisons_operator_select ON neanelu.mirror_comparisons;
DROP POLICY mirror_comparisons_tenant_select ON neanelu.mirror_comparisons;
ALTER TABLE neanelu.mirror_comparisons NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.mirror_comparisons DISABLE ROW LEVEL SECURITY;
DROP POLICY mirror_fetches_engine_all ON neanelu.mirror_fetches;
DROP POLICY mirror_fetches_operator_select ON neanelu.mirror_fetches;
ALTER TABLE neanelu.mirror_fetches NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.mirror_fetches DISABLE ROW LEVEL SECURITY;
DROP POLICY mirror_tombstones_engine_all ON neanelu.mirror_tombstones;
DROP POLICY mirror_tombstones_operator_select ON neanelu.mirror_tombstones;
ALTER TABLE neanelu.mirror_tombstones NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.mirror_tombstones DISABLE ROW LEVEL SECURITY;

COMMIT;
