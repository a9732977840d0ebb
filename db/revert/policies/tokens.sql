-- Revert neanelu:policies/tokens from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
REVOKE ALL ON neanelu.shop_tokens FROM neanelu_engine;
DROP POLICY shop_tokens_engine_all ON neanelu.shop_tokens;
ALTER TABLE neanelu.shop_tokens NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shop_tokens DISABLE ROW LEVEL SECURITY;

COMMIT;
