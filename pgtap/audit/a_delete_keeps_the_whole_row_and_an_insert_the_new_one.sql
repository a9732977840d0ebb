BEGIN;
SELECT plan(5);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);

INSERT INTO shopify_products (shop_id, id, shopify_gid, legacy_resource_id, title, handle, status, vendor)
SELECT '00000000-0000-7000-8000-0000000000a1', ('00000000-0000-7000-8000-00000000010' || n)::uuid, 'gid://shopify/Product/' || n, n, 'p' || n, 'p' || n, 'ACTIVE', 'v'
  FROM generate_series(1, 3) AS n;
CREATE FUNCTION pg_temp.log() RETURNS SETOF neanelu.audit_logs LANGUAGE sql AS
    'SELECT * FROM neanelu.audit_logs WHERE entity_type = ''shopify_products'' ORDER BY entity_id';


DELETE FROM shopify_products WHERE legacy_resource_id = 1;
SELECT is((SELECT action FROM pg_temp.log()), 'DELETE', 'a delete is logged');
SELECT is((SELECT old_values ->> 'title' FROM pg_temp.log()), 'p1', 'with the row');
SELECT ok((SELECT new_values IS NULL FROM pg_temp.log()), 'and no new one');
SELECT is((SELECT count(*) FROM audit_logs WHERE entity_type = 'shops' AND action = 'INSERT'), 2::bigint, 'inserts of shops are logged');
SELECT is((SELECT new_values ->> 'plan_tier' FROM audit_logs WHERE entity_type = 'shops' AND entity_id = '00000000-0000-7000-8000-0000000000a1'), 'basic', 'with the row');

SELECT * FROM finish();
ROLLBACK;
