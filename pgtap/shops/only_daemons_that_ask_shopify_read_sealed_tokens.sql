BEGIN;
SELECT plan(14);

SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}');
CREATE ROLE tap_tenant LOGIN IN ROLE neanelu_tenant;
SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-0000000000a1');

\ir ../as_login.psql

SELECT is(pg_temp.as_login(who, $$SELECT ciphertext FROM shops.credentials('00000000-0000-7000-8000-0000000000a1')$$), '\x01',
          who || ' gets the sealed token')
  FROM unnest(ARRAY['neanelu_sync', 'neanelu_worker']) AS who;
SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT shops.credentials('00000000-0000-7000-8000-0000000000ff')$$), 'NH002', 'of shops that there are');
SELECT is(pg_temp.as_login(who, $$SELECT shops.credentials('00000000-0000-7000-8000-0000000000a1')$$), '42501', who || ' does not')
  FROM unnest(ARRAY['neanelu_operator', 'neanelu_app', 'neanelu_webhooks', 'neanelu_analyst', 'tap_tenant']) AS who;
SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT access_token_ciphertext FROM neanelu.shops$$), '42501', 'nobody reads the table');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT webhook_secret FROM neanelu.shops$$), '42501', 'nor its secrets');
SELECT is(pg_temp.as_login('tap_tenant', $$SELECT count(*) FROM shops.list()$$), '42501', 'a tenant does not list shops');
SELECT is(pg_temp.as_login('tap_tenant', $$SELECT shops.uninstall('00000000-0000-7000-8000-0000000000a1')$$), '42501', 'nor uninstalls them');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT shops.uninstall('00000000-0000-7000-8000-0000000000a1')$$), '0', 'an operator does');
SELECT is_empty(
    $$SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = 'shops.shop'::regclass AND a.attname ~ 'token|secret|cipher|iv$|tag'$$,
    'what find and list answer has no place for a secret');

SELECT * FROM finish();
ROLLBACK;
