-- Deploy neanelu:schema/summaries to pg
-- requires: functions/analytics/figures
-- Module M: the materialized views of shops. They carry no policies, so nobody but the engine reads them; tenants and analysts have
-- the views of functions/analytics/views. The engine owns them, because a refresh reads the mirror with its owner's rights.

BEGIN;

SET LOCAL search_path = neanelu, analytics, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;
GRANT CREATE ON SCHEMA neanelu TO neanelu_engine;
SET LOCAL ROLE neanelu_engine;

-- Each table is added up before it is joined: joined first, rows of one would be counted once for each of another.
CREATE MATERIALIZED VIEW neanelu.mv_shop_summary AS
    SELECT s.id AS shop_id, s.shopify_domain,
           coalesce(p.total, 0) AS total_products, coalesce(v.total, 0) AS total_variants, coalesce(c.total, 0) AS total_collections,
           coalesce(o.total, 0) AS total_orders, coalesce(o.revenue, 0) AS total_revenue, coalesce(k.total, 0) AS total_customers,
           p.last_sync AS last_product_sync, o.last_sync AS last_order_sync,
           s.currency_code, coalesce(o.adjusted, 0) AS adjusted_revenue
      FROM neanelu.shops AS s
      LEFT JOIN (SELECT t.shop_id, count(*) FILTER (WHERE t.status = 'ACTIVE') AS total, max(t.synced_at) AS last_sync
                   FROM neanelu.shopify_products AS t WHERE t.deleted_at IS NULL GROUP BY t.shop_id) AS p ON p.shop_id = s.id
      LEFT JOIN (SELECT t.shop_id, count(*) AS total
                   FROM neanelu.shopify_variants AS t WHERE t.deleted_at IS NULL GROUP BY t.shop_id) AS v ON v.shop_id = s.id
      LEFT JOIN (SELECT t.shop_id, count(*) AS total
                   FROM neanelu.shopify_collections AS t WHERE t.deleted_at IS NULL GROUP BY t.shop_id) AS c ON c.shop_id = s.id
      LEFT JOIN (SELECT t.shop_id, count(*) AS total, max(t.synced_at) AS last_sync,
                        sum(t.total_price) FILTER (WHERE t.currency_code = z.currency_code) AS revenue,
                        sum(coalesce(t.current_total_price, t.total_price)) FILTER (WHERE t.currency_code = z.currency_code) AS adjusted
                   FROM neanelu.shopify_orders AS t JOIN neanelu.shops AS z ON z.id = t.shop_id
                  WHERE t.deleted_at IS NULL AND NOT coalesce(t.is_test, false) GROUP BY t.shop_id) AS o ON o.shop_id = s.id
      LEFT JOIN (SELECT t.shop_id, count(*) AS total
                   FROM neanelu.shopify_customers AS t WHERE t.deleted_at IS NULL GROUP BY t.shop_id) AS k ON k.shop_id = s.id;
CREATE UNIQUE INDEX idx_mv_shop_summary_pk ON neanelu.mv_shop_summary (shop_id);
COMMENT ON MATERIALIZED VIEW neanelu.mv_shop_summary IS
    'One row a shop: how much there is of what (without what is deleted) and what it sold. Refreshed hourly by analytics.refresh; read it through analytics.shop_summary.';
COMMENT ON COLUMN neanelu.mv_shop_summary.shop_id IS 'Shop; the key.';
COMMENT ON COLUMN neanelu.mv_shop_summary.shopify_domain IS 'Its permanent domain.';
COMMENT ON COLUMN neanelu.mv_shop_summary.total_products IS 'Products with status ACTIVE.';
COMMENT ON COLUMN neanelu.mv_shop_summary.total_variants IS 'Variants, of products of any status.';
COMMENT ON COLUMN neanelu.mv_shop_summary.total_collections IS 'Collections.';
COMMENT ON COLUMN neanelu.mv_shop_summary.total_orders IS 'Orders, cancelled ones too, without those made for testing.';
COMMENT ON COLUMN neanelu.mv_shop_summary.total_revenue IS
    'What the orders came to when they were placed (total price: items, shipping and tax after discounts), of those in the shop''s currency.';
COMMENT ON COLUMN neanelu.mv_shop_summary.total_customers IS 'Customers.';
COMMENT ON COLUMN neanelu.mv_shop_summary.last_product_sync IS 'When a product was last written.';
COMMENT ON COLUMN neanelu.mv_shop_summary.last_order_sync IS 'When an order was last written.';
COMMENT ON COLUMN neanelu.mv_shop_summary.currency_code IS 'Currency of the amounts.';
COMMENT ON COLUMN neanelu.mv_shop_summary.adjusted_revenue IS 'What is left of them after refunds and cancellations (current total price).';

CREATE MATERIALIZED VIEW neanelu.mv_low_stock_alerts AS
    SELECT v.shop_id, v.id AS variant_id, v.product_id, v.sku, v.title AS variant_title, p.title AS product_title,
           v.inventory_quantity, t.threshold
      FROM neanelu.shopify_variants AS v
      JOIN neanelu.shopify_products AS p ON p.shop_id = v.shop_id AND p.id = v.product_id
     CROSS JOIN LATERAL (SELECT coalesce(analytics._threshold(v.metafields), analytics._threshold(p.metafields), 5) AS threshold) AS t
     WHERE v.deleted_at IS NULL AND p.deleted_at IS NULL AND p.status = 'ACTIVE'
       AND v.inventory_quantity >= 0 AND v.inventory_quantity <= t.threshold;
