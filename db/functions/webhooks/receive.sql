-- Deploy neanelu:functions/webhooks/receive to pg
-- requires: functions/jobs/schedule
-- requires: policies/grants
-- Deliveries come in: judged, taken once, stored and enqueued in one transaction, many at a time.
--
-- Only the body is signed. Shop, topic and ids stand in headers that whoever has captured a body can write as he likes, so
-- each header is believed as far as the body bears it out, and what a repetition could do is bounded here:
--
--   the same webhook id                     a repetition of Shopify's: taken once (receipts: a week; Shopify stops after 4 h)
--   the same bytes, fresh id                taken once, unless they can be true a second time (webhooks._retake)
--   the same bytes, another shop's name     refused (replayed); ids are Shopify's own and belong to one shop
--   the same bytes, another kind of object  refused (replayed)
--   a body that names another shop          refused (wrong_shop)
--   a body that is not one of its topic     refused (wrong_shape): an update cannot come back as a delete
--   an uninstallation that may be made up   Shopify is asked first (job webhook.confirm)

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, webhooks, app, extensions, pg_temp;

CREATE FUNCTION webhooks.topics()
RETURNS TABLE (topic text, family text, gid_type text, has_time boolean, scope text, is_subscribed boolean, is_for_uninstalled boolean)
LANGUAGE sql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
ROWS 38
AS $body$
    VALUES
        ('products/create',             'products',     'Product',        true,  'read_products',     true,  false),
        ('products/update',             'products',     'Product',        true,  'read_products',     true,  false),
        ('products/delete',             'products',     'Product',        false, 'read_products',     true,  false),
        ('variants/in_stock',           'variants',     'ProductVariant', true,  'read_products',     true,  false),
        ('variants/out_of_stock',       'variants',     'ProductVariant', true,  'read_products',     true,  false),
        ('product_publications/create', 'publications', NULL,             true,  'read_publications', true,  false),
        ('product_publications/update', 'publications', NULL,             true,  'read_publications', true,  false),
        ('product_publications/delete', 'publications', NULL,             false, 'read_publications', true,  false),
        ('collections/create',          'collections',  'Collection',     true,  'read_products',     true,  false),
        ('collections/update',          'collections',  'Collection',     true,  'read_products',     true,  false),
        ('collections/delete',          'collections',  'Collection',     false, 'read_products',     true,  false),
        ('customers/create',            'customers',    'Customer',       true,  'read_customers',    true,  false),
        ('customers/update',            'customers',    'Customer',       true,  'read_customers',    true,  false),
        ('customers/delete',            'customers',    'Customer',       false, 'read_customers',    true,  false),
        ('orders/create',               'orders',       'Order',          true,  'read_orders',       true,  false),
        ('orders/updated',              'orders',       'Order',          true,  'read_orders',       true,  false),
        ('orders/paid',                 'orders',       'Order',          true,  'read_orders',       true,  false),
        ('orders/cancelled',            'orders',       'Order',          true,  'read_orders',       true,  false),
        ('orders/delete',               'orders',       'Order',          false, 'read_orders',       true,  false),
        ('inventory_items/create',      'items',        'InventoryItem',  true,  'read_inventory',    true,  false),
        ('inventory_items/update',      'items',        'InventoryItem',  true,  'read_inventory',    true,  false),
        ('inventory_items/delete',      'items',        'InventoryItem',  false, 'read_inventory',    true,  false),
        ('inventory_levels/connect',    'levels',       'InventoryLevel', true,  'read_inventory',    true,  false),
        ('inventory_levels/update',     'levels',       'InventoryLevel', true,  'read_inventory',    true,  false),
        ('inventory_levels/disconnect', 'levels',       'InventoryLevel', false, 'read_inventory',    true,  false),
        ('locations/create',            'locations',    'Location',       true,  'read_locations',    true,  false),
        ('locations/update',            'locations',    'Location',       true,  'read_locations',    true,  false),
        ('locations/delete',            'locations',    'Location',       false, 'read_locations',    true,  false),
        ('metaobjects/create',          'metaobjects',  'Metaobject',     true,  'read_metaobjects',  true,  false),
        ('metaobjects/update',          'metaobjects',  'Metaobject',     true,  'read_metaobjects',  true,  false),
        ('metaobjects/delete',          'metaobjects',  'Metaobject',     false, 'read_metaobjects',  true,  false),
        ('shop/update',                 'shop',         NULL,             true,  NULL,                true,  false),
        ('app/uninstalled',             'shop',         NULL,             true,  NULL,                true,  false),
        ('app/scopes_update',           'app',          NULL,             true,  NULL,                true,  false),
        ('bulk_operations/finish',      'bulk',         'BulkOperation',  false, NULL,                true,  false),
        ('customers/data_request',      'privacy',      NULL,             false, NULL,                false, true),
        ('customers/redact',            'privacy',      NULL,             false, NULL,                false, true),
        ('shop/redact',                 'privacy',      NULL,             false, NULL,                false, true)
