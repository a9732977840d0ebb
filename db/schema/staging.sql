-- Deploy neanelu:schema/staging to pg
-- Module C, the transient half: lines as they came, manifests, typed rows on their way into the mirror, and the
-- registry that says which field of a line becomes which column. All tables with data are UNLOGGED: after a crash
-- they are empty, the run notices it (counts differ from what the load step recorded) and loads again.
--
-- No foreign keys on the data tables: they are written by functions that hold the run's lease, and a check per row
-- would cost more than the row. Rows of ended runs are removed by sync.sweep_staging().
--
-- Their indexes are B-trees. An empty BRIN index that crash recovery made anew has no page of its range map yet, and the
-- planner takes that for -1 pages: it finds a scan cheaper than nothing, repeats it in nested loops, and each leaks 8 kB.
BEGIN;
SET LOCAL ROLE neanelu_owner;
SET LOCAL search_path = neanelu, app, extensions, pg_temp;

-- A row that lives for seconds is not worth compressing: toast_tuple_target keeps what fits into a page as it is.
-- Landing area ----------------------------------------------------------------------------------------------------

CREATE UNLOGGED TABLE bulk_lines (
    bulk_run_id uuid NOT NULL,
    attempt     integer NOT NULL,
    line_number integer NOT NULL,
    stream      smallint NOT NULL,
    kind        text NOT NULL,
    owner_id    bigint NOT NULL,
    object_id   bigint,
    root_id     bigint,
    doc         jsonb NOT NULL
) WITH (toast_tuple_target = 8160);
CREATE INDEX bulk_lines_run_idx ON bulk_lines (bulk_run_id);
COMMENT ON TABLE bulk_lines IS
    'Lines of result files, parsed but not typed. Written by COPY from the sync daemon, which may only insert; '
    'no shop_id and no policies, because COPY is not possible under row level security: nobody but the engine reads it.';
COMMENT ON COLUMN bulk_lines.attempt IS 'bulk_runs.attempt of the writer: lines of a daemon that lost its lease are not read.';
COMMENT ON COLUMN bulk_lines.line_number IS 'Line of the file, from 1.';
COMMENT ON COLUMN bulk_lines.stream IS 'sync_streams.stream of the object that the line belongs to.';
COMMENT ON COLUMN bulk_lines.kind IS 'GraphQL type of the line''s own object; ResourcePublication for children without id.';
COMMENT ON COLUMN bulk_lines.owner_id IS 'Numeric id of the object that the line belongs to: its own, or its direct parent''s.';
COMMENT ON COLUMN bulk_lines.object_id IS 'Numeric id of the line''s own object; null where it has none.';
COMMENT ON COLUMN bulk_lines.root_id IS 'Numeric id of the tree''s root; null where the line stands in no tree.';

CREATE UNLOGGED TABLE bulk_manifest (
    bulk_run_id uuid NOT NULL,
    attempt     integer NOT NULL,
    root_id     bigint NOT NULL,
    digest      bigint NOT NULL,
    lines       integer NOT NULL,
    is_clean    boolean NOT NULL
);
CREATE INDEX bulk_manifest_run_idx ON bulk_manifest (bulk_run_id);
COMMENT ON TABLE bulk_manifest IS
    'The trees of a file that were loaded, and those known from earlier files that it lacks. Written by COPY from the sync daemon, after all lines; where '
    'digests are known, the trees that they say to be the same are not in it.';
COMMENT ON COLUMN bulk_manifest.root_id IS 'Numeric part of the root''s gid.';
COMMENT ON COLUMN bulk_manifest.digest IS 'See sync_digests.digest; of a tree that is not in the file, 0.';
COMMENT ON COLUMN bulk_manifest.lines IS 'Lines of the tree; 0: the tree is known, and not in the file.';
COMMENT ON COLUMN bulk_manifest.is_clean IS
    'False when a line of the tree was quarantined by the daemon or refers to an object outside the tree: its digest must not be kept.';

CREATE UNLOGGED TABLE bulk_trees (
    bulk_run_id uuid NOT NULL,
    root_id     bigint NOT NULL,
    digest      bigint NOT NULL,
    lines       integer NOT NULL,
    is_here     boolean NOT NULL,
    is_clean    boolean NOT NULL
);
CREATE INDEX bulk_trees_run_idx ON bulk_trees (bulk_run_id);
COMMENT ON TABLE bulk_trees IS
    'How a run''s file differs from what was merged last, a row a tree: those whose lines are loaded, and those that are gone. No row, and a row in sync_digests: the tree is the '
    'same, where the run''s plan is manifest (sync._trusts_digests). Written by schema sync.';
COMMENT ON COLUMN bulk_trees.lines IS 'Lines of the tree in the file.';
COMMENT ON COLUMN bulk_trees.is_here IS 'True: its lines are loaded and merged. False: it was merged once and is not in the file.';
COMMENT ON COLUMN bulk_trees.is_clean IS 'Whether its digest may be kept.';

CREATE UNLOGGED TABLE bulk_groups (
    bulk_run_id uuid NOT NULL,
    stream      smallint NOT NULL,
    object_id   bigint NOT NULL,
    has_own_line boolean NOT NULL DEFAULT true
);
CREATE INDEX bulk_groups_run_idx ON bulk_groups (bulk_run_id);
COMMENT ON TABLE bulk_groups IS 'The objects that own the lines loaded for a run, one row each. Written by schema sync.';
COMMENT ON COLUMN bulk_groups.has_own_line IS 'Whether the object''s own line was loaded, or only lines that belong to it.';

CREATE UNLOGGED TABLE bulk_outcomes (
    bulk_run_id uuid NOT NULL,
    stream      smallint NOT NULL,
    object_id   bigint NOT NULL,
    outcome     text NOT NULL,
    CONSTRAINT bulk_outcomes_outcome_check CHECK (outcome IN ('inserted', 'updated', 'stale', 'rejected', 'unwhole', 'empty'))
);
CREATE INDEX bulk_outcomes_run_idx ON bulk_outcomes (bulk_run_id, stream, object_id);
COMMENT ON TABLE bulk_outcomes IS 'What the merge did with an object, a row per mirror row written. No row: unchanged.';
COMMENT ON COLUMN bulk_outcomes.outcome IS 'stale: the mirror has newer data; rejected: the object''s own line was quarantined; '
    'unwhole: lines of it may be missing; empty: in a shop''s first load, where only these are noted, no row came of it.';

