BEGIN;
SELECT plan(9);

SELECT shops.register(('00000000-0000-7000-8000-0000000000' || n)::uuid, 'tap-' || n || '.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}')
  FROM unnest('{a1,a2,a3}'::text[]) AS s (n);
CREATE FUNCTION pg_temp.shop(p_no text) RETURNS uuid LANGUAGE sql RETURN ('00000000-0000-7000-8000-0000000000' || p_no)::uuid;
CREATE FUNCTION pg_temp.ask(p_queue text, p_name text, p_no text, p_count integer) RETURNS bigint LANGUAGE sql
RETURN (SELECT count(*) FROM jobs.enqueue_many(p_queue, p_name, array_fill(pg_temp.shop(p_no), ARRAY[p_count]), array_fill('{}'::jsonb, ARRAY[p_count])));
INSERT INTO system_config (key, value) VALUES ('jobs.max_active', '200'), ('jobs.max_active_per_shop', '30');
SELECT jobs.register_handler('tap.long', 'sync', 'daemon', p_lease => '10 minutes');
SELECT jobs.register_handler('tap.short', 'sync', 'database', 'jobs._do_purge(uuid, jsonb)', p_lease => '5 seconds');
SELECT pg_temp.ask('sync', 'tap.long', 'a1', 50), pg_temp.ask('sync', 'tap.short', 'a2', 50), pg_temp.ask('notifications', 'tap.unknown', 'a3', 50);

CREATE TEMP TABLE lease AS SELECT *, clock_timestamp() AS at FROM jobs.claim('{sync,notifications}', 'tap', 80);
SELECT is((SELECT count(*) FROM lease), 80::bigint, 'eighty at once');
SELECT is((SELECT count(*) FROM lease AS l JOIN job_slots AS s ON s.slot = l.token & 65535
            WHERE (s.token, s.job_id, s.lane, s.queue_name, s.lease_expires_at) = (l.token, l.job_id, l.shop_id::text, l.queue_name, l.lease_expires_at)),
          80::bigint, 'each has a slot, which knows whose it is, of which queue and for how long');
SELECT results_eq($$SELECT DISTINCT job_name, runs_in, round(extract(epoch FROM lease_expires_at - at) / 5) * 5 FROM lease ORDER BY 1$$,
                  $$VALUES ('tap.long', 'daemon', 600::numeric), ('tap.short', 'database', 5), ('tap.unknown', 'daemon', 60)$$, 'each kind has its lease and its place');
SELECT ok((SELECT bool_and(n <= 30) FROM (SELECT count(*) AS n FROM lease GROUP BY shop_id) AS c), 'no shop has more than its limit');
SELECT is((SELECT count(*) FROM jobs.claim('{sync,notifications}', 'tap', 80)), 10::bigint, 'with many active, too');
SELECT is((SELECT max(n) FROM (SELECT count(*) AS n FROM job_slots WHERE lane IS NOT NULL GROUP BY lane) AS c), 30::bigint, 'now all have as many as they may');
SELECT is(jobs.complete_many((SELECT array_agg(token ORDER BY random()) FROM lease)), 80, 'their tokens end them');
SELECT is((SELECT count(*) FROM job_runs AS j JOIN lease AS l ON l.job_id = j.id AND j.status = 'completed'), 80::bigint, 'those and no others');
SELECT is((SELECT count(*) FROM job_slots WHERE job_id IS NOT NULL), 10::bigint, 'ten go on');

SELECT * FROM finish();
ROLLBACK;
