-- Deploy neanelu:functions/sync/stage to pg
-- Lines become typed rows. The SQL is composed from the registry (sync_tables, sync_fields, sync_children), the column
-- types of the staging tables and the NOT NULLs and CHECKs of the mirror, so that every rule stands in one place.
BEGIN;
SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, sync, app, extensions, pg_temp;

-- Composing ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION sync._typed_expression(p_source text, p_type oid, p_typmod integer) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_precision constant integer := (p_typmod - 4) >> 16;
    v_scale     constant integer := (p_typmod - 4) & 65535;
BEGIN
    RETURN CASE p_type
        WHEN 'text'::regtype THEN p_source
        WHEN 'varchar'::regtype THEN format('CASE WHEN length(%1$s) <= %2$s THEN %1$s END', p_source, p_typmod - 4)
        WHEN 'boolean'::regtype THEN format('CASE %1$s WHEN ''true'' THEN true WHEN ''false'' THEN false END', p_source)
        WHEN 'numeric'::regtype THEN format('CASE WHEN %1$s ~ ''^-?\d{1,%2$s}(\.\d{1,%3$s}0*)?$'' THEN %1$s::numeric(%4$s,%3$s) END',
            p_source, v_precision - v_scale, v_scale, v_precision)
        WHEN 'integer'::regtype THEN format('CASE WHEN %1$s ~ ''^-?\d+$'' AND pg_input_is_valid(%1$s, ''integer'') THEN %1$s::integer END', p_source)
        WHEN 'bigint'::regtype THEN format('CASE WHEN %1$s ~ ''^-?\d+$'' AND pg_input_is_valid(%1$s, ''bigint'') THEN %1$s::bigint END', p_source)
        -- The LIKE is what Shopify sends and costs a tenth of the expression, which allows fractions and offsets.
        WHEN 'timestamptz'::regtype THEN format(
            'CASE WHEN (%1$s LIKE ''____-__-__T__:__:__Z'' OR %1$s ~ ''^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$'') AND pg_input_is_valid(%1$s, ''timestamptz'') THEN %1$s::timestamptz END',
            p_source)
        WHEN 'jsonb'::regtype THEN format('nullif(%s, ''null'')', p_source)
        -- an element longer than that would not fit into a GIN index
        WHEN 'text[]'::regtype THEN format(
            'CASE jsonb_typeof(%1$s) WHEN ''array'' THEN (SELECT CASE WHEN coalesce(max(length(e.v)), 0) <= 255 THEN coalesce(array_agg(e.v ORDER BY e.n), ''{}'') END FROM jsonb_array_elements_text(%1$s) WITH ORDINALITY AS e (v, n)) END', p_source)
    END;
END
$$;
COMMENT ON FUNCTION sync._typed_expression(text, oid, integer) IS
    'SQL that turns a text (for jsonb and text[]: a jsonb) expression into the type, or into null where it does not fit exactly: nothing '
    'is rounded, cut or guessed. Null for types that have no rule. Pure.';

