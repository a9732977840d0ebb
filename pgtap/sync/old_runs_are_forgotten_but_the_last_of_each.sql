BEGIN;
SELECT plan(7);

SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}');
CREATE FUNCTION pg_temp.run(p_id uuid, p_resource text, p_status text, p_age interval) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bulk_runs (id, shop_id, operation_type, query_type, mode, source, status, created_at, completed_at, error_message, error_code)
    SELECT p_id, '00000000-0000-7000-8000-0000000000a1', r.operation_type, r.resource, 'snapshot', 'shopify', p_status, now() - p_age, now() - p_age,
           CASE p_status WHEN 'failed' THEN 'x' END, CASE p_status WHEN 'failed' THEN 'NS040' END
      FROM sync_resources AS r WHERE r.resource = p_resource
$$;
SELECT pg_temp.run(('00000000-0000-7000-8000-00000000000' || n)::uuid, resource, status, age::interval)
  FROM (VALUES (1, 'products', 'cancelled', '90 days'), (2, 'products', 'cancelled', '60 days'), (3, 'products', 'cancelled', '20 days'),
               (4, 'orders', 'failed', '90 days'), (5, 'products', 'failed', '80 days')) AS r (n, resource, status, age);
INSERT INTO bulk_errors (bulk_run_id, shop_id, error_type, error_code, error_message, line_number, payload)
SELECT id, shop_id, 'VALIDATION', 'NS112', 'x', 1, '{"email": "jane@example.com"}' FROM bulk_runs;
INSERT INTO sync_digests (shop_id, stream, object_id, digest, lines) VALUES ('00000000-0000-7000-8000-0000000000a1', 1, 1, 1, 1);

SELECT is((SELECT runs || ' ' || errors || ' ' || digests FROM sync.purge_runs()), '2 3 0', 'two runs are forgotten, three lines emptied');
SELECT results_eq($$SELECT right(id::text, 1) FROM bulk_runs ORDER BY id$$, $$VALUES ('3'), ('4'), ('5')$$, 'the last of each resource and outcome stays');
SELECT is((SELECT count(*) FROM bulk_errors), 3::bigint, 'quarantine goes with its run');
SELECT is_empty($$SELECT FROM bulk_errors WHERE payload IS NOT NULL$$, 'and loses what it says earlier');
SELECT is((SELECT runs || ' ' || errors || ' ' || digests FROM sync.purge_runs()), '0 0 0', 'once more finds nothing');
SELECT shops.uninstall('00000000-0000-7000-8000-0000000000a1');
SELECT is((SELECT digests FROM sync.purge_runs()), 0, 'a shop that just left keeps its digests');
UPDATE shops SET installed_at = now() - interval '90 days', uninstalled_at = now() - interval '60 days';
SELECT is((SELECT digests FROM sync.purge_runs()), 1, 'for a while');

SELECT * FROM finish();
ROLLBACK;