CREATE UNIQUE INDEX idx_mv_low_stock_pk ON neanelu.mv_low_stock_alerts (shop_id, variant_id);
CREATE INDEX idx_mv_low_stock_shop ON neanelu.mv_low_stock_alerts (shop_id);
CREATE INDEX idx_mv_low_stock_qty ON neanelu.mv_low_stock_alerts (inventory_quantity);
COMMENT ON MATERIALIZED VIEW neanelu.mv_low_stock_alerts IS
    'Variants of active products whose stock is at or below their threshold, down to zero. Refreshed every 15 minutes by analytics.refresh; read it through analytics.low_stock_alerts.';
COMMENT ON COLUMN neanelu.mv_low_stock_alerts.shop_id IS 'Shop; with variant_id the key.';
COMMENT ON COLUMN neanelu.mv_low_stock_alerts.variant_id IS 'Variant.';
COMMENT ON COLUMN neanelu.mv_low_stock_alerts.product_id IS 'Its product.';
COMMENT ON COLUMN neanelu.mv_low_stock_alerts.sku IS 'Its SKU.';
COMMENT ON COLUMN neanelu.mv_low_stock_alerts.variant_title IS 'Its title.';
COMMENT ON COLUMN neanelu.mv_low_stock_alerts.product_title IS 'Title of the product.';
COMMENT ON COLUMN neanelu.mv_low_stock_alerts.inventory_quantity IS 'Units that can be sold, all locations.';
COMMENT ON COLUMN neanelu.mv_low_stock_alerts.threshold IS
    'Metafield low_stock_threshold (namespace inventory or custom) of the variant, else of the product, where it is a whole number; else 5.';

CREATE MATERIALIZED VIEW neanelu.mv_top_sellers AS
    WITH sold AS (
        SELECT o.shop_id, v.product_id, count(DISTINCT v.id) AS variants_sold, sum(l.quantity) AS units_sold, sum(l.gross_sales) AS revenue,
               sum(l.units_refunded) AS units_refunded, sum(l.gross_sales - l.discounts - l.returns) AS net_revenue
          FROM neanelu.shopify_orders AS o
          JOIN neanelu.shops AS s ON s.id = o.shop_id AND s.currency_code = o.currency_code
         CROSS JOIN LATERAL analytics._lines(o.line_items) AS l
          JOIN neanelu.shopify_variants AS v ON v.shop_id = o.shop_id AND v.shopify_gid = l.line -> 'variant' ->> 'id'
         WHERE o.deleted_at IS NULL AND NOT coalesce(o.is_test, false) AND o.created_at_shopify >= app.now() - interval '30 days'
           AND o.financial_status IN ('PAID', 'PARTIALLY_REFUNDED')
         GROUP BY o.shop_id, v.product_id)
    SELECT t.shop_id, t.product_id, p.title AS product_title, t.units_sold, t.revenue, t.variants_sold,
           rank() OVER (PARTITION BY t.shop_id ORDER BY t.revenue DESC) AS revenue_rank, t.units_refunded, t.net_revenue
      FROM sold AS t
      JOIN neanelu.shopify_products AS p ON p.shop_id = t.shop_id AND p.id = t.product_id
     WHERE p.deleted_at IS NULL;
CREATE UNIQUE INDEX idx_mv_top_sellers_pk ON neanelu.mv_top_sellers (shop_id, product_id);
CREATE INDEX idx_mv_top_sellers_shop ON neanelu.mv_top_sellers (shop_id);
CREATE INDEX idx_mv_top_sellers_rank ON neanelu.mv_top_sellers (shop_id, revenue_rank);
COMMENT ON MATERIALIZED VIEW neanelu.mv_top_sellers IS
    'What products sold in paid and partly refunded orders of the last 30 days, in the shop''s currency; variants are found by the gid in the line. '
    'Refreshed daily at 03:00 UTC by analytics.refresh; read it through analytics.top_sellers.';
COMMENT ON COLUMN neanelu.mv_top_sellers.shop_id IS 'Shop; with product_id the key.';
COMMENT ON COLUMN neanelu.mv_top_sellers.product_id IS 'Product.';
COMMENT ON COLUMN neanelu.mv_top_sellers.product_title IS 'Its title.';
COMMENT ON COLUMN neanelu.mv_top_sellers.units_sold IS 'Units ordered, before returns.';
COMMENT ON COLUMN neanelu.mv_top_sellers.revenue IS 'Unit price times quantity, before discounts and returns; with tax where prices contain it.';
COMMENT ON COLUMN neanelu.mv_top_sellers.variants_sold IS 'Different variants sold.';
COMMENT ON COLUMN neanelu.mv_top_sellers.revenue_rank IS 'Place by revenue within the shop, 1 is the best; equal ones share it.';
COMMENT ON COLUMN neanelu.mv_top_sellers.units_refunded IS 'Units refunded or taken out since.';
COMMENT ON COLUMN neanelu.mv_top_sellers.net_revenue IS 'revenue less discounts and returns.';

SET LOCAL ROLE neanelu_owner;
REVOKE CREATE ON SCHEMA neanelu FROM neanelu_engine;

COMMIT;
