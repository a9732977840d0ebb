BEGIN;
SELECT plan(2);

SELECT is_empty($$
  SELECT k.conrelid::regclass, k.conname
  FROM pg_constraint AS k
  JOIN pg_class AS c ON c.oid = k.conrelid AND NOT c.relispartition
  WHERE k.contype = 'f' AND c.relnamespace = 'neanelu'::regnamespace AND k.confdeltype = 'a'
$$, 'no foreign key leaves ON DELETE to the default');

SELECT is_empty($$
  SELECT k.conrelid::regclass, k.conname
  FROM pg_constraint AS k
  JOIN pg_class AS c ON c.oid = k.conrelid AND NOT c.relispartition
  WHERE k.contype = 'f' AND c.relnamespace = 'neanelu'::regnamespace AND k.conparentid = 0
    AND k.confrelid::regclass::text !~ '(^|\.)sync_(resources|streams)$'  -- lists that only a deployment changes
    AND NOT EXISTS (
      SELECT FROM pg_index AS i
      WHERE i.indrelid = k.conrelid AND i.indisvalid
        -- the first columns of the index are the columns of the key, in any order
        AND (SELECT array_agg(x ORDER BY x) FROM unnest((i.indkey::smallint[])[0:cardinality(k.conkey) - 1]) AS x)
            = (SELECT array_agg(x ORDER BY x) FROM unnest(k.conkey) AS x))
$$, 'every foreign key has an index that starts with its columns');

SELECT * FROM finish();
ROLLBACK;
