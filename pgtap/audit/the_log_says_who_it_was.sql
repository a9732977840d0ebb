BEGIN;
SELECT plan(6);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{read_products}'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com')) AS s (id, domain);

INSERT INTO feature_flags (flag_key) VALUES ('f');
-- Whoever changes the flag, as a definer function of the engine would for a login.
CREATE FUNCTION app.tap_touch() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'UPDATE neanelu.feature_flags SET rollout_percentage = (coalesce(rollout_percentage, 0) + 1) % 100';
ALTER FUNCTION app.tap_touch() OWNER TO neanelu_engine;
GRANT EXECUTE ON FUNCTION app.tap_touch() TO PUBLIC;

CREATE ROLE tap_tenant LOGIN IN ROLE neanelu_tenant;
CREATE ROLE tap_stranger LOGIN;

\ir ../as_login.psql

SELECT app.bind_tenant_login('tap_tenant', '00000000-0000-7000-8000-0000000000a1');


CREATE FUNCTION pg_temp.last() RETURNS text LANGUAGE sql AS
    $$SELECT concat_ws(' ', actor_type, actor_id, user_id, request_id) FROM audit_logs WHERE entity_type = 'feature_flags' AND action = 'UPDATE' ORDER BY id DESC LIMIT 1$$;

SELECT app.tap_touch();
SELECT is(pg_temp.last(), 'system ' || session_user, 'a superuser');
SELECT pg_temp.as_login('neanelu_worker', 'SELECT app.tap_touch()');
SELECT is(pg_temp.last(), 'daemon neanelu_worker', 'a daemon');
SELECT pg_temp.as_login('tap_tenant', 'SELECT app.tap_touch()');
SELECT is(pg_temp.last(), 'tenant tap_tenant', 'a tenant''s own login');
SELECT pg_temp.as_login('neanelu_pim_editor', 'SELECT app.tap_touch()');
SELECT is(pg_temp.last(), 'user neanelu_pim_editor', 'a person with a login');
SELECT pg_temp.as_login('neanelu_app', $$SELECT app.set_context('00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000f1', 'req-1')$$);
SELECT pg_temp.as_login('neanelu_app', 'SELECT app.tap_touch()');
SELECT is(pg_temp.last(), 'user neanelu_app 00000000-0000-7000-8000-0000000000f1 req-1', 'a person through a service, with the trace');
SELECT is(pg_temp.as_login('tap_tenant', $$SELECT set_config('session_replication_role', 'replica', true)$$), '42501', 'nobody of them turns triggers off');

SELECT * FROM finish();
ROLLBACK;
