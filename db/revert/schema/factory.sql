-- Revert neanelu:schema/factory from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TABLE neanelu.factory_products;
DROP TABLE neanelu.factory_sessions;

COMMIT;
