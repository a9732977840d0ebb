-- Or a body that was bound when it was made; and none looks where others may create.
BEGIN;
SELECT plan(2);

SELECT is_empty($$
  SELECT p.oid::regprocedure FROM pg_proc AS p
   WHERE p.pronamespace = 'sync'::regnamespace AND p.prosqlbody IS NULL
     AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS c (setting) WHERE c.setting LIKE 'search_path=%')
$$, 'every function states its search_path');

SELECT is_empty($$
  SELECT p.oid::regprocedure, n.nspname, a.grantee::regrole
    FROM pg_proc AS p
   CROSS JOIN LATERAL unnest(p.proconfig) AS c (setting)
   CROSS JOIN LATERAL regexp_split_to_table(split_part(c.setting, '=', 2), ',\s*') AS s (name)
    JOIN pg_namespace AS n ON n.nspname = s.name
   CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
   WHERE p.pronamespace = 'sync'::regnamespace AND c.setting LIKE 'search_path=%'
     AND a.privilege_type = 'CREATE' AND a.grantee NOT IN (n.nspowner, 'neanelu_owner'::regrole, 'neanelu_engine'::regrole)
$$, 'no schema in a search_path lets others create in it');

SELECT * FROM finish();
ROLLBACK;
