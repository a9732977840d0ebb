-- Verify neanelu:functions/analytics/figures on pg

BEGIN;
-- Tables have policies, and the role that deploys need not be a superuser.
SET LOCAL ROLE neanelu_engine;

SELECT shop_id, id, ordered_at, gross_sales, discounts, returns, net_sales, order_adjusted_total FROM analytics._order_figures WHERE false;

DO $verify$
BEGIN
    IF (SELECT row(l.quantity, l.units_refunded, l.gross_sales, l.discounts, l.returns)::text
          FROM analytics._lines('[{"quantity": 3, "currentQuantity": 2, "originalUnitPriceSet": {"shopMoney": {"amount": "10.0"}},
                                   "discountAllocations": [{"allocatedAmountSet": {"shopMoney": {"amount": "1.01"}}}]}]') AS l)
       <> '(3,1,30.0,1.01,9.66)' THEN
        RAISE EXCEPTION 'a line does not come to what it should';
    END IF;
    IF analytics._threshold('{"custom.low_stock_threshold": {"type": "number_integer", "value": "7"}}') IS DISTINCT FROM 7
       OR analytics._threshold('{"low_stock_threshold": "a few"}') IS NOT NULL THEN
        RAISE EXCEPTION 'thresholds are not read as they should';
    END IF;
    IF has_function_privilege('neanelu_sync', 'analytics.visible_shops()', 'EXECUTE') <> has_function_privilege('neanelu_worker', 'analytics.visible_shops()', 'EXECUTE')
       OR NOT has_function_privilege('neanelu_analyst', 'analytics.visible_shops()', 'EXECUTE')
       OR has_table_privilege('neanelu_analyst', 'analytics._order_figures', 'SELECT') THEN
        RAISE EXCEPTION 'rights are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;
