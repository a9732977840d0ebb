-- Verify neanelu:schema/shopify on pg
-- Each statement fails (missing relation or column, or division by zero) when something is not there.

BEGIN;

SELECT id, shop_id, shopify_gid, legacy_resource_id, title, handle, description, description_html, vendor,
       product_type, status, tags, is_gift_card, has_only_default_variant, has_out_of_stock_variants,
       requires_selling_plan, options, seo, price_range, compare_at_price_range, featured_image_url,
       template_suffix, category_id, metafields, published_at, created_at_shopify, updated_at_shopify,
       synced_at, deleted_at, deletion_reason, created_at, updated_at
FROM neanelu.shopify_products WHERE false;
SELECT 1 / (count(*) = 13)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_products'::regclass AND convalidated AND conname IN (
  'shopify_products_pkey', 'shopify_products_shop_id_fkey', 'shopify_products_shopify_gid_check',
  'shopify_products_legacy_resource_id_check', 'shopify_products_status_check',
  'shopify_products_options_check', 'shopify_products_metafields_check', 'shopify_products_seo_check',
  'shopify_products_price_range_check', 'shopify_products_compare_at_price_range_check',
  'shopify_products_finite_times_check', 'shopify_products_deletion_reason_check',
  'shopify_products_tombstone_check');
SELECT 1 / (count(*) = 7)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_products'::regclass AND x.indisvalid AND i.relname IN (
  'idx_products_shop_gid', 'idx_products_shop_handle', 'idx_products_shop_status',
  'idx_products_shop_vendor', 'idx_products_tags', 'idx_products_metafields', 'idx_products_fts');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_products'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_products'::regclass;

SELECT id, shop_id, product_id, shopify_gid, legacy_resource_id, title, sku, barcode, price, compare_at_price,
       currency_code, cost, weight, weight_unit, inventory_quantity, inventory_policy, inventory_item_id,
       taxable, tax_code, available_for_sale, requires_shipping, requires_components, position,
       selected_options, image_url, metafields, created_at_shopify, updated_at_shopify, synced_at, deleted_at,
       deletion_reason, created_at, updated_at
FROM neanelu.shopify_variants WHERE false;
SELECT 1 / (count(*) = 17)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_variants'::regclass AND convalidated AND conname IN (
  'shopify_variants_pkey', 'shopify_variants_shop_id_product_id_fkey',
  'shopify_variants_shopify_gid_check', 'shopify_variants_legacy_resource_id_check',
  'shopify_variants_price_check', 'shopify_variants_compare_at_price_check',
  'shopify_variants_cost_check', 'shopify_variants_weight_check', 'shopify_variants_currency_code_check',
  'shopify_variants_weight_unit_check', 'shopify_variants_inventory_policy_check',
  'shopify_variants_inventory_item_id_check', 'shopify_variants_selected_options_check',
  'shopify_variants_metafields_check', 'shopify_variants_finite_times_check',
  'shopify_variants_deletion_reason_check', 'shopify_variants_tombstone_check');
SELECT 1 / (count(*) = 5)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_variants'::regclass AND x.indisvalid AND i.relname IN (
  'idx_variants_shop_gid', 'idx_variants_product', 'idx_variants_shop_sku', 'idx_variants_shop_barcode',
  'idx_variants_inventory');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_variants'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_variants'::regclass;

SELECT id, shop_id, shopify_gid, legacy_resource_id, title, handle, description, description_html,
       collection_type, sort_order, rules, disjunctive, seo, image_url, products_count, template_suffix,
       published_at, updated_at_shopify, synced_at, deleted_at, deletion_reason, created_at, updated_at
FROM neanelu.shopify_collections WHERE false;
SELECT 1 / (count(*) = 12)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_collections'::regclass AND convalidated AND conname IN (
  'shopify_collections_pkey', 'shopify_collections_shop_id_fkey', 'shopify_collections_shopify_gid_check',
  'shopify_collections_legacy_resource_id_check', 'shopify_collections_collection_type_check',
  'shopify_collections_sort_order_check', 'shopify_collections_rules_check',
  'shopify_collections_seo_check', 'shopify_collections_products_count_check',
  'shopify_collections_finite_times_check', 'shopify_collections_deletion_reason_check',
  'shopify_collections_tombstone_check');
SELECT 1 / (count(*) = 3)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_collections'::regclass AND x.indisvalid AND i.relname IN (
  'idx_collections_shop_gid', 'idx_collections_shop_handle', 'idx_collections_type');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_collections'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_collections'::regclass;

SELECT shop_id, collection_id, product_id, position, created_at, updated_at
FROM neanelu.shopify_collection_products WHERE false;
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_collection_products'::regclass AND convalidated AND conname IN (
  'shopify_collection_products_pkey', 'shopify_collection_products_shop_id_collection_id_fkey',
  'shopify_collection_products_shop_id_product_id_fkey', 'shopify_collection_products_position_check');
SELECT 1 / (count(*) = 2)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_collection_products'::regclass AND x.indisvalid AND i.relname IN (
  'idx_collection_products_shop', 'idx_collection_products_product');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_collection_products'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_collection_products'::regclass;

