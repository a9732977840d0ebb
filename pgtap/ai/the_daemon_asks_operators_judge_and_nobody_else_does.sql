-- Who may do what: the daemon works on batches, operators set budgets and cancel, editors ask for pages to be read.
BEGIN;
SELECT plan(12);

SELECT ok(has_function_privilege('neanelu_ai', 'ai.claim_batch(text, text, interval, integer)', 'EXECUTE'), 'the daemon claims batches');
SELECT ok(NOT has_function_privilege(r, 'ai.claim_batch(text, text, interval, integer)', 'EXECUTE'), r || ' does not')
  FROM unnest('{neanelu_operator, neanelu_tenant, neanelu_app, neanelu_harvester}'::text[]) AS r;
SELECT ok(has_function_privilege('neanelu_operator', 'ai.set_budget(text, numeric)', 'EXECUTE')
          AND NOT has_function_privilege('neanelu_ai', 'ai.set_budget(text, numeric)', 'EXECUTE'), 'who spends does not set the budget');
SELECT ok(has_function_privilege('neanelu_pim_editor', 'ai.request_extraction(uuid[], timestamptz[])', 'EXECUTE'), 'editors have pages read');
SELECT ok(NOT has_function_privilege('neanelu_tenant', p.oid, 'EXECUTE') OR p.proname IN ('_none'), 'no function of ours is a tenant''s: ' || p.proname)
  FROM pg_catalog.pg_proc AS p WHERE p.oid IN ('ai.usage(text, timestamptz, text)'::regprocedure, 'ai.log_usage(text, text, numeric, integer, bigint, bigint, integer, integer, text, uuid, uuid, text, jsonb)'::regprocedure);
SET LOCAL ROLE neanelu_tenant;
SELECT throws_ok('SELECT * FROM neanelu.ai_extractions', '42501', NULL, 'tenants see no pages');
SELECT throws_ok('SELECT * FROM neanelu.ai_budgets', '42501', NULL, 'nor budgets');
SELECT is_empty('SELECT * FROM neanelu.ai_batches', 'and of batches their own only');

SELECT * FROM finish();
ROLLBACK;
