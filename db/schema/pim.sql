-- Deploy neanelu:schema/pim to pg
-- requires: schema/core
-- requires: functions/ops/partitions
-- Module D: the golden records, what is proposed for them, which are the same, and how good they are. Global: no tenant
-- owns a row, tenants read through functions and prod_channel_mappings.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.prod_taxonomy (
  id                  uuid NOT NULL DEFAULT uuidv7(),
  parent_id           uuid,
  name                varchar(255) NOT NULL,
  slug                varchar(255) NOT NULL,
  breadcrumbs         text[] NOT NULL DEFAULT '{}',
  level               integer NOT NULL DEFAULT 0,
  attribute_schema    jsonb NOT NULL DEFAULT '{}',
  validation_rules    jsonb NOT NULL DEFAULT '{}',
  external_mappings   jsonb NOT NULL DEFAULT '{}',
  shopify_taxonomy_id varchar(100),
  is_active           boolean NOT NULL DEFAULT true,
  sort_order          integer NOT NULL DEFAULT 0,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_taxonomy_pkey PRIMARY KEY (id),
  CONSTRAINT prod_taxonomy_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES neanelu.prod_taxonomy (id) ON DELETE RESTRICT,
  CONSTRAINT prod_taxonomy_level_check CHECK (level >= 0),
  CONSTRAINT prod_taxonomy_parent_check CHECK ((parent_id IS NULL) = (level = 0) AND parent_id <> id),
  CONSTRAINT prod_taxonomy_slug_check CHECK (slug <> ''),
  CONSTRAINT prod_taxonomy_schema_check CHECK (jsonb_typeof(attribute_schema) = 'object'),
  CONSTRAINT prod_taxonomy_rules_check CHECK (jsonb_typeof(validation_rules) = 'object'),
  CONSTRAINT prod_taxonomy_breadcrumbs_check CHECK (cardinality(breadcrumbs) IN (0, level + 1))
);

CREATE INDEX idx_taxonomy_parent ON neanelu.prod_taxonomy (parent_id);
CREATE UNIQUE INDEX idx_taxonomy_slug ON neanelu.prod_taxonomy (slug);
CREATE INDEX idx_taxonomy_shopify ON neanelu.prod_taxonomy (shopify_taxonomy_id);
CREATE INDEX idx_taxonomy_breadcrumbs ON neanelu.prod_taxonomy USING gin (breadcrumbs);

COMMENT ON TABLE neanelu.prod_taxonomy IS
  'Product categories as a tree, imported from Shopify''s published taxonomy (taxonomy.import_categories) or made by hand. '
  'Global: no tenant owns it.';
COMMENT ON COLUMN neanelu.prod_taxonomy.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_taxonomy.parent_id IS 'Category above; null for a root.';
COMMENT ON COLUMN neanelu.prod_taxonomy.name IS 'Name of the category, without its path.';
COMMENT ON COLUMN neanelu.prod_taxonomy.slug IS 'Key for URLs, unique: the path folded to a-z, 0-9 and hyphens.';
COMMENT ON COLUMN neanelu.prod_taxonomy.breadcrumbs IS 'Names from the root to this category.';
COMMENT ON COLUMN neanelu.prod_taxonomy.level IS 'Depth in the tree, 0 for a root.';
COMMENT ON COLUMN neanelu.prod_taxonomy.attribute_schema IS
  'What products of this category and below it should say: {attribute code: {"required": bool, "weight": number, '
  '"channels": [..], "locales": [..]}}; inherited downwards (pim.attribute_schema).';
COMMENT ON COLUMN neanelu.prod_taxonomy.validation_rules IS
  'Rules for values of this category: {attribute code: {"min": n, "max": n, "regex": text, "allowed": [..]}}; inherited '
  'downwards.';
COMMENT ON COLUMN neanelu.prod_taxonomy.external_mappings IS 'Ids of the same category elsewhere: {"google": .., "facebook": ..}.';
COMMENT ON COLUMN neanelu.prod_taxonomy.shopify_taxonomy_id IS 'Id in Shopify''s taxonomy, as gid://shopify/TaxonomyCategory/aa-1-2.';
COMMENT ON COLUMN neanelu.prod_taxonomy.is_active IS
  'False when the published taxonomy does not have it any more; never deleted, products may refer to it.';
COMMENT ON COLUMN neanelu.prod_taxonomy.sort_order IS 'Order among siblings.';
COMMENT ON COLUMN neanelu.prod_taxonomy.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_taxonomy.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_sources (
  id              uuid NOT NULL DEFAULT uuidv7(),
  name            varchar(100) NOT NULL,
  source_type     varchar(50) NOT NULL,
  base_url        text,
  priority        integer NOT NULL DEFAULT 50,
  trust_score     numeric(3,2) NOT NULL DEFAULT 0.5,
  config          jsonb NOT NULL DEFAULT '{}',
  rate_limit      jsonb,
  auth_config     jsonb,
  is_active       boolean NOT NULL DEFAULT true,
  last_harvest_at timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_sources_pkey PRIMARY KEY (id),
  CONSTRAINT prod_sources_name_key UNIQUE (name),
  CONSTRAINT prod_sources_type_check CHECK (source_type IN ('SUPPLIER', 'MANUFACTURER', 'SCRAPER', 'SHOPIFY', 'MARKETPLACE', 'MANUAL')),
  CONSTRAINT prod_sources_priority_check CHECK (priority BETWEEN 0 AND 100),
  CONSTRAINT prod_sources_trust_check CHECK (trust_score BETWEEN 0 AND 1),
  CONSTRAINT prod_sources_config_check CHECK (jsonb_typeof(config) = 'object')
);


COMMENT ON TABLE neanelu.prod_sources IS
  'Where facts about products come from: suppliers, manufacturers, scraped sites, shops, models. Global.';
COMMENT ON COLUMN neanelu.prod_sources.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_sources.name IS 'Name, unique.';
COMMENT ON COLUMN neanelu.prod_sources.source_type IS
  'SUPPLIER, MANUFACTURER, SCRAPER, SHOPIFY (a shop''s own catalogue), MARKETPLACE or MANUAL (people).';
