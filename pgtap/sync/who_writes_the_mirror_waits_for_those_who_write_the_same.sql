BEGIN;
SELECT plan(21);

SELECT shops.register(id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}')
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com'), ('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com')) AS s (id, domain);
CREATE FUNCTION pg_temp.s(p_n integer DEFAULT 1) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-7000-8000-0000000000a' || p_n)::uuid $$;
-- The locks that this session took since it was last asked, and whether any is one that it had.
CREATE TEMP TABLE held AS SELECT classid, objid, mode FROM pg_locks WHERE false;
CREATE FUNCTION pg_temp.taken() RETURNS text LANGUAGE sql VOLATILE AS $$
    WITH now AS MATERIALIZED (SELECT l.classid, l.objid, l.mode FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.pid = pg_backend_pid() AND l.granted),
         noted AS (INSERT INTO pg_temp.held SELECT * FROM now EXCEPT SELECT * FROM pg_temp.held RETURNING *)
    SELECT coalesce(string_agg(n.mode, ' '), 'none') FROM noted AS n
$$;
SELECT pg_temp.taken() IS NOT NULL AS noted;
SELECT sync.lock_object(pg_temp.s(), 'Product', 1);
SELECT is(pg_temp.taken(), 'ExclusiveLock', 'an object is one writer''s');
SELECT sync.lock_object(pg_temp.s(), 'Product', 1);
SELECT is(pg_temp.taken(), 'none', 'the same again is the same lock');
SELECT sync.lock_object(pg_temp.s(2), 'Product', 1);
SELECT is(pg_temp.taken(), 'ExclusiveLock', 'another shop''s is another');
SELECT sync.lock_object(pg_temp.s(), 'Order', 1);
SELECT is(pg_temp.taken(), 'ExclusiveLock', 'and of another kind');
SELECT sync.share_resource(pg_temp.s(), 'products');
SELECT is(pg_temp.taken(), 'ShareLock', 'writers of single objects share a resource');
SELECT sync.lock_resource(pg_temp.s(), 'products');
SELECT is(pg_temp.taken(), 'ExclusiveLock', 'who writes all of it has it alone');
SELECT is((SELECT count(*) FROM (SELECT classid, objid FROM held GROUP BY 1, 2 HAVING count(*) = 2) AS x), 1::bigint, 'and it is the same lock');
SELECT sync.lock_resource(pg_temp.s(), 'orders');
SELECT is(pg_temp.taken(), 'ExclusiveLock', 'other resources are apart');

SELECT throws_ok('SELECT * FROM sync.row_counts(NULL)', 'NA002', NULL, 'no shop, no rows');
INSERT INTO shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, status, deleted_at, deletion_reason)
SELECT pg_temp.s(1 + (n = 4)::integer), 'gid://shopify/Product/' || n, n, 'T', 't' || n, 'ACTIVE', CASE WHEN n = 3 THEN now() END, CASE WHEN n = 3 THEN 'webhook' END FROM generate_series(1, 4) AS n;
SELECT results_eq($$SELECT table_name, is_main, live, tombstoned FROM sync.row_counts(pg_temp.s()) WHERE table_name = 'shopify_products'$$,
    $$VALUES ('shopify_products', true, 2::bigint, 1::bigint)$$, 'living and deleted rows of one shop');
SELECT ok((SELECT bool_or(tombstoned IS NULL) AND bool_and(live = 0) FROM sync.row_counts(pg_temp.s()) WHERE table_name <> 'shopify_products'), 'the other tables are empty, links mark nothing');

CREATE TEMP TABLE run AS SELECT c.* FROM (SELECT sync.request_run(pg_temp.s(), 'products')) AS r, sync.claim_run('tap') AS c;
SELECT results_eq('SELECT s.run_id, s.status, s.retry_count, s.error_code FROM run, sync.run_states(ARRAY[run.id, gen_random_uuid()]) AS s',
    $$SELECT id, 'running', 0, NULL::text FROM run$$, 'it is told where a run stands');
SELECT is_empty($$SELECT * FROM sync.run_states('{}')$$, 'of none nothing');
SELECT ok(NOT sync.signal_operation(pg_temp.s(), 'gid://shopify/BulkOperation/1'), 'an operation that no run waits for is nobody''s');
SELECT sync.reserve_operation(id, lease_token) FROM run;
SELECT sync.record_operation(id, lease_token, 'gid://shopify/BulkOperation/1', now()) FROM run;
SELECT ok(sync.signal_operation(pg_temp.s(), 'gid://shopify/BulkOperation/1'), 'the word that it finished is passed on');
SELECT ok(sync.signal_operation(pg_temp.s(), 'gid://shopify/BulkOperation/1'), 'twice if need be');
SELECT ok(NOT sync.signal_operation(pg_temp.s(2), 'gid://shopify/BulkOperation/1'), 'another shop''s word is not');
SELECT throws_ok($$SELECT sync.signal_operation(NULL, 'x')$$, 'NA002', NULL, 'nor that of no shop');

SELECT lives_ok('SELECT sync.refresh_statistics()', 'statistics of what was loaded');
SELECT lives_ok($$SELECT sync.refresh_statistics('{staging_products,bulk_groups}')$$, 'and of what was staged');
SELECT ok((SELECT c.reltuples >= 0 FROM pg_class AS c WHERE c.oid = 'neanelu.bulk_lines'::regclass), 'are there then');

SELECT * FROM finish();
ROLLBACK;
