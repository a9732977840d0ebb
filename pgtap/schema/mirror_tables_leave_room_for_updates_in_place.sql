BEGIN;
SELECT plan(3);

SELECT is_empty($$
  SELECT c.relname FROM pg_class AS c
  WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
    AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'synced_at')
    AND NOT 'fillfactor=90' = ANY (coalesce(c.reloptions, '{}'))
    AND c.relpersistence = 'p'
$$, 'tables that a sync writes have a fill factor of 90');

SELECT is_empty($$
  SELECT i.indexrelid::regclass
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indrelid AND c.relnamespace = 'neanelu'::regnamespace AND NOT c.relispartition
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
  WHERE a.attname IN ('synced_at', 'updated_at', 'deleted_at', 'updated_at_shopify')
    AND i.indpred IS NULL  -- rows of one state leave such an index anyway when they change
$$, 'columns that every write touches are in no index');

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
        decode(repeat('00', 16), 'hex'), '{read_products}');
INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
VALUES ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Product/1', 1, 'p', 'p', 'ACTIVE');
INSERT INTO shopify_variants (shop_id, product_id, shopify_gid, legacy_resource_id, title, price)
SELECT p.shop_id, p.id, 'gid://shopify/ProductVariant/' || n, n, 'v', 1
FROM shopify_products AS p, generate_series(1, 50) AS n;
UPDATE shopify_variants SET price = 2, synced_at = clock_timestamp(), updated_at = clock_timestamp() WHERE legacy_resource_id <= 4;
SELECT is(pg_stat_get_xact_tuples_hot_updated('shopify_variants'::regclass), 4::bigint,
  'a new price does not touch the indexes of shopify_variants');

SELECT * FROM finish();
ROLLBACK;
