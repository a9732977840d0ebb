-- Verify neanelu:schema/models on pg

BEGIN;

SELECT provider, model, kind, input_price, output_price, batch_input_price, batch_output_price, max_input_tokens, max_batch_requests,
       max_batch_bytes, max_batch_tokens, is_active, updated_at
  FROM neanelu.ai_models WHERE false;
SELECT provider, monthly_limit, updated_at FROM neanelu.ai_budgets WHERE false;
SELECT provider, month, spent, reserved FROM neanelu.ai_spending WHERE false;
SELECT id, provider, month, amount, purpose, created_at, settled_at FROM neanelu.ai_reservations WHERE false;
SELECT batch_id, ai_batch_id, embedding_batch_id, provider, model, endpoint, attempt, max_attempts, is_open, is_direct, input_bytes,
       input_tokens, output_tokens_max, tokens_in, tokens_out, reservation_id, provider_status, input_file_id, output_file_id, error_file_id,
       polls, is_cancelling, next_step_at, lease_token, leased_by, lease_expires_at, last_error, updated_at
  FROM neanelu.ai_batch_runs WHERE false;
SELECT id, harvest_id, harvest_fetched_at, status, taxonomy_id, asked, page_text, item_id, session_id, refused, error_code, error_message,
       attempts, lease_expires_at, created_at, done_at
  FROM neanelu.ai_extractions WHERE false;
SELECT 1 / count(*) FROM neanelu.ai_models WHERE provider = 'openai';

ROLLBACK;
