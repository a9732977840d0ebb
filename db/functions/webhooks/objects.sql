-- Deploy neanelu:functions/webhooks/objects to pg
-- requires: functions/sync/merge
-- requires: functions/jobs/schedule
-- requires: policies/mirror
-- What all processors share: turning values of a payload into values of the mirror, writing rows of which only some columns
-- are known, burying objects, and asking for the rest.
--
-- A payload is shaped like Shopify's REST API: snake case, numbers as ids, lower-case enums. Its values end as they would if
-- a bulk run had brought them. Only what a payload carries is written; the rest is asked for (webhook_topics.fetch_after).
--
-- Order does not matter. An object's version is its updated_at: an older one never overwrites a newer one. A deletion has a
-- time as well, and outlives everything that is not newer, also for objects that the mirror never had (mirror_tombstones).
-- Versions of the same second cannot be told apart: the last to come is kept, and what is asked for afterwards decides.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, webhooks, app, extensions, pg_temp;

-- Values ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._gid(p_kind text, p_number text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'gid://shopify/' || p_kind || '/' || p_number;
COMMENT ON FUNCTION webhooks._gid(text, text) IS 'A gid, or null without a number. Pure.';

CREATE FUNCTION webhooks._number(p_payload jsonb, p_key text DEFAULT 'id')
RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_text constant text := substring(p_payload ->> p_key FROM '^(?:gid://shopify/[A-Za-z0-9]+/)?([1-9][0-9]{0,18})$');
BEGIN
    IF v_text IS NULL THEN
        RAISE EXCEPTION 'the payload has no id under "%"', p_key USING ERRCODE = 'NW010';
    END IF;
    RETURN v_text::bigint;
END
$$;
COMMENT ON FUNCTION webhooks._number(jsonb, text) IS
    'The number of an object at Shopify, from a number or a gid. Exact: never a floating point number. Pure. '
    'Raises: NW010 there is none, 22003 beyond 64 bits';

CREATE FUNCTION webhooks._time(p_payload jsonb, p_key text)
RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_time constant timestamptz := (p_payload ->> p_key)::timestamptz;
BEGIN
    IF NOT isfinite(v_time) THEN
        RAISE EXCEPTION '"%" is no time', p_payload ->> p_key USING ERRCODE = '22007';
    END IF;
    RETURN v_time;
END
$$;
COMMENT ON FUNCTION webhooks._time(jsonb, text) IS 'A time of the payload, or null. Pure but for the time zone. Raises: 22007 what stands there is no time';

CREATE FUNCTION webhooks._utc(p_time timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
COMMENT ON FUNCTION webhooks._utc(timestamptz) IS 'A time as GraphQL writes it. Pure.';

CREATE FUNCTION webhooks._amount(p_value jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_amount constant numeric := (p_value #>> '{}')::numeric;
BEGIN
    IF scale(trim_scale(v_amount)) > 2 THEN
        RAISE EXCEPTION 'the amount % has more than two decimals', v_amount USING ERRCODE = '22003';
    END IF;
    RETURN p_value;
END
$$;
COMMENT ON FUNCTION webhooks._amount(jsonb) IS
    'An amount of money as it came, if the mirror keeps it exactly: nothing is rounded. Pure. Raises: 22003 more than two decimals, 22P02 no number';

CREATE FUNCTION webhooks._upper(p_value jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_jsonb(upper(replace(p_value #>> '{}', '-', '_')));
COMMENT ON FUNCTION webhooks._upper(jsonb) IS 'A value of an enum as GraphQL writes it: best-selling becomes BEST_SELLING. Pure.';

CREATE FUNCTION webhooks._tags(p_tags jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(p_tags)
    WHEN 'array' THEN p_tags
    ELSE (SELECT coalesce(jsonb_agg(trim(t.tag) ORDER BY t.n) FILTER (WHERE trim(t.tag) <> ''), '[]')
            FROM string_to_table(p_tags #>> '{}', ',') WITH ORDINALITY AS t (tag, n))
  END;
COMMENT ON FUNCTION webhooks._tags(jsonb) IS 'Tags as an array, from the list with commas that REST writes. Pure.';

CREATE FUNCTION webhooks._address(p_address jsonb, p_with_id boolean)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(p_address) = 'object' THEN
    CASE WHEN p_with_id THEN jsonb_build_object('id', 'gid://shopify/MailingAddress/' || (p_address ->> 'id') || '?model_name=CustomerAddress') ELSE '{}' END
    || jsonb_build_object(
        'name', p_address -> 'name', 'firstName', p_address -> 'first_name', 'lastName', p_address -> 'last_name', 'company', p_address -> 'company',
        'address1', p_address -> 'address1', 'address2', p_address -> 'address2', 'city', p_address -> 'city', 'province', p_address -> 'province',
        'provinceCode', p_address -> 'province_code', 'zip', p_address -> 'zip',
        'country', coalesce(nullif(p_address -> 'country_name', 'null'), p_address -> 'country'),
        'countryCodeV2', p_address -> 'country_code', 'phone', p_address -> 'phone') END;
COMMENT ON FUNCTION webhooks._address(jsonb, boolean) IS 'A postal address as GraphQL writes it; null for none. Pure.';

CREATE FUNCTION webhooks._shop_money(p_set jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN p_set #>> '{shop_money,amount}' IS NOT NULL
            THEN jsonb_build_object('shopMoney', jsonb_build_object('amount', p_set #>> '{shop_money,amount}')) END;
COMMENT ON FUNCTION webhooks._shop_money(jsonb) IS 'An amount in the shop''s currency as the bulk query selects it (fragment shop). Pure.';

CREATE FUNCTION webhooks._money(p_set jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(p_set) = 'object' THEN jsonb_build_object(
    'shopMoney', jsonb_build_object('amount', p_set #>> '{shop_money,amount}', 'currencyCode', p_set #> '{shop_money,currency_code}'),
    'presentmentMoney', jsonb_build_object('amount', p_set #>> '{presentment_money,amount}', 'currencyCode', p_set #> '{presentment_money,currency_code}')) END;
COMMENT ON FUNCTION webhooks._money(jsonb) IS 'An amount in both currencies as the bulk query selects it (fragment money). Pure.';

-- Rows --------------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._state(p_shop_id uuid, p_table text, p_kind text, p_object_id bigint, p_version timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, pg_temp
AS $$
DECLARE
    v_known   timestamptz;
    v_deleted timestamptz;
    v_reason  text;
    v_is_here boolean;
BEGIN
    PERFORM sync.lock_object(p_shop_id, p_kind, p_object_id);
    EXECUTE format('SELECT updated_at_shopify, deleted_at, deletion_reason, true FROM neanelu.%I WHERE shop_id = $1 AND shopify_gid = $2 FOR NO KEY UPDATE', p_table)
       INTO v_known, v_deleted, v_reason, v_is_here USING p_shop_id, webhooks._gid(p_kind, p_object_id::text);
    v_deleted := greatest(v_deleted, (SELECT d.deleted_at FROM mirror_tombstones AS d
                                       WHERE d.shop_id = p_shop_id AND d.kind = p_kind AND d.object_id = p_object_id AND d.part_id = 0));
    -- Without a version nothing can be said but that the object was there.
    RETURN CASE WHEN v_known > coalesce(p_version, '-infinity') OR v_reason = 'erasure' THEN 'stale'
                WHEN v_deleted >= coalesce(p_version, '-infinity') THEN 'deleted'
                WHEN v_is_here THEN 'known' ELSE 'new' END;
END
$$;
COMMENT ON FUNCTION webhooks._state(uuid, text, text, bigint, timestamptz) IS
    'What the mirror makes of an object''s version: new; known (an older version, the same, or deleted before); stale (it has a newer one, or the person '
    'was erased); deleted (later than that). Locks: the object until the transaction ends, and its row. Raises: nothing of its own';

CREATE FUNCTION webhooks._set_list(p_columns text[], p_template text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT string_agg(format(p_template, c.name), ', ' ORDER BY c.n) FROM unnest(p_columns) WITH ORDINALITY AS c (name, n) $$;
COMMENT ON FUNCTION webhooks._set_list(text[], text) IS 'A list for SQL: the template (with %1$I for the name) for each column, in order. Pure.';

CREATE FUNCTION webhooks._write(
    p_shop_id uuid, p_table text, p_rows jsonb, p_as_of timestamptz DEFAULT 'infinity', p_key text DEFAULT 'shopify_gid', p_version text DEFAULT 'updated_at_shopify')
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, extensions, pg_temp
AS $$
DECLARE
    v_columns constant text[] := ARRAY(SELECT k FROM jsonb_object_keys(p_rows -> 0) AS k WHERE k <> p_key ORDER BY k);
    v_unknown text[];
    v_written integer;
    v_added   integer;
BEGIN
    EXECUTE format(
        'UPDATE neanelu.%1$I AS t SET %2$s, deleted_at = NULL, deletion_reason = NULL, synced_at = now(), updated_at = now() '
        '  FROM jsonb_populate_recordset(NULL::neanelu.%1$I, $2) AS r '
        ' WHERE t.shop_id = $1 AND t.%3$I = r.%3$I '
        '   AND (ROW(%4$s) IS DISTINCT FROM ROW(%5$s) OR t.deleted_at IS NOT NULL) '
        '   AND (t.deleted_at IS NULL OR t.deleted_at < $3 AND t.deletion_reason <> ''erasure'') '
        '   AND coalesce(t.%6$I <= r.%6$I, t.%6$I IS NULL)',
        p_table, webhooks._set_list(v_columns, '%1$I = r.%1$I'), p_key, webhooks._set_list(v_columns, 't.%I'), webhooks._set_list(v_columns, 'r.%I'),
        p_version)
    USING p_shop_id, p_rows, p_as_of;
    GET DIAGNOSTICS v_written = ROW_COUNT;
    IF v_written < jsonb_array_length(p_rows) THEN
        -- What is not known is null, not what the column's default says.
        v_unknown := ARRAY(SELECT a.attname::text FROM pg_attribute AS a
                            WHERE a.attrelid = format('neanelu.%I', p_table)::regclass AND a.attnum > 0 AND NOT a.attisdropped
                              AND a.atthasdef AND NOT a.attnotnull AND a.attname <> ALL (v_columns) ORDER BY 1);
        EXECUTE format(
            'INSERT INTO neanelu.%1$I (shop_id, %3$I, %2$s) SELECT $1, r.%3$I, %4$s '
            '  FROM jsonb_populate_recordset(NULL::neanelu.%1$I, $2) AS r '
            ' WHERE NOT EXISTS (SELECT FROM neanelu.%1$I AS t WHERE t.shop_id = $1 AND t.%3$I = r.%3$I)',
            p_table, webhooks._set_list(v_columns || v_unknown, '%I'), p_key, webhooks._set_list(v_columns || v_unknown, 'r.%I'))
        USING p_shop_id, p_rows;
        GET DIAGNOSTICS v_added = ROW_COUNT;
    END IF;
    RETURN v_written + coalesce(v_added, 0);
END
$$;
COMMENT ON FUNCTION webhooks._write(uuid, text, jsonb, timestamptz, text, text) IS
    'Writes rows of a mirror table of which only some columns are known: p_rows is an array of objects, all with the columns of the first one. A row '
    'that is there is updated where it differs, if its version is not newer and it was not deleted at p_as_of or later; others are inserted. '
    'Returns the rows written. Idempotent. Locks: those rows. Raises: 22xxx, 23xxx a value that the mirror does not take';

CREATE FUNCTION webhooks._bury(p_shop_id uuid, p_kind text, p_object_id bigint, p_deleted_at timestamptz, p_part_id bigint DEFAULT 0)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    INSERT INTO mirror_tombstones AS d (shop_id, kind, object_id, part_id, deleted_at)
    VALUES (p_shop_id, p_kind, p_object_id, p_part_id, p_deleted_at)
    ON CONFLICT (shop_id, kind, object_id, part_id) DO UPDATE SET deleted_at = excluded.deleted_at WHERE d.deleted_at < excluded.deleted_at
$$;
COMMENT ON FUNCTION webhooks._bury(uuid, text, bigint, timestamptz, bigint) IS
    'Remembers that an object was deleted, whether the mirror has it or not; the latest time counts. Idempotent. Locks: the tombstone. Raises: nothing';

CREATE FUNCTION webhooks._mark_deleted(p_shop_id uuid, p_table text, p_where text, p_values bigint[], p_deleted_at timestamptz, p_reason text DEFAULT 'webhook')
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
AS $$
DECLARE
    v_rows integer;
BEGIN
    EXECUTE format(
        'UPDATE neanelu.%I AS t SET deleted_at = $3, deletion_reason = $4, updated_at = now(), synced_at = now() '
        ' WHERE t.shop_id = $1 AND t.deleted_at IS NULL AND %s = ANY ($2)%s', p_table, p_where,
        CASE WHEN sync._has_column(p_table, 'updated_at_shopify') THEN ' AND coalesce(t.updated_at_shopify <= $3, true)' ELSE '' END)
    USING p_shop_id, p_values, p_deleted_at, p_reason;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$$;
COMMENT ON FUNCTION webhooks._mark_deleted(uuid, text, text, bigint[], timestamptz, text) IS
    'Marks rows as deleted that live and did not change later; p_where is SQL for the number that must be among p_values. Returns how many. '
    'Idempotent. Locks: those rows. Raises: nothing of its own';

CREATE FUNCTION webhooks._delete(p_shop_id uuid, p_table text, p_kind text, p_object_id bigint, p_deleted_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, pg_temp
AS $$
BEGIN
    IF webhooks._state(p_shop_id, p_table, p_kind, p_object_id, p_deleted_at) = 'stale' THEN
        RETURN 'stale';
    END IF;
    PERFORM webhooks._bury(p_shop_id, p_kind, p_object_id, p_deleted_at);
    PERFORM webhooks._forget_digests(p_shop_id, p_kind, p_object_id);
    EXECUTE format('UPDATE neanelu.%I AS t SET deleted_at = $3, deletion_reason = ''webhook'', updated_at = now(), synced_at = now() '
                   ' WHERE t.shop_id = $1 AND t.shopify_gid = $2 AND t.deleted_at IS NULL', p_table)
    USING p_shop_id, webhooks._gid(p_kind, p_object_id::text), p_deleted_at;
    RETURN 'applied';
END
$$;
COMMENT ON FUNCTION webhooks._delete(uuid, text, text, bigint, timestamptz) IS
    'Marks an object as deleted at Shopify''s time, and remembers it where the mirror does not have it; stale when it changed later. Idempotent. '
    'Locks: the object, its row. Raises: nothing of its own';

CREATE FUNCTION webhooks._forget_digests(p_shop_id uuid, p_kind text, p_object_id bigint, p_resource text DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    UPDATE sync_digests AS d SET digest = 0
      FROM sync_streams AS s
     WHERE d.shop_id = p_shop_id AND d.stream = s.stream AND d.object_id = p_object_id AND s.kind = p_kind AND s.is_root AND d.digest <> 0
       AND (p_resource IS NULL OR s.resource = p_resource)
$$;
COMMENT ON FUNCTION webhooks._forget_digests(uuid, text, bigint, text) IS
    'Forgets from which bytes a root''s rows were written, so that the next bulk file is compared with them for real. Idempotent. Locks: the digests. Raises: nothing';

-- The rest ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._want(p_shop_id uuid, p_resource text, p_object_ids bigint[], p_delay interval)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, jobs, pg_temp
AS $$
BEGIN
    IF p_delay IS NULL OR cardinality(p_object_ids) = 0 THEN
        RETURN;
    END IF;
    INSERT INTO mirror_fetches AS f (shop_id, resource, object_id, wanted_at, due_at)
    SELECT DISTINCT p_shop_id, p_resource, o.id, clock_timestamp(), clock_timestamp() + p_delay FROM unnest(p_object_ids) AS o (id) ORDER BY o.id
    ON CONFLICT (shop_id, resource, object_id) DO UPDATE
       SET wanted_at = excluded.wanted_at, due_at = least(coalesce(f.due_at, excluded.due_at), excluded.due_at);
    PERFORM jobs.enqueue('sync', 'mirror.fetch', p_shop_id, '{}', p_delay, 0, 'mirror.fetch/' || p_delay);
END
$$;
COMMENT ON FUNCTION webhooks._want(uuid, text, bigint[], interval) IS
    'Asks for objects, some time later, together with all that are wanted by then; nothing with a null delay. Idempotent. Locks: the rows of mirror_fetches. '
    'Raises: nothing of its own';

CREATE FUNCTION webhooks._fetch_after(p_topic text)
RETURNS interval
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$ SELECT t.fetch_after FROM webhook_topics AS t WHERE t.topic = p_topic $$;
COMMENT ON FUNCTION webhooks._fetch_after(text) IS 'webhook_topics.fetch_after of a topic. Reads only.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA webhooks FROM PUBLIC;

COMMIT;
