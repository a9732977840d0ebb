-- Streams of a large first load go into the mirror while others are staged, in one transaction of the daemon's; only then and only there.
BEGIN;
SELECT plan(51);

SELECT shops.register(('00000000-0000-7000-8000-0000000000a' || n)::uuid, 'tap-' || n || '.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}') FROM generate_series(1, 4) AS n;
INSERT INTO system_config (key, value) VALUES ('sync.bare_load_lines', '0'), ('sync.max_error_fraction', '1');
CREATE TEMP TABLE run (id uuid, lease_token uuid, attempt integer);
CREATE FUNCTION pg_temp.begin_run(p_shop integer, p_mode text DEFAULT 'snapshot') RETURNS void LANGUAGE sql AS $$
    DELETE FROM run;
    INSERT INTO run SELECT c.id, c.lease_token, c.attempt
      FROM (SELECT sync.request_run(('00000000-0000-7000-8000-0000000000a' || p_shop)::uuid, 'products', p_mode, 'file')) AS r (id), sync.claim_run('tap', p_run_id => r.id) AS c;
    SELECT sync.open_load(id, lease_token) FROM run $$;
CREATE FUNCTION pg_temp.line(p_number integer, p_stream smallint, p_kind text, p_object bigint, p_doc jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bulk_lines (bulk_run_id, attempt, line_number, stream, kind, owner_id, object_id, doc)
    SELECT id, attempt, p_number, p_stream, p_kind, p_object, p_object, jsonb_build_object('id', 'gid://shopify/' || p_kind || '/' || p_object,
           'legacyResourceId', p_object::text, 'title', 't' || p_object) || p_doc FROM run $$;
CREATE FUNCTION pg_temp.product(p_number integer, p_id bigint, p_status text DEFAULT 'ACTIVE') RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.line(p_number, 30::smallint, 'Product', p_id, jsonb_build_object('handle', 'h' || p_id, 'status', p_status)) $$;
CREATE FUNCTION pg_temp.variant(p_number integer, p_id bigint, p_product bigint) RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.line(p_number, 31::smallint, 'ProductVariant', p_id, jsonb_build_object('price', '1.00', '__parentId', 'gid://shopify/Product/' || p_product)) $$;
CREATE FUNCTION pg_temp.begin_stage(p_kinds jsonb) RETURNS boolean LANGUAGE sql AS $$
    SELECT sync.collect_trees(id, lease_token) FROM run;
    SELECT sync.close_load(id, lease_token, 100, l.lines, 2, p_kinds, 0, l.lines, repeat('0', 64), l.lines)
      FROM run, LATERAL (SELECT count(*) AS lines FROM bulk_lines AS b WHERE b.bulk_run_id = run.id) AS l;
    SELECT sync.begin_stage(id, lease_token) FROM run $$;
CREATE FUNCTION pg_temp.stage(p_stream smallint) RETURNS bigint LANGUAGE sql AS $$
    SELECT sum(sync.stage_table(run.id, run.lease_token, t.staging_table))::bigint FROM run, sync.staging_tables('products') AS t WHERE t.stream = p_stream $$;
CREATE FUNCTION pg_temp.indexes() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM pg_index WHERE indrelid IN ('shopify_products'::regclass, 'shopify_variants'::regclass, 'shopify_media'::regclass, 'shopify_product_media'::regclass) $$;
CREATE TEMP TABLE before AS SELECT pg_temp.indexes() AS indexes;

-- A product that is refused, its variant, and a variant of nobody.
SELECT pg_temp.begin_run(1);
SELECT pg_temp.product(1, 1), pg_temp.variant(2, 11, 1), pg_temp.product(3, 2, 'BOGUS'), pg_temp.variant(4, 21, 2), pg_temp.variant(5, 31, 3);
SELECT ok(pg_temp.begin_stage('{"Product":2,"ProductVariant":3}'), 'a first load of several streams may be merged beside its staging');
SELECT is((SELECT s.status::text FROM bulk_steps AS s JOIN run ON run.id = s.bulk_run_id WHERE s.step_name = 'merge'), 'pending', 'its merge is to come');
SELECT ok((SELECT s.metadata ? 'checks' FROM bulk_steps AS s JOIN run ON run.id = s.bulk_run_id WHERE s.step_name = 'stage'), 'the CHECKs are noted before the tables are taken');
SELECT is(pg_temp.stage(30::smallint), 2::bigint, 'products are staged');
SELECT lives_ok($$SELECT sync.settle_stream(id, lease_token, 30::smallint) FROM run$$, 'and final');
SELECT lives_ok($$SELECT sync.settle_stream(id, lease_token, 30::smallint) FROM run$$, 'said twice');
SELECT is((SELECT s.metadata -> 'settled' FROM bulk_steps AS s JOIN run ON run.id = s.bulk_run_id WHERE s.step_name = 'stage'), '[30]', 'and noted once');
SELECT ok(sync.begin_merge(id, lease_token), 'the merge begins') FROM run;
SELECT cmp_ok(pg_temp.indexes(), '<', indexes, 'into bare tables') FROM before;
SELECT lives_ok($$SELECT sync.merge_piece(id, lease_token, t.staging_table) FROM run, sync.staging_tables('products') AS t WHERE t.stream = 30$$, 'products go in');
SELECT is((SELECT array_agg(legacy_resource_id) FROM shopify_products), '{1}', 'those that are valid');
SELECT is(current_setting('session_replication_role'), 'origin', 'and triggers are as they were');
SELECT throws_ok($$INSERT INTO shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, status)
    VALUES ('00000000-0000-7000-8000-0000000000ff', 'gid://shopify/Product/8', 8, 'p', 'p', 'ACTIVE'); SET CONSTRAINTS ALL IMMEDIATE$$, '23503', NULL, 'so that nobody else comes without a shop');