$body$;
COMMENT ON FUNCTION webhooks.topics() IS
    'The topics that are taken: the kind of object (family) and the type of its gid in the body, whether the body says when the object '
    'changed (updated_at) or must not, the scope that Shopify asks for, whether a shop is subscribed to it by us (those of erasure are set '
    'up with the app), and whether it is taken for a shop that uninstalled. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION webhooks._names_another_shop(p_topic text, p_payload jsonb, p_domain text, p_shopify_shop_id bigint)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN coalesce(
    -- Domains as Shopify writes them; what is no domain of a shop says nothing.
    (lower(coalesce(p_payload ->> 'myshopify_domain', p_payload ->> 'shop_domain')) ~ '^[a-z0-9][a-z0-9-]*\.myshopify\.com$'
     AND lower(coalesce(p_payload ->> 'myshopify_domain', p_payload ->> 'shop_domain')) <> lower(p_domain))
    OR p_shopify_shop_id::text <> CASE
         WHEN p_topic IN ('shop/update', 'app/uninstalled') THEN p_payload ->> 'id'
         WHEN p_payload ? 'shop_id' THEN replace(p_payload ->> 'shop_id', 'gid://shopify/Shop/', '')
       END, false);
COMMENT ON FUNCTION webhooks._names_another_shop(text, jsonb, text, bigint) IS
    'Whether a body contains a shop''s domain or number at Shopify that is not that of the shop it is said to come from. Pure; its body is '
    'bound at creation, so no search_path applies. Takes no locks. Raises: nothing';

CREATE FUNCTION webhooks._has_shape(p_gid_type text, p_has_time boolean, p_payload jsonb)
RETURNS boolean
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN jsonb_typeof(p_payload) = 'object' AND (p_payload ? 'updated_at') = p_has_time
       AND coalesce(p_payload ->> 'admin_graphql_api_id',
                    CASE WHEN jsonb_typeof(p_payload -> 'id') = 'string' THEN p_payload ->> 'id' END,
                    '') ~ ('^($|gid://shopify/' || coalesce(p_gid_type, '[A-Za-z]+') || '/)');
COMMENT ON FUNCTION webhooks._has_shape(text, boolean, jsonb) IS
    'Whether a body can be one of a topic: an object that says when it changed exactly where the topic''s bodies do, and whose gid, if it has '
    'one, is of the topic''s type. Pure; its body is bound at creation, so no search_path applies. Takes no locks. Raises: nothing';

CREATE TYPE webhooks.verdict AS (
    n           bigint,
    shop_id     uuid,
    outcome     text,
    is_doubtful boolean,
    event_id    uuid
);
COMMENT ON TYPE webhooks.verdict IS
    'What became of one delivery of a batch: its place in the batch, its shop, stored, duplicate or why it was refused, whether Shopify is '
    'to be asked first, and the event made of it';

CREATE FUNCTION webhooks._take(
    p_domains text[], p_topics text[], p_webhook_ids text[], p_event_ids text[], p_api_versions text[], p_triggered_at timestamptz[],
    p_digests bytea[], p_bodies text[])
