-- Deploy neanelu:schema/budget to pg
-- requires: schema/core
-- requires: functions/ops/partitions
-- Module G, budget part: one token bucket a shop, what each request cost, what each query is known to cost, and the
-- request windows of the app's own users.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.rate_limit_buckets (
  shop_id               uuid NOT NULL,
  tokens_remaining      numeric(10,2) NOT NULL DEFAULT 1000,
  max_tokens            numeric(10,2) NOT NULL DEFAULT 1000,
  refill_rate           numeric(10,4) NOT NULL DEFAULT 2.0,
  last_refill_at        timestamptz NOT NULL DEFAULT now(),
  locked_until          timestamptz,
  consecutive_429_count integer NOT NULL DEFAULT 0,
  updated_at            timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT rate_limit_buckets_pkey PRIMARY KEY (shop_id),
  CONSTRAINT rate_limit_buckets_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT rate_limit_buckets_max_tokens_check CHECK (max_tokens > 0 AND max_tokens <> 'NaN'),
  CONSTRAINT rate_limit_buckets_tokens_remaining_check CHECK (tokens_remaining <= max_tokens),
  CONSTRAINT rate_limit_buckets_refill_rate_check CHECK (refill_rate > 0 AND refill_rate <> 'NaN'),
  CONSTRAINT rate_limit_buckets_consecutive_429_count_check CHECK (consecutive_429_count >= 0),
  CONSTRAINT rate_limit_buckets_finite_times_check CHECK (isfinite(last_refill_at) AND isfinite(locked_until))
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000);

COMMENT ON TABLE neanelu.rate_limit_buckets IS
  'Token bucket of each shop''s Admin API: what budget.acquire grants from. One row a shop, updated in place with every '
  'request; written by the functions of schema budget only.';
COMMENT ON COLUMN neanelu.rate_limit_buckets.shop_id IS 'Tenant, and the whole key: one bucket a shop.';
COMMENT ON COLUMN neanelu.rate_limit_buckets.tokens_remaining IS
  'Points left at last_refill_at. Below zero when an answer cost more than was granted.';
COMMENT ON COLUMN neanelu.rate_limit_buckets.max_tokens IS 'Capacity in points, as Shopify''s answers say (maximumAvailable).';
COMMENT ON COLUMN neanelu.rate_limit_buckets.refill_rate IS 'Points a second, as Shopify''s answers say (restoreRate).';
COMMENT ON COLUMN neanelu.rate_limit_buckets.last_refill_at IS 'Moment for which tokens_remaining was worked out.';
COMMENT ON COLUMN neanelu.rate_limit_buckets.locked_until IS
  'Nothing is granted before: set when Shopify throttled, longer each time in a row; null or past when open.';
COMMENT ON COLUMN neanelu.rate_limit_buckets.consecutive_429_count IS
  'THROTTLED and HTTP 429 answers since the last one that was not; the exponent of the backoff.';
COMMENT ON COLUMN neanelu.rate_limit_buckets.updated_at IS 'When the row was last written.';

CREATE TABLE neanelu.api_cost_tracking (
  id               uuid NOT NULL DEFAULT uuidv7(),
  shop_id          uuid NOT NULL,
  operation_type   varchar(50) NOT NULL,
  query_hash       varchar(64),
  requested_cost   numeric(10,2),
  actual_cost      integer NOT NULL,
  throttle_status  varchar(20),
  available_cost   integer,
  restore_rate     numeric(10,2),
  requested_at     timestamptz NOT NULL DEFAULT now(),
  response_time_ms integer,
  created_at       timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT api_cost_tracking_pkey PRIMARY KEY (shop_id, id, created_at),
  CONSTRAINT api_cost_tracking_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT api_cost_tracking_actual_cost_check CHECK (actual_cost >= 0),
  CONSTRAINT api_cost_tracking_throttle_status_check CHECK (throttle_status IN ('THROTTLED', 'HTTP_429')),
  CONSTRAINT api_cost_tracking_response_time_ms_check CHECK (response_time_ms >= 0)
) PARTITION BY RANGE (created_at);

CREATE INDEX idx_api_cost_shop_date ON neanelu.api_cost_tracking (shop_id, requested_at DESC);
CREATE INDEX idx_api_cost_throttled ON neanelu.api_cost_tracking (shop_id, throttle_status) WHERE throttle_status IS NOT NULL;

COMMENT ON TABLE neanelu.api_cost_tracking IS
  'What each request to Shopify cost. Partitioned by day on created_at, seven days kept. Written by budget.settle.';
