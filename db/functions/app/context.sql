-- Deploy neanelu:functions/app/context to pg
-- requires: schema/core
-- Who asks, for which shop: the context that every policy and every audit row reads.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE app.tenant_logins (
    role_name   name        NOT NULL,
    shop_id     uuid        NOT NULL,
    bound_by    name        NOT NULL DEFAULT session_user,
    bound_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenant_logins_pkey PRIMARY KEY (role_name),
    CONSTRAINT tenant_logins_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT
);
CREATE INDEX idx_tenant_logins_shop ON app.tenant_logins (shop_id);

COMMENT ON TABLE app.tenant_logins IS
    'Which shop a tenant''s own login is bound to. Written by app.bind_tenant_login only; roles are found by name, '
    'so unbind a login before its role is dropped';
COMMENT ON COLUMN app.tenant_logins.role_name IS 'Login role, a member of neanelu_tenant';
COMMENT ON COLUMN app.tenant_logins.shop_id IS 'The one shop that this login sees, whatever its parameters say';
COMMENT ON COLUMN app.tenant_logins.bound_by IS 'Login that bound it (session_user)';
COMMENT ON COLUMN app.tenant_logins.bound_at IS 'When it was bound';

ALTER TABLE app.tenant_logins ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.tenant_logins FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_logins_tenant_select ON app.tenant_logins FOR SELECT TO neanelu_tenant USING (role_name = session_user);
CREATE POLICY tenant_logins_operator_select ON app.tenant_logins FOR SELECT TO neanelu_operator USING (true);
CREATE POLICY tenant_logins_engine_all ON app.tenant_logins FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
GRANT SELECT ON app.tenant_logins TO neanelu_tenant, neanelu_operator;
GRANT SELECT, INSERT, DELETE ON app.tenant_logins TO neanelu_engine;
-- The engine asks whether a shop exists (set_context, bind_tenant_login); policies/grants gives it the rest.
GRANT SELECT ON neanelu.shops TO neanelu_engine;

SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION app.fail(p_sqlstate text, p_message text, p_detail text DEFAULT NULL, p_hint text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
VOLATILE
PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = p_sqlstate,
        MESSAGE = p_message,
        DETAIL = coalesce(p_detail, ''),
        HINT = coalesce(p_hint, '');
END
$body$;
COMMENT ON FUNCTION app.fail(text, text, text, text) IS
    'Raises the error with the given SQLSTATE (registry: docs/errors.md); for use where a statement cannot RAISE. '
    'Writes nothing, takes no locks. Raises: p_sqlstate';

-- lint: allow search-path because policies call it and a SET clause costs on every call; all names are qualified
CREATE FUNCTION app._bound_shop_id()
RETURNS uuid
LANGUAGE plpgsql
STABLE
PARALLEL SAFE
AS $body$
BEGIN
    -- No SET clause, as this runs inside policies: every name is qualified instead.
    RETURN (SELECT t.shop_id FROM app.tenant_logins AS t WHERE t.role_name OPERATOR(pg_catalog.=) SESSION_USER);
END
$body$;
COMMENT ON FUNCTION app._bound_shop_id() IS
    'The shop that the session''s login is bound to, or NULL. Reads app.tenant_logins, where a policy shows a tenant its own row. '
    'Writes nothing, takes no locks. Raises: nothing of its own';

-- lint: allow search-path because policies call it and a SET clause costs on every row; all names are qualified
CREATE FUNCTION app.current_shop_id()
RETURNS uuid
LANGUAGE plpgsql
STABLE
PARALLEL SAFE
COST 200
AS $body$
DECLARE
    v_shop text;
BEGIN
    -- Runs once per index scan but once per row in a sequential scan: no SET clause and no query on the platform's path.
    -- session_user and not current_user, so that neither SET ROLE nor a SECURITY DEFINER function changes who asks.
    IF pg_catalog.pg_has_role(SESSION_USER, 'neanelu_platform', 'MEMBER') THEN
        v_shop := pg_catalog.current_setting('app.current_shop_id', true);
        IF pg_catalog.pg_input_is_valid(v_shop, 'uuid') THEN
            RETURN v_shop::pg_catalog.uuid;
        END IF;
        RETURN NULL;
    END IF;
    IF pg_catalog.pg_has_role(SESSION_USER, 'neanelu_tenant', 'MEMBER') THEN
        RETURN app._bound_shop_id();
    END IF;
    RETURN NULL;
END
$body$;
COMMENT ON FUNCTION app.current_shop_id() IS
    'The shop of this session''s rows, used by every tenant policy. A member of neanelu_platform gets the parameter app.current_shop_id; '
    'a tenant''s login gets the shop it is bound to whatever the parameter says; others get NULL, and NULL means no rows. '
    'Missing, empty and malformed parameters are NULL, never an error. Writes nothing, takes no locks. Raises: nothing';

-- lint: allow search-path because a SET clause costs more than the body; all names are qualified
CREATE FUNCTION app.current_user_id()
RETURNS uuid
LANGUAGE plpgsql
STABLE
PARALLEL SAFE
AS $body$
DECLARE
    v_user constant text := pg_catalog.current_setting('app.current_user_id', true);
BEGIN
    IF pg_catalog.pg_input_is_valid(v_user, 'uuid') THEN
        RETURN v_user::pg_catalog.uuid;
    END IF;
    RETURN NULL;
END
$body$;
COMMENT ON FUNCTION app.current_user_id() IS
    'The staff user that the caller says it works for (parameter app.current_user_id), or NULL. A statement by the caller, '
    'good for audit rows beside session_user, not for deciding rights. Writes nothing, takes no locks. Raises: nothing';

CREATE FUNCTION app.trace_id()
RETURNS text
LANGUAGE sql
STABLE
PARALLEL SAFE
RETURN nullif(pg_catalog.current_setting('app.trace_id', true), '');
COMMENT ON FUNCTION app.trace_id() IS
    'The caller''s trace id (parameter app.trace_id), or NULL. Writes nothing, takes no locks. Raises: nothing';

-- lint: allow search-path because a SET clause costs more than the body; all names are qualified
CREATE FUNCTION app.now()
RETURNS timestamptz
LANGUAGE plpgsql
STABLE
PARALLEL SAFE
AS $body$
DECLARE
    v_now constant text := pg_catalog.current_setting('app.now', true);
BEGIN
    IF v_now <> '' AND pg_catalog.pg_has_role(SESSION_USER, 'neanelu_owner', 'MEMBER') THEN
        RETURN v_now::pg_catalog.timestamptz;
    END IF;
    RETURN pg_catalog.transaction_timestamp();
END
$body$;
COMMENT ON FUNCTION app.now() IS
    'The transaction''s time, or the parameter app.now when the session''s login is a superuser or a member of neanelu_owner, '
    'so that tests can set the clock (SET LOCAL app.now = ''2026-01-31 23:59Z'') and no daemon or tenant can. '
    'Writes nothing, takes no locks. Raises: 22007 for a clock that is no time';

-- lint: allow search-path because a SET clause costs more than the body; all names are qualified
CREATE FUNCTION app.assert_shop_access(p_shop_id uuid)
RETURNS void
LANGUAGE plpgsql
STABLE
PARALLEL SAFE
AS $body$
BEGIN
    IF p_shop_id IS NOT NULL
       AND (pg_catalog.pg_has_role(SESSION_USER, 'neanelu_platform', 'MEMBER')
            OR pg_catalog.pg_has_role(SESSION_USER, 'neanelu_operator', 'MEMBER')
            OR p_shop_id OPERATOR(pg_catalog.=) app.current_shop_id()) THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'login % may not work for shop %', SESSION_USER, coalesce(p_shop_id::text, 'NULL')
        USING ERRCODE = 'NA002', HINT = 'Services are members of neanelu_platform; a tenant''s login is bound by app.bind_tenant_login.';
END
$body$;
COMMENT ON FUNCTION app.assert_shop_access(uuid) IS
    'The first line of SECURITY DEFINER functions that take a shop: returns when the session''s login is a member of neanelu_platform '
    'or neanelu_operator, or bound to that shop; what an operator may do with a shop is up to the EXECUTE it has. Does not look whether the shop exists. Writes nothing, takes no locks. '
    'Raises: NA002 when the login may not work for the shop, or the shop is NULL';

CREATE FUNCTION app.set_context(p_shop_id uuid, p_user_id uuid DEFAULT NULL, p_trace_id text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF NOT pg_has_role(SESSION_USER, 'neanelu_platform', 'MEMBER')
       AND p_shop_id IS DISTINCT FROM app.current_shop_id() THEN
        RAISE EXCEPTION 'login % may not choose a shop', SESSION_USER
            USING ERRCODE = 'NA001', HINT = 'Only members of neanelu_platform choose; a tenant''s login is bound to its shop.';
    END IF;
    IF p_shop_id IS NOT NULL AND NOT EXISTS (SELECT FROM neanelu.shops AS s WHERE s.id = p_shop_id) THEN
        RAISE EXCEPTION 'shop % does not exist', p_shop_id USING ERRCODE = 'NA003';
    END IF;
    -- Executed SET LOCAL and not set_config(): only this reaches the workers of a distributed cluster.
    EXECUTE format('SET LOCAL app.current_shop_id = %L', coalesce(p_shop_id::text, ''));
    EXECUTE format('SET LOCAL app.current_user_id = %L', coalesce(p_user_id::text, ''));
    EXECUTE format('SET LOCAL app.trace_id = %L', coalesce(left(p_trace_id, 100), ''));
END
$body$;
COMMENT ON FUNCTION app.set_context(uuid, uuid, text) IS
    'Sets shop, user and trace for the rest of the transaction (SET LOCAL); what is not given is emptied, and a NULL shop means no rows. '
    'A tenant''s login may name its own shop only. Idempotent, takes no locks. '
    'Raises: NA001 when the login may not choose a shop, NA003 when the shop does not exist';

CREATE FUNCTION app.bind_tenant_login(p_role name, p_shop_id uuid)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    v_bound uuid;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles AS r
                    WHERE r.rolname = p_role AND r.rolcanlogin AND NOT r.rolsuper AND NOT r.rolbypassrls AND NOT r.rolcreaterole)
       OR NOT pg_has_role(p_role, 'neanelu_tenant', 'MEMBER')
       OR EXISTS (SELECT FROM pg_roles AS r
                   WHERE r.rolname IN ('neanelu_platform', 'neanelu_owner', 'neanelu_engine', 'neanelu_analyst', 'neanelu_pim_editor',
                                       'neanelu_auditor', 'neanelu_operator', 'neanelu_sync', 'neanelu_webhooks', 'neanelu_app',
                                       'neanelu_worker')
                     AND pg_has_role(p_role, r.oid, 'MEMBER')) THEN
        RAISE EXCEPTION 'role % is not a plain tenant login', p_role
            USING ERRCODE = 'NA004', HINT = format('CREATE ROLE %I LOGIN IN ROLE neanelu_tenant; and no other membership.', p_role);
    END IF;
    IF NOT EXISTS (SELECT FROM neanelu.shops AS s WHERE s.id = p_shop_id) THEN
        RAISE EXCEPTION 'shop % does not exist', coalesce(p_shop_id::text, 'NULL') USING ERRCODE = 'NA003';
    END IF;
    INSERT INTO app.tenant_logins (role_name, shop_id) VALUES (p_role, p_shop_id) ON CONFLICT (role_name) DO NOTHING;
    SELECT t.shop_id INTO STRICT v_bound FROM app.tenant_logins AS t WHERE t.role_name = p_role;
    IF v_bound <> p_shop_id THEN
        RAISE EXCEPTION 'role % is bound to another shop', p_role
            USING ERRCODE = 'NA005', HINT = 'app.unbind_tenant_login first.';
    END IF;
END
$body$;
COMMENT ON FUNCTION app.bind_tenant_login(name, uuid) IS
    'Binds a tenant''s login to its shop; for operators. The role itself is made by an administrator (CREATE ROLE … LOGIN IN ROLE neanelu_tenant). '
    'Idempotent for the same pair. Locks the binding''s row. '
    'Raises: NA003 unknown shop, NA004 role is missing, privileged or no member of neanelu_tenant, NA005 bound to another shop';

CREATE FUNCTION app.unbind_tenant_login(p_role name)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    DELETE FROM app.tenant_logins AS t WHERE t.role_name = p_role;
    RETURN FOUND;
END
$body$;
COMMENT ON FUNCTION app.unbind_tenant_login(name) IS
    'Ends a binding; from the next statement on, the login sees no rows. For operators. Returns whether there was one. '
    'Idempotent. Locks the binding''s row. Raises: nothing';

GRANT EXECUTE ON FUNCTION
    app.current_shop_id(), app._bound_shop_id(), app.current_user_id(), app.trace_id(), app.now(), app.assert_shop_access(uuid),
    app.set_context(uuid, uuid, text), app.fail(text, text, text, text)
    TO neanelu_owner, neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_auditor, neanelu_operator;
GRANT EXECUTE ON FUNCTION app.bind_tenant_login(name, uuid), app.unbind_tenant_login(name) TO neanelu_operator;

COMMIT;
