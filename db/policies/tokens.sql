-- Deploy neanelu:policies/tokens to pg
-- requires: schema/tokens
-- requires: policies/grants
-- Refresh tokens and key rotations: the engine only.

BEGIN;

SET LOCAL ROLE neanelu_owner;

ALTER TABLE neanelu.shop_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.shop_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY shop_tokens_engine_all ON neanelu.shop_tokens FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON neanelu.shop_tokens TO neanelu_engine;

COMMIT;
