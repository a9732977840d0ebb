-- shop_id refers to shops directly, or is part of a reference (all of it not null) to a table of which that is true.
-- The second kind spares the large tables one look-up per row.
BEGIN;
SELECT plan(2);

SELECT is_empty($$
  WITH RECURSIVE held AS (
    SELECT k.conrelid AS relid
    FROM pg_constraint AS k
    JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attname = 'shop_id'
    WHERE k.contype = 'f' AND k.confrelid = 'neanelu.shops'::regclass AND k.conkey = ARRAY[a.attnum]
    UNION
    SELECT k.conrelid
    FROM pg_constraint AS k
    JOIN held ON held.relid = k.confrelid
    JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attname = 'shop_id' AND a.attnum = ANY (k.conkey)
    WHERE k.contype = 'f'
      AND NOT EXISTS (SELECT FROM pg_attribute AS n
                      WHERE n.attrelid = k.conrelid AND n.attnum = ANY (k.conkey) AND NOT n.attnotnull)
  )
  SELECT c.relname
  FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'shop_id' AND a.attnotnull
  WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relpersistence = 'p' AND c.oid NOT IN (SELECT relid FROM held)
    AND c.relname NOT IN (
      'sync_digests',  -- a cache, rebuilt at will; it pays no look-up per line
      -- entries and their receipts pay no look-up each: the balance that every entry has refers to the variant
      'inventory_arrivals', 'inventory_receipts', 'inventory_ledger')
$$, 'no tenant table has a shop_id that nothing holds');

SELECT throws_ok($$
  INSERT INTO shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, status)
  VALUES ('00000000-0000-7000-8000-0000000000ff', 'gid://shopify/Product/1', 1, 'p', 'p', 'ACTIVE')
$$, '23503', NULL, 'a product of no shop is refused');

SELECT * FROM finish();
ROLLBACK;
