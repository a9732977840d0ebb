-- Deploy neanelu:functions/sync/lifecycle to pg
-- The life of a run: asked for, claimed under a lease, stepped through, ended, asked for again.
BEGIN;
SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, sync, app, extensions, pg_temp;

-- Settings ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION sync._setting(p_key text, p_default numeric) RETURNS numeric
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce((SELECT (value #>> '{}')::numeric FROM neanelu.system_config WHERE key = 'sync.' || p_key), p_default)
$$;
COMMENT ON FUNCTION sync._setting(text, numeric) IS
    'A number of system_config, key sync.<p_key>, or the default. Reads only. Raises 22P02 where the stored value is no number.';

CREATE FUNCTION sync.operation_slots(p_api_version text) RETURNS integer
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN p_api_version = 'unstable' OR p_api_version >= '2026-01' THEN 5 ELSE 1 END $$;
COMMENT ON FUNCTION sync.operation_slots(text) IS
    'Bulk query operations that Shopify runs at once for one app and shop, by API version. Pure.';

CREATE FUNCTION sync.resources() RETURNS TABLE (
    resource text, operation_type text, transport text, depends_on text[], run_order integer, supports_filter boolean, streams jsonb, root_kind text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT r.resource, r.operation_type, r.transport, r.depends_on, r.run_order::integer, r.supports_filter,
           (SELECT jsonb_object_agg(s.kind, s.stream) FROM neanelu.sync_streams AS s WHERE s.resource = r.resource),
           (SELECT s.kind FROM neanelu.sync_streams AS s WHERE s.resource = r.resource AND s.is_root)
      FROM neanelu.sync_resources AS r
     ORDER BY r.run_order
$$;
COMMENT ON FUNCTION sync.resources() IS
    'What can be synchronised, in the order of running; streams maps the kinds that own lines to their numbers, root_kind starts a tree. Reads only.';

-- Asking for a run --------------------------------------------------------------------------------------------------

CREATE FUNCTION sync._incremental_start(p_shop_id uuid, p_resource text) RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT c.high_water_mark - make_interval(secs => sync._setting('incremental_overlap_seconds', 600)::double precision)
      FROM neanelu.sync_checkpoints AS c
      JOIN neanelu.sync_resources AS r ON r.resource = c.resource_type AND r.supports_filter
     WHERE c.shop_id = p_shop_id AND c.resource_type = p_resource AND c.last_full_snapshot_at IS NOT NULL
$$;
COMMENT ON FUNCTION sync._incremental_start(uuid, text) IS
    'From when an incremental run must ask: the checkpoint less an overlap. Null where only a snapshot will do. Reads only.';

CREATE FUNCTION sync.request_run(
    p_shop_id uuid, p_resource text, p_mode text DEFAULT 'snapshot', p_source text DEFAULT 'shopify',
    p_idempotency_key text DEFAULT NULL, p_allow_mass_delete boolean DEFAULT false)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, app, pg_temp
AS $$
DECLARE
    v_id   uuid;
    v_from timestamptz;
    v_mode text := p_mode;
    v_active bulk_runs;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF NOT EXISTS (SELECT FROM sync_resources WHERE resource = p_resource) THEN
        RAISE EXCEPTION 'there is no resource "%"', p_resource USING ERRCODE = 'NS001',
            HINT = 'sync.resources() lists them.';
    END IF;
    IF NOT EXISTS (SELECT FROM shops WHERE id = p_shop_id AND uninstalled_at IS NULL) THEN
        RAISE EXCEPTION 'shop % is not installed', p_shop_id USING ERRCODE = 'NS002';
    END IF;
    IF p_mode = 'incremental' AND p_source = 'shopify' THEN
        v_from := sync._incremental_start(p_shop_id, p_resource);
        v_mode := CASE WHEN v_from IS NULL THEN 'snapshot' ELSE 'incremental' END;
    END IF;

    INSERT INTO bulk_runs (shop_id, operation_type, query_type, mode, source, idempotency_key, filter_from, allow_mass_delete, api_version)
    SELECT p_shop_id, r.operation_type, r.resource, v_mode, p_source, p_idempotency_key, v_from, p_allow_mass_delete, s.api_version
      FROM sync_resources AS r, shops AS s
     WHERE r.resource = p_resource AND s.id = p_shop_id
    ON CONFLICT DO NOTHING
    RETURNING id INTO v_id;
    IF v_id IS NOT NULL THEN
        PERFORM pg_notify('neanelu_sync', json_build_object('event', 'requested', 'run_id', v_id, 'shop_id', p_shop_id)::text);
        RETURN v_id;
    END IF;

    SELECT id INTO v_id FROM bulk_runs WHERE shop_id = p_shop_id AND idempotency_key = p_idempotency_key;
    IF v_id IS NOT NULL THEN
        RETURN v_id;
    END IF;
    SELECT * INTO v_active FROM bulk_runs
     WHERE shop_id = p_shop_id AND query_type = p_resource AND status IN ('pending', 'running');
    IF v_active.source = p_source AND v_active.mode = v_mode AND p_source = 'shopify' THEN
        RETURN v_active.id;
    END IF;
    RAISE EXCEPTION 'a % run of % is already % for this shop', v_active.mode, p_resource, v_active.status
        USING ERRCODE = 'NS003', DETAIL = format('run %s, requested %s', v_active.id, v_active.created_at),
              HINT = 'Wait for it, or cancel it with: neanelu runs cancel ' || v_active.id;
END
$$;
COMMENT ON FUNCTION sync.request_run(uuid, text, text, text, text, boolean) IS
    'Asks for a run and returns its id. Idempotent: the same key, or an active run of the same kind, gives that run. Incremental '
    'becomes snapshot where there is no checkpoint yet or Shopify cannot filter. Locks: none beyond the inserted row. '
    'Raises NA002 (not your shop), NS001 (no such resource), NS002 (shop not installed), NS003 (another kind of run is active).';

CREATE FUNCTION sync.run_states(p_run_ids uuid[]) RETURNS TABLE (
    run_id uuid, status text, retry_count integer, not_before timestamptz, error_code text, error_message text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
    SELECT r.id, r.status, r.retry_count, r.not_before, r.error_code, r.error_message
      FROM bulk_runs AS r
     WHERE r.id = ANY (p_run_ids)
$$;
COMMENT ON FUNCTION sync.run_states(uuid[]) IS 'Where these runs stand, for a caller that waits for them. Reads only.';

-- Claims and leases -------------------------------------------------------------------------------------------------

CREATE FUNCTION sync._is_claimable(p_run bulk_runs) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT p_run.not_before <= clock_timestamp()
       AND (p_run.status = 'pending' OR p_run.status = 'running' AND coalesce(p_run.lease_expires_at, '-infinity') <= clock_timestamp())
       AND NOT EXISTS (
            SELECT FROM neanelu.bulk_runs AS d
              JOIN neanelu.sync_resources AS r ON r.resource = p_run.query_type AND d.query_type = ANY (r.depends_on)
             WHERE d.shop_id = p_run.shop_id AND d.status IN ('pending', 'running') AND p_run.source = 'shopify')
$$;
COMMENT ON FUNCTION sync._is_claimable(bulk_runs) IS
    'Whether a daemon may take the run now: waiting or abandoned, its backoff over, and nothing it depends on waiting or running. Reads only.';

CREATE FUNCTION sync.claim_run(
    p_worker text, p_lease interval DEFAULT '60 seconds', p_shop_id uuid DEFAULT NULL, p_run_id uuid DEFAULT NULL)
RETURNS SETOF bulk_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, app, pg_temp
AS $$
DECLARE
    v_run bulk_runs;
BEGIN
    SELECT r.* INTO v_run
      FROM bulk_runs AS r
      JOIN sync_resources AS o ON o.resource = r.query_type
     WHERE r.status IN ('pending', 'running')
       AND (p_shop_id IS NULL OR r.shop_id = p_shop_id)
       AND (r.id = p_run_id OR p_run_id IS NULL AND r.source = 'shopify')
       AND sync._is_claimable(r)
     ORDER BY o.run_order, r.created_at
     LIMIT 1
       FOR UPDATE OF r SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM app.assert_shop_access(v_run.shop_id);
    UPDATE bulk_runs AS r
       SET status = 'running', attempt = r.attempt + 1, leased_by = p_worker, lease_token = gen_random_uuid(),
           lease_expires_at = clock_timestamp() + p_lease, started_at = coalesce(r.started_at, clock_timestamp()),
           updated_at = clock_timestamp()
     WHERE r.shop_id = v_run.shop_id AND r.id = v_run.id
    RETURNING r.* INTO v_run;
    RETURN NEXT v_run;
END
$$;
COMMENT ON FUNCTION sync.claim_run(text, interval, uuid, uuid) IS
    'Takes the next run for a daemon, or one that its daemon abandoned, and returns it with a new lease token; no row when there is '
    'nothing to do. File runs are only taken by id. Locks: the run''s row; rows locked by others are skipped. Raises NA002.';

CREATE FUNCTION sync._leased_run(p_run_id uuid, p_token uuid) RETURNS bulk_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, app, pg_temp
AS $$
DECLARE
    v_run bulk_runs;
BEGIN
    SELECT * INTO v_run FROM bulk_runs WHERE id = p_run_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no run %', p_run_id USING ERRCODE = 'NS004';
    END IF;
    PERFORM app.assert_shop_access(v_run.shop_id);
    IF v_run.lease_token IS DISTINCT FROM p_token OR p_token IS NULL THEN
        RAISE EXCEPTION 'the lease on run % is lost: it is % now', p_run_id, v_run.status USING ERRCODE = 'NS005',
            HINT = 'Drop what you hold of this run; whoever holds the lease goes on with it.';
    END IF;
    RETURN v_run;
END
$$;
COMMENT ON FUNCTION sync._leased_run(uuid, uuid) IS
    'The run, locked, if the token is its lease''s: the first call of every step. An expired lease that nobody took is still good. '
    'Locks: the run''s row until the transaction ends. Raises NA002, NS004 (no such run), NS005 (lease lost).';

CREATE FUNCTION sync._leased_run_seen(p_run_id uuid, p_token uuid) RETURNS bulk_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, app, pg_temp
AS $$
DECLARE
    v_run bulk_runs;
BEGIN
    SELECT * INTO v_run FROM bulk_runs WHERE id = p_run_id AND lease_token = p_token;
    IF NOT FOUND THEN
        RETURN sync._leased_run(p_run_id, p_token);
    END IF;
    PERFORM app.assert_shop_access(v_run.shop_id);
    RETURN v_run;
END
$$;
COMMENT ON FUNCTION sync._leased_run_seen(uuid, uuid) IS
    'Like sync._leased_run, for a transaction that stays open while other connections of the daemon use the run, and calls sync._leased_run before its end. '
    'Locks: none. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync._leased_run_shared(p_run_id uuid, p_token uuid) RETURNS bulk_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
BEGIN
    PERFORM FROM bulk_runs WHERE id = p_run_id AND lease_token = p_token FOR SHARE;
    RETURN sync._leased_run_seen(p_run_id, p_token);
END
$$;
COMMENT ON FUNCTION sync._leased_run_shared(uuid, uuid) IS
    'Like sync._leased_run, for work that one daemon does side by side on several connections. Locks: the run''s row, shared. '
    'Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.renew_lease(p_run_id uuid, p_token uuid, p_lease interval DEFAULT '60 seconds') RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run(p_run_id, p_token);
BEGIN
    UPDATE bulk_runs SET lease_expires_at = clock_timestamp() + p_lease
     WHERE shop_id = v_run.shop_id AND id = v_run.id
    RETURNING lease_expires_at INTO v_run.lease_expires_at;
    RETURN v_run.lease_expires_at;
END
$$;
COMMENT ON FUNCTION sync.renew_lease(uuid, uuid, interval) IS
    'Extends the lease; the daemon''s heartbeat. Idempotent. Locks: the run''s row. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.release_run(p_run_id uuid, p_token uuid, p_delay interval DEFAULT '0') RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run(p_run_id, p_token);
BEGIN
    UPDATE bulk_runs
       SET leased_by = NULL, lease_token = NULL, lease_expires_at = NULL, not_before = clock_timestamp() + p_delay, updated_at = clock_timestamp()
     WHERE shop_id = v_run.shop_id AND id = v_run.id;
END
$$;
COMMENT ON FUNCTION sync.release_run(uuid, uuid, interval) IS
    'Gives the run back unfinished, for whoever claims it next (graceful stop, or no operation slot free). Locks: the run''s row. '
    'Raises NA002, NS004, NS005.';

-- Steps -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION sync._begin_step(p_run bulk_runs, p_step text, p_metadata jsonb DEFAULT '{}') RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO neanelu.bulk_steps (shop_id, bulk_run_id, step_name, status, started_at, metadata)
    VALUES (p_run.shop_id, p_run.id, p_step, 'running', clock_timestamp(), p_metadata)
    ON CONFLICT (shop_id, bulk_run_id, step_name) DO UPDATE
       SET status = 'running', started_at = clock_timestamp(), completed_at = NULL, error_message = NULL, metadata = excluded.metadata
$$;
COMMENT ON FUNCTION sync._begin_step(bulk_runs, text, jsonb) IS 'Marks a step as running, again if need be. Locks: the step''s row.';

CREATE FUNCTION sync._end_step(p_run bulk_runs, p_step text, p_metadata jsonb DEFAULT '{}', p_records bigint DEFAULT 0) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO neanelu.bulk_steps (shop_id, bulk_run_id, step_name, status, started_at, completed_at, metadata, records_processed)
    VALUES (p_run.shop_id, p_run.id, p_step, 'completed', clock_timestamp(), clock_timestamp(), p_metadata, p_records)
    ON CONFLICT (shop_id, bulk_run_id, step_name) DO UPDATE
       SET status = 'completed', completed_at = clock_timestamp(), error_message = NULL,
           metadata = bulk_steps.metadata || excluded.metadata, records_processed = excluded.records_processed
$$;
COMMENT ON FUNCTION sync._end_step(bulk_runs, text, jsonb, bigint) IS 'Marks a step as completed and adds facts to it. Locks: the step''s row.';

CREATE FUNCTION sync.reserve_operation(p_run_id uuid, p_token uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run  bulk_runs := sync._leased_run(p_run_id, p_token);
    v_open integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('sync.operation:' || v_run.shop_id, 0));
    SELECT count(DISTINCT r.id) INTO v_open
      FROM bulk_runs AS r
      JOIN bulk_steps AS s ON s.shop_id = r.shop_id AND s.bulk_run_id = r.id AND s.step_name IN ('start', 'poll') AND s.status = 'running'
     WHERE r.shop_id = v_run.shop_id AND r.status = 'running' AND r.id <> v_run.id;
    IF v_open >= sync.operation_slots(v_run.api_version) THEN
        RETURN false;
    END IF;
    PERFORM sync._begin_step(v_run, 'start', jsonb_build_object('api_version', v_run.api_version));
    RETURN true;
END
$$;
COMMENT ON FUNCTION sync.reserve_operation(uuid, uuid) IS
    'Reserves one of the shop''s bulk operation slots for the run''s start step; false when all are taken (release the run and come back). '
    'Idempotent. Locks: the run''s row, an advisory lock a shop until the transaction ends. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.record_operation(p_run_id uuid, p_token uuid, p_operation_gid text, p_created_at timestamptz DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run(p_run_id, p_token);
BEGIN
    UPDATE bulk_runs
       SET shopify_operation_id = p_operation_gid, updated_at = clock_timestamp(),
           cursor_state = coalesce(cursor_state, '{}') || jsonb_build_object('operation_created_at', coalesce(p_created_at, clock_timestamp()))
     WHERE shop_id = v_run.shop_id AND id = v_run.id;
    PERFORM sync._end_step(v_run, 'start', jsonb_build_object('operation', p_operation_gid));
    PERFORM sync._begin_step(v_run, 'poll');
END
$$;
COMMENT ON FUNCTION sync.record_operation(uuid, uuid, text, timestamptz) IS
    'Notes which Shopify bulk operation serves the run, and when Shopify created it. Idempotent. Locks: the run''s row. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.record_poll(p_run_id uuid, p_token uuid, p_operation jsonb) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run     bulk_runs := sync._leased_run(p_run_id, p_token);
    v_status  constant text := upper(p_operation ->> 'status');
    v_url     constant text := p_operation ->> 'url';
    v_partial constant text := p_operation ->> 'partialDataUrl';
    v_objects constant bigint := (p_operation ->> 'objectCount')::bigint;
BEGIN
    IF v_status IN ('CREATED', 'RUNNING', 'CANCELING') THEN
        UPDATE bulk_runs SET records_processed = least(coalesce(v_objects, 0), 2147483647), updated_at = clock_timestamp()
         WHERE shop_id = v_run.shop_id AND id = v_run.id;
        RETURN 'wait';
    ELSIF v_status = 'COMPLETED' AND v_url IS NULL AND coalesce(v_objects, 0) > 0 THEN
        RETURN 'lost';
    ELSIF v_status = 'EXPIRED' OR v_status IN ('FAILED', 'CANCELED') AND coalesce(v_partial, v_url) IS NULL THEN
        RETURN 'lost';
    ELSIF v_status NOT IN ('COMPLETED', 'FAILED', 'CANCELED') OR v_status IS NULL THEN
        RAISE EXCEPTION 'Shopify answered with a bulk operation status that is not known: %', v_status USING ERRCODE = 'NS030';
    END IF;
    UPDATE bulk_runs
       SET is_partial = v_status <> 'COMPLETED',
           result_url = CASE v_status WHEN 'COMPLETED' THEN v_url ELSE coalesce(v_partial, v_url) END,
           objects_expected = CASE v_status WHEN 'COMPLETED' THEN v_objects END,
           roots_expected = CASE v_status WHEN 'COMPLETED' THEN (p_operation ->> 'rootObjectCount')::bigint END,
           bytes_expected = CASE v_status WHEN 'COMPLETED' THEN (p_operation ->> 'fileSize')::bigint END,
           updated_at = clock_timestamp()
     WHERE shop_id = v_run.shop_id AND id = v_run.id;
    PERFORM sync._end_step(v_run, 'poll', p_operation - 'url' - 'partialDataUrl' - 'query', coalesce(v_objects, 0));
    PERFORM sync._begin_step(v_run, 'download');
    RETURN CASE WHEN v_status = 'COMPLETED' AND v_url IS NULL THEN 'empty' ELSE 'download' END;
END
$$;
COMMENT ON FUNCTION sync.record_poll(uuid, uuid, jsonb) IS
    'Takes Shopify''s answer about the bulk operation and says what to do: wait; download (also what a failed or cancelled operation left, '
    'marked as partial); empty (completed without a file); lost (expired, or ended without data: ask for a new operation). '
    'Idempotent. Locks: the run''s row. Raises NA002, NS004, NS005, NS030 (unknown status).';

CREATE FUNCTION sync.signal_operation(p_shop_id uuid, p_operation_gid text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
DECLARE
    v_run_id uuid;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    SELECT id INTO v_run_id FROM bulk_runs
     WHERE shop_id = p_shop_id AND shopify_operation_id = p_operation_gid AND status = 'running';
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM pg_notify('neanelu_sync', json_build_object('event', 'finished', 'run_id', v_run_id, 'operation', p_operation_gid)::text);
    RETURN true;
END
$$;
COMMENT ON FUNCTION sync.signal_operation(uuid, text) IS
    'Says that Shopify finished a bulk operation (webhook bulk_operations/finish), so that the daemon that waits for it looks at once; false '
    'when no run waits for it. The signal is only a hint: what the daemon does next is ask Shopify. Idempotent. Locks: none. Raises NA002.';

CREATE FUNCTION sync.record_artifact(
    p_run_id uuid, p_token uuid, p_file_path text, p_url text DEFAULT NULL, p_etag text DEFAULT NULL, p_bytes bigint DEFAULT NULL,
    p_rows integer DEFAULT NULL, p_checksum text DEFAULT NULL, p_expires_at timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run bulk_runs := sync._leased_run(p_run_id, p_token);
BEGIN
    INSERT INTO bulk_artifacts (shop_id, bulk_run_id, artifact_type, file_path, url, etag, bytes_size, rows_count, checksum, expires_at)
    VALUES (v_run.shop_id, v_run.id, 'jsonl', p_file_path, split_part(p_url, '?', 1), p_etag, p_bytes, p_rows, p_checksum, p_expires_at)
    ON CONFLICT (shop_id, bulk_run_id, artifact_type) DO UPDATE
       SET file_path = excluded.file_path, url = coalesce(excluded.url, bulk_artifacts.url), etag = excluded.etag,
           bytes_size = excluded.bytes_size, rows_count = excluded.rows_count, checksum = excluded.checksum,
           expires_at = coalesce(excluded.expires_at, bulk_artifacts.expires_at), removed_at = NULL;
    UPDATE bulk_runs SET bytes_processed = coalesce(p_bytes, bytes_processed), updated_at = clock_timestamp()
     WHERE shop_id = v_run.shop_id AND id = v_run.id;
END
$$;
COMMENT ON FUNCTION sync.record_artifact(uuid, uuid, text, text, text, bigint, integer, text, timestamptz) IS
    'Notes the file of the run: where it lies, its ETag, size, lines and SHA-256. The URL is kept without its signature. '
    'Idempotent. Locks: the run''s row. Raises NA002, NS004, NS005.';

-- Ends --------------------------------------------------------------------------------------------------------------

CREATE FUNCTION sync._is_retryable(p_code text) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    -- 08/53/57: connections, resources, operator intervention; 40: serialisation; 55P03: lock timeout
    SELECT left(p_code, 2) IN ('08', '53', '57', '40') OR p_code IN ('55P03', 'NH008', 'NK012', 'NS021', 'NS024', 'NS031', 'NS032', 'NS040', 'NS041', 'NS042', 'NS051', 'NS052')
$$;
COMMENT ON FUNCTION sync._is_retryable(text) IS 'Whether a failure with this code may pass when tried again (docs/errors.md). Pure.';

CREATE FUNCTION sync.fail_run(p_run_id uuid, p_token uuid, p_code text, p_message text, p_step text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_run   bulk_runs := sync._leased_run(p_run_id, p_token);
    v_again constant boolean := sync._is_retryable(p_code) AND v_run.retry_count < v_run.max_retries;
    v_delay constant interval := make_interval(secs => (sync._setting('retry_base_seconds', 5) * 2 ^ least(v_run.retry_count, 10)
                                                        * (0.5 + random()::numeric))::double precision);
BEGIN
    UPDATE bulk_runs
       SET status = CASE WHEN v_again THEN 'pending' ELSE 'failed' END,
           completed_at = CASE WHEN v_again THEN NULL ELSE clock_timestamp() END,
           retry_count = retry_count + v_again::integer,
           not_before = clock_timestamp() + CASE WHEN v_again THEN v_delay ELSE '0' END,
           -- 31/32/42: the operation or its file is of no use any more, ask Shopify anew
           shopify_operation_id = CASE WHEN p_code IN ('NS031', 'NS032', 'NS042') THEN NULL ELSE shopify_operation_id END,
           result_url = CASE WHEN v_again AND p_code NOT IN ('NS031', 'NS032', 'NS042') THEN result_url END,
           error_code = p_code, error_message = p_message,
           leased_by = NULL, lease_token = NULL, lease_expires_at = NULL, updated_at = clock_timestamp()
     WHERE shop_id = v_run.shop_id AND id = v_run.id
    RETURNING status INTO v_run.status;
    UPDATE bulk_steps SET status = 'failed', completed_at = clock_timestamp(), error_message = p_message
     WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id AND status = 'running' AND (p_step IS NULL OR step_name = p_step);
    IF v_run.status = 'failed' THEN
        UPDATE sync_checkpoints SET status = 'error', error_message = p_message, updated_at = clock_timestamp()
         WHERE shop_id = v_run.shop_id AND resource_type = v_run.query_type;
    END IF;
    PERFORM pg_notify('neanelu_sync', json_build_object('event', v_run.status, 'run_id', v_run.id, 'shop_id', v_run.shop_id, 'code', p_code)::text);
    RETURN v_run.status;
END
$$;
COMMENT ON FUNCTION sync.fail_run(uuid, uuid, text, text, text) IS
    'Ends the attempt with a failure: the run waits for another try with growing backoff and jitter where the code may pass and tries are '
    'left, else it has failed. Returns the new status. Locks: the run''s row. Raises NA002, NS004, NS005.';

CREATE FUNCTION sync.cancel_run(p_run_id uuid) RETURNS bulk_runs
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, app, pg_temp
AS $$
DECLARE
    v_run bulk_runs;
BEGIN
    SELECT * INTO v_run FROM bulk_runs WHERE id = p_run_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no run %', p_run_id USING ERRCODE = 'NS004';
    END IF;
    PERFORM app.assert_shop_access(v_run.shop_id);
    IF v_run.status IN ('pending', 'running') THEN
        UPDATE bulk_runs
           SET status = 'cancelled', completed_at = clock_timestamp(), leased_by = NULL, lease_token = NULL, lease_expires_at = NULL,
               result_url = NULL, updated_at = clock_timestamp()
         WHERE shop_id = v_run.shop_id AND id = v_run.id
        RETURNING * INTO v_run;
        UPDATE bulk_steps SET status = 'failed', completed_at = clock_timestamp(), error_message = 'cancelled'
         WHERE shop_id = v_run.shop_id AND bulk_run_id = v_run.id AND status = 'running';
    ELSIF v_run.status <> 'cancelled' THEN
        RAISE EXCEPTION 'run % has % already', p_run_id, v_run.status USING ERRCODE = 'NS006';
    END IF;
    RETURN v_run;
END
$$;
COMMENT ON FUNCTION sync.cancel_run(uuid) IS
    'Cancels a waiting or running run; its daemon loses the lease and stops at its next step. Idempotent. Locks: the run''s row, so it '
    'waits for a merge that is under way. Raises NA002, NS004, NS006 (ended already).';

CREATE FUNCTION sync.retry_run(p_run_id uuid, p_allow_mass_delete boolean DEFAULT false) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, app, pg_temp
AS $$
DECLARE
    v_run bulk_runs;
BEGIN
    SELECT * INTO v_run FROM bulk_runs WHERE id = p_run_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no run %', p_run_id USING ERRCODE = 'NS004';
    END IF;
    PERFORM app.assert_shop_access(v_run.shop_id);
    IF v_run.status IN ('pending', 'running') THEN
        UPDATE bulk_runs SET not_before = clock_timestamp(), allow_mass_delete = allow_mass_delete OR p_allow_mass_delete
         WHERE shop_id = v_run.shop_id AND id = v_run.id;
        RETURN v_run.id;
    END IF;
    IF v_run.source = 'file' THEN
        RAISE EXCEPTION 'run % came from a file', p_run_id USING ERRCODE = 'NS007', HINT = 'Give the file again: neanelu ingest SHOP FILE';
    END IF;
    RETURN sync.request_run(v_run.shop_id, v_run.query_type, v_run.mode, v_run.source, NULL, p_allow_mass_delete);
END
$$;
COMMENT ON FUNCTION sync.retry_run(uuid, boolean) IS
    'Asks for an ended run once more, or lifts the backoff of a waiting one; returns the run to watch. Idempotent. Locks: the run''s row. '
    'Raises NA002, NS003, NS004, NS007 (a file run).';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.resources(), sync.operation_slots(text),
    sync.request_run(uuid, text, text, text, text, boolean), sync.cancel_run(uuid), sync.retry_run(uuid, boolean),
    sync.run_states(uuid[])
    TO neanelu_sync, neanelu_operator;
GRANT EXECUTE ON FUNCTION sync.claim_run(text, interval, uuid, uuid), sync.renew_lease(uuid, uuid, interval),
    sync.release_run(uuid, uuid, interval), sync.reserve_operation(uuid, uuid), sync.record_operation(uuid, uuid, text, timestamptz),
    sync.record_poll(uuid, uuid, jsonb),
    sync.record_artifact(uuid, uuid, text, text, text, bigint, integer, text, timestamptz),
    sync.fail_run(uuid, uuid, text, text, text)
    TO neanelu_sync;
GRANT EXECUTE ON FUNCTION sync.signal_operation(uuid, text) TO neanelu_sync, neanelu_webhooks;
COMMIT;
