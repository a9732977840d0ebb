-- Verify neanelu:schema/budget on pg

BEGIN;

SELECT shop_id, tokens_remaining, max_tokens, refill_rate, last_refill_at, locked_until, consecutive_429_count, updated_at
  FROM neanelu.rate_limit_buckets WHERE false;
SELECT id, shop_id, operation_type, query_hash, requested_cost, actual_cost, throttle_status, available_cost, restore_rate,
       requested_at, response_time_ms, created_at
  FROM neanelu.api_cost_tracking WHERE false;
SELECT query_hash, operation_type, requested_cost, updated_at FROM neanelu.api_query_costs WHERE false;
SELECT shop_id, user_id, window_start, requests, previous_requests FROM neanelu.user_request_windows WHERE false;

DO $verify$
BEGIN
    IF NOT EXISTS (SELECT FROM partman.part_config AS f
                    WHERE f.parent_table = 'neanelu.api_cost_tracking' AND f.partition_interval = '1 day' AND f.retention = '7 days'
                      AND NOT f.retention_keep_table AND f.premake >= 7 AND f.infinite_time_partitions AND NOT f.inherit_privileges) THEN
        RAISE EXCEPTION 'api_cost_tracking is not kept in days, for seven of them';
    END IF;
    IF (SELECT c.relpersistence FROM pg_catalog.pg_class AS c WHERE c.oid = 'neanelu.user_request_windows'::regclass) <> 'u' THEN
        RAISE EXCEPTION 'user_request_windows is not UNLOGGED';
    END IF;
END
$verify$;

ROLLBACK;
