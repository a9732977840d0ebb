-- Deploy neanelu:schema/models to pg
-- requires: schema/ai
-- What the calls of models need beside module F's tables: models and their prices, budgets, the engine's view of a batch,
-- and pages that wait to be read by a model.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.ai_models (
  provider           varchar(20) NOT NULL,
  model              varchar(100) NOT NULL,
  kind               varchar(20) NOT NULL,
  input_price        numeric(12,6) NOT NULL,
  output_price       numeric(12,6) NOT NULL DEFAULT 0,
  batch_input_price  numeric(12,6) NOT NULL,
  batch_output_price numeric(12,6) NOT NULL DEFAULT 0,
  max_input_tokens   integer NOT NULL,
  max_batch_requests integer NOT NULL DEFAULT 50000,
  max_batch_bytes    bigint NOT NULL DEFAULT 190000000,
  max_batch_tokens   bigint NOT NULL DEFAULT 40000000,
  is_active          boolean NOT NULL DEFAULT true,
  updated_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT ai_models_pkey PRIMARY KEY (provider, model),
  CONSTRAINT ai_models_kind_check CHECK (kind IN ('chat', 'embedding')),
  CONSTRAINT ai_models_prices_check
    CHECK (input_price >= 0 AND output_price >= 0 AND batch_input_price >= 0 AND batch_output_price >= 0),
  CONSTRAINT ai_models_limits_check
    CHECK (max_input_tokens > 0 AND max_batch_requests > 0 AND max_batch_bytes > 0 AND max_batch_tokens > 0)
);
COMMENT ON TABLE neanelu.ai_models IS
  'Models that may be called, what they cost and how much they take at once. A model without a row is not called, because its '
  'cost is not known. Written by the deployment (list prices, to be checked against the provider''s) and ai.set_model.';
COMMENT ON COLUMN neanelu.ai_models.provider IS 'openai, or the name of another server with that interface.';
COMMENT ON COLUMN neanelu.ai_models.model IS 'Name that the provider knows it by.';
COMMENT ON COLUMN neanelu.ai_models.kind IS 'chat or embedding.';
COMMENT ON COLUMN neanelu.ai_models.input_price IS 'USD for a million tokens sent, asked one by one.';
COMMENT ON COLUMN neanelu.ai_models.output_price IS 'USD for a million tokens received, asked one by one.';
COMMENT ON COLUMN neanelu.ai_models.batch_input_price IS 'USD for a million tokens sent in batches.';
COMMENT ON COLUMN neanelu.ai_models.batch_output_price IS 'USD for a million tokens received in batches.';
COMMENT ON COLUMN neanelu.ai_models.max_input_tokens IS 'Most tokens of one input (embedding) or of one question (chat).';
COMMENT ON COLUMN neanelu.ai_models.max_batch_requests IS 'Most requests of a batch.';
COMMENT ON COLUMN neanelu.ai_models.max_batch_bytes IS 'Most bytes of a batch''s input file.';
COMMENT ON COLUMN neanelu.ai_models.max_batch_tokens IS
  'Most tokens of a batch, estimated; halved when the provider says that too many tokens wait (token_limit_exceeded).';
COMMENT ON COLUMN neanelu.ai_models.is_active IS 'False: nothing new is asked of it.';
COMMENT ON COLUMN neanelu.ai_models.updated_at IS 'When the row last changed.';

INSERT INTO neanelu.ai_models
  (provider, model, kind, input_price, output_price, batch_input_price, batch_output_price, max_input_tokens) VALUES
  ('openai', 'gpt-4.1-mini', 'chat', 0.40, 1.60, 0.20, 0.80, 100000),
  ('openai', 'gpt-4.1-nano', 'chat', 0.10, 0.40, 0.05, 0.20, 100000),
  ('openai', 'gpt-4o-mini', 'chat', 0.15, 0.60, 0.075, 0.30, 100000),
  ('openai', 'text-embedding-3-small', 'embedding', 0.02, 0, 0.01, 0, 8192),
  ('openai', 'text-embedding-3-large', 'embedding', 0.13, 0, 0.065, 0, 8192);

