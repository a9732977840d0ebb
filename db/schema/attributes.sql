-- Deploy neanelu:schema/attributes to pg
-- requires: schema/pim
-- requires: schema/shopify
-- Module E: attributes, their names, and the vectors of products.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.prod_attr_definitions (
  id               uuid NOT NULL DEFAULT uuidv7(),
  code             varchar(100) NOT NULL,
  label            varchar(255) NOT NULL,
  description      text,
  data_type        varchar(30) NOT NULL,
  unit             varchar(50),
  unit_family      varchar(50),
  allowed_values   jsonb,
  validation_regex varchar(255),
  is_required      boolean NOT NULL DEFAULT false,
  is_variant_level boolean NOT NULL DEFAULT false,
  is_searchable    boolean NOT NULL DEFAULT true,
  is_filterable    boolean NOT NULL DEFAULT true,
  display_order    integer NOT NULL DEFAULT 0,
  embedding        extensions.vector(1536),
  embedding_model  varchar(50),
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_attr_definitions_pkey PRIMARY KEY (id),
  CONSTRAINT prod_attr_definitions_code_check CHECK (code ~ '^[a-z][a-z0-9_]*$'),
  CONSTRAINT prod_attr_definitions_type_check CHECK (data_type IN ('string', 'number', 'boolean', 'enum', 'dimensions', 'range', 'list')),
  CONSTRAINT prod_attr_definitions_unit_check CHECK (unit IS NULL OR unit_family IS NOT NULL),
  CONSTRAINT prod_attr_definitions_embedding_check CHECK ((embedding IS NULL) = (embedding_model IS NULL))
);

CREATE UNIQUE INDEX idx_attr_code ON neanelu.prod_attr_definitions (code);
CREATE INDEX idx_attr_type ON neanelu.prod_attr_definitions (data_type);
CREATE INDEX idx_attr_embedding ON neanelu.prod_attr_definitions USING hnsw (embedding extensions.vector_cosine_ops);

COMMENT ON TABLE neanelu.prod_attr_definitions IS 'The attributes that golden records have, one row each.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.code IS 'Key: a-z, 0-9, underscores.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.label IS 'Name to show, English.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.description IS 'What it means.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.data_type IS 'string, number, boolean, enum, dimensions, range or list.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.unit IS 'Unit of stored values, a code of prod_units; null for none.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.unit_family IS 'length, mass, volume, …; with unit.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.allowed_values IS 'Enum values: ["black", ..] or [{"code", "labels": {locale: [..]}}].';
COMMENT ON COLUMN neanelu.prod_attr_definitions.validation_regex IS 'Pattern of a string value.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.is_required IS 'Expected of every product, whatever its category.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.is_variant_level IS 'Differs between variants.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.is_searchable IS 'Part of the search text.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.is_filterable IS 'Offered as a filter.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.display_order IS 'Order to show.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.embedding IS 'Vector of name, examples and unit; model in embedding_model.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.embedding_model IS 'Model of embedding; vectors of two models are never compared.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_attr_definitions.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_attr_synonyms (
  id               uuid NOT NULL DEFAULT uuidv7(),
  definition_id    uuid NOT NULL,
  synonym_text     varchar(255) NOT NULL,
  locale           varchar(10) NOT NULL DEFAULT 'ro',
  source           varchar(50),
  confidence_score numeric(3,2) NOT NULL DEFAULT 1.0,
  is_approved      boolean NOT NULL DEFAULT false,
  created_at       timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_attr_synonyms_pkey PRIMARY KEY (id),
  CONSTRAINT prod_attr_synonyms_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES neanelu.prod_attr_definitions (id) ON DELETE CASCADE,
  CONSTRAINT prod_attr_synonyms_source_check CHECK (source IN ('manual', 'ai', 'import', 'review')),
  CONSTRAINT prod_attr_synonyms_confidence_check CHECK (confidence_score BETWEEN 0 AND 1),
  CONSTRAINT prod_attr_synonyms_text_check CHECK (synonym_text <> '')
);

CREATE INDEX idx_synonyms_definition ON neanelu.prod_attr_synonyms (definition_id);
CREATE INDEX idx_synonyms_text ON neanelu.prod_attr_synonyms (synonym_text);
CREATE INDEX idx_synonyms_text_trgm ON neanelu.prod_attr_synonyms USING gin (synonym_text extensions.gin_trgm_ops);
CREATE UNIQUE INDEX idx_synonyms_unique ON neanelu.prod_attr_synonyms (definition_id, lower(synonym_text), locale);

COMMENT ON TABLE neanelu.prod_attr_synonyms IS 'Other names of attributes, per language.';
COMMENT ON COLUMN neanelu.prod_attr_synonyms.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_attr_synonyms.definition_id IS 'Attribute.';
COMMENT ON COLUMN neanelu.prod_attr_synonyms.synonym_text IS 'The other name, as found.';
COMMENT ON COLUMN neanelu.prod_attr_synonyms.locale IS 'Language; und for any.';
COMMENT ON COLUMN neanelu.prod_attr_synonyms.source IS 'manual, ai, import or review.';
COMMENT ON COLUMN neanelu.prod_attr_synonyms.confidence_score IS '0 to 1.';
COMMENT ON COLUMN neanelu.prod_attr_synonyms.is_approved IS 'In force; else a proposal.';
COMMENT ON COLUMN neanelu.prod_attr_synonyms.created_at IS 'When the row was made.';

