-- Errors are told apart by the constraint's name, so a name means one rule.
BEGIN;
SELECT plan(2);

SELECT is_empty($$
  SELECT k.conname
  FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid AND NOT c.relispartition
  WHERE k.connamespace = 'neanelu'::regnamespace AND k.contype <> 'n'
  GROUP BY k.conname HAVING count(*) > 1
$$, 'no two constraints share a name');

SELECT is_empty($$
  SELECT k.conrelid::regclass, k.conname
  FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid AND NOT c.relispartition
  WHERE k.connamespace = 'neanelu'::regnamespace AND k.contype IN ('c', 'f', 'p')
    AND k.conparentid = 0  -- a reference to a partitioned table has one for each partition
    AND (k.conname NOT LIKE c.relname || '\_%'
         OR k.conname !~ CASE k.contype WHEN 'c' THEN '_check$' WHEN 'f' THEN '_fkey$' ELSE '_pkey$' END)
$$, 'every name starts with its table and ends with its kind');

SELECT * FROM finish();
ROLLBACK;
