BEGIN;
SELECT plan(10);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}');
INSERT INTO shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
VALUES ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-0000000000a1', 'gid://shopify/Product/1', 1, 'p', 'p', 'ACTIVE');
INSERT INTO shopify_variants (id, shop_id, product_id, shopify_gid, legacy_resource_id, title, sku, price, inventory_item_id)
VALUES ('00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000b1',
        'gid://shopify/ProductVariant/1', 1, 'v', 'SKU', 1, 'gid://shopify/InventoryItem/1');

PREPARE add (int, text) AS
SELECT inventory.record('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000c1', 'gid://shopify/Location/1', $1, 'RESTOCK', 'po', $2);
PREPARE stock AS
SELECT inventory.available('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000c1', 'gid://shopify/Location/1');

SELECT results_eq('EXECUTE add(5, ''1'')', ARRAY[true], 'an entry is recorded');
SELECT results_eq('EXECUTE add(5, ''1'')', ARRAY[false], 'its reference counts once');
SELECT results_eq('EXECUTE add(-7, ''2'')', ARRAY[true], 'another is another');
SELECT results_eq('EXECUTE stock', ARRAY[-2::bigint], 'both count before they are folded, also below zero');
SELECT is_empty('SELECT FROM inventory_ledger', 'the ledger has neither yet');
SELECT results_eq('SELECT inventory.fold(1), inventory.fold(1), inventory.fold(1)', 'VALUES (1, 1, 0)', 'each is folded once, as many at a time as asked');
SELECT results_eq('EXECUTE stock', ARRAY[-2::bigint], 'the fold changes no stock');
SELECT results_eq('SELECT position, previous_quantity, delta, new_quantity, sku::text FROM inventory_ledger ORDER BY position',
                  $$VALUES (1::bigint, 0, 5, 5, 'SKU'), (2, 5, -7, -2, 'SKU')$$, 'in the order of their arrival, with the quantities around them');
SELECT results_eq('SELECT quantity, location_id FROM inventory_current', $$VALUES (-2::bigint, 'gid://shopify/Location/1'::text)$$, 'and so says the view');

-- The quantities of an entry are integers, the balance is larger.
DO $$ BEGIN
    FOR i IN 1..2 LOOP
        PERFORM inventory.record('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000c1', 'gid://shopify/Location/1', 2147483647, 'RESTOCK');
    END LOOP;
    PERFORM inventory.fold();
END $$;
SELECT results_eq('EXECUTE stock', ARRAY[4294967292], 'more units than an integer holds do not stop the fold');

SELECT * FROM finish();
ROLLBACK;
