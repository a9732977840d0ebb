BEGIN;
SELECT plan(8);

SELECT shops.register('00000000-0000-7000-8000-0000000000b1', 'tap-budget.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}');
INSERT INTO neanelu.staff_users (id, shop_id, email)
VALUES ('00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000b1', 'one@example.com'),
       ('00000000-0000-7000-8000-0000000000c2', '00000000-0000-7000-8000-0000000000b1', 'two@example.com');

CREATE FUNCTION pg_temp.take(p_user text, p_limit integer DEFAULT 3) RETURNS boolean LANGUAGE sql AS $f$
    SELECT t.allowed FROM budget.take_user_request('00000000-0000-7000-8000-0000000000b1', ('00000000-0000-7000-8000-0000000000' || p_user)::uuid,
                                                   p_limit, '100 days') AS t
$f$;

SELECT is(ARRAY[pg_temp.take('c1'), pg_temp.take('c1'), pg_temp.take('c1'), pg_temp.take('c1')], '{t,t,t,f}', 'a user may make as many as the limit says');
SELECT ok(pg_temp.take('c2'), 'another user has a limit of its own');
SELECT ok(NOT pg_temp.take('c2', 0), 'a limit of nothing allows nothing');
UPDATE neanelu.user_request_windows SET window_start = window_start - interval '100 days', requests = 1000000;
SELECT ok(NOT pg_temp.take('c1'), 'the window before counts by the share that is still covered');
UPDATE neanelu.user_request_windows SET window_start = window_start - interval '100 days';
SELECT ok(pg_temp.take('c1'), 'the one before that does not');
SELECT throws_ok($$SELECT pg_temp.take('c9')$$, '23503', NULL, 'only for members of staff');
SELECT is(budget.sweep_user_requests(NULL, '{"keep": "150 days"}'), '{"deleted": 1}', 'windows of users who stopped asking are swept');
SELECT throws_ok($$SET LOCAL ROLE neanelu_worker; SELECT budget.take_user_request('00000000-0000-7000-8000-0000000000b1',
                   '00000000-0000-7000-8000-0000000000c1')$$, '42501', NULL, 'only the app counts');

SELECT * FROM finish();
ROLLBACK;
