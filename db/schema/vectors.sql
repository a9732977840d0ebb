-- Deploy neanelu:schema/vectors to pg
-- requires: schema/attributes
-- requires: schema/ai
-- What waits for a vector, which models make them, and the words that catalogues are searched by.
--
-- Vectors of two models are never compared, so each model has indexes of its own: over a half precision cut to the model's
-- dimensions, a quarter of the bytes of what the tables keep. The contract's two indexes belong to text-embedding-3-small.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.embedding_models (
  name       varchar(50) NOT NULL,
  provider   varchar(20) NOT NULL,
  dimensions integer NOT NULL,
  max_bytes  integer NOT NULL,
  is_default boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT embedding_models_pkey PRIMARY KEY (name),
  CONSTRAINT embedding_models_name_check CHECK (name ~ '^[a-z0-9][a-z0-9._-]*$'),
  CONSTRAINT embedding_models_provider_check CHECK (provider IN ('local', 'openai')),
  CONSTRAINT embedding_models_dimensions_check CHECK (dimensions BETWEEN 1 AND 1536),
  CONSTRAINT embedding_models_bytes_check CHECK (max_bytes BETWEEN 100 AND 16384)
);
CREATE UNIQUE INDEX idx_embedding_models_default ON neanelu.embedding_models (is_default) WHERE is_default;

COMMENT ON TABLE neanelu.embedding_models IS 'Models that make vectors. One is the default: it gets the texts, and searches use its vectors.';
COMMENT ON COLUMN neanelu.embedding_models.name IS 'Name, as in model_version of the vectors and at the provider.';
COMMENT ON COLUMN neanelu.embedding_models.provider IS 'local (this machine, no key) or openai (any server with that interface).';
COMMENT ON COLUMN neanelu.embedding_models.dimensions IS 'Dimensions of its vectors; stored ones are padded with zeros to 1536, which keeps cosine distances.';
COMMENT ON COLUMN neanelu.embedding_models.max_bytes IS
  'Longest text in UTF-8 bytes, longer ones are cut. At two bytes a token, less than any text has, 16384 is the 8192 tokens that OpenAI takes.';
COMMENT ON COLUMN neanelu.embedding_models.is_default IS 'The one in use; ai.use_model changes it.';
COMMENT ON COLUMN neanelu.embedding_models.created_at IS 'When the row was made.';

INSERT INTO neanelu.embedding_models (name, provider, dimensions, max_bytes, is_default) VALUES
  ('all-minilm-l6-v2', 'local', 384, 2048, true),
  ('text-embedding-3-small', 'openai', 1536, 16384, false),
  ('text-embedding-3-large', 'openai', 1536, 16384, false);

