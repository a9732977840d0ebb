-- Verify neanelu:schema/core on pg
-- Each statement fails (missing relation or column, or division by zero) when something is not there.

BEGIN;

SELECT id, shopify_domain, shopify_shop_id, plan_tier, api_version, access_token_ciphertext, access_token_iv,
       access_token_tag, webhook_secret, key_version, scopes, timezone, currency_code, settings, installed_at,
       uninstalled_at, created_at, updated_at
FROM neanelu.shops WHERE false;
SELECT 1 / (count(*) = 11)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shops'::regclass AND convalidated AND conname IN (
  'shops_pkey', 'shops_shopify_domain_check', 'shops_shopify_shop_id_check', 'shops_plan_tier_check',
  'shops_api_version_check', 'shops_token_while_installed_check', 'shops_token_sizes_check',
  'shops_key_version_check', 'shops_currency_code_check', 'shops_settings_check',
  'shops_install_order_check');
SELECT 1 / (count(*) = 3)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shops'::regclass AND x.indisvalid AND i.relname IN (
  'idx_shops_domain', 'idx_shops_plan', 'idx_shops_shopify_id');
SELECT 1 / (pg_catalog.obj_description('neanelu.shops'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shops'::regclass;

SELECT id, shop_id, email, first_name, last_name, role, locale, last_login_at, created_at
FROM neanelu.staff_users WHERE false;
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.staff_users'::regclass AND convalidated AND conname IN (
  'staff_users_pkey', 'staff_users_shop_id_fkey', 'staff_users_role_check', 'staff_users_email_check');
SELECT 1 / (count(*) = 1)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.staff_users'::regclass AND x.indisvalid AND i.relname IN (
  'idx_staff_shop_email');
SELECT 1 / (pg_catalog.obj_description('neanelu.staff_users'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.staff_users'::regclass;

SELECT id, shop_id, payload, expires_at, created_at
FROM neanelu.app_sessions WHERE false;
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.app_sessions'::regclass AND convalidated AND conname IN (
  'app_sessions_pkey', 'app_sessions_shop_id_fkey', 'app_sessions_payload_check',
  'app_sessions_expires_at_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.app_sessions'::regclass AND x.indisvalid AND i.relname IN (
  'idx_sessions_shop', 'idx_sessions_expires');
SELECT 1 / (pg_catalog.obj_description('neanelu.app_sessions'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.app_sessions'::regclass;

SELECT id, state, shop_domain, redirect_uri, nonce, expires_at, used_at, created_at
FROM neanelu.oauth_states WHERE false;
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.oauth_states'::regclass AND convalidated AND conname IN (
  'oauth_states_pkey', 'oauth_states_shop_domain_check', 'oauth_states_state_check',
  'oauth_states_validity_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.oauth_states'::regclass AND x.indisvalid AND i.relname IN (
  'idx_oauth_states_state', 'idx_oauth_states_expires');
SELECT 1 / (pg_catalog.obj_description('neanelu.oauth_states'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.oauth_states'::regclass;

SELECT id, nonce, shop_id, used_at, expires_at, created_at
FROM neanelu.oauth_nonces WHERE false;
SELECT 1 / (count(*) = 3)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.oauth_nonces'::regclass AND convalidated AND conname IN (
  'oauth_nonces_pkey', 'oauth_nonces_shop_id_fkey', 'oauth_nonces_validity_check');
SELECT 1 / (count(*) = 3)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.oauth_nonces'::regclass AND x.indisvalid AND i.relname IN (
  'idx_oauth_nonces_nonce', 'idx_oauth_nonces_expires', 'idx_oauth_nonces_shop');
SELECT 1 / (pg_catalog.obj_description('neanelu.oauth_nonces'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.oauth_nonces'::regclass;

SELECT id, key_version_old, key_version_new, initiated_by_shop_id, initiated_by, status, records_updated,
       started_at, completed_at, error_message
FROM neanelu.key_rotations WHERE false;
SELECT 1 / (count(*) = 7)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.key_rotations'::regclass AND convalidated AND conname IN (
  'key_rotations_pkey', 'key_rotations_initiated_by_shop_id_initiated_by_fkey',
  'key_rotations_status_check', 'key_rotations_versions_check', 'key_rotations_records_updated_check',
  'key_rotations_completed_at_check', 'key_rotations_error_message_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.key_rotations'::regclass AND x.indisvalid AND i.relname IN (
  'idx_key_rotations_status', 'idx_key_rotations_initiated_by');
SELECT 1 / (pg_catalog.obj_description('neanelu.key_rotations'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.key_rotations'::regclass;

SELECT id, flag_key, description, default_value, is_active, rollout_percentage, allowed_shop_ids,
       blocked_shop_ids, conditions, created_by_shop_id, created_by, created_at, updated_at
FROM neanelu.feature_flags WHERE false;
SELECT 1 / (count(*) = 5)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.feature_flags'::regclass AND convalidated AND conname IN (
  'feature_flags_pkey', 'feature_flags_created_by_shop_id_created_by_fkey',
  'feature_flags_flag_key_check', 'feature_flags_rollout_percentage_check',
  'feature_flags_conditions_check');
SELECT 1 / (count(*) = 3)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.feature_flags'::regclass AND x.indisvalid AND i.relname IN (
  'idx_feature_flags_key', 'idx_feature_flags_active', 'idx_feature_flags_created_by');
SELECT 1 / (pg_catalog.obj_description('neanelu.feature_flags'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.feature_flags'::regclass;

SELECT key, value, description, is_sensitive, updated_by_shop_id, updated_by, updated_at, created_at
FROM neanelu.system_config WHERE false;
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.system_config'::regclass AND convalidated AND conname IN (
  'system_config_pkey', 'system_config_updated_by_shop_id_updated_by_fkey', 'system_config_key_check',
  'system_config_sealed_check');
SELECT 1 / (count(*) = 1)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.system_config'::regclass AND x.indisvalid AND i.relname IN (
  'idx_system_config_updated_by');
SELECT 1 / (pg_catalog.obj_description('neanelu.system_config'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.system_config'::regclass;

SELECT id, migration_name, checksum, applied_at, applied_by, execution_time_ms, success, error_message
FROM neanelu.migration_history WHERE false;
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.migration_history'::regclass AND convalidated AND conname IN (
  'migration_history_pkey', 'migration_history_checksum_check',
  'migration_history_execution_time_ms_check', 'migration_history_error_message_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.migration_history'::regclass AND x.indisvalid AND i.relname IN (
  'idx_migration_name', 'idx_migration_applied');
SELECT 1 / (pg_catalog.obj_description('neanelu.migration_history'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.migration_history'::regclass;

ROLLBACK;
