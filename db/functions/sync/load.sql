-- Deploy neanelu:functions/sync/load to pg
-- Lines on their way in: what must be sent, what landed, what was put aside.
BEGIN;
SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, sync, app, extensions, pg_temp;

CREATE FUNCTION sync._discard_staging(p_run bulk_runs) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_table text;
BEGIN
    FOR v_table IN
        SELECT unnest(ARRAY['bulk_lines', 'bulk_manifest', 'bulk_trees', 'bulk_groups', 'bulk_outcomes', 'bulk_rejects'])
        UNION ALL
        SELECT t.staging_table FROM sync_tables AS t JOIN sync_streams AS s USING (stream) WHERE s.resource = p_run.query_type
    LOOP
        EXECUTE format('DELETE FROM neanelu.%I WHERE bulk_run_id = $1', v_table) USING p_run.id;
    END LOOP;
END
$$;
COMMENT ON FUNCTION sync._discard_staging(bulk_runs) IS
    'Empties the transient tables of a run''s rows. Idempotent. Locks: the rows deleted.';

CREATE FUNCTION sync.open_load(p_run_id uuid, p_token uuid) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run  bulk_runs := sync._leased_run(p_run_id, p_token);
    v_plan text;
BEGIN
    PERFORM sync._discard_staging(v_run);
    DELETE FROM bulk_errors WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id;
    DELETE FROM bulk_error_chunks WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id;
    v_plan := CASE
        WHEN v_run.mode <> 'verify' AND EXISTS (
            SELECT FROM sync_digests AS d JOIN sync_streams AS s USING (stream)
             WHERE d.shop_id = v_run.shop_id AND s.resource = v_run.query_type) THEN 'manifest'
        ELSE 'all' END;
    PERFORM sync._begin_step(v_run, 'load', jsonb_build_object('plan', v_plan, 'attempt', v_run.attempt));
    RETURN v_plan;
END
$$;
COMMENT ON FUNCTION sync.open_load(uuid, uuid) IS
    'Starts the load step from nothing, dropping what earlier attempts left, and says what to send: manifest (digests first, then the '
    'lines of changed objects) or all (nothing known yet, or the digests are to be verified). Idempotent. Locks: the run''s row. '
    'Raises NA002, NS004, NS005.';

CREATE FUNCTION sync._trusts_digests(p_run bulk_runs) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce((SELECT s.metadata ->> 'plan' = 'manifest' FROM bulk_steps AS s
                      WHERE s.shop_id = p_run.shop_id AND s.bulk_run_id = p_run.id AND s.step_name = 'load'), false)
$$;
COMMENT ON FUNCTION sync._trusts_digests(bulk_runs) IS
    'Whether the run''s plan is manifest: a root in sync_digests that is not in bulk_trees is in the file, as it was when it was merged. Reads only.';

CREATE FUNCTION sync._root_stream(p_run bulk_runs) RETURNS smallint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$ SELECT s.stream FROM sync_streams AS s WHERE s.resource = p_run.query_type AND s.is_root $$;
COMMENT ON FUNCTION sync._root_stream(bulk_runs) IS 'The stream of the roots of a run''s trees; null where its resource has none. Reads only.';