RETURNS webhooks.verdict[]
LANGUAGE sql
VOLATILE
SET search_path = neanelu, webhooks, extensions, pg_temp
AS $body$
    WITH given AS MATERIALIZED (
        SELECT g.n, g.topic, g.webhook_id, g.event, g.api_version, g.triggered_at, g.digest, g.body::jsonb AS payload,
               s.id AS shop_id, s.shopify_domain::text AS domain, s.shopify_shop_id, s.uninstalled_at, t.family, t.gid_type, t.has_time,
               t.is_for_uninstalled, uuidv7() AS event_id
          FROM unnest(p_domains, p_topics, p_webhook_ids, p_event_ids, p_api_versions, p_triggered_at, p_digests, p_bodies) WITH ORDINALITY
               AS g (domain, topic, webhook_id, event, api_version, triggered_at, digest, body, n)
          LEFT JOIN neanelu.shops AS s ON s.shopify_domain = g.domain::citext
          LEFT JOIN webhooks.topics() AS t ON t.topic = g.topic
    ), judged AS MATERIALIZED (
        SELECT g.*, CASE
                 WHEN g.shop_id IS NULL THEN 'unknown_shop'
                 WHEN g.family IS NULL THEN 'unknown_topic'
                 WHEN g.uninstalled_at IS NOT NULL AND NOT g.is_for_uninstalled THEN 'uninstalled'
                 WHEN NOT webhooks._has_shape(g.gid_type, g.has_time, g.payload) THEN 'wrong_shape'
                 WHEN webhooks._names_another_shop(g.topic, g.payload, g.domain, g.shopify_shop_id) THEN 'wrong_shop'
                 WHEN x.is_replayed THEN 'replayed'
               END AS objection,
               (g.topic = 'app/uninstalled' AND x.was_seen) OR (g.topic = 'shop/redact' AND g.uninstalled_at IS NULL) AS is_doubtful
          FROM given AS g
         CROSS JOIN LATERAL (
               -- The same bytes under another name: ids without a time are too little to tell shops apart.
               SELECT coalesce(bool_or(CASE WHEN r.shop_id <> g.shop_id THEN g.has_time
                                            ELSE g.family IS DISTINCT FROM (SELECT o.family FROM webhooks.topics() AS o
                                                                             WHERE o.topic = r.topic) END), false) AS is_replayed,
                      count(*) > 0 AS was_seen
                 FROM neanelu.webhook_receipts AS r
                WHERE r.body_digest = g.digest AND (r.shop_id, r.topic) IS DISTINCT FROM (g.shop_id, g.topic)) AS x
    ), receipts AS (
        INSERT INTO neanelu.webhook_receipts (shop_id, idempotency_key, topic, body_digest, received_at, event_id, event_created_at)
        SELECT j.shop_id, j.webhook_id, j.topic, j.digest, now(), j.event_id, now()
          FROM judged AS j
         WHERE j.objection IS NULL
         ORDER BY j.digest, j.n  -- one order for all, so that batches with the same deliveries wait and do not deadlock
            ON CONFLICT DO NOTHING
        RETURNING event_id
    ), events AS (
        INSERT INTO neanelu.webhook_events (id, shop_id, topic, shopify_webhook_id, shopify_event_id, triggered_at, api_version, payload,
                                            hmac_verified, received_at, idempotency_key, created_at)
        SELECT j.event_id, j.shop_id, j.topic, j.webhook_id, j.event, j.triggered_at, j.api_version, j.payload, true, now(), j.webhook_id, now()
          FROM judged AS j
         WHERE j.event_id IN (SELECT r.event_id FROM receipts AS r)
        RETURNING id
    )
    SELECT array_agg(ROW(j.n, j.shop_id, coalesce(j.objection, CASE WHEN e.id IS NULL THEN 'duplicate' ELSE 'stored' END),
                         j.is_doubtful, j.event_id)::webhooks.verdict ORDER BY j.n)
      FROM judged AS j
      LEFT JOIN events AS e ON e.id = j.event_id
$body$;
COMMENT ON FUNCTION webhooks._take(text[], text[], text[], text[], text[], timestamptz[], bytea[], text[]) IS
    'Judges a batch and stores what is new of it, receipt and event. Returns one verdict a delivery, in order. Idempotent: the second time '
    'all are duplicates. Locks: the receipts it makes, in the order of their digests; waits for another batch that makes the same ones. '
    'Raises: PostgreSQL''s class 22 for a body that is no JSON or that jsonb refuses';