COMMENT ON COLUMN neanelu.prod_sources.base_url IS
  'Root of its pages; fetches stay below it unless a scraper configuration says otherwise.';
COMMENT ON COLUMN neanelu.prod_sources.priority IS 'Which source wins a tie, higher first, 0 to 100.';
COMMENT ON COLUMN neanelu.prod_sources.trust_score IS
  'How far its values are believed, 0 to 1; start value by hand, then learnt from reviewed outcomes unless pinned.';
COMMENT ON COLUMN neanelu.prod_sources.config IS 'Settings of its adapter: field mapping of feeds, locale, currency. No secrets.';
COMMENT ON COLUMN neanelu.prod_sources.rate_limit IS
  '{"requests_per_second": n, "burst": n, "concurrency": n} of fetches; null: the defaults.';
COMMENT ON COLUMN neanelu.prod_sources.auth_config IS 'Name of the secret that the harvester uses; never the secret itself.';
COMMENT ON COLUMN neanelu.prod_sources.is_active IS 'False: nothing is fetched or imported from it.';
COMMENT ON COLUMN neanelu.prod_sources.last_harvest_at IS 'When something last came from it; written by harvest functions.';
COMMENT ON COLUMN neanelu.prod_sources.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_sources.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_raw_harvest (
  id                uuid NOT NULL DEFAULT uuidv7(),
  source_id         uuid NOT NULL,
  target_sku        varchar(100),
  source_url        text NOT NULL,
  source_product_id varchar(255),
  raw_html          text,
  raw_json          jsonb,
  http_status       integer,
  response_headers  jsonb,
  fetched_at        timestamptz NOT NULL DEFAULT now(),
  processing_status varchar(20) NOT NULL DEFAULT 'pending',
  processing_error  text,
  processed_at      timestamptz,
  content_hash      varchar(64) NOT NULL,
  ttl_expires_at    timestamptz,
  created_at        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_raw_harvest_pkey PRIMARY KEY (id, fetched_at),
  CONSTRAINT prod_raw_harvest_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE RESTRICT,
  CONSTRAINT prod_raw_harvest_status_check CHECK (processing_status IN ('pending', 'processed', 'failed', 'skipped')),
  CONSTRAINT prod_raw_harvest_processed_check CHECK ((processing_status = 'pending') = (processed_at IS NULL)),
  CONSTRAINT prod_raw_harvest_error_check CHECK ((processing_error IS NOT NULL) = (processing_status = 'failed')),
  CONSTRAINT prod_raw_harvest_hash_check CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  CONSTRAINT prod_raw_harvest_content_check CHECK (num_nonnulls(raw_html, raw_json) > 0),
  CONSTRAINT prod_raw_harvest_http_check CHECK (http_status BETWEEN 100 AND 599)
) PARTITION BY RANGE (fetched_at);

CREATE INDEX idx_harvest_source ON neanelu.prod_raw_harvest (source_id);
CREATE INDEX idx_harvest_status ON neanelu.prod_raw_harvest (processing_status);
CREATE INDEX idx_harvest_sku ON neanelu.prod_raw_harvest (target_sku) WHERE target_sku IS NOT NULL;
CREATE INDEX idx_harvest_url ON neanelu.prod_raw_harvest (source_url);
CREATE INDEX idx_harvest_hash ON neanelu.prod_raw_harvest (content_hash);

COMMENT ON TABLE neanelu.prod_raw_harvest IS
  'What sources said, as it came: pages, feed records. Append only (processing_* aside), partitioned by month on '
  'fetched_at; the same content of the same page is stored once.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.source_id IS 'Where it came from.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.target_sku IS 'internal_sku of the golden record it is about, when that is known beforehand.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.source_url IS 'Page, or feed and record: feed:NAME#RECORD.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.source_product_id IS 'The source''s own key of the product.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.raw_html IS 'The page, decoded; null for feed records.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.raw_json IS
  'Structured data: the feed record, or what JSON-LD, microdata and OpenGraph of the page say.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.http_status IS 'Status of the answer; null for feeds.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.response_headers IS 'Headers of the answer, names in lower case; without cookies.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.fetched_at IS 'When it was fetched; partition key.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.processing_status IS 'pending, processed, failed or skipped (no product in it).';
COMMENT ON COLUMN neanelu.prod_raw_harvest.processing_error IS 'Why it failed: SQLSTATE or stage, and the text.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.processed_at IS 'When it left pending.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.content_hash IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.ttl_expires_at IS 'From when the page should be fetched again.';
COMMENT ON COLUMN neanelu.prod_raw_harvest.created_at IS 'When the row was made.';

CREATE TABLE neanelu.prod_extraction_sessions (
  id                 uuid NOT NULL DEFAULT uuidv7(),
  harvest_id         uuid NOT NULL,
  harvest_fetched_at timestamptz NOT NULL,
  agent_version      varchar(50) NOT NULL,
  model_name         varchar(100),
  extracted_specs    jsonb NOT NULL,
  grounding_snippets jsonb,
  confidence_score   numeric(3,2),
  field_confidences  jsonb,
  tokens_used        integer,
  latency_ms         integer,
  error_message      text,
  created_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_extraction_sessions_pkey PRIMARY KEY (id),
  CONSTRAINT prod_extraction_sessions_harvest_id_fkey FOREIGN KEY (harvest_id, harvest_fetched_at) REFERENCES neanelu.prod_raw_harvest (id, fetched_at) ON DELETE CASCADE,
  CONSTRAINT prod_extraction_sessions_confidence_check CHECK (confidence_score BETWEEN 0 AND 1),
  CONSTRAINT prod_extraction_sessions_specs_check CHECK (jsonb_typeof(extracted_specs) = 'object'),
  CONSTRAINT prod_extraction_sessions_tokens_check CHECK (tokens_used >= 0),
  CONSTRAINT prod_extraction_sessions_latency_check CHECK (latency_ms >= 0)
);

