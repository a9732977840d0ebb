-- Deploy neanelu:schema/ai to pg
-- requires: schema/pim
-- requires: functions/ops/partitions
-- Module F, and what outside services cost.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.ai_batches (
  id                uuid NOT NULL DEFAULT uuidv7(),
  shop_id           uuid,
  provider          varchar(20) NOT NULL,
  provider_batch_id varchar(100),
  batch_type        varchar(50) NOT NULL,
  status            varchar(20) NOT NULL DEFAULT 'pending',
  request_count     integer NOT NULL DEFAULT 0,
  completed_count   integer NOT NULL DEFAULT 0,
  error_count       integer NOT NULL DEFAULT 0,
  total_tokens      integer NOT NULL DEFAULT 0,
  estimated_cost    numeric(10,4),
  submitted_at      timestamptz,
  completed_at      timestamptz,
  expires_at        timestamptz,
  error_message     text,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT ai_batches_pkey PRIMARY KEY (id),
  CONSTRAINT ai_batches_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT ai_batches_status_check
    CHECK (status IN ('pending', 'submitting', 'submitted', 'processing', 'completed', 'failed', 'expired', 'cancelled')),
  CONSTRAINT ai_batches_type_check CHECK (batch_type IN ('extraction', 'embedding', 'translation', 'enrichment')),
  CONSTRAINT ai_batches_counts_check
    CHECK (request_count >= 0 AND completed_count >= 0 AND error_count >= 0 AND completed_count + error_count <= request_count),
  CONSTRAINT ai_batches_cost_check CHECK (estimated_cost >= 0)
);

CREATE INDEX idx_ai_batches_provider ON neanelu.ai_batches (provider_batch_id);
CREATE INDEX idx_ai_batches_status ON neanelu.ai_batches (status);
CREATE INDEX idx_ai_batches_shop ON neanelu.ai_batches (shop_id);

COMMENT ON TABLE neanelu.ai_batches IS 'Batches of requests at a model provider.';
COMMENT ON COLUMN neanelu.ai_batches.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.ai_batches.shop_id IS 'Shop it is for; null for the PIM.';
COMMENT ON COLUMN neanelu.ai_batches.provider IS 'openai, or the name of another server with that interface.';
COMMENT ON COLUMN neanelu.ai_batches.provider_batch_id IS 'The provider''s id.';
COMMENT ON COLUMN neanelu.ai_batches.batch_type IS 'extraction, embedding, translation or enrichment.';
COMMENT ON COLUMN neanelu.ai_batches.status IS
  'pending (being filled), submitting, submitted, processing, completed, failed, expired or cancelled.';
COMMENT ON COLUMN neanelu.ai_batches.request_count IS 'Items.';
COMMENT ON COLUMN neanelu.ai_batches.completed_count IS 'Items with a result.';
COMMENT ON COLUMN neanelu.ai_batches.error_count IS 'Items that failed.';
COMMENT ON COLUMN neanelu.ai_batches.total_tokens IS 'Tokens paid for.';
COMMENT ON COLUMN neanelu.ai_batches.estimated_cost IS 'USD; reserved when it is submitted, then what it came to.';
COMMENT ON COLUMN neanelu.ai_batches.submitted_at IS 'When the provider had it.';
COMMENT ON COLUMN neanelu.ai_batches.completed_at IS 'When its results were taken.';
COMMENT ON COLUMN neanelu.ai_batches.expires_at IS 'When the provider gives up.';
COMMENT ON COLUMN neanelu.ai_batches.error_message IS 'What went wrong.';
COMMENT ON COLUMN neanelu.ai_batches.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.ai_batches.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.ai_batch_items (
  id             uuid NOT NULL DEFAULT uuidv7(),
  batch_id       uuid NOT NULL,
  shop_id        uuid,
  entity_type    varchar(50) NOT NULL,
  entity_id      uuid NOT NULL,
  custom_id      varchar(100),
  input_content  text NOT NULL,
  content_hash   varchar(64) NOT NULL,
  status         varchar(20) NOT NULL DEFAULT 'pending',
  output_content text,
  tokens_used    integer,
  error_message  text,
  processed_at   timestamptz,
  created_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT ai_batch_items_pkey PRIMARY KEY (id),
  CONSTRAINT ai_batch_items_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES neanelu.ai_batches (id) ON DELETE CASCADE,
  CONSTRAINT ai_batch_items_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT ai_batch_items_status_check CHECK (status IN ('pending', 'submitted', 'completed', 'failed', 'cancelled')),
  CONSTRAINT ai_batch_items_entity_check CHECK (entity_type IN ('product', 'harvest', 'spec', 'shop_product')),
  CONSTRAINT ai_batch_items_hash_check CHECK (content_hash ~ '^[0-9a-f]{64}$')
);

