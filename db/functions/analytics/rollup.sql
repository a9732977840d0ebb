-- Deploy neanelu:functions/analytics/rollup to pg
-- requires: functions/analytics/figures
-- requires: schema/budget
-- Days are added up again when something of them changed, and only then.

BEGIN;

SET LOCAL search_path = neanelu, analytics, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

-- Which days changed ------------------------------------------------------------------------------------------------

CREATE FUNCTION analytics.tg_shopify_orders__mark_days() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    INSERT INTO analytics_dirty_days (shop_id, date)
    SELECT DISTINCT c.shop_id, (coalesce(c.processed_at, c.created_at_shopify) AT TIME ZONE s.timezone)::date
      FROM changed AS c
      JOIN shops AS s ON s.id = c.shop_id
     WHERE coalesce(c.processed_at, c.created_at_shopify) IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION analytics.tg_shopify_orders__mark_days() IS
    'Marks the days of the orders that a statement wrote, as they were and as they are. One INSERT a statement, which waits for nobody.';

CREATE FUNCTION analytics.tg_shopify_customers__mark_days() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, pg_temp
AS $$
BEGIN
    INSERT INTO analytics_dirty_days (shop_id, date)
    SELECT DISTINCT c.shop_id, (c.created_at_shopify AT TIME ZONE s.timezone)::date
      FROM changed AS c
      JOIN shops AS s ON s.id = c.shop_id
     WHERE c.created_at_shopify IS NOT NULL;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION analytics.tg_shopify_customers__mark_days() IS
    'Marks the days on which customers came that a statement wrote. One INSERT a statement, which waits for nobody.';

GRANT EXECUTE ON FUNCTION analytics.tg_shopify_orders__mark_days(), analytics.tg_shopify_customers__mark_days() TO neanelu_owner;
SET LOCAL ROLE neanelu_owner;
CREATE TRIGGER tg_shopify_orders__mark_days_insert AFTER INSERT ON neanelu.shopify_orders
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION analytics.tg_shopify_orders__mark_days();
CREATE TRIGGER tg_shopify_orders__mark_days_update_new AFTER UPDATE ON neanelu.shopify_orders
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION analytics.tg_shopify_orders__mark_days();
CREATE TRIGGER tg_shopify_orders__mark_days_update_old AFTER UPDATE ON neanelu.shopify_orders
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION analytics.tg_shopify_orders__mark_days();
CREATE TRIGGER tg_shopify_orders__mark_days_delete AFTER DELETE ON neanelu.shopify_orders
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION analytics.tg_shopify_orders__mark_days();
CREATE TRIGGER tg_shopify_customers__mark_days_insert AFTER INSERT ON neanelu.shopify_customers
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION analytics.tg_shopify_customers__mark_days();
CREATE TRIGGER tg_shopify_customers__mark_days_update_new AFTER UPDATE ON neanelu.shopify_customers
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION analytics.tg_shopify_customers__mark_days();
CREATE TRIGGER tg_shopify_customers__mark_days_update_old AFTER UPDATE ON neanelu.shopify_customers
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION analytics.tg_shopify_customers__mark_days();
CREATE TRIGGER tg_shopify_customers__mark_days_delete AFTER DELETE ON neanelu.shopify_customers
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION analytics.tg_shopify_customers__mark_days();
SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION analytics._take_days(p_shop_id uuid) RETURNS date[]
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    WITH taken AS (
        DELETE FROM analytics_dirty_days WHERE shop_id = p_shop_id RETURNING date)
    SELECT coalesce(array_agg(DISTINCT d.date ORDER BY d.date), '{}')
      FROM (SELECT date FROM taken
            UNION ALL
            SELECT u.date
              FROM analytics_unresolved_products AS u
              JOIN shopify_products AS p ON p.shop_id = u.shop_id AND p.shopify_gid = u.product_gid
             WHERE u.shop_id = p_shop_id) AS d
$$;
COMMENT ON FUNCTION analytics._take_days(uuid) IS
    'Takes the marks of a shop away and returns their days, with those of products that were missing and have come; null among them means all. '
    'Locks: the marks.';

