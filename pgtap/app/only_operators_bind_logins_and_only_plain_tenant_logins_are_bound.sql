BEGIN;
SELECT plan(14);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);

CREATE ROLE tap_tenant LOGIN IN ROLE neanelu_tenant;
CREATE ROLE tap_stranger LOGIN;

\ir ../as_login.psql

CREATE ROLE tap_both LOGIN IN ROLE neanelu_tenant, neanelu_platform;
CREATE ROLE tap_bypass LOGIN BYPASSRLS IN ROLE neanelu_tenant;
CREATE ROLE tap_group NOLOGIN IN ROLE neanelu_tenant;

SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-0000000000a1')$$), '', 'an operator binds');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-0000000000a1')$$), '', 'and may say it again');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-0000000000a2')$$), 'NA005', 'a bound login stays where it is');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT bound_by FROM app.tenant_logins$$), 'neanelu_operator', 'who bound it is kept');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT app.bind_tenant_login('tap_stranger', '00000000-0000-7000-8000-0000000000a1')$$), 'NA004', 'no member of the group');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT app.bind_tenant_login('tap_both', '00000000-0000-7000-8000-0000000000a1')$$), 'NA004', 'a member of the platform too');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT app.bind_tenant_login('tap_bypass', '00000000-0000-7000-8000-0000000000a1')$$), 'NA004', 'a login that bypasses policies');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT app.bind_tenant_login('tap_group', '00000000-0000-7000-8000-0000000000a1')$$), 'NA004', 'a role that cannot log in');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT app.bind_tenant_login('postgres', '00000000-0000-7000-8000-0000000000a1')$$), 'NA004', 'a superuser');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-00000000dead')$$), 'NA003', 'a shop that is not there');
SELECT is(pg_temp.as_login('neanelu_app', $$SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-0000000000a1')$$), '42501', 'a service may not bind');
SELECT is(pg_temp.as_login('tap_tenant', $$INSERT INTO app.tenant_logins (role_name, shop_id) VALUES ('tap_stranger', '00000000-0000-7000-8000-0000000000a1') RETURNING 1$$), '42501', 'nor a tenant');
SELECT is(pg_temp.as_login('tap_tenant', $$SELECT count(*) FROM app.tenant_logins$$), '1', 'a tenant sees its own binding only');
SELECT is(pg_temp.as_login('neanelu_operator', $$SELECT app.unbind_tenant_login('tap_tenant')$$), 'true', 'an operator unbinds');

SELECT * FROM finish();
ROLLBACK;
