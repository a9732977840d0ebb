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

CREATE FUNCTION sync._lay_bare(p_tables text[]) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_keys    jsonb;
    v_indexes jsonb;
    v_item    record;
BEGIN
    SELECT coalesce(jsonb_agg(jsonb_build_object('table', t.name, 'key', k.name)), '[]') INTO v_keys
      FROM unnest(p_tables) AS t (name), sync._inner_references(format('neanelu.%I', t.name)::regclass, p_tables) AS k (name);
    SELECT coalesce(jsonb_agg(to_jsonb(i) ORDER BY t.ordinality), '[]') INTO v_indexes
      FROM unnest(p_tables) WITH ORDINALITY AS t (name), sync._secondary_indexes(format('neanelu.%I', t.name)::regclass) AS i;
    FOR v_item IN SELECT * FROM jsonb_to_recordset(v_keys) AS k ("table" text, key text) LOOP
        EXECUTE format('ALTER TABLE neanelu.%I ALTER CONSTRAINT %I NOT ENFORCED', v_item."table", v_item.key);
    END LOOP;
    FOR v_item IN SELECT * FROM jsonb_to_recordset(v_indexes) AS i (name text) LOOP
        EXECUTE format('DROP INDEX %s', v_item.name);
    END LOOP;
    RETURN jsonb_build_object('keys', v_keys, 'indexes', v_indexes);
END
$$;
COMMENT ON FUNCTION sync._lay_bare(text[]) IS
    'Drops the secondary indexes of empty mirror tables that its caller holds exclusively, and sets their foreign keys to each other to NOT ENFORCED. Returns what '
    'sync._dress needs to undo it in the same transaction; if that fails, nothing happened. Locks: the tables, exclusively.';

CREATE FUNCTION sync._dress(p_taken_off jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_item record;
BEGIN
    FOR v_item IN SELECT * FROM jsonb_to_recordset(p_taken_off -> 'indexes') AS i (name text, definition text, remark text) LOOP
        EXECUTE v_item.definition;
        IF v_item.remark IS NOT NULL THEN
            EXECUTE format('COMMENT ON INDEX %s IS %L', v_item.name, v_item.remark);
        END IF;
    END LOOP;
    FOR v_item IN SELECT * FROM jsonb_to_recordset(p_taken_off -> 'keys') AS k ("table" text, key text) LOOP
        EXECUTE format('ALTER TABLE neanelu.%I ALTER CONSTRAINT %I ENFORCED', v_item."table", v_item.key);
    END LOOP;
END
$$;
COMMENT ON FUNCTION sync._dress(jsonb) IS
    'Makes indexes again from their definitions, with their comments, and sets foreign keys to ENFORCED, as they were before sync._lay_bare; the caller checks the '
    'references as a set (sync._assert_references). Locks: the tables, exclusively. Raises 23505 (a unique index finds two).';

REVOKE EXECUTE ON FUNCTION sync._secondary_indexes(regclass), sync._inner_references(regclass, text[]),
    sync._lay_bare(text[]), sync._dress(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync._inner_references(regclass, text[]), sync._lay_bare(text[]), sync._dress(jsonb) TO neanelu_engine;
COMMIT;
