-- Deploy neanelu:functions/inventory/levels to pg
-- requires: functions/inventory/fold
-- Levels that Shopify tells, absolute and dated, become differences. Which of both sides is right, the shop's setting says.

BEGIN;

SET LOCAL search_path = neanelu, inventory, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION inventory.source(p_shop_id uuid)
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    RETURN coalesce((SELECT s.settings ->> 'inventory_source' FROM shops AS s WHERE s.id = p_shop_id), 'shopify');
END
$$;
COMMENT ON FUNCTION inventory.source(uuid) IS
    'What counts for the stock of a shop: shopify (the default: its levels count, orders say what a difference was) or ledger (Shopify''s first level opens a '
    'balance, from then on only entries count, orders too). Reads only, takes no locks. Raises: NA002';

CREATE FUNCTION inventory.set_source(p_shop_id uuid, p_source text)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF (p_source IN ('shopify', 'ledger')) IS NOT TRUE THEN
        RAISE EXCEPTION 'the source of a stock is shopify or ledger, not %', p_source USING ERRCODE = 'NI005';
    END IF;
    UPDATE shops AS s SET settings = s.settings || jsonb_build_object('inventory_source', p_source), updated_at = now()
     WHERE s.id = p_shop_id AND coalesce(s.settings ->> 'inventory_source', 'shopify') <> p_source;
END
$$;
COMMENT ON FUNCTION inventory.set_source(uuid, text) IS
    'Says what counts for the stock of a shop from now on: shopify or ledger (inventory.source). What is recorded stays. Idempotent. '
    'Locks: the shop''s row. Raises: NA002, NI005';

CREATE FUNCTION inventory._lock_counts(
    p_shop_id uuid, p_variant_ids uuid[], p_location_ids text[], p_available integer[], p_as_of timestamptz[], p_first_only boolean,
    OUT o_variant_ids uuid[], OUT o_location_ids text[])
LANGUAGE sql
VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    WITH given AS (
        SELECT DISTINCT ON (g.variant_id, g.location_id) g.*
          FROM unnest(p_variant_ids, p_location_ids, p_available, p_as_of) AS g (variant_id, location_id, available, as_of)
         WHERE NOT (p_first_only
                    AND EXISTS (SELECT FROM inventory_balances AS b
                                 WHERE b.shop_id = p_shop_id AND b.variant_id = g.variant_id AND b.location_id = g.location_id
                                UNION ALL
                                SELECT FROM inventory_arrivals AS a
                                 WHERE a.shop_id = p_shop_id AND a.variant_id = g.variant_id AND a.location_id = g.location_id))
         ORDER BY g.variant_id, g.location_id, g.as_of DESC
    ), taken AS (
        INSERT INTO inventory_counts AS c (shop_id, variant_id, location_id, available, as_of)
        SELECT p_shop_id, g.variant_id, g.location_id, g.available, g.as_of FROM given AS g ORDER BY g.variant_id, g.location_id
        ON CONFLICT (shop_id, variant_id, location_id) DO UPDATE
           SET available = excluded.available, as_of = excluded.as_of, counted_at = now()
         WHERE NOT p_first_only AND (excluded.as_of > c.as_of OR excluded.as_of = c.as_of AND excluded.available <> c.available)
        RETURNING c.variant_id, c.location_id
    )
    SELECT coalesce(array_agg(t.variant_id), '{}'), coalesce(array_agg(t.location_id::text), '{}') FROM taken AS t
$$;
COMMENT ON FUNCTION inventory._lock_counts(uuid, uuid[], text[], integer[], timestamptz[], boolean) IS
    'Notes those of the levels that are newer than what is noted, or differ at the same time (or, first only, open a balance), and returns which. '
    'Locks: their rows of inventory_counts, in one order. Raises: nothing';

