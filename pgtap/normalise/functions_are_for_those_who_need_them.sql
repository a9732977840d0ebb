-- Who may EXECUTE what, by the logins' own rights and those of the groups that they are in; nobody: functions of the module itself.
BEGIN;
SELECT plan(37);

CREATE FUNCTION pg_temp.callers(p_function text) RETURNS text[] LANGUAGE sql AS $f$
    SELECT array_agg(DISTINCT coalesce(w.logins, '')) FROM pg_proc AS p
     CROSS JOIN LATERAL (SELECT string_agg(l, ', ' ORDER BY l) AS logins FROM unnest('{ai,analyst,app,auditor,harvester,operator,pim_editor,sync,tenant,webhooks,worker}'::text[]) AS l
                          WHERE has_function_privilege('neanelu_' || l, p.oid, 'EXECUTE')) AS w
     WHERE p.pronamespace = 'normalise'::regnamespace AND p.proname = p_function
$f$;
SELECT is(pg_temp.callers(f), ARRAY[t.logins], f || ' is for ' || coalesce(nullif(t.logins, ''), 'nobody')) FROM (VALUES
    ('', '{is_same_person,merge_persons}'),
    ('ai, analyst, app, harvester, operator, pim_editor, sync, tenant, webhooks, worker', '{gtin,model_code,mpn,title}'),
    ('ai, analyst, app, harvester, operator, pim_editor, sync, webhooks, worker', '{attribute_candidates,brand,brand_key,clean_text,concepts,convert,
        expected,fold,is_same_brand,measure_text,measures,name_key,number,profile,setting,unit,unit_key,value}'),
    ('ai, app, harvester, pim_editor, sync, webhooks, worker', '{map_attributes}'),
    ('ai, app, operator, pim_editor, sync, webhooks, worker', '{category,session_fields}'),
    ('ai, operator', '{store_definition_vectors,store_name_vectors}'),
    ('analyst, operator, pim_editor', '{person_names,review_mappings}'),
    ('operator, pim_editor', '{add_brand_alias,add_synonym,review_mapping,set_setting,set_source_unit}'),
    ('operator, worker', '{learn_profiles}')) AS t (logins, functions) CROSS JOIN LATERAL unnest(t.functions::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
