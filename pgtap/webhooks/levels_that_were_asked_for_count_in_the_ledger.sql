BEGIN;
SELECT plan(12);

CREATE FUNCTION pg_temp.shop() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT '00000000-0000-7000-8000-0000000000a1'::uuid $$;
SELECT shops.register(pg_temp.shop(), 'one.myshopify.com', 'x', repeat('x', 12)::bytea, repeat('x', 16)::bytea, 1, '{}');
INSERT INTO neanelu.shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
VALUES ('00000000-0000-7000-8000-0000000000b1', pg_temp.shop(), 'gid://shopify/Product/1', 1, 'T', 't', 'ACTIVE');
INSERT INTO neanelu.shopify_variants (shop_id, product_id, shopify_gid, legacy_resource_id, title, price, inventory_item_id)
VALUES (pg_temp.shop(), '00000000-0000-7000-8000-0000000000b1', 'gid://shopify/ProductVariant/11', 11, 'V', 1, 'gid://shopify/InventoryItem/21');
INSERT INTO neanelu.inventory_locations (shop_id, shopify_gid, legacy_resource_id, name, is_active)
SELECT pg_temp.shop(), 'gid://shopify/Location/' || n, n, 'L' || n, true FROM generate_series(31, 32) AS n;
CREATE FUNCTION pg_temp.level(p_location integer, p_available integer, p_at text DEFAULT '2026-11-01T00:00:00Z') RETURNS text LANGUAGE sql AS $$
    SELECT format('{"id": "gid://shopify/InventoryLevel/%1$s?inventory_item_id=21", "location": {"id": "gid://shopify/Location/%1$s"}, "quantities": [{"name": "available", "quantity": %2$s},
                    {"name": "on_hand", "quantity": %2$s}], "updatedAt": "%3$s", "__parentId": "gid://shopify/InventoryItem/21"}', p_location, p_available, p_at)
$$;
CREATE FUNCTION pg_temp.answer(VARIADIC p_levels text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT webhooks.apply_fetched(pg_temp.shop(), 'inventory', '{21}', '{"id": "gid://shopify/InventoryItem/21", "legacyResourceId": "21", "tracked": true, "updatedAt": "2026-11-01T00:00:00Z"}'::text || p_levels, clock_timestamp())
$$;
CREATE FUNCTION pg_temp.stock() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(right(c.location_id, 2) || ': ' || c.quantity, ', ' ORDER BY c.location_id) FROM neanelu.inventory_current AS c WHERE c.quantity <> 0
$$;
CREATE FUNCTION pg_temp.levels() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(p.name || ': ' || l.available, ', ' ORDER BY p.name) FROM neanelu.inventory_levels AS l JOIN neanelu.inventory_locations AS p ON p.id = l.location_id WHERE l.deleted_at IS NULL
$$;

SELECT is(pg_temp.answer(pg_temp.level(31, 7), pg_temp.level(32, 2)) ->> 'refused', '0', 'an item''s levels are taken');
SELECT is(pg_temp.levels(), 'L31: 7, L32: 2', 'they are in the mirror');
SELECT is(pg_temp.stock(), '31: 7, 32: 2', 'and in the ledger');
SELECT is(pg_temp.answer(pg_temp.level(31, 7), pg_temp.level(32, 2)) ->> 'written', '0', 'again they are no news');
SELECT is(pg_temp.stock(), '31: 7, 32: 2', 'nor to the ledger');
SELECT is(pg_temp.answer(pg_temp.level(31, 5, '2026-11-02T00:00:00Z')) ->> 'refused', '0', 'a level changed, another is gone');
SELECT is(pg_temp.levels(), 'L31: 5', 'so the mirror has one');
SELECT is(pg_temp.stock(), '31: 5', 'and so has the ledger');
SELECT is(inventory.record_levels(pg_temp.shop()), 0, 'and has nothing to catch up on');
SELECT is(pg_temp.answer(VARIADIC '{}') ->> 'refused', '0', 'the last one is gone, too');
SELECT is(pg_temp.stock(), NULL, 'then there is nothing');
SELECT is((SELECT count(*) FROM neanelu.inventory_entries WHERE reason <> 'SYNC'), 0::bigint, 'all of it says that Shopify said so');

SELECT * FROM finish();
ROLLBACK;
