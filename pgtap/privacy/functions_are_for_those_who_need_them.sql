-- Who may EXECUTE what, by the logins' own rights and those of the groups that they are in; nobody: functions of the module itself.
BEGIN;
SELECT plan(6);

CREATE FUNCTION pg_temp.callers(p_function text) RETURNS text[] LANGUAGE sql AS $f$
    SELECT array_agg(DISTINCT coalesce(w.logins, '')) FROM pg_proc AS p
     CROSS JOIN LATERAL (SELECT string_agg(l, ', ' ORDER BY l) AS logins FROM unnest('{ai,analyst,app,auditor,harvester,operator,pim_editor,sync,tenant,webhooks,worker}'::text[]) AS l
                          WHERE has_function_privilege('neanelu_' || l, p.oid, 'EXECUTE')) AS w
     WHERE p.pronamespace = 'privacy'::regnamespace AND p.proname = p_function
$f$;
SELECT is(pg_temp.callers(f), ARRAY[t.logins], f || ' is for ' || coalesce(nullif(t.logins, ''), 'nobody')) FROM (VALUES
    ('', '{fulfil,sweep_exports}'),
    ('app, operator', '{handle}'),
    ('operator', '{find_traces,read_export,requests}')) AS t (logins, functions) CROSS JOIN LATERAL unnest(t.functions::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
