BEGIN;
SELECT plan(3);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);

INSERT INTO shopify_products (shop_id, id, shopify_gid, legacy_resource_id, title, handle, status, vendor)
SELECT '00000000-0000-7000-8000-0000000000a1', ('00000000-0000-7000-8000-00000000010' || n)::uuid, 'gid://shopify/Product/' || n, n, 'p' || n, 'p' || n, 'ACTIVE', 'v'
  FROM generate_series(1, 3) AS n;
CREATE FUNCTION pg_temp.log() RETURNS SETOF neanelu.audit_logs LANGUAGE sql AS
    'SELECT * FROM neanelu.audit_logs WHERE entity_type = ''shopify_products'' ORDER BY entity_id';

GRANT neanelu_engine TO CURRENT_USER;
GRANT TRIGGER ON shopify_variants TO neanelu_engine;
SET LOCAL ROLE neanelu_engine;
SELECT audit.attach('neanelu.shopify_variants', p_secret_columns => '{barcode}', p_level => 'row');
RESET ROLE;
INSERT INTO shopify_variants (shop_id, product_id, shopify_gid, legacy_resource_id, title, price)
SELECT '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000101', 'gid://shopify/ProductVariant/' || n, n, 'v', 1 FROM generate_series(1, 2) AS n;
UPDATE shopify_variants SET price = 2, barcode = '4006381333931', title = title;
UPDATE shopify_variants SET synced_at = now() + interval '1 hour';
DELETE FROM shopify_variants WHERE legacy_resource_id = 2;
SELECT results_eq($$SELECT action::text, count(*) FROM audit_logs WHERE entity_type = 'shopify_variants' GROUP BY 1 ORDER BY 1$$,
    $$VALUES ('DELETE', 1::bigint), ('INSERT', 2), ('UPDATE', 2)$$, 'each changed row has its entry');
SELECT results_eq($$SELECT DISTINCT old_values, new_values FROM audit_logs WHERE entity_type = 'shopify_variants' AND action = 'UPDATE'$$,
    $$VALUES ('{"price": 1.00, "barcode": null}'::jsonb, '{"price": 2.00, "barcode": "[redacted]"}'::jsonb)$$, 'with the changed keys');
SELECT is((SELECT old_values ->> 'barcode' FROM audit_logs WHERE entity_type = 'shopify_variants' AND action = 'DELETE'), '[redacted]', 'and no secrets');

SELECT * FROM finish();
ROLLBACK;
