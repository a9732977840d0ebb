BEGIN;
SELECT plan(10);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes, timezone, currency_code)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{}', zone, 'RON'
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com', 'Europe/Bucharest'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com', 'America/New_York')) AS s (id, domain, zone);

\ir ../as_login.psql

CREATE ROLE test_analytics_tenant LOGIN IN ROLE neanelu_tenant;
SELECT app.bind_tenant_login('test_analytics_tenant', '00000000-0000-7000-8000-0000000000a1');
SELECT analytics.refresh_all();
SELECT is(analytics.refresh('mv_shop_summary'), 2::bigint, 'one row a shop');
SELECT throws_ok($$SELECT analytics.refresh('shops')$$, 'NY002', NULL, 'only summaries are refreshed');
SELECT throws_ok('SELECT analytics.refresh(NULL)', 'NY002', NULL, 'not nothing');
SELECT throws_ok($$SELECT analytics.rollup_days('00000000-0000-7000-8000-0000000000ff')$$, 'NY001', NULL, 'no roll-up of a shop that does not exist');

SELECT is(pg_temp.as_login('test_analytics_tenant', 'SELECT string_agg(shopify_domain, '','') FROM analytics.shop_summary'), 'a.myshopify.com', 'a tenant sees its own');
SELECT is(pg_temp.as_login('test_analytics_tenant', 'SELECT 1 FROM neanelu.mv_shop_summary'), '42501', 'and not what is behind the view');
SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT count(*)::text FROM analytics.shop_summary'), '2', 'an analyst sees all');
SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT 1 FROM neanelu.mv_shop_summary'), '42501', 'through the view, too');
SELECT is(pg_temp.as_login('neanelu_analyst', 'SELECT analytics.refresh(''mv_shop_summary'')::text'), '42501', 'and refreshes nothing');
SELECT is(pg_temp.as_login('test_analytics_tenant', 'SELECT analytics.rollup_days(''00000000-0000-7000-8000-0000000000a1'')::text'), '42501', 'nor does a tenant add up');

SELECT * FROM finish();
ROLLBACK;
