-- Deploy neanelu:functions/analytics/views to pg
-- requires: functions/analytics/rollup
-- requires: schema/summaries
-- What analysts and tenants ask: documented views with the names that users of dbt's Shopify models know. The engine owns them,
-- so they read what neither may; each begins with the shops that the login may see, and none has a column that names a person.

BEGIN;

SET LOCAL search_path = neanelu, analytics, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

CREATE VIEW analytics.orders WITH (security_barrier) AS
    SELECT s.shop_id, s.shop_domain, o.legacy_resource_id AS order_id, o.name, o.order_number,
           o.created_at_shopify AS created_timestamp, o.processed_at AS processed_timestamp, o.updated_at_shopify AS updated_timestamp,
           o.cancelled_at AS cancelled_timestamp, o.closed_at AS closed_timestamp,
           (f.ordered_at AT TIME ZONE s.timezone)::date AS date_day, o.cancel_reason, o.financial_status, o.fulfillment_status,
           o.currency_code AS currency, o.presentment_currency, o.source_name, o.gateway, o.customer_locale,
           (SELECT c.legacy_resource_id FROM neanelu.shopify_customers AS c WHERE c.shop_id = o.shop_id AND c.id = o.customer_id) AS customer_id,
           o.shipping_address ->> 'countryCodeV2' AS shipping_country_code,
           o.taxes_included AS has_taxes_included, f.is_test AS is_test_order, o.cancelled_at IS NOT NULL AS is_cancelled,
           f.line_item_count, f.units_sold AS quantity_sold, f.units_refunded AS quantity_refunded, f.units_sold - f.units_refunded AS quantity_net,
           f.gross_sales AS total_line_items_price, o.subtotal_price, o.total_price, f.total_tax, f.total_discounts, f.shipping_cost,
           f.gross_sales, f.discounts, f.returns, f.net_sales, f.shipping, f.taxes,
           f.returns AS refund_subtotal, f.total_tax - f.taxes AS refund_total_tax,
           f.order_adjusted_total - o.total_price + f.returns
               + CASE WHEN o.taxes_included THEN 0 ELSE f.total_tax - f.taxes END AS order_adjustment_amount,
           f.order_adjusted_total, f.order_adjusted_total - f.taxes AS order_adjusted_total_before_tax,
           coalesce(analytics._sum(o.refunds, 'totalRefundedSet'), 0) AS total_refunded,
           jsonb_array_length(analytics._list(o.refunds)) AS count_refunds,
           jsonb_array_length(o.discount_codes) AS count_discount_codes_applied,
           (SELECT coalesce(sum(analytics._sum(l.value -> 'taxLines', 'priceSet')), 0)
              FROM jsonb_array_elements(o.shipping_lines) AS l) AS order_total_shipping_tax,
           n.customer_order_seq_number,
           CASE WHEN n.customer_order_seq_number = 1 THEN 'new' WHEN n.customer_order_seq_number > 1 THEN 'repeat' END AS new_vs_repeat
      FROM analytics.visible_shops() AS s
      JOIN neanelu.shopify_orders AS o ON o.shop_id = s.shop_id
      JOIN analytics._order_figures AS f ON f.shop_id = o.shop_id AND f.id = o.id
     CROSS JOIN LATERAL (
        SELECT CASE WHEN o.customer_id IS NOT NULL AND NOT f.is_test THEN (
            SELECT count(*) FROM neanelu.shopify_orders AS e
             WHERE e.shop_id = o.shop_id AND e.customer_id = o.customer_id AND e.deleted_at IS NULL AND NOT coalesce(e.is_test, false)
               AND (coalesce(e.processed_at, e.created_at_shopify), e.legacy_resource_id) <= (f.ordered_at, o.legacy_resource_id)) END
               AS customer_order_seq_number) AS n;
COMMENT ON VIEW analytics.orders IS 'One row an order that is not deleted, in the currency of the order at the shop. Names and metrics as in dbt''s shopify__orders. No personal data: no addresses, names, notes or tags.';
COMMENT ON COLUMN analytics.orders.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.orders.shop_domain IS 'Permanent domain of the shop.';
COMMENT ON COLUMN analytics.orders.order_id IS 'Numeric id of the order at Shopify; with shop_id the key.';
COMMENT ON COLUMN analytics.orders.name IS 'Name of the order, such as #1001.';
COMMENT ON COLUMN analytics.orders.order_number IS 'Number of the order, without prefix.';
COMMENT ON COLUMN analytics.orders.created_timestamp IS 'When the order was made at Shopify.';
COMMENT ON COLUMN analytics.orders.processed_timestamp IS 'When it was processed: the time that figures go by; created_timestamp where Shopify has none.';
COMMENT ON COLUMN analytics.orders.updated_timestamp IS 'When Shopify last changed it.';
COMMENT ON COLUMN analytics.orders.cancelled_timestamp IS 'When it was cancelled; null while it is not.';
COMMENT ON COLUMN analytics.orders.closed_timestamp IS 'When it was closed.';
COMMENT ON COLUMN analytics.orders.date_day IS 'Day on which it was processed, in the shop''s time zone.';
COMMENT ON COLUMN analytics.orders.cancel_reason IS 'Why it was cancelled.';
COMMENT ON COLUMN analytics.orders.financial_status IS 'What became of the payment.';
COMMENT ON COLUMN analytics.orders.fulfillment_status IS 'What became of the goods.';
COMMENT ON COLUMN analytics.orders.currency IS 'Currency of all amounts: the shop''s as of the order.';
COMMENT ON COLUMN analytics.orders.presentment_currency IS 'Currency that the customer paid in.';
COMMENT ON COLUMN analytics.orders.source_name IS 'Where it came from, such as web or pos.';
COMMENT ON COLUMN analytics.orders.gateway IS 'Payment gateways.';
COMMENT ON COLUMN analytics.orders.customer_locale IS 'Language of the customer.';
COMMENT ON COLUMN analytics.orders.customer_id IS 'Numeric id of the customer at Shopify; null for guests and for erased or unknown customers.';
COMMENT ON COLUMN analytics.orders.shipping_country_code IS 'Country that it goes to (ISO 3166), nothing finer.';
COMMENT ON COLUMN analytics.orders.has_taxes_included IS 'Whether prices, subtotals, sales, discounts and returns contain tax.';
COMMENT ON COLUMN analytics.orders.is_test_order IS 'Made to try the checkout; daily figures leave it out.';
COMMENT ON COLUMN analytics.orders.is_cancelled IS 'Cancelled, whenever that was.';
COMMENT ON COLUMN analytics.orders.line_item_count IS 'Number of lines.';
COMMENT ON COLUMN analytics.orders.quantity_sold IS 'Units ordered, before returns.';
COMMENT ON COLUMN analytics.orders.quantity_refunded IS 'Units refunded or taken out since.';
COMMENT ON COLUMN analytics.orders.quantity_net IS 'quantity_sold - quantity_refunded.';
COMMENT ON COLUMN analytics.orders.total_line_items_price IS 'Same as gross_sales, under dbt''s name.';
COMMENT ON COLUMN analytics.orders.subtotal_price IS 'Items as ordered, after discounts, before shipping; with tax where has_taxes_included.';
COMMENT ON COLUMN analytics.orders.total_price IS 'The order as ordered: items, shipping and tax, after discounts, before refunds.';
COMMENT ON COLUMN analytics.orders.total_tax IS 'Tax as ordered, items and shipping.';
COMMENT ON COLUMN analytics.orders.total_discounts IS 'Discounts as Shopify sums them up, those on shipping too.';
COMMENT ON COLUMN analytics.orders.shipping_cost IS 'Shipping as ordered; with tax where has_taxes_included.';
COMMENT ON COLUMN analytics.orders.gross_sales IS 'Unit price times quantity of all lines: before discounts, returns and shipping; with tax where has_taxes_included.';
COMMENT ON COLUMN analytics.orders.discounts IS 'Discounts on items: gross_sales less subtotal_price. Basis as gross_sales.';
COMMENT ON COLUMN analytics.orders.returns IS 'Items refunded or taken out since, at what they cost after discounts: subtotal less current subtotal. Basis as gross_sales.';
COMMENT ON COLUMN analytics.orders.net_sales IS 'gross_sales - discounts - returns. Basis as gross_sales; for sales before tax see order_adjusted_total_before_tax.';
COMMENT ON COLUMN analytics.orders.shipping IS 'Shipping that was not refunded; with tax where has_taxes_included.';
COMMENT ON COLUMN analytics.orders.taxes IS 'Tax on what is left, items and shipping.';
COMMENT ON COLUMN analytics.orders.refund_subtotal IS 'Same as returns, under dbt''s name.';
COMMENT ON COLUMN analytics.orders.refund_total_tax IS 'Tax as ordered less tax on what is left.';
COMMENT ON COLUMN analytics.orders.order_adjustment_amount IS 'What else changed the total (mostly shipping paid back, negative): order_adjusted_total = total_price - refund_subtotal - refund_total_tax (where tax comes on top) + this.';
COMMENT ON COLUMN analytics.orders.order_adjusted_total IS 'What is left of the order: items, shipping and tax after refunds, as Shopify says (current total).';
COMMENT ON COLUMN analytics.orders.order_adjusted_total_before_tax IS 'order_adjusted_total - taxes: items and shipping that are left, before tax whatever has_taxes_included.';
COMMENT ON COLUMN analytics.orders.total_refunded IS 'Money paid back, by the refunds; less than what came back where nothing had been paid.';
COMMENT ON COLUMN analytics.orders.count_refunds IS 'Refunds.';
COMMENT ON COLUMN analytics.orders.count_discount_codes_applied IS 'Discount codes used.';
COMMENT ON COLUMN analytics.orders.order_total_shipping_tax IS 'Tax on shipping as ordered.';
COMMENT ON COLUMN analytics.orders.customer_order_seq_number IS 'Which order of its customer it is, by processed time, from 1, cancelled ones counted and tests not; null without a customer.';
COMMENT ON COLUMN analytics.orders.new_vs_repeat IS 'new for a customer''s first order, repeat for later ones; null without a customer.';

