-- A table whose rows always belong to a shop has (shop_id, …) as its primary key; so has every unique index on it.
BEGIN;
SELECT plan(3);

SELECT is_empty($$
  SELECT c.relname
  FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'shop_id' AND a.attnotnull
  LEFT JOIN pg_constraint AS k ON k.conrelid = c.oid AND k.contype = 'p'
  WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relpersistence = 'p'
    AND k.conkey[1] IS DISTINCT FROM a.attnum
$$, 'the primary key of every tenant table starts with shop_id');

SELECT is_empty($$
  SELECT i.indexrelid::regclass
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indrelid
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'shop_id' AND a.attnotnull
  WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relpersistence = 'p' AND i.indisunique
    AND NOT a.attnum = ANY (i.indkey)
$$, 'every unique index on a tenant table contains shop_id, so that an error tells nothing about another shop');

SELECT is(
  (SELECT count(*) FROM pg_class AS c
   JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'shop_id'
   WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relname IN (
     'shopify_products', 'shopify_variants', 'shopify_collections', 'shopify_collection_products', 'shopify_customers',
     'shopify_orders', 'shopify_metaobjects', 'shopify_media', 'shopify_product_media', 'shopify_variant_media',
     'shopify_publications', 'shopify_resource_publications', 'shopify_menus', 'shopify_menu_items',
     'inventory_locations', 'inventory_levels') AND a.attnotnull),
  16::bigint, 'the tables of the mirror all have a shop_id that is not null');

SELECT * FROM finish();
ROLLBACK;
