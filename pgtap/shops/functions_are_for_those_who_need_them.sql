-- Who may EXECUTE what, by the logins' own rights and those of the groups that they are in; nobody: functions of the module itself.
BEGIN;
SELECT plan(17);

CREATE FUNCTION pg_temp.callers(p_function text) RETURNS text[] LANGUAGE sql AS $f$
    SELECT array_agg(DISTINCT coalesce(w.logins, '')) FROM pg_proc AS p
     CROSS JOIN LATERAL (SELECT string_agg(l, ', ' ORDER BY l) AS logins FROM unnest('{ai,analyst,app,auditor,harvester,operator,pim_editor,sync,tenant,webhooks,worker}'::text[]) AS l
                          WHERE has_function_privilege('neanelu_' || l, p.oid, 'EXECUTE')) AS w
     WHERE p.pronamespace = 'shops'::regnamespace AND p.proname = p_function
$f$;
SELECT is(pg_temp.callers(f), ARRAY[t.logins], f || ' is for ' || coalesce(nullif(t.logins, ''), 'nobody')) FROM (VALUES
    ('ai, app, operator, sync, webhooks, worker', '{find,list,supported_api_version,token_report}'),
    ('app, operator, sync', '{register}'),
    ('app, operator, sync, webhooks', '{reserve_id,uninstall}'),
    ('app, webhooks', '{begin_oauth,complete_oauth,take_oauth_state}'),
    ('operator, worker', '{sweep_sign_ins,sweep_tokens,token_metrics}'),
    ('sync, worker', '{begin_token_refresh,credentials,fail_token_refresh,store_tokens}')) AS t (logins, functions) CROSS JOIN LATERAL unnest(t.functions::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
