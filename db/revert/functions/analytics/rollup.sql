-- Revert neanelu:functions/analytics/rollup from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;
DROP TRIGGER tg_shopify_customers__mark_days_delete ON neanelu.shopify_customers;
DROP TRIGGER tg_shopify_customers__mark_days_update_old ON neanelu.shopify_customers;
DROP TRIGGER tg_shopify_customers__mark_days_update_new ON neanelu.shopify_customers;
DROP TRIGGER tg_shopify_customers__mark_days_insert ON neanelu.shopify_customers;
DROP TRIGGER tg_shopify_orders__mark_days_delete ON neanelu.shopify_orders;
DROP TRIGGER tg_shopify_orders__mark_days_update_old ON neanelu.shopify_orders;
DROP TRIGGER tg_shopify_orders__mark_days_update_new ON neanelu.shopify_orders;
DROP TRIGGER tg_shopify_orders__mark_days_insert ON neanelu.shopify_orders;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION analytics.due_shops();
DROP FUNCTION analytics.rollup_days(uuid);
DROP FUNCTION analytics._take_stock(uuid, date);
DROP FUNCTION analytics._roll_operations(uuid, date[]);
DROP FUNCTION analytics._roll_product_periods(uuid, date[], text, text);
DROP FUNCTION analytics._roll_product_days(uuid, date[]);
DROP FUNCTION analytics._roll_shop_days(uuid, date[]);
DROP FUNCTION analytics._sales_of_days(uuid, date[]);
DROP FUNCTION analytics._is_counted(boolean, text, text);
DROP FUNCTION analytics._bounds(uuid, date[]);
DROP FUNCTION analytics._all_days(uuid, text);
DROP FUNCTION analytics._take_days(uuid);
DROP FUNCTION analytics.tg_shopify_customers__mark_days();
DROP FUNCTION analytics.tg_shopify_orders__mark_days();

COMMIT;
