-- Deploy neanelu:functions/inventory/report to pg
-- requires: functions/inventory/levels
-- What people ask of the ledger: which variant is that, what is there of it, what happened to it.

BEGIN;

SET LOCAL search_path = neanelu, inventory, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION inventory.find_variants(p_shop_id uuid, p_sku text)
RETURNS TABLE (variant_id uuid, sku text, product text, variant text)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, inventory, app, pg_temp
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    RETURN QUERY
    SELECT v.id, v.sku::text, p.title::text, v.title::text
      FROM shopify_variants AS v
      JOIN shopify_products AS p ON p.shop_id = v.shop_id AND p.id = v.product_id
     WHERE v.shop_id = p_shop_id AND v.deleted_at IS NULL AND (v.sku = p_sku OR v.id::text = p_sku)
     ORDER BY p.title, v.title, v.id
     LIMIT 20;
END
$$;
COMMENT ON FUNCTION inventory.find_variants(uuid, text) IS
    'Variants of a shop with this SKU or id, twenty at most: shops may use a SKU twice. Reads only, takes no locks. '
    'Raises: NA002 the login may not work for the shop';

CREATE FUNCTION inventory.show(p_shop_id uuid, p_variant_id uuid)
RETURNS TABLE (location_id text, location text, available bigint, folded bigint, waiting bigint, entries bigint, last_updated_at timestamptz, level integer)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, inventory, app, pg_temp
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    RETURN QUERY
    SELECT s.place, l.name::text, sum(s.quantity)::bigint, coalesce(sum(s.quantity) FILTER (WHERE s.is_folded), 0)::bigint,
           coalesce(sum(s.quantity) FILTER (WHERE NOT s.is_folded), 0)::bigint, sum(s.entries)::bigint, max(s.last_updated_at), min(c.available)
      FROM (SELECT b.location_id::text, b.quantity, b.entries, b.last_updated_at, true FROM inventory_balances AS b
             WHERE b.shop_id = p_shop_id AND b.variant_id = p_variant_id
            UNION ALL
            SELECT a.location_id::text, a.delta::bigint, 1, a.recorded_at, false FROM inventory_arrivals AS a
             WHERE a.shop_id = p_shop_id AND a.variant_id = p_variant_id) AS s (place, quantity, entries, last_updated_at, is_folded)
      LEFT JOIN inventory_locations AS l ON l.shop_id = p_shop_id AND l.shopify_gid = s.place
      LEFT JOIN inventory_counts AS c ON c.shop_id = p_shop_id AND c.variant_id = p_variant_id AND c.location_id = s.place
     GROUP BY s.place, l.name
     ORDER BY l.name, s.place;
END
$$;
COMMENT ON FUNCTION inventory.show(uuid, uuid) IS
    'Stock of a variant, a row a location: what is available, how much of it is folded and waits to be, and what Shopify counted last. '
    'Reads only, takes no locks. Raises: NA002 the login may not work for the shop';

CREATE FUNCTION inventory.history(p_shop_id uuid, p_variant_id uuid, p_location_id text DEFAULT NULL, p_limit integer DEFAULT 50)
RETURNS TABLE (id uuid, recorded_at timestamptz, location_id text, delta integer, quantity integer, reason text, reference_type text, reference_id text)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, inventory, app, pg_temp
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    RETURN QUERY
    SELECT e.id, e.recorded_at, e.location_id::text, e.delta::integer, e.new_quantity, e.reason::text, e.reference_type::text, e.reference_id::text
      FROM inventory_entries AS e
     WHERE e.shop_id = p_shop_id AND e.variant_id = p_variant_id AND (p_location_id IS NULL OR e.location_id = p_location_id)
     ORDER BY e.recorded_at DESC, e.id DESC
     LIMIT p_limit;
END
$$;
COMMENT ON FUNCTION inventory.history(uuid, uuid, text, integer) IS
    'What happened to a variant''s stock, newest first; quantity is null for what is not folded yet. Reads only, takes no locks. '
    'Raises: NA002 the login may not work for the shop';

GRANT EXECUTE ON FUNCTION inventory.find_variants(uuid, text), inventory.show(uuid, uuid), inventory.history(uuid, uuid, text, integer)
    TO neanelu_tenant, neanelu_app, neanelu_operator;

COMMIT;