CREATE INDEX idx_batch_items_batch ON neanelu.ai_batch_items (batch_id);
CREATE INDEX idx_batch_items_entity ON neanelu.ai_batch_items (entity_type, entity_id);
CREATE INDEX idx_batch_items_hash ON neanelu.ai_batch_items (content_hash);
CREATE INDEX idx_batch_items_status ON neanelu.ai_batch_items (batch_id, status);
CREATE UNIQUE INDEX idx_batch_items_custom ON neanelu.ai_batch_items (custom_id);
CREATE INDEX idx_batch_items_shop ON neanelu.ai_batch_items (shop_id) WHERE shop_id IS NOT NULL;

COMMENT ON TABLE neanelu.ai_batch_items IS 'Requests of a batch, and what came back.';
COMMENT ON COLUMN neanelu.ai_batch_items.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.ai_batch_items.batch_id IS 'Batch.';
COMMENT ON COLUMN neanelu.ai_batch_items.shop_id IS 'Shop it is for; null for the PIM.';
COMMENT ON COLUMN neanelu.ai_batch_items.entity_type IS 'product, harvest, spec or shop_product.';
COMMENT ON COLUMN neanelu.ai_batch_items.entity_id IS 'What it is about.';
COMMENT ON COLUMN neanelu.ai_batch_items.custom_id IS 'Our key of the request at the provider; unique.';
COMMENT ON COLUMN neanelu.ai_batch_items.input_content IS 'Body of the request, JSON.';
COMMENT ON COLUMN neanelu.ai_batch_items.content_hash IS 'SHA-256 of the input, hexadecimal: the same input is asked once.';
COMMENT ON COLUMN neanelu.ai_batch_items.status IS 'pending, submitted, completed, failed or cancelled.';
COMMENT ON COLUMN neanelu.ai_batch_items.output_content IS 'Body of the answer, JSON.';
COMMENT ON COLUMN neanelu.ai_batch_items.tokens_used IS 'Tokens paid for.';
COMMENT ON COLUMN neanelu.ai_batch_items.error_message IS 'Why it failed.';
COMMENT ON COLUMN neanelu.ai_batch_items.processed_at IS 'When the answer was taken.';
COMMENT ON COLUMN neanelu.ai_batch_items.created_at IS 'When the row was made.';

CREATE TABLE neanelu.embedding_batches (
  id              uuid NOT NULL DEFAULT uuidv7(),
  shop_id         uuid,
  batch_type      varchar(30) NOT NULL,
  status          varchar(20) NOT NULL DEFAULT 'pending',
  openai_batch_id varchar(100),
  input_file_id   varchar(100),
  output_file_id  varchar(100),
  error_file_id   varchar(100),
  model           varchar(50) NOT NULL DEFAULT 'text-embedding-3-small',
  dimensions      integer NOT NULL DEFAULT 1536,
  total_items     integer NOT NULL DEFAULT 0,
  completed_items integer NOT NULL DEFAULT 0,
  failed_items    integer NOT NULL DEFAULT 0,
  tokens_used     integer NOT NULL DEFAULT 0,
  estimated_cost  numeric(10,4),
  submitted_at    timestamptz,
  completed_at    timestamptz,
  expires_at      timestamptz,
  error_message   text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT embedding_batches_pkey PRIMARY KEY (id),
  CONSTRAINT embedding_batches_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT embedding_batches_type_check CHECK (batch_type IN ('product_title', 'product_description', 'specs', 'combined', 'attribute')),
  CONSTRAINT embedding_batches_status_check
    CHECK (status IN ('pending', 'submitting', 'submitted', 'processing', 'completed', 'failed', 'expired', 'cancelled')),
  CONSTRAINT embedding_batches_counts_check
    CHECK (total_items >= 0 AND completed_items >= 0 AND failed_items >= 0 AND completed_items + failed_items <= total_items),
  CONSTRAINT embedding_batches_dimensions_check CHECK (dimensions BETWEEN 1 AND 1536),
  CONSTRAINT embedding_batches_cost_check CHECK (estimated_cost >= 0)
);

