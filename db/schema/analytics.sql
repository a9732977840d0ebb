-- Deploy neanelu:schema/analytics to pg
-- Module M, shop side: figures by day and by product, and what is known of how fresh they are. All of it can be computed
-- again from the mirror, so it goes with its shop (CASCADE). The materialized views are in schema/summaries.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.analytics_daily_shop (
  id                         uuid NOT NULL DEFAULT uuidv7(),
  shop_id                    uuid NOT NULL,
  date                       date NOT NULL,
  orders_count               integer NOT NULL DEFAULT 0,
  orders_total               numeric(14,2) NOT NULL DEFAULT 0,
  orders_avg                 numeric(12,2) NOT NULL DEFAULT 0,
  products_synced            integer NOT NULL DEFAULT 0,
  variants_synced            integer NOT NULL DEFAULT 0,
  customers_new              integer NOT NULL DEFAULT 0,
  inventory_value            numeric(14,2),
  low_stock_count            integer,
  out_of_stock_count         integer,
  bulk_runs_count            integer NOT NULL DEFAULT 0,
  bulk_runs_failed           integer NOT NULL DEFAULT 0,
  api_calls_count            integer NOT NULL DEFAULT 0,
  webhook_events_count       integer NOT NULL DEFAULT 0,
  currency_code              varchar(3),
  all_orders                 integer NOT NULL DEFAULT 0,
  cancelled_orders           integer NOT NULL DEFAULT 0,
  discounted_orders          integer NOT NULL DEFAULT 0,
  refunded_orders            integer NOT NULL DEFAULT 0,
  other_currency_orders      integer NOT NULL DEFAULT 0,
  ordering_customers         integer NOT NULL DEFAULT 0,
  line_items                 integer NOT NULL DEFAULT 0,
  units_sold                 integer NOT NULL DEFAULT 0,
  units_refunded             integer NOT NULL DEFAULT 0,
  products_sold              integer NOT NULL DEFAULT 0,
  variants_sold              integer NOT NULL DEFAULT 0,
  gross_sales                numeric(14,2) NOT NULL DEFAULT 0,
  discounts                  numeric(14,2) NOT NULL DEFAULT 0,
  returns                    numeric(14,2) NOT NULL DEFAULT 0,
  net_sales                  numeric(14,2) NOT NULL DEFAULT 0,
  shipping                   numeric(14,2) NOT NULL DEFAULT 0,
  taxes                      numeric(14,2) NOT NULL DEFAULT 0,
  total_discounts            numeric(14,2) NOT NULL DEFAULT 0,
  shipping_cost              numeric(14,2) NOT NULL DEFAULT 0,
  refund_total_tax           numeric(14,2) NOT NULL DEFAULT 0,
  order_adjusted_total       numeric(14,2) NOT NULL DEFAULT 0,
  first_order_at             timestamptz,
  last_order_at              timestamptz,
  stock_at                   timestamptz,
  created_at                 timestamptz NOT NULL DEFAULT now(),
  updated_at                 timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT analytics_daily_shop_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT analytics_daily_shop_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT analytics_daily_shop_identity_check CHECK (net_sales = gross_sales - discounts - returns),
  CONSTRAINT analytics_daily_shop_stock_check
    CHECK (num_nonnulls(stock_at, inventory_value, low_stock_count, out_of_stock_count) IN (0, 4))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_analytics_daily_shop_date ON neanelu.analytics_daily_shop (shop_id, date);
CREATE INDEX idx_analytics_daily_date ON neanelu.analytics_daily_shop (date DESC);

COMMENT ON TABLE neanelu.analytics_daily_shop IS
  'Figures of one shop and one day of its time zone, in its currency. An order belongs to the day on which it was processed, and what '
  'becomes of it later (refunds, cancellation, edits) corrects that day. Orders that are deleted, made for testing or in another currency '
  'are left out. Written by analytics.rollup_days, days that changed only; read it through analytics.daily_shop.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.id IS 'Internal id, time ordered.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.date IS 'Day in the shop''s time zone.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.orders_count IS 'Orders that are not cancelled.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.orders_total IS
  'What is left of the orders that are not cancelled, after refunds: items, shipping and tax (current total).';
COMMENT ON COLUMN neanelu.analytics_daily_shop.orders_avg IS 'orders_total over orders_count, rounded to cents; 0 without orders.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.products_synced IS 'Product lines that bulk runs completed on the day wrote into the mirror.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.variants_synced IS 'Variant lines that bulk runs completed on the day wrote into the mirror.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.customers_new IS 'Customers whose record at Shopify was made on the day and is not deleted.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.inventory_value IS
  'Stock above zero times cost, of living variants whose cost is known, as of stock_at.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.low_stock_count IS
  'Variants of active products with at least one unit but no more than their threshold (mv_low_stock_alerts), as of stock_at.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.out_of_stock_count IS 'Variants of active products without a unit, as of stock_at.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.bulk_runs_count IS 'Bulk runs that ended on the day, whatever their end.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.bulk_runs_failed IS 'Of them, those that failed.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.api_calls_count IS 'Requests to Shopify (api_cost_tracking).';
COMMENT ON COLUMN neanelu.analytics_daily_shop.webhook_events_count IS 'Webhooks received and stored (webhook_events).';
COMMENT ON COLUMN neanelu.analytics_daily_shop.currency_code IS 'Currency of all amounts, the shop''s when the day was last computed (ISO 4217).';
COMMENT ON COLUMN neanelu.analytics_daily_shop.all_orders IS 'Orders, cancelled ones too.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.cancelled_orders IS 'Orders that were cancelled, whenever that was.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.discounted_orders IS 'Orders with at least one discount code.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.refunded_orders IS 'Orders of which items came back or were taken out (returns above zero).';
COMMENT ON COLUMN neanelu.analytics_daily_shop.other_currency_orders IS 'Orders left out, as their currency is not the shop''s.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.ordering_customers IS 'Different customers of the orders.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.line_items IS 'Lines of the orders.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.units_sold IS 'Units ordered, before returns.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.units_refunded IS 'Units refunded or taken out since, whenever that was.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.products_sold IS 'Different products in the lines (by gid; lines without a product count none).';
COMMENT ON COLUMN neanelu.analytics_daily_shop.variants_sold IS 'Different variants in the lines (by gid).';
COMMENT ON COLUMN neanelu.analytics_daily_shop.gross_sales IS
  'Unit price times quantity of all lines, before discounts and returns, without shipping; with tax where prices contain it.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.discounts IS 'What discounts took off the items: gross sales less subtotal. Basis as gross_sales.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.returns IS
  'What items refunded or taken out had cost, after their discounts. Basis as gross_sales; on the day of the order, not of the refund.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.net_sales IS 'gross_sales - discounts - returns: the items that are left.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.shipping IS 'Shipping that was not refunded; with tax where prices contain it.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.taxes IS 'Tax on what is left, items and shipping, whether contained in prices or not.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.total_discounts IS 'Discounts as Shopify sums them up for the orders, those on shipping too.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.shipping_cost IS 'Shipping as ordered, before refunds.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.refund_total_tax IS 'Tax as ordered less taxes.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.order_adjusted_total IS 'What is left of all orders: items, shipping and tax after refunds.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.first_order_at IS 'First order of the day.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.last_order_at IS 'Last order of the day.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.stock_at IS
  'When the day''s figures of stock were taken; the last time of the day stays. Null for days before the first look.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.analytics_daily_shop.updated_at IS 'When a figure last changed.';

CREATE TABLE neanelu.analytics_product_performance (
  id                 uuid NOT NULL DEFAULT uuidv7(),
  shop_id            uuid NOT NULL,
  product_id         uuid NOT NULL,
  period_start       date NOT NULL,
  period_end         date NOT NULL,
  period_type        varchar(20) NOT NULL,
  views_count        integer,
  orders_count       integer NOT NULL DEFAULT 0,
  units_sold         integer NOT NULL DEFAULT 0,
  revenue            numeric(12,2) NOT NULL DEFAULT 0,
  avg_order_value    numeric(12,2) NOT NULL DEFAULT 0,
  return_rate        numeric(5,2) NOT NULL DEFAULT 0,
  inventory_turnover numeric(8,4),
  units_refunded     integer NOT NULL DEFAULT 0,
  order_lines        integer NOT NULL DEFAULT 0,
  gross_sales        numeric(14,2) NOT NULL DEFAULT 0,
  discounts          numeric(14,2) NOT NULL DEFAULT 0,
  returns            numeric(14,2) NOT NULL DEFAULT 0,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT analytics_product_performance_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT analytics_product_performance_shop_id_product_id_fkey
    FOREIGN KEY (shop_id, product_id) REFERENCES neanelu.shopify_products (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT analytics_product_performance_period_check
    CHECK (CASE period_type
             WHEN 'daily' THEN period_end = period_start
             WHEN 'weekly' THEN extract(isodow FROM period_start) = 1 AND period_end = period_start + 6
             WHEN 'monthly' THEN extract(day FROM period_start) = 1
                             AND period_end = (period_start + interval '1 month' - interval '1 day')::date
             ELSE false END),
  CONSTRAINT analytics_product_performance_revenue_check CHECK (revenue = gross_sales - discounts - returns),
  CONSTRAINT analytics_product_performance_units_check CHECK (units_refunded BETWEEN 0 AND units_sold)
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_product_perf_product
  ON neanelu.analytics_product_performance (shop_id, product_id, period_type, period_start DESC);
CREATE INDEX idx_product_perf_shop_period
  ON neanelu.analytics_product_performance (shop_id, period_type, period_start DESC);
CREATE INDEX idx_product_perf_revenue ON neanelu.analytics_product_performance (shop_id, period_type, revenue DESC);

COMMENT ON TABLE neanelu.analytics_product_performance IS
  'What a product sold in a day, week or month of the shop''s time zone, in the shop''s currency; orders as in analytics_daily_shop, without '
  'cancelled ones. Weeks and months are sums of their days. No row: nothing sold. Written by analytics.rollup_days.';
COMMENT ON COLUMN neanelu.analytics_product_performance.id IS 'Internal id, time ordered.';
COMMENT ON COLUMN neanelu.analytics_product_performance.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.analytics_product_performance.product_id IS 'Product of the lines, found by its gid; deleted ones too.';
COMMENT ON COLUMN neanelu.analytics_product_performance.period_start IS 'First day; of a week, its Monday.';
COMMENT ON COLUMN neanelu.analytics_product_performance.period_end IS 'Last day, inclusive.';
COMMENT ON COLUMN neanelu.analytics_product_performance.period_type IS 'daily, weekly or monthly.';
COMMENT ON COLUMN neanelu.analytics_product_performance.views_count IS 'Views of the product''s page; null, as nobody tells us.';
COMMENT ON COLUMN neanelu.analytics_product_performance.orders_count IS 'Orders with the product.';
COMMENT ON COLUMN neanelu.analytics_product_performance.units_sold IS 'Units ordered, before returns.';
COMMENT ON COLUMN neanelu.analytics_product_performance.revenue IS
  'gross_sales - discounts - returns: net sales of the product, without shipping; with tax where prices contain it.';
COMMENT ON COLUMN neanelu.analytics_product_performance.avg_order_value IS 'revenue over orders_count, rounded to cents.';
COMMENT ON COLUMN neanelu.analytics_product_performance.return_rate IS 'units_refunded in percent of units_sold.';
COMMENT ON COLUMN neanelu.analytics_product_performance.inventory_turnover IS
  'Units sold over average stock; null, until a history of stock covers the period.';
COMMENT ON COLUMN neanelu.analytics_product_performance.units_refunded IS 'Units refunded or taken out since, whenever that was.';
COMMENT ON COLUMN neanelu.analytics_product_performance.order_lines IS 'Lines of orders with the product.';
COMMENT ON COLUMN neanelu.analytics_product_performance.gross_sales IS 'Unit price times quantity, before discounts and returns.';
COMMENT ON COLUMN neanelu.analytics_product_performance.discounts IS 'Discounts of the lines, their part of the order''s too.';
COMMENT ON COLUMN neanelu.analytics_product_performance.returns IS
  'What the units that came back had cost after discounts: their share of the line, rounded to cents.';
COMMENT ON COLUMN neanelu.analytics_product_performance.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.analytics_product_performance.updated_at IS 'When a figure last changed.';

CREATE TABLE neanelu.analytics_dirty_days (
  id        uuid NOT NULL DEFAULT uuidv7(),
  shop_id   uuid NOT NULL,
  date      date,
  marked_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT analytics_dirty_days_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT analytics_dirty_days_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE
);
COMMENT ON TABLE neanelu.analytics_dirty_days IS
  'Days whose orders or customers changed since they were last added up. Marked by triggers in the transaction of the change, without a '
  'unique key, so that writers never wait for each other; taken away by analytics.rollup_days.';
COMMENT ON COLUMN neanelu.analytics_dirty_days.id IS 'Internal id, time ordered.';
COMMENT ON COLUMN neanelu.analytics_dirty_days.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.analytics_dirty_days.date IS 'Day in the shop''s time zone as it was then; null: all days.';
COMMENT ON COLUMN neanelu.analytics_dirty_days.marked_at IS 'When it was marked.';

CREATE TABLE neanelu.analytics_unresolved_products (
  shop_id     uuid NOT NULL,
  product_gid varchar(100) NOT NULL,
  date        date NOT NULL,
  CONSTRAINT analytics_unresolved_products_pkey PRIMARY KEY (shop_id, product_gid, date),
  CONSTRAINT analytics_unresolved_products_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE
);
CREATE INDEX idx_analytics_unresolved_date ON neanelu.analytics_unresolved_products (shop_id, date);
COMMENT ON TABLE neanelu.analytics_unresolved_products IS
  'Products that lines of orders name and the mirror does not have (yet), by day: when one comes, its days are added up again. Written by '
  'analytics.rollup_days.';
COMMENT ON COLUMN neanelu.analytics_unresolved_products.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.analytics_unresolved_products.product_gid IS 'Product that the line names.';
COMMENT ON COLUMN neanelu.analytics_unresolved_products.date IS 'Day of the order.';

CREATE TABLE neanelu.analytics_rollups (
  shop_id       uuid NOT NULL,
  rolled_at     timestamptz NOT NULL,
  days          integer NOT NULL,
  duration_ms   integer NOT NULL,
  timezone      varchar(50) NOT NULL,
  currency_code varchar(3) NOT NULL,
  today         date NOT NULL,
  CONSTRAINT analytics_rollups_pkey PRIMARY KEY (shop_id),
  CONSTRAINT analytics_rollups_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT analytics_rollups_days_check CHECK (days >= 0 AND duration_ms >= 0)
);
COMMENT ON TABLE neanelu.analytics_rollups IS 'When each shop''s days were last added up, and in which terms. Written by analytics.rollup_days.';
COMMENT ON COLUMN neanelu.analytics_rollups.shop_id IS 'Tenant, the whole key.';
COMMENT ON COLUMN neanelu.analytics_rollups.rolled_at IS 'When the last roll-up ran: changes committed before it are in the figures.';
COMMENT ON COLUMN neanelu.analytics_rollups.days IS 'Days that it computed.';
COMMENT ON COLUMN neanelu.analytics_rollups.duration_ms IS 'How long it took.';
COMMENT ON COLUMN neanelu.analytics_rollups.timezone IS 'Time zone that days are of; when the shop''s becomes another, all days are computed again.';
COMMENT ON COLUMN neanelu.analytics_rollups.currency_code IS 'Currency of the figures; when the shop''s becomes another, all days are computed again.';
COMMENT ON COLUMN neanelu.analytics_rollups.today IS 'The shop''s day then.';

CREATE TABLE neanelu.analytics_refreshes (
  view_name        text NOT NULL,
  refreshed_at     timestamptz,
  duration_ms      integer,
  row_count        bigint,
  expected_every   interval NOT NULL,
  CONSTRAINT analytics_refreshes_pkey PRIMARY KEY (view_name),
  CONSTRAINT analytics_refreshes_whole_check CHECK (num_nonnulls(refreshed_at, duration_ms, row_count) IN (0, 3))
);
COMMENT ON TABLE neanelu.analytics_refreshes IS 'The materialized views and when they were refreshed. Written by analytics.refresh.';
COMMENT ON COLUMN neanelu.analytics_refreshes.view_name IS 'Materialized view of schema neanelu.';
COMMENT ON COLUMN neanelu.analytics_refreshes.refreshed_at IS 'When the last refresh began: what was committed before it is in the view; null when never.';
COMMENT ON COLUMN neanelu.analytics_refreshes.duration_ms IS 'How long it took.';
COMMENT ON COLUMN neanelu.analytics_refreshes.row_count IS 'Rows it has.';
COMMENT ON COLUMN neanelu.analytics_refreshes.expected_every IS 'How often the schedule refreshes it; twice that without one is stale.';

INSERT INTO neanelu.analytics_refreshes (view_name, expected_every) VALUES
  ('mv_shop_summary', '1 hour'), ('mv_low_stock_alerts', '15 minutes'), ('mv_top_sellers', '1 day');

-- New customers of a day are counted by it; it never changes, so updates stay in place.
CREATE INDEX idx_customers_created ON neanelu.shopify_customers (shop_id, created_at_shopify);

COMMIT;
