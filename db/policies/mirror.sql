-- Deploy neanelu:policies/mirror to pg
-- requires: schema/mirror
-- requires: policies/grants
-- Tenants see how far their mirror is from Shopify; what was deleted and what is being asked for are the engine's affair.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

ALTER TABLE neanelu.mirror_tombstones ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.mirror_tombstones FORCE ROW LEVEL SECURITY;
CREATE POLICY mirror_tombstones_operator_select ON neanelu.mirror_tombstones FOR SELECT TO neanelu_operator USING (true);
CREATE POLICY mirror_tombstones_engine_all ON neanelu.mirror_tombstones FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.mirror_fetches ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.mirror_fetches FORCE ROW LEVEL SECURITY;
CREATE POLICY mirror_fetches_operator_select ON neanelu.mirror_fetches FOR SELECT TO neanelu_operator USING (true);
CREATE POLICY mirror_fetches_engine_all ON neanelu.mirror_fetches FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.mirror_comparisons ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.mirror_comparisons FORCE ROW LEVEL SECURITY;
CREATE POLICY mirror_comparisons_tenant_select ON neanelu.mirror_comparisons FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY mirror_comparisons_operator_select ON neanelu.mirror_comparisons FOR SELECT TO neanelu_operator USING (true);
CREATE POLICY mirror_comparisons_engine_all ON neanelu.mirror_comparisons FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON neanelu.mirror_tombstones, neanelu.mirror_fetches, neanelu.mirror_comparisons TO neanelu_engine;
GRANT SELECT ON neanelu.webhook_topics TO neanelu_engine;
GRANT SELECT ON neanelu.mirror_comparisons TO neanelu_tenant, neanelu_app;
GRANT SELECT ON neanelu.webhook_topics, neanelu.mirror_tombstones, neanelu.mirror_fetches, neanelu.mirror_comparisons TO neanelu_operator;
GRANT UPDATE (fetch_after) ON neanelu.webhook_topics TO neanelu_operator;
-- What became of deliveries, and not what is in them.
CREATE POLICY webhook_events_operator_select ON neanelu.webhook_events FOR SELECT TO neanelu_operator USING (true);
GRANT SELECT (id, shop_id, topic, shopify_webhook_id, shopify_event_id, triggered_at, api_version, received_at, processed_at, processing_error, job_id, retry_count,
              created_at) ON neanelu.webhook_events TO neanelu_operator;
-- A trigger on runs says when one is completed: what webhooks changed meanwhile is asked for again.
GRANT TRIGGER ON neanelu.bulk_runs TO neanelu_engine;

COMMIT;
