-- Deploy neanelu:functions/audit/capture to pg
-- requires: schema/audit
-- requires: schema/shopify
-- requires: functions/app/context
-- Who changed what. audit.attach writes one trigger function per table, specialised in its columns: statement level
-- with transition tables, one INSERT … SELECT a statement, changed keys only. What did not change is compared once,
-- a value in TOAST that kept its pointer is not even fetched, jsonb and arrays are taken apart only where their bytes
-- differ, and nothing but changed columns becomes jsonb.

BEGIN;

SET LOCAL search_path = neanelu, audit, app, extensions, pg_temp;

SET LOCAL ROLE neanelu_owner;
GRANT INSERT ON neanelu.audit_logs TO neanelu_engine;
-- policies/tenancy adds row level security and the policies of the readers.
GRANT TRIGGER ON neanelu.shops, neanelu.staff_users, neanelu.key_rotations, neanelu.shopify_products, neanelu.system_config,
    neanelu.feature_flags TO neanelu_engine;

SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION audit._actor_type()
RETURNS text
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN pg_has_role(SESSION_USER, 'neanelu_owner', 'MEMBER') THEN 'system'
    WHEN pg_has_role(SESSION_USER, 'neanelu_platform', 'MEMBER')
        THEN CASE WHEN app.current_user_id() IS NULL THEN 'daemon' ELSE 'user' END
    WHEN pg_has_role(SESSION_USER, 'neanelu_tenant', 'MEMBER') THEN 'tenant'
    ELSE 'user'
END;
COMMENT ON FUNCTION audit._actor_type() IS
    'Kind of the session''s login: system (superuser or deployer), daemon, user (a service that named a staff user, or a person''s own login), '
    'tenant. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION audit._columns_digest(p_table regclass)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT md5(string_agg(format('%s %s', a.attname, a.atttypid::regtype), ',' ORDER BY a.attnum))
      FROM pg_attribute AS a
     WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped;
$body$;
COMMENT ON FUNCTION audit._columns_digest(regclass) IS
    'Digest of a table''s column names and types, kept in the comment of its capture function so that a change is noticed. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION audit._is_distinct(p_column name, p_type oid, p_typmod integer)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT CASE
        -- Types without a total equality, or with one that overlooks a change of case, compare as text.
        WHEN t.typname IN ('json', 'xml', 'citext', 'point', 'box', 'polygon', 'path', 'circle', 'line', 'lseg')
            THEN format('o.%1$I::text IS DISTINCT FROM n.%1$I::text', p_column)
        -- A value that lies in TOAST and kept its pointer is not fetched; varchar(n) up to 500 is compared outright.
        WHEN t.typlen = -1 AND t.typname NOT IN ('numeric', 'inet', 'bit', 'varbit')
             AND NOT (t.typname IN ('varchar', 'bpchar') AND p_typmod BETWEEN 5 AND 504)
            THEN format('CASE WHEN pg_column_toast_chunk_id(o.%1$I) = pg_column_toast_chunk_id(n.%1$I) THEN false '
                        'ELSE o.%1$I IS DISTINCT FROM n.%1$I END', p_column)
        ELSE format('o.%1$I IS DISTINCT FROM n.%1$I', p_column)
    END
      FROM pg_type AS t WHERE t.oid = p_type;
$body$;
COMMENT ON FUNCTION audit._is_distinct(name, oid, integer) IS
    'SQL text that says whether a column differs between the rows o and n. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION audit._logged_columns(p_table regclass, p_operation text, p_secret_columns text[])
RETURNS TABLE (name name, number integer, is_distinct text, image_place integer, is_json boolean, is_logged boolean, secret text)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT a.attname, a.attnum::integer, audit._is_distinct(a.attname, a.atttypid, a.atttypmod),
           CASE WHEN k.is_logged AND k.has_parts THEN row_number() OVER (PARTITION BY k.is_logged AND k.has_parts ORDER BY a.attnum) END::integer,
           a.atttypid IN ('jsonb'::regtype, 'json'::regtype), k.is_logged, s.secret
      FROM pg_attribute AS a
      JOIN pg_type AS t ON t.oid = a.atttypid
     CROSS JOIN LATERAL (SELECT -- When a row was written is no change of the row.
                                p_operation <> 'UPDATE' OR a.attname NOT IN ('synced_at', 'updated_at') AS is_logged,
                                -- jsonb, arrays, ranges, vectors: their equality looks at each part
                                p_operation = 'UPDATE' AND t.typlen = -1 AND t.typcategory NOT IN ('S', 'N', 'I', 'V') AND t.typname <> 'bytea' AS has_parts) AS k
      LEFT JOIN LATERAL (SELECT x.secret FROM unnest(p_secret_columns) AS x (secret)
                          WHERE split_part(x.secret, ':', 1) = a.attname) AS s ON true
     WHERE a.attrelid = p_table AND a.attnum > 0 AND NOT a.attisdropped;