SELECT is(pg_temp.stage(31::smallint), 3::bigint, 'variants are staged meanwhile');
SELECT throws_ok($$SELECT sync.end_merge(id, lease_token) FROM run$$, 'NS052', NULL, 'the merge does not end before staging has');
SELECT is(sync.end_stage(id, lease_token, 5) ->> 'quarantined', '1', 'staging ends: one product is put aside') FROM run;
SELECT ok(NOT (SELECT s.metadata ? 'checks' FROM bulk_steps AS s JOIN run ON run.id = s.bulk_run_id WHERE s.step_name = 'stage'), 'and what was noted is not needed any more');
SELECT throws_ok($$SELECT sync.end_merge(id, lease_token) FROM run$$, 'NS052', NULL, 'nor before all streams were merged');
SELECT lives_ok($$SELECT sync.merge_piece(id, lease_token, 'staging_variants') FROM run$$, 'variants follow');
CREATE TEMP TABLE ended AS SELECT r.* FROM run, sync.end_merge(run.id, run.lease_token) AS r;
SELECT results_eq($$SELECT status::text, lines_merged, lines_quarantined, rows_inserted FROM ended$$, $$VALUES ('completed', 2::bigint, 3::bigint, 2::bigint)$$,
                  'one product with its variant; the others have no parent');
SELECT is(pg_temp.indexes(), indexes, 'the indexes are there again') FROM before;
SELECT results_eq($$SELECT (s.metadata ->> 'bare')::boolean, s.metadata ? 'taken_off' FROM bulk_steps AS s JOIN ended ON ended.id = s.bulk_run_id WHERE s.step_name = 'merge'$$,
                  $$VALUES (true, false)$$, 'and what was taken off is forgotten');
SELECT throws_ok($$SELECT sync.end_merge(id, lease_token) FROM run$$, 'NS005', NULL, 'once');

