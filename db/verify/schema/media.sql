-- Verify neanelu:schema/media on pg
-- Each statement fails (missing relation or column, or division by zero) when something is not there.

BEGIN;

SELECT media_id, shop_id, shopify_gid, legacy_resource_id, media_type, alt, status, mime_type, file_size,
       width, height, duration, url, preview_url, sources, metadata, created_at_shopify, updated_at_shopify,
       synced_at, deleted_at, deletion_reason, created_at, updated_at
FROM neanelu.shopify_media WHERE false;
SELECT 1 / (count(*) = 12)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_media'::regclass AND convalidated AND conname IN (
  'shopify_media_pkey', 'shopify_media_shop_id_fkey', 'shopify_media_shopify_gid_check',
  'shopify_media_legacy_resource_id_check', 'shopify_media_media_type_check',
  'shopify_media_status_check', 'shopify_media_sizes_check', 'shopify_media_sources_check',
  'shopify_media_metadata_check', 'shopify_media_finite_times_check',
  'shopify_media_deletion_reason_check', 'shopify_media_tombstone_check');
SELECT 1 / (count(*) = 3)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_media'::regclass AND x.indisvalid AND i.relname IN (
  'idx_media_shop_gid', 'idx_media_type', 'idx_media_status');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_media'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_media'::regclass;

SELECT shop_id, product_id, media_id, position, is_featured, created_at, updated_at
FROM neanelu.shopify_product_media WHERE false;
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_product_media'::regclass AND convalidated AND conname IN (
  'shopify_product_media_pkey', 'shopify_product_media_shop_id_product_id_fkey',
  'shopify_product_media_shop_id_media_id_fkey', 'shopify_product_media_position_check');
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_product_media'::regclass AND x.indisvalid AND i.relname IN (
  'idx_product_media_shop', 'idx_product_media_product', 'idx_product_media_featured',
  'idx_product_media_media');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_product_media'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_product_media'::regclass;

SELECT shop_id, variant_id, media_id, position, created_at, updated_at
FROM neanelu.shopify_variant_media WHERE false;
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_variant_media'::regclass AND convalidated AND conname IN (
  'shopify_variant_media_pkey', 'shopify_variant_media_shop_id_variant_id_fkey',
  'shopify_variant_media_shop_id_media_id_fkey', 'shopify_variant_media_position_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_variant_media'::regclass AND x.indisvalid AND i.relname IN (
  'idx_variant_media_shop', 'idx_variant_media_media');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_variant_media'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_variant_media'::regclass;

SELECT id, shop_id, shopify_gid, name, catalog_type, supports_future_publishing, auto_publish, is_active,
       synced_at, deleted_at, deletion_reason, created_at, updated_at
FROM neanelu.shopify_publications WHERE false;
SELECT 1 / (count(*) = 6)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_publications'::regclass AND convalidated AND conname IN (
  'shopify_publications_pkey', 'shopify_publications_shop_id_fkey',
  'shopify_publications_shopify_gid_check', 'shopify_publications_catalog_type_check',
  'shopify_publications_deletion_reason_check', 'shopify_publications_tombstone_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_publications'::regclass AND x.indisvalid AND i.relname IN (
  'idx_publications_shop_gid', 'idx_publications_shop_active');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_publications'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_publications'::regclass;

SELECT id, shop_id, publication_id, resource_type, resource_id, product_id, collection_id, is_published,
       published_at, publish_date, created_at, updated_at
FROM neanelu.shopify_resource_publications WHERE false;
SELECT 1 / (count(*) = 6)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_resource_publications'::regclass AND convalidated AND conname IN (
  'shopify_resource_publications_pkey', 'shopify_resource_publications_shop_id_publication_id_fkey',
  'shopify_resource_publications_shop_id_product_id_fkey',
  'shopify_resource_publications_shop_id_collection_id_fkey',
  'shopify_resource_publications_resource_type_check', 'shopify_resource_publications_finite_times_check');
SELECT 1 / (count(*) = 5)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_resource_publications'::regclass AND x.indisvalid AND i.relname IN (
  'idx_resource_pub_publication', 'idx_resource_pub_resource', 'idx_resource_pub_published',
  'idx_resource_pub_product', 'idx_resource_pub_collection');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_resource_publications'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_resource_publications'::regclass;

ROLLBACK;
