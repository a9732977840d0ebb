-- Deploy neanelu:schema/ledger to pg
-- requires: schema/inventory
-- requires: functions/ops/partitions
-- Module I: the stock ledger, its balances, and what arrives before it is folded into them.
--
-- Writers append to inventory_arrivals and wait for nobody. The fold, one at a time, moves arrivals into the ledger,
-- where each gets the quantities before and after it, and adds them to the balances. So a row of the ledger is
-- inserted once, complete, and never touched again (docs/decisions/0010).

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.inventory_ledger (
  id                uuid NOT NULL DEFAULT uuidv7(),
  shop_id           uuid NOT NULL,
  variant_id        uuid NOT NULL,
  recorded_at       timestamptz NOT NULL DEFAULT now(),
  created_at        timestamptz NOT NULL DEFAULT now(),
  position          bigint NOT NULL,
  delta             integer NOT NULL,
  previous_quantity integer,
  new_quantity      integer,
  location_id       varchar(100) NOT NULL DEFAULT '',
  sku               varchar(255),
  reason            varchar(50) NOT NULL,
  reference_type    varchar(50),
  reference_id      varchar(255),
  cost_per_unit     numeric(12,2),
  CONSTRAINT inventory_ledger_pkey PRIMARY KEY (shop_id, id, recorded_at),
  CONSTRAINT inventory_ledger_reason_check
    CHECK (reason IN ('SALE', 'RESTOCK', 'ADJUSTMENT', 'RETURN', 'SYNC', 'TRANSFER')),
  CONSTRAINT inventory_ledger_position_check CHECK (position > 0),
  CONSTRAINT inventory_ledger_quantities_check CHECK (new_quantity = previous_quantity + delta)
) PARTITION BY RANGE (recorded_at);

CREATE INDEX idx_ledger_variant ON neanelu.inventory_ledger (shop_id, variant_id, recorded_at DESC);
CREATE INDEX idx_ledger_shop_sku ON neanelu.inventory_ledger (shop_id, sku, recorded_at DESC);
CREATE INDEX idx_ledger_location ON neanelu.inventory_ledger (shop_id, location_id, recorded_at DESC);
CREATE INDEX idx_ledger_reference ON neanelu.inventory_ledger (shop_id, reference_type, reference_id) WHERE reference_id IS NOT NULL;
CREATE INDEX idx_ledger_reason ON neanelu.inventory_ledger (shop_id, reason, recorded_at DESC);

COMMENT ON TABLE neanelu.inventory_ledger IS
  'Every change of stock that was folded into the balances, partitioned by month on recorded_at. Append only, to '
  'everybody; whole months go by inventory.drop_months, which keeps their sum. What was recorded a moment ago is '
  'still in inventory_arrivals; inventory_entries shows both.';
COMMENT ON COLUMN neanelu.inventory_ledger.id IS 'Entry id, given when it was recorded; unique with shop and recorded_at.';
COMMENT ON COLUMN neanelu.inventory_ledger.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.inventory_ledger.variant_id IS
  'Variant whose stock changed. Held by the balance, which every entry has and which refers to the variant: a reference of '
  'its own would cost each entry a look-up.';
COMMENT ON COLUMN neanelu.inventory_ledger.recorded_at IS
  'Business timestamp: when the stock changed, as the source says; partition key.';
COMMENT ON COLUMN neanelu.inventory_ledger.created_at IS
  'System timestamp: start of the transaction that recorded the entry.';
COMMENT ON COLUMN neanelu.inventory_ledger.position IS
  'The how-many-eth entry of this variant at this location, in the order of folding; without gaps. Written by the fold.';
COMMENT ON COLUMN neanelu.inventory_ledger.delta IS 'Change of the quantity, units, signed.';
COMMENT ON COLUMN neanelu.inventory_ledger.previous_quantity IS
  'Units before this entry. Written by the fold; null where it does not fit an integer, the balance is exact then too.';
COMMENT ON COLUMN neanelu.inventory_ledger.new_quantity IS
  'Units after this entry: the previous_quantity of the entry at the next position. Written by the fold.';
COMMENT ON COLUMN neanelu.inventory_ledger.location_id IS
  'GID of the location at Shopify; empty where the source names none.';
