-- Each row breaks one rule, and the error names that rule: callers map constraint names to reasons.
BEGIN;
SELECT plan(18);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
             ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);
INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
VALUES ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Product/7', 7, 'p', 'p', 'ACTIVE');
INSERT INTO shopify_variants (shop_id, product_id, shopify_gid, legacy_resource_id, title, price)
VALUES ('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000b1', 'gid://shopify/ProductVariant/1', 1, 'v', 1);
INSERT INTO shopify_orders (shop_id, shopify_gid, legacy_resource_id, name, order_number, total_price, currency_code, line_items)
VALUES ('00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Order/1', 1, '#1', 1, 1, 'RON', '[]');

CREATE FUNCTION pg_temp.breaks(p_table text, p_set text, p_constraint text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
  v_name text;
BEGIN
  BEGIN
    EXECUTE format('UPDATE neanelu.%I SET %s', p_table, p_set);
  EXCEPTION WHEN check_violation THEN
    GET STACKED DIAGNOSTICS v_name = CONSTRAINT_NAME;
  END;
  RETURN is(v_name, p_table || '_' || p_constraint || '_check', p_set);
END
$f$;

SELECT pg_temp.breaks('shopify_variants', 'price = ''NaN''', 'price');
SELECT pg_temp.breaks('shopify_variants', 'price = -0.01', 'price');
SELECT pg_temp.breaks('shopify_variants', 'compare_at_price = ''NaN''', 'compare_at_price');
SELECT pg_temp.breaks('shopify_variants', 'weight = ''NaN''', 'weight');
SELECT pg_temp.breaks('shopify_variants', 'updated_at_shopify = ''infinity''', 'finite_times');
SELECT pg_temp.breaks('shopify_variants', 'weight_unit = ''STONES''', 'weight_unit');
SELECT pg_temp.breaks('shopify_variants', 'inventory_policy = ''MAYBE''', 'inventory_policy');
SELECT pg_temp.breaks('shopify_variants', 'currency_code = ''ron''', 'currency_code');
SELECT pg_temp.breaks('shopify_products', 'published_at = ''-infinity''', 'finite_times');
SELECT pg_temp.breaks('shopify_products', 'status = ''active''', 'status');
SELECT pg_temp.breaks('shopify_products', 'shopify_gid = ''gid://shopify/ProductVariant/7''', 'shopify_gid');
SELECT pg_temp.breaks('shopify_products', 'legacy_resource_id = 0', 'legacy_resource_id');
SELECT pg_temp.breaks('shopify_products', 'metafields = ''[]''', 'metafields');
SELECT pg_temp.breaks('shopify_products', 'seo = ''null''', 'seo');
SELECT pg_temp.breaks('shopify_products', 'deleted_at = now()', 'tombstone');
SELECT pg_temp.breaks('shopify_products', 'deleted_at = now(), deletion_reason = ''boredom''', 'deletion_reason');
SELECT pg_temp.breaks('shopify_orders', 'financial_status = ''OWED''', 'financial_status');
SELECT pg_temp.breaks('shopify_orders', 'cancel_reason = ''FRAUD''', 'cancellation');

SELECT * FROM finish();
ROLLBACK;
