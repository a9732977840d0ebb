-- Verify neanelu:schema/audit on pg
-- Each statement fails (missing relation or column, or division by zero) when something is not there.

BEGIN;

SELECT id, shop_id, user_id, actor_type, actor_id, action, entity_type, entity_id, entity_key, old_values,
       new_values, ip_address, user_agent, request_id, created_at
FROM neanelu.audit_logs WHERE false;
SELECT 1 / (count(*) = 5)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.audit_logs'::regclass AND convalidated AND conname IN (
  'audit_logs_pkey', 'audit_logs_actor_type_check', 'audit_logs_action_check', 'audit_logs_entity_check',
  'audit_logs_images_check');
SELECT 1 / (count(*) = 6)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.audit_logs'::regclass AND x.indisvalid AND i.relname IN (
  'idx_audit_shop', 'idx_audit_entity', 'idx_audit_entity_key', 'idx_audit_user', 'idx_audit_request',
  'idx_audit_actor');
SELECT 1 / (pg_catalog.obj_description('neanelu.audit_logs'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.audit_logs'::regclass;

SELECT id, shop_id, resource_type, last_sync_at, last_cursor, records_synced, status, error_message, metadata,
       last_run_id, last_full_snapshot_at, high_water_mark, created_at, updated_at
FROM neanelu.sync_checkpoints WHERE false;
SELECT 1 / (count(*) = 8)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.sync_checkpoints'::regclass AND convalidated AND conname IN (
  'sync_checkpoints_pkey', 'sync_checkpoints_shop_id_fkey', 'sync_checkpoints_resource_type_check',
  'sync_checkpoints_status_check', 'sync_checkpoints_records_synced_check',
  'sync_checkpoints_error_message_check', 'sync_checkpoints_metadata_check',
  'sync_checkpoints_finite_times_check');
SELECT 1 / (count(*) = 1)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.sync_checkpoints'::regclass AND x.indisvalid AND i.relname IN (
  'idx_checkpoints_shop_resource');
SELECT 1 / (pg_catalog.obj_description('neanelu.sync_checkpoints'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.sync_checkpoints'::regclass;

ROLLBACK;
