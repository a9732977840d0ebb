BEGIN;
SELECT plan(54);

CREATE FUNCTION pg_temp.shop() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-7000-8000-0000000000a1'::uuid $$;
INSERT INTO neanelu.shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes, installed_at)
VALUES (pg_temp.shop(), 'one.myshopify.com', 'x', repeat('x', 12)::bytea, repeat('x', 16)::bytea, '{read_products}', '2026-01-01');
CREATE FUNCTION pg_temp.apply(p_what text, p_topic text, p_payload jsonb, p_at timestamptz DEFAULT '2026-11-10') RETURNS text LANGUAGE sql AS $$
    SELECT CASE p_what
        WHEN 'bulk' THEN webhooks.apply_bulk(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'collections' THEN webhooks.apply_collections(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'customers' THEN webhooks.apply_customers(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'items' THEN webhooks.apply_items(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'levels' THEN webhooks.apply_levels(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'locations' THEN webhooks.apply_locations(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'metaobjects' THEN webhooks.apply_metaobjects(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'orders' THEN webhooks.apply_orders(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'privacy' THEN webhooks.apply_privacy(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'products' THEN webhooks.apply_products(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'publications' THEN webhooks.apply_publications(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'shop' THEN webhooks.apply_shop(pg_temp.shop(), p_topic, p_payload, p_at)
        WHEN 'variants' THEN webhooks.apply_variants(pg_temp.shop(), p_topic, p_payload, p_at)
    END
$$;
CREATE FUNCTION pg_temp.wanted(p_resource text) RETURNS bigint[] LANGUAGE sql AS
$$ SELECT array_agg(f.object_id ORDER BY f.object_id) FROM neanelu.mirror_fetches AS f WHERE f.resource = p_resource AND f.wanted_at IS NOT NULL $$;

SELECT is(pg_temp.apply('shop', 'shop/update', '{"id": 1, "name": "One", "iana_timezone": "Europe/Bucharest", "currency": "RON", "updated_at": "2026-11-05T00:00:00Z"}'), 'applied', 'a shop changes');
SELECT results_eq('SELECT timezone::text, currency_code::text FROM neanelu.shops', $$VALUES ('Europe/Bucharest', 'RON')$$, 'its time zone and currency');
SELECT is(pg_temp.apply('shop', 'shop/update', '{"id": 1, "iana_timezone": "Europe/Paris", "updated_at": "2026-11-04T00:00:00Z"}'), 'stale', 'not by an older word');
SELECT is(pg_temp.apply('shop', 'app/scopes_update', '{"current": ["read_orders", "read_products"]}'), 'applied', 'scopes change');
SELECT is((SELECT scopes FROM neanelu.shops), '{read_orders,read_products}', 'to what there is now');
SELECT throws_ok($$SELECT pg_temp.apply('shop', 'app/scopes_update', '{"current": null}')$$, 'NW011', NULL, 'a word about scopes without scopes is refused');

SELECT is(pg_temp.apply('variants', 'variants/out_of_stock', '{"id": 11, "product_id": 1, "title": "A", "price": "1.00", "inventory_quantity": 0}'), 'postponed', 'a variant of a product that is not here waits for it');
SELECT is(pg_temp.wanted('products'), '{1}', 'which is asked for');
SELECT is(pg_temp.apply('products', 'products/create', '{"id": 1, "title": "T", "handle": "t", "status": "active", "updated_at": "2026-11-05T00:00:00Z",
    "variants": [{"id": 11, "title": "A", "price": "1.00", "inventory_item_id": 21, "inventory_quantity": 5, "updated_at": "2026-11-05T00:00:00Z"}]}'), 'applied', 'the product comes');
SELECT is(pg_temp.apply('variants', 'variants/out_of_stock', '{"id": 11, "product_id": 1, "title": "A", "price": "2.50", "inventory_item_id": 21, "inventory_quantity": 0, "updated_at": "2026-11-06T00:00:00Z"}'), 'applied', 'then its variant');
SELECT results_eq('SELECT price, inventory_quantity FROM neanelu.shopify_variants', 'VALUES (2.50, 0)', 'has what it says');
SELECT is(pg_temp.apply('variants', 'variants/in_stock', '{"id": 11, "product_id": 1, "title": "A", "price": "1.00", "inventory_quantity": 9, "updated_at": "2026-11-05T12:00:00Z"}'), 'stale', 'the older word is late');
SELECT throws_ok($$SELECT pg_temp.apply('variants', 'variants/in_stock', '{"product_id": 1}')$$, 'NW010', NULL, 'a variant without id is refused');

SELECT is(pg_temp.apply('items', 'inventory_items/update', '{"id": 99, "cost": "3.00", "updated_at": "2026-11-06T00:00:00Z"}'), 'ignored', 'an item comes with its product');
SELECT is(pg_temp.apply('items', 'inventory_items/update', '{"id": 21, "cost": "3.00", "requires_shipping": true, "updated_at": "2026-11-06T00:00:00Z"}'), 'applied', 'then by itself');
SELECT is((SELECT cost FROM neanelu.shopify_variants), 3.00, 'with its cost');
SELECT throws_ok($$SELECT pg_temp.apply('items', 'inventory_items/update', '{"cost": "3.00"}')$$, 'NW010', NULL, 'an item without id is refused');

SELECT is(pg_temp.apply('levels', 'inventory_levels/update', '{"inventory_item_id": 21, "location_id": 31, "admin_graphql_api_id": "gid://shopify/InventoryLevel/31?inventory_item_id=21", "available": 4, "updated_at": "2026-11-06T00:00:00Z"}'), 'postponed', 'a level waits for its location');
SELECT is(pg_temp.wanted('locations'), '{31}', 'which is asked for');
SELECT is(pg_temp.apply('locations', 'locations/create', '{"id": 31, "name": "Depot", "active": true, "city": "Cluj", "updated_at": "2026-11-06T00:00:00Z"}'), 'applied', 'the location comes');
SELECT is(pg_temp.apply('locations', 'locations/update', '{"id": 31, "name": "Depot", "active": true, "city": "Cluj", "updated_at": "2026-11-06T00:00:00Z"}'), 'unchanged', 'and says the same again');
SELECT is(pg_temp.apply('levels', 'inventory_levels/update', '{"inventory_item_id": 21, "location_id": 31, "admin_graphql_api_id": "gid://shopify/InventoryLevel/31?inventory_item_id=21", "available": 4, "updated_at": "2026-11-06T00:00:00Z"}'), 'applied', 'then the level');
SELECT is(pg_temp.apply('levels', 'inventory_levels/update', '{"inventory_item_id": 21, "location_id": 31, "admin_graphql_api_id": "gid://shopify/InventoryLevel/31?inventory_item_id=21", "available": 9, "updated_at": "2026-11-05T00:00:00Z"}'), 'stale', 'not an older one');
SELECT is((SELECT available FROM neanelu.inventory_levels), 4, 'is in the mirror');
SELECT is((SELECT sum(delta) FROM neanelu.inventory_entries), 4::bigint, 'and in the ledger');
SELECT is(pg_temp.apply('levels', 'inventory_levels/disconnect', '{"inventory_item_id": 21, "location_id": 31}'), 'applied', 'an item is stocked there no more');
SELECT is((SELECT sum(delta) FROM neanelu.inventory_entries), 0::bigint, 'so there is none');
SELECT is(pg_temp.apply('locations', 'locations/delete', '{"id": 31}', '2026-11-11'), 'applied', 'a location goes');
SELECT is((SELECT count(*) FROM neanelu.inventory_levels WHERE deleted_at IS NULL), 0::bigint, 'with its levels');
SELECT is(pg_temp.apply('items', 'inventory_items/delete', '{"id": 21}', '2026-11-11'), 'applied', 'an item goes');

SELECT is(pg_temp.apply('collections', 'collections/create', '{"id": 41, "title": "New", "handle": "new", "updated_at": "2026-11-06T00:00:00Z"}'), 'applied', 'a collection comes');
SELECT is(pg_temp.wanted('collections'), '{41}', 'what is in it is asked for');
SELECT is(pg_temp.apply('collections', 'collections/update', '{"id": 41, "title": "New", "handle": "new", "updated_at": "2026-11-06T00:00:00Z"}'), 'unchanged', 'the same again');
SELECT is(pg_temp.apply('collections', 'collections/delete', '{"id": 41}'), 'applied', 'it goes');
SELECT is(pg_temp.apply('collections', 'collections/update', '{"id": 41, "title": "Late", "handle": "new", "updated_at": "2026-11-07T00:00:00Z"}'), 'stale', 'for good');
SELECT throws_ok($$SELECT pg_temp.apply('collections', 'collections/update', '{}')$$, 'NW010', NULL, 'one without id is refused');

SELECT is(pg_temp.apply('publications', 'product_publications/create', '{"publication_id": 5}'), 'ignored', 'a publication of nothing is none');
SELECT is(pg_temp.apply('publications', 'product_publications/create', '{"product_id": 1, "publication_id": 51, "published": true, "updated_at": "2026-11-06T00:00:00Z"}'), 'postponed', 'of a channel that is not here it waits');
SELECT is(pg_temp.wanted('product_publications'), '{1}', 'and is asked for');

SELECT is(pg_temp.apply('metaobjects', 'metaobjects/create', '{"id": "gid://shopify/Metaobject/61", "type": "colour", "handle": "red", "display_name": "Red", "fields": {"hex": "#f00"}, "updated_at": "2026-11-06T00:00:00Z"}'), 'applied', 'an entry comes');
SELECT results_eq('SELECT type::text, handle::text, display_name FROM neanelu.shopify_metaobjects', $$VALUES ('colour', 'red', 'Red')$$, 'as it is');
SELECT is(pg_temp.apply('metaobjects', 'metaobjects/delete', '{"id": "gid://shopify/Metaobject/61"}'), 'applied', 'and goes');

SELECT is(pg_temp.apply('customers', 'customers/create', '{"id": 7, "first_name": "Ana", "updated_at": "2026-11-06T00:00:00Z"}'), 'applied', 'a customer comes');
SELECT is(pg_temp.apply('orders', 'orders/create', '{"id": 9, "name": "#9", "order_number": 9, "total_price": "2.50", "currency": "RON", "customer": {"id": 7}, "line_items": [{"id": 91, "title": "T", "quantity": 1, "price": "2.50"}], "updated_at": "2026-11-06T00:00:00Z"}'), 'applied', 'orders something');
SELECT ok((SELECT o.customer_id = c.id AND o.total_price = 2.50 FROM neanelu.shopify_orders AS o, neanelu.shopify_customers AS c), 'and the order is that customer''s');
SELECT is(pg_temp.apply('orders', 'orders/updated', '{"id": 9, "name": "#9", "order_number": 9, "total_price": "2.50", "currency": "RON", "customer": {"id": 7}, "line_items": [{"id": 91, "title": "T", "quantity": 1, "price": "2.50"}],
    "updated_at": "2026-11-07T00:00:00Z", "refunds": [{"id": 5, "created_at": "2026-11-07T00:00:00Z", "transactions": [{"kind": "refund", "status": "success", "amount": "1.00"},
        {"kind": "refund", "status": "success", "amount": "0.50"}, {"kind": "refund", "status": "failure", "amount": "9.00"}]}]}'), 'applied', 'some of it is paid back');
SELECT is((SELECT refunds #> '{0,totalRefundedSet,shopMoney}' ->> 'amount' FROM neanelu.shopify_orders), '1.50', 'as far as that succeeded');
SELECT is(pg_temp.apply('orders', 'orders/delete', '{"id": 9}'), 'applied', 'the order goes');
SELECT is(pg_temp.apply('privacy', 'customers/redact', '{"customer": {"id": 7}, "orders_to_redact": []}'), 'applied', 'a customer is to be erased');
SELECT is((SELECT count(*) FROM neanelu.privacy_requests WHERE topic = 'customers/redact'), 1::bigint, 'which is a request');

SELECT is(pg_temp.apply('bulk', 'bulk_operations/finish', '{"admin_graphql_api_id": "gid://shopify/BulkOperation/1"}'), 'ignored', 'an operation that no run waits for is nobody''s');
SELECT is(pg_temp.apply('shop', 'app/uninstalled', '{}', '2025-12-31'), 'stale', 'a shop that came back is not uninstalled by an old word');
SELECT is(pg_temp.apply('shop', 'app/uninstalled', '{}'), 'applied', 'a new one ends everything');
SELECT ok((SELECT s.uninstalled_at IS NOT NULL AND NOT EXISTS (SELECT FROM neanelu.mirror_fetches) FROM neanelu.shops AS s), 'nothing is asked for any more');

SELECT * FROM finish();
ROLLBACK;
