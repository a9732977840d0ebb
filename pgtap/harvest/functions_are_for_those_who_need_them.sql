-- Who may EXECUTE what, by the logins' own rights and those of the groups that they are in; nobody: functions of the module itself.
BEGIN;
SELECT plan(29);

CREATE FUNCTION pg_temp.callers(p_function text) RETURNS text[] LANGUAGE sql AS $f$
    SELECT array_agg(DISTINCT coalesce(w.logins, '')) FROM pg_proc AS p
     CROSS JOIN LATERAL (SELECT string_agg(l, ', ' ORDER BY l) AS logins FROM unnest('{ai,analyst,app,auditor,harvester,operator,pim_editor,sync,tenant,webhooks,worker}'::text[]) AS l
                          WHERE has_function_privilege('neanelu_' || l, p.oid, 'EXECUTE')) AS w
     WHERE p.pronamespace = 'harvest'::regnamespace AND p.proname = p_function
$f$;
SELECT is(pg_temp.callers(f), ARRAY[t.logins], f || ' is for ' || coalesce(nullif(t.logins, ''), 'nobody')) FROM (VALUES
    ('analyst, harvester, operator, pim_editor', '{find_source}'),
    ('analyst, operator, pim_editor', '{document,list_scrapers,list_sources}'),
    ('harvester', '{claim_urls,close_runs,complete_url,fail_url,note_crawl_delay,release_url,source_settings}'),
    ('harvester, operator, pim_editor', '{list_errors,list_imports,metrics,outlook,store,store_many}'),
    ('harvester, operator, pim_editor, worker', '{extract_structured}'),
    ('harvester, pim_editor', '{begin_import,end_import,record_import}'),
    ('operator', '{purge}'),
    ('operator, pim_editor', '{enqueue_urls,list_pages,register_source,set_scraper,set_source}'),
    ('operator, worker', '{refresh_pages,take_shop_products}')) AS t (logins, functions) CROSS JOIN LATERAL unnest(t.functions::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
