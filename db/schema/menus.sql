-- Deploy neanelu:schema/menus to pg
-- Module K: navigation menus and their items.
--
-- Items reach their shop through the reference to their menu.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.shopify_menus (
  id              uuid NOT NULL DEFAULT uuidv7(),
  shop_id         uuid NOT NULL,
  shopify_gid     varchar(100) NOT NULL,
  title           text NOT NULL,
  handle          varchar(255) NOT NULL,
  items_count     integer NOT NULL DEFAULT 0,
  synced_at       timestamptz NOT NULL DEFAULT now(),
  deleted_at      timestamptz,
  deletion_reason text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_menus_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shopify_menus_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE RESTRICT,
  CONSTRAINT shopify_menus_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/Menu/_%'),
  CONSTRAINT shopify_menus_items_count_check CHECK (items_count >= 0),
  CONSTRAINT shopify_menus_deletion_reason_check
    CHECK (deletion_reason IN ('snapshot', 'webhook', 'uninstall', 'erasure')),
  CONSTRAINT shopify_menus_tombstone_check CHECK ((deleted_at IS NULL) = (deletion_reason IS NULL))
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_menus_shop_gid ON neanelu.shopify_menus (shop_id, shopify_gid);
CREATE INDEX idx_menus_shop_handle ON neanelu.shopify_menus (shop_id, handle);

COMMENT ON TABLE neanelu.shopify_menus IS
  'Mirror of the shop''s navigation menus. The API gives no time of change, so the content decides.';
COMMENT ON COLUMN neanelu.shopify_menus.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.shopify_menus.shop_id IS 'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_menus.shopify_gid IS
  'Global id at Shopify, gid://shopify/Menu/<number>; natural key within the shop.';
COMMENT ON COLUMN neanelu.shopify_menus.title IS 'Shopify: Menu.title.';
COMMENT ON COLUMN neanelu.shopify_menus.handle IS 'Shopify: Menu.handle, such as main-menu.';
COMMENT ON COLUMN neanelu.shopify_menus.items_count IS 'Number of items at all levels.';
COMMENT ON COLUMN neanelu.shopify_menus.synced_at IS
  'When a sync last wrote the row. An unchanged row is not written, so this is not ''last seen''. Never '
  'indexed.';
COMMENT ON COLUMN neanelu.shopify_menus.deleted_at IS
  'When the row was found gone from the shop (tombstone); null while it lives. A re-appearing row is '
  'set to null again.';
COMMENT ON COLUMN neanelu.shopify_menus.deletion_reason IS
  'How the disappearance was learnt: snapshot (absent from a full, complete one), webhook, uninstall or '
  'erasure.';
COMMENT ON COLUMN neanelu.shopify_menus.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_menus.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

CREATE TABLE neanelu.shopify_menu_items (
  id             uuid NOT NULL DEFAULT uuidv7(),
  shop_id        uuid NOT NULL,
  menu_id        uuid NOT NULL,
  shopify_gid    varchar(100) NOT NULL,
  parent_item_id uuid,
  title          text NOT NULL,
  url            text,
  item_type      varchar(50),
  resource_id    varchar(100),
  position       integer NOT NULL DEFAULT 0,
  level          integer NOT NULL DEFAULT 0,
  path           text[],
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT shopify_menu_items_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT shopify_menu_items_shop_id_menu_id_id_key UNIQUE (shop_id, menu_id, id),
  CONSTRAINT shopify_menu_items_shop_id_menu_id_fkey
    FOREIGN KEY (shop_id, menu_id) REFERENCES neanelu.shopify_menus (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT shopify_menu_items_shop_id_menu_id_parent_item_id_fkey
    FOREIGN KEY (shop_id, menu_id, parent_item_id) REFERENCES neanelu.shopify_menu_items (shop_id, menu_id,
      id) ON DELETE CASCADE,
  CONSTRAINT shopify_menu_items_shopify_gid_check CHECK (shopify_gid LIKE 'gid://shopify/MenuItem/_%'),
  CONSTRAINT shopify_menu_items_item_type_check
    CHECK (item_type IN ('ARTICLE', 'BLOG', 'CATALOG', 'COLLECTION', 'COLLECTIONS', 'CUSTOMER_ACCOUNT_PAGE',
      'FRONTPAGE', 'HTTP', 'METAOBJECT', 'PAGE', 'PRODUCT', 'SEARCH', 'SHOP_POLICY')),
  CONSTRAINT shopify_menu_items_position_check CHECK (position >= 0),
  CONSTRAINT shopify_menu_items_level_check CHECK (level >= 0 AND (level = 0) = (parent_item_id IS NULL)),
  CONSTRAINT shopify_menu_items_parent_check CHECK (parent_item_id <> id)
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX idx_menu_items_shop_gid ON neanelu.shopify_menu_items (shop_id, shopify_gid);
CREATE INDEX idx_menu_items_menu ON neanelu.shopify_menu_items (shop_id, menu_id, position);
CREATE INDEX idx_menu_items_parent ON neanelu.shopify_menu_items (shop_id, menu_id, parent_item_id);
CREATE INDEX idx_menu_items_type ON neanelu.shopify_menu_items (shop_id, item_type);
CREATE INDEX idx_menu_items_path ON neanelu.shopify_menu_items USING gin (path);

COMMENT ON TABLE neanelu.shopify_menu_items IS
  'Items of a menu, a tree. An item belongs to the same menu as its parent (composite reference). Items '
  'that are gone are deleted; they carry no tombstone.';
COMMENT ON COLUMN neanelu.shopify_menu_items.id IS
  'Internal id, time ordered. Never leaves the database as a business key; the natural key is the GID.';
COMMENT ON COLUMN neanelu.shopify_menu_items.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.shopify_menu_items.menu_id IS 'Menu the item belongs to.';
COMMENT ON COLUMN neanelu.shopify_menu_items.shopify_gid IS
  'Global id at Shopify, gid://shopify/MenuItem/<number>; natural key within the shop.';
COMMENT ON COLUMN neanelu.shopify_menu_items.parent_item_id IS 'Item above; null at the top.';
COMMENT ON COLUMN neanelu.shopify_menu_items.title IS 'Shopify: MenuItem.title.';
COMMENT ON COLUMN neanelu.shopify_menu_items.url IS 'Shopify: MenuItem.url.';
COMMENT ON COLUMN neanelu.shopify_menu_items.item_type IS 'Shopify: MenuItem.type (MenuItemType).';
COMMENT ON COLUMN neanelu.shopify_menu_items.resource_id IS
  'Shopify: MenuItem.resourceId, GID of the page, product, … it leads to; not a reference, the target '
  'may not be mirrored.';
COMMENT ON COLUMN neanelu.shopify_menu_items.position IS 'Place among its siblings, from 0.';
COMMENT ON COLUMN neanelu.shopify_menu_items.level IS 'Depth in the tree, 0 at the top.';
COMMENT ON COLUMN neanelu.shopify_menu_items.path IS
  'Titles from the top down to this item, for breadcrumbs. The GIN index takes no element over some '
  '2,600 bytes.';
COMMENT ON COLUMN neanelu.shopify_menu_items.created_at IS 'When the row was inserted here.';
COMMENT ON COLUMN neanelu.shopify_menu_items.updated_at IS
  'When the row''s content last changed here; set by the writing function, not by a trigger.';

COMMIT;