CREATE INDEX idx_extraction_harvest ON neanelu.prod_extraction_sessions (harvest_id, harvest_fetched_at);
CREATE INDEX idx_extraction_confidence ON neanelu.prod_extraction_sessions (confidence_score);
CREATE INDEX idx_extraction_specs ON neanelu.prod_extraction_sessions USING gin (extracted_specs jsonb_path_ops);

COMMENT ON TABLE neanelu.prod_extraction_sessions IS
  'What one reading of one harvested document found: by structured data or by a model. Never changed afterwards.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.harvest_id IS 'Document that was read, with harvest_fetched_at.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.harvest_fetched_at IS 'Partition key of the document.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.agent_version IS 'Reader and its version: structured/1, model/1.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.model_name IS 'Model, when one read it.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.extracted_specs IS
  'What was found: {"title", "brand", "manufacturer", "mpn", "gtin", "model", "description", "category", "price", '
  '"currency", "image", "url", "locale", "attributes": {name as the source says it: value}}. Values as found, not '
  'normalised.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.grounding_snippets IS
  'Passages of the document that a value rests on: {field or attribute name: text}; each occurs in the document.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.confidence_score IS 'Confidence in the whole, 0 to 1.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.field_confidences IS 'Confidence per field or attribute name, 0 to 1.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.tokens_used IS 'Tokens the model was paid for, both ways.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.latency_ms IS 'Milliseconds from question to answer.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.error_message IS 'Why nothing could be extracted; null when it went well.';
COMMENT ON COLUMN neanelu.prod_extraction_sessions.created_at IS 'When the row was made.';

CREATE TABLE neanelu.prod_master (
  id                      uuid NOT NULL DEFAULT uuidv7(),
  internal_sku            varchar(100) NOT NULL,
  canonical_title         text NOT NULL,
  brand                   varchar(255),
  manufacturer            varchar(255),
  mpn                     varchar(100),
  gtin                    varchar(14),
  taxonomy_id             uuid,
  dedupe_status           varchar(20) NOT NULL DEFAULT 'unique',
  dedupe_cluster_id       uuid,
  primary_source_id       uuid,
  lifecycle_status        varchar(20) NOT NULL DEFAULT 'active',
  data_quality_level      varchar(20) NOT NULL DEFAULT 'bronze',
  quality_score           numeric(3,2),
  quality_score_breakdown jsonb NOT NULL DEFAULT '{}',
  last_quality_check      timestamptz,
  promoted_to_silver_at   timestamptz,
  promoted_to_golden_at   timestamptz,
  needs_review            boolean NOT NULL DEFAULT false,
  review_notes            text,
  created_at              timestamptz NOT NULL DEFAULT now(),
  updated_at              timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_master_pkey PRIMARY KEY (id),
  CONSTRAINT prod_master_taxonomy_id_fkey FOREIGN KEY (taxonomy_id) REFERENCES neanelu.prod_taxonomy (id) ON DELETE RESTRICT,
  CONSTRAINT prod_master_primary_source_id_fkey FOREIGN KEY (primary_source_id) REFERENCES neanelu.prod_sources (id) ON DELETE RESTRICT,
  CONSTRAINT prod_master_dedupe_check CHECK (dedupe_status IN ('unique', 'merged', 'duplicate')),
  CONSTRAINT prod_master_lifecycle_check CHECK (lifecycle_status IN ('active', 'discontinued', 'draft')),
  CONSTRAINT prod_master_level_check CHECK (data_quality_level IN ('bronze', 'silver', 'golden', 'review_needed')),
  CONSTRAINT prod_master_score_check CHECK (quality_score BETWEEN 0 AND 1),
  CONSTRAINT prod_master_gtin_check CHECK (gtin ~ '^[0-9]{14}$'),
  CONSTRAINT prod_master_sku_check CHECK (internal_sku <> ''),
  CONSTRAINT prod_master_title_check CHECK (canonical_title <> '')
) WITH (fillfactor = 85);

CREATE UNIQUE INDEX idx_master_sku ON neanelu.prod_master (internal_sku);
CREATE INDEX idx_master_brand ON neanelu.prod_master (brand);
CREATE INDEX idx_master_taxonomy ON neanelu.prod_master (taxonomy_id);
CREATE INDEX idx_master_gtin ON neanelu.prod_master (gtin) WHERE gtin IS NOT NULL;
CREATE INDEX idx_master_mpn ON neanelu.prod_master (manufacturer, mpn);
CREATE INDEX idx_master_review ON neanelu.prod_master (needs_review) WHERE needs_review;
CREATE INDEX idx_master_quality_level ON neanelu.prod_master (data_quality_level);
CREATE INDEX idx_master_bronze ON neanelu.prod_master (id) WHERE data_quality_level = 'bronze';
CREATE INDEX idx_master_silver ON neanelu.prod_master (id) WHERE data_quality_level = 'silver';
CREATE INDEX idx_master_golden ON neanelu.prod_master (id) WHERE data_quality_level = 'golden';
CREATE INDEX idx_master_cluster ON neanelu.prod_master (dedupe_cluster_id) WHERE dedupe_cluster_id IS NOT NULL;
CREATE INDEX idx_master_source ON neanelu.prod_master (primary_source_id);

COMMENT ON TABLE neanelu.prod_master IS
  'The golden records: one row a product of the world. Columns hold the decided values of its main fields; attributes are '
  'in prod_specs_normalized. Written by pim functions only.';
COMMENT ON COLUMN neanelu.prod_master.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_master.internal_sku IS 'Our key of the product, unique.';
COMMENT ON COLUMN neanelu.prod_master.canonical_title IS 'Decided title.';
COMMENT ON COLUMN neanelu.prod_master.brand IS 'Decided brand, in its canonical spelling.';
COMMENT ON COLUMN neanelu.prod_master.manufacturer IS 'Decided manufacturer.';
COMMENT ON COLUMN neanelu.prod_master.mpn IS 'Manufacturer''s part number, as printed.';
COMMENT ON COLUMN neanelu.prod_master.gtin IS 'GTIN, 14 digits with check digit.';
COMMENT ON COLUMN neanelu.prod_master.taxonomy_id IS 'Category.';
COMMENT ON COLUMN neanelu.prod_master.dedupe_status IS
  'unique; merged: survivor of a merge; duplicate: merged into dedupe_cluster_id''s canonical product.';
