-- Deploy neanelu:functions/inventory/fold to pg
-- requires: functions/inventory/record
-- Arrivals become ledger and balances; what there is in stock, now and at any time that is kept.

BEGIN;

SET LOCAL search_path = neanelu, inventory, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION inventory._lock_fold(p_wait boolean)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_wait THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('inventory.fold', 0));
        RETURN true;
    END IF;
    RETURN pg_try_advisory_xact_lock(hashtextextended('inventory.fold', 0));
END
$$;
COMMENT ON FUNCTION inventory._lock_fold(boolean) IS
    'One at a time folds, drops months or erases a shop: the lock for that, until the transaction ends. Without waiting, says whether it has it. '
    'Locks: advisory. Raises: nothing';

CREATE FUNCTION inventory._take_arrivals(p_limit integer)
RETURNS SETOF inventory_arrivals
LANGUAGE sql
VOLATILE
ROWS 10000
SET search_path = neanelu, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
    DELETE FROM inventory_arrivals AS a
     WHERE a.arrival_no >= (SELECT min(o.arrival_no) FROM inventory_arrivals AS o)
       AND a.arrival_no <= (SELECT CASE WHEN x.newest - x.oldest < p_limit THEN x.newest
                                        ELSE coalesce((SELECT o.arrival_no FROM inventory_arrivals AS o ORDER BY o.arrival_no OFFSET p_limit - 1 LIMIT 1),
                                                      x.newest) END
                              FROM (SELECT min(o.arrival_no) AS oldest, max(o.arrival_no) AS newest FROM inventory_arrivals AS o) AS x)
    RETURNING a.*
$$;
COMMENT ON FUNCTION inventory._take_arrivals(integer) IS
    'Removes and returns the first arrivals of those that are committed; what commits later has its turn later, whatever its number. '
    'Numbers are counted only when there are more than the limit. The caller holds the fold''s lock. Locks: the rows. Raises: nothing';

CREATE FUNCTION inventory.fold(p_limit integer DEFAULT 10000)
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
SET work_mem = '64MB'
SET enable_seqscan = off
SET enable_mergejoin = off
AS $$
DECLARE
    v_from  constant timestamptz := (SELECT r.kept_from FROM inventory_retention AS r);
    v_taken integer;
    v_moved integer;
BEGIN
    IF NOT inventory._lock_fold(p_wait => false) THEN
        RETURN 0;
    END IF;
    WITH taken AS MATERIALIZED (
        SELECT t.*, sum(t.delta) OVER w AS running, row_number() OVER w AS nth
          FROM inventory._take_arrivals(p_limit) AS t
        WINDOW w AS (PARTITION BY t.shop_id, t.variant_id, t.location_id ORDER BY t.arrival_no ROWS UNBOUNDED PRECEDING)
    ), keys AS MATERIALIZED (
        -- Balances are looked up by LATERAL and updated by ctid: nobody else writes them meanwhile, and the statistics of a table that was just
        -- filled would have them read whole. A variant that was erased under its arrivals takes them along.
        SELECT k.*, b.ctid AS balance, coalesce(b.quantity, 0) AS quantity, coalesce(b.entries, 0) AS folded
          FROM (SELECT t.shop_id, t.variant_id, t.location_id, sum(t.delta) AS delta, count(*) AS entries, max(t.recorded_at) AS last_at
                  FROM taken AS t
                 GROUP BY t.shop_id, t.variant_id, t.location_id) AS k
          LEFT JOIN LATERAL (SELECT o.ctid, o.quantity, o.entries FROM inventory_balances AS o
                              WHERE o.shop_id = k.shop_id AND o.variant_id = k.variant_id AND o.location_id = k.location_id LIMIT 1) AS b ON true
         WHERE b.ctid IS NOT NULL
            OR (SELECT true FROM shopify_variants AS v WHERE v.shop_id = k.shop_id AND v.id = k.variant_id)
    ), moved AS (
        -- In no order but the window's, variant by variant: what is next to each other in the indexes goes in one after the other.
        INSERT INTO inventory_ledger
            (id, shop_id, variant_id, sku, location_id, delta, reason, reference_type, reference_id, cost_per_unit, recorded_at, created_at,
             position, previous_quantity, new_quantity)
        SELECT t.id, t.shop_id, t.variant_id, t.sku, t.location_id, t.delta, t.reason, t.reference_type, t.reference_id, t.cost_per_unit,
               greatest(t.recorded_at, v_from), t.created_at, k.folded + t.nth, f.before, f.before + t.delta
          FROM taken AS t
          JOIN keys AS k ON k.shop_id = t.shop_id AND k.variant_id = t.variant_id AND k.location_id = t.location_id
         CROSS JOIN LATERAL (SELECT k.quantity + t.running) AS a (after)
         CROSS JOIN LATERAL (SELECT CASE WHEN greatest(abs(a.after), abs(a.after - t.delta)) < 2147483648 THEN a.after - t.delta END) AS f (before)
        RETURNING 1
    ), changed AS (
        UPDATE inventory_balances AS b
           SET quantity = b.quantity + k.delta, entries = b.entries + k.entries, last_updated_at = greatest(b.last_updated_at, k.last_at),
               folded_at = now()
          FROM keys AS k
         WHERE b.ctid = k.balance
    ), made AS (
        INSERT INTO inventory_balances (shop_id, variant_id, location_id, quantity, entries, last_updated_at)
        SELECT k.shop_id, k.variant_id, k.location_id, k.delta, k.entries, k.last_at FROM keys AS k WHERE k.balance IS NULL
    )
    SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM moved) INTO STRICT v_taken, v_moved;
    IF v_moved < v_taken THEN
        RAISE WARNING 'arrivals of variants that are gone were dropped: %', v_taken - v_moved;
    END IF;
    RETURN v_taken;
