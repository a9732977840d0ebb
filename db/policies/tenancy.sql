-- Deploy neanelu:policies/tenancy to pg
-- requires: schema/shopify
-- requires: schema/media
-- requires: schema/menus
-- requires: schema/inventory
-- requires: schema/webhooks
-- requires: schema/audit
-- requires: schema/bulk
-- requires: schema/staging
-- requires: functions/app/context
-- Row level security on every table with a shop, forced, so that it binds the owner too. A policy says which rows,
-- policies/grants says who may ask at all. Three kinds of policies:
--   …_tenant_select   the shop of the context: the plain function call, evaluated once per index scan
--   …_engine_all      the functions' owner sees all rows: each function states shop_id = p_shop_id itself, so that
--                     operators that are not leakproof (@>, @@, LIKE) still use their index
--   …_analyst_select, …_operator_select, …_auditor_select   all shops, for the roles of the platform's own people
-- A table without a tenant policy shows tenants nothing, whatever is granted later.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

-- The mirror: tenants read their own shop.

ALTER TABLE neanelu.shopify_products ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_products FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_products_tenant_select ON neanelu.shopify_products FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_products_engine_all ON neanelu.shopify_products FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_products_analyst_select ON neanelu.shopify_products FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.shopify_variants ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_variants FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_variants_tenant_select ON neanelu.shopify_variants FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_variants_engine_all ON neanelu.shopify_variants FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_variants_analyst_select ON neanelu.shopify_variants FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.shopify_collections ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_collections FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_collections_tenant_select ON neanelu.shopify_collections FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_collections_engine_all ON neanelu.shopify_collections FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_collections_analyst_select ON neanelu.shopify_collections FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.shopify_collection_products ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_collection_products FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_collection_products_tenant_select ON neanelu.shopify_collection_products FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_collection_products_engine_all ON neanelu.shopify_collection_products FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_collection_products_analyst_select ON neanelu.shopify_collection_products FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.shopify_customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_customers FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_customers_tenant_select ON neanelu.shopify_customers FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_customers_engine_all ON neanelu.shopify_customers FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.shopify_orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_orders FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_orders_tenant_select ON neanelu.shopify_orders FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_orders_engine_all ON neanelu.shopify_orders FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_orders_analyst_select ON neanelu.shopify_orders FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.shopify_metaobjects ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_metaobjects FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_metaobjects_tenant_select ON neanelu.shopify_metaobjects FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_metaobjects_engine_all ON neanelu.shopify_metaobjects FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.shopify_media ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_media FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_media_tenant_select ON neanelu.shopify_media FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_media_engine_all ON neanelu.shopify_media FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_media_analyst_select ON neanelu.shopify_media FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.shopify_product_media ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_product_media FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_product_media_tenant_select ON neanelu.shopify_product_media FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_product_media_engine_all ON neanelu.shopify_product_media FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_product_media_analyst_select ON neanelu.shopify_product_media FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.shopify_variant_media ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_variant_media FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_variant_media_tenant_select ON neanelu.shopify_variant_media FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_variant_media_engine_all ON neanelu.shopify_variant_media FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_variant_media_analyst_select ON neanelu.shopify_variant_media FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.shopify_publications ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_publications FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_publications_tenant_select ON neanelu.shopify_publications FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_publications_engine_all ON neanelu.shopify_publications FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_publications_analyst_select ON neanelu.shopify_publications FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.shopify_resource_publications ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_resource_publications FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_resource_publications_tenant_select ON neanelu.shopify_resource_publications FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_resource_publications_engine_all ON neanelu.shopify_resource_publications FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_resource_publications_analyst_select ON neanelu.shopify_resource_publications FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.shopify_menus ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_menus FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_menus_tenant_select ON neanelu.shopify_menus FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_menus_engine_all ON neanelu.shopify_menus FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_menus_analyst_select ON neanelu.shopify_menus FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.shopify_menu_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_menu_items FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_menu_items_tenant_select ON neanelu.shopify_menu_items FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_menu_items_engine_all ON neanelu.shopify_menu_items FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_menu_items_analyst_select ON neanelu.shopify_menu_items FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.inventory_locations ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.inventory_locations FORCE ROW LEVEL SECURITY;
CREATE POLICY inventory_locations_tenant_select ON neanelu.inventory_locations FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY inventory_locations_engine_all ON neanelu.inventory_locations FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY inventory_locations_analyst_select ON neanelu.inventory_locations FOR SELECT TO neanelu_analyst USING (true);

