BEGIN;
SELECT plan(16);

SELECT shops.register(id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}')
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com')) AS s (id, domain);
CREATE TEMP TABLE requested AS
SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products') AS one,
       sync.request_run('00000000-0000-7000-8000-0000000000a2', 'products') AS two;

SELECT is((SELECT count(*) FROM sync.list_runs()), 2::bigint, 'all shops'' runs');
SELECT results_eq($$SELECT run_id, shop, status, step FROM sync.list_runs('00000000-0000-7000-8000-0000000000a1')$$,
                  $$SELECT one, 'tap-one.myshopify.com', 'pending', NULL::text FROM requested$$, 'one shop''s');
SELECT is_empty($$SELECT * FROM sync.list_runs(p_statuses => '{failed,completed}')$$, 'in some statuses');
SELECT results_eq($$SELECT run_id FROM sync.list_runs(p_limit => 1)$$, $$SELECT two FROM requested$$, 'the newest first');
SELECT results_eq($$SELECT pending, running, abandoned FROM sync.active_runs()$$, $$VALUES (2::bigint, 0::bigint, 0::bigint)$$, 'two wait');

CREATE TEMP TABLE claimed AS SELECT * FROM sync.claim_run('tap', '-1 second', '00000000-0000-7000-8000-0000000000a1');
SELECT results_eq($$SELECT pending, running, abandoned FROM sync.active_runs()$$, $$VALUES (1::bigint, 1::bigint, 1::bigint)$$,
                  'a run whose lease has ended is abandoned');
SELECT ok(sync.reserve_operation(id, lease_token), 'it starts') FROM claimed;
SELECT is((SELECT step FROM sync.list_runs('00000000-0000-7000-8000-0000000000a1')), 'start', 'the step it is at');
SELECT is(sync.quarantine(id, lease_token, '{3,5}', '{NS101,NS102}', '{bad,worse}', '{NULL,Product}', '{NULL,gid://shopify/Product/5}', '{"\\x7b","\\xff"}', '{1,1}'),
          2, 'two lines go to quarantine') FROM claimed;
SELECT is(sync.fail_run(id, lease_token, 'NS061', 'too many'), 'failed', 'and the run fails') FROM claimed;

CREATE TEMP TABLE details AS SELECT sync.run_details(one) AS d FROM requested;
SELECT is((SELECT d ->> 'error_code' FROM details), 'NS061', 'the details say why');
SELECT is((SELECT jsonb_path_query_array(d, '$.error_codes[*].lines') FROM details), '[1, 1]', 'how many lines for which reason');
SELECT is((SELECT d #>> '{steps,0,step}' FROM details), 'start', 'and what was done');
SELECT is((SELECT d ->> 'lines_quarantined' FROM details), '2', 'quarantine counts although nothing was merged');
SELECT results_eq(
    $$SELECT last_run_status, last_error_code, quarantined, active_status FROM sync.freshness('00000000-0000-7000-8000-0000000000a1') WHERE resource = 'products'$$,
    $$VALUES ('failed', 'NS061', 2::bigint, NULL::text)$$, 'freshness knows the last outcome');
SELECT throws_ok($$SELECT sync.run_details('00000000-0000-7000-8000-0000000000ff')$$, 'NS004', NULL, 'a run that is not there has no details');

SELECT * FROM finish();
ROLLBACK;