CREATE INDEX idx_embedding_batches_shop ON neanelu.embedding_batches (shop_id);
CREATE INDEX idx_embedding_batches_status ON neanelu.embedding_batches (status);
CREATE INDEX idx_embedding_batches_openai ON neanelu.embedding_batches (openai_batch_id) WHERE openai_batch_id IS NOT NULL;

COMMENT ON TABLE neanelu.embedding_batches IS 'Batches of texts that wait for vectors.';
COMMENT ON COLUMN neanelu.embedding_batches.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.embedding_batches.shop_id IS 'Shop it is for; null for the PIM.';
COMMENT ON COLUMN neanelu.embedding_batches.batch_type IS 'product_title, product_description, specs, combined or attribute.';
COMMENT ON COLUMN neanelu.embedding_batches.status IS
  'pending, submitting, submitted, processing, completed, failed, expired or cancelled.';
COMMENT ON COLUMN neanelu.embedding_batches.openai_batch_id IS 'The provider''s id of the batch.';
COMMENT ON COLUMN neanelu.embedding_batches.input_file_id IS 'The provider''s file with the requests.';
COMMENT ON COLUMN neanelu.embedding_batches.output_file_id IS 'The provider''s file with the vectors.';
COMMENT ON COLUMN neanelu.embedding_batches.error_file_id IS 'The provider''s file with errors.';
COMMENT ON COLUMN neanelu.embedding_batches.model IS 'Model asked for.';
COMMENT ON COLUMN neanelu.embedding_batches.dimensions IS 'Dimensions asked for.';
COMMENT ON COLUMN neanelu.embedding_batches.total_items IS 'Texts.';
COMMENT ON COLUMN neanelu.embedding_batches.completed_items IS 'Texts with a vector.';
COMMENT ON COLUMN neanelu.embedding_batches.failed_items IS 'Texts without.';
COMMENT ON COLUMN neanelu.embedding_batches.tokens_used IS 'Tokens paid for.';
COMMENT ON COLUMN neanelu.embedding_batches.estimated_cost IS 'USD.';
COMMENT ON COLUMN neanelu.embedding_batches.submitted_at IS 'When the provider had it.';
COMMENT ON COLUMN neanelu.embedding_batches.completed_at IS 'When its results were taken.';
COMMENT ON COLUMN neanelu.embedding_batches.expires_at IS 'When the provider gives up.';
COMMENT ON COLUMN neanelu.embedding_batches.error_message IS 'What went wrong.';
COMMENT ON COLUMN neanelu.embedding_batches.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.embedding_batches.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.api_usage_log (
  id               uuid NOT NULL DEFAULT uuidv7(),
  api_provider     varchar(50) NOT NULL,
  endpoint         varchar(100) NOT NULL,
  request_count    integer NOT NULL DEFAULT 1,
  tokens_input     integer,
  tokens_output    integer,
  estimated_cost   numeric(10,4),
  http_status      integer,
  response_time_ms integer,
  job_id           varchar(255),
  product_id       uuid,
  shop_id          uuid,
  error_message    text,
  metadata         jsonb NOT NULL DEFAULT '{}',
  created_at       timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT api_usage_log_pkey PRIMARY KEY (id, created_at),
  CONSTRAINT api_usage_log_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT api_usage_log_counts_check CHECK (request_count > 0 AND tokens_input >= 0 AND tokens_output >= 0),
  CONSTRAINT api_usage_log_cost_check CHECK (estimated_cost >= 0)
) PARTITION BY RANGE (created_at);