CREATE TABLE neanelu.embedding_items (
  id              uuid NOT NULL DEFAULT uuidv7(),
  kind            varchar(20) NOT NULL,
  shop_id         uuid,
  shop_product_id uuid,
  product_id      uuid,
  definition_id   uuid,
  embedding_type  varchar(50) NOT NULL,
  model           varchar(50) NOT NULL,
  content         text,
  content_hash    varchar(64) NOT NULL,
  tokens          integer NOT NULL DEFAULT 0,
  status          varchar(20) NOT NULL DEFAULT 'pending',
  attempts        integer NOT NULL DEFAULT 0,
  available_at    timestamptz NOT NULL DEFAULT now(),
  batch_id        uuid,
  error_message   text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT embedding_items_pkey PRIMARY KEY (id),
  CONSTRAINT embedding_items_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT embedding_items_shop_product_id_fkey FOREIGN KEY (shop_id, shop_product_id) REFERENCES neanelu.shopify_products (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT embedding_items_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT embedding_items_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES neanelu.prod_attr_definitions (id) ON DELETE CASCADE,
  CONSTRAINT embedding_items_model_fkey FOREIGN KEY (model) REFERENCES neanelu.embedding_models (name) ON DELETE RESTRICT,
  CONSTRAINT embedding_items_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES neanelu.embedding_batches (id) ON DELETE CASCADE,
  CONSTRAINT embedding_items_kind_check
    CHECK (CASE kind WHEN 'product' THEN product_id IS NOT NULL AND num_nonnulls(shop_id, shop_product_id, definition_id) = 0
                     WHEN 'shop_product' THEN num_nonnulls(shop_id, shop_product_id) = 2 AND num_nonnulls(product_id, definition_id) = 0
                     WHEN 'attribute' THEN definition_id IS NOT NULL AND num_nonnulls(shop_id, shop_product_id, product_id) = 0
                     WHEN 'text' THEN num_nonnulls(shop_id, shop_product_id, product_id, definition_id) = 0
                     ELSE false END),
  CONSTRAINT embedding_items_type_check
    CHECK (CASE kind WHEN 'product' THEN embedding_type IN ('title', 'description', 'specs', 'combined')
                     WHEN 'shop_product' THEN embedding_type IN ('title', 'description', 'combined')
                     ELSE embedding_type = kind END),
  CONSTRAINT embedding_items_status_check CHECK (status IN ('pending', 'claimed', 'batched', 'failed', 'done')),
  CONSTRAINT embedding_items_done_check CHECK ((status = 'done') = (content IS NULL) AND (status <> 'done' OR kind = 'attribute')),
  CONSTRAINT embedding_items_content_check CHECK (content <> ''),
  CONSTRAINT embedding_items_batch_check CHECK ((status = 'batched') = (batch_id IS NOT NULL)),
  CONSTRAINT embedding_items_error_check CHECK (status <> 'failed' OR error_message IS NOT NULL),
  CONSTRAINT embedding_items_hash_check CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  CONSTRAINT embedding_items_counts_check CHECK (tokens >= 0 AND attempts >= 0)
);

CREATE UNIQUE INDEX idx_embedding_items_product ON neanelu.embedding_items (product_id, embedding_type, model) WHERE product_id IS NOT NULL;
CREATE UNIQUE INDEX idx_embedding_items_shop_product ON neanelu.embedding_items (shop_id, shop_product_id, embedding_type, model) WHERE shop_product_id IS NOT NULL;
CREATE UNIQUE INDEX idx_embedding_items_definition ON neanelu.embedding_items (definition_id, model) WHERE definition_id IS NOT NULL;
CREATE UNIQUE INDEX idx_embedding_items_text ON neanelu.embedding_items (model, content_hash) WHERE kind = 'text';
CREATE INDEX idx_embedding_items_due ON neanelu.embedding_items (model, available_at, id) WHERE status IN ('pending', 'claimed');
CREATE INDEX idx_embedding_items_batch ON neanelu.embedding_items (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX idx_embedding_items_failed ON neanelu.embedding_items (model, updated_at) WHERE status = 'failed';

COMMENT ON TABLE neanelu.embedding_items IS
  'Texts that wait for a vector, one row a thing, kind of text and model. Filled by ai.collect_texts; a row goes when its vector is '
  'stored (ai.store_vectors), those of attributes stay as done, for their hash.';
COMMENT ON COLUMN neanelu.embedding_items.id IS 'Id, ordered by time of making; with the hash''s beginning it is the custom_id that a provider sees.';
COMMENT ON COLUMN neanelu.embedding_items.kind IS 'product (golden record), shop_product, attribute (definition) or text (free standing, such as a name of an attribute).';
COMMENT ON COLUMN neanelu.embedding_items.shop_id IS 'Shop of a shop_product; null for what belongs to no tenant.';
COMMENT ON COLUMN neanelu.embedding_items.shop_product_id IS 'Product of the shop, when kind is shop_product.';
COMMENT ON COLUMN neanelu.embedding_items.product_id IS 'Golden record, when kind is product.';
COMMENT ON COLUMN neanelu.embedding_items.definition_id IS 'Attribute, when kind is attribute.';
COMMENT ON COLUMN neanelu.embedding_items.embedding_type IS 'title, description, specs or combined; attribute or text for those kinds.';
COMMENT ON COLUMN neanelu.embedding_items.model IS 'Model that is to make the vector.';
COMMENT ON COLUMN neanelu.embedding_items.content IS 'The text, cut to what the model takes; null when done.';
COMMENT ON COLUMN neanelu.embedding_items.content_hash IS 'SHA-256 of the text, hexadecimal. A vector that comes for another hash is dropped.';
COMMENT ON COLUMN neanelu.embedding_items.tokens IS 'Tokens it will hardly exceed: a third of its bytes.';
COMMENT ON COLUMN neanelu.embedding_items.status IS 'pending, claimed (by a daemon, until available_at), batched (in batch_id), failed or done.';
COMMENT ON COLUMN neanelu.embedding_items.attempts IS 'How often it was claimed for its present text; after eight without a vector it is failed.';
COMMENT ON COLUMN neanelu.embedding_items.available_at IS 'When it may be claimed, or claimed again.';
COMMENT ON COLUMN neanelu.embedding_items.batch_id IS 'Batch that it is in; ai.release_texts takes it out.';
COMMENT ON COLUMN neanelu.embedding_items.error_message IS 'Why it failed, last time.';
COMMENT ON COLUMN neanelu.embedding_items.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.embedding_items.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.embedding_sweeps (
  id           uuid NOT NULL DEFAULT uuidv7(),
  purpose      varchar(120) NOT NULL,
  shop_id      uuid,
  horizon      xid8,
  next_horizon xid8,
  cursor_id    uuid,
  swept_at     timestamptz,
  CONSTRAINT embedding_sweeps_pkey PRIMARY KEY (id),
  CONSTRAINT embedding_sweeps_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT embedding_sweeps_cursor_check CHECK ((cursor_id IS NULL) = (next_horizon IS NULL))
);
CREATE UNIQUE INDEX idx_embedding_sweeps_purpose ON neanelu.embedding_sweeps (shop_id, purpose) NULLS NOT DISTINCT;

COMMENT ON TABLE neanelu.embedding_sweeps IS
  'How far texts were looked at. Rows written since then are found by their transaction, not by a time: no change is missed that was '
  'committed late.';
COMMENT ON COLUMN neanelu.embedding_sweeps.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.embedding_sweeps.purpose IS 'kind/embedding_type/model of vectors, or words.';
COMMENT ON COLUMN neanelu.embedding_sweeps.shop_id IS 'Shop whose products are looked at; null for what belongs to no tenant.';
COMMENT ON COLUMN neanelu.embedding_sweeps.horizon IS 'What older transactions wrote was seen by a sweep that is complete; null: nothing was.';
COMMENT ON COLUMN neanelu.embedding_sweeps.next_horizon IS 'The horizon once the sweep that is under way is complete; null when none is.';
COMMENT ON COLUMN neanelu.embedding_sweeps.cursor_id IS 'The sweep under way has come to here; null when none is.';
COMMENT ON COLUMN neanelu.embedding_sweeps.swept_at IS 'When a sweep was last complete.';

CREATE TABLE neanelu.embedding_texts (
  id            uuid NOT NULL DEFAULT uuidv7(),
  model_version varchar(50) NOT NULL,
  content       text NOT NULL,
  content_hash  varchar(64) NOT NULL,
  embedding     extensions.vector(1536) NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT embedding_texts_pkey PRIMARY KEY (id),
  CONSTRAINT embedding_texts_model_fkey FOREIGN KEY (model_version) REFERENCES neanelu.embedding_models (name) ON DELETE RESTRICT,
  CONSTRAINT embedding_texts_hash_check CHECK (content_hash ~ '^[0-9a-f]{64}$')
);
CREATE UNIQUE INDEX idx_embedding_texts_hash ON neanelu.embedding_texts (model_version, content_hash);

COMMENT ON TABLE neanelu.embedding_texts IS
  'Vectors of free standing texts that were asked for by ai.request_vectors: names of attributes, questions. A cache: rows can be made again.';
COMMENT ON COLUMN neanelu.embedding_texts.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.embedding_texts.model_version IS 'Model; vectors of two models are never compared.';
COMMENT ON COLUMN neanelu.embedding_texts.content IS 'The text.';
COMMENT ON COLUMN neanelu.embedding_texts.content_hash IS 'SHA-256 of the text, hexadecimal.';
COMMENT ON COLUMN neanelu.embedding_texts.embedding IS 'Unit vector, padded with zeros.';
COMMENT ON COLUMN neanelu.embedding_texts.created_at IS 'When the row was made.';

CREATE TABLE neanelu.search_words (
  id      uuid NOT NULL DEFAULT uuidv7(),
  shop_id uuid,
  word    text NOT NULL,
  scope   uuid NOT NULL GENERATED ALWAYS AS (coalesce(shop_id, '00000000-0000-0000-0000-000000000000'::uuid)) STORED,
  CONSTRAINT search_words_pkey PRIMARY KEY (id),
  CONSTRAINT search_words_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT search_words_word_check CHECK (length(word) BETWEEN 3 AND 40)
);
CREATE UNIQUE INDEX idx_search_words_word ON neanelu.search_words (scope, word);
CREATE INDEX idx_search_words_shop ON neanelu.search_words (shop_id) WHERE shop_id IS NOT NULL;
CREATE INDEX idx_search_words_trgm ON neanelu.search_words USING gin (scope, word extensions.gin_trgm_ops);

COMMENT ON TABLE neanelu.search_words IS
  'Words of titles, once each: what a mistyped word is compared with. Trigrams of a hundred thousand words are searched in a '
  'millisecond, those of a million titles are not. Filled by ai.collect_words; a word that no title has any more does no harm.';
COMMENT ON COLUMN neanelu.search_words.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.search_words.shop_id IS 'Shop whose titles have it; null for golden records.';
COMMENT ON COLUMN neanelu.search_words.scope IS 'shop_id, or zeros: what indexes look up, as GIN finds no nulls.';
COMMENT ON COLUMN neanelu.search_words.word IS 'The word as full text search knows it: lower case, of letters and digits.';

-- Short vectors are mostly zeros: lz4 makes a fourth of them, at the same speed (the other method gives up on them).
DO $storage$
DECLARE
    v_table text;
BEGIN
    IF 'lz4' = ANY ((SELECT s.enumvals FROM pg_catalog.pg_settings AS s WHERE s.name = 'default_toast_compression')::text[]) THEN
        FOREACH v_table IN ARRAY ARRAY['prod_embeddings', 'shop_product_embeddings', 'embedding_texts'] LOOP
            EXECUTE format('ALTER TABLE neanelu.%I ALTER COLUMN embedding SET STORAGE EXTENDED, ALTER COLUMN embedding SET COMPRESSION lz4', v_table);
        END LOOP;
    END IF;
END
$storage$;

-- One index a model and kind of text that is searched by default; ai.index_model makes those of further ones.
CREATE INDEX idx_embeddings_minilm_combined ON neanelu.prod_embeddings
    USING hnsw ((extensions.subvector(embedding, 1, 384)::extensions.halfvec(384)) extensions.halfvec_cosine_ops) WITH (m = 16, ef_construction = 64)
    WHERE model_version = 'all-minilm-l6-v2' AND embedding_type = 'combined';
CREATE INDEX idx_embeddings_minilm_title ON neanelu.prod_embeddings
    USING hnsw ((extensions.subvector(embedding, 1, 384)::extensions.halfvec(384)) extensions.halfvec_cosine_ops) WITH (m = 16, ef_construction = 64)
    WHERE model_version = 'all-minilm-l6-v2' AND embedding_type = 'title';
CREATE INDEX idx_shop_embeddings_minilm_combined ON neanelu.shop_product_embeddings
    USING hnsw ((extensions.subvector(embedding, 1, 384)::extensions.halfvec(384)) extensions.halfvec_cosine_ops) WITH (m = 24, ef_construction = 128)
    WHERE model_version = 'all-minilm-l6-v2' AND embedding_type = 'combined';

COMMIT;
