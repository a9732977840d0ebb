BEGIN;
SELECT plan(19);

CREATE FUNCTION pg_temp.digest(p_text text) RETURNS text LANGUAGE sql AS $$ SELECT encode(sha256(p_text::bytea), 'hex') $$;
SELECT shops.begin_oauth('tap-one.myshopify.com', pg_temp.digest('s' || n), pg_temp.digest('n' || n), 'https://app.example/callback') FROM generate_series(1, 6) AS n;

SELECT is(shops.take_oauth_state('tap-one.myshopify.com', pg_temp.digest('s1'), pg_temp.digest('n1')), 'ok', 'a sign-in is good');
SELECT is(shops.take_oauth_state('tap-one.myshopify.com', pg_temp.digest('s1'), pg_temp.digest('n1')), 'used', 'once');
SELECT is(shops.take_oauth_state('tap-one.myshopify.com', pg_temp.digest('s7'), pg_temp.digest('n1')), 'unknown', 'not when nobody began it');
SELECT is(shops.take_oauth_state('tap-one.myshopify.com', pg_temp.digest('s2'), pg_temp.digest('n3')), 'other_browser', 'not with another''s cookie');
SELECT is(shops.take_oauth_state('tap-one.myshopify.com', pg_temp.digest('s2'), pg_temp.digest('n2')), 'used', 'and a wrong try uses it up');
SELECT is(shops.take_oauth_state('tap-two.myshopify.com', pg_temp.digest('s3'), pg_temp.digest('n3')), 'other_shop', 'not for another shop');
SELECT is(shops.take_oauth_state('tap-one.myshopify.com', pg_temp.digest('s4'), NULL), 'other_browser', 'not without a cookie');
INSERT INTO oauth_nonces (nonce, expires_at) VALUES (pg_temp.digest('n5'), now() + interval '1 day');
SELECT is(shops.take_oauth_state('tap-one.myshopify.com', pg_temp.digest('s5'), pg_temp.digest('n5')), 'replayed', 'not with a nonce that was seen');
SET LOCAL app.now = '2030-01-01Z';
SELECT is(shops.take_oauth_state('tap-one.myshopify.com', pg_temp.digest('s6'), pg_temp.digest('n6')), 'expired', 'not later');
SELECT is(shops.sweep_sign_ins(NULL, '{}'), '{"states": 6, "nonces": 2, "sessions": 0}', 'old ones are swept');
RESET app.now;

SELECT throws_ok($$SELECT shops.begin_oauth('evil.example', repeat('0', 64), repeat('1', 64), 'https://a')$$, 'NH001', NULL, 'the domain must be a shop''s');
SELECT throws_ok($$SELECT shops.begin_oauth('tap-one.myshopify.com.evil.example', repeat('0', 64), repeat('1', 64), 'https://a')$$, 'NH001', NULL, 'wholly');
SELECT throws_ok($$SELECT shops.begin_oauth('tap-one.myshopify.com', 'plain', repeat('1', 64), 'https://a')$$, 'NH010', NULL, 'a state comes as a digest');
SELECT throws_ok($$SELECT shops.begin_oauth('tap-one.myshopify.com', repeat('0', 64), repeat('1', 64), 'javascript:x')$$, 'NH010', NULL, 'an address is http');
SELECT throws_ok($$SELECT shops.begin_oauth('tap-one.myshopify.com', repeat('0', 64), repeat('1', 64), 'https://a', '2 hours')$$, 'NH010', NULL, 'an hour is the longest');

SELECT shops.begin_oauth('tap-one.myshopify.com', repeat('0', 64), repeat('1', 64), 'https://a');
CREATE TEMP TABLE taken AS SELECT shops.take_oauth_state('tap-one.myshopify.com', repeat('0', 64), repeat('1', 64));
CREATE TEMP TABLE done AS
SELECT shops.complete_oauth('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1,
                            '{read_products}', decode(repeat('00', 3) || '01' || repeat('00', 40), 'hex'), '1 hour', '90 days', repeat('1', 64)) AS answer;
SELECT is((SELECT (answer ->> 'is_new')::boolean AND (answer ->> 'runs')::int = (SELECT count(*) FROM sync_resources) FROM done), true, 'a new shop is to be brought in');
SELECT is((SELECT kind FROM shops.token_report('00000000-0000-7000-8000-0000000000a1')), 'expiring', 'its token expires');
SELECT is((SELECT shop_id FROM oauth_nonces WHERE nonce = repeat('1', 64)), '00000000-0000-7000-8000-0000000000a1', 'the nonce knows its shop');
SELECT is((SELECT shops.complete_oauth('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '\x02', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1,
                                       '{read_products}') ->> 'runs'), '0', 'one that was there gets its token only');

SELECT * FROM finish();
ROLLBACK;
