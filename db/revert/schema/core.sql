-- Revert neanelu:schema/core from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.migration_history;
DROP TABLE neanelu.system_config;
DROP TABLE neanelu.feature_flags;
DROP TABLE neanelu.key_rotations;
DROP TABLE neanelu.oauth_nonces;
DROP TABLE neanelu.oauth_states;
DROP TABLE neanelu.app_sessions;
DROP TABLE neanelu.staff_users;
DROP TABLE neanelu.shops;

COMMIT;
