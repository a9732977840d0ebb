BEGIN;
SELECT plan(5);


CREATE TEMP TABLE ours AS
SELECT p.oid::regprocedure AS name, p.oid, p.proacl, p.proowner, p.prosecdef, p.proconfig
  FROM pg_proc AS p
 WHERE p.pronamespace IN (SELECT n.oid FROM pg_namespace AS n WHERE n.nspowner = 'neanelu_owner'::regrole);

SELECT cmp_ok((SELECT count(*) FROM pg_temp.ours), '>', 20::bigint, 'there are functions to look at');
SELECT is_empty($$SELECT name FROM pg_temp.ours
                   WHERE EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a WHERE a.grantee = 0)$$,
                'none is executable by PUBLIC');
SELECT is_empty($$SELECT name FROM pg_temp.ours
                   WHERE prosecdef AND NOT EXISTS (SELECT FROM unnest(proconfig) AS c WHERE c ~ '^search_path=(.*, )?"?pg_temp"?$')$$,
                'every definer ends its search_path in pg_temp');
SELECT is_empty($$SELECT name FROM pg_temp.ours WHERE proowner NOT IN ('neanelu_owner'::regrole, 'neanelu_engine'::regrole)$$,
                'owners are the owner and the engine');
SELECT is_empty($$SELECT name FROM pg_temp.ours WHERE coalesce(length(obj_description(oid, 'pg_proc')), 0) < 20$$,
                'each says what it does');

SELECT * FROM finish();
ROLLBACK;