COMMENT ON COLUMN neanelu.prod_master.dedupe_cluster_id IS 'Cluster it belongs to.';
COMMENT ON COLUMN neanelu.prod_master.primary_source_id IS 'Source of most of its values.';
COMMENT ON COLUMN neanelu.prod_master.lifecycle_status IS 'active, discontinued or draft.';
COMMENT ON COLUMN neanelu.prod_master.data_quality_level IS 'bronze, silver, golden, or review_needed.';
COMMENT ON COLUMN neanelu.prod_master.quality_score IS '0 to 1, computed.';
COMMENT ON COLUMN neanelu.prod_master.quality_score_breakdown IS '{"completeness", "accuracy", "consistency", ..} each 0 to 1.';
COMMENT ON COLUMN neanelu.prod_master.last_quality_check IS 'When quality was last computed.';
COMMENT ON COLUMN neanelu.prod_master.promoted_to_silver_at IS 'When it last became silver.';
COMMENT ON COLUMN neanelu.prod_master.promoted_to_golden_at IS 'When it last became golden.';
COMMENT ON COLUMN neanelu.prod_master.needs_review IS 'Somebody should look at it.';
COMMENT ON COLUMN neanelu.prod_master.review_notes IS 'Why.';
COMMENT ON COLUMN neanelu.prod_master.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_master.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_dedupe_clusters (
  id                   uuid NOT NULL DEFAULT uuidv7(),
  cluster_type         varchar(30) NOT NULL,
  match_criteria       jsonb NOT NULL,
  canonical_product_id uuid,
  member_count         integer NOT NULL DEFAULT 1,
  confidence_score     numeric(3,2),
  status               varchar(20) NOT NULL DEFAULT 'pending',
  reviewed_by          uuid,
  reviewed_at          timestamptz,
  created_at           timestamptz NOT NULL DEFAULT now(),
  updated_at           timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_dedupe_clusters_pkey PRIMARY KEY (id),
  CONSTRAINT prod_dedupe_clusters_canonical_product_id_fkey FOREIGN KEY (canonical_product_id) REFERENCES neanelu.prod_master (id) ON DELETE RESTRICT,
  CONSTRAINT prod_dedupe_clusters_type_check CHECK (cluster_type IN ('EXACT_MATCH', 'FUZZY', 'SEMANTIC')),
  CONSTRAINT prod_dedupe_clusters_status_check CHECK (status IN ('pending', 'confirmed', 'rejected', 'merged')),
  CONSTRAINT prod_dedupe_clusters_members_check CHECK (member_count >= 0),
  CONSTRAINT prod_dedupe_clusters_confidence_check CHECK (confidence_score BETWEEN 0 AND 1)
);

CREATE INDEX idx_clusters_canonical ON neanelu.prod_dedupe_clusters (canonical_product_id);
CREATE INDEX idx_clusters_status ON neanelu.prod_dedupe_clusters (status, confidence_score DESC);
CREATE INDEX idx_clusters_type ON neanelu.prod_dedupe_clusters (cluster_type, status);

COMMENT ON TABLE neanelu.prod_dedupe_clusters IS
  'Groups of golden records that are, or may be, the same product. Ids are stable: a cluster grows and shrinks under its '
  'id.';
COMMENT ON COLUMN neanelu.prod_dedupe_clusters.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_dedupe_clusters.cluster_type IS 'EXACT_MATCH (identifiers), FUZZY (text) or SEMANTIC (vectors).';
COMMENT ON COLUMN neanelu.prod_dedupe_clusters.match_criteria IS 'What made the cluster: {"fields", "thresholds", "score", ..}.';
COMMENT ON COLUMN neanelu.prod_dedupe_clusters.canonical_product_id IS 'The survivor.';
COMMENT ON COLUMN neanelu.prod_dedupe_clusters.member_count IS 'Products in it; kept by the functions that change members.';
COMMENT ON COLUMN neanelu.prod_dedupe_clusters.confidence_score IS 'Mean similarity, 0 to 1.';
COMMENT ON COLUMN neanelu.prod_dedupe_clusters.status IS 'pending (for review), confirmed, rejected or merged.';
COMMENT ON COLUMN neanelu.prod_dedupe_clusters.reviewed_by IS
  'Staff user who decided; no reference: staff belong to shops, clusters to nobody.';
COMMENT ON COLUMN neanelu.prod_dedupe_clusters.reviewed_at IS 'When it was decided.';
COMMENT ON COLUMN neanelu.prod_dedupe_clusters.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_dedupe_clusters.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_dedupe_cluster_members (
  cluster_id       uuid NOT NULL,
  product_id       uuid NOT NULL,
  similarity_score numeric(5,4),
  match_fields     jsonb,
  is_canonical     boolean NOT NULL DEFAULT false,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_dedupe_cluster_members_pkey PRIMARY KEY (cluster_id, product_id),
  CONSTRAINT prod_dedupe_cluster_members_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES neanelu.prod_dedupe_clusters (id) ON DELETE CASCADE,
  CONSTRAINT prod_dedupe_cluster_members_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_dedupe_cluster_members_similarity_check CHECK (similarity_score BETWEEN 0 AND 1)
);

CREATE INDEX idx_cluster_members_product ON neanelu.prod_dedupe_cluster_members (product_id);
CREATE INDEX idx_cluster_members_similarity ON neanelu.prod_dedupe_cluster_members (cluster_id, similarity_score DESC);
CREATE UNIQUE INDEX idx_cluster_members_canonical ON neanelu.prod_dedupe_cluster_members (cluster_id) WHERE is_canonical;

