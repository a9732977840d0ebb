-- Who may EXECUTE what, by the logins' own rights and those of the groups that they are in; nobody: functions of the module itself.
BEGIN;
SELECT plan(49);

CREATE FUNCTION pg_temp.callers(p_function text) RETURNS text[] LANGUAGE sql AS $f$
    SELECT array_agg(DISTINCT coalesce(w.logins, '')) FROM pg_proc AS p
     CROSS JOIN LATERAL (SELECT string_agg(l, ', ' ORDER BY l) AS logins FROM unnest('{ai,analyst,app,auditor,harvester,operator,pim_editor,sync,tenant,webhooks,worker}'::text[]) AS l
                          WHERE has_function_privilege('neanelu_' || l, p.oid, 'EXECUTE')) AS w
     WHERE p.pronamespace = 'ai'::regnamespace AND p.proname = p_function
$f$;
SELECT is(pg_temp.callers(f), ARRAY[t.logins], f || ' is for ' || coalesce(nullif(t.logins, ''), 'nobody')) FROM (VALUES
    ('', '{purge,take_extraction}'),
    ('ai', '{batch_lines,begin_text_batch,claim_batch,claim_pages,extend_batch,fail_batch,finish_batch,queue_extractions,record_poll,record_submitted,
        record_upload,release_batch,take_results}'),
    ('ai, operator', '{close_batches,outlook,recheck_texts}'),
    ('ai, operator, pim_editor', '{batch_errors,budget_status,extraction_report,list_batches,models}'),
    ('ai, operator, pim_editor, worker', '{list_models,list_waiting}'),
    ('ai, operator, worker', '{cost_of,estimate_tokens,metrics}'),
    ('ai, pim_editor, worker', '{request_vectors,vectors_of}'),
    ('ai, worker', '{add_items,claim_texts,collect_due,collect_texts,collect_words,fail_texts,log_usage,release_texts,reserve_budget,settle_budget,
        store_vectors}'),
    ('operator', '{cancel_batch,index_statements,retry_batch,set_budget,set_model,use_model}'),
    ('operator, pim_editor', '{usage}'),
    ('operator, pim_editor, worker', '{request_extraction}')) AS t (logins, functions) CROSS JOIN LATERAL unnest(t.functions::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
