-- Revert neanelu:functions/inventory/report from pg

BEGIN;
SET LOCAL ROLE neanelu_engine;

DROP FUNCTION inventory.history(uuid, uuid, text, integer);
DROP FUNCTION inventory.show(uuid, uuid);
DROP FUNCTION inventory.find_variants(uuid, text);

COMMIT;
