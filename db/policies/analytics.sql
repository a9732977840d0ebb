-- Deploy neanelu:policies/analytics to pg
-- requires: schema/analytics
-- requires: policies/grants
-- Who sees which figures. Nobody but the engine writes; marks and gaps are the engine's own.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

ALTER TABLE neanelu.analytics_daily_shop ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.analytics_daily_shop FORCE ROW LEVEL SECURITY;
CREATE POLICY analytics_daily_shop_tenant_select ON neanelu.analytics_daily_shop FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY analytics_daily_shop_analyst_select ON neanelu.analytics_daily_shop FOR SELECT TO neanelu_analyst USING (true);
CREATE POLICY analytics_daily_shop_engine_all ON neanelu.analytics_daily_shop FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.analytics_product_performance ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.analytics_product_performance FORCE ROW LEVEL SECURITY;
CREATE POLICY analytics_product_performance_tenant_select ON neanelu.analytics_product_performance FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY analytics_product_performance_analyst_select ON neanelu.analytics_product_performance FOR SELECT TO neanelu_analyst USING (true);
CREATE POLICY analytics_product_performance_engine_all ON neanelu.analytics_product_performance FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.analytics_dirty_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.analytics_dirty_days FORCE ROW LEVEL SECURITY;
CREATE POLICY analytics_dirty_days_engine_all ON neanelu.analytics_dirty_days FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.analytics_unresolved_products ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.analytics_unresolved_products FORCE ROW LEVEL SECURITY;
CREATE POLICY analytics_unresolved_products_engine_all ON neanelu.analytics_unresolved_products FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.analytics_rollups ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.analytics_rollups FORCE ROW LEVEL SECURITY;
CREATE POLICY analytics_rollups_tenant_select ON neanelu.analytics_rollups FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY analytics_rollups_analyst_select ON neanelu.analytics_rollups FOR SELECT TO neanelu_analyst USING (true);
CREATE POLICY analytics_rollups_engine_all ON neanelu.analytics_rollups FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY analytics_rollups_operator_select ON neanelu.analytics_rollups FOR SELECT TO neanelu_operator USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON
    neanelu.analytics_daily_shop, neanelu.analytics_product_performance, neanelu.analytics_dirty_days,
    neanelu.analytics_unresolved_products, neanelu.analytics_rollups
    TO neanelu_engine;
GRANT SELECT, UPDATE ON neanelu.analytics_refreshes TO neanelu_engine;
GRANT SELECT ON
    neanelu.analytics_daily_shop, neanelu.analytics_product_performance
    TO neanelu_tenant, neanelu_app, neanelu_analyst;
GRANT SELECT ON
    neanelu.analytics_rollups, neanelu.analytics_refreshes
    TO neanelu_tenant, neanelu_app, neanelu_analyst, neanelu_operator;

COMMIT;
