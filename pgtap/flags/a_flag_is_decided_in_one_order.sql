BEGIN;
SELECT plan(42);

INSERT INTO shops (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes, plan_tier, timezone, currency_code, settings)
SELECT id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), scopes::text[], plan, zone, currency, settings::jsonb
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'a.myshopify.com', '{read_products,read_orders}', 'pro', 'Europe/Bucharest', 'RON', '{"beta": {"level": 3}}'),
               ('00000000-0000-7000-8000-0000000000a2', 'b.myshopify.com', '{read_products}', 'basic', 'America/New_York', 'USD', '{}')) AS s (id, domain, scopes, plan, zone, currency, settings);
\set a '''00000000-0000-7000-8000-0000000000a1''::uuid'
\set b '''00000000-0000-7000-8000-0000000000a2''::uuid'
CREATE FUNCTION pg_temp.why(p_shop uuid) RETURNS text LANGUAGE sql AS $$ SELECT concat(e.is_enabled, ' ', e.reason) FROM flags.explain('f', p_shop) AS e $$;

SELECT is(pg_temp.why(:a), 'f unknown', 'what does not exist is off');
SELECT flags.set_flag('f');
SELECT is(pg_temp.why(:a), 'f default', 'a new flag is off');
SELECT flags.set_flag('f', p_default_value => true);
SELECT is(pg_temp.why(:a), 't default', 'its default is for whom no rule names');
SELECT flags.set_flag('f', p_blocked_shop_ids => ARRAY[:a], p_allowed_shop_ids => ARRAY[:a, :b], p_default_value => false);
SELECT is(pg_temp.why(:a), 'f blocked', 'blocked wins over allowed');
SELECT is(pg_temp.why(:b), 't allowed', 'allowed wins over what follows');
SELECT flags.set_flag('f', p_is_active => false);
SELECT is(pg_temp.why(:b), 'f killed', 'the kill switch wins over all');
SELECT is(flags.is_enabled('f', :b), false, 'as is_enabled says');
SELECT flags.set_flag('f', p_is_active => true, p_blocked_shop_ids => '{}', p_allowed_shop_ids => '{}', p_rollout_percentage => 100);
SELECT is(pg_temp.why(:a), 't rollout', 'a full rollout reaches everybody');
SELECT is(pg_temp.why(NULL), 't rollout', 'and the platform itself');
SELECT flags.set_flag('f', p_rollout_percentage => 99);
SELECT is(pg_temp.why(NULL), 'f default', 'which a part of one does not');
SELECT flags.set_flag('f', p_rollout_percentage => 0);
SELECT is(pg_temp.why(:a), 'f default', 'none reaches nobody');
SELECT flags.set_flag('f', p_rollout_percentage => 100, p_conditions => '{"plan_tier": {"in": ["pro", "enterprise"]}}');
SELECT is(pg_temp.why(:a), 't rollout', 'who meets the conditions is rolled out to');
SELECT is(pg_temp.why(:b), 'f conditions', 'who does not has the default');
SELECT is((SELECT detail FROM flags.explain('f', :b)),
          '{"is": "basic", "wanted": {"in": ["pro", "enterprise"]}, "attribute": "plan_tier"}'::jsonb, 'and is told which one');
SELECT is(pg_temp.why(NULL), 'f conditions', 'without a shop there is nothing to meet them');

CREATE FUNCTION pg_temp.meets(p_conditions jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(left(s.shopify_domain::text, 1), '' ORDER BY s.id)
      FROM neanelu.shops AS s, flags.set_flag('g', p_rollout_percentage => 100, p_conditions => p_conditions) AS g
     WHERE s.id::text LIKE '00000000-0000-7000-8000-%' AND flags._unmet(s, p_conditions) IS NULL $$;
SELECT is(pg_temp.meets(c::jsonb), shops, c)
  FROM (VALUES ('{"plan_tier": "pro"}', 'a'), ('{"plan_tier": {"not": "pro"}}', 'b'), ('{"plan_tier": {"gte": "pro"}}', 'a'), ('{"plan_tier": {"lte": "pro"}}', 'ab'),
               ('{"timezone": {"eq": "Europe/Bucharest"}}', 'a'), ('{"scopes": {"has": "read_orders"}}', 'a'), ('{"scopes": {"has": ["read_products", "read_orders"]}}', 'a'),
               ('{"scopes": {"in": ["read_orders", "read_customers"]}}', 'a'), ('{"settings.beta.level": {"gte": 3}}', 'a'), ('{"settings.beta.level": {"gte": 4}}', NULL),
               ('{"settings.beta.level": {"gte": "3"}}', NULL), ('{"settings.none": {"not": 1}}', 'ab'), ('{"domain": {"in": ["a.myshopify.com"]}}', 'a'),
               ('{"currency_code": "RON", "plan_tier": {"in": ["basic"]}}', NULL)) AS c (c, shops);

SELECT throws_ok(format('SELECT flags.set_flag(%L, p_conditions => %L)', 'g', c), 'NF002', NULL, c)
  FROM unnest(ARRAY['[]', '{"secret": 1}', '{"plan_tier": {"like": "p"}}', '{"plan_tier": {"in": "pro"}}', '{"plan_tier": {"gte": "huge"}}', '{"timezone": {}}']) AS c;
SELECT throws_ok($$SELECT flags.set_flag('No Name')$$, 'NF001', NULL, 'a flag has a name');
SELECT throws_ok($$SELECT flags.set_flag('g', p_rollout_percentage => 101)$$, '23514', NULL, 'and no more than everybody');
SELECT throws_ok($$SELECT flags.delete_flag('none')$$, 'NF003', NULL, 'what is not there is not deleted');

SELECT ok((SELECT bool_and(flags.is_enabled(f, s) = (SELECT e.is_enabled FROM flags.explain(f, s) AS e))
             FROM unnest('{f,g,none}'::text[]) AS f, unnest(ARRAY[:a, :b, NULL]) AS s), 'is_enabled and explain agree');

-- Stable, even, and only ever more.
CREATE TEMP TABLE bucket AS SELECT flags._bucket('f', uuidv7()) AS b FROM generate_series(1, 20000);
SELECT ok((SELECT min(b) = 0 AND max(b) = 99 AND count(*) FILTER (WHERE b < 30) BETWEEN 5700 AND 6300 FROM bucket), 'thirty percent are thirty percent of the shops');
SELECT is(flags._bucket('f', :a), 25, 'a shop stays where it is, in every version of the server');
SELECT isnt(flags._bucket('g', :a), flags._bucket('f', :a), 'and elsewhere for another flag');

SELECT * FROM finish();
ROLLBACK;
