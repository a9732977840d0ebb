BEGIN;
SELECT plan(17);

CREATE FUNCTION pg_temp.s(p_n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $f$ SELECT ('00000000-0000-7000-8000-0000000000a' || p_n)::uuid $f$;
SELECT shops.register(pg_temp.s(n), 'tap-' || n || '.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}') FROM generate_series(1, 2) AS n;
\ir ../as_login.psql
CREATE ROLE tap_looks_tenant LOGIN IN ROLE neanelu_tenant;
CREATE ROLE tap_looks_analyst LOGIN IN ROLE neanelu_analyst;
SELECT app.bind_tenant_login('tap_looks_tenant', pg_temp.s(1));

-- Flags.
SELECT is_empty('SELECT flags.enabled_for(pg_temp.s(1))', 'no flag is on');
SELECT flags.set_flag('zeta', p_default_value => true), flags.set_flag('alpha', p_allowed_shop_ids => ARRAY[pg_temp.s(1)]), flags.set_flag('off');
SELECT is((SELECT array_agg(f) FROM flags.enabled_for(pg_temp.s(1)) AS f), '{alpha,zeta}', 'those that are on for a shop, by name');
SELECT is((SELECT array_agg(f) FROM flags.enabled_for(pg_temp.s(2)) AS f), '{zeta}', 'another shop has others');
SELECT throws_ok('SELECT flags.enabled_for(NULL)', 'NA002', NULL, 'no shop has none');
SELECT is(pg_temp.as_login('tap_looks_tenant', 'SELECT string_agg(f, '','') FROM flags.enabled_for(''00000000-0000-7000-8000-0000000000a1'') AS f'), 'alpha,zeta', 'a tenant asks for its own');
SELECT is(pg_temp.as_login('tap_looks_tenant', 'SELECT flags.enabled_for(''00000000-0000-7000-8000-0000000000a2'')'), 'NA002', 'not for others');

-- Tokens.
SELECT matches(shops.supported_api_version(), '^20[0-9]{2}-(01|04|07|10)$', 'a version of Shopify''s API is a quarter''s');
SELECT is(shops.supported_api_version(), (SELECT api_version::text FROM shops WHERE id = pg_temp.s(1)), 'which a new shop speaks');
SELECT bag_eq('SELECT * FROM shops.token_metrics()', $$VALUES ('valid', 2::bigint), ('refreshing', 0), ('expired', 0), ('needs_authorization', 0)$$, 'tokens are counted, zeros included');

-- Requests about personal data.
SELECT is_empty('SELECT * FROM privacy.requests()', 'nobody asked to be forgotten');
SELECT privacy.handle(pg_temp.s(1), 'customers/data_request', '{"customer": {"id": 7}, "data_request": {"id": 1}}');
SELECT results_eq('SELECT shop, topic, status FROM privacy.requests()', $$VALUES ('tap-1.myshopify.com', 'customers/data_request', 'received')$$, 'now somebody did');
SELECT is((SELECT count(*) FROM privacy.requests(true)), 1::bigint, 'which is open');
UPDATE privacy_requests SET status = 'completed', completed_at = now(), payload = NULL, result = '{}';
SELECT is((SELECT row(count(*) FILTER (WHERE p.is_open), count(*) FILTER (WHERE NOT p.is_open))::text
             FROM (SELECT true AS is_open FROM privacy.requests(true) UNION ALL SELECT false FROM privacy.requests()) AS p), '(0,1)', 'until it is done');

-- Figures.
SELECT is((SELECT count(*) FROM analytics.due_shops() AS d WHERE d IN (pg_temp.s(1), pg_temp.s(2))), 2::bigint, 'shops that were never looked at are due');
SELECT analytics.rollup_days(pg_temp.s(1));
SELECT is((SELECT array_agg(d) FROM analytics.due_shops() AS d WHERE d IN (pg_temp.s(1), pg_temp.s(2))), ARRAY[pg_temp.s(2)], 'those that were are not');
SELECT is(pg_temp.as_login('tap_looks_tenant', 'SELECT string_agg(shop_domain, '','') FROM analytics.visible_shops()'), 'tap-1.myshopify.com', 'a tenant sees its shop''s figures');
SELECT is(pg_temp.as_login('tap_looks_analyst', 'SELECT count(*) FROM analytics.visible_shops()'), (SELECT count(*)::text FROM shops), 'an analyst all');

SELECT * FROM finish();
ROLLBACK;
