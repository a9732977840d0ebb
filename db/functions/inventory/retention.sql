-- Deploy neanelu:functions/inventory/retention to pg
-- requires: functions/inventory/levels
-- requires: functions/ops/partitions
-- The ledger is append only, to everybody. Old months go whole, and their sums stay; a shop that must be forgotten goes.

BEGIN;

SET LOCAL search_path = neanelu, inventory, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION inventory.tg_inventory_ledger__refuse()
RETURNS trigger
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = 'neanelu_engine' AND current_setting('inventory.erasing', true) = OLD.shop_id::text THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the stock ledger is append only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'NI001', HINT = 'Record a further entry. Old months go by inventory.drop_months.';
END
$$;
COMMENT ON FUNCTION inventory.tg_inventory_ledger__refuse() IS
    'Refuses UPDATE, DELETE and TRUNCATE of the ledger and its partitions, to the owner too; only inventory.erase_shop deletes, and only what is '
    'the shop''s. Writes nothing, takes no locks. Raises: NI001';
GRANT EXECUTE ON FUNCTION inventory.tg_inventory_ledger__refuse() TO neanelu_owner;

CREATE FUNCTION inventory.erase_shop(p_shop_id uuid)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
AS $$
DECLARE
    v_table text;
    v_rows  bigint;
    v_all   bigint := 0;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    PERFORM inventory._lock_fold(p_wait => true);
    EXECUTE format('SET LOCAL inventory.erasing = %L', p_shop_id);
    FOREACH v_table IN ARRAY ARRAY['inventory_arrivals', 'inventory_ledger', 'inventory_receipts', 'inventory_order_lines', 'inventory_counts',
                                   'inventory_balances'] LOOP
        EXECUTE format('DELETE FROM neanelu.%I AS t WHERE t.shop_id = $1', v_table) USING p_shop_id;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_all := v_all + v_rows;
    END LOOP;
    SET LOCAL inventory.erasing = '';
    RETURN v_all;
END
$$;
COMMENT ON FUNCTION inventory.erase_shop(uuid) IS
    'Deletes all that the ledger has of a shop: entries, balances, receipts. For shops that must be forgotten; before their variants are deleted. Returns how '
    'many rows. Idempotent. Locks: the fold, until the transaction ends; the rows. Raises: NA002';

CREATE FUNCTION inventory.close_months(p_before timestamptz)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, inventory, pg_temp
SET work_mem = '64MB'
AS $$
DECLARE
    v_entries bigint;
BEGIN
    PERFORM inventory._lock_fold(p_wait => true);
    UPDATE inventory_retention AS r SET kept_from = p_before WHERE r.kept_from < p_before;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    WITH closed AS (
        SELECT l.shop_id, l.variant_id, l.location_id, sum(l.delta) AS quantity, count(*) AS entries
          FROM inventory_ledger AS l
         WHERE l.recorded_at < p_before
         GROUP BY l.shop_id, l.variant_id, l.location_id
    ), opened AS (
        UPDATE inventory_balances AS b
           SET opening_quantity = b.opening_quantity + c.quantity, opening_entries = b.opening_entries + c.entries
          FROM closed AS c
         WHERE b.shop_id = c.shop_id AND b.variant_id = c.variant_id AND b.location_id = c.location_id
        RETURNING c.entries
    )
    SELECT coalesce(sum(o.entries), 0) INTO STRICT v_entries FROM opened AS o;
    DELETE FROM inventory_receipts AS r WHERE r.recorded_on < p_before::date;
    RETURN v_entries;
END
$$;
COMMENT ON FUNCTION inventory.close_months(timestamptz) IS
    'Puts the sum of all entries before a time into the opening figures of the balances and says that the ledger is kept from then; the entries themselves are dropped by '
    'inventory.drop_months, its only caller, in the same transaction. Returns how many entries. Idempotent. Locks: the fold, the balances. Raises: nothing of its own';
GRANT EXECUTE ON FUNCTION inventory.close_months(timestamptz) TO neanelu_owner;
GRANT EXECUTE ON FUNCTION inventory.erase_shop(uuid) TO neanelu_worker, neanelu_operator;

SET LOCAL ROLE neanelu_owner;

CREATE FUNCTION inventory.drop_months(p_keep interval DEFAULT '24 months')
RETURNS TABLE (partition_name text, entries bigint)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_months text[];
    v_before timestamptz;
    v_closed bigint;
BEGIN
    IF (p_keep >= interval '1 month') IS NOT TRUE THEN
        RAISE EXCEPTION 'the ledger is kept for a month or longer, not for %', p_keep USING ERRCODE = 'NI008';
    END IF;
    SELECT array_agg(c.relname ORDER BY b.until), max(b.until) INTO v_months, v_before
      FROM pg_inherits AS i
      JOIN pg_class AS c ON c.oid = i.inhrelid
     CROSS JOIN LATERAL (SELECT (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz) AS b (until)
     WHERE i.inhparent = 'neanelu.inventory_ledger'::regclass AND b.until <= now() - p_keep;
    IF v_months IS NULL THEN
        RETURN;
    END IF;
    v_closed := inventory.close_months(v_before);
    FOREACH partition_name IN ARRAY v_months LOOP
        EXECUTE format('DROP TABLE neanelu.%I', partition_name);
        entries := CASE WHEN partition_name = v_months[array_upper(v_months, 1)] THEN v_closed ELSE 0 END;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION inventory.drop_months(interval) IS
    'Drops the months of the ledger that ended longer ago than p_keep, with their sums put into the balances first, so that no stock changes. Returns the partitions; '
    'with the last one, how many entries they had together. Idempotent. Locks: the fold; the ledger exclusively, for the moment of the drop. Raises: NI008 for less than a month';
GRANT EXECUTE ON FUNCTION inventory.drop_months(interval) TO neanelu_operator, neanelu_engine;

CREATE TRIGGER tg_inventory_ledger__refuse BEFORE UPDATE OR DELETE ON neanelu.inventory_ledger
    FOR EACH ROW EXECUTE FUNCTION inventory.tg_inventory_ledger__refuse();
CREATE TRIGGER tg_inventory_ledger__refuse_truncate BEFORE TRUNCATE ON neanelu.inventory_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION inventory.tg_inventory_ledger__refuse();

DO $partitions$
BEGIN
    PERFORM ops._cover_partitions();
END
$partitions$;

COMMIT;