SELECT id, shop_id, shopify_gid, legacy_resource_id, email, phone, first_name, last_name, display_name, state,
       verified_email, accepts_marketing, accepts_marketing_updated_at, marketing_opt_in_level, orders_count,
       total_spent, average_order_amount, currency_code, tags, tax_exempt, tax_exemptions, locale, note,
       default_address, addresses, metafields, created_at_shopify, updated_at_shopify, synced_at, deleted_at,
       deletion_reason, created_at, updated_at
FROM neanelu.shopify_customers WHERE false;
SELECT 1 / (count(*) = 17)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_customers'::regclass AND convalidated AND conname IN (
  'shopify_customers_pkey', 'shopify_customers_shop_id_fkey', 'shopify_customers_shopify_gid_check',
  'shopify_customers_legacy_resource_id_check', 'shopify_customers_email_check',
  'shopify_customers_state_check', 'shopify_customers_marketing_opt_in_level_check',
  'shopify_customers_orders_count_check', 'shopify_customers_total_spent_check',
  'shopify_customers_average_order_amount_check', 'shopify_customers_currency_code_check',
  'shopify_customers_default_address_check', 'shopify_customers_metafields_check',
  'shopify_customers_addresses_check', 'shopify_customers_finite_times_check',
  'shopify_customers_deletion_reason_check', 'shopify_customers_tombstone_check');
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_customers'::regclass AND x.indisvalid AND i.relname IN (
  'idx_customers_shop_gid', 'idx_customers_shop_email', 'idx_customers_shop_phone', 'idx_customers_tags');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_customers'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_customers'::regclass;

SELECT id, shop_id, shopify_gid, legacy_resource_id, name, order_number, email, phone, financial_status,
       fulfillment_status, total_price, subtotal_price, total_tax, total_discounts, total_shipping,
       currency_code, presentment_currency, line_items, shipping_lines, discount_codes, shipping_address,
       billing_address, customer_id, customer_locale, tags, note, note_attributes, gateway, payment_terms,
       risk_level, source_name, source_identifier, cancelled_at, cancel_reason, closed_at, processed_at,
       created_at_shopify, updated_at_shopify, synced_at, deleted_at, deletion_reason, created_at, updated_at
FROM neanelu.shopify_orders WHERE false;
SELECT 1 / (count(*) = 28)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_orders'::regclass AND convalidated AND conname IN (
  'shopify_orders_pkey', 'shopify_orders_shop_id_fkey', 'shopify_orders_shop_id_customer_id_fkey',
  'shopify_orders_shopify_gid_check', 'shopify_orders_legacy_resource_id_check',
  'shopify_orders_email_check', 'shopify_orders_financial_status_check',
  'shopify_orders_fulfillment_status_check', 'shopify_orders_total_price_check',
  'shopify_orders_subtotal_price_check', 'shopify_orders_total_tax_check',
  'shopify_orders_total_discounts_check', 'shopify_orders_total_shipping_check',
  'shopify_orders_currency_code_check', 'shopify_orders_presentment_currency_check',
  'shopify_orders_line_items_check', 'shopify_orders_shipping_lines_check',
  'shopify_orders_discount_codes_check', 'shopify_orders_note_attributes_check',
  'shopify_orders_shipping_address_check', 'shopify_orders_billing_address_check',
  'shopify_orders_payment_terms_check', 'shopify_orders_risk_level_check',
  'shopify_orders_cancel_reason_check', 'shopify_orders_cancellation_check',
  'shopify_orders_finite_times_check', 'shopify_orders_deletion_reason_check',
  'shopify_orders_tombstone_check');
SELECT 1 / (count(*) = 9)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_orders'::regclass AND x.indisvalid AND i.relname IN (
  'idx_orders_shop_gid', 'idx_orders_shop_number', 'idx_orders_shop_email', 'idx_orders_customer',
  'idx_orders_financial', 'idx_orders_fulfillment', 'idx_orders_created', 'idx_orders_processed',
  'idx_orders_line_items');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_orders'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_orders'::regclass;

SELECT id, shop_id, shopify_gid, type, handle, display_name, fields, capabilities, updated_at_shopify,
       synced_at, deleted_at, deletion_reason, created_at, updated_at
FROM neanelu.shopify_metaobjects WHERE false;
SELECT 1 / (count(*) = 8)::int FROM pg_catalog.pg_constraint
WHERE conrelid = 'neanelu.shopify_metaobjects'::regclass AND convalidated AND conname IN (
  'shopify_metaobjects_pkey', 'shopify_metaobjects_shop_id_fkey', 'shopify_metaobjects_shopify_gid_check',
  'shopify_metaobjects_fields_check', 'shopify_metaobjects_capabilities_check',
  'shopify_metaobjects_finite_times_check', 'shopify_metaobjects_deletion_reason_check',
  'shopify_metaobjects_tombstone_check');
SELECT 1 / (count(*) = 4)::int FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
WHERE x.indrelid = 'neanelu.shopify_metaobjects'::regclass AND x.indisvalid AND i.relname IN (
  'idx_metaobjects_shop_gid', 'idx_metaobjects_shop_type', 'idx_metaobjects_shop_handle',
  'idx_metaobjects_fields');
SELECT 1 / (pg_catalog.obj_description('neanelu.shopify_metaobjects'::regclass, 'pg_class') IS NOT NULL)::int;
SELECT 1 / (pg_catalog.pg_get_userbyid(relowner) = 'neanelu_owner')::int FROM pg_catalog.pg_class
WHERE oid = 'neanelu.shopify_metaobjects'::regclass;

ROLLBACK;
