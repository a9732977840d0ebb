-- Verify neanelu:schema/tokens on pg

BEGIN;

SELECT shop_id, refresh_token, access_expires_at, refresh_expires_at, pair_id, status, stored_at, attempt_id, asked_by, asked_at,
       unanswered_since, lease_expires_at, not_before, failures, refused_at, error_code, error_message
  FROM neanelu.shop_tokens WHERE false;
SELECT 1 / (count(*) = 9)::int FROM pg_catalog.pg_constraint
 WHERE conrelid = 'neanelu.shop_tokens'::regclass AND convalidated AND contype IN ('p', 'f', 'c');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index WHERE indrelid = 'neanelu.shop_tokens'::regclass AND indisvalid;

ROLLBACK;
