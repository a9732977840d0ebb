-- Deploy neanelu:functions/pim/channels to pg
-- requires: functions/pim/translations
-- requires: functions/pim/proposals
-- requires: functions/harvest/sources
-- What may be sent to a channel, what was sent, what came back. What the channel owns is never overwritten, in either direction.

BEGIN;

SET LOCAL search_path = neanelu, pim, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION pim._mapping(p_mapping_id uuid)
RETURNS neanelu.prod_channel_mappings
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
DECLARE
    v_mapping neanelu.prod_channel_mappings;
BEGIN
    SELECT m.* INTO v_mapping FROM neanelu.prod_channel_mappings AS m WHERE m.id = p_mapping_id;
    IF v_mapping.id IS NULL THEN
        RAISE EXCEPTION 'there is no mapping %', p_mapping_id USING ERRCODE = 'NQ003';
    END IF;
    IF v_mapping.shop_id IS NOT NULL THEN
        PERFORM app.assert_shop_access(v_mapping.shop_id);
    END IF;
    RETURN v_mapping;
END
$$;
COMMENT ON FUNCTION pim._mapping(uuid) IS
    'A mapping that the login may work with. Reads only, takes no locks. Raises: NQ003 there is none, NA002 not your shop';

CREATE FUNCTION pim._owned_fields(p_channel text, p_channel_meta jsonb)
RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT CASE jsonb_typeof(p_channel_meta -> 'owned_fields')
               WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(p_channel_meta -> 'owned_fields'))
               ELSE ARRAY(SELECT f.field_path FROM neanelu.prod_channel_fields AS f WHERE f.channel = p_channel AND f.owner = 'channel') END
$$;
COMMENT ON FUNCTION pim._owned_fields(text, jsonb) IS
    'Fields that the channel owns: those of the mapping where it says so, else those of the channel. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim._channel_fields(p_product_id uuid, p_locale text)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
    SELECT coalesce((SELECT jsonb_object_agg(f.field_path, f.value) FROM pim._field_values(ARRAY[p_product_id]) AS f), '{}')
           || coalesce((SELECT jsonb_build_object('category', to_jsonb(coalesce(t.shopify_taxonomy_id, t.slug)))
                          FROM neanelu.prod_master AS m JOIN neanelu.prod_taxonomy AS t ON t.id = m.taxonomy_id WHERE m.id = p_product_id), '{}')
           || coalesce((SELECT jsonb_strip_nulls(jsonb_build_object('title', nullif(t.title, ''), 'description', nullif(t.description, '')))
                          FROM neanelu.prod_translations AS t
                         WHERE t.product_id = p_product_id AND t.locale = p_locale AND t.is_approved AND NOT t.is_stale), '{}')
$$;
COMMENT ON FUNCTION pim._channel_fields(uuid, text) IS
    'Decided fields of a product as a channel takes them: the category by its id at Shopify, texts in the channel''s language where a translation is approved '
    'and not stale. Reads only, takes no locks. Raises: nothing';

CREATE FUNCTION pim.channel_payload(p_mapping_id uuid)
RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_mapping constant neanelu.prod_channel_mappings := pim._mapping(p_mapping_id);
    v_owned   constant text[] := pim._owned_fields(v_mapping.channel, v_mapping.channel_meta);
    v_fields  constant jsonb := pim._channel_fields(v_mapping.product_id, v_mapping.channel_meta ->> 'locale');
    v_pushed  constant jsonb := coalesce(v_mapping.channel_meta -> 'pushed', '{}');
