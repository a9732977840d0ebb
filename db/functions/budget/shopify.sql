-- Deploy neanelu:functions/budget/shopify to pg
-- requires: policies/budget
-- What may be asked of Shopify, and when: a token bucket a shop that all daemons draw from. A request is first granted
-- its cost (acquire), then settled by what the answer says (settle). Callers commit both on their own, before and after
-- they talk to Shopify, never inside of a longer transaction: the bucket's row is locked until the commit.

BEGIN;

SET LOCAL ROLE neanelu_engine;
SET LOCAL search_path = neanelu, budget, app, extensions, pg_temp;

CREATE FUNCTION budget._refilled(p_bucket neanelu.rate_limit_buckets, p_at timestamptz)
RETURNS numeric
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN least((p_bucket).max_tokens,
             (p_bucket).tokens_remaining
             + trunc((p_bucket).refill_rate * greatest(extract(epoch FROM p_at - (p_bucket).last_refill_at), 0), 2));
COMMENT ON FUNCTION budget._refilled(neanelu.rate_limit_buckets, timestamptz) IS
    'Points that a bucket holds at a moment: what was left and what flowed in since, rounded down, at most its capacity. A clock that '
    'went back refills nothing. Pure; its body is bound at creation. Takes no locks. Raises: nothing';

CREATE FUNCTION budget._bucket(p_shop_id uuid)
RETURNS neanelu.rate_limit_buckets
LANGUAGE plpgsql
VOLATILE
SET search_path = neanelu, pg_temp
AS $body$
DECLARE
    v_bucket neanelu.rate_limit_buckets;
BEGIN
    SELECT b.* INTO v_bucket FROM neanelu.rate_limit_buckets AS b WHERE b.shop_id = p_shop_id;
    IF NOT FOUND THEN
        IF NOT EXISTS (SELECT FROM neanelu.shops AS s WHERE s.id = p_shop_id) THEN
            RAISE EXCEPTION 'there is no shop %', p_shop_id USING ERRCODE = 'NH002';
        END IF;
        -- Shopify's smallest plan, half full; the first answer says what it really is.
        INSERT INTO neanelu.rate_limit_buckets AS b (shop_id, tokens_remaining, max_tokens, refill_rate, last_refill_at)
        VALUES (p_shop_id, 1000, 2000, 100, clock_timestamp())
        ON CONFLICT (shop_id) DO UPDATE SET updated_at = b.updated_at  -- made meanwhile
        RETURNING b.* INTO v_bucket;
    END IF;
    RETURN v_bucket;
END
$body$;
COMMENT ON FUNCTION budget._bucket(uuid) IS
    'The shop''s bucket as it stands, made when there is none yet. Locks: the bucket''s row when it is made. Raises: NH002 no such shop';

CREATE FUNCTION budget.acquire(
    p_shop_id uuid, p_cost numeric, p_query_hash text DEFAULT NULL, p_interactive boolean DEFAULT false,
    OUT granted boolean, OUT cost numeric, OUT wait interval)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, budget, app, pg_temp
AS $body$
DECLARE
    -- A fifth of the bucket is left to people who wait for an answer.
    v_reserve constant numeric := CASE WHEN p_interactive THEN 0 ELSE 0.2 END;
    v_bucket  neanelu.rate_limit_buckets;
    v_now     timestamptz;
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    cost := coalesce((SELECT q.requested_cost FROM neanelu.api_query_costs AS q WHERE q.query_hash = p_query_hash), p_cost);
    IF cost IS NULL OR NOT (cost >= 0 AND cost < 'Infinity') THEN
        RAISE EXCEPTION 'a request cannot cost %', coalesce(cost::text, 'NULL') USING ERRCODE = 'NB002';
    END IF;
    IF NOT EXISTS (SELECT FROM neanelu.rate_limit_buckets AS b WHERE b.shop_id = p_shop_id) THEN
        PERFORM budget._bucket(p_shop_id);
    END IF;
    -- Where it is granted, one statement. Who waited for the row looks at it, and at the clock, again.
    UPDATE neanelu.rate_limit_buckets AS b
       SET tokens_remaining = budget._refilled(b, clock_timestamp()) - cost,
           last_refill_at = greatest(clock_timestamp(), b.last_refill_at), updated_at = clock_timestamp()
     WHERE b.shop_id = p_shop_id AND b.max_tokens >= cost AND (b.locked_until IS NULL OR b.locked_until <= clock_timestamp())
       AND budget._refilled(b, clock_timestamp()) - cost >= least(v_reserve * b.max_tokens, b.max_tokens - cost);
    granted := FOUND;
    wait := interval '0';
    IF granted THEN
        RETURN;
    END IF;
    v_bucket := budget._bucket(p_shop_id);
    v_now := clock_timestamp();
    IF cost > v_bucket.max_tokens THEN
        RAISE EXCEPTION 'a request of % points does not fit into a bucket of %', cost, v_bucket.max_tokens
            USING ERRCODE = 'NB001', HINT = 'Ask for fewer objects at once; waiting does not help.';
    END IF;
    wait := greatest(v_bucket.locked_until - v_now, make_interval(secs => (greatest(
        cost + least(v_reserve * v_bucket.max_tokens, v_bucket.max_tokens - cost) - budget._refilled(v_bucket, v_now), 0) / v_bucket.refill_rate)::double precision));
