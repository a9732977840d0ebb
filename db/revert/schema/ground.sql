-- Revert neanelu:schema/ground from pg
-- Extensions that were there before the deploy stay (their schema lacks our comment).

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP SCHEMA ai;
DROP SCHEMA matching;
DROP SCHEMA normalise;
DROP SCHEMA harvest;
DROP SCHEMA pim;
DROP SCHEMA analytics;
DROP SCHEMA privacy;
DROP SCHEMA flags;
DROP SCHEMA budget;
DROP SCHEMA inventory;
DROP SCHEMA webhooks;
DROP SCHEMA jobs;
DROP SCHEMA search;
DROP SCHEMA shops;
DROP SCHEMA ops;
DROP SCHEMA audit;
DROP SCHEMA sync;
DROP SCHEMA app;
DROP SCHEMA neanelu;
RESET ROLE;

REVOKE ALL ON SCHEMA extensions FROM neanelu_owner, neanelu_engine, neanelu_platform, neanelu_tenant, neanelu_analyst,
    neanelu_pim_editor, neanelu_auditor, neanelu_operator, neanelu_harvester;
REVOKE ALL ON ALL ROUTINES IN SCHEMA pgmq FROM neanelu_owner;
REVOKE ALL ON ALL TABLES IN SCHEMA pgmq FROM neanelu_owner;
REVOKE ALL ON SCHEMA pgmq FROM neanelu_owner;
REVOKE ALL ON ALL ROUTINES IN SCHEMA partman FROM neanelu_owner;
REVOKE ALL ON ALL TABLES IN SCHEMA partman FROM neanelu_owner;
REVOKE ALL ON SCHEMA partman FROM neanelu_owner;

DO $extensions$
DECLARE
    v_schema name;
    v_extension name;
BEGIN
    FOREACH v_schema IN ARRAY ARRAY['pgmq', 'partman', 'extensions']::name[] LOOP
        CONTINUE WHEN pg_catalog.obj_description(to_regnamespace(v_schema::text), 'pg_namespace')
            IS DISTINCT FROM 'Extensions that Neanelu installed';
        FOR v_extension IN
            SELECT x.extname FROM pg_catalog.pg_extension AS x
             WHERE x.extnamespace = to_regnamespace(v_schema::text)
               AND x.extname IN ('vector', 'pg_trgm', 'citext', 'btree_gin', 'btree_gist', 'pgcrypto', 'unaccent',
                                 'pg_stat_statements', 'pg_partman', 'pgmq')
        LOOP
            EXECUTE format('DROP EXTENSION %I', v_extension);
            IF v_extension = 'pgmq' THEN  -- what its script leaves behind
                ALTER DEFAULT PRIVILEGES IN SCHEMA pgmq REVOKE SELECT ON TABLES FROM pg_monitor;
                ALTER DEFAULT PRIVILEGES IN SCHEMA pgmq REVOKE SELECT ON SEQUENCES FROM pg_monitor;
            END IF;
        END LOOP;
        IF to_regnamespace(v_schema::text) IS NOT NULL
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                            WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace(v_schema::text)) THEN
            EXECUTE format('DROP SCHEMA %I', v_schema);
        END IF;
    END LOOP;
END
$extensions$;

COMMIT;
