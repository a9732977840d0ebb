-- Verify neanelu:schema/ai on pg

BEGIN;

SELECT id, shop_id, provider, provider_batch_id, batch_type, status, request_count, completed_count, error_count, total_tokens, estimated_cost, submitted_at, completed_at, expires_at, error_message, created_at, updated_at
  FROM neanelu.ai_batches WHERE false;
SELECT id, batch_id, shop_id, entity_type, entity_id, custom_id, input_content, content_hash, status, output_content, tokens_used, error_message, processed_at, created_at
  FROM neanelu.ai_batch_items WHERE false;
SELECT id, shop_id, batch_type, status, openai_batch_id, input_file_id, output_file_id, error_file_id, model, dimensions, total_items, completed_items, failed_items, tokens_used, estimated_cost, submitted_at, completed_at, expires_at, error_message, created_at, updated_at
  FROM neanelu.embedding_batches WHERE false;
SELECT id, api_provider, endpoint, request_count, tokens_input, tokens_output, estimated_cost, http_status, response_time_ms, job_id, product_id, shop_id, error_message, metadata, created_at
  FROM neanelu.api_usage_log WHERE false;
SELECT date, api_provider, total_cost FROM neanelu.v_api_daily_costs WHERE false;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(e.name, ', ') INTO v_bad
      FROM (VALUES ('idx_ai_batches_provider'), ('idx_ai_batches_status'), ('idx_ai_batches_shop'), ('idx_batch_items_batch'),
                   ('idx_batch_items_entity'), ('idx_batch_items_hash'), ('idx_batch_items_status'), ('idx_batch_items_custom'),
                   ('idx_batch_items_shop'), ('idx_embedding_batches_shop'), ('idx_embedding_batches_status'), ('idx_embedding_batches_openai'),
                   ('idx_api_usage_provider_date'), ('idx_api_usage_product'), ('idx_api_usage_shop'), ('idx_api_usage_cost'),
                   ('idx_api_usage_errors')) AS e (name)
     WHERE to_regclass('neanelu.' || e.name) IS NULL;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'indexes are missing: %', v_bad;
    END IF;
    IF NOT EXISTS (SELECT FROM partman.part_config AS f WHERE f.parent_table = 'neanelu.api_usage_log' AND f.partition_interval = '1 mon') THEN
        RAISE EXCEPTION 'api_usage_log is not kept in months';
    END IF;
END
$verify$;

ROLLBACK;