CREATE UNLOGGED TABLE bulk_rejects (
    bulk_run_id uuid NOT NULL,
    line_number integer NOT NULL,
    is_duplicate boolean NOT NULL DEFAULT false,
    error_type  text NOT NULL,
    error_code  text NOT NULL,
    message     text NOT NULL
);
CREATE INDEX bulk_rejects_run_idx ON bulk_rejects (bulk_run_id, line_number);
COMMENT ON TABLE bulk_rejects IS 'Lines that staging took out, before they are written to bulk_errors or counted as duplicates.';
COMMENT ON COLUMN bulk_rejects.is_duplicate IS 'The same line stands elsewhere in the file, word for word: counted, not quarantined.';

-- Typed rows ------------------------------------------------------------------------------------------------------

CREATE UNLOGGED TABLE staging_products (
    id                        uuid NOT NULL DEFAULT uuidv7(),
    bulk_run_id               uuid NOT NULL,
    shop_id                   uuid NOT NULL,
    stream                    smallint NOT NULL,
    object_id                 bigint NOT NULL,
    line_number               integer NOT NULL,
    shopify_gid               varchar(100),
    legacy_resource_id        bigint,
    title                     text,
    handle                    varchar(255),
    description               text,
    description_html          text,
    vendor                    varchar(255),
    product_type              varchar(255),
    status                    varchar(20),
    tags                      text[] DEFAULT '{}',
    options                   jsonb DEFAULT '[]',
    seo                       jsonb,
    metafields                jsonb DEFAULT '{}',
    is_gift_card              boolean,
    has_only_default_variant  boolean,
    has_out_of_stock_variants boolean,
    requires_selling_plan     boolean,
    price_range               jsonb,
    compare_at_price_range    jsonb,
    featured_image_url        text,
    template_suffix           varchar(100),
    category_id               varchar(100),
    published_at              timestamptz,
    created_at_shopify        timestamptz,
    updated_at_shopify        timestamptz,
    raw_data                  jsonb,
    imported_at               timestamptz NOT NULL DEFAULT now(),
    validation_status         varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors         jsonb NOT NULL DEFAULT '[]',
    merge_status              varchar(20) NOT NULL DEFAULT 'pending',
    merged_at                 timestamptz,
    target_product_id         uuid,
    CONSTRAINT staging_products_pkey PRIMARY KEY (shop_id, bulk_run_id, id),
    CONSTRAINT staging_products_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid')),
    CONSTRAINT staging_products_merge_status_check CHECK (merge_status IN ('pending', 'merged', 'skipped', 'failed'))
) WITH (toast_tuple_target = 8160);
-- The rows of a run are found by the primary key, with the shop or without it, as few shops are in here at a time. Of what else is indexed only the exceptions
-- are looked for, and only they have entries: one for every valid row costs half as much as the row itself.
CREATE INDEX idx_staging_products_run ON staging_products (bulk_run_id) WHERE validation_status <> 'valid';
CREATE INDEX idx_staging_products_validation ON staging_products (bulk_run_id, validation_status) WHERE validation_status <> 'valid';
CREATE INDEX idx_staging_products_merge ON staging_products (bulk_run_id, merge_status) WHERE merge_status <> 'pending';
CREATE INDEX idx_staging_products_gid ON staging_products (shop_id, shopify_gid) WHERE validation_status <> 'valid';
COMMENT ON TABLE staging_products IS
    'Typed products on their way to shopify_products. Written by sync.stage; read by sync.merge; emptied when the run has ended.';
COMMENT ON COLUMN staging_products.id IS
    'The run''s id with the line''s number as its last 48 bits, where sync.stage_table writes it: a version 7 uuid for less than what making one costs.';
COMMENT ON COLUMN staging_products.raw_data IS 'The line, where it is invalid; of valid rows it stands in bulk_lines only.';
COMMENT ON COLUMN staging_products.validation_errors IS '[{field, error, value}]';
COMMENT ON COLUMN staging_products.merge_status IS
    'pending until the run''s single merge transaction; outcomes are kept per object in bulk_outcomes, as rewriting '
    'every staging row would double the cost of a load.';
COMMENT ON COLUMN staging_products.merged_at IS 'Reserved for callers that merge row by row; see merge_status.';
COMMENT ON COLUMN staging_products.target_product_id IS 'Reserved for callers that merge row by row; see merge_status.';

CREATE UNLOGGED TABLE staging_variants (
    id                  uuid NOT NULL DEFAULT uuidv7(),
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    staging_product_id  uuid,
    product_gid         text,
    shopify_gid         varchar(100),
    legacy_resource_id  bigint,
    title               varchar(255),
    sku                 varchar(255),
    barcode             varchar(100),
    price               numeric(12,2),
    compare_at_price    numeric(12,2),
    currency_code       varchar(3),
    cost                numeric(12,2),
    inventory_quantity  integer,
    inventory_policy    varchar(20),
    inventory_item_id   varchar(100),
    weight              numeric(10,4),
    weight_unit         varchar(20),
    taxable             boolean,
    tax_code            varchar(50),
    available_for_sale  boolean,
    requires_shipping   boolean,
    requires_components boolean,
    position            integer,
    selected_options    jsonb DEFAULT '[]',
    image_url           text,
    metafields          jsonb DEFAULT '{}',
    created_at_shopify  timestamptz,
    updated_at_shopify  timestamptz,
    raw_data            jsonb,
    imported_at         timestamptz NOT NULL DEFAULT now(),
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    merge_status        varchar(20) NOT NULL DEFAULT 'pending',
    merged_at           timestamptz,
    target_variant_id   uuid,
    CONSTRAINT staging_variants_pkey PRIMARY KEY (shop_id, bulk_run_id, id),
    CONSTRAINT staging_variants_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid')),
    CONSTRAINT staging_variants_merge_status_check CHECK (merge_status IN ('pending', 'merged', 'skipped', 'failed'))
);
CREATE INDEX idx_staging_variants_run ON staging_variants (bulk_run_id) WHERE validation_status <> 'valid';
CREATE INDEX idx_staging_variants_product ON staging_variants (staging_product_id) WHERE staging_product_id IS NOT NULL;
CREATE INDEX idx_staging_variants_validation ON staging_variants (bulk_run_id, validation_status) WHERE validation_status <> 'valid';
CREATE INDEX idx_staging_variants_gid ON staging_variants (shop_id, shopify_gid) WHERE validation_status <> 'valid';
COMMENT ON TABLE staging_variants IS
    'Typed variants on their way to shopify_variants. Written by sync.stage; read by sync.merge; emptied when the run has ended.';
