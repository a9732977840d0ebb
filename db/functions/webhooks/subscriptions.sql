-- Deploy neanelu:functions/webhooks/subscriptions to pg
-- requires: functions/webhooks/receive
-- What a shop is to be subscribed to, how that differs from what Shopify has, and a copy of what it has.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, webhooks, app, extensions, pg_temp;

CREATE FUNCTION webhooks._wanted(p_shop_id uuid)
RETURNS TABLE (topic text, api_topic text, filter text, missing text)
LANGUAGE sql
STABLE
SET search_path = neanelu, webhooks, pg_temp
AS $body$
    WITH types AS (
        -- Shopify takes no subscription to metaobjects without a filter that names each type.
        SELECT string_agg('type:' || CASE WHEN m.type ~ '^[A-Za-z0-9_-]+$' THEN m.type ELSE to_json(m.type)::text END, ' OR ' ORDER BY m.type) AS filter
          FROM (SELECT DISTINCT o.type COLLATE "C" AS type FROM neanelu.shopify_metaobjects AS o
                 WHERE o.shop_id = p_shop_id AND o.deleted_at IS NULL) AS m
    )
    SELECT t.topic, upper(replace(t.topic, '/', '_')), CASE t.family WHEN 'metaobjects' THEN y.filter END,
           CASE WHEN t.scope IS NOT NULL AND NOT s.scopes && ARRAY[t.scope, replace(t.scope, 'read_', 'write_')] THEN 'scope ' || t.scope
                WHEN t.family = 'metaobjects' AND y.filter IS NULL THEN 'metaobjects' END
      FROM neanelu.shops AS s
     CROSS JOIN types AS y
     CROSS JOIN webhooks.topics() AS t
     WHERE s.id = p_shop_id AND t.is_subscribed
$body$;
COMMENT ON FUNCTION webhooks._wanted(uuid) IS
    'The topics that a shop is to be subscribed to, as headers and as the API spell them, with the filter of those that need one, and what '
    'the shop lacks for them (a scope, any metaobject). Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION webhooks.plan_subscriptions(p_shop_id uuid, p_address text, p_actual jsonb)
RETURNS TABLE (action text, topic text, gid text, input jsonb, reason text)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, webhooks, app, pg_temp
AS $body$
#variable_conflict use_column
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    RETURN QUERY
    WITH actual AS (
        SELECT a.id, a.topic AS api_topic, a.uri, coalesce(a.filter, '') AS filter, a.format,
               coalesce(a."includeFields", '{}') <> '{}' OR coalesce(a."metafieldNamespaces", '{}') <> '{}' AS is_cut,
               a.uri = p_address OR EXISTS (SELECT FROM neanelu.shopify_webhooks AS w
                                             WHERE w.shop_id = p_shop_id AND w.shopify_gid = a.id) AS is_ours
          FROM jsonb_to_recordset(p_actual) AS a (id text, topic text, uri text, filter text, format text, "includeFields" text[],
                                                 "metafieldNamespaces" text[])
    ), ranked AS (
        SELECT a.*, w.topic, w.filter AS wanted_filter, w.missing, w.topic IS NOT NULL AS is_wanted,
               row_number() OVER (PARTITION BY a.api_topic, a.is_ours ORDER BY a.uri = p_address DESC, a.id COLLATE "C") AS place
          FROM actual AS a
          LEFT JOIN webhooks._wanted(p_shop_id) AS w ON w.api_topic = a.api_topic
    )
    SELECT CASE WHEN NOT r.is_ours THEN 'foreign'
                WHEN NOT r.is_wanted OR r.place > 1 THEN 'delete'
                WHEN r.uri <> p_address OR r.format <> 'JSON' OR r.is_cut OR r.filter <> coalesce(r.wanted_filter, '') AND r.missing IS NULL
                  THEN 'update'
                ELSE 'keep' END,
           coalesce(r.topic, lower(r.api_topic)), r.id,
           jsonb_build_object('uri', p_address, 'format', 'JSON', 'filter', coalesce(r.wanted_filter, ''), 'includeFields', '[]'::jsonb,
                              'metafieldNamespaces', '[]'::jsonb),
           CASE WHEN NOT r.is_ours THEN 'another address: ' || r.uri WHEN NOT r.is_wanted THEN 'not wanted' WHEN r.place > 1 THEN 'there twice'
                WHEN r.uri <> p_address THEN 'moved from ' || r.uri WHEN r.filter <> coalesce(r.wanted_filter, '') THEN 'another filter' END
      FROM ranked AS r
    UNION ALL
    SELECT CASE WHEN w.missing IS NULL THEN 'create' ELSE 'skip' END, w.topic, NULL,
           jsonb_strip_nulls(jsonb_build_object('uri', p_address, 'format', 'JSON', 'filter', w.filter)), 'no ' || w.missing
      FROM webhooks._wanted(p_shop_id) AS w
     WHERE NOT EXISTS (SELECT FROM actual AS a WHERE a.is_ours AND a.api_topic = w.api_topic)
     ORDER BY 2, 1, 3;