CREATE FUNCTION webhooks._retake(
    p_shop_id uuid, p_topic text, p_webhook_id text, p_event text, p_triggered_at timestamptz, p_api_version text, p_digest bytea,
    p_payload jsonb, p_event_id uuid)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SET search_path = neanelu, webhooks, pg_temp
AS $body$
DECLARE
    v_receipt neanelu.webhook_receipts;
    v_shop    neanelu.shops;
    v_object  jsonb;
    v_verdict text;
BEGIN
    SELECT r.* INTO v_receipt FROM neanelu.webhook_receipts AS r
     WHERE r.body_digest = p_digest AND r.shop_id = p_shop_id AND r.topic = p_topic;
    IF NOT FOUND OR EXISTS (SELECT FROM neanelu.webhook_receipts AS r WHERE r.shop_id = p_shop_id AND r.idempotency_key = p_webhook_id) THEN
        RETURN 'duplicate';
    END IF;
    SELECT s.* INTO STRICT v_shop FROM neanelu.shops AS s WHERE s.id = p_shop_id;
    SELECT jsonb_object_agg(k.key, p_payload -> k.key) INTO v_object
      FROM unnest(ARRAY['id', 'inventory_item_id', 'location_id', 'updated_at']) AS k (key) WHERE p_payload ? k.key;
    v_verdict := CASE
        WHEN p_topic IN ('customers/redact', 'customers/data_request') AND v_receipt.received_at < now() - interval '1 day' THEN 'stored'
        WHEN p_topic = 'shop/redact' AND v_receipt.received_at < v_shop.uninstalled_at THEN 'stored'
        WHEN p_topic = 'app/uninstalled' AND v_receipt.received_at < v_shop.installed_at THEN 'doubtful'
        -- A, B and A again within one second, or gone, back and gone again: the last one counts.
        WHEN (p_payload ? 'updated_at' OR p_topic = 'inventory_levels/disconnect') AND EXISTS (
               SELECT FROM neanelu.webhook_events AS e
                WHERE e.shop_id = p_shop_id AND e.created_at >= v_receipt.event_created_at
                  AND split_part(e.topic, '/', 1) = split_part(p_topic, '/', 1)
                  AND e.payload @> v_object AND e.payload <> p_payload)
          THEN CASE WHEN p_payload ? 'updated_at' THEN 'stored' ELSE 'doubtful' END
        ELSE 'duplicate' END;
    IF v_verdict <> 'duplicate' THEN
        UPDATE neanelu.webhook_receipts AS r
           SET idempotency_key = p_webhook_id, received_at = now(), event_id = p_event_id, event_created_at = now()
         WHERE r.shop_id = p_shop_id AND r.idempotency_key = v_receipt.idempotency_key AND r.event_id = v_receipt.event_id;
        IF NOT FOUND THEN
            RETURN 'duplicate';  -- somebody else took it
        END IF;
        INSERT INTO neanelu.webhook_events (id, shop_id, topic, shopify_webhook_id, shopify_event_id, triggered_at, api_version, payload,
                                            hmac_verified, received_at, idempotency_key, created_at)
        VALUES (p_event_id, p_shop_id, p_topic, p_webhook_id, p_event, p_triggered_at, p_api_version, p_payload, true, now(),
                p_webhook_id, now());
    END IF;
    RETURN v_verdict;
END
$body$;
COMMENT ON FUNCTION webhooks._retake(uuid, text, text, text, timestamptz, text, bytea, jsonb, uuid) IS
    'Whether bytes that were taken before may be true again under a fresh id, and if so takes them: a request of erasure after a day; the '
    'erasure of a shop after its next uninstallation; an uninstallation after the next installation (doubtful); a body after which another '
    'one of the same object with the same updated_at came; a level that was disconnected, connected and disconnected (doubtful). '
    'Returns stored, doubtful or duplicate. Locks: the receipt. Raises: nothing of its own';

CREATE FUNCTION webhooks.receive_many(
    p_domains text[], p_topics text[], p_webhook_ids text[], p_event_ids text[], p_api_versions text[], p_triggered_at timestamptz[],
    p_digests bytea[], p_bodies text[])
