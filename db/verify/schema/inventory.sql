-- Verify neanelu:schema/inventory on pg
-- Each statement fails (missing relation or column, or division by zero) when something is not there.

BEGIN;

SELECT id, shop_id, shopify_gid, legacy_resource_id, name, address, is_active, is_primary,
       fulfills_online_orders, updated_at_shopify, synced_at, deleted_at, deletion_reason, created_at,
       updated_at
FROM neanelu.inventory_locations WHERE false;
SELECT 1 / (count(*) = 8)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.inventory_locations'::regclass AND convalidated AND conname IN (
  'inventory_locations_pkey', 'inventory_locations_shop_id_fkey', 'inventory_locations_shopify_gid_check',
  'inventory_locations_legacy_resource_id_check', 'inventory_locations_address_check',
  'inventory_locations_finite_times_check', 'inventory_locations_deletion_reason_check',
  'inventory_locations_tombstone_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.inventory_locations'::regclass AND x.indisvalid AND i.relname IN (
  'idx_locations_shop_gid', 'idx_locations_shop_active');
SELECT 1 / (pg_catalog.obj_description('neanelu.inventory_locations'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.inventory_locations'::regclass;

SELECT id, shop_id, shopify_gid, inventory_item_gid, inventory_item_legacy_id, location_id, available, on_hand,
       committed, incoming, reserved, damaged, quality_control, safety_stock, updated_at_shopify, synced_at,
       deleted_at, deletion_reason, created_at, updated_at
FROM neanelu.inventory_levels WHERE false;
SELECT 1 / (count(*) = 8)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.inventory_levels'::regclass AND convalidated AND conname IN (
  'inventory_levels_pkey', 'inventory_levels_shop_id_location_id_fkey',
  'inventory_levels_shopify_gid_check', 'inventory_levels_inventory_item_gid_check',
  'inventory_levels_inventory_item_legacy_id_check', 'inventory_levels_finite_times_check',
  'inventory_levels_deletion_reason_check', 'inventory_levels_tombstone_check');
SELECT 1 / (count(*) = 3)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.inventory_levels'::regclass AND x.indisvalid AND i.relname IN (
  'idx_inventory_levels_shop_gid', 'idx_inventory_levels_item', 'idx_inventory_levels_location');
SELECT 1 / (pg_catalog.obj_description('neanelu.inventory_levels'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.inventory_levels'::regclass;

ROLLBACK;