$body$;
COMMENT ON FUNCTION audit._logged_columns(regclass, text, text[]) IS
    'A table''s columns: whether one operation logs them, the text that compares them, and the place of those that are compared as bytes first. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION audit._pairs(p_table regclass, p_side text, p_operation text, p_secret_columns text[])
RETURNS text
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    -- concat_ws leaves out NULLs, so a column that is not to be logged costs one test.
    SELECT format('concat_ws('','',%s)', string_agg(
        format(E'\n            CASE WHEN %s THEN %L || %s END',
               CASE p_operation WHEN 'UPDATE' THEN coalesce('p.parts[' || c.image_place || ']', 'p.d' || c.number)
                                ELSE format('p.%s%s IS NOT NULL', p_side, c.number) END,
               to_json(c.name)::text || ':',
               CASE WHEN c.secret IS NULL THEN v.plain
                    WHEN c.secret = c.name THEN format('CASE WHEN p.%s%s IS NULL THEN ''null'' ELSE ''"[redacted]"'' END', p_side, c.number)
                    ELSE format('CASE WHEN p.s%s THEN ''"[redacted]"'' ELSE %s END', c.number, v.plain) END),
        ',' ORDER BY c.number))
      FROM audit._logged_columns(p_table, p_operation, p_secret_columns) AS c
     CROSS JOIN LATERAL (SELECT format(CASE WHEN c.is_json THEN 'coalesce(p.%s%s::text, ''null'')'
                                            ELSE 'coalesce(to_json(p.%s%s)::text, ''null'')' END, p_side, c.number)) AS v (plain)
     WHERE c.is_logged;
$body$;
COMMENT ON FUNCTION audit._pairs(regclass, text, text, text[]) IS
    'SQL text of the comma separated JSON members to log of one side (o or n) of a change. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION audit._parts(p_table regclass, p_secret_columns text[])
RETURNS text
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT format(E'CASE WHEN NOT record_image_eq(ROW(%s),\n                                                     ROW(%s)) THEN ARRAY[%s] END AS parts',
               string_agg(format(i.image, 'o', 'n', c.name), ', ' ORDER BY c.image_place),
               string_agg(format(i.image, 'n', 'o', c.name), ', ' ORDER BY c.image_place),
               string_agg(c.is_distinct, ', ' ORDER BY c.image_place))
      FROM audit._logged_columns(p_table, 'UPDATE', p_secret_columns) AS c
     -- A value that kept its pointer into TOAST is not fetched.
     CROSS JOIN (VALUES ('CASE WHEN pg_column_toast_chunk_id(%1$s.%3$I) = pg_column_toast_chunk_id(%2$s.%3$I) THEN NULL ELSE %1$s.%3$I END')) AS i (image)
     WHERE c.image_place IS NOT NULL
    HAVING count(*) > 0;
$body$;
COMMENT ON FUNCTION audit._parts(regclass, text[]) IS
    'SQL text of parts, one array of which columns with many parts differ, by place; it is NULL where the bytes of all are the same. '
    'NULL for a table without such columns. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION audit._sides(p_table regclass, p_operation text, p_secret_columns text[])
RETURNS text
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT string_agg(concat_ws(', ',
               CASE WHEN p_operation <> 'INSERT' THEN format('o.%I AS o%s', c.name, c.number) END,
               CASE WHEN p_operation <> 'DELETE' THEN format('n.%I AS n%s', c.name, c.number) END,
               CASE WHEN p_operation = 'UPDATE' AND c.is_logged AND c.image_place IS NULL THEN format('%s AS d%s', c.is_distinct, c.number) END,
               -- a secret before or after is a secret in both images
               CASE WHEN c.secret <> c.name THEN format('%s AS s%s', concat_ws(' OR ',
                   CASE WHEN p_operation <> 'INSERT' THEN format('coalesce(o.%I, false)', split_part(c.secret, ':', 2)) END,
                   CASE WHEN p_operation <> 'DELETE' THEN format('coalesce(n.%I, false)', split_part(c.secret, ':', 2)) END), c.number) END),
           E',\n                       ' ORDER BY c.number)
           || coalesce(E',\n                       ' || CASE p_operation WHEN 'UPDATE' THEN audit._parts(p_table, p_secret_columns) END, '')
      FROM audit._logged_columns(p_table, p_operation, p_secret_columns) AS c;