RETURNS text[]
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, webhooks, jobs, extensions, pg_temp
AS $body$
DECLARE
    v_verdicts verdict[] := webhooks._take(p_domains, p_topics, p_webhook_ids, p_event_ids, p_api_versions, p_triggered_at,
                                                    p_digests, p_bodies);
    v_shops    uuid[];
    v_payloads jsonb[];
    v_one      verdict;
    v_again    text;
BEGIN
    FOR v_one IN SELECT v.* FROM unnest(v_verdicts) AS v WHERE v.outcome = 'duplicate' ORDER BY p_digests[v.n], v.n LOOP
        v_again := webhooks._retake(v_one.shop_id, p_topics[v_one.n], p_webhook_ids[v_one.n], p_event_ids[v_one.n], p_triggered_at[v_one.n],
                                    p_api_versions[v_one.n], p_digests[v_one.n], p_bodies[v_one.n]::jsonb, v_one.event_id);
        IF v_again <> 'duplicate' THEN
            v_one.outcome := 'stored';
            v_one.is_doubtful := v_one.is_doubtful OR v_again = 'doubtful';
            v_verdicts[v_one.n] := v_one;
        END IF;
    END LOOP;
    FOR v_again, v_shops, v_payloads IN
        SELECT CASE WHEN v.is_doubtful THEN 'webhook.confirm' ELSE 'webhook.process' END, array_agg(v.shop_id ORDER BY v.n),
               array_agg(jsonb_build_object('event_id', v.event_id, 'event_created_at', now()) ORDER BY v.n)
          FROM unnest(v_verdicts) AS v WHERE v.outcome = 'stored' GROUP BY 1
    LOOP
        PERFORM jobs.enqueue_many('webhooks', v_again, v_shops, v_payloads);
    END LOOP;
    IF EXISTS (SELECT FROM unnest(v_verdicts) AS v WHERE v.outcome NOT IN ('stored', 'duplicate')) THEN
        PERFORM webhooks._refuse(v.outcome, p_digests[v.n], p_domains[v.n], p_topics[v.n], p_webhook_ids[v.n], NULL, NULL)
           FROM unnest(v_verdicts) AS v WHERE v.outcome NOT IN ('stored', 'duplicate') ORDER BY p_digests[v.n], v.outcome;
    END IF;
    RETURN (SELECT array_agg(v.outcome ORDER BY v.n) FROM unnest(v_verdicts) AS v);
END
$body$;
COMMENT ON FUNCTION webhooks.receive_many(text[], text[], text[], text[], text[], timestamptz[], bytea[], text[]) IS
    'Takes deliveries whose signatures the receiver has found right; one array a header, then the SHA-256 and the text of each body. Stores '
    'what is new and enqueues a job for each (webhook.process; webhook.confirm where Shopify is to be asked first), all in the caller''s '
    'transaction. Returns an outcome a delivery: stored, duplicate, or why it was refused (webhook_refusals). Idempotent: what was stored is '
    'a duplicate the next time. Locks: receipts in the order of their digests, refusals. '
    'Raises: PostgreSQL''s class 22 for a body that jsonb refuses: nothing of the batch is stored then, give them one by one';

CREATE FUNCTION webhooks._refuse(
    p_reason text, p_digest bytea, p_domain text, p_topic text, p_webhook_id text, p_body text, p_detail text)
RETURNS void
LANGUAGE sql
VOLATILE
SET search_path = neanelu, pg_temp
AS $body$
    INSERT INTO neanelu.webhook_refusals AS r (reason, body_digest, shop_domain, topic, webhook_id, body, detail)
    VALUES (p_reason, p_digest, left(p_domain, 100), left(p_topic, 100), left(p_webhook_id, 100), left(p_body, 65536), left(p_detail, 500))
        ON CONFLICT (body_digest, reason) DO UPDATE SET times = r.times + 1, last_at = greatest(r.last_at, now())
$body$;
COMMENT ON FUNCTION webhooks._refuse(text, bytea, text, text, text, text, text) IS
    'Remembers a refused delivery, or counts it when the same body was refused for the same reason before. Locks: its row. Raises: nothing';

CREATE FUNCTION webhooks.receive(
    p_domain text, p_topic text, p_webhook_id text, p_event_id text, p_api_version text, p_triggered_at timestamptz, p_digest bytea,
    p_payload jsonb, p_verified boolean DEFAULT true)
