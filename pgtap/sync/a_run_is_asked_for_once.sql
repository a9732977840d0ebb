BEGIN;
SELECT plan(19);

SELECT shops.register(id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}')
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com')) AS s (id, domain);
CREATE TEMP TABLE asked AS SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products', p_idempotency_key => 'k1') AS id;

SELECT is(sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products', p_idempotency_key => 'k1'), id, 'the same key gives the same run') FROM asked;
SELECT is(sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products'), id, 'a run of the same kind that waits is given too') FROM asked;
SELECT is((SELECT count(*) FROM bulk_runs), 1::bigint, 'and there is one row');
SELECT is(sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products', 'incremental'), id,
          'incremental becomes snapshot while there is no checkpoint, so it is the same kind') FROM asked;
SELECT throws_ok($$SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products', 'verify')$$, 'NS003', NULL, 'another mode does not get in between');
SELECT throws_ok($$SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products', 'snapshot', 'file')$$, 'NS003', NULL, 'nor does a file');
SELECT throws_ok($$SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'spaceships')$$, 'NS001', NULL, 'no such resource');
SELECT throws_ok($$SELECT sync.request_run('00000000-0000-7000-8000-0000000000ff', 'products')$$, 'NS002', NULL, 'no such shop');
SELECT throws_ok($$SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'orders', 'backwards')$$, '23514', NULL, 'no such mode');
SELECT isnt(sync.request_run('00000000-0000-7000-8000-0000000000a2', 'products', p_idempotency_key => 'k1'), id, 'keys are a shop''s own') FROM asked;
SELECT isnt(sync.request_run('00000000-0000-7000-8000-0000000000a1', 'orders'), id, 'another resource is another run') FROM asked;

SELECT is(sync.retry_run(id), id, 'to retry a run that waits is to lift its backoff') FROM asked;
SELECT is((sync.cancel_run(id)).status, 'cancelled', 'it can be cancelled') FROM asked;
SELECT is((sync.cancel_run(id)).status, 'cancelled', 'twice') FROM asked;
SELECT is(sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products', p_idempotency_key => 'k1'), id, 'its key is still its own') FROM asked;
SELECT isnt(sync.retry_run(id), id, 'to retry an ended run is to ask anew') FROM asked;
SELECT throws_ok($$SELECT sync.retry_run('00000000-0000-7000-8000-0000000000ff')$$, 'NS004', NULL, 'no such run to retry');
SELECT throws_ok($$SELECT sync.cancel_run('00000000-0000-7000-8000-0000000000ff')$$, 'NS004', NULL, 'nor to cancel');

CREATE TEMP TABLE file AS SELECT sync.request_run('00000000-0000-7000-8000-0000000000a2', 'orders', 'snapshot', 'file') AS id;
SELECT count(sync.cancel_run(id)) FROM file;
SELECT throws_ok($$SELECT sync.retry_run(id) FROM file$$, 'NS007', NULL, 'a file has to be given again');

SELECT * FROM finish();
ROLLBACK;
