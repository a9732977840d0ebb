BEGIN;
SELECT plan(25);

SELECT shops.register('00000000-0000-7000-8000-0000000000b1', 'tap-budget.myshopify.com', '\x01', decode(repeat('00', 12), 'hex'),
                      decode(repeat('00', 16), 'hex'), 1, '{read_products}');

CREATE FUNCTION pg_temp.ask(p_cost numeric, p_interactive boolean DEFAULT false, p_hash text DEFAULT NULL) RETURNS text LANGUAGE sql AS $f$
    SELECT CASE WHEN a.granted THEN 'granted ' || a.cost ELSE 'wait' END FROM budget.acquire('00000000-0000-7000-8000-0000000000b1', p_cost, p_hash, p_interactive) AS a
$f$;
CREATE FUNCTION pg_temp.wait(p_cost numeric) RETURNS interval LANGUAGE sql AS $f$
    SELECT a.wait FROM budget.acquire('00000000-0000-7000-8000-0000000000b1', p_cost) AS a
$f$;
CREATE FUNCTION pg_temp.answer(p_granted numeric, p_actual numeric, p_available numeric, p_throttled text DEFAULT NULL, p_id uuid DEFAULT uuidv7(),
                               p_retry interval DEFAULT NULL, p_hash text DEFAULT NULL) RETURNS interval LANGUAGE sql AS $f$
    SELECT budget.settle(p_id, '00000000-0000-7000-8000-0000000000b1', 'query Tap', p_hash, p_granted,
        jsonb_build_object('requestedQueryCost', p_granted, 'actualQueryCost', p_actual, 'throttleStatus',
            jsonb_build_object('maximumAvailable', 1000.0, 'currentlyAvailable', p_available, 'restoreRate', 0.001)), p_throttled, p_retry, now(), 5)
$f$;
CREATE FUNCTION pg_temp.tokens() RETURNS numeric LANGUAGE sql AS $f$
    SELECT b.tokens_remaining FROM neanelu.rate_limit_buckets AS b WHERE b.shop_id = '00000000-0000-7000-8000-0000000000b1'
$f$;

SELECT is(pg_temp.ask(100), 'granted 100', 'a new shop has a bucket with something in it');
SELECT is(pg_temp.answer(100, 40, 960), '0'::interval, 'a good answer shuts nothing');
SELECT results_eq($$SELECT max_tokens, refill_rate FROM neanelu.rate_limit_buckets WHERE shop_id = '00000000-0000-7000-8000-0000000000b1'$$,
                  $$VALUES (1000::numeric(10,2), 0.001::numeric(10,4))$$, 'capacity and rate are those of the answer');
SELECT cmp_ok(pg_temp.tokens(), '<=', 960::numeric, 'never more than Shopify says there is');
SELECT is(pg_temp.ask(700), 'granted 700', 'what is there is granted');
SELECT is(pg_temp.ask(100), 'wait', 'background work leaves a fifth of the bucket');
SELECT cmp_ok(pg_temp.wait(100), '>', '1 hour'::interval, 'and is told how long to wait at this rate');
SELECT is(pg_temp.ask(100, true), 'granted 100', 'which people who wait may take');
SELECT is(pg_temp.ask(900), 'wait', 'a request larger than capacity less reserve is a matter of waiting');
SELECT throws_ok($$SELECT pg_temp.ask(1001)$$, 'NB001', NULL, 'one larger than the bucket is not');
SELECT throws_ok($$SELECT pg_temp.ask(-1)$$, 'NB002', NULL, 'a negative cost is none');
SELECT throws_ok($$SELECT pg_temp.ask('NaN')$$, 'NB002', NULL, 'nor is what is no number');
SELECT throws_ok($$SELECT pg_temp.ask(NULL)$$, 'NB002', NULL, 'nor nothing');
SELECT throws_ok($$SELECT budget.acquire('00000000-0000-7000-8000-0000000000ff', 1)$$, 'NH002', NULL, 'no budget for a shop that is not there');

UPDATE neanelu.rate_limit_buckets SET tokens_remaining = 500, last_refill_at = clock_timestamp();
SELECT is(pg_temp.answer(100, 100, 900, p_id => '00000000-0000-7000-8000-00000000aaaa'), '0'::interval, 'an answer is settled');
SELECT is(pg_temp.answer(100, 0, 900, p_id => '00000000-0000-7000-8000-00000000aaaa'), '0'::interval, 'settling it again');
SELECT is(pg_temp.tokens(), 500.00, 'gives nothing back a second time');
SELECT is(pg_temp.answer(100, 20, 900), '0'::interval, 'an answer that cost less than was granted');
SELECT is(pg_temp.tokens(), 580.00, 'gives the rest back');

SELECT is(pg_temp.ask(5, p_hash => 'h'), 'granted 5', 'a document nobody knows costs what the caller thinks');
SELECT pg_temp.answer(17, 3, 900, p_hash => 'h');
SELECT is(pg_temp.ask(5, p_hash => 'h'), 'granted 17.00', 'one that was answered costs what Shopify asked');

SELECT cmp_ok(pg_temp.answer(10, 0, 900, 'HTTP_429', p_retry => '4 s'), '>=', '4 s'::interval, 'a 429 shuts the bucket as long as Shopify says');
SELECT is(pg_temp.ask(1), 'wait', 'nothing is granted then');
SELECT pg_temp.answer(1, 0, 900, 'THROTTLED') FROM generate_series(1, 6);
SELECT cmp_ok(pg_temp.answer(1, 0, 900, 'THROTTLED'), '>', '20 s'::interval, 'each time in a row shuts it for longer');
SELECT is((SELECT count(*)::integer FROM neanelu.api_cost_tracking WHERE throttle_status IS NOT NULL), 8, 'and all of it is on record');

SELECT * FROM finish();
ROLLBACK;
