-- Deploy neanelu:functions/sync/stage to pg
-- Lines become typed rows. The SQL is composed from the registry (sync_tables, sync_fields, sync_children), the column
-- types of the staging tables and the NOT NULLs and CHECKs of the mirror, so that every rule stands in one place.
BEGIN;
SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, sync, app, extensions, pg_temp;

-- Composing ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION sync._guess_expression(p_source text, p_type oid, p_typmod integer, p_trusting boolean DEFAULT false) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE p_type
        WHEN 'numeric'::regtype THEN format('CASE WHEN octet_length(%1$s) <= %2$s%3$s THEN %1$s::numeric END',
                                            p_source, (p_typmod - 4 >> 16) - (p_typmod - 4 & 65535),
                                            CASE WHEN p_trusting THEN '' ELSE format(' AND pg_input_is_valid(%s, ''numeric'')', p_source) END)
        WHEN 'text[]'::regtype THEN format('JSON_QUERY(%s, ''$'' RETURNING text[] NULL ON ERROR)', p_source) END
$$;
COMMENT ON FUNCTION sync._guess_expression(text, oid, integer, boolean) IS
    'SQL for what a value probably is, to be computed once for sync._typed_expression, which judges it; p_trusting as there. Null for types that need none. Pure.';

CREATE FUNCTION sync._without_null(p_source text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    -- A JSON null takes at most 12 bytes: what is longer needs no comparison, which costs ten times as much.
    SELECT format('CASE WHEN pg_column_size(%1$s) > 12 OR %1$s <> ''null'' THEN %1$s END', p_source)
$$;
COMMENT ON FUNCTION sync._without_null(text) IS 'SQL for a jsonb expression with null in place of a JSON null. Pure.';

CREATE FUNCTION sync._typed_expression(p_source text, p_type oid, p_typmod integer, p_guess text DEFAULT NULL, p_trusting boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_precision constant integer := (p_typmod - 4) >> 16;
    v_scale     constant integer := (p_typmod - 4) & 65535;
    v_guess     constant text := coalesce(p_guess, '(' || sync._guess_expression(p_source, p_type, p_typmod, p_trusting) || ')');
BEGIN
    -- The last WHEN is the rule. A regular expression, or taking an array apart, costs more than all else that is done with a value, so the first WHEN
    -- takes what nearly all values are: numbers in PostgreSQL's own spelling, whatever else the type's input takes; short flat arrays.
    RETURN CASE p_type
        WHEN 'text'::regtype THEN p_source
        WHEN 'varchar'::regtype THEN format('CASE WHEN octet_length(%1$s) <= %2$s OR length(%1$s) <= %2$s THEN %1$s END', p_source, p_typmod - 4)
        WHEN 'boolean'::regtype THEN format('CASE %1$s WHEN ''true'' THEN true WHEN ''false'' THEN false END', p_source)
        WHEN 'numeric'::regtype THEN format(
            'CASE WHEN %5$s::text = %1$s AND scale(%5$s) <= %3$s THEN %5$s::numeric(%4$s,%3$s)'
            ' WHEN %1$s ~ ''^-?[0-9]{1,%2$s}(\.[0-9]{1,%3$s}0*)?$'' THEN %1$s::numeric(%4$s,%3$s) END',
            p_source, v_precision - v_scale, v_scale, v_precision, v_guess)
        WHEN 'integer'::regtype THEN format(
            'CASE WHEN %2$s(%1$s::integer::text = %1$s OR %1$s ~ ''^-?[0-9]+$'') THEN %1$s::integer END',
            p_source, CASE WHEN p_trusting THEN '' ELSE format('pg_input_is_valid(%s, ''integer'') AND ', p_source) END)
        WHEN 'bigint'::regtype THEN format(
            'CASE WHEN pg_input_is_valid(%1$s, ''bigint'') AND (%1$s::bigint::text = %1$s OR %1$s ~ ''^-?[0-9]+$'') THEN %1$s::bigint END', p_source)
        -- The LIKE is what Shopify sends; the expression allows fractions and offsets. Asking whether it is a time costs as much as reading it.
        WHEN 'timestamptz'::regtype THEN format(
            'CASE WHEN %1$s LIKE ''____-__-__T__:__:__Z''%2$s THEN %1$s::timestamptz'
            ' WHEN %1$s ~ ''^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$'''
            ' AND pg_input_is_valid(%1$s, ''timestamptz'') THEN %1$s::timestamptz END',
            p_source, CASE WHEN p_trusting THEN '' ELSE format(' AND pg_input_is_valid(%s, ''timestamptz'')', p_source) END)
        WHEN 'jsonb'::regtype THEN sync._without_null(p_source)
        -- an element longer than that would not fit into a GIN index
        WHEN 'text[]'::regtype THEN format(
            'CASE WHEN array_ndims(%2$s) = 1 AND pg_column_size(%2$s) <= 255 THEN %2$s'
            ' WHEN jsonb_typeof(%1$s) = ''array'' THEN (SELECT CASE WHEN coalesce(max(length(e.v)), 0) <= 255 THEN coalesce(array_agg(e.v ORDER BY e.n), ''{}'') END FROM jsonb_array_elements_text(%1$s) WITH ORDINALITY AS e (v, n)) END',
            p_source, v_guess)
    END;
END
$$;
COMMENT ON FUNCTION sync._typed_expression(text, oid, integer, text, boolean) IS
    'SQL that turns a text (for jsonb and text[]: a jsonb) expression into the type, or into null where it does not fit exactly: nothing '
    'is rounded, cut or guessed. p_guess: where sync._guess_expression was computed before; p_trusting: a short text that is no number, or a time of the usual form that is '
    'none (30 February), may raise an error of class 22 instead. Null for types that have no rule. Pure.';

CREATE FUNCTION sync._shared_heads(p_staging text) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT split_part(f.source, '.', 1)
      FROM sync_fields AS f
     WHERE f.staging_table = p_staging AND NOT f.is_expression AND f.source LIKE '%.%'
     GROUP BY 1 HAVING count(*) > 1
     ORDER BY 1
$$;
COMMENT ON FUNCTION sync._shared_heads(text) IS
    'Objects inside a line of which several fields are staged: taken out of the line once. Reads only.';

CREATE FUNCTION sync._steps(p_path text[], p_is_json boolean) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(format(CASE WHEN n = cardinality(p_path) AND NOT p_is_json THEN ' ->> %L' ELSE ' -> %L' END, step), '' ORDER BY n)
      FROM unnest(p_path) WITH ORDINALITY AS u (step, n)
$$;
COMMENT ON FUNCTION sync._steps(text[], boolean) IS
    'SQL that goes from an object to a value inside it, as jsonb or as text, step by step: taking the path apart for each line costs more. Pure.';

CREATE FUNCTION sync._columns(p_staging text, p_trusting boolean DEFAULT NULL) RETURNS TABLE (
    name text, ordinal integer, type oid, is_window boolean, source text, raw text, guess text, typed text, final text, is_required boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT f.column_name, a.attnum::integer, a.atttypid, f.is_expression AND f.source LIKE '% OVER (%',
           CASE
               WHEN f.is_expression THEN f.source
               WHEN h.head IS NULL THEN 'l.doc' || sync._steps(p.path, j.is_json)
               ELSE format('l.%I', 'doc.' || h.head) || sync._steps(p.path[2:], j.is_json)
           END,
           CASE WHEN j.is_json THEN sync._without_null(format('r.%I', f.column_name)) ELSE format('r.%I', f.column_name) END,
           y.guess,
           CASE WHEN a.atttypid = 'bigint'::regtype
                -- the number that the daemon read out of the line's id
                THEN format('CASE WHEN r.%1$I = r.object_id::text THEN r.object_id ELSE %2$s END', f.column_name, y.typed)
                ELSE y.typed END,
           CASE WHEN m.attnotnull AND m.atthasdef THEN format('coalesce(t.%I, %s)', f.column_name, pg_get_expr(e.adbin, 0))
                ELSE format('t.%I', f.column_name) END,
           coalesce(m.attnotnull AND NOT m.atthasdef, false) OR coalesce(r.is_required, false)
      FROM sync_fields AS f
      JOIN sync_tables AS s USING (staging_table)
      CROSS JOIN LATERAL string_to_array(f.source, '.') AS p (path)
      JOIN pg_attribute AS a ON a.attrelid = format('neanelu.%I', f.staging_table)::regclass AND a.attname = f.column_name
      CROSS JOIN LATERAL (SELECT a.atttypid IN ('jsonb'::regtype, 'text[]'::regtype) AS is_json) AS j
      LEFT JOIN LATERAL (
        SELECT sync._guess_expression(v.value, a.atttypid, a.atttypmod, p_trusting) AS guess,
               sync._typed_expression(v.value, a.atttypid, a.atttypmod, format('r.%I', 'guess.' || f.column_name), p_trusting) AS typed
          FROM (SELECT format('r.%I', f.column_name) AS value WHERE p_trusting IS NOT NULL) AS v) AS y ON true
      LEFT JOIN sync._shared_heads(p_staging) AS h (head) ON h.head = p.path[1] AND NOT f.is_expression
      LEFT JOIN pg_attribute AS m ON m.attrelid = format('neanelu.%I', s.target_table)::regclass AND m.attname = f.column_name
      LEFT JOIN pg_attrdef AS e ON e.adrelid = m.attrelid AND e.adnum = m.attnum
      LEFT JOIN sync_references AS r ON r.staging_table = f.staging_table AND r.gid_column = f.column_name
     WHERE f.staging_table = p_staging
$$;
COMMENT ON FUNCTION sync._columns(text, boolean) IS
    'The registered columns of a staging table: SQL for the value in the line (l: the line; a window over what the others took out of it), for it without JSON''s null, for '
    'what it probably is and for its typed form (r: the values; both only where p_trusting is given, see sync._typed_expression), for what is stored (t: the typed values; the mirror''s default where it does not take null), and whether a row '
    'without it is invalid (NOT NULL in the mirror, or a required reference). Reads only.';

CREATE FUNCTION sync._kind_condition(p_alias text, p_kinds text[]) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format(CASE cardinality(p_kinds) WHEN 1 THEN '%1$I.kind = %2$L' ELSE '%1$I.kind = ANY (%3$L::text[])' END, p_alias, p_kinds[1], p_kinds)
$$;
COMMENT ON FUNCTION sync._kind_condition(text, text[]) IS
    'SQL for a line being of one of these kinds. What decides most is asked first, stream and kind: each statement reads every line, and passes over '
    'most of them. Pure.';

CREATE FUNCTION sync._half_condition(p_object text, p_half text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT format('(%2$s::smallint IS NULL OR (%2$s = 0) = (hashint8(%1$s) < 0))', p_object, p_half) $$;
COMMENT ON FUNCTION sync._half_condition(text, text) IS
    'SQL for an object''s being in one half (0 or 1; null: both) of all, by a hash of its id: Shopify''s ids are multiples of large powers of two apart. p_half: a parameter, which '
    'planning turns into no condition at all or a short one. Pure.';

CREATE FUNCTION sync._fold_expression(p_shape text, p_trusting boolean DEFAULT false) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    -- Written as text and read once: building each small object as jsonb costs twice as much. Without " and \ a text is its own JSON; a type that begins
    -- with a small letter and is neither true nor false is a text.
    SELECT CASE p_shape
        WHEN 'list' THEN $s$jsonb_agg(c.doc - '__parentId' ORDER BY c.line_number)$s$
        WHEN 'metafields' THEN format($s$('{' || string_agg(%s, ',') || '}')::jsonb$s$, format(
            CASE WHEN p_trusting THEN $s$coalesce(CASE WHEN c.type >= 'a' COLLATE "C" AND c.type < '{' COLLATE "C" AND c.type <> 'true' AND c.type <> 'false'
                AND strpos(c.name, '"') = 0 AND strpos(c.name, '\') = 0 AND strpos(c.type, '"') = 0 AND strpos(c.type, '\') = 0
               THEN '"' || c.name || '":{"type":"' || c.type || '","value":' || c.value || '}' ELSE %s END, '!')$s$ ELSE '%s' END,
            $s$to_json(c.name)::text || ':{"type":' || coalesce((c.doc -> 'type')::text, 'null') || ',"value":' || c.value || '}'$s$)) END
$$;
COMMENT ON FUNCTION sync._fold_expression(text, boolean) IS
    'SQL that folds child lines (c: see sync._child_lines) into one jsonb value; p_trusting: a metafield without namespace, key or value, or with a control character '
    'in its name or type, raises 22P02 instead of being left out or escaped. Pure.';

CREATE FUNCTION sync._child_lines(p_kinds text[], p_shape text, p_rejects boolean) RETURNS text
LANGUAGE sql STABLE
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT format($q$
          FROM (SELECT c.owner_id, c.line_number, c.doc%1$s
                  FROM neanelu.bulk_lines AS c
                 WHERE c.stream = $4 AND %2$s AND c.bulk_run_id = $1 AND c.attempt = $3 AND %4$s%3$s
                OFFSET 0) AS c$q$,
        CASE p_shape WHEN 'metafields' THEN $s$, (c.doc ->> 'namespace') || '.' || (c.doc ->> 'key') AS name, c.doc ->> 'type' AS type,
                       nullif((c.doc -> 'value')::text, 'null') AS value$s$ ELSE '' END,
        sync._kind_condition('c', p_kinds),
        CASE WHEN p_rejects THEN $s$
                   AND NOT EXISTS (SELECT FROM neanelu.bulk_rejects AS x WHERE x.bulk_run_id = $1 AND x.line_number = c.line_number)$s$ ELSE '' END,
        sync._half_condition('c.owner_id', '$5'))
$$;
COMMENT ON FUNCTION sync._child_lines(text[], text, boolean) IS
    'SQL for the child lines (c) that sync._fold_expression folds ($1 run, $3 attempt, $4 stream, $5 half of the owners), with p_rejects without those taken out. Pure but for names.';

CREATE FUNCTION sync._child_joins(p_staging text, p_rejects boolean, p_trusting boolean DEFAULT false) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT coalesce(string_agg(format($q$
      LEFT JOIN (
        SELECT c.owner_id, %1$s AS folded%2$s
         GROUP BY c.owner_id) AS %3$I ON %3$I.owner_id = r.owner_id$q$,
            sync._fold_expression(c.shape, p_trusting), sync._child_lines(c.kinds, c.shape, p_rejects), c.column_name), ''), '')
      FROM sync_children AS c
     WHERE c.staging_table = p_staging
$$;
COMMENT ON FUNCTION sync._child_joins(text, boolean, boolean) IS
    'SQL that joins each line with its folded child lines ($1 run, $3 attempt, $4 stream, $5 half), with p_rejects without those taken out; p_trusting as in '
    'sync._fold_expression. Reads only.';

CREATE FUNCTION sync._mirror_checks(p_staging text) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT coalesce(jsonb_object_agg(c.conname, pg_get_expr(c.conbin, c.conrelid)), '{}')
      FROM sync_tables AS t
      JOIN pg_constraint AS c ON c.conrelid = format('neanelu.%I', t.target_table)::regclass AND c.contype = 'c'
     WHERE t.staging_table = p_staging
       AND NOT EXISTS (
            SELECT FROM unnest(c.conkey) AS n (attnum)
              JOIN pg_attribute AS m ON m.attrelid = c.conrelid AND m.attnum = n.attnum
             WHERE NOT EXISTS (SELECT FROM sync_fields AS f WHERE f.staging_table = p_staging AND f.column_name = m.attname))
$$;
COMMENT ON FUNCTION sync._mirror_checks(text) IS
    'The CHECKs of a mirror table whose columns all come from the line: SQL by name. Reads the catalogue, and so waits for who holds the mirror table exclusively.';

CREATE FUNCTION sync._rules(p_staging text, p_checks jsonb DEFAULT NULL) RETURNS TABLE (is_met text, problem text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT u.is_met, u.problem
      FROM (
        SELECT 1 AS part, c.ordinal, '' AS name,
               format(CASE WHEN c.is_required THEN 't.%1$I IS NOT NULL' ELSE '(t.%2$I IS NULL OR t.%1$I IS NOT NULL)' END, c.name, 'raw.' || c.name),
               format(CASE WHEN c.is_required THEN 'CASE WHEN t.%2$I IS NULL THEN %3$L WHEN t.%1$I IS NULL THEN %4$L END'
                           ELSE 'CASE WHEN t.%2$I IS NOT NULL AND t.%1$I IS NULL THEN %4$L END' END,
                      c.name, 'raw.' || c.name, 'NS111:' || c.name, 'NS112:' || c.name)
          FROM sync._columns(p_staging) AS c
         WHERE c.is_required OR c.type NOT IN ('text'::regtype, 'jsonb'::regtype)
        UNION ALL
        SELECT k.part, 0, k.name, format('(%s) IS NOT FALSE', k.rule), format('CASE WHEN (%s) IS FALSE THEN %L END', k.rule, 'NS113:' || k.name)
          FROM (
            SELECT 2, c.key, c.value FROM jsonb_each_text(CASE WHEN p_checks IS NULL THEN sync._mirror_checks(p_staging) ELSE p_checks END) AS c
            UNION ALL
            SELECT 3, t.staging_table || '_extra_check', t.extra_check
              FROM sync_tables AS t WHERE t.staging_table = p_staging AND t.extra_check IS NOT NULL) AS k (part, name, rule)) AS u (part, ordinal, name, is_met, problem)
     ORDER BY u.part, u.ordinal, u.name
$$;
COMMENT ON FUNCTION sync._rules(text, jsonb) IS
    'What a row must keep, in the order of reporting: SQL that says whether it does, and SQL for what is wrong: a value is missing (NS111) or does not fit '
    '(NS112; t: the typed values, raw.…: the values in the line), a CHECK of the mirror whose columns all come from the line would break, or the '
    'registry''s extra check (NS113). p_checks: those CHECKs, where sync._mirror_checks was asked before. Reads only.';

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

-- Windows are computed over what was taken out of the lines: sorting whole documents costs more than all else.
CREATE FUNCTION sync._line_values(p_staging text, p_rejects boolean, p_report boolean) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT format(CASE WHEN bool_or(c.is_window) THEN $q$
        SELECT l.*%4$s FROM (
            SELECT l.stream, l.owner_id, l.object_id, l.line_number%1$s%2$s
              FROM %3$s
            OFFSET 0) AS l$q$ ELSE $q$
        SELECT l.stream, l.owner_id, l.object_id, l.line_number%1$s%2$s
          FROM %3$s$q$ END,
        CASE WHEN p_report THEN ', l.doc' ELSE '' END,
        string_agg(format(E',\n               %s AS %I', c.source, c.name), '' ORDER BY c.ordinal) FILTER (WHERE NOT c.is_window),
        (SELECT format(CASE WHEN h.heads IS NULL THEN 'neanelu.bulk_lines AS l%2$s' ELSE $q$(
            SELECT l.stream, l.owner_id, l.object_id, l.line_number, l.doc%1$s
              FROM neanelu.bulk_lines AS l%2$s
            OFFSET 0) AS l$q$ END, h.heads, w.conditions)
           FROM (SELECT string_agg(format(', l.doc -> %L AS %I', s.head, 'doc.' || s.head), '') AS heads FROM sync._shared_heads(p_staging) AS s (head)) AS h,
                (SELECT $q$
             WHERE l.stream = $4 AND $q$ || (SELECT sync._kind_condition('l', t.kinds) FROM sync_tables AS t WHERE t.staging_table = p_staging) || $q$ AND l.bulk_run_id = $1 AND l.attempt = $3 AND $q$ || sync._half_condition('l.owner_id', '$5')
                     || CASE WHEN p_report THEN format($q$
               AND l.line_number IN (SELECT s.line_number FROM neanelu.%I AS s WHERE s.bulk_run_id = $1 AND s.validation_status = 'invalid')$q$, p_staging)
                             WHEN p_rejects THEN $q$
               AND NOT EXISTS (SELECT FROM neanelu.bulk_rejects AS x WHERE x.bulk_run_id = $1 AND x.line_number = l.line_number)$q$ ELSE '' END) AS w (conditions)),
        string_agg(format(E',\n               %s AS %I', c.source, c.name), '' ORDER BY c.ordinal) FILTER (WHERE c.is_window))
      FROM sync._columns(p_staging) AS c
$$;
COMMENT ON FUNCTION sync._line_values(text, boolean, boolean) IS
    'SQL for the values that a staging table takes out of its lines, untyped; arguments as for sync._typed_rows. Reads only.';

CREATE FUNCTION sync._typed_rows(p_staging text, p_children boolean, p_rejects boolean, p_trusting boolean, p_report boolean) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    -- Each level ends in OFFSET 0: the planner does not merge it with the next, so each value is computed once.
    SELECT format($q$(
    SELECT r.stream, r.owner_id, r.line_number%1$s,
           %2$s
      FROM (%3$s
        OFFSET 0) AS r%4$s
    OFFSET 0) AS t$q$,
        CASE WHEN p_report THEN ', r.doc' ELSE '' END,
        string_agg(format('%s AS %I', c.typed, c.name), E',\n           ' ORDER BY c.ordinal)
            || coalesce(string_agg(format(E',\n           %s AS %I', c.raw, 'raw.' || c.name), '' ORDER BY c.ordinal)
                            FILTER (WHERE p_report OR NOT c.is_required AND c.type NOT IN ('text'::regtype, 'jsonb'::regtype)), '')
            || CASE WHEN p_children THEN (SELECT coalesce(string_agg(format(E',\n           %I.folded AS %1$I', f.column_name), '' ORDER BY f.column_name), '')
                                            FROM sync_children AS f WHERE f.staging_table = p_staging) ELSE '' END,
        CASE WHEN count(c.guess) = 0 THEN v.values ELSE format($q$
        SELECT r.*,
               %2$s
          FROM (%1$s
            OFFSET 0) AS r$q$, v.values, string_agg(format('%s AS %I', c.guess, 'guess.' || c.name), E',\n               ' ORDER BY c.ordinal)
                                               FILTER (WHERE c.guess IS NOT NULL)) END,
        CASE WHEN p_children THEN sync._child_joins(p_staging, p_rejects, p_trusting) ELSE '' END)
      FROM sync._columns(p_staging, p_trusting) AS c, sync._line_values(p_staging, p_rejects, p_report) AS v (values)
     GROUP BY v.values
$$;
COMMENT ON FUNCTION sync._typed_rows(text, boolean, boolean, boolean, boolean) IS
    'SQL for the typed rows (t) of a staging table: p_children folds child lines into them, p_rejects leaves out lines that were taken out, p_trusting as in '
    'sync._typed_expression, p_report is for the rows that were found invalid, with their lines ($1 run, $2 shop, $3 attempt, $4 stream, $5 half of the objects). Reads only.';

CREATE FUNCTION sync._stage_statement(
    p_staging text, p_children boolean DEFAULT true, p_rejects boolean DEFAULT true, p_trusting boolean DEFAULT false, p_checks jsonb DEFAULT NULL)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
-- The caller's plans are not for the catalogue: without loops composing costs as much as thousands of rows.
SET enable_nestloop = on
AS $$
    SELECT format($q$
INSERT INTO neanelu.%1$I (bulk_run_id, shop_id, stream, object_id, line_number, %2$s%3$s%4$s, validation_status)
SELECT $1, $2, t.stream, t.owner_id, t.line_number, %5$s%6$s%7$s,
       CASE WHEN %8$s THEN 'valid' ELSE set_config('neanelu.staged', 'invalid', true) END
  FROM %9$s$q$,
        p_staging,
        string_agg(quote_ident(c.name), ', ' ORDER BY c.ordinal), f.names, i.name,
        string_agg(c.final, ', ' ORDER BY c.ordinal), f.values, i.value,
        (SELECT string_agg(r.is_met, E'\n             AND ') FROM sync._rules(p_staging, p_checks) AS r),
        sync._typed_rows(p_staging, p_children, p_rejects, p_trusting, false))
      FROM sync._columns(p_staging) AS c,
           (SELECT coalesce(string_agg(format(', %I', f.column_name), '' ORDER BY f.column_name), '') AS names,
                   coalesce(string_agg(CASE WHEN p_children THEN format(', coalesce(t.%I, %L)', f.column_name, CASE f.shape WHEN 'list' THEN '[]' ELSE '{}' END)
                                            ELSE format(', %L::jsonb', CASE f.shape WHEN 'list' THEN '[]' ELSE '{}' END) END, '' ORDER BY f.column_name), '') AS values
              FROM sync_children AS f WHERE f.staging_table = p_staging) AS f,
           -- uuidv7() costs as much as four columns: the run's id with the line's number instead, a version 7 as well.
           (SELECT coalesce(max(', id'), '') AS name, coalesce(max(', (left($1::text, 24) || to_hex(140737488355328 + t.line_number))::uuid'), '') AS value
              FROM pg_attribute AS a WHERE a.attrelid = format('neanelu.%I', p_staging)::regclass AND a.attname = 'id') AS i
     GROUP BY f.names, f.values, i.name, i.value
$$;
COMMENT ON FUNCTION sync._stage_statement(text, boolean, boolean, boolean, jsonb) IS
    'The INSERT that turns lines into rows of a staging table ($1 run, $2 shop, $3 attempt, $4 stream, $5 half of the objects, null for all); p_children: there are child lines to '
    'fold, p_rejects: lines were taken out, p_trusting as in sync._typed_expression, p_checks as in sync._rules. Sets neanelu.staged to invalid where a row is. To read one: SELECT sync._stage_statement(''staging_variants''). Reads only.';

CREATE FUNCTION sync._report_statement(p_staging text, p_checks jsonb DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET enable_nestloop = on
AS $$
    SELECT format($q$
UPDATE neanelu.%1$I AS s
   SET validation_errors = sync._problem_report(%1$L, p.problems, p.doc), raw_data = p.doc
  FROM (SELECT t.line_number, t.doc,
               array_remove(ARRAY[%2$s]::text[], NULL) AS problems
          FROM %3$s) AS p
 WHERE s.bulk_run_id = $1 AND s.shop_id = $2 AND s.line_number = p.line_number AND s.validation_status = 'invalid'$q$,
        p_staging, (SELECT string_agg(r.problem, E',\n                                  ') FROM sync._rules(p_staging, p_checks) AS r),
        sync._typed_rows(p_staging, false, false, false, true))
$$;
COMMENT ON FUNCTION sync._report_statement(text, jsonb) IS
    'The UPDATE that says of invalid rows what is wrong with them, and keeps their lines; arguments as of sync._stage_statement. That asks every rule '
    'of few rows, the INSERT of all rows only whether all are kept. Reads only.';

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
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM bulk_groups AS g WHERE g.bulk_run_id = p_run.id) THEN
        RETURN;
    END IF;
    -- The streams' own kinds are written into the statement: a join with them costs as much as half of the grouping.
    EXECUTE (
        SELECT format($q$
            INSERT INTO neanelu.bulk_groups (bulk_run_id, stream, object_id, has_own_line)
            SELECT $1, l.stream, l.owner_id, bool_or(CASE l.stream%s ELSE false END)
              FROM neanelu.bulk_lines AS l
             WHERE l.bulk_run_id = $1 AND l.attempt = $2
             GROUP BY l.stream, l.owner_id$q$, string_agg(format(' WHEN %s THEN l.kind = %L', s.stream, s.kind), '' ORDER BY s.stream))
          FROM sync_streams AS s WHERE s.resource = p_run.query_type)
      USING p_run.id, p_run.attempt;
END
$$;
COMMENT ON FUNCTION sync._collect_groups(bulk_runs) IS
    'Notes the objects that own the lines loaded, and whether their own line is among them, unless that was done. Locks: none.';

CREATE FUNCTION sync._is_whole(p_run bulk_runs) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
SET enable_nestloop = off
AS $$
DECLARE
    v_found boolean;
BEGIN
    IF EXISTS (SELECT FROM bulk_rejects AS x WHERE x.bulk_run_id = p_run.id) THEN
        RETURN false;
    END IF;
    -- A clean tree refers to nothing outside. Where all lines are in such trees, which are known by now, none needs to be read.
    IF (SELECT sum(b.lines) FROM bulk_trees AS b WHERE b.bulk_run_id = p_run.id AND b.is_clean)
       = (SELECT (b.metadata ->> 'landed')::bigint FROM bulk_steps AS b
           WHERE b.shop_id = p_run.shop_id AND b.bulk_run_id = p_run.id AND b.step_name = 'load' AND b.metadata ? 'has_trees') THEN
        RETURN true;
    END IF;
    EXECUTE (
        SELECT format($q$
            SELECT NOT EXISTS (
                SELECT FROM neanelu.bulk_lines AS c
                 WHERE c.bulk_run_id = $1 AND c.attempt = $2 AND NOT (%1$s)
                   AND NOT EXISTS (SELECT FROM neanelu.bulk_lines AS l
                                    WHERE l.bulk_run_id = $1 AND l.attempt = $2 AND l.stream = c.stream AND l.owner_id = c.owner_id AND (%2$s)))$q$,
            string_agg(format('c.stream = %s AND c.kind = %L', s.stream, s.kind), ' OR ' ORDER BY s.stream),
            string_agg(format('l.stream = %s AND l.kind = %L', s.stream, s.kind), ' OR ' ORDER BY s.stream))
          FROM sync_streams AS s WHERE s.resource = p_run.query_type)
       INTO v_found USING p_run.id, p_run.attempt;
    RETURN v_found;
END
$$;
COMMENT ON FUNCTION sync._is_whole(bulk_runs) IS
    'Whether no line was taken out by now and every object that owns lines has its own among them, once. Reads only.';

CREATE FUNCTION sync._count_objects(p_run bulk_runs, p_stream smallint) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce((SELECT coalesce((b.metadata -> 'lines' ->> (s.stream || '/' || s.kind))::bigint, 0)
                       FROM bulk_steps AS b
                       JOIN sync_streams AS s ON s.stream = p_stream
                      WHERE b.shop_id = p_run.shop_id AND b.bulk_run_id = p_run.id AND b.step_name = 'stage' AND b.metadata ? 'is_whole'),
                    (SELECT count(*) FROM bulk_groups WHERE bulk_run_id = p_run.id AND stream = p_stream))
$$;
COMMENT ON FUNCTION sync._count_objects(bulk_runs, smallint) IS
    'The objects of one stream that own lines loaded: as many as lines of their kind where sync.collect_groups found that enough, else those in bulk_groups. Reads only.';

CREATE FUNCTION sync._places() RETURNS TABLE (stream smallint, kind text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT s.stream, s.kind FROM sync_streams AS s
    UNION SELECT t.stream, unnest(t.kinds) FROM sync_tables AS t
    UNION SELECT t.stream, unnest(c.kinds) FROM sync_children AS c JOIN sync_tables AS t USING (staging_table)
$$;
COMMENT ON FUNCTION sync._places() IS 'Which kinds of line the registry knows in which stream. Reads only.';

CREATE FUNCTION sync._reject_unknown_kinds(p_run bulk_runs) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO bulk_rejects (bulk_run_id, line_number, error_type, error_code, message)
    SELECT p_run.id, l.line_number, 'VALIDATION', 'NS109', format('a %s line has no place under this object', l.kind)
      FROM bulk_lines AS l
     WHERE l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt
       AND (l.stream, l.kind) NOT IN (SELECT p.stream, p.kind FROM sync._places() AS p)
$$;
COMMENT ON FUNCTION sync._reject_unknown_kinds(bulk_runs) IS 'Takes out lines of kinds that the registry does not know under their owner. Locks: none.';

CREATE FUNCTION sync._reject_bad_children(p_run bulk_runs, p_staging text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO bulk_rejects (bulk_run_id, line_number, error_type, error_code, message)
    SELECT p_run.id, l.line_number, 'VALIDATION', 'NS111', 'a metafield needs a namespace, a key and a value'
      FROM sync_children AS c
      JOIN sync_tables AS t USING (staging_table)
      JOIN bulk_lines AS l ON l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.stream = t.stream AND l.kind = ANY (c.kinds)
     WHERE c.staging_table = p_staging AND c.shape = 'metafields'
       AND (l.doc ->> 'namespace' IS NULL OR l.doc ->> 'key' IS NULL OR l.doc ->> 'value' IS NULL)
$$;
COMMENT ON FUNCTION sync._reject_bad_children(bulk_runs, text) IS 'Takes out child lines of a staging table that lack what folding needs. Locks: none.';

CREATE FUNCTION sync._reject_duplicates(p_run bulk_runs) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
-- Numbers alone are sorted for much less than rows.
SET enable_presorted_aggregate = off
AS $$
BEGIN
    -- Nearly no file has any. One number a line is enough to be sure of that; lines that share it by accident are told apart below.
    IF (SELECT count(*) = count(DISTINCT hashint8extended(l.owner_id, coalesce(l.object_id, jsonb_hash_extended(l.doc, 0))))
          FROM bulk_lines AS l WHERE l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt) THEN
        RETURN;
    END IF;
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
     WHERE r.rank > 1;
END
$$;
COMMENT ON FUNCTION sync._reject_duplicates(bulk_runs) IS
    'Of lines with the same id keeps the newest by updatedAt, then the last; the others count as duplicates where they say the '
    'same, and go to quarantine where they differ. Locks: none.';

CREATE FUNCTION sync._stage_rows(p_run bulk_runs, p_table sync_tables, p_children boolean DEFAULT true, p_checks jsonb DEFAULT NULL, p_half smallint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
-- Lines, and rows that are as new as this transaction: without statistics a join of them must not be planned as one of a few.
SET enable_nestloop = off
AS $$
DECLARE
    v_rejects boolean := EXISTS (SELECT FROM bulk_rejects WHERE bulk_run_id = p_run.id);
    v_rows    bigint;
BEGIN
    -- A row that is invalid says so: looking for one afterwards would cost a reading of the table.
    PERFORM set_config('neanelu.staged', 'valid', true);
    BEGIN
        EXECUTE sync._stage_statement(p_table.staging_table, p_children, v_rejects, true, p_checks)
          USING p_run.id, p_run.shop_id, p_run.attempt, p_table.stream, p_half;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
    EXCEPTION WHEN data_exception THEN
        -- a metafield that lacks what folding needs, or a value that is none (a word for a number, the 30th of February): the careful statement finds out which
        PERFORM sync._reject_bad_children(p_run, p_table.staging_table);
        v_rejects := EXISTS (SELECT FROM bulk_rejects WHERE bulk_run_id = p_run.id);
        EXECUTE sync._stage_statement(p_table.staging_table, p_children, v_rejects, false, p_checks)
          USING p_run.id, p_run.shop_id, p_run.attempt, p_table.stream, p_half;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
    END;
    IF current_setting('neanelu.staged') = 'invalid' THEN
        EXECUTE sync._report_statement(p_table.staging_table, p_checks)
          USING p_run.id, p_run.shop_id, p_run.attempt, p_table.stream, p_half;
        EXECUTE format($q$
            INSERT INTO bulk_rejects (bulk_run_id, line_number, error_type, error_code, message)
            SELECT $1, s.line_number, 'VALIDATION', s.validation_errors #>> '{0,error}', s.validation_errors::text
              FROM neanelu.%I AS s
             WHERE s.bulk_run_id = $1 AND s.validation_status = 'invalid' AND %s$q$, p_table.staging_table, sync._half_condition('s.object_id', '$2'))
          USING p_run.id, p_half;
    END IF;
    RETURN v_rows;
END
$$;
COMMENT ON FUNCTION sync._stage_rows(bulk_runs, sync_tables, boolean, jsonb, smallint) IS
    'Turns lines into rows of one staging table and takes out the lines of invalid ones, saying why; p_children false: there are no child lines to '
    'fold; p_checks as in sync._rules; p_half as in sync.stage_table. Returns the rows. Locks: none.';

CREATE FUNCTION sync.stage_table(p_run_id uuid, p_token uuid, p_staging text, p_half smallint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '192MB'
AS $$
DECLARE
    v_run   bulk_runs := sync._leased_run_shared(p_run_id, p_token);
    v_table sync_tables;
    v_lines jsonb;
    v_checks jsonb;
BEGIN
    SELECT t.* INTO v_table FROM sync_tables AS t JOIN sync_streams AS s USING (stream)
     WHERE t.staging_table = p_staging AND s.resource = v_run.query_type;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is no staging table of %', p_staging, v_run.query_type USING ERRCODE = 'NS001';
    END IF;
    EXECUTE format('DELETE FROM neanelu.%I AS s WHERE s.bulk_run_id = $1 AND %s', p_staging, sync._half_condition('s.object_id', '$2')) USING v_run.id, p_half;
    IF v_table.kinds = '{}' THEN
        PERFORM sync._stage_menu_items(v_run);
        RETURN 0;
    END IF;
    -- What no line belongs to is not looked for: every search reads all lines.
    SELECT s.metadata -> 'lines', s.metadata -> 'checks' -> p_staging INTO v_lines, v_checks FROM bulk_steps AS s
     WHERE s.shop_id = v_run.shop_id AND s.bulk_run_id = v_run.id AND s.step_name = 'stage';
    IF NOT v_lines ?| ARRAY(SELECT v_table.stream || '/' || k FROM unnest(v_table.kinds) AS k) THEN
        RETURN 0;
    END IF;
    RETURN sync._stage_rows(v_run, v_table, coalesce(v_lines ?| ARRAY(
        SELECT v_table.stream || '/' || unnest(c.kinds) FROM sync_children AS c WHERE c.staging_table = p_staging), true), v_checks, p_half);
END
$$;
COMMENT ON FUNCTION sync.stage_table(uuid, uuid, text, smallint) IS
    'Fills one staging table of the run''s resource from the loaded lines and takes out the lines of invalid rows; returns the rows staged. p_half: only half of the objects, '
    '0 or 1, so that two connections can share a table. '
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
    -- Of a first load, merged beside its staging, nobody asks for the objects but how many there are, if none is orphaned.
    UPDATE bulk_steps SET metadata = metadata || '{"is_whole": true}'
     WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id AND step_name = 'stage' AND metadata ? 'checks' AND sync._is_whole(v_run);
    IF NOT FOUND THEN
        PERFORM sync._collect_groups(v_run);
    END IF;
END
$$;
COMMENT ON FUNCTION sync.collect_groups(uuid, uuid) IS
    'Notes the objects that own the lines loaded, beside sync.stage_table on another connection; sync.settle_stream does it where nobody did. Of a first load in which each has its '
    'own line it notes only that (is_whole in the stage step). Idempotent, though not for two callers at once. Locks: the run''s row, shared; the stage step. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.staging_tables(p_resource text) RETURNS TABLE (staging_table text, stream smallint, is_own boolean, depends_on_others boolean)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT t.staging_table, t.stream, s.kind = ANY (t.kinds), t.kinds = '{}'
      FROM sync_tables AS t JOIN sync_streams AS s USING (stream)
     WHERE s.resource = p_resource
     ORDER BY t.stream, t.merge_order
$$;
COMMENT ON FUNCTION sync.staging_tables(text) IS
    'Staging tables of a resource in the order of merging, their streams, which takes the objects'' own lines, and which depends on others of its stream and is staged '
    'when they are done. Reads only.';

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

CREATE FUNCTION sync._reject_orphans(p_run bulk_runs, p_streams smallint[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
-- The groups are as new as this transaction: without statistics a join of them must not be planned as one of a few rows.
SET enable_nestloop = off
AS $$
DECLARE
    v_streams constant smallint[] := coalesce(p_streams, ARRAY(SELECT s.stream FROM sync_streams AS s WHERE s.resource = p_run.query_type));
BEGIN
    -- An object is rejected when its own line is missing from the file, or was taken out; its other lines follow.
    INSERT INTO bulk_outcomes (bulk_run_id, stream, object_id, outcome)
    SELECT p_run.id, g.stream, g.object_id, 'rejected' FROM bulk_groups AS g
     WHERE g.bulk_run_id = p_run.id AND g.stream = ANY (v_streams) AND NOT g.has_own_line;
    IF EXISTS (SELECT FROM bulk_rejects AS x WHERE x.bulk_run_id = p_run.id) THEN
        INSERT INTO bulk_outcomes (bulk_run_id, stream, object_id, outcome)
        SELECT p_run.id, l.stream, l.owner_id, 'rejected'
          FROM bulk_lines AS l
          JOIN sync_streams AS s ON s.stream = l.stream AND s.kind = l.kind
          LEFT JOIN (SELECT DISTINCT x.line_number FROM bulk_rejects AS x WHERE x.bulk_run_id = p_run.id) AS x USING (line_number)
         WHERE l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.stream = ANY (v_streams)
         GROUP BY l.stream, l.owner_id
        HAVING bool_and(x.line_number IS NOT NULL);
    END IF;
    IF NOT EXISTS (SELECT FROM bulk_outcomes AS o WHERE o.bulk_run_id = p_run.id AND o.outcome = 'rejected' AND o.stream = ANY (v_streams)) THEN
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
     WHERE o.bulk_run_id = p_run.id AND o.outcome = 'rejected' AND o.stream = ANY (v_streams)
       AND NOT EXISTS (SELECT FROM bulk_rejects AS x WHERE x.bulk_run_id = p_run.id AND x.line_number = l.line_number);
    PERFORM sync._withdraw_rejected(p_run, v_streams);
END
$$;
COMMENT ON FUNCTION sync._reject_orphans(bulk_runs, smallint[]) IS
    'Rejects objects of some streams (null: of all) whose own line is missing (NS114) or was taken out (NS116), with all their lines. Locks: staging rows.';

CREATE FUNCTION sync._withdraw_rejected(p_run bulk_runs, p_streams smallint[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN
        SELECT t.staging_table FROM sync_tables AS t WHERE t.stream = ANY (p_streams)
    LOOP
        EXECUTE format($q$
            UPDATE neanelu.%I AS s SET validation_status = 'invalid'
             WHERE s.bulk_run_id = $1 AND s.validation_status = 'valid'
               AND EXISTS (SELECT FROM bulk_rejects AS x WHERE x.bulk_run_id = $1 AND x.line_number = s.line_number)$q$, v_table)
          USING p_run.id;
    END LOOP;
END
$$;
COMMENT ON FUNCTION sync._withdraw_rejected(bulk_runs, smallint[]) IS
    'Marks staged rows of some streams whose line was taken out after they were staged. Idempotent. Locks: those staging rows.';

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

CREATE FUNCTION sync._count_lines_staged(p_run bulk_runs, OUT landed bigint, OUT lines jsonb, OUT has_unknown boolean, OUT has_repeats boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
-- Numbers alone are sorted for much less than rows.
SET enable_presorted_aggregate = off
AS $$
BEGIN
    EXECUTE (
        SELECT format($q$
            SELECT count(*), jsonb_strip_nulls(jsonb_build_object(%s)),
                   count(*) > count(DISTINCT hashint8extended(l.owner_id, coalesce(l.object_id, jsonb_hash_extended(l.doc, 0))))
              FROM neanelu.bulk_lines AS l
             WHERE l.bulk_run_id = $1 AND l.attempt = $2$q$,
            string_agg(format('%L, nullif(count(*) FILTER (WHERE l.stream = %s AND l.kind = %L), 0)', p.stream || '/' || p.kind, p.stream, p.kind), ', '))
          FROM sync._places() AS p JOIN sync_streams AS s USING (stream)
         WHERE s.resource = p_run.query_type)
       INTO landed, lines, has_repeats USING p_run.id, p_run.attempt;
    has_unknown := landed > coalesce((SELECT sum(k.lines::bigint) FROM jsonb_each_text(lines) AS k (place, lines)), 0);
END
$$;
COMMENT ON FUNCTION sync._count_lines_staged(bulk_runs) IS
    'In one reading of the lines loaded: how many there are, how many of each kind that has a place ("stream/kind"), whether sync._reject_unknown_kinds would find '
    'any, and whether sync._reject_duplicates may. Reads only.';

CREATE FUNCTION sync._settle_streams(p_run bulk_runs, p_stream smallint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_left smallint[];
BEGIN
    SELECT array_agg(s.stream) INTO v_left
      FROM sync_streams AS s
      JOIN bulk_steps AS b ON b.shop_id = p_run.shop_id AND b.bulk_run_id = p_run.id AND b.step_name = 'stage'
     WHERE s.resource = p_run.query_type AND (p_stream IS NULL OR s.stream = p_stream)
       AND NOT coalesce(b.metadata -> 'settled' @> to_jsonb(s.stream), false);
    IF v_left IS NULL THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM bulk_steps WHERE shop_id = p_run.shop_id AND bulk_run_id = p_run.id AND step_name = 'stage' AND metadata ? 'is_whole') THEN
        PERFORM sync._collect_groups(p_run);
    END IF;
    PERFORM sync._reject_orphans(p_run, v_left);
    UPDATE bulk_steps SET metadata = jsonb_set(metadata, '{settled}', coalesce(metadata -> 'settled', '[]') || to_jsonb(v_left))
     WHERE shop_id = p_run.shop_id AND bulk_run_id = p_run.id AND step_name = 'stage';
END
$$;
COMMENT ON FUNCTION sync._settle_streams(bulk_runs, smallint) IS
    'Rejects what has no line of its own in one stream, or in all that are left, and notes it in the stage step: their rows are final then. Idempotent. '
    'Locks: the step''s row, staging rows.';

CREATE FUNCTION sync.settle_stream(p_run_id uuid, p_token uuid, p_stream smallint) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '192MB'
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run_shared(p_run_id, p_token);
BEGIN
    PERFORM sync._settle_streams(v_run, p_stream);
END
$$;
COMMENT ON FUNCTION sync.settle_stream(uuid, uuid, smallint) IS
    'Takes out the objects of one stream that lack a line of their own, when the table of those lines is staged: its other tables, staged after it, are final at once, and sync.merge_piece '
    'may take them. sync.end_stage does it for streams that are left. Idempotent. Locks: the run''s row, shared; the step''s row. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.begin_stage(p_run_id uuid, p_token uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '192MB'
AS $$
DECLARE
    v_run   bulk_runs := sync._leased_run_shared(p_run_id, p_token);
    v_load  bulk_steps;
    v_found record;
BEGIN
    SELECT * INTO v_load FROM bulk_steps
     WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id AND step_name = 'load' AND status = 'completed';
    SELECT * INTO v_found FROM sync._count_lines_staged(v_run);
    IF v_found.landed IS DISTINCT FROM (v_load.metadata ->> 'landed')::bigint THEN
        RAISE EXCEPTION 'the lines loaded for run % are gone: % of %', p_run_id, v_found.landed, v_load.metadata ->> 'landed'
            USING ERRCODE = 'NS051', HINT = 'The server restarted and emptied its unlogged tables, or nothing was loaded. Load again.';
    END IF;
    PERFORM sync._begin_step(v_run, 'stage', jsonb_build_object('lines', v_found.lines));
    DELETE FROM bulk_groups WHERE bulk_run_id = v_run.id;
    DELETE FROM bulk_outcomes WHERE bulk_run_id = v_run.id;
    DELETE FROM bulk_rejects WHERE bulk_run_id = v_run.id;
    IF v_found.has_unknown THEN
        PERFORM sync._reject_unknown_kinds(v_run);
    END IF;
    IF v_found.has_repeats THEN
        PERFORM sync._reject_duplicates(v_run);
    END IF;
    DELETE FROM bulk_steps WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id AND step_name = 'merge';
    IF NOT sync._may_merge_beside(v_run, v_found.lines) THEN
        RETURN false;
    END IF;
    -- The step is there before the merge begins, which then locks nothing of the run; and while it holds the mirror's tables nobody else can ask for their CHECKs.
    UPDATE bulk_steps
       SET metadata = metadata || jsonb_build_object('checks', (SELECT jsonb_object_agg(t.staging_table, sync._mirror_checks(t.staging_table))
                                                                  FROM sync.staging_tables(v_run.query_type) AS t))
     WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id AND step_name = 'stage';
    INSERT INTO bulk_steps (shop_id, bulk_run_id, step_name) VALUES (v_run.shop_id, v_run.id, 'merge');
    RETURN true;
END
$$;
COMMENT ON FUNCTION sync.begin_stage(uuid, uuid) IS
    'Starts staging from nothing: checks that the loaded lines are there and takes out duplicates and lines without a place. sync.stage_table '
    'follows for every table of sync.staging_tables, then sync.end_stage. Returns whether pieces may be merged while others are staged, see sync.begin_merge. '
    'Idempotent. Locks: the run''s row, shared. '
    'Raises NA002, NS004, NS005, NS051 (lines gone: load again).';

CREATE FUNCTION sync._count_staged(p_run bulk_runs) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_table record;
    v_count bigint;
    v_good  bigint;
    v_rows  bigint := 0;
    v_valid jsonb := '{}'::jsonb;
BEGIN
    FOR v_table IN SELECT t.staging_table, t.depends_on_others FROM sync.staging_tables(p_run.query_type) AS t LOOP
        EXECUTE format('SELECT count(*), count(*) FILTER (WHERE validation_status = %L) FROM neanelu.%I WHERE bulk_run_id = $1', 'valid', v_table.staging_table)
           INTO v_count, v_good USING p_run.id;
        v_rows := v_rows + CASE WHEN v_table.depends_on_others THEN 0 ELSE v_count END;
        v_valid := v_valid || jsonb_build_object(v_table.staging_table, v_good);
    END LOOP;
    RETURN jsonb_build_object('rows', v_rows, 'valid', v_valid);
END
$$;
COMMENT ON FUNCTION sync._count_staged(bulk_runs) IS
    'How many rows of lines are staged in all, and how many valid ones of each table: {"rows": n, "valid": {"staging_products": n, …}}. Reads only.';

CREATE FUNCTION sync.end_stage(p_run_id uuid, p_token uuid, p_rows bigint) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '192MB'
AS $$
DECLARE
    v_run       bulk_runs := sync._leased_run_shared(p_run_id, p_token);
    v_is_beside constant boolean := (SELECT s.metadata ? 'checks' FROM bulk_steps AS s
                                      WHERE s.shop_id = v_run.shop_id AND s.bulk_run_id = v_run.id AND s.step_name = 'stage');
    v_errors    bigint;
BEGIN
    PERFORM sync._settle_streams(v_run);
    v_errors := sync._record_rejects(v_run);
    UPDATE bulk_steps SET metadata = metadata - 'checks' WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id AND step_name = 'stage';
    PERFORM sync._end_step(v_run, 'stage', jsonb_strip_nulls(jsonb_build_object('rows', p_rows, 'quarantined', v_errors, 'counted',
        -- what is merged meanwhile need not be counted when that is done
        CASE WHEN v_is_beside THEN sync._count_staged(v_run) END)), p_rows);
    RETURN jsonb_build_object('rows', p_rows, 'quarantined', v_errors);
END
$$;
COMMENT ON FUNCTION sync.end_stage(uuid, uuid, bigint) IS
    'Ends staging: rejects objects whose own line is missing and writes the quarantine, which stays when sync.merge then refuses so many bad '
    'lines. p_rows: the sum of what sync.stage_table returned; the merge compares it with what is there. What is merged meanwhile is counted here, for sync.end_merge. Idempotent. '
    'Locks: the run''s row, shared. Raises NA002, NS004, NS005.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.begin_stage(uuid, uuid), sync.stage_table(uuid, uuid, text, smallint), sync.collect_groups(uuid, uuid),
    sync.settle_stream(uuid, uuid, smallint), sync.end_stage(uuid, uuid, bigint), sync.staging_tables(text) TO neanelu_sync;
COMMIT;
