-- Deploy neanelu:functions/inventory/orders to pg
-- requires: functions/inventory/levels
-- What orders did to the stock, from the mirror of orders: sales and returns by line.

BEGIN;

SET LOCAL search_path = neanelu, inventory, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION inventory._likely_location(p_shop_id uuid, p_item_gid text)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce((
        SELECT l.shopify_gid
          FROM inventory_levels AS x
          JOIN inventory_locations AS l ON l.shop_id = x.shop_id AND l.id = x.location_id
         WHERE x.shop_id = p_shop_id AND x.inventory_item_legacy_id = substring(p_item_gid FROM '[0-9]+$')::bigint AND x.deleted_at IS NULL
         ORDER BY l.is_primary IS TRUE DESC, l.fulfills_online_orders IS TRUE DESC, l.shopify_gid
         LIMIT 1), '')
$$;
COMMENT ON FUNCTION inventory._likely_location(uuid, text) IS
    'GID of the location that a sale of an inventory item most likely came from: one that stocks it, the shop''s primary first; empty when none does. '
    'Reads only. Raises: nothing';

CREATE FUNCTION inventory._order_lines(p_shop_id uuid, p_order_ids uuid[])
RETURNS TABLE (line_gid text, variant_id uuid, sku text, item_gid text, units integer, back integer, sold_at timestamptz, back_at timestamptz)
LANGUAGE sql
STABLE
SET search_path = neanelu, pg_temp
AS $$
    SELECT DISTINCT ON (i.line ->> 'id') i.line ->> 'id', v.id, v.sku, v.inventory_item_id, u.units,
           CASE WHEN o.cancelled_at IS NOT NULL THEN u.units ELSE greatest(u.units - coalesce((i.line ->> 'currentQuantity')::integer, u.units), 0) END,
           o.processed_at, least(greatest(coalesce(o.cancelled_at, o.updated_at_shopify, o.processed_at), o.processed_at), now())
      FROM shopify_orders AS o
     CROSS JOIN inventory_retention AS r
     CROSS JOIN LATERAL jsonb_array_elements(o.line_items) AS i (line)
     CROSS JOIN LATERAL (SELECT (i.line ->> 'quantity')::integer) AS u (units)
      JOIN shopify_variants AS v ON v.shop_id = o.shop_id AND v.shopify_gid = i.line -> 'variant' ->> 'id'
     WHERE o.shop_id = p_shop_id AND o.id = ANY (p_order_ids) AND o.deleted_at IS NULL
       AND o.processed_at >= r.kept_from AND o.processed_at <= now() + interval '1 day'
       AND u.units > 0 AND (i.line ->> 'isGiftCard')::boolean IS NOT TRUE AND i.line ->> 'id' LIKE 'gid://shopify/LineItem/_%'
     ORDER BY i.line ->> 'id', o.updated_at_shopify DESC
$$;
COMMENT ON FUNCTION inventory._order_lines(uuid, uuid[]) IS
    'The lines of orders that moved stock: units sold, and units that came back (removed, refunded, all of a cancelled order). Lines of variants that '
    'are not mirrored, gift cards and orders from before the ledger are left out. Reads only. Raises: nothing of its own';