CREATE FUNCTION analytics._all_days(p_shop_id uuid, p_timezone text) RETURNS date[]
LANGUAGE sql STABLE
SET search_path = neanelu, pg_temp
AS $$
    SELECT coalesce(array_agg(d.date ORDER BY d.date), '{}')
      FROM (SELECT (coalesce(o.processed_at, o.created_at_shopify) AT TIME ZONE p_timezone)::date AS date
              FROM shopify_orders AS o
             WHERE o.shop_id = p_shop_id AND coalesce(o.processed_at, o.created_at_shopify) IS NOT NULL
            UNION
            SELECT (c.created_at_shopify AT TIME ZONE p_timezone)::date
              FROM shopify_customers AS c
             WHERE c.shop_id = p_shop_id AND c.created_at_shopify IS NOT NULL
            UNION
            SELECT t.date FROM analytics_daily_shop AS t WHERE t.shop_id = p_shop_id
            UNION
            SELECT t.period_start FROM analytics_product_performance AS t WHERE t.shop_id = p_shop_id AND t.period_type = 'daily') AS d
$$;
COMMENT ON FUNCTION analytics._all_days(uuid, text) IS 'Every day of a shop that has an order, a new customer or a figure. Reads only.';

-- Adding up ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION analytics._bounds(p_shop_id uuid, p_days date[])
RETURNS TABLE (day date, starts timestamptz, ends timestamptz, currency_code varchar)
LANGUAGE sql STABLE
ROWS 5
SET search_path = neanelu, pg_temp
AS $$
    SELECT d.day, d.day::timestamp AT TIME ZONE s.timezone, (d.day + 1)::timestamp AT TIME ZONE s.timezone, s.currency_code
      FROM unnest(p_days) AS d (day)
     CROSS JOIN shops AS s
     WHERE s.id = p_shop_id
$$;
COMMENT ON FUNCTION analytics._bounds(uuid, date[]) IS
    'When some days begin and end in the shop''s time zone; on days on which clocks change they have 23 or 25 hours. Few rows are expected, so '
    'that orders are looked up by the indexes of their times. Reads shops.';

