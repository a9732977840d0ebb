BEGIN;
SELECT plan(6);

SELECT is(has_table_privilege('neanelu_tenant', 'neanelu.prod_match_links', 'SELECT'), false, 'tenants see no links');
SELECT is(has_function_privilege('neanelu_tenant', 'matching.match_sessions(uuid[])', 'EXECUTE'), false, 'tenants match nothing');
SELECT is(has_function_privilege('neanelu_pim_editor', 'matching.decide_cluster(uuid, text, uuid, text, uuid)', 'EXECUTE'), true, 'editors decide');
SELECT throws_ok($$SELECT matching.merge('00000000-0000-7000-8000-000000000001')$$, 'NM001', NULL, 'there is no such cluster');
SELECT throws_ok($$SELECT matching.link('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002', 'must')$$, 'NM005', NULL,
                 'there are no such golden records');
SELECT throws_ok($$SELECT * FROM matching.assign('{a}', '{b,c}', '{1}')$$, 'NM006', NULL, 'lists of different lengths are refused');

SELECT * FROM finish();
ROLLBACK;
