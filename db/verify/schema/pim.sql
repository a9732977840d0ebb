-- Verify neanelu:schema/pim on pg

BEGIN;

SELECT id, parent_id, name, slug, breadcrumbs, level, attribute_schema, validation_rules, external_mappings, shopify_taxonomy_id, is_active, sort_order, created_at, updated_at
  FROM neanelu.prod_taxonomy WHERE false;
SELECT id, name, source_type, base_url, priority, trust_score, config, rate_limit, auth_config, is_active, last_harvest_at, created_at, updated_at
  FROM neanelu.prod_sources WHERE false;
SELECT id, source_id, target_sku, source_url, source_product_id, raw_html, raw_json, http_status, response_headers, fetched_at, processing_status, processing_error, processed_at, content_hash, ttl_expires_at, created_at
  FROM neanelu.prod_raw_harvest WHERE false;
SELECT id, harvest_id, harvest_fetched_at, agent_version, model_name, extracted_specs, grounding_snippets, confidence_score, field_confidences, tokens_used, latency_ms, error_message, created_at
  FROM neanelu.prod_extraction_sessions WHERE false;
SELECT id, internal_sku, canonical_title, brand, manufacturer, mpn, gtin, taxonomy_id, dedupe_status, dedupe_cluster_id, primary_source_id, lifecycle_status, data_quality_level, quality_score, quality_score_breakdown, last_quality_check, promoted_to_silver_at, promoted_to_golden_at, needs_review, review_notes, created_at, updated_at
  FROM neanelu.prod_master WHERE false;
SELECT id, cluster_type, match_criteria, canonical_product_id, member_count, confidence_score, status, reviewed_by, reviewed_at, created_at, updated_at
  FROM neanelu.prod_dedupe_clusters WHERE false;
SELECT cluster_id, product_id, similarity_score, match_fields, is_canonical, created_at, updated_at
  FROM neanelu.prod_dedupe_cluster_members WHERE false;
SELECT id, product_id, specs, raw_specs, provenance, version, is_current, needs_review, review_reason, created_at, updated_at
  FROM neanelu.prod_specs_normalized WHERE false;
SELECT product_id, title_master, description_master, description_short, ai_summary, keywords, keywords_graph, json_ld_schema, search_vector, locale, updated_at
  FROM neanelu.prod_semantics WHERE false;
SELECT id, product_id, channel, shop_id, external_id, sync_status, last_pushed_at, last_pulled_at, channel_meta, error_message, created_at, updated_at
  FROM neanelu.prod_channel_mappings WHERE false;
SELECT id, product_id, field_path, current_value, proposed_value, extraction_session_id, source_id, confidence_score, proposal_status, priority, reviewed_by, reviewed_at, review_notes, auto_approved, expires_at, raw_value, observed_at, created_at, updated_at
  FROM neanelu.prod_proposals WHERE false;
SELECT id, product_id, source_id, source_url, source_product_id, source_gtin, source_title, source_brand, source_price, source_currency, similarity_score, match_method, match_confidence, match_details, extraction_session_id, specs_extracted, scraped_at, validated_at, validated_by, validation_notes, is_primary_source, created_at, updated_at
  FROM neanelu.prod_similarity_matches WHERE false;
SELECT id, product_id, event_type, previous_level, new_level, quality_score_before, quality_score_after, trigger_reason, trigger_details, triggered_by, job_id, webhook_sent, webhook_sent_at, created_at
  FROM neanelu.prod_quality_events WHERE false;
SELECT id, product_id, locale, title, description, description_short, keywords, seo_title, seo_description, translation_source, quality_score, is_approved, source_hash, is_stale, created_at, updated_at
  FROM neanelu.prod_translations WHERE false;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(e.name, ', ') INTO v_bad
      FROM (VALUES ('idx_taxonomy_parent'), ('idx_taxonomy_slug'), ('idx_taxonomy_shopify'), ('idx_taxonomy_breadcrumbs'),
                   ('idx_harvest_source'), ('idx_harvest_status'), ('idx_harvest_sku'), ('idx_harvest_url'),
                   ('idx_harvest_hash'), ('idx_extraction_harvest'), ('idx_extraction_confidence'), ('idx_extraction_specs'),
                   ('idx_master_sku'), ('idx_master_brand'), ('idx_master_taxonomy'), ('idx_master_gtin'),
                   ('idx_master_mpn'), ('idx_master_review'), ('idx_master_quality_level'), ('idx_master_bronze'),
                   ('idx_master_silver'), ('idx_master_golden'), ('idx_master_cluster'), ('idx_master_source'),
                   ('idx_clusters_canonical'), ('idx_clusters_status'), ('idx_clusters_type'), ('idx_cluster_members_product'),
                   ('idx_cluster_members_similarity'), ('idx_cluster_members_canonical'), ('idx_specs_product'), ('idx_specs_current'),
                   ('idx_specs_data'), ('idx_specs_review'), ('idx_specs_version'), ('idx_semantics_fts'),
                   ('idx_semantics_keywords'), ('idx_channel_product'), ('idx_channel_external'), ('idx_channel_status'),
                   ('idx_channel_shop'), ('idx_proposals_product'), ('idx_proposals_pending'), ('idx_proposals_field'),
                   ('idx_proposals_source'), ('idx_proposals_expires'), ('idx_proposals_session'), ('idx_similarity_product'),
                   ('idx_similarity_source'), ('idx_similarity_gtin'), ('idx_similarity_score'), ('idx_similarity_method'),
                   ('idx_similarity_pending'), ('idx_similarity_confirmed'), ('idx_similarity_url'), ('idx_similarity_session'),
                   ('idx_quality_events_product'), ('idx_quality_events_type'), ('idx_quality_events_level'), ('idx_quality_events_pending_webhook'),
                   ('idx_translations_product_locale'), ('idx_translations_locale')) AS e (name)
     WHERE to_regclass('neanelu.' || e.name) IS NULL;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'indexes are missing: %', v_bad;
    END IF;
    IF NOT EXISTS (SELECT FROM partman.part_config AS f WHERE f.parent_table = 'neanelu.prod_raw_harvest' AND f.partition_interval = '1 mon') THEN
        RAISE EXCEPTION 'prod_raw_harvest is not kept in months';
    END IF;
END
$verify$;

ROLLBACK;