CREATE FUNCTION inventory._grow_order_lines(p_shop_id uuid, p_order_ids uuid[])
RETURNS TABLE (line_gid text, variant_id uuid, location_id text, sku text, sold integer, back integer, sold_at timestamptz, back_at timestamptz)
LANGUAGE sql
VOLATILE
SET search_path = neanelu, inventory, pg_temp
AS $$
    WITH told AS MATERIALIZED (
        SELECT * FROM inventory._order_lines(p_shop_id, p_order_ids)
    ), grown AS (
        INSERT INTO inventory_order_lines AS c (shop_id, line_gid, variant_id, location_id, units_sold, units_back)
        SELECT p_shop_id, t.line_gid, t.variant_id, inventory._likely_location(p_shop_id, t.item_gid), t.units, t.back FROM told AS t ORDER BY t.line_gid
        ON CONFLICT (shop_id, line_gid) DO UPDATE
           SET units_sold = greatest(c.units_sold, excluded.units_sold), units_back = greatest(c.units_back, excluded.units_back)
         WHERE excluded.units_sold > c.units_sold OR excluded.units_back > c.units_back
        RETURNING c.line_gid, c.variant_id, c.location_id, new.units_sold - coalesce(old.units_sold, 0) AS sold,
                  new.units_back - coalesce(old.units_back, 0) AS back
    )
    SELECT g.line_gid, g.variant_id, g.location_id, t.sku, g.sold, g.back, t.sold_at, t.back_at
      FROM grown AS g JOIN told AS t ON t.line_gid = g.line_gid
$$;
COMMENT ON FUNCTION inventory._grow_order_lines(uuid, uuid[]) IS
    'Notes how far the lines of orders have come, and returns by how much they have grown: an order that comes again, or in an older version, by nothing. '
    'Locks: the lines, in one order. Raises: nothing of its own';

CREATE FUNCTION inventory.record_orders(p_shop_id uuid, p_order_ids uuid[])
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_by_levels constant boolean := inventory.source(p_shop_id) = 'shopify';
    v_made      integer;
BEGIN
    WITH moved AS (
        SELECT g.line_gid, g.variant_id, g.location_id, g.sku, m.delta, m.reason, m.at
          FROM inventory._grow_order_lines(p_shop_id, p_order_ids) AS g
         CROSS JOIN LATERAL (VALUES (-g.sold, 'SALE', g.sold_at), (g.back, 'RETURN', g.back_at)) AS m (delta, reason, at)
         WHERE m.delta <> 0
    ), entries AS (
        SELECT m.line_gid, m.variant_id, m.location_id, m.sku, m.delta, m.reason, m.at FROM moved AS m
        UNION ALL
        -- What Shopify's levels say already is said once: the entry stands against an equal one of the levels.
        SELECT m.line_gid, m.variant_id, m.location_id, m.sku, -m.delta, 'SYNC', m.at
          FROM moved AS m
          LEFT JOIN inventory_counts AS c ON c.shop_id = p_shop_id AND c.variant_id = m.variant_id AND c.location_id = m.location_id
         WHERE v_by_levels OR c.as_of >= m.at
    )
    INSERT INTO inventory_arrivals (shop_id, variant_id, location_id, sku, delta, reason, reference_type, reference_id, recorded_at)
    SELECT p_shop_id, e.variant_id, e.location_id, e.sku, e.delta, e.reason, 'order_line', e.line_gid, e.at
      FROM entries AS e ORDER BY e.line_gid, e.reason;
    GET DIAGNOSTICS v_made = ROW_COUNT;
    RETURN v_made;
END
$$;
COMMENT ON FUNCTION inventory.record_orders(uuid, uuid[]) IS
    'Records what mirrored orders did: SALE for units sold, RETURN for units removed, refunded or cancelled. Where Shopify''s levels count (inventory.source), and for what a '
    'taken level already contains, each entry is followed by its opposite of reason SYNC: the sale is attributed, the stock follows the levels. Returns how many entries. '
    'Idempotent, whatever the order and version in which orders come. Locks: the orders'' lines, in one order. Raises: NA002';

CREATE FUNCTION inventory.record_order(p_shop_id uuid, p_order_id uuid)
RETURNS integer
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$ SELECT inventory.record_orders(p_shop_id, ARRAY[p_order_id]) $$;
COMMENT ON FUNCTION inventory.record_order(uuid, uuid) IS
    'inventory.record_orders for one order, by its id in shopify_orders. Idempotent. Raises: NA002';

GRANT EXECUTE ON FUNCTION inventory.record_orders(uuid, uuid[]), inventory.record_order(uuid, uuid) TO neanelu_webhooks, neanelu_worker, neanelu_operator;

COMMIT;
