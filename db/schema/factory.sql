-- Deploy neanelu:schema/factory to pg
-- requires: schema/pim
-- What waits for the factory: readings that belong to no golden record yet, golden records about which there is news.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.factory_sessions (
  session_id    uuid NOT NULL,
  product_id    uuid,
  queued_at     timestamptz NOT NULL DEFAULT now(),
  failed_at     timestamptz,
  error_code    varchar(5),
  error_message text,
  CONSTRAINT factory_sessions_pkey PRIMARY KEY (session_id),
  CONSTRAINT factory_sessions_session_id_fkey FOREIGN KEY (session_id) REFERENCES neanelu.prod_extraction_sessions (id) ON DELETE CASCADE,
  CONSTRAINT factory_sessions_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT factory_sessions_failed_check CHECK ((failed_at IS NULL) = (error_code IS NULL) AND (failed_at IS NULL) = (error_message IS NULL)),
  CONSTRAINT factory_sessions_code_check CHECK (error_code ~ '^[0-9A-Z]{5}$')
);

CREATE INDEX factory_sessions_product_id_idx ON neanelu.factory_sessions (product_id);
CREATE INDEX factory_sessions_failed_idx ON neanelu.factory_sessions (failed_at) WHERE failed_at IS NOT NULL;

COMMENT ON TABLE neanelu.factory_sessions IS
  'Readings (prod_extraction_sessions) that wait for pim.process; a trigger puts them in, whoever made them, and the transaction that '
  'proposes what one says for its golden record takes it out. Global: no tenant owns a row.';
COMMENT ON COLUMN neanelu.factory_sessions.session_id IS 'Reading.';
COMMENT ON COLUMN neanelu.factory_sessions.product_id IS 'Golden record that it was found to be about; null: not matched yet.';
COMMENT ON COLUMN neanelu.factory_sessions.queued_at IS 'When it came.';
COMMENT ON COLUMN neanelu.factory_sessions.failed_at IS
  'When it was found that its content cannot be matched or proposed; it is left alone until pim.retry_failed.';
COMMENT ON COLUMN neanelu.factory_sessions.error_code IS 'SQLSTATE of why.';
COMMENT ON COLUMN neanelu.factory_sessions.error_message IS 'Why, in words.';

CREATE TABLE neanelu.factory_products (
  id            uuid NOT NULL DEFAULT uuidv7(),
  product_id    uuid NOT NULL,
  queued_at     timestamptz NOT NULL DEFAULT now(),
  failed_at     timestamptz,
  error_code    varchar(5),
  error_message text,
  CONSTRAINT factory_products_pkey PRIMARY KEY (id),
  CONSTRAINT factory_products_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT factory_products_failed_check CHECK ((failed_at IS NULL) = (error_code IS NULL) AND (failed_at IS NULL) = (error_message IS NULL)),
  CONSTRAINT factory_products_code_check CHECK (error_code ~ '^[0-9A-Z]{5}$')
);

CREATE INDEX factory_products_product_id_idx ON neanelu.factory_products (product_id);
CREATE INDEX factory_products_failed_idx ON neanelu.factory_products (failed_at) WHERE failed_at IS NOT NULL;

COMMENT ON TABLE neanelu.factory_products IS
  'Golden records about which there is news: they wait to be decided, scored and described. One may wait in several rows, so that who has '
  'news never waits for who is deciding. Global: no tenant owns a row.';
COMMENT ON COLUMN neanelu.factory_products.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.factory_products.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.factory_products.queued_at IS 'When the news came.';
COMMENT ON COLUMN neanelu.factory_products.failed_at IS 'When it was found that it cannot be decided; it is left alone until pim.retry_failed.';
COMMENT ON COLUMN neanelu.factory_products.error_code IS 'SQLSTATE of why.';
COMMENT ON COLUMN neanelu.factory_products.error_message IS 'Why, in words.';

COMMIT;