CREATE VIEW analytics.order_lines WITH (security_barrier) AS
    SELECT s.shop_id, o.legacy_resource_id AS order_id, split_part(l.line ->> 'id', '/', 5) AS order_line_id, l.line_number AS index,
           (coalesce(o.processed_at, o.created_at_shopify) AT TIME ZONE s.timezone)::date AS date_day, o.currency_code AS currency,
           p.legacy_resource_id AS product_id, v.legacy_resource_id AS variant_id, g.product_gid, g.variant_gid,
           CASE WHEN g.product_gid IS NOT NULL THEN l.line ->> 'title' END AS title,
           CASE WHEN g.product_gid IS NOT NULL THEN l.line ->> 'variantTitle' END AS variant_title,
           l.line ->> 'sku' AS sku, l.line ->> 'vendor' AS vendor, p.product_type,
           l.line -> 'isGiftCard' = 'true' AS is_gift_card, l.line -> 'requiresShipping' = 'true' AS is_shipping_required,
           o.taxes_included AS has_taxes_included, coalesce(o.is_test, false) AS is_test_order, o.cancelled_at IS NOT NULL AS is_cancelled,
           l.unit_price AS price, l.quantity, l.gross_sales, l.discounts AS total_discount, l.gross_sales - l.discounts AS subtotal, 
           coalesce(analytics._sum(l.line -> 'taxLines', 'priceSet'), 0) AS order_line_tax,
           l.units_refunded AS refunded_quantity, l.returns AS refunded_subtotal, l.quantity - l.units_refunded AS quantity_net_refunds,
           l.gross_sales - l.discounts - l.returns AS subtotal_net_refunds
      FROM analytics.visible_shops() AS s
      JOIN neanelu.shopify_orders AS o ON o.shop_id = s.shop_id AND o.deleted_at IS NULL
     CROSS JOIN LATERAL analytics._lines(o.line_items) AS l
     CROSS JOIN LATERAL (SELECT l.line -> 'product' ->> 'id' AS product_gid, l.line -> 'variant' ->> 'id' AS variant_gid) AS g
      LEFT JOIN neanelu.shopify_products AS p ON p.shop_id = o.shop_id AND p.shopify_gid = g.product_gid
      LEFT JOIN neanelu.shopify_variants AS v ON v.shop_id = o.shop_id AND v.shopify_gid = g.variant_gid;
COMMENT ON VIEW analytics.order_lines IS 'One row a line of an order that is not deleted. Names and metrics as in dbt''s shopify__order_lines. What customers wrote on lines is left out.';
COMMENT ON COLUMN analytics.order_lines.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.order_lines.order_id IS 'Numeric id of the order at Shopify.';
COMMENT ON COLUMN analytics.order_lines.order_line_id IS 'Numeric id of the line at Shopify, as text; with shop_id the key.';
COMMENT ON COLUMN analytics.order_lines.index IS 'Place in the order, from 1.';
COMMENT ON COLUMN analytics.order_lines.date_day IS 'Day on which the order was processed, in the shop''s time zone.';
COMMENT ON COLUMN analytics.order_lines.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN analytics.order_lines.product_id IS 'Numeric id of the product at Shopify, where the mirror has it.';
COMMENT ON COLUMN analytics.order_lines.variant_id IS 'Numeric id of the variant, where the mirror has it.';
COMMENT ON COLUMN analytics.order_lines.product_gid IS 'Product as the line names it; null for items without one.';
COMMENT ON COLUMN analytics.order_lines.variant_gid IS 'Variant as the line names it.';
COMMENT ON COLUMN analytics.order_lines.title IS 'Title as of the order; null for items without a product, which are named by hand.';
COMMENT ON COLUMN analytics.order_lines.variant_title IS 'Title of the variant as of the order.';
COMMENT ON COLUMN analytics.order_lines.sku IS 'SKU as of the order.';
COMMENT ON COLUMN analytics.order_lines.vendor IS 'Vendor as of the order.';
COMMENT ON COLUMN analytics.order_lines.product_type IS 'Type of the product now.';
COMMENT ON COLUMN analytics.order_lines.is_gift_card IS 'Gift card.';
COMMENT ON COLUMN analytics.order_lines.is_shipping_required IS 'To be shipped.';
COMMENT ON COLUMN analytics.order_lines.has_taxes_included IS 'Whether amounts other than tax contain tax.';
COMMENT ON COLUMN analytics.order_lines.is_test_order IS 'Order made for testing.';
COMMENT ON COLUMN analytics.order_lines.is_cancelled IS 'Order cancelled.';
COMMENT ON COLUMN analytics.order_lines.price IS 'Unit price before discounts.';
COMMENT ON COLUMN analytics.order_lines.quantity IS 'Units ordered.';
COMMENT ON COLUMN analytics.order_lines.gross_sales IS 'price times quantity.';
COMMENT ON COLUMN analytics.order_lines.total_discount IS 'All discounts allocated to the line, its part of the order''s too.';
COMMENT ON COLUMN analytics.order_lines.subtotal IS 'gross_sales - total_discount.';
COMMENT ON COLUMN analytics.order_lines.order_line_tax IS 'Tax of the line as ordered.';
COMMENT ON COLUMN analytics.order_lines.refunded_quantity IS 'Units refunded or taken out since.';
COMMENT ON COLUMN analytics.order_lines.refunded_subtotal IS 'Their share of subtotal, rounded to cents; Shopify''s own split of an odd cent may differ.';
COMMENT ON COLUMN analytics.order_lines.quantity_net_refunds IS 'quantity - refunded_quantity.';
COMMENT ON COLUMN analytics.order_lines.subtotal_net_refunds IS 'subtotal - refunded_subtotal: net sales of the line.';

