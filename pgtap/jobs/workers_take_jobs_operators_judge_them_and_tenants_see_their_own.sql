BEGIN;
SELECT plan(16);

\ir ../as_login.psql

SELECT shops.register(id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}')
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com')) AS s (id, domain);
CREATE ROLE tap_tenant LOGIN IN ROLE neanelu_tenant;
SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-0000000000a1');
SELECT jobs.enqueue('sync', 'tap', s::uuid, '{"secret": 1}')
  FROM unnest(ARRAY['00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000a2', NULL]) AS s;

SELECT is(pg_temp.as_login('tap_tenant', 'SELECT count(*) FROM neanelu.job_runs'), '1', 'a tenant sees the jobs of its shop');
SELECT is(pg_temp.as_login('tap_tenant', 'SELECT payload FROM neanelu.job_runs'), '42501', 'but not what is in them');
SELECT is(pg_temp.as_login('tap_tenant', 'SELECT count(*) FROM pgmq.q_sync'), '42501', 'nor the queue');
SELECT is(pg_temp.as_login('tap_tenant', $$SELECT jobs.enqueue('sync', 'tap', '00000000-0000-7000-8000-0000000000a1')$$), '42501', 'and asks for none');
SELECT is(pg_temp.as_login('neanelu_worker', 'SELECT count(*) FROM neanelu.job_runs'), '42501', 'the worker reads no table');
SELECT is(pg_temp.as_login('neanelu_worker', 'SELECT count(*) FROM pgmq.q_sync'), '42501', 'and no queue');
SELECT is(pg_temp.as_login('neanelu_worker', $$SELECT count(*) FROM jobs.claim('{sync}', 'tap', 9)$$), '3', 'it takes jobs');
SELECT is(pg_temp.as_login('neanelu_worker', $$SELECT jobs.retry(uuidv7())$$), '42501', 'and judges none');
SELECT is(pg_temp.as_login('neanelu_webhooks', $$SELECT count(*) FROM jobs.claim('{sync}', 'tap', 9)$$), '42501', 'the receiver takes none');
SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT jobs.complete(uuidv7(), 1)$$), '42501', 'nor does the sync daemon complete any');
SELECT isnt(pg_temp.as_login('neanelu_sync', $$SELECT jobs.enqueue('sync', 'tap', NULL)$$), '42501', 'who may ask for one');
SELECT is(pg_temp.as_login('neanelu_operator', 'SELECT count(*) FROM neanelu.job_runs'), '4', 'operators see all');
SELECT is(pg_temp.as_login('neanelu_operator', 'SELECT payload FROM neanelu.job_runs'), '42501', 'without what is in them');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT payload ->> 'secret' FROM jobs.show((SELECT id FROM neanelu.job_runs ORDER BY id LIMIT 1))$$), '1', 'unless they ask for one');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT jobs.show(uuidv7())$$), 'NJ008', 'that is there');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT jobs.schedule('tap', '* * * * *', 'sync', 'tap', p_timezone => 'Mars/Olympus')$$), 'NJ006', 'they schedule on earth');

SELECT * FROM finish();
ROLLBACK;
