-- Revert neanelu:functions/webhooks/orders from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION webhooks.apply_metaobjects(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks._metaobject_fields(uuid, text, jsonb, jsonb);
DROP FUNCTION webhooks.apply_orders(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks._items_of(uuid, jsonb);
DROP FUNCTION webhooks._customer_of(uuid, jsonb);
DROP FUNCTION webhooks._order_row(jsonb, text);
DROP FUNCTION webhooks._order_amounts(jsonb);
DROP FUNCTION webhooks._fulfillment_status(text, text);
DROP FUNCTION webhooks._refunds(jsonb);
DROP FUNCTION webhooks._shipping_lines(jsonb);
DROP FUNCTION webhooks._line_items(jsonb);
DROP FUNCTION webhooks._discounted_total(jsonb);
DROP FUNCTION webhooks._attributes(jsonb);
DROP FUNCTION webhooks._tax_lines(jsonb);
DROP FUNCTION webhooks.apply_customers(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks._customer_row(jsonb);

COMMIT;
