-- Deploy neanelu:functions/harvest/imports to pg
-- requires: functions/harvest/documents
-- Imports of feeds: every record that was read is stored, unchanged, superseded or in quarantine, and the accounts add up.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, harvest, app, extensions, pg_temp;

CREATE FUNCTION harvest.begin_import(p_source_id uuid, p_file_name text, p_file_format text)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    PERFORM harvest._open_source(p_source_id);
    INSERT INTO neanelu.harvest_imports AS i (source_id, file_name, file_format) VALUES (p_source_id, p_file_name, p_file_format) RETURNING i.id INTO v_id;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION harvest.begin_import(uuid, text, text) IS
    'Begins the accounts of an import. Locks: the source (advisory). Raises: NG002 no such source, NG003 it is not active, 23514 no such format';

CREATE FUNCTION harvest.record_import(p_import_id uuid, p_records jsonb, p_errors jsonb DEFAULT '[]')
RETURNS TABLE (stored integer, unchanged integer, superseded integer, quarantined integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
DECLARE
    v_source uuid;
BEGIN
    SELECT i.source_id INTO v_source FROM neanelu.harvest_imports AS i WHERE i.id = p_import_id AND i.status = 'running' FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no import % that runs', p_import_id USING ERRCODE = 'NG010';
    END IF;
    SELECT s.stored, s.unchanged, s.superseded INTO stored, unchanged, superseded FROM harvest.store_many(v_source, p_records) AS s;
    INSERT INTO neanelu.harvest_errors (import_id, line_number, error_code, message, raw, raw_bytes)
    SELECT p_import_id, e.line, e.code, left(e.message, 1000), decode(e.raw, 'base64'), e.bytes
      FROM jsonb_to_recordset(p_errors) AS e (line bigint, code text, message text, raw text, bytes bigint);
    GET DIAGNOSTICS quarantined = ROW_COUNT;
    UPDATE neanelu.harvest_imports AS i
       SET records = i.records + record_import.stored + record_import.unchanged + record_import.superseded + record_import.quarantined,
           stored = i.stored + record_import.stored, unchanged = i.unchanged + record_import.unchanged,
           superseded = i.superseded + record_import.superseded, quarantined = i.quarantined + record_import.quarantined
     WHERE i.id = p_import_id;
    RETURN NEXT;
END
$$;
COMMENT ON FUNCTION harvest.record_import(uuid, jsonb, jsonb) IS
    'One batch of an import: records as for harvest.store_many, and what goes to quarantine, [{"line", "code", "message", "raw" (base64), "bytes"}]. After a crash '
    'import the file again: what was stored is unchanged then. Locks: the import, and as harvest.store_many. Raises: NG010 no such running import, and as harvest.store_many';

CREATE FUNCTION harvest.end_import(p_import_id uuid, p_error_code text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    UPDATE neanelu.harvest_imports AS i
       SET status = CASE WHEN p_error_code IS NULL THEN 'completed' ELSE 'failed' END, error_code = p_error_code, ended_at = clock_timestamp()
     WHERE i.id = p_import_id AND i.status = 'running';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no import % that runs', p_import_id USING ERRCODE = 'NG010';
    END IF;
END
$$;
COMMENT ON FUNCTION harvest.end_import(uuid, text) IS 'Ends an import. Locks: the import. Raises: NG010 no such running import';

CREATE FUNCTION harvest.list_imports(p_source_id uuid DEFAULT NULL, p_limit integer DEFAULT 20)
RETURNS TABLE (
    id uuid, source text, file_name text, file_format text, status text, records bigint, stored bigint, unchanged bigint, superseded bigint,
    quarantined bigint, error_code text, started_at timestamptz, ended_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT i.id, s.name, i.file_name, i.file_format, i.status, i.records, i.stored, i.unchanged, i.superseded, i.quarantined, i.error_code,
           i.started_at, i.ended_at
      FROM neanelu.harvest_imports AS i JOIN neanelu.prod_sources AS s ON s.id = i.source_id
     WHERE p_source_id IS NULL OR i.source_id = p_source_id
     ORDER BY i.started_at DESC, i.id DESC LIMIT p_limit
$$;
COMMENT ON FUNCTION harvest.list_imports(uuid, integer) IS 'The latest imports. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest.list_errors(p_import_id uuid, p_limit integer DEFAULT 50)
RETURNS TABLE (line_number bigint, error_code text, message text, raw bytea, raw_bytes bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT e.line_number, e.error_code, e.message, e.raw, e.raw_bytes
      FROM neanelu.harvest_errors AS e WHERE e.import_id = p_import_id ORDER BY e.line_number, e.id LIMIT p_limit
$$;
COMMENT ON FUNCTION harvest.list_errors(uuid, integer) IS 'What an import left in quarantine, by line. Takes no locks. Raises: nothing';

CREATE FUNCTION harvest.purge(p_keep interval DEFAULT '90 days')
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH gone AS (DELETE FROM neanelu.harvest_imports AS i WHERE i.started_at < now() - p_keep RETURNING i.id) SELECT count(*)::integer FROM gone
$$;
COMMENT ON FUNCTION harvest.purge(interval) IS
    'Forgets imports that began longer ago, with what they left in quarantine. Returns how many. Idempotent. Locks: their rows. Raises: nothing';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA harvest FROM PUBLIC;
GRANT EXECUTE ON FUNCTION harvest.begin_import(uuid, text, text), harvest.record_import(uuid, jsonb, jsonb), harvest.end_import(uuid, text)
    TO neanelu_harvester, neanelu_pim_editor;
GRANT EXECUTE ON FUNCTION harvest.list_imports(uuid, integer), harvest.list_errors(uuid, integer)
    TO neanelu_operator, neanelu_pim_editor, neanelu_harvester;
GRANT EXECUTE ON FUNCTION harvest.purge(interval) TO neanelu_operator;

COMMIT;
