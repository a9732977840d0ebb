-- Verify neanelu:schema/staging on pg
BEGIN;
-- Every registered table and column exists, and every transient table is UNLOGGED.
DO $$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(f.staging_table || '.' || f.column_name, ', ') INTO v_missing
      FROM (SELECT staging_table, column_name FROM neanelu.sync_fields
            UNION SELECT staging_table, column_name FROM neanelu.sync_children
            UNION SELECT staging_table, gid_column FROM neanelu.sync_references) AS f
     WHERE NOT EXISTS (SELECT FROM pg_attribute
                        WHERE attrelid = to_regclass('neanelu.' || quote_ident(f.staging_table)) AND attname = f.column_name);
    ASSERT v_missing IS NULL, 'registered columns that do not exist: ' || v_missing;
    SELECT string_agg(c.relname, ', ') INTO v_missing
      FROM pg_class AS c
     WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind = 'r' AND c.relpersistence <> 'u'
       AND (c.relname LIKE 'staging\_%' OR c.relname IN ('bulk_lines', 'bulk_manifest', 'bulk_trees', 'bulk_groups', 'bulk_outcomes', 'bulk_rejects'));
    ASSERT v_missing IS NULL, 'transient tables that are logged: ' || v_missing;
    SELECT string_agg(c.relname, ', ') INTO v_missing
      FROM pg_class AS c
     WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind = 'r' AND c.relpersistence = 'u' AND (c.relname LIKE 'staging\_%' OR c.relname LIKE 'bulk\_%')
       AND NOT coalesce(c.reloptions @> '{autovacuum_analyze_threshold=1000000000,autovacuum_vacuum_insert_threshold=-1}', false);
    ASSERT v_missing IS NULL, 'transient tables that autovacuum samples: ' || v_missing;
END
$$;
SELECT 1 / (count(*) = 17)::integer FROM neanelu.sync_tables;
SELECT 1 / (count(*) > 140)::integer FROM neanelu.sync_fields;
ROLLBACK;