CREATE INDEX idx_api_usage_provider_date ON neanelu.api_usage_log (api_provider, created_at);
CREATE INDEX idx_api_usage_product ON neanelu.api_usage_log (product_id) WHERE product_id IS NOT NULL;
CREATE INDEX idx_api_usage_shop ON neanelu.api_usage_log (shop_id, created_at) WHERE shop_id IS NOT NULL;
CREATE INDEX idx_api_usage_cost ON neanelu.api_usage_log (created_at, estimated_cost) WHERE estimated_cost > 0;
CREATE INDEX idx_api_usage_errors ON neanelu.api_usage_log (api_provider, created_at) WHERE http_status >= 400;

COMMENT ON TABLE neanelu.api_usage_log IS 'Calls of outside services and what they cost, partitioned by month on created_at.';
COMMENT ON COLUMN neanelu.api_usage_log.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.api_usage_log.api_provider IS 'openai, local, ….';
COMMENT ON COLUMN neanelu.api_usage_log.endpoint IS 'Path of the endpoint.';
COMMENT ON COLUMN neanelu.api_usage_log.request_count IS 'Requests in this row.';
COMMENT ON COLUMN neanelu.api_usage_log.tokens_input IS 'Tokens sent.';
COMMENT ON COLUMN neanelu.api_usage_log.tokens_output IS 'Tokens received.';
COMMENT ON COLUMN neanelu.api_usage_log.estimated_cost IS 'USD.';
COMMENT ON COLUMN neanelu.api_usage_log.http_status IS 'Status of the answer.';
COMMENT ON COLUMN neanelu.api_usage_log.response_time_ms IS 'Milliseconds.';
COMMENT ON COLUMN neanelu.api_usage_log.job_id IS 'Job or batch it was for.';
COMMENT ON COLUMN neanelu.api_usage_log.product_id IS 'Golden record it was for; no reference: a log outlives what it logs.';
COMMENT ON COLUMN neanelu.api_usage_log.shop_id IS 'Shop it was for.';
COMMENT ON COLUMN neanelu.api_usage_log.error_message IS 'What went wrong.';
COMMENT ON COLUMN neanelu.api_usage_log.metadata IS 'Further facts: {"batch_id", "model", ..}.';
COMMENT ON COLUMN neanelu.api_usage_log.created_at IS 'When the row was made.';

CREATE VIEW neanelu.v_api_daily_costs WITH (security_invoker = true) AS
    SELECT date(created_at AT TIME ZONE 'UTC') AS date, api_provider,
           sum(request_count) AS total_requests, sum(tokens_input) AS total_input_tokens, sum(tokens_output) AS total_output_tokens,
           sum(estimated_cost) AS total_cost, count(*) FILTER (WHERE http_status >= 400) AS error_count,
           avg(response_time_ms) AS avg_response_time_ms
      FROM neanelu.api_usage_log
     GROUP BY date(created_at AT TIME ZONE 'UTC'), api_provider;
COMMENT ON VIEW neanelu.v_api_daily_costs IS 'What outside services cost, per day (UTC) and provider, as far as the caller may see api_usage_log.';
COMMENT ON COLUMN neanelu.v_api_daily_costs.total_cost IS 'USD, estimated from tokens and list prices.';

DO $partman$
BEGIN
  PERFORM partman.create_parent('neanelu.api_usage_log', 'created_at', '1 month', p_premake => 4);
END
$partman$;

-- Kept for good: dropping old months is an operator's decision (partman.part_config.retention).
UPDATE partman.part_config
   SET infinite_time_partitions = true, inherit_privileges = false
 WHERE parent_table = 'neanelu.api_usage_log';

COMMIT;
