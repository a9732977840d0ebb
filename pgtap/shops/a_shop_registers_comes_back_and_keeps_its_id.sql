BEGIN;
SELECT plan(23);

CREATE FUNCTION pg_temp.register(p_id uuid, p_domain text, p_token bytea DEFAULT '\x01', p_timezone text DEFAULT NULL,
                                 p_shopify_shop_id bigint DEFAULT NULL, p_api_version text DEFAULT NULL) RETURNS uuid LANGUAGE sql AS $f$
    SELECT shops.register(p_id, p_domain, p_token, decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}',
                          p_api_version => p_api_version, p_timezone => p_timezone, p_shopify_shop_id => p_shopify_shop_id)
$f$;

SELECT isnt(shops.reserve_id('tap-one.myshopify.com'), shops.reserve_id('tap-one.myshopify.com'), 'an unknown domain reserves nothing');
SELECT is(pg_temp.register('00000000-0000-7000-8000-0000000000a1', 'Tap-One.MyShopify.com'), '00000000-0000-7000-8000-0000000000a1',
          'a new shop gets the id that was reserved for it');
SELECT is(shops.reserve_id('tap-ONE.myshopify.com'), '00000000-0000-7000-8000-0000000000a1', 'a known domain has its id, in any case');
SELECT results_eq($$SELECT domain, api_version, timezone, currency_code, is_installed FROM shops.find('tap-one')$$,
                  $$VALUES ('tap-one.myshopify.com', '2026-10', 'Europe/Bucharest', 'RON', true)$$, 'what is not given takes the defaults');
SELECT is((SELECT domain FROM shops.find('00000000-0000-7000-8000-0000000000a1')), 'tap-one.myshopify.com', 'a shop is found by its id');
SELECT is_empty($$SELECT * FROM shops.find('nobody')$$, 'who is not there is not found');
SELECT is_empty($$SELECT * FROM shops.find(NULL)$$, 'nothing is not found either');

SELECT lives_ok($$SELECT pg_temp.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x02', 'Europe/Berlin', 7, '2026-07')$$,
                'registering again is allowed');
SELECT lives_ok($$SELECT pg_temp.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x03')$$, 'and again');
SELECT results_eq(
    $$SELECT timezone, shopify_shop_id, api_version, (SELECT ciphertext FROM shops.credentials(id)) FROM shops.find('tap-one')$$,
    $$VALUES ('Europe/Berlin', 7::bigint, '2026-07', '\x03'::bytea)$$, 'the token is the last one, what was not given stays');

SELECT is(shops.uninstall('00000000-0000-7000-8000-0000000000a1'), 0, 'it uninstalls');
SELECT is(pg_temp.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com'), '00000000-0000-7000-8000-0000000000a1',
          'and comes back as the same shop');
SELECT ok((SELECT is_installed AND uninstalled_at IS NULL FROM shops.find('tap-one')), 'installed');

-- A domain can be renamed; the number at Shopify stays.
SELECT is(shops.reserve_id('tap-renamed.myshopify.com', 7), '00000000-0000-7000-8000-0000000000a1', 'a shop is known by its number, whatever its domain');
SELECT isnt(shops.reserve_id('tap-renamed.myshopify.com', 8), '00000000-0000-7000-8000-0000000000a1', 'another number is another shop');
SELECT throws_ok($$SELECT pg_temp.register('00000000-0000-7000-8000-0000000000a1', 'tap-renamed.myshopify.com', p_shopify_shop_id => 8)$$, '23505', NULL,
                 'who does not have its number does not rename it');
SELECT is(pg_temp.register('00000000-0000-7000-8000-0000000000a1', 'Tap-Renamed.myshopify.com', p_shopify_shop_id => 7), '00000000-0000-7000-8000-0000000000a1',
          'it is registered under its new domain');
SELECT results_eq($$SELECT domain, shopify_shop_id FROM shops.find('00000000-0000-7000-8000-0000000000a1')$$,
                  $$VALUES ('tap-renamed.myshopify.com', 7::bigint)$$, 'and has that only');
SELECT is(pg_temp.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', p_shopify_shop_id => 7), '00000000-0000-7000-8000-0000000000a1', 'or again the old one');

SELECT throws_ok($$SELECT pg_temp.register('00000000-0000-7000-8000-0000000000a2', 'tap-one.myshopify.com')$$, 'NH003', NULL,
                 'a token sealed for another id is refused');
SELECT throws_ok($$SELECT pg_temp.register('00000000-0000-7000-8000-0000000000a2', 'evil.example.com')$$, 'NH001', NULL, 'only Shopify''s domains');
SELECT throws_ok($$SELECT pg_temp.register('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com', p_timezone => 'Mars/Olympus')$$, 'NH004',
                 NULL, 'only time zones that there are');
SELECT throws_ok($$SELECT pg_temp.register('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com', NULL)$$, 'NH005', NULL, 'not without a token');

SELECT * FROM finish();
ROLLBACK;
