-- Verify neanelu:schema/menus on pg
-- Each statement fails (missing relation or column, or division by zero) when something is not there.

BEGIN;

SELECT id, shop_id, shopify_gid, title, handle, items_count, synced_at, deleted_at, deletion_reason,
       created_at, updated_at
FROM neanelu.shopify_menus WHERE false;
SELECT 1 / (count(*) = 6)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_menus'::regclass AND convalidated AND conname IN (
  'shopify_menus_pkey', 'shopify_menus_shop_id_fkey', 'shopify_menus_shopify_gid_check',
  'shopify_menus_items_count_check', 'shopify_menus_deletion_reason_check',
  'shopify_menus_tombstone_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_menus'::regclass AND x.indisvalid AND i.relname IN (
  'idx_menus_shop_gid', 'idx_menus_shop_handle');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_menus'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_menus'::regclass;

SELECT id, shop_id, menu_id, shopify_gid, parent_item_id, title, url, item_type, resource_id, position, level,
       path, created_at, updated_at
FROM neanelu.shopify_menu_items WHERE false;
SELECT 1 / (count(*) = 9)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_menu_items'::regclass AND convalidated AND conname IN (
  'shopify_menu_items_pkey', 'shopify_menu_items_shop_id_menu_id_id_key',
  'shopify_menu_items_shop_id_menu_id_fkey', 'shopify_menu_items_shop_id_menu_id_parent_item_id_fkey',
  'shopify_menu_items_shopify_gid_check', 'shopify_menu_items_item_type_check',
  'shopify_menu_items_position_check', 'shopify_menu_items_level_check', 'shopify_menu_items_parent_check');
SELECT 1 / (count(*) = 5)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_menu_items'::regclass AND x.indisvalid AND i.relname IN (
  'idx_menu_items_shop_gid', 'idx_menu_items_menu', 'idx_menu_items_parent', 'idx_menu_items_type',
  'idx_menu_items_path');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_menu_items'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_menu_items'::regclass;

ROLLBACK;
