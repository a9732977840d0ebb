-- session_replication_role stops checks and capture: what sets it is one statement of the pipeline, and who may is the engine.
BEGIN;
SELECT plan(3);

SELECT set_eq($$SELECT p.oid::regproc::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
                 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND (p.prosrc ~ 'session_replication_role' OR p.proconfig::text ~ 'session_replication_role')
                   AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')$$,
              ARRAY['sync._insert_tables', 'sync._may_trust_shop'], 'one function sets it, one asks whether that is allowed');
SELECT is_empty($$SELECT r.rolname FROM pg_roles AS r
                   WHERE r.rolname LIKE 'neanelu\_%' AND r.rolname <> 'neanelu_engine' AND has_parameter_privilege(r.rolname, 'session_replication_role', 'SET')$$,
                'no role of ours but the engine may');
SELECT is_empty($$SELECT r.rolname FROM pg_roles AS r WHERE r.rolname LIKE 'neanelu\_%' AND r.rolname <> 'neanelu_engine' AND pg_has_role(r.rolname, 'neanelu_engine', 'MEMBER')$$,
                'and none may become it');

SELECT * FROM finish();
ROLLBACK;