COMMENT ON TABLE neanelu.prod_dedupe_cluster_members IS 'Products of a cluster.';
COMMENT ON COLUMN neanelu.prod_dedupe_cluster_members.cluster_id IS 'Cluster.';
COMMENT ON COLUMN neanelu.prod_dedupe_cluster_members.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_dedupe_cluster_members.similarity_score IS 'Similarity to the canonical product, 0 to 1.';
COMMENT ON COLUMN neanelu.prod_dedupe_cluster_members.match_fields IS 'Evidence: {field: score}.';
COMMENT ON COLUMN neanelu.prod_dedupe_cluster_members.is_canonical IS 'The survivor; at most one a cluster.';
COMMENT ON COLUMN neanelu.prod_dedupe_cluster_members.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_dedupe_cluster_members.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_specs_normalized (
  id            uuid NOT NULL DEFAULT uuidv7(),
  product_id    uuid NOT NULL,
  specs         jsonb NOT NULL,
  raw_specs     jsonb,
  provenance    jsonb NOT NULL,
  version       integer NOT NULL DEFAULT 1,
  is_current    boolean NOT NULL DEFAULT true,
  needs_review  boolean NOT NULL DEFAULT false,
  review_reason varchar(100),
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_specs_normalized_pkey PRIMARY KEY (id),
  CONSTRAINT prod_specs_normalized_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_specs_normalized_version_check CHECK (version > 0),
  CONSTRAINT prod_specs_normalized_specs_check CHECK (jsonb_typeof(specs) = 'object'),
  CONSTRAINT prod_specs_normalized_provenance_check CHECK (jsonb_typeof(provenance) = 'object')
);

CREATE INDEX idx_specs_product ON neanelu.prod_specs_normalized (product_id);
CREATE UNIQUE INDEX idx_specs_current ON neanelu.prod_specs_normalized (product_id) WHERE is_current;
CREATE INDEX idx_specs_data ON neanelu.prod_specs_normalized USING gin (specs jsonb_path_ops);
CREATE INDEX idx_specs_review ON neanelu.prod_specs_normalized (needs_review) WHERE needs_review;
CREATE UNIQUE INDEX idx_specs_version ON neanelu.prod_specs_normalized (product_id, version);

COMMENT ON TABLE neanelu.prod_specs_normalized IS
  'Versions of a golden record''s attributes; exactly one is current. A version is never changed but for is_current.';
COMMENT ON COLUMN neanelu.prod_specs_normalized.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_specs_normalized.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_specs_normalized.specs IS
  'Decided attributes: {attribute code: {"value": .., "unit": text or absent}}, values in the attribute''s own unit.';
COMMENT ON COLUMN neanelu.prod_specs_normalized.raw_specs IS 'The same as the winning sources wrote them: {attribute code: raw value}.';
COMMENT ON COLUMN neanelu.prod_specs_normalized.provenance IS
  'Why, per field: {field path: {"rule", "confidence", "sources", "sessions", "proposals", "reviewer", "decided_at"}}, the '
  'main fields too.';
COMMENT ON COLUMN neanelu.prod_specs_normalized.version IS '1, 2, 3 … per product.';
COMMENT ON COLUMN neanelu.prod_specs_normalized.is_current IS 'The version in force.';
COMMENT ON COLUMN neanelu.prod_specs_normalized.needs_review IS 'A field of it waits for review.';
COMMENT ON COLUMN neanelu.prod_specs_normalized.review_reason IS 'Why.';
COMMENT ON COLUMN neanelu.prod_specs_normalized.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_specs_normalized.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_semantics (
  product_id         uuid NOT NULL,
  title_master       text NOT NULL,
  description_master text,
  description_short  varchar(500),
  ai_summary         text,
  keywords           text[],
  keywords_graph     jsonb,
  json_ld_schema     jsonb,
  search_vector      tsvector,
  locale             varchar(10) NOT NULL DEFAULT 'ro',
  updated_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_semantics_pkey PRIMARY KEY (product_id),
  CONSTRAINT prod_semantics_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_semantics_title_check CHECK (title_master <> '')
);

CREATE INDEX idx_semantics_fts ON neanelu.prod_semantics USING gin (search_vector);
CREATE INDEX idx_semantics_keywords ON neanelu.prod_semantics USING gin (keywords);

COMMENT ON TABLE neanelu.prod_semantics IS 'What search and shop windows show of a golden record, in its main language; one row a product.';
COMMENT ON COLUMN neanelu.prod_semantics.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_semantics.title_master IS 'Title for search engines.';
COMMENT ON COLUMN neanelu.prod_semantics.description_master IS 'Long description.';
COMMENT ON COLUMN neanelu.prod_semantics.description_short IS 'Summary of at most 500 characters.';
COMMENT ON COLUMN neanelu.prod_semantics.ai_summary IS 'Summary by a model.';
COMMENT ON COLUMN neanelu.prod_semantics.keywords IS 'Search words.';
COMMENT ON COLUMN neanelu.prod_semantics.keywords_graph IS 'Related words: {word: [words]}.';
COMMENT ON COLUMN neanelu.prod_semantics.json_ld_schema IS 'The product as schema.org Product.';
COMMENT ON COLUMN neanelu.prod_semantics.search_vector IS
  'Full text of title, brand, numbers, keywords and description, weighted A to D; written by pim.refresh_semantics.';
COMMENT ON COLUMN neanelu.prod_semantics.locale IS 'Language of the row, BCP 47.';
COMMENT ON COLUMN neanelu.prod_semantics.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_channel_mappings (
  id             uuid NOT NULL DEFAULT uuidv7(),
  product_id     uuid NOT NULL,
  channel        varchar(50) NOT NULL,
  shop_id        uuid,
  external_id    varchar(255) NOT NULL,
  sync_status    varchar(20) NOT NULL DEFAULT 'pending',
  last_pushed_at timestamptz,
  last_pulled_at timestamptz,
  channel_meta   jsonb NOT NULL DEFAULT '{}',
  error_message  text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_channel_mappings_pkey PRIMARY KEY (id),
  CONSTRAINT prod_channel_mappings_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE RESTRICT,
  CONSTRAINT prod_channel_mappings_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT prod_channel_mappings_status_check CHECK (sync_status IN ('pending', 'synced', 'error')),
  CONSTRAINT prod_channel_mappings_error_check CHECK ((error_message IS NOT NULL) = (sync_status = 'error')),
  CONSTRAINT prod_channel_mappings_shop_check CHECK ((channel = 'shopify') = (shop_id IS NOT NULL))
);