CREATE FUNCTION sync.known_trees(p_run_id uuid, p_token uuid, p_after bigint, p_limit integer)
RETURNS TABLE (trees integer, roots bytea, digests bytea, lines bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run    bulk_runs := sync._leased_run(p_run_id, p_token);
    v_stream constant smallint := sync._root_stream(v_run);
BEGIN
    RETURN QUERY
        SELECT count(*)::integer, string_agg(int8send(d.object_id), '' ORDER BY d.object_id),
               string_agg(int8send(d.digest), '' ORDER BY d.object_id), string_agg(int4send(d.lines), '' ORDER BY d.object_id)
          FROM (SELECT d.object_id, d.digest, d.lines FROM sync_digests AS d
                 WHERE d.shop_id = v_run.shop_id AND d.stream = v_stream AND d.object_id > p_after
                 ORDER BY d.object_id LIMIT p_limit) AS d;
END
$$;
COMMENT ON FUNCTION sync.known_trees(uuid, uuid, bigint, integer) IS
    'The next p_limit trees behind p_after that were merged last, in the order of their roots'' ids: how many, and their ids, digests (8 bytes each, high byte first) '
    'and counts of lines (4 bytes) in a row. Locks: the run''s row. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.collect_trees(p_run_id uuid, p_token uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET work_mem = '128MB'
SET enable_nestloop = off
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run_shared(p_run_id, p_token);
BEGIN
    DELETE FROM bulk_trees WHERE bulk_run_id = v_run.id;
    INSERT INTO bulk_trees (bulk_run_id, root_id, digest, lines, is_here, is_clean)
    SELECT v_run.id, m.root_id, min(m.digest), sum(m.lines), max(m.lines) > 0, bool_and(m.is_clean) AND count(*) = 1
      FROM bulk_manifest AS m
     WHERE m.bulk_run_id = v_run.id AND m.attempt = v_run.attempt
     GROUP BY m.root_id;
    IF NOT sync._trusts_digests(v_run) THEN
        INSERT INTO bulk_trees (bulk_run_id, root_id, digest, lines, is_here, is_clean)
        SELECT v_run.id, d.object_id, 0, 0, false, false
          FROM sync_digests AS d
         WHERE d.shop_id = v_run.shop_id AND d.stream = sync._root_stream(v_run)
           AND NOT EXISTS (SELECT FROM bulk_trees AS b WHERE b.bulk_run_id = v_run.id AND b.root_id = d.object_id);
    END IF;
    UPDATE bulk_steps SET metadata = metadata || '{"has_trees": true}'
     WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id AND step_name = 'load';
END
$$;
COMMENT ON FUNCTION sync.collect_trees(uuid, uuid) IS
    'Makes one row a tree of the manifest: of a root that occurs twice no digest is kept. Where every line is sent, finds the known trees that the file lacks; '
    'else the daemon, which compared, has told them. May be called beside staging, but no merge ends without it. Idempotent. Locks: the run''s row, shared; the load step''s row. '
    'Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.distrust_trees(p_run_id uuid, p_token uuid, p_roots bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run(p_run_id, p_token);
BEGIN
    UPDATE bulk_trees SET is_clean = false WHERE bulk_run_id = v_run.id AND root_id = ANY (p_roots);
END
$$;
COMMENT ON FUNCTION sync.distrust_trees(uuid, uuid, bigint[]) IS
    'Says that these trees, looked at line by line, had lines that were put aside: their digests must not be kept. Idempotent. '
    'Locks: the run''s row. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.send_everything(p_run_id uuid, p_token uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run(p_run_id, p_token);
BEGIN
    PERFORM sync.open_load(p_run_id, p_token);
    PERFORM sync._begin_step(v_run, 'load', jsonb_build_object('plan', 'all', 'attempt', v_run.attempt));
END
$$;
COMMENT ON FUNCTION sync.send_everything(uuid, uuid) IS
    'Starts the load step again with the plan to send every line: a changed tree was not closed, so trees cannot be told apart in this file. '
    'Idempotent. Locks: the run''s row. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.landed_lines(p_run_id uuid, p_token uuid) RETURNS SETOF integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run(p_run_id, p_token);
BEGIN
    RETURN QUERY
        SELECT l.line_number FROM bulk_lines AS l
         WHERE l.bulk_run_id = v_run.id AND l.attempt = v_run.attempt
         ORDER BY 1;
END
$$;
COMMENT ON FUNCTION sync.landed_lines(uuid, uuid) IS
    'Numbers of the lines that COPY accepted, in order, for a daemon that must find the ones it refused. Locks: the run''s row. '
    'Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.quarantine(
    p_run_id uuid, p_token uuid, p_lines integer[], p_codes text[], p_messages text[], p_kinds text[], p_gids text[],
    p_raws bytea[], p_sizes bigint[])
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run   bulk_runs := sync._leased_run(p_run_id, p_token);
    v_count integer;