END
$body$;
COMMENT ON FUNCTION budget.acquire(uuid, numeric, text, boolean) IS
    'Takes the points of one request out of the shop''s bucket, or says how long to wait. The cost is what Shopify last asked for the '
    'document (p_query_hash), else p_cost. Background work leaves a fifth of the bucket; p_interactive work may take all. A grant that is '
    'never settled flows back with time, so calling again after a crash is safe. Locks: the bucket''s row until the commit, so commit at once. '
    'Raises: NA002 the login may not work for the shop, NB001 the request is larger than the bucket, NB002 no cost, NH002 no such shop';

CREATE FUNCTION budget._backoff(p_failures integer)
RETURNS interval
LANGUAGE sql
VOLATILE
PARALLEL SAFE
RETURN make_interval(secs => least(0.5 * 2 ^ least(greatest(p_failures, 1) - 1, 10), 60) * (0.75 + random() / 2));
COMMENT ON FUNCTION budget._backoff(integer) IS
    'How long a bucket stays shut after so many throttled answers in a row: 0.5 s doubled each time, at most a minute, a quarter more or '
    'less so that callers do not come back together. Takes no locks. Raises: nothing';

CREATE FUNCTION budget._shut(p_shop_id uuid, p_missing numeric, p_retry_after interval)
RETURNS interval
LANGUAGE plpgsql
VOLATILE
SET search_path = neanelu, budget, pg_temp
AS $body$
DECLARE
    v_bucket constant neanelu.rate_limit_buckets := budget._bucket(p_shop_id);
    v_wait   constant interval := greatest(p_retry_after, budget._backoff(v_bucket.consecutive_429_count + 1),
        make_interval(secs => (greatest(p_missing, 0) / v_bucket.refill_rate)::double precision));
BEGIN
    UPDATE neanelu.rate_limit_buckets AS b
       SET locked_until = greatest(b.locked_until, clock_timestamp() + v_wait), consecutive_429_count = b.consecutive_429_count + 1
     WHERE b.shop_id = p_shop_id;
    RETURN v_wait;
END
$body$;
COMMENT ON FUNCTION budget._shut(uuid, numeric, interval) IS
    'Shuts a bucket that Shopify throttled: as long as it asks, until the missing points have flowed in, and longer each time in a row. '
    'Locks: the bucket''s row. Raises: NH002 no such shop';

