-- Deploy neanelu:schema/scraper to pg
-- requires: schema/pim
-- Module L: scrapers, their runs and their queue.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.scraper_configs (
  id                 uuid NOT NULL DEFAULT uuidv7(),
  source_id          uuid NOT NULL,
  name               varchar(100) NOT NULL,
  scraper_type       varchar(50) NOT NULL,
  target_url_pattern text NOT NULL,
  selectors          jsonb NOT NULL,
  pagination_config  jsonb,
  rate_limit         jsonb,
  retry_config       jsonb,
  headers            jsonb NOT NULL DEFAULT '{}',
  cookies            jsonb NOT NULL DEFAULT '{}',
  proxy_config       jsonb,
  is_active          boolean NOT NULL DEFAULT true,
  last_run_at        timestamptz,
  success_rate       numeric(5,2),
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT scraper_configs_pkey PRIMARY KEY (id),
  CONSTRAINT scraper_configs_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE CASCADE,
  CONSTRAINT scraper_configs_type_check CHECK (scraper_type IN ('HTTP', 'CHEERIO', 'PLAYWRIGHT', 'PUPPETEER')),
  CONSTRAINT scraper_configs_rate_check CHECK (success_rate BETWEEN 0 AND 100)
);

CREATE INDEX idx_scraper_configs_source ON neanelu.scraper_configs (source_id);
CREATE INDEX idx_scraper_configs_active ON neanelu.scraper_configs (is_active, scraper_type);
CREATE UNIQUE INDEX idx_scraper_configs_name ON neanelu.scraper_configs (source_id, name);

COMMENT ON TABLE neanelu.scraper_configs IS 'How pages of a source are fetched and read.';
COMMENT ON COLUMN neanelu.scraper_configs.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.scraper_configs.source_id IS 'Source.';
COMMENT ON COLUMN neanelu.scraper_configs.name IS 'Name, unique per source.';
COMMENT ON COLUMN neanelu.scraper_configs.scraper_type IS
  'HTTP (fetched as it is). The contract''s names of other tools are taken as HTTP with those selectors.';
COMMENT ON COLUMN neanelu.scraper_configs.target_url_pattern IS 'Regular expression of the URLs that it is for.';
COMMENT ON COLUMN neanelu.scraper_configs.selectors IS
  'What to read: {"links": css, "fields": {field: css}}; empty: structured data and the model do it.';
COMMENT ON COLUMN neanelu.scraper_configs.pagination_config IS '{"type", "selector", "max_pages", "max_depth"}.';
COMMENT ON COLUMN neanelu.scraper_configs.rate_limit IS 'As in prod_sources; wins over it.';
COMMENT ON COLUMN neanelu.scraper_configs.retry_config IS '{"max_attempts", "backoff_seconds"}.';
COMMENT ON COLUMN neanelu.scraper_configs.headers IS 'Request headers. No secrets.';
COMMENT ON COLUMN neanelu.scraper_configs.cookies IS 'Cookies to send. No secrets.';
COMMENT ON COLUMN neanelu.scraper_configs.proxy_config IS 'Proxy to use.';
COMMENT ON COLUMN neanelu.scraper_configs.is_active IS 'False: nothing is fetched by it.';
COMMENT ON COLUMN neanelu.scraper_configs.last_run_at IS 'When it last ran.';
COMMENT ON COLUMN neanelu.scraper_configs.success_rate IS 'Per cent of its finished pages that were fetched well.';
COMMENT ON COLUMN neanelu.scraper_configs.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.scraper_configs.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.scraper_runs (
  id               uuid NOT NULL DEFAULT uuidv7(),
  config_id        uuid NOT NULL,
  source_id        uuid NOT NULL,
  status           varchar(20) NOT NULL DEFAULT 'pending',
  trigger_type     varchar(30),
  target_urls      text[],
  pages_crawled    integer NOT NULL DEFAULT 0,
  products_found   integer NOT NULL DEFAULT 0,
  products_updated integer NOT NULL DEFAULT 0,
  errors_count     integer NOT NULL DEFAULT 0,
  error_log        jsonb NOT NULL DEFAULT '[]',
  started_at       timestamptz,
  completed_at     timestamptz,
  duration_ms      integer,
  memory_peak_mb   integer,
  created_at       timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT scraper_runs_pkey PRIMARY KEY (id),
  CONSTRAINT scraper_runs_config_id_fkey FOREIGN KEY (config_id) REFERENCES neanelu.scraper_configs (id) ON DELETE CASCADE,
  CONSTRAINT scraper_runs_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE CASCADE,
  CONSTRAINT scraper_runs_status_check CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
  CONSTRAINT scraper_runs_trigger_check CHECK (trigger_type IN ('manual', 'scheduled', 'webhook')),
  CONSTRAINT scraper_runs_times_check CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
  CONSTRAINT scraper_runs_counts_check CHECK (pages_crawled >= 0 AND products_found >= 0 AND products_updated >= 0 AND errors_count >= 0)
);