CREATE FUNCTION analytics._is_counted(p_is_test boolean, p_order_currency text, p_shop_currency text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN NOT coalesce(p_is_test, false) AND p_order_currency = p_shop_currency;
COMMENT ON FUNCTION analytics._is_counted(boolean, text, text) IS
    'Whether figures count an order: not those made for testing, nor in another currency than the shop''s now, as amounts of two '
    'currencies have no sum. Pure.';

CREATE FUNCTION analytics._sales_of_days(p_shop_id uuid, p_days date[])
RETURNS TABLE (day date, orders_count bigint, orders_total numeric, all_orders bigint, cancelled_orders bigint, discounted_orders bigint,
               refunded_orders bigint, other_currency_orders bigint, ordering_customers bigint, line_items bigint, units_sold bigint,
               units_refunded bigint, products_sold bigint, variants_sold bigint, gross_sales numeric, discounts numeric, returns numeric,
               net_sales numeric, shipping numeric, taxes numeric, total_discounts numeric, shipping_cost numeric, refund_total_tax numeric,
               order_adjusted_total numeric, first_order_at timestamptz, last_order_at timestamptz)
LANGUAGE sql STABLE
SET search_path = neanelu, analytics, pg_temp
-- No two orders have the same lines: remembering what they come to is work for nothing.
SET enable_memoize = off
AS $$
    WITH orders AS MATERIALIZED (
        SELECT b.day, analytics._is_counted(f.is_test, f.currency_code, b.currency_code) AS is_counted, f.cancelled_at IS NOT NULL AS is_cancelled, f.*
          FROM analytics._bounds(p_shop_id, p_days) AS b
         CROSS JOIN LATERAL (
            SELECT * FROM analytics._order_figures AS n
             WHERE n.shop_id = p_shop_id
               AND (n.processed_at >= b.starts AND n.processed_at < b.ends
                    OR n.processed_at IS NULL AND n.created_at_shopify >= b.starts AND n.created_at_shopify < b.ends)
            OFFSET 0) AS f),  -- one look-up a day, by the index
    things AS (
        SELECT o.day, count(DISTINCT i.line -> 'product' -> 'id') FILTER (WHERE i.line -> 'product' ->> 'id' IS NOT NULL) AS products,
               count(DISTINCT i.line -> 'variant' -> 'id') FILTER (WHERE i.line -> 'variant' ->> 'id' IS NOT NULL) AS variants
          FROM orders AS o
         CROSS JOIN LATERAL jsonb_array_elements(analytics._list(o.line_items)) AS i (line)
         WHERE o.is_counted
         GROUP BY o.day)
    SELECT o.day, count(*) FILTER (WHERE o.is_counted AND NOT o.is_cancelled),
           coalesce(sum(o.order_adjusted_total) FILTER (WHERE o.is_counted AND NOT o.is_cancelled), 0),
           count(*) FILTER (WHERE o.is_counted), count(*) FILTER (WHERE o.is_counted AND o.is_cancelled),
           count(*) FILTER (WHERE o.is_counted AND o.discount_codes <> '[]'), count(*) FILTER (WHERE o.is_counted AND o.returns > 0),
           count(*) FILTER (WHERE NOT o.is_counted AND NOT o.is_test), count(DISTINCT o.customer_id) FILTER (WHERE o.is_counted),
           coalesce(sum(o.line_item_count) FILTER (WHERE o.is_counted), 0), coalesce(sum(o.units_sold) FILTER (WHERE o.is_counted), 0),
           coalesce(sum(o.units_refunded) FILTER (WHERE o.is_counted), 0), coalesce(max(t.products), 0), coalesce(max(t.variants), 0),
           coalesce(sum(o.gross_sales) FILTER (WHERE o.is_counted), 0), coalesce(sum(o.discounts) FILTER (WHERE o.is_counted), 0),
           coalesce(sum(o.returns) FILTER (WHERE o.is_counted), 0), coalesce(sum(o.net_sales) FILTER (WHERE o.is_counted), 0),
           coalesce(sum(o.shipping) FILTER (WHERE o.is_counted), 0), coalesce(sum(o.taxes) FILTER (WHERE o.is_counted), 0),
           coalesce(sum(o.total_discounts) FILTER (WHERE o.is_counted), 0), coalesce(sum(o.shipping_cost) FILTER (WHERE o.is_counted), 0),
           coalesce(sum(o.total_tax - o.taxes) FILTER (WHERE o.is_counted), 0),
           coalesce(sum(o.order_adjusted_total) FILTER (WHERE o.is_counted), 0),
           min(o.ordered_at) FILTER (WHERE o.is_counted), max(o.ordered_at) FILTER (WHERE o.is_counted)
      FROM orders AS o
      LEFT JOIN things AS t ON t.day = o.day
     GROUP BY o.day
$$;
COMMENT ON FUNCTION analytics._sales_of_days(uuid, date[]) IS
    'What the orders of some days come to, a row a day that has orders; columns as in analytics_daily_shop. Reads only.';

CREATE FUNCTION analytics._roll_shop_days(p_shop_id uuid, p_days date[]) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, analytics, pg_temp
AS $$
DECLARE
    v_rows integer;
BEGIN
    WITH figures AS (
        SELECT b.day AS date, coalesce(t.orders_total, 0) AS orders_total,
               coalesce(round(t.orders_total / nullif(t.orders_count, 0), 2), 0) AS orders_avg,
               (SELECT count(*) FROM shopify_customers AS c
                 WHERE c.shop_id = p_shop_id AND c.deleted_at IS NULL AND c.created_at_shopify >= b.starts AND c.created_at_shopify < b.ends) AS customers_new,
               b.currency_code, t.first_order_at, t.last_order_at,
               coalesce(t.orders_count, 0) AS orders_count, coalesce(t.all_orders, 0) AS all_orders, coalesce(t.cancelled_orders, 0) AS
               cancelled_orders, coalesce(t.discounted_orders, 0) AS discounted_orders, coalesce(t.refunded_orders, 0) AS refunded_orders,
               coalesce(t.other_currency_orders, 0) AS other_currency_orders, coalesce(t.ordering_customers, 0) AS ordering_customers,
               coalesce(t.line_items, 0) AS line_items, coalesce(t.units_sold, 0) AS units_sold, coalesce(t.units_refunded, 0) AS units_refunded,
               coalesce(t.products_sold, 0) AS products_sold, coalesce(t.variants_sold, 0) AS variants_sold, coalesce(t.gross_sales, 0) AS
               gross_sales, coalesce(t.discounts, 0) AS discounts, coalesce(t.returns, 0) AS returns, coalesce(t.net_sales, 0) AS net_sales,
               coalesce(t.shipping, 0) AS shipping, coalesce(t.taxes, 0) AS taxes, coalesce(t.total_discounts, 0) AS total_discounts,
               coalesce(t.shipping_cost, 0) AS shipping_cost, coalesce(t.refund_total_tax, 0) AS refund_total_tax, coalesce(t.order_adjusted_total, 0)
               AS order_adjusted_total
          FROM analytics._bounds(p_shop_id, p_days) AS b
          LEFT JOIN analytics._sales_of_days(p_shop_id, p_days) AS t ON t.day = b.day)
    INSERT INTO analytics_daily_shop AS t (shop_id, date,
           orders_count, orders_total, orders_avg, customers_new, currency_code, all_orders, cancelled_orders, discounted_orders, refunded_orders,
           other_currency_orders, ordering_customers, line_items, units_sold, units_refunded, products_sold, variants_sold, gross_sales, discounts,
           returns, net_sales, shipping, taxes, total_discounts, shipping_cost, refund_total_tax, order_adjusted_total, first_order_at, last_order_at)
    SELECT p_shop_id, f.date,
           f.orders_count, f.orders_total, f.orders_avg, f.customers_new, f.currency_code, f.all_orders, f.cancelled_orders, f.discounted_orders,
           f.refunded_orders, f.other_currency_orders, f.ordering_customers, f.line_items, f.units_sold, f.units_refunded, f.products_sold,
           f.variants_sold, f.gross_sales, f.discounts, f.returns, f.net_sales, f.shipping, f.taxes, f.total_discounts, f.shipping_cost,
           f.refund_total_tax, f.order_adjusted_total, f.first_order_at, f.last_order_at
      FROM figures AS f
    ON CONFLICT (shop_id, date) DO UPDATE SET
           (updated_at, orders_count, orders_total, orders_avg, customers_new, currency_code, all_orders, cancelled_orders, discounted_orders, refunded_orders,
            other_currency_orders, ordering_customers, line_items, units_sold, units_refunded, products_sold, variants_sold, gross_sales, discounts,
            returns, net_sales, shipping, taxes, total_discounts, shipping_cost, refund_total_tax, order_adjusted_total, first_order_at, last_order_at)
         = (now(), excluded.orders_count, excluded.orders_total, excluded.orders_avg, excluded.customers_new, excluded.currency_code, excluded.all_orders,
            excluded.cancelled_orders, excluded.discounted_orders, excluded.refunded_orders, excluded.other_currency_orders,
            excluded.ordering_customers, excluded.line_items, excluded.units_sold, excluded.units_refunded, excluded.products_sold,
            excluded.variants_sold, excluded.gross_sales, excluded.discounts, excluded.returns, excluded.net_sales, excluded.shipping, excluded.taxes,
            excluded.total_discounts, excluded.shipping_cost, excluded.refund_total_tax, excluded.order_adjusted_total, excluded.first_order_at,
            excluded.last_order_at)
     WHERE (t.orders_count, t.orders_total, t.orders_avg, t.customers_new, t.currency_code, t.all_orders, t.cancelled_orders, t.discounted_orders,
            t.refunded_orders, t.other_currency_orders, t.ordering_customers, t.line_items, t.units_sold, t.units_refunded, t.products_sold,
            t.variants_sold, t.gross_sales, t.discounts, t.returns, t.net_sales, t.shipping, t.taxes, t.total_discounts, t.shipping_cost,
            t.refund_total_tax, t.order_adjusted_total, t.first_order_at, t.last_order_at)
        IS DISTINCT FROM
           (excluded.orders_count, excluded.orders_total, excluded.orders_avg, excluded.customers_new, excluded.currency_code, excluded.all_orders,
            excluded.cancelled_orders, excluded.discounted_orders, excluded.refunded_orders, excluded.other_currency_orders,
            excluded.ordering_customers, excluded.line_items, excluded.units_sold, excluded.units_refunded, excluded.products_sold,
            excluded.variants_sold, excluded.gross_sales, excluded.discounts, excluded.returns, excluded.net_sales, excluded.shipping, excluded.taxes,
            excluded.total_discounts, excluded.shipping_cost, excluded.refund_total_tax, excluded.order_adjusted_total, excluded.first_order_at,
            excluded.last_order_at);
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$$;
COMMENT ON FUNCTION analytics._roll_shop_days(uuid, date[]) IS
    'Writes what orders and new customers of some days come to; rows whose figures are the same are not touched. Returns the rows written. '
    'Locks: those rows.';

CREATE FUNCTION analytics._roll_product_days(p_shop_id uuid, p_days date[]) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, analytics, pg_temp
-- No two orders have the same lines: remembering what they come to is work for nothing.
SET enable_memoize = off
AS $$
DECLARE
    v_rows integer;
BEGIN
    WITH sold AS MATERIALIZED (
        SELECT g.product_gid, b.day, count(DISTINCT o.id) AS orders_count, sum(l.quantity) AS units_sold,
               sum(l.units_refunded) AS units_refunded, count(*) AS order_lines, sum(l.gross_sales) AS gross_sales,
               sum(l.discounts) AS discounts, sum(l.returns) AS returns
          FROM analytics._bounds(p_shop_id, p_days) AS b
         CROSS JOIN LATERAL (
            SELECT * FROM shopify_orders AS n
             WHERE n.shop_id = p_shop_id AND n.deleted_at IS NULL
               AND (n.processed_at >= b.starts AND n.processed_at < b.ends
                    OR n.processed_at IS NULL AND n.created_at_shopify >= b.starts AND n.created_at_shopify < b.ends)
            OFFSET 0) AS o  -- one look-up a day, by the index
         CROSS JOIN LATERAL analytics._lines(o.line_items) AS l
         CROSS JOIN LATERAL (SELECT l.line -> 'product' ->> 'id' AS product_gid) AS g
         WHERE o.cancelled_at IS NULL AND analytics._is_counted(o.is_test, o.currency_code, b.currency_code) AND g.product_gid IS NOT NULL AND l.quantity > 0
         GROUP BY g.product_gid, b.day),
    found AS MATERIALIZED (
        SELECT p.id AS product_id, s.*
          FROM sold AS s LEFT JOIN shopify_products AS p ON p.shop_id = p_shop_id AND p.shopify_gid = s.product_gid),
    no_longer_missing AS (
        DELETE FROM analytics_unresolved_products AS u
         WHERE u.shop_id = p_shop_id AND u.date = ANY (p_days)
           AND NOT EXISTS (SELECT FROM found AS f WHERE f.product_id IS NULL AND f.product_gid = u.product_gid AND f.day = u.date)),
    missing AS (
        INSERT INTO analytics_unresolved_products (shop_id, product_gid, date)
        SELECT p_shop_id, f.product_gid, f.day FROM found AS f WHERE f.product_id IS NULL AND length(f.product_gid) <= 100
        ON CONFLICT DO NOTHING),
    gone AS (
        -- What was there and is not found: by adding both up, as a join might be planned for a few of them.
        DELETE FROM analytics_product_performance AS t
         WHERE t.shop_id = p_shop_id
           AND t.id = ANY (ARRAY(
                SELECT any_value(k.id)
                  FROM (SELECT o.product_id, o.period_start AS day, o.id FROM analytics_product_performance AS o
                         WHERE o.shop_id = p_shop_id AND o.period_type = 'daily' AND o.period_start = ANY (p_days)
                        UNION ALL SELECT f.product_id, f.day, NULL FROM found AS f) AS k
                 GROUP BY k.product_id, k.day HAVING bool_and(k.id IS NOT NULL))))
    INSERT INTO analytics_product_performance AS t (shop_id, product_id, period_type, period_start, period_end, orders_count, units_sold,
           units_refunded, order_lines, gross_sales, discounts, returns, revenue, avg_order_value, return_rate)
    SELECT p_shop_id, f.product_id, 'daily', f.day, f.day, f.orders_count, f.units_sold, f.units_refunded, f.order_lines, f.gross_sales,
           f.discounts, f.returns, r.revenue, round(r.revenue / f.orders_count, 2), round(100.0 * f.units_refunded / f.units_sold, 2)
      FROM found AS f
     CROSS JOIN LATERAL (SELECT f.gross_sales - f.discounts - f.returns AS revenue) AS r
     WHERE f.product_id IS NOT NULL
    ON CONFLICT (shop_id, product_id, period_type, period_start) DO UPDATE SET
           (updated_at, orders_count, units_sold, units_refunded, order_lines, gross_sales, discounts, returns, revenue, avg_order_value, return_rate)
         = (now(), excluded.orders_count, excluded.units_sold, excluded.units_refunded, excluded.order_lines, excluded.gross_sales,
            excluded.discounts, excluded.returns, excluded.revenue, excluded.avg_order_value, excluded.return_rate)
     WHERE (t.orders_count, t.units_sold, t.units_refunded, t.order_lines, t.gross_sales, t.discounts, t.returns)
        IS DISTINCT FROM (excluded.orders_count, excluded.units_sold, excluded.units_refunded, excluded.order_lines, excluded.gross_sales,
            excluded.discounts, excluded.returns);
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$$;
COMMENT ON FUNCTION analytics._roll_product_days(uuid, date[]) IS
    'Writes what products sold on some days; rows of what is not sold any more go, rows that are the same are not touched. Products that '
    'the mirror does not have are noted. Returns the rows written. Locks: those rows.';

CREATE FUNCTION analytics._roll_product_periods(p_shop_id uuid, p_days date[], p_type text, p_unit text) RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = neanelu, analytics, pg_temp
-- A whole history may just have been added up, of which there are no statistics.
SET enable_nestloop = off
AS $$
DECLARE
    v_starts constant date[] := ARRAY(SELECT DISTINCT date_trunc(p_unit, d.day::timestamp)::date FROM unnest(p_days) AS d (day));
    v_days   constant date[] := ARRAY(
        SELECT g.day::date FROM unnest(v_starts) AS p (starts)
         CROSS JOIN LATERAL generate_series(p.starts, p.starts + ('1 ' || p_unit)::interval - interval '1 day', '1 day') AS g (day));
    v_rows   integer;
BEGIN
    WITH sums AS MATERIALIZED (
        SELECT t.product_id, p.starts, (p.starts + ('1 ' || p_unit)::interval - interval '1 day')::date AS ends,
               sum(t.orders_count) AS orders_count, sum(t.units_sold) AS units_sold,
               sum(t.units_refunded) AS units_refunded, sum(t.order_lines) AS order_lines, sum(t.gross_sales) AS gross_sales,
               sum(t.discounts) AS discounts, sum(t.returns) AS returns, sum(t.revenue) AS revenue
          FROM analytics_product_performance AS t
         CROSS JOIN LATERAL (SELECT date_trunc(p_unit, t.period_start::timestamp)::date AS starts) AS p
         WHERE t.shop_id = p_shop_id AND t.period_type = 'daily' AND t.period_start = ANY (v_days)
         GROUP BY t.product_id, p.starts),
    gone AS (
        DELETE FROM analytics_product_performance AS t
         WHERE t.shop_id = p_shop_id AND t.period_type = p_type AND t.period_start = ANY (v_starts)
           AND NOT EXISTS (SELECT FROM sums AS s WHERE s.product_id = t.product_id AND s.starts = t.period_start))
    INSERT INTO analytics_product_performance AS t (shop_id, product_id, period_type, period_start, period_end, orders_count, units_sold,
           units_refunded, order_lines, gross_sales, discounts, returns, revenue, avg_order_value, return_rate)
    SELECT p_shop_id, s.product_id, p_type, s.starts, s.ends, s.orders_count, s.units_sold, s.units_refunded, s.order_lines, s.gross_sales,
           s.discounts, s.returns, s.revenue, round(s.revenue / s.orders_count, 2), round(100.0 * s.units_refunded / s.units_sold, 2)
      FROM sums AS s
    ON CONFLICT (shop_id, product_id, period_type, period_start) DO UPDATE SET
           (updated_at, orders_count, units_sold, units_refunded, order_lines, gross_sales, discounts, returns, revenue, avg_order_value, return_rate)
         = (now(), excluded.orders_count, excluded.units_sold, excluded.units_refunded, excluded.order_lines, excluded.gross_sales,
            excluded.discounts, excluded.returns, excluded.revenue, excluded.avg_order_value, excluded.return_rate)
     WHERE (t.orders_count, t.units_sold, t.units_refunded, t.order_lines, t.gross_sales, t.discounts, t.returns)
        IS DISTINCT FROM (excluded.orders_count, excluded.units_sold, excluded.units_refunded, excluded.order_lines, excluded.gross_sales,
            excluded.discounts, excluded.returns);
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    RETURN v_rows;
END
$$;
COMMENT ON FUNCTION analytics._roll_product_periods(uuid, date[], text, text) IS
    'Writes the weeks (p_type weekly, p_unit week) or months (monthly, month) that some days belong to, as sums of their days. Returns the '
    'rows written. Locks: those rows.';

CREATE FUNCTION analytics._roll_operations(p_shop_id uuid, p_days date[]) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, pg_temp
AS $$
    UPDATE analytics_daily_shop AS t
       SET bulk_runs_count = r.ended, bulk_runs_failed = r.failed, products_synced = r.products, variants_synced = r.variants,
           api_calls_count = (SELECT count(*) FROM api_cost_tracking AS a
                               WHERE a.shop_id = p_shop_id AND a.created_at >= b.starts AND a.created_at < b.ends),
           webhook_events_count = (SELECT count(*) FROM webhook_events AS w
                                    WHERE w.shop_id = p_shop_id AND w.created_at >= b.starts AND w.created_at < b.ends),
           updated_at = now()
      FROM analytics._bounds(p_shop_id, p_days) AS b
     CROSS JOIN LATERAL (
        SELECT count(DISTINCT u.id) AS ended, count(DISTINCT u.id) FILTER (WHERE u.status = 'failed') AS failed,
               coalesce(sum(c.merged) FILTER (WHERE c.kind = 'Product'), 0) AS products,
               coalesce(sum(c.merged) FILTER (WHERE c.kind = 'ProductVariant'), 0) AS variants
          FROM bulk_runs AS u
          LEFT JOIN bulk_counts AS c ON c.shop_id = u.shop_id AND c.bulk_run_id = u.id AND u.query_type = 'products'
         WHERE u.shop_id = p_shop_id AND u.status IN ('completed', 'failed', 'cancelled')
           AND u.completed_at >= b.starts AND u.completed_at < b.ends) AS r
     WHERE t.shop_id = p_shop_id AND t.date = b.day
$$;
COMMENT ON FUNCTION analytics._roll_operations(uuid, date[]) IS
    'Writes what we did on some days: runs, requests, webhooks. For recent days only, as requests are kept for a week. Locks: the days'' rows.';

CREATE FUNCTION analytics._take_stock(p_shop_id uuid, p_today date) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = neanelu, analytics, pg_temp
AS $$
    UPDATE analytics_daily_shop AS t
       SET inventory_value = s.value, low_stock_count = s.low, out_of_stock_count = s.out, stock_at = app.now(), updated_at = now()
      FROM (SELECT coalesce(sum(v.cost * v.inventory_quantity) FILTER (WHERE v.inventory_quantity > 0), 0) AS value,
                   count(*) FILTER (WHERE p.status = 'ACTIVE' AND v.inventory_quantity BETWEEN 1
                                      AND coalesce(analytics._threshold(v.metafields), analytics._threshold(p.metafields), 5)) AS low,
                   count(*) FILTER (WHERE p.status = 'ACTIVE' AND v.inventory_quantity <= 0) AS out
              FROM shopify_variants AS v
              JOIN shopify_products AS p ON p.shop_id = v.shop_id AND p.id = v.product_id
             WHERE v.shop_id = p_shop_id AND v.deleted_at IS NULL AND p.deleted_at IS NULL) AS s
     WHERE t.shop_id = p_shop_id AND t.date = p_today
$$;
COMMENT ON FUNCTION analytics._take_stock(uuid, date) IS
    'Writes what the stock is now into the row of today; the past cannot be computed. Locks: that row.';

CREATE FUNCTION analytics.rollup_days(p_shop_id uuid) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, analytics, pg_temp
AS $$
DECLARE
    v_started constant timestamptz := clock_timestamp();
    v_shop    shops;
    v_last    analytics_rollups;
    v_today   date;
    v_days    date[];
    v_stock   timestamptz;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    PERFORM pg_advisory_xact_lock(hashtextextended('analytics.rollup_days/' || p_shop_id, 0));
    SELECT * INTO v_shop FROM shops WHERE id = p_shop_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'shop % does not exist', p_shop_id USING ERRCODE = 'NY001';
    END IF;
    v_today := (app.now() AT TIME ZONE v_shop.timezone)::date;
    SELECT * INTO v_last FROM analytics_rollups WHERE shop_id = p_shop_id;
    v_days := analytics._take_days(p_shop_id);
    IF array_position(v_days, NULL) IS NOT NULL
       OR (v_last.timezone, v_last.currency_code) IS DISTINCT FROM (v_shop.timezone, v_shop.currency_code) THEN
        v_days := analytics._all_days(p_shop_id, v_shop.timezone);
    END IF;
    SELECT stock_at INTO v_stock FROM analytics_daily_shop WHERE shop_id = p_shop_id AND date = v_today;
    IF v_stock IS NULL AND NOT v_today = ANY (v_days) THEN
        v_days := v_days || v_today;
    END IF;
    PERFORM analytics._roll_shop_days(p_shop_id, v_days);
    PERFORM analytics._roll_product_days(p_shop_id, v_days);
    PERFORM analytics._roll_product_periods(p_shop_id, v_days, 'weekly', 'week');
    PERFORM analytics._roll_product_periods(p_shop_id, v_days, 'monthly', 'month');
    IF v_stock IS NULL OR v_stock < app.now() - interval '1 hour' THEN
        PERFORM analytics._roll_operations(p_shop_id, ARRAY(
            SELECT v_today - n FROM generate_series(0, least(6, v_today - coalesce(v_last.today, v_today))) AS n));
        PERFORM analytics._take_stock(p_shop_id, v_today);
    END IF;
    INSERT INTO analytics_rollups AS t (shop_id, rolled_at, days, duration_ms, timezone, currency_code, today)
    VALUES (p_shop_id, now(), cardinality(v_days), extract(epoch FROM clock_timestamp() - v_started) * 1000,
            v_shop.timezone, v_shop.currency_code, v_today)
    ON CONFLICT (shop_id) DO UPDATE SET (rolled_at, days, duration_ms, timezone, currency_code, today)
         = (excluded.rolled_at, excluded.days, excluded.duration_ms, excluded.timezone, excluded.currency_code, excluded.today);
    RETURN cardinality(v_days);
END
$$;
COMMENT ON FUNCTION analytics.rollup_days(uuid) IS
    'Adds up again the days of a shop that changed since the last time (all of them after another time zone or currency), and the weeks and '
    'months they belong to; hourly also what the stock is and what we did. Returns how many days. Idempotent; one at a time a shop. '
    'Locks: an advisory one for the shop, the rows written. Raises: NA002, NY001 for a shop that does not exist';

CREATE FUNCTION analytics.due_shops() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, analytics, pg_temp
AS $$
    SELECT s.id
      FROM shops AS s
      LEFT JOIN analytics_rollups AS r ON r.shop_id = s.id
     WHERE EXISTS (SELECT FROM analytics_dirty_days AS d WHERE d.shop_id = s.id)
        OR s.uninstalled_at IS NULL
           AND ((r.timezone, r.currency_code) IS DISTINCT FROM (s.timezone, s.currency_code)
                OR r.today < (app.now() AT TIME ZONE s.timezone)::date OR r.rolled_at < app.now() - interval '1 hour')
$$;
COMMENT ON FUNCTION analytics.due_shops() IS
    'Shops of which a day changed, whose day began, or that were not looked at for an hour. Reads only. Raises: nothing';

GRANT EXECUTE ON FUNCTION analytics.rollup_days(uuid), analytics.due_shops() TO neanelu_worker, neanelu_operator;

COMMIT;
