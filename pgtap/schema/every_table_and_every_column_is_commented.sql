BEGIN;
SELECT plan(2);

SELECT is_empty($$
  SELECT c.relname FROM pg_class AS c
  WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
    AND coalesce(obj_description(c.oid, 'pg_class'), '') = ''
$$, 'every relation says what it holds');

SELECT is_empty($$
  SELECT c.relname, a.attname
  FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relname !~ '^(bulk|staging)_'  -- partly: columns whose name says it
    AND NOT (c.relname LIKE 'sync\_%' AND a.attname IN ('shop_id', 'resource', 'stream'))
    AND coalesce(col_description(c.oid, a.attnum), '') = ''
$$, 'every column says what it holds');

SELECT * FROM finish();
ROLLBACK;
