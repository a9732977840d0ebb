-- Deploy neanelu:policies/budget to pg
-- requires: schema/budget
-- requires: policies/grants
-- Who sees which bucket and which cost. Nobody but the engine writes.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

ALTER TABLE neanelu.rate_limit_buckets ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.rate_limit_buckets FORCE ROW LEVEL SECURITY;
CREATE POLICY rate_limit_buckets_tenant_select ON neanelu.rate_limit_buckets FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY rate_limit_buckets_operator_select ON neanelu.rate_limit_buckets FOR SELECT TO neanelu_operator USING (true);
CREATE POLICY rate_limit_buckets_engine_all ON neanelu.rate_limit_buckets FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.api_cost_tracking ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.api_cost_tracking FORCE ROW LEVEL SECURITY;
CREATE POLICY api_cost_tracking_tenant_select ON neanelu.api_cost_tracking FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY api_cost_tracking_operator_select ON neanelu.api_cost_tracking FOR SELECT TO neanelu_operator USING (true);
CREATE POLICY api_cost_tracking_engine_all ON neanelu.api_cost_tracking FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.user_request_windows ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.user_request_windows FORCE ROW LEVEL SECURITY;
CREATE POLICY user_request_windows_engine_all ON neanelu.user_request_windows FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

DO $partitions$
BEGIN
    PERFORM ops._cover_partitions();
END
$partitions$;

GRANT SELECT, INSERT, UPDATE, DELETE ON neanelu.rate_limit_buckets, neanelu.api_query_costs, neanelu.user_request_windows TO neanelu_engine;
GRANT SELECT, INSERT, DELETE ON neanelu.api_cost_tracking TO neanelu_engine;
GRANT SELECT ON neanelu.rate_limit_buckets, neanelu.api_cost_tracking TO neanelu_tenant, neanelu_app, neanelu_operator;
GRANT SELECT ON neanelu.api_query_costs TO neanelu_operator;

COMMIT;
