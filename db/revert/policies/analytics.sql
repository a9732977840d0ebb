-- Revert neanelu:policies/analytics from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

REVOKE ALL ON neanelu.analytics_daily_shop, neanelu.analytics_product_performance, neanelu.analytics_dirty_days,
    neanelu.analytics_unresolved_products, neanelu.analytics_rollups, neanelu.analytics_refreshes
    FROM neanelu_engine, neanelu_tenant, neanelu_app, neanelu_analyst, neanelu_operator;

DROP POLICY analytics_daily_shop_tenant_select ON neanelu.analytics_daily_shop;
DROP POLICY analytics_daily_shop_analyst_select ON neanelu.analytics_daily_shop;
DROP POLICY analytics_daily_shop_engine_all ON neanelu.analytics_daily_shop;
ALTER TABLE neanelu.analytics_daily_shop NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.analytics_daily_shop DISABLE ROW LEVEL SECURITY;
DROP POLICY analytics_product_performance_tenant_select ON neanelu.analytics_product_performance;
DROP POLICY analytics_product_performance_analyst_select ON neanelu.analytics_product_performance;
DROP POLICY analytics_product_performance_engine_all ON neanelu.analytics_product_performance;
ALTER TABLE neanelu.analytics_product_performance NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.analytics_product_performance DISABLE ROW LEVEL SECURITY;
DROP POLICY analytics_dirty_days_engine_all ON neanelu.analytics_dirty_days;
ALTER TABLE neanelu.analytics_dirty_days NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.analytics_dirty_days DISABLE ROW LEVEL SECURITY;
DROP POLICY analytics_unresolved_products_engine_all ON neanelu.analytics_unresolved_products;
ALTER TABLE neanelu.analytics_unresolved_products NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.analytics_unresolved_products DISABLE ROW LEVEL SECURITY;
DROP POLICY analytics_rollups_tenant_select ON neanelu.analytics_rollups;
DROP POLICY analytics_rollups_analyst_select ON neanelu.analytics_rollups;
DROP POLICY analytics_rollups_engine_all ON neanelu.analytics_rollups;
DROP POLICY analytics_rollups_operator_select ON neanelu.analytics_rollups;
ALTER TABLE neanelu.analytics_rollups NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.analytics_rollups DISABLE ROW LEVEL SECURITY;

COMMIT;