$body$;
COMMENT ON FUNCTION audit._sides(regclass, text, text[]) IS
    'SQL text of the paired columns, in the table''s order: o1, n1 the values before and after, d1 whether they differ, s1 whether they are secret, and parts. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION audit._capture_statement(p_table regclass, p_operation text, p_level text, p_secret_columns text[])
RETURNS text
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    v_key text[] := (SELECT array_agg(a.attname ORDER BY k.position)
                       FROM pg_index AS i
                      CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
                       JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                      WHERE i.indrelid = p_table AND i.indisprimary);
    v_has_uuid_id boolean := EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = p_table AND a.attname = 'id'
                                        AND a.atttypid = 'uuid'::regtype AND NOT a.attisdropped);
    v_shop_column name := (SELECT a.attname FROM pg_attribute AS a
                            WHERE a.attrelid = p_table AND NOT a.attisdropped
                              AND (a.attname = 'shop_id' OR (p_table = 'neanelu.shops'::regclass AND a.attname = 'id')));
    -- Which value a key column has: that of the row after the change, or of the one before where there is none after.
    v_column constant text := CASE p_operation WHEN 'UPDATE' THEN 'coalesce(n.%1$I, o.%1$I)' WHEN 'INSERT' THEN 'n.%1$I' ELSE 'o.%1$I' END;
    v_old constant text := CASE p_operation WHEN 'INSERT' THEN 'NULL' ELSE audit._pairs(p_table, 'o', p_operation, p_secret_columns) END;
    v_new constant text := CASE p_operation WHEN 'DELETE' THEN 'NULL' ELSE audit._pairs(p_table, 'n', p_operation, p_secret_columns) END;
    v_from text;
    -- Columns that are not logged are asked for too: then scans hand their rows on as they are, and form no narrower ones.
    v_rest text := (SELECT string_agg(format('p.o%1$s, p.n%1$s', c.number), ', ' ORDER BY c.number)
                      FROM audit._logged_columns(p_table, p_operation, p_secret_columns) AS c
                     WHERE NOT c.is_logged AND p_level = 'statement');