COMMENT ON COLUMN neanelu.inventory_ledger.sku IS 'SKU of the variant when the entry was recorded.';
COMMENT ON COLUMN neanelu.inventory_ledger.reason IS
  'SALE, RESTOCK, ADJUSTMENT, RETURN, SYNC (a count at Shopify differed from ours) or TRANSFER.';
COMMENT ON COLUMN neanelu.inventory_ledger.reference_type IS
  'What caused the entry: order_line, transfer, webhook, bulk_run, …; null with reference_id for what has no reference.';
COMMENT ON COLUMN neanelu.inventory_ledger.reference_id IS
  'Id of the cause. The same cause changes the same variant at the same location once (inventory_receipts).';
COMMENT ON COLUMN neanelu.inventory_ledger.cost_per_unit IS 'Cost of one unit at the time, in the shop''s currency.';

-- Domains and not CHECKs: those of a table are parsed anew by every statement that inserts into it, and most insert one row.
CREATE DOMAIN neanelu.inventory_delta AS integer
  CONSTRAINT inventory_delta_check CHECK (VALUE <> 0);
CREATE DOMAIN neanelu.inventory_reason AS varchar(50)
  CONSTRAINT inventory_reason_check CHECK (VALUE IN ('SALE', 'RESTOCK', 'ADJUSTMENT', 'RETURN', 'SYNC', 'TRANSFER'));
CREATE DOMAIN neanelu.inventory_place AS varchar(100)
  CONSTRAINT inventory_place_check CHECK (VALUE = '' OR VALUE LIKE 'gid://shopify/Location/_%');
CREATE DOMAIN neanelu.inventory_cost AS numeric(12,2)
  CONSTRAINT inventory_cost_check CHECK (VALUE >= 0 AND VALUE < 'NaN'::numeric);
COMMENT ON DOMAIN neanelu.inventory_delta IS 'A change of stock in units, which is one.';
COMMENT ON DOMAIN neanelu.inventory_reason IS 'Why stock changed, as in inventory_ledger.';
COMMENT ON DOMAIN neanelu.inventory_place IS 'GID of a location at Shopify; empty for none.';
COMMENT ON DOMAIN neanelu.inventory_cost IS 'Cost of a unit.';

CREATE TABLE neanelu.inventory_arrivals (
  shop_id        uuid NOT NULL,
  variant_id     uuid NOT NULL,
  id             uuid NOT NULL DEFAULT uuidv7(),
  arrival_no     bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  recorded_at    timestamptz NOT NULL DEFAULT now(),
  created_at     timestamptz NOT NULL DEFAULT now(),
  delta          neanelu.inventory_delta NOT NULL,
  location_id    neanelu.inventory_place NOT NULL DEFAULT '',
  sku            varchar(255),
  reason         neanelu.inventory_reason NOT NULL,
  reference_type varchar(50),
  reference_id   varchar(255),
  cost_per_unit  neanelu.inventory_cost,
  CONSTRAINT inventory_arrivals_pkey PRIMARY KEY (shop_id, variant_id, arrival_no)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000000);

CREATE INDEX idx_arrivals_order ON neanelu.inventory_arrivals (arrival_no);

COMMENT ON TABLE neanelu.inventory_arrivals IS
  'Changes of stock that were recorded and not folded yet: appended by inventory.record and its siblings, moved into '
  'inventory_ledger by inventory.fold, in the order of arrival_no, normally within a second. Without references: a look-up '
  'per row would lock the shop''s and the variant''s row for every writer; the recording functions look instead, and the '
  'balance, which the fold writes, has the reference.';
COMMENT ON COLUMN neanelu.inventory_arrivals.shop_id IS
  'Tenant; first column of the primary key.';
COMMENT ON COLUMN neanelu.inventory_arrivals.variant_id IS 'Variant whose stock changed.';
COMMENT ON COLUMN neanelu.inventory_arrivals.id IS 'Entry id, kept in the ledger.';
COMMENT ON COLUMN neanelu.inventory_arrivals.arrival_no IS 'Number of the arrival, over all shops; has gaps.';
COMMENT ON COLUMN neanelu.inventory_arrivals.recorded_at IS
  'Business timestamp: when the stock changed, as the source says.';
COMMENT ON COLUMN neanelu.inventory_arrivals.created_at IS
  'System timestamp: start of the transaction that recorded the entry.';