CREATE TABLE neanelu.ai_budgets (
  provider      varchar(20) NOT NULL,
  monthly_limit numeric(12,4) NOT NULL,
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT ai_budgets_pkey PRIMARY KEY (provider),
  CONSTRAINT ai_budgets_limit_check CHECK (monthly_limit >= 0)
);
COMMENT ON TABLE neanelu.ai_budgets IS
  'What may be spent at a provider in a month. A provider without a row may cost nothing. Written by ai.set_budget.';
COMMENT ON COLUMN neanelu.ai_budgets.provider IS 'Provider.';
COMMENT ON COLUMN neanelu.ai_budgets.monthly_limit IS 'USD in a month of UTC; reservations count until they are settled.';
COMMENT ON COLUMN neanelu.ai_budgets.updated_at IS 'When the row last changed.';

INSERT INTO neanelu.ai_budgets (provider, monthly_limit) VALUES ('openai', 10);

CREATE TABLE neanelu.ai_spending (
  provider varchar(20) NOT NULL,
  month    date NOT NULL,
  spent    numeric(16,8) NOT NULL DEFAULT 0,
  reserved numeric(16,8) NOT NULL DEFAULT 0,
  CONSTRAINT ai_spending_pkey PRIMARY KEY (provider, month),
  CONSTRAINT ai_spending_month_check CHECK (month = date_trunc('month', month::timestamp)::date),
  CONSTRAINT ai_spending_amounts_check CHECK (spent >= 0 AND reserved >= 0)
);
COMMENT ON TABLE neanelu.ai_spending IS
  'What was spent at a provider in a month, and what is reserved for work under way. Its row serialises reservations.';
COMMENT ON COLUMN neanelu.ai_spending.provider IS 'Provider.';
COMMENT ON COLUMN neanelu.ai_spending.month IS 'First day of the month, UTC.';
COMMENT ON COLUMN neanelu.ai_spending.spent IS 'USD, exact where api_usage_log rounds to hundredths of a cent.';
COMMENT ON COLUMN neanelu.ai_spending.reserved IS 'USD: sum of the month''s open reservations.';

CREATE TABLE neanelu.ai_reservations (
  id         uuid NOT NULL DEFAULT uuidv7(),
  provider   varchar(20) NOT NULL,
  month      date NOT NULL,
  amount     numeric(16,8) NOT NULL,
  purpose    text,
  created_at timestamptz NOT NULL DEFAULT now(),
  settled_at timestamptz,
  CONSTRAINT ai_reservations_pkey PRIMARY KEY (id),
  CONSTRAINT ai_reservations_provider_month_fkey
    FOREIGN KEY (provider, month) REFERENCES neanelu.ai_spending (provider, month) ON DELETE RESTRICT,
  CONSTRAINT ai_reservations_amount_check CHECK (amount >= 0)
);
CREATE INDEX idx_ai_reservations_month ON neanelu.ai_reservations (provider, month);
COMMENT ON TABLE neanelu.ai_reservations IS
  'Parts of a budget that are put aside before something is asked, and given back when its cost is known. Written by ai.reserve_budget '
  'and ai.settle_budget.';
COMMENT ON COLUMN neanelu.ai_reservations.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.ai_reservations.provider IS 'Provider.';
COMMENT ON COLUMN neanelu.ai_reservations.month IS 'Month whose budget it is of.';
COMMENT ON COLUMN neanelu.ai_reservations.amount IS 'USD: the most that it can come to.';
COMMENT ON COLUMN neanelu.ai_reservations.purpose IS 'What for: the batch''s id.';
COMMENT ON COLUMN neanelu.ai_reservations.created_at IS 'When it was made.';
COMMENT ON COLUMN neanelu.ai_reservations.settled_at IS 'When it was given back; null while it counts.';

