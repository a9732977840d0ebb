BEGIN;
SELECT plan(12);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);

CREATE ROLE tap_tenant LOGIN IN ROLE neanelu_tenant;
CREATE ROLE tap_stranger LOGIN;

\ir ../as_login.psql

SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-0000000000a1');


SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT app.set_context('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000f1', 'trace 1')$$), '', 'a daemon chooses');
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT app.current_shop_id()'), '00000000-0000-7000-8000-0000000000a1', 'and has the shop');
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT app.current_user_id()'), '00000000-0000-7000-8000-0000000000f1', 'the user');
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT app.trace_id()'), 'trace 1', 'and the trace');
SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT app.set_context('00000000-0000-7000-8000-0000000000a2')$$), '', 'it may choose another');
SELECT is(pg_temp.as_login('neanelu_sync', 'SELECT app.current_user_id()'), NULL, 'what is not given is emptied');
SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT app.set_context('00000000-0000-7000-8000-00000000dead')$$), 'NA003', 'a shop that is not there');
SELECT is(pg_temp.as_login('tap_tenant', $$SELECT app.set_context('00000000-0000-7000-8000-0000000000a2')$$), 'NA001', 'a tenant may not choose another shop');
SELECT is(pg_temp.as_login('tap_tenant', $$SELECT app.set_context('00000000-0000-7000-8000-0000000000a1', p_trace_id => 't')$$), '', 'a tenant may name its own');
SELECT is(pg_temp.as_login('neanelu_analyst', $$SELECT app.set_context('00000000-0000-7000-8000-0000000000a1')$$), 'NA001', 'an analyst may not choose');
SELECT is(pg_temp.as_login('tap_stranger', $$SELECT app.set_context('00000000-0000-7000-8000-0000000000a1')$$), '42501', 'a stranger may not even ask');
SELECT is(pg_temp.as_login('neanelu_sync', $$SELECT app.set_context(NULL) || coalesce(app.current_shop_id()::text, 'none')$$), 'none', 'no shop ends the context');

SELECT * FROM finish();
ROLLBACK;