CREATE INDEX idx_channel_product ON neanelu.prod_channel_mappings (product_id);
CREATE UNIQUE INDEX idx_channel_external ON neanelu.prod_channel_mappings (channel, shop_id, external_id) NULLS NOT DISTINCT;
CREATE INDEX idx_channel_status ON neanelu.prod_channel_mappings (channel, sync_status);
CREATE INDEX idx_channel_shop ON neanelu.prod_channel_mappings (shop_id, product_id);

COMMENT ON TABLE neanelu.prod_channel_mappings IS
  'Which product of which channel a golden record is: the link between the PIM and the shops.';
COMMENT ON COLUMN neanelu.prod_channel_mappings.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_channel_mappings.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_channel_mappings.channel IS 'shopify, google, facebook, ….';
COMMENT ON COLUMN neanelu.prod_channel_mappings.shop_id IS 'Shop, for channel shopify; null for channels without one.';
COMMENT ON COLUMN neanelu.prod_channel_mappings.external_id IS 'Id there; the product''s GID for shopify.';
COMMENT ON COLUMN neanelu.prod_channel_mappings.sync_status IS 'pending, synced or error.';
COMMENT ON COLUMN neanelu.prod_channel_mappings.last_pushed_at IS 'When we last sent it.';
COMMENT ON COLUMN neanelu.prod_channel_mappings.last_pulled_at IS 'When we last read it.';
COMMENT ON COLUMN neanelu.prod_channel_mappings.channel_meta IS 'Data of the channel: {"owned_fields": [..], "values": {..}, ..}.';
COMMENT ON COLUMN neanelu.prod_channel_mappings.error_message IS 'What the last push said when it failed.';
COMMENT ON COLUMN neanelu.prod_channel_mappings.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_channel_mappings.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_proposals (
  id                    uuid NOT NULL DEFAULT uuidv7(),
  product_id            uuid NOT NULL,
  field_path            text NOT NULL,
  current_value         jsonb,
  proposed_value        jsonb NOT NULL,
  extraction_session_id uuid,
  source_id             uuid,
  confidence_score      numeric(3,2),
  proposal_status       varchar(20) NOT NULL DEFAULT 'pending',
  priority              integer NOT NULL DEFAULT 0,
  reviewed_by           uuid,
  reviewed_at           timestamptz,
  review_notes          text,
  auto_approved         boolean NOT NULL DEFAULT false,
  expires_at            timestamptz,
  raw_value             jsonb,
  observed_at           timestamptz NOT NULL DEFAULT now(),
  created_at            timestamptz NOT NULL DEFAULT now(),
  updated_at            timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_proposals_pkey PRIMARY KEY (id),
  CONSTRAINT prod_proposals_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_proposals_extraction_session_id_fkey FOREIGN KEY (extraction_session_id) REFERENCES neanelu.prod_extraction_sessions (id) ON DELETE SET NULL,
  CONSTRAINT prod_proposals_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE RESTRICT,
  CONSTRAINT prod_proposals_status_check CHECK (proposal_status IN ('pending', 'approved', 'rejected', 'merged', 'superseded')),
  CONSTRAINT prod_proposals_confidence_check CHECK (confidence_score BETWEEN 0 AND 1),
  CONSTRAINT prod_proposals_field_check
    CHECK (field_path ~ '^(title|brand|manufacturer|mpn|gtin|model|description|category|image|price|specs\.[a-z0-9_]+)$'),
  CONSTRAINT prod_proposals_auto_check CHECK (NOT (auto_approved AND reviewed_by IS NOT NULL)),
  CONSTRAINT prod_proposals_reviewed_check CHECK (reviewed_by IS NULL OR reviewed_at IS NOT NULL)
) WITH (fillfactor = 85);

CREATE INDEX idx_proposals_product ON neanelu.prod_proposals (product_id, proposal_status);
CREATE INDEX idx_proposals_pending ON neanelu.prod_proposals (proposal_status, priority DESC) WHERE proposal_status = 'pending';
CREATE INDEX idx_proposals_field ON neanelu.prod_proposals (product_id, field_path);
CREATE INDEX idx_proposals_source ON neanelu.prod_proposals (source_id);
CREATE INDEX idx_proposals_expires ON neanelu.prod_proposals (expires_at) WHERE proposal_status = 'pending';
CREATE INDEX idx_proposals_session ON neanelu.prod_proposals (extraction_session_id);

COMMENT ON TABLE neanelu.prod_proposals IS
  'Values that somebody or something proposes for one field of one golden record: the votes of the consensus, kept with '
  'their evidence whatever becomes of them.';
COMMENT ON COLUMN neanelu.prod_proposals.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_proposals.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_proposals.field_path IS
  'Field: title, brand, manufacturer, mpn, gtin, description, category, or specs.<attribute code>.';
COMMENT ON COLUMN neanelu.prod_proposals.current_value IS 'Value in force when it was proposed.';
COMMENT ON COLUMN neanelu.prod_proposals.proposed_value IS
  'Normalised value: a JSON scalar or array, for an attribute with unit {"value", "unit"}.';
COMMENT ON COLUMN neanelu.prod_proposals.extraction_session_id IS 'Reading it comes from.';
COMMENT ON COLUMN neanelu.prod_proposals.source_id IS 'Source it comes from.';
COMMENT ON COLUMN neanelu.prod_proposals.confidence_score IS 'Confidence of the extraction and normalisation, 0 to 1.';
COMMENT ON COLUMN neanelu.prod_proposals.proposal_status IS
  'pending, approved (in force), rejected, merged (agrees with what is in force), superseded (the same source says '
  'something else now).';
COMMENT ON COLUMN neanelu.prod_proposals.priority IS 'Order of review, higher first.';
COMMENT ON COLUMN neanelu.prod_proposals.reviewed_by IS
  'Staff user who decided; no reference: staff belong to shops, golden records to nobody.';
