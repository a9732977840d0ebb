-- Deploy neanelu:functions/webhooks/fetch to pg
-- requires: functions/webhooks/products
-- requires: functions/webhooks/inventory
-- requires: functions/inventory/orders
-- Objects that were asked for: a worker claims them, asks Shopify with the selection of the bulk query, and hands over the lines
-- that a bulk result would have had. They go through the same staging and the same merge, as a run of one transaction that is
-- nowhere recorded: what a webhook does not carry comes by the same code as everything else.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, webhooks, sync, app, extensions, pg_temp;

CREATE FUNCTION webhooks.claim_fetches(p_shop_id uuid, p_limit integer DEFAULT 50)
RETURNS TABLE (resource text, kind text, object_ids bigint[], claimed_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, app, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_now      constant timestamptz := clock_timestamp();
    v_resource text;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    -- One resource at a time, in the order in which a sync brings them: an order finds its customer.
    SELECT f.resource INTO v_resource
      FROM mirror_fetches AS f JOIN sync_resources AS r USING (resource)
     WHERE f.shop_id = p_shop_id AND f.due_at <= v_now AND coalesce(f.claimed_at < v_now - interval '5 minutes', true)
     ORDER BY r.run_order LIMIT 1;
    IF webhooks._leave_to_bulk(p_shop_id, v_resource, v_now) THEN
        RETURN QUERY SELECT * FROM webhooks.claim_fetches(p_shop_id, p_limit);
        RETURN;
    END IF;
    RETURN QUERY
    WITH due AS (
        SELECT f.object_id FROM mirror_fetches AS f
         WHERE f.shop_id = p_shop_id AND f.resource = v_resource AND f.due_at <= v_now AND coalesce(f.claimed_at < v_now - interval '5 minutes', true)
         ORDER BY f.object_id LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED),
    taken AS (
        UPDATE mirror_fetches AS f SET claimed_at = v_now FROM due AS d
         WHERE f.shop_id = p_shop_id AND f.resource = v_resource AND f.object_id = d.object_id
        RETURNING f.object_id)
    SELECT v_resource, k.kind, array_agg(t.object_id ORDER BY t.object_id), v_now
      FROM taken AS t, webhooks.fetch_kind(v_resource) AS k (kind) GROUP BY k.kind;
END
$$;
COMMENT ON FUNCTION webhooks.claim_fetches(uuid, integer) IS
    'The next objects of one resource that are due, as many as p_limit, and the kind of their gids; no row when none is. A claim that nobody ended is worthless after '
    'five minutes. When very many are due, a bulk run is asked for instead, and they wait for it. Locks: their rows; what others claim is passed over. Raises: NA002';

CREATE FUNCTION webhooks._leave_to_bulk(p_shop_id uuid, p_resource text, p_now timestamptz)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
BEGIN
    IF p_resource IS NULL OR sync._setting('fetch_max', 2000) >= (
            SELECT count(*) FROM (SELECT FROM mirror_fetches AS f WHERE f.shop_id = p_shop_id AND f.resource = p_resource AND f.due_at <= p_now
                                   LIMIT sync._setting('fetch_max', 2000)::bigint + 1) AS d)
       OR NOT EXISTS (SELECT FROM sync_checkpoints AS c JOIN sync_resources AS r ON r.resource = c.resource_type
                       WHERE c.shop_id = p_shop_id AND c.resource_type = p_resource AND c.high_water_mark IS NOT NULL AND r.supports_filter) THEN
        RETURN false;
    END IF;
    IF NOT EXISTS (SELECT FROM bulk_runs AS b WHERE b.shop_id = p_shop_id AND b.query_type = p_resource AND b.status IN ('pending', 'running')) THEN
        PERFORM sync.request_run(p_shop_id, p_resource, 'incremental');
    END IF;
    -- What the run brings is done then; what it does not bring, because it is gone, is asked for later.
    UPDATE mirror_fetches AS f SET due_at = p_now + interval '15 minutes'
     WHERE f.shop_id = p_shop_id AND f.resource = p_resource AND f.due_at <= p_now;
    RETURN true;
END
$$;
COMMENT ON FUNCTION webhooks._leave_to_bulk(uuid, text, timestamptz) IS
    'When more objects are due than the setting sync.fetch_max (2000) says, asks for an incremental bulk run in their place, and puts them off; says whether it did. '
    'Idempotent. Locks: rows of mirror_fetches. Raises: NS002 the shop is not installed';

CREATE FUNCTION webhooks.release_fetches(p_shop_id uuid, p_resource text, p_asked bigint[], p_claimed_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    UPDATE mirror_fetches AS f SET claimed_at = NULL
     WHERE f.shop_id = p_shop_id AND f.resource = p_resource AND f.object_id = ANY (p_asked) AND f.claimed_at = p_claimed_at;
END
$$;
COMMENT ON FUNCTION webhooks.release_fetches(uuid, text, bigint[], timestamptz) IS
    'Gives a claim back: there was no answer, or nobody could take it now. Idempotent. Locks: the rows of mirror_fetches. Raises: NA002';

CREATE FUNCTION webhooks.forget_claims(p_shop_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    UPDATE mirror_fetches AS f SET claimed_at = NULL WHERE f.shop_id = p_shop_id AND f.claimed_at IS NOT NULL;
END
$$;
COMMENT ON FUNCTION webhooks.forget_claims(uuid) IS
    'Gives all claims of a shop back, because the worker that had some is gone; what another one is asking for just now is asked for twice, which does no harm. Idempotent. '
    'Locks: the rows of mirror_fetches. Raises: NA002';

CREATE FUNCTION webhooks.fetch_kind(p_resource text)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT s.kind FROM sync_streams AS s WHERE s.resource = p_resource AND s.is_merged ORDER BY s.is_root DESC, s.stream LIMIT 1
$$;
COMMENT ON FUNCTION webhooks.fetch_kind(text) IS 'The kind of a resource''s objects that can be asked for one by one. Reads only.';

-- Lines -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._as_run(p_shop_id uuid, p_resource text, p_lines integer, p_as_of timestamptz)
RETURNS bulk_runs
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    SELECT jsonb_populate_record(NULL::bulk_runs, jsonb_build_object(
        'id', uuidv7(), 'shop_id', p_shop_id, 'query_type', p_resource, 'mode', 'incremental', 'source', 'shopify', 'attempt', 1,
        'lines_in', p_lines, 'is_partial', false, 'started_at', p_as_of))
$$;
COMMENT ON FUNCTION webhooks._as_run(uuid, text, integer, timestamptz) IS 'A run as the pipeline''s functions take it, that no table has. Pure but for its id.';

CREATE FUNCTION webhooks._land(p_run bulk_runs, p_lines text[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    WITH parsed AS MATERIALIZED (
        SELECT l.n, l.text::jsonb AS doc FROM unnest(p_lines) WITH ORDINALITY AS l (text, n)),
    lines AS (
        SELECT l.n, l.doc, split_part(l.doc ->> 'id', '/', 4) AS kind, nullif(split_part(split_part(l.doc ->> 'id', '/', 5), '?', 1), '')::bigint AS number,
               split_part(l.doc ->> '__parentId', '/', 4) AS parent_kind,
               nullif(split_part(split_part(l.doc ->> '__parentId', '/', 5), '?', 1), '')::bigint AS parent
          FROM parsed AS l)
    INSERT INTO bulk_lines (bulk_run_id, attempt, line_number, stream, kind, owner_id, object_id, doc)
    SELECT p_run.id, p_run.attempt, l.n, coalesce(own.stream, above.stream), coalesce(nullif(l.kind, ''), 'ResourcePublication'),
           CASE WHEN own.stream IS NULL THEN l.parent ELSE l.number END, l.number, l.doc
      FROM lines AS l
      LEFT JOIN sync_streams AS own ON own.resource = p_run.query_type AND own.kind = l.kind
      LEFT JOIN sync_streams AS above ON above.resource = p_run.query_type AND above.kind = l.parent_kind
$$;
COMMENT ON FUNCTION webhooks._land(bulk_runs, text[]) IS
    'Lines as a daemon would have sent them: kind, owner and stream by their gids. Locks: none. Raises: 22P02 no JSON, 23502 a line that belongs to nothing';

CREATE FUNCTION webhooks._stage(p_run bulk_runs, p_tables sync_tables[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_table sync_tables;
BEGIN
    PERFORM sync._collect_groups(p_run);
    PERFORM sync._reject_unknown_kinds(p_run);
    PERFORM sync._reject_duplicates(p_run);
    FOREACH v_table IN ARRAY p_tables LOOP
        CONTINUE WHEN v_table.kinds = '{}';
        PERFORM sync._stage_rows(p_run, v_table);
    END LOOP;
    PERFORM sync._reject_orphans(p_run);
END
$$;
COMMENT ON FUNCTION webhooks._stage(bulk_runs, sync_tables[]) IS
    'Lines become typed rows, as sync.begin_stage, stage_table and end_stage do it for a recorded run. Locks: none. Raises: nothing of its own';

CREATE FUNCTION webhooks._merge(p_run bulk_runs, p_tables sync_tables[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
BEGIN
    PERFORM sync._mark_stale(p_run, t.staging_table, t.target_table) FROM unnest(p_tables) AS t;
    PERFORM sync._mark_buried(p_run);
    PERFORM sync._mark_unwhole(p_run);
    PERFORM sync._merge_tables(p_run, p_tables);
    PERFORM sync._tombstone_parts(p_run, t) FROM unnest(p_tables) AS t WHERE t.vanish = 'tombstone_parts';
END
$$;
COMMENT ON FUNCTION webhooks._merge(bulk_runs, sync_tables[]) IS
    'Typed rows become the mirror, as sync.merge does it for a recorded run; parts that an object came without are deleted. Locks: the mirror rows written. '
    'Raises: nothing of its own';

CREATE FUNCTION webhooks._vanish(p_run bulk_runs, p_kind text, p_asked bigint[])
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, pg_temp
AS $$
DECLARE
    v_gone  bigint[] := ARRAY(SELECT a FROM unnest(p_asked) AS a
                               WHERE NOT EXISTS (SELECT FROM bulk_groups AS g JOIN sync_streams AS s USING (stream)
                                                  WHERE g.bulk_run_id = p_run.id AND s.kind = p_kind AND g.object_id = a));
    v_table sync_tables;
    v_one   bigint;
BEGIN
    SELECT t.* INTO v_table FROM sync_tables AS t JOIN sync_streams AS s USING (stream)
     WHERE s.resource = p_run.query_type AND s.kind = p_kind AND t.vanish IN ('tombstone', 'tombstone_parts') ORDER BY t.merge_order LIMIT 1;
    IF v_table.staging_table IS NULL THEN
        RETURN 0;
    END IF;
    IF p_run.query_type = 'orders' AND NOT webhooks._sees_all_orders(p_run.shop_id) THEN
        -- Orders of more than 60 days are not gone but out of sight.
        v_gone := ARRAY(SELECT o.legacy_resource_id FROM shopify_orders AS o WHERE o.shop_id = p_run.shop_id AND o.shopify_gid = ANY (
                            SELECT webhooks._gid('Order', n::text) FROM unnest(v_gone) AS n) AND o.created_at_shopify > p_run.started_at - interval '59 days');
    END IF;
    FOREACH v_one IN ARRAY v_gone LOOP
        PERFORM webhooks._forget_digests(p_run.shop_id, p_kind, v_one);
        IF p_run.query_type = 'products' THEN
            PERFORM webhooks._delete_variants(p_run.shop_id, webhooks._gid(p_kind, v_one::text), '{}', p_run.started_at, 'snapshot');
        END IF;
    END LOOP;
    RETURN webhooks._mark_deleted(p_run.shop_id, v_table.target_table, replace(v_table.object_column, 'shopify_gid', 't.shopify_gid'), v_gone, p_run.started_at, 'snapshot');
END
$$;
COMMENT ON FUNCTION webhooks._vanish(bulk_runs, text, bigint[]) IS
    'Marks as deleted what was asked for and does not exist, unless the token may not see it; returns how many rows. Locks: those rows. Raises: nothing';

CREATE FUNCTION webhooks._sees_all_orders(p_shop_id uuid)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$ SELECT 'read_all_orders' = ANY (s.scopes) FROM shops AS s WHERE s.id = p_shop_id $$;
COMMENT ON FUNCTION webhooks._sees_all_orders(uuid) IS
    'Whether the shop''s token sees orders of more than 60 days. Reads only.';

CREATE FUNCTION webhooks._vanish_variants(p_run bulk_runs)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT webhooks._delete_variants(p_run.shop_id, webhooks._gid('Product', g.object_id::text),
               ARRAY(SELECT l.doc ->> 'id' FROM bulk_lines AS l
                      WHERE l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.kind = 'ProductVariant'
                        AND l.doc ->> '__parentId' = webhooks._gid('Product', g.object_id::text)), p_run.started_at, 'snapshot')
      FROM bulk_groups AS g JOIN sync_streams AS s USING (stream)
     WHERE g.bulk_run_id = p_run.id AND s.resource = 'products' AND s.kind = 'Product'
       AND NOT EXISTS (SELECT FROM bulk_outcomes AS o WHERE o.bulk_run_id = p_run.id AND o.stream = g.stream AND o.object_id = g.object_id
                          AND o.outcome IN ('stale', 'rejected', 'unwhole'))
     ORDER BY g.object_id
$$;
COMMENT ON FUNCTION webhooks._vanish_variants(bulk_runs) IS
    'Marks the variants as deleted that their products came without. Locks: those rows. Raises: nothing';

CREATE FUNCTION webhooks._into_ledger(p_run bulk_runs, p_asked bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, inventory, pg_temp
AS $$
BEGIN
    IF p_run.query_type = 'orders' THEN
        PERFORM inventory.record_orders(p_run.shop_id, ARRAY(
            SELECT o.id FROM staging_orders AS s JOIN shopify_orders AS o ON o.shop_id = s.shop_id AND o.shopify_gid = s.shopify_gid
             WHERE s.bulk_run_id = p_run.id ORDER BY o.id));
    ELSIF p_run.query_type = 'inventory' THEN
        -- Of all that was asked for: the last level of an item may be gone.
        PERFORM webhooks._record_levels(p_run.shop_id, ARRAY(SELECT webhooks._gid('InventoryItem', a::text) FROM unnest(p_asked) AS a ORDER BY 1));
    ELSIF p_run.query_type = 'products' THEN
        PERFORM webhooks._record_levels(p_run.shop_id, ARRAY(
            SELECT DISTINCT s.inventory_item_id FROM staging_variants AS s WHERE s.bulk_run_id = p_run.id AND s.inventory_item_id IS NOT NULL ORDER BY 1));
    END IF;
END
$$;
COMMENT ON FUNCTION webhooks._into_ledger(bulk_runs, bigint[]) IS
    'Takes orders and levels that were fetched or are gone, and levels of variants that were fetched, into the stock ledger. Idempotent. Locks: as inventory.record_orders and record_absolute. '
    'Raises: nothing of its own';

CREATE FUNCTION webhooks._without_values(p_message text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Two statements: a planner that knows the message would try the cast first.
    IF p_message IS JSON ARRAY THEN
        RETURN (SELECT string_agg(DISTINCT e.doc ->> 'field', ', ') FROM jsonb_array_elements(p_message::jsonb) AS e (doc));
    END IF;
    RETURN left(p_message, 300);
END
$$;
COMMENT ON FUNCTION webhooks._without_values(text) IS 'What is wrong with a line, without what stands in it: a list of problems becomes the fields'' names. Pure.';

CREATE FUNCTION webhooks._end_fetches(p_run bulk_runs, p_asked bigint[], p_claimed_at timestamptz)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
DECLARE
    v_failed integer;
BEGIN
    -- What was wanted again meanwhile stays wanted; so does what the mirror did not take, with growing pauses, five times.
    WITH bad AS (
        SELECT webhooks._root_of(p_run, l) AS object_id, min(x.error_code || ': ' || webhooks._without_values(x.message)) AS error
          FROM bulk_rejects AS x
          JOIN bulk_lines AS l ON l.bulk_run_id = p_run.id AND l.attempt = p_run.attempt AND l.line_number = x.line_number
         WHERE x.bulk_run_id = p_run.id AND NOT x.is_duplicate
         GROUP BY 1),
    fates AS (
        SELECT a.object_id, b.error, f.wanted_at > p_claimed_at OR b.error IS NOT NULL AND f.failures < 4 AS again, f.failures
          FROM unnest(p_asked) AS a (object_id)
          JOIN mirror_fetches AS f ON f.shop_id = p_run.shop_id AND f.resource = p_run.query_type AND f.object_id = a.object_id
          LEFT JOIN bad AS b ON b.object_id = a.object_id),
    written AS (
        UPDATE mirror_fetches AS f
           SET wanted_at = CASE WHEN x.again THEN f.wanted_at END,
               due_at = CASE WHEN x.again THEN clock_timestamp() + CASE WHEN x.error IS NULL THEN interval '0' ELSE interval '1 minute' * 4 ^ x.failures END END,
               claimed_at = NULL, fetched_at = p_claimed_at, failures = CASE WHEN x.error IS NULL THEN 0 ELSE x.failures + 1 END, error = x.error
          FROM fates AS x
         WHERE f.shop_id = p_run.shop_id AND f.resource = p_run.query_type AND f.object_id = x.object_id
        RETURNING x.error)
    SELECT count(w.error) INTO v_failed FROM written AS w;
    RETURN v_failed;
END
$$;
COMMENT ON FUNCTION webhooks._end_fetches(bulk_runs, bigint[], timestamptz) IS
    'Notes what was fetched, and why what the mirror did not take was not; returns how many of those. Locks: the rows of mirror_fetches. Raises: nothing';

CREATE FUNCTION webhooks._root_of(p_run bulk_runs, p_line bulk_lines)
RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT CASE WHEN p_line.doc ->> '__parentId' IS NULL THEN p_line.object_id
                WHEN s.is_root THEN p_line.owner_id
                ELSE coalesce((SELECT split_part(o.doc ->> '__parentId', '/', 5)::bigint FROM bulk_lines AS o
                                WHERE o.bulk_run_id = p_run.id AND o.attempt = p_run.attempt AND o.stream = p_line.stream AND o.object_id = p_line.owner_id
                                  AND o.kind = s.kind AND o.doc ->> '__parentId' IS NOT NULL LIMIT 1), p_line.owner_id) END
      FROM sync_streams AS s WHERE s.stream = p_line.stream
$$;
COMMENT ON FUNCTION webhooks._root_of(bulk_runs, bulk_lines) IS 'The number of the object that a line was asked for with. Reads only.';

CREATE FUNCTION webhooks._lock_whole(p_shop_id uuid, p_resource text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
    SELECT sync.lock_resource(p_shop_id, l.resource)
      FROM (SELECT DISTINCT u.resource FROM unnest(CASE WHEN p_resource = 'products' THEN ARRAY['inventory', 'products'] ELSE ARRAY[p_resource] END) AS u (resource)
             ORDER BY u.resource) AS l
$$;
COMMENT ON FUNCTION webhooks._lock_whole(uuid, text) IS
    'Serialises with merges and webhooks of what a fetch writes: products take their stock along. Locks: those resources until the transaction ends. Raises: nothing';

CREATE FUNCTION webhooks.apply_fetched(p_shop_id uuid, p_resource text, p_asked bigint[], p_lines text[], p_claimed_at timestamptz)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, app, pg_temp
AS $$
DECLARE
    v_run    constant bulk_runs := webhooks._as_run(p_shop_id, p_resource, cardinality(p_lines), p_claimed_at);
    v_kind   constant text := webhooks.fetch_kind(p_resource);
    v_tables constant sync_tables[] := sync._run_tables(v_run);
    v_failed  integer;
    v_deleted integer;
    v_written bigint;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    PERFORM webhooks._lock_whole(p_shop_id, p_resource);
    PERFORM sync._plan_large_joins(v_run);
    PERFORM webhooks._land(v_run, p_lines);
    PERFORM webhooks._stage(v_run, v_tables);
    PERFORM webhooks._merge(v_run, v_tables);
    IF p_resource = 'products' THEN
        PERFORM webhooks._vanish_variants(v_run);
    END IF;
    v_deleted := webhooks._vanish(v_run, v_kind, p_asked);
    PERFORM webhooks._into_ledger(v_run, p_asked);
    UPDATE sync_digests AS d SET digest = 0
     WHERE d.shop_id = p_shop_id AND d.stream = sync._root_stream(v_run) AND d.object_id = ANY (p_asked) AND d.digest <> 0;
    v_failed := webhooks._end_fetches(v_run, p_asked, p_claimed_at);
    SELECT count(DISTINCT (o.stream, o.object_id)) INTO v_written FROM bulk_outcomes AS o
     WHERE o.bulk_run_id = v_run.id AND o.outcome IN ('inserted', 'updated');
    PERFORM sync._discard_staging(v_run);
    RETURN jsonb_build_object('resource', p_resource, 'asked', cardinality(p_asked), 'written', v_written, 'deleted', v_deleted, 'refused', v_failed);
END
$$;
COMMENT ON FUNCTION webhooks.apply_fetched(uuid, text, bigint[], text[], timestamptz) IS
    'Takes the answer for objects that were claimed: p_lines as a bulk result would have them, whole trees; p_asked the numbers asked for, and what is not among the lines does '
    'not exist. Stages, validates, merges, and deletes parts, variants and objects that are gone; newer data of webhooks stays. Returns counts. Idempotent. '
    'Locks: the resource (as a merge does), the mirror rows written. Raises: NA002, 22P02 a line is no JSON';

CREATE FUNCTION webhooks.next_fetch(p_shop_id uuid)
RETURNS interval
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, app, pg_temp
AS $$
DECLARE
    v_delay interval;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    SELECT min(greatest(f.due_at, f.claimed_at + interval '5 minutes')) - clock_timestamp() INTO v_delay
      FROM mirror_fetches AS f WHERE f.shop_id = p_shop_id AND f.wanted_at IS NOT NULL;
    IF v_delay IS NOT NULL THEN
        v_delay := greatest(v_delay, interval '0');
        PERFORM jobs.enqueue('sync', 'mirror.fetch', p_shop_id, '{}', v_delay, 0, 'mirror.fetch/next');
    END IF;
    RETURN v_delay;
END
$$;
COMMENT ON FUNCTION webhooks.next_fetch(uuid) IS
    'Asks for another mirror.fetch when something is still wanted, for when it is due; returns how long that is, or null. Idempotent. Locks: none that others wait for. Raises: NA002';

-- After a bulk run --------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks.tg_bulk_runs__refetch()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM mirror_fetches AS f WHERE f.shop_id = NEW.shop_id AND f.resource = NEW.query_type) THEN
        RETURN NULL;
    END IF;
    -- What was wanted before the run's data was taken came with it.
    UPDATE mirror_fetches AS f
       SET wanted_at = NULL, due_at = NULL, claimed_at = NULL, fetched_at = sync._data_time(NEW), failures = 0, error = NULL
      FROM (SELECT g.object_id FROM bulk_groups AS g JOIN sync_streams AS s USING (stream) WHERE g.bulk_run_id = NEW.id AND s.is_root
            UNION SELECT d.object_id FROM sync_digests AS d
                   WHERE NEW.mode <> 'incremental' AND d.shop_id = NEW.shop_id AND d.stream = sync._root_stream(NEW) AND d.digest <> 0) AS came (object_id)
     WHERE f.shop_id = NEW.shop_id AND f.resource = NEW.query_type AND f.object_id = came.object_id
       AND f.wanted_at < sync._data_time(NEW) - interval '1 minute' AND f.failures = 0 AND NOT NEW.is_partial;
    -- It is of the run's beginning: what webhooks changed since may have been overwritten where versions cannot tell.
    PERFORM webhooks._want(NEW.shop_id, NEW.query_type, ARRAY(
        SELECT f.object_id FROM mirror_fetches AS f
         WHERE f.shop_id = NEW.shop_id AND f.resource = NEW.query_type AND f.wanted_at IS NULL
           AND f.fetched_at > sync._data_time(NEW) ORDER BY f.object_id LIMIT 10000), interval '1 second');
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION webhooks.tg_bulk_runs__refetch() IS
    'When a run is completed, what was wanted before it is done, and what was fetched while it ran is asked for again. Raises: nothing of its own';
GRANT EXECUTE ON FUNCTION webhooks.tg_bulk_runs__refetch() TO neanelu_owner;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA webhooks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    webhooks.claim_fetches(uuid, integer), webhooks.release_fetches(uuid, text, bigint[], timestamptz), webhooks.forget_claims(uuid),
    webhooks.apply_fetched(uuid, text, bigint[], text[], timestamptz), webhooks.next_fetch(uuid)
    TO neanelu_worker;

SET LOCAL ROLE neanelu_owner;
CREATE TRIGGER tg_bulk_runs__refetch
    AFTER UPDATE OF status ON neanelu.bulk_runs
    FOR EACH ROW WHEN (NEW.status = 'completed' AND OLD.status <> 'completed' AND NEW.source = 'shopify')
    EXECUTE FUNCTION webhooks.tg_bulk_runs__refetch();

COMMIT;
