-- Deploy neanelu:functions/webhooks/process to pg
-- requires: functions/webhooks/products
-- requires: functions/webhooks/orders
-- requires: functions/webhooks/inventory
-- requires: functions/inventory/orders
-- requires: functions/privacy/requests
-- requires: functions/shops/registry
-- requires: functions/jobs/report
-- What a delivery does: the handler of the job webhook.process, and the topics that are about the shop itself.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, webhooks, app, extensions, pg_temp;

-- The shop itself ---------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._note_shop(p_shop_id uuid, p_facts jsonb, p_version_key text, p_version timestamptz)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
BEGIN
    UPDATE shops AS s
       SET settings = s.settings || jsonb_build_object('shopify',
               coalesce(s.settings -> 'shopify', '{}') || p_facts || jsonb_build_object(p_version_key, to_jsonb(p_version))),
           updated_at = clock_timestamp()
     WHERE s.id = p_shop_id
       AND coalesce((s.settings #>> ARRAY['shopify', p_version_key])::timestamptz <= p_version, s.settings #>> ARRAY['shopify', p_version_key] IS NULL);
    RETURN FOUND;
END
$$;
COMMENT ON FUNCTION webhooks._note_shop(uuid, jsonb, text, timestamptz) IS
    'Keeps what Shopify says of a shop under settings.shopify, unless it said something newer; returns whether it did. Idempotent. Locks: the shop''s row. Raises: nothing';

CREATE FUNCTION webhooks._update_shop(p_shop_id uuid, p_payload jsonb, p_version timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
BEGIN
    IF NOT webhooks._note_shop(p_shop_id, jsonb_build_object(
            'name', p_payload -> 'name', 'domain', p_payload -> 'domain', 'country', p_payload -> 'country_code',
            'plan', p_payload -> 'plan_name', 'plan_display_name', p_payload -> 'plan_display_name', 'primary_locale', p_payload -> 'primary_locale',
            'weight_unit', p_payload -> 'weight_unit', 'taxes_included', p_payload -> 'taxes_included',
            'presentment_currencies', p_payload -> 'enabled_presentment_currencies'), 'updated_at', p_version) THEN
        RETURN 'stale';
    END IF;
    UPDATE shops AS s
       SET currency_code = coalesce(p_payload ->> 'currency', s.currency_code),
           timezone = coalesce((SELECT z.name FROM pg_timezone_names AS z WHERE z.name = p_payload ->> 'iana_timezone'), s.timezone),
           shopify_shop_id = coalesce(s.shopify_shop_id, webhooks._number(p_payload))
     WHERE s.id = p_shop_id;
    RETURN 'applied';
END
$$;
COMMENT ON FUNCTION webhooks._update_shop(uuid, jsonb, timestamptz) IS
    'Topic shop/update: currency, time zone and number, and under settings.shopify what else is not about a person. The plan of a shop with us is not Shopify''s plan. '
    'Returns applied or stale. Idempotent. Locks: the shop''s row. Raises: NW010 no id, 23514 no currency, 23505 another shop has the number';

CREATE FUNCTION webhooks.apply_shop(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, shops, jobs, app, pg_temp
AS $$
DECLARE
    v_version constant timestamptz := coalesce(webhooks._time(p_payload, 'updated_at'), p_triggered_at);
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_topic = 'shop/update' THEN
        RETURN webhooks._update_shop(p_shop_id, p_payload, v_version);
    ELSIF p_topic = 'app/scopes_update' THEN
        IF jsonb_typeof(p_payload -> 'current') IS DISTINCT FROM 'array' THEN
            RAISE EXCEPTION 'the payload does not say which scopes there are now' USING ERRCODE = 'NW011';
        END IF;
        IF NOT webhooks._note_shop(p_shop_id, '{}', 'scopes_updated_at', v_version) THEN
            RETURN 'stale';
        END IF;
        UPDATE neanelu.shops AS s SET scopes = ARRAY(SELECT jsonb_array_elements_text(p_payload -> 'current')) WHERE s.id = p_shop_id;
        RETURN 'applied';
    END IF;
    -- app/uninstalled. The shop may have come back since.
    IF EXISTS (SELECT FROM neanelu.shops AS s WHERE s.id = p_shop_id AND s.uninstalled_at IS NULL AND s.installed_at > p_triggered_at) THEN
        RETURN 'stale';
    END IF;
    PERFORM shops.uninstall(p_shop_id);
    PERFORM jobs.stop_shop(p_shop_id);
    DELETE FROM mirror_fetches AS f WHERE f.shop_id = p_shop_id;
    RETURN 'applied';
END
$$;
COMMENT ON FUNCTION webhooks.apply_shop(uuid, text, jsonb, timestamptz) IS
    'Topics shop/update, app/scopes_update and app/uninstalled: what the shop is; which scopes the token has; the end: tokens erased, runs and jobs stopped. '
    'Returns applied or stale. Idempotent, in any order. Locks: the shop''s row, for the end its open runs and waiting jobs. '
    'Raises: NA002, NW010 no id, NW011 no scopes, 23xxx a value that the registry does not take';

CREATE FUNCTION webhooks.apply_bulk(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, pg_temp
AS $$
    SELECT CASE WHEN sync.signal_operation(p_shop_id, p_payload ->> 'admin_graphql_api_id') THEN 'applied' ELSE 'ignored' END
$$;
COMMENT ON FUNCTION webhooks.apply_bulk(uuid, text, jsonb, timestamptz) IS
    'Topic bulk_operations/finish: the daemon that waits for the operation looks at once. Returns applied, or ignored when no run waits for it. Idempotent. '
    'Takes no locks. Raises: NA002';

CREATE FUNCTION webhooks.apply_privacy(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, privacy, pg_temp
AS $$ SELECT CASE WHEN privacy.handle(p_shop_id, p_topic, p_payload) IS NOT NULL THEN 'applied' ELSE 'ignored' END $$;
COMMENT ON FUNCTION webhooks.apply_privacy(uuid, text, jsonb, timestamptz) IS
    'Topics customers/data_request, customers/redact and shop/redact: privacy.handle. Idempotent. Locks and raises: as there';

-- Deliveries --------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._enter(p_shop_id uuid, p_locks text[])
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, sync, pg_temp
SET lock_timeout = '3s'
AS $$
DECLARE
    v_lock text;
BEGIN
    FOR v_lock IN SELECT l FROM unnest(p_locks) AS l ORDER BY l LOOP
        PERFORM sync.share_resource(p_shop_id, v_lock);
    END LOOP;
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$$;
COMMENT ON FUNCTION webhooks._enter(uuid, text[]) IS
    'Keeps merges of these resources away until the transaction ends; false when one goes on for seconds. Locks: those resources, shared. Raises: nothing';

CREATE FUNCTION webhooks._apply(p_shop_id uuid, p_event webhook_events, p_processor text)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, app, extensions, pg_temp
AS $$
DECLARE
    v_outcome text;
    -- The header is not signed: it may be off by what clocks may be off.
    v_at constant timestamptz := least(coalesce(p_event.triggered_at, p_event.received_at), p_event.received_at + interval '1 hour');
    v_code text;
    v_message text;
BEGIN
    IF jsonb_typeof(p_event.payload) IS DISTINCT FROM 'object' THEN
        RETURN 'NW012: the payload is no object';
    END IF;
    EXECUTE format('SELECT %I.%I($1, $2, $3, $4)', split_part(p_processor, '.', 1), split_part(p_processor, '.', 2)) INTO v_outcome USING p_shop_id, p_event.topic, p_event.payload, v_at;
    RETURN v_outcome;
EXCEPTION
    -- The payload is at fault, and will be the next time. Everything else is raised, and tried again.
    WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR SQLSTATE 'NW010' OR SQLSTATE 'NW011' OR SQLSTATE 'NP002' THEN
        GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
        RETURN v_code || ': ' || v_message;
END
$$;
COMMENT ON FUNCTION webhooks._apply(uuid, webhook_events, text) IS
    'Applies one delivery, all of it or nothing, and returns what became of it, or the SQLSTATE and message with which the mirror refused the payload. Idempotent. '
    'Locks: as the processor. Raises: what a second attempt may overcome';

CREATE FUNCTION webhooks.process(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, jobs, app, pg_temp
AS $$
DECLARE
    v_event   webhook_events;
    v_topic   webhook_topics;
    v_outcome text;
    v_tries   constant integer := coalesce((p_payload ->> 'postponed')::integer, 0) + 1;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    SELECT e.* INTO v_event FROM webhook_events AS e
     WHERE e.id = (p_payload ->> 'event_id')::uuid AND e.created_at = (p_payload ->> 'event_created_at')::timestamptz AND e.shop_id = p_shop_id
       FOR NO KEY UPDATE;
    IF NOT FOUND OR v_event.processed_at IS NOT NULL OR NOT v_event.hmac_verified THEN
        RETURN jsonb_build_object('outcome', CASE WHEN v_event.id IS NULL THEN 'gone' WHEN v_event.hmac_verified THEN 'done' ELSE 'unverified' END);
    END IF;
    SELECT t.* INTO v_topic FROM webhook_topics AS t WHERE t.topic = v_event.topic;
    IF NOT FOUND THEN
        v_outcome := 'ignored';
    ELSIF NOT webhooks._enter(p_shop_id, v_topic.locks) THEN
        PERFORM jobs.enqueue('webhooks', 'webhook.process', p_shop_id, p_payload || jsonb_build_object('postponed', v_tries),
                             make_interval(secs => least(10 * 2 ^ least(v_tries, 4), 120)));
        RETURN jsonb_build_object('outcome', 'waits for a merge');
    ELSE
        v_outcome := webhooks._apply(p_shop_id, v_event, v_topic.processor);
    END IF;
    -- What is no word of ours is an error.
    UPDATE webhook_events AS e
       SET processed_at = CASE WHEN v_outcome NOT LIKE '_____: %' THEN clock_timestamp() END,
           processing_error = CASE WHEN v_outcome LIKE '_____: %' THEN v_outcome END,
           retry_count = e.retry_count + (e.processing_error IS NOT NULL)::integer
     WHERE e.id = v_event.id AND e.created_at = v_event.created_at AND e.shop_id = p_shop_id;
    RETURN jsonb_build_object('topic', v_event.topic, 'outcome', CASE WHEN v_outcome LIKE '_____: %' THEN 'rejected' ELSE v_outcome END)
           || CASE WHEN v_outcome LIKE '_____: %' THEN jsonb_build_object('error', left(v_outcome, 5)) ELSE '{}' END;
END
$$;
COMMENT ON FUNCTION webhooks.process(uuid, jsonb) IS
    'Handler of the job webhook.process, payload {event_id, event_created_at}: applies the delivery and marks it as processed. A payload that the mirror refuses '
    'is left with the reason (processing_error) and no effect at all; webhooks.retry tries it again. While a bulk run is being merged the delivery waits, as a job of its own. '
    'Returns {topic, outcome}. Idempotent. Locks: the event, its resources (shared), and as the processor. Raises: NA002, and what a second attempt may overcome';

CREATE FUNCTION webhooks.retry(p_shop_id uuid, p_event_id uuid DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, jobs, app, pg_temp
AS $$
DECLARE
    v_jobs integer;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    SELECT count(jobs.enqueue('webhooks', 'webhook.process', p_shop_id, jsonb_build_object('event_id', e.id, 'event_created_at', e.created_at))) INTO v_jobs
      FROM webhook_events AS e
     WHERE e.shop_id = p_shop_id AND e.processed_at IS NULL AND e.processing_error IS NOT NULL AND (p_event_id IS NULL OR e.id = p_event_id);
    RETURN v_jobs;
END
$$;
COMMENT ON FUNCTION webhooks.retry(uuid, uuid) IS
    'Enqueues refused deliveries of a shop again, one or all, after their cause was mended; returns how many. Idempotent in its effects. Takes no locks. Raises: NA002';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA webhooks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION webhooks.retry(uuid, uuid) TO neanelu_operator;

COMMIT;
