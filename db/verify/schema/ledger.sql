-- Verify neanelu:schema/ledger on pg

BEGIN;

SELECT id, shop_id, variant_id, sku, location_id, delta, reason, reference_type, reference_id, previous_quantity, new_quantity,
       cost_per_unit, recorded_at, created_at, position
  FROM neanelu.inventory_ledger WHERE false;
SELECT shop_id, variant_id, id, arrival_no, recorded_at, created_at, delta, location_id, sku, reason, reference_type, reference_id, cost_per_unit
  FROM neanelu.inventory_arrivals WHERE false;
SELECT shop_id, receipt, recorded_on FROM neanelu.inventory_receipts WHERE false;
SELECT shop_id, variant_id, location_id, quantity, entries, opening_quantity, opening_entries, last_updated_at, folded_at
  FROM neanelu.inventory_balances WHERE false;
SELECT shop_id, variant_id, location_id, as_of, available, counted_at FROM neanelu.inventory_counts WHERE false;
SELECT shop_id, line_gid, variant_id, location_id, units_sold, units_back, first_seen_at FROM neanelu.inventory_order_lines WHERE false;
SELECT shop_id, variant_id, location_id, quantity, last_updated_at FROM neanelu.inventory_current WHERE false;
SELECT id, is_folded FROM neanelu.inventory_entries WHERE false;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    IF NOT EXISTS (SELECT FROM partman.part_config AS f
                    WHERE f.parent_table = 'neanelu.inventory_ledger' AND f.partition_interval = '1 mon' AND f.retention IS NULL
                      AND f.premake >= 4 AND f.infinite_time_partitions AND NOT f.inherit_privileges) THEN
        RAISE EXCEPTION 'inventory_ledger is not kept in months that only inventory.drop_months drops';
    END IF;
    SELECT string_agg(e.name, ', ') INTO v_bad
      FROM (VALUES ('idx_ledger_variant'), ('idx_ledger_shop_sku'), ('idx_ledger_location'), ('idx_ledger_reference'), ('idx_ledger_reason'),
                   ('idx_arrivals_order'), ('idx_variants_inventory_item'), ('idx_order_lines_variant')) AS e (name)
     WHERE to_regclass('neanelu.' || e.name) IS NULL;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'indexes are missing: %', v_bad;
    END IF;
    IF (SELECT count(*) FROM neanelu.inventory_retention) <> 1 THEN
        RAISE EXCEPTION 'inventory_retention has not one row';
    END IF;
    SELECT string_agg(c.relname, ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c
     WHERE c.relname IN ('inventory_current', 'inventory_entries') AND c.relnamespace = 'neanelu'::regnamespace
       AND NOT coalesce(c.reloptions @> '{security_invoker=true}', false);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'views do not read with the rights of the caller: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
