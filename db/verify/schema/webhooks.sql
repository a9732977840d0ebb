-- Verify neanelu:schema/webhooks on pg
-- Each statement fails (missing relation or column, or division by zero) when something is not there.

BEGIN;

SELECT id, shop_id, shopify_gid, topic, address, format, api_version, include_fields, metafield_namespaces,
       filter, created_at
FROM neanelu.shopify_webhooks WHERE false;
SELECT 1 / (count(*) = 5)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_webhooks'::regclass AND convalidated AND conname IN (
  'shopify_webhooks_pkey', 'shopify_webhooks_shop_id_fkey', 'shopify_webhooks_shopify_gid_check',
  'shopify_webhooks_topic_check', 'shopify_webhooks_format_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_webhooks'::regclass AND x.indisvalid AND i.relname IN (
  'idx_webhooks_shop_gid', 'idx_webhooks_shop_topic');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_webhooks'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_webhooks'::regclass;

SELECT id, shop_id, topic, shopify_webhook_id, shopify_event_id, triggered_at, api_version, payload, hmac_verified, received_at, processed_at,
       processing_error, job_id, idempotency_key, retry_count, created_at
FROM neanelu.webhook_events WHERE false;
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.webhook_events'::regclass AND convalidated AND conname IN (
  'webhook_events_pkey', 'webhook_events_shop_id_fkey', 'webhook_events_retry_count_check',
  'webhook_events_verified_first_check');
SELECT 1 / (count(*) = 3)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.webhook_events'::regclass AND x.indisvalid AND i.relname IN (
  'idx_webhook_events_unprocessed', 'idx_webhook_events_topic', 'idx_webhook_events_payload');
SELECT 1 / (pg_catalog.obj_description('neanelu.webhook_events'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.webhook_events'::regclass;

SELECT shop_id, idempotency_key, topic, body_digest, received_at, event_id, event_created_at
FROM neanelu.webhook_receipts WHERE false;
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.webhook_receipts'::regclass AND convalidated AND conname IN (
  'webhook_receipts_pkey', 'webhook_receipts_shop_id_fkey', 'webhook_receipts_body_digest_check', 'webhook_receipts_event_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.webhook_receipts'::regclass AND x.indisvalid AND i.relname IN (
  'idx_webhook_receipts_digest', 'idx_webhook_receipts_received');
SELECT 1 / (pg_catalog.obj_description('neanelu.webhook_receipts'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.webhook_receipts'::regclass;

SELECT id, reason, body_digest, shop_domain, topic, webhook_id, body, detail, times, first_at, last_at
FROM neanelu.webhook_refusals WHERE false;
SELECT 1 / (count(*) = 6)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.webhook_refusals'::regclass AND convalidated AND conname IN (
  'webhook_refusals_pkey', 'webhook_refusals_reason_check', 'webhook_refusals_body_digest_check', 'webhook_refusals_body_check',
  'webhook_refusals_times_check', 'webhook_refusals_order_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.webhook_refusals'::regclass AND x.indisvalid AND i.relname IN (
  'idx_webhook_refusals_body', 'idx_webhook_refusals_last');
SELECT 1 / (pg_catalog.obj_description('neanelu.webhook_refusals'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.webhook_refusals'::regclass;

ROLLBACK;