-- Whom it is not for.
SELECT pg_temp.begin_run(1);
SELECT pg_temp.product(1, 1), pg_temp.variant(2, 11, 1);
SELECT ok(NOT pg_temp.begin_stage('{"Product":1,"ProductVariant":1}'), 'a shop of which the mirror has something is compared with it');
SELECT pg_temp.begin_run(2);
SELECT pg_temp.product(1, 1);
SELECT ok(NOT pg_temp.begin_stage('{"Product":1}'), 'one stream alone has nothing beside it');
SELECT pg_temp.begin_run(3);
SELECT pg_temp.product(1, 1), pg_temp.variant(2, 11, 1);
UPDATE bulk_runs SET is_partial = true WHERE id = (SELECT id FROM run);
SELECT ok(NOT pg_temp.begin_stage('{"Product":1,"ProductVariant":1}'), 'partial data is looked at whole');
SELECT sync.cancel_run(id) FROM run;

-- Cancelled meanwhile.
SELECT pg_temp.begin_run(3);
SELECT pg_temp.product(1, 1), pg_temp.variant(2, 11, 1);
SELECT pg_temp.begin_stage('{"Product":1,"ProductVariant":1}');
SELECT pg_temp.stage(30::smallint), sync.settle_stream(id, lease_token, 30::smallint) FROM run;
SELECT ok(sync.begin_merge(id, lease_token), 'a merge is open') FROM run;
SELECT is((sync.cancel_run(id)).status::text, 'cancelled', 'and its run is cancelled') FROM run;
SELECT throws_ok($$SELECT sync.end_merge(id, lease_token) FROM run$$, 'NS005', NULL, 'it does not end');

-- A webhook was faster.
SELECT pg_temp.begin_run(4);
SELECT pg_temp.product(1, 1), pg_temp.variant(2, 11, 1);
SELECT ok(pg_temp.begin_stage('{"Product":1,"ProductVariant":1}'), 'another shop''s first load');
INSERT INTO shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, status)
VALUES ('00000000-0000-7000-8000-0000000000a4', 'gid://shopify/Product/9', 9, 'p', 'p', 'ACTIVE');
SELECT ok(NOT sync.begin_merge(id, lease_token), 'finds the first row there and merges when all is staged') FROM run;
SELECT is((SELECT s.status::text FROM bulk_steps AS s JOIN run ON run.id = s.bulk_run_id WHERE s.step_name = 'merge'), 'pending', 'nothing has begun');

SELECT sync.cancel_run(id) FROM run;
DELETE FROM shopify_products;