COMMENT ON COLUMN neanelu.inventory_arrivals.delta IS 'Change of the quantity, units, signed.';
COMMENT ON COLUMN neanelu.inventory_arrivals.location_id IS
  'GID of the location at Shopify; empty where the source names none.';
COMMENT ON COLUMN neanelu.inventory_arrivals.sku IS 'SKU of the variant when the entry was recorded.';
COMMENT ON COLUMN neanelu.inventory_arrivals.reason IS 'As in inventory_ledger.';
COMMENT ON COLUMN neanelu.inventory_arrivals.reference_type IS 'As in inventory_ledger.';
COMMENT ON COLUMN neanelu.inventory_arrivals.reference_id IS 'As in inventory_ledger.';
COMMENT ON COLUMN neanelu.inventory_arrivals.cost_per_unit IS 'Cost of one unit at the time, in the shop''s currency.';

CREATE TABLE neanelu.inventory_receipts (
  shop_id     uuid NOT NULL,
  receipt     uuid NOT NULL,
  recorded_on date NOT NULL DEFAULT current_date,
  CONSTRAINT inventory_receipts_pkey PRIMARY KEY (shop_id, receipt)
);

COMMENT ON TABLE neanelu.inventory_receipts IS
  'Which references were recorded: what makes recording idempotent although the ledger is partitioned. Kept as long as '
  'the ledger''s months. Without a reference to shops, as inventory_arrivals.';
COMMENT ON COLUMN neanelu.inventory_receipts.shop_id IS 'Tenant; first column of the primary key.';
COMMENT ON COLUMN neanelu.inventory_receipts.receipt IS
  'Half of the SHA-256 of reference type, reference id, variant and location (inventory._receipt).';
COMMENT ON COLUMN neanelu.inventory_receipts.recorded_on IS 'Day of recording, for pruning.';

