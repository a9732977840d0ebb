BEGIN;
SELECT plan(14);

SELECT shops.register(id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}')
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com')) AS s (id, domain);
CREATE TEMP TABLE asked AS
SELECT r.resource, sync.request_run('00000000-0000-7000-8000-0000000000a1', r.resource) AS id
  FROM unnest(ARRAY['inventory', 'orders', 'product_publications', 'products', 'customers', 'locations', 'publications']) AS r (resource);
CREATE TEMP TABLE claimed (n serial, id uuid, token uuid, resource text);
CREATE FUNCTION pg_temp.claim() RETURNS text LANGUAGE sql AS $$
    INSERT INTO claimed (id, token, resource) SELECT id, lease_token, query_type FROM sync.claim_run('tap') RETURNING resource $$;
CREATE FUNCTION pg_temp.finish_run(p_resource text) RETURNS text LANGUAGE sql AS $$
    SELECT sync.fail_run(id, token, 'NS020', 'enough') FROM claimed WHERE resource = p_resource ORDER BY n DESC LIMIT 1 $$;

SELECT is(pg_temp.claim(), 'locations', 'first what nothing precedes');
SELECT is(pg_temp.claim(), 'publications', 'by the order of running');
SELECT is(pg_temp.claim(), 'products', 'products need neither');
SELECT is(pg_temp.claim(), 'customers', 'product_publications and inventory wait for products, so it is the customers'' turn');
SELECT is(pg_temp.claim(), NULL, 'orders wait for customers');
SELECT pg_temp.finish_run('products');
SELECT is(pg_temp.claim(), NULL, 'product_publications need publications too, inventory the locations');
SELECT pg_temp.finish_run('publications');
SELECT is(pg_temp.claim(), 'product_publications', 'when what it needs has ended, however it did');
SELECT pg_temp.finish_run('customers');
SELECT is(pg_temp.claim(), 'orders', 'orders after customers');
SELECT pg_temp.finish_run('locations');
SELECT is(pg_temp.claim(), 'inventory', 'inventory after products and locations');

CREATE TEMP TABLE other AS SELECT sync.request_run('00000000-0000-7000-8000-0000000000a2', 'orders') AS id;
SELECT is_empty($$SELECT * FROM sync.claim_run('tap', p_shop_id => '00000000-0000-7000-8000-0000000000a1')$$, 'a daemon may ask for one shop only');
SELECT results_eq($$SELECT id FROM sync.claim_run('tap')$$, $$SELECT id FROM other$$, 'another shop''s runs do not wait for this one''s');

CREATE TEMP TABLE file AS SELECT sync.request_run('00000000-0000-7000-8000-0000000000a2', 'customers', 'snapshot', 'file') AS id;
SELECT is_empty($$SELECT * FROM sync.claim_run('tap')$$, 'a file run is not for any daemon');
UPDATE bulk_runs SET not_before = clock_timestamp() + interval '1 hour' WHERE id = (SELECT id FROM file);
SELECT is_empty($$SELECT * FROM sync.claim_run('tap', p_run_id => (SELECT id FROM file))$$, 'nor for anybody before its time');
UPDATE bulk_runs SET not_before = clock_timestamp() WHERE id = (SELECT id FROM file);
SELECT results_eq($$SELECT id FROM sync.claim_run('tap', p_run_id => (SELECT id FROM file))$$, $$SELECT id FROM file$$, 'only for the one that has the file');

SELECT * FROM finish();
ROLLBACK;
