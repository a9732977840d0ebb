-- Verify neanelu:schema/factory on pg

BEGIN;

SELECT session_id, product_id, queued_at, failed_at, error_code, error_message FROM neanelu.factory_sessions WHERE false;
SELECT id, product_id, queued_at, failed_at, error_code, error_message FROM neanelu.factory_products WHERE false;

ROLLBACK;
