BEGIN;
SELECT plan(9);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);

CREATE ROLE tap_tenant LOGIN IN ROLE neanelu_tenant;
CREATE ROLE tap_stranger LOGIN;

\ir ../as_login.psql

SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-0000000000a1');


SELECT tableoid::regclass AS month FROM audit_logs LIMIT 1 \gset
SELECT throws_ok('UPDATE audit_logs SET action = ''DELETE''', 'NU001', NULL, 'no update, by a superuser neither');
SELECT throws_ok('DELETE FROM audit_logs', 'NU001', NULL, 'no delete');
SELECT throws_ok('TRUNCATE audit_logs', 'NU001', NULL, 'no truncate');
SELECT throws_ok('DELETE FROM ' || :'month', 'NU001', NULL, 'not in a partition either');
SELECT throws_ok('TRUNCATE ' || :'month', 'NU001', NULL, 'nor a partition''s truncate');
SELECT is(pg_temp.as_login('neanelu_auditor', 'SELECT count(*) FROM neanelu.audit_logs'), '2', 'auditors read all');
SELECT is(pg_temp.as_login('tap_tenant', 'SELECT count(*) FROM neanelu.audit_logs'), '1', 'tenants what concerns them');
SELECT is(pg_temp.as_login('neanelu_app', $$INSERT INTO neanelu.audit_logs (action, entity_type, entity_key) VALUES ('INSERT', 'x', 'y') RETURNING 1$$), '42501', 'nobody invents an entry');
SELECT is(pg_temp.as_login('neanelu_auditor', 'SELECT 1 FROM neanelu.' || :'month'), '42501', 'partitions are closed');

SELECT * FROM finish();
ROLLBACK;
