-- Where digests are known, a run names the trees that differ and those that are gone; whatever it does not name is as it was.
BEGIN;
SELECT plan(19);

SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}');
CREATE TEMP TABLE run (id uuid, lease_token uuid, attempt integer);
CREATE FUNCTION pg_temp.begin_run(p_mode text DEFAULT 'snapshot') RETURNS text LANGUAGE sql AS $$
    DELETE FROM run;
    INSERT INTO run SELECT c.id, c.lease_token, c.attempt
      FROM (SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products', p_mode, 'file')) AS r (id), sync.claim_run('tap', p_run_id => r.id) AS c;
    SELECT sync.open_load(id, lease_token) FROM run $$;
CREATE FUNCTION pg_temp.tree(p_root bigint, p_digest bigint, p_lines integer, p_clean boolean DEFAULT true) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bulk_manifest (bulk_run_id, attempt, root_id, digest, lines, is_clean) SELECT id, attempt, p_root, p_digest, p_lines, p_clean FROM run $$;
CREATE FUNCTION pg_temp.close_load(p_lines bigint, p_unchanged bigint, p_kinds jsonb DEFAULT '{}') RETURNS bigint LANGUAGE sql AS $$
    SELECT sync.collect_trees(id, lease_token) FROM run;
    SELECT sync.close_load(id, lease_token, 100, p_lines, 2, p_kinds, p_unchanged, 0, repeat('0', 64), 0) FROM run $$;
-- A shop of three products with a variant each, merged longer ago than any run here.
INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status, synced_at)
SELECT lpad(n::text, 32, '0')::uuid, '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Product/' || n, n, 'p', 'p' || n, 'ACTIVE', now() - interval '1 hour'
  FROM generate_series(1, 3) AS n;
INSERT INTO shopify_variants (shop_id, shopify_gid, legacy_resource_id, product_id, title, price, synced_at)
SELECT shop_id, 'gid://shopify/ProductVariant/1' || legacy_resource_id, ('1' || legacy_resource_id)::bigint, id, 'v', 1, synced_at FROM shopify_products;
INSERT INTO sync_digests (shop_id, stream, lines, object_id, digest)
SELECT '00000000-0000-7000-8000-0000000000a1', 30, n + 1, n, -n FROM generate_series(1, 3) AS n;

SELECT is(pg_temp.begin_run(), 'manifest', 'digests are known');
SELECT results_eq($$SELECT trees, roots, digests, lines FROM run, sync.known_trees(id, lease_token, -1, 2)$$,
                  $$VALUES (2, '\x00000000000000010000000000000002'::bytea, '\xfffffffffffffffffffffffffffffffe'::bytea, '\x0000000200000003'::bytea)$$,
                  'the daemon learns of the trees that were merged, in their order');
SELECT results_eq($$SELECT trees, roots FROM run, sync.known_trees(id, lease_token, 2, 2)$$, $$VALUES (1, '\x0000000000000003'::bytea)$$, 'so many at a time');
SELECT results_eq($$SELECT trees, roots FROM run, sync.known_trees(id, lease_token, 3, 2)$$, $$VALUES (0, NULL::bytea)$$, 'until there is none');

SELECT throws_ok($$SELECT sync.conclude_unchanged(id, lease_token) FROM run$$, 'NS052', NULL, 'nothing is concluded before the load is closed');
SELECT pg_temp.close_load(9, 9);
CREATE TEMP TABLE ended AS SELECT r.* FROM run, sync.conclude_unchanged(id, lease_token) AS r;
SELECT results_eq($$SELECT status::text, lines_unchanged, rows_tombstoned FROM ended$$, $$VALUES ('completed', 9::bigint, 0::bigint)$$, 'no tree is named: all is as it was');
SELECT is((SELECT count(*) FROM bulk_trees) + (SELECT count(*) FROM bulk_manifest), 0::bigint, 'and no row was written for a tree');
SELECT is((SELECT last_run_id FROM sync_checkpoints), (SELECT id FROM ended), 'the checkpoint is at this run');

-- One gone; a webhook distrusts another meanwhile, which is in the file all the same.
SELECT pg_temp.begin_run();
SELECT pg_temp.tree(3, 0, 0, false);
SELECT pg_temp.close_load(5, 5);
SELECT webhooks._forget_digests('00000000-0000-7000-8000-0000000000a1', 'Product', 2);
DELETE FROM ended;
INSERT INTO ended SELECT r.* FROM run, sync.conclude_unchanged(id, lease_token) AS r;
SELECT is((SELECT rows_tombstoned FROM ended), 2::bigint, 'what is named as gone is marked, with what belongs to it');
SELECT results_eq($$SELECT legacy_resource_id::bigint FROM shopify_products WHERE deleted_at IS NULL ORDER BY 1$$, $$VALUES (1::bigint), (2)$$, 'the others live');
SELECT results_eq($$SELECT legacy_resource_id::bigint FROM shopify_variants WHERE deleted_at IS NULL ORDER BY 1$$, $$VALUES (11::bigint), (12)$$, 'with what belongs to them');
SELECT results_eq($$SELECT object_id, digest FROM sync_digests ORDER BY 1$$, $$VALUES (1::bigint, -1::bigint), (2, 0)$$,
                  'of what is gone nothing is known any more; what is not trusted stays known');

-- One that the mirror has and no digest tells of.
DELETE FROM sync_digests WHERE object_id = 2;
SELECT pg_temp.begin_run();
SELECT pg_temp.close_load(2, 2);
DELETE FROM ended;
INSERT INTO ended SELECT r.* FROM run, sync.conclude_unchanged(id, lease_token) AS r;
SELECT results_eq($$SELECT legacy_resource_id::bigint FROM shopify_products WHERE deleted_at IS NULL$$, $$VALUES (1::bigint)$$, 'an object of no known tree that did not come is gone');

-- A tree that is here must be staged; where all is sent the database finds what is gone.
SELECT pg_temp.begin_run();
SELECT pg_temp.tree(1, 7, 2), pg_temp.tree(5, 8, 3), pg_temp.tree(5, 9, 3);
SELECT pg_temp.close_load(8, 0, '{"Product":8}');
SELECT throws_ok($$SELECT sync.conclude_unchanged(id, lease_token) FROM run$$, 'NS052', NULL, 'lines that were looked at must be merged');
SELECT results_eq($$SELECT root_id, lines, is_here, is_clean FROM bulk_trees JOIN run ON id = bulk_run_id ORDER BY 1$$, $$VALUES (1::bigint, 2, true, true), (5, 6, true, false)$$,
                  'a root that occurs twice is no clean tree');
SELECT sync.send_everything(id, lease_token) FROM run;
SELECT pg_temp.tree(5, 8, 3);
SELECT sync.collect_trees(id, lease_token) FROM run;
SELECT results_eq($$SELECT root_id, is_here FROM bulk_trees JOIN run ON id = bulk_run_id ORDER BY 1$$, $$VALUES (1::bigint, false), (5, true)$$, 'known, and not among all that was sent: gone');
SELECT sync.collect_trees(id, lease_token) FROM run;
SELECT is((SELECT count(*) FROM bulk_trees JOIN run ON id = bulk_run_id), 2::bigint, 'collecting again comes to the same');
SELECT sync.cancel_run(id) FROM run;
SELECT is(pg_temp.begin_run('verify'), 'all', 'a verifying run trusts no digest');
SELECT ok(NOT sync._trusts_digests(r), 'nor does its merge') FROM bulk_runs AS r, run WHERE r.id = run.id;

SELECT * FROM finish();
ROLLBACK;
