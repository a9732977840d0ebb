-- Revert neanelu:policies/roles from pg
-- A role stays when another database of the cluster still depends on it.

BEGIN;

SET LOCAL ROLE neanelu_owner;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
SET LOCAL ROLE neanelu_engine;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
RESET ROLE;

DO $database$
BEGIN
    IF NOT pg_catalog.pg_has_role(current_user, (SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database()), 'USAGE') THEN
        RETURN;
    END IF;
    EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM neanelu_platform, neanelu_tenant, neanelu_analyst, '
                   'neanelu_pim_editor, neanelu_auditor, neanelu_operator, neanelu_harvester', current_database());
    EXECUTE format('REVOKE CONNECT, TEMPORARY, CREATE ON DATABASE %I FROM neanelu_owner', current_database());
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM neanelu_engine', current_database());
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
    GRANT USAGE ON SCHEMA public TO PUBLIC;
END
$database$;

DO $roles$
DECLARE
    v_role name;
BEGIN
    FOREACH v_role IN ARRAY ARRAY['neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_harvester', 'neanelu_ai', 'neanelu_analyst',
                                  'neanelu_pim_editor', 'neanelu_auditor', 'neanelu_operator', 'neanelu_tenant',
                                  'neanelu_platform', 'neanelu_engine', 'neanelu_owner']::name[] LOOP
        IF EXISTS (SELECT FROM pg_catalog.pg_shdepend AS d
                    WHERE d.refclassid = 'pg_authid'::regclass
                      AND d.refobjid = (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = v_role)
                      -- pg_auth_members is the roles' own: it goes with them; so does the parameter, where we may take it away
                      AND d.classid <> 'pg_auth_members'::regclass
                      AND (d.classid <> 'pg_parameter_acl'::regclass OR current_setting('is_superuser') = 'off')) THEN
            RAISE NOTICE 'role % is kept: other databases of this cluster depend on it', v_role;
        ELSIF EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m
                        JOIN pg_catalog.pg_roles AS r ON r.oid = m.member
                       WHERE m.roleid = v_role::text::regrole
                         AND r.rolname NOT LIKE 'neanelu\_%' AND r.rolname <> current_user) THEN
            RAISE NOTICE 'role % is kept: it still has members', v_role;
        ELSE
            IF v_role = 'neanelu_engine' AND current_setting('is_superuser') = 'on' THEN
                REVOKE SET ON PARAMETER session_replication_role FROM neanelu_engine;
            END IF;
            EXECUTE format('DROP ROLE %I', v_role);
        END IF;
    END LOOP;
END
$roles$;

COMMIT;