CREATE VIEW analytics.refunds WITH (security_barrier) AS
    SELECT s.shop_id, o.legacy_resource_id AS order_id, split_part(r.value ->> 'id', '/', 5) AS refund_id, t.created_at AS created_timestamp,
           (t.created_at AT TIME ZONE s.timezone)::date AS date_day, o.currency_code AS currency,
           coalesce(analytics._amount(r.value #>> '{totalRefundedSet,shopMoney,amount}'), 0) AS total_refunded
      FROM analytics.visible_shops() AS s
      JOIN neanelu.shopify_orders AS o ON o.shop_id = s.shop_id AND o.deleted_at IS NULL
     CROSS JOIN LATERAL jsonb_array_elements(analytics._list(o.refunds)) AS r (value)
     CROSS JOIN LATERAL (
        SELECT CASE WHEN pg_input_is_valid(r.value ->> 'createdAt', 'timestamptz') THEN (r.value ->> 'createdAt')::timestamptz END AS created_at) AS t;
COMMENT ON VIEW analytics.refunds IS 'One row a refund of an order that is not deleted: when money was paid back, and how much.';
COMMENT ON COLUMN analytics.refunds.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.refunds.order_id IS 'Numeric id of the order at Shopify.';
COMMENT ON COLUMN analytics.refunds.refund_id IS 'Numeric id of the refund at Shopify, as text; with shop_id the key.';
COMMENT ON COLUMN analytics.refunds.created_timestamp IS 'When it was made.';
COMMENT ON COLUMN analytics.refunds.date_day IS 'That day in the shop''s time zone: other than returns, which belong to the day of the order.';
COMMENT ON COLUMN analytics.refunds.currency IS 'Currency of the amount.';
COMMENT ON COLUMN analytics.refunds.total_refunded IS 'Money paid back: items, shipping and tax.';

CREATE VIEW analytics.customers WITH (security_barrier) AS
    SELECT s.shop_id, c.legacy_resource_id AS customer_id, c.created_at_shopify AS created_timestamp, c.updated_at_shopify AS updated_timestamp,
           c.state AS account_state, c.verified_email AS is_verified_email, c.accepts_marketing, c.marketing_opt_in_level, c.tax_exempt AS is_tax_exempt,
           c.email IS NOT NULL AS has_email, c.default_address ->> 'countryCodeV2' AS country_code, s.currency,
           c.orders_count, c.total_spent,
           coalesce(t.orders, 0) AS lifetime_count_orders, coalesce(t.total_price, 0) AS lifetime_total_spent,
           coalesce(t.total_price - t.adjusted, 0) AS lifetime_total_refunded, coalesce(t.adjusted, 0) AS lifetime_total_net,
           coalesce(t.tax, 0) AS lifetime_total_tax, coalesce(t.discounts, 0) AS lifetime_total_discount, coalesce(t.shipping, 0) AS lifetime_total_shipping,
           round(t.total_price / t.orders, 2) AS avg_order_value, round(t.units::numeric / t.orders, 4) AS avg_quantity_per_order,
           t.first_order_timestamp, t.most_recent_order_timestamp
      FROM analytics.visible_shops() AS s
      JOIN neanelu.shopify_customers AS c ON c.shop_id = s.shop_id AND c.deleted_at IS NULL
      LEFT JOIN LATERAL (
        SELECT count(*) AS orders, sum(o.total_price) AS total_price, sum(f.order_adjusted_total) AS adjusted, sum(f.total_tax) AS tax,
               sum(f.total_discounts) AS discounts, sum(f.shipping_cost) AS shipping, sum(f.units_sold) AS units,
               min(f.ordered_at) AS first_order_timestamp, max(f.ordered_at) AS most_recent_order_timestamp
          FROM neanelu.shopify_orders AS o
          JOIN analytics._order_figures AS f ON f.shop_id = o.shop_id AND f.id = o.id
         WHERE o.shop_id = c.shop_id AND o.customer_id = c.id AND NOT f.is_test AND o.currency_code = s.currency
        HAVING count(*) > 0) AS t ON true;
COMMENT ON VIEW analytics.customers IS 'One row a customer that is not deleted, without anything that names the person. Names and metrics as in dbt''s shopify__customers; orders that are deleted, made for testing or in another currency than the shop''s are left out.';
COMMENT ON COLUMN analytics.customers.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.customers.customer_id IS 'Numeric id at Shopify; with shop_id the key.';
COMMENT ON COLUMN analytics.customers.created_timestamp IS 'When the record was made at Shopify.';
COMMENT ON COLUMN analytics.customers.updated_timestamp IS 'When Shopify last changed it.';
COMMENT ON COLUMN analytics.customers.account_state IS 'State of the account.';
COMMENT ON COLUMN analytics.customers.is_verified_email IS 'Whether the address was confirmed.';
COMMENT ON COLUMN analytics.customers.accepts_marketing IS 'Whether the customer takes newsletters.';
COMMENT ON COLUMN analytics.customers.marketing_opt_in_level IS 'How that was agreed.';
COMMENT ON COLUMN analytics.customers.is_tax_exempt IS 'Free of tax.';
COMMENT ON COLUMN analytics.customers.has_email IS 'Whether there is an address; not which.';
COMMENT ON COLUMN analytics.customers.country_code IS 'Country of the default address (ISO 3166), nothing finer.';
COMMENT ON COLUMN analytics.customers.currency IS 'Currency of the amounts, the shop''s.';
COMMENT ON COLUMN analytics.customers.orders_count IS 'Orders, as Shopify counts them.';
COMMENT ON COLUMN analytics.customers.total_spent IS 'Spent, as Shopify adds it up.';
COMMENT ON COLUMN analytics.customers.lifetime_count_orders IS 'Orders in the mirror, cancelled ones too.';
COMMENT ON COLUMN analytics.customers.lifetime_total_spent IS 'Their total price as ordered: items, shipping and tax, after discounts.';
COMMENT ON COLUMN analytics.customers.lifetime_total_refunded IS 'lifetime_total_spent - lifetime_total_net: refunded, cancelled or taken out.';
COMMENT ON COLUMN analytics.customers.lifetime_total_net IS 'What is left of them (order_adjusted_total).';
COMMENT ON COLUMN analytics.customers.lifetime_total_tax IS 'Tax as ordered.';
COMMENT ON COLUMN analytics.customers.lifetime_total_discount IS 'Discounts as Shopify sums them up.';
COMMENT ON COLUMN analytics.customers.lifetime_total_shipping IS 'Shipping as ordered.';
COMMENT ON COLUMN analytics.customers.avg_order_value IS 'lifetime_total_spent over lifetime_count_orders, rounded to cents; null without orders.';
COMMENT ON COLUMN analytics.customers.avg_quantity_per_order IS 'Units ordered over orders, four decimals; null without orders.';
COMMENT ON COLUMN analytics.customers.first_order_timestamp IS 'First order, by processed time.';
COMMENT ON COLUMN analytics.customers.most_recent_order_timestamp IS 'Latest order.';

CREATE VIEW analytics.products WITH (security_barrier) AS
    SELECT s.shop_id, p.legacy_resource_id AS product_id, p.title, p.handle, p.vendor, p.product_type, p.status, p.tags AS product_tags,
           p.is_gift_card, p.created_at_shopify AS created_timestamp, p.updated_at_shopify AS updated_timestamp, p.published_at AS published_timestamp,
           s.currency, v.variants AS count_variants, p.featured_image_url IS NOT NULL AS has_product_image,
           coalesce(t.orders, 0) AS count_orders, coalesce(t.units, 0) AS total_quantity_sold, coalesce(t.subtotal, 0) AS subtotal_sold,
           coalesce(t.units - t.refunded, 0) AS quantity_sold_net_refunds, coalesce(t.subtotal - t.returns, 0) AS subtotal_sold_net_refunds,
           coalesce(t.gross_sales, 0) AS gross_sales, coalesce(t.discounts, 0) AS product_total_discount, coalesce(t.returns, 0) AS returns,
           round(t.units::numeric / t.lines, 4) AS avg_quantity_per_order_line, round(t.discounts / t.lines, 4) AS product_avg_discount_per_order_line,
           t.first_order_day, t.most_recent_order_day
      FROM analytics.visible_shops() AS s
      JOIN neanelu.shopify_products AS p ON p.shop_id = s.shop_id AND p.deleted_at IS NULL
     CROSS JOIN LATERAL (
        SELECT count(*) AS variants FROM neanelu.shopify_variants AS w
         WHERE w.shop_id = p.shop_id AND w.product_id = p.id AND w.deleted_at IS NULL) AS v
      LEFT JOIN LATERAL (
        SELECT sum(d.orders_count) AS orders, sum(d.units_sold) AS units, sum(d.units_refunded) AS refunded, sum(d.order_lines) AS lines,
               sum(d.gross_sales) AS gross_sales, sum(d.gross_sales - d.discounts) AS subtotal, sum(d.discounts) AS discounts, sum(d.returns) AS returns,
               min(d.period_start) AS first_order_day, max(d.period_start) AS most_recent_order_day
          FROM neanelu.analytics_product_performance AS d
         WHERE d.shop_id = p.shop_id AND d.product_id = p.id AND d.period_type = 'daily'
        HAVING count(*) > 0) AS t ON true;
COMMENT ON VIEW analytics.products IS 'One row a product that is not deleted, with what it sold so far. Metrics as in dbt''s shopify__products, from the roll-up (analytics.freshness): orders that are cancelled, made for testing or in another currency are left out.';
COMMENT ON COLUMN analytics.products.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.products.product_id IS 'Numeric id at Shopify; with shop_id the key.';
COMMENT ON COLUMN analytics.products.title IS 'Title.';
COMMENT ON COLUMN analytics.products.handle IS 'Handle.';
COMMENT ON COLUMN analytics.products.vendor IS 'Vendor.';
COMMENT ON COLUMN analytics.products.product_type IS 'Type.';
COMMENT ON COLUMN analytics.products.status IS 'ACTIVE, ARCHIVED, DRAFT or UNLISTED.';
COMMENT ON COLUMN analytics.products.product_tags IS 'Tags.';
COMMENT ON COLUMN analytics.products.is_gift_card IS 'Gift card.';
COMMENT ON COLUMN analytics.products.created_timestamp IS 'When it was made at Shopify.';
COMMENT ON COLUMN analytics.products.updated_timestamp IS 'When Shopify last changed it.';
COMMENT ON COLUMN analytics.products.published_timestamp IS 'When it was published.';
COMMENT ON COLUMN analytics.products.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN analytics.products.count_variants IS 'Variants that are not deleted.';
COMMENT ON COLUMN analytics.products.has_product_image IS 'Whether it has a featured image.';
COMMENT ON COLUMN analytics.products.count_orders IS 'Orders with it.';
COMMENT ON COLUMN analytics.products.total_quantity_sold IS 'Units ordered, before returns.';
COMMENT ON COLUMN analytics.products.subtotal_sold IS 'Their price after discounts, before returns; with tax where prices contain it.';
COMMENT ON COLUMN analytics.products.quantity_sold_net_refunds IS 'Units ordered less units that came back.';
COMMENT ON COLUMN analytics.products.subtotal_sold_net_refunds IS 'subtotal_sold less what came back: net sales.';
COMMENT ON COLUMN analytics.products.gross_sales IS 'Unit price times quantity, before discounts and returns.';
COMMENT ON COLUMN analytics.products.product_total_discount IS 'Discounts of its lines, their part of orders'' too.';
COMMENT ON COLUMN analytics.products.returns IS 'What units that came back had cost after discounts.';
COMMENT ON COLUMN analytics.products.avg_quantity_per_order_line IS 'Units a line, four decimals; null without sales.';
COMMENT ON COLUMN analytics.products.product_avg_discount_per_order_line IS 'Discount a line, four decimals; null without sales.';
COMMENT ON COLUMN analytics.products.first_order_day IS 'First day with a sale, in the shop''s time zone.';
COMMENT ON COLUMN analytics.products.most_recent_order_day IS 'Last day with a sale.';

CREATE VIEW analytics.variants WITH (security_barrier) AS
    SELECT s.shop_id, v.legacy_resource_id AS variant_id, p.legacy_resource_id AS product_id, p.title AS product_title, v.title, v.sku, v.barcode, v.position,
           v.price, v.compare_at_price, v.cost, v.currency_code AS currency, v.inventory_quantity, v.inventory_policy,
           CASE WHEN v.inventory_quantity > 0 THEN v.inventory_quantity * v.cost ELSE 0 * v.cost END AS inventory_value,
           v.available_for_sale AS is_available_for_sale, v.taxable AS is_taxable, v.requires_shipping AS is_requiring_shipping, v.weight, v.weight_unit,
           split_part(v.inventory_item_id, '/', 5) AS inventory_item_id, v.created_at_shopify AS created_timestamp, v.updated_at_shopify AS updated_timestamp
      FROM analytics.visible_shops() AS s
      JOIN neanelu.shopify_variants AS v ON v.shop_id = s.shop_id AND v.deleted_at IS NULL
      JOIN neanelu.shopify_products AS p ON p.shop_id = v.shop_id AND p.id = v.product_id AND p.deleted_at IS NULL;
COMMENT ON VIEW analytics.variants IS 'One row a variant that is not deleted, of a product that is not.';
COMMENT ON COLUMN analytics.variants.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.variants.variant_id IS 'Numeric id at Shopify; with shop_id the key.';
COMMENT ON COLUMN analytics.variants.product_id IS 'Numeric id of its product.';
COMMENT ON COLUMN analytics.variants.product_title IS 'Title of the product.';
COMMENT ON COLUMN analytics.variants.title IS 'Title of the variant.';
COMMENT ON COLUMN analytics.variants.sku IS 'SKU.';
COMMENT ON COLUMN analytics.variants.barcode IS 'Barcode as typed by the merchant.';
COMMENT ON COLUMN analytics.variants.position IS 'Place in the product.';
COMMENT ON COLUMN analytics.variants.price IS 'Price now; with tax where the shop''s prices contain it.';
COMMENT ON COLUMN analytics.variants.compare_at_price IS 'Price before a reduction.';
COMMENT ON COLUMN analytics.variants.cost IS 'Cost of a unit, before tax; null when unknown.';
COMMENT ON COLUMN analytics.variants.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN analytics.variants.inventory_quantity IS 'Units that can be sold, all locations; below zero when oversold.';
COMMENT ON COLUMN analytics.variants.inventory_policy IS 'CONTINUE sells below zero, DENY does not.';
COMMENT ON COLUMN analytics.variants.inventory_value IS 'Units above zero times cost; null when the cost is unknown.';
COMMENT ON COLUMN analytics.variants.is_available_for_sale IS 'Can be bought.';
COMMENT ON COLUMN analytics.variants.is_taxable IS 'Taxed.';
COMMENT ON COLUMN analytics.variants.is_requiring_shipping IS 'To be shipped.';
COMMENT ON COLUMN analytics.variants.weight IS 'Weight in weight_unit.';
COMMENT ON COLUMN analytics.variants.weight_unit IS 'Unit of weight.';
COMMENT ON COLUMN analytics.variants.inventory_item_id IS 'Numeric id of the inventory item, as text.';
COMMENT ON COLUMN analytics.variants.created_timestamp IS 'When it was made at Shopify.';
COMMENT ON COLUMN analytics.variants.updated_timestamp IS 'When Shopify last changed it.';

CREATE VIEW analytics.inventory_levels WITH (security_barrier) AS
    SELECT s.shop_id, split_part(split_part(i.shopify_gid, '/', 5), '?', 1) AS inventory_level_id, i.inventory_item_legacy_id AS inventory_item_id,
           l.legacy_resource_id AS location_id, l.name AS location_name, l.is_active AS is_location_active,
           v.legacy_resource_id AS variant_id, p.legacy_resource_id AS product_id, v.sku, v.title AS variant_title, p.title AS product_title,
           i.available AS available_quantity, i.on_hand AS on_hand_quantity, i.committed AS committed_quantity, i.incoming AS incoming_quantity,
           i.reserved AS reserved_quantity, i.damaged AS damaged_quantity, i.quality_control AS quality_control_quantity,
           i.safety_stock AS safety_stock_quantity, v.price AS variant_price, v.cost AS unit_cost_amount, v.currency_code AS unit_cost_currency_code,
           CASE WHEN i.on_hand > 0 THEN i.on_hand * v.cost ELSE 0 * v.cost END AS inventory_value, i.updated_at_shopify AS updated_at
      FROM analytics.visible_shops() AS s
      JOIN neanelu.inventory_levels AS i ON i.shop_id = s.shop_id AND i.deleted_at IS NULL
      JOIN neanelu.inventory_locations AS l ON l.shop_id = i.shop_id AND l.id = i.location_id AND l.deleted_at IS NULL
      LEFT JOIN neanelu.shopify_variants AS v ON v.shop_id = i.shop_id AND v.inventory_item_id = i.inventory_item_gid AND v.deleted_at IS NULL
      LEFT JOIN neanelu.shopify_products AS p ON p.shop_id = v.shop_id AND p.id = v.product_id;
COMMENT ON VIEW analytics.inventory_levels IS 'One row an inventory item and location where it is stocked, as Shopify last said. Names as in dbt''s shopify__inventory_levels; for what the ledger says see inventory_current.';
COMMENT ON COLUMN analytics.inventory_levels.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.inventory_levels.inventory_level_id IS 'First number of the level''s id at Shopify, as text; the item''s number follows it there.';
COMMENT ON COLUMN analytics.inventory_levels.inventory_item_id IS 'Numeric id of the item; with shop_id and location_id the key.';
COMMENT ON COLUMN analytics.inventory_levels.location_id IS 'Numeric id of the location.';
COMMENT ON COLUMN analytics.inventory_levels.location_name IS 'Its name.';
COMMENT ON COLUMN analytics.inventory_levels.is_location_active IS 'Whether it is in use.';
COMMENT ON COLUMN analytics.inventory_levels.variant_id IS 'Variant that the item belongs to.';
COMMENT ON COLUMN analytics.inventory_levels.product_id IS 'Its product.';
COMMENT ON COLUMN analytics.inventory_levels.sku IS 'SKU.';
COMMENT ON COLUMN analytics.inventory_levels.variant_title IS 'Title of the variant.';
COMMENT ON COLUMN analytics.inventory_levels.product_title IS 'Title of the product.';
COMMENT ON COLUMN analytics.inventory_levels.available_quantity IS 'Can be sold.';
COMMENT ON COLUMN analytics.inventory_levels.on_hand_quantity IS 'Is there.';
COMMENT ON COLUMN analytics.inventory_levels.committed_quantity IS 'Sold, not yet sent.';
COMMENT ON COLUMN analytics.inventory_levels.incoming_quantity IS 'On its way in.';
COMMENT ON COLUMN analytics.inventory_levels.reserved_quantity IS 'Set aside.';
COMMENT ON COLUMN analytics.inventory_levels.damaged_quantity IS 'Damaged.';
COMMENT ON COLUMN analytics.inventory_levels.quality_control_quantity IS 'Being checked.';
COMMENT ON COLUMN analytics.inventory_levels.safety_stock_quantity IS 'Not to be sold.';
COMMENT ON COLUMN analytics.inventory_levels.variant_price IS 'Price of the variant now.';
COMMENT ON COLUMN analytics.inventory_levels.unit_cost_amount IS 'Cost of a unit; null when unknown.';
COMMENT ON COLUMN analytics.inventory_levels.unit_cost_currency_code IS 'Currency of price, cost and value.';
COMMENT ON COLUMN analytics.inventory_levels.inventory_value IS 'on_hand_quantity above zero times cost; null when the cost is unknown.';
COMMENT ON COLUMN analytics.inventory_levels.updated_at IS 'When Shopify last changed it.';

CREATE VIEW analytics.daily_shop WITH (security_barrier) AS
    SELECT s.shop_id, s.shop_domain AS domain, d.date AS date_day, d.currency_code AS currency,
           d.all_orders AS count_orders, d.cancelled_orders AS count_orders_cancelled, d.discounted_orders AS count_orders_with_discounts, d.refunded_orders AS count_orders_with_refunds, d.line_items AS count_line_items,
           d.units_sold AS quantity_sold, d.units_refunded AS quantity_refunded, d.gross_sales, d.discounts, d.returns,
           d.net_sales, d.shipping, d.taxes, d.order_adjusted_total, d.shipping_cost,
           d.total_discounts, d.refund_total_tax, d.customers_new AS count_customers_new,
           d.units_sold - d.units_refunded AS quantity_net, d.ordering_customers AS count_customers,
           d.products_sold AS count_products_sold, d.variants_sold AS count_variants_sold,
           d.returns AS refund_subtotal, round(d.order_adjusted_total / nullif(d.all_orders, 0), 2) AS avg_order_value,
           d.first_order_at AS first_order_timestamp, d.last_order_at AS last_order_timestamp, d.other_currency_orders AS count_orders_other_currency,
           d.orders_count, d.orders_total, d.orders_avg, d.inventory_value, d.low_stock_count, d.out_of_stock_count, d.stock_at
      FROM analytics.visible_shops() AS s
      JOIN neanelu.analytics_daily_shop AS d ON d.shop_id = s.shop_id;
COMMENT ON VIEW analytics.daily_shop IS 'One row a shop and day of its time zone, in its currency. Names and metrics as in dbt''s shopify__daily_shop. From the roll-up: how fresh, says analytics.freshness. No row: neither orders nor new customers, and we did not look.';
COMMENT ON COLUMN analytics.daily_shop.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.daily_shop.domain IS 'Permanent domain of the shop.';
COMMENT ON COLUMN analytics.daily_shop.date_day IS 'Day in the shop''s time zone; with shop_id the key.';
COMMENT ON COLUMN analytics.daily_shop.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN analytics.daily_shop.count_orders IS 'Orders, cancelled ones too, as dbt counts; without tests and orders in another currency.';
COMMENT ON COLUMN analytics.daily_shop.count_orders_cancelled IS 'Of them, cancelled since.';
COMMENT ON COLUMN analytics.daily_shop.count_orders_with_discounts IS 'With a discount code.';
COMMENT ON COLUMN analytics.daily_shop.count_orders_with_refunds IS 'Of which items came back or were taken out.';
COMMENT ON COLUMN analytics.daily_shop.count_line_items IS 'Lines.';
COMMENT ON COLUMN analytics.daily_shop.quantity_sold IS 'Units ordered, before returns.';
COMMENT ON COLUMN analytics.daily_shop.quantity_refunded IS 'Units refunded or taken out since.';
COMMENT ON COLUMN analytics.daily_shop.gross_sales IS 'Unit price times quantity, before discounts, returns and shipping; with tax where prices contain it.';
COMMENT ON COLUMN analytics.daily_shop.discounts IS 'Discounts on items. Basis as gross_sales.';
COMMENT ON COLUMN analytics.daily_shop.returns IS 'Items that came back or were taken out since, on the day of their order. Basis as gross_sales.';
COMMENT ON COLUMN analytics.daily_shop.net_sales IS 'gross_sales - discounts - returns.';
COMMENT ON COLUMN analytics.daily_shop.shipping IS 'Shipping that was not refunded; with tax where prices contain it.';
COMMENT ON COLUMN analytics.daily_shop.taxes IS 'Tax on what is left, items and shipping.';
COMMENT ON COLUMN analytics.daily_shop.order_adjusted_total IS 'What is left of the orders: items, shipping and tax after refunds.';
COMMENT ON COLUMN analytics.daily_shop.shipping_cost IS 'Shipping as ordered.';
COMMENT ON COLUMN analytics.daily_shop.total_discounts IS 'Discounts as Shopify sums them up, those on shipping too.';
COMMENT ON COLUMN analytics.daily_shop.refund_total_tax IS 'Tax as ordered less tax on what is left.';
COMMENT ON COLUMN analytics.daily_shop.count_customers_new IS 'Customers whose record was made then.';
COMMENT ON COLUMN analytics.daily_shop.quantity_net IS 'quantity_sold - quantity_refunded.';
COMMENT ON COLUMN analytics.daily_shop.count_customers IS 'Different customers of the orders.';
COMMENT ON COLUMN analytics.daily_shop.count_products_sold IS 'Different products sold.';
COMMENT ON COLUMN analytics.daily_shop.count_variants_sold IS 'Different variants sold.';
COMMENT ON COLUMN analytics.daily_shop.refund_subtotal IS 'Same as returns, under dbt''s name.';
COMMENT ON COLUMN analytics.daily_shop.avg_order_value IS 'order_adjusted_total over count_orders, rounded to cents; null without orders.';
COMMENT ON COLUMN analytics.daily_shop.first_order_timestamp IS 'First order of the day.';
COMMENT ON COLUMN analytics.daily_shop.last_order_timestamp IS 'Last order of the day.';
COMMENT ON COLUMN analytics.daily_shop.count_orders_other_currency IS 'Orders left out because of their currency.';
COMMENT ON COLUMN analytics.daily_shop.orders_count IS 'Orders that are not cancelled.';
COMMENT ON COLUMN analytics.daily_shop.orders_total IS 'What is left of those.';
COMMENT ON COLUMN analytics.daily_shop.orders_avg IS 'orders_total over orders_count; 0 without orders.';
COMMENT ON COLUMN analytics.daily_shop.inventory_value IS 'Stock above zero times cost, where known, as of stock_at.';
COMMENT ON COLUMN analytics.daily_shop.low_stock_count IS 'Variants with at least one unit, but no more than their threshold.';
COMMENT ON COLUMN analytics.daily_shop.out_of_stock_count IS 'Variants without a unit.';
COMMENT ON COLUMN analytics.daily_shop.stock_at IS 'When the day''s stock was looked at.';

CREATE VIEW analytics.weekly_shop WITH (security_barrier) AS
    SELECT s.shop_id, s.shop_domain AS domain, date_trunc('week', d.date::timestamp)::date AS week_start, d.currency_code AS currency, count(*) AS count_days,
           sum(d.all_orders) AS count_orders, sum(d.cancelled_orders) AS count_orders_cancelled, sum(d.discounted_orders) AS count_orders_with_discounts, sum(d.refunded_orders) AS count_orders_with_refunds, sum(d.line_items) AS count_line_items,
           sum(d.units_sold) AS quantity_sold, sum(d.units_refunded) AS quantity_refunded, sum(d.gross_sales) AS gross_sales, sum(d.discounts) AS discounts, sum(d.returns) AS returns,
           sum(d.net_sales) AS net_sales, sum(d.shipping) AS shipping, sum(d.taxes) AS taxes, sum(d.order_adjusted_total) AS order_adjusted_total, sum(d.shipping_cost) AS shipping_cost,
           sum(d.total_discounts) AS total_discounts, sum(d.refund_total_tax) AS refund_total_tax, sum(d.customers_new) AS count_customers_new,
           sum(d.units_sold - d.units_refunded) AS quantity_net, sum(d.returns) AS refund_subtotal,
           round(sum(d.order_adjusted_total) / nullif(sum(d.all_orders), 0), 2) AS avg_order_value
      FROM analytics.visible_shops() AS s
      JOIN neanelu.analytics_daily_shop AS d ON d.shop_id = s.shop_id
     GROUP BY s.shop_id, s.shop_domain, week_start, d.currency_code;
COMMENT ON VIEW analytics.weekly_shop IS 'One row a shop and week from Monday of its time zone: the sum of its days. As analytics.daily_shop; different customers and products cannot be added up and are left out.';
COMMENT ON COLUMN analytics.weekly_shop.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.weekly_shop.domain IS 'Permanent domain of the shop.';
COMMENT ON COLUMN analytics.weekly_shop.week_start IS 'First day of the week; with shop_id the key.';
COMMENT ON COLUMN analytics.weekly_shop.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN analytics.weekly_shop.count_days IS 'Days that have a row.';
COMMENT ON COLUMN analytics.weekly_shop.count_orders IS 'Orders, cancelled ones too, as dbt counts; without tests and orders in another currency.';
COMMENT ON COLUMN analytics.weekly_shop.count_orders_cancelled IS 'Of them, cancelled since.';
COMMENT ON COLUMN analytics.weekly_shop.count_orders_with_discounts IS 'With a discount code.';
COMMENT ON COLUMN analytics.weekly_shop.count_orders_with_refunds IS 'Of which items came back or were taken out.';
COMMENT ON COLUMN analytics.weekly_shop.count_line_items IS 'Lines.';
COMMENT ON COLUMN analytics.weekly_shop.quantity_sold IS 'Units ordered, before returns.';
COMMENT ON COLUMN analytics.weekly_shop.quantity_refunded IS 'Units refunded or taken out since.';
COMMENT ON COLUMN analytics.weekly_shop.gross_sales IS 'Unit price times quantity, before discounts, returns and shipping; with tax where prices contain it.';
COMMENT ON COLUMN analytics.weekly_shop.discounts IS 'Discounts on items. Basis as gross_sales.';
COMMENT ON COLUMN analytics.weekly_shop.returns IS 'Items that came back or were taken out since, on the day of their order. Basis as gross_sales.';
COMMENT ON COLUMN analytics.weekly_shop.net_sales IS 'gross_sales - discounts - returns.';
COMMENT ON COLUMN analytics.weekly_shop.shipping IS 'Shipping that was not refunded; with tax where prices contain it.';
COMMENT ON COLUMN analytics.weekly_shop.taxes IS 'Tax on what is left, items and shipping.';
COMMENT ON COLUMN analytics.weekly_shop.order_adjusted_total IS 'What is left of the orders: items, shipping and tax after refunds.';
COMMENT ON COLUMN analytics.weekly_shop.shipping_cost IS 'Shipping as ordered.';
COMMENT ON COLUMN analytics.weekly_shop.total_discounts IS 'Discounts as Shopify sums them up, those on shipping too.';
COMMENT ON COLUMN analytics.weekly_shop.refund_total_tax IS 'Tax as ordered less tax on what is left.';
COMMENT ON COLUMN analytics.weekly_shop.count_customers_new IS 'Customers whose record was made then.';
COMMENT ON COLUMN analytics.weekly_shop.quantity_net IS 'quantity_sold - quantity_refunded.';
COMMENT ON COLUMN analytics.weekly_shop.refund_subtotal IS 'Same as returns, under dbt''s name.';
COMMENT ON COLUMN analytics.weekly_shop.avg_order_value IS 'order_adjusted_total over count_orders, rounded to cents; null without orders.';

CREATE VIEW analytics.monthly_shop WITH (security_barrier) AS
    SELECT s.shop_id, s.shop_domain AS domain, date_trunc('month', d.date::timestamp)::date AS month_start, d.currency_code AS currency, count(*) AS count_days,
           sum(d.all_orders) AS count_orders, sum(d.cancelled_orders) AS count_orders_cancelled, sum(d.discounted_orders) AS count_orders_with_discounts, sum(d.refunded_orders) AS count_orders_with_refunds, sum(d.line_items) AS count_line_items,
           sum(d.units_sold) AS quantity_sold, sum(d.units_refunded) AS quantity_refunded, sum(d.gross_sales) AS gross_sales, sum(d.discounts) AS discounts, sum(d.returns) AS returns,
           sum(d.net_sales) AS net_sales, sum(d.shipping) AS shipping, sum(d.taxes) AS taxes, sum(d.order_adjusted_total) AS order_adjusted_total, sum(d.shipping_cost) AS shipping_cost,
           sum(d.total_discounts) AS total_discounts, sum(d.refund_total_tax) AS refund_total_tax, sum(d.customers_new) AS count_customers_new,
           sum(d.units_sold - d.units_refunded) AS quantity_net, sum(d.returns) AS refund_subtotal,
           round(sum(d.order_adjusted_total) / nullif(sum(d.all_orders), 0), 2) AS avg_order_value
      FROM analytics.visible_shops() AS s
      JOIN neanelu.analytics_daily_shop AS d ON d.shop_id = s.shop_id
     GROUP BY s.shop_id, s.shop_domain, month_start, d.currency_code;
COMMENT ON VIEW analytics.monthly_shop IS 'One row a shop and month of its time zone: the sum of its days. As analytics.daily_shop; different customers and products cannot be added up and are left out.';
COMMENT ON COLUMN analytics.monthly_shop.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.monthly_shop.domain IS 'Permanent domain of the shop.';
COMMENT ON COLUMN analytics.monthly_shop.month_start IS 'First day of the month; with shop_id the key.';
COMMENT ON COLUMN analytics.monthly_shop.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN analytics.monthly_shop.count_days IS 'Days that have a row.';
COMMENT ON COLUMN analytics.monthly_shop.count_orders IS 'Orders, cancelled ones too, as dbt counts; without tests and orders in another currency.';
COMMENT ON COLUMN analytics.monthly_shop.count_orders_cancelled IS 'Of them, cancelled since.';
COMMENT ON COLUMN analytics.monthly_shop.count_orders_with_discounts IS 'With a discount code.';
COMMENT ON COLUMN analytics.monthly_shop.count_orders_with_refunds IS 'Of which items came back or were taken out.';
COMMENT ON COLUMN analytics.monthly_shop.count_line_items IS 'Lines.';
COMMENT ON COLUMN analytics.monthly_shop.quantity_sold IS 'Units ordered, before returns.';
COMMENT ON COLUMN analytics.monthly_shop.quantity_refunded IS 'Units refunded or taken out since.';
COMMENT ON COLUMN analytics.monthly_shop.gross_sales IS 'Unit price times quantity, before discounts, returns and shipping; with tax where prices contain it.';
COMMENT ON COLUMN analytics.monthly_shop.discounts IS 'Discounts on items. Basis as gross_sales.';
COMMENT ON COLUMN analytics.monthly_shop.returns IS 'Items that came back or were taken out since, on the day of their order. Basis as gross_sales.';
COMMENT ON COLUMN analytics.monthly_shop.net_sales IS 'gross_sales - discounts - returns.';
COMMENT ON COLUMN analytics.monthly_shop.shipping IS 'Shipping that was not refunded; with tax where prices contain it.';
COMMENT ON COLUMN analytics.monthly_shop.taxes IS 'Tax on what is left, items and shipping.';
COMMENT ON COLUMN analytics.monthly_shop.order_adjusted_total IS 'What is left of the orders: items, shipping and tax after refunds.';
COMMENT ON COLUMN analytics.monthly_shop.shipping_cost IS 'Shipping as ordered.';
COMMENT ON COLUMN analytics.monthly_shop.total_discounts IS 'Discounts as Shopify sums them up, those on shipping too.';
COMMENT ON COLUMN analytics.monthly_shop.refund_total_tax IS 'Tax as ordered less tax on what is left.';
COMMENT ON COLUMN analytics.monthly_shop.count_customers_new IS 'Customers whose record was made then.';
COMMENT ON COLUMN analytics.monthly_shop.quantity_net IS 'quantity_sold - quantity_refunded.';
COMMENT ON COLUMN analytics.monthly_shop.refund_subtotal IS 'Same as returns, under dbt''s name.';
COMMENT ON COLUMN analytics.monthly_shop.avg_order_value IS 'order_adjusted_total over count_orders, rounded to cents; null without orders.';

CREATE VIEW analytics.product_performance WITH (security_barrier) AS
    SELECT s.shop_id, p.legacy_resource_id AS product_id, p.title AS product_title, t.period_type, t.period_start, t.period_end, s.currency,
           t.orders_count, t.units_sold, t.units_refunded, t.gross_sales, t.discounts, t.returns, t.revenue, t.avg_order_value, t.return_rate
      FROM analytics.visible_shops() AS s
      JOIN neanelu.analytics_product_performance AS t ON t.shop_id = s.shop_id
      JOIN neanelu.shopify_products AS p ON p.shop_id = t.shop_id AND p.id = t.product_id;
COMMENT ON VIEW analytics.product_performance IS 'One row a product and day, week or month in which it sold. From the roll-up (analytics.freshness): orders that are cancelled, made for testing or in another currency are left out.';
COMMENT ON COLUMN analytics.product_performance.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.product_performance.product_id IS 'Numeric id of the product at Shopify; with shop_id, period_type and period_start the key.';
COMMENT ON COLUMN analytics.product_performance.product_title IS 'Its title now.';
COMMENT ON COLUMN analytics.product_performance.period_type IS 'daily, weekly or monthly.';
COMMENT ON COLUMN analytics.product_performance.period_start IS 'First day; of a week, its Monday.';
COMMENT ON COLUMN analytics.product_performance.period_end IS 'Last day, inclusive.';
COMMENT ON COLUMN analytics.product_performance.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN analytics.product_performance.orders_count IS 'Orders with the product.';
COMMENT ON COLUMN analytics.product_performance.units_sold IS 'Units ordered, before returns.';
COMMENT ON COLUMN analytics.product_performance.units_refunded IS 'Units refunded or taken out since.';
COMMENT ON COLUMN analytics.product_performance.gross_sales IS 'Unit price times quantity; with tax where prices contain it.';
COMMENT ON COLUMN analytics.product_performance.discounts IS 'Discounts of the lines.';
COMMENT ON COLUMN analytics.product_performance.returns IS 'What units that came back had cost after discounts.';
COMMENT ON COLUMN analytics.product_performance.revenue IS 'gross_sales - discounts - returns: net sales.';
COMMENT ON COLUMN analytics.product_performance.avg_order_value IS 'revenue over orders_count, rounded to cents.';
COMMENT ON COLUMN analytics.product_performance.return_rate IS 'units_refunded in percent of units_sold.';

CREATE VIEW analytics.discounts WITH (security_barrier) AS
    SELECT s.shop_id, c.code, s.currency, count(*) AS count_orders, count(DISTINCT o.customer_id) AS count_customers,
           sum(f.discounts) AS total_order_discount_amount, round(sum(f.discounts) / count(*), 2) AS avg_order_discount_amount,
           sum(f.returns) AS total_order_refund_amount, min(f.ordered_at) AS first_order_timestamp, max(f.ordered_at) AS last_order_timestamp
      FROM analytics.visible_shops() AS s
      JOIN neanelu.shopify_orders AS o ON o.shop_id = s.shop_id AND o.discount_codes <> '[]' AND o.currency_code = s.currency
      JOIN analytics._order_figures AS f ON f.shop_id = o.shop_id AND f.id = o.id AND NOT f.is_test
     CROSS JOIN LATERAL jsonb_array_elements_text(o.discount_codes) AS c (code)
     GROUP BY s.shop_id, c.code, s.currency;
COMMENT ON VIEW analytics.discounts IS 'One row a shop and discount code. Metrics as in dbt''s shopify__discounts; an order with two codes counts for both. Orders made for testing or in another currency are left out.';
COMMENT ON COLUMN analytics.discounts.shop_id IS 'Shop.';
COMMENT ON COLUMN analytics.discounts.code IS 'Discount code; with shop_id the key.';
COMMENT ON COLUMN analytics.discounts.currency IS 'Currency of the amounts.';
COMMENT ON COLUMN analytics.discounts.count_orders IS 'Orders with it.';
COMMENT ON COLUMN analytics.discounts.count_customers IS 'Different customers of them.';
COMMENT ON COLUMN analytics.discounts.total_order_discount_amount IS 'Discounts on items of those orders, by whatever code.';
COMMENT ON COLUMN analytics.discounts.avg_order_discount_amount IS 'Of an order, rounded to cents.';
COMMENT ON COLUMN analytics.discounts.total_order_refund_amount IS 'Returns of those orders.';
COMMENT ON COLUMN analytics.discounts.first_order_timestamp IS 'First order with it.';
COMMENT ON COLUMN analytics.discounts.last_order_timestamp IS 'Latest.';

CREATE VIEW analytics.shop_summary WITH (security_barrier) AS
    SELECT m.shop_id, m.shopify_domain, m.total_products, m.total_variants, m.total_collections, m.total_orders, m.total_revenue, m.total_customers, m.last_product_sync, m.last_order_sync, m.currency_code, m.adjusted_revenue
      FROM analytics.visible_shops() AS s
      JOIN neanelu.mv_shop_summary AS m ON m.shop_id = s.shop_id;
COMMENT ON VIEW analytics.shop_summary IS 'The rows of neanelu.mv_shop_summary that the login may see; described there. As of its last refresh (analytics.freshness).';
COMMENT ON COLUMN analytics.shop_summary.shop_id IS 'See neanelu.mv_shop_summary.shop_id.';
COMMENT ON COLUMN analytics.shop_summary.shopify_domain IS 'See neanelu.mv_shop_summary.shopify_domain.';
COMMENT ON COLUMN analytics.shop_summary.total_products IS 'See neanelu.mv_shop_summary.total_products.';
COMMENT ON COLUMN analytics.shop_summary.total_variants IS 'See neanelu.mv_shop_summary.total_variants.';
COMMENT ON COLUMN analytics.shop_summary.total_collections IS 'See neanelu.mv_shop_summary.total_collections.';
COMMENT ON COLUMN analytics.shop_summary.total_orders IS 'See neanelu.mv_shop_summary.total_orders.';
COMMENT ON COLUMN analytics.shop_summary.total_revenue IS 'See neanelu.mv_shop_summary.total_revenue.';
COMMENT ON COLUMN analytics.shop_summary.total_customers IS 'See neanelu.mv_shop_summary.total_customers.';
COMMENT ON COLUMN analytics.shop_summary.last_product_sync IS 'See neanelu.mv_shop_summary.last_product_sync.';
COMMENT ON COLUMN analytics.shop_summary.last_order_sync IS 'See neanelu.mv_shop_summary.last_order_sync.';
COMMENT ON COLUMN analytics.shop_summary.currency_code IS 'See neanelu.mv_shop_summary.currency_code.';
COMMENT ON COLUMN analytics.shop_summary.adjusted_revenue IS 'See neanelu.mv_shop_summary.adjusted_revenue.';

CREATE VIEW analytics.low_stock_alerts WITH (security_barrier) AS
    SELECT m.shop_id, m.variant_id, m.product_id, m.sku, m.variant_title, m.product_title, m.inventory_quantity, m.threshold
      FROM analytics.visible_shops() AS s
      JOIN neanelu.mv_low_stock_alerts AS m ON m.shop_id = s.shop_id;
COMMENT ON VIEW analytics.low_stock_alerts IS 'The rows of neanelu.mv_low_stock_alerts that the login may see; described there. As of its last refresh (analytics.freshness).';
COMMENT ON COLUMN analytics.low_stock_alerts.shop_id IS 'See neanelu.mv_low_stock_alerts.shop_id.';
COMMENT ON COLUMN analytics.low_stock_alerts.variant_id IS 'See neanelu.mv_low_stock_alerts.variant_id.';
COMMENT ON COLUMN analytics.low_stock_alerts.product_id IS 'See neanelu.mv_low_stock_alerts.product_id.';
COMMENT ON COLUMN analytics.low_stock_alerts.sku IS 'See neanelu.mv_low_stock_alerts.sku.';
COMMENT ON COLUMN analytics.low_stock_alerts.variant_title IS 'See neanelu.mv_low_stock_alerts.variant_title.';
COMMENT ON COLUMN analytics.low_stock_alerts.product_title IS 'See neanelu.mv_low_stock_alerts.product_title.';
COMMENT ON COLUMN analytics.low_stock_alerts.inventory_quantity IS 'See neanelu.mv_low_stock_alerts.inventory_quantity.';
COMMENT ON COLUMN analytics.low_stock_alerts.threshold IS 'See neanelu.mv_low_stock_alerts.threshold.';

CREATE VIEW analytics.top_sellers WITH (security_barrier) AS
    SELECT m.shop_id, m.product_id, m.product_title, m.units_sold, m.revenue, m.variants_sold, m.revenue_rank, m.units_refunded, m.net_revenue
      FROM analytics.visible_shops() AS s
      JOIN neanelu.mv_top_sellers AS m ON m.shop_id = s.shop_id;
COMMENT ON VIEW analytics.top_sellers IS 'The rows of neanelu.mv_top_sellers that the login may see; described there. As of its last refresh (analytics.freshness).';
COMMENT ON COLUMN analytics.top_sellers.shop_id IS 'See neanelu.mv_top_sellers.shop_id.';
COMMENT ON COLUMN analytics.top_sellers.product_id IS 'See neanelu.mv_top_sellers.product_id.';
COMMENT ON COLUMN analytics.top_sellers.product_title IS 'See neanelu.mv_top_sellers.product_title.';
COMMENT ON COLUMN analytics.top_sellers.units_sold IS 'See neanelu.mv_top_sellers.units_sold.';
COMMENT ON COLUMN analytics.top_sellers.revenue IS 'See neanelu.mv_top_sellers.revenue.';
COMMENT ON COLUMN analytics.top_sellers.variants_sold IS 'See neanelu.mv_top_sellers.variants_sold.';
COMMENT ON COLUMN analytics.top_sellers.revenue_rank IS 'See neanelu.mv_top_sellers.revenue_rank.';
COMMENT ON COLUMN analytics.top_sellers.units_refunded IS 'See neanelu.mv_top_sellers.units_refunded.';
COMMENT ON COLUMN analytics.top_sellers.net_revenue IS 'See neanelu.mv_top_sellers.net_revenue.';

CREATE VIEW analytics.freshness WITH (security_barrier) AS
    SELECT r.view_name AS source, NULL::uuid AS shop_id, r.refreshed_at, app.now() - r.refreshed_at AS age, r.duration_ms,
           r.refreshed_at IS NULL OR r.refreshed_at < app.now() - 2 * r.expected_every AS is_stale, 0 AS days_waiting
      FROM neanelu.analytics_refreshes AS r
    UNION ALL
    SELECT 'rollup', s.shop_id, r.rolled_at, app.now() - r.rolled_at, r.duration_ms,
           r.rolled_at IS NULL OR r.rolled_at < app.now() - interval '2 hours' OR d.oldest < app.now() - interval '1 hour', d.days
      FROM analytics.visible_shops() AS s
      LEFT JOIN neanelu.analytics_rollups AS r ON r.shop_id = s.shop_id
     CROSS JOIN LATERAL (
        SELECT count(DISTINCT m.date)::integer AS days, min(m.marked_at) AS oldest FROM neanelu.analytics_dirty_days AS m WHERE m.shop_id = s.shop_id) AS d;
COMMENT ON VIEW analytics.freshness IS 'How fresh figures are: one row a summary, and one a shop for the roll-up behind daily_shop, products and product_performance. The other views read the mirror as it is.';
COMMENT ON COLUMN analytics.freshness.source IS 'Materialized view, or rollup.';
COMMENT ON COLUMN analytics.freshness.shop_id IS 'Shop; null for what is refreshed for all at once.';
COMMENT ON COLUMN analytics.freshness.refreshed_at IS 'As of when its figures are; null: never computed.';
COMMENT ON COLUMN analytics.freshness.age IS 'How long ago that is.';
COMMENT ON COLUMN analytics.freshness.duration_ms IS 'How long it took.';
COMMENT ON COLUMN analytics.freshness.is_stale IS 'Older than twice what the schedule says, or with changes waiting for over an hour.';
COMMENT ON COLUMN analytics.freshness.days_waiting IS 'Days that changed since and wait for the next roll-up.';

GRANT SELECT ON
    analytics.orders, analytics.order_lines, analytics.refunds, analytics.customers, analytics.products,
    analytics.variants, analytics.inventory_levels, analytics.daily_shop, analytics.weekly_shop, analytics.monthly_shop,
    analytics.product_performance, analytics.discounts, analytics.shop_summary, analytics.low_stock_alerts,
    analytics.top_sellers, analytics.freshness
    TO neanelu_tenant, neanelu_app, neanelu_analyst;
GRANT SELECT ON analytics.freshness TO neanelu_operator;
GRANT EXECUTE ON FUNCTION analytics.visible_shops() TO neanelu_operator;

COMMIT;
