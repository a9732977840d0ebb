-- Deploy neanelu:functions/webhooks/confirm to pg
-- requires: functions/shops/registry
-- requires: functions/webhooks/receive
-- Deliveries that somebody might have made up of captured ones: Shopify is asked whether what they say is so.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, webhooks, app, extensions, pg_temp;

CREATE FUNCTION webhooks.question(p_shop_id uuid, p_event_id uuid, p_event_created_at timestamptz)
RETURNS TABLE (topic text, kind text, item_gid text, location_gid text)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $body$
#variable_conflict use_column
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    RETURN QUERY
    SELECT e.topic::text,
           CASE WHEN s.uninstalled_at IS NOT NULL THEN 'none' WHEN e.topic IN ('app/uninstalled', 'shop/redact') THEN 'token'
                WHEN e.topic = 'inventory_levels/disconnect' THEN 'level' ELSE 'none' END,
           'gid://shopify/InventoryItem/' || (e.payload ->> 'inventory_item_id'), 'gid://shopify/Location/' || (e.payload ->> 'location_id')
      FROM neanelu.webhook_events AS e
      JOIN neanelu.shops AS s ON s.id = e.shop_id
     WHERE e.id = p_event_id AND e.created_at = p_event_created_at AND e.shop_id = p_shop_id AND e.processed_at IS NULL;
END
$body$;
COMMENT ON FUNCTION webhooks.question(uuid, uuid, timestamptz) IS
    'What Shopify is to be asked about a delivery: token (does it still answer to the shop''s token?), level (is the item stocked at the '
    'location?), or none. No row when the event is processed, or gone. Reads only, takes no locks. '
    'Raises: NA002 the login may not work for the shop';

CREATE FUNCTION webhooks.answer(p_shop_id uuid, p_event_id uuid, p_event_created_at timestamptz, p_is_so boolean)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, shops, jobs, app, pg_temp
AS $body$
DECLARE
    v_topic text;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    UPDATE neanelu.webhook_events AS e
       SET processed_at = CASE WHEN NOT p_is_so THEN now() END,
           processing_error = CASE WHEN NOT p_is_so THEN 'not so, says Shopify: a repetition of an old delivery' END
     WHERE e.id = p_event_id AND e.created_at = p_event_created_at AND e.shop_id = p_shop_id AND e.processed_at IS NULL
    RETURNING e.topic INTO v_topic;
    IF v_topic IS NULL THEN
        RETURN 'gone';
    ELSIF NOT p_is_so THEN
        RETURN 'refused';
    END IF;
    IF v_topic = 'shop/redact' THEN
        PERFORM shops.uninstall(p_shop_id);  -- the word of the uninstallation was lost
    END IF;
    PERFORM jobs.enqueue('webhooks', 'webhook.process', p_shop_id,
                         jsonb_build_object('event_id', p_event_id, 'event_created_at', p_event_created_at));
    RETURN 'confirmed';
END
$body$;
COMMENT ON FUNCTION webhooks.answer(uuid, uuid, timestamptz, boolean) IS
    'What Shopify said about a delivery: what is so is processed (webhook.process), what is not is marked and left alone. A shop whose data '
    'are to be erased and whose token is dead is uninstalled first. Returns confirmed, refused, or gone when it was processed already. To be '
    'called in the transaction that completes the job. Locks: the event, the shop. Raises: NA002 the login may not work for the shop';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA webhooks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION webhooks.question(uuid, uuid, timestamptz), webhooks.answer(uuid, uuid, timestamptz, boolean) TO neanelu_worker;

SELECT jobs.register_handler('webhook.confirm', 'webhooks', 'daemon', p_max_attempts => 12);

COMMIT;