BEGIN
    INSERT INTO bulk_errors (shop_id, bulk_run_id, error_type, error_code, error_message, line_number, kind, object_gid, raw, raw_bytes)
    SELECT v_run.shop_id, v_run.id, 'PARSE', e.code, e.message, e.line, e.kind, e.gid, e.raw, e.size
      FROM unnest(p_lines, p_codes, p_messages, p_kinds, p_gids, p_raws, p_sizes) AS e (line, code, message, kind, gid, raw, size)
    ON CONFLICT (shop_id, bulk_run_id, line_number) DO NOTHING;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION sync.quarantine(uuid, uuid, integer[], text[], text[], text[], text[], bytea[], bigint[]) IS
    'Puts lines aside that cannot become JSON in the database, with the reason and their bytes. Idempotent by line number. '
    'Locks: the run''s row. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.quarantine_refused(p_run_id uuid, p_token uuid, p_lines integer[], p_kinds text[], p_gids text[], p_raws bytea[])
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run   bulk_runs := sync._leased_run(p_run_id, p_token);
    v_count integer;
BEGIN
    INSERT INTO bulk_errors (shop_id, bulk_run_id, error_type, error_code, error_message, line_number, kind, object_gid, raw, raw_bytes)
    SELECT v_run.shop_id, v_run.id, 'PARSE', coalesce(i.sql_error_code, 'NS108'),
           coalesce(i.message || coalesce(': ' || i.detail, ''), 'PostgreSQL cannot store this line as jsonb'),
           e.line, e.kind, e.gid, e.raw, octet_length(e.raw)
      FROM unnest(p_lines, p_kinds, p_gids, p_raws) AS e (line, kind, gid, raw)
      LEFT JOIN LATERAL pg_input_error_info(convert_from(e.raw, 'UTF8'), 'jsonb') AS i ON true
    ON CONFLICT (shop_id, bulk_run_id, line_number) DO NOTHING;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
COMMENT ON FUNCTION sync.quarantine_refused(uuid, uuid, integer[], text[], text[], bytea[]) IS
    'Puts lines aside that COPY refused as jsonb (\u0000, lone surrogates, numbers out of range), with PostgreSQL''s own SQLSTATE. '
    'The bytes must be UTF-8. Idempotent by line number. Locks: the run''s row. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.quarantine_chunk(p_run_id uuid, p_token uuid, p_line integer, p_chunk integer, p_bytes bytea) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run(p_run_id, p_token);
BEGIN
    INSERT INTO bulk_error_chunks (shop_id, bulk_run_id, line_number, chunk_number, bytes)
    VALUES (v_run.shop_id, v_run.id, p_line, p_chunk, p_bytes)
    ON CONFLICT (shop_id, bulk_run_id, line_number, chunk_number) DO UPDATE SET bytes = excluded.bytes;
END
$$;
COMMENT ON FUNCTION sync.quarantine_chunk(uuid, uuid, integer, integer, bytea) IS
    'Keeps a further piece of an over-long quarantined line. Idempotent. Locks: the run''s row. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync._assert_complete(p_run bulk_runs, p_bytes bigint, p_lines bigint, p_roots bigint) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_differs text := concat_ws('; ',
        CASE WHEN p_run.bytes_expected <> p_bytes THEN format('bytes %s, fileSize %s', p_bytes, p_run.bytes_expected) END,
        CASE WHEN p_run.objects_expected <> p_lines THEN format('lines %s, objectCount %s', p_lines, p_run.objects_expected) END,
        CASE WHEN p_run.roots_expected <> p_roots THEN format('roots %s, rootObjectCount %s', p_roots, p_run.roots_expected) END);
BEGIN
    IF v_differs <> '' THEN
        RAISE EXCEPTION 'the file is not what Shopify announced: %', v_differs USING ERRCODE = 'NS042';
    END IF;
END
$$;
COMMENT ON FUNCTION sync._assert_complete(bulk_runs, bigint, bigint, bigint) IS
    'The completeness gate: bytes, lines and roots against Shopify''s fileSize, objectCount and rootObjectCount, where it gave them. '
    'Reads only. Raises NS042, saying what differs.';

