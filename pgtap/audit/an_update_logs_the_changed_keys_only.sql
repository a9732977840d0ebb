BEGIN;
SELECT plan(11);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);

INSERT INTO shopify_products (shop_id, id, shopify_gid, legacy_resource_id, title, handle, status, vendor)
SELECT '00000000-0000-7000-8000-0000000000a1', ('00000000-0000-7000-8000-00000000010' || n)::uuid, 'gid://shopify/Product/' || n, n, 'p' || n, 'p' || n, 'ACTIVE', 'v'
  FROM generate_series(1, 3) AS n;
CREATE FUNCTION pg_temp.log() RETURNS SETOF neanelu.audit_logs LANGUAGE sql AS
    'SELECT * FROM neanelu.audit_logs WHERE entity_type = ''shopify_products'' ORDER BY entity_id';


SELECT is_empty('SELECT 1 FROM pg_temp.log()', 'inserts of products are not logged');
UPDATE shopify_products SET vendor = 'w', title = title, updated_at = now() + interval '1 hour', synced_at = now() + interval '1 hour' WHERE legacy_resource_id < 3;
SELECT results_eq('SELECT action::text, shop_id, entity_id, old_values, new_values FROM pg_temp.log()',
    $$VALUES ('UPDATE', '00000000-0000-7000-8000-0000000000a1'::uuid, '00000000-0000-7000-8000-000000000101'::uuid, '{"vendor": "v"}'::jsonb, '{"vendor": "w"}'::jsonb),
             ('UPDATE', '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-000000000102', '{"vendor": "v"}', '{"vendor": "w"}')$$,
    'one entry a row, with what changed');
UPDATE shopify_products SET updated_at = now() + interval '2 hours', synced_at = now() + interval '2 hours', vendor = vendor;
SELECT is((SELECT count(*) FROM pg_temp.log()), 2::bigint, 'an update that changes nothing but its own time is not logged');
UPDATE shopify_products SET vendor = 'w';
SELECT is((SELECT count(*) FROM pg_temp.log()), 3::bigint, 'rows that stay equal are left out');
UPDATE shopify_products SET vendor = NULL, tags = '{x,"y z"}', metafields = '{"a": {"b": [1, "é\""]}}' WHERE legacy_resource_id = 3;
SELECT is((SELECT new_values FROM pg_temp.log() WHERE new_values ? 'tags'),
          '{"vendor": null, "tags": ["x", "y z"], "metafields": {"a": {"b": [1, "é\""]}}}'::jsonb, 'values keep their types, an emptied one is null');
UPDATE shopify_products SET description = repeat('long ', 20000) || legacy_resource_id, description_html = (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 2000) AS g);
UPDATE shopify_products SET vendor = 'z' WHERE legacy_resource_id = 1;
SELECT is((SELECT new_values FROM pg_temp.log() WHERE new_values ->> 'vendor' = 'z'), '{"vendor": "z"}'::jsonb, 'long values that stay are not in the entry');
UPDATE shopify_products SET description_html = description_html || '.' WHERE legacy_resource_id = 1;
SELECT is((SELECT array_agg(k) FROM pg_temp.log(), jsonb_object_keys(new_values) AS k WHERE new_values ->> 'description_html' LIKE '%.'), '{description_html}', 'a long value that changes is');
CREATE FUNCTION pg_temp.last() RETURNS jsonb LANGUAGE sql AS
    'SELECT l.new_values FROM neanelu.audit_logs AS l WHERE l.entity_type = ''shopify_products'' ORDER BY l.id DESC LIMIT 1';
UPDATE shopify_products SET vendor = 'same', seo = '{"n": 1.0}', price_range = '{"min": 1}', metafields = (SELECT jsonb_object_agg(g, md5(g::text)) FROM generate_series(1, 500) AS g) WHERE legacy_resource_id = 1;
UPDATE shopify_products SET seo = '{"n": 1.00}', metafields = metafields || '{}', tags = tags || '{}' WHERE legacy_resource_id = 1;
SELECT is(pg_temp.last() ->> 'vendor', 'same', 'jsonb that is written differently and means the same is no change');
UPDATE shopify_products SET seo = '{"n": 1.0}', price_range = '{"min": 2}', metafields = metafields || '{}' WHERE legacy_resource_id = 1;
SELECT is(pg_temp.last(), '{"price_range": {"min": 2}}', 'also beside jsonb that changed');
UPDATE shopify_products SET seo = NULL, tags = '{t}', metafields = metafields || '{"7": "x"}' WHERE legacy_resource_id = 1;
SELECT is(pg_temp.last() - 'metafields' || jsonb_build_object('7', pg_temp.last() #> '{metafields,7}'), '{"7": "x", "seo": null, "tags": ["t"]}', 'jsonb that was emptied, an array, and a long value that changed');
UPDATE shopify_products SET id = '00000000-0000-7000-8000-000000000109' WHERE legacy_resource_id = 2;
SELECT results_eq($$SELECT old_values ->> 'id', new_values ->> 'id' FROM pg_temp.log() WHERE coalesce(old_values, new_values) ? 'id' ORDER BY 1 NULLS LAST$$,
    $$VALUES ('00000000-0000-7000-8000-000000000102', NULL), (NULL, '00000000-0000-7000-8000-000000000109')$$, 'a changed key is logged from both sides');

SELECT * FROM finish();
ROLLBACK;
