-- Revert neanelu:schema/tokens from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TABLE neanelu.shop_tokens;

COMMIT;
