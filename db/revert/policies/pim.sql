-- Revert neanelu:policies/pim from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

REVOKE ALL ON
    neanelu.prod_taxonomy, neanelu.prod_sources, neanelu.prod_raw_harvest, neanelu.prod_extraction_sessions, neanelu.prod_master,
    neanelu.prod_dedupe_clusters, neanelu.prod_dedupe_cluster_members, neanelu.prod_specs_normalized, neanelu.prod_semantics,
    neanelu.prod_proposals, neanelu.prod_similarity_matches, neanelu.prod_quality_events, neanelu.prod_translations,
    neanelu.prod_attr_definitions, neanelu.prod_attr_synonyms, neanelu.prod_embeddings, neanelu.scraper_configs,
    neanelu.scraper_runs, neanelu.scraper_queue, neanelu.prod_channel_mappings, neanelu.shop_product_embeddings,
    neanelu.ai_batches, neanelu.ai_batch_items, neanelu.embedding_batches, neanelu.api_usage_log, neanelu.v_api_daily_costs
    FROM neanelu_engine, neanelu_tenant, neanelu_app, neanelu_analyst, neanelu_pim_editor, neanelu_operator;

DROP POLICY prod_channel_mappings_tenant_select ON neanelu.prod_channel_mappings;
DROP POLICY prod_channel_mappings_staff_select ON neanelu.prod_channel_mappings;
DROP POLICY prod_channel_mappings_engine_all ON neanelu.prod_channel_mappings;
ALTER TABLE neanelu.prod_channel_mappings NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.prod_channel_mappings DISABLE ROW LEVEL SECURITY;
DROP POLICY shop_product_embeddings_tenant_select ON neanelu.shop_product_embeddings;
DROP POLICY shop_product_embeddings_staff_select ON neanelu.shop_product_embeddings;
DROP POLICY shop_product_embeddings_engine_all ON neanelu.shop_product_embeddings;
ALTER TABLE neanelu.shop_product_embeddings NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shop_product_embeddings DISABLE ROW LEVEL SECURITY;
DROP POLICY ai_batches_tenant_select ON neanelu.ai_batches;
DROP POLICY ai_batches_staff_select ON neanelu.ai_batches;
DROP POLICY ai_batches_engine_all ON neanelu.ai_batches;
ALTER TABLE neanelu.ai_batches NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.ai_batches DISABLE ROW LEVEL SECURITY;
DROP POLICY ai_batch_items_tenant_select ON neanelu.ai_batch_items;
DROP POLICY ai_batch_items_staff_select ON neanelu.ai_batch_items;
DROP POLICY ai_batch_items_engine_all ON neanelu.ai_batch_items;
ALTER TABLE neanelu.ai_batch_items NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.ai_batch_items DISABLE ROW LEVEL SECURITY;
DROP POLICY embedding_batches_tenant_select ON neanelu.embedding_batches;
DROP POLICY embedding_batches_staff_select ON neanelu.embedding_batches;
DROP POLICY embedding_batches_engine_all ON neanelu.embedding_batches;
ALTER TABLE neanelu.embedding_batches NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.embedding_batches DISABLE ROW LEVEL SECURITY;
DROP POLICY api_usage_log_tenant_select ON neanelu.api_usage_log;
DROP POLICY api_usage_log_staff_select ON neanelu.api_usage_log;
DROP POLICY api_usage_log_engine_all ON neanelu.api_usage_log;
ALTER TABLE neanelu.api_usage_log NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.api_usage_log DISABLE ROW LEVEL SECURITY;

COMMIT;
