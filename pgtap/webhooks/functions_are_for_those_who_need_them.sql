-- Who may EXECUTE what, by the logins' own rights and those of the groups that they are in; nobody: functions of the module itself.
BEGIN;
SELECT plan(39);

CREATE FUNCTION pg_temp.callers(p_function text) RETURNS text[] LANGUAGE sql AS $f$
    SELECT array_agg(DISTINCT coalesce(w.logins, '')) FROM pg_proc AS p
     CROSS JOIN LATERAL (SELECT string_agg(l, ', ' ORDER BY l) AS logins FROM unnest('{ai,analyst,app,auditor,harvester,operator,pim_editor,sync,tenant,webhooks,worker}'::text[]) AS l
                          WHERE has_function_privilege('neanelu_' || l, p.oid, 'EXECUTE')) AS w
     WHERE p.pronamespace = 'webhooks'::regnamespace AND p.proname = p_function
$f$;
SELECT is(pg_temp.callers(f), ARRAY[t.logins], f || ' is for ' || coalesce(nullif(t.logins, ''), 'nobody')) FROM (VALUES
    ('', '{apply_bulk,apply_collections,apply_customers,apply_items,apply_levels,apply_locations,apply_metaobjects,apply_orders,apply_privacy,
        apply_products,apply_publications,apply_shop,apply_variants,fetch_kind,process,prune,reconcile_due,sweep,sweep_subscriptions}'),
    ('operator', '{retry}'),
    ('operator, webhooks, worker', '{topics}'),
    ('operator, worker', '{begin_comparison,comparable,continue_comparison,event_metrics,metrics}'),
    ('webhooks', '{own_secrets,quarantine,receive,receive_many}'),
    ('worker', '{answer,apply_fetched,claim_fetches,forget_claims,next_fetch,plan_subscriptions,question,record_subscriptions,release_fetches}')) AS t (logins, functions) CROSS JOIN LATERAL unnest(t.functions::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