CREATE TABLE neanelu.prod_embeddings (
  id             uuid NOT NULL DEFAULT uuidv7(),
  product_id     uuid NOT NULL,
  embedding_type varchar(50) NOT NULL,
  embedding      extensions.vector(1536) NOT NULL,
  content_hash   varchar(64) NOT NULL,
  model_version  varchar(50) NOT NULL,
  dimensions     integer NOT NULL DEFAULT 1536,
  created_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_embeddings_pkey PRIMARY KEY (id),
  CONSTRAINT prod_embeddings_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_embeddings_type_check CHECK (embedding_type IN ('title', 'description', 'specs', 'combined')),
  CONSTRAINT prod_embeddings_dimensions_check CHECK (dimensions BETWEEN 1 AND 1536),
  CONSTRAINT prod_embeddings_hash_check CHECK (content_hash ~ '^[0-9a-f]{64}$')
);

CREATE INDEX idx_embeddings_product ON neanelu.prod_embeddings (product_id);
CREATE INDEX idx_embeddings_type ON neanelu.prod_embeddings (product_id, embedding_type);
-- Vectors of two models in one index would be neighbours that no query may compare: these two are the default model's of the contract,
-- schema/vectors has those of others.
CREATE INDEX idx_embeddings_vector ON neanelu.prod_embeddings USING hnsw (embedding extensions.vector_cosine_ops) WITH (m = 16, ef_construction = 64)
    WHERE model_version = 'text-embedding-3-small';
CREATE UNIQUE INDEX idx_embeddings_unique ON neanelu.prod_embeddings (product_id, embedding_type, model_version);

COMMENT ON TABLE neanelu.prod_embeddings IS 'Vectors of golden records, per kind of text and model.';
COMMENT ON COLUMN neanelu.prod_embeddings.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_embeddings.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_embeddings.embedding_type IS 'title, description, specs or combined.';
COMMENT ON COLUMN neanelu.prod_embeddings.embedding IS 'Unit vector; shorter ones are padded with zeros, which keeps cosine distances.';
COMMENT ON COLUMN neanelu.prod_embeddings.content_hash IS 'SHA-256 of the text, hexadecimal.';
COMMENT ON COLUMN neanelu.prod_embeddings.model_version IS 'Model; vectors of two models are never compared.';
COMMENT ON COLUMN neanelu.prod_embeddings.dimensions IS 'Dimensions before padding.';
COMMENT ON COLUMN neanelu.prod_embeddings.created_at IS 'When the row was made.';

CREATE TABLE neanelu.shop_product_embeddings (
  id             uuid NOT NULL DEFAULT uuidv7(),
  shop_id        uuid NOT NULL,
  product_id     uuid NOT NULL,
  embedding_type varchar(50) NOT NULL,
  embedding      extensions.vector(1536) NOT NULL,
  content_hash   varchar(64) NOT NULL,
  model_version  varchar(50) NOT NULL,
  dimensions     integer NOT NULL DEFAULT 1536,
  status         varchar(20) NOT NULL DEFAULT 'pending',
  error_message  text,
  generated_at   timestamptz,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shop_product_embeddings_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shop_product_embeddings_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT shop_product_embeddings_product_id_fkey FOREIGN KEY (shop_id, product_id) REFERENCES neanelu.shopify_products (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT shop_product_embeddings_type_check CHECK (embedding_type IN ('title', 'description', 'combined')),
  CONSTRAINT shop_product_embeddings_dimensions_check CHECK (dimensions BETWEEN 1 AND 1536),
  CONSTRAINT shop_product_embeddings_hash_check CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  CONSTRAINT shop_product_embeddings_status_check CHECK (status IN ('pending', 'ready', 'failed')),
  CONSTRAINT shop_product_embeddings_ready_check CHECK ((status = 'ready') = (generated_at IS NOT NULL)),
  CONSTRAINT shop_product_embeddings_error_check CHECK ((status = 'failed') = (error_message IS NOT NULL))
);

CREATE UNIQUE INDEX idx_shop_embeddings_product ON neanelu.shop_product_embeddings (shop_id, product_id, embedding_type, model_version);
CREATE INDEX idx_shop_embeddings_hash ON neanelu.shop_product_embeddings (shop_id, content_hash);
CREATE INDEX idx_shop_embeddings_pending ON neanelu.shop_product_embeddings (shop_id, status) WHERE status = 'pending';
CREATE INDEX idx_shop_embeddings_vector ON neanelu.shop_product_embeddings USING hnsw (embedding extensions.vector_cosine_ops) WITH (m = 24, ef_construction = 128)
    WHERE model_version = 'text-embedding-3-small';

COMMENT ON TABLE neanelu.shop_product_embeddings IS 'Vectors of shops products, per kind of text and model.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.product_id IS 'Product of the shop.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.embedding_type IS 'title, description or combined.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.embedding IS
  'Unit vector; shorter ones are padded with zeros. Zero until the vector has come (status pending).';
COMMENT ON COLUMN neanelu.shop_product_embeddings.content_hash IS 'SHA-256 of the text, hexadecimal.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.model_version IS 'Model; vectors of two models are never compared.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.dimensions IS 'Dimensions before padding.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.status IS 'pending, ready or failed.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.error_message IS 'Why it failed.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.generated_at IS 'When the vector came.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.shop_product_embeddings.updated_at IS 'When the row last changed.';

COMMIT;
