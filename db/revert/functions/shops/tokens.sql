-- Revert neanelu:functions/shops/tokens from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION shops.token_metrics();
DROP FUNCTION shops.token_report(uuid);
DROP FUNCTION shops.fail_token_refresh(uuid, uuid, text, text, boolean, boolean);
DROP FUNCTION shops.store_tokens(uuid, uuid, bytea, bytea, bytea, integer, bytea, interval, interval, text[]);
DROP FUNCTION shops.begin_token_refresh(uuid, text, interval, interval, uuid, boolean);
DROP FUNCTION shops._token(uuid, boolean);
DROP FUNCTION shops._pause(integer);

COMMIT;
