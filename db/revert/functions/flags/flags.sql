-- Revert neanelu:functions/flags/flags from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION flags.delete_flag(text);
DROP FUNCTION flags.set_flag(text, boolean, boolean, integer, uuid[], uuid[], jsonb, text);
DROP FUNCTION flags._assert_conditions(jsonb);
DROP FUNCTION flags.enabled_for(uuid);
DROP FUNCTION flags.is_enabled(text, uuid);
DROP FUNCTION flags.explain(text, uuid);
DROP FUNCTION flags._decide(neanelu.feature_flags, neanelu.shops);
DROP FUNCTION flags._unmet(neanelu.shops, jsonb);
DROP FUNCTION flags._holds(text, jsonb, text, jsonb);
DROP FUNCTION flags._attribute(neanelu.shops, text);
DROP FUNCTION flags._bucket(text, uuid);

COMMIT;