END
$body$;
COMMENT ON FUNCTION webhooks.plan_subscriptions(uuid, text, jsonb) IS
    'How the subscriptions that Shopify has (its nodes: id, topic, uri, filter, format, includeFields, metafieldNamespaces) come to be those '
    'that are wanted at an address: create, update, delete, keep, skip (something is lacking) or foreign (another address that was never '
    'ours: left alone), with the input for the mutation and why. Reads only, takes no locks. '
    'Raises: NA002 the login may not work for the shop, 22023 what is given is no array of objects';

CREATE FUNCTION webhooks.record_subscriptions(p_shop_id uuid, p_address text, p_actual jsonb)
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, webhooks, app, pg_temp
AS $body$
DECLARE
    v_changed integer;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    PERFORM FROM neanelu.shops AS s WHERE s.id = p_shop_id FOR NO KEY UPDATE;
    WITH actual AS MATERIALIZED (
        SELECT a.id, t.topic, a.uri, lower(a.format) AS format, a."apiVersion" ->> 'handle' AS api_version, nullif(a.filter, '') AS filter,
               nullif(a."includeFields", '{}') AS include_fields, nullif(a."metafieldNamespaces", '{}') AS metafield_namespaces
          FROM jsonb_to_recordset(p_actual) AS a (id text, topic text, uri text, filter text, format text, "includeFields" text[],
                                                 "metafieldNamespaces" text[], "apiVersion" jsonb)
          JOIN webhooks.topics() AS t ON upper(replace(t.topic, '/', '_')) = a.topic
         WHERE a.uri = p_address
    ), gone AS (
        DELETE FROM neanelu.shopify_webhooks AS w
         WHERE w.shop_id = p_shop_id AND NOT EXISTS (SELECT FROM actual AS a WHERE a.id = w.shopify_gid)
        RETURNING 1
    ), changed AS (
        UPDATE neanelu.shopify_webhooks AS w
           SET topic = a.topic, address = a.uri, format = a.format, api_version = a.api_version, filter = a.filter,
               include_fields = a.include_fields, metafield_namespaces = a.metafield_namespaces
          FROM actual AS a
         WHERE w.shop_id = p_shop_id AND w.shopify_gid = a.id
           AND (w.topic, w.address, w.format, w.api_version, w.filter, w.include_fields, w.metafield_namespaces)
               IS DISTINCT FROM (a.topic, a.uri, a.format, a.api_version, a.filter, a.include_fields, a.metafield_namespaces)
        RETURNING 1
    ), made AS (
        INSERT INTO neanelu.shopify_webhooks (shop_id, shopify_gid, topic, address, format, api_version, filter, include_fields,
                                              metafield_namespaces)
        SELECT p_shop_id, a.id, a.topic, a.uri, a.format, a.api_version, a.filter, a.include_fields, a.metafield_namespaces
          FROM actual AS a
         WHERE NOT EXISTS (SELECT FROM neanelu.shopify_webhooks AS w WHERE w.shop_id = p_shop_id AND w.shopify_gid = a.id)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM changed) + (SELECT count(*) FROM made) INTO v_changed;
    RETURN v_changed;
END
$body$;
COMMENT ON FUNCTION webhooks.record_subscriptions(uuid, text, jsonb) IS
    'Makes shopify_webhooks of a shop what Shopify has at our address (nodes as for plan_subscriptions, with apiVersion). Returns how many '
    'rows it changed. Idempotent. Locks: the shop''s row, then rows of shopify_webhooks. '
    'Raises: NA002 the login may not work for the shop, 22023 what is given is no array of objects';

CREATE FUNCTION webhooks.sweep_subscriptions(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, jobs, pg_temp
AS $body$
DECLARE
    v_shops integer;
BEGIN
    SELECT count(jobs.enqueue('sync', 'webhooks.subscriptions', s.id, p_payload, p_dedupe_key => 'webhooks.subscriptions')) INTO v_shops
      FROM neanelu.shops AS s
     WHERE s.uninstalled_at IS NULL AND (p_shop_id IS NULL OR s.id = p_shop_id);
    RETURN jsonb_build_object('shops', v_shops);
END
$body$;
COMMENT ON FUNCTION webhooks.sweep_subscriptions(uuid, jsonb) IS
    'Handler of the job webhooks.sweep_subscriptions: asks for a look at the subscriptions of each installed shop (or one). Returns how many. '
    'Idempotent: what waits already is not asked for twice. Locks: keys of jobs. Raises: nothing of its own';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA webhooks FROM PUBLIC;
GRANT EXECUTE ON FUNCTION webhooks.plan_subscriptions(uuid, text, jsonb), webhooks.record_subscriptions(uuid, text, jsonb) TO neanelu_worker;

SELECT jobs.register_handler('webhooks.subscriptions', 'sync', 'daemon');
SELECT jobs.register_handler('webhooks.sweep_subscriptions', 'maintenance', 'database', 'webhooks.sweep_subscriptions(uuid, jsonb)');
SELECT jobs.schedule('webhooks.sweep_subscriptions', '37 2 * * *', 'maintenance', 'webhooks.sweep_subscriptions');

COMMIT;
