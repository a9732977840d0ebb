-- Verify neanelu:policies/tenancy on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Every table of a shop, and every partition of one, has forced row level security.
    SELECT string_agg(c.oid::regclass::text, ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c
     WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT (c.relrowsecurity AND (c.relforcerowsecurity))
       AND (c.relname IN ('shops', 'oauth_states', 'oauth_nonces', 'system_config')
            OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                        WHERE a.attrelid = c.oid AND a.attname = 'shop_id' AND NOT a.attisdropped));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'tables of shops without forced row level security: %', v_bad;
    END IF;

    -- Tenants pass through one expression only, and read only.
    SELECT string_agg(format('%s on %s', p.polname, p.polrelid::regclass), ', ') INTO v_bad
      FROM pg_catalog.pg_policy AS p
      JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
     WHERE c.relnamespace = 'neanelu'::regnamespace
       AND (0 = ANY (p.polroles) OR 'neanelu_tenant'::regrole = ANY (p.polroles) OR 'neanelu_platform'::regrole = ANY (p.polroles))
       AND (0 = ANY (p.polroles) OR p.polcmd <> 'r' OR NOT p.polpermissive
            OR pg_catalog.pg_get_expr(p.polqual, p.polrelid) NOT IN ('(shop_id = app.current_shop_id())', '(shop_id = current_shop_id())'));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'policies that let tenants do more than read their shop: %', v_bad;
    END IF;

    -- Nobody sees what is the engine's alone.
    SELECT string_agg(format('%s on %s', p.polname, p.polrelid::regclass), ', ') INTO v_bad
      FROM pg_catalog.pg_policy AS p
      JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid
     WHERE c.relnamespace = 'neanelu'::regnamespace AND p.polroles <> ARRAY['neanelu_engine'::regrole::oid]
       AND NOT (c.relispartition AND p.polroles = ARRAY['neanelu_owner'::regrole::oid])
       AND (c.relname IN ('app_sessions', 'oauth_states', 'oauth_nonces', 'webhook_receipts', 'bulk_error_chunks', 'sync_digests')
            OR c.relname LIKE 'staging\_%' OR c.relispartition);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'policies on tables that only the engine reads: %', v_bad;
    END IF;

    IF (SELECT c.relowner FROM pg_catalog.pg_class AS c WHERE c.oid = 'neanelu.current_shop'::regclass) <> 'neanelu_engine'::regrole
       OR EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                   WHERE a.attrelid = 'neanelu.current_shop'::regclass AND a.attname ~ 'token|secret|key_version') THEN
        RAISE EXCEPTION 'neanelu.current_shop has a wrong owner or shows secrets';
    END IF;
    IF has_schema_privilege('neanelu_engine', 'neanelu', 'CREATE') THEN
        RAISE EXCEPTION 'neanelu_engine kept CREATE on schema neanelu';
    END IF;
END
$verify$;

ROLLBACK;