CREATE FUNCTION inventory._take_counts(
    p_shop_id uuid, p_variant_ids uuid[], p_location_ids text[], p_available integer[], p_as_of timestamptz[],
    p_reference_type text, p_reference_id text)
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_keys record;
BEGIN
    SELECT * INTO STRICT v_keys
      FROM inventory._lock_counts(p_shop_id, p_variant_ids, p_location_ids, p_available, p_as_of, inventory.source(p_shop_id) = 'ledger');
    -- A statement of its own, so that it sees what others did to these keys before they gave the lock away.
    INSERT INTO inventory_arrivals (shop_id, variant_id, location_id, delta, reason, reference_type, reference_id, recorded_at, sku)
    SELECT p_shop_id, c.variant_id, c.location_id, d.delta, 'SYNC', p_reference_type, p_reference_id, t.recorded_at, v.sku
      FROM unnest(v_keys.o_variant_ids, v_keys.o_location_ids) AS k (variant_id, location_id)
      JOIN inventory_counts AS c ON c.shop_id = p_shop_id AND c.variant_id = k.variant_id AND c.location_id = k.location_id
      JOIN shopify_variants AS v ON v.shop_id = p_shop_id AND v.id = k.variant_id
     CROSS JOIN inventory_retention AS r
     CROSS JOIN LATERAL (SELECT least(greatest(c.as_of, r.kept_from), now() + interval '1 day')) AS t (recorded_at)
     CROSS JOIN LATERAL (SELECT c.available - inventory._stock_at(p_shop_id, c.variant_id, c.location_id, t.recorded_at)) AS d (delta)
     WHERE d.delta <> 0;
    RETURN cardinality(v_keys.o_variant_ids);
END
$$;
COMMENT ON FUNCTION inventory._take_counts(uuid, uuid[], text[], integer[], timestamptz[], text, text) IS
    'Takes levels as true at their times: what the ledger says of those times is corrected by entries of reason SYNC, what it recorded for later '
    'stays on top. Returns how many levels were taken; older ones than the last taken are not. Idempotent. Locks: their rows of inventory_counts. '
    'Raises: 22003 (a difference beyond an integer)';

CREATE FUNCTION inventory._variant_of_item(p_shop_id uuid, p_item_gid text)
RETURNS uuid
LANGUAGE sql
STABLE
SET search_path = neanelu, pg_temp
AS $$
    SELECT v.id FROM shopify_variants AS v
     WHERE v.shop_id = p_shop_id AND v.inventory_item_id = p_item_gid
     ORDER BY v.deleted_at IS NOT NULL, v.id DESC LIMIT 1
$$;
COMMENT ON FUNCTION inventory._variant_of_item(uuid, text) IS
    'The variant of an inventory item; of several the living, newest one. Reads only. Raises: nothing';

