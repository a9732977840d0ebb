-- Verify neanelu:policies/roles on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
    v_owned boolean := pg_catalog.pg_has_role(current_user,
        (SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database()), 'USAGE');
BEGIN
    SELECT string_agg(e.name, ', ') INTO v_bad
      FROM (VALUES ('neanelu_owner', false), ('neanelu_engine', false), ('neanelu_platform', false), ('neanelu_tenant', false),
                   ('neanelu_sync', true), ('neanelu_webhooks', true), ('neanelu_app', true), ('neanelu_worker', true), ('neanelu_harvester', true), ('neanelu_ai', true),
                   ('neanelu_analyst', true), ('neanelu_pim_editor', true), ('neanelu_auditor', true), ('neanelu_operator', true)
           ) AS e (name, can_login)
      LEFT JOIN pg_catalog.pg_roles AS r ON r.rolname = e.name
     WHERE r.oid IS NULL OR r.rolcanlogin <> e.can_login
        OR r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'roles missing or with more rights than they should have: %', v_bad;
    END IF;

    SELECT string_agg(l.name, ', ') INTO v_bad
      FROM unnest(ARRAY['neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_ai']) AS l (name)
     WHERE NOT pg_catalog.pg_has_role(l.name, 'neanelu_platform', 'USAGE');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'not a member of neanelu_platform: %', v_bad;
    END IF;

    SELECT string_agg(l.name || ' in ' || g.name, ', ') INTO v_bad
      FROM unnest(ARRAY['neanelu_platform', 'neanelu_tenant', 'neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_harvester', 'neanelu_ai',
                        'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor', 'neanelu_operator']) AS l (name)
     CROSS JOIN unnest(ARRAY['neanelu_owner', 'neanelu_engine', 'neanelu_platform', 'neanelu_tenant']) AS g (name)
     WHERE l.name <> g.name AND pg_catalog.pg_has_role(l.name, g.name, 'MEMBER')
       AND NOT (g.name = 'neanelu_platform' AND l.name IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_ai'));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'memberships that must not be: %', v_bad;
    END IF;

    IF v_owned AND EXISTS (SELECT FROM pg_catalog.pg_namespace AS n, pg_catalog.aclexplode(n.nspacl) AS a
                            WHERE n.nspname = 'public' AND a.grantee = 0) THEN
        RAISE EXCEPTION 'PUBLIC still has rights on schema public';
    END IF;

    SELECT string_agg(r.name, ', ') INTO v_bad
      FROM unnest(ARRAY['neanelu_owner', 'neanelu_engine']) AS r (name)
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_default_acl AS d
                        WHERE d.defaclrole = r.name::regrole AND d.defaclnamespace = 0 AND d.defaclobjtype = 'f'
                          AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(d.defaclacl) AS a WHERE a.grantee = 0));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'functions made by % would be executable by PUBLIC', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