RETURNS text
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $body$
    SELECT CASE WHEN p_verified
      THEN (webhooks.receive_many(ARRAY[p_domain], ARRAY[p_topic], ARRAY[p_webhook_id], ARRAY[p_event_id], ARRAY[p_api_version],
                                  ARRAY[p_triggered_at], ARRAY[p_digest], ARRAY[p_payload::text]))[1]
      ELSE 'unverified' END
$body$;
COMMENT ON FUNCTION webhooks.receive(text, text, text, text, text, timestamptz, bytea, jsonb, boolean) IS
    'webhooks.receive_many for one delivery. With p_verified false nothing is stored and the answer is unverified. Idempotent. Locks and '
    'raises: as there';

CREATE FUNCTION webhooks.quarantine(p_domain text, p_topic text, p_webhook_id text, p_digest bytea, p_body text, p_detail text)
RETURNS void
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $body$
    SELECT webhooks._refuse('malformed', p_digest, p_domain, p_topic, p_webhook_id, p_body, p_detail)
$body$;
COMMENT ON FUNCTION webhooks.quarantine(text, text, text, bytea, text, text) IS
    'Keeps the beginning of a body that is signed and no JSON (as text; what is none as \xNN), with what is wrong with it. Idempotent but for its counter. Locks: its row. '
    'Raises: nothing';

CREATE FUNCTION webhooks.own_secrets()
RETURNS TABLE (shop_id uuid, domain text, sealed bytea)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $body$
    SELECT s.id, lower(s.shopify_domain::text), s.webhook_secret FROM neanelu.shops AS s WHERE s.webhook_secret IS NOT NULL
$body$;
COMMENT ON FUNCTION webhooks.own_secrets() IS
    'The sealed signing secrets of shops that have one of their own; all others use the app''s. The key to open them is never in the '
    'database. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION webhooks.prune(p_shop_id uuid, p_payload jsonb)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $body$
DECLARE
    v_keep     constant interval := greatest(coalesce(p_payload ->> 'keep', '7 days')::interval, interval '1 day');
    v_receipts bigint;
    v_refusals bigint;
BEGIN
    DELETE FROM neanelu.webhook_receipts AS r
     WHERE r.received_at < now() - v_keep AND (p_shop_id IS NULL OR r.shop_id = p_shop_id)
       AND (r.topic NOT IN ('shop/update', 'app/uninstalled', 'shop/redact', 'customers/redact', 'customers/data_request')
            OR r.received_at < now() - interval '400 days');
    GET DIAGNOSTICS v_receipts = ROW_COUNT;
    UPDATE neanelu.webhook_refusals AS r SET body = NULL WHERE r.body IS NOT NULL AND r.last_at < now() - interval '7 days';
    DELETE FROM neanelu.webhook_refusals AS r WHERE r.last_at < now() - interval '90 days';
    GET DIAGNOSTICS v_refusals = ROW_COUNT;
    RETURN jsonb_build_object('receipts', v_receipts, 'refusals', v_refusals);
END
$body$;
COMMENT ON FUNCTION webhooks.prune(uuid, jsonb) IS
    'Deletes receipts older than payload.keep (7 days; 400 days for topics whose bodies can be equal after a year), refusals after 90 days '
    'and their bodies after 7. Handler of the job webhooks.prune; receipts of one shop where one is given. Returns counts. Idempotent. Locks: the rows it deletes. '
    'Raises: 22007 keep is no interval';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA webhooks FROM PUBLIC;
REVOKE USAGE ON TYPE webhooks.verdict FROM PUBLIC;
GRANT EXECUTE ON FUNCTION webhooks.topics() TO neanelu_webhooks, neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION
    webhooks.receive_many(text[], text[], text[], text[], text[], timestamptz[], bytea[], text[]),
    webhooks.receive(text, text, text, text, text, timestamptz, bytea, jsonb, boolean),
    webhooks.quarantine(text, text, text, bytea, text, text),
    webhooks.own_secrets()
    TO neanelu_webhooks;

SELECT jobs.register_handler('webhooks.prune', 'maintenance', 'database', 'webhooks.prune(uuid, jsonb)');
SELECT jobs.schedule('webhooks.prune', '23 * * * *', 'maintenance', 'webhooks.prune');

COMMIT;
