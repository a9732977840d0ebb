-- In its comment, where a caller looks.
BEGIN;
SELECT plan(2);

SELECT cmp_ok((SELECT count(*) FROM pg_proc WHERE pronamespace = 'sync'::regnamespace AND prosrc ~ 'ERRCODE'), '>', 5::bigint,
    'there are functions that raise');

SELECT is_empty($$
  SELECT p.oid::regprocedure, r.code[1]
    FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace AND n.nspowner = 'neanelu_owner'::regrole
   CROSS JOIN LATERAL regexp_matches(p.prosrc, 'ERRCODE\s*=\s*''([I-Z][0-9A-Z]{4})''', 'g') AS r (code)
   WHERE coalesce(position(r.code[1] IN obj_description(p.oid, 'pg_proc')), 0) = 0
$$, 'every SQLSTATE in a body stands in the comment');

SELECT * FROM finish();
ROLLBACK;
