BEGIN;
SELECT plan(20);

\ir ../as_login.psql
\set sealed '''{"sealed": "AAAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}'''

SELECT flags.set_config('smtp.password', :sealed, true, 'of the relay');
SELECT flags.set_config('smtp.host', '"mail"');
SELECT is(flags.config('smtp.host'), '"mail"'::jsonb, 'a setting is read');
SELECT is(flags.config('smtp.port', '25'), '25'::jsonb, 'one that is not set has its default');
SELECT is(flags.config('smtp.password'), '"***"'::jsonb, 'a sensitive one is masked');
SELECT results_eq($$SELECT key, value FROM flags.list_config() WHERE key LIKE 'smtp.%'$$, $$VALUES ('smtp.host', '"mail"'::jsonb), ('smtp.password', '"***"')$$, 'in the list, too');
SELECT is(octet_length(flags.sealed_config('smtp.password')), 33, 'a daemon gets it sealed');
SELECT throws_ok($$SELECT flags.sealed_config('smtp.host')$$, 'NF003', NULL, 'what is open is not sealed');
SELECT is(pg_temp.as_login('neanelu_worker', $$SELECT flags.config('smtp.password')$$), '"***"', 'the worker sees it masked');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT value FROM neanelu.system_config WHERE key = 'smtp.password'$$), NULL, 'an operator does not see the row');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT flags.sealed_config('smtp.password')$$), '42501', 'nor the sealed value');
SELECT is(pg_temp.as_login(who, $$SELECT flags.set_config('a', '1')$$), '42501', who || ' sets nothing')
  FROM unnest(ARRAY['neanelu_worker', 'neanelu_app', 'neanelu_analyst']) AS who;
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT flags.set_config('a', '1')$$), '', 'an operator does');

SELECT throws_ok($$SELECT flags.set_config('smtp.password', '"open"')$$, 'NF004', NULL, 'a sensitive setting takes no open value');
SELECT throws_ok(format('SELECT flags.set_config(%L, %L)', 'smtp.host', :sealed), 'NF004', NULL, 'an open one no sealed value');
SELECT throws_ok($$INSERT INTO system_config (key, value, is_sensitive) VALUES ('x', '"open"', true)$$, '23514', NULL, 'the table says so, too');
SELECT lives_ok($$SELECT flags.set_config('smtp.password', '"open"', false)$$, 'unless it is said that it may be seen');
SELECT throws_ok($$SELECT flags.set_config('No Name', '1')$$, 'NF001', NULL, 'a setting has a name');
SELECT throws_ok($$SELECT flags.delete_config('none')$$, 'NF003', NULL, 'what is not there is not forgotten');
SELECT is_empty($$SELECT FROM audit_logs WHERE entity_type = 'system_config' AND old_values ->> 'value' LIKE '%sealed%'$$, 'the log has no sealed value');

SELECT * FROM finish();
ROLLBACK;
