-- Deploy neanelu:functions/analytics/figures to pg
-- requires: policies/analytics
-- What an order comes to, said once: the roll-ups, the summaries and the analysts' views all read these.

BEGIN;

SET LOCAL search_path = neanelu, analytics, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_engine;

-- lint: allow search-path because the planner inlines only functions without a SET clause; all names are qualified
CREATE FUNCTION analytics._amount(p_text text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN p_text OPERATOR(pg_catalog.~) '^\d{1,12}(\.\d{1,8})?$' THEN p_text::pg_catalog.numeric END
$$;
COMMENT ON FUNCTION analytics._amount(text) IS
    'An amount of money out of jsonb; null for what is none (no sign, no exponent), never an error. Pure.';

-- lint: allow search-path because the planner inlines only functions without a SET clause; all names are qualified
CREATE FUNCTION analytics._units(p_text text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN p_text OPERATOR(pg_catalog.~) '^\d{1,9}$' THEN p_text::pg_catalog.int4 END
$$;
COMMENT ON FUNCTION analytics._units(text) IS 'A number of units out of jsonb; null for what is none, never an error. Pure.';

-- lint: allow search-path because the planner inlines only functions without a SET clause; all names are qualified
CREATE FUNCTION analytics._list(p_value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE pg_catalog.jsonb_typeof(p_value) WHEN 'array' THEN p_value ELSE '[]'::pg_catalog.jsonb END
$$;
COMMENT ON FUNCTION analytics._list(jsonb) IS 'A jsonb list; the empty one for what is none. Pure.';

-- lint: allow search-path because the planner inlines only functions without a SET clause; all names are qualified
CREATE FUNCTION analytics._sum(p_list jsonb, p_key text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN pg_catalog.jsonb_array_length(analytics._list(p_list)) OPERATOR(pg_catalog.>) 0 THEN (
        SELECT pg_catalog.sum(analytics._amount(e.value OPERATOR(pg_catalog.->) p_key OPERATOR(pg_catalog.->) 'shopMoney'
                                                        OPERATOR(pg_catalog.->>) 'amount'))
          FROM pg_catalog.jsonb_array_elements(p_list) AS e (value)) END
$$;
COMMENT ON FUNCTION analytics._sum(jsonb, text) IS
    'The sum of one kind of amount, in the shop''s currency, over the elements of a jsonb list; null without any. Pure.';

-- lint: allow search-path because the planner inlines only functions without a SET clause; all names are qualified
CREATE FUNCTION analytics._lines(p_line_items jsonb)
RETURNS TABLE (line_number bigint, line jsonb, quantity integer, units_refunded integer, unit_price numeric, gross_sales numeric,
               discounts numeric, returns numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT q.line_number, q.line, q.quantity, q.quantity - q.units_left, q.unit_price, q.quantity * q.unit_price, q.discounts,
           CASE WHEN q.quantity > q.units_left THEN
               pg_catalog.round((q.quantity * q.unit_price - q.discounts) * (q.quantity - q.units_left) / q.quantity, 2) ELSE 0 END
      FROM (
        SELECT n.line_number, n.line, n.quantity, least(coalesce(analytics._units(n.line ->> 'currentQuantity'), n.quantity), n.quantity) AS units_left,
               coalesce(analytics._amount(n.line -> 'originalUnitPriceSet' -> 'shopMoney' ->> 'amount'), 0) AS unit_price,
               coalesce(analytics._sum(n.line -> 'discountAllocations', 'allocatedAmountSet'),
                        analytics._amount(n.line -> 'totalDiscountSet' -> 'shopMoney' ->> 'amount'), 0) AS discounts
          FROM (
            SELECT e.line_number, e.line, coalesce(analytics._units(e.line ->> 'quantity'), 0) AS quantity
              FROM pg_catalog.jsonb_array_elements(analytics._list(p_line_items)) WITH ORDINALITY AS e (line, line_number)
            OFFSET 0) AS n
        OFFSET 0) AS q
$$;
COMMENT ON FUNCTION analytics._lines(jsonb) IS
    'The lines of an order with their figures, in the shop''s currency. gross_sales: unit price times quantity; discounts: all that were '
    'allocated to the line, its part of the order''s too; units_refunded: quantity less currentQuantity, so units refunded or taken out by '
    'an edit; returns: their share of the line after discounts, rounded to cents. Values that are no numbers count 0. Pure.';

-- lint: allow search-path because the planner inlines only functions without a SET clause; all names are qualified
CREATE FUNCTION analytics._threshold(p_metafields jsonb) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT analytics._units(pg_catalog.btrim(CASE pg_catalog.jsonb_typeof(v.value)
               WHEN 'object' THEN v.value ->> 'value' ELSE v.value #>> '{}' END))
      FROM (SELECT coalesce(p_metafields -> 'inventory.low_stock_threshold', p_metafields -> 'custom.low_stock_threshold',
                            p_metafields -> 'low_stock_threshold') AS value) AS v
$$;
COMMENT ON FUNCTION analytics._threshold(jsonb) IS
    'The number of units from which stock is low, out of the metafields of a product or variant: inventory.low_stock_threshold or '
    'custom.low_stock_threshold. Null where there is none, or it is no whole number of units. Pure.';

-- One row an order; amounts in the order's shop currency. Neither filtered by shop nor granted to anybody.
CREATE VIEW analytics._order_figures AS
    SELECT o.shop_id, o.id, coalesce(o.processed_at, o.created_at_shopify) AS ordered_at, o.processed_at, o.created_at_shopify,
           o.customer_id, o.currency_code, coalesce(o.is_test, false) AS is_test, o.cancelled_at, o.discount_codes, o.line_items,
           l.line_items AS line_item_count, l.units_sold, l.units_refunded,
           l.gross_sales, l.gross_sales - t.subtotal AS discounts, t.subtotal - t.current_subtotal AS returns,
           t.current_subtotal AS net_sales,
           coalesce(o.current_shipping_price, o.total_shipping, 0) AS shipping,
           coalesce(o.current_total_tax, o.total_tax, 0) AS taxes,
           coalesce(o.total_tax, 0) AS total_tax, coalesce(o.total_discounts, 0) AS total_discounts,
           coalesce(o.total_shipping, 0) AS shipping_cost,
           coalesce(o.current_total_price, o.total_price) AS order_adjusted_total
      FROM neanelu.shopify_orders AS o
     CROSS JOIN LATERAL (
        SELECT count(*)::integer AS line_items, coalesce(sum(i.quantity), 0)::integer AS units_sold,
               coalesce(sum(i.units_refunded), 0)::integer AS units_refunded,
               coalesce(sum(i.gross_sales), 0) AS gross_sales, coalesce(sum(i.discounts), 0) AS discounts
          FROM analytics._lines(o.line_items) AS i) AS l
     CROSS JOIN LATERAL (
        SELECT coalesce(o.subtotal_price, l.gross_sales - l.discounts) AS subtotal,
               coalesce(o.current_subtotal_price, o.subtotal_price, l.gross_sales - l.discounts) AS current_subtotal) AS t
     WHERE o.deleted_at IS NULL;
COMMENT ON VIEW analytics._order_figures IS
    'What each living order comes to: sums of its lines and its current amounts; where Shopify did not send those, as ordered. gross_sales less '
    'discounts is the subtotal, less returns the current subtotal. All shops; for the engine''s own functions and views.';

CREATE FUNCTION analytics.visible_shops()
RETURNS TABLE (shop_id uuid, shop_domain text, timezone text, currency text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
ROWS 1
SET search_path = neanelu, pg_temp
AS $$
    SELECT s.id, s.shopify_domain::text, s.timezone::text, s.currency_code::text
      FROM shops AS s
     WHERE s.id = app.current_shop_id()
    UNION ALL
    SELECT s.id, s.shopify_domain::text, s.timezone::text, s.currency_code::text
      FROM shops AS s
     WHERE app.current_shop_id() IS NULL AND pg_has_role(SESSION_USER, 'neanelu_analyst', 'MEMBER')
$$;
COMMENT ON FUNCTION analytics.visible_shops() IS
    'The shops whose figures the session''s login may read: a tenant its own, a service the shop of its context, an analyst all. The analysts'' views '
    'begin with it, so that a tenant''s query reads by the index on its shop. Reads shops. Raises: nothing';

-- Pure functions that the views call are run as whoever asks.
GRANT EXECUTE ON FUNCTION analytics.visible_shops(), analytics._amount(text), analytics._units(text), analytics._list(jsonb),
    analytics._sum(jsonb, text), analytics._lines(jsonb), analytics._threshold(jsonb)
    TO neanelu_tenant, neanelu_app, neanelu_analyst;

COMMIT;