END
$$;
COMMENT ON FUNCTION inventory.fold(integer) IS
    'Moves the first arrivals, at most so many, into the ledger, each with the quantities before and after it, and adds them to the balances; '
    'in one transaction, so exactly once. Returns how many; 0 when there are none, or another folds. To be called by the worker again and again, '
    'at once while it returns the limit. Locks: the fold (advisory, never waiting), the balances it changes; no writer waits. Raises: nothing of its own';

CREATE FUNCTION inventory._stock_at(p_shop_id uuid, p_variant_id uuid, p_location_id text, p_at timestamptz)
RETURNS bigint
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    v_balance inventory_balances;
    v_later   bigint;
    v_arrived bigint;
BEGIN
    SELECT b.* INTO v_balance FROM inventory_balances AS b
     WHERE b.shop_id = p_shop_id AND b.variant_id = p_variant_id AND b.location_id = p_location_id;
    SELECT sum(a.delta) INTO STRICT v_arrived FROM inventory_arrivals AS a
     WHERE a.shop_id = p_shop_id AND a.variant_id = p_variant_id AND a.location_id = p_location_id AND a.recorded_at <= p_at;
    IF v_balance.last_updated_at > p_at THEN
        -- By the variant: of what was recorded lately, and of a new month, there are no statistics that forbid reading all of the location's.
        SELECT sum(l.delta) INTO STRICT v_later FROM inventory_ledger AS l
         WHERE l.shop_id = p_shop_id AND l.variant_id = p_variant_id AND l.location_id || '' = p_location_id AND l.recorded_at > p_at;
    END IF;
    RETURN coalesce(v_balance.quantity, 0) + coalesce(v_arrived, 0) - coalesce(v_later, 0);
END
$$;
COMMENT ON FUNCTION inventory._stock_at(uuid, uuid, text, timestamptz) IS
    'Stock of a variant at a location by business time: what there is, less what was recorded for later; all in the snapshot of the calling statement. '
    'Reads only. Raises: nothing';

