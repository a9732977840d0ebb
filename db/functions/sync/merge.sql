-- Deploy neanelu:functions/sync/merge to pg
-- Typed rows become the mirror, in one transaction a run: what changed is written, what vanished is marked, every line is
-- accounted for, digests and checkpoint advance; or nothing happens.
BEGIN;
SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, sync, app, extensions, pg_temp;

-- Composing ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION sync._has_column(p_table text, p_column text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM pg_attribute
                    WHERE attrelid = format('neanelu.%I', p_table)::regclass AND attname = p_column AND NOT attisdropped)
$$;
COMMENT ON FUNCTION sync._has_column(text, text) IS 'Whether a relation of schema neanelu has a column. Reads the catalogue only.';

CREATE FUNCTION sync._merge_columns(p_staging text) RETURNS TABLE (name text, value text, is_key boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT c.name, c.value, c.name = ANY (t.key_columns)
      FROM sync_tables AS t
     CROSS JOIN LATERAL (
        SELECT a.attname::text AS name, format('s.%I', a.attname) AS value
          FROM pg_attribute AS a
          JOIN pg_attribute AS b ON b.attrelid = format('neanelu.%I', t.target_table)::regclass AND b.attname = a.attname AND NOT b.attisdropped
         WHERE a.attrelid = format('neanelu.%I', t.staging_table)::regclass AND a.attnum > 0 AND NOT a.attisdropped
           AND a.attname NOT IN ('id', 'bulk_run_id', 'shop_id', 'stream', 'object_id', 'line_number')
        UNION ALL
        SELECT r.column_name, format('%I.%I', 'ref_' || r.column_name, r.parent_id)
          FROM sync_references AS r WHERE r.staging_table = t.staging_table) AS c
     WHERE t.staging_table = p_staging
     ORDER BY c.name
$$;
COMMENT ON FUNCTION sync._merge_columns(text) IS
    'The mirror columns that a staging table writes, and where each value comes from: the staging row (s) or a referenced row. Reads only.';

CREATE FUNCTION sync._merge_source(p_staging text, p_repeats boolean DEFAULT false) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT format($q$
    SELECT %1$ss.stream, s.object_id%7$s, %2$s
      FROM neanelu.%3$I AS s%4$s
     WHERE s.bulk_run_id = $1 AND s.shop_id = $2 AND s.validation_status = 'valid'%5$s
       AND NOT EXISTS (SELECT FROM neanelu.bulk_outcomes AS o WHERE o.bulk_run_id = $1 AND o.stream = s.stream
                          AND o.object_id = s.object_id AND o.outcome = 'stale')%6$s$q$,
        CASE WHEN p_repeats THEN format('DISTINCT ON (%s) ', k.columns) END,
        (SELECT string_agg(format('%s AS %I', c.value, c.name), ', ') FROM sync._merge_columns(p_staging) AS c),
        p_staging,
        (SELECT coalesce(string_agg(format($j$
      %1$s JOIN neanelu.%2$I AS %3$I ON %3$I.shop_id = $2 AND %3$I.shopify_gid = s.%4$I$j$,
                CASE WHEN r.is_required THEN 'INNER' ELSE 'LEFT' END, r.parent_table, 'ref_' || r.column_name, r.gid_column), ''), '')
           FROM sync_references AS r WHERE r.staging_table = p_staging),
        coalesce(' AND s.' || quote_ident(t.level_column) || ' = $3', ''),
        CASE WHEN p_repeats THEN ' ORDER BY ' || k.columns ELSE '' END,
        CASE WHEN sync._has_column(p_staging, 'id') THEN ', s.id' ELSE '' END)
      FROM sync_tables AS t
     CROSS JOIN LATERAL (SELECT string_agg(c.value, ', ') AS columns FROM sync._merge_columns(p_staging) AS c WHERE c.is_key) AS k
     WHERE t.staging_table = p_staging
$$;
COMMENT ON FUNCTION sync._merge_source(text, boolean) IS
    'SQL for the rows to merge from a staging table, references resolved; with p_repeats one a key ($1 run, $2 shop, $3 level of trees); rows of objects '
    'for which the mirror has newer data are left out. Reads only.';

CREATE FUNCTION sync._update_statement(p_staging text, p_repeats boolean DEFAULT false) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT format($q$
WITH source AS (%1$s),
changed AS (
    UPDATE neanelu.%2$I AS t
       SET %3$s%4$s%5$s, updated_at = now()
      FROM source AS s
     WHERE t.shop_id = $2 AND %6$s AND (ROW(%7$s) IS DISTINCT FROM ROW(%8$s)%9$s)
    RETURNING s.stream, s.object_id)
INSERT INTO neanelu.bulk_outcomes (bulk_run_id, stream, object_id, outcome)
SELECT $1, stream, object_id, 'updated' FROM changed$q$,
        sync._merge_source(p_staging, p_repeats), t.target_table,
        string_agg(format('%1$I = s.%1$I', c.name), ', '),
        CASE WHEN sync._has_column(t.target_table, 'synced_at') THEN ', synced_at = now()' ELSE '' END,
        CASE WHEN sync._has_column(t.target_table, 'deleted_at') THEN ', deleted_at = NULL, deletion_reason = NULL' ELSE '' END,
        (SELECT string_agg(format('t.%1$I = s.%1$I', k), ' AND ') FROM unnest(t.key_columns) AS k),
        string_agg(format('t.%I', c.name), ', '), string_agg(format('s.%I', c.name), ', '),
        CASE WHEN sync._has_column(t.target_table, 'deleted_at') THEN ' OR t.deleted_at IS NOT NULL' ELSE '' END)
      FROM sync_tables AS t, sync._merge_columns(p_staging) AS c
     WHERE t.staging_table = p_staging AND NOT c.is_key
     GROUP BY t.staging_table
$$;
COMMENT ON FUNCTION sync._update_statement(text, boolean) IS
    'The UPDATE of mirror rows that differ from staging; rows that do not differ are not touched. Null for tables that are nothing but their '
    'key. To read one: SELECT sync._update_statement(''staging_variants''). Reads only.';

CREATE FUNCTION sync._insert_statements(p_staging text, p_repeats boolean DEFAULT false, OUT outcomes text, OUT rows text, OUT fresh text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT format($q$
INSERT INTO neanelu.bulk_outcomes (bulk_run_id, stream, object_id, outcome)
SELECT $1, s.stream, s.object_id, 'inserted' FROM (%1$s) AS s WHERE %2$s$q$, p.source, p.is_missing),
           format($q$
INSERT INTO neanelu.%1$I (shop_id, %2$s)
SELECT $2, %3$s FROM (%4$s) AS s WHERE %5$s$q$, p.target_table, p.columns, p.values, p.source, p.is_missing),
           format($q$
INSERT INTO neanelu.%1$I (shop_id%5$s, %2$s)
SELECT $2%6$s, %3$s FROM (%4$s) AS s WHERE %7$s$q$, p.target_table, p.columns, p.values, p.source,
               CASE WHEN p.has_id THEN ', id' END, CASE WHEN p.has_id THEN ', s.id' END,
               -- A tree goes in level by level, $3, all others whole or in halves.
               CASE WHEN p.level_column IS NULL THEN sync._half_condition('s.object_id', '$3') ELSE 'true' END)
      FROM (SELECT t.target_table, t.level_column, sync._merge_source(p_staging, p_repeats) AS source,
                   sync._has_column(p_staging, 'id') AND sync._has_column(t.target_table, 'id') AS has_id,
                   string_agg(quote_ident(c.name), ', ') AS columns, string_agg(format('s.%I', c.name), ', ') AS values,
                   format('NOT EXISTS (SELECT FROM neanelu.%I AS t WHERE t.shop_id = $2 AND %s)', t.target_table,
                          (SELECT string_agg(format('t.%1$I = s.%1$I', k), ' AND ') FROM unnest(t.key_columns) AS k)) AS is_missing
              FROM sync_tables AS t, sync._merge_columns(p_staging) AS c
             WHERE t.staging_table = p_staging
             GROUP BY t.staging_table) AS p
$$;
COMMENT ON FUNCTION sync._insert_statements(text, boolean) IS
    'The INSERT of rows that the mirror does not have (anti-join), and before it the note of which objects they belong to; two statements, '
    'because one would have to hold all rows twice; fresh: the INSERT where the mirror has nothing of the shop, with the '
    'ids that staging made ($3: of a tree the level, of others the half of the objects, null for all). To read them: SELECT * FROM sync._insert_statements(''staging_variants''). Reads only.';

-- Steps of a merge --------------------------------------------------------------------------------------------------

CREATE FUNCTION sync._data_time(p_run bulk_runs) RETURNS timestamptz
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT greatest((p_run.cursor_state ->> 'operation_created_at')::timestamptz, p_run.started_at) $$;
COMMENT ON FUNCTION sync._data_time(bulk_runs) IS
    'As of when a run''s data holds: when Shopify began its operation, by its clock in whole seconds, and not before the run began. Pure.';

CREATE FUNCTION sync._mark_stale(p_run bulk_runs, p_staging text, p_target text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_before text;
BEGIN
    IF NOT (sync._has_column(p_staging, 'updated_at_shopify') AND sync._has_column(p_staging, 'shopify_gid')) THEN
        RETURN;
    END IF;
    v_before := sync._look_up_few(p_run);
    EXECUTE format($q$
        INSERT INTO bulk_outcomes (bulk_run_id, stream, object_id, outcome)
        SELECT $1, s.stream, s.object_id, 'stale'
          FROM neanelu.%1$I AS s
          JOIN neanelu.%2$I AS t ON t.shop_id = $2 AND t.shopify_gid = s.shopify_gid
         WHERE s.bulk_run_id = $1 AND s.validation_status = 'valid'
           AND CASE WHEN t.deleted_at IS NULL OR t.deletion_reason = 'erasure' THEN t.updated_at_shopify > s.updated_at_shopify
                    ELSE t.deleted_at > $3 AND coalesce(s.updated_at_shopify <= t.deleted_at, true) END$q$, p_staging, p_target)
      USING p_run.id, p_run.shop_id, sync._data_time(p_run);
    PERFORM set_config('enable_nestloop', v_before, true);
END
$$;
COMMENT ON FUNCTION sync._mark_stale(bulk_runs, text, text) IS
    'Notes the objects for which the mirror has newer data (updatedAt), or knows that they were deleted since the run''s data was taken, from '
    'another path: they are not overwritten. Locks: none.';

CREATE FUNCTION sync._mark_buried(p_run bulk_runs) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
BEGIN
    PERFORM FROM mirror_tombstones AS d WHERE d.shop_id = p_run.shop_id AND d.deleted_at > sync._data_time(p_run) LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO bulk_outcomes (bulk_run_id, stream, object_id, outcome)
    SELECT p_run.id, g.stream, g.object_id, 'stale'
      FROM mirror_tombstones AS d
      JOIN sync_streams AS s ON s.kind = d.kind AND s.resource = p_run.query_type
      JOIN bulk_groups AS g ON g.bulk_run_id = p_run.id AND g.stream = s.stream AND g.object_id = d.object_id
      JOIN bulk_lines AS l ON l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.stream = g.stream AND l.owner_id = g.object_id AND l.kind = s.kind
     WHERE d.shop_id = p_run.shop_id AND d.deleted_at > sync._data_time(p_run)
       AND coalesce((CASE WHEN pg_input_is_valid(l.doc ->> 'updatedAt', 'timestamptz') THEN l.doc ->> 'updatedAt' END)::timestamptz <= d.deleted_at, true);
END
$$;
COMMENT ON FUNCTION sync._mark_buried(bulk_runs) IS
    'Notes the objects that a webhook said were deleted after the run''s data was taken, also those that the mirror never had: they do not come '
    'to life. Locks: none.';

CREATE FUNCTION sync._mark_unwhole(p_run bulk_runs) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    -- A failed operation's file ends anywhere: of its last tree nobody knows whether it is whole.
    INSERT INTO bulk_outcomes (bulk_run_id, stream, object_id, outcome)
    SELECT DISTINCT p_run.id, l.stream, l.owner_id, 'stale'
      FROM bulk_lines AS l
     WHERE p_run.is_partial AND l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt
       AND l.root_id = (SELECT e.root_id FROM bulk_lines AS e WHERE e.bulk_run_id = p_run.id AND e.attempt = p_run.attempt
                         ORDER BY e.line_number DESC LIMIT 1);
    INSERT INTO bulk_outcomes (bulk_run_id, stream, object_id, outcome)
    SELECT p_run.id, g.stream, g.object_id, 'unwhole' FROM bulk_groups AS g WHERE p_run.is_partial AND g.bulk_run_id = p_run.id
    UNION
    SELECT p_run.id, l.stream, l.owner_id, 'unwhole'
      FROM bulk_rejects AS x
      JOIN bulk_lines AS l ON l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.line_number = x.line_number
     WHERE x.bulk_run_id = p_run.id AND NOT x.is_duplicate
    UNION
    -- Lines that could not be read belong to a tree that is not clean, or to nobody knows what.
    SELECT p_run.id, l.stream, l.owner_id, 'unwhole'
      FROM bulk_lines AS l
     WHERE l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt
       AND EXISTS (SELECT FROM bulk_errors AS e WHERE e.shop_id = p_run.shop_id AND e.bulk_run_id = p_run.id AND e.error_type = 'PARSE')
       AND NOT EXISTS (SELECT FROM bulk_trees AS b WHERE b.bulk_run_id = p_run.id AND b.root_id = l.root_id AND b.is_clean);
$$;
COMMENT ON FUNCTION sync._mark_unwhole(bulk_runs) IS
    'Notes the objects of which lines may be missing, because some were put aside or the data is partial: what they lack is not deleted. '
    'The last tree of partial data is left out altogether. Locks: none.';

CREATE FUNCTION sync._reject_missing_parents(p_run bulk_runs, p_staging text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_ref  sync_references;
    v_rows bigint;
    v_all  bigint := 0;
BEGIN
    FOR v_ref IN SELECT * FROM sync_references WHERE staging_table = p_staging AND is_required LOOP
        EXECUTE format($q$
            WITH orphans AS (
                UPDATE neanelu.%1$I AS s SET validation_status = 'invalid'
                 WHERE s.bulk_run_id = $1 AND s.validation_status = 'valid'
                   AND NOT EXISTS (SELECT FROM neanelu.%2$I AS p WHERE p.shop_id = $2 AND p.shopify_gid = s.%3$I)
                RETURNING s.line_number, s.%3$I AS gid)
            INSERT INTO bulk_rejects (bulk_run_id, line_number, error_type, error_code, message)
            SELECT $1, o.line_number, 'VALIDATION', 'NS114', format('%%s is neither in the file nor in the mirror', o.gid) FROM orphans AS o$q$,
            p_staging, v_ref.parent_table, v_ref.gid_column)
          USING p_run.id, p_run.shop_id;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_all := v_all + v_rows;
    END LOOP;
    RETURN v_all;
END
$$;
COMMENT ON FUNCTION sync._reject_missing_parents(bulk_runs, text) IS
    'Takes out staged rows whose required parent is not in the mirror by now (NS114). Returns how many. Locks: those staging rows.';

CREATE FUNCTION sync._has_repeats(p_run bulk_runs, p_table sync_tables) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_found boolean;
BEGIN
    EXECUTE format($q$
        SELECT EXISTS (SELECT FROM neanelu.%1$I AS s WHERE s.bulk_run_id = $1 AND s.validation_status = 'valid'
                        GROUP BY %2$s HAVING count(*) > 1)$q$,
        p_table.staging_table, (SELECT string_agg(format('s.%I', k), ', ') FROM unnest(p_table.key_columns) AS k))
       INTO v_found USING p_run.id;
    RETURN v_found;
END
$$;
COMMENT ON FUNCTION sync._has_repeats(bulk_runs, sync_tables) IS
    'Whether a row came under several objects of this file, so that one of them must be chosen; sorting for that costs too much to do it always. '
    'Reads only.';

CREATE FUNCTION sync._look_up_few(p_run bulk_runs) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_before constant text := current_setting('enable_nestloop');
    v_few    constant boolean := (SELECT (s.metadata ->> 'landed')::bigint * 20 < p_run.lines_in FROM bulk_steps AS s
                                   WHERE s.shop_id = p_run.shop_id AND s.bulk_run_id = p_run.id AND s.step_name = 'load');
BEGIN
    PERFORM set_config('enable_nestloop', CASE WHEN v_few THEN 'on' ELSE v_before END, true);
    RETURN v_before;
END
$$;
COMMENT ON FUNCTION sync._look_up_few(bulk_runs) IS
    'Lets the mirror''s rows be looked up one by one where a small part of a file was loaded, a twentieth: reading the whole mirror for each statement would cost more than the '
    'load. Staging has its statistics by then, and what has not is found by index. Returns the value of enable_nestloop before, for the caller to set again. Locks: none.';

CREATE FUNCTION sync._merge_table(p_run bulk_runs, p_table sync_tables) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_found   boolean;
    v_repeats boolean;
    v_update  text;
    v_insert  record;
    v_before  text;
    v_levels  integer := 0;
BEGIN
    -- With nothing staged there is nothing to compose statements for, which takes longer than they would.
    EXECUTE format('SELECT EXISTS (SELECT FROM neanelu.%I WHERE bulk_run_id = $1)', p_table.staging_table) INTO v_found USING p_run.id;
    IF NOT v_found THEN
        RETURN;
    END IF;
    v_repeats := p_table.may_repeat AND sync._has_repeats(p_run, p_table);
    v_update := sync._update_statement(p_table.staging_table, v_repeats);
    v_insert := sync._insert_statements(p_table.staging_table, v_repeats);
    v_before := sync._look_up_few(p_run);
    PERFORM sync._reject_missing_parents(p_run, p_table.staging_table);
    IF p_table.level_column IS NOT NULL THEN
        EXECUTE format('SELECT coalesce(max(%I), 0) FROM neanelu.%I WHERE bulk_run_id = $1', p_table.level_column, p_table.staging_table)
           INTO v_levels USING p_run.id;
    END IF;
    FOR v_level IN 0 .. v_levels LOOP
        IF v_update IS NOT NULL THEN
            EXECUTE v_update USING p_run.id, p_run.shop_id, v_level;
        END IF;
        EXECUTE v_insert.outcomes USING p_run.id, p_run.shop_id, v_level;
        EXECUTE v_insert.rows USING p_run.id, p_run.shop_id, v_level;
    END LOOP;
    PERFORM set_config('enable_nestloop', v_before, true);
END
$$;
COMMENT ON FUNCTION sync._merge_table(bulk_runs, sync_tables) IS
    'Merges one staging table: update what differs, insert what is missing. Locks: the mirror rows written.';

CREATE FUNCTION sync._insert_fresh(p_run bulk_runs, p_table sync_tables, p_half smallint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_repeats constant boolean := p_table.may_repeat AND sync._has_repeats(p_run, p_table);
    v_insert constant text := (SELECT i.fresh FROM sync._insert_statements(p_table.staging_table, v_repeats) AS i);
    v_levels integer := 0;
    v_rows   bigint;
    v_all    bigint := 0;
BEGIN
    IF p_table.level_column IS NOT NULL THEN
        EXECUTE format('SELECT max(s.%I) FROM neanelu.%I AS s WHERE s.bulk_run_id = $1 AND s.validation_status = ''valid''', p_table.level_column, p_table.staging_table)
           INTO v_levels USING p_run.id;
    END IF;
    FOR v_level IN 0 .. coalesce(v_levels, 0) LOOP
        EXECUTE v_insert USING p_run.id, p_run.shop_id, CASE WHEN p_table.level_column IS NULL THEN p_half ELSE v_level END;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_all := v_all + v_rows;
    END LOOP;
    RETURN v_all;
END
$$;
COMMENT ON FUNCTION sync._insert_fresh(bulk_runs, sync_tables, smallint) IS
    'Inserts one staging table, or the rows of half of its objects, into a mirror table that has no row of the shop: nothing to compare with, nothing to update. Leaves out rows '
    'without a required parent (sync._reject_left_out). Returns the rows inserted. Locks: none. Raises 23505 when the shop has one of the rows after all.';

CREATE FUNCTION sync._reject_left_out(p_run bulk_runs, p_tables sync_tables[], p_valid jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_rows  constant jsonb := (SELECT metadata -> 'inserted' FROM bulk_steps WHERE shop_id = p_run.shop_id AND bulk_run_id = p_run.id AND step_name = 'merge');
    v_table sync_tables;
    v_left  bigint;
BEGIN
    FOREACH v_table IN ARRAY p_tables LOOP
        v_left := (p_valid ->> v_table.staging_table)::bigint - coalesce((v_rows ->> v_table.staging_table)::bigint, 0);
        -- The joins leave out a row without its parent; looking for such rows costs as much as writing all, and only then is needed.
        IF v_left > 0 THEN
            v_left := v_left - sync._reject_missing_parents(p_run, v_table.staging_table);
        END IF;
        -- Several valid rows may be one row of a mirror table.
        IF v_left < 0 OR v_left > 0 AND NOT v_table.may_repeat THEN
            RAISE EXCEPTION '% valid rows of % were not merged', v_left, v_table.staging_table USING ERRCODE = 'NS052',
                HINT = 'They were merged before they were final. Load again.';
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION sync._reject_left_out(bulk_runs, sync_tables[], jsonb) IS
    'Compares what an open first load inserted with the staged rows that are valid (p_valid: as sync._assert_staged counted them), and takes out those that have no required parent '
    '(NS114). Locks: those staging rows. Raises NS052 where other rows are missing.';

CREATE FUNCTION sync._note_empty(p_run bulk_runs, p_tables sync_tables[], p_rows bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_stream  smallint;
    v_own     bigint;
    v_query   text;
    v_objects bigint[];
BEGIN
    FOR v_stream, v_own, v_query IN
        SELECT t.stream, sum(w.rows) FILTER (WHERE s.kind = ANY (t.kinds)),
               string_agg(format($q$ AND NOT EXISTS (SELECT FROM neanelu.%I AS s
                   WHERE s.bulk_run_id = $1 AND s.stream = $2 AND s.object_id = g.object_id AND s.validation_status = 'valid')$q$, t.staging_table), '')
          FROM unnest(p_tables) WITH ORDINALITY AS t
          JOIN unnest(p_rows) WITH ORDINALITY AS w (rows, ordinality) USING (ordinality)
          JOIN sync_streams AS s USING (stream)
         GROUP BY t.stream
    LOOP
        -- As many rows as objects of a kind that is a row each: there is none to look for.
        CONTINUE WHEN v_own = sync._count_objects(p_run, v_stream);
        PERFORM sync._collect_groups(p_run);
        EXECUTE 'SELECT array_agg(g.object_id) FROM neanelu.bulk_groups AS g WHERE g.bulk_run_id = $1 AND g.stream = $2' || v_query
           INTO v_objects USING p_run.id, v_stream;
        INSERT INTO bulk_outcomes (bulk_run_id, stream, object_id, outcome)
        SELECT p_run.id, v_stream, o.object_id, 'empty' FROM unnest(v_objects) AS o (object_id);
    END LOOP;
END
$$;
COMMENT ON FUNCTION sync._note_empty(bulk_runs, sync_tables[], bigint[]) IS
    'After a shop''s first load, when every object was written: notes the few that gave the mirror no row, instead of all the others. '
    'p_rows: rows inserted of each table. Locks: none.';

CREATE FUNCTION sync._prune_parts(p_run bulk_runs, p_table sync_tables) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_before constant text := sync._look_up_few(p_run);
    v_owner  sync_references;
BEGIN
    SELECT * INTO v_owner FROM sync_references
     WHERE staging_table = p_table.staging_table AND column_name = p_table.object_column;
    -- Objects that came in this run, and the parts that the mirror has of them but the file has not.
    EXECUTE format($q$
        WITH source AS (%1$s),
        owners AS (
            SELECT g.stream, g.object_id, p.%2$I AS owner_id
              FROM bulk_groups AS g
              JOIN sync_streams AS st ON st.stream = g.stream
              JOIN neanelu.%3$I AS p ON p.shop_id = $2 AND p.shopify_gid = 'gid://shopify/' || st.kind || '/' || g.object_id
             WHERE g.bulk_run_id = $1 AND g.stream = $4
               AND NOT EXISTS (SELECT FROM bulk_outcomes AS o WHERE o.bulk_run_id = $1 AND o.stream = g.stream
                                  AND o.object_id = g.object_id AND o.outcome IN ('stale', 'rejected', 'unwhole'))),
        gone AS (
            DELETE FROM neanelu.%4$I AS t USING owners AS o
             WHERE t.shop_id = $2 AND t.%5$I = o.owner_id
               AND NOT EXISTS (SELECT FROM source AS s WHERE %6$s)
            RETURNING o.stream, o.object_id)
        INSERT INTO bulk_outcomes (bulk_run_id, stream, object_id, outcome)
        SELECT DISTINCT $1, stream, object_id, 'updated' FROM gone$q$,
        replace(sync._merge_source(p_table.staging_table), ' = $3', ' >= $3'), v_owner.parent_id, v_owner.parent_table,
        p_table.target_table, p_table.object_column,
        (SELECT string_agg(format('s.%1$I = t.%1$I', k), ' AND ') FROM unnest(p_table.key_columns) AS k))
      USING p_run.id, p_run.shop_id, 0, p_table.stream;
    PERFORM set_config('enable_nestloop', v_before, true);
END
$$;
COMMENT ON FUNCTION sync._prune_parts(bulk_runs, sync_tables) IS
    'Deletes link rows (media, publications, collection members, menu items) of objects that came whole, without them. '
    'Locks: the rows deleted.';

CREATE FUNCTION sync._may_tombstone(p_run bulk_runs) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    -- A line whose object cannot be told might be any object's: then nothing is judged missing.
    SELECT p_run.mode <> 'incremental' AND NOT p_run.is_partial
       AND NOT EXISTS (SELECT FROM bulk_errors AS e
                        WHERE e.shop_id = p_run.shop_id AND e.bulk_run_id = p_run.id AND e.object_gid IS NULL)
$$;
COMMENT ON FUNCTION sync._may_tombstone(bulk_runs) IS
    'Whether what the file lacks may be judged deleted: a whole snapshot, and every quarantined line''s object is known. Reads only.';

CREATE FUNCTION sync._assert_tombstone_limit(p_run bulk_runs, p_target text, p_rows bigint) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_limit constant numeric := sync._setting('max_tombstone_fraction', 0.5);
    v_live  bigint;
BEGIN
    IF p_run.allow_mass_delete OR p_rows <= sync._setting('max_tombstone_rows', 1000) THEN
        RETURN;
    END IF;
    EXECUTE format('SELECT count(*) FROM neanelu.%I WHERE shop_id = $1 AND deleted_at IS NULL', p_target) INTO v_live USING p_run.shop_id;
    IF p_rows > v_limit * (v_live + p_rows) THEN
        RAISE EXCEPTION 'this snapshot would mark % of % rows of % as deleted', p_rows, v_live + p_rows, p_target
            USING ERRCODE = 'NS063', HINT = 'If the shop really lost them: neanelu runs retry --allow-mass-delete ' || p_run.id;
    END IF;
END
$$;
COMMENT ON FUNCTION sync._assert_tombstone_limit(bulk_runs, text, bigint) IS
    'Stops a snapshot that would mark most of a table as deleted (settings sync.max_tombstone_rows, default 1000, and '
    'sync.max_tombstone_fraction, default 0.5), unless the operator allowed it for this run. Reads only. Raises NS063.';

CREATE FUNCTION sync._tombstone_statement(p_table sync_tables) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT format($q$
UPDATE neanelu.%1$I AS t
   SET deleted_at = now(), deletion_reason = 'snapshot', updated_at = now()
 WHERE t.shop_id = $2 AND t.deleted_at IS NULL AND t.synced_at < $4
   AND NOT EXISTS (SELECT FROM neanelu.bulk_groups AS g WHERE g.bulk_run_id = $1 AND g.stream = $3 AND g.object_id = %2$s)
   AND NOT EXISTS (SELECT FROM neanelu.bulk_errors AS e WHERE e.shop_id = $2 AND e.bulk_run_id = $1 AND e.object_gid = t.shopify_gid)
   AND NOT EXISTS (SELECT FROM neanelu.bulk_errors AS e WHERE e.shop_id = $2 AND e.bulk_run_id = $1 AND e.object_gid = 'gid://shopify/%4$s/' || %2$s)
   AND %3$s$q$, p_table.target_table, p_table.object_column,
        CASE WHEN s.is_root THEN format(
            '(NOT $5 OR t.id = ANY ($6)) AND NOT EXISTS (SELECT FROM neanelu.bulk_trees AS b WHERE b.bulk_run_id = $1 AND b.root_id = %1$s AND b.is_here)',
            p_table.object_column)
        WHEN p_table.root_column IS NOT NULL THEN format('(NOT $5 OR t.%I = ANY ($6))', p_table.root_column)
        ELSE 'true' END, s.kind)
      FROM sync_streams AS s
     WHERE s.stream = p_table.stream
$$;
COMMENT ON FUNCTION sync._tombstone_statement(sync_tables) IS
    'The UPDATE that marks rows whose object is neither among the loaded objects nor in an unchanged tree nor in quarantine, and that no other '
    'path wrote since the run began ($1 run, $2 shop, $3 stream, $4 begin, $5 whether digests are trusted, $6 what sync._changed_rows found). Reads only.';

CREATE FUNCTION sync._changed_rows(p_run bulk_runs, p_table sync_tables) RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_found uuid[];
BEGIN
    EXECUTE format($q$
        SELECT array_agg(t.id) FROM neanelu.%1$I AS t
         WHERE t.shop_id = $2 AND NOT EXISTS (
            SELECT FROM neanelu.sync_digests AS d
             WHERE d.shop_id = $2 AND d.stream = $3 AND d.object_id = %2$s
               AND NOT EXISTS (SELECT FROM neanelu.bulk_trees AS b WHERE b.bulk_run_id = $1 AND b.root_id = d.object_id))$q$,
        p_table.target_table, p_table.object_column)
       INTO v_found USING p_run.id, p_run.shop_id, p_table.stream;
    RETURN coalesce(v_found, '{}');
END
$$;
COMMENT ON FUNCTION sync._changed_rows(bulk_runs, sync_tables) IS
    'Rows of a root''s table whose tree is not as it was merged last, where digests are trusted: they alone, and with them alone objects below them, can have vanished. '
    'Mostly few, and looked up. Reads only.';

CREATE FUNCTION sync._tombstone_missing(p_run bulk_runs, p_table sync_tables, p_among uuid[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_rows bigint;
BEGIN
    EXECUTE sync._tombstone_statement(p_table)
      USING p_run.id, p_run.shop_id, p_table.stream, coalesce(p_run.started_at, 'infinity'), p_among IS NOT NULL, p_among;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    PERFORM sync._assert_tombstone_limit(p_run, p_table.target_table, v_rows);
    RETURN v_rows;
END
$$;
COMMENT ON FUNCTION sync._tombstone_missing(bulk_runs, sync_tables, uuid[]) IS
    'Marks rows as deleted whose object the snapshot does not have; returns how many. Rows of quarantined objects stay. p_among: what sync._changed_rows '
    'found; null where all rows are looked at. Locks: the rows marked. Raises NS063.';

CREATE FUNCTION sync._tombstone_parts(p_run bulk_runs, p_table sync_tables) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_rows bigint;
BEGIN
    EXECUTE format($q$
        WITH gone AS (
            UPDATE neanelu.%1$I AS t
               SET deleted_at = now(), deletion_reason = 'snapshot', updated_at = now()
              FROM neanelu.bulk_groups AS g
             WHERE g.bulk_run_id = $1 AND g.stream = $3
               AND t.shop_id = $2 AND t.deleted_at IS NULL AND %2$s = g.object_id AND t.synced_at < $4
               AND NOT EXISTS (SELECT FROM neanelu.%3$I AS s WHERE s.bulk_run_id = $1 AND s.shopify_gid = t.shopify_gid)
               AND NOT EXISTS (SELECT FROM neanelu.bulk_outcomes AS o WHERE o.bulk_run_id = $1 AND o.stream = g.stream
                                  AND o.object_id = g.object_id AND o.outcome IN ('rejected', 'unwhole'))
            RETURNING g.stream, g.object_id)
        INSERT INTO neanelu.bulk_outcomes (bulk_run_id, stream, object_id, outcome) SELECT $1, stream, object_id, 'updated' FROM gone$q$,
        p_table.target_table, p_table.object_column, p_table.staging_table)
      USING p_run.id, p_run.shop_id, p_table.stream, coalesce(p_run.started_at, 'infinity');
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$$;
COMMENT ON FUNCTION sync._tombstone_parts(bulk_runs, sync_tables) IS
    'Marks parts (inventory levels) as deleted whose object came whole, without them; returns how many. Locks: the rows marked.';

CREATE FUNCTION sync._tombstone(p_run bulk_runs, p_tables sync_tables[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_trusts constant boolean := sync._trusts_digests(p_run);
    v_root   constant smallint := sync._root_stream(p_run);
    v_table  sync_tables;
    v_among  uuid[];
    v_gone   bigint;
    v_all    bigint := 0;
BEGIN
    FOREACH v_table IN ARRAY p_tables LOOP
        CONTINUE WHEN v_table.vanish NOT IN ('tombstone', 'tombstone_parts');
        -- Objects below the root can only vanish with a change of their tree, or with it: the root's table comes first.
        IF v_trusts AND v_table.stream = v_root THEN
            v_among := sync._changed_rows(p_run, v_table);
        END IF;
        v_gone := CASE WHEN v_among = '{}' THEN 0 ELSE sync._tombstone_missing(p_run, v_table, v_among) END;
        IF v_table.vanish = 'tombstone_parts' THEN
            v_gone := v_gone + sync._tombstone_parts(p_run, v_table);
        END IF;
        IF v_gone > 0 THEN
            INSERT INTO bulk_counts AS c (shop_id, bulk_run_id, kind, lines, tombstoned)
            VALUES (p_run.shop_id, p_run.id, v_table.kinds[1], 0, v_gone)
            ON CONFLICT (shop_id, bulk_run_id, kind) DO UPDATE SET tombstoned = c.tombstoned + excluded.tombstoned;
        END IF;
        v_all := v_all + v_gone;
    END LOOP;
    RETURN v_all;
END
$$;
COMMENT ON FUNCTION sync._tombstone(bulk_runs, sync_tables[]) IS
    'Marks everything that the snapshot shows to be gone, and counts it by kind. Locks: the rows marked. Raises NS063.';

-- The first load of all -----------------------------------------------------------------------------------------------

CREATE FUNCTION sync._has_rows(p_tables text[], p_shop_id uuid DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
-- Whatever the statistics say of a shop that is new: its first row is looked up, not sought among all others'.
SET enable_seqscan = off
AS $$
DECLARE
    v_table text;
    v_found boolean := false;
BEGIN
    FOREACH v_table IN ARRAY p_tables LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM neanelu.%I%s)', v_table, CASE WHEN p_shop_id IS NOT NULL THEN ' WHERE shop_id = $1' END)
           INTO v_found USING p_shop_id;
        EXIT WHEN v_found;
    END LOOP;
    RETURN v_found;
END
$$;
COMMENT ON FUNCTION sync._has_rows(text[], uuid) IS 'Whether any of these tables has a row, of the shop or, without one, of any. Reads only.';

CREATE FUNCTION sync._take_empty(p_run bulk_runs, p_tables text[]) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET lock_timeout = '1s'
AS $$
DECLARE
    v_table text;
BEGIN
    IF p_run.lines_in < sync._setting('bare_load_lines', 20000) OR sync._has_rows(p_tables) THEN
        RETURN false;
    END IF;
    FOREACH v_table IN ARRAY p_tables LOOP
        EXECUTE format('LOCK TABLE neanelu.%I IN ACCESS EXCLUSIVE MODE', v_table);
    END LOOP;
    -- Who was faster has committed by now, and is seen: then the locks are given back with the subtransaction.
    IF sync._has_rows(p_tables) THEN
        RAISE EXCEPTION 'the tables are not empty any more' USING ERRCODE = 'lock_not_available';
    END IF;
    RETURN true;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RETURN false;
END
$$;
COMMENT ON FUNCTION sync._take_empty(bulk_runs, text[]) IS
    'Takes the mirror tables of a resource for this run alone, if the run is large (setting sync.bare_load_lines, default 20000 lines) and no shop has a row '
    'in any of them; says whether it did. Locks: none where there are rows; else the tables exclusively until the transaction ends, waiting a second for each '
    'and giving all back where one is not to be had.';

CREATE FUNCTION sync._assert_references(p_target text, p_tables text[]) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_table constant regclass := format('neanelu.%I', p_target);
    v_key   pg_constraint;
    v_found boolean;
BEGIN
    FOR v_key IN
        SELECT k.* FROM pg_constraint AS k JOIN sync._inner_references(v_table, p_tables) AS n (name) ON n.name = k.conname WHERE k.conrelid = v_table
    LOOP
        EXECUTE (
            SELECT format('SELECT EXISTS (SELECT FROM %s AS c WHERE %s AND NOT EXISTS (SELECT FROM %s AS p WHERE %s))', v_table,
                          string_agg(format('c.%I IS NOT NULL', a.attname), ' AND '), v_key.confrelid::regclass,
                          string_agg(format('p.%I = c.%I', b.attname, a.attname), ' AND '))
              FROM unnest(v_key.conkey, v_key.confkey) AS u (child, parent)
              JOIN pg_attribute AS a ON a.attrelid = v_key.conrelid AND a.attnum = u.child
              JOIN pg_attribute AS b ON b.attrelid = v_key.confrelid AND b.attnum = u.parent) INTO v_found;
        IF v_found THEN
            RAISE EXCEPTION 'a row of % has no parent by %', v_table, v_key.conname USING ERRCODE = 'foreign_key_violation', CONSTRAINT = v_key.conname;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION sync._assert_references(text, text[]) IS
    'Checks a table''s foreign keys to tables of a set with one join each. Reads only. Raises 23503.';

CREATE FUNCTION sync._run_tables(p_run bulk_runs) RETURNS sync_tables[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT array_agg(t ORDER BY t.stream, t.merge_order) FROM sync_tables AS t JOIN sync_streams AS s USING (stream) WHERE s.resource = p_run.query_type
$$;
COMMENT ON FUNCTION sync._run_tables(bulk_runs) IS 'The tables of a run''s resource, in the order of merging. Reads only.';

CREATE FUNCTION sync._targets(p_tables sync_tables[]) RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT array_agg(t.target_table) FROM unnest(p_tables) AS t $$;
COMMENT ON FUNCTION sync._targets(sync_tables[]) IS 'The mirror tables of some registered tables. Pure.';

CREATE FUNCTION sync._merge_tables(p_run bulk_runs, p_tables sync_tables[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_table sync_tables;
BEGIN
    FOREACH v_table IN ARRAY p_tables LOOP
        PERFORM sync._merge_table(p_run, v_table);
        IF v_table.vanish = 'delete_parts' THEN
            PERFORM sync._prune_parts(p_run, v_table);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION sync._merge_tables(bulk_runs, sync_tables[]) IS
    'Merges the staging tables of a run in their order with what the mirror has of the shop. Locks: the mirror rows written.';

-- A shop's first load: opened, its rows inserted, closed, all in one transaction. What is open is noted in the merge step.

CREATE FUNCTION sync._open_first_load(p_run bulk_runs, p_tables sync_tables[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_targets constant text[] := sync._targets(p_tables);
    v_bare    boolean;
BEGIN
    -- As each reference to it would: the shop cannot go before this transaction ends. Before the tables: nobody is waited for who may want them.
    PERFORM FROM shops WHERE id = p_run.shop_id FOR KEY SHARE;
    v_bare := sync._take_empty(p_run, v_targets);
    UPDATE bulk_steps
       SET metadata = jsonb_strip_nulls(jsonb_build_object('bare', v_bare, 'inserted', '{}'::jsonb, 'taken_off', CASE WHEN v_bare THEN sync._lay_bare(v_targets) END))
     WHERE shop_id = p_run.shop_id AND bulk_run_id = p_run.id AND step_name = 'merge';
END
$$;
COMMENT ON FUNCTION sync._open_first_load(bulk_runs, sync_tables[]) IS
    'Begins to insert into mirror tables that have no row of the shop; a large load that finds them empty altogether lays them bare first. Locks: the shop''s row, as '
    'a reference does; then all of the run''s mirror tables exclusively; the merge step.';

CREATE FUNCTION sync._may_trust_shop(p_target text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT has_parameter_privilege('session_replication_role', 'SET')
       AND NOT EXISTS (SELECT FROM pg_trigger AS t
                        WHERE t.tgrelid = r.id AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 4 <> 0)
       AND NOT EXISTS (SELECT FROM pg_constraint AS k
                        WHERE k.conrelid = r.id AND k.contype = 'f' AND k.conenforced
                          AND NOT (k.confrelid = 'neanelu.shops'::regclass
                                   AND k.conkey = ARRAY(SELECT a.attnum FROM pg_attribute AS a WHERE a.attrelid = r.id AND a.attname = 'shop_id')))
      FROM (SELECT format('neanelu.%I', p_target)::regclass) AS r (id)
$$;
COMMENT ON FUNCTION sync._may_trust_shop(text) IS
    'Whether rows of one shop may go into a mirror table laid bare without the engine''s triggers: the caller may turn them off (a superuser granted session_replication_role), none of '
    'them is ours (4: INSERT), and the only reference that is still checked row by row is the one to the shop. Reads the catalogue only.';

CREATE FUNCTION sync._insert_tables(p_run bulk_runs, p_tables sync_tables[], p_half smallint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_step  constant jsonb := (SELECT metadata FROM bulk_steps WHERE shop_id = p_run.shop_id AND bulk_run_id = p_run.id AND step_name = 'merge');
    v_rows  jsonb := v_step -> 'inserted';
    v_table sync_tables;
    v_trusts boolean;
BEGIN
    FOREACH v_table IN ARRAY p_tables LOOP
        -- The reference to the shop would be checked in every row, for as much as half of the row itself; it is the same one, held since the load was opened.
        v_trusts := (v_step ->> 'bare')::boolean AND sync._may_trust_shop(v_table.target_table);
        IF v_trusts THEN
            PERFORM set_config('session_replication_role', 'replica', true);
        END IF;
        v_rows := v_rows || jsonb_build_object(
            v_table.staging_table, coalesce((v_rows ->> v_table.staging_table)::bigint, 0) + sync._insert_fresh(p_run, v_table, p_half));
        IF v_trusts THEN
            PERFORM set_config('session_replication_role', 'origin', true);
        END IF;
    END LOOP;
    UPDATE bulk_steps SET metadata = jsonb_set(metadata, '{inserted}', v_rows)
     WHERE shop_id = p_run.shop_id AND bulk_run_id = p_run.id AND step_name = 'merge';
END
$$;
COMMENT ON FUNCTION sync._insert_tables(bulk_runs, sync_tables[], smallint) IS
    'Inserts some staging tables of an open first load, or the rows of half of their objects, and notes how many rows each gave. Locks: the merge step. Raises 23505.';

CREATE FUNCTION sync._close_first_load(p_run bulk_runs, p_tables sync_tables[], p_valid jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_step    constant jsonb := (SELECT metadata FROM bulk_steps WHERE shop_id = p_run.shop_id AND bulk_run_id = p_run.id AND step_name = 'merge');
    v_targets constant text[] := sync._targets(p_tables);
    v_rows    constant bigint[] := ARRAY(SELECT (v_step -> 'inserted' ->> t.staging_table)::bigint FROM unnest(p_tables) WITH ORDINALITY AS t ORDER BY t.ordinality);
BEGIN
    PERFORM sync._reject_left_out(p_run, p_tables, p_valid);
    IF v_step ? 'taken_off' THEN
        PERFORM sync._dress(v_step -> 'taken_off');
        PERFORM sync._assert_references(t, v_targets) FROM unnest(v_targets) AS t;
        UPDATE bulk_steps SET metadata = metadata - 'taken_off'
         WHERE shop_id = p_run.shop_id AND bulk_run_id = p_run.id AND step_name = 'merge';
    END IF;
    PERFORM sync._note_empty(p_run, p_tables, v_rows);
    RETURN (SELECT coalesce(sum(r), 0) FROM unnest(v_rows) AS r);
END
$$;
COMMENT ON FUNCTION sync._close_first_load(bulk_runs, sync_tables[], jsonb) IS
    'Ends an open first load: takes out rows without a parent (p_valid as in sync._reject_left_out), makes indexes again and checks the references of tables that were laid bare. Returns how many rows were inserted, none of them '
    'noted in bulk_outcomes. Locks: the merge step. Raises NS052, 23503, 23505.';

-- Accounts ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION sync._known_lines(p_run bulk_runs) RETURNS TABLE (
    stream smallint, kind text, is_duplicate boolean, is_stale boolean, is_empty boolean, is_written boolean, lines bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_staged jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM bulk_rejects AS x WHERE x.bulk_run_id = p_run.id) AND NOT EXISTS (SELECT FROM bulk_outcomes AS o WHERE o.bulk_run_id = p_run.id) THEN
        -- Nothing is known of any line: they are as sync.begin_stage counted them, if it did in this attempt.
        SELECT s.metadata -> 'lines' INTO v_staged
          FROM bulk_steps AS s
          JOIN bulk_steps AS l ON l.shop_id = s.shop_id AND l.bulk_run_id = s.bulk_run_id AND l.step_name = 'load'
         WHERE s.shop_id = p_run.shop_id AND s.bulk_run_id = p_run.id AND s.step_name = 'stage'
           AND (l.metadata ->> 'landed')::bigint = (SELECT sum(k.value::bigint) FROM jsonb_each_text(s.metadata -> 'lines') AS k);
    END IF;
    IF v_staged IS NOT NULL THEN
        RETURN QUERY SELECT split_part(k.key, '/', 1)::smallint, split_part(k.key, '/', 2), NULL::boolean, NULL::boolean, NULL::boolean, NULL::boolean, k.value::bigint
                       FROM jsonb_each_text(v_staged) AS k;
        RETURN;
    END IF;
    -- A statement of its own that only reads, so that the lines are scanned by several processes.
    RETURN QUERY EXECUTE $q$
        SELECT l.stream, l.kind, x.is_duplicate, o.is_stale, o.is_empty, o.is_written, count(*)
          FROM neanelu.bulk_lines AS l
          LEFT JOIN (SELECT r.line_number, bool_and(r.is_duplicate) AS is_duplicate
                       FROM neanelu.bulk_rejects AS r WHERE r.bulk_run_id = $1 GROUP BY 1) AS x ON x.line_number = l.line_number
          LEFT JOIN (SELECT w.stream, w.object_id, bool_or(w.outcome = 'stale') AS is_stale, bool_or(w.outcome = 'empty') AS is_empty,
                            bool_or(w.outcome IN ('inserted', 'updated')) AS is_written
                       FROM neanelu.bulk_outcomes AS w WHERE w.bulk_run_id = $1 GROUP BY 1, 2) AS o ON o.stream = l.stream AND o.object_id = l.owner_id
         WHERE l.bulk_run_id = $1 AND l.attempt = $2
         GROUP BY 1, 2, 3, 4, 5, 6$q$ USING p_run.id, p_run.attempt;
END
$$;
COMMENT ON FUNCTION sync._known_lines(bulk_runs) IS
    'The loaded lines of a run, counted by kind and by what is known of each: whether it was taken out, and what became of its object. Reads only.';

CREATE FUNCTION sync._count_lines(p_run bulk_runs, p_fresh boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_load  constant jsonb := (SELECT metadata FROM bulk_steps WHERE shop_id = p_run.shop_id AND bulk_run_id = p_run.id AND step_name = 'load');
    v_kinds constant jsonb := v_load -> 'kinds';
    v_same  constant bigint := (v_load ->> 'unchanged')::bigint;
BEGIN
    INSERT INTO bulk_counts (shop_id, bulk_run_id, kind, lines, merged, unchanged, quarantined, duplicate, ignored)
    WITH fates AS (
        SELECT k.kind, k.lines,
               CASE WHEN k.is_duplicate THEN 'duplicate' WHEN NOT k.is_duplicate THEN 'quarantined'
                    WHEN NOT s.is_merged OR k.is_stale THEN 'ignored'
                    WHEN k.is_written OR p_fresh AND k.is_empty IS NOT TRUE THEN 'merged' ELSE 'unchanged' END AS fate
          FROM sync._known_lines(p_run) AS k JOIN sync_streams AS s USING (stream)
        UNION ALL
        SELECT coalesce(e.kind, '?'), 1, 'quarantined'
          FROM bulk_errors AS e WHERE e.shop_id = p_run.shop_id AND e.bulk_run_id = p_run.id AND e.error_type = 'PARSE'),
    counted AS (
        SELECT f.kind, sum(f.lines) FILTER (WHERE fate = 'merged') AS merged, sum(f.lines) FILTER (WHERE fate = 'unchanged') AS unchanged,
               sum(f.lines) FILTER (WHERE fate = 'quarantined') AS quarantined, sum(f.lines) FILTER (WHERE fate = 'duplicate') AS duplicate,
               sum(f.lines) FILTER (WHERE fate = 'ignored') AS ignored
          FROM fates AS f GROUP BY f.kind
        UNION ALL
        SELECT '-', 0, 0, 0, 0, (v_kinds ->> '-')::bigint WHERE v_kinds ? '-'
        UNION ALL
        SELECT '*', 0, v_same, 0, 0, 0 WHERE v_same > 0)
    -- What the daemon counted in the file must be what the database accounts for, kind by kind: the CHECK compares.
    SELECT p_run.shop_id, p_run.id, coalesce(k.key, c.kind), coalesce(k.value::bigint, CASE c.kind WHEN '*' THEN v_same ELSE 0 END),
           coalesce(c.merged, 0), coalesce(c.unchanged, 0), coalesce(c.quarantined, 0), coalesce(c.duplicate, 0), coalesce(c.ignored, 0)
      FROM jsonb_each_text(v_kinds) AS k
      FULL JOIN counted AS c ON c.kind = k.key;
END
$$;
COMMENT ON FUNCTION sync._count_lines(bulk_runs, boolean) IS
    'Accounts for every line of the file, a kind a row of bulk_counts. The lines of each kind as the daemon counted them, and what became '
    'of them as the database finds it, are counted apart; the table''s CHECK, and the run''s, refuse sums that differ. p_fresh: what is not noted '
    'otherwise was written, not unchanged. Locks: none. Raises 23514 (lines do not add up).';

CREATE FUNCTION sync._unclean_roots(p_run bulk_runs) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT l.root_id
      FROM bulk_rejects AS x
      JOIN bulk_lines AS l ON l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.line_number = x.line_number
     WHERE x.bulk_run_id = p_run.id
    UNION
    SELECT l.root_id
      FROM bulk_outcomes AS o
      JOIN bulk_lines AS l ON l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.stream = o.stream AND l.owner_id = o.object_id
     WHERE o.bulk_run_id = p_run.id AND o.outcome IN ('stale', 'rejected', 'unwhole')
$$;
COMMENT ON FUNCTION sync._unclean_roots(bulk_runs) IS
    'Roots of trees of which a line was taken out or not merged: the mirror does not equal their bytes. Reads only.';

CREATE FUNCTION sync._store_digests(p_run bulk_runs) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_stream constant smallint := sync._root_stream(p_run);
BEGIN
    IF EXISTS (SELECT FROM bulk_rejects WHERE bulk_run_id = p_run.id)
       OR EXISTS (SELECT FROM bulk_outcomes WHERE bulk_run_id = p_run.id AND outcome IN ('stale', 'rejected', 'unwhole')) THEN
        UPDATE bulk_trees AS b SET is_clean = false
          FROM sync._unclean_roots(p_run) AS u (root_id)
         WHERE b.bulk_run_id = p_run.id AND b.root_id = u.root_id AND b.is_clean;
    END IF;
    IF EXISTS (SELECT FROM sync_digests WHERE shop_id = p_run.shop_id AND stream = v_stream) THEN
        PERFORM sync._collect_groups(p_run);
        -- Lines outside their tree, or outside any, may concern every tree of their objects.
        DELETE FROM sync_digests AS d
         USING bulk_groups AS g
         WHERE g.bulk_run_id = p_run.id AND g.stream = v_stream AND d.shop_id = p_run.shop_id AND d.stream = v_stream AND d.object_id = g.object_id
           AND NOT EXISTS (SELECT FROM bulk_trees AS b WHERE b.bulk_run_id = p_run.id AND b.root_id = g.object_id AND b.is_clean);
        UPDATE sync_digests AS d SET digest = b.digest, lines = b.lines
          FROM bulk_trees AS b
         WHERE b.bulk_run_id = p_run.id AND b.is_clean
           AND d.shop_id = p_run.shop_id AND d.stream = v_stream AND d.object_id = b.root_id AND d.digest <> b.digest;
    END IF;
    INSERT INTO sync_digests (shop_id, stream, lines, object_id, digest)
    SELECT p_run.shop_id, v_stream, b.lines, b.root_id, b.digest
      FROM bulk_trees AS b
     WHERE b.bulk_run_id = p_run.id AND b.is_clean
       AND NOT EXISTS (SELECT FROM sync_digests AS d WHERE d.shop_id = p_run.shop_id AND d.stream = v_stream AND d.object_id = b.root_id);
    IF p_run.mode <> 'incremental' AND NOT p_run.is_partial THEN
        DELETE FROM sync_digests AS d USING bulk_trees AS b
         WHERE b.bulk_run_id = p_run.id AND NOT b.is_here AND d.shop_id = p_run.shop_id AND d.stream = v_stream AND d.object_id = b.root_id;
    END IF;
END
$$;
COMMENT ON FUNCTION sync._store_digests(bulk_runs) IS
    'Brings the digests in line with what was merged: kept for clean trees, dropped for trees with rejected or stale lines and for vanished '
    'ones. Idempotent. Locks: the digests written.';

CREATE FUNCTION sync._advance_checkpoint(p_run bulk_runs) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO sync_checkpoints AS c (shop_id, resource_type, last_sync_at, records_synced, status, last_run_id, last_full_snapshot_at, high_water_mark, metadata)
    SELECT p_run.shop_id, p_run.query_type, clock_timestamp(), least(p_run.lines_in, 2147483647), 'idle', p_run.id,
           CASE WHEN p_run.mode <> 'incremental' AND NOT p_run.is_partial THEN p_run.started_at END,
           CASE WHEN p_run.source = 'shopify' AND NOT p_run.is_partial
                THEN coalesce((p_run.cursor_state ->> 'operation_created_at')::timestamptz, p_run.started_at) END,
           jsonb_build_object('mode', p_run.mode, 'source', p_run.source)
    ON CONFLICT (shop_id, resource_type) DO UPDATE
       SET last_sync_at = excluded.last_sync_at, records_synced = excluded.records_synced, status = 'idle', error_message = NULL,
           last_run_id = excluded.last_run_id, metadata = excluded.metadata, updated_at = clock_timestamp(),
           last_full_snapshot_at = coalesce(excluded.last_full_snapshot_at, c.last_full_snapshot_at),
           high_water_mark = greatest(excluded.high_water_mark, c.high_water_mark)
$$;
COMMENT ON FUNCTION sync._advance_checkpoint(bulk_runs) IS
    'Moves the resource''s checkpoint to this run. The next incremental run asks from when Shopify started this one''s operation: an edit '
    'made while it ran is asked for again. Partial data and files do not move that mark. Locks: the checkpoint.';

CREATE FUNCTION sync.tg_sync_checkpoints__completed_run() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM bulk_runs WHERE shop_id = NEW.shop_id AND id = NEW.last_run_id AND status = 'completed') THEN
        RAISE EXCEPTION 'the checkpoint of % may only advance with a completed run', NEW.resource_type USING ERRCODE = 'NS064';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION sync.tg_sync_checkpoints__completed_run() IS
    'Refuses a checkpoint that advances without a run that completed, and so reconciled. Reads only. Raises NS064.';

CREATE FUNCTION sync._complete_run(p_run bulk_runs, p_inserted bigint, p_tombstoned bigint) RETURNS bulk_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run bulk_runs;
BEGIN
    UPDATE bulk_runs AS r
       SET status = 'completed', completed_at = clock_timestamp(), updated_at = clock_timestamp(),
           lines_merged = c.merged, lines_unchanged = c.unchanged, lines_quarantined = c.quarantined,
           lines_duplicate = c.duplicate, lines_ignored = c.ignored,
           rows_inserted = p_inserted + o.inserted, rows_updated = o.updated, rows_tombstoned = p_tombstoned,
           result_url = NULL, error_code = NULL, error_message = NULL,
           leased_by = NULL, lease_token = NULL, lease_expires_at = NULL
      FROM (SELECT coalesce(sum(merged), 0) AS merged, coalesce(sum(unchanged), 0) AS unchanged, coalesce(sum(quarantined), 0) AS quarantined,
                   coalesce(sum(duplicate), 0) AS duplicate, coalesce(sum(ignored), 0) AS ignored
              FROM bulk_counts WHERE shop_id = p_run.shop_id AND bulk_run_id = p_run.id) AS c,
           (SELECT count(*) FILTER (WHERE outcome = 'inserted') AS inserted, count(*) FILTER (WHERE outcome = 'updated') AS updated
              FROM bulk_outcomes WHERE bulk_run_id = p_run.id) AS o
     WHERE r.shop_id = p_run.shop_id AND r.id = p_run.id
    RETURNING r.* INTO v_run;
    RETURN v_run;
END
$$;
COMMENT ON FUNCTION sync._complete_run(bulk_runs, bigint, bigint) IS
    'Writes the sums (rows inserted: those noted in bulk_outcomes and p_inserted) and ends the run; the table''s CHECK refuses sums that do not reconcile. Locks: the run''s row. Raises 23514.';

CREATE FUNCTION sync.lock_resource(p_shop_id uuid, p_resource text) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_advisory_xact_lock(hashtextextended('sync.merge:' || p_shop_id || ':' || p_resource, 0)) $$;
COMMENT ON FUNCTION sync.lock_resource(uuid, text) IS
    'Serialises writers of one resource of one shop until the transaction ends: every path that writes many of its rows calls it first.';

CREATE FUNCTION sync.share_resource(p_shop_id uuid, p_resource text) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_advisory_xact_lock_shared(hashtextextended('sync.merge:' || p_shop_id || ':' || p_resource, 0)) $$;
COMMENT ON FUNCTION sync.share_resource(uuid, text) IS
    'Keeps sync.lock_resource away until the transaction ends: every path that writes single objects calls it first, for several resources in the '
    'order of their names, then sync.lock_object.';

CREATE FUNCTION sync.lock_object(p_shop_id uuid, p_kind text, p_object_id bigint) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_advisory_xact_lock(hashtextextended('sync.object:' || p_shop_id || ':' || p_kind || '/' || p_object_id, 0)) $$;
COMMENT ON FUNCTION sync.lock_object(uuid, text, bigint) IS
    'Serialises writers of one object of one shop until the transaction ends, whether the mirror has it or not. Locks: that.';

CREATE FUNCTION sync._conclude(p_run bulk_runs, p_tables sync_tables[], p_inserted bigint DEFAULT NULL) RETURNS bulk_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_fresh      constant boolean := p_inserted IS NOT NULL;
    v_tombstoned bigint := 0;
    v_run        bulk_runs;
BEGIN
    PERFORM sync._assert_error_limit(p_run, sync._record_rejects(p_run));
    PERFORM sync._count_lines(p_run, v_fresh);
    IF NOT v_fresh AND sync._may_tombstone(p_run) THEN
        v_tombstoned := sync._tombstone(p_run, p_tables);
    END IF;
    PERFORM sync._store_digests(p_run);
    PERFORM sync._end_step(p_run, 'merge', jsonb_build_object('tombstoned', v_tombstoned, 'may_tombstone', sync._may_tombstone(p_run)));
    v_run := sync._complete_run(p_run, coalesce(p_inserted, 0), v_tombstoned);
    PERFORM sync._advance_checkpoint(v_run);
    PERFORM pg_notify('neanelu_sync', json_build_object('event', 'completed', 'run_id', v_run.id, 'shop_id', v_run.shop_id)::text);
    RETURN v_run;
END
$$;
COMMENT ON FUNCTION sync._conclude(bulk_runs, sync_tables[], bigint) IS
    'The end of every merge, when the rows are written: marks what vanished, accounts for every line, moves digests and checkpoint, ends the run. p_inserted: '
    'the rows of a shop''s first load, null for all others. Locks: the run''s row, the rows marked. Raises NS061, NS063, 23514.';

CREATE FUNCTION sync._plan_large_joins(p_run bulk_runs) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT set_config('enable_nestloop', CASE WHEN p_run.lines_in > 500 THEN 'off' ELSE 'on' END, true) $$;
COMMENT ON FUNCTION sync._plan_large_joins(bulk_runs) IS
    'Until the transaction ends: without statistics of this very load a large join must not be planned as a small one.';

CREATE FUNCTION sync.merge(p_run_id uuid, p_token uuid) RETURNS SETOF bulk_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '128MB'
SET gin_pending_list_limit = '64MB'
AS $$
DECLARE
    v_run    bulk_runs := sync._leased_run(p_run_id, p_token);
    v_tables constant sync_tables[] := sync._run_tables(v_run);
    v_valid  constant jsonb := sync._assert_staged(v_run);
    v_fresh  boolean;
    v_inserted bigint;
BEGIN
    PERFORM sync.lock_resource(v_run.shop_id, v_run.query_type);
    PERFORM sync._begin_step(v_run, 'merge');
    PERFORM sync._plan_large_joins(v_run);
    PERFORM sync._collect_groups(v_run);
    v_fresh := NOT sync._has_rows(sync._targets(v_tables), v_run.shop_id);
    IF NOT v_fresh THEN
        PERFORM sync._mark_stale(v_run, t.staging_table, t.target_table) FROM unnest(v_tables) AS t;
    END IF;
    PERFORM sync._mark_buried(v_run);
    PERFORM sync._mark_unwhole(v_run);
    IF v_fresh THEN
        PERFORM sync._open_first_load(v_run, v_tables);
        PERFORM sync._insert_tables(v_run, v_tables);
        v_inserted := sync._close_first_load(v_run, v_tables, v_valid);
    ELSE
        PERFORM sync._merge_tables(v_run, v_tables);
    END IF;
    RETURN NEXT sync._conclude(v_run, v_tables, v_inserted);
END
$$;
COMMENT ON FUNCTION sync.merge(uuid, uuid) IS
    'Merges the staged rows into the mirror in one transaction: writes what differs, marks what vanished, accounts for every line, moves '
    'digests and checkpoint, ends the run and returns it. All or nothing. Locks: the run''s row, the resource of the shop (advisory), the '
    'mirror rows written; in a large first load on a server that has none of the resource, its mirror tables exclusively. Raises NA002, NS004, NS005, NS052 (nothing staged: load again), NS061 (too many bad lines), NS063 (would delete too much), 23514 (lines '
    'do not add up).';

CREATE FUNCTION sync.conclude_unchanged(p_run_id uuid, p_token uuid) RETURNS SETOF bulk_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '128MB'
AS $$
DECLARE
    v_run  bulk_runs := sync._leased_run(p_run_id, p_token);
    v_load constant jsonb := (SELECT s.metadata FROM bulk_steps AS s WHERE s.shop_id = v_run.shop_id AND s.bulk_run_id = v_run.id
                                                                       AND s.step_name = 'load' AND s.status = 'completed');
BEGIN
    IF v_load ->> 'plan' = 'manifest' AND v_load -> 'kinds' = '{}' AND NOT EXISTS (SELECT FROM bulk_trees WHERE bulk_run_id = v_run.id AND is_here) THEN
        PERFORM sync.lock_resource(v_run.shop_id, v_run.query_type);
        PERFORM sync._begin_step(v_run, 'merge');
        PERFORM sync._plan_large_joins(v_run);
        RETURN NEXT sync._conclude(v_run, sync._run_tables(v_run));
    ELSE
        RAISE EXCEPTION 'run % has lines to be merged, or was not loaded', p_run_id USING ERRCODE = 'NS052', HINT = 'Stage and merge, or load again.';
    END IF;
END
$$;
COMMENT ON FUNCTION sync.conclude_unchanged(uuid, uuid) IS
    'What staging and sync.merge would do for a file whose trees are all as they were merged, so that no line was looked at: marks what vanished, moves the checkpoint, ends '
    'the run and returns it. Locks: the run''s row, the resource of the shop (advisory), the rows marked. Raises NA002, NS004, NS005, NS052, NS063.';

-- Pieces merged while others are staged: sync.begin_merge, sync.merge_piece for each, sync.end_merge, in one transaction of the daemon's.

CREATE FUNCTION sync._may_merge_beside(p_run bulk_runs, p_lines jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT p_run.lines_in >= sync._setting('bare_load_lines', 20000) AND NOT p_run.is_partial
       AND (SELECT count(DISTINCT split_part(k, '/', 1)) > 1 FROM jsonb_object_keys(p_lines) AS k)
       AND NOT EXISTS (SELECT FROM mirror_tombstones AS d WHERE d.shop_id = p_run.shop_id AND d.deleted_at > sync._data_time(p_run))
       AND NOT sync._has_rows(sync._targets(sync._run_tables(p_run)), p_run.shop_id)
$$;
COMMENT ON FUNCTION sync._may_merge_beside(bulk_runs, jsonb) IS
    'Whether pieces of a run may be merged while others are staged: a large first load (setting sync.bare_load_lines) of several streams, of whole data, of '
    'which a webhook has buried nothing. p_lines: lines of each "stream/kind". Reads only.';

CREATE FUNCTION sync.begin_merge(p_run_id uuid, p_token uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run   bulk_runs := sync._leased_run_seen(p_run_id, p_token);
    v_lines jsonb;
BEGIN
    PERFORM sync.lock_resource(v_run.shop_id, v_run.query_type);
    SELECT s.metadata -> 'lines' INTO v_lines FROM bulk_steps AS s
     WHERE s.shop_id = v_run.shop_id AND s.bulk_run_id = v_run.id AND s.step_name = 'stage';
    -- From here on no other path writes the resource of the shop: what is true now stays so.
    IF NOT sync._may_merge_beside(v_run, v_lines) THEN
        RETURN false;
    END IF;
    UPDATE bulk_steps SET status = 'running', started_at = clock_timestamp()
     WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id AND step_name = 'merge';
    PERFORM sync._plan_large_joins(v_run);
    PERFORM sync._open_first_load(v_run, sync._run_tables(v_run));
    RETURN true;
END
$$;
COMMENT ON FUNCTION sync.begin_merge(uuid, uuid) IS
    'Opens the merge of a large first load before all of it is staged. sync.merge_piece follows for each table, or half of one, that is final, then sync.end_merge, all in '
    'this transaction. False: something came first; let the transaction go, stage the rest and call sync.merge. Locks: not the run''s row, which staging and '
    'heartbeat use meanwhile (the daemon that lost its lease is stopped by sync.end_merge); the resource of the shop (advisory); the shop''s row, as a reference does; in the first load of all, the mirror tables exclusively. '
    'Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.merge_piece(p_run_id uuid, p_token uuid, p_staging text, p_half smallint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '128MB'
SET gin_pending_list_limit = '64MB'
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run_seen(p_run_id, p_token);
BEGIN
    PERFORM sync._insert_tables(v_run, ARRAY(SELECT t FROM unnest(sync._run_tables(v_run)) AS t WHERE t.staging_table = p_staging), p_half);
END
$$;
COMMENT ON FUNCTION sync.merge_piece(uuid, uuid, text, smallint) IS
    'Inserts the rows of one staging table into the mirror, tables in the order of sync.staging_tables, when they are final: a table of the objects'' own lines when it is staged, one of '
    'other lines when it was staged after sync.settle_stream. p_half: of one half of the objects, 0 or 1, as sync.stage_table has it; not of tables of which a row may come twice. '
    'Only after sync.begin_merge in the same transaction. Locks: the merge step, none in the mirror. Raises NA002, NS004, NS005, 23505.';

CREATE FUNCTION sync.end_merge(p_run_id uuid, p_token uuid) RETURNS SETOF bulk_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '128MB'
AS $$
DECLARE
    v_run    bulk_runs := sync._leased_run(p_run_id, p_token);
    v_tables constant sync_tables[] := sync._run_tables(v_run);
    -- What was counted when staging ended is there: had the server stopped since, this transaction would be gone.
    v_valid  constant jsonb := sync._assert_staged(v_run, (SELECT s.metadata -> 'counted' FROM bulk_steps AS s
                                                            WHERE s.shop_id = v_run.shop_id AND s.bulk_run_id = v_run.id AND s.step_name = 'stage'));
BEGIN
    PERFORM sync._mark_unwhole(v_run);
    RETURN NEXT sync._conclude(v_run, v_tables, sync._close_first_load(v_run, v_tables, v_valid));
END
$$;
COMMENT ON FUNCTION sync.end_merge(uuid, uuid) IS
    'Ends what sync.begin_merge opened, when all pieces are staged and merged: indexes, references, accounts, digests, checkpoint; returns the run. '
    'Locks: the run''s row, the rows of its accounts. Raises NA002, NS004, NS005, NS052 (load again), NS061, 23503, 23505, 23514.';

CREATE FUNCTION sync._assert_staged(p_run bulk_runs, p_counted jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_step  constant bulk_steps := (SELECT s FROM bulk_steps AS s WHERE s.shop_id = p_run.shop_id AND s.bulk_run_id = p_run.id
                                                                    AND s.step_name = 'stage' AND s.status = 'completed');
    v_counted constant jsonb := coalesce(p_counted, sync._count_staged(p_run));
BEGIN
    IF NOT sync._trusts_digests(p_run) AND NOT EXISTS (SELECT FROM bulk_steps AS s WHERE s.shop_id = p_run.shop_id AND s.bulk_run_id = p_run.id
                                                                                     AND s.step_name = 'load' AND s.metadata ? 'has_trees') THEN
        RAISE EXCEPTION 'nobody collected the trees of run %', p_run.id USING ERRCODE = 'NS052', HINT = 'Call sync.collect_trees, or load again.';
    END IF;
    IF (v_counted ->> 'rows')::bigint IS DISTINCT FROM v_step.records_processed::bigint THEN
        RAISE EXCEPTION 'the rows staged for run % are gone: % of %', p_run.id, v_counted ->> 'rows', v_step.records_processed USING ERRCODE = 'NS052',
            HINT = 'The server restarted and emptied its unlogged tables, or nothing was staged. Load again.';
    END IF;
    PERFORM sync._assert_error_limit(p_run, (v_step.metadata ->> 'quarantined')::bigint);
    RETURN v_counted -> 'valid';
END
$$;
COMMENT ON FUNCTION sync._assert_staged(bulk_runs, jsonb) IS
    'Checks that the rows which staging returned are there, with the file''s trees, and that it did not find too much to be wrong. p_counted: of sync._count_staged, where that was '
    'asked already. Returns the valid rows by staging table. '
    'Reads only. Raises NS052, NS061.';

CREATE FUNCTION sync._truncate_if_idle(p_table text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    -- The lock first, the look after it: who loads must wait for the lock, and is seen once it is held.
    EXECUTE format('LOCK TABLE neanelu.%I IN ACCESS EXCLUSIVE MODE NOWAIT', p_table);
    IF EXISTS (SELECT FROM bulk_runs WHERE status IN ('pending', 'running') AND attempt > 0) THEN
        RETURN false;
    END IF;
    EXECUTE format('TRUNCATE neanelu.%I', p_table);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$$;
COMMENT ON FUNCTION sync._truncate_if_idle(text) IS
    'Empties a transient table at once, if nobody uses it and no run has begun; says whether it did. '
    'Locks: the table, exclusively, never waiting for it.';

CREATE FUNCTION sync.sweep_staging() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_table text;
    v_size  bigint;
    v_rows  bigint;
    v_all   bigint := 0;
BEGIN
    FOR v_table IN
        SELECT unnest(ARRAY['bulk_lines', 'bulk_manifest', 'bulk_trees', 'bulk_groups', 'bulk_outcomes', 'bulk_rejects'])
        UNION ALL SELECT staging_table FROM sync_tables
    LOOP
        v_size := pg_relation_size(format('neanelu.%I', v_table));
        -- Emptying a table writes new files: below a size, removing the rows costs less.
        CONTINUE WHEN v_size = 0 OR v_size > 2 * 1024 * 1024 AND sync._truncate_if_idle(v_table);
        EXECUTE format($q$
            DELETE FROM neanelu.%I AS s
             WHERE NOT EXISTS (SELECT FROM bulk_runs AS r WHERE r.id = s.bulk_run_id AND r.status IN ('pending', 'running'))$q$, v_table);
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_all := v_all + v_rows;
    END LOOP;
    RETURN v_all;
END
$$;
COMMENT ON FUNCTION sync.sweep_staging() IS
    'Removes the transient rows of ended runs, of all shops: large tables whole where no other run needs them, else row by row; returns the rows '
    'removed singly. Idempotent; called by the daemon after a run. Locks: the tables emptied, for a moment, or the rows.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.merge(uuid, uuid), sync.conclude_unchanged(uuid, uuid), sync.begin_merge(uuid, uuid), sync.merge_piece(uuid, uuid, text, smallint), sync.end_merge(uuid, uuid),
    sync.sweep_staging() TO neanelu_sync;
GRANT EXECUTE ON FUNCTION sync.tg_sync_checkpoints__completed_run() TO neanelu_owner;

SET LOCAL ROLE neanelu_owner;
CREATE TRIGGER sync_checkpoints__completed_run
    BEFORE INSERT OR UPDATE OF last_sync_at, last_run_id, high_water_mark, last_full_snapshot_at ON neanelu.sync_checkpoints
    FOR EACH ROW EXECUTE FUNCTION sync.tg_sync_checkpoints__completed_run();
COMMIT;
