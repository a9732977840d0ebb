-- Deploy neanelu:functions/pim/events to pg
-- requires: functions/pim/quality
-- requires: functions/flags/config
-- requires: functions/jobs/schedule
-- Changes of quality are told: a notification for listeners, a signed request for each address, by the job queue until it is taken.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._notify_quality()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    -- Who holds the row is about to notify; who comes later is heard by the same look.
    PERFORM FROM neanelu.prod_quality_signals AS s WHERE s.name = 'neanelu_quality' AND s.is_wanted FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE neanelu.prod_quality_signals AS s SET is_wanted = false WHERE s.name = 'neanelu_quality';
        PERFORM pg_catalog.pg_notify('neanelu_quality', '');
    END IF;
END
$$;
COMMENT ON FUNCTION pim._notify_quality() IS
    'Notifies on neanelu_quality if somebody has looked at the events (pim.quality_events) since the last notification, and nobody else is about to. '
    'Listeners look now and then all the same. Locks: the signal''s row until the commit, without waiting. Raises: nothing';

CREATE FUNCTION pim._announce(p_event_ids uuid[])
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, jobs, pg_temp
AS $$
DECLARE
    v_payloads jsonb[];
BEGIN
    PERFORM pim._notify_quality();
    WITH owed AS (
        INSERT INTO neanelu.prod_quality_deliveries (event_id, endpoint_id)
        SELECT e.id, n.id
          FROM neanelu.prod_quality_events AS e
          JOIN neanelu.prod_quality_endpoints AS n ON n.is_active AND e.event_type = ANY (n.event_types)
         WHERE e.id = ANY (p_event_ids)
         ORDER BY e.id, n.id
        ON CONFLICT (event_id, endpoint_id) DO NOTHING
        RETURNING event_id, endpoint_id
    )
    SELECT array_agg(jsonb_build_object('event_id', o.event_id, 'endpoint_id', o.endpoint_id) ORDER BY o.event_id) INTO v_payloads FROM owed AS o;
    IF v_payloads IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM jobs.enqueue_many('notifications', 'quality.notify', array_fill(NULL::uuid, ARRAY[cardinality(v_payloads)]), v_payloads);
    RETURN cardinality(v_payloads);
END
$$;
COMMENT ON FUNCTION pim._announce(uuid[]) IS
    'Notifies listeners, and asks for a job quality.notify for each event and active address that wants it; returns how many. Idempotent. '
    'Locks: the deliveries it adds. Raises: nothing of its own';

CREATE FUNCTION pim.quality_events(p_since timestamptz DEFAULT NULL, p_limit integer DEFAULT 1000)
RETURNS SETOF neanelu.prod_quality_events
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
BEGIN
    UPDATE neanelu.prod_quality_signals AS s SET is_wanted = true WHERE s.name = 'neanelu_quality' AND NOT s.is_wanted;
    RETURN QUERY
    SELECT e.* FROM neanelu.prod_quality_events AS e
     WHERE e.created_at >= coalesce(p_since, app.now() - interval '1 day') ORDER BY e.created_at, e.id LIMIT p_limit;
END
$$;
COMMENT ON FUNCTION pim.quality_events(timestamptz, integer) IS
    'Events since a moment (by default a day ago), oldest first; the next one after this call notifies on neanelu_quality. Transactions that take long commit '
    'events of earlier moments: look back a few minutes and know ids that you have. Locks: the signal''s row. Raises: nothing';

