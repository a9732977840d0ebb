-- Deploy neanelu:schema/shopify to pg
-- Module B, mirror part: products, variants, collections and their products, customers, orders, metaobjects.
--
-- Rows are written by the sync and webhook functions only. A column that the source did not send stays null, so
-- booleans are nullable; containers (tags, options, metafields) are empty instead. Shops are referenced with
-- RESTRICT, so that a mirror is only ever emptied on purpose; parts go with their whole (CASCADE). A part has no
-- reference of its own to shops: its reference to the whole contains shop_id and costs a look-up per row already.
-- Fill factor 90 and no index on a touched-at column keep updates heap-only.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.shopify_products (
  id                        uuid NOT NULL DEFAULT uuidv7(),
  shop_id                   uuid NOT NULL,
  shopify_gid               varchar(100) NOT NULL,
  legacy_resource_id        bigint NOT NULL,
  title                     text NOT NULL,
  handle                    varchar(255) NOT NULL,
  description               text,
  description_html          text,
  vendor                    varchar(255),
  product_type              varchar(255),
  status                    varchar(20) NOT NULL,
  tags                      text[] NOT NULL DEFAULT '{}',
  is_gift_card              boolean DEFAULT false,
  has_only_default_variant  boolean DEFAULT true,
  has_out_of_stock_variants boolean DEFAULT false,
  requires_selling_plan     boolean DEFAULT false,
  options                   jsonb NOT NULL DEFAULT '[]',
  seo                       jsonb,
  price_range               jsonb,
  compare_at_price_range    jsonb,
  featured_image_url        text,
  template_suffix           varchar(100),
  category_id               varchar(100),
  metafields                jsonb NOT NULL DEFAULT '{}',
  published_at              timestamptz,
  created_at_shopify        timestamptz,
  updated_at_shopify        timestamptz,
  synced_at                 timestamptz NOT NULL DEFAULT now(),
  deleted_at                timestamptz,
  deletion_reason           text,
  created_at                timestamptz NOT NULL DEFAULT now(),
  updated_at                timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_products_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shopify_products_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT,
  CONSTRAINT shopify_products_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/Product/_%'),
  CONSTRAINT shopify_products_legacy_resource_id_check CHECK (legacy_resource_id > 0),
  CONSTRAINT shopify_products_status_check CHECK (status IN ('ACTIVE', 'ARCHIVED', 'DRAFT', 'UNLISTED')),
  CONSTRAINT shopify_products_options_check CHECK (jsonb_typeof(options) = 'array'),
  CONSTRAINT shopify_products_metafields_check CHECK (jsonb_typeof(metafields) = 'object'),
  CONSTRAINT shopify_products_seo_check CHECK (jsonb_typeof(seo) = 'object'),
  CONSTRAINT shopify_products_price_range_check CHECK (jsonb_typeof(price_range) = 'object'),
  CONSTRAINT shopify_products_compare_at_price_range_check CHECK (jsonb_typeof(compare_at_price_range) = 'object'),
  CONSTRAINT shopify_products_finite_times_check
    CHECK (isfinite(published_at) AND isfinite(created_at_shopify) AND isfinite(updated_at_shopify)),
  CONSTRAINT shopify_products_deletion_reason_check
    CHECK (deletion_reason IN ('snapshot', 'webhook', 'uninstall', 'erasure')),
  CONSTRAINT shopify_products_tombstone_check CHECK ((deleted_at IS NULL) = (deletion_reason IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_products_shop_gid ON neanelu.shopify_products (shop_id, shopify_gid);
CREATE INDEX idx_products_shop_handle ON neanelu.shopify_products (shop_id, handle);
CREATE INDEX idx_products_shop_status ON neanelu.shopify_products (shop_id, status);
CREATE INDEX idx_products_shop_vendor ON neanelu.shopify_products (shop_id, vendor);
CREATE INDEX idx_products_tags ON neanelu.shopify_products USING gin (tags);
CREATE INDEX idx_products_metafields ON neanelu.shopify_products USING gin (metafields jsonb_path_ops);
CREATE INDEX idx_products_fts ON neanelu.shopify_products
  USING gin (to_tsvector('pg_catalog.simple', title || ' ' || COALESCE(description, '')));

COMMENT ON TABLE neanelu.shopify_products IS
  'Mirror of the shop''s products, one row per product, gone ones with a tombstone.';
COMMENT ON COLUMN neanelu.shopify_products.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.shopify_products.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_products.shopify_gid IS
  'Global id at Shopify, gid://shopify/Product/<number>; natural key within the shop.';
COMMENT ON COLUMN neanelu.shopify_products.legacy_resource_id IS
  'Numeric id at Shopify (legacyResourceId), the number at the end of the GID; may exceed 2^53, so '
  'never a JSON number.';
COMMENT ON COLUMN neanelu.shopify_products.title IS 'Shopify: Product.title.';
COMMENT ON COLUMN neanelu.shopify_products.handle IS
  'Shopify: Product.handle, the last part of the page''s URL; Shopify keeps it unique, two versions may '
  'overlap here while a sync runs.';
COMMENT ON COLUMN neanelu.shopify_products.description IS 'Shopify: Product.description, plain text.';
COMMENT ON COLUMN neanelu.shopify_products.description_html IS 'Shopify: Product.descriptionHtml.';
COMMENT ON COLUMN neanelu.shopify_products.vendor IS 'Shopify: Product.vendor, the brand.';
COMMENT ON COLUMN neanelu.shopify_products.product_type IS
  'Shopify: Product.productType, the merchant''s own wording.';
COMMENT ON COLUMN neanelu.shopify_products.status IS 'Shopify: Product.status (ProductStatus).';
COMMENT ON COLUMN neanelu.shopify_products.tags IS
  'Shopify: Product.tags. The GIN index takes no element over some 2,600 bytes; Shopify allows 255 '
  'characters.';
COMMENT ON COLUMN neanelu.shopify_products.is_gift_card IS 'Shopify: Product.isGiftCard.';
COMMENT ON COLUMN neanelu.shopify_products.has_only_default_variant IS 'Shopify: Product.hasOnlyDefaultVariant.';
COMMENT ON COLUMN neanelu.shopify_products.has_out_of_stock_variants IS 'Shopify: Product.hasOutOfStockVariants.';
COMMENT ON COLUMN neanelu.shopify_products.requires_selling_plan IS
  'Shopify: Product.requiresSellingPlan, sold by subscription only.';
COMMENT ON COLUMN neanelu.shopify_products.options IS 'Shopify: Product.options as [{name, position, values}].';
COMMENT ON COLUMN neanelu.shopify_products.seo IS 'Shopify: Product.seo as {title, description}.';
COMMENT ON COLUMN neanelu.shopify_products.price_range IS
  'Shopify: Product.priceRangeV2 as {min, max, currency}; amounts are decimal strings.';
COMMENT ON COLUMN neanelu.shopify_products.compare_at_price_range IS
  'Shopify: Product.compareAtPriceRange as {min, max, currency}; null when no variant has such a price.';
COMMENT ON COLUMN neanelu.shopify_products.featured_image_url IS
  'Shopify: Product.featuredMedia, URL of its preview image.';
COMMENT ON COLUMN neanelu.shopify_products.template_suffix IS
  'Shopify: Product.templateSuffix, the theme''s template.';
COMMENT ON COLUMN neanelu.shopify_products.category_id IS
  'Shopify: Product.category.id, a node of Shopify''s product taxonomy (GID).';
COMMENT ON COLUMN neanelu.shopify_products.metafields IS
  'Shopify: Product.metafields as {namespace.key: {type, value}}; those that the sync selects.';
COMMENT ON COLUMN neanelu.shopify_products.published_at IS
  'Shopify: Product.publishedAt on the online store; null when unpublished there.';
COMMENT ON COLUMN neanelu.shopify_products.created_at_shopify IS 'Shopify: Product.createdAt.';
COMMENT ON COLUMN neanelu.shopify_products.updated_at_shopify IS
  'Shopify: Product.updatedAt; an older version never overwrites a newer one.';
COMMENT ON COLUMN neanelu.shopify_products.synced_at IS
  'When a sync last wrote the row. An unchanged row is not written, so this is not ''last seen''. Never '
  'indexed.';
COMMENT ON COLUMN neanelu.shopify_products.deleted_at IS
  'When the row was found gone from the shop (tombstone); null while it lives. A re-appearing row is '
  'set to null again.';
COMMENT ON COLUMN neanelu.shopify_products.deletion_reason IS
  'How the disappearance was learnt: snapshot (absent from a full, complete one), webhook, uninstall or '
  'erasure.';
COMMENT ON COLUMN neanelu.shopify_products.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_products.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.shopify_variants (
  id                  uuid NOT NULL DEFAULT uuidv7(),
  shop_id             uuid NOT NULL,
  product_id          uuid NOT NULL,
  shopify_gid         varchar(100) NOT NULL,
  legacy_resource_id  bigint NOT NULL,
  title               varchar(255) NOT NULL,
  sku                 varchar(255),
  barcode             varchar(100),
  price               numeric(12,2) NOT NULL,
  compare_at_price    numeric(12,2),
  currency_code       varchar(3) DEFAULT 'RON',
  cost                numeric(12,2),
  weight              numeric(10,4),
  weight_unit         varchar(20) DEFAULT 'KILOGRAMS',
  inventory_quantity  integer DEFAULT 0,
  inventory_policy    varchar(20) DEFAULT 'DENY',
  inventory_item_id   varchar(100),
  taxable             boolean DEFAULT true,
  tax_code            varchar(50),
  available_for_sale  boolean DEFAULT true,
  requires_shipping   boolean DEFAULT true,
  requires_components boolean DEFAULT false,
  position            integer DEFAULT 1,
  selected_options    jsonb NOT NULL DEFAULT '[]',
  image_url           text,
  metafields          jsonb NOT NULL DEFAULT '{}',
  created_at_shopify  timestamptz,
  updated_at_shopify  timestamptz,
  item_updated_at_shopify timestamptz,
  synced_at           timestamptz NOT NULL DEFAULT now(),
  deleted_at          timestamptz,
  deletion_reason     text,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_variants_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shopify_variants_shop_id_product_id_fkey
    FOREIGN KEY (shop_id, product_id) REFERENCES neanelu.shopify_products (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT shopify_variants_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/ProductVariant/_%'),
  CONSTRAINT shopify_variants_legacy_resource_id_check CHECK (legacy_resource_id > 0),
  CONSTRAINT shopify_variants_price_check CHECK (price >= 0 AND price < 'NaN'::numeric),
  CONSTRAINT shopify_variants_compare_at_price_check
    CHECK (compare_at_price >= 0 AND compare_at_price < 'NaN'::numeric),
  CONSTRAINT shopify_variants_cost_check CHECK (cost >= 0 AND cost < 'NaN'::numeric),
  CONSTRAINT shopify_variants_weight_check CHECK (weight >= 0 AND weight < 'NaN'::numeric),
  CONSTRAINT shopify_variants_currency_code_check CHECK (currency_code IN ('EUR', 'RON', 'USD') OR currency_code ~ '^[A-Z]{3}$'),
  CONSTRAINT shopify_variants_weight_unit_check CHECK (weight_unit IN ('GRAMS', 'KILOGRAMS', 'OUNCES', 'POUNDS')),
  CONSTRAINT shopify_variants_inventory_policy_check CHECK (inventory_policy IN ('CONTINUE', 'DENY')),
  CONSTRAINT shopify_variants_inventory_item_id_check
    CHECK (inventory_item_id LIKE 'gid://shopify/InventoryItem/_%'),
  CONSTRAINT shopify_variants_selected_options_check CHECK (jsonb_typeof(selected_options) = 'array'),
  CONSTRAINT shopify_variants_metafields_check CHECK (jsonb_typeof(metafields) = 'object'),
  CONSTRAINT shopify_variants_finite_times_check
    CHECK (isfinite(created_at_shopify) AND isfinite(updated_at_shopify)),
  CONSTRAINT shopify_variants_finite_item_time_check CHECK (isfinite(item_updated_at_shopify)),
  CONSTRAINT shopify_variants_deletion_reason_check
    CHECK (deletion_reason IN ('snapshot', 'webhook', 'uninstall', 'erasure')),
  CONSTRAINT shopify_variants_tombstone_check CHECK ((deleted_at IS NULL) = (deletion_reason IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_variants_shop_gid ON neanelu.shopify_variants (shop_id, shopify_gid);
CREATE INDEX idx_variants_product ON neanelu.shopify_variants (shop_id, product_id);
CREATE INDEX idx_variants_shop_sku ON neanelu.shopify_variants (shop_id, sku) WHERE sku IS NOT NULL;
CREATE INDEX idx_variants_shop_barcode ON neanelu.shopify_variants (shop_id, barcode) WHERE barcode IS NOT NULL;
CREATE INDEX idx_variants_inventory ON neanelu.shopify_variants (shop_id, inventory_quantity);

COMMENT ON TABLE neanelu.shopify_variants IS
  'Mirror of the products'' variants: what is sold, priced and stocked. Up to 2,048 a product.';
COMMENT ON COLUMN neanelu.shopify_variants.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.shopify_variants.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_variants.product_id IS
  'Product the variant belongs to (from __parentId of the bulk line).';
COMMENT ON COLUMN neanelu.shopify_variants.shopify_gid IS
  'Global id at Shopify, gid://shopify/ProductVariant/<number>; natural key within the shop.';
COMMENT ON COLUMN neanelu.shopify_variants.legacy_resource_id IS
  'Numeric id at Shopify (legacyResourceId), the number at the end of the GID; may exceed 2^53, so '
  'never a JSON number.';
COMMENT ON COLUMN neanelu.shopify_variants.title IS 'Shopify: ProductVariant.title, the option values joined.';
COMMENT ON COLUMN neanelu.shopify_variants.sku IS
  'Shopify: ProductVariant.sku; neither mandatory nor unique at Shopify.';
COMMENT ON COLUMN neanelu.shopify_variants.barcode IS
  'Shopify: ProductVariant.barcode, as typed by the merchant; not necessarily a valid GTIN.';
COMMENT ON COLUMN neanelu.shopify_variants.price IS
  'Shopify: ProductVariant.price in currency_code; a value that does not fit is quarantined, never '
  'rounded.';
COMMENT ON COLUMN neanelu.shopify_variants.compare_at_price IS
  'Shopify: ProductVariant.compareAtPrice, the price before a reduction; null for most variants.';
COMMENT ON COLUMN neanelu.shopify_variants.currency_code IS 'Currency of the prices, the shop''s (ISO 4217).';
COMMENT ON COLUMN neanelu.shopify_variants.cost IS
  'Shopify: InventoryItem.unitCost in currency_code; null when unknown or not permitted.';
COMMENT ON COLUMN neanelu.shopify_variants.weight IS
  'Shopify: InventoryItem.measurement.weight.value, in weight_unit.';
COMMENT ON COLUMN neanelu.shopify_variants.weight_unit IS
  'Shopify: InventoryItem.measurement.weight.unit (WeightUnit).';
COMMENT ON COLUMN neanelu.shopify_variants.inventory_quantity IS
  'Shopify: ProductVariant.inventoryQuantity over all locations, units; may be negative.';
COMMENT ON COLUMN neanelu.shopify_variants.inventory_policy IS
  'Shopify: ProductVariant.inventoryPolicy: whether selling goes on at zero stock.';
COMMENT ON COLUMN neanelu.shopify_variants.inventory_item_id IS
  'Shopify: ProductVariant.inventoryItem.id (GID); joins to inventory_levels.inventory_item_gid.';
COMMENT ON COLUMN neanelu.shopify_variants.taxable IS 'Shopify: ProductVariant.taxable.';
COMMENT ON COLUMN neanelu.shopify_variants.tax_code IS 'Shopify: ProductVariant.taxCode.';
COMMENT ON COLUMN neanelu.shopify_variants.available_for_sale IS 'Shopify: ProductVariant.availableForSale.';
COMMENT ON COLUMN neanelu.shopify_variants.requires_shipping IS 'Shopify: InventoryItem.requiresShipping.';
COMMENT ON COLUMN neanelu.shopify_variants.requires_components IS
  'Shopify: ProductVariant.requiresComponents, a bundle.';
COMMENT ON COLUMN neanelu.shopify_variants.position IS 'Shopify: ProductVariant.position within the product, from 1.';
COMMENT ON COLUMN neanelu.shopify_variants.selected_options IS
  'Shopify: ProductVariant.selectedOptions as [{name, value}].';
COMMENT ON COLUMN neanelu.shopify_variants.image_url IS 'Shopify: ProductVariant.image.url.';
COMMENT ON COLUMN neanelu.shopify_variants.metafields IS
  'Shopify: ProductVariant.metafields as {namespace.key: {type, value}}.';
COMMENT ON COLUMN neanelu.shopify_variants.created_at_shopify IS 'Shopify: ProductVariant.createdAt.';
COMMENT ON COLUMN neanelu.shopify_variants.updated_at_shopify IS
  'Shopify: ProductVariant.updatedAt; an older version never overwrites a newer one.';
COMMENT ON COLUMN neanelu.shopify_variants.item_updated_at_shopify IS
  'Shopify: InventoryItem.updatedAt of the last webhook about the item (cost, weight, shipping); only webhooks send it.';
COMMENT ON COLUMN neanelu.shopify_variants.synced_at IS
  'When a sync last wrote the row. An unchanged row is not written, so this is not ''last seen''. Never '
  'indexed.';
COMMENT ON COLUMN neanelu.shopify_variants.deleted_at IS
  'When the row was found gone from the shop (tombstone); null while it lives. A re-appearing row is '
  'set to null again.';
COMMENT ON COLUMN neanelu.shopify_variants.deletion_reason IS
  'How the disappearance was learnt: snapshot (absent from a full, complete one), webhook, uninstall or '
  'erasure.';
COMMENT ON COLUMN neanelu.shopify_variants.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_variants.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.shopify_collections (
  id                 uuid NOT NULL DEFAULT uuidv7(),
  shop_id            uuid NOT NULL,
  shopify_gid        varchar(100) NOT NULL,
  legacy_resource_id bigint NOT NULL,
  title              text NOT NULL,
  handle             varchar(255) NOT NULL,
  description        text,
  description_html   text,
  collection_type    varchar(20) NOT NULL,
  sort_order         varchar(50),
  rules              jsonb,
  disjunctive        boolean DEFAULT false,
  seo                jsonb,
  image_url          text,
  products_count     integer DEFAULT 0,
  template_suffix    varchar(100),
  published_at       timestamptz,
  updated_at_shopify timestamptz,
  synced_at          timestamptz NOT NULL DEFAULT now(),
  deleted_at         timestamptz,
  deletion_reason    text,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_collections_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shopify_collections_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT,
  CONSTRAINT shopify_collections_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/Collection/_%'),
  CONSTRAINT shopify_collections_legacy_resource_id_check CHECK (legacy_resource_id > 0),
  CONSTRAINT shopify_collections_collection_type_check CHECK (collection_type IN ('MANUAL', 'SMART')),
  CONSTRAINT shopify_collections_sort_order_check
    CHECK (sort_order IN ('ALPHA_ASC', 'ALPHA_DESC', 'BEST_SELLING', 'CREATED', 'CREATED_DESC', 'MANUAL',
      'MOST_RELEVANT', 'PRICE_ASC', 'PRICE_DESC')),
  CONSTRAINT shopify_collections_rules_check CHECK (jsonb_typeof(rules) = 'array'),
  CONSTRAINT shopify_collections_seo_check CHECK (jsonb_typeof(seo) = 'object'),
  CONSTRAINT shopify_collections_products_count_check CHECK (products_count >= 0),
  CONSTRAINT shopify_collections_finite_times_check CHECK (isfinite(published_at) AND isfinite(updated_at_shopify)),
  CONSTRAINT shopify_collections_deletion_reason_check
    CHECK (deletion_reason IN ('snapshot', 'webhook', 'uninstall', 'erasure')),
  CONSTRAINT shopify_collections_tombstone_check CHECK ((deleted_at IS NULL) = (deletion_reason IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_collections_shop_gid ON neanelu.shopify_collections (shop_id, shopify_gid);
CREATE INDEX idx_collections_shop_handle ON neanelu.shopify_collections (shop_id, handle);
CREATE INDEX idx_collections_type ON neanelu.shopify_collections (shop_id, collection_type);

COMMENT ON TABLE neanelu.shopify_collections IS 'Mirror of the shop''s collections, manual and rule-based.';
COMMENT ON COLUMN neanelu.shopify_collections.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.shopify_collections.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_collections.shopify_gid IS
  'Global id at Shopify, gid://shopify/Collection/<number>; natural key within the shop.';
COMMENT ON COLUMN neanelu.shopify_collections.legacy_resource_id IS
  'Numeric id at Shopify (legacyResourceId), the number at the end of the GID; may exceed 2^53, so '
  'never a JSON number.';
COMMENT ON COLUMN neanelu.shopify_collections.title IS 'Shopify: Collection.title.';
COMMENT ON COLUMN neanelu.shopify_collections.handle IS 'Shopify: Collection.handle.';
COMMENT ON COLUMN neanelu.shopify_collections.description IS 'Shopify: Collection.description, plain text.';
COMMENT ON COLUMN neanelu.shopify_collections.description_html IS 'Shopify: Collection.descriptionHtml.';
COMMENT ON COLUMN neanelu.shopify_collections.collection_type IS
  'SMART when Collection.ruleSet is there, MANUAL otherwise.';
COMMENT ON COLUMN neanelu.shopify_collections.sort_order IS 'Shopify: Collection.sortOrder (CollectionSortOrder).';
COMMENT ON COLUMN neanelu.shopify_collections.rules IS
  'Shopify: Collection.ruleSet.rules as [{column, relation, condition}]; null for a manual collection.';
COMMENT ON COLUMN neanelu.shopify_collections.disjunctive IS
  'Shopify: Collection.ruleSet.appliedDisjunctively: true when one rule suffices.';
COMMENT ON COLUMN neanelu.shopify_collections.seo IS 'Shopify: Collection.seo as {title, description}.';
COMMENT ON COLUMN neanelu.shopify_collections.image_url IS 'Shopify: Collection.image.url.';
COMMENT ON COLUMN neanelu.shopify_collections.products_count IS
  'Shopify: Collection.productsCount.count; Shopify stops counting at 10,000.';
COMMENT ON COLUMN neanelu.shopify_collections.template_suffix IS 'Shopify: Collection.templateSuffix.';
COMMENT ON COLUMN neanelu.shopify_collections.published_at IS
  'When the collection was published on the online store; only webhooks send it.';
COMMENT ON COLUMN neanelu.shopify_collections.updated_at_shopify IS
  'Shopify: Collection.updatedAt; an older version never overwrites a newer one.';
COMMENT ON COLUMN neanelu.shopify_collections.synced_at IS
  'When a sync last wrote the row. An unchanged row is not written, so this is not ''last seen''. Never '
  'indexed.';
COMMENT ON COLUMN neanelu.shopify_collections.deleted_at IS
  'When the row was found gone from the shop (tombstone); null while it lives. A re-appearing row is '
  'set to null again.';
COMMENT ON COLUMN neanelu.shopify_collections.deletion_reason IS
  'How the disappearance was learnt: snapshot (absent from a full, complete one), webhook, uninstall or '
  'erasure.';
COMMENT ON COLUMN neanelu.shopify_collections.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_collections.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.shopify_collection_products (
  shop_id       uuid NOT NULL,
  collection_id uuid NOT NULL,
  product_id    uuid NOT NULL,
  position      integer DEFAULT 0,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_collection_products_pkey PRIMARY KEY (shop_id, collection_id, product_id),
  CONSTRAINT shopify_collection_products_shop_id_collection_id_fkey
    FOREIGN KEY (shop_id, collection_id) REFERENCES neanelu.shopify_collections (shop_id, id) ON DELETE
      CASCADE,
  CONSTRAINT shopify_collection_products_shop_id_product_id_fkey
    FOREIGN KEY (shop_id, product_id) REFERENCES neanelu.shopify_products (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT shopify_collection_products_position_check CHECK (position >= 0)
) WITH (fillfactor = 90);

CREATE INDEX idx_collection_products_shop ON neanelu.shopify_collection_products (shop_id);
CREATE INDEX idx_collection_products_product ON neanelu.shopify_collection_products (shop_id, product_id);

COMMENT ON TABLE neanelu.shopify_collection_products IS
  'Which product is in which collection. A link that is gone is deleted; it carries no tombstone.';
COMMENT ON COLUMN neanelu.shopify_collection_products.shop_id IS
  'Tenant; part of both references, so that a link across shops is impossible.';
COMMENT ON COLUMN neanelu.shopify_collection_products.collection_id IS 'Collection.';
COMMENT ON COLUMN neanelu.shopify_collection_products.product_id IS 'Product.';
COMMENT ON COLUMN neanelu.shopify_collection_products.position IS
  'Place in the collection''s order, as the lines came, from 0.';
COMMENT ON COLUMN neanelu.shopify_collection_products.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_collection_products.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.shopify_customers (
  id                           uuid NOT NULL DEFAULT uuidv7(),
  shop_id                      uuid NOT NULL,
  shopify_gid                  varchar(100) NOT NULL,
  legacy_resource_id           bigint NOT NULL,
  email                        extensions.citext,
  phone                        varchar(50),
  first_name                   varchar(100),
  last_name                    varchar(100),
  display_name                 varchar(255),
  state                        varchar(20) DEFAULT 'ENABLED',
  verified_email               boolean DEFAULT false,
  accepts_marketing            boolean DEFAULT false,
  accepts_marketing_updated_at timestamptz,
  marketing_opt_in_level       varchar(30),
  orders_count                 integer DEFAULT 0,
  total_spent                  numeric(12,2) DEFAULT 0,
  average_order_amount         numeric(12,2),
  currency_code                varchar(3),
  tags                         text[] NOT NULL DEFAULT '{}',
  tax_exempt                   boolean DEFAULT false,
  tax_exemptions               text[] NOT NULL DEFAULT '{}',
  locale                       varchar(10),
  note                         text,
  default_address              jsonb,
  addresses                    jsonb NOT NULL DEFAULT '[]',
  metafields                   jsonb NOT NULL DEFAULT '{}',
  created_at_shopify           timestamptz,
  updated_at_shopify           timestamptz,
  synced_at                    timestamptz NOT NULL DEFAULT now(),
  deleted_at                   timestamptz,
  deletion_reason              text,
  created_at                   timestamptz NOT NULL DEFAULT now(),
  updated_at                   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_customers_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shopify_customers_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT,
  CONSTRAINT shopify_customers_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/Customer/_%'),
  CONSTRAINT shopify_customers_legacy_resource_id_check CHECK (legacy_resource_id > 0),
  CONSTRAINT shopify_customers_email_check CHECK (length(email::text) <= 320),
  CONSTRAINT shopify_customers_state_check CHECK (state IN ('DECLINED', 'DISABLED', 'ENABLED', 'INVITED')),
  CONSTRAINT shopify_customers_marketing_opt_in_level_check
    CHECK (marketing_opt_in_level IN ('CONFIRMED_OPT_IN', 'SINGLE_OPT_IN', 'UNKNOWN')),
  CONSTRAINT shopify_customers_orders_count_check CHECK (orders_count >= 0),
  CONSTRAINT shopify_customers_total_spent_check CHECK (total_spent >= 0 AND total_spent < 'NaN'::numeric),
  CONSTRAINT shopify_customers_average_order_amount_check
    CHECK (average_order_amount >= 0 AND average_order_amount < 'NaN'::numeric),
  CONSTRAINT shopify_customers_currency_code_check CHECK (currency_code IN ('EUR', 'RON', 'USD') OR currency_code ~ '^[A-Z]{3}$'),
  CONSTRAINT shopify_customers_default_address_check CHECK (jsonb_typeof(default_address) = 'object'),
  CONSTRAINT shopify_customers_metafields_check CHECK (jsonb_typeof(metafields) = 'object'),
  CONSTRAINT shopify_customers_addresses_check CHECK (jsonb_typeof(addresses) = 'array'),
  CONSTRAINT shopify_customers_finite_times_check
    CHECK (isfinite(accepts_marketing_updated_at) AND isfinite(created_at_shopify) AND
      isfinite(updated_at_shopify)),
  CONSTRAINT shopify_customers_deletion_reason_check
    CHECK (deletion_reason IN ('snapshot', 'webhook', 'uninstall', 'erasure')),
  CONSTRAINT shopify_customers_tombstone_check CHECK ((deleted_at IS NULL) = (deletion_reason IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_customers_shop_gid ON neanelu.shopify_customers (shop_id, shopify_gid);
CREATE INDEX idx_customers_shop_email ON neanelu.shopify_customers (shop_id, email);
CREATE INDEX idx_customers_shop_phone ON neanelu.shopify_customers (shop_id, phone) WHERE phone IS NOT NULL;
CREATE INDEX idx_customers_tags ON neanelu.shopify_customers USING gin (tags);

COMMENT ON TABLE neanelu.shopify_customers IS
  'Mirror of the shop''s customers. Personal data: no analyst reads it, erasure empties it.';
COMMENT ON COLUMN neanelu.shopify_customers.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.shopify_customers.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_customers.shopify_gid IS
  'Global id at Shopify, gid://shopify/Customer/<number>; natural key within the shop.';
COMMENT ON COLUMN neanelu.shopify_customers.legacy_resource_id IS
  'Numeric id at Shopify (legacyResourceId), the number at the end of the GID; may exceed 2^53, so '
  'never a JSON number.';
COMMENT ON COLUMN neanelu.shopify_customers.email IS
  'Shopify: Customer.defaultEmailAddress.emailAddress (personal data).';
COMMENT ON COLUMN neanelu.shopify_customers.phone IS
  'Shopify: Customer.defaultPhoneNumber.phoneNumber (personal data).';
COMMENT ON COLUMN neanelu.shopify_customers.first_name IS 'Shopify: Customer.firstName (personal data).';
COMMENT ON COLUMN neanelu.shopify_customers.last_name IS 'Shopify: Customer.lastName (personal data).';
COMMENT ON COLUMN neanelu.shopify_customers.display_name IS 'Shopify: Customer.displayName (personal data).';
COMMENT ON COLUMN neanelu.shopify_customers.state IS
  'Shopify: Customer.state of the customer''s account (CustomerState).';
COMMENT ON COLUMN neanelu.shopify_customers.verified_email IS 'Shopify: Customer.verifiedEmail.';
COMMENT ON COLUMN neanelu.shopify_customers.accepts_marketing IS
  'Shopify: Customer.defaultEmailAddress.marketingState is SUBSCRIBED.';
COMMENT ON COLUMN neanelu.shopify_customers.accepts_marketing_updated_at IS
  'Shopify: Customer.defaultEmailAddress.marketingUpdatedAt.';
COMMENT ON COLUMN neanelu.shopify_customers.marketing_opt_in_level IS
  'Shopify: Customer.defaultEmailAddress.marketingOptInLevel (CustomerMarketingOptInLevel).';
COMMENT ON COLUMN neanelu.shopify_customers.orders_count IS 'Shopify: Customer.numberOfOrders.';
COMMENT ON COLUMN neanelu.shopify_customers.total_spent IS 'Shopify: Customer.amountSpent.amount in currency_code.';
COMMENT ON COLUMN neanelu.shopify_customers.average_order_amount IS
  'total_spent over orders_count in currency_code; null without orders.';
COMMENT ON COLUMN neanelu.shopify_customers.currency_code IS 'Shopify: Customer.amountSpent.currencyCode (ISO 4217).';
COMMENT ON COLUMN neanelu.shopify_customers.tags IS 'Shopify: Customer.tags.';
COMMENT ON COLUMN neanelu.shopify_customers.tax_exempt IS 'Shopify: Customer.taxExempt.';
COMMENT ON COLUMN neanelu.shopify_customers.tax_exemptions IS 'Shopify: Customer.taxExemptions (TaxExemption).';
COMMENT ON COLUMN neanelu.shopify_customers.locale IS 'Shopify: Customer.locale, BCP 47.';
COMMENT ON COLUMN neanelu.shopify_customers.note IS 'Shopify: Customer.note by the merchant (personal data).';
COMMENT ON COLUMN neanelu.shopify_customers.default_address IS 'Shopify: Customer.defaultAddress (personal data).';
COMMENT ON COLUMN neanelu.shopify_customers.addresses IS 'Shopify: Customer.addressesV2 (personal data).';
COMMENT ON COLUMN neanelu.shopify_customers.metafields IS
  'Shopify: Customer.metafields as {namespace.key: {type, value}}.';
COMMENT ON COLUMN neanelu.shopify_customers.created_at_shopify IS 'Shopify: Customer.createdAt.';
COMMENT ON COLUMN neanelu.shopify_customers.updated_at_shopify IS
  'Shopify: Customer.updatedAt; an older version never overwrites a newer one.';
COMMENT ON COLUMN neanelu.shopify_customers.synced_at IS
  'When a sync last wrote the row. An unchanged row is not written, so this is not ''last seen''. Never '
  'indexed.';
COMMENT ON COLUMN neanelu.shopify_customers.deleted_at IS
  'When the row was found gone from the shop (tombstone); null while it lives. A re-appearing row is '
  'set to null again.';
COMMENT ON COLUMN neanelu.shopify_customers.deletion_reason IS
  'How the disappearance was learnt: snapshot (absent from a full, complete one), webhook, uninstall or '
  'erasure.';
COMMENT ON COLUMN neanelu.shopify_customers.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_customers.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.shopify_orders (
  id                   uuid NOT NULL DEFAULT uuidv7(),
  shop_id              uuid NOT NULL,
  shopify_gid          varchar(100) NOT NULL,
  legacy_resource_id   bigint NOT NULL,
  name                 varchar(50) NOT NULL,
  order_number         integer NOT NULL,
  email                extensions.citext,
  phone                varchar(50),
  financial_status     varchar(30),
  fulfillment_status   varchar(30),
  total_price          numeric(12,2) NOT NULL,
  subtotal_price       numeric(12,2),
  total_tax            numeric(12,2),
  total_discounts      numeric(12,2),
  total_shipping       numeric(12,2),
  current_total_price    numeric(12,2),
  current_subtotal_price numeric(12,2),
  current_total_tax      numeric(12,2),
  current_shipping_price numeric(12,2),
  taxes_included       boolean,
  is_test              boolean,
  currency_code        varchar(3) NOT NULL,
  presentment_currency varchar(3),
  line_items           jsonb NOT NULL,
  shipping_lines       jsonb NOT NULL DEFAULT '[]',
  discount_codes       jsonb NOT NULL DEFAULT '[]',
  refunds              jsonb NOT NULL DEFAULT '[]',
  shipping_address     jsonb,
  billing_address      jsonb,
  customer_id          uuid,
  customer_locale      varchar(10),
  tags                 text[] NOT NULL DEFAULT '{}',
  note                 text,
  note_attributes      jsonb NOT NULL DEFAULT '[]',
  gateway              varchar(100),
  payment_terms        jsonb,
  risk_level           varchar(20),
  source_name          varchar(100),
  source_identifier    varchar(255),
  cancelled_at         timestamptz,
  cancel_reason        varchar(50),
  closed_at            timestamptz,
  processed_at         timestamptz,
  created_at_shopify   timestamptz,
  updated_at_shopify   timestamptz,
  synced_at            timestamptz NOT NULL DEFAULT now(),
  deleted_at           timestamptz,
  deletion_reason      text,
  created_at           timestamptz NOT NULL DEFAULT now(),
  updated_at           timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_orders_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shopify_orders_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT,
  CONSTRAINT shopify_orders_shop_id_customer_id_fkey
    FOREIGN KEY (shop_id, customer_id) REFERENCES neanelu.shopify_customers (shop_id, id) ON DELETE SET NULL
      (customer_id),
  CONSTRAINT shopify_orders_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/Order/_%'),
  CONSTRAINT shopify_orders_legacy_resource_id_check CHECK (legacy_resource_id > 0),
  CONSTRAINT shopify_orders_email_check CHECK (length(email::text) <= 320),
  CONSTRAINT shopify_orders_financial_status_check
    CHECK (financial_status IN ('AUTHORIZED', 'EXPIRED', 'PAID', 'PARTIALLY_PAID', 'PARTIALLY_REFUNDED',
      'PENDING', 'REFUNDED', 'VOIDED')),
  CONSTRAINT shopify_orders_fulfillment_status_check
    CHECK (fulfillment_status IN ('FULFILLED', 'FULFILLMENT_NOT_REQUIRED', 'IN_PROGRESS', 'ON_HOLD', 'OPEN',
      'PARTIALLY_FULFILLED', 'PENDING_FULFILLMENT', 'REQUEST_DECLINED', 'RESTOCKED', 'SCHEDULED',
      'UNFULFILLED')),
  CONSTRAINT shopify_orders_total_price_check CHECK (total_price >= 0 AND total_price < 'NaN'::numeric),
  CONSTRAINT shopify_orders_subtotal_price_check CHECK (subtotal_price >= 0 AND subtotal_price < 'NaN'::numeric),
  CONSTRAINT shopify_orders_total_tax_check CHECK (total_tax >= 0 AND total_tax < 'NaN'::numeric),
  CONSTRAINT shopify_orders_total_discounts_check CHECK (total_discounts >= 0 AND total_discounts < 'NaN'::numeric),
  CONSTRAINT shopify_orders_total_shipping_check CHECK (total_shipping >= 0 AND total_shipping < 'NaN'::numeric),
  CONSTRAINT shopify_orders_current_amounts_check
    CHECK (current_total_price >= 0 AND current_total_price < 'NaN'::numeric
      AND current_subtotal_price >= 0 AND current_subtotal_price < 'NaN'::numeric
      AND current_total_tax >= 0 AND current_total_tax < 'NaN'::numeric
      AND current_shipping_price >= 0 AND current_shipping_price < 'NaN'::numeric),
  CONSTRAINT shopify_orders_currency_code_check CHECK (currency_code IN ('EUR', 'RON', 'USD') OR currency_code ~ '^[A-Z]{3}$'),
  CONSTRAINT shopify_orders_presentment_currency_check CHECK (presentment_currency IN ('EUR', 'RON', 'USD') OR presentment_currency ~ '^[A-Z]{3}$'),
  CONSTRAINT shopify_orders_line_items_check CHECK (jsonb_typeof(line_items) = 'array'),
  CONSTRAINT shopify_orders_shipping_lines_check CHECK (jsonb_typeof(shipping_lines) = 'array'),
  CONSTRAINT shopify_orders_discount_codes_check CHECK (jsonb_typeof(discount_codes) = 'array'),
  CONSTRAINT shopify_orders_note_attributes_check CHECK (jsonb_typeof(note_attributes) = 'array'),
  CONSTRAINT shopify_orders_refunds_check CHECK (jsonb_typeof(refunds) = 'array'),
  CONSTRAINT shopify_orders_shipping_address_check CHECK (jsonb_typeof(shipping_address) = 'object'),
  CONSTRAINT shopify_orders_billing_address_check CHECK (jsonb_typeof(billing_address) = 'object'),
  CONSTRAINT shopify_orders_payment_terms_check CHECK (jsonb_typeof(payment_terms) = 'object'),
  CONSTRAINT shopify_orders_risk_level_check CHECK (risk_level IN ('HIGH', 'LOW', 'MEDIUM', 'NONE', 'PENDING')),
  CONSTRAINT shopify_orders_cancel_reason_check
    CHECK (cancel_reason IN ('CUSTOMER', 'DECLINED', 'FRAUD', 'INVENTORY', 'OTHER', 'STAFF')),
  CONSTRAINT shopify_orders_cancellation_check CHECK (cancel_reason IS NULL OR cancelled_at IS NOT NULL),
  CONSTRAINT shopify_orders_finite_times_check
    CHECK (isfinite(cancelled_at) AND isfinite(closed_at) AND isfinite(processed_at) AND
      isfinite(created_at_shopify) AND isfinite(updated_at_shopify)),
  CONSTRAINT shopify_orders_deletion_reason_check
    CHECK (deletion_reason IN ('snapshot', 'webhook', 'uninstall', 'erasure')),
  CONSTRAINT shopify_orders_tombstone_check CHECK ((deleted_at IS NULL) = (deletion_reason IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_orders_shop_gid ON neanelu.shopify_orders (shop_id, shopify_gid);
CREATE INDEX idx_orders_shop_number ON neanelu.shopify_orders (shop_id, order_number);
CREATE INDEX idx_orders_shop_email ON neanelu.shopify_orders (shop_id, email);
CREATE INDEX idx_orders_customer ON neanelu.shopify_orders (shop_id, customer_id);
CREATE INDEX idx_orders_financial ON neanelu.shopify_orders (shop_id, financial_status);
CREATE INDEX idx_orders_fulfillment ON neanelu.shopify_orders (shop_id, fulfillment_status);
CREATE INDEX idx_orders_created ON neanelu.shopify_orders (shop_id, created_at_shopify DESC);
CREATE INDEX idx_orders_processed
  ON neanelu.shopify_orders (shop_id, processed_at DESC) WHERE processed_at IS NOT NULL;
CREATE INDEX idx_orders_line_items ON neanelu.shopify_orders USING gin (line_items jsonb_path_ops);

COMMENT ON TABLE neanelu.shopify_orders IS
  'Mirror of the shop''s orders with their lines. Contains personal data. Amounts are in the shop''s '
  'currency as of the order.';
COMMENT ON COLUMN neanelu.shopify_orders.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.shopify_orders.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_orders.shopify_gid IS
  'Global id at Shopify, gid://shopify/Order/<number>; natural key within the shop.';
COMMENT ON COLUMN neanelu.shopify_orders.legacy_resource_id IS
  'Numeric id at Shopify (legacyResourceId), the number at the end of the GID; may exceed 2^53, so '
  'never a JSON number.';
COMMENT ON COLUMN neanelu.shopify_orders.name IS 'Shopify: Order.name, such as #1001.';
COMMENT ON COLUMN neanelu.shopify_orders.order_number IS 'Shopify: Order.number, without prefix.';
COMMENT ON COLUMN neanelu.shopify_orders.email IS 'Shopify: Order.email (personal data).';
COMMENT ON COLUMN neanelu.shopify_orders.phone IS 'Shopify: Order.phone (personal data).';
COMMENT ON COLUMN neanelu.shopify_orders.financial_status IS
  'Shopify: Order.displayFinancialStatus (OrderDisplayFinancialStatus).';
COMMENT ON COLUMN neanelu.shopify_orders.fulfillment_status IS
  'Shopify: Order.displayFulfillmentStatus (OrderDisplayFulfillmentStatus).';
COMMENT ON COLUMN neanelu.shopify_orders.total_price IS 'Shopify: Order.totalPriceSet.shopMoney.amount.';
COMMENT ON COLUMN neanelu.shopify_orders.subtotal_price IS 'Shopify: Order.subtotalPriceSet.shopMoney.amount.';
COMMENT ON COLUMN neanelu.shopify_orders.total_tax IS 'Shopify: Order.totalTaxSet.shopMoney.amount.';
COMMENT ON COLUMN neanelu.shopify_orders.total_discounts IS 'Shopify: Order.totalDiscountsSet.shopMoney.amount.';
COMMENT ON COLUMN neanelu.shopify_orders.total_shipping IS 'Shopify: Order.totalShippingPriceSet.shopMoney.amount.';
COMMENT ON COLUMN neanelu.shopify_orders.current_total_price IS
  'Shopify: Order.currentTotalPriceSet.shopMoney.amount, the total after refunds, removed items and '
  'cancellation; null when not sent.';
COMMENT ON COLUMN neanelu.shopify_orders.current_subtotal_price IS
  'Shopify: Order.currentSubtotalPriceSet.shopMoney.amount, the items that are left, after discounts; contains '
  'tax where taxes_included.';
COMMENT ON COLUMN neanelu.shopify_orders.current_total_tax IS 'Shopify: Order.currentTotalTaxSet.shopMoney.amount.';
COMMENT ON COLUMN neanelu.shopify_orders.current_shipping_price IS
  'Shopify: Order.currentShippingPriceSet.shopMoney.amount, shipping that was not refunded.';
COMMENT ON COLUMN neanelu.shopify_orders.taxes_included IS
  'Shopify: Order.taxesIncluded: item prices and subtotals contain tax (true) or tax comes on top (false).';
COMMENT ON COLUMN neanelu.shopify_orders.is_test IS 'Shopify: Order.test, made to try the checkout; no figure counts it.';
COMMENT ON COLUMN neanelu.shopify_orders.currency_code IS 'Shopify: Order.currencyCode of all amounts (ISO 4217).';
COMMENT ON COLUMN neanelu.shopify_orders.presentment_currency IS
  'Shopify: Order.presentmentCurrencyCode, what the customer saw (ISO 4217).';
COMMENT ON COLUMN neanelu.shopify_orders.line_items IS
  'Shopify: Order.lineItems as selected by the bulk query: [{id, title, sku, quantity, currentQuantity, '
  'product: {id}, variant: {id}, originalUnitPriceSet, discountAllocations: [{allocatedAmountSet}], taxLines: '
  '[{title, rate, priceSet}], …}]; ids are GIDs, amounts decimal strings in shopMoney.';
COMMENT ON COLUMN neanelu.shopify_orders.shipping_lines IS 'Shopify: Order.shippingLines.';
COMMENT ON COLUMN neanelu.shopify_orders.discount_codes IS 'Shopify: Order.discountCodes.';
COMMENT ON COLUMN neanelu.shopify_orders.refunds IS
  'Shopify: Order.refunds as [{id, createdAt, totalRefundedSet: {shopMoney: {amount}}}]: when how much money was '
  'paid back. Which items, say currentQuantity of the lines and the current_… amounts.';
COMMENT ON COLUMN neanelu.shopify_orders.shipping_address IS 'Shopify: Order.shippingAddress (personal data).';
COMMENT ON COLUMN neanelu.shopify_orders.billing_address IS 'Shopify: Order.billingAddress (personal data).';
COMMENT ON COLUMN neanelu.shopify_orders.customer_id IS
  'Customer, when mirrored already; set to null when the customer''s row is deleted.';
COMMENT ON COLUMN neanelu.shopify_orders.customer_locale IS 'Shopify: Order.customerLocale, BCP 47.';
COMMENT ON COLUMN neanelu.shopify_orders.tags IS 'Shopify: Order.tags.';
COMMENT ON COLUMN neanelu.shopify_orders.note IS 'Shopify: Order.note (may hold personal data).';
COMMENT ON COLUMN neanelu.shopify_orders.note_attributes IS 'Shopify: Order.customAttributes as [{key, value}].';
COMMENT ON COLUMN neanelu.shopify_orders.gateway IS 'Shopify: Order.paymentGatewayNames, joined by comma.';
COMMENT ON COLUMN neanelu.shopify_orders.payment_terms IS 'Shopify: Order.paymentTerms.';
COMMENT ON COLUMN neanelu.shopify_orders.risk_level IS
  'Shopify: Order.risk: highest level of its assessments (RiskAssessmentResult).';
COMMENT ON COLUMN neanelu.shopify_orders.source_name IS 'Shopify: Order.sourceName, such as web or pos.';
COMMENT ON COLUMN neanelu.shopify_orders.source_identifier IS
  'Shopify: Order.sourceIdentifier, the order''s id in that source.';
COMMENT ON COLUMN neanelu.shopify_orders.cancelled_at IS 'Shopify: Order.cancelledAt; null while not cancelled.';
COMMENT ON COLUMN neanelu.shopify_orders.cancel_reason IS 'Shopify: Order.cancelReason (OrderCancelReason).';
COMMENT ON COLUMN neanelu.shopify_orders.closed_at IS 'Shopify: Order.closedAt.';
COMMENT ON COLUMN neanelu.shopify_orders.processed_at IS
  'Shopify: Order.processedAt, the business time of the order.';
COMMENT ON COLUMN neanelu.shopify_orders.created_at_shopify IS 'Shopify: Order.createdAt.';
COMMENT ON COLUMN neanelu.shopify_orders.updated_at_shopify IS
  'Shopify: Order.updatedAt; an older version never overwrites a newer one.';
COMMENT ON COLUMN neanelu.shopify_orders.synced_at IS
  'When a sync last wrote the row. An unchanged row is not written, so this is not ''last seen''. Never '
  'indexed.';
COMMENT ON COLUMN neanelu.shopify_orders.deleted_at IS
  'When the row was found gone from the shop (tombstone); null while it lives. A re-appearing row is '
  'set to null again.';
COMMENT ON COLUMN neanelu.shopify_orders.deletion_reason IS
  'How the disappearance was learnt: snapshot (absent from a full, complete one), webhook, uninstall or '
  'erasure.';
COMMENT ON COLUMN neanelu.shopify_orders.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_orders.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.shopify_metaobjects (
  id                 uuid NOT NULL DEFAULT uuidv7(),
  shop_id            uuid NOT NULL,
  shopify_gid        varchar(100) NOT NULL,
  type               varchar(100) NOT NULL,
  handle             varchar(255) NOT NULL,
  display_name       text,
  fields             jsonb NOT NULL,
  capabilities       jsonb NOT NULL DEFAULT '{}',
  updated_at_shopify timestamptz,
  synced_at          timestamptz NOT NULL DEFAULT now(),
  deleted_at         timestamptz,
  deletion_reason    text,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_metaobjects_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shopify_metaobjects_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT,
  CONSTRAINT shopify_metaobjects_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/Metaobject/_%'),
  CONSTRAINT shopify_metaobjects_fields_check CHECK (jsonb_typeof(fields) = 'object'),
  CONSTRAINT shopify_metaobjects_capabilities_check CHECK (jsonb_typeof(capabilities) = 'object'),
  CONSTRAINT shopify_metaobjects_finite_times_check CHECK (isfinite(updated_at_shopify)),
  CONSTRAINT shopify_metaobjects_deletion_reason_check
    CHECK (deletion_reason IN ('snapshot', 'webhook', 'uninstall', 'erasure')),
  CONSTRAINT shopify_metaobjects_tombstone_check CHECK ((deleted_at IS NULL) = (deletion_reason IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_metaobjects_shop_gid ON neanelu.shopify_metaobjects (shop_id, shopify_gid);
CREATE INDEX idx_metaobjects_shop_type ON neanelu.shopify_metaobjects (shop_id, type);
CREATE INDEX idx_metaobjects_shop_handle ON neanelu.shopify_metaobjects (shop_id, type, handle);
CREATE INDEX idx_metaobjects_fields ON neanelu.shopify_metaobjects USING gin (fields jsonb_path_ops);

COMMENT ON TABLE neanelu.shopify_metaobjects IS
  'Mirror of the shop''s metaobjects, entries of merchant-defined types.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.shopify_gid IS
  'Global id at Shopify, gid://shopify/Metaobject/<number>; natural key within the shop.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.type IS 'Shopify: Metaobject.type, the definition''s.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.handle IS
  'Shopify: Metaobject.handle, unique within the type at Shopify.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.display_name IS 'Shopify: Metaobject.displayName.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.fields IS 'Shopify: Metaobject.fields as {key: {type, value}}.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.capabilities IS
  'Shopify: Metaobject.capabilities, such as {publishable: {status}}.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.updated_at_shopify IS
  'Shopify: Metaobject.updatedAt; an older version never overwrites a newer one.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.synced_at IS
  'When a sync last wrote the row. An unchanged row is not written, so this is not ''last seen''. Never '
  'indexed.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.deleted_at IS
  'When the row was found gone from the shop (tombstone); null while it lives. A re-appearing row is '
  'set to null again.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.deletion_reason IS
  'How the disappearance was learnt: snapshot (absent from a full, complete one), webhook, uninstall or '
  'erasure.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_metaobjects.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

COMMIT;
