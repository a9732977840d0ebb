-- Deploy neanelu:schema/inventory to pg
-- Module I, mirror part: locations and inventory levels. The ledger comes later.
--
-- A level reaches its shop through the reference to its location.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.inventory_locations (
  id                     uuid NOT NULL DEFAULT uuidv7(),
  shop_id                uuid NOT NULL,
  shopify_gid            varchar(100) NOT NULL,
  legacy_resource_id     bigint,
  name                   varchar(255) NOT NULL,
  address                jsonb,
  is_active              boolean DEFAULT true,
  is_primary             boolean DEFAULT false,
  fulfills_online_orders boolean DEFAULT true,
  updated_at_shopify     timestamptz,
  synced_at              timestamptz NOT NULL DEFAULT now(),
  deleted_at             timestamptz,
  deletion_reason        text,
  created_at             timestamptz NOT NULL DEFAULT now(),
  updated_at             timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT inventory_locations_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT inventory_locations_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT,
  CONSTRAINT inventory_locations_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/Location/_%'),
  CONSTRAINT inventory_locations_legacy_resource_id_check CHECK (legacy_resource_id > 0),
  CONSTRAINT inventory_locations_address_check CHECK (jsonb_typeof(address) = 'object'),
  CONSTRAINT inventory_locations_finite_times_check CHECK (isfinite(updated_at_shopify)),
  CONSTRAINT inventory_locations_deletion_reason_check
    CHECK (deletion_reason IN ('snapshot', 'webhook', 'uninstall', 'erasure')),
  CONSTRAINT inventory_locations_tombstone_check CHECK ((deleted_at IS NULL) = (deletion_reason IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_locations_shop_gid ON neanelu.inventory_locations (shop_id, shopify_gid);
CREATE INDEX idx_locations_shop_active ON neanelu.inventory_locations (shop_id, is_active);

COMMENT ON TABLE neanelu.inventory_locations IS 'Mirror of the places where a shop keeps stock.';
COMMENT ON COLUMN neanelu.inventory_locations.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.inventory_locations.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.inventory_locations.shopify_gid IS
  'Global id at Shopify, gid://shopify/Location/<number>; natural key within the shop.';
COMMENT ON COLUMN neanelu.inventory_locations.legacy_resource_id IS
  'Numeric id at Shopify (legacyResourceId), the number at the end of the GID; may exceed 2^53, so '
  'never a JSON number.';
COMMENT ON COLUMN neanelu.inventory_locations.name IS 'Shopify: Location.name.';
COMMENT ON COLUMN neanelu.inventory_locations.address IS 'Shopify: Location.address, an object.';
COMMENT ON COLUMN neanelu.inventory_locations.is_active IS 'Shopify: Location.isActive.';
COMMENT ON COLUMN neanelu.inventory_locations.is_primary IS
  'Shopify: Location.isPrimary, the default for fulfilment.';
COMMENT ON COLUMN neanelu.inventory_locations.fulfills_online_orders IS 'Shopify: Location.fulfillsOnlineOrders.';
COMMENT ON COLUMN neanelu.inventory_locations.updated_at_shopify IS
  'Shopify: Location.updatedAt; an older version never overwrites a newer one.';
COMMENT ON COLUMN neanelu.inventory_locations.synced_at IS
  'When a sync last wrote the row. An unchanged row is not written, so this is not ''last seen''. Never '
  'indexed.';
COMMENT ON COLUMN neanelu.inventory_locations.deleted_at IS
  'When the row was found gone from the shop (tombstone); null while it lives. A re-appearing row is '
  'set to null again.';
COMMENT ON COLUMN neanelu.inventory_locations.deletion_reason IS
  'How the disappearance was learnt: snapshot (absent from a full, complete one), webhook, uninstall or '
  'erasure.';
COMMENT ON COLUMN neanelu.inventory_locations.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.inventory_locations.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.inventory_levels (
  id                       uuid NOT NULL DEFAULT uuidv7(),
  shop_id                  uuid NOT NULL,
  shopify_gid              varchar(100) NOT NULL,
  inventory_item_gid       varchar(100) NOT NULL,
  inventory_item_legacy_id bigint NOT NULL,
  location_id              uuid NOT NULL,
  available                integer,
  on_hand                  integer,
  committed                integer,
  incoming                 integer,
  reserved                 integer,
  damaged                  integer,
  quality_control          integer,
  safety_stock             integer,
  updated_at_shopify       timestamptz,
  synced_at                timestamptz NOT NULL DEFAULT now(),
  deleted_at               timestamptz,
  deletion_reason          text,
  created_at               timestamptz NOT NULL DEFAULT now(),
  updated_at               timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT inventory_levels_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT inventory_levels_shop_id_location_id_fkey
    FOREIGN KEY (shop_id, location_id) REFERENCES neanelu.inventory_locations (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT inventory_levels_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/InventoryLevel/_%'),
  CONSTRAINT inventory_levels_inventory_item_gid_check
    CHECK (inventory_item_gid LIKE 'gid://shopify/InventoryItem/_%'),
  CONSTRAINT inventory_levels_inventory_item_legacy_id_check CHECK (inventory_item_legacy_id > 0),
  CONSTRAINT inventory_levels_finite_times_check CHECK (isfinite(updated_at_shopify)),
  CONSTRAINT inventory_levels_deletion_reason_check
    CHECK (deletion_reason IN ('snapshot', 'webhook', 'uninstall', 'erasure')),
  CONSTRAINT inventory_levels_tombstone_check CHECK ((deleted_at IS NULL) = (deletion_reason IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_inventory_levels_shop_gid ON neanelu.inventory_levels (shop_id, shopify_gid);
CREATE INDEX idx_inventory_levels_item ON neanelu.inventory_levels (shop_id, inventory_item_legacy_id);
CREATE INDEX idx_inventory_levels_location ON neanelu.inventory_levels (shop_id, location_id);

COMMENT ON TABLE neanelu.inventory_levels IS
  'Mirror of the stock of one inventory item at one location, as Shopify last said. Not part of the '
  'founding contract; the ledger will be compared with it.';
COMMENT ON COLUMN neanelu.inventory_levels.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.inventory_levels.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.inventory_levels.shopify_gid IS
  'Global id at Shopify, gid://shopify/InventoryLevel/<number>?inventory_item_id=<number>; natural key '
  'within the shop.';
COMMENT ON COLUMN neanelu.inventory_levels.inventory_item_gid IS
  'Shopify: InventoryItem.id; joins to shopify_variants.inventory_item_id. No reference: the variant '
  'may come later.';
COMMENT ON COLUMN neanelu.inventory_levels.inventory_item_legacy_id IS
  'Number at the end of inventory_item_gid, as webhooks send it.';
COMMENT ON COLUMN neanelu.inventory_levels.location_id IS 'Location of the stock.';
COMMENT ON COLUMN neanelu.inventory_levels.available IS
  'Shopify: InventoryLevel.quantities named available, units: free to sell, may be negative; null when '
  'the sync did not ask for it.';
COMMENT ON COLUMN neanelu.inventory_levels.on_hand IS
  'Shopify: InventoryLevel.quantities named on_hand, units: physically there; null when the sync did '
  'not ask for it.';
COMMENT ON COLUMN neanelu.inventory_levels.committed IS
  'Shopify: InventoryLevel.quantities named committed, units: promised to orders; null when the sync '
  'did not ask for it.';
COMMENT ON COLUMN neanelu.inventory_levels.incoming IS
  'Shopify: InventoryLevel.quantities named incoming, units: on the way; null when the sync did not ask '
  'for it.';
COMMENT ON COLUMN neanelu.inventory_levels.reserved IS
  'Shopify: InventoryLevel.quantities named reserved, units: put aside; null when the sync did not ask '
  'for it.';
COMMENT ON COLUMN neanelu.inventory_levels.damaged IS
  'Shopify: InventoryLevel.quantities named damaged, units: not saleable; null when the sync did not '
  'ask for it.';
COMMENT ON COLUMN neanelu.inventory_levels.quality_control IS
  'Shopify: InventoryLevel.quantities named quality_control, units: being inspected; null when the sync '
  'did not ask for it.';
COMMENT ON COLUMN neanelu.inventory_levels.safety_stock IS
  'Shopify: InventoryLevel.quantities named safety_stock, units: kept as a buffer; null when the sync '
  'did not ask for it.';
COMMENT ON COLUMN neanelu.inventory_levels.updated_at_shopify IS
  'Shopify: InventoryLevel.updatedAt; an older version never overwrites a newer one.';
COMMENT ON COLUMN neanelu.inventory_levels.synced_at IS
  'When a sync last wrote the row. An unchanged row is not written, so this is not ''last seen''. Never '
  'indexed.';
COMMENT ON COLUMN neanelu.inventory_levels.deleted_at IS
  'When the row was found gone from the shop (tombstone); null while it lives. A re-appearing row is '
  'set to null again.';
COMMENT ON COLUMN neanelu.inventory_levels.deletion_reason IS
  'How the disappearance was learnt: snapshot (absent from a full, complete one), webhook, uninstall or '
  'erasure.';
COMMENT ON COLUMN neanelu.inventory_levels.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.inventory_levels.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

COMMIT;
