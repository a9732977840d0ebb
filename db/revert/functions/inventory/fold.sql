-- Revert neanelu:functions/inventory/fold from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION inventory.fold_lag();
DROP FUNCTION inventory.reconcile(uuid);
DROP FUNCTION inventory.stock_at(uuid, uuid, text, timestamptz);
DROP FUNCTION inventory.available(uuid, uuid, text);
DROP FUNCTION inventory._stock_at(uuid, uuid, text, timestamptz);
DROP FUNCTION inventory.fold(integer);
DROP FUNCTION inventory._take_arrivals(integer);
DROP FUNCTION inventory._lock_fold(boolean);

COMMIT;
