-- Deploy neanelu:functions/webhooks/orders to pg
-- requires: functions/webhooks/objects
-- requires: functions/inventory/orders
-- Customers, orders and metaobjects.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, webhooks, app, extensions, pg_temp;

-- Customers ---------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._customer_row(p_payload jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT jsonb_object_agg(m.name, m.value)
      FROM (VALUES
            ('shopify_gid', 'id', to_jsonb(webhooks._gid('Customer', p_payload ->> 'id'))),
            ('legacy_resource_id', 'id', p_payload -> 'id'),
            ('email', 'email', p_payload -> 'email'),
            ('phone', 'phone', p_payload -> 'phone'),
            ('first_name', 'first_name', p_payload -> 'first_name'),
            ('last_name', 'last_name', p_payload -> 'last_name'),
            ('display_name', 'first_name', to_jsonb(coalesce(
                nullif(concat_ws(' ', nullif(p_payload ->> 'first_name', ''), nullif(p_payload ->> 'last_name', '')), ''),
                nullif(p_payload ->> 'email', ''), p_payload ->> 'phone'))),
            ('state', 'state', webhooks._upper(p_payload -> 'state')),
            ('verified_email', 'verified_email', p_payload -> 'verified_email'),
            ('accepts_marketing', 'email_marketing_consent', to_jsonb(p_payload #>> '{email_marketing_consent,state}' = 'subscribed')),
            ('accepts_marketing_updated_at', 'email_marketing_consent', p_payload #> '{email_marketing_consent,consent_updated_at}'),
            ('marketing_opt_in_level', 'email_marketing_consent', webhooks._upper(p_payload #> '{email_marketing_consent,opt_in_level}')),
            ('orders_count', 'orders_count', p_payload -> 'orders_count'),
            ('total_spent', 'total_spent', webhooks._amount(p_payload -> 'total_spent')),
            ('tags', 'tags', webhooks._tags(p_payload -> 'tags')),
            ('tax_exempt', 'tax_exempt', p_payload -> 'tax_exempt'),
            ('tax_exemptions', 'tax_exemptions', coalesce(nullif(p_payload -> 'tax_exemptions', 'null'), '[]')),
            ('note', 'note', p_payload -> 'note'),
            ('default_address', 'default_address', webhooks._address(p_payload -> 'default_address', true)),
            ('addresses', 'addresses', (
                SELECT coalesce(jsonb_agg(webhooks._address(a.doc, true) ORDER BY a.n), '[]')
                  FROM jsonb_array_elements(nullif(p_payload -> 'addresses', 'null')) WITH ORDINALITY AS a (doc, n))),
            ('created_at_shopify', CASE WHEN p_payload ->> 'created_at' IS NOT NULL THEN 'created_at' END, p_payload -> 'created_at'),
            ('updated_at_shopify', 'updated_at', p_payload -> 'updated_at')) AS m (name, key, value)
     WHERE p_payload ? m.key
$$;
COMMENT ON FUNCTION webhooks._customer_row(jsonb) IS
    'The columns of shopify_customers that a payload carries. The name to show follows Shopify''s rule: names, else email, else phone. Pure. '
    'Raises: 22003, 22P02 no amount of money, 22023 addresses are no array';

CREATE FUNCTION webhooks.apply_customers(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, app, pg_temp
AS $$
DECLARE
    v_number constant bigint := webhooks._number(p_payload);
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_topic = 'customers/delete' THEN
        RETURN webhooks._delete(p_shop_id, 'shopify_customers', 'Customer', v_number, p_triggered_at);
    END IF;
    IF webhooks._state(p_shop_id, 'shopify_customers', 'Customer', v_number, webhooks._time(p_payload, 'updated_at')) IN ('stale', 'deleted') THEN
        RETURN 'stale';
    END IF;
    PERFORM webhooks._want(p_shop_id, 'customers', ARRAY[v_number], webhooks._fetch_after(p_topic));
    IF webhooks._write(p_shop_id, 'shopify_customers', jsonb_build_array(webhooks._customer_row(p_payload)), webhooks._time(p_payload, 'updated_at')) = 0 THEN
        RETURN 'unchanged';
    END IF;
    PERFORM webhooks._forget_digests(p_shop_id, 'Customer', v_number);
    RETURN 'applied';
END
$$;
COMMENT ON FUNCTION webhooks.apply_customers(uuid, text, jsonb, timestamptz) IS
    'Topics customers/create, update and delete: the customer; metafields and sums are asked for. Who was erased stays erased. Returns applied, unchanged or '
    'stale. Idempotent, in any order. Locks: the customer, its row. Raises: NA002, NW010 no id, 22xxx, 23xxx a value that the mirror does not take';

-- Orders ------------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._tax_lines(p_lines jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('title', t.doc -> 'title', 'rate', t.doc -> 'rate', 'priceSet', webhooks._shop_money(t.doc -> 'price_set')) ORDER BY t.n), '[]')
      FROM jsonb_array_elements(nullif(p_lines, 'null')) WITH ORDINALITY AS t (doc, n)
$$;
COMMENT ON FUNCTION webhooks._tax_lines(jsonb) IS 'Tax lines as the bulk query selects them. Pure. Raises: 22023 no array';

CREATE FUNCTION webhooks._attributes(p_list jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('key', a.doc -> 'name', 'value', a.doc -> 'value') ORDER BY a.n), '[]')
      FROM jsonb_array_elements(nullif(p_list, 'null')) WITH ORDINALITY AS a (doc, n)
$$;
COMMENT ON FUNCTION webhooks._attributes(jsonb) IS 'Attributes or properties, [{name, value}], as GraphQL''s [{key, value}]. Pure. Raises: 22023 no array';

CREATE FUNCTION webhooks._discounted_total(p_line jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_object_agg(c.name, jsonb_build_object(
               'amount', ((p_line #>> ARRAY['price_set', c.key, 'amount'])::numeric * (p_line ->> 'quantity')::numeric
                          - coalesce((p_line #>> ARRAY['total_discount_set', c.key, 'amount'])::numeric, 0))::text,
               'currencyCode', p_line #> ARRAY['price_set', c.key, 'currency_code']))
      FROM (VALUES ('shopMoney', 'shop_money'), ('presentmentMoney', 'presentment_money')) AS c (name, key)
     WHERE p_line #>> ARRAY['price_set', c.key, 'amount'] IS NOT NULL
$$;
COMMENT ON FUNCTION webhooks._discounted_total(jsonb) IS
    'What a line costs after the discounts of the line itself, in both currencies; REST does not say it. Pure. Raises: 22P02 amount or quantity is no number';

CREATE FUNCTION webhooks._line_items(p_items jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'id', webhooks._gid('LineItem', i.doc ->> 'id'), 'title', i.doc -> 'title', 'variantTitle', i.doc -> 'variant_title', 'name', i.doc -> 'name',
               'sku', i.doc -> 'sku', 'vendor', i.doc -> 'vendor', 'quantity', i.doc -> 'quantity', 'currentQuantity', i.doc -> 'current_quantity',
               'requiresShipping', i.doc -> 'requires_shipping', 'taxable', i.doc -> 'taxable', 'isGiftCard', i.doc -> 'gift_card',
               'product', CASE WHEN i.doc ->> 'product_id' IS NOT NULL THEN jsonb_build_object('id', webhooks._gid('Product', i.doc ->> 'product_id')) END,
               'variant', CASE WHEN i.doc ->> 'variant_id' IS NOT NULL THEN jsonb_build_object('id', webhooks._gid('ProductVariant', i.doc ->> 'variant_id')) END,
               'originalUnitPriceSet', webhooks._money(i.doc -> 'price_set'), 'discountedTotalSet', webhooks._discounted_total(i.doc),
               'totalDiscountSet', webhooks._money(i.doc -> 'total_discount_set'),
               'discountAllocations', (
                   SELECT coalesce(jsonb_agg(jsonb_build_object('allocatedAmountSet', webhooks._shop_money(d.doc -> 'amount_set')) ORDER BY d.n), '[]')
                     FROM jsonb_array_elements(nullif(i.doc -> 'discount_allocations', 'null')) WITH ORDINALITY AS d (doc, n)),
               'taxLines', webhooks._tax_lines(i.doc -> 'tax_lines'), 'customAttributes', webhooks._attributes(i.doc -> 'properties')) ORDER BY i.n), '[]')
      FROM jsonb_array_elements(nullif(p_items, 'null')) WITH ORDINALITY AS i (doc, n)
$$;
COMMENT ON FUNCTION webhooks._line_items(jsonb) IS 'Line items as the bulk query selects them. Pure. Raises: 22023 no array, 22P02 an amount is no number';

CREATE FUNCTION webhooks._shipping_lines(p_lines jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'id', webhooks._gid('ShippingLine', s.doc ->> 'id'), 'title', s.doc -> 'title', 'code', s.doc -> 'code', 'source', s.doc -> 'source',
               'carrierIdentifier', s.doc -> 'carrier_identifier', 'originalPriceSet', webhooks._money(s.doc -> 'price_set'),
               'discountedPriceSet', webhooks._money(s.doc -> 'discounted_price_set'), 'taxLines', webhooks._tax_lines(s.doc -> 'tax_lines')) ORDER BY s.n), '[]')
      FROM jsonb_array_elements(nullif(p_lines, 'null')) WITH ORDINALITY AS s (doc, n)
$$;
COMMENT ON FUNCTION webhooks._shipping_lines(jsonb) IS 'Shipping lines as the bulk query selects them. Pure. Raises: 22023 no array';

CREATE FUNCTION webhooks._refunds(p_refunds jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'id', webhooks._gid('Refund', r.doc ->> 'id'), 'createdAt', webhooks._utc(webhooks._time(r.doc, 'created_at')),
               'totalRefundedSet', jsonb_build_object('shopMoney', jsonb_build_object('amount', (
                   SELECT coalesce(sum((t.doc ->> 'amount')::numeric), 0.0)::text
                     FROM jsonb_array_elements(nullif(r.doc -> 'transactions', 'null')) AS t (doc)
                    WHERE t.doc ->> 'kind' = 'refund' AND t.doc ->> 'status' = 'success')))) ORDER BY r.n), '[]')
      FROM jsonb_array_elements(nullif(p_refunds, 'null')) WITH ORDINALITY AS r (doc, n)
$$;
COMMENT ON FUNCTION webhooks._refunds(jsonb) IS
    'Refunds as the bulk query selects them; how much was paid back is the sum of their successful transactions. Pure. Raises: 22023 no array, 22P02, 22007';

CREATE FUNCTION webhooks._fulfillment_status(p_status text, p_known text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN p_status IS NULL THEN CASE WHEN p_known IN ('FULFILLED', 'PARTIALLY_FULFILLED', 'RESTOCKED') THEN 'UNFULFILLED' ELSE coalesce(p_known, 'UNFULFILLED') END
    WHEN p_status = 'partial' THEN 'PARTIALLY_FULFILLED'
    ELSE upper(p_status) END;
COMMENT ON FUNCTION webhooks._fulfillment_status(text, text) IS
    'REST''s status as GraphQL shows it. REST has null for all that is not fulfilled: what the mirror knows of the kind stays. Pure.';

CREATE FUNCTION webhooks._order_amounts(p_payload jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT jsonb_object_agg(a.name, webhooks._amount(coalesce(p_payload #> ARRAY[a.key, 'shop_money', 'amount'], p_payload -> replace(a.key, '_set', ''))))
      FROM (VALUES ('total_price', 'total_price_set'), ('subtotal_price', 'subtotal_price_set'), ('total_tax', 'total_tax_set'),
                   ('total_discounts', 'total_discounts_set'), ('total_shipping', 'total_shipping_price_set'),
                   ('current_total_price', 'current_total_price_set'), ('current_subtotal_price', 'current_subtotal_price_set'),
                   ('current_total_tax', 'current_total_tax_set'), ('current_shipping_price', 'current_shipping_price_set')) AS a (name, key)
     WHERE p_payload ?| ARRAY[a.key, replace(a.key, '_set', '')]
$$;
COMMENT ON FUNCTION webhooks._order_amounts(jsonb) IS
    'The amounts of an order in the shop''s currency, as far as the payload carries them. Pure. Raises: 22003, 22P02 no amount of money';

CREATE FUNCTION webhooks._order_row(p_payload jsonb, p_known_fulfillment text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT jsonb_object_agg(m.name, m.value) || coalesce(webhooks._order_amounts(p_payload), '{}')
      FROM (VALUES
            ('shopify_gid', 'id', to_jsonb(webhooks._gid('Order', p_payload ->> 'id'))),
            ('legacy_resource_id', 'id', p_payload -> 'id'),
            ('name', 'name', p_payload -> 'name'),
            ('order_number', 'order_number', p_payload -> 'order_number'),
            ('email', 'email', nullif(p_payload -> 'email', '""')),
            ('phone', 'phone', p_payload -> 'phone'),
            ('financial_status', 'financial_status', webhooks._upper(p_payload -> 'financial_status')),
            ('fulfillment_status', 'fulfillment_status', to_jsonb(webhooks._fulfillment_status(p_payload ->> 'fulfillment_status', p_known_fulfillment))),
            ('taxes_included', 'taxes_included', p_payload -> 'taxes_included'),
            ('is_test', 'test', p_payload -> 'test'),
            ('currency_code', 'currency', p_payload -> 'currency'),
            ('presentment_currency', 'presentment_currency', p_payload -> 'presentment_currency'),
            ('line_items', 'line_items', webhooks._line_items(p_payload -> 'line_items')),
            ('shipping_lines', 'shipping_lines', webhooks._shipping_lines(p_payload -> 'shipping_lines')),
            ('discount_codes', 'discount_codes', jsonb_path_query_array(p_payload, '$.discount_codes[*].code')),
            ('refunds', 'refunds', webhooks._refunds(p_payload -> 'refunds')),
            ('shipping_address', 'shipping_address', webhooks._address(p_payload -> 'shipping_address', false)),
            ('billing_address', 'billing_address', webhooks._address(p_payload -> 'billing_address', false)),
            ('customer_locale', 'customer_locale', p_payload -> 'customer_locale'),
            ('tags', 'tags', webhooks._tags(p_payload -> 'tags')),
            ('note', 'note', p_payload -> 'note'),
            ('note_attributes', 'note_attributes', webhooks._attributes(p_payload -> 'note_attributes')),
            ('gateway', 'payment_gateway_names', p_payload #> '{payment_gateway_names,0}'),
            ('payment_terms', CASE WHEN p_payload ->> 'payment_terms' IS NULL THEN 'payment_terms' END, NULL),
            ('source_name', 'source_name', p_payload -> 'source_name'),
            ('source_identifier', 'source_identifier', p_payload -> 'source_identifier'),
            ('cancelled_at', 'cancelled_at', p_payload -> 'cancelled_at'),
            ('cancel_reason', 'cancel_reason', webhooks._upper(p_payload -> 'cancel_reason')),
            ('closed_at', 'closed_at', p_payload -> 'closed_at'),
            ('processed_at', 'processed_at', p_payload -> 'processed_at'),
            ('created_at_shopify', 'created_at', p_payload -> 'created_at'),
            ('updated_at_shopify', 'updated_at', p_payload -> 'updated_at')) AS m (name, key, value)
     WHERE p_payload ? m.key
$$;
COMMENT ON FUNCTION webhooks._order_row(jsonb, text) IS
    'The columns of shopify_orders that a payload carries, given the fulfilment status that the mirror has. Pure. '
    'Raises: 22003, 22P02 no amount of money, 22007 no time, 22023 no array';

CREATE FUNCTION webhooks._customer_of(p_shop_id uuid, p_customer jsonb)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
DECLARE
    v_number constant bigint := webhooks._number(p_customer);
    v_id     uuid;
BEGIN
    IF webhooks._state(p_shop_id, 'shopify_customers', 'Customer', v_number, NULL) = 'new' THEN
        PERFORM webhooks._write(p_shop_id, 'shopify_customers', jsonb_build_array(webhooks._customer_row(p_customer - 'updated_at') || '{"updated_at_shopify": null}'));
        PERFORM webhooks._want(p_shop_id, 'customers', ARRAY[v_number], interval '5 seconds');
    END IF;
    SELECT c.id INTO v_id FROM shopify_customers AS c
     WHERE c.shop_id = p_shop_id AND c.shopify_gid = webhooks._gid('Customer', v_number::text);
    RETURN v_id;
END
$$;
COMMENT ON FUNCTION webhooks._customer_of(uuid, jsonb) IS
    'The customer of an order; one that the mirror does not have is written as far as the order tells, and asked for. Null for one that was deleted before the '
    'mirror had it. Locks: the customer. Raises: NW010 no id, 22xxx, 23xxx a value that the mirror does not take';

CREATE FUNCTION webhooks._items_of(p_shop_id uuid, p_payload jsonb)
RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = neanelu, webhooks, pg_temp
AS $$
    SELECT ARRAY(SELECT DISTINCT split_part(v.inventory_item_id, '/', 5)::bigint
                   FROM shopify_variants AS v
                  WHERE v.shop_id = p_shop_id AND v.inventory_item_id IS NOT NULL AND v.deleted_at IS NULL
                    AND v.shopify_gid = ANY (ARRAY(SELECT webhooks._gid('ProductVariant', i.doc ->> 'variant_id')
                                                     FROM jsonb_array_elements(nullif(p_payload -> 'line_items', 'null')) AS i (doc)
                                                    WHERE i.doc ->> 'variant_id' IS NOT NULL))
                  ORDER BY 1)
$$;
COMMENT ON FUNCTION webhooks._items_of(uuid, jsonb) IS 'The inventory items of an order''s lines, as far as the mirror knows their variants. Reads only.';

CREATE FUNCTION webhooks.apply_orders(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, inventory, app, pg_temp
AS $$
DECLARE
    v_number constant bigint := webhooks._number(p_payload);
    v_gid    constant text := webhooks._gid('Order', v_number::text);
    v_row    jsonb;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_topic = 'orders/delete' THEN
        RETURN webhooks._delete(p_shop_id, 'shopify_orders', 'Order', v_number, p_triggered_at);
    END IF;
    IF webhooks._state(p_shop_id, 'shopify_orders', 'Order', v_number, webhooks._time(p_payload, 'updated_at')) IN ('stale', 'deleted') THEN
        RETURN 'stale';
    END IF;
    v_row := webhooks._order_row(p_payload, (SELECT o.fulfillment_status FROM shopify_orders AS o WHERE o.shop_id = p_shop_id AND o.shopify_gid = v_gid));
    IF p_payload ? 'customer' THEN
        v_row := v_row || jsonb_build_object('customer_id', CASE WHEN jsonb_typeof(p_payload -> 'customer') = 'object'
                                                                 THEN webhooks._customer_of(p_shop_id, p_payload -> 'customer') END);
    END IF;
    PERFORM webhooks._want(p_shop_id, 'orders', ARRAY[v_number], webhooks._fetch_after(p_topic));
    IF webhooks._write(p_shop_id, 'shopify_orders', jsonb_build_array(v_row), webhooks._time(p_payload, 'updated_at')) = 0 THEN
        RETURN 'unchanged';
    END IF;
    PERFORM webhooks._forget_digests(p_shop_id, 'Order', v_number);
    -- Sums of the customer change with each order, and what is committed and on hand; no payload carries them.
    IF p_payload #>> '{customer,id}' IS NOT NULL THEN
        PERFORM webhooks._want(p_shop_id, 'customers', ARRAY[webhooks._number(p_payload -> 'customer')], webhooks._fetch_after(p_topic) * 2);
    END IF;
    PERFORM webhooks._want(p_shop_id, 'inventory', webhooks._items_of(p_shop_id, p_payload), webhooks._fetch_after(p_topic) * 10);
    PERFORM inventory.record_order(p_shop_id, o.id) FROM shopify_orders AS o WHERE o.shop_id = p_shop_id AND o.shopify_gid = v_gid;
    RETURN 'applied';
END
$$;
COMMENT ON FUNCTION webhooks.apply_orders(uuid, text, jsonb, timestamptz) IS
    'Topics orders/*: the order with its lines, refunds and customer, the same for all: each is the order as it was then. Sales and returns go into the stock ledger. '
    'Returns applied, unchanged or stale. Idempotent, in any order. Locks: the order, its customer, their rows, the lines'' counts of the ledger. Raises: NA002, NW010 no id, 22xxx, 23xxx a value that the mirror does not take';

-- Metaobjects -------------------------------------------------------------------------------------------------------

CREATE FUNCTION webhooks._metaobject_fields(p_shop_id uuid, p_type text, p_known jsonb, p_fields jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = neanelu, webhooks, pg_temp
AS $$
    -- REST says values and no types: those of the object itself, or of another one of the same type, are the same.
    SELECT coalesce(p_known, '{}') || coalesce(jsonb_object_agg(f.key, jsonb_build_object(
               'type', coalesce(p_known #> ARRAY[f.key, 'type'], s.fields #> ARRAY[f.key, 'type']),
               'value', to_jsonb(f.value #>> '{}'))), '{}')
      FROM jsonb_each(p_fields) AS f
      LEFT JOIN LATERAL (
            SELECT m.fields FROM shopify_metaobjects AS m
             WHERE p_known IS NULL AND m.shop_id = p_shop_id AND m.type = p_type AND m.deleted_at IS NULL LIMIT 1) AS s ON true
$$;
COMMENT ON FUNCTION webhooks._metaobject_fields(uuid, text, jsonb, jsonb) IS
    'Fields as the mirror keeps them, {key: {type, value}}, from those that it knows and the payload''s values. A type that is not known yet is null. Reads only. '
    'Raises: 22023 no object';

CREATE FUNCTION webhooks.apply_metaobjects(p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = neanelu, webhooks, app, pg_temp
AS $$
DECLARE
    v_number constant bigint := webhooks._number(p_payload);
    v_gid    constant text := webhooks._gid('Metaobject', v_number::text);
    v_known  shopify_metaobjects;
    v_row    jsonb;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    IF p_topic = 'metaobjects/delete' THEN
        RETURN webhooks._delete(p_shop_id, 'shopify_metaobjects', 'Metaobject', v_number, p_triggered_at);
    END IF;
    IF webhooks._state(p_shop_id, 'shopify_metaobjects', 'Metaobject', v_number, webhooks._time(p_payload, 'updated_at')) IN ('stale', 'deleted') THEN
        RETURN 'stale';
    END IF;
    SELECT * INTO v_known FROM shopify_metaobjects WHERE shop_id = p_shop_id AND shopify_gid = v_gid;
    v_row := jsonb_build_object(
        'shopify_gid', v_gid, 'type', p_payload -> 'type', 'handle', p_payload -> 'handle', 'display_name', p_payload -> 'display_name',
        'fields', webhooks._metaobject_fields(p_shop_id, p_payload ->> 'type', v_known.fields, p_payload -> 'fields'),
        'capabilities', coalesce(v_known.capabilities, '{"publishable": null, "onlineStore": null}') || CASE
            WHEN p_payload #>> '{capabilities,publishable,status}' IS NOT NULL
            THEN jsonb_build_object('publishable', jsonb_build_object('status', webhooks._upper(p_payload #> '{capabilities,publishable,status}'))) ELSE '{}' END,
        'updated_at_shopify', p_payload -> 'updated_at');
    PERFORM webhooks._want(p_shop_id, 'metaobjects', ARRAY[v_number], webhooks._fetch_after(p_topic));
    RETURN CASE WHEN webhooks._write(p_shop_id, 'shopify_metaobjects', jsonb_build_array(v_row), webhooks._time(p_payload, 'updated_at')) > 0
                THEN 'applied' ELSE 'unchanged' END;
END
$$;
COMMENT ON FUNCTION webhooks.apply_metaobjects(uuid, text, jsonb, timestamptz) IS
    'Topics metaobjects/*: the entry; types of fields that are not known yet are asked for. Returns applied, unchanged or stale. Idempotent, in any order. '
    'Locks: the metaobject, its row. Raises: NA002, NW010 no id, 22xxx, 23xxx a value that the mirror does not take';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA webhooks FROM PUBLIC;

COMMIT;
