-- A foreign key bypasses row level security, so one without shop_id could point into another shop.
BEGIN;
SELECT plan(2);

SELECT is_empty($$
  SELECT k.conrelid::regclass, k.conname
  FROM pg_constraint AS k
  JOIN pg_class AS c ON c.oid = k.conrelid AND NOT c.relispartition
  JOIN pg_attribute AS target ON target.attrelid = k.confrelid AND target.attname = 'shop_id'
       AND target.attnotnull  -- without a shop it is the platform's own: a batch of the PIM
  WHERE k.contype = 'f' AND c.relnamespace = 'neanelu'::regnamespace
    AND NOT target.attnum = ANY (k.confkey)
$$, 'every foreign key to a table with shop_id refers to shop_id too');

SELECT is_empty($$
  SELECT k.conrelid::regclass, k.conname
  FROM pg_constraint AS k
  JOIN pg_class AS c ON c.oid = k.conrelid AND NOT c.relispartition
  JOIN pg_attribute AS own ON own.attrelid = k.conrelid AND own.attname = 'shop_id'
  JOIN pg_attribute AS target ON target.attrelid = k.confrelid AND target.attname = 'shop_id' AND target.attnotnull
  WHERE k.contype = 'f' AND c.relnamespace = 'neanelu'::regnamespace
    AND array_position(k.conkey, own.attnum) IS DISTINCT FROM array_position(k.confkey, target.attnum)
$$, 'and matches it with its own shop_id');

SELECT * FROM finish();
ROLLBACK;