CREATE TABLE neanelu.inventory_balances (
  shop_id          uuid NOT NULL,
  variant_id       uuid NOT NULL,
  location_id      varchar(100) NOT NULL DEFAULT '',
  quantity         bigint NOT NULL,
  entries          bigint NOT NULL,
  opening_quantity bigint NOT NULL DEFAULT 0,
  opening_entries  bigint NOT NULL DEFAULT 0,
  last_updated_at  timestamptz NOT NULL,
  folded_at        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT inventory_balances_pkey PRIMARY KEY (shop_id, variant_id, location_id),
  CONSTRAINT inventory_balances_shop_id_variant_id_fkey
    FOREIGN KEY (shop_id, variant_id) REFERENCES neanelu.shopify_variants (shop_id, id) ON DELETE RESTRICT,
  CONSTRAINT inventory_balances_entries_check CHECK (entries > 0 AND opening_entries BETWEEN 0 AND entries)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

COMMENT ON TABLE neanelu.inventory_balances IS
  'Stock of a variant at a location as far as it is folded; the stock is this plus inventory_arrivals (inventory.available, '
  'inventory_current). Written by inventory.fold and, the opening figures, by inventory.drop_months.';
COMMENT ON COLUMN neanelu.inventory_balances.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.inventory_balances.variant_id IS 'Variant.';
COMMENT ON COLUMN neanelu.inventory_balances.location_id IS
  'GID of the location at Shopify; empty for what was recorded without one.';
COMMENT ON COLUMN neanelu.inventory_balances.quantity IS 'Units: opening_quantity and every delta in the ledger.';
COMMENT ON COLUMN neanelu.inventory_balances.entries IS
  'How many entries were ever folded: the position of the newest one in the ledger.';
COMMENT ON COLUMN neanelu.inventory_balances.opening_quantity IS
  'Units that came from months of the ledger that are dropped.';
COMMENT ON COLUMN neanelu.inventory_balances.opening_entries IS
  'Entries that were in months of the ledger that are dropped.';
COMMENT ON COLUMN neanelu.inventory_balances.last_updated_at IS 'Newest recorded_at of any entry.';
COMMENT ON COLUMN neanelu.inventory_balances.folded_at IS 'When the fold last wrote the row.';

CREATE TABLE neanelu.inventory_counts (
  shop_id     uuid NOT NULL,
  variant_id  uuid NOT NULL,
  location_id varchar(100) NOT NULL,
  as_of       timestamptz NOT NULL,
  available   integer NOT NULL,
  counted_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT inventory_counts_pkey PRIMARY KEY (shop_id, variant_id, location_id),
  CONSTRAINT inventory_counts_shop_id_variant_id_fkey
    FOREIGN KEY (shop_id, variant_id) REFERENCES neanelu.shopify_variants (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT inventory_counts_as_of_check CHECK (isfinite(as_of))
) WITH (fillfactor = 80);

COMMENT ON TABLE neanelu.inventory_counts IS
  'The newest absolute level of a variant at a location that Shopify told and the ledger took; an older one is not taken any '
  'more. Written by inventory.record_absolute and record_bulk; its row serialises them.';
COMMENT ON COLUMN neanelu.inventory_counts.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.inventory_counts.variant_id IS 'Variant.';
COMMENT ON COLUMN neanelu.inventory_counts.location_id IS 'GID of the location at Shopify.';
COMMENT ON COLUMN neanelu.inventory_counts.as_of IS 'When the level held, by Shopify''s clock.';
COMMENT ON COLUMN neanelu.inventory_counts.available IS 'The level: units free to sell, may be negative.';
COMMENT ON COLUMN neanelu.inventory_counts.counted_at IS 'When it was taken here.';

CREATE TABLE neanelu.inventory_order_lines (
  shop_id       uuid NOT NULL,
  line_gid      varchar(100) NOT NULL,
  variant_id    uuid NOT NULL,
  location_id   varchar(100) NOT NULL,
  units_sold    integer NOT NULL,
  units_back    integer NOT NULL DEFAULT 0,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT inventory_order_lines_pkey PRIMARY KEY (shop_id, line_gid),
  CONSTRAINT inventory_order_lines_shop_id_variant_id_fkey
    FOREIGN KEY (shop_id, variant_id) REFERENCES neanelu.shopify_variants (shop_id, id) ON DELETE CASCADE,
  CONSTRAINT inventory_order_lines_line_gid_check CHECK (line_gid LIKE 'gid://shopify/LineItem/_%'),
  CONSTRAINT inventory_order_lines_units_check CHECK (units_sold >= 0 AND units_back >= 0)
) WITH (fillfactor = 80);
CREATE INDEX idx_order_lines_variant ON neanelu.inventory_order_lines (shop_id, variant_id);

COMMENT ON TABLE neanelu.inventory_order_lines IS
  'How far each line of an order is in the ledger, so that an order that comes again, or later in an older version, is not '
  'recorded twice: both figures only ever grow. Written by inventory.record_orders.';
COMMENT ON COLUMN neanelu.inventory_order_lines.shop_id IS
  'Tenant; first column of the primary key and of every reference.';
COMMENT ON COLUMN neanelu.inventory_order_lines.line_gid IS 'GID of the line item at Shopify.';
COMMENT ON COLUMN neanelu.inventory_order_lines.variant_id IS 'Variant that was sold.';
COMMENT ON COLUMN neanelu.inventory_order_lines.location_id IS
  'Where its entries are recorded; orders do not say it, so the likeliest place when the line was first seen.';
COMMENT ON COLUMN neanelu.inventory_order_lines.units_sold IS 'Units recorded as SALE.';
COMMENT ON COLUMN neanelu.inventory_order_lines.units_back IS 'Units recorded as RETURN: removed, refunded or cancelled.';
COMMENT ON COLUMN neanelu.inventory_order_lines.first_seen_at IS 'When the line was first recorded.';

CREATE TABLE neanelu.inventory_retention (
  id        boolean NOT NULL DEFAULT true,
  kept_from timestamptz NOT NULL,
  CONSTRAINT inventory_retention_pkey PRIMARY KEY (id),
  CONSTRAINT inventory_retention_one_row_check CHECK (id)
);
COMMENT ON TABLE neanelu.inventory_retention IS
  'One row: since when the ledger is kept. Written by the deployment and inventory.drop_months.';
COMMENT ON COLUMN neanelu.inventory_retention.id IS 'Always true: there is one row.';
COMMENT ON COLUMN neanelu.inventory_retention.kept_from IS
  'Start of the oldest month of the ledger. Nothing older can be recorded, or asked for.';

-- The stock, exact: what is folded and what is not yet. Its columns are those of the founding contract, and the shop.
CREATE VIEW neanelu.inventory_current WITH (security_invoker) AS
SELECT s.shop_id, s.variant_id, nullif(s.location_id, '') AS location_id, sum(s.quantity)::bigint AS quantity,
       max(s.last_updated_at) AS last_updated_at
  FROM (SELECT b.shop_id, b.variant_id, b.location_id, b.quantity, b.last_updated_at FROM neanelu.inventory_balances AS b
        UNION ALL
        SELECT a.shop_id, a.variant_id, a.location_id, a.delta, a.recorded_at FROM neanelu.inventory_arrivals AS a) AS s
 GROUP BY s.shop_id, s.variant_id, s.location_id;
COMMENT ON VIEW neanelu.inventory_current IS
  'Stock of every variant at every location, exact when read: folded balances and what has arrived since. Read with the '
  'caller''s rights, so a tenant sees its own shop. Was a materialized view over the whole ledger in the founding contract.';
COMMENT ON COLUMN neanelu.inventory_current.shop_id IS 'Tenant.';
COMMENT ON COLUMN neanelu.inventory_current.variant_id IS 'Variant.';
COMMENT ON COLUMN neanelu.inventory_current.location_id IS
  'GID of the location at Shopify; null for what was recorded without one.';
COMMENT ON COLUMN neanelu.inventory_current.quantity IS 'Units.';
COMMENT ON COLUMN neanelu.inventory_current.last_updated_at IS 'Newest recorded_at of any entry.';

CREATE VIEW neanelu.inventory_entries WITH (security_invoker) AS
SELECT l.id, l.shop_id, l.variant_id, l.sku, l.location_id, l.delta, l.reason, l.reference_type, l.reference_id,
       l.previous_quantity, l.new_quantity, l.cost_per_unit, l.recorded_at, l.created_at, true AS is_folded
  FROM neanelu.inventory_ledger AS l
UNION ALL
SELECT a.id, a.shop_id, a.variant_id, a.sku, a.location_id, a.delta, a.reason, a.reference_type, a.reference_id,
       NULL, NULL, a.cost_per_unit, a.recorded_at, a.created_at, false
  FROM neanelu.inventory_arrivals AS a;
COMMENT ON VIEW neanelu.inventory_entries IS
  'Every entry of the ledger, those that are not folded yet too. Columns as in inventory_ledger; previous_quantity and new_quantity '
  'are null until the fold. Read with the caller''s rights.';
COMMENT ON COLUMN neanelu.inventory_entries.is_folded IS 'False while the entry waits in inventory_arrivals.';

DO $partitions$
BEGIN
  PERFORM partman.create_parent('neanelu.inventory_ledger', 'recorded_at', '1 month', p_premake => 4);
END
$partitions$;

-- A month is analysed, and made visible to index scans, when it has grown by half and not by a tenth: under load, growth by a tenth is
-- seconds, and entries are looked up through indexes whatever the statistics say. New months take it from pg_partman's template.
DO $statistics$
DECLARE
  v_table regclass;
BEGIN
  FOR v_table IN
    SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = 'neanelu.inventory_ledger'::regclass
    UNION ALL
    SELECT f.template_table::regclass FROM partman.part_config AS f WHERE f.parent_table = 'neanelu.inventory_ledger'
  LOOP
    EXECUTE format('ALTER TABLE %s SET (autovacuum_analyze_scale_factor = 0.5, autovacuum_vacuum_insert_scale_factor = 0.5)', v_table);
  END LOOP;
END
$statistics$;

-- No retention by pg_partman: a month may only go with its sum put into the balances (inventory.drop_months).
UPDATE partman.part_config
   SET retention = NULL, infinite_time_partitions = true, inherit_privileges = false
 WHERE parent_table = 'neanelu.inventory_ledger';

INSERT INTO neanelu.inventory_retention (kept_from)
SELECT min((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([^'']+)''\)'))[1]::timestamptz)
  FROM pg_catalog.pg_inherits AS i
  JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
 WHERE i.inhparent = 'neanelu.inventory_ledger'::regclass;

-- Webhooks name a variant by the number of its inventory item.
CREATE INDEX idx_variants_inventory_item ON neanelu.shopify_variants (shop_id, inventory_item_id) WHERE inventory_item_id IS NOT NULL;

COMMIT;
