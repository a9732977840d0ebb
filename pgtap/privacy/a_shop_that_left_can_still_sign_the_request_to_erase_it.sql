BEGIN;
SELECT plan(4);

SELECT shops.register('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}', p_webhook_secret => '\x02');
SELECT shops.uninstall('00000000-0000-7000-8000-0000000000a1');
SELECT results_eq('SELECT domain, sealed FROM webhooks.own_secrets()', $$VALUES ('tap-one.myshopify.com', '\x02'::bytea)$$,
                  'its secret is still known when the request comes, two days after it left');
SELECT lives_ok($$SELECT privacy._erase_shop('00000000-0000-7000-8000-0000000000a1')$$, 'the request is fulfilled');
SELECT is_empty('SELECT FROM webhooks.own_secrets()', 'and takes the secret along');
SELECT lives_ok($$SELECT privacy._erase_shop('00000000-0000-7000-8000-0000000000a1')$$, 'once more does no harm');

SELECT * FROM finish();
ROLLBACK;
