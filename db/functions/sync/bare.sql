-- Deploy neanelu:functions/sync/bare to pg
-- requires: functions/sync/retention
-- The very first load of a resource on a server: into empty tables that stand bare meanwhile, without their secondary
-- indexes and without the row by row checks of foreign keys between each other. docs/decisions/0014 says why.
BEGIN;
-- Indexes and constraints are changed by the owner of their tables; the last of the pipeline's changes, as the others own all before it.
SET LOCAL ROLE neanelu_owner;
SET LOCAL search_path = neanelu, sync, pg_temp;

CREATE FUNCTION sync._secondary_indexes(p_table regclass) RETURNS TABLE (name text, definition text, remark text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), obj_description(i.indexrelid, 'pg_class')
      FROM pg_index AS i
      JOIN pg_class AS c ON c.oid = i.indexrelid AND c.relkind = 'i' AND c.reltablespace = 0
     WHERE i.indrelid = p_table AND i.indisvalid AND NOT i.indisprimary AND NOT i.indisclustered AND NOT i.indisreplident
       AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
       AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = i.indexrelid AND a.attstattarget IS NOT NULL)
       AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indexrelid)
     ORDER BY i.indexrelid
$$;
COMMENT ON FUNCTION sync._secondary_indexes(regclass) IS
    'Indexes of a table that its name, definition and comment say all about, so that they can be dropped and made again: none of a constraint, '
    'none with settings of their own. Reads the catalogue only.';

CREATE FUNCTION sync._inner_references(p_table regclass, p_tables text[]) RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.conname::text
      FROM pg_constraint AS k
     WHERE k.contype = 'f' AND k.conrelid = p_table AND k.conenforced AND NOT k.condeferrable AND k.conparentid = 0
       AND k.confrelid IN (SELECT format('neanelu.%I', t)::regclass FROM unnest(p_tables) AS t)
     ORDER BY k.conname
$$;
COMMENT ON FUNCTION sync._inner_references(regclass, text[]) IS
    'Names of a table''s foreign keys to other tables of a set. Reads the catalogue only.';

CREATE FUNCTION sync._merge_bare(p_run bulk_runs, p_table sync_tables, p_tables text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_table  constant regclass := format('neanelu.%I', p_table.target_table);
    v_keys   constant text[] := ARRAY(SELECT sync._inner_references(v_table, p_tables));
    v_key    text;
    v_names  text[];
    v_definitions text[];
    v_remarks text[];
    v_rows   bigint;
BEGIN
    SELECT array_agg(i.name), array_agg(i.definition), array_agg(i.remark) INTO v_names, v_definitions, v_remarks
      FROM sync._secondary_indexes(v_table) AS i;
    FOREACH v_key IN ARRAY v_keys LOOP
        EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I NOT ENFORCED', v_table, v_key);
    END LOOP;
    FOR v_index IN 1 .. coalesce(cardinality(v_names), 0) LOOP
        EXECUTE format('DROP INDEX %s', v_names[v_index]);
    END LOOP;
    v_rows := sync._insert_fresh(p_run, p_table);
    FOR v_index IN 1 .. coalesce(cardinality(v_names), 0) LOOP
        EXECUTE v_definitions[v_index];
        IF v_remarks[v_index] IS NOT NULL THEN
            EXECUTE format('COMMENT ON INDEX %s IS %L', v_names[v_index], v_remarks[v_index]);
        END IF;
    END LOOP;
    FOREACH v_key IN ARRAY v_keys LOOP
        EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I ENFORCED', v_table, v_key);
    END LOOP;
    RETURN v_rows;
END
$$;
COMMENT ON FUNCTION sync._merge_bare(bulk_runs, sync_tables, text[]) IS
    'Merges one staging table into an empty mirror table that its caller holds exclusively, with all tables of p_tables: secondary indexes are dropped '
    'and made again from their definitions, with their comments, and foreign keys within p_tables are not checked row by row (the caller checks them as '
    'a set, sync._assert_references). Everything is as it was when it returns the rows inserted, or when the transaction fails. Locks: the table, exclusively. '
    'Raises 23505 (a unique index finds two).';

REVOKE EXECUTE ON FUNCTION sync._secondary_indexes(regclass), sync._inner_references(regclass, text[]),
    sync._merge_bare(bulk_runs, sync_tables, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync._inner_references(regclass, text[]), sync._merge_bare(bulk_runs, sync_tables, text[]) TO neanelu_engine;
COMMIT;