CREATE INDEX idx_scraper_runs_config ON neanelu.scraper_runs (config_id, created_at DESC);
CREATE INDEX idx_scraper_runs_status ON neanelu.scraper_runs (status, created_at DESC);
CREATE INDEX idx_scraper_runs_source ON neanelu.scraper_runs (source_id, created_at DESC);

COMMENT ON TABLE neanelu.scraper_runs IS 'Runs of a scraper.';
COMMENT ON COLUMN neanelu.scraper_runs.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.scraper_runs.config_id IS 'Configuration.';
COMMENT ON COLUMN neanelu.scraper_runs.source_id IS 'Its source.';
COMMENT ON COLUMN neanelu.scraper_runs.status IS 'pending, running, completed, failed or cancelled.';
COMMENT ON COLUMN neanelu.scraper_runs.trigger_type IS 'manual, scheduled or webhook.';
COMMENT ON COLUMN neanelu.scraper_runs.target_urls IS 'URLs to fetch; null: what is queued.';
COMMENT ON COLUMN neanelu.scraper_runs.pages_crawled IS 'Pages fetched.';
COMMENT ON COLUMN neanelu.scraper_runs.products_found IS 'Documents that were stored.';
COMMENT ON COLUMN neanelu.scraper_runs.products_updated IS 'Of these, changed ones of known pages.';
COMMENT ON COLUMN neanelu.scraper_runs.errors_count IS 'Pages that failed.';
COMMENT ON COLUMN neanelu.scraper_runs.error_log IS 'The last hundred errors: [{"url", "error", "timestamp"}].';
COMMENT ON COLUMN neanelu.scraper_runs.started_at IS 'When it began.';
COMMENT ON COLUMN neanelu.scraper_runs.completed_at IS 'When it ended.';
COMMENT ON COLUMN neanelu.scraper_runs.duration_ms IS 'Milliseconds between.';
COMMENT ON COLUMN neanelu.scraper_runs.memory_peak_mb IS 'Peak memory of the daemon, MB.';
COMMENT ON COLUMN neanelu.scraper_runs.created_at IS 'When the row was made.';

CREATE TABLE neanelu.scraper_queue (
  id              uuid NOT NULL DEFAULT uuidv7(),
  config_id       uuid NOT NULL,
  url             text NOT NULL,
  priority        integer NOT NULL DEFAULT 0,
  depth           integer NOT NULL DEFAULT 0,
  parent_url      text,
  status          varchar(20) NOT NULL DEFAULT 'pending',
  attempts        integer NOT NULL DEFAULT 0,
  max_attempts    integer NOT NULL DEFAULT 3,
  last_attempt_at timestamptz,
  next_attempt_at timestamptz,
  error_message   text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT scraper_queue_pkey PRIMARY KEY (id),
  CONSTRAINT scraper_queue_config_id_fkey FOREIGN KEY (config_id) REFERENCES neanelu.scraper_configs (id) ON DELETE CASCADE,
  CONSTRAINT scraper_queue_status_check CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
  CONSTRAINT scraper_queue_attempts_check CHECK (attempts BETWEEN 0 AND max_attempts),
  CONSTRAINT scraper_queue_depth_check CHECK (depth >= 0),
  CONSTRAINT scraper_queue_url_check CHECK (url ~ '^https?://')
);

CREATE INDEX idx_scraper_queue_pending ON neanelu.scraper_queue (config_id, priority DESC, created_at) WHERE status = 'pending';
CREATE INDEX idx_scraper_queue_url ON neanelu.scraper_queue (url);
CREATE INDEX idx_scraper_queue_next ON neanelu.scraper_queue (next_attempt_at) WHERE status = 'pending';
CREATE UNIQUE INDEX idx_scraper_queue_unique ON neanelu.scraper_queue (config_id, url);

COMMENT ON TABLE neanelu.scraper_queue IS 'URLs to fetch.';
COMMENT ON COLUMN neanelu.scraper_queue.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.scraper_queue.config_id IS 'Configuration.';
COMMENT ON COLUMN neanelu.scraper_queue.url IS 'Page.';
COMMENT ON COLUMN neanelu.scraper_queue.priority IS 'Higher first.';
COMMENT ON COLUMN neanelu.scraper_queue.depth IS 'Links from the first page.';
COMMENT ON COLUMN neanelu.scraper_queue.parent_url IS 'Page that led here.';
COMMENT ON COLUMN neanelu.scraper_queue.status IS 'pending, processing, completed or failed.';
COMMENT ON COLUMN neanelu.scraper_queue.attempts IS 'Fetches so far.';
COMMENT ON COLUMN neanelu.scraper_queue.max_attempts IS 'Fetches before it is failed.';
COMMENT ON COLUMN neanelu.scraper_queue.last_attempt_at IS 'When it was last fetched.';
COMMENT ON COLUMN neanelu.scraper_queue.next_attempt_at IS 'Not before.';
COMMENT ON COLUMN neanelu.scraper_queue.error_message IS 'What the last fetch said.';
COMMENT ON COLUMN neanelu.scraper_queue.created_at IS 'When the row was made.';

COMMIT;