CREATE TABLE neanelu.ai_batch_runs (
  batch_id           uuid NOT NULL,
  ai_batch_id        uuid,
  embedding_batch_id uuid,
  provider           varchar(20) NOT NULL,
  model              varchar(100) NOT NULL,
  endpoint           varchar(100) NOT NULL,
  attempt            integer NOT NULL DEFAULT 1,
  max_attempts       integer NOT NULL DEFAULT 5,
  is_open            boolean NOT NULL DEFAULT true,
  is_direct          boolean NOT NULL DEFAULT false,
  input_bytes        bigint NOT NULL DEFAULT 0,
  input_tokens       bigint NOT NULL DEFAULT 0,
  output_tokens_max  bigint NOT NULL DEFAULT 0,
  tokens_in          bigint NOT NULL DEFAULT 0,
  tokens_out         bigint NOT NULL DEFAULT 0,
  reservation_id     uuid,
  provider_status    varchar(20),
  input_file_id      varchar(100),
  output_file_id     varchar(100),
  error_file_id      varchar(100),
  polls              integer NOT NULL DEFAULT 0,
  is_cancelling      boolean NOT NULL DEFAULT false,
  next_step_at       timestamptz,
  lease_token        uuid,
  leased_by          varchar(100),
  lease_expires_at   timestamptz,
  last_error         text,
  updated_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT ai_batch_runs_pkey PRIMARY KEY (batch_id),
  CONSTRAINT ai_batch_runs_ai_batch_id_fkey FOREIGN KEY (ai_batch_id) REFERENCES neanelu.ai_batches (id) ON DELETE CASCADE,
  CONSTRAINT ai_batch_runs_embedding_batch_id_fkey
    FOREIGN KEY (embedding_batch_id) REFERENCES neanelu.embedding_batches (id) ON DELETE CASCADE,
  CONSTRAINT ai_batch_runs_model_fkey
    FOREIGN KEY (provider, model) REFERENCES neanelu.ai_models (provider, model) ON DELETE RESTRICT,
  CONSTRAINT ai_batch_runs_reservation_id_fkey FOREIGN KEY (reservation_id) REFERENCES neanelu.ai_reservations (id) ON DELETE SET NULL,
  CONSTRAINT ai_batch_runs_one_check
    CHECK (num_nonnulls(ai_batch_id, embedding_batch_id) = 1 AND batch_id = coalesce(ai_batch_id, embedding_batch_id)),
  CONSTRAINT ai_batch_runs_lease_check CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL)),
  CONSTRAINT ai_batch_runs_attempt_check CHECK (attempt BETWEEN 1 AND 100 AND max_attempts >= 1),
  CONSTRAINT ai_batch_runs_status_check CHECK (provider_status IN (
    'validating', 'failed', 'in_progress', 'finalizing', 'completed', 'expired', 'cancelling', 'cancelled'))
);
CREATE INDEX idx_ai_batch_runs_next ON neanelu.ai_batch_runs (next_step_at) WHERE next_step_at IS NOT NULL;
CREATE INDEX idx_ai_batch_runs_ai ON neanelu.ai_batch_runs (ai_batch_id) WHERE ai_batch_id IS NOT NULL;
CREATE INDEX idx_ai_batch_runs_embedding ON neanelu.ai_batch_runs (embedding_batch_id) WHERE embedding_batch_id IS NOT NULL;
CREATE INDEX idx_ai_batch_runs_reservation ON neanelu.ai_batch_runs (reservation_id) WHERE reservation_id IS NOT NULL;
CREATE INDEX idx_ai_batch_runs_model ON neanelu.ai_batch_runs (provider, model);
COMMENT ON TABLE neanelu.ai_batch_runs IS
  'How far the daemon is with a batch of ai_batches or embedding_batches: who holds it, what comes next and when. Written by functions of '
  'schema ai only.';