COMMENT ON COLUMN staging_variants.id IS 'See staging_products.id.';
COMMENT ON COLUMN staging_variants.staging_product_id IS
    'Parent in staging, for callers that stage row by row; the merge joins by product_gid, as a parent may be in the mirror only.';
COMMENT ON COLUMN staging_variants.product_gid IS 'The line''s __parentId.';
COMMENT ON COLUMN staging_variants.raw_data IS 'The line, where it is invalid; of valid rows it stands in bulk_lines only.';
COMMENT ON COLUMN staging_variants.validation_errors IS '[{field, error, value}]';
COMMENT ON COLUMN staging_variants.merge_status IS 'See staging_products.merge_status.';
COMMENT ON COLUMN staging_variants.merged_at IS 'See staging_products.merged_at.';
COMMENT ON COLUMN staging_variants.target_variant_id IS 'See staging_products.target_product_id.';

CREATE UNLOGGED TABLE staging_media (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    shopify_gid         varchar(100),
    legacy_resource_id  bigint,
    media_type          varchar(30),
    alt                 text,
    status              varchar(20),
    mime_type           varchar(100),
    file_size           bigint,
    width               integer,
    height              integer,
    duration            integer,
    url                 text,
    preview_url         text,
    sources             jsonb,
    metadata            jsonb,
    created_at_shopify  timestamptz,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_media_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_media_run ON staging_media (bulk_run_id);
COMMENT ON TABLE staging_media IS 'Typed rows on their way to shopify_media; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_product_media (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    product_gid         text,
    media_gid           text,
    position            integer,
    is_featured         boolean,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_product_media_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_product_media_run ON staging_product_media (bulk_run_id);
COMMENT ON TABLE staging_product_media IS 'Typed rows on their way to shopify_product_media; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_variant_media (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    variant_gid         text,
    media_gid           text,
    position            integer,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_variant_media_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_variant_media_run ON staging_variant_media (bulk_run_id);
COMMENT ON TABLE staging_variant_media IS 'Typed rows on their way to shopify_variant_media; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_publications (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    shopify_gid         varchar(100),
    name                varchar(255),
    catalog_type        varchar(50),
    supports_future_publishing boolean,
    auto_publish        boolean,
    is_active           boolean,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_publications_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_publications_run ON staging_publications (bulk_run_id);
COMMENT ON TABLE staging_publications IS 'Typed rows on their way to shopify_publications; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_product_publications (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    product_gid         text,
    publication_gid     text,
    resource_type       varchar(50),
    is_published        boolean,
    published_at        timestamptz,
    publish_date        timestamptz,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_product_publications_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_product_publications_run ON staging_product_publications (bulk_run_id);
COMMENT ON TABLE staging_product_publications IS 'Typed rows on their way to shopify_resource_publications; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_collection_publications (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    collection_gid      text,
    publication_gid     text,
    resource_type       varchar(50),
    is_published        boolean,
    published_at        timestamptz,
    publish_date        timestamptz,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_collection_publications_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_collection_publications_run ON staging_collection_publications (bulk_run_id);
COMMENT ON TABLE staging_collection_publications IS 'Typed rows on their way to shopify_resource_publications; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_collections (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    shopify_gid         varchar(100),
    legacy_resource_id  bigint,
    title               text,
    handle              varchar(255),
    description         text,
    description_html    text,
    collection_type     varchar(20),
    sort_order          varchar(50),
    rules               jsonb,
    disjunctive         boolean,
    seo                 jsonb,
    image_url           text,
    products_count      integer,
    template_suffix     varchar(100),
    updated_at_shopify  timestamptz,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_collections_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_collections_run ON staging_collections (bulk_run_id);
COMMENT ON TABLE staging_collections IS 'Typed rows on their way to shopify_collections; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_collection_products (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    collection_gid      text,
    product_gid         text,
    position            integer,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_collection_products_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_collection_products_run ON staging_collection_products (bulk_run_id);
COMMENT ON TABLE staging_collection_products IS 'Typed rows on their way to shopify_collection_products; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_customers (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    shopify_gid         varchar(100),
    legacy_resource_id  bigint,
    email               text,
    phone               varchar(50),
    first_name          varchar(100),
    last_name           varchar(100),
    display_name        varchar(255),
    state               varchar(20),
    verified_email      boolean,
    accepts_marketing   boolean,
    accepts_marketing_updated_at timestamptz,
    marketing_opt_in_level varchar(30),
    orders_count        integer,
    total_spent         numeric(12,2),
    currency_code       varchar(3),
    tags                text[],
    tax_exempt          boolean,
    tax_exemptions      text[],
    locale              varchar(10),
    note                text,
    default_address     jsonb,
    addresses           jsonb,
    metafields          jsonb,
    created_at_shopify  timestamptz,
    updated_at_shopify  timestamptz,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_customers_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_customers_run ON staging_customers (bulk_run_id);
COMMENT ON TABLE staging_customers IS 'Typed rows on their way to shopify_customers; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_orders (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    shopify_gid         varchar(100),
    legacy_resource_id  bigint,
    name                varchar(50),
    order_number        integer,
    email               text,
    phone               varchar(50),
    financial_status    varchar(30),
    fulfillment_status  varchar(30),
    total_price         numeric(12,2),
    subtotal_price      numeric(12,2),
    total_tax           numeric(12,2),
    total_discounts     numeric(12,2),
    total_shipping      numeric(12,2),
    current_total_price numeric(12,2),
    current_subtotal_price numeric(12,2),
    current_total_tax   numeric(12,2),
    current_shipping_price numeric(12,2),
    taxes_included      boolean,
    is_test             boolean,
    currency_code       varchar(3),
    presentment_currency varchar(3),
    line_items          jsonb,
    shipping_lines      jsonb,
    discount_codes      jsonb,
    refunds             jsonb,
    shipping_address    jsonb,
    billing_address     jsonb,
    customer_gid        text,
    customer_locale     varchar(10),
    tags                text[],
    note                text,
    note_attributes     jsonb,
    gateway             varchar(100),
    payment_terms       jsonb,
    risk_level          varchar(20),
    source_name         varchar(100),
    source_identifier   varchar(255),
    cancelled_at        timestamptz,
    cancel_reason       varchar(50),
    closed_at           timestamptz,
    processed_at        timestamptz,
    created_at_shopify  timestamptz,
    updated_at_shopify  timestamptz,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_orders_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_orders_run ON staging_orders (bulk_run_id);
COMMENT ON TABLE staging_orders IS 'Typed rows on their way to shopify_orders; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_metaobjects (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    shopify_gid         varchar(100),
    type                varchar(100),
    handle              varchar(255),
    display_name        text,
    fields              jsonb,
    capabilities        jsonb,
    updated_at_shopify  timestamptz,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_metaobjects_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_metaobjects_run ON staging_metaobjects (bulk_run_id);
COMMENT ON TABLE staging_metaobjects IS 'Typed rows on their way to shopify_metaobjects; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_locations (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    shopify_gid         varchar(100),
    legacy_resource_id  bigint,
    name                varchar(255),
    address             jsonb,
    is_active           boolean,
    is_primary          boolean,
    fulfills_online_orders boolean,
    updated_at_shopify  timestamptz,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_locations_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_locations_run ON staging_locations (bulk_run_id);
COMMENT ON TABLE staging_locations IS 'Typed rows on their way to inventory_locations; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_inventory_levels (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    shopify_gid         varchar(100),
    inventory_item_gid  varchar(100),
    inventory_item_legacy_id bigint,
    location_gid        text,
    available           integer,
    on_hand             integer,
    committed           integer,
    incoming            integer,
    reserved            integer,
    updated_at_shopify  timestamptz,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_inventory_levels_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_inventory_levels_run ON staging_inventory_levels (bulk_run_id);
COMMENT ON TABLE staging_inventory_levels IS 'Typed rows on their way to inventory_levels; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_menus (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    shopify_gid         varchar(100),
    title               text,
    handle              varchar(255),
    items_count         integer,
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_menus_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_menus_run ON staging_menus (bulk_run_id);
COMMENT ON TABLE staging_menus IS 'Typed rows on their way to shopify_menus; columns as there, *_gid columns become its references. Written by schema sync.';

CREATE UNLOGGED TABLE staging_menu_items (
    bulk_run_id         uuid NOT NULL,
    shop_id             uuid NOT NULL,
    stream              smallint NOT NULL,
    object_id           bigint NOT NULL,
    line_number         integer NOT NULL,
    menu_gid            text,
    shopify_gid         varchar(100),
    parent_item_gid     text,
    title               text,
    url                 text,
    item_type           varchar(50),
    resource_id         varchar(100),
    position            integer,
    level               integer,
    path                text[],
    raw_data            jsonb,
    validation_status   varchar(20) NOT NULL DEFAULT 'pending',
    validation_errors   jsonb NOT NULL DEFAULT '[]',
    CONSTRAINT staging_menu_items_status_check CHECK (validation_status IN ('pending', 'valid', 'invalid'))
);
CREATE INDEX idx_staging_menu_items_run ON staging_menu_items (bulk_run_id);
COMMENT ON TABLE staging_menu_items IS 'Typed rows on their way to shopify_menu_items; columns as there, *_gid columns become its references. Written by schema sync.';

-- Autovacuum only removes what the sweep deleted: who fills these tables analyses them when they are full, and beside a large load a vacuum or a sample
-- of rows that live for seconds took a twelfth of all CPU.
DO $$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT oid::regclass FROM pg_class
         WHERE relnamespace = 'neanelu'::regnamespace AND relkind = 'r' AND relpersistence = 'u' AND (relname LIKE 'staging\_%' OR relname LIKE 'bulk\_%')
    LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_analyze_threshold = 1000000000, autovacuum_vacuum_insert_threshold = -1)', v_table);
        IF (SELECT reltoastrelid <> 0 FROM pg_class WHERE oid = v_table) THEN
            EXECUTE format('ALTER TABLE %s SET (toast.autovacuum_vacuum_insert_threshold = -1)', v_table);
        END IF;
    END LOOP;