BEGIN
    v_from := CASE
        WHEN p_level = 'row' AND p_operation = 'UPDATE' THEN '(SELECT OLD.*) AS o CROSS JOIN (SELECT NEW.*) AS n'
        WHEN p_level = 'row' AND p_operation = 'INSERT' THEN '(SELECT NEW.*) AS n'
        WHEN p_level = 'row' THEN '(SELECT OLD.*) AS o'
        -- A row whose key changed has no partner: it is logged from both sides.
        WHEN p_operation = 'UPDATE' THEN format('old_rows AS o FULL JOIN new_rows AS n ON %s',
            (SELECT string_agg(format('o.%1$I = n.%1$I', k), ' AND ') FROM unnest(v_key) AS k))
        WHEN p_operation = 'INSERT' THEN 'new_rows AS n'
        ELSE 'old_rows AS o' END;
    -- Each OFFSET 0 keeps the planner from merging the levels, so that a column is compared once and not once per use.
    RETURN format($sql$
        INSERT INTO neanelu.audit_logs (shop_id, user_id, actor_type, actor_id, action, entity_type, entity_id, entity_key,
                                        old_values, new_values, ip_address, request_id)
        SELECT c.shop_id, v_user_id, v_actor_type, v_actor_id, %1$L, %2$L, c.entity_id, c.entity_key,
               %3$s, %4$s, v_ip_address, v_request_id
          FROM (SELECT p.shop_id, p.entity_id, p.entity_key,
            %5$s AS old_pairs,
            %6$s AS new_pairs%13$s
                  FROM (
                SELECT %10$s,
                       %7$s AS shop_id, %8$s AS entity_id, %9$s AS entity_key
                  FROM %11$s OFFSET 0) AS p OFFSET 0) AS c%12$s;$sql$,
        p_operation,
        (SELECT c.relname FROM pg_class AS c WHERE c.oid = p_table),
        CASE p_operation WHEN 'INSERT' THEN 'NULL' ELSE '(''{'' || c.old_pairs || ''}'')::jsonb' END,
        CASE p_operation WHEN 'DELETE' THEN 'NULL' ELSE '(''{'' || c.new_pairs || ''}'')::jsonb' END,
        v_old, v_new,
        CASE WHEN v_shop_column IS NULL THEN 'NULL::uuid' ELSE format(v_column, v_shop_column) END,
        CASE WHEN v_has_uuid_id THEN format(v_column, 'id') ELSE 'NULL::uuid' END,
        CASE WHEN v_has_uuid_id THEN 'NULL::text'
             ELSE format('concat_ws(''/'', %s)', (SELECT string_agg(format(v_column, k), ', ') FROM unnest(v_key) AS k)) END,
        audit._sides(p_table, p_operation, p_secret_columns),
        v_from,
        CASE p_operation WHEN 'UPDATE' THEN E'\n         WHERE c.new_pairs <> ''''' || CASE WHEN v_rest IS NULL THEN '' ELSE ' AND c.rest >= 0' END ELSE '' END,
        coalesce(E',\n            num_nulls(' || v_rest || ') AS rest', ''));
END
$body$;
COMMENT ON FUNCTION audit._capture_statement(regclass, text, text, text[]) IS
    'SQL text of the INSERT … SELECT that logs one operation on one table. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION audit.attach(
    p_table regclass,
    p_events text[] DEFAULT ARRAY['INSERT', 'UPDATE', 'DELETE'],
    p_secret_columns text[] DEFAULT '{}',
    p_level text DEFAULT 'statement')
RETURNS void
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    v_table name := (SELECT c.relname FROM pg_class AS c WHERE c.oid = p_table);
    v_event text;
    v_function text;
    v_secret text;
BEGIN
    IF p_level NOT IN ('statement', 'row') OR p_level IS NULL
       OR coalesce(cardinality(p_events), 0) = 0 OR NOT p_events <@ ARRAY['INSERT', 'UPDATE', 'DELETE'] THEN
        RAISE EXCEPTION 'level must be statement or row, events some of INSERT, UPDATE, DELETE' USING ERRCODE = 'NU002';
    END IF;
    IF NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = p_table AND i.indisprimary) THEN
        RAISE EXCEPTION 'table % has no primary key to find a row by', p_table USING ERRCODE = 'NU003';
    END IF;
    FOREACH v_secret IN ARRAY p_secret_columns LOOP
        IF (SELECT count(*) FROM unnest(string_to_array(v_secret, ':')) AS s (name)
              JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attname = s.name AND NOT a.attisdropped)
           <> cardinality(string_to_array(v_secret, ':')) THEN
            RAISE EXCEPTION 'table % has no column for the secret %', p_table, v_secret USING ERRCODE = 'NU004';
        END IF;
    END LOOP;

    FOREACH v_event IN ARRAY p_events LOOP
        v_function := format('audit.%I', format('tg_%s__capture_%s', v_table, lower(v_event)));
        -- Joins by hash whatever the first statement of a session looked like: the plan is kept for all later ones.
        EXECUTE format($create$
CREATE OR REPLACE FUNCTION %1$s()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET enable_mergejoin = off
SET work_mem = '128MB'
AS $capture$
DECLARE
    v_user_id constant uuid := app.current_user_id();
    v_actor_type constant text := audit._actor_type();
    v_actor_id constant text := SESSION_USER;
    v_ip_address constant inet := inet_client_addr();
    v_request_id constant text := app.trace_id();
BEGIN%2$s
    RETURN NULL;
END
$capture$ $create$, v_function, audit._capture_statement(p_table, v_event, p_level, p_secret_columns));
        EXECUTE format('COMMENT ON FUNCTION %s() IS %L', v_function,
            format('Logs %s on %s. Written by audit.attach, which is to be called again when the table''s columns change '
                   '(columns %s). Locks nothing. Raises: nothing of its own', v_event, p_table, audit._columns_digest(p_table)));
        EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s %s FOR EACH %s EXECUTE FUNCTION %s()',
            format('tg_%s__capture_%s', v_table, lower(v_event)), v_event, p_table,
            CASE WHEN p_level = 'row' THEN ''
                 ELSE 'REFERENCING ' || CASE v_event WHEN 'INSERT' THEN 'NEW TABLE AS new_rows'
                                                     WHEN 'DELETE' THEN 'OLD TABLE AS old_rows'
                                                     ELSE 'OLD TABLE AS old_rows NEW TABLE AS new_rows' END END,
            upper(p_level), v_function);
    END LOOP;
END
$body$;
COMMENT ON FUNCTION audit.attach(regclass, text[], text[], text) IS
    'Logs the given events of a table from now on. Writes one trigger function per event, specialised in the table''s columns, and attaches it. '
    'p_secret_columns are logged as "[redacted]"; ''value:is_sensitive'' hides value in rows where is_sensitive is true. '
    'p_level row is for distributed tables, which have no transition tables. Called in deploy scripts, as neanelu_engine, which needs TRIGGER on the table. '
    'Idempotent; call it again after the columns changed. Locks the table (SHARE ROW EXCLUSIVE). '
    'Raises: NU002 wrong event or level, NU003 no primary key, NU004 unknown secret column';

CREATE FUNCTION audit.stale_captures()
RETURNS TABLE (table_name regclass, function_name regproc, problem text)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT t.tgrelid::regclass, t.tgfoid::regproc,
           CASE WHEN t.tgenabled = 'D' THEN 'trigger is disabled' ELSE 'columns changed since audit.attach' END
      FROM pg_trigger AS t
      JOIN pg_proc AS p ON p.oid = t.tgfoid
     WHERE p.pronamespace = 'audit'::regnamespace AND p.proname LIKE '%\_\_capture\_%' AND NOT t.tgisinternal AND t.tgparentid = 0
       AND (t.tgenabled = 'D'
            OR obj_description(p.oid, 'pg_proc') NOT LIKE '%(columns ' || audit._columns_digest(t.tgrelid) || ')%');
$body$;
COMMENT ON FUNCTION audit.stale_captures() IS
    'Captures that miss something: a disabled trigger, or columns that came or changed since audit.attach. No row is the good answer. '
    'Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION audit.tg_audit_logs__refuse()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    -- The erasure of a person blanks images (privacy._erase_audit); the engine has a right to no other column.
    IF TG_OP = 'UPDATE' AND CURRENT_USER = 'neanelu_engine' AND current_setting('app.erasing', true) = 'on' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit log is append only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'NU001', HINT = 'Old months go by dropping partitions: ops.maintain_partitions().';
END
$body$;
COMMENT ON FUNCTION audit.tg_audit_logs__refuse() IS
    'Refuses UPDATE, DELETE and TRUNCATE of the audit log and its partitions, to the owner too; only the erasure of a person may blank images. '
    'Writes nothing, takes no locks. Raises: NU001';

DO $attach$
BEGIN
    PERFORM audit.attach('neanelu.shops', p_secret_columns => '{access_token_ciphertext, access_token_iv, access_token_tag, webhook_secret}');
    PERFORM audit.attach('neanelu.staff_users');
    PERFORM audit.attach('neanelu.key_rotations');
    PERFORM audit.attach('neanelu.shopify_products', '{UPDATE, DELETE}');
    PERFORM audit.attach('neanelu.system_config', p_secret_columns => '{value:is_sensitive}');
    PERFORM audit.attach('neanelu.feature_flags');
END
$attach$;

GRANT EXECUTE ON FUNCTION audit.tg_audit_logs__refuse() TO neanelu_owner;
GRANT EXECUTE ON FUNCTION audit.stale_captures(), audit._columns_digest(regclass) TO neanelu_owner, neanelu_operator, neanelu_auditor;

SET LOCAL ROLE neanelu_owner;

-- Row level, as PostgreSQL clones only those to partitions; TRUNCATE knows statement level only, and
-- ops.maintain_partitions gives it to each partition.
CREATE TRIGGER tg_audit_logs__refuse BEFORE UPDATE OR DELETE ON neanelu.audit_logs
    FOR EACH ROW EXECUTE FUNCTION audit.tg_audit_logs__refuse();
CREATE TRIGGER tg_audit_logs__refuse_truncate BEFORE TRUNCATE ON neanelu.audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION audit.tg_audit_logs__refuse();

-- Partitions that are there already; later ones are covered when they are made.
DO $partitions$
BEGIN
    IF to_regprocedure('ops._cover_partitions()') IS NOT NULL THEN
        PERFORM ops._cover_partitions();
    END IF;
END
$partitions$;

COMMIT;
