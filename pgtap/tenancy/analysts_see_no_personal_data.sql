BEGIN;
SELECT plan(7);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);

\ir ../as_login.psql

INSERT INTO shopify_orders (shop_id, shopify_gid, legacy_resource_id, name, order_number, total_price, currency_code, line_items, email)
SELECT id, 'gid://shopify/Order/1', 1, '#1', 1, 10, 'RON', '[]', 'somebody@example.com' FROM shops;

SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT sum(total_price)::text FROM neanelu.shopify_orders'), '20.00', 'figures of all shops');
SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT email FROM neanelu.shopify_orders'), '42501', 'no address of a person');
SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT line_items FROM neanelu.shopify_orders'), '42501', 'no line items, which can name one');
SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT 1 FROM neanelu.shopify_customers'), '42501', 'no customers');
SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT 1 FROM neanelu.staff_users'), '42501', 'no staff');
SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT webhook_secret FROM neanelu.shops'), '42501', 'no secrets');
SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT count(shopify_domain) FROM neanelu.shops'), '2', 'but the shops'' names');

SELECT * FROM finish();
ROLLBACK;