END
$$;

-- Registry: how lines become rows -----------------------------------------------------------------------------------

CREATE TABLE sync_tables (
    staging_table text CONSTRAINT sync_tables_pkey PRIMARY KEY,
    target_table  text NOT NULL,
    stream        smallint NOT NULL,
    kinds         text[] NOT NULL,
    key_columns   text[] NOT NULL,
    merge_order   smallint NOT NULL,
    vanish        text NOT NULL,
    object_column text,
    level_column  text,
    extra_check   text,
    may_repeat    boolean NOT NULL DEFAULT false,
    root_column   text,
    CONSTRAINT sync_tables_stream_fkey FOREIGN KEY (stream) REFERENCES sync_streams (stream) ON DELETE RESTRICT,
    CONSTRAINT sync_tables_order_key UNIQUE (stream, merge_order),
    CONSTRAINT sync_tables_vanish_check CHECK (vanish IN ('tombstone', 'tombstone_parts', 'delete_parts', 'keep')),
    CONSTRAINT sync_tables_object_check CHECK ((vanish = 'keep') = (object_column IS NULL))
);
COMMENT ON TABLE sync_tables IS 'Which lines become rows of which staging table, and where those are merged. Written by migrations only.';
COMMENT ON COLUMN sync_tables.staging_table IS 'Unlogged table of schema neanelu that takes the typed rows.';
COMMENT ON COLUMN sync_tables.target_table IS 'Table of the mirror that the rows are merged into.';
COMMENT ON COLUMN sync_tables.kinds IS 'Kinds of line (bulk_lines.kind) within the stream that become a row each.';
COMMENT ON COLUMN sync_tables.key_columns IS 'Columns of the target that, with shop_id, identify a row.';
COMMENT ON COLUMN sync_tables.merge_order IS 'Order of merging within the stream: referenced rows first.';
COMMENT ON COLUMN sync_tables.vanish IS
    'What becomes of rows that a snapshot no longer has. tombstone: marked deleted when their object is missing from the file; '
    'tombstone_parts: parts of an object, marked deleted when the object came without them or is missing; '
    'delete_parts: link rows, deleted when the object came without them; keep: nothing.';
COMMENT ON COLUMN sync_tables.object_column IS
    'Expression over the target''s columns for the numeric id of the object (tombstone, tombstone_parts), '
    'or the target''s reference to the object''s row (delete_parts).';

COMMENT ON COLUMN sync_tables.level_column IS 'Trees that refer to themselves: staging column with the depth; merged level by level, parents first.';

COMMENT ON COLUMN sync_tables.extra_check IS
    'SQL over the typed columns that is false for rows the mirror''s indexes would refuse; the rest stands in its CHECKs.';

COMMENT ON COLUMN sync_tables.may_repeat IS 'The same row may come under several objects of one file (media shared by products): one of them is merged.';

COMMENT ON COLUMN sync_tables.root_column IS
    'For objects below the root (variants): the target''s reference to the root''s row; objects of unchanged trees are present without being sent.';

