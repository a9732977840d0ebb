-- Deploy neanelu:functions/inventory/record to pg
-- requires: policies/ledger
-- requires: functions/app/context
-- Changes of stock are written down: singly, in batches, as transfers. No writer waits for another, but for one that
-- records the same reference at the same moment.

BEGIN;

SET LOCAL search_path = neanelu, inventory, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION inventory._receipt(p_reference_type text, p_reference_id text, p_variant_id uuid, p_location_id text)
RETURNS uuid
LANGUAGE sql
STABLE
PARALLEL SAFE
RETURN pg_catalog.encode(pg_catalog.substr(pg_catalog.sha256(pg_catalog.convert_to(
    p_reference_type || E'\x1f' || p_reference_id || E'\x1f' || p_variant_id::pg_catalog.text || p_location_id, 'UTF8')), 1, 16),
    'hex')::pg_catalog.uuid;
COMMENT ON FUNCTION inventory._receipt(text, text, uuid, text) IS
    'By what an entry with a reference is known again: 128 bits of a SHA-256; NULL without a reference. Stable, as convert_to is, so that the planner inlines it. Reads nothing. Raises: nothing';

CREATE FUNCTION inventory._assert_kept(p_recorded_at timestamptz[])
RETURNS void
LANGUAGE plpgsql
STABLE
SET search_path = neanelu, pg_temp
AS $$
DECLARE
    v_from constant timestamptz := (SELECT r.kept_from FROM inventory_retention AS r);
    v_until constant timestamptz := now() + interval '1 day';
BEGIN
    IF EXISTS (SELECT FROM unnest(p_recorded_at) AS g (at) WHERE (g.at >= v_from AND g.at <= v_until) IS NOT TRUE) THEN
        RAISE EXCEPTION 'the ledger records what happened from % to %', v_from, v_until USING ERRCODE = 'NI003',
            HINT = 'What is older is in the opening figures of the balances; what is later has not happened.';
    END IF;
END
$$;
COMMENT ON FUNCTION inventory._assert_kept(timestamptz[]) IS
    'Refuses times that are missing, before the months of the ledger, or over a day ahead. Reads only, takes no locks. Raises: NI003';

CREATE FUNCTION inventory._admit(
    p_shop_id uuid, p_variant_id uuid, p_location_id text, p_reference_type text, p_reference_id text, p_recorded_at timestamptz)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SET search_path = neanelu, inventory, pg_temp
AS $$
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_recorded_at IS DISTINCT FROM now() THEN
        PERFORM inventory._assert_kept(ARRAY[p_recorded_at]);
    END IF;
    IF (p_reference_type IS NULL) <> (p_reference_id IS NULL) THEN
        RAISE EXCEPTION 'a reference has a type and an id, or neither' USING ERRCODE = 'NI009';
    ELSIF p_reference_id IS NOT NULL THEN
        INSERT INTO inventory_receipts (shop_id, receipt)
        VALUES (p_shop_id, inventory._receipt(p_reference_type, p_reference_id, p_variant_id, coalesce(p_location_id, '')))
        ON CONFLICT DO NOTHING;
        RETURN FOUND;
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION inventory._admit(uuid, uuid, text, text, text, timestamptz) IS
    'Whether one entry counts: the login may record for the shop, the time is within the ledger, and the reference, which is noted, is new. '
    'Locks: the receipt of the reference until the transaction ends. Raises: NA002, NI003, NI009';

