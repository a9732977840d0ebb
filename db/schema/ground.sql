-- Deploy neanelu:schema/ground to pg
-- requires: policies/roles
-- Extensions and one schema per module. A role that may not create extensions succeeds when it finds them present
-- in the schemas named here.

BEGIN;

DO $extensions$
DECLARE
    v_ext record;
    v_schema name;
    v_made_schema boolean;
BEGIN
    FOR v_ext IN
        SELECT e.name, e.schema, e.why
          FROM (VALUES
            ('vector',             'extensions', 'embeddings'),
            ('pg_trgm',            'extensions', 'fuzzy search'),
            ('citext',             'extensions', 'names that do not mind case'),
            ('btree_gin',          'extensions', 'shop_id beside jsonb and arrays in one GIN index'),
            ('btree_gist',         'extensions', 'exclusion constraints'),
            ('pgcrypto',           'extensions', 'digests'),
            ('unaccent',           'extensions', 'search without diacritics'),
            ('pg_stat_statements', 'extensions', 'what the server spends its time on'),
            ('pg_partman',         'partman',    'time partitions'),
            ('pgmq',               'pgmq',       'queues')
          ) AS e (name, schema, why)
    LOOP
        SELECT n.nspname INTO v_schema
          FROM pg_catalog.pg_extension AS x
          JOIN pg_catalog.pg_namespace AS n ON n.oid = x.extnamespace
         WHERE x.extname = v_ext.name;
        IF NOT FOUND THEN
            BEGIN
                v_made_schema := to_regnamespace(v_ext.schema) IS NULL;
                IF v_made_schema AND v_ext.name <> 'pgmq' THEN  -- it makes its schema itself
                    EXECUTE format('CREATE SCHEMA %I', v_ext.schema);
                END IF;
                IF v_ext.name = 'pgmq' THEN
                    CREATE EXTENSION pgmq;
                ELSE
                    EXECUTE format('CREATE EXTENSION %I SCHEMA %I', v_ext.name, v_ext.schema);
                END IF;
                IF v_made_schema THEN
                    -- The revert script drops what bears this comment, and leaves what was there before us.
                    EXECUTE format('COMMENT ON SCHEMA %I IS %L', v_ext.schema, 'Extensions that Neanelu installed');
                END IF;
            EXCEPTION
                WHEN insufficient_privilege THEN
                    RAISE EXCEPTION 'extension % (%) is not installed, and role % may not install it', v_ext.name, v_ext.why, current_user
                        USING ERRCODE = 'NA010',
                              HINT = format('An administrator should run in this database: CREATE SCHEMA IF NOT EXISTS extensions AUTHORIZATION %I; '
                                            'CREATE EXTENSION vector SCHEMA extensions; CREATE EXTENSION pg_stat_statements SCHEMA extensions; '
                                            'This role can install the others when it owns the database.', current_user);
                WHEN undefined_file OR feature_not_supported THEN
                    RAISE EXCEPTION 'extension % (%) is not available on this server: %', v_ext.name, v_ext.why, SQLERRM
                        USING ERRCODE = 'NA010', HINT = 'Install the package that carries the extension, then deploy again.';
            END;
        ELSIF v_schema <> v_ext.schema AND v_ext.name <> 'pg_stat_statements' THEN
            RAISE EXCEPTION 'extension % is installed in schema %, it is needed in schema %', v_ext.name, v_schema, v_ext.schema
                USING ERRCODE = 'NA011', HINT = format('ALTER EXTENSION %I SET SCHEMA %I; where the extension allows it.', v_ext.name, v_ext.schema);
        END IF;
    END LOOP;
END
$extensions$;

CREATE SCHEMA neanelu AUTHORIZATION neanelu_owner;
CREATE SCHEMA app AUTHORIZATION neanelu_owner;
CREATE SCHEMA sync AUTHORIZATION neanelu_owner;
CREATE SCHEMA audit AUTHORIZATION neanelu_owner;
CREATE SCHEMA ops AUTHORIZATION neanelu_owner;
CREATE SCHEMA shops AUTHORIZATION neanelu_owner;
CREATE SCHEMA search AUTHORIZATION neanelu_owner;
CREATE SCHEMA jobs AUTHORIZATION neanelu_owner;
CREATE SCHEMA webhooks AUTHORIZATION neanelu_owner;
CREATE SCHEMA inventory AUTHORIZATION neanelu_owner;
CREATE SCHEMA budget AUTHORIZATION neanelu_owner;
CREATE SCHEMA flags AUTHORIZATION neanelu_owner;
CREATE SCHEMA privacy AUTHORIZATION neanelu_owner;
CREATE SCHEMA analytics AUTHORIZATION neanelu_owner;
CREATE SCHEMA pim AUTHORIZATION neanelu_owner;
CREATE SCHEMA harvest AUTHORIZATION neanelu_owner;
CREATE SCHEMA normalise AUTHORIZATION neanelu_owner;
CREATE SCHEMA matching AUTHORIZATION neanelu_owner;
CREATE SCHEMA ai AUTHORIZATION neanelu_owner;

