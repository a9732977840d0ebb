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


SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT app.assert_shop_access('00000000-0000-7000-8000-0000000000a2')$$), '', 'the platform works for any shop');
SELECT is(pg_temp.as_login('tap_tenant', $$SELECT app.assert_shop_access('00000000-0000-7000-8000-0000000000a1')$$), '', 'a tenant for its own');
SELECT is(pg_temp.as_login('tap_tenant', $$SELECT app.assert_shop_access('00000000-0000-7000-8000-0000000000a2')$$), 'NA002', 'and for no other');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT app.assert_shop_access('00000000-0000-7000-8000-0000000000a2')$$), '', 'an operator for any, with the functions granted to it');
SELECT is(pg_temp.as_login('neanelu_analyst', $$SELECT app.assert_shop_access('00000000-0000-7000-8000-0000000000a1')$$), 'NA002', 'an analyst for none');
SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT app.assert_shop_access(NULL)$$), 'NA002', 'no shop is no shop');
SELECT throws_ok($$SELECT app.fail('NA002', 'so', 'why', 'what to do')$$, 'NA002', 'so', 'errors can be raised from a query');

SELECT * FROM finish();
ROLLBACK;
