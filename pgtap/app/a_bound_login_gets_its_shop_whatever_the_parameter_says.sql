BEGIN;
SELECT plan(7);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);

CREATE ROLE tap_tenant LOGIN IN ROLE neanelu_tenant;
CREATE ROLE tap_stranger LOGIN;

\ir ../as_login.psql

SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-0000000000a1');


SELECT is(pg_temp.as_login('tap_tenant', 'SELECT app.current_shop_id()'), '00000000-0000-7000-8000-0000000000a1', 'without a parameter');
SET LOCAL app.current_shop_id = '00000000-0000-7000-8000-0000000000a2';
SELECT is(pg_temp.as_login('tap_tenant', 'SELECT app.current_shop_id()'), '00000000-0000-7000-8000-0000000000a1', 'with another shop in the parameter');
SELECT is(pg_temp.as_login('tap_stranger', 'SELECT 1'), '1', 'a stranger is connected');
SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT app.current_shop_id()'), NULL, 'a login of neither kind has no shop');
SELECT is(pg_temp.as_login('neanelu_worker', 'SELECT app.current_shop_id()'), '00000000-0000-7000-8000-0000000000a2', 'the platform has that of the parameter');
SELECT is(app.unbind_tenant_login('tap_tenant'), true, 'the binding ends');
SELECT is(pg_temp.as_login('tap_tenant', 'SELECT app.current_shop_id()'), NULL, 'and with it the shop');

SELECT * FROM finish();
ROLLBACK;
