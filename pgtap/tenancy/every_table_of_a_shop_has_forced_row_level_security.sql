BEGIN;
SELECT plan(5);


CREATE TEMP TABLE of_shops AS
SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition, c.relacl, c.relowner
  FROM pg_class AS c
 WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p')
   AND (c.relname IN ('shops', 'oauth_states', 'system_config')
        OR EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'shop_id' AND NOT a.attisdropped));

SELECT cmp_ok((SELECT count(*) FROM pg_temp.of_shops), '>', 50::bigint, 'there are tables to look at');
SELECT is_empty($$SELECT oid::regclass FROM pg_temp.of_shops WHERE NOT (relrowsecurity AND relforcerowsecurity)$$, 'enabled and forced');
SELECT is_empty($$SELECT oid::regclass FROM pg_temp.of_shops AS c
                   WHERE NOT relispartition AND relname <> 'audit_logs'
                     AND NOT EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = c.relname || '_engine_all'
                                        AND p.polcmd = '*' AND p.polroles = ARRAY['neanelu_engine'::regrole::oid]
                                        AND pg_get_expr(p.polqual, c.oid) = 'true')$$,
                'the engine passes everywhere, for the constant true, which leaves every operator its index');
SELECT is_empty($$SELECT oid::regclass FROM pg_temp.of_shops AS c
                   WHERE relispartition AND (EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polroles <> ARRAY['neanelu_owner'::regrole::oid])
                         OR EXISTS (SELECT FROM aclexplode(relacl) AS a WHERE a.grantee <> relowner))$$,
                'partitions have no grants, and policies for nobody but the owner');
SELECT is_empty($$SELECT p.polname, p.polrelid::regclass FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
                   WHERE c.relnamespace = 'neanelu'::regnamespace
                     AND (0 = ANY (p.polroles)
                          OR (p.polroles && ARRAY['neanelu_tenant'::regrole, 'neanelu_platform'::regrole]::oid[]
                              AND (p.polcmd <> 'r' OR pg_get_expr(p.polqual, c.oid) !~ '^\(shop_id = (app\.)?current_shop_id\(\)\)$')))$$,
                'tenants pass by the shop of their context and read only, PUBLIC not at all');

SELECT * FROM finish();
ROLLBACK;