CREATE FUNCTION inventory.record(
    p_shop_id uuid, p_variant_id uuid, p_location_id text, p_delta integer, p_reason text,
    p_reference_type text DEFAULT NULL, p_reference_id text DEFAULT NULL, p_recorded_at timestamptz DEFAULT now(),
    p_cost_per_unit numeric DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
BEGIN
    -- One expression and one statement: in a transaction of one entry each further one is set up for that entry alone. A login of the platform
    -- that records something of now without a reference needs nothing of what _admit looks at.
    IF p_shop_id IS NULL OR p_reference_type IS NOT NULL OR p_reference_id IS NOT NULL OR p_recorded_at IS DISTINCT FROM now()
       OR NOT pg_has_role(SESSION_USER, 'neanelu_platform', 'MEMBER') THEN
        IF NOT inventory._admit(p_shop_id, p_variant_id, p_location_id, p_reference_type, p_reference_id, p_recorded_at) THEN
            RETURN false;
        END IF;
    END IF;
    INSERT INTO inventory_arrivals
        (shop_id, variant_id, location_id, delta, reason, reference_type, reference_id, recorded_at, cost_per_unit, sku)
    SELECT p_shop_id, p_variant_id, coalesce(p_location_id, ''), p_delta, p_reason, p_reference_type, p_reference_id, p_recorded_at, p_cost_per_unit, v.sku
      FROM shopify_variants AS v WHERE v.shop_id = p_shop_id AND v.id = p_variant_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the shop has no variant %', p_variant_id USING ERRCODE = 'NI002';
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION inventory.record(uuid, uuid, text, integer, text, text, text, timestamptz, numeric) IS
    'Records one change of stock, by delta units; counts at once in inventory.available, reaches the ledger with the next fold. False: '
    'this reference has changed this variant at this location already; without a reference every call counts. Idempotent per reference. '
    'Locks: the receipt of the reference until the transaction ends; nothing of the variant. '
    'Raises: NA002, NI002 (no such variant), NI003 (time out of range), NI009 (half a reference), 23514 (no such reason or place, zero)';

CREATE FUNCTION inventory._take_receipts(
    p_shop_id uuid, p_variant_ids uuid[], p_location_ids text[], p_reference_types text[], p_reference_ids text[])
RETURNS uuid[]
LANGUAGE sql
VOLATILE
SET search_path = neanelu, inventory, pg_temp
AS $$
    WITH given AS (
        SELECT inventory._receipt(g.reference_type, g.reference_id, g.variant_id, coalesce(g.location, '')) AS receipt
          FROM unnest(p_variant_ids, p_location_ids, p_reference_types, p_reference_ids) AS g (variant_id, location, reference_type, reference_id)
    ), fresh AS (
        -- sorted: batches that share references wait for each other, but not in a circle
        INSERT INTO inventory_receipts (shop_id, receipt)
        SELECT p_shop_id, g.receipt FROM given AS g WHERE g.receipt IS NOT NULL ORDER BY g.receipt
        ON CONFLICT DO NOTHING
        RETURNING receipt
    )
    SELECT coalesce(array_agg(f.receipt), '{}') FROM fresh AS f
$$;
COMMENT ON FUNCTION inventory._take_receipts(uuid, uuid[], text[], text[], text[]) IS
    'Notes the references of a batch, and returns the receipts of those that were not noted before. Locks: the receipts, in one order. Raises: nothing';

CREATE FUNCTION inventory._fresh(
    p_shop_id uuid, p_variant_ids uuid[], p_location_ids text[], p_reference_types text[], p_reference_ids text[])
RETURNS boolean[]
LANGUAGE plpgsql
VOLATILE
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_receipts constant uuid[] := inventory._take_receipts(p_shop_id, p_variant_ids, p_location_ids, p_reference_types, p_reference_ids);
BEGIN
    IF cardinality(v_receipts) = cardinality(p_variant_ids) THEN
        RETURN NULL;
    END IF;
    RETURN ARRAY(
        SELECT r.receipt IS NULL OR r.receipt = ANY (v_receipts) AND row_number() OVER (PARTITION BY r.receipt ORDER BY r.no) = 1
          FROM (SELECT g.no, inventory._receipt(g.reference_type, g.reference_id, g.variant_id, coalesce(g.location, '')) AS receipt
                  FROM unnest(p_variant_ids, p_location_ids, p_reference_types, p_reference_ids)
                       WITH ORDINALITY AS g (variant_id, location, reference_type, reference_id, no)) AS r
         ORDER BY r.no);
END
$$;
COMMENT ON FUNCTION inventory._fresh(uuid, uuid[], text[], text[], text[]) IS
    'Notes the references of a batch and says of each entry whether it counts: it has no reference, or is the first with one that is new. NULL: all count. '
    'Locks: the receipts, in one order. Raises: nothing';

CREATE FUNCTION inventory.record_many(
    p_shop_id uuid, p_variant_ids uuid[], p_location_ids text[], p_deltas integer[], p_reasons text[],
    p_reference_types text[] DEFAULT NULL, p_reference_ids text[] DEFAULT NULL, p_recorded_at timestamptz[] DEFAULT NULL,
    p_costs_per_unit numeric[] DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_fresh boolean[];
    v_made  integer;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_recorded_at IS NOT NULL THEN
        PERFORM inventory._assert_kept(p_recorded_at);
    END IF;
    IF EXISTS (SELECT FROM unnest(p_reference_types, p_reference_ids) AS r (type, id) WHERE (r.type IS NULL) <> (r.id IS NULL)) THEN
        RAISE EXCEPTION 'a reference has a type and an id, or neither' USING ERRCODE = 'NI009';
    ELSIF p_reference_ids IS NOT NULL THEN
        v_fresh := inventory._fresh(p_shop_id, p_variant_ids, p_location_ids, p_reference_types, p_reference_ids);
    END IF;
    INSERT INTO inventory_arrivals
        (shop_id, variant_id, location_id, delta, reason, reference_type, reference_id, recorded_at, cost_per_unit, sku)
    SELECT p_shop_id, v.id, coalesce(g.location, ''), g.delta, g.reason, g.reference_type, g.reference_id,
           CASE WHEN p_recorded_at IS NULL THEN now() ELSE g.recorded_at END, g.cost, v.sku
      FROM unnest(p_variant_ids, p_location_ids, p_deltas, p_reasons, p_reference_types, p_reference_ids, p_recorded_at, p_costs_per_unit, v_fresh)
           AS g (variant_id, location, delta, reason, reference_type, reference_id, recorded_at, cost, is_fresh)
      JOIN shopify_variants AS v ON v.shop_id = p_shop_id AND v.id = g.variant_id
     WHERE v_fresh IS NULL OR g.is_fresh;
    GET DIAGNOSTICS v_made = ROW_COUNT;
    IF v_made < coalesce((SELECT count(*) FROM unnest(v_fresh) AS f (is_fresh) WHERE f.is_fresh), 0) OR v_fresh IS NULL AND v_made < cardinality(p_variant_ids) THEN
        RAISE EXCEPTION 'the shop does not have all of the variants' USING ERRCODE = 'NI002';
    END IF;
    RETURN v_made;
END
$$;
COMMENT ON FUNCTION inventory.record_many(uuid, uuid[], text[], integer[], text[], text[], text[], timestamptz[], numeric[]) IS
    'Records many changes of stock of one shop, all or nothing; arrays of equal length, those left out are empty (recorded_at: now). Returns how '
    'many were recorded: references that were recorded before, or come twice in the batch, count once. Idempotent per reference. '
    'Locks: the receipts, in one order. Raises: NA002, NI002, NI003, NI009, 23514, 23502';

CREATE FUNCTION inventory.record_many(p_shop_id uuid, p_entries jsonb)
RETURNS integer
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
    SELECT inventory.record_many(
             p_shop_id, coalesce(array_agg(e.variant_id), '{}'), array_agg(e.location_id), array_agg(e.delta), array_agg(e.reason),
             array_agg(e.reference_type), array_agg(e.reference_id), array_agg(coalesce(e.recorded_at, now())), array_agg(e.cost_per_unit))
      FROM jsonb_to_recordset(p_entries)
           AS e (variant_id uuid, location_id text, delta integer, reason text, reference_type text, reference_id text,
                 recorded_at timestamptz, cost_per_unit numeric)
$$;
COMMENT ON FUNCTION inventory.record_many(uuid, jsonb) IS
    'As the other, from a JSON array of objects with variant_id, location_id, delta, reason, reference_type, reference_id, recorded_at and '
    'cost_per_unit. Idempotent per reference. Raises: NA002, NI002, NI003, NI009, 23514, 22P02';

CREATE FUNCTION inventory.transfer(
    p_shop_id uuid, p_variant_id uuid, p_from_location_id text, p_to_location_id text, p_quantity integer,
    p_reference_id text DEFAULT NULL, p_recorded_at timestamptz DEFAULT now())
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_reference constant text := coalesce(p_reference_id, uuidv7()::text);
    v_made      integer;
BEGIN
    IF (p_quantity > 0 AND p_from_location_id <> p_to_location_id) IS NOT TRUE THEN
        RAISE EXCEPTION 'a transfer moves one or more units from one location to another' USING ERRCODE = 'NI004';
    END IF;
    v_made := inventory.record_many(
        p_shop_id, ARRAY[p_variant_id, p_variant_id], ARRAY[p_from_location_id, p_to_location_id], ARRAY[-p_quantity, p_quantity],
        ARRAY['TRANSFER', 'TRANSFER'], ARRAY['transfer', 'transfer'], ARRAY[v_reference, v_reference], ARRAY[p_recorded_at, p_recorded_at]);
    IF v_made = 1 THEN
        RAISE EXCEPTION 'reference % belongs to another transfer of this variant', v_reference USING ERRCODE = 'NI004';
    END IF;
    RETURN v_made = 2;
END
$$;
COMMENT ON FUNCTION inventory.transfer(uuid, uuid, text, text, integer, text, timestamptz) IS
    'Moves units between two locations: two entries that sum to zero, both or none. False: this reference was recorded already. Idempotent per '
    'reference; without one every call counts. Locks: as record_many. Raises: NA002, NI002, NI003, NI004 (no transfer, or another one''s reference)';

GRANT EXECUTE ON FUNCTION
    inventory.record(uuid, uuid, text, integer, text, text, text, timestamptz, numeric),
    inventory.record_many(uuid, uuid[], text[], integer[], text[], text[], text[], timestamptz[], numeric[]),
    inventory.record_many(uuid, jsonb),
    inventory.transfer(uuid, uuid, text, text, integer, text, timestamptz)
    TO neanelu_app, neanelu_webhooks, neanelu_worker, neanelu_operator;

COMMIT;
