-- Verify neanelu:schema/ground on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(e.name, ', ') INTO v_bad
      FROM (VALUES ('vector', 'extensions'), ('pg_trgm', 'extensions'), ('citext', 'extensions'), ('btree_gin', 'extensions'),
                   ('btree_gist', 'extensions'), ('pgcrypto', 'extensions'), ('unaccent', 'extensions'),
                   ('pg_stat_statements', NULL), ('pg_partman', 'partman'), ('pgmq', 'pgmq')) AS e (name, schema)
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS x
                        WHERE x.extname = e.name AND (e.schema IS NULL OR x.extnamespace = to_regnamespace(e.schema)));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'extensions missing or in another schema: %', v_bad;
    END IF;

    SELECT string_agg(s.name, ', ') INTO v_bad
      FROM unnest(ARRAY['neanelu', 'app', 'sync', 'audit', 'ops', 'shops', 'search', 'jobs', 'webhooks', 'inventory', 'budget', 'flags', 'privacy', 'analytics', 'pim', 'harvest', 'normalise', 'matching', 'ai']) AS s (name)
      LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.name
     WHERE n.oid IS NULL OR n.nspowner <> 'neanelu_owner'::regrole;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'schemas missing or not owned by neanelu_owner: %', v_bad;
    END IF;

    SELECT string_agg(n.nspname || ': ' || coalesce(nullif(a.grantee::regrole::text, '-'), 'PUBLIC'), ', ') INTO v_bad
      FROM pg_catalog.pg_namespace AS n, pg_catalog.aclexplode(n.nspacl) AS a
     WHERE n.nspname IN ('neanelu', 'app', 'sync', 'audit', 'ops', 'shops', 'search', 'jobs', 'webhooks', 'inventory', 'budget', 'flags', 'privacy', 'analytics', 'pim', 'harvest', 'normalise', 'matching', 'ai')
       AND (a.grantee = 0
            OR (a.privilege_type = 'CREATE' AND a.grantee <> 'neanelu_owner'::regrole
                AND NOT (a.grantee = 'neanelu_engine'::regrole AND n.nspname <> 'neanelu')));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights on schemas that must not be: %', v_bad;
    END IF;

    IF has_schema_privilege('neanelu_tenant', 'pgmq', 'USAGE') OR has_schema_privilege('neanelu_tenant', 'partman', 'USAGE')
       OR has_schema_privilege('neanelu_tenant', 'sync', 'USAGE') THEN
        RAISE EXCEPTION 'neanelu_tenant reaches a schema it must not reach';
    END IF;
END
$verify$;

ROLLBACK;
