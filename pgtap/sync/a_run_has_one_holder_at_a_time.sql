-- Whoever shows an old token is told so, whatever he calls.
BEGIN;
SELECT plan(39);

SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}');
CREATE TEMP TABLE asked AS SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products') AS id;
CREATE TEMP TABLE first AS SELECT * FROM sync.claim_run('one', '-1 second');

SELECT is((SELECT status || attempt || leased_by FROM first), 'running1one', 'the first daemon has it');
SELECT is((SELECT lease_token FROM bulk_runs), (SELECT lease_token FROM first), 'with a token');
SELECT lives_ok($$SELECT sync.renew_lease(id, lease_token, '1 hour') FROM first$$, 'an expired lease that nobody took can be renewed');
SELECT is_empty($$SELECT * FROM sync.claim_run('two')$$, 'while it holds nobody else gets the run');
SELECT sync.renew_lease(id, lease_token, '-1 second') FROM first;
CREATE TEMP TABLE second AS SELECT * FROM sync.claim_run('two', '1 hour');
SELECT is((SELECT id FROM second), (SELECT id FROM asked), 'a run whose lease ended is taken over');
SELECT is((SELECT attempt FROM second), 2, 'as another attempt');
SELECT isnt((SELECT lease_token FROM second), (SELECT lease_token FROM first), 'with another token');

CREATE TEMP TABLE calls (name text, statement text);
INSERT INTO calls VALUES
    ('renew_lease', 'SELECT sync.renew_lease(%L, %L)'),
    ('release_run', 'SELECT sync.release_run(%L, %L)'),
    ('reserve_operation', 'SELECT sync.reserve_operation(%L, %L)'),
    ('record_operation', 'SELECT sync.record_operation(%L, %L, ''gid://shopify/BulkOperation/1'')'),
    ('record_poll', 'SELECT sync.record_poll(%L, %L, ''{"status":"RUNNING"}'')'),
    ('record_artifact', 'SELECT sync.record_artifact(%L, %L, ''/f'')'),
    ('open_load', 'SELECT sync.open_load(%L, %L)'),
    ('known_trees', 'SELECT sync.known_trees(%L, %L, 0, 1)'),
    ('collect_trees', 'SELECT sync.collect_trees(%L, %L)'),
    ('conclude_unchanged', 'SELECT sync.conclude_unchanged(%L, %L)'),
    ('distrust_trees', 'SELECT sync.distrust_trees(%L, %L, ''{1}'')'),
    ('send_everything', 'SELECT sync.send_everything(%L, %L)'),
    ('landed_lines', 'SELECT sync.landed_lines(%L, %L)'),
    ('quarantine', 'SELECT sync.quarantine(%L, %L, ''{}'', ''{}'', ''{}'', ''{}'', ''{}'', ''{}'', ''{}'')'),
    ('quarantine_refused', 'SELECT sync.quarantine_refused(%L, %L, ''{}'', ''{}'', ''{}'', ''{}'')'),
    ('quarantine_chunk', 'SELECT sync.quarantine_chunk(%L, %L, 1, 1, '''')'),
    ('close_load', 'SELECT sync.close_load(%L, %L, 0, 0, 0, ''{}'', 0, 0, repeat(''0'', 64), 0)'),
    ('begin_stage', 'SELECT sync.begin_stage(%L, %L)'),
    ('stage_table', 'SELECT sync.stage_table(%L, %L, ''staging_products'')'),
    ('collect_groups', 'SELECT sync.collect_groups(%L, %L)'),
    ('settle_stream', 'SELECT sync.settle_stream(%L, %L, 30::smallint)'),
    ('end_stage', 'SELECT sync.end_stage(%L, %L, 0)'),
    ('begin_merge', 'SELECT sync.begin_merge(%L, %L)'),
    ('merge_piece', 'SELECT sync.merge_piece(%L, %L, ''staging_products'')'),
    ('end_merge', 'SELECT sync.end_merge(%L, %L)'),
    ('merge', 'SELECT sync.merge(%L, %L)'),
    ('fail_run', 'SELECT sync.fail_run(%L, %L, ''NS040'', ''x'')');
SELECT throws_ok(format(c.statement, f.id, f.lease_token), 'NS005', NULL, c.name || ' is refused to the first daemon') FROM calls AS c, first AS f;
SELECT is_empty($$
  SELECT p.proname FROM pg_proc AS p
   WHERE p.pronamespace = 'sync'::regnamespace AND p.proname NOT LIKE '\_%' AND 'p_token' = ANY (p.proargnames)
     AND p.proname NOT IN (SELECT name FROM calls)
$$, 'these are all functions that take a token');
SELECT throws_ok($$SELECT sync.merge(gen_random_uuid(), lease_token) FROM first$$, 'NS004', NULL, 'a run that is not there has no holder');
SELECT throws_ok($$SELECT sync.merge(id, NULL) FROM first$$, 'NS005', NULL, 'no token is no lease');
SELECT lives_ok($$SELECT sync.release_run(id, lease_token) FROM second$$, 'the second daemon gives it back');
SELECT throws_ok($$SELECT sync.merge(id, lease_token) FROM second$$, 'NS005', NULL, 'and has it no more');

SELECT * FROM finish();
ROLLBACK;
