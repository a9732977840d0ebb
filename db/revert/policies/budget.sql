-- Revert neanelu:policies/budget from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

REVOKE ALL ON neanelu.rate_limit_buckets, neanelu.api_cost_tracking, neanelu.api_query_costs, neanelu.user_request_windows
    FROM neanelu_engine, neanelu_tenant, neanelu_app, neanelu_operator;

DROP POLICY user_request_windows_engine_all ON neanelu.user_request_windows;
ALTER TABLE neanelu.user_request_windows NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.user_request_windows DISABLE ROW LEVEL SECURITY;
DROP POLICY api_cost_tracking_engine_all ON neanelu.api_cost_tracking;
DROP POLICY api_cost_tracking_operator_select ON neanelu.api_cost_tracking;
DROP POLICY api_cost_tracking_tenant_select ON neanelu.api_cost_tracking;
ALTER TABLE neanelu.api_cost_tracking NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.api_cost_tracking DISABLE ROW LEVEL SECURITY;
DROP POLICY rate_limit_buckets_engine_all ON neanelu.rate_limit_buckets;
DROP POLICY rate_limit_buckets_operator_select ON neanelu.rate_limit_buckets;
DROP POLICY rate_limit_buckets_tenant_select ON neanelu.rate_limit_buckets;
ALTER TABLE neanelu.rate_limit_buckets NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.rate_limit_buckets DISABLE ROW LEVEL SECURITY;

COMMIT;
