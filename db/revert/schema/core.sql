-- Revert neanelu:schema/core from pg

BEGIN;

DO $path$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_db_role_setting AS s
             WHERE s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
               AND s.setrole = 0 AND 'search_path=neanelu, public, extensions' = ANY (s.setconfig))
     AND pg_catalog.pg_has_role(current_user, (SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database()), 'USAGE') THEN
    EXECUTE format('ALTER DATABASE %I RESET search_path', current_database());
  END IF;
END
$path$;

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
