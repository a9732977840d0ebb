BEGIN;
SELECT plan(7);

SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}');
CREATE TEMP TABLE run AS SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'customers') AS id;
INSERT INTO bulk_errors (shop_id, bulk_run_id, error_type, error_code, error_message, line_number, payload, raw, raw_bytes)
SELECT '00000000-0000-7000-8000-0000000000a1', id, 'VALIDATION', 'NS112', 'does not fit', line, payload::jsonb, raw, 4000
  FROM run, (VALUES (7, '{"email": "ana@example.com"}', NULL), (2, NULL, convert_to(repeat('x', 4000), 'UTF8'))) AS e (line, payload, raw);
GRANT SELECT ON run TO neanelu_sync, neanelu_operator, neanelu_auditor;

\ir ../as_login.psql

SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT string_agg(e.line_number || e.error_code, ' ') FROM run, sync.run_errors(run.id) AS e$$),
          '2NS112 7NS112', 'an operator sees the reasons, in the order of the file');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT count(e.excerpt) FROM run, sync.run_errors(run.id) AS e$$), '0', 'and no line');
SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT count(e.excerpt) FROM run, sync.run_errors(run.id) AS e$$), '2', 'the platform sees the lines');
SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT max(octet_length(e.excerpt)) FROM run, sync.run_errors(run.id) AS e$$), '1000', 'their beginning');
SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT string_agg(e.line_number::text, ' ') FROM run, sync.run_errors(run.id, 5, 2) AS e$$), '7',
          'one can go on after a line');
SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT string_agg(e.line_number::text, ' ') FROM run, sync.run_errors(run.id, 1) AS e$$), '2',
          'or stop early');
SELECT is(pg_temp.as_login('neanelu_auditor', $$SELECT count(*) FROM run, sync.run_errors(run.id) AS e$$), '42501', 'others see nothing');

SELECT * FROM finish();
ROLLBACK;
