-- The whole way of a file in SQL alone, each step called twice; and what a step says when the one before is missing.
BEGIN;
SELECT plan(33);

SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}');
CREATE TEMP TABLE run (id uuid, lease_token uuid, attempt integer);
CREATE FUNCTION pg_temp.begin_run(p_mode text DEFAULT 'snapshot') RETURNS text LANGUAGE sql AS $$
    DELETE FROM run;
    INSERT INTO run SELECT c.id, c.lease_token, c.attempt
      FROM (SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products', p_mode, 'file')) AS r (id), sync.claim_run('tap', p_run_id => r.id) AS c;
    SELECT sync.open_load(id, lease_token) FROM run $$;
CREATE FUNCTION pg_temp.line(p_number integer, p_stream smallint, p_kind text, p_owner bigint, p_object bigint, p_root bigint, p_doc jsonb)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO bulk_lines (bulk_run_id, attempt, line_number, stream, kind, owner_id, object_id, root_id, doc)
    SELECT id, attempt, p_number, p_stream, p_kind, p_owner, p_object, p_root, p_doc FROM run $$;
CREATE FUNCTION pg_temp.product(p_number integer, p_id bigint, p_title text, p_updated text DEFAULT '2026-11-01T00:00:00Z') RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.line(p_number, 30::smallint, 'Product', p_id, p_id, p_id, jsonb_build_object('id', 'gid://shopify/Product/' || p_id,
        'legacyResourceId', p_id::text, 'title', p_title, 'handle', 'h' || p_id, 'status', 'ACTIVE', 'tags', '[]'::jsonb, 'options', '[]'::jsonb, 'updatedAt', p_updated)) $$;
CREATE FUNCTION pg_temp.variant(p_number integer, p_id bigint, p_product bigint, p_price text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.line(p_number, 31::smallint, 'ProductVariant', p_id, p_id, p_product, jsonb_build_object('id', 'gid://shopify/ProductVariant/' || p_id,
        'legacyResourceId', p_id::text, 'title', 'v', 'price', p_price, 'selectedOptions', '[]'::jsonb, '__parentId', 'gid://shopify/Product/' || p_product)) $$;
CREATE FUNCTION pg_temp.metafield(p_number integer, p_product bigint, p_key text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.line(p_number, 30::smallint, 'Metafield', p_product, p_number, p_product, jsonb_build_object('id', 'gid://shopify/Metafield/' || p_number,
        'namespace', 'n', 'key', p_key, 'type', 'text', 'value', 'x', '__parentId', 'gid://shopify/Product/' || p_product)) $$;
CREATE FUNCTION pg_temp.close_load(p_lines bigint, p_kinds jsonb, p_sent bigint DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
    SELECT sync.collect_trees(id, lease_token) FROM run;
    SELECT sync.close_load(id, lease_token, 100, p_lines, 2, p_kinds, 0, coalesce(p_sent, p_lines), repeat('0', 64),
                           (SELECT count(*) FROM bulk_lines AS l WHERE l.bulk_run_id = run.id AND l.attempt = run.attempt)) FROM run $$;
CREATE FUNCTION pg_temp.stage() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    v_run  run;
    v_rows bigint;
BEGIN
    SELECT * INTO v_run FROM run;
    PERFORM sync.begin_stage(v_run.id, v_run.lease_token);
    SELECT sum(sync.stage_table(v_run.id, v_run.lease_token, t.staging_table)) INTO v_rows FROM sync.staging_tables('products') AS t;
    RETURN sync.end_stage(v_run.id, v_run.lease_token, v_rows);
END
$$;

-- First load: variants before their product, a metafield, the same line twice.
SELECT is(pg_temp.begin_run(), 'all', 'nothing is known yet: everything is sent');
SELECT is(sync.open_load(id, lease_token), 'all', 'and again') FROM run;
SELECT pg_temp.variant(1, 11, 1, '10.00'), pg_temp.product(2, 1, 'one'), pg_temp.product(3, 2, 'two'), pg_temp.metafield(4, 2, 'k'),
       pg_temp.product(5, 2, 'two'), pg_temp.variant(6, 21, 2, '20.00'), pg_temp.variant(7, 22, 2, '21.999');
SELECT throws_ok($$SELECT sync.begin_stage(id, lease_token) FROM run$$, 'NS051', NULL, 'staging wants a load that was closed');
SELECT is(pg_temp.close_load(7, '{"Product":3,"ProductVariant":3,"Metafield":1}'), 0::bigint, 'all that was sent landed');
SELECT is(pg_temp.close_load(7, '{"Product":3,"ProductVariant":3,"Metafield":1}', 9), 2::bigint, 'or it says how many did not');
SELECT throws_ok($$SELECT sync.merge(id, lease_token) FROM run$$, 'NS052', NULL, 'a merge wants staged rows');
CREATE TEMP TABLE staged AS SELECT pg_temp.stage() AS s;
SELECT is((SELECT s ->> 'quarantined' FROM staged), '1', 'a price with three decimals is put aside');
SELECT is(pg_temp.stage(), (SELECT s FROM staged), 'staging again comes to the same');
SELECT is((SELECT count(*) FROM bulk_errors), 1::bigint, 'and puts nothing aside twice');
SELECT is((SELECT count(*) FROM staging_variants), 3::bigint, 'nor stages it twice');
INSERT INTO system_config (key, value) VALUES ('sync.max_error_fraction', '0.1');
SELECT throws_ok($$SELECT sync.merge(id, lease_token) FROM run$$, 'NS061', NULL, 'one of seven is more than a tenth');
SELECT is_empty($$SELECT id FROM shopify_products$$, 'nothing was merged');
SELECT is((SELECT error_code FROM bulk_errors), 'NS112', 'and why is still known');
UPDATE system_config SET value = '0.5' WHERE key = 'sync.max_error_fraction';
CREATE TEMP TABLE held AS TABLE run;
SELECT results_eq($$SELECT r.status::text, r.lines_merged, r.lines_quarantined, r.lines_duplicate, r.rows_inserted FROM held, sync.merge(held.id, held.lease_token) AS r$$,
                  $$VALUES ('completed', 5::bigint, 1::bigint, 1::bigint, 4::bigint)$$, 'then it is merged: two products, two variants');
SELECT throws_ok($$SELECT sync.merge(id, lease_token) FROM held$$, 'NS005', NULL, 'once');
SELECT results_eq($$SELECT p.title, v.price FROM shopify_variants AS v JOIN shopify_products AS p ON p.shop_id = v.shop_id AND p.id = v.product_id ORDER BY 1$$,
                  $$VALUES ('one', 10.00::numeric(12,2)), ('two', 20.00)$$, 'with their values');
SELECT is((SELECT metafields FROM shopify_products WHERE title = 'two'), '{"n.k": {"type": "text", "value": "x"}}', 'and the metafield of the second');
SELECT is((SELECT count(*) FROM sync_digests), 0::bigint, 'no digest is kept where no tree was told');
SELECT is((SELECT last_run_id FROM sync_checkpoints), (SELECT id FROM held), 'the checkpoint is at this run');
SELECT ok(sync.sweep_staging() >= 0, 'what is left over is removed');
SELECT is((SELECT count(*) FROM bulk_lines) + (SELECT count(*) FROM staging_variants), 0::bigint, 'altogether');
SELECT is(sync.sweep_staging(), 0::bigint, 'once');

-- Counts that do not add up.
SELECT pg_temp.begin_run();
SELECT pg_temp.product(1, 1, 'one changed', '2026-11-02T00:00:00Z'), pg_temp.product(2, 2, 'two');
SELECT pg_temp.close_load(3, '{"Product":3}', 2);
SELECT pg_temp.stage();
SELECT throws_ok($$SELECT sync.merge(id, lease_token) FROM run$$, '23514', NULL, 'a line that the daemon counted and the database has not is no success');
SELECT is((SELECT title FROM shopify_products WHERE legacy_resource_id = 1), 'one', 'and nothing was merged');
SELECT is((SELECT status::text FROM bulk_runs ORDER BY id DESC LIMIT 1), 'running', 'the run is where it was');

-- Lines and rows that a crash emptied.
SELECT pg_temp.close_load(2, '{"Product":2}');
DELETE FROM bulk_lines WHERE line_number = 2;
SELECT throws_ok($$SELECT sync.begin_stage(id, lease_token) FROM run$$, 'NS051', NULL, 'a line that is gone is noticed');
SELECT pg_temp.product(2, 2, 'two');
SELECT pg_temp.stage();
DELETE FROM staging_products WHERE object_id = 2;
SELECT throws_ok($$SELECT sync.merge(id, lease_token) FROM run$$, 'NS052', NULL, 'so is a staged row');
SELECT is((SELECT deleted_at FROM shopify_products WHERE legacy_resource_id = 2), NULL, 'and not taken for a deletion');
SELECT pg_temp.stage();
CREATE TEMP TABLE merged AS SELECT r.* FROM run, sync.merge(run.id, run.lease_token) AS r;
SELECT results_eq($$SELECT lines_merged, lines_unchanged, rows_updated, rows_tombstoned FROM merged$$, $$VALUES (2::bigint, 0::bigint, 2::bigint, 2::bigint)$$,
                  'one title changed, one metafield went, two variants vanished');
SELECT results_eq($$SELECT title, metafields FROM shopify_products ORDER BY 1$$, $$VALUES ('one changed', '{}'::jsonb), ('two', '{}')$$, 'as the file says');
SELECT results_eq($$SELECT deletion_reason FROM shopify_variants$$, $$VALUES ('snapshot'), ('snapshot')$$, 'the variants are marked');

-- Older than what the mirror has.
SELECT pg_temp.begin_run();
SELECT pg_temp.product(1, 1, 'one of yesterday', '2026-11-01T00:00:00Z'), pg_temp.product(2, 2, 'two');
SELECT pg_temp.close_load(2, '{"Product":2}');
SELECT pg_temp.stage();
SELECT results_eq($$SELECT r.lines_ignored, r.lines_unchanged FROM run, sync.merge(run.id, run.lease_token) AS r$$, $$VALUES (1::bigint, 1::bigint)$$, 'an older version is counted as ignored');
SELECT is((SELECT title FROM shopify_products WHERE legacy_resource_id = 1), 'one changed', 'and does not overwrite the newer');

SELECT * FROM finish();
ROLLBACK;