CREATE TABLE sync_fields (
    staging_table text NOT NULL,
    column_name   text NOT NULL,
    source        text NOT NULL,
    is_expression boolean NOT NULL DEFAULT false,
    CONSTRAINT sync_fields_pkey PRIMARY KEY (staging_table, column_name),
    CONSTRAINT sync_fields_table_fkey FOREIGN KEY (staging_table) REFERENCES sync_tables (staging_table) ON DELETE CASCADE
);
COMMENT ON TABLE sync_fields IS
    'Which field of a line becomes which column. The column''s type in the staging table decides how the value is checked '
    '(sync._typed_expression); the target''s NOT NULLs and CHECKs decide whether the row is valid. Written by migrations only.';
COMMENT ON COLUMN sync_fields.staging_table IS 'Staging table whose column is filled.';
COMMENT ON COLUMN sync_fields.column_name IS 'Column of the staging table.';
COMMENT ON COLUMN sync_fields.is_expression IS 'Whether source is SQL and not a path.';
COMMENT ON COLUMN sync_fields.source IS
    'Path of the field, elements separated by a dot; or, if is_expression, SQL over l (bulk_lines) that gives the value as '
    'text, or as jsonb for jsonb and array columns.';

CREATE TABLE sync_children (
    staging_table text NOT NULL,
    column_name   text NOT NULL,
    kinds         text[] NOT NULL,
    shape         text NOT NULL,
    CONSTRAINT sync_children_pkey PRIMARY KEY (staging_table, column_name),
    CONSTRAINT sync_children_table_fkey FOREIGN KEY (staging_table) REFERENCES sync_tables (staging_table) ON DELETE CASCADE,
    CONSTRAINT sync_children_shape_check CHECK (shape IN ('metafields', 'list'))
);
COMMENT ON TABLE sync_children IS 'Which child lines are folded into one jsonb column of their parent. Written by migrations only.';
COMMENT ON COLUMN sync_children.staging_table IS 'Staging table of the parents.';
COMMENT ON COLUMN sync_children.column_name IS 'Its jsonb column that takes the children.';
COMMENT ON COLUMN sync_children.kinds IS 'Kinds of line (bulk_lines.kind) that are folded.';
COMMENT ON COLUMN sync_children.shape IS
    'metafields: {"namespace.key": {"type", "value"}}; list: the lines in file order, without __parentId.';

CREATE TABLE sync_references (
    staging_table   text NOT NULL,
    column_name     text NOT NULL,
    gid_column      text NOT NULL,
    parent_table    text NOT NULL,
    parent_id       text NOT NULL DEFAULT 'id',
    is_required     boolean NOT NULL,
    CONSTRAINT sync_references_pkey PRIMARY KEY (staging_table, column_name),
    CONSTRAINT sync_references_table_fkey FOREIGN KEY (staging_table) REFERENCES sync_tables (staging_table) ON DELETE CASCADE
);
COMMENT ON TABLE sync_references IS 'Which gid of a staging row becomes which reference of the target. Written by migrations only.';
COMMENT ON COLUMN sync_references.staging_table IS 'Staging table whose rows refer to the parent.';
COMMENT ON COLUMN sync_references.column_name IS 'Column of the target that gets the parent row''s id.';
COMMENT ON COLUMN sync_references.gid_column IS 'Column of the staging table with the parent''s gid.';
COMMENT ON COLUMN sync_references.parent_table IS 'Table of the mirror where that gid is looked up.';
COMMENT ON COLUMN sync_references.parent_id IS 'Column of the parent table that is referenced.';
COMMENT ON COLUMN sync_references.is_required IS 'True: a row whose parent is in neither file nor mirror is an orphan (NS114). False: the reference stays null.';

INSERT INTO sync_tables (staging_table, target_table, stream, kinds, key_columns, merge_order, vanish, object_column) VALUES
    ('staging_locations', 'inventory_locations', 10, '{Location}', '{shopify_gid}', 1, 'tombstone', 'legacy_resource_id'),
    ('staging_publications', 'shopify_publications', 20, '{Publication}', '{shopify_gid}', 1, 'tombstone',
        'split_part(shopify_gid, ''/'', 5)::bigint'),
    ('staging_products', 'shopify_products', 30, '{Product}', '{shopify_gid}', 1, 'tombstone', 'legacy_resource_id'),
    ('staging_media', 'shopify_media', 30, '{MediaImage,Video,Model3d,ExternalVideo}', '{shopify_gid}', 2, 'keep', NULL),
    ('staging_product_media', 'shopify_product_media', 30, '{MediaImage,Video,Model3d,ExternalVideo}',
        '{product_id,media_id}', 3, 'delete_parts', 'product_id'),
    ('staging_variants', 'shopify_variants', 31, '{ProductVariant}', '{shopify_gid}', 1, 'tombstone', 'legacy_resource_id'),
    ('staging_product_publications', 'shopify_resource_publications', 40, '{ResourcePublication}',
        '{publication_id,resource_type,resource_id}', 1, 'delete_parts', 'resource_id'),
    ('staging_variant_media', 'shopify_variant_media', 41, '{MediaImage,Video,Model3d,ExternalVideo}',
        '{variant_id,media_id}', 1, 'delete_parts', 'variant_id'),
    ('staging_inventory_levels', 'inventory_levels', 50, '{InventoryLevel}', '{shopify_gid}', 1, 'tombstone_parts',
        'inventory_item_legacy_id'),
    ('staging_collections', 'shopify_collections', 60, '{Collection}', '{shopify_gid}', 1, 'tombstone', 'legacy_resource_id'),
    ('staging_collection_products', 'shopify_collection_products', 60, '{Product}', '{collection_id,product_id}', 2,
        'delete_parts', 'collection_id'),
    ('staging_collection_publications', 'shopify_resource_publications', 60, '{ResourcePublication}',
        '{publication_id,resource_type,resource_id}', 3, 'delete_parts', 'resource_id'),
    ('staging_customers', 'shopify_customers', 70, '{Customer}', '{shopify_gid}', 1, 'tombstone', 'legacy_resource_id'),
    ('staging_orders', 'shopify_orders', 80, '{Order}', '{shopify_gid}', 1, 'tombstone', 'legacy_resource_id'),
    ('staging_metaobjects', 'shopify_metaobjects', 90, '{Metaobject}', '{shopify_gid}', 1, 'tombstone',
        'split_part(shopify_gid, ''/'', 5)::bigint'),
    ('staging_menus', 'shopify_menus', 100, '{Menu}', '{shopify_gid}', 1, 'tombstone',
        'split_part(shopify_gid, ''/'', 5)::bigint'),
    ('staging_menu_items', 'shopify_menu_items', 100, '{}', '{shopify_gid}', 2, 'delete_parts', 'menu_id');