COMMENT ON COLUMN neanelu.ai_batch_runs.batch_id IS 'Id of the batch, whichever of the two tables it is in.';
COMMENT ON COLUMN neanelu.ai_batch_runs.ai_batch_id IS 'The same, when it is in ai_batches.';
COMMENT ON COLUMN neanelu.ai_batch_runs.embedding_batch_id IS 'The same, when it is in embedding_batches.';
COMMENT ON COLUMN neanelu.ai_batch_runs.provider IS 'Provider.';
COMMENT ON COLUMN neanelu.ai_batch_runs.model IS 'Model that every request of it asks.';
COMMENT ON COLUMN neanelu.ai_batch_runs.endpoint IS 'Path that every request of it goes to: /v1/chat/completions, /v1/embeddings.';
COMMENT ON COLUMN neanelu.ai_batch_runs.attempt IS 'How often its items have been asked, this time included.';
COMMENT ON COLUMN neanelu.ai_batch_runs.max_attempts IS 'After so many an item without an answer has failed.';
COMMENT ON COLUMN neanelu.ai_batch_runs.is_open IS 'True while further items may be put in.';
COMMENT ON COLUMN neanelu.ai_batch_runs.is_direct IS 'True: its requests are sent one by one, not as a batch.';
COMMENT ON COLUMN neanelu.ai_batch_runs.input_bytes IS 'Bytes of the requests, about.';
COMMENT ON COLUMN neanelu.ai_batch_runs.input_tokens IS 'Tokens of the requests, estimated.';
COMMENT ON COLUMN neanelu.ai_batch_runs.output_tokens_max IS 'Tokens that the answers can have together.';
COMMENT ON COLUMN neanelu.ai_batch_runs.tokens_in IS 'Tokens sent and paid for, as the answers say.';
COMMENT ON COLUMN neanelu.ai_batch_runs.tokens_out IS 'Tokens received and paid for, as the answers say.';
COMMENT ON COLUMN neanelu.ai_batch_runs.reservation_id IS 'Part of the budget that is put aside for it.';
COMMENT ON COLUMN neanelu.ai_batch_runs.provider_status IS 'Status at the provider when last looked at.';
COMMENT ON COLUMN neanelu.ai_batch_runs.input_file_id IS 'The provider''s file with the requests.';
COMMENT ON COLUMN neanelu.ai_batch_runs.output_file_id IS 'The provider''s file with the answers.';
COMMENT ON COLUMN neanelu.ai_batch_runs.error_file_id IS 'The provider''s file with the errors.';
COMMENT ON COLUMN neanelu.ai_batch_runs.polls IS 'How often the provider was asked how it does; pauses grow with it.';
COMMENT ON COLUMN neanelu.ai_batch_runs.is_cancelling IS 'Somebody wants it cancelled: what is there is taken, the rest not asked again.';
COMMENT ON COLUMN neanelu.ai_batch_runs.next_step_at IS 'When it is to be looked at next; null when it has ended.';
COMMENT ON COLUMN neanelu.ai_batch_runs.lease_token IS 'Must be shown with every call about the batch; a newer lease makes it worthless.';
COMMENT ON COLUMN neanelu.ai_batch_runs.leased_by IS 'Daemon that holds it: host and process.';
COMMENT ON COLUMN neanelu.ai_batch_runs.lease_expires_at IS 'From then on another daemon may have it.';
COMMENT ON COLUMN neanelu.ai_batch_runs.last_error IS 'What went wrong last, when it may still pass.';
COMMENT ON COLUMN neanelu.ai_batch_runs.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.ai_extractions (
  id                 uuid NOT NULL DEFAULT uuidv7(),
  harvest_id         uuid NOT NULL,
  harvest_fetched_at timestamptz NOT NULL,
  status             varchar(20) NOT NULL DEFAULT 'requested',
  taxonomy_id        uuid,
  asked              jsonb,
  page_text          text,
  item_id            uuid,
  session_id         uuid,
  refused            jsonb NOT NULL DEFAULT '[]',
  error_code         varchar(5),
  error_message      text,
  attempts           integer NOT NULL DEFAULT 0,
  lease_expires_at   timestamptz,
  created_at         timestamptz NOT NULL DEFAULT now(),
  done_at            timestamptz,
  CONSTRAINT ai_extractions_pkey PRIMARY KEY (id),
  CONSTRAINT ai_extractions_harvest_id_fkey
    FOREIGN KEY (harvest_id, harvest_fetched_at) REFERENCES neanelu.prod_raw_harvest (id, fetched_at) ON DELETE CASCADE,
  CONSTRAINT ai_extractions_taxonomy_id_fkey FOREIGN KEY (taxonomy_id) REFERENCES neanelu.prod_taxonomy (id) ON DELETE SET NULL,
  CONSTRAINT ai_extractions_item_id_fkey FOREIGN KEY (item_id) REFERENCES neanelu.ai_batch_items (id) ON DELETE SET NULL,
  CONSTRAINT ai_extractions_session_id_fkey
    FOREIGN KEY (session_id) REFERENCES neanelu.prod_extraction_sessions (id) ON DELETE SET NULL,
  CONSTRAINT ai_extractions_status_check CHECK (status IN ('requested', 'queued', 'completed', 'failed')),
  CONSTRAINT ai_extractions_done_check CHECK ((status IN ('completed', 'failed')) = (done_at IS NOT NULL)),
  CONSTRAINT ai_extractions_error_check CHECK ((status = 'failed') = (error_code IS NOT NULL)),
  CONSTRAINT ai_extractions_text_check CHECK (status <> 'queued' OR num_nulls(page_text, asked) = 0),
  CONSTRAINT ai_extractions_refused_check CHECK (jsonb_typeof(refused) = 'array')
);
CREATE UNIQUE INDEX ai_extractions_one_open_key
    ON neanelu.ai_extractions (harvest_id, harvest_fetched_at) WHERE status IN ('requested', 'queued');