-- In halves: each object is in one of them, whole, and both together are all.
SELECT pg_temp.begin_run(4);
SELECT pg_temp.product(n, 32768 * n::bigint), pg_temp.variant(100 + n, 32768 * n::bigint + 1, 32768 * n::bigint) FROM generate_series(1, 40) AS n;
INSERT INTO bulk_lines (bulk_run_id, attempt, line_number, stream, kind, owner_id, doc)
SELECT id, attempt, 200 + n, 30, 'Metafield', 32768 * n::bigint, '{"namespace":"n","key":"k","type":"t","value":"v"}' FROM run, generate_series(1, 40) AS n;
SELECT ok(pg_temp.begin_stage('{"Product":40,"ProductVariant":40,"Metafield":40}'), 'a third shop''s first load');
SELECT sync.collect_groups(id, lease_token) FROM run;
SELECT is((SELECT count(*) FROM bulk_groups AS g JOIN run ON run.id = g.bulk_run_id), 0::bigint, 'objects that all have a line of their own are not listed');
CREATE TEMP TABLE halves AS
SELECT h.half, sync.stage_table(run.id, run.lease_token, 'staging_products', h.half) AS rows FROM run, generate_series(0, 1) AS g, LATERAL (SELECT g::smallint) AS h (half);
SELECT is((SELECT sum(rows)::integer FROM halves), 40, 'both halves are all');
SELECT cmp_ok((SELECT min(rows) FROM halves), '>', 10::bigint, 'and neither is nothing, though Shopify''s ids are far apart');
SELECT is(sync.stage_table(id, lease_token, 'staging_products', 1::smallint), rows, 'a half begins from nothing') FROM run, halves WHERE half = 1;
SELECT is((SELECT count(*)::integer FROM staging_products AS s JOIN run ON run.id = s.bulk_run_id WHERE s.metafields ? 'n.k'), 40, 'once each, with their children');
SELECT ok(sync.begin_merge(id, lease_token), 'the merge begins') FROM run;
SELECT sync.merge_piece(run.id, run.lease_token, 'staging_products', 0::smallint) FROM run;
SELECT is((SELECT count(*) FROM shopify_products), rows, 'one half goes in') FROM halves WHERE half = 0;
SELECT sync.merge_piece(run.id, run.lease_token, 'staging_products', 1::smallint), sync.stage_table(run.id, run.lease_token, 'staging_variants') FROM run;
SELECT sync.merge_piece(run.id, run.lease_token, 'staging_variants') FROM run;
SELECT sync.end_stage(id, lease_token, 80) FROM run;
UPDATE bulk_steps AS s SET metadata = s.metadata - 'has_trees' FROM run WHERE s.bulk_run_id = run.id AND s.step_name = 'load';
SELECT throws_ok($$SELECT sync.end_merge(id, lease_token) FROM run$$, 'NS052', NULL, 'a merge does not end without the file''s trees');
SELECT sync.collect_trees(id, lease_token) FROM run;
SELECT is((SELECT r.rows_inserted FROM run, sync.end_merge(run.id, run.lease_token) AS r), 80::bigint, 'which may come last');
SELECT is((SELECT s.metadata -> 'inserted' ->> 'staging_products' FROM bulk_steps AS s JOIN run ON run.id = s.bulk_run_id WHERE s.step_name = 'merge'), '40', 'and halves are added up');
SELECT is((SELECT s.metadata -> 'counted' -> 'rows' FROM bulk_steps AS s JOIN run ON run.id = s.bulk_run_id WHERE s.step_name = 'stage'), '80', 'what is there was counted when staging ended');

-- An object without a line of its own: then all are listed, and its lines put aside.
SELECT pg_temp.begin_run(3);
SELECT pg_temp.product(1, 1), pg_temp.variant(2, 11, 1);
INSERT INTO bulk_lines (bulk_run_id, attempt, line_number, stream, kind, owner_id, doc)
SELECT id, attempt, 3, 30, 'Metafield', 99, '{"namespace":"n","key":"k","type":"t","value":"v"}' FROM run;
SELECT ok(pg_temp.begin_stage('{"Product":1,"ProductVariant":1,"Metafield":1}'), 'a first load with an orphan');
INSERT INTO bulk_trees (bulk_run_id, root_id, digest, lines, is_here, is_clean) SELECT id, 1, 0, 3, true, true FROM run;
SELECT ok(sync._is_whole(r), 'clean trees of all lines are believed, and no line is read') FROM bulk_runs AS r JOIN run USING (id);
UPDATE bulk_trees AS t SET lines = 2 FROM run WHERE t.bulk_run_id = run.id;
SELECT ok(NOT sync._is_whole(r), 'trees of some lines are not: the orphan is found') FROM bulk_runs AS r JOIN run USING (id);
UPDATE bulk_trees AS t SET lines = 3, is_clean = false FROM run WHERE t.bulk_run_id = run.id;
SELECT ok(NOT sync._is_whole(r), 'nor are trees that refer to others') FROM bulk_runs AS r JOIN run USING (id);
DELETE FROM bulk_trees AS t USING run WHERE t.bulk_run_id = run.id;
SELECT sync.collect_groups(id, lease_token) FROM run;
SELECT is((SELECT count(*) FROM bulk_groups AS g JOIN run ON run.id = g.bulk_run_id), 3::bigint, 'has its objects listed');
SELECT pg_temp.stage(30::smallint), pg_temp.stage(31::smallint) FROM run;
SELECT is(sync.end_stage(id, lease_token, 2) ->> 'quarantined', '1', 'and one line is put aside') FROM run;
SELECT is((SELECT r.lines_merged FROM run, sync.merge(run.id, run.lease_token) AS r), 2::bigint, 'the others are merged');

SELECT * FROM finish();
ROLLBACK;