COMMENT ON COLUMN neanelu.prod_proposals.reviewed_at IS 'When it was decided, by whomever.';
COMMENT ON COLUMN neanelu.prod_proposals.review_notes IS 'Why.';
COMMENT ON COLUMN neanelu.prod_proposals.auto_approved IS 'Decided by the rules, without a person.';
COMMENT ON COLUMN neanelu.prod_proposals.expires_at IS 'When a pending proposal lapses.';
COMMENT ON COLUMN neanelu.prod_proposals.raw_value IS 'The value as the source wrote it.';
COMMENT ON COLUMN neanelu.prod_proposals.observed_at IS
  'When the source said so: when the document was fetched. The newest counts as the source''s vote.';
COMMENT ON COLUMN neanelu.prod_proposals.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_proposals.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_similarity_matches (
  id                    uuid NOT NULL DEFAULT uuidv7(),
  product_id            uuid NOT NULL,
  source_id             uuid,
  source_url            text NOT NULL,
  source_product_id     varchar(255),
  source_gtin           varchar(14),
  source_title          text,
  source_brand          varchar(255),
  source_price          numeric(12,2),
  source_currency       varchar(3),
  similarity_score      numeric(5,4) NOT NULL,
  match_method          varchar(30) NOT NULL,
  match_confidence      varchar(20) NOT NULL DEFAULT 'pending',
  match_details         jsonb NOT NULL DEFAULT '{}',
  extraction_session_id uuid,
  specs_extracted       jsonb,
  scraped_at            timestamptz,
  validated_at          timestamptz,
  validated_by          uuid,
  validation_notes      text,
  is_primary_source     boolean NOT NULL DEFAULT false,
  created_at            timestamptz NOT NULL DEFAULT now(),
  updated_at            timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_similarity_matches_pkey PRIMARY KEY (id),
  CONSTRAINT prod_similarity_matches_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_similarity_matches_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE RESTRICT,
  CONSTRAINT prod_similarity_matches_extraction_session_id_fkey FOREIGN KEY (extraction_session_id) REFERENCES neanelu.prod_extraction_sessions (id) ON DELETE SET NULL,
  CONSTRAINT prod_similarity_matches_score_check CHECK (similarity_score BETWEEN 0 AND 1),
  CONSTRAINT prod_similarity_matches_method_check
    CHECK (match_method IN ('gtin_exact', 'mpn_exact', 'vector_semantic', 'title_fuzzy', 'model_code', 'manual')),
  CONSTRAINT prod_similarity_matches_confidence_check CHECK (match_confidence IN ('pending', 'confirmed', 'rejected', 'uncertain')),
  CONSTRAINT prod_similarity_matches_price_check CHECK (source_price >= 0 AND source_price < 'NaN'::numeric),
  CONSTRAINT prod_similarity_matches_gtin_check CHECK (source_gtin ~ '^[0-9]{14}$')
);

CREATE INDEX idx_similarity_product ON neanelu.prod_similarity_matches (product_id);
CREATE INDEX idx_similarity_source ON neanelu.prod_similarity_matches (source_id);
CREATE INDEX idx_similarity_gtin ON neanelu.prod_similarity_matches (source_gtin) WHERE source_gtin IS NOT NULL;
CREATE INDEX idx_similarity_score ON neanelu.prod_similarity_matches (similarity_score DESC) WHERE similarity_score >= 0.95;
CREATE INDEX idx_similarity_method ON neanelu.prod_similarity_matches (match_method, match_confidence);
CREATE INDEX idx_similarity_pending ON neanelu.prod_similarity_matches (match_confidence) WHERE match_confidence = 'pending';
CREATE INDEX idx_similarity_confirmed ON neanelu.prod_similarity_matches (product_id, is_primary_source) WHERE match_confidence = 'confirmed';
CREATE INDEX idx_similarity_url ON neanelu.prod_similarity_matches (source_url);
CREATE INDEX idx_similarity_session ON neanelu.prod_similarity_matches (extraction_session_id);

COMMENT ON TABLE neanelu.prod_similarity_matches IS
  'Products of sources that were found to be, or not to be, one of ours; with the score''s parts.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.source_id IS 'Source.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.source_url IS 'Page or feed record at the source.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.source_product_id IS 'The source''s key.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.source_gtin IS 'GTIN as the source says, 14 digits.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.source_title IS 'Title there.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.source_brand IS 'Brand there.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.source_price IS 'Price there, in source_currency.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.source_currency IS 'ISO 4217.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.similarity_score IS '0 to 1.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.match_method IS
  'gtin_exact, mpn_exact, vector_semantic, title_fuzzy, model_code or manual.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.match_confidence IS 'pending (for review), confirmed, rejected or uncertain.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.match_details IS '{"matched_fields", "scores": {..}, "conflicts": [..]}.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.extraction_session_id IS 'Reading that was matched.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.specs_extracted IS 'Attributes that came with it.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.scraped_at IS 'When the source was read.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.validated_at IS 'When it was decided.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.validated_by IS 'Staff user who decided; no reference, see prod_proposals.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.validation_notes IS 'Why.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.is_primary_source IS 'Best match for enrichment; at most one a product.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_similarity_matches.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_quality_events (
  id                   uuid NOT NULL DEFAULT uuidv7(),
  product_id           uuid NOT NULL,
  event_type           varchar(50) NOT NULL,
  previous_level       varchar(20),
  new_level            varchar(20) NOT NULL,
  quality_score_before numeric(3,2),
  quality_score_after  numeric(3,2),
  trigger_reason       varchar(100) NOT NULL,
  trigger_details      jsonb NOT NULL DEFAULT '{}',
  triggered_by         uuid,
  job_id               varchar(255),
  webhook_sent         boolean NOT NULL DEFAULT false,
  webhook_sent_at      timestamptz,
  created_at           timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_quality_events_pkey PRIMARY KEY (id),
  CONSTRAINT prod_quality_events_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_quality_events_type_check CHECK (event_type IN ('quality_promoted', 'quality_demoted', 'review_requested')),
  CONSTRAINT prod_quality_events_previous_check CHECK (previous_level IN ('bronze', 'silver', 'golden', 'review_needed')),
  CONSTRAINT prod_quality_events_level_check CHECK (new_level IN ('bronze', 'silver', 'golden', 'review_needed')),
  CONSTRAINT prod_quality_events_before_check CHECK (quality_score_before BETWEEN 0 AND 1),
  CONSTRAINT prod_quality_events_after_check CHECK (quality_score_after BETWEEN 0 AND 1),
  CONSTRAINT prod_quality_events_reason_check
    CHECK (trigger_reason IN ('auto_enrichment', 'manual_review', 'data_change', 'scheduled_check')),
  CONSTRAINT prod_quality_events_sent_check CHECK (webhook_sent = (webhook_sent_at IS NOT NULL))
);