CREATE INDEX idx_ai_extractions_harvest ON neanelu.ai_extractions (harvest_id, harvest_fetched_at);
CREATE INDEX idx_ai_extractions_waiting ON neanelu.ai_extractions (id) WHERE status = 'requested';
CREATE INDEX idx_ai_extractions_item ON neanelu.ai_extractions (item_id) WHERE item_id IS NOT NULL;
CREATE INDEX idx_ai_extractions_session ON neanelu.ai_extractions (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX idx_ai_extractions_taxonomy ON neanelu.ai_extractions (taxonomy_id) WHERE taxonomy_id IS NOT NULL;
COMMENT ON TABLE neanelu.ai_extractions IS
  'Harvested pages that a model is to read, what it was asked, and what of its answer was refused. Written by functions of schema ai only.';
COMMENT ON COLUMN neanelu.ai_extractions.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.ai_extractions.harvest_id IS 'Document to read, with harvest_fetched_at.';
COMMENT ON COLUMN neanelu.ai_extractions.harvest_fetched_at IS 'Partition key of the document.';
COMMENT ON COLUMN neanelu.ai_extractions.status IS 'requested (its text is not made yet), queued (an item asks), completed or failed.';
COMMENT ON COLUMN neanelu.ai_extractions.taxonomy_id IS 'Category whose attributes are asked for; null: any that the page names.';
COMMENT ON COLUMN neanelu.ai_extractions.asked IS
  'What is asked for: {"fields": [names], "attributes": [names], "any_attribute": whether others count, too}.';
COMMENT ON COLUMN neanelu.ai_extractions.page_text IS
  'Visible text of the page as it was sent; snippets must occur in it. Emptied some days after the end (ai.purge).';
COMMENT ON COLUMN neanelu.ai_extractions.item_id IS 'Request that asks; pages with the same text share one.';
COMMENT ON COLUMN neanelu.ai_extractions.session_id IS 'Session that came of it.';
COMMENT ON COLUMN neanelu.ai_extractions.refused IS
  'What the answer had and was not taken: [{"name", "value", "snippet", "code"}]; codes in docs/errors.md.';
COMMENT ON COLUMN neanelu.ai_extractions.error_code IS 'Why it failed, a code of docs/errors.md.';
COMMENT ON COLUMN neanelu.ai_extractions.error_message IS 'The same in words.';
COMMENT ON COLUMN neanelu.ai_extractions.attempts IS 'How often a daemon took the page to make its text.';
COMMENT ON COLUMN neanelu.ai_extractions.lease_expires_at IS 'Until then a daemon is making its text.';
COMMENT ON COLUMN neanelu.ai_extractions.created_at IS 'When it was asked for.';
COMMENT ON COLUMN neanelu.ai_extractions.done_at IS 'When it ended.';

COMMIT;