CREATE FUNCTION inventory.record_absolute(
    p_shop_id uuid, p_inventory_item_legacy_id bigint, p_location_gid text, p_available integer, p_as_of timestamptz,
    p_reference_type text DEFAULT NULL, p_reference_id text DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_variant uuid;
    v_receipt uuid;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF num_nulls(p_inventory_item_legacy_id, p_location_gid, p_available, p_as_of) > 0 THEN
        RAISE EXCEPTION 'a level needs its item, location, quantity and time' USING ERRCODE = 'NI006';
    END IF;
    v_variant := inventory._variant_of_item(p_shop_id, 'gid://shopify/InventoryItem/' || p_inventory_item_legacy_id);
    IF v_variant IS NULL THEN
        RETURN false;
    END IF;
    v_receipt := inventory._receipt(p_reference_type, p_reference_id, v_variant, p_location_gid);
    IF v_receipt IS NOT NULL THEN
        INSERT INTO inventory_receipts (shop_id, receipt) VALUES (p_shop_id, v_receipt) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;
    RETURN inventory._take_counts(p_shop_id, ARRAY[v_variant], ARRAY[p_location_gid], ARRAY[p_available], ARRAY[p_as_of],
                                  p_reference_type, p_reference_id) > 0;
END
$$;
COMMENT ON FUNCTION inventory.record_absolute(uuid, bigint, text, integer, timestamptz, text, text) IS
    'Takes a level that Shopify tells: at p_as_of so many units of the inventory item were available at the location (its GID). The difference to the '
    'ledger becomes an entry of reason SYNC; what the ledger recorded for later stays on top. False, and nothing done: the reference came before, a newer '
    'level was taken before, the shop counts by its ledger and the balance is open, or the variant is not mirrored yet (inventory.record_levels takes the level '
    'from the mirror then). Idempotent per reference, and whatever the order of calls, the newest level wins. Locks: the receipt, and the key''s row of '
    'inventory_counts: calls for the same variant and location wait for each other, nobody else does. Raises: NA002, NI006, 23514';

CREATE FUNCTION inventory._differing_levels(p_shop_id uuid, p_as_of timestamptz)
RETURNS TABLE (variant_id uuid, location_id text, available integer, as_of timestamptz)
LANGUAGE sql
STABLE
SET search_path = neanelu, inventory, pg_temp
SET work_mem = '64MB'
-- All of a shop, which a bulk run may just have brought: there are no statistics that say how many that are.
SET enable_nestloop = off
AS $$
    WITH told AS (
        SELECT DISTINCT ON (v.id, l.shopify_gid) v.id AS variant_id, l.shopify_gid AS location_id,
               CASE WHEN x.deleted_at IS NULL THEN x.available ELSE 0 END AS available,
               coalesce(x.deleted_at, x.updated_at_shopify, '-infinity') AS told_at
          FROM inventory_levels AS x
          JOIN inventory_locations AS l ON l.shop_id = x.shop_id AND l.id = x.location_id
          JOIN shopify_variants AS v ON v.shop_id = x.shop_id AND v.inventory_item_id = x.inventory_item_gid
         WHERE x.shop_id = p_shop_id AND (x.available IS NOT NULL OR x.deleted_at IS NOT NULL)
         ORDER BY v.id, l.shopify_gid, x.deleted_at IS NOT NULL, x.updated_at_shopify DESC NULLS LAST
    ), held AS (
        SELECT s.variant_id, s.location_id, sum(s.units) AS units, bool_or(s.is_later) AS is_later
          FROM (SELECT b.variant_id, b.location_id, b.quantity AS units, b.last_updated_at > p_as_of AS is_later
                  FROM inventory_balances AS b WHERE b.shop_id = p_shop_id
                UNION ALL
                SELECT a.variant_id, a.location_id, a.delta, a.recorded_at > p_as_of FROM inventory_arrivals AS a WHERE a.shop_id = p_shop_id) AS s
         GROUP BY s.variant_id, s.location_id
    )
    SELECT t.variant_id, t.location_id, t.available,
           greatest(CASE WHEN t.told_at > '-infinity' THEN t.told_at ELSE r.kept_from END,
                    CASE WHEN h.units IS DISTINCT FROM t.available OR h.is_later THEN p_as_of END)
      FROM told AS t
     CROSS JOIN inventory_retention AS r
      LEFT JOIN held AS h ON h.variant_id = t.variant_id AND h.location_id = t.location_id
      LEFT JOIN inventory_counts AS c ON c.shop_id = p_shop_id AND c.variant_id = t.variant_id AND c.location_id = t.location_id
     WHERE c.as_of IS NULL OR t.told_at > c.as_of OR p_as_of > c.as_of AND (h.units IS DISTINCT FROM t.available OR h.is_later)
$$;
COMMENT ON FUNCTION inventory._differing_levels(uuid, timestamptz) IS
    'Levels of the mirror that the ledger has not taken: newer than the last one taken or, where all levels are known to have held at p_as_of, those '
    'that the stock differs from. A level that is gone is zero. Reads only. Raises: nothing';

CREATE FUNCTION inventory.record_levels(p_shop_id uuid, p_as_of timestamptz DEFAULT NULL, p_reference_type text DEFAULT NULL, p_reference_id text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_batch record;
    v_taken integer := 0;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    FOR v_batch IN
        SELECT array_agg(d.variant_id) AS variants, array_agg(d.location_id) AS locations, array_agg(d.available) AS available,
               array_agg(d.as_of) AS times
          FROM (SELECT x.*, (row_number() OVER (ORDER BY x.variant_id, x.location_id) - 1) / 5000 AS batch
                  FROM inventory._differing_levels(p_shop_id, p_as_of) AS x) AS d
         GROUP BY d.batch ORDER BY d.batch
    LOOP
        v_taken := v_taken + inventory._take_counts(
            p_shop_id, v_batch.variants, v_batch.locations, v_batch.available, v_batch.times, p_reference_type, p_reference_id);
    END LOOP;
    RETURN v_taken;
END
$$;
COMMENT ON FUNCTION inventory.record_levels(uuid, timestamptz, text, text) IS
    'Takes what the mirror''s inventory levels say and the ledger does not: each as of its own time, or of p_as_of where the whole mirror is known to have '
    'held then. Returns how many levels were taken. Idempotent: the second call takes none. Locks: their rows of inventory_counts, in one order. Raises: NA002';

CREATE FUNCTION inventory.record_bulk(p_shop_id uuid, p_run_id uuid)
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_run bulk_runs;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    SELECT r.* INTO v_run FROM bulk_runs AS r WHERE r.shop_id = p_shop_id AND r.id = p_run_id AND r.status = 'completed';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the shop has no completed run %', p_run_id USING ERRCODE = 'NI007';
    END IF;
    RETURN inventory.record_levels(
        p_shop_id,
        -- Shopify's times of levels have whole seconds: a change in the second in which the snapshot was taken is newer than it.
        CASE WHEN v_run.mode <> 'incremental' AND v_run.source = 'shopify' AND NOT v_run.is_partial
             THEN date_trunc('second', (v_run.cursor_state ->> 'operation_created_at')::timestamptz) END,
        'bulk_run', p_run_id::text);
END
$$;
COMMENT ON FUNCTION inventory.record_bulk(uuid, uuid) IS
    'Takes the levels that a completed run of the resource inventory brought: after a whole snapshot all that differ from the stock, as of the start of '
    'Shopify''s operation; otherwise the newer ones. Returns how many. Idempotent. Locks: as record_levels. Raises: NA002, NI007 (no such run)';

CREATE FUNCTION inventory.drift(p_shop_id uuid)
RETURNS TABLE (variant_id uuid, location_id text, stock bigint, level integer)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
SET work_mem = '64MB'
SET enable_nestloop = off
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    RETURN QUERY
    SELECT v.id, l.shopify_gid::text, coalesce(s.quantity, 0), x.available
      FROM inventory_levels AS x
      JOIN inventory_locations AS l ON l.shop_id = x.shop_id AND l.id = x.location_id
      JOIN shopify_variants AS v ON v.shop_id = x.shop_id AND v.inventory_item_id = x.inventory_item_gid AND v.deleted_at IS NULL
      LEFT JOIN inventory_current AS s ON s.shop_id = x.shop_id AND s.variant_id = v.id AND s.location_id = l.shopify_gid
     WHERE x.shop_id = p_shop_id AND x.deleted_at IS NULL AND x.available IS NOT NULL AND x.available <> coalesce(s.quantity, 0);
END
$$;
COMMENT ON FUNCTION inventory.drift(uuid) IS
    'Where the stock by the ledger differs from the level in the mirror of Shopify: entries of our own, or webhooks on their way. '
    'Reads only, takes no locks. Raises: NA002';

GRANT EXECUTE ON FUNCTION inventory.source(uuid), inventory.drift(uuid) TO neanelu_tenant, neanelu_app, neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION inventory.set_source(uuid, text) TO neanelu_app, neanelu_operator;
GRANT EXECUTE ON FUNCTION inventory.record_absolute(uuid, bigint, text, integer, timestamptz, text, text)
    TO neanelu_webhooks, neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION inventory.record_levels(uuid, timestamptz, text, text), inventory.record_bulk(uuid, uuid) TO neanelu_worker, neanelu_operator;

COMMIT;
