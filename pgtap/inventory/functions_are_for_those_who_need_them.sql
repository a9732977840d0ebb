-- Who may EXECUTE what, by the logins' own rights and those of the groups that they are in; nobody: functions of the module itself.
BEGIN;
SELECT plan(22);

CREATE FUNCTION pg_temp.callers(p_function text) RETURNS text[] LANGUAGE sql AS $f$
    SELECT array_agg(DISTINCT coalesce(w.logins, '')) FROM pg_proc AS p
     CROSS JOIN LATERAL (SELECT string_agg(l, ', ' ORDER BY l) AS logins FROM unnest('{ai,analyst,app,auditor,harvester,operator,pim_editor,sync,tenant,webhooks,worker}'::text[]) AS l
                          WHERE has_function_privilege('neanelu_' || l, p.oid, 'EXECUTE')) AS w
     WHERE p.pronamespace = 'inventory'::regnamespace AND p.proname = p_function
$f$;
SELECT is(pg_temp.callers(f), ARRAY[t.logins], f || ' is for ' || coalesce(nullif(t.logins, ''), 'nobody')) FROM (VALUES
    ('', '{close_months}'),
    ('app, operator', '{set_source}'),
    ('app, operator, tenant', '{find_variants,history,show}'),
    ('app, operator, tenant, webhooks, worker', '{available,stock_at}'),
    ('app, operator, tenant, worker', '{drift,reconcile,source}'),
    ('app, operator, webhooks, worker', '{record,record_many,transfer}'),
    ('operator', '{drop_months}'),
    ('operator, webhooks, worker', '{record_absolute,record_order,record_orders}'),
    ('operator, worker', '{erase_shop,fold,fold_lag,record_bulk,record_levels}')) AS t (logins, functions) CROSS JOIN LATERAL unnest(t.functions::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