CREATE FUNCTION sync.close_load(
    p_run_id uuid, p_token uuid, p_bytes bigint, p_lines bigint, p_roots bigint, p_kinds jsonb, p_unchanged bigint, p_sent bigint,
    p_checksum text, p_landed bigint)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run(p_run_id, p_token);
BEGIN
    -- Blank lines (kind '-') are no objects: Shopify does not count them.
    PERFORM sync._assert_complete(v_run, p_bytes, p_lines - coalesce((p_kinds ->> '-')::bigint, 0), p_roots);
    UPDATE bulk_runs SET lines_in = p_lines, bytes_processed = p_bytes, records_processed = least(p_lines, 2147483647), updated_at = clock_timestamp()
     WHERE shop_id = v_run.shop_id AND id = v_run.id;
    UPDATE bulk_artifacts SET rows_count = least(p_lines, 2147483647), bytes_size = p_bytes, checksum = p_checksum
     WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id;
    PERFORM sync._end_step(v_run, 'download', jsonb_build_object('bytes', p_bytes, 'sha256', p_checksum), p_lines);
    PERFORM sync._end_step(v_run, 'load',
        jsonb_build_object('kinds', p_kinds, 'roots', p_roots, 'unchanged', p_unchanged, 'sent', p_sent, 'landed', p_landed), p_lines);
    RETURN p_sent - p_landed;
END
$$;
COMMENT ON FUNCTION sync.close_load(uuid, uuid, bigint, bigint, bigint, jsonb, bigint, bigint, text, bigint) IS
    'Ends the load step: checks completeness, records what the file contained (p_kinds: lines of each kind looked at, ? unknown, - blank; p_unchanged: lines of trees '
    'that are as they were merged) and returns how many of the lines sent did not land (p_landed: what the COPYs said; sync.begin_stage counts what is there): the daemon '
    'finds and quarantines those. Idempotent. Locks: the run''s row. Raises NA002, NS004, NS005, NS042 (not what Shopify announced).';

CREATE FUNCTION sync.refresh_statistics(p_tables text[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
-- What lives for seconds is planned well enough by a fifth of the usual sample.
SET default_statistics_target = 20
AS $$
DECLARE
    v_table text;
BEGIN
    IF p_tables IS NULL THEN
        ANALYZE bulk_lines (bulk_run_id, attempt, stream, kind, owner_id, object_id, line_number, root_id);
        ANALYZE bulk_trees;
        RETURN;
    END IF;
    IF 'bulk_groups' = ANY (p_tables) THEN
        ANALYZE bulk_groups, bulk_rejects, bulk_outcomes;
    END IF;
    FOR v_table IN SELECT t.staging_table FROM sync_tables AS t WHERE t.staging_table = ANY (p_tables) LOOP
        EXECUTE format('ANALYZE neanelu.%I (bulk_run_id, shop_id, stream, object_id, line_number, validation_status)', v_table);
    END LOOP;
END
$$;
COMMENT ON FUNCTION sync.refresh_statistics(text[]) IS
    'Refreshes the planner''s statistics after loading (no argument: the landing tables) or after staging (these staging tables; bulk_groups with what belongs to it). '
    'To be called in a transaction of its own, as ANALYZE holds SHARE UPDATE EXCLUSIVE on the tables until it ends.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.open_load(uuid, uuid), sync.known_trees(uuid, uuid, bigint, integer),
    sync.collect_trees(uuid, uuid),
    sync.distrust_trees(uuid, uuid, bigint[]), sync.send_everything(uuid, uuid), sync.refresh_statistics(text[]),
    sync.landed_lines(uuid, uuid),
    sync.quarantine(uuid, uuid, integer[], text[], text[], text[], text[], bytea[], bigint[]),
    sync.quarantine_refused(uuid, uuid, integer[], text[], text[], bytea[]),
    sync.quarantine_chunk(uuid, uuid, integer, integer, bytea),
    sync.close_load(uuid, uuid, bigint, bigint, bigint, jsonb, bigint, bigint, text, bigint)
    TO neanelu_sync;
COMMIT;
