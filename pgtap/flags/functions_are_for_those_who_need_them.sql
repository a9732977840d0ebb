-- Who may EXECUTE what, by the logins' own rights and those of the groups that they are in; nobody: functions of the module itself.
BEGIN;
SELECT plan(10);

CREATE FUNCTION pg_temp.callers(p_function text) RETURNS text[] LANGUAGE sql AS $f$
    SELECT array_agg(DISTINCT coalesce(w.logins, '')) FROM pg_proc AS p
     CROSS JOIN LATERAL (SELECT string_agg(l, ', ' ORDER BY l) AS logins FROM unnest('{ai,analyst,app,auditor,harvester,operator,pim_editor,sync,tenant,webhooks,worker}'::text[]) AS l
                          WHERE has_function_privilege('neanelu_' || l, p.oid, 'EXECUTE')) AS w
     WHERE p.pronamespace = 'flags'::regnamespace AND p.proname = p_function
$f$;
SELECT is(pg_temp.callers(f), ARRAY[t.logins], f || ' is for ' || coalesce(nullif(t.logins, ''), 'nobody')) FROM (VALUES
    ('ai, app, operator, sync, tenant, webhooks, worker', '{enabled_for,is_enabled}'),
    ('ai, app, operator, sync, webhooks, worker', '{config,explain}'),
    ('operator', '{delete_config,delete_flag,list_config,set_config,set_flag}'),
    ('sync, webhooks, worker', '{sealed_config}')) AS t (logins, functions) CROSS JOIN LATERAL unnest(t.functions::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