CREATE FUNCTION budget._number(p_cost jsonb, VARIADIC p_path text[])
RETURNS numeric
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(p_cost #> p_path) = 'number' AND (p_cost #>> p_path)::numeric BETWEEN 0 AND 10000000
            THEN (p_cost #>> p_path)::numeric END;
COMMENT ON FUNCTION budget._number(jsonb, text[]) IS
    'A number of points in an answer''s cost extension, NULL when it is missing, no number or absurd. Pure. Takes no locks. Raises: nothing';

CREATE FUNCTION budget._learn_cost(p_query_hash text, p_operation_type text, p_requested numeric)
RETURNS void
LANGUAGE sql
VOLATILE
SET search_path = neanelu, pg_temp
AS $body$
    INSERT INTO neanelu.api_query_costs AS q (query_hash, operation_type, requested_cost)
    SELECT p_query_hash, left(p_operation_type, 50), p_requested
     WHERE p_query_hash IS NOT NULL AND p_requested IS NOT NULL
       AND NOT EXISTS (SELECT FROM neanelu.api_query_costs AS k WHERE k.query_hash = p_query_hash AND k.requested_cost = p_requested)
    ON CONFLICT (query_hash) DO UPDATE SET requested_cost = excluded.requested_cost, updated_at = clock_timestamp()
$body$;
COMMENT ON FUNCTION budget._learn_cost(text, text, numeric) IS
    'Remembers what Shopify asks for a document; writes only what changed. Idempotent. Locks: the document''s row when it changes. Raises: nothing';

CREATE FUNCTION budget.settle(
    p_request_id uuid, p_shop_id uuid, p_operation_type text, p_query_hash text, p_granted numeric, p_cost jsonb,
    p_throttle_status text, p_retry_after interval, p_requested_at timestamptz, p_response_time_ms integer)
RETURNS interval
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = neanelu, budget, app, pg_temp
AS $body$
DECLARE
    v_requested constant numeric := budget._number(p_cost, 'requestedQueryCost');
    v_available constant numeric := budget._number(p_cost, 'throttleStatus', 'currentlyAvailable');
    v_rate      constant numeric := nullif(budget._number(p_cost, 'throttleStatus', 'restoreRate'), 0);
    v_capacity  constant numeric := nullif(budget._number(p_cost, 'throttleStatus', 'maximumAvailable'), 0);
    v_actual    constant numeric := CASE WHEN p_throttle_status IS NULL
                                         THEN coalesce(budget._number(p_cost, 'actualQueryCost'), v_requested, p_granted) ELSE 0 END;
    v_wait      interval := interval '0';
BEGIN
    PERFORM app.assert_shop_access(p_shop_id);
    INSERT INTO neanelu.api_cost_tracking (id, shop_id, operation_type, query_hash, requested_cost, actual_cost, throttle_status,
                                           available_cost, restore_rate, requested_at, response_time_ms, created_at)
    VALUES (p_request_id, p_shop_id, left(p_operation_type, 50), p_query_hash, v_requested, ceil(v_actual), p_throttle_status,
            v_available, v_rate, p_requested_at, p_response_time_ms, p_requested_at)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN v_wait;
    END IF;
    IF p_throttle_status IS NOT NULL THEN
        v_wait := budget._shut(p_shop_id, v_requested - v_available, coalesce(p_retry_after, interval '0'));
    END IF;
    -- What was granted too much comes back. Shopify's own account is the upper limit: other users of the token spend too.
    UPDATE neanelu.rate_limit_buckets AS b
       SET tokens_remaining = least(budget._refilled(b, clock_timestamp()) + p_granted - v_actual, v_available, coalesce(v_capacity, b.max_tokens)),
           max_tokens = coalesce(v_capacity, b.max_tokens), refill_rate = coalesce(v_rate, b.refill_rate),
           last_refill_at = greatest(clock_timestamp(), b.last_refill_at),
           consecutive_429_count = CASE WHEN p_throttle_status IS NULL THEN 0 ELSE b.consecutive_429_count END, updated_at = clock_timestamp()
     WHERE b.shop_id = p_shop_id;
    PERFORM budget._learn_cost(p_query_hash, p_operation_type, v_requested);
    RETURN v_wait;
END
$body$;
COMMENT ON FUNCTION budget.settle(uuid, uuid, text, text, numeric, jsonb, text, interval, timestamptz, integer) IS
    'Books the answer to a request: gives back what was granted too much, takes capacity, rate and level from the answer''s cost extension '
    '(p_cost, null when there was none), remembers what the document costs, and after THROTTLED or HTTP_429 shuts the bucket for a while, '
    'longer each time in a row and at least p_retry_after. Returns how long it is shut. Idempotent by p_request_id and p_requested_at. '
    'Locks: the bucket''s row until the commit, so commit at once. Raises: NA002 the login may not work for the shop, NH002 no such shop, '
    '23514 no partition for p_requested_at or a status that is none';

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA budget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    budget.acquire(uuid, numeric, text, boolean),
    budget.settle(uuid, uuid, text, text, numeric, jsonb, text, interval, timestamptz, integer)
    TO neanelu_platform;

COMMIT;
