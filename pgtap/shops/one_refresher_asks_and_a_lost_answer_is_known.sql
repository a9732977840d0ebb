BEGIN;
SELECT plan(30);

\set shop '''00000000-0000-7000-8000-0000000000a1'''
\set iv 'decode(repeat(''00'', 12), ''hex'')'
\set tag 'decode(repeat(''00'', 16), ''hex'')'
SELECT shops.register(:shop, 'tap-one.myshopify.com', '\x01', :iv, :tag, 1, '{read_products}');
SELECT shops.register('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com', '\x01', :iv, :tag, 1, '{read_products}');
CREATE FUNCTION pg_temp.pair(p_text text) RETURNS bytea LANGUAGE sql AS $$ SELECT '\x00000001'::bytea || decode(repeat('00', 28), 'hex') || p_text::bytea $$;

SELECT is((SELECT outcome FROM shops.begin_token_refresh(:shop, 'w')), 'permanent', 'a token that does not expire is not renewed');
SELECT is(shops.store_tokens(:shop, NULL, '\x01', :iv, :tag, 1, pg_temp.pair('one'), '1 hour', '90 days'), true, 'a pair is stored');
CREATE TEMP TABLE pair AS SELECT pair_id FROM shop_tokens WHERE shop_id = :shop;
SELECT is((SELECT expires_at FROM shops.credentials(:shop)), (SELECT access_expires_at FROM shop_tokens WHERE shop_id = :shop), 'and credentials say when it ends');
SELECT is((SELECT outcome FROM shops.begin_token_refresh(:shop, 'w')), 'fresh', 'it is not renewed while it lasts');

CREATE TEMP TABLE first AS SELECT * FROM shops.begin_token_refresh(:shop, 'w1', p_refused_pair => (SELECT pair_id FROM pair));
SELECT is((SELECT outcome FROM first), 'refresh', 'unless Shopify refused it');
SELECT is((SELECT refresh_token FROM first), pg_temp.pair('one'), 'the sealed refresh token is handed out');
SELECT is((SELECT domain FROM first), 'tap-one.myshopify.com', 'with where to go');
SELECT is((SELECT unanswered_since FROM first), NULL, 'no answer is missing');
SELECT results_eq(format('SELECT outcome, wait BETWEEN %L AND %L FROM shops.begin_token_refresh(%L, %L, p_insist => true)', '50 s', '60 s', :shop, 'w2'),
    $$VALUES ('wait', true)$$, 'a second refresher waits for the first one''s lease, however it insists');
SELECT is((SELECT status FROM shops.token_report(:shop)), 'refreshing', 'it can be seen');

UPDATE shop_tokens SET lease_expires_at = clock_timestamp() - interval '1 second', asked_at = '2026-01-01Z' WHERE shop_id = :shop;
CREATE TEMP TABLE second AS SELECT * FROM shops.begin_token_refresh(:shop, 'w2', p_margin => '2 hours');
SELECT is((SELECT outcome FROM second), 'refresh', 'after the lease another asks');
SELECT is((SELECT unanswered_since FROM second), '2026-01-01Z'::timestamptz, 'and knows that an answer may be lost');
SELECT is(shops.fail_token_refresh(:shop, (SELECT attempt_id FROM first), 'NH008', 'late', false, true), 'refreshing', 'the first one has no say any more');
SELECT is(shops.fail_token_refresh(:shop, (SELECT attempt_id FROM second), 'NH007', 'invalid_grant', true, true), 'refused', 'Shopify does not take the token');
SELECT matches((SELECT error_message FROM shops.token_report(:shop)), '^an answer of Shopify was lost at 2026-01-01.*invalid_grant$', 'and why is on record');
SELECT is((SELECT status FROM shops.token_report(:shop)), 'needs_authorization', 'the shop must authorise the app again');
SELECT lives_ok(format('SELECT shops.credentials(%L)', :shop), 'the access token is used as long as it lasts');
SELECT throws_ok(format('SELECT shops.begin_token_refresh(%L, %L, p_margin => %L)', :shop, 'w', '2 hours'), 'NH007', NULL, 'nobody asks again');
SELECT is((SELECT shops.sweep_tokens(NULL, '{"margin": "2 hours"}') ->> 'due'), '0', 'nor does the sweep');
UPDATE shop_tokens SET access_expires_at = now() - interval '1 second' WHERE shop_id = :shop;
SELECT throws_ok(format('SELECT shops.credentials(%L)', :shop), 'NH007', NULL, 'and then there are no credentials');

SELECT is(shops.store_tokens(:shop, (SELECT pair_id FROM pair), '\x02', :iv, :tag, 1, pg_temp.pair('two'), '1 hour'), true, 'the first one''s answer, come late, is what works');
SELECT is((SELECT status FROM shops.token_report(:shop)), 'valid', 'and all is well');
SELECT is((SELECT ciphertext FROM shops.credentials(:shop)), '\x02', 'with its access token');
SELECT is(shops.store_tokens(:shop, (SELECT pair_id FROM pair), '\x03', :iv, :tag, 1, pg_temp.pair('three'), '1 hour'), false, 'a second pair for the same predecessor is dropped');
SELECT throws_ok(format('SELECT shops.store_tokens(%L, (SELECT pair_id FROM shop_tokens), %L, NULL, NULL, 1, %L, %L)', :shop, '\x01', '\x01', '1 hour'), 'NH005', NULL, 'half a pair is none');

SELECT is((SELECT shops.sweep_tokens(NULL, '{"margin": "2 hours"}') ->> 'due'), '1', 'the sweep asks for what ends soon');
SELECT shops.sweep_tokens(NULL, '{"margin": "2 hours"}');
SELECT is((SELECT count(*) FROM job_runs WHERE job_name = 'token.refresh' AND shop_id = :shop), 1::bigint, 'once');

SELECT shops.begin_token_refresh(:shop, 'w', p_margin => '2 hours');
SELECT shops.register(:shop, 'tap-one.myshopify.com', '\x04', :iv, :tag, 1, '{read_products}');
SELECT is((SELECT kind FROM shops.token_report(:shop)), 'permanent', 'a new token has no refresh token of the old one');
SELECT is(shops.store_tokens(:shop, (SELECT pair_id FROM pair), '\x03', :iv, :tag, 1, pg_temp.pair('three'), '1 hour'), false, 'nor is one brought by who was asking');
SELECT shops.uninstall(:shop);
SELECT throws_ok(format('SELECT shops.begin_token_refresh(%L, %L)', :shop, 'w'), 'NH006', NULL, 'who left has nothing to renew');

SELECT * FROM finish();
ROLLBACK;
