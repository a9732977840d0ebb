-- Revert neanelu:functions/pim/products from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION pim.quality_overview();
DROP FUNCTION pim.set_product_value(uuid, text, jsonb, uuid, text);
DROP FUNCTION pim.restore_product(uuid, integer, uuid, text);
DROP FUNCTION pim.history(uuid);
DROP FUNCTION pim.show(uuid);
DROP FUNCTION pim.find(text);

COMMIT;
