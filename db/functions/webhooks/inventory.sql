-- Deploy neanelu:functions/webhooks/inventory to pg
-- requires: functions/webhooks/objects
-- requires: functions/inventory/levels
-- Inventory items, levels and locations. What Shopify says of a level goes into the stock ledger as well.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, webhooks, app, extensions, pg_temp;

-- Levels ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._level_death(p_shop_id uuid, p_item bigint, p_location bigint)
RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT max(d.deleted_at) FROM mirror_tombstones AS d
     WHERE d.shop_id = p_shop_id
       AND (d.kind = 'InventoryLevel' AND d.object_id = p_item AND d.part_id = p_location
            OR d.kind = 'InventoryItem' AND d.object_id = p_item AND d.part_id = 0
            OR d.kind = 'Location' AND d.object_id = p_location AND d.part_id = 0)
$$;
COMMENT ON FUNCTION webhooks._level_death(uuid, bigint, bigint) IS
    'When a level was last disconnected, or its item or location deleted; null when never. Reads only.';

CREATE FUNCTION webhooks._write_level(p_shop_id uuid, p_payload jsonb, p_version timestamptz, p_location uuid)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
DECLARE
    v_item  constant bigint := webhooks._number(p_payload, 'inventory_item_id');
    v_gid   constant text := nullif(p_payload ->> 'admin_graphql_api_id', '');
    v_level inventory_levels;
BEGIN
    SELECT * INTO v_level FROM inventory_levels
     WHERE shop_id = p_shop_id AND inventory_item_legacy_id = v_item AND (location_id = p_location OR shopify_gid = v_gid)
     ORDER BY shopify_gid = v_gid DESC NULLS LAST, deleted_at IS NOT NULL, updated_at_shopify DESC NULLS LAST, id LIMIT 1 FOR NO KEY UPDATE;
    IF v_level.updated_at_shopify > p_version
       OR greatest(v_level.deleted_at, webhooks._level_death(p_shop_id, v_item, webhooks._number(p_payload, 'location_id'))) >= p_version THEN
        RETURN 'stale';
    ELSIF v_level.id IS NULL AND v_gid IS NULL THEN
        RETURN 'postponed';
    ELSIF v_level.id IS NULL THEN
        INSERT INTO inventory_levels (shop_id, shopify_gid, inventory_item_gid, inventory_item_legacy_id, location_id, available, updated_at_shopify)
        VALUES (p_shop_id, v_gid, webhooks._gid('InventoryItem', v_item::text), v_item, p_location, (p_payload ->> 'available')::integer, p_version);
        RETURN 'applied';
    END IF;
    UPDATE inventory_levels AS l
       SET available = (p_payload ->> 'available')::integer, updated_at_shopify = p_version, shopify_gid = coalesce(v_gid, l.shopify_gid),
           location_id = p_location, deleted_at = NULL, deletion_reason = NULL, synced_at = now(), updated_at = now()
     WHERE l.shop_id = p_shop_id AND l.id = v_level.id
       AND (l.available IS DISTINCT FROM (p_payload ->> 'available')::integer OR l.updated_at_shopify IS DISTINCT FROM p_version OR l.deleted_at IS NOT NULL);
    RETURN CASE WHEN FOUND THEN 'applied' ELSE 'unchanged' END;
END
$$;
COMMENT ON FUNCTION webhooks._write_level(uuid, jsonb, timestamptz, uuid) IS
    'Writes what is available of an item at a location, unless something newer was said. A level has one row whatever its gid. Returns applied, unchanged, '
    'stale, or postponed (a new level without its gid). Idempotent. Locks: the level''s row. Raises: 22P02, 22003 no whole number, NW010 no id';