DO $rights$
BEGIN
    -- Operators and types of extensions are needed by whoever writes a query.
    GRANT USAGE ON SCHEMA extensions TO neanelu_owner, neanelu_engine, neanelu_platform, neanelu_tenant, neanelu_analyst,
        neanelu_pim_editor, neanelu_auditor, neanelu_operator, neanelu_harvester;
    -- The owner of the tables is the one who makes their partitions and the queues.
    GRANT USAGE, CREATE ON SCHEMA partman, pgmq TO neanelu_owner;
    GRANT ALL ON ALL TABLES IN SCHEMA partman, pgmq TO neanelu_owner;
    GRANT EXECUTE ON ALL ROUTINES IN SCHEMA partman, pgmq TO neanelu_owner;
EXCEPTION WHEN insufficient_privilege THEN
    IF NOT (has_schema_privilege('neanelu_tenant', 'extensions', 'USAGE') AND has_schema_privilege('neanelu_owner', 'partman', 'CREATE')
            AND has_table_privilege('neanelu_owner', 'partman.part_config', 'UPDATE')) THEN
        RAISE EXCEPTION 'role % may not grant rights on schema extensions, partman or pgmq', current_user
            USING ERRCODE = 'NA012',
                  HINT = 'An administrator should run: GRANT USAGE ON SCHEMA extensions TO neanelu_owner, neanelu_engine, neanelu_platform, '
                         'neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_auditor, neanelu_operator, neanelu_harvester; '
                         'GRANT USAGE, CREATE ON SCHEMA partman, pgmq TO neanelu_owner; '
                         'GRANT ALL ON ALL TABLES IN SCHEMA partman, pgmq TO neanelu_owner; '
                         'GRANT EXECUTE ON ALL ROUTINES IN SCHEMA partman, pgmq TO neanelu_owner;';
    END IF;
END
$rights$;

SET LOCAL ROLE neanelu_owner;

COMMENT ON SCHEMA neanelu IS 'Relations: tables, views and materialized views of all modules';
COMMENT ON SCHEMA app IS 'Functions: tenant context, tenant logins, errors, clock';
COMMENT ON SCHEMA sync IS 'Functions: the bulk pipeline';
COMMENT ON SCHEMA audit IS 'Functions: change capture';
COMMENT ON SCHEMA ops IS 'Functions: partitions, maintenance, migration history';
COMMENT ON SCHEMA shops IS 'Functions: registration of shops';
COMMENT ON SCHEMA search IS 'Functions: search for tenants';
COMMENT ON SCHEMA jobs IS 'Functions: queues, jobs, recurring tasks';
COMMENT ON SCHEMA webhooks IS 'Functions: deliveries, their effects, subscriptions, reconciliation';
COMMENT ON SCHEMA inventory IS 'Functions: the stock ledger and its balances';
COMMENT ON SCHEMA budget IS 'Functions: what may be asked of Shopify, and by users of us, and when';
COMMENT ON SCHEMA flags IS 'Functions: feature flags and system configuration';
COMMENT ON SCHEMA privacy IS 'Functions: export and erasure of personal data';
COMMENT ON SCHEMA analytics IS 'Views for analysts, and the functions that fill and refresh what they read';
COMMENT ON SCHEMA pim IS 'Functions: categories, golden records, consensus, quality, channels';
COMMENT ON SCHEMA harvest IS 'Functions: sources, what is to be fetched, what came, what was read in it';
COMMENT ON SCHEMA normalise IS 'Functions: names of attributes, values, units, brands, identifiers';
COMMENT ON SCHEMA matching IS 'Functions: which records are the same product';
COMMENT ON SCHEMA ai IS 'Functions: batches of model calls, vectors, what they cost';

-- The engine owns functions, never tables.
GRANT USAGE ON SCHEMA neanelu TO neanelu_engine;
GRANT USAGE, CREATE ON SCHEMA app, sync, audit, ops, shops, search, jobs, webhooks, inventory, budget, flags, privacy, analytics,
    pim, harvest, normalise, matching, ai TO neanelu_engine;
GRANT USAGE ON SCHEMA neanelu TO neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_auditor, neanelu_operator, neanelu_harvester;
GRANT USAGE ON SCHEMA app TO neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_auditor, neanelu_operator, neanelu_harvester;
GRANT USAGE ON SCHEMA sync, shops TO neanelu_platform, neanelu_operator;
GRANT USAGE ON SCHEMA ops TO neanelu_platform, neanelu_operator;
GRANT USAGE ON SCHEMA audit TO neanelu_auditor, neanelu_operator;
GRANT USAGE ON SCHEMA jobs, webhooks, budget, privacy TO neanelu_platform, neanelu_operator;
GRANT USAGE ON SCHEMA inventory, flags TO neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_operator;
GRANT USAGE ON SCHEMA analytics TO neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_operator;
GRANT USAGE ON SCHEMA search TO neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_pim_editor;
GRANT USAGE ON SCHEMA pim, normalise TO neanelu_platform, neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_operator, neanelu_harvester;
GRANT USAGE ON SCHEMA harvest, matching TO neanelu_platform, neanelu_analyst, neanelu_pim_editor, neanelu_operator, neanelu_harvester;
GRANT USAGE ON SCHEMA ai TO neanelu_platform, neanelu_pim_editor, neanelu_operator;

COMMIT;
