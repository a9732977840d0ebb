BEGIN;
SELECT plan(6);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);

CREATE ROLE tap_tenant LOGIN IN ROLE neanelu_tenant;
CREATE ROLE tap_stranger LOGIN;

\ir ../as_login.psql

SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-0000000000a1');


SELECT is(pg_temp.as_login('tap_tenant', 'SELECT string_agg(shopify_domain::text, '','') FROM neanelu.current_shop'), 'a.myshopify.com', 'a tenant sees its shop');
SELECT is(pg_temp.as_login('tap_tenant', 'SELECT 1 FROM neanelu.shops'), '42501', 'the registry is closed');
SET LOCAL app.current_shop_id = '00000000-0000-7000-8000-0000000000a2';
SELECT is(pg_temp.as_login('tap_tenant', 'SELECT string_agg(shopify_domain::text, '','') FROM neanelu.current_shop'), 'a.myshopify.com', 'whatever its parameter says');
SELECT is(pg_temp.as_login('neanelu_app', 'SELECT string_agg(shopify_domain::text, '','') FROM neanelu.current_shop'), 'b.myshopify.com', 'a service sees the shop it chose');
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT access_token_ciphertext FROM neanelu.shops'), '42501', 'a daemon reads no token by itself');
SELECT hasnt_column('neanelu', 'current_shop', 'access_token_ciphertext', 'the view has no token');

SELECT * FROM finish();
ROLLBACK;