CREATE FUNCTION inventory.available(p_shop_id uuid, p_variant_id uuid, p_location_id text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    -- What app.assert_shop_access says of the platform's logins, without the call, which costs as much as the look.
    IF p_shop_id IS NULL OR NOT pg_has_role(SESSION_USER, 'neanelu_platform', 'MEMBER') THEN
        PERFORM app.assert_shop_access(p_shop_id);
    END IF;
    IF p_location_id IS NOT NULL THEN
        RETURN coalesce((SELECT b.quantity FROM inventory_balances AS b
                          WHERE b.shop_id = p_shop_id AND b.variant_id = p_variant_id AND b.location_id = p_location_id), 0)
             + coalesce((SELECT sum(a.delta) FROM inventory_arrivals AS a
                          WHERE a.shop_id = p_shop_id AND a.variant_id = p_variant_id AND a.location_id = p_location_id), 0);
    END IF;
    RETURN coalesce((SELECT sum(b.quantity) FROM inventory_balances AS b WHERE b.shop_id = p_shop_id AND b.variant_id = p_variant_id), 0)
         + coalesce((SELECT sum(a.delta) FROM inventory_arrivals AS a WHERE a.shop_id = p_shop_id AND a.variant_id = p_variant_id), 0);
END
$$;
COMMENT ON FUNCTION inventory.available(uuid, uuid, text) IS
    'Units of a variant at a location, exact at the time of the call''s snapshot: the folded balance and what has arrived since; 0 for what was never '
    'recorded. Without a location the sum over all; an empty one is what was recorded without one. Reads only, takes no locks. Raises: NA002';

CREATE FUNCTION inventory.stock_at(p_shop_id uuid, p_variant_id uuid, p_location_id text, p_at timestamptz)
RETURNS bigint
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_from constant timestamptz := (SELECT r.kept_from FROM inventory_retention AS r);
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF (p_at >= v_from) IS NOT TRUE THEN
        RAISE EXCEPTION 'the ledger is kept from %', v_from USING ERRCODE = 'NI003';
    END IF;
    IF p_location_id IS NOT NULL THEN
        RETURN inventory._stock_at(p_shop_id, p_variant_id, p_location_id, p_at);
    END IF;
    RETURN coalesce((SELECT sum(inventory._stock_at(p_shop_id, p_variant_id, k.location_id, p_at))
                       FROM (SELECT b.location_id FROM inventory_balances AS b WHERE b.shop_id = p_shop_id AND b.variant_id = p_variant_id
                             UNION
                             SELECT a.location_id FROM inventory_arrivals AS a WHERE a.shop_id = p_shop_id AND a.variant_id = p_variant_id) AS k), 0);
END
$$;
COMMENT ON FUNCTION inventory.stock_at(uuid, uuid, text, timestamptz) IS
    'Units of a variant at a location (without one: at all) at a time, by business time: entries recorded up to then, whenever they arrived. '
    'Reads only, takes no locks. Raises: NA002, NI003 for a time before the months that are kept';

CREATE FUNCTION inventory.reconcile(p_shop_id uuid)
RETURNS TABLE (variant_id uuid, location_id text, balance bigint, recomputed bigint, difference bigint, problem text)
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
SET work_mem = '64MB'
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    RETURN QUERY
    WITH chain AS (
        SELECT l.variant_id, l.location_id, l.delta, l.position,
               l.previous_quantity IS DISTINCT FROM lag(l.new_quantity) OVER w AND lag(l.new_quantity) OVER w IS NOT NULL
               AND l.previous_quantity IS NOT NULL OR l.position <> lag(l.position, 1, l.position - 1) OVER w + 1 AS is_broken
          FROM inventory_ledger AS l
         WHERE l.shop_id = p_shop_id
        WINDOW w AS (PARTITION BY l.variant_id, l.location_id ORDER BY l.position)
    ), recomputed AS (
        SELECT c.variant_id, c.location_id, sum(c.delta)::bigint AS quantity, count(*) AS entries, bool_or(c.is_broken) AS is_broken
          FROM chain AS c
         GROUP BY c.variant_id, c.location_id
    ), compared AS (
        SELECT coalesce(b.variant_id, r.variant_id) AS variant_id, coalesce(b.location_id, r.location_id)::text AS location_id,
               coalesce(b.quantity, 0) AS balance, coalesce(b.opening_quantity, 0) + coalesce(r.quantity, 0) AS recomputed,
               coalesce(b.entries, 0) - coalesce(b.opening_entries, 0) - coalesce(r.entries, 0) AS missing, coalesce(r.is_broken, false) AS is_broken
          FROM (SELECT * FROM inventory_balances AS x WHERE x.shop_id = p_shop_id) AS b
          FULL JOIN recomputed AS r ON r.variant_id = b.variant_id AND r.location_id = b.location_id
    )
    SELECT c.variant_id, c.location_id, c.balance, c.recomputed, c.balance - c.recomputed,
           CASE WHEN c.missing <> 0 THEN format('%s entries too few', c.missing)
                WHEN c.balance <> c.recomputed THEN 'the entries sum to something else'
                ELSE 'the entries do not follow each other' END
      FROM compared AS c
     WHERE c.missing <> 0 OR c.balance <> c.recomputed OR c.is_broken;
END
$$;
COMMENT ON FUNCTION inventory.reconcile(uuid) IS
    'Recomputes every balance of a shop from its opening figures and the ledger, and returns what differs: quantities, missing entries, entries whose '
    'quantities do not follow from each other. No row is the good answer. Reads only, takes no locks. Raises: NA002';

CREATE FUNCTION inventory.fold_lag()
RETURNS TABLE (waiting bigint, oldest_seconds double precision)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(a.created_at)), 0)::double precision FROM inventory_arrivals AS a
$$;
COMMENT ON FUNCTION inventory.fold_lag() IS
    'How many arrivals wait for the fold, of all shops, and for how long the oldest has, seconds since its transaction began. '
    'Reads only, takes no locks. Raises: nothing';

GRANT EXECUTE ON FUNCTION inventory.fold(integer) TO neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION inventory.fold_lag() TO neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION inventory.available(uuid, uuid, text), inventory.stock_at(uuid, uuid, text, timestamptz)
    TO neanelu_tenant, neanelu_app, neanelu_webhooks, neanelu_worker, neanelu_operator;
GRANT EXECUTE ON FUNCTION inventory.reconcile(uuid) TO neanelu_tenant, neanelu_app, neanelu_worker, neanelu_operator;

COMMIT;
