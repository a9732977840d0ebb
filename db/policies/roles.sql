-- Deploy neanelu:policies/roles to pg
-- Roles are shared by all databases of a cluster, so each is created only when it is missing, and a second database
-- deployed beside the first finds them as they should be. Nobody here is a superuser, bypasses row level security
-- or creates roles; logins have no password until an administrator sets one.

BEGIN;

DO $roles$
DECLARE
    v_role record;
BEGIN
    FOR v_role IN
        SELECT r.name, r.can_login, r.comment
          FROM (VALUES
            ('neanelu_owner',      false, 'Neanelu: owns schemas, tables and types. Nobody logs in as it'),
            ('neanelu_engine',     false, 'Neanelu: owns the SECURITY DEFINER functions that work on tables. Nobody logs in as it'),
            ('neanelu_platform',   false, 'Neanelu group: services that may choose the shop they work for'),
            ('neanelu_tenant',     false, 'Neanelu group: logins that are bound to one shop each (app.tenant_logins)'),
            ('neanelu_sync',       true,  'Neanelu daemon: bulk synchronisation'),
            ('neanelu_webhooks',   true,  'Neanelu daemon: receives webhooks'),
            ('neanelu_app',        true,  'Neanelu service that faces tenants and reads with a shop context'),
            ('neanelu_worker',     true,  'Neanelu daemon: background jobs and maintenance'),
            ('neanelu_harvester',  true,  'Neanelu daemon: fetches pages and imports feeds of suppliers; sees no shop'),
            ('neanelu_ai',         true,  'Neanelu daemon: calls models'),
            ('neanelu_analyst',    true,  'Neanelu: reads catalogue and order figures of all shops, no personal data'),
            ('neanelu_pim_editor', true,  'Neanelu: edits product information through functions'),
            ('neanelu_auditor',    true,  'Neanelu: reads the audit log of all shops'),
            ('neanelu_operator',   true,  'Neanelu: operates the system through functions: logins, partitions, runs')
          ) AS r (name, can_login, comment)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = v_role.name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I %s', v_role.name,
                               CASE WHEN v_role.can_login THEN 'LOGIN' ELSE 'NOLOGIN' END);
                EXECUTE format('COMMENT ON ROLE %I IS %L', v_role.name, v_role.comment);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- a deploy into another database of this cluster was quicker
            END;
        END IF;
    END LOOP;
END
$roles$;

-- Memberships. A membership that exists is left alone: granting again would need the ADMIN option.
DO $memberships$
DECLARE
    v_login name;
BEGIN
    FOREACH v_login IN ARRAY ARRAY['neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_ai']::name[] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m
                        WHERE m.roleid = 'neanelu_platform'::regrole AND m.member = v_login::text::regrole) THEN
            EXECUTE format('GRANT neanelu_platform TO %I', v_login);
        END IF;
    END LOOP;
    -- The role that deploys makes things as the owner or the engine when a script says so. Verify scripts look at what the
    -- owner has without more ado; the engine, who passes every policy, it is only when it says so.
    IF NOT pg_catalog.pg_has_role(current_user, 'neanelu_owner', 'SET') THEN
        GRANT neanelu_owner TO CURRENT_USER WITH SET TRUE, INHERIT TRUE;
    END IF;
    IF NOT pg_catalog.pg_has_role(current_user, 'neanelu_engine', 'SET') THEN
        GRANT neanelu_engine TO CURRENT_USER WITH SET TRUE, INHERIT FALSE;
    END IF;
END
$memberships$;

-- The one parameter that is not everybody's: with it the very first load of a resource asks once whether its shop is there instead of in
-- every row (docs/decisions/0014). Only a superuser can give it; without it the load takes longer, and nothing else differs.
DO $parameter$
BEGIN
    IF current_setting('is_superuser') = 'on' AND NOT pg_catalog.has_parameter_privilege('neanelu_engine', 'session_replication_role', 'SET') THEN
        GRANT SET ON PARAMETER session_replication_role TO neanelu_engine;
    END IF;
EXCEPTION WHEN unique_violation THEN
    NULL;  -- a deploy into another database of this cluster was quicker
END
$parameter$;

-- Nothing to PUBLIC. Rights on the database itself are granted by name.
DO $database$
DECLARE
    v_logins constant text := 'neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_auditor, neanelu_operator, neanelu_harvester';
BEGIN
    IF NOT pg_catalog.pg_has_role(current_user, (SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database()), 'USAGE') THEN
        RAISE WARNING 'the role % does not own the database %: PUBLIC keeps CONNECT and TEMPORARY on it, and what it has on schema public',
            current_user, current_database()
            USING HINT = 'The owner of the database should run: REVOKE CONNECT, TEMPORARY ON DATABASE … FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC;';
        RETURN;
    END IF;
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %s', current_database(), v_logins);
    EXECUTE format('GRANT CONNECT, TEMPORARY, CREATE ON DATABASE %I TO neanelu_owner', current_database());
    -- REFRESH MATERIALIZED VIEW CONCURRENTLY compares through a temporary table, as the view's owner.
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO neanelu_engine', current_database());
END
$database$;

-- Functions are for whom they are granted to, in every schema and for every function made from now on.
SET LOCAL ROLE neanelu_owner;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
SET LOCAL ROLE neanelu_engine;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
RESET ROLE;

COMMIT;