UPDATE sync_tables SET level_column = 'level' WHERE staging_table = 'staging_menu_items';
UPDATE sync_tables SET root_column = 'product_id' WHERE staging_table = 'staging_variants';
UPDATE sync_tables SET may_repeat = true WHERE staging_table = 'staging_media';
UPDATE sync_tables SET extra_check = 'coalesce(octet_length(description), 0) <= 250000 OR sync._is_searchable(title, description)'
 WHERE staging_table = 'staging_products';

INSERT INTO sync_references (staging_table, column_name, gid_column, parent_table, parent_id, is_required) VALUES
    ('staging_variants', 'product_id', 'product_gid', 'shopify_products', 'id', true),
    ('staging_product_media', 'product_id', 'product_gid', 'shopify_products', 'id', true),
    ('staging_product_media', 'media_id', 'media_gid', 'shopify_media', 'media_id', true),
    ('staging_variant_media', 'variant_id', 'variant_gid', 'shopify_variants', 'id', true),
    ('staging_variant_media', 'media_id', 'media_gid', 'shopify_media', 'media_id', true),
    ('staging_product_publications', 'resource_id', 'product_gid', 'shopify_products', 'id', true),
    ('staging_product_publications', 'publication_id', 'publication_gid', 'shopify_publications', 'id', true),
    ('staging_collection_publications', 'resource_id', 'collection_gid', 'shopify_collections', 'id', true),
    ('staging_collection_publications', 'publication_id', 'publication_gid', 'shopify_publications', 'id', true),
    ('staging_collection_products', 'collection_id', 'collection_gid', 'shopify_collections', 'id', true),
    ('staging_collection_products', 'product_id', 'product_gid', 'shopify_products', 'id', true),
    ('staging_orders', 'customer_id', 'customer_gid', 'shopify_customers', 'id', false),
    ('staging_inventory_levels', 'location_id', 'location_gid', 'inventory_locations', 'id', true),
    ('staging_menu_items', 'menu_id', 'menu_gid', 'shopify_menus', 'id', true),
    ('staging_menu_items', 'parent_item_id', 'parent_item_gid', 'shopify_menu_items', 'id', false);

INSERT INTO sync_children (staging_table, column_name, kinds, shape) VALUES
    ('staging_products', 'metafields', '{Metafield}', 'metafields'),
    ('staging_variants', 'metafields', '{Metafield}', 'metafields'),
    ('staging_customers', 'metafields', '{Metafield}', 'metafields'),
    ('staging_orders', 'line_items', '{LineItem}', 'list'),
    ('staging_orders', 'shipping_lines', '{ShippingLine}', 'list');