CREATE FUNCTION webhooks.apply_levels(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, inventory, app, pg_temp
AS $$
DECLARE
    v_item     constant bigint := webhooks._number(p_payload, 'inventory_item_id');
    v_place    constant bigint := webhooks._number(p_payload, 'location_id');
    v_is_gone  constant boolean := p_topic = 'inventory_levels/disconnect';
    v_version  constant timestamptz := CASE WHEN v_is_gone THEN p_triggered_at ELSE coalesce(webhooks._time(p_payload, 'updated_at'), p_triggered_at) END;
    v_location inventory_locations;
    v_outcome  text;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    PERFORM sync.lock_object(p_shop_id, 'InventoryItem', v_item);
    SELECT * INTO v_location FROM inventory_locations
     WHERE shop_id = p_shop_id AND shopify_gid = webhooks._gid('Location', v_place::text);
    IF v_is_gone THEN
        v_outcome := webhooks._disconnect(p_shop_id, v_item, v_place, v_location.id, v_version);
    ELSIF v_location.id IS NULL THEN
        v_outcome := 'postponed';
        PERFORM webhooks._want(p_shop_id, 'locations', ARRAY[v_place], interval '1 second');
    ELSE
        v_outcome := webhooks._write_level(p_shop_id, p_payload, v_version, v_location.id);
    END IF;
    IF v_outcome IN ('applied', 'unchanged') AND (v_is_gone OR p_payload ->> 'available' IS NOT NULL) THEN
        PERFORM webhooks._forget_digests(p_shop_id, 'InventoryItem', v_item);
        PERFORM inventory.record_absolute(p_shop_id, v_item, webhooks._gid('Location', v_place::text),
                    CASE WHEN v_is_gone THEN 0 ELSE (p_payload ->> 'available')::integer END, v_version, 'webhook', coalesce(app.trace_id(), gen_random_uuid()::text));
    END IF;
    PERFORM webhooks._want(p_shop_id, 'inventory', ARRAY[v_item], CASE WHEN v_outcome <> 'stale' THEN webhooks._fetch_after(p_topic) END);
    RETURN v_outcome;
END
$$;
COMMENT ON FUNCTION webhooks.apply_levels(uuid, text, jsonb, timestamptz) IS
    'Topics inventory_levels/*: the level in the mirror, and in the ledger the difference that it makes. Other quantities than what is available are asked for. '
    'Returns applied, unchanged, stale or postponed (its location is not here yet: both are asked for). Idempotent, in any order. Locks: the item, the level''s row, '
    'the key''s count of the ledger. Raises: NA002, NW010 no id, 22xxx a value that the mirror does not take';

CREATE FUNCTION webhooks._disconnect(p_shop_id uuid, p_item bigint, p_place bigint, p_location uuid, p_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM inventory_levels AS l
                WHERE l.shop_id = p_shop_id AND l.inventory_item_legacy_id = p_item AND l.location_id = p_location AND l.updated_at_shopify > p_at) THEN
        RETURN 'stale';
    END IF;
    PERFORM webhooks._bury(p_shop_id, 'InventoryLevel', p_item, p_at, p_place);
    UPDATE inventory_levels AS l
       SET deleted_at = p_at, deletion_reason = 'webhook', synced_at = now(), updated_at = now()
     WHERE l.shop_id = p_shop_id AND l.inventory_item_legacy_id = p_item AND l.location_id = p_location AND l.deleted_at IS NULL;
    RETURN 'applied';
END
$$;
COMMENT ON FUNCTION webhooks._disconnect(uuid, bigint, bigint, uuid, timestamptz) IS
    'Marks a level as gone, and remembers it where the mirror does not have it; stale when it changed later. Idempotent. Locks: the level''s row. Raises: nothing';

CREATE FUNCTION webhooks._record_levels(p_shop_id uuid, p_item_gids text[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
    SELECT inventory.record_absolute(p_shop_id, q.item, q.location, q.available, q.told_at)
      FROM (SELECT DISTINCT ON (l.inventory_item_legacy_id, p.shopify_gid) l.inventory_item_legacy_id AS item, p.shopify_gid AS location,
                   CASE WHEN l.deleted_at IS NULL THEN l.available ELSE 0 END AS available, coalesce(l.deleted_at, l.updated_at_shopify) AS told_at
              FROM inventory_levels AS l
              JOIN inventory_locations AS p ON p.shop_id = l.shop_id AND p.id = l.location_id
             WHERE l.shop_id = p_shop_id AND l.inventory_item_gid = ANY (p_item_gids)
               AND l.inventory_item_legacy_id = ANY (SELECT split_part(g, '/', 5)::bigint FROM unnest(p_item_gids) AS g)
             ORDER BY l.inventory_item_legacy_id, p.shopify_gid, l.deleted_at IS NOT NULL, l.updated_at_shopify DESC NULLS LAST) AS q
     WHERE q.available IS NOT NULL AND q.told_at IS NOT NULL
     ORDER BY q.item, q.location
$$;
COMMENT ON FUNCTION webhooks._record_levels(uuid, text[]) IS
    'Takes the mirror''s levels of items into the ledger, for levels that came before their variants; one that is gone is zero. Idempotent. Locks: the keys'' counts. '
    'Raises: nothing of its own';

-- Items -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._item_row(p_payload jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT jsonb_object_agg(m.name, m.value)
      FROM (VALUES
            ('inventory_item_id', 'id', to_jsonb(webhooks._gid('InventoryItem', p_payload ->> 'id'))),
            ('cost', 'cost', webhooks._amount(p_payload -> 'cost')),
            ('requires_shipping', 'requires_shipping', p_payload -> 'requires_shipping'),
            ('weight', 'weight_value', p_payload -> 'weight_value'),
            ('weight_unit', 'weight_unit', to_jsonb(CASE p_payload ->> 'weight_unit' WHEN 'g' THEN 'GRAMS' WHEN 'kg' THEN 'KILOGRAMS'
                                                        WHEN 'oz' THEN 'OUNCES' WHEN 'lb' THEN 'POUNDS' ELSE upper(p_payload ->> 'weight_unit') END)),
            ('item_updated_at_shopify', 'updated_at', p_payload -> 'updated_at')) AS m (name, key, value)
     WHERE p_payload ? m.key
$$;
COMMENT ON FUNCTION webhooks._item_row(jsonb) IS
    'The columns of shopify_variants that an inventory item''s payload carries. Pure. Raises: 22003, 22P02 no amount of money';

CREATE FUNCTION webhooks.apply_items(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, sync, app, pg_temp
AS $$
DECLARE
    v_item    constant bigint := webhooks._number(p_payload);
    v_gid     constant text := webhooks._gid('InventoryItem', v_item::text);
    v_product bigint;
    v_written integer;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    PERFORM sync.lock_object(p_shop_id, 'InventoryItem', v_item);
    IF p_topic = 'inventory_items/delete' THEN
        PERFORM webhooks._bury(p_shop_id, 'InventoryItem', v_item, p_triggered_at);
        PERFORM webhooks._forget_digests(p_shop_id, 'InventoryItem', v_item);
        PERFORM webhooks._mark_deleted(p_shop_id, 'inventory_levels', 't.inventory_item_legacy_id', ARRAY[v_item], p_triggered_at);
        RETURN 'applied';
    END IF;
    SELECT p.legacy_resource_id INTO v_product
      FROM shopify_variants AS v JOIN shopify_products AS p ON p.shop_id = v.shop_id AND p.id = v.product_id
     WHERE v.shop_id = p_shop_id AND v.inventory_item_id = v_gid AND v.deleted_at IS NULL AND p.deleted_at IS NULL LIMIT 1;
    IF v_product IS NULL THEN
        RETURN 'ignored';
    END IF;
    v_written := webhooks._write_item(p_shop_id, webhooks._item_row(p_payload), webhooks._time(p_payload, 'updated_at'));
    IF v_written > 0 THEN
        PERFORM webhooks._forget_digests(p_shop_id, 'Product', v_product, 'products');
    END IF;
    PERFORM webhooks._want(p_shop_id, 'products', ARRAY[v_product], webhooks._fetch_after(p_topic));
    RETURN CASE WHEN v_written > 0 THEN 'applied' ELSE 'stale' END;
END
$$;
COMMENT ON FUNCTION webhooks.apply_items(uuid, text, jsonb, timestamptz) IS
    'Topics inventory_items/*: cost, weight and shipping of the item''s variant, whose product is asked for; with an item its levels are deleted. Returns applied, '
    'stale (nothing new) or ignored (no variant has the item: it comes with its product). Idempotent, in any order. Locks: the item, the variant''s row. '
    'Raises: NA002, NW010 no id, 22xxx, 23xxx a value that the mirror does not take';

CREATE FUNCTION webhooks._write_item(p_shop_id uuid, p_row jsonb, p_version timestamptz)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_written integer;
BEGIN
    UPDATE shopify_variants AS v
       SET cost = CASE WHEN p_row ? 'cost' THEN r.cost ELSE v.cost END,
           requires_shipping = CASE WHEN p_row ? 'requires_shipping' THEN r.requires_shipping ELSE v.requires_shipping END,
           weight = CASE WHEN p_row ? 'weight' THEN r.weight ELSE v.weight END,
           weight_unit = CASE WHEN p_row ? 'weight_unit' THEN r.weight_unit ELSE v.weight_unit END,
           item_updated_at_shopify = p_version, synced_at = now(), updated_at = now()
      FROM jsonb_populate_record(NULL::shopify_variants, p_row) AS r
     WHERE v.shop_id = p_shop_id AND v.inventory_item_id = r.inventory_item_id AND v.deleted_at IS NULL
       AND coalesce(v.item_updated_at_shopify <= p_version, v.item_updated_at_shopify IS NULL)
       AND (v.item_updated_at_shopify IS DISTINCT FROM p_version
            OR p_row ? 'cost' AND v.cost IS DISTINCT FROM r.cost
            OR p_row ? 'requires_shipping' AND v.requires_shipping IS DISTINCT FROM r.requires_shipping
            OR p_row ? 'weight' AND v.weight IS DISTINCT FROM r.weight
            OR p_row ? 'weight_unit' AND v.weight_unit IS DISTINCT FROM r.weight_unit);
    GET DIAGNOSTICS v_written = ROW_COUNT;
    RETURN v_written;
END
$$;
COMMENT ON FUNCTION webhooks._write_item(uuid, jsonb, timestamptz) IS
    'Writes what is known of an inventory item to its variant, unless something newer of the item was. Returns the rows written. Idempotent. '
    'Locks: the variant''s row. Raises: 22xxx, 23514 a value that the mirror does not take';

-- Locations ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks.apply_locations(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, app, pg_temp
AS $$
DECLARE
    v_number constant bigint := webhooks._number(p_payload);
    v_gid    constant text := webhooks._gid('Location', v_number::text);
    v_row    jsonb;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_topic = 'locations/delete' THEN
        UPDATE inventory_levels AS l SET deleted_at = p_triggered_at, deletion_reason = 'webhook', synced_at = now(), updated_at = now()
          FROM inventory_locations AS p
         WHERE p.shop_id = p_shop_id AND p.shopify_gid = v_gid AND l.shop_id = p.shop_id AND l.location_id = p.id AND l.deleted_at IS NULL
           AND coalesce(l.updated_at_shopify <= p_triggered_at, true);
        RETURN webhooks._delete(p_shop_id, 'inventory_locations', 'Location', v_number, p_triggered_at);
    END IF;
    IF webhooks._state(p_shop_id, 'inventory_locations', 'Location', v_number, webhooks._time(p_payload, 'updated_at')) IN ('stale', 'deleted') THEN
        RETURN 'stale';
    END IF;
    SELECT jsonb_object_agg(m.name, m.value) INTO v_row
      FROM (VALUES
            ('shopify_gid', 'id', to_jsonb(v_gid)), ('legacy_resource_id', 'id', p_payload -> 'id'), ('name', 'name', p_payload -> 'name'),
            ('address', 'address1', coalesce((SELECT l.address FROM inventory_locations AS l WHERE l.shop_id = p_shop_id AND l.shopify_gid = v_gid), '{}')
                                    || webhooks._location_address(p_payload)),
            ('is_active', 'active', p_payload -> 'active'), ('updated_at_shopify', 'updated_at', p_payload -> 'updated_at')) AS m (name, key, value)
     WHERE p_payload ? m.key;
    PERFORM webhooks._want(p_shop_id, 'locations', ARRAY[v_number], webhooks._fetch_after(p_topic));
    IF webhooks._write(p_shop_id, 'inventory_locations', jsonb_build_array(v_row), webhooks._time(p_payload, 'updated_at')) = 0 THEN
        RETURN 'unchanged';
    END IF;
    PERFORM webhooks._forget_digests(p_shop_id, 'Location', v_number);
    RETURN 'applied';
END
$$;
COMMENT ON FUNCTION webhooks.apply_locations(uuid, text, jsonb, timestamptz) IS
    'Topics locations/*: the location; with it its levels are deleted. Returns applied, unchanged or stale. Idempotent, in any order. Locks: the location, its row, '
    'its levels. Raises: NA002, NW010 no id, 22xxx, 23xxx a value that the mirror does not take';

CREATE FUNCTION webhooks._location_address(p_payload jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_build_object(
    'address1', p_payload -> 'address1', 'address2', p_payload -> 'address2', 'city', p_payload -> 'city', 'province', p_payload -> 'province',
    'provinceCode', p_payload -> 'province_code', 'zip', p_payload -> 'zip',
    'country', coalesce(nullif(p_payload -> 'country_name', 'null'), p_payload -> 'country'), 'countryCode', p_payload -> 'country_code',
    'phone', p_payload -> 'phone');
COMMENT ON FUNCTION webhooks._location_address(jsonb) IS 'The address of a location as GraphQL writes it, without its place on earth, which REST does not say. Pure.';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA webhooks FROM PUBLIC;

COMMIT;
