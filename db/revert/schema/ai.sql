-- Revert neanelu:schema/ai from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP VIEW neanelu.v_api_daily_costs;
DROP TABLE neanelu.api_usage_log;
DROP TABLE partman.template_neanelu_api_usage_log;
DELETE FROM partman.part_config WHERE parent_table = 'neanelu.api_usage_log';
DROP TABLE neanelu.embedding_batches;
DROP TABLE neanelu.ai_batch_items;
DROP TABLE neanelu.ai_batches;

COMMIT;