CREATE INDEX idx_quality_events_product ON neanelu.prod_quality_events (product_id, created_at DESC);
CREATE INDEX idx_quality_events_type ON neanelu.prod_quality_events (event_type, created_at DESC);
CREATE INDEX idx_quality_events_level ON neanelu.prod_quality_events (new_level, created_at DESC);
CREATE INDEX idx_quality_events_pending_webhook ON neanelu.prod_quality_events (created_at) WHERE NOT webhook_sent;

COMMENT ON TABLE neanelu.prod_quality_events IS 'Changes of quality level, append only but for the webhook''s mark.';
COMMENT ON COLUMN neanelu.prod_quality_events.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_quality_events.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_quality_events.event_type IS 'quality_promoted, quality_demoted or review_requested.';
COMMENT ON COLUMN neanelu.prod_quality_events.previous_level IS 'Level before.';
COMMENT ON COLUMN neanelu.prod_quality_events.new_level IS 'Level after.';
COMMENT ON COLUMN neanelu.prod_quality_events.quality_score_before IS 'Score before, 0 to 1.';
COMMENT ON COLUMN neanelu.prod_quality_events.quality_score_after IS 'Score after.';
COMMENT ON COLUMN neanelu.prod_quality_events.trigger_reason IS 'auto_enrichment, manual_review, data_change or scheduled_check.';
COMMENT ON COLUMN neanelu.prod_quality_events.trigger_details IS '{"changed_fields", "rule", ..}.';
COMMENT ON COLUMN neanelu.prod_quality_events.triggered_by IS 'Staff user; null when automatic.';
COMMENT ON COLUMN neanelu.prod_quality_events.job_id IS 'Job that computed it (job_runs.id).';
COMMENT ON COLUMN neanelu.prod_quality_events.webhook_sent IS 'The receivers were told.';
COMMENT ON COLUMN neanelu.prod_quality_events.webhook_sent_at IS 'When.';
COMMENT ON COLUMN neanelu.prod_quality_events.created_at IS 'When the row was made.';

CREATE TABLE neanelu.prod_translations (
  id                 uuid NOT NULL DEFAULT uuidv7(),
  product_id         uuid NOT NULL,
  locale             varchar(10) NOT NULL,
  title              text,
  description        text,
  description_short  varchar(500),
  keywords           text[],
  seo_title          varchar(255),
  seo_description    text,
  translation_source varchar(30),
  quality_score      numeric(3,2),
  is_approved        boolean NOT NULL DEFAULT false,
  source_hash        varchar(64),
  is_stale           boolean NOT NULL DEFAULT false,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_translations_pkey PRIMARY KEY (id),
  CONSTRAINT prod_translations_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_translations_source_check CHECK (translation_source IN ('manual', 'ai', 'import')),
  CONSTRAINT prod_translations_score_check CHECK (quality_score BETWEEN 0 AND 1),
  CONSTRAINT prod_translations_locale_check CHECK (locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$')
);

CREATE UNIQUE INDEX idx_translations_product_locale ON neanelu.prod_translations (product_id, locale);
CREATE INDEX idx_translations_locale ON neanelu.prod_translations (locale, is_approved);

COMMENT ON TABLE neanelu.prod_translations IS 'Texts of golden records in further languages.';
COMMENT ON COLUMN neanelu.prod_translations.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_translations.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_translations.locale IS 'Language, BCP 47.';
COMMENT ON COLUMN neanelu.prod_translations.title IS 'Title.';
COMMENT ON COLUMN neanelu.prod_translations.description IS 'Description.';
COMMENT ON COLUMN neanelu.prod_translations.description_short IS 'Summary of at most 500 characters.';
COMMENT ON COLUMN neanelu.prod_translations.keywords IS 'Search words.';
COMMENT ON COLUMN neanelu.prod_translations.seo_title IS 'Title for search engines.';
COMMENT ON COLUMN neanelu.prod_translations.seo_description IS 'Description for search engines.';
COMMENT ON COLUMN neanelu.prod_translations.translation_source IS 'manual, ai or import.';
COMMENT ON COLUMN neanelu.prod_translations.quality_score IS '0 to 1.';
COMMENT ON COLUMN neanelu.prod_translations.is_approved IS 'A person agreed.';
COMMENT ON COLUMN neanelu.prod_translations.source_hash IS 'SHA-256 of the text it was translated from, hexadecimal.';
COMMENT ON COLUMN neanelu.prod_translations.is_stale IS 'The text it was translated from has changed since.';
COMMENT ON COLUMN neanelu.prod_translations.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_translations.updated_at IS 'When the row last changed.';

ALTER TABLE neanelu.prod_master ADD CONSTRAINT prod_master_dedupe_cluster_id_fkey FOREIGN KEY (dedupe_cluster_id) REFERENCES neanelu.prod_dedupe_clusters (id) ON DELETE SET NULL;

DO $partman$
BEGIN
  PERFORM partman.create_parent('neanelu.prod_raw_harvest', 'fetched_at', '1 month', p_premake => 4);
END
$partman$;

-- Kept for good: dropping old months is an operator's decision (partman.part_config.retention).
UPDATE partman.part_config
   SET infinite_time_partitions = true, inherit_privileges = false
 WHERE parent_table = 'neanelu.prod_raw_harvest';

COMMIT;
