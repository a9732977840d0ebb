-- Revert neanelu:schema/ledger from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP INDEX neanelu.idx_variants_inventory_item;
DROP VIEW neanelu.inventory_entries;
DROP VIEW neanelu.inventory_current;
DROP TABLE neanelu.inventory_retention;
DROP TABLE neanelu.inventory_order_lines;
DROP TABLE neanelu.inventory_counts;
DROP TABLE neanelu.inventory_balances;
DROP TABLE neanelu.inventory_receipts;
DROP TABLE neanelu.inventory_arrivals;
DROP DOMAIN neanelu.inventory_cost;
DROP DOMAIN neanelu.inventory_place;
DROP DOMAIN neanelu.inventory_reason;
DROP DOMAIN neanelu.inventory_delta;
DROP TABLE neanelu.inventory_ledger;
DROP TABLE partman.template_neanelu_inventory_ledger;
DELETE FROM partman.part_config WHERE parent_table = 'neanelu.inventory_ledger';

COMMIT;
