BEGIN;
SELECT plan(5);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);


SELECT is_empty('SELECT * FROM audit.stale_captures()', 'all captures know their tables');
ALTER TABLE feature_flags ADD COLUMN tap_new text;
SELECT is((SELECT count(*) FROM audit.stale_captures()), 3::bigint, 'a new column is noticed');
GRANT neanelu_engine TO CURRENT_USER;
SET LOCAL ROLE neanelu_engine;
SELECT audit.attach('neanelu.feature_flags');
RESET ROLE;
SELECT is_empty('SELECT * FROM audit.stale_captures()', 'attaching again is the cure');
INSERT INTO feature_flags (flag_key, tap_new) VALUES ('f', 'seen');
SELECT is((SELECT new_values ->> 'tap_new' FROM audit_logs WHERE entity_type = 'feature_flags'), 'seen', 'and the column is logged');
ALTER TABLE feature_flags DISABLE TRIGGER tg_feature_flags__capture_update;
SELECT is((SELECT count(*) FROM audit.stale_captures()), 1::bigint, 'a disabled trigger is noticed');

SELECT * FROM finish();
ROLLBACK;
