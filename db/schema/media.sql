-- Deploy neanelu:schema/media to pg
-- Module J: media, their links to products and variants, publications and what is published where.
--
-- Links carry shop_id in both references and go with either end (CASCADE); they need no reference of their own to
-- shops.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.shopify_media (
  media_id           uuid NOT NULL DEFAULT uuidv7(),
  shop_id            uuid NOT NULL,
  shopify_gid        varchar(100) NOT NULL,
  legacy_resource_id bigint,
  media_type         varchar(30) NOT NULL,
  alt                text,
  status             varchar(20) NOT NULL,
  mime_type          varchar(100),
  file_size          bigint,
  width              integer,
  height             integer,
  duration           integer,
  url                text,
  preview_url        text,
  sources            jsonb NOT NULL DEFAULT '[]',
  metadata           jsonb NOT NULL DEFAULT '{}',
  created_at_shopify timestamptz,
  updated_at_shopify timestamptz,
  synced_at          timestamptz NOT NULL DEFAULT now(),
  deleted_at         timestamptz,
  deletion_reason    text,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_media_pkey PRIMARY KEY (shop_id, media_id),
  CONSTRAINT shopify_media_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT,
  CONSTRAINT shopify_media_shopify_gid_check
    CHECK (shopify_gid LIKE 'gid://shopify/MediaImage/_%' OR shopify_gid LIKE 'gid://shopify/Video/_%'
        OR shopify_gid LIKE 'gid://shopify/ExternalVideo/_%' OR shopify_gid LIKE 'gid://shopify/Model3d/_%'),
  CONSTRAINT shopify_media_legacy_resource_id_check CHECK (legacy_resource_id > 0),
  CONSTRAINT shopify_media_media_type_check CHECK (media_type IN ('EXTERNAL_VIDEO', 'IMAGE', 'MODEL_3D', 'VIDEO')),
  CONSTRAINT shopify_media_status_check CHECK (status IN ('FAILED', 'PROCESSING', 'READY', 'UPLOADED')),
  CONSTRAINT shopify_media_sizes_check CHECK (file_size >= 0 AND width >= 0 AND height >= 0 AND duration >= 0),
  CONSTRAINT shopify_media_sources_check CHECK (jsonb_typeof(sources) = 'array'),
  CONSTRAINT shopify_media_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
  CONSTRAINT shopify_media_finite_times_check CHECK (isfinite(created_at_shopify) AND isfinite(updated_at_shopify)),
  CONSTRAINT shopify_media_deletion_reason_check
    CHECK (deletion_reason IN ('snapshot', 'webhook', 'uninstall', 'erasure')),
  CONSTRAINT shopify_media_tombstone_check CHECK ((deleted_at IS NULL) = (deletion_reason IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_media_shop_gid ON neanelu.shopify_media (shop_id, shopify_gid);
CREATE INDEX idx_media_type ON neanelu.shopify_media (shop_id, media_type);
CREATE INDEX idx_media_status ON neanelu.shopify_media (shop_id, status);

COMMENT ON TABLE neanelu.shopify_media IS 'Mirror of images, videos and models attached to products.';
COMMENT ON COLUMN neanelu.shopify_media.media_id IS
  'Internal id, time ordered (named as in the contract; the tables that link media use the same name).';
COMMENT ON COLUMN neanelu.shopify_media.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_media.shopify_gid IS
  'Global id at Shopify, gid://shopify/<MediaImage, Video, ExternalVideo or Model3d>/<number>; natural '
  'key within the shop.';
COMMENT ON COLUMN neanelu.shopify_media.legacy_resource_id IS
  'Number at the end of the GID; the API has no such field of its own.';
COMMENT ON COLUMN neanelu.shopify_media.media_type IS 'Shopify: Media.mediaContentType (MediaContentType).';
COMMENT ON COLUMN neanelu.shopify_media.alt IS 'Shopify: Media.alt, text for those who cannot see it.';
COMMENT ON COLUMN neanelu.shopify_media.status IS 'Shopify: Media.status (MediaStatus): only READY can be shown.';
COMMENT ON COLUMN neanelu.shopify_media.mime_type IS 'Shopify: MediaImage.mimeType, or that of the first source.';
COMMENT ON COLUMN neanelu.shopify_media.file_size IS 'Size of the original in bytes (originalSource.fileSize).';
COMMENT ON COLUMN neanelu.shopify_media.width IS 'Width in pixels.';
COMMENT ON COLUMN neanelu.shopify_media.height IS 'Height in pixels.';
COMMENT ON COLUMN neanelu.shopify_media.duration IS 'Shopify: Video.duration, milliseconds.';
COMMENT ON COLUMN neanelu.shopify_media.url IS
  'Address of the file: MediaImage.image.url, Video.originalSource.url, ExternalVideo.originUrl.';
COMMENT ON COLUMN neanelu.shopify_media.preview_url IS 'Shopify: Media.preview.image.url.';
COMMENT ON COLUMN neanelu.shopify_media.sources IS
  'Shopify: Video.sources or Model3d.sources as [{url, mimeType, format}].';
COMMENT ON COLUMN neanelu.shopify_media.metadata IS
  'What only one type has, an object: host of an external video, bounding box of a model, errors of a '
  'failed one.';
COMMENT ON COLUMN neanelu.shopify_media.created_at_shopify IS 'Shopify: File.createdAt.';
COMMENT ON COLUMN neanelu.shopify_media.updated_at_shopify IS
  'Shopify: File.updatedAt; an older version never overwrites a newer one.';
COMMENT ON COLUMN neanelu.shopify_media.synced_at IS
  'When a sync last wrote the row. An unchanged row is not written, so this is not ''last seen''. Never '
  'indexed.';
COMMENT ON COLUMN neanelu.shopify_media.deleted_at IS
  'When the row was found gone from the shop (tombstone); null while it lives. A re-appearing row is '
  'set to null again.';
COMMENT ON COLUMN neanelu.shopify_media.deletion_reason IS
  'How the disappearance was learnt: snapshot (absent from a full, complete one), webhook, uninstall or '
  'erasure.';
COMMENT ON COLUMN neanelu.shopify_media.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_media.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.shopify_product_media (
  shop_id     uuid NOT NULL,
  product_id  uuid NOT NULL,
  media_id    uuid NOT NULL,
  position    integer DEFAULT 0,
  is_featured boolean DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_product_media_pkey PRIMARY KEY (shop_id, product_id, media_id),
  CONSTRAINT shopify_product_media_shop_id_product_id_fkey
    FOREIGN KEY (shop_id, product_id) REFERENCES neanelu.shopify_products (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT shopify_product_media_shop_id_media_id_fkey
    FOREIGN KEY (shop_id, media_id) REFERENCES neanelu.shopify_media (shop_id, media_id) ON DELETE CASCADE,
  CONSTRAINT shopify_product_media_position_check CHECK (position >= 0)
) WITH (fillfactor = 90);

CREATE INDEX idx_product_media_shop ON neanelu.shopify_product_media (shop_id);
CREATE INDEX idx_product_media_product ON neanelu.shopify_product_media (shop_id, product_id, position);
CREATE INDEX idx_product_media_featured
  ON neanelu.shopify_product_media (shop_id, product_id) WHERE is_featured = true;
CREATE INDEX idx_product_media_media ON neanelu.shopify_product_media (shop_id, media_id);

COMMENT ON TABLE neanelu.shopify_product_media IS
  'Which media a product shows, in which order. A link that is gone is deleted.';
COMMENT ON COLUMN neanelu.shopify_product_media.shop_id IS
  'Tenant; part of both references, so that a link across shops is impossible.';
COMMENT ON COLUMN neanelu.shopify_product_media.product_id IS 'Product.';
COMMENT ON COLUMN neanelu.shopify_product_media.media_id IS 'Medium.';
COMMENT ON COLUMN neanelu.shopify_product_media.position IS 'Place among the product''s media, from 0.';
COMMENT ON COLUMN neanelu.shopify_product_media.is_featured IS
  'True for the product''s main medium (Product.featuredMedia).';
COMMENT ON COLUMN neanelu.shopify_product_media.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_product_media.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.shopify_variant_media (
  shop_id    uuid NOT NULL,
  variant_id uuid NOT NULL,
  media_id   uuid NOT NULL,
  position   integer DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_variant_media_pkey PRIMARY KEY (shop_id, variant_id, media_id),
  CONSTRAINT shopify_variant_media_shop_id_variant_id_fkey
    FOREIGN KEY (shop_id, variant_id) REFERENCES neanelu.shopify_variants (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT shopify_variant_media_shop_id_media_id_fkey
    FOREIGN KEY (shop_id, media_id) REFERENCES neanelu.shopify_media (shop_id, media_id) ON DELETE CASCADE,
  CONSTRAINT shopify_variant_media_position_check CHECK (position >= 0)
) WITH (fillfactor = 90);

CREATE INDEX idx_variant_media_shop ON neanelu.shopify_variant_media (shop_id);
CREATE INDEX idx_variant_media_media ON neanelu.shopify_variant_media (shop_id, media_id);

COMMENT ON TABLE neanelu.shopify_variant_media IS 'Which media a variant shows. A link that is gone is deleted.';
COMMENT ON COLUMN neanelu.shopify_variant_media.shop_id IS
  'Tenant; part of both references, so that a link across shops is impossible.';
COMMENT ON COLUMN neanelu.shopify_variant_media.variant_id IS 'Variant.';
COMMENT ON COLUMN neanelu.shopify_variant_media.media_id IS 'Medium.';
COMMENT ON COLUMN neanelu.shopify_variant_media.position IS 'Place among the variant''s media, from 0.';
COMMENT ON COLUMN neanelu.shopify_variant_media.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_variant_media.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.shopify_publications (
  id                         uuid NOT NULL DEFAULT uuidv7(),
  shop_id                    uuid NOT NULL,
  shopify_gid                varchar(100) NOT NULL,
  name                       varchar(255) NOT NULL,
  catalog_type               varchar(50),
  supports_future_publishing boolean DEFAULT false,
  auto_publish               boolean DEFAULT false,
  is_active                  boolean DEFAULT true,
  synced_at                  timestamptz NOT NULL DEFAULT now(),
  deleted_at                 timestamptz,
  deletion_reason            text,
  created_at                 timestamptz NOT NULL DEFAULT now(),
  updated_at                 timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_publications_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shopify_publications_shop_id_fkey
    FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT,
  CONSTRAINT shopify_publications_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/Publication/_%'),
  CONSTRAINT shopify_publications_catalog_type_check CHECK (catalog_type IN ('APP', 'COMPANY_LOCATION', 'MARKET')),
  CONSTRAINT shopify_publications_deletion_reason_check
    CHECK (deletion_reason IN ('snapshot', 'webhook', 'uninstall', 'erasure')),
  CONSTRAINT shopify_publications_tombstone_check CHECK ((deleted_at IS NULL) = (deletion_reason IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_publications_shop_gid ON neanelu.shopify_publications (shop_id, shopify_gid);
CREATE INDEX idx_publications_shop_active ON neanelu.shopify_publications (shop_id, is_active);

COMMENT ON TABLE neanelu.shopify_publications IS 'Mirror of the channels and catalogues a shop publishes to.';
COMMENT ON COLUMN neanelu.shopify_publications.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.shopify_publications.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_publications.shopify_gid IS
  'Global id at Shopify, gid://shopify/Publication/<number>; natural key within the shop.';
COMMENT ON COLUMN neanelu.shopify_publications.name IS
  'Name of the channel: Publication.catalog.title, or Publication.name in older versions.';
COMMENT ON COLUMN neanelu.shopify_publications.catalog_type IS
  'Kind of Publication.catalog: APP, MARKET or COMPANY_LOCATION; null without a catalogue.';
COMMENT ON COLUMN neanelu.shopify_publications.supports_future_publishing IS
  'Shopify: Publication.supportsFuturePublishing.';
COMMENT ON COLUMN neanelu.shopify_publications.auto_publish IS
  'Shopify: Publication.autoPublish: new products are published by themselves.';
COMMENT ON COLUMN neanelu.shopify_publications.is_active IS
  'False when the catalogue is a draft or archived (Catalog.status).';
COMMENT ON COLUMN neanelu.shopify_publications.synced_at IS
  'When a sync last wrote the row. An unchanged row is not written, so this is not ''last seen''. Never '
  'indexed.';
COMMENT ON COLUMN neanelu.shopify_publications.deleted_at IS
  'When the row was found gone from the shop (tombstone); null while it lives. A re-appearing row is '
  'set to null again.';
COMMENT ON COLUMN neanelu.shopify_publications.deletion_reason IS
  'How the disappearance was learnt: snapshot (absent from a full, complete one), webhook, uninstall or '
  'erasure.';
COMMENT ON COLUMN neanelu.shopify_publications.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_publications.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.shopify_resource_publications (
  id             uuid NOT NULL DEFAULT uuidv7(),
  shop_id        uuid NOT NULL,
  publication_id uuid NOT NULL,
  resource_type  varchar(50) NOT NULL,
  resource_id    uuid NOT NULL,
  product_id     uuid GENERATED ALWAYS AS (CASE WHEN resource_type = 'Product' THEN resource_id END) STORED,
  collection_id  uuid GENERATED ALWAYS AS (CASE WHEN resource_type = 'Collection' THEN resource_id END) STORED,
  is_published   boolean NOT NULL DEFAULT false,
  published_at   timestamptz,
  publish_date   timestamptz,
  updated_at_shopify timestamptz,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_resource_publications_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shopify_resource_publications_shop_id_publication_id_fkey
    FOREIGN KEY (shop_id, publication_id) REFERENCES neanelu.shopify_publications (shop_id, id) ON DELETE
      CASCADE,
  CONSTRAINT shopify_resource_publications_shop_id_product_id_fkey
    FOREIGN KEY (shop_id, product_id) REFERENCES neanelu.shopify_products (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT shopify_resource_publications_shop_id_collection_id_fkey
    FOREIGN KEY (shop_id, collection_id) REFERENCES neanelu.shopify_collections (shop_id, id) ON DELETE
      CASCADE,
  CONSTRAINT shopify_resource_publications_resource_type_check CHECK (resource_type IN ('Collection', 'Product')),
  CONSTRAINT shopify_resource_publications_finite_times_check
    CHECK (isfinite(published_at) AND isfinite(publish_date)),
  CONSTRAINT shopify_resource_publications_finite_change_check CHECK (isfinite(updated_at_shopify))
) WITH (fillfactor = 90);

CREATE INDEX idx_resource_pub_publication ON neanelu.shopify_resource_publications (shop_id, publication_id);
CREATE UNIQUE INDEX idx_resource_pub_resource
  ON neanelu.shopify_resource_publications (shop_id, publication_id, resource_type, resource_id);
CREATE INDEX idx_resource_pub_published
  ON neanelu.shopify_resource_publications (shop_id, resource_type, is_published);
CREATE INDEX idx_resource_pub_product
  ON neanelu.shopify_resource_publications (shop_id, product_id) WHERE product_id IS NOT NULL;
CREATE INDEX idx_resource_pub_collection
  ON neanelu.shopify_resource_publications (shop_id, collection_id) WHERE collection_id IS NOT NULL;

COMMENT ON TABLE neanelu.shopify_resource_publications IS
  'What is published where: a product or a collection in a publication. resource_id points into one of '
  'two tables; the two generated columns turn that into real references.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.id IS
  'Internal id, time ordered; the natural key is publication, type and resource.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.publication_id IS 'Publication.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.resource_type IS
  'What resource_id points to: Product or Collection.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.resource_id IS
  'Id of a row of shopify_products or shopify_collections, as resource_type says.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.product_id IS
  'resource_id when it is a product; carries the reference.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.collection_id IS
  'resource_id when it is a collection; carries the reference.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.is_published IS 'Shopify: ResourcePublicationV2.isPublished.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.published_at IS
  'When it became visible: publishDate of a published resource.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.publish_date IS
  'Shopify: ResourcePublicationV2.publishDate when it is still to come.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.updated_at_shopify IS
  'As of when the last webhook said so; only webhooks write it.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_resource_publications.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

COMMIT;
