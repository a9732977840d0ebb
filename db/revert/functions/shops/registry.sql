-- Revert neanelu:functions/shops/registry from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION shops.uninstall(uuid);
DROP FUNCTION shops.credentials(uuid);
DROP FUNCTION shops.register(uuid, text, bytea, bytea, bytea, integer, text[], text, text, text, bytea, bigint, text);
DROP FUNCTION shops._assert_timezone(text);
DROP FUNCTION shops.reserve_id(text, bigint);
DROP FUNCTION shops.find(text);
DROP FUNCTION shops.list(boolean);
DROP FUNCTION shops._public(neanelu.shops);
DROP TYPE shops.shop;

COMMIT;
