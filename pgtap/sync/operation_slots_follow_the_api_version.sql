BEGIN;
SELECT plan(12);

SELECT is(sync.operation_slots(v), n, v) FROM (VALUES ('2025-07', 1), ('2025-10', 1), ('2026-01', 5), ('2026-10', 5), ('unstable', 5)) AS t (v, n);

SELECT shops.register(id::uuid, domain, '\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{read_products}', version)
  FROM (VALUES ('00000000-0000-7000-8000-0000000000a1', 'tap-one.myshopify.com', '2025-10'),
               ('00000000-0000-7000-8000-0000000000a2', 'tap-two.myshopify.com', '2026-10')) AS s (id, domain, version);
SELECT count(sync.request_run(s::uuid, r)) FROM unnest(ARRAY['00000000-0000-7000-8000-0000000000a1', '00000000-0000-7000-8000-0000000000a2']) AS s,
       unnest(ARRAY['locations', 'publications', 'products', 'customers', 'metaobjects', 'menus']) AS r;
CREATE TEMP TABLE claimed AS
SELECT c.id, c.shop_id, c.lease_token FROM generate_series(1, 12) AS g, LATERAL (SELECT * FROM sync.claim_run('tap ' || g)) AS c;
CREATE TEMP TABLE reserved AS SELECT id, shop_id, lease_token, sync.reserve_operation(id, lease_token) AS got FROM claimed;
SELECT is((SELECT count(*) FROM reserved WHERE got AND shop_id = '00000000-0000-7000-8000-0000000000a1'), 1::bigint, 'one at once for the shop on an old version');
SELECT is((SELECT count(*) FROM reserved WHERE got AND shop_id = '00000000-0000-7000-8000-0000000000a2'), 5::bigint, 'five for the other');
SELECT ok(sync.reserve_operation(id, lease_token), 'who has a slot keeps it') FROM reserved WHERE got AND shop_id = '00000000-0000-7000-8000-0000000000a1';
SELECT lives_ok(format('SELECT sync.record_operation(%L, %L, ''gid://shopify/BulkOperation/1'')', id, lease_token), 'it polls')
  FROM reserved WHERE got AND shop_id = '00000000-0000-7000-8000-0000000000a1';
SELECT ok(NOT bool_or(sync.reserve_operation(id, lease_token)), 'which takes the slot too') FROM reserved WHERE NOT got AND shop_id = '00000000-0000-7000-8000-0000000000a1';
SELECT is(sync.fail_run(id, lease_token, 'NS032', 'expired'), 'pending', 'it ends') FROM reserved WHERE got AND shop_id = '00000000-0000-7000-8000-0000000000a1';
SELECT ok(sync.reserve_operation(id, lease_token), 'and another has the slot')
  FROM (SELECT * FROM reserved WHERE NOT got AND shop_id = '00000000-0000-7000-8000-0000000000a1' LIMIT 1) AS r;

SELECT * FROM finish();
ROLLBACK;
