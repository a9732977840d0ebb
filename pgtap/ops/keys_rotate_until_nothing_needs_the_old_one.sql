BEGIN;
SELECT plan(24);

\set iv 'decode(repeat(''01'', 12), ''hex'')'
\set tag 'decode(repeat(''02'', 16), ''hex'')'
CREATE FUNCTION pg_temp.packed(p_version integer, p_text text) RETURNS bytea LANGUAGE sql AS $$
    SELECT p_version::bytea || decode(repeat('01', 12) || repeat('02', 16), 'hex') || p_text::bytea $$;
SELECT shops.register(id::uuid, domain, 'token', :iv, :tag, 1, '{read_products}', p_webhook_secret => pg_temp.packed(1, 'hook'))
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com'), ('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com')) AS s (id, domain);
SELECT shops.store_tokens('00000000-0000-7000-8000-0000000000a1', NULL, 'token', :iv, :tag, 1, pg_temp.packed(1, 'refresh'), '1 hour');
SELECT flags.set_config('tap.secret', jsonb_build_object('sealed', encode(pg_temp.packed(1, 'setting-setting-setting'), 'base64')), true);

SELECT results_eq($$SELECT key_version, place, sealed_values FROM ops.key_usage()$$,
    $$VALUES (1, 'shop_tokens.refresh_token', 1::bigint), (1, 'shops.access_token_ciphertext', 2), (1, 'shops.webhook_secret', 2), (1, 'system_config.value', 1)$$,
    'every place is known');
-- The registry knows every column that holds something sealed.
SELECT bag_eq(
    $$SELECT c.relname || '.' || a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
       WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         AND (col_description(a.attrelid, a.attnum) LIKE '%AES-256-GCM%' OR c.relname || '.' || a.attname = 'shops.webhook_secret')$$,
    $$SELECT DISTINCT place FROM ops._sealed_values()$$, 'and no other column holds one');

SELECT throws_ok($$SELECT ops.begin_key_rotation(1)$$, 'NK013', NULL, 'a rotation goes to a newer key');
CREATE TEMP TABLE r AS SELECT * FROM ops.begin_key_rotation(2);
SELECT results_eq($$SELECT key_version_old, remaining, is_resumed FROM r$$, $$VALUES (1, 6::bigint, false)$$, 'it begins');
SELECT results_eq($$SELECT b.rotation_id = r.rotation_id, b.is_resumed FROM r, ops.begin_key_rotation(2) AS b$$, $$VALUES (true, true)$$, 'and is gone on with');
SELECT throws_ok($$SELECT ops.begin_key_rotation(3)$$, 'NK011', NULL, 'there is one at a time');
SELECT throws_ok($$SELECT shops.register('00000000-0000-7000-8000-0000000000a3', 'tap-three.myshopify.com', 'token', '\x010101010101010101010101', decode(repeat('02', 16), 'hex'), 1, '{}')$$,
    'NK012', NULL, 'nobody seals with the old key any more: tokens');
SELECT throws_ok($$UPDATE shops SET webhook_secret = pg_temp.packed(1, 'new')$$, 'NK012', NULL, 'webhook secrets');
SELECT throws_ok($$UPDATE shop_tokens SET refresh_token = pg_temp.packed(1, 'new')$$, 'NK012', NULL, 'refresh tokens');
SELECT throws_ok($$SELECT flags.set_config('tap.secret', jsonb_build_object('sealed', encode(pg_temp.packed(1, 'other-other-other-other'), 'base64')))$$, 'NK012', NULL, 'settings');
SELECT lives_ok($$UPDATE shops SET plan_tier = 'pro'$$, 'what is not sealed changes as ever');

SELECT is((SELECT count(*) FROM r, ops.sealed_batch(r.rotation_id, 4)), 4::bigint, 'a batch is as large as asked for');
SELECT is((SELECT count(*) FROM r, ops.sealed_batch(r.rotation_id, 100, 'shops.access_token_ciphertext', '00000000-0000-7000-8000-0000000000a1')), 4::bigint, 'and begins behind a place');
-- One of them changes meanwhile.
UPDATE shops SET access_token_ciphertext = 'fresh', key_version = 2 WHERE id = '00000000-0000-7000-8000-0000000000a2';
CREATE TEMP TABLE item AS SELECT 'shops.access_token_ciphertext' AS place, id AS shop_id, id::text AS row_key, pg_temp.packed(1, 'token') AS packed FROM shops WHERE shopify_domain LIKE 'tap%'
    UNION ALL SELECT b.* FROM r, ops.sealed_batch(r.rotation_id, 100) AS b WHERE b.place <> 'shops.access_token_ciphertext';
CREATE FUNCTION pg_temp.reseal() RETURNS integer LANGUAGE sql AS $$
    SELECT ops.reseal((SELECT rotation_id FROM r), array_agg(place), array_agg(shop_id), array_agg(row_key), array_agg(packed),
                      array_agg(2::bytea || decode(repeat('03', 12) || repeat('04', 16), 'hex') || substring(packed FROM 33))) FROM item $$;
SELECT is(pg_temp.reseal(), 5, 'what did not change meanwhile is replaced');
SELECT is(pg_temp.reseal(), 0, 'once');
SELECT is((SELECT access_token_ciphertext FROM shops WHERE shopify_domain = 'tap-two.myshopify.com'), 'fresh', 'what did is left alone');
SELECT results_eq($$SELECT access_token_ciphertext, access_token_iv, access_token_tag, key_version FROM shops WHERE shopify_domain = 'tap-one.myshopify.com'$$,
    $$VALUES ('token'::bytea, decode(repeat('03', 12), 'hex'), decode(repeat('04', 16), 'hex'), 2)$$, 'its parts are in their columns');
SELECT is((SELECT records_updated FROM key_rotations), 5, 'the rotation counts them');
SELECT is(ops.finish_key_rotation((SELECT rotation_id FROM r)), 0::bigint, 'nothing is left');
SELECT is((SELECT status FROM key_rotations), 'completed', 'so it is over');
SELECT results_eq($$SELECT DISTINCT key_version FROM ops.key_usage()$$, $$VALUES (2)$$, 'and nothing needs the old key');
SELECT throws_ok($$SELECT pg_temp.reseal()$$, 'NK014', NULL, 'a rotation that is over changes nothing');
SELECT ops.begin_key_rotation(3);
SELECT isnt(ops.abandon_key_rotation('changed my mind'), NULL, 'one can be given up');
SELECT results_eq($$SELECT status::text, error_message FROM key_rotations WHERE key_version_new = 3$$, $$VALUES ('failed'::text, 'changed my mind'::text)$$, 'which is on record');

SELECT * FROM finish();
ROLLBACK;
