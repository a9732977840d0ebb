-- Deploy neanelu:schema/webhooks to pg
-- Module B, webhook part: subscriptions, events (partitioned by month), receipts and refusals.
--
-- A unique index on a partitioned table must contain the partition key, so it cannot keep a delivery from being
-- taken twice across months. webhook_receipts keeps that promise: insert the receipt first, and the event only
-- when the receipt was new. Partitions are made and dropped by pg_partman.
--
-- Headers are not signed, so a captured body can come again under any of them. Each body that was ever refused has
-- one row in webhook_refusals with a counter: whoever repeats it fills no disk.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.shopify_webhooks (
  id                   uuid NOT NULL DEFAULT uuidv7(),
  shop_id              uuid NOT NULL,
  shopify_gid          varchar(100) NOT NULL,
  topic                varchar(100) NOT NULL,
  address              text NOT NULL,
  format               varchar(10) NOT NULL DEFAULT 'json',
  api_version          varchar(20),
  include_fields       text[],
  metafield_namespaces text[],
  filter               text,
  created_at           timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_webhooks_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shopify_webhooks_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT shopify_webhooks_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/WebhookSubscription/_%'),
  CONSTRAINT shopify_webhooks_topic_check CHECK (topic ~ '^[a-z0-9_]+/[a-z0-9_]+$'),
  CONSTRAINT shopify_webhooks_format_check CHECK (format IN ('json', 'xml'))
);

CREATE UNIQUE INDEX idx_webhooks_shop_gid ON neanelu.shopify_webhooks (shop_id, shopify_gid);
CREATE INDEX idx_webhooks_shop_topic ON neanelu.shopify_webhooks (shop_id, topic);

COMMENT ON TABLE neanelu.shopify_webhooks IS 'Webhook subscriptions of a shop, as registered at Shopify.';
COMMENT ON COLUMN neanelu.shopify_webhooks.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.shopify_webhooks.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_webhooks.shopify_gid IS
  'Global id at Shopify, gid://shopify/WebhookSubscription/<number>; natural key within the shop.';
COMMENT ON COLUMN neanelu.shopify_webhooks.topic IS
  'Shopify: WebhookSubscription.topic in the form of the delivery''s header, such as orders/create.';
COMMENT ON COLUMN neanelu.shopify_webhooks.address IS
  'Where deliveries go: an https address, or the ARN or topic of a queue.';
COMMENT ON COLUMN neanelu.shopify_webhooks.format IS 'Shopify: WebhookSubscription.format, lower case.';
COMMENT ON COLUMN neanelu.shopify_webhooks.api_version IS
  'Shopify: WebhookSubscription.apiVersion that the payloads follow.';
COMMENT ON COLUMN neanelu.shopify_webhooks.include_fields IS
  'Shopify: WebhookSubscription.includeFields; null means all.';
COMMENT ON COLUMN neanelu.shopify_webhooks.metafield_namespaces IS
  'Shopify: WebhookSubscription.metafieldNamespaces.';
COMMENT ON COLUMN neanelu.shopify_webhooks.filter IS
  'Shopify: WebhookSubscription.filter; null means that every change is told.';
COMMENT ON COLUMN neanelu.shopify_webhooks.created_at IS 'When the row was inserted here.';

CREATE TABLE neanelu.webhook_events (
  id                 uuid NOT NULL DEFAULT uuidv7(),
  shop_id            uuid,
  topic              varchar(100) NOT NULL,
  shopify_webhook_id varchar(100),
  shopify_event_id   varchar(100),
  triggered_at       timestamptz,
  api_version        varchar(20),
  payload            jsonb COMPRESSION lz4 NOT NULL,  -- lz4: compressing orders by pglz costs as much as parsing them
  hmac_verified      boolean NOT NULL DEFAULT false,
  received_at        timestamptz NOT NULL DEFAULT now(),
  processed_at       timestamptz,
  processing_error   text,
  job_id             varchar(255),
  idempotency_key    varchar(255),
  retry_count        integer NOT NULL DEFAULT 0,
  created_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT webhook_events_pkey PRIMARY KEY (id, created_at),
  CONSTRAINT webhook_events_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT webhook_events_retry_count_check CHECK (retry_count >= 0),
  CONSTRAINT webhook_events_verified_first_check CHECK (processed_at IS NULL OR hmac_verified)
) PARTITION BY RANGE (created_at);