-- Addresses --------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim.set_endpoint(p_name text, p_url text, p_sealed_secret jsonb, p_event_types text[] DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, flags, pg_temp
AS $$
DECLARE
    v_id uuid;
BEGIN
    IF p_sealed_secret IS NULL AND NOT EXISTS (SELECT FROM neanelu.prod_quality_endpoints AS n WHERE n.name = p_name) THEN
        RAISE EXCEPTION 'a new address needs a secret' USING ERRCODE = 'NQ001', HINT = 'neanelu pim endpoints add makes one.';
    END IF;
    INSERT INTO neanelu.prod_quality_endpoints AS n (name, url, event_types)
    VALUES (p_name, p_url, coalesce(p_event_types, '{quality_promoted,quality_demoted,review_requested}'))
    ON CONFLICT (name) DO UPDATE
       SET url = excluded.url, event_types = coalesce(p_event_types, n.event_types), is_active = true, updated_at = now()
    RETURNING n.id INTO v_id;
    IF p_sealed_secret IS NOT NULL THEN
        PERFORM flags.set_config('pim.endpoint.' || p_name, p_sealed_secret, true, 'Signs events of quality for ' || p_name);
    END IF;
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION pim.set_endpoint(text, text, jsonb, text[]) IS
    'Adds an address that is told of changes of quality, or changes one and makes it active again. The secret comes sealed, {"sealed": base64}, for the setting '
    'pim.endpoint.<name>; without one the old stays. Idempotent. Locks: its row, the setting''s row. '
    'Raises: NQ001 a new one without secret, NF004 not sealed, NK012 sealed with a key that was replaced, 23514 no address, name or kind of event';

CREATE FUNCTION pim.remove_endpoint(p_name text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    DELETE FROM neanelu.prod_quality_endpoints AS n WHERE n.name = p_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no address %', p_name USING ERRCODE = 'NQ002', HINT = 'neanelu pim endpoints list';
    END IF;
    DELETE FROM neanelu.system_config AS c WHERE c.key = 'pim.endpoint.' || p_name;
END
$$;
COMMENT ON FUNCTION pim.remove_endpoint(text) IS
    'Forgets an address with its secret and what it was owed. Locks: its rows. Raises: NQ002 there is none, also when it was removed before';

CREATE FUNCTION pim.list_endpoints()
RETURNS TABLE (endpoint_id uuid, name text, url text, event_types text[], is_active boolean, last_success_at timestamptz, last_failure_at timestamptz,
               last_error text, pending bigint, sent bigint, failed bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT n.id, n.name::text, n.url, n.event_types, n.is_active, n.last_success_at, n.last_failure_at, n.last_error,
           count(*) FILTER (WHERE d.status = 'pending'), count(*) FILTER (WHERE d.status = 'sent'), count(*) FILTER (WHERE d.status = 'failed')
      FROM neanelu.prod_quality_endpoints AS n
      LEFT JOIN neanelu.prod_quality_deliveries AS d ON d.endpoint_id = n.id
     GROUP BY n.id ORDER BY n.name
$$;
COMMENT ON FUNCTION pim.list_endpoints() IS 'Addresses that are told of changes of quality, and what they are owed. Reads only, takes no locks. Raises: nothing';

-- Deliveries -------------------------------------------------------------------------------------------------------

CREATE FUNCTION pim.quality_delivery(p_event_id uuid, p_endpoint_id uuid)
RETURNS TABLE (endpoint_name text, url text, event_type text, created_at timestamptz, body jsonb)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT n.name::text, n.url, e.event_type::text, e.created_at, jsonb_build_object(
               'type', e.event_type, 'timestamp', e.created_at, 'data', jsonb_build_object(
                   'event_id', e.id, 'product_id', e.product_id, 'internal_sku', m.internal_sku, 'title', m.canonical_title,
                   'previous_level', e.previous_level, 'new_level', e.new_level, 'quality_score_before', e.quality_score_before,
                   'quality_score_after', e.quality_score_after, 'reason', e.trigger_reason, 'details', e.trigger_details))
      FROM neanelu.prod_quality_deliveries AS d
      JOIN neanelu.prod_quality_events AS e ON e.id = d.event_id
      JOIN neanelu.prod_quality_endpoints AS n ON n.id = d.endpoint_id
      JOIN neanelu.prod_master AS m ON m.id = e.product_id
     WHERE d.event_id = p_event_id AND d.endpoint_id = p_endpoint_id AND d.status = 'pending' AND n.is_active
$$;
COMMENT ON FUNCTION pim.quality_delivery(uuid, uuid) IS
    'What is to be posted where, or no row when it was sent, given up, or the address is gone or inactive. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim.record_delivery(p_event_id uuid, p_endpoint_id uuid, p_http_status integer, p_error text, p_is_last boolean DEFAULT false)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_status constant text := CASE WHEN p_error IS NULL THEN 'sent' WHEN p_is_last OR p_http_status = 410 THEN 'failed' ELSE 'pending' END;
    v_now    text;
BEGIN
    -- In the order event, delivery: two addresses that answer at once see each other.
    PERFORM FROM neanelu.prod_quality_events AS e WHERE e.id = p_event_id FOR NO KEY UPDATE;
    UPDATE neanelu.prod_quality_deliveries AS d
       SET status = v_status, attempts = d.attempts + 1, http_status = p_http_status, last_error = left(p_error, 500),
           settled_at = CASE WHEN v_status <> 'pending' THEN clock_timestamp() END
     WHERE d.event_id = p_event_id AND d.endpoint_id = p_endpoint_id AND d.status = 'pending'
    RETURNING d.status INTO v_now;
    IF NOT FOUND THEN
        RETURN (SELECT d.status FROM neanelu.prod_quality_deliveries AS d WHERE d.event_id = p_event_id AND d.endpoint_id = p_endpoint_id);
    END IF;
    UPDATE neanelu.prod_quality_endpoints AS n
       SET last_success_at = CASE WHEN p_error IS NULL THEN clock_timestamp() ELSE n.last_success_at END,
           last_failure_at = CASE WHEN p_error IS NULL THEN n.last_failure_at ELSE clock_timestamp() END,
           last_error = left(p_error, 500), is_active = n.is_active AND p_http_status IS DISTINCT FROM 410
     WHERE n.id = p_endpoint_id;
    UPDATE neanelu.prod_quality_events AS e SET webhook_sent = true, webhook_sent_at = clock_timestamp()
     WHERE e.id = p_event_id AND NOT e.webhook_sent
       AND NOT EXISTS (SELECT FROM neanelu.prod_quality_deliveries AS d WHERE d.event_id = e.id AND d.status <> 'sent');
    RETURN v_now;
END
$$;
COMMENT ON FUNCTION pim.record_delivery(uuid, uuid, integer, text, boolean) IS
    'What an address answered: without an error the event is sent to it; with one it stays pending, or is given up at the last attempt and after 410, which also '
    'makes the address inactive. When all addresses have it, the event is marked, once. Returns the delivery''s status, null when there is none. Idempotent once '
    'settled. Locks: the event''s row, then its own, then the address''s. Raises: nothing';

GRANT EXECUTE ON FUNCTION pim.quality_events(timestamptz, integer) TO neanelu_worker, neanelu_operator, neanelu_pim_editor;
GRANT EXECUTE ON FUNCTION pim.set_endpoint(text, text, jsonb, text[]), pim.remove_endpoint(text), pim.list_endpoints() TO neanelu_operator;
GRANT EXECUTE ON FUNCTION pim.list_endpoints() TO neanelu_worker;
GRANT EXECUTE ON FUNCTION pim.quality_delivery(uuid, uuid), pim.record_delivery(uuid, uuid, integer, text, boolean) TO neanelu_worker;

COMMIT;