INSERT INTO sync_fields (staging_table, column_name, source) VALUES
    ('staging_products', 'shopify_gid', 'id'),
    ('staging_products', 'legacy_resource_id', 'legacyResourceId'),
    ('staging_products', 'title', 'title'),
    ('staging_products', 'handle', 'handle'),
    ('staging_products', 'description', 'description'),
    ('staging_products', 'description_html', 'descriptionHtml'),
    ('staging_products', 'vendor', 'vendor'),
    ('staging_products', 'product_type', 'productType'),
    ('staging_products', 'status', 'status'),
    ('staging_products', 'tags', 'tags'),
    ('staging_products', 'options', 'options'),
    ('staging_products', 'seo', 'seo'),
    ('staging_products', 'is_gift_card', 'isGiftCard'),
    ('staging_products', 'has_only_default_variant', 'hasOnlyDefaultVariant'),
    ('staging_products', 'has_out_of_stock_variants', 'hasOutOfStockVariants'),
    ('staging_products', 'requires_selling_plan', 'requiresSellingPlan'),
    ('staging_products', 'price_range', 'priceRangeV2'),
    ('staging_products', 'compare_at_price_range', 'compareAtPriceRange'),
    ('staging_products', 'featured_image_url', 'featuredMedia.preview.image.url'),
    ('staging_products', 'template_suffix', 'templateSuffix'),
    ('staging_products', 'category_id', 'category.id'),
    ('staging_products', 'published_at', 'publishedAt'),
    ('staging_products', 'created_at_shopify', 'createdAt'),
    ('staging_products', 'updated_at_shopify', 'updatedAt'),
    ('staging_variants', 'product_gid', '__parentId'),
    ('staging_variants', 'shopify_gid', 'id'),
    ('staging_variants', 'legacy_resource_id', 'legacyResourceId'),
    ('staging_variants', 'title', 'title'),
    ('staging_variants', 'sku', 'sku'),
    ('staging_variants', 'barcode', 'barcode'),
    ('staging_variants', 'price', 'price'),
    ('staging_variants', 'compare_at_price', 'compareAtPrice'),
    ('staging_variants', 'cost', 'inventoryItem.unitCost.amount'),
    ('staging_variants', 'inventory_quantity', 'inventoryQuantity'),
    ('staging_variants', 'inventory_policy', 'inventoryPolicy'),
    ('staging_variants', 'inventory_item_id', 'inventoryItem.id'),
    ('staging_variants', 'weight', 'inventoryItem.measurement.weight.value'),
    ('staging_variants', 'weight_unit', 'inventoryItem.measurement.weight.unit'),
    ('staging_variants', 'taxable', 'taxable'),
    ('staging_variants', 'tax_code', 'taxCode'),
    ('staging_variants', 'available_for_sale', 'availableForSale'),
    ('staging_variants', 'requires_shipping', 'inventoryItem.requiresShipping'),
    ('staging_variants', 'requires_components', 'requiresComponents'),
    ('staging_variants', 'position', 'position'),
    ('staging_variants', 'selected_options', 'selectedOptions'),
    ('staging_variants', 'image_url', 'image.url'),
    ('staging_variants', 'created_at_shopify', 'createdAt'),
    ('staging_variants', 'updated_at_shopify', 'updatedAt'),
    ('staging_media', 'shopify_gid', 'id'),
    ('staging_media', 'media_type', 'mediaContentType'),
    ('staging_media', 'alt', 'alt'),
    ('staging_media', 'status', 'status'),
    ('staging_media', 'width', 'image.width'),
    ('staging_media', 'height', 'image.height'),
    ('staging_media', 'duration', 'duration'),
    ('staging_media', 'preview_url', 'preview.image.url'),
    ('staging_media', 'sources', 'sources'),
    ('staging_media', 'created_at_shopify', 'createdAt'),
    ('staging_product_media', 'product_gid', '__parentId'),
    ('staging_product_media', 'media_gid', 'id'),
    ('staging_variant_media', 'variant_gid', '__parentId'),
    ('staging_variant_media', 'media_gid', 'id'),
    ('staging_publications', 'shopify_gid', 'id'),
    ('staging_publications', 'name', 'name'),
    ('staging_publications', 'supports_future_publishing', 'supportsFuturePublishing'),
    ('staging_publications', 'auto_publish', 'autoPublish'),
    ('staging_product_publications', 'product_gid', '__parentId'),
    ('staging_product_publications', 'publication_gid', 'publication.id'),
    ('staging_product_publications', 'is_published', 'isPublished'),
    ('staging_collection_publications', 'collection_gid', '__parentId'),
    ('staging_collection_publications', 'publication_gid', 'publication.id'),
    ('staging_collection_publications', 'is_published', 'isPublished'),
    ('staging_collections', 'shopify_gid', 'id'),
    ('staging_collections', 'legacy_resource_id', 'legacyResourceId'),
    ('staging_collections', 'title', 'title'),
    ('staging_collections', 'handle', 'handle'),
    ('staging_collections', 'description', 'description'),
    ('staging_collections', 'description_html', 'descriptionHtml'),
    ('staging_collections', 'sort_order', 'sortOrder'),
    ('staging_collections', 'rules', 'ruleSet.rules'),
    ('staging_collections', 'disjunctive', 'ruleSet.appliedDisjunctively'),
    ('staging_collections', 'seo', 'seo'),
    ('staging_collections', 'image_url', 'image.url'),
    ('staging_collections', 'products_count', 'productsCount.count'),
    ('staging_collections', 'template_suffix', 'templateSuffix'),
    ('staging_collections', 'updated_at_shopify', 'updatedAt'),
    ('staging_collection_products', 'collection_gid', '__parentId'),
    ('staging_collection_products', 'product_gid', 'id'),
    ('staging_customers', 'shopify_gid', 'id'),
    ('staging_customers', 'legacy_resource_id', 'legacyResourceId'),
    ('staging_customers', 'email', 'defaultEmailAddress.emailAddress'),
    ('staging_customers', 'phone', 'defaultPhoneNumber.phoneNumber'),
    ('staging_customers', 'first_name', 'firstName'),
    ('staging_customers', 'last_name', 'lastName'),
    ('staging_customers', 'display_name', 'displayName'),
    ('staging_customers', 'state', 'state'),
    ('staging_customers', 'verified_email', 'verifiedEmail'),
    ('staging_customers', 'accepts_marketing_updated_at', 'defaultEmailAddress.marketingUpdatedAt'),
    ('staging_customers', 'marketing_opt_in_level', 'defaultEmailAddress.marketingOptInLevel'),
    ('staging_customers', 'orders_count', 'numberOfOrders'),
    ('staging_customers', 'total_spent', 'amountSpent.amount'),
    ('staging_customers', 'currency_code', 'amountSpent.currencyCode'),
    ('staging_customers', 'tags', 'tags'),
    ('staging_customers', 'tax_exempt', 'taxExempt'),
    ('staging_customers', 'tax_exemptions', 'taxExemptions'),
    ('staging_customers', 'locale', 'locale'),
    ('staging_customers', 'note', 'note'),
    ('staging_customers', 'default_address', 'defaultAddress'),
    ('staging_customers', 'addresses', 'addresses'),
    ('staging_customers', 'created_at_shopify', 'createdAt'),
    ('staging_customers', 'updated_at_shopify', 'updatedAt'),
    ('staging_orders', 'shopify_gid', 'id'),
    ('staging_orders', 'legacy_resource_id', 'legacyResourceId'),
    ('staging_orders', 'name', 'name'),
    ('staging_orders', 'order_number', 'number'),
    ('staging_orders', 'email', 'email'),
    ('staging_orders', 'phone', 'phone'),
    ('staging_orders', 'financial_status', 'displayFinancialStatus'),
    ('staging_orders', 'fulfillment_status', 'displayFulfillmentStatus'),
    ('staging_orders', 'total_price', 'totalPriceSet.shopMoney.amount'),
    ('staging_orders', 'subtotal_price', 'subtotalPriceSet.shopMoney.amount'),
    ('staging_orders', 'total_tax', 'totalTaxSet.shopMoney.amount'),
    ('staging_orders', 'total_discounts', 'totalDiscountsSet.shopMoney.amount'),
    ('staging_orders', 'total_shipping', 'totalShippingPriceSet.shopMoney.amount'),
    ('staging_orders', 'current_total_price', 'currentTotalPriceSet.shopMoney.amount'),
    ('staging_orders', 'current_subtotal_price', 'currentSubtotalPriceSet.shopMoney.amount'),
    ('staging_orders', 'current_total_tax', 'currentTotalTaxSet.shopMoney.amount'),
    ('staging_orders', 'current_shipping_price', 'currentShippingPriceSet.shopMoney.amount'),
    ('staging_orders', 'taxes_included', 'taxesIncluded'),
    ('staging_orders', 'is_test', 'test'),
    ('staging_orders', 'refunds', 'refunds'),
    ('staging_orders', 'currency_code', 'currencyCode'),
    ('staging_orders', 'presentment_currency', 'presentmentCurrencyCode'),
    ('staging_orders', 'discount_codes', 'discountCodes'),
    ('staging_orders', 'shipping_address', 'shippingAddress'),
    ('staging_orders', 'billing_address', 'billingAddress'),
    ('staging_orders', 'customer_gid', 'customer.id'),
    ('staging_orders', 'customer_locale', 'customerLocale'),
    ('staging_orders', 'tags', 'tags'),
    ('staging_orders', 'note', 'note'),
    ('staging_orders', 'note_attributes', 'customAttributes'),
    ('staging_orders', 'payment_terms', 'paymentTerms'),
    ('staging_orders', 'source_name', 'sourceName'),
    ('staging_orders', 'source_identifier', 'sourceIdentifier'),
    ('staging_orders', 'cancelled_at', 'cancelledAt'),
    ('staging_orders', 'cancel_reason', 'cancelReason'),
    ('staging_orders', 'closed_at', 'closedAt'),
    ('staging_orders', 'processed_at', 'processedAt'),
    ('staging_orders', 'created_at_shopify', 'createdAt'),
    ('staging_orders', 'updated_at_shopify', 'updatedAt'),
    ('staging_metaobjects', 'shopify_gid', 'id'),
    ('staging_metaobjects', 'type', 'type'),
    ('staging_metaobjects', 'handle', 'handle'),
    ('staging_metaobjects', 'display_name', 'displayName'),
    ('staging_metaobjects', 'capabilities', 'capabilities'),
    ('staging_metaobjects', 'updated_at_shopify', 'updatedAt'),
    ('staging_locations', 'shopify_gid', 'id'),
    ('staging_locations', 'legacy_resource_id', 'legacyResourceId'),
    ('staging_locations', 'name', 'name'),
    ('staging_locations', 'address', 'address'),
    ('staging_locations', 'is_active', 'isActive'),
    ('staging_locations', 'is_primary', 'isPrimary'),
    ('staging_locations', 'fulfills_online_orders', 'fulfillsOnlineOrders'),
    ('staging_locations', 'updated_at_shopify', 'updatedAt'),
    ('staging_inventory_levels', 'shopify_gid', 'id'),
    ('staging_inventory_levels', 'inventory_item_gid', '__parentId'),
    ('staging_inventory_levels', 'location_gid', 'location.id'),
    ('staging_inventory_levels', 'updated_at_shopify', 'updatedAt'),
    ('staging_menus', 'shopify_gid', 'id'),
    ('staging_menus', 'title', 'title'),
    ('staging_menus', 'handle', 'handle');