CREATE INDEX idx_webhook_events_unprocessed
  ON neanelu.webhook_events (shop_id, received_at) WHERE processed_at IS NULL;
CREATE INDEX idx_webhook_events_topic ON neanelu.webhook_events (shop_id, topic);
CREATE INDEX idx_webhook_events_payload ON neanelu.webhook_events USING gin (payload jsonb_path_ops);

COMMENT ON TABLE neanelu.webhook_events IS
  'Webhook deliveries with their payload, partitioned by month on created_at, three months kept. May '
  'hold personal data.';
COMMENT ON COLUMN neanelu.webhook_events.id IS 'Event id; unique together with created_at.';
COMMENT ON COLUMN neanelu.webhook_events.shop_id IS
  'Tenant. Null rows are seen by no tenant; the receiver writes none (see webhook_refusals).';
COMMENT ON COLUMN neanelu.webhook_events.topic IS 'X-Shopify-Topic, such as orders/create.';
COMMENT ON COLUMN neanelu.webhook_events.shopify_webhook_id IS 'X-Shopify-Webhook-Id, id of the delivery.';
COMMENT ON COLUMN neanelu.webhook_events.shopify_event_id IS
  'X-Shopify-Event-Id, id of the merchant''s action, which may cause deliveries of several topics; null when missing.';
COMMENT ON COLUMN neanelu.webhook_events.triggered_at IS
  'X-Shopify-Triggered-At, when the action happened by the header, which is not signed; null when missing.';
COMMENT ON COLUMN neanelu.webhook_events.api_version IS 'X-Shopify-API-Version the payload follows.';
COMMENT ON COLUMN neanelu.webhook_events.payload IS 'Body of the delivery.';
COMMENT ON COLUMN neanelu.webhook_events.hmac_verified IS
  'True when the HMAC over the raw body was right; others are kept for investigation and never '
  'processed.';
COMMENT ON COLUMN neanelu.webhook_events.received_at IS 'When the delivery arrived.';
COMMENT ON COLUMN neanelu.webhook_events.processed_at IS 'When its effect was committed; null while open.';
COMMENT ON COLUMN neanelu.webhook_events.processing_error IS 'Last error; null when none.';
COMMENT ON COLUMN neanelu.webhook_events.job_id IS 'Job that processes it (job_runs.id as text), where it is known; the job''s payload always names the event.';
COMMENT ON COLUMN neanelu.webhook_events.idempotency_key IS 'Key of the receipt, unique in webhook_receipts.';
COMMENT ON COLUMN neanelu.webhook_events.retry_count IS 'Number of attempts after the first.';
COMMENT ON COLUMN neanelu.webhook_events.created_at IS 'Partition key; never changed.';

CREATE TABLE neanelu.webhook_receipts (
  shop_id          uuid NOT NULL,
  idempotency_key  varchar(255) NOT NULL,
  topic            varchar(100) NOT NULL,
  body_digest      bytea,
  received_at      timestamptz NOT NULL DEFAULT now(),
  event_id         uuid,
  event_created_at timestamptz,
  CONSTRAINT webhook_receipts_pkey PRIMARY KEY (shop_id, idempotency_key),
  CONSTRAINT webhook_receipts_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT webhook_receipts_body_digest_check CHECK (octet_length(body_digest) = 32),
  CONSTRAINT webhook_receipts_event_check CHECK ((event_id IS NULL) = (event_created_at IS NULL))
);

-- Begins with the digest, because the same bytes under another shop's name are looked for as well.
CREATE UNIQUE INDEX idx_webhook_receipts_digest ON neanelu.webhook_receipts (body_digest, shop_id, topic);
CREATE INDEX idx_webhook_receipts_received ON neanelu.webhook_receipts (received_at);

COMMENT ON TABLE neanelu.webhook_receipts IS
  'Which deliveries were taken: the unique key that the partitioned webhook_events cannot have. Not '
  'partitioned; pruned by webhooks.prune: Shopify repeats a delivery for some hours, rows are kept for a '
  'week, those of the shop itself and of erasures for longer than a year.';
