-- Deploy neanelu:policies/pim to pg
-- requires: schema/pim
-- requires: schema/attributes
-- requires: schema/ai
-- requires: schema/scraper
-- requires: policies/grants
-- The PIM is global: its tables carry no policies, editors, analysts and operators read them, nobody but the engine writes, and
-- tenants see none of them. What bears a shop is the shop's: links to channels, vectors, batches, costs.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

ALTER TABLE neanelu.prod_channel_mappings ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.prod_channel_mappings FORCE ROW LEVEL SECURITY;
CREATE POLICY prod_channel_mappings_tenant_select ON neanelu.prod_channel_mappings FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY prod_channel_mappings_staff_select ON neanelu.prod_channel_mappings FOR SELECT TO neanelu_analyst, neanelu_pim_editor, neanelu_operator USING (true);
CREATE POLICY prod_channel_mappings_engine_all ON neanelu.prod_channel_mappings FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.shop_product_embeddings ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shop_product_embeddings FORCE ROW LEVEL SECURITY;
CREATE POLICY shop_product_embeddings_tenant_select ON neanelu.shop_product_embeddings FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY shop_product_embeddings_staff_select ON neanelu.shop_product_embeddings FOR SELECT TO neanelu_analyst, neanelu_pim_editor, neanelu_operator USING (true);
CREATE POLICY shop_product_embeddings_engine_all ON neanelu.shop_product_embeddings FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.ai_batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.ai_batches FORCE ROW LEVEL SECURITY;
CREATE POLICY ai_batches_tenant_select ON neanelu.ai_batches FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY ai_batches_staff_select ON neanelu.ai_batches FOR SELECT TO neanelu_analyst, neanelu_pim_editor, neanelu_operator USING (true);
CREATE POLICY ai_batches_engine_all ON neanelu.ai_batches FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.ai_batch_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.ai_batch_items FORCE ROW LEVEL SECURITY;
CREATE POLICY ai_batch_items_tenant_select ON neanelu.ai_batch_items FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY ai_batch_items_staff_select ON neanelu.ai_batch_items FOR SELECT TO neanelu_analyst, neanelu_pim_editor, neanelu_operator USING (true);
CREATE POLICY ai_batch_items_engine_all ON neanelu.ai_batch_items FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.embedding_batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.embedding_batches FORCE ROW LEVEL SECURITY;
CREATE POLICY embedding_batches_tenant_select ON neanelu.embedding_batches FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY embedding_batches_staff_select ON neanelu.embedding_batches FOR SELECT TO neanelu_analyst, neanelu_pim_editor, neanelu_operator USING (true);
CREATE POLICY embedding_batches_engine_all ON neanelu.embedding_batches FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

ALTER TABLE neanelu.api_usage_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.api_usage_log FORCE ROW LEVEL SECURITY;
CREATE POLICY api_usage_log_tenant_select ON neanelu.api_usage_log FOR SELECT TO neanelu_tenant, neanelu_platform USING (shop_id = app.current_shop_id());
CREATE POLICY api_usage_log_staff_select ON neanelu.api_usage_log FOR SELECT TO neanelu_analyst, neanelu_pim_editor, neanelu_operator USING (true);
CREATE POLICY api_usage_log_engine_all ON neanelu.api_usage_log FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

DO $partitions$
BEGIN
    PERFORM ops._cover_partitions();
END
$partitions$;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    neanelu.prod_taxonomy, neanelu.prod_sources, neanelu.prod_master, neanelu.prod_dedupe_clusters,
    neanelu.prod_dedupe_cluster_members, neanelu.prod_specs_normalized, neanelu.prod_semantics, neanelu.prod_proposals,
    neanelu.prod_similarity_matches, neanelu.prod_translations, neanelu.prod_attr_definitions, neanelu.prod_attr_synonyms,
    neanelu.prod_embeddings, neanelu.scraper_configs, neanelu.scraper_runs, neanelu.scraper_queue, neanelu.prod_channel_mappings,
    neanelu.shop_product_embeddings, neanelu.ai_batches, neanelu.ai_batch_items, neanelu.embedding_batches
    TO neanelu_engine;
-- What came in is kept as it came: only the marks of its processing change.
GRANT SELECT, INSERT ON
    neanelu.prod_raw_harvest, neanelu.prod_extraction_sessions, neanelu.prod_quality_events, neanelu.api_usage_log
    TO neanelu_engine;
GRANT UPDATE (processing_status, processing_error, processed_at, target_sku) ON neanelu.prod_raw_harvest TO neanelu_engine;
GRANT UPDATE (webhook_sent, webhook_sent_at) ON neanelu.prod_quality_events TO neanelu_engine;
GRANT SELECT ON
    neanelu.prod_taxonomy, neanelu.prod_sources, neanelu.prod_raw_harvest, neanelu.prod_extraction_sessions, neanelu.prod_master,
    neanelu.prod_dedupe_clusters, neanelu.prod_dedupe_cluster_members, neanelu.prod_specs_normalized, neanelu.prod_semantics,
    neanelu.prod_proposals, neanelu.prod_similarity_matches, neanelu.prod_quality_events, neanelu.prod_translations,
    neanelu.prod_attr_definitions, neanelu.prod_attr_synonyms, neanelu.prod_embeddings, neanelu.scraper_configs,
    neanelu.scraper_runs, neanelu.scraper_queue, neanelu.prod_channel_mappings, neanelu.shop_product_embeddings,
    neanelu.ai_batches, neanelu.ai_batch_items, neanelu.embedding_batches, neanelu.api_usage_log, neanelu.v_api_daily_costs
    TO neanelu_analyst, neanelu_pim_editor, neanelu_operator;
GRANT SELECT ON neanelu.v_api_daily_costs TO neanelu_engine;
GRANT SELECT ON
    neanelu.prod_channel_mappings, neanelu.shop_product_embeddings, neanelu.ai_batches, neanelu.ai_batch_items,
    neanelu.embedding_batches, neanelu.api_usage_log, neanelu.v_api_daily_costs
    TO neanelu_tenant, neanelu_app;

COMMIT;
