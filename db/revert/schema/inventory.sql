-- Revert neanelu:schema/inventory from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.inventory_levels;
DROP TABLE neanelu.inventory_locations;

COMMIT;