COMMENT ON COLUMN neanelu.webhook_receipts.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.webhook_receipts.idempotency_key IS
  'X-Shopify-Webhook-Id: Shopify repeats a delivery under the same id.';
COMMENT ON COLUMN neanelu.webhook_receipts.topic IS 'Topic of the delivery.';
COMMENT ON COLUMN neanelu.webhook_receipts.body_digest IS
  'SHA-256 of the raw body: the same bytes are not taken twice under fresh ids.';
COMMENT ON COLUMN neanelu.webhook_receipts.received_at IS
  'When these bytes were last taken; age for pruning.';
COMMENT ON COLUMN neanelu.webhook_receipts.event_id IS
  'Event that was recorded; no reference, partitions are dropped on their own.';
COMMENT ON COLUMN neanelu.webhook_receipts.event_created_at IS 'Partition key of that event.';

CREATE TABLE neanelu.webhook_refusals (
  id          uuid NOT NULL DEFAULT uuidv7(),
  reason      varchar(20) NOT NULL,
  body_digest bytea NOT NULL,
  shop_domain varchar(100) NOT NULL,
  topic       varchar(100) NOT NULL,
  webhook_id  varchar(100),
  body        text,
  detail      text,
  times       bigint NOT NULL DEFAULT 1,
  first_at    timestamptz NOT NULL DEFAULT now(),
  last_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT webhook_refusals_pkey PRIMARY KEY (id),
  CONSTRAINT webhook_refusals_reason_check CHECK (reason IN (
    'malformed', 'unknown_shop', 'uninstalled', 'unknown_topic', 'wrong_shape', 'wrong_shop', 'replayed')),
  CONSTRAINT webhook_refusals_body_digest_check CHECK (octet_length(body_digest) = 32),
  CONSTRAINT webhook_refusals_body_check CHECK (body IS NULL OR (reason = 'malformed' AND length(body) <= 65536)),
  CONSTRAINT webhook_refusals_times_check CHECK (times > 0),
  CONSTRAINT webhook_refusals_order_check CHECK (last_at >= first_at)
);

CREATE UNIQUE INDEX idx_webhook_refusals_body ON neanelu.webhook_refusals (body_digest, reason);
CREATE INDEX idx_webhook_refusals_last ON neanelu.webhook_refusals (last_at);

COMMENT ON TABLE neanelu.webhook_refusals IS
  'Deliveries with a right signature that were not taken, one row a body and reason. Platform-wide: their shop is not known, or '
  'not to be believed. Written by webhooks.receive_many and webhooks.quarantine, pruned by webhooks.prune.';
COMMENT ON COLUMN neanelu.webhook_refusals.id IS 'Refusal id.';
COMMENT ON COLUMN neanelu.webhook_refusals.reason IS
  'malformed: no JSON object; unknown_shop, uninstalled: nobody to process it for; unknown_topic: nobody asked for it; '
  'wrong_shape: the body is not one of this topic; wrong_shop: the body names another shop; replayed: another shop, or another '
  'kind of object, sent these bytes before.';
COMMENT ON COLUMN neanelu.webhook_refusals.body_digest IS 'SHA-256 of the raw body.';
COMMENT ON COLUMN neanelu.webhook_refusals.shop_domain IS 'X-Shopify-Shop-Domain of the first such delivery; not signed.';
COMMENT ON COLUMN neanelu.webhook_refusals.topic IS 'X-Shopify-Topic of the first such delivery; not signed.';
COMMENT ON COLUMN neanelu.webhook_refusals.webhook_id IS 'X-Shopify-Webhook-Id of the first such delivery; not signed.';
COMMENT ON COLUMN neanelu.webhook_refusals.body IS
  'The beginning of what is malformed (65,536 characters; bytes that are no text as \xNN), for a look at it; null for other reasons, whose bodies are nobody''s to keep. May hold '
  'personal data: emptied after a week.';
COMMENT ON COLUMN neanelu.webhook_refusals.detail IS 'What exactly did not fit; no contents of the body.';
COMMENT ON COLUMN neanelu.webhook_refusals.times IS 'How often it came.';
COMMENT ON COLUMN neanelu.webhook_refusals.first_at IS 'When it came first.';
COMMENT ON COLUMN neanelu.webhook_refusals.last_at IS 'When it came last; age for pruning.';

COMMIT;