BEGIN
    RETURN jsonb_build_object(
        'mapping_id', v_mapping.id, 'product_id', v_mapping.product_id, 'channel', v_mapping.channel, 'shop_id', v_mapping.shop_id,
        'external_id', v_mapping.external_id,
        'ready', coalesce((SELECT m.quality_score_breakdown -> 'channels' -> v_mapping.channel -> 'ready' FROM neanelu.prod_master AS m
                            WHERE m.id = v_mapping.product_id AND m.dedupe_status <> 'duplicate'), 'false'),
        'fields', v_fields - v_owned,
        'changed', (SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') FROM jsonb_each(v_fields - v_owned) AS f WHERE v_pushed -> f.key IS DISTINCT FROM f.value),
        'withheld', (SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') FROM jsonb_each(v_fields) AS f WHERE f.key = ANY (v_owned)));
END
$$;
COMMENT ON FUNCTION pim.channel_payload(uuid) IS
    'What may be sent to a channel for a product: fields (those that the PIM owns), changed (of these, what was not sent yet as it is), withheld (what the channel '
    'owns), ready (whether the rules of the channel are met). Reads only, takes no locks. Raises: NQ003 there is no such mapping, NA002 not your shop';

CREATE FUNCTION pim.record_push(p_mapping_id uuid, p_fields jsonb, p_error text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, pg_temp
AS $$
DECLARE
    v_mapping neanelu.prod_channel_mappings := pim._mapping(p_mapping_id);
    v_owned   text[];
BEGIN
    SELECT m.* INTO v_mapping FROM neanelu.prod_channel_mappings AS m WHERE m.id = v_mapping.id FOR NO KEY UPDATE;
    v_owned := pim._owned_fields(v_mapping.channel, v_mapping.channel_meta);
    IF p_fields ?| v_owned THEN
        RAISE EXCEPTION 'fields were sent that channel % owns: %', v_mapping.channel,
                        (SELECT string_agg(f.name, ', ') FROM unnest(v_owned) AS f (name) WHERE p_fields ? f.name)
            USING ERRCODE = 'NQ009', HINT = 'Send what pim.channel_payload gives.';
    END IF;
    UPDATE neanelu.prod_channel_mappings AS m
       SET sync_status = CASE WHEN p_error IS NULL THEN 'synced' ELSE 'error' END, error_message = p_error, updated_at = clock_timestamp(),
           last_pushed_at = CASE WHEN p_error IS NULL THEN clock_timestamp() ELSE m.last_pushed_at END,
           channel_meta = CASE WHEN p_error IS NULL THEN jsonb_set(m.channel_meta, '{pushed}', coalesce(m.channel_meta -> 'pushed', '{}') || coalesce(p_fields, '{}'))
                               ELSE m.channel_meta END
     WHERE m.id = v_mapping.id;
END
$$;
COMMENT ON FUNCTION pim.record_push(uuid, jsonb, text) IS
    'Notes what was sent to a channel, or why it could not be. Idempotent. Locks: the mapping''s row. '
    'Raises: NQ003 there is no such mapping, NQ009 fields of the channel were sent, NA002 not your shop';

CREATE FUNCTION pim._channel_source(p_mapping neanelu.prod_channel_mappings)
RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, harvest, pg_temp
AS $$
    SELECT CASE WHEN p_mapping.shop_id IS NULL THEN harvest.register_source('channel:' || p_mapping.channel, 'MARKETPLACE')
                ELSE (SELECT harvest.register_source(s.shopify_domain::text, 'SHOPIFY', 'https://' || s.shopify_domain) FROM neanelu.shops AS s WHERE s.id = p_mapping.shop_id) END
$$;
COMMENT ON FUNCTION pim._channel_source(neanelu.prod_channel_mappings) IS
    'The source that a channel''s values come from: the shop, else one of the channel''s name; made when it is missing. Idempotent. Locks: the row it makes. Raises: nothing of its own';

CREATE FUNCTION pim.record_pull(p_mapping_id uuid, p_values jsonb)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pim, normalise, pg_temp
AS $$
DECLARE
    v_mapping neanelu.prod_channel_mappings := pim._mapping(p_mapping_id);
    v_owned   text[];
    v_fields  jsonb;
    v_said    neanelu.prod_proposals[];
    v_stored  integer := 0;
BEGIN
    PERFORM pim._lock_products(ARRAY[v_mapping.product_id]);
    SELECT m.* INTO v_mapping FROM neanelu.prod_channel_mappings AS m WHERE m.id = v_mapping.id FOR NO KEY UPDATE;
    v_owned := pim._owned_fields(v_mapping.channel, v_mapping.channel_meta);
    v_fields := pim._channel_fields(v_mapping.product_id, v_mapping.channel_meta ->> 'locale');
    UPDATE neanelu.prod_channel_mappings AS m
       SET last_pulled_at = clock_timestamp(), updated_at = clock_timestamp(),
           channel_meta = m.channel_meta || jsonb_build_object(
               'values', coalesce(m.channel_meta -> 'values', '{}')
                         || (SELECT coalesce(jsonb_object_agg(v.key, v.value), '{}') FROM jsonb_each(p_values) AS v WHERE v.key = ANY (v_owned)),
               'differences', (SELECT coalesce(jsonb_object_agg(v.key, jsonb_build_object('pim', v_fields -> v.key, 'channel', v.value)), '{}')
                                 FROM jsonb_each(p_values) AS v WHERE v.key = ANY (v_owned) AND v_fields -> v.key <> v.value))
     WHERE m.id = v_mapping.id;
    -- What we sent ourselves, or have decided, is no news; what somebody changed there is a vote of the channel's.
    SELECT array_agg(ROW(uuidv7(), v_mapping.product_id, s.key, NULL, s.value, NULL, pim._channel_source(v_mapping), 0.9, 'pending', 0, NULL, NULL, NULL, false,
                         NULL, s.raw, clock_timestamp(), now(), now())::neanelu.prod_proposals)
      INTO v_said
      FROM (SELECT v.key, v.value AS raw, CASE v.key WHEN 'brand' THEN to_jsonb(normalise.brand(v.value #>> '{}')) WHEN 'gtin' THEN to_jsonb(normalise.gtin(v.value #>> '{}'))
                                                     WHEN 'mpn' THEN to_jsonb(normalise.mpn(v.value #>> '{}')) ELSE v.value END AS value
              FROM jsonb_each(p_values) AS v WHERE v.key <> ALL (v_owned)) AS s
     WHERE s.key ~ '^(title|brand|manufacturer|mpn|gtin|model|description|category|image|price|specs\.[a-z0-9_]+)$'
       AND s.value NOT IN ('null', '""', '[]', '{}') AND s.value IS DISTINCT FROM v_fields -> s.key
       AND s.raw IS DISTINCT FROM v_mapping.channel_meta -> 'pushed' -> s.key;
    IF v_said IS NOT NULL THEN
        PERFORM pim._refresh_proposals(v_said);
        v_stored := pim._store_proposals(v_said);
        PERFORM pim._supersede_proposals(ARRAY[v_mapping.product_id]);
        PERFORM pim.decide(ARRAY[v_mapping.product_id]);
        PERFORM pim.score(ARRAY[v_mapping.product_id], 'data_change');
        PERFORM pim.refresh_semantics(ARRAY[v_mapping.product_id]);
    END IF;
    RETURN v_stored;
END
$$;
COMMENT ON FUNCTION pim.record_pull(uuid, jsonb) IS
    'Takes what a channel has, {field path: value}: fields that the channel owns are kept in channel_meta.values, with channel_meta.differences from ours; others '
    'that somebody changed there become proposals of the channel''s source, and the product is decided and scored again. Returns how many. Idempotent. '
    'Locks: the product, then the mapping. Raises: NQ003 there is no such mapping, NA002 not your shop';

CREATE FUNCTION pim.pushable(p_channel text, p_shop_id uuid DEFAULT NULL, p_limit integer DEFAULT 100)
RETURNS TABLE (mapping_id uuid, product_id uuid, external_id text, sync_status text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = neanelu, app, pg_temp
AS $$
BEGIN
    IF p_shop_id IS NOT NULL OR p_channel = 'shopify' THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    RETURN QUERY
    SELECT m.id, m.product_id, m.external_id::text, m.sync_status::text
      FROM neanelu.prod_channel_mappings AS m
      JOIN neanelu.prod_master AS p ON p.id = m.product_id
     WHERE m.channel = p_channel AND m.shop_id IS NOT DISTINCT FROM p_shop_id
       AND p.dedupe_status <> 'duplicate' AND p.quality_score_breakdown -> 'channels' -> p_channel -> 'ready' = 'true'
       AND (m.sync_status <> 'synced' OR p.updated_at > m.last_pushed_at
            OR EXISTS (SELECT FROM neanelu.prod_specs_normalized AS v WHERE v.product_id = p.id AND v.is_current AND v.created_at > m.last_pushed_at))
     ORDER BY m.last_pushed_at NULLS FIRST, m.id LIMIT p_limit;
END
$$;
COMMENT ON FUNCTION pim.pushable(text, uuid, integer) IS
    'Mappings of a channel (and shop) whose product is ready for it and has changed since it was sent. Reads only, takes no locks. Raises: NA002 not your shop';

GRANT EXECUTE ON FUNCTION pim.channel_payload(uuid), pim.record_push(uuid, jsonb, text), pim.record_pull(uuid, jsonb), pim.pushable(text, uuid, integer)
    TO neanelu_worker, neanelu_app, neanelu_operator;

COMMIT;
