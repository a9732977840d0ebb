-- Verify neanelu:functions/analytics/views on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

SELECT shop_id, shop_domain, order_id, name, order_number, created_timestamp, processed_timestamp, updated_timestamp,
       cancelled_timestamp, closed_timestamp, date_day, cancel_reason, financial_status, fulfillment_status, currency,
       presentment_currency, source_name, gateway, customer_locale, customer_id, shipping_country_code, has_taxes_included,
       is_test_order, is_cancelled, line_item_count, quantity_sold, quantity_refunded, quantity_net, total_line_items_price,
       subtotal_price, total_price, total_tax, total_discounts, shipping_cost, gross_sales, discounts, returns, net_sales,
       shipping, taxes, refund_subtotal, refund_total_tax, order_adjustment_amount, order_adjusted_total,
       order_adjusted_total_before_tax, total_refunded, count_refunds, count_discount_codes_applied, order_total_shipping_tax,
       customer_order_seq_number, new_vs_repeat
  FROM analytics.orders WHERE false;
SELECT shop_id, order_id, order_line_id, index, date_day, currency, product_id, variant_id, product_gid, variant_gid, title,
       variant_title, sku, vendor, product_type, is_gift_card, is_shipping_required, has_taxes_included, is_test_order,
       is_cancelled, price, quantity, gross_sales, total_discount, subtotal, order_line_tax, refunded_quantity, refunded_subtotal,
       quantity_net_refunds, subtotal_net_refunds
  FROM analytics.order_lines WHERE false;
SELECT shop_id, order_id, refund_id, created_timestamp, date_day, currency, total_refunded
  FROM analytics.refunds WHERE false;
SELECT shop_id, customer_id, created_timestamp, updated_timestamp, account_state, is_verified_email, accepts_marketing,
       marketing_opt_in_level, is_tax_exempt, has_email, country_code, currency, orders_count, total_spent, lifetime_count_orders,
       lifetime_total_spent, lifetime_total_refunded, lifetime_total_net, lifetime_total_tax, lifetime_total_discount,
       lifetime_total_shipping, avg_order_value, avg_quantity_per_order, first_order_timestamp, most_recent_order_timestamp
  FROM analytics.customers WHERE false;
SELECT shop_id, product_id, title, handle, vendor, product_type, status, product_tags, is_gift_card, created_timestamp,
       updated_timestamp, published_timestamp, currency, count_variants, has_product_image, count_orders, total_quantity_sold,
       subtotal_sold, quantity_sold_net_refunds, subtotal_sold_net_refunds, gross_sales, product_total_discount, returns,
       avg_quantity_per_order_line, product_avg_discount_per_order_line, first_order_day, most_recent_order_day
  FROM analytics.products WHERE false;
SELECT shop_id, variant_id, product_id, product_title, title, sku, barcode, position, price, compare_at_price, cost, currency,
       inventory_quantity, inventory_policy, inventory_value, is_available_for_sale, is_taxable, is_requiring_shipping, weight,
       weight_unit, inventory_item_id, created_timestamp, updated_timestamp
  FROM analytics.variants WHERE false;
SELECT shop_id, inventory_level_id, inventory_item_id, location_id, location_name, is_location_active, variant_id, product_id,
       sku, variant_title, product_title, available_quantity, on_hand_quantity, committed_quantity, incoming_quantity,
       reserved_quantity, damaged_quantity, quality_control_quantity, safety_stock_quantity, variant_price, unit_cost_amount,
       unit_cost_currency_code, inventory_value, updated_at
  FROM analytics.inventory_levels WHERE false;
SELECT shop_id, domain, date_day, currency, count_orders, count_orders_cancelled, count_orders_with_discounts,
       count_orders_with_refunds, count_line_items, quantity_sold, quantity_refunded, gross_sales, discounts, returns, net_sales,
       shipping, taxes, order_adjusted_total, shipping_cost, total_discounts, refund_total_tax, count_customers_new, quantity_net,
       count_customers, count_products_sold, count_variants_sold, refund_subtotal, avg_order_value, first_order_timestamp,
       last_order_timestamp, count_orders_other_currency, orders_count, orders_total, orders_avg, inventory_value,
       low_stock_count, out_of_stock_count, stock_at
  FROM analytics.daily_shop WHERE false;
