-- Revert neanelu:functions/inventory/orders from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION inventory.record_order(uuid, uuid);
DROP FUNCTION inventory.record_orders(uuid, uuid[]);
DROP FUNCTION inventory._grow_order_lines(uuid, uuid[]);
DROP FUNCTION inventory._order_lines(uuid, uuid[]);
DROP FUNCTION inventory._likely_location(uuid, text);

COMMIT;
