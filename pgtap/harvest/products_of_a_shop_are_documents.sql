BEGIN;
SELECT plan(8);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-a.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}');
INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status, vendor, product_type, options, metafields, is_gift_card, deleted_at, deletion_reason)
SELECT ('00000000-0000-7000-8000-0000000000b' || n)::uuid, '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Product/' || n, n, 'Ceas ' || n, 'p' || n, 'ACTIVE', 'Acme', 'Ceasuri',
       '[{"name": "Culoare", "position": 1, "values": ["roșu", "negru"]}]',
       '{"custom.material": {"type": "single_line_text_field", "value": "oțel"}, "custom.diametru": {"type": "dimension", "value": "{\"value\": 42, \"unit\": \"MM\"}"},
         "custom.liste": {"type": "list.single_line_text_field", "value": "[\"a\", \"b\"]"}, "custom.ref": {"type": "product_reference", "value": "gid://x"}}', n = 2,
       CASE WHEN n = 3 THEN now() END, CASE WHEN n = 3 THEN 'snapshot' END
  FROM generate_series(1, 4) AS n;
INSERT INTO shopify_variants (shop_id, product_id, shopify_gid, legacy_resource_id, title, sku, barcode, price, currency_code, weight, weight_unit, position)
VALUES ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000b1', 'gid://shopify/ProductVariant/1', 1, 'negru', 'S-2', '111', 12, 'RON', 1, 'GRAMS', 2),
       ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000b1', 'gid://shopify/ProductVariant/2', 2, 'roșu', 'S-1', '4006381333931', 10.50, 'RON', 1.5, 'KILOGRAMS', 1);

SELECT is(harvest.take_shop_products('00000000-0000-7000-8000-0000000000a1'), 2, 'live products, no gift cards');
SELECT is((SELECT s.name || ' ' || s.source_type FROM prod_sources AS s), 'tap-a.myshopify.com SHOPIFY', 'the shop is a source');
SELECT is((SELECT h.raw_json FROM prod_raw_harvest AS h WHERE h.source_product_id = 'gid://shopify/Product/1'),
          '{"title": "Ceas 1", "brand": "Acme", "category": "Ceasuri", "gtin": "4006381333931", "sku": "S-1", "price": 10.50, "currency": "RON",
            "attributes": {"Culoare": ["roșu", "negru"], "material": "oțel", "diametru": "42 mm", "liste": ["a", "b"], "weight": "1.5 kg"}}', 'with the first variant''s facts, options and metafields');
SELECT is(harvest.take_shop_products('00000000-0000-7000-8000-0000000000a1'), 0, 'unchanged ones are not taken again');
UPDATE shopify_products SET title = 'Ceas nou', updated_at = clock_timestamp() + '1 hour' WHERE legacy_resource_id = 1;
UPDATE shopify_products SET updated_at = clock_timestamp() + '1 hour' WHERE legacy_resource_id = 4;
UPDATE harvest_pages SET checked_at = now() - interval '1 day';
SELECT is(harvest.take_shop_products('00000000-0000-7000-8000-0000000000a1', 10), 1, 'changed ones are, when what is known of them changed');
CREATE TEMP TABLE read AS SELECT harvest.extract_structured() AS sessions;
SELECT is((SELECT s.extracted_specs ->> 'title' FROM read AS r JOIN prod_extraction_sessions AS s ON s.id = r.sessions[3]), 'Ceas nou', 'they are read like any other');
SELECT throws_ok($$SELECT harvest.take_shop_products('00000000-0000-7000-8000-0000000000a9')$$, 'NG006', NULL, 'the shop must be there');
SELECT throws_ok($$SET LOCAL ROLE neanelu_harvester; SELECT harvest.take_shop_products('00000000-0000-7000-8000-0000000000a1')$$, '42501', NULL, 'the harvester sees no shop');

SELECT * FROM finish();
ROLLBACK;