SELECT shop_id, domain, week_start, currency, count_days, count_orders, count_orders_cancelled, count_orders_with_discounts,
       count_orders_with_refunds, count_line_items, quantity_sold, quantity_refunded, gross_sales, discounts, returns, net_sales,
       shipping, taxes, order_adjusted_total, shipping_cost, total_discounts, refund_total_tax, count_customers_new, quantity_net,
       refund_subtotal, avg_order_value
  FROM analytics.weekly_shop WHERE false;
SELECT shop_id, domain, month_start, currency, count_days, count_orders, count_orders_cancelled, count_orders_with_discounts,
       count_orders_with_refunds, count_line_items, quantity_sold, quantity_refunded, gross_sales, discounts, returns, net_sales,
       shipping, taxes, order_adjusted_total, shipping_cost, total_discounts, refund_total_tax, count_customers_new, quantity_net,
       refund_subtotal, avg_order_value
  FROM analytics.monthly_shop WHERE false;
SELECT shop_id, product_id, product_title, period_type, period_start, period_end, currency, orders_count, units_sold,
       units_refunded, gross_sales, discounts, returns, revenue, avg_order_value, return_rate
  FROM analytics.product_performance WHERE false;
SELECT shop_id, code, currency, count_orders, count_customers, total_order_discount_amount, avg_order_discount_amount,
       total_order_refund_amount, first_order_timestamp, last_order_timestamp
  FROM analytics.discounts WHERE false;
SELECT shop_id, shopify_domain, total_products, total_variants, total_collections, total_orders, total_revenue, total_customers,
       last_product_sync, last_order_sync, currency_code, adjusted_revenue
  FROM analytics.shop_summary WHERE false;
SELECT shop_id, variant_id, product_id, sku, variant_title, product_title, inventory_quantity, threshold
  FROM analytics.low_stock_alerts WHERE false;
SELECT shop_id, product_id, product_title, units_sold, revenue, variants_sold, revenue_rank, units_refunded, net_revenue
  FROM analytics.top_sellers WHERE false;
SELECT source, shop_id, refreshed_at, age, duration_ms, is_stale, days_waiting
  FROM analytics.freshness WHERE false;

DO $verify$
DECLARE
    v_views constant text[] := '{orders, order_lines, refunds, customers, products, variants, inventory_levels, daily_shop, weekly_shop, monthly_shop, product_performance, discounts, shop_summary, low_stock_alerts, top_sellers, freshness}';
    v_bad   text;
BEGIN
    SELECT string_agg(r.role || ' on ' || n.name, ', ') INTO v_bad
      FROM unnest(v_views) AS n (name)
     CROSS JOIN unnest('{neanelu_tenant, neanelu_app, neanelu_analyst}'::text[]) AS r (role)
     WHERE NOT has_table_privilege(r.role, 'analytics.' || n.name, 'SELECT');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'cannot read: %', v_bad;
    END IF;
    SELECT string_agg(n.name, ', ') INTO v_bad
      FROM unnest(v_views) AS n (name)
      JOIN pg_catalog.pg_class AS c ON c.oid = ('analytics.' || n.name)::regclass
     WHERE c.relowner <> 'neanelu_engine'::regrole OR NOT coalesce('security_barrier=true' = ANY (c.reloptions), false);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'not the engine''s, or without a barrier: %', v_bad;
    END IF;
    SELECT string_agg(r.role || ' on ' || n.name, ', ') INTO v_bad
      FROM unnest('{neanelu.mv_shop_summary, neanelu.mv_low_stock_alerts, neanelu.mv_top_sellers, analytics._order_figures}'::text[]) AS n (name)
     CROSS JOIN unnest('{neanelu_tenant, neanelu_app, neanelu_analyst, neanelu_worker, neanelu_operator}'::text[]) AS r (role)
     WHERE has_table_privilege(r.role, n.name, 'SELECT');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'can read what has no policies: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
