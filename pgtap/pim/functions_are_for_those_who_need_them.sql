-- Who may EXECUTE what, by the logins' own rights and those of the groups that they are in; nobody: functions of the module itself.
BEGIN;
SELECT plan(64);

CREATE FUNCTION pg_temp.callers(p_function text) RETURNS text[] LANGUAGE sql AS $f$
    SELECT array_agg(DISTINCT coalesce(w.logins, '')) FROM pg_proc AS p
     CROSS JOIN LATERAL (SELECT string_agg(l, ', ' ORDER BY l) AS logins FROM unnest('{ai,analyst,app,auditor,harvester,operator,pim_editor,sync,tenant,webhooks,worker}'::text[]) AS l
                          WHERE has_function_privilege('neanelu_' || l, p.oid, 'EXECUTE')) AS w
     WHERE p.pronamespace = 'pim'::regnamespace AND p.proname = p_function
$f$;
SELECT is(pg_temp.callers(f), ARRAY[t.logins], f || ' is for ' || coalesce(nullif(t.logins, ''), 'nobody')) FROM (VALUES
    ('ai, analyst, app, harvester, operator, pim_editor, sync, webhooks, worker', '{attribute_schema,category_id,find_categories}'),
    ('ai, analyst, app, operator, pim_editor, sync, tenant, webhooks, worker', '{search_config}'),
    ('ai, analyst, operator, pim_editor, worker', '{by_vector,search,similar}'),
    ('ai, operator, pim_editor, worker', '{untranslated}'),
    ('ai, pim_editor, worker', '{set_translations}'),
    ('analyst, operator, pim_editor', '{factory_report,factory_status,find,history,most_disputed,quality_overview,review_item,review_kind,review_log,
        review_queue,show}'),
    ('analyst, operator, pim_editor, worker', '{as_of,explain}'),
    ('app, operator, worker', '{channel_payload,pushable,record_pull,record_push}'),
    ('operator', '{remove_endpoint,retry_failed,set_endpoint}'),
    ('operator, pim_editor', '{claim_reviews,decide_review,define_attributes,expect_attributes,import_attributes,import_taxonomy,pin_trust,
        release_field,release_review,restore,restore_product,review_proposal,reviewer,set_product_value,set_rule,set_value,undo_review,
        undo_review_decision,unpin_trust}'),
    ('operator, pim_editor, worker', '{decide,quality_events,refresh_semantics,request_decisions,request_readings,rescore,score}'),
    ('operator, worker', '{expire_proposals,is_waiting,learn_trust,list_endpoints,process,propose}'),
    ('pim_editor', '{approve_translations}'),
    ('worker', '{quality_delivery,record_delivery}')) AS t (logins, functions) CROSS JOIN LATERAL unnest(t.functions::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
