BEGIN;
SELECT plan(12);

SELECT shops.register(id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}')
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com')) AS s (id, domain);
CREATE FUNCTION pg_temp.shop(p_no text) RETURNS uuid LANGUAGE sql RETURN ('00000000-0000-7000-8000-0000000000' || p_no)::uuid;

SELECT throws_ok($$SELECT jobs.enqueue('sync', 'tap', pg_temp.shop('ff'))$$, '23503', NULL, 'no job for a shop that is not there');
SELECT throws_ok($$SELECT jobs.enqueue('sync', 'tap', pg_temp.shop('ff'), p_dedupe_key => 'k')$$, '23503', NULL, 'nor one that stands for others');
SELECT throws_ok($$SELECT jobs.enqueue_many('sync', 'tap', ARRAY[pg_temp.shop('a1'), pg_temp.shop('ff'), NULL], '{"{}","{}","{}"}')$$, '23503', NULL, 'nor among many');
SELECT is_empty($$SELECT FROM job_runs$$, 'nothing is left of them');
SELECT is_empty($$SELECT FROM pgmq.q_sync$$, 'and no message');
SELECT lives_ok($$SELECT jobs.enqueue_many('sync', 'tap', ARRAY[pg_temp.shop('a1'), pg_temp.shop('a1'), pg_temp.shop('a2'), NULL], '{"{}","{}","{}","{}"}')$$,
                'shops that are there, twice too, and the platform');
SELECT throws_ok($$UPDATE shops SET id = pg_temp.shop('b1') WHERE id = pg_temp.shop('a1')$$, '23503', NULL, 'a shop with jobs keeps its id');
SELECT lives_ok($$UPDATE shops SET id = id WHERE id = pg_temp.shop('a1')$$, 'which may be said again');
SELECT lives_ok($$DELETE FROM shops WHERE id = pg_temp.shop('a1')$$, 'a shop may go');
SELECT results_eq($$SELECT shop_id FROM job_runs ORDER BY shop_id$$, ARRAY[pg_temp.shop('a2'), NULL], 'and takes the records of its jobs along');
SELECT lives_ok($$SELECT jobs.complete_many(array_agg(c.token)) FROM jobs.claim('{sync}', 'tap', 10) AS c$$, 'workers pass over the messages that it left');
SELECT is_empty($$SELECT FROM job_slots WHERE job_id IS NOT NULL$$, 'and hold no slot for them');

SELECT * FROM finish();
ROLLBACK;