ALTER TABLE neanelu.inventory_levels ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.inventory_levels FORCE ROW LEVEL SECURITY;
CREATE POLICY inventory_levels_tenant_select ON neanelu.inventory_levels FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY inventory_levels_engine_all ON neanelu.inventory_levels FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY inventory_levels_analyst_select ON neanelu.inventory_levels FOR SELECT TO neanelu_analyst USING (true);

-- Staff, subscriptions, deliveries, checkpoints and runs: tenants read their own shop, operators what they operate.

ALTER TABLE neanelu.staff_users ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staff_users FORCE ROW LEVEL SECURITY;
CREATE POLICY staff_users_tenant_select ON neanelu.staff_users FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY staff_users_engine_all ON neanelu.staff_users FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.shopify_webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shopify_webhooks FORCE ROW LEVEL SECURITY;
CREATE POLICY shopify_webhooks_tenant_select ON neanelu.shopify_webhooks FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shopify_webhooks_engine_all ON neanelu.shopify_webhooks FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shopify_webhooks_operator_select ON neanelu.shopify_webhooks FOR SELECT TO neanelu_operator USING (true);

ALTER TABLE neanelu.webhook_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.webhook_events FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_events_tenant_select ON neanelu.webhook_events FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY webhook_events_engine_all ON neanelu.webhook_events FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.sync_checkpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.sync_checkpoints FORCE ROW LEVEL SECURITY;
CREATE POLICY sync_checkpoints_tenant_select ON neanelu.sync_checkpoints FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY sync_checkpoints_engine_all ON neanelu.sync_checkpoints FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY sync_checkpoints_operator_select ON neanelu.sync_checkpoints FOR SELECT TO neanelu_operator USING (true);

ALTER TABLE neanelu.bulk_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.bulk_runs FORCE ROW LEVEL SECURITY;
CREATE POLICY bulk_runs_tenant_select ON neanelu.bulk_runs FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY bulk_runs_engine_all ON neanelu.bulk_runs FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY bulk_runs_operator_select ON neanelu.bulk_runs FOR SELECT TO neanelu_operator USING (true);

ALTER TABLE neanelu.bulk_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.bulk_steps FORCE ROW LEVEL SECURITY;
CREATE POLICY bulk_steps_tenant_select ON neanelu.bulk_steps FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY bulk_steps_engine_all ON neanelu.bulk_steps FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY bulk_steps_operator_select ON neanelu.bulk_steps FOR SELECT TO neanelu_operator USING (true);

ALTER TABLE neanelu.bulk_artifacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.bulk_artifacts FORCE ROW LEVEL SECURITY;
CREATE POLICY bulk_artifacts_tenant_select ON neanelu.bulk_artifacts FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY bulk_artifacts_engine_all ON neanelu.bulk_artifacts FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY bulk_artifacts_operator_select ON neanelu.bulk_artifacts FOR SELECT TO neanelu_operator USING (true);

ALTER TABLE neanelu.bulk_errors ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.bulk_errors FORCE ROW LEVEL SECURITY;
CREATE POLICY bulk_errors_tenant_select ON neanelu.bulk_errors FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY bulk_errors_engine_all ON neanelu.bulk_errors FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY bulk_errors_operator_select ON neanelu.bulk_errors FOR SELECT TO neanelu_operator USING (true);

ALTER TABLE neanelu.bulk_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.bulk_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY bulk_counts_tenant_select ON neanelu.bulk_counts FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY bulk_counts_engine_all ON neanelu.bulk_counts FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY bulk_counts_operator_select ON neanelu.bulk_counts FOR SELECT TO neanelu_operator USING (true);

-- The audit log: the engine appends, tenants read what concerns their shop, auditors all. Nobody changes it.

ALTER TABLE neanelu.audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.audit_logs FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_logs_tenant_select ON neanelu.audit_logs FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY audit_logs_auditor_select ON neanelu.audit_logs FOR SELECT TO neanelu_auditor USING (true);
CREATE POLICY audit_logs_engine_insert ON neanelu.audit_logs FOR INSERT TO neanelu_engine WITH CHECK (true);

-- The registry of shops holds secrets: tenants see their shop through neanelu.current_shop, others some columns.

ALTER TABLE neanelu.shops ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shops FORCE ROW LEVEL SECURITY;
CREATE POLICY shops_engine_all ON neanelu.shops FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY shops_operator_select ON neanelu.shops FOR SELECT TO neanelu_operator USING (true);
CREATE POLICY shops_auditor_select ON neanelu.shops FOR SELECT TO neanelu_auditor USING (true);
CREATE POLICY shops_analyst_select ON neanelu.shops FOR SELECT TO neanelu_analyst USING (true);

