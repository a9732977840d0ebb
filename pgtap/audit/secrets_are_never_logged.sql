BEGIN;
SELECT plan(10);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);


SELECT is((SELECT new_values ->> 'access_token_ciphertext' FROM audit_logs WHERE entity_type = 'shops' AND entity_id = '00000000-0000-7000-8000-0000000000a1'), '[redacted]', 'a token at its insert');
UPDATE shops SET access_token_ciphertext = '\x736563726574', webhook_secret = '\x736563726574', plan_tier = 'pro' WHERE id = '00000000-0000-7000-8000-0000000000a1';
SELECT is((SELECT new_values FROM audit_logs WHERE entity_type = 'shops' AND action = 'UPDATE'),
          '{"plan_tier": "pro", "webhook_secret": "[redacted]", "access_token_ciphertext": "[redacted]"}'::jsonb, 'a changed token is mentioned');
SELECT is((SELECT old_values FROM audit_logs WHERE entity_type = 'shops' AND action = 'UPDATE'),
          '{"plan_tier": "basic", "webhook_secret": null, "access_token_ciphertext": "[redacted]"}'::jsonb, 'and whether there was one before');
DELETE FROM shops WHERE id = '00000000-0000-7000-8000-0000000000a1';
SELECT is_empty($$SELECT 1 FROM audit_logs AS l WHERE l::text ~ '736563726574'$$, 'no entry has the secret, the delete''s neither');

INSERT INTO system_config (key, value, is_sensitive) VALUES ('open', '"plain"', false), ('closed', '{"sealed": "AAAAAQhushAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}', true);
SELECT results_eq($$SELECT entity_key, new_values ->> 'value' FROM audit_logs WHERE entity_type = 'system_config' ORDER BY 1$$,
    $$VALUES ('closed', '[redacted]'), ('open', 'plain')$$, 'a setting is secret where its row says so');
UPDATE system_config SET value = '{"sealed": "AAAAAQhush2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}' WHERE key = 'closed';
UPDATE system_config SET value = '"now known"', is_sensitive = false WHERE key = 'closed';
UPDATE system_config SET value = '{"sealed": "AAAAAQhush3AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}', is_sensitive = true WHERE key = 'open';
SELECT is_empty($$SELECT 1 FROM audit_logs AS l WHERE l::text ~ 'hush|now known'$$, 'in both images, when it was secret in either');
SELECT is((SELECT count(*) FROM audit_logs WHERE entity_type = 'system_config' AND action = 'UPDATE'), 3::bigint, 'each change has an entry');
SELECT ok((SELECT bool_and(entity_id IS NULL AND shop_id IS NULL) FROM audit_logs WHERE entity_type = 'system_config'), 'found by its key');
SELECT throws_ok($$SELECT audit.attach('neanelu.shops', p_secret_columns => '{no_such_column}')$$, 'NU004', NULL, 'a secret column must exist');
SELECT throws_ok($$SELECT audit.attach('neanelu.shops', '{TRUNCATE}')$$, 'NU002', NULL, 'an event must be one that is captured');

SELECT * FROM finish();
ROLLBACK;
