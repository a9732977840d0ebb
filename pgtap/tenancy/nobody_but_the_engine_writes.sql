BEGIN;
SELECT plan(4);


SELECT is_empty($$SELECT c.oid::regclass, a.grantee::regrole, a.privilege_type
                    FROM pg_class AS c, aclexplode(c.relacl) AS a
                   WHERE c.relnamespace = 'neanelu'::regnamespace AND a.privilege_type <> 'SELECT'
                     AND a.grantee NOT IN ('neanelu_owner'::regrole, 'neanelu_engine'::regrole)
                     AND NOT (a.grantee = 'neanelu_sync'::regrole AND a.privilege_type = 'INSERT' AND c.relname IN ('bulk_lines', 'bulk_manifest'))$$,
                'no table can be written by a login, but for the lines that the sync daemon copies');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class AS c, aclexplode(c.relacl) AS a
                   WHERE c.relnamespace = 'neanelu'::regnamespace AND (a.grantee = 0 OR a.is_grantable AND a.grantee <> c.relowner)$$,
                'PUBLIC has nothing, and nobody hands on');
SELECT is_empty($$SELECT r.rolname FROM pg_roles AS r
                   WHERE (r.rolname LIKE 'neanelu\_%') AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication)$$,
                'no role of ours has an attribute of an administrator');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                   WHERE n.nspname IN ('pgmq', 'partman') AND has_table_privilege('neanelu_tenant', c.oid, 'SELECT')
                     AND has_schema_privilege('neanelu_tenant', n.oid, 'USAGE')$$,
                'queues and partition settings are out of tenants'' reach');

SELECT * FROM finish();
ROLLBACK;