INSERT INTO sync_fields (staging_table, column_name, source, is_expression) VALUES
    ('staging_variants', 'currency_code', '(SELECT s.currency_code FROM neanelu.shops AS s WHERE s.id = $2)', true),
    ('staging_media', 'mime_type', 'coalesce(l.doc ->> ''mimeType'', l.doc #>> ''{sources,0,mimeType}'')', true),
    ('staging_media', 'file_size',
        'coalesce(l.doc #>> ''{originalSource,fileSize}'', l.doc #>> ''{sources,0,fileSize}'', l.doc #>> ''{sources,0,filesize}'')', true),
    ('staging_media', 'url',
        'coalesce(l.doc #>> ''{image,url}'', l.doc ->> ''originUrl'', l.doc ->> ''embedUrl'', l.doc #>> ''{sources,0,url}'')', true),
    ('staging_media', 'legacy_resource_id', 'l.object_id::text', true),
    ('staging_media', 'metadata',
        'CASE WHEN l.doc ?| ''{host,embedUrl}'' THEN jsonb_strip_nulls(jsonb_build_object(''host'', l.doc -> ''host'', ''embedUrl'', l.doc -> ''embedUrl'')) ELSE ''{}'' END', true),
    ('staging_product_media', 'position', 'row_number() OVER (PARTITION BY l.owner_id ORDER BY l.line_number)::text', true),
    ('staging_product_media', 'is_featured',
        '(row_number() OVER (PARTITION BY l.owner_id ORDER BY l.line_number) = 1)::text', true),
    ('staging_variant_media', 'position', 'row_number() OVER (PARTITION BY l.owner_id ORDER BY l.line_number)::text', true),
    ('staging_collection_products', 'position', 'row_number() OVER (PARTITION BY l.owner_id ORDER BY l.line_number)::text', true),
    ('staging_publications', 'catalog_type',
        'upper(regexp_replace(regexp_replace(split_part(l.doc #>> ''{catalog,id}'', ''/'', 4), ''Catalog$'', ''''), ''(?<=[a-z])([A-Z])'', ''_\1'', ''g''))', true),
    ('staging_publications', 'is_active', '''true''::text', true),
    ('staging_product_publications', 'resource_type', '''Product''::text', true),
    ('staging_product_publications', 'published_at',
        'CASE WHEN l.doc ->> ''isPublished'' = ''true'' THEN l.doc ->> ''publishDate'' END', true),
    ('staging_product_publications', 'publish_date',
        'CASE WHEN l.doc ->> ''isPublished'' = ''false'' THEN l.doc ->> ''publishDate'' END', true),
    ('staging_collection_publications', 'resource_type', '''Collection''::text', true),
    ('staging_collection_publications', 'published_at',
        'CASE WHEN l.doc ->> ''isPublished'' = ''true'' THEN l.doc ->> ''publishDate'' END', true),
    ('staging_collection_publications', 'publish_date',
        'CASE WHEN l.doc ->> ''isPublished'' = ''false'' THEN l.doc ->> ''publishDate'' END', true),
    ('staging_collections', 'collection_type',
        'CASE jsonb_typeof(l.doc -> ''ruleSet'') WHEN ''object'' THEN ''SMART'' ELSE ''MANUAL'' END', true),
    ('staging_customers', 'accepts_marketing',
        '(l.doc #>> ''{defaultEmailAddress,marketingState}'' = ''SUBSCRIBED'')::text', true),
    ('staging_orders', 'gateway', 'l.doc #>> ''{paymentGatewayNames,0}''', true),
    ('staging_orders', 'risk_level', 'l.doc #>> ''{risk,assessments,0,riskLevel}''', true),
    ('staging_metaobjects', 'fields',
        '(SELECT coalesce(jsonb_object_agg(f.value ->> ''key'', f.value - ''key''), ''{}'') FROM jsonb_array_elements(CASE jsonb_typeof(l.doc -> ''fields'') WHEN ''array'' THEN l.doc -> ''fields'' ELSE ''[]'' END) AS f WHERE f.value ->> ''key'' IS NOT NULL)', true),
    ('staging_inventory_levels', 'inventory_item_legacy_id', 'l.owner_id::text', true),
    ('staging_inventory_levels', 'available', 'jsonb_path_query_first(l.doc, ''$.quantities[*] ? (@.name == "available").quantity'') #>> ''{}''', true),
    ('staging_inventory_levels', 'on_hand', 'jsonb_path_query_first(l.doc, ''$.quantities[*] ? (@.name == "on_hand").quantity'') #>> ''{}''', true),
    ('staging_inventory_levels', 'committed', 'jsonb_path_query_first(l.doc, ''$.quantities[*] ? (@.name == "committed").quantity'') #>> ''{}''', true),
    ('staging_inventory_levels', 'incoming', 'jsonb_path_query_first(l.doc, ''$.quantities[*] ? (@.name == "incoming").quantity'') #>> ''{}''', true),
    ('staging_inventory_levels', 'reserved', 'jsonb_path_query_first(l.doc, ''$.quantities[*] ? (@.name == "reserved").quantity'') #>> ''{}''', true),
    ('staging_menus', 'items_count', '(SELECT count(*) FROM jsonb_path_query(l.doc -> ''items'', ''strict $.**.resourceId'', ''{}'', true))::text', true);

COMMIT;
