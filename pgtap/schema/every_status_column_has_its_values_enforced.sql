-- A column that by its name holds one of a few words has a CHECK constraint that lists them.
BEGIN;
SELECT plan(2);

SELECT is_empty($$
  SELECT c.relname, a.attname
  FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relpersistence = 'p'
    AND a.atttypid IN ('text'::regtype, 'varchar'::regtype)
    AND (a.attname ~ '(^|_)(status|tier|policy|unit|reason|action)$'
         OR (c.relname, a.attname) IN (
              ('shopify_customers', 'state'), ('shopify_customers', 'marketing_opt_in_level'),
              ('shopify_collections', 'collection_type'), ('shopify_collections', 'sort_order'),
              ('shopify_orders', 'risk_level'), ('shopify_media', 'media_type'),
              ('shopify_publications', 'catalog_type'), ('shopify_resource_publications', 'resource_type'),
              ('shopify_menu_items', 'item_type'), ('shopify_webhooks', 'format'), ('audit_logs', 'actor_type')))
    AND (c.relname, a.attname) NOT IN (('prod_attr_definitions', 'unit'), ('prod_attr_mappings', 'source_unit'), ('prod_specs_normalized', 'review_reason'),
                                       ('prod_survivorship_rules', 'reason'))  -- a code of a table, and texts for people
    AND NOT EXISTS (
      SELECT FROM pg_constraint AS k
      WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]
        AND pg_get_constraintdef(k.oid) ~ '= ANY')
$$, 'every column of that kind has a CHECK with a list');

SELECT is_empty($$
  SELECT conname FROM pg_constraint
  WHERE connamespace = 'neanelu'::regnamespace AND contype = 'c' AND (NOT convalidated OR NOT conenforced)
$$, 'every CHECK holds for every row');

SELECT * FROM finish();
ROLLBACK;
