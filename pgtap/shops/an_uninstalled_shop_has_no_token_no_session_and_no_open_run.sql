BEGIN;
SELECT plan(12);

SELECT shops.register(id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}',
                      p_webhook_secret => '\x02')
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com')) AS s (id, domain);
INSERT INTO app_sessions (id, shop_id, payload, expires_at)
SELECT 'session', id, '{"token": "t"}', now() + interval '1 day' FROM shops WHERE shopify_domain IN ('tap-one.myshopify.com', 'tap-two.myshopify.com');
SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products');
SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'customers');
SELECT sync.request_run('00000000-0000-7000-8000-0000000000a2', 'products');
CREATE TEMP TABLE claimed AS SELECT * FROM sync.claim_run('tap', p_shop_id => '00000000-0000-7000-8000-0000000000a1');
SELECT is((SELECT count(*) FROM claimed), 1::bigint, 'a daemon works for the shop');

SELECT is(shops.uninstall('00000000-0000-7000-8000-0000000000a1'), 2, 'its waiting and its running run are cancelled');
SELECT results_eq(
    $$SELECT num_nonnulls(access_token_ciphertext, access_token_iv, access_token_tag), webhook_secret, uninstalled_at IS NOT NULL
        FROM shops WHERE id = '00000000-0000-7000-8000-0000000000a1'$$,
    $$VALUES (0, '\x02'::bytea, true)$$, 'its tokens are erased; its webhook secret stays for the request to erase it');
SELECT is_empty($$SELECT FROM app_sessions WHERE shop_id = '00000000-0000-7000-8000-0000000000a1'$$, 'so are its sessions');
SELECT is_empty($$SELECT FROM bulk_runs WHERE shop_id = '00000000-0000-7000-8000-0000000000a1' AND status <> 'cancelled'$$, 'no run is open');
SELECT throws_ok($$SELECT sync.renew_lease(id, lease_token) FROM claimed$$, 'NS005', NULL, 'the daemon has lost its lease');
SELECT throws_ok($$SELECT shops.credentials('00000000-0000-7000-8000-0000000000a1')$$, 'NH006', NULL, 'there are no credentials');
SELECT throws_ok($$SELECT sync.request_run('00000000-0000-7000-8000-0000000000a1', 'products')$$, 'NS002', NULL, 'and no new runs');
SELECT is(shops.uninstall('00000000-0000-7000-8000-0000000000a1'), 0, 'once more changes nothing');

SELECT ok((SELECT is_installed FROM shops.find('tap-two')), 'the other shop is still there');
SELECT isnt_empty($$SELECT FROM bulk_runs WHERE shop_id = '00000000-0000-7000-8000-0000000000a2' AND status = 'pending'$$, 'with its run');
SELECT throws_ok($$SELECT shops.uninstall('00000000-0000-7000-8000-0000000000ff')$$, 'NH002', NULL, 'a shop that is not there cannot leave');

SELECT * FROM finish();
ROLLBACK;