COMMENT ON COLUMN neanelu.api_cost_tracking.id IS 'Request id, given by the daemon; with shop and created_at the receipt that makes budget.settle idempotent.';
COMMENT ON COLUMN neanelu.api_cost_tracking.shop_id IS 'Tenant that the request was for.';
COMMENT ON COLUMN neanelu.api_cost_tracking.operation_type IS 'GraphQL operation and its name, such as "query Products".';
COMMENT ON COLUMN neanelu.api_cost_tracking.query_hash IS 'SHA-256 of the document in hex; one value a document.';
COMMENT ON COLUMN neanelu.api_cost_tracking.requested_cost IS 'Points Shopify admitted the request for (requestedQueryCost).';
COMMENT ON COLUMN neanelu.api_cost_tracking.actual_cost IS 'Points the bucket was charged (actualQueryCost), 0 when throttled.';
COMMENT ON COLUMN neanelu.api_cost_tracking.throttle_status IS 'THROTTLED or HTTP_429 when the limit was hit, else null.';
COMMENT ON COLUMN neanelu.api_cost_tracking.available_cost IS 'Points left by Shopify''s own account (currentlyAvailable).';
COMMENT ON COLUMN neanelu.api_cost_tracking.restore_rate IS 'Points a second by Shopify''s own account (restoreRate).';
COMMENT ON COLUMN neanelu.api_cost_tracking.requested_at IS 'When the request was sent.';
COMMENT ON COLUMN neanelu.api_cost_tracking.response_time_ms IS 'Milliseconds from sending to the whole answer.';
COMMENT ON COLUMN neanelu.api_cost_tracking.created_at IS 'Partition key: when the request was sent, by the daemon''s clock.';

CREATE TABLE neanelu.api_query_costs (
  query_hash     varchar(64) NOT NULL,
  operation_type varchar(50) NOT NULL,
  requested_cost numeric(10,2) NOT NULL,
  updated_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT api_query_costs_pkey PRIMARY KEY (query_hash),
  CONSTRAINT api_query_costs_requested_cost_check CHECK (requested_cost >= 0 AND requested_cost <> 'NaN')
);

COMMENT ON TABLE neanelu.api_query_costs IS
  'What Shopify last asked for each document, so that a request is granted what it will need. Same for all shops; no shop''s data.';
COMMENT ON COLUMN neanelu.api_query_costs.query_hash IS 'SHA-256 of the document in hex.';
COMMENT ON COLUMN neanelu.api_query_costs.operation_type IS 'GraphQL operation and its name, for people who read the table.';
COMMENT ON COLUMN neanelu.api_query_costs.requested_cost IS 'Points (requestedQueryCost), the last that was seen.';
COMMENT ON COLUMN neanelu.api_query_costs.updated_at IS 'When the cost was last seen to change.';

CREATE UNLOGGED TABLE neanelu.user_request_windows (
  shop_id           uuid NOT NULL,
  user_id           uuid NOT NULL,
  window_start      timestamptz NOT NULL,
  requests          integer NOT NULL,
  previous_requests integer NOT NULL DEFAULT 0,
  CONSTRAINT user_request_windows_pkey PRIMARY KEY (shop_id, user_id),
  CONSTRAINT user_request_windows_shop_id_user_id_fkey
    FOREIGN KEY (shop_id, user_id) REFERENCES neanelu.staff_users (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT user_request_windows_requests_check CHECK (requests >= 0 AND previous_requests >= 0)
) WITH (fillfactor = 50);

COMMENT ON TABLE neanelu.user_request_windows IS
  'Requests of each user of the app in the present and the last window (sliding window counter). UNLOGGED: after a crash of '
  'the server everybody starts at zero, which is harmless.';
COMMENT ON COLUMN neanelu.user_request_windows.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.user_request_windows.user_id IS 'Member of the shop''s staff.';
COMMENT ON COLUMN neanelu.user_request_windows.window_start IS 'Start of the present window.';
COMMENT ON COLUMN neanelu.user_request_windows.requests IS 'Requests allowed in the present window.';
COMMENT ON COLUMN neanelu.user_request_windows.previous_requests IS 'Requests allowed in the window before.';

DO $parent$
BEGIN
    PERFORM partman.create_parent('neanelu.api_cost_tracking', 'created_at', '1 day', p_premake => 7);
END
$parent$;

UPDATE partman.part_config
   SET retention = '7 days', retention_keep_table = false, retention_keep_index = false,
       infinite_time_partitions = true, inherit_privileges = false
 WHERE parent_table = 'neanelu.api_cost_tracking';

COMMIT;
