-- Revert neanelu:functions/inventory/retention from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DO $partitions$
DECLARE
    v_name regclass;
BEGIN
    FOR v_name IN SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = 'neanelu.inventory_ledger'::regclass LOOP
        EXECUTE format('DROP TRIGGER tg_inventory_ledger__refuse_truncate ON %s', v_name);
    END LOOP;
END
$partitions$;
DROP TRIGGER tg_inventory_ledger__refuse_truncate ON neanelu.inventory_ledger;
DROP TRIGGER tg_inventory_ledger__refuse ON neanelu.inventory_ledger;
DROP FUNCTION inventory.drop_months(interval);

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION inventory.close_months(timestamptz);
DROP FUNCTION inventory.erase_shop(uuid);
DROP FUNCTION inventory.tg_inventory_ledger__refuse();

COMMIT;