-- Platform-wide tables that hold something to protect.

ALTER TABLE neanelu.system_config ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.system_config FORCE ROW LEVEL SECURITY;
CREATE POLICY system_config_engine_all ON neanelu.system_config FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY system_config_operator_select ON neanelu.system_config FOR SELECT TO neanelu_operator USING (NOT is_sensitive);

-- Sessions, sign-in, receipts, digests, quarantined bytes: the engine only.

ALTER TABLE neanelu.app_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.app_sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY app_sessions_engine_all ON neanelu.app_sessions FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.oauth_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.oauth_states FORCE ROW LEVEL SECURITY;
CREATE POLICY oauth_states_engine_all ON neanelu.oauth_states FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.oauth_nonces ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.oauth_nonces FORCE ROW LEVEL SECURITY;
CREATE POLICY oauth_nonces_engine_all ON neanelu.oauth_nonces FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.webhook_receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.webhook_receipts FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_receipts_engine_all ON neanelu.webhook_receipts FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.webhook_refusals ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.webhook_refusals FORCE ROW LEVEL SECURITY;
CREATE POLICY webhook_refusals_engine_all ON neanelu.webhook_refusals FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
CREATE POLICY webhook_refusals_operator_select ON neanelu.webhook_refusals FOR SELECT TO neanelu_operator USING (true);

ALTER TABLE neanelu.bulk_error_chunks ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.bulk_error_chunks FORCE ROW LEVEL SECURITY;
CREATE POLICY bulk_error_chunks_engine_all ON neanelu.bulk_error_chunks FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.sync_digests ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.sync_digests FORCE ROW LEVEL SECURITY;
CREATE POLICY sync_digests_engine_all ON neanelu.sync_digests FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

-- Rows on their way into the mirror: the engine only.

ALTER TABLE neanelu.staging_products ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_products FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_products_engine_all ON neanelu.staging_products FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_variants ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_variants FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_variants_engine_all ON neanelu.staging_variants FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_media ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_media FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_media_engine_all ON neanelu.staging_media FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_product_media ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_product_media FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_product_media_engine_all ON neanelu.staging_product_media FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_variant_media ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_variant_media FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_variant_media_engine_all ON neanelu.staging_variant_media FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_publications ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_publications FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_publications_engine_all ON neanelu.staging_publications FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_product_publications ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_product_publications FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_product_publications_engine_all ON neanelu.staging_product_publications FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_collection_publications ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_collection_publications FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_collection_publications_engine_all ON neanelu.staging_collection_publications FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_collections ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_collections FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_collections_engine_all ON neanelu.staging_collections FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_collection_products ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_collection_products FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_collection_products_engine_all ON neanelu.staging_collection_products FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_customers ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_customers FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_customers_engine_all ON neanelu.staging_customers FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_orders FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_orders_engine_all ON neanelu.staging_orders FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_metaobjects ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_metaobjects FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_metaobjects_engine_all ON neanelu.staging_metaobjects FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_locations ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_locations FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_locations_engine_all ON neanelu.staging_locations FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_inventory_levels ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_inventory_levels FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_inventory_levels_engine_all ON neanelu.staging_inventory_levels FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_menus ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_menus FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_menus_engine_all ON neanelu.staging_menus FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.staging_menu_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.staging_menu_items FORCE ROW LEVEL SECURITY;
CREATE POLICY staging_menu_items_engine_all ON neanelu.staging_menu_items FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

-- A tenant's view of its own shop, without secrets. The engine owns it, as the view reads with its owner's rights.
SET LOCAL ROLE neanelu_owner;
GRANT CREATE ON SCHEMA neanelu TO neanelu_engine;
SET LOCAL ROLE neanelu_engine;
CREATE VIEW neanelu.current_shop WITH (security_barrier) AS
    SELECT s.id, s.shopify_domain, s.shopify_shop_id, s.plan_tier, s.api_version, s.scopes, s.timezone, s.currency_code, s.settings,
           s.installed_at, s.uninstalled_at, s.created_at, s.updated_at
      FROM neanelu.shops AS s
     WHERE s.id = app.current_shop_id();
COMMENT ON VIEW neanelu.current_shop IS
    'The shop of the session''s context, one row or none, without tokens and secrets. The only way in which tenants read shops';
SET LOCAL ROLE neanelu_owner;
REVOKE CREATE ON SCHEMA neanelu FROM neanelu_engine;

COMMIT;