CREATE FUNCTION sync._columns(p_staging text) RETURNS TABLE (
    name text, ordinal integer, type oid, source text, typed text, final text, is_required boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT f.column_name, a.attnum::integer, a.atttypid,
           CASE
               WHEN f.is_expression THEN f.source
               WHEN cardinality(p.path) = 1 THEN format('d.%I', p.path[1])
               ELSE format('d.%I %s %L', p.path[1], CASE WHEN a.atttypid IN ('jsonb'::regtype, 'text[]'::regtype) THEN '#>' ELSE '#>>' END, p.path[2:])
           END,
           sync._typed_expression(format('r.%I', f.column_name), a.atttypid, a.atttypmod),
           CASE WHEN m.attnotnull AND m.atthasdef THEN format('coalesce(t.%I, %s)', f.column_name, pg_get_expr(e.adbin, e.adrelid))
                ELSE format('t.%I', f.column_name) END,
           coalesce(m.attnotnull AND NOT m.atthasdef, false) OR coalesce(r.is_required, false)
      FROM sync_fields AS f
      JOIN sync_tables AS s USING (staging_table)
      CROSS JOIN LATERAL string_to_array(f.source, '.') AS p (path)
      JOIN pg_attribute AS a ON a.attrelid = format('neanelu.%I', f.staging_table)::regclass AND a.attname = f.column_name
      LEFT JOIN pg_attribute AS m ON m.attrelid = format('neanelu.%I', s.target_table)::regclass AND m.attname = f.column_name
      LEFT JOIN pg_attrdef AS e ON e.adrelid = m.attrelid AND e.adnum = m.attnum
      LEFT JOIN sync_references AS r ON r.staging_table = f.staging_table AND r.gid_column = f.column_name
     WHERE f.staging_table = p_staging
$$;
COMMENT ON FUNCTION sync._columns(text) IS
    'The registered columns of a staging table: SQL for the value in the line (d: the line as record, l: the line), for its typed form '
    '(r: the values), for what is stored (t: the typed values; the mirror''s default where it does not take null), and whether a row '
    'without it is invalid (NOT NULL in the mirror, or a required reference). Reads only.';

CREATE FUNCTION sync._record_definition(p_staging text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT string_agg(format('%I %s', e.head, CASE WHEN e.is_json THEN 'jsonb' ELSE 'text' END), ', ')
      FROM (SELECT split_part(f.source, '.', 1) AS head,
                   bool_or(f.source LIKE '%.%' OR a.atttypid IN ('jsonb'::regtype, 'text[]'::regtype)) AS is_json
              FROM neanelu.sync_fields AS f
              JOIN pg_attribute AS a ON a.attrelid = ('neanelu.' || quote_ident(p_staging))::regclass AND a.attname = f.column_name
             WHERE f.staging_table = p_staging AND NOT f.is_expression
             GROUP BY 1) AS e
$$;
COMMENT ON FUNCTION sync._record_definition(text) IS
    'Column list for jsonb_to_record: the top-level fields of a line that a staging table uses, taken out of the document in one pass. Reads only.';

CREATE FUNCTION sync._child_joins(p_staging text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce(string_agg(format($q$
  LEFT JOIN (
    SELECT c.owner_id, %1$s AS folded
      FROM neanelu.bulk_lines AS c
     WHERE c.bulk_run_id = $1 AND c.attempt = $3 AND c.stream = $4 AND c.kind = ANY (%2$L::text[])
       AND NOT EXISTS (SELECT FROM neanelu.bulk_rejects AS x WHERE x.bulk_run_id = $1 AND x.line_number = c.line_number)
     GROUP BY c.owner_id) AS %3$I ON %3$I.owner_id = r.owner_id$q$,
            CASE c.shape
                WHEN 'metafields' THEN $s$jsonb_object_agg((c.doc ->> 'namespace') || '.' || (c.doc ->> 'key'),
           jsonb_build_object('type', c.doc -> 'type', 'value', c.doc -> 'value'))$s$
                ELSE $s$jsonb_agg(c.doc - '__parentId' ORDER BY c.line_number)$s$ END,
            c.kinds, c.column_name), ''), '')
      FROM neanelu.sync_children AS c
     WHERE c.staging_table = p_staging
$$;
COMMENT ON FUNCTION sync._child_joins(text) IS
    'SQL that joins each line with its folded child lines ($1 run, $3 attempt, $4 stream). Reads only.';

CREATE FUNCTION sync._check_problems(p_staging text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce(string_agg(format(', CASE WHEN (%s) IS FALSE THEN %L END',
                                      pg_get_expr(k.conbin, k.conrelid), 'NS113:' || k.conname), '' ORDER BY k.conname), '')
      FROM neanelu.sync_tables AS t
      JOIN pg_constraint AS k ON k.conrelid = ('neanelu.' || quote_ident(t.target_table))::regclass AND k.contype = 'c'
     WHERE t.staging_table = p_staging
       AND NOT EXISTS (
            SELECT FROM unnest(k.conkey) AS n (attnum)
              JOIN pg_attribute AS m ON m.attrelid = k.conrelid AND m.attnum = n.attnum
             WHERE NOT EXISTS (SELECT FROM neanelu.sync_fields AS f WHERE f.staging_table = p_staging AND f.column_name = m.attname))
$$;
COMMENT ON FUNCTION sync._check_problems(text) IS
    'SQL that names the CHECKs of the mirror table that a typed row would break: those whose columns all come from the line. Reads only.';

CREATE FUNCTION sync._is_searchable(p_title text, p_description text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM to_tsvector('pg_catalog.simple', p_title || ' ' || coalesce(p_description, ''));
    RETURN true;
EXCEPTION WHEN program_limit_exceeded THEN
    RETURN false;
END
$$;
COMMENT ON FUNCTION sync._is_searchable(text, text) IS
    'Whether title and description fit into a tsvector (at most 1 MB of distinct words), as the full text index needs. Pure.';

CREATE FUNCTION sync._extra_problem(p_staging text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT CASE WHEN t.extra_check IS NULL THEN ''
                ELSE format(', CASE WHEN (%s) IS FALSE THEN %L END', t.extra_check, 'NS113:' || t.staging_table || '_extra_check') END
      FROM sync_tables AS t WHERE t.staging_table = p_staging
$$;
COMMENT ON FUNCTION sync._extra_problem(text) IS 'SQL for the registry''s extra check of a staging table. Reads only.';

CREATE FUNCTION sync._column_problems(p_staging text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT string_agg(CASE
               WHEN c.is_required THEN format('CASE WHEN r.%1$I IS NULL THEN %2$L WHEN t.%1$I IS NULL THEN %3$L END',
                                              c.name, 'NS111:' || c.name, 'NS112:' || c.name)
               ELSE format('CASE WHEN r.%1$I IS NOT NULL AND t.%1$I IS NULL THEN %2$L END', c.name, 'NS112:' || c.name) END,
               ', ' ORDER BY c.ordinal)
      FROM sync._columns(p_staging) AS c
     WHERE c.is_required OR c.type NOT IN ('text'::regtype, 'jsonb'::regtype)
$$;
COMMENT ON FUNCTION sync._column_problems(text) IS
    'SQL that names the columns whose value is missing (NS111) or does not fit (NS112); r: the values, t: the typed values. Reads only.';

CREATE FUNCTION sync._stage_statement(p_staging text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT format($q$
INSERT INTO neanelu.%1$I (bulk_run_id, shop_id, stream, object_id, line_number, %2$s%3$s, validation_status, validation_errors, raw_data)
SELECT $1, $2, r.stream, r.owner_id, r.line_number, %4$s%5$s,
       CASE p.problems WHEN '{}' THEN 'valid' ELSE 'invalid' END,
       CASE p.problems WHEN '{}' THEN '[]'::jsonb ELSE sync._problem_report(%1$L, p.problems, r.doc) END,
       CASE WHEN p.problems <> '{}' THEN r.doc END
  FROM (
    SELECT l.stream, l.owner_id, l.line_number, l.doc,
           %6$s
      FROM neanelu.bulk_lines AS l
      CROSS JOIN LATERAL jsonb_to_record(l.doc) AS d (%7$s)
      CROSS JOIN (SELECT currency_code FROM neanelu.shops WHERE id = $2) AS p
     WHERE l.bulk_run_id = $1 AND l.attempt = $3 AND l.stream = $4 AND l.kind = ANY ($5)
       AND NOT EXISTS (SELECT FROM neanelu.bulk_rejects AS x WHERE x.bulk_run_id = $1 AND x.line_number = l.line_number)
    OFFSET 0) AS r
  CROSS JOIN LATERAL (
    SELECT %8$s
    OFFSET 0) AS t
  CROSS JOIN LATERAL (
    SELECT array_remove(ARRAY[%9$s%10$s]::text[], NULL) AS problems FROM (SELECT t.*) AS typed_row
    OFFSET 0) AS p%11$s$q$,
        p_staging,
        string_agg(quote_ident(c.name), ', ' ORDER BY c.ordinal),
        (SELECT string_agg(format(', %I', f.column_name), '' ORDER BY f.column_name) FROM sync_children AS f WHERE f.staging_table = p_staging),
        string_agg(c.final, ', ' ORDER BY c.ordinal),
        (SELECT string_agg(format(', coalesce(%1$I.folded, %2$L)', f.column_name, CASE f.shape WHEN 'list' THEN '[]' ELSE '{}' END), '' ORDER BY f.column_name)
           FROM sync_children AS f WHERE f.staging_table = p_staging),
        string_agg(format('%s AS %I', c.source, c.name), E',\n           ' ORDER BY c.ordinal),
        sync._record_definition(p_staging),
        string_agg(format('%s AS %I', c.typed, c.name), E',\n           ' ORDER BY c.ordinal),
        sync._column_problems(p_staging),
        sync._check_problems(p_staging) || sync._extra_problem(p_staging),
        sync._child_joins(p_staging))
      FROM sync._columns(p_staging) AS c
$$;
COMMENT ON FUNCTION sync._stage_statement(text) IS
    'The INSERT that turns lines into rows of a staging table ($1 run, $2 shop, $3 attempt, $4 stream, $5 kinds). To read one: '
    'SELECT sync._stage_statement(''staging_variants''). Reads only.';

CREATE FUNCTION sync._problem_report(p_staging text, p_problems text[], p_doc jsonb) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'field', split_part(p, ':', 2), 'error', split_part(p, ':', 1),
               'value', CASE WHEN NOT f.is_expression THEN p_doc #> string_to_array(f.source, '.') END)))
      FROM unnest(p_problems) AS p
      LEFT JOIN sync_fields AS f ON f.staging_table = p_staging AND f.column_name = split_part(p, ':', 2)
$$;
COMMENT ON FUNCTION sync._problem_report(text, text[], jsonb) IS
    'Problems of a row as [{field, error, value}], for staging and quarantine; field is a column, or the CHECK of the mirror. Reads only.';

-- Staging -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION sync._collect_groups(p_run bulk_runs) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO bulk_groups (bulk_run_id, stream, object_id)
    SELECT DISTINCT p_run.id, l.stream, l.owner_id
      FROM bulk_lines AS l
     WHERE l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt
       AND NOT EXISTS (SELECT FROM bulk_groups AS g WHERE g.bulk_run_id = p_run.id)
$$;
COMMENT ON FUNCTION sync._collect_groups(bulk_runs) IS 'Notes the objects that own the lines loaded, unless that was done. Locks: none.';

CREATE FUNCTION sync._reject_unknown_kinds(p_run bulk_runs) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO bulk_rejects (bulk_run_id, line_number, error_type, error_code, message)
    SELECT p_run.id, l.line_number, 'VALIDATION', 'NS109', format('a %s line has no place under this object', l.kind)
      FROM bulk_lines AS l
     WHERE l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt
       AND (l.stream, l.kind) NOT IN (
            SELECT s.stream, s.kind FROM sync_streams AS s
            UNION SELECT t.stream, unnest(t.kinds) FROM sync_tables AS t
            UNION SELECT t.stream, unnest(c.kinds) FROM sync_children AS c JOIN sync_tables AS t USING (staging_table))
$$;
COMMENT ON FUNCTION sync._reject_unknown_kinds(bulk_runs) IS 'Takes out lines of kinds that the registry does not know under their owner. Locks: none.';

CREATE FUNCTION sync._reject_bad_children(p_run bulk_runs) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO bulk_rejects (bulk_run_id, line_number, error_type, error_code, message)
    SELECT p_run.id, l.line_number, 'VALIDATION', 'NS111', 'a metafield needs a namespace, a key and a value'
      FROM bulk_lines AS l
     WHERE l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.kind = 'Metafield'
       AND (l.doc ->> 'namespace' IS NULL OR l.doc ->> 'key' IS NULL OR l.doc ->> 'value' IS NULL)
$$;
COMMENT ON FUNCTION sync._reject_bad_children(bulk_runs) IS 'Takes out folded child lines that lack what folding needs. Locks: none.';

CREATE FUNCTION sync._reject_duplicates(p_run bulk_runs) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH repeated AS (
        SELECT l.stream, l.owner_id, l.kind, l.object_id
          FROM bulk_lines AS l
         WHERE l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.object_id IS NOT NULL
         GROUP BY 1, 2, 3, 4
        HAVING count(*) > 1),
    ranked AS (
        SELECT l.line_number, l.doc = first_value(l.doc) OVER newest AS is_same, row_number() OVER newest AS rank
          FROM repeated AS d
          JOIN bulk_lines AS l ON l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt
           AND l.stream = d.stream AND l.owner_id = d.owner_id AND l.kind = d.kind AND l.object_id = d.object_id
        WINDOW newest AS (PARTITION BY l.stream, l.owner_id, l.kind, l.object_id
                          ORDER BY l.doc ->> 'updatedAt' DESC NULLS LAST, l.line_number DESC)
        UNION ALL
        -- Children without id are the same when they say the same.
        SELECT l.line_number, true, row_number() OVER (PARTITION BY l.stream, l.owner_id, l.doc ORDER BY l.line_number)
          FROM bulk_lines AS l
         WHERE l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.object_id IS NULL)
    INSERT INTO bulk_rejects (bulk_run_id, line_number, is_duplicate, error_type, error_code, message)
    SELECT p_run.id, r.line_number, r.is_same, 'VALIDATION', 'NS115',
           'another line has the same id and other content; the newest by updatedAt was kept'
      FROM ranked AS r
     WHERE r.rank > 1
$$;
COMMENT ON FUNCTION sync._reject_duplicates(bulk_runs) IS
    'Of lines with the same id keeps the newest by updatedAt, then the last; the others count as duplicates where they say the '
    'same, and go to quarantine where they differ. Locks: none.';

CREATE FUNCTION sync.stage_table(p_run_id uuid, p_token uuid, p_staging text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '192MB'
AS $$
DECLARE
    v_run   bulk_runs := sync._leased_run_shared(p_run_id, p_token);
    v_table sync_tables;
    v_rows  bigint;
BEGIN
    SELECT t.* INTO v_table FROM sync_tables AS t JOIN sync_streams AS s USING (stream)
     WHERE t.staging_table = p_staging AND s.resource = v_run.query_type;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is no staging table of %', p_staging, v_run.query_type USING ERRCODE = 'NS001';
    END IF;
    EXECUTE format('DELETE FROM neanelu.%I WHERE bulk_run_id = $1', p_staging) USING v_run.id;
    IF v_table.kinds = '{}' THEN
        PERFORM sync._stage_menu_items(v_run);
        RETURN 0;
    END IF;
    EXECUTE sync._stage_statement(p_staging) USING v_run.id, v_run.shop_id, v_run.attempt, v_table.stream, v_table.kinds;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    EXECUTE format($q$
        INSERT INTO bulk_rejects (bulk_run_id, line_number, error_type, error_code, message)
        SELECT $1, s.line_number, 'VALIDATION', s.validation_errors #>> '{0,error}', s.validation_errors::text
          FROM neanelu.%I AS s
         WHERE s.bulk_run_id = $1 AND s.validation_status = 'invalid'$q$, p_staging)
      USING v_run.id;
    RETURN v_rows;
END
$$;
COMMENT ON FUNCTION sync.stage_table(uuid, uuid, text) IS
    'Fills one staging table of the run''s resource from the loaded lines and takes out the lines of invalid rows; returns the rows staged. '
    'Tables may be staged side by side on several connections, except that menu items follow menus. Begins from nothing, so it can be called '
    'again, but rejects are only right after a whole staging. Locks: the run''s row, shared. Raises NA002, NS001, NS004, NS005.';

CREATE FUNCTION sync.collect_groups(p_run_id uuid, p_token uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '192MB'
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run_shared(p_run_id, p_token);
BEGIN
    PERFORM sync._collect_groups(v_run);
END
$$;
COMMENT ON FUNCTION sync.collect_groups(uuid, uuid) IS
    'Notes the objects that own the lines loaded, beside sync.stage_table on another connection; sync.end_stage does it where nobody did. Idempotent, '
    'though not for two callers at once. Locks: the run''s row, shared. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.staging_tables(p_resource text) RETURNS TABLE (staging_table text, depends_on_others boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT t.staging_table, t.kinds = '{}'
      FROM sync_tables AS t JOIN sync_streams AS s USING (stream)
     WHERE s.resource = p_resource
     ORDER BY t.stream, t.merge_order
$$;
COMMENT ON FUNCTION sync.staging_tables(text) IS
    'Staging tables of a resource; those that depend on others come last and are staged when the others are done. Reads only.';

CREATE FUNCTION sync._stage_menu_items(p_run bulk_runs) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH RECURSIVE items AS (
        SELECT m.stream, m.object_id, m.line_number, m.shopify_gid AS menu_gid, NULL::text AS parent_gid, 0 AS level,
               i.doc, i.position, ARRAY[i.doc ->> 'title'] AS path
          FROM staging_menus AS m
          JOIN bulk_lines AS l ON l.bulk_run_id = m.bulk_run_id AND l.attempt = p_run.attempt AND l.line_number = m.line_number
         CROSS JOIN LATERAL jsonb_array_elements(l.doc -> 'items') WITH ORDINALITY AS i (doc, position)
         WHERE m.bulk_run_id = p_run.id AND m.validation_status = 'valid'
        UNION ALL
        SELECT p.stream, p.object_id, p.line_number, p.menu_gid, p.doc ->> 'id', p.level + 1,
               i.doc, i.position, p.path || (i.doc ->> 'title')
          FROM items AS p
         CROSS JOIN LATERAL jsonb_array_elements(p.doc -> 'items') WITH ORDINALITY AS i (doc, position))
    INSERT INTO staging_menu_items (bulk_run_id, shop_id, stream, object_id, line_number, menu_gid, shopify_gid, parent_item_gid,
                                    title, url, item_type, resource_id, position, level, path, validation_status)
    SELECT p_run.id, p_run.shop_id, i.stream, i.object_id, i.line_number, i.menu_gid, i.doc ->> 'id', i.parent_gid,
           i.doc ->> 'title', i.doc ->> 'url', i.doc ->> 'type', i.doc ->> 'resourceId', i.position, i.level, i.path, 'valid'
      FROM items AS i
$$;
COMMENT ON FUNCTION sync._stage_menu_items(bulk_runs) IS
    'Flattens the items of staged menus, any depth, with level and path of titles. Locks: none.';

CREATE FUNCTION sync._reject_orphans(p_run bulk_runs) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
-- The groups are as new as this transaction: without statistics a join of them must not be planned as one of a few rows.
SET enable_nestloop = off
AS $$
BEGIN
    -- An object is rejected when its own line is missing from the file, or was taken out; its other lines follow.
    INSERT INTO bulk_outcomes (bulk_run_id, stream, object_id, outcome)
    SELECT p_run.id, g.stream, g.object_id, 'rejected'
      FROM bulk_groups AS g
      JOIN sync_streams AS s ON s.stream = g.stream
      LEFT JOIN bulk_lines AS l ON l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt
       AND l.stream = g.stream AND l.owner_id = g.object_id AND l.kind = s.kind
       AND NOT EXISTS (SELECT FROM bulk_rejects AS x WHERE x.bulk_run_id = p_run.id AND x.line_number = l.line_number)
     WHERE g.bulk_run_id = p_run.id AND l.line_number IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO bulk_rejects (bulk_run_id, line_number, error_type, error_code, message)
    SELECT p_run.id, l.line_number, 'VALIDATION',
           CASE WHEN (l.stream, l.owner_id) IN (
                    SELECT e.stream, e.owner_id
                      FROM bulk_rejects AS x
                      JOIN bulk_lines AS e ON e.bulk_run_id = p_run.id AND e.attempt = p_run.attempt AND e.line_number = x.line_number
                     WHERE x.bulk_run_id = p_run.id) THEN 'NS116' ELSE 'NS114' END,
           'the line of the object that this line belongs to is missing from the file or was quarantined'
      FROM bulk_outcomes AS o
      JOIN bulk_lines AS l ON l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.stream = o.stream AND l.owner_id = o.object_id
     WHERE o.bulk_run_id = p_run.id AND o.outcome = 'rejected'
       AND NOT EXISTS (SELECT FROM bulk_rejects AS x WHERE x.bulk_run_id = p_run.id AND x.line_number = l.line_number);
    PERFORM sync._withdraw_rejected(p_run);
END
$$;
COMMENT ON FUNCTION sync._reject_orphans(bulk_runs) IS
    'Rejects objects whose own line is missing (NS114) or was taken out (NS116), with all their lines. Locks: staging rows.';

CREATE FUNCTION sync._withdraw_rejected(p_run bulk_runs) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN
        SELECT t.staging_table FROM sync_tables AS t JOIN sync_streams AS s USING (stream) WHERE s.resource = p_run.query_type
    LOOP
        EXECUTE format($q$
            UPDATE neanelu.%I AS s SET validation_status = 'invalid'
             WHERE s.bulk_run_id = $1 AND s.validation_status = 'valid'
               AND EXISTS (SELECT FROM bulk_rejects AS x WHERE x.bulk_run_id = $1 AND x.line_number = s.line_number)$q$, v_table)
          USING p_run.id;
    END LOOP;
END
$$;
COMMENT ON FUNCTION sync._withdraw_rejected(bulk_runs) IS
    'Marks staged rows whose line was taken out after they were staged. Idempotent. Locks: those staging rows.';

CREATE FUNCTION sync._record_rejects(p_run bulk_runs) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_total bigint;
BEGIN
    INSERT INTO bulk_errors (shop_id, bulk_run_id, error_type, error_code, error_message, line_number, kind, object_gid, payload, raw_bytes)
    SELECT DISTINCT ON (x.line_number)
           p_run.shop_id, p_run.id, x.error_type, x.error_code, x.message, x.line_number, l.kind, l.doc ->> 'id', l.doc,
           octet_length(l.doc::text)
      FROM bulk_rejects AS x
      JOIN bulk_lines AS l ON l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.line_number = x.line_number
     WHERE x.bulk_run_id = p_run.id AND NOT x.is_duplicate
     ORDER BY x.line_number, x.error_code
    ON CONFLICT (shop_id, bulk_run_id, line_number) DO NOTHING;
    SELECT count(*) INTO v_total FROM bulk_errors WHERE shop_id = p_run.shop_id AND bulk_run_id = p_run.id;
    RETURN v_total;
END
$$;
COMMENT ON FUNCTION sync._record_rejects(bulk_runs) IS
    'Writes the lines taken out to bulk_errors, except pure duplicates. Returns the quarantined lines of the run so far. Idempotent by line number. Locks: the rows written.';

CREATE FUNCTION sync._assert_error_limit(p_run bulk_runs, p_errors bigint) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_limit constant numeric := sync._setting('max_error_fraction', 0.05);
BEGIN
    IF p_errors > 0 AND p_errors > v_limit * p_run.lines_in THEN
        RAISE EXCEPTION '% of % lines are quarantined, more than the limit of % %%', p_errors, p_run.lines_in, round(v_limit * 100, 2)
            USING ERRCODE = 'NS061', HINT = 'See bulk_errors (neanelu runs show RUN --errors). The limit is system_config sync.max_error_fraction.';
    END IF;
END
$$;
COMMENT ON FUNCTION sync._assert_error_limit(bulk_runs, bigint) IS
    'Stops a run with too large a fraction of bad lines (setting sync.max_error_fraction, default 0.05). Reads only. Raises NS061.';

CREATE FUNCTION sync.begin_stage(p_run_id uuid, p_token uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '192MB'
AS $$
DECLARE
    v_run    bulk_runs := sync._leased_run(p_run_id, p_token);
    v_load   bulk_steps;
    v_landed bigint;
BEGIN
    SELECT * INTO v_load FROM bulk_steps
     WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id AND step_name = 'load' AND status = 'completed';
    SELECT count(*) INTO v_landed FROM bulk_lines WHERE bulk_run_id = v_run.id AND attempt = v_run.attempt;
    IF v_landed IS DISTINCT FROM (v_load.metadata ->> 'landed')::bigint THEN
        RAISE EXCEPTION 'the lines loaded for run % are gone: % of %', p_run_id, v_landed, v_load.metadata ->> 'landed'
            USING ERRCODE = 'NS051', HINT = 'The server restarted and emptied its unlogged tables, or nothing was loaded. Load again.';
    END IF;
    PERFORM sync._begin_step(v_run, 'stage');
    DELETE FROM bulk_groups WHERE bulk_run_id = v_run.id;
    DELETE FROM bulk_outcomes WHERE bulk_run_id = v_run.id;
    DELETE FROM bulk_rejects WHERE bulk_run_id = v_run.id;
    PERFORM sync._reject_unknown_kinds(v_run);
    PERFORM sync._reject_bad_children(v_run);
    PERFORM sync._reject_duplicates(v_run);
END
$$;
COMMENT ON FUNCTION sync.begin_stage(uuid, uuid) IS
    'Starts staging from nothing: checks that the loaded lines are there and takes out duplicates and lines without a place. sync.stage_table '
    'follows for every table of sync.staging_tables, then sync.end_stage. Idempotent. Locks: the run''s row. '
    'Raises NA002, NS004, NS005, NS051 (lines gone: load again).';

CREATE FUNCTION sync.end_stage(p_run_id uuid, p_token uuid, p_rows bigint) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '192MB'
AS $$
DECLARE
    v_run    bulk_runs := sync._leased_run(p_run_id, p_token);
    v_errors bigint;
BEGIN
    PERFORM sync._collect_groups(v_run);
    PERFORM sync._reject_orphans(v_run);
    v_errors := sync._record_rejects(v_run);
    PERFORM sync._end_step(v_run, 'stage', jsonb_build_object('rows', p_rows, 'quarantined', v_errors), p_rows);
    RETURN jsonb_build_object('rows', p_rows, 'quarantined', v_errors);
END
$$;
COMMENT ON FUNCTION sync.end_stage(uuid, uuid, bigint) IS
    'Ends staging: rejects objects whose own line is missing and writes the quarantine, which stays when sync.merge then refuses so many bad '
    'lines. p_rows: the sum of what sync.stage_table returned; sync.merge compares it with what is there. Idempotent. '
    'Locks: the run''s row. Raises NA002, NS004, NS005.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.begin_stage(uuid, uuid), sync.stage_table(uuid, uuid, text), sync.collect_groups(uuid, uuid),
    sync.end_stage(uuid, uuid, bigint), sync.staging_tables(text) TO neanelu_sync;
COMMIT;
