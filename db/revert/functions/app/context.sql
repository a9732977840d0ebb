-- Revert neanelu:functions/app/context from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION app.unbind_tenant_login(name);
DROP FUNCTION app.bind_tenant_login(name, uuid);
DROP FUNCTION app.set_context(uuid, uuid, text);
DROP FUNCTION app.assert_shop_access(uuid);
DROP FUNCTION app.now();
DROP FUNCTION app.trace_id();
DROP FUNCTION app.current_user_id();
DROP FUNCTION app.current_shop_id();
DROP FUNCTION app._bound_shop_id();
DROP FUNCTION app.fail(text, text, text, text);
SET LOCAL ROLE neanelu_owner;
REVOKE SELECT ON neanelu.shops FROM neanelu_engine;
DROP TABLE app.tenant_logins;

COMMIT;
