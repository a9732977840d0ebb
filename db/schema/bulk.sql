-- Deploy neanelu:schema/bulk to pg
-- Module C, the durable half: what the bulk pipeline does, did and found.
BEGIN;
SET LOCAL ROLE neanelu_owner;
SET LOCAL search_path = neanelu, app, extensions, pg_temp;

CREATE TABLE sync_resources (
    resource        text CONSTRAINT sync_resources_pkey PRIMARY KEY,
    operation_type  varchar(50) NOT NULL,
    transport       text NOT NULL,
    depends_on      text[] NOT NULL DEFAULT '{}',
    run_order       smallint NOT NULL,
    supports_filter boolean NOT NULL,
    CONSTRAINT sync_resources_operation_type_key UNIQUE (operation_type),
    CONSTRAINT sync_resources_run_order_key UNIQUE (run_order),
    CONSTRAINT sync_resources_transport_check CHECK (transport IN ('bulk', 'paged')),
    CONSTRAINT sync_resources_self_check CHECK (NOT resource = ANY (depends_on))
);
COMMENT ON TABLE sync_resources IS
    'What can be synchronised. One row a GraphQL document; written by migrations only.';
COMMENT ON COLUMN sync_resources.resource IS 'Name in the CLI, in bulk_runs.query_type and of the GraphQL document.';
COMMENT ON COLUMN sync_resources.operation_type IS 'Value of bulk_runs.operation_type for runs of this resource.';
COMMENT ON COLUMN sync_resources.transport IS
    'bulk: Shopify bulk operation; paged: cursor pages, for what bulk operations do not offer.';
COMMENT ON COLUMN sync_resources.depends_on IS
    'Resources that must not have a waiting or running run of the same shop when a run of this one starts.';
COMMENT ON COLUMN sync_resources.run_order IS 'Order in which runs requested together are offered to daemons.';
COMMENT ON COLUMN sync_resources.supports_filter IS
    'Whether Shopify can filter the root connection by updated_at, so that incremental runs are possible.';

INSERT INTO sync_resources (resource, operation_type, transport, depends_on, run_order, supports_filter) VALUES
    ('locations',            'LOCATIONS_EXPORT',            'bulk',  '{}',                      10, false),
    ('publications',         'PUBLICATIONS_EXPORT',         'bulk',  '{}',                      20, false),
    ('products',             'PRODUCTS_EXPORT',             'bulk',  '{}',                      30, true),
    ('product_publications', 'PRODUCT_PUBLICATIONS_EXPORT', 'bulk',  '{products,publications}', 40, true),
    ('inventory',            'INVENTORY_EXPORT',            'bulk',  '{products,locations}',    50, true),
    ('collections',          'COLLECTIONS_EXPORT',          'bulk',  '{products,publications}', 60, true),
    ('customers',            'CUSTOMERS_EXPORT',            'bulk',  '{}',                      70, true),
    ('orders',               'ORDERS_EXPORT',               'bulk',  '{customers}',             80, true),
    ('metaobjects',          'METAOBJECTS_EXPORT',          'bulk',  '{}',                      90, false),
    ('menus',                'MENUS_EXPORT',                'paged', '{}',                     100, false);

CREATE TABLE sync_streams (
    stream     smallint CONSTRAINT sync_streams_pkey PRIMARY KEY,
    resource   text NOT NULL,
    kind       text NOT NULL,
    is_merged  boolean NOT NULL DEFAULT true,
    is_root    boolean NOT NULL DEFAULT false,
    CONSTRAINT sync_streams_resource_fkey FOREIGN KEY (resource) REFERENCES sync_resources (resource) ON DELETE RESTRICT,
    CONSTRAINT sync_streams_resource_kind_key UNIQUE (resource, kind),
    CONSTRAINT sync_streams_number_check CHECK (stream > 0)
);
COMMENT ON TABLE sync_streams IS
    'The kinds of object that own a group of lines within a resource: the object''s own line and the child lines '
    'folded into its mirror rows. The group is the unit of comparison and of merging. Written by migrations only.';
COMMENT ON COLUMN sync_streams.stream IS 'Small number that stands for (resource, kind) in lines, manifests and digests.';
COMMENT ON COLUMN sync_streams.kind IS 'GraphQL type name, as it stands in a gid.';
COMMENT ON COLUMN sync_streams.is_root IS
    'True for the kind whose lines start a tree: digests are kept for whole trees of it. A resource without one is always compared row by row.';
COMMENT ON COLUMN sync_streams.is_merged IS 'False for parents that only carry children: their own lines count as ignored.';

INSERT INTO sync_streams (stream, resource, kind, is_merged, is_root) VALUES
    (10, 'locations',            'Location',             true,  true),
    (20, 'publications',         'Publication',          true,  true),
    (30, 'products',             'Product',              true,  true),
    (31, 'products',             'ProductVariant',       true,  false),
    (40, 'product_publications', 'Product',              true,  true),
    (41, 'product_publications', 'ProductVariant',       true,  false),
    (50, 'inventory',            'InventoryItem',        true,  true),
    (60, 'collections',          'Collection',           true,  true),
    (70, 'customers',            'Customer',             true,  true),
    (80, 'orders',               'Order',                true,  true),
    (90, 'metaobjects',          'Metaobject',           true,  false),
    (91, 'metaobjects',          'MetaobjectDefinition', false, false),
    (100, 'menus',               'Menu',                 true,  true);
CREATE UNIQUE INDEX sync_streams_root_key ON sync_streams (resource) WHERE is_root;

CREATE TABLE bulk_runs (
    id                   uuid NOT NULL DEFAULT uuidv7(),
    shop_id              uuid NOT NULL,
    operation_type       varchar(50) NOT NULL,
    query_type           varchar(50) NOT NULL,
    mode                 text NOT NULL DEFAULT 'snapshot',
    source               text NOT NULL DEFAULT 'shopify',
    status               varchar(20) NOT NULL DEFAULT 'pending',
    shopify_operation_id varchar(100),
    api_version          varchar(20),
    polling_url          text,
    result_url           text,
    idempotency_key      varchar(100),
    cursor_state         jsonb,
    filter_from          timestamptz,
    started_at           timestamptz,
    completed_at         timestamptz,
    records_processed    integer NOT NULL DEFAULT 0,
    bytes_processed      bigint NOT NULL DEFAULT 0,
    is_partial           boolean NOT NULL DEFAULT false,
    objects_expected     bigint,
    roots_expected       bigint,
    bytes_expected       bigint,
    lines_in             bigint,
    lines_merged         bigint NOT NULL DEFAULT 0,
    lines_unchanged      bigint NOT NULL DEFAULT 0,
    lines_quarantined    bigint NOT NULL DEFAULT 0,
    lines_duplicate      bigint NOT NULL DEFAULT 0,
    lines_ignored        bigint NOT NULL DEFAULT 0,
    rows_inserted        bigint NOT NULL DEFAULT 0,
    rows_updated         bigint NOT NULL DEFAULT 0,
    rows_tombstoned      bigint NOT NULL DEFAULT 0,
    allow_mass_delete    boolean NOT NULL DEFAULT false,
    error_code           text,
    error_message        text,
    retry_count          integer NOT NULL DEFAULT 0,
    max_retries          integer NOT NULL DEFAULT 3,
    attempt              integer NOT NULL DEFAULT 0,
    leased_by            text,
    lease_token          uuid,
    lease_expires_at     timestamptz,
    not_before           timestamptz NOT NULL DEFAULT now(),
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT bulk_runs_pkey PRIMARY KEY (shop_id, id),
    CONSTRAINT bulk_runs_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES shops (id) ON DELETE RESTRICT,
    CONSTRAINT bulk_runs_query_type_fkey FOREIGN KEY (query_type) REFERENCES sync_resources (resource) ON DELETE RESTRICT,
    CONSTRAINT bulk_runs_mode_check CHECK (mode IN ('snapshot', 'incremental', 'verify')),
    CONSTRAINT bulk_runs_source_check CHECK (source IN ('shopify', 'file')),
    CONSTRAINT bulk_runs_status_check CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT bulk_runs_filter_check CHECK (filter_from IS NULL OR mode = 'incremental'),
    CONSTRAINT bulk_runs_lease_check CHECK (
        (leased_by IS NULL) = (lease_token IS NULL) AND (lease_token IS NULL) = (lease_expires_at IS NULL)),
    CONSTRAINT bulk_runs_lease_state_check CHECK (lease_token IS NULL OR status = 'running'),
    CONSTRAINT bulk_runs_ended_check CHECK ((completed_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled'))),
    CONSTRAINT bulk_runs_order_check CHECK (completed_at >= created_at),
    CONSTRAINT bulk_runs_failure_check CHECK (status <> 'failed' OR error_message IS NOT NULL),
    CONSTRAINT bulk_runs_counts_check CHECK (
        least(lines_merged, lines_unchanged, lines_quarantined, lines_duplicate, lines_ignored) >= 0),
    CONSTRAINT bulk_runs_reconciled_check CHECK (
        status <> 'completed'
        OR lines_in = lines_merged + lines_unchanged + lines_quarantined + lines_duplicate + lines_ignored),
    CONSTRAINT bulk_runs_complete_check CHECK (
        status <> 'completed' OR lines_in IS NOT NULL),
    CONSTRAINT bulk_runs_partial_check CHECK (NOT is_partial OR rows_tombstoned = 0),
    CONSTRAINT bulk_runs_tombstone_check CHECK (mode <> 'incremental' OR rows_tombstoned = 0),
    CONSTRAINT bulk_runs_retry_check CHECK (retry_count BETWEEN 0 AND 1000 AND max_retries BETWEEN 0 AND 1000)
);
CREATE INDEX idx_bulk_runs_shop_status ON bulk_runs (shop_id, status);
CREATE INDEX idx_bulk_runs_shopify_op ON bulk_runs (shop_id, shopify_operation_id);
CREATE UNIQUE INDEX idx_bulk_runs_idempotency ON bulk_runs (shop_id, idempotency_key);
CREATE UNIQUE INDEX bulk_runs_one_active_key ON bulk_runs (shop_id, query_type) WHERE status IN ('pending', 'running');
CREATE INDEX bulk_runs_id_idx ON bulk_runs (id);
CREATE INDEX bulk_runs_claim_idx ON bulk_runs (not_before) WHERE status IN ('pending', 'running');

COMMENT ON TABLE bulk_runs IS
    'One row a synchronisation of one resource of one shop, from request to end. Written by functions of schema sync only.';
COMMENT ON COLUMN bulk_runs.operation_type IS 'PRODUCTS_EXPORT, ORDERS_EXPORT …: sync_resources.operation_type of the resource.';
COMMENT ON COLUMN bulk_runs.query_type IS 'The resource: names the GraphQL document and the merge.';
COMMENT ON COLUMN bulk_runs.mode IS
    'snapshot: everything, what is missing is tombstoned. incremental: changed since filter_from, never tombstones. '
    'verify: a snapshot that distrusts the digests and compares every column.';
COMMENT ON COLUMN bulk_runs.source IS 'shopify: fetched from Shopify; file: lines given by `neanelu ingest`.';
COMMENT ON COLUMN bulk_runs.polling_url IS 'Unused by GraphQL bulk operations, which are polled by id; kept for the contract.';
COMMENT ON COLUMN bulk_runs.result_url IS 'Signed download URL, valid 7 days after completion. Erased when the run ends.';
COMMENT ON COLUMN bulk_runs.idempotency_key IS 'The requester''s key: a second request with it returns the first run.';
COMMENT ON COLUMN bulk_runs.cursor_state IS 'operation_created_at: when Shopify began the operation, up to which the result tells; the next incremental run asks from then on.';
COMMENT ON COLUMN bulk_runs.filter_from IS 'incremental: lower bound of updated_at asked for (checkpoint minus overlap).';
COMMENT ON COLUMN bulk_runs.records_processed IS 'Lines accounted for so far.';
COMMENT ON COLUMN bulk_runs.bytes_processed IS 'Bytes of the result file received so far, uncompressed.';
COMMENT ON COLUMN bulk_runs.is_partial IS 'The data is Shopify''s partialDataUrl of a failed operation: no deletion may be judged from it.';
COMMENT ON COLUMN bulk_runs.objects_expected IS 'Shopify''s objectCount: lines that the file must have.';
COMMENT ON COLUMN bulk_runs.roots_expected IS 'Shopify''s rootObjectCount: lines without __parentId that the file must have.';
COMMENT ON COLUMN bulk_runs.bytes_expected IS 'Shopify''s fileSize.';
COMMENT ON COLUMN bulk_runs.lines_in IS 'Lines received, counted by the daemon over the whole file. Equals the sum of the five counts below.';
COMMENT ON COLUMN bulk_runs.lines_merged IS 'Lines of records that were inserted or updated.';
COMMENT ON COLUMN bulk_runs.lines_unchanged IS 'Lines of records that the mirror already had, found by digest or by comparison.';
COMMENT ON COLUMN bulk_runs.lines_quarantined IS 'Lines kept in bulk_errors.';
COMMENT ON COLUMN bulk_runs.lines_duplicate IS 'Lines that repeat another line of the file word for word.';
COMMENT ON COLUMN bulk_runs.lines_ignored IS 'Lines without a mirror: blank ones, pure parents, records older than the mirror''s.';
COMMENT ON COLUMN bulk_runs.rows_inserted IS 'Rows inserted into mirror tables.';
COMMENT ON COLUMN bulk_runs.rows_updated IS 'Rows updated in mirror tables, resurrections included, tombstones not.';
COMMENT ON COLUMN bulk_runs.rows_tombstoned IS 'Main rows marked deleted because the snapshot no longer had them.';
COMMENT ON COLUMN bulk_runs.allow_mass_delete IS 'The operator confirmed that this snapshot may tombstone more than the safety limit.';
COMMENT ON COLUMN bulk_runs.error_code IS 'SQLSTATE or reason code of the failure; see docs/errors.md.';
COMMENT ON COLUMN bulk_runs.retry_count IS 'Failures that were followed by another try of this run.';
COMMENT ON COLUMN bulk_runs.attempt IS 'Grows with every claim; lines loaded under an older attempt are not read.';
COMMENT ON COLUMN bulk_runs.leased_by IS 'Daemon that works on the run (host:pid).';
COMMENT ON COLUMN bulk_runs.lease_token IS 'Fencing token: every step of a daemon must show it.';
COMMENT ON COLUMN bulk_runs.lease_expires_at IS 'Another daemon may take the run over after this time.';
COMMENT ON COLUMN bulk_runs.not_before IS 'Backoff: no daemon claims the run earlier.';

CREATE TABLE bulk_steps (
    id                uuid NOT NULL DEFAULT uuidv7(),
    bulk_run_id       uuid NOT NULL,
    shop_id           uuid NOT NULL,
    step_name         varchar(100) NOT NULL,
    status            varchar(20) NOT NULL DEFAULT 'pending',
    started_at        timestamptz,
    completed_at      timestamptz,
    records_processed integer NOT NULL DEFAULT 0,
    error_message     text,
    metadata          jsonb NOT NULL DEFAULT '{}',
    created_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT bulk_steps_pkey PRIMARY KEY (shop_id, id),
    CONSTRAINT bulk_steps_name_key UNIQUE (shop_id, bulk_run_id, step_name),
    CONSTRAINT bulk_steps_run_fkey FOREIGN KEY (shop_id, bulk_run_id)
        REFERENCES bulk_runs (shop_id, id) ON DELETE CASCADE,
    CONSTRAINT bulk_steps_name_check CHECK (step_name IN ('start', 'poll', 'download', 'load', 'stage', 'merge')),
    CONSTRAINT bulk_steps_status_check CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped')),
    CONSTRAINT bulk_steps_order_check CHECK (completed_at >= started_at)
);
CREATE INDEX idx_bulk_steps_run ON bulk_steps (shop_id, bulk_run_id);
CREATE INDEX idx_bulk_steps_status ON bulk_steps (shop_id, status);
COMMENT ON TABLE bulk_steps IS 'The steps of a run, so that a daemon goes on where another one stopped. Written by schema sync.';
COMMENT ON COLUMN bulk_steps.step_name IS
    'start: bulk operation asked for; poll: until Shopify is done; download: file complete on disk; '
    'load: lines in the landing table; stage: typed and validated; merge: in the mirror.';
COMMENT ON COLUMN bulk_steps.metadata IS 'Facts of the step: counts, seconds, what was decided.';

CREATE TABLE bulk_artifacts (
    id            uuid NOT NULL DEFAULT uuidv7(),
    bulk_run_id   uuid NOT NULL,
    shop_id       uuid NOT NULL,
    artifact_type varchar(50) NOT NULL,
    file_path     text NOT NULL,
    url           text,
    etag          text,
    bytes_size    bigint,
    rows_count    integer,
    checksum      varchar(64),
    expires_at    timestamptz,
    removed_at    timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT bulk_artifacts_pkey PRIMARY KEY (shop_id, id),
    CONSTRAINT bulk_artifacts_type_key UNIQUE (shop_id, bulk_run_id, artifact_type),
    CONSTRAINT bulk_artifacts_run_fkey FOREIGN KEY (shop_id, bulk_run_id)
        REFERENCES bulk_runs (shop_id, id) ON DELETE CASCADE,
    CONSTRAINT bulk_artifacts_type_check CHECK (artifact_type IN ('jsonl')),
    CONSTRAINT bulk_artifacts_checksum_check CHECK (checksum ~ '^[0-9a-f]{64}$'),
    CONSTRAINT bulk_artifacts_size_check CHECK (bytes_size >= 0 AND rows_count >= 0)
);
COMMENT ON TABLE bulk_artifacts IS 'Files that runs produced on the daemon''s disk. Written by schema sync.';
COMMENT ON COLUMN bulk_artifacts.file_path IS 'Path on the daemon''s machine; the spool that a resumed download appends to.';
COMMENT ON COLUMN bulk_artifacts.url IS 'Where it came from, without its signature.';
COMMENT ON COLUMN bulk_artifacts.etag IS 'ETag of the first answer: a resumed download must see the same one.';
COMMENT ON COLUMN bulk_artifacts.bytes_size IS 'Bytes, uncompressed.';
COMMENT ON COLUMN bulk_artifacts.rows_count IS 'Lines.';
COMMENT ON COLUMN bulk_artifacts.checksum IS 'SHA-256 of the uncompressed bytes, lower-case hex.';
COMMENT ON COLUMN bulk_artifacts.expires_at IS 'When the signed URL stops working.';
COMMENT ON COLUMN bulk_artifacts.removed_at IS 'When the daemon deleted the file after the run had ended.';

CREATE TABLE bulk_errors (
    id            uuid NOT NULL DEFAULT uuidv7(),
    bulk_run_id   uuid NOT NULL,
    shop_id       uuid NOT NULL,
    error_type    varchar(50) NOT NULL,
    error_code    varchar(50) NOT NULL,
    error_message text NOT NULL,
    line_number   integer,
    kind          text,
    object_gid    text,
    payload       jsonb,
    raw           bytea,
    raw_bytes     bigint,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT bulk_errors_pkey PRIMARY KEY (shop_id, id),
    CONSTRAINT bulk_errors_line_key UNIQUE (shop_id, bulk_run_id, line_number),
    CONSTRAINT bulk_errors_run_fkey FOREIGN KEY (shop_id, bulk_run_id)
        REFERENCES bulk_runs (shop_id, id) ON DELETE CASCADE,
    CONSTRAINT bulk_errors_type_check CHECK (error_type IN ('PARSE', 'VALIDATION', 'DB')),
    CONSTRAINT bulk_errors_line_check CHECK (line_number > 0)
);
CREATE INDEX idx_bulk_errors_run ON bulk_errors (shop_id, bulk_run_id);
CREATE INDEX idx_bulk_errors_type ON bulk_errors (shop_id, error_type);
COMMENT ON TABLE bulk_errors IS 'Quarantine: every line that could not be merged, with its reason and its raw bytes. Written by schema sync.';
COMMENT ON COLUMN bulk_errors.error_type IS 'PARSE: not a line of JSON we can store; VALIDATION: a value that does not fit; DB: refused by the database.';
COMMENT ON COLUMN bulk_errors.error_code IS 'SQLSTATE or reason code, see docs/errors.md.';
COMMENT ON COLUMN bulk_errors.line_number IS 'Line of the result file, from 1.';
COMMENT ON COLUMN bulk_errors.kind IS 'GraphQL type of the line''s object, where it could be told.';
COMMENT ON COLUMN bulk_errors.object_gid IS 'Shopify id of the line''s object, where it could be told; such objects are not judged deleted.';
COMMENT ON COLUMN bulk_errors.payload IS 'The line as JSON, where it is JSON that PostgreSQL can store.';
COMMENT ON COLUMN bulk_errors.raw IS 'The line''s bytes where it is no storable JSON, without its line end; of longer lines the first piece, the rest in bulk_error_chunks.';
COMMENT ON COLUMN bulk_errors.raw_bytes IS 'Length of the whole line in bytes.';

CREATE TABLE bulk_error_chunks (
    shop_id       uuid NOT NULL,
    bulk_run_id   uuid NOT NULL,
    line_number   integer NOT NULL,
    chunk_number  integer NOT NULL,
    bytes         bytea NOT NULL,
    CONSTRAINT bulk_error_chunks_pkey PRIMARY KEY (shop_id, bulk_run_id, line_number, chunk_number),
    CONSTRAINT bulk_error_chunks_run_fkey FOREIGN KEY (shop_id, bulk_run_id)
        REFERENCES bulk_runs (shop_id, id) ON DELETE CASCADE,
    CONSTRAINT bulk_error_chunks_number_check CHECK (chunk_number >= 1)
);
COMMENT ON TABLE bulk_error_chunks IS 'The rest of over-long quarantined lines, in pieces, so that neither daemon nor server holds one in memory.';
COMMENT ON COLUMN bulk_error_chunks.chunk_number IS '1 follows bulk_errors.raw.';

CREATE TABLE bulk_counts (
    shop_id      uuid NOT NULL,
    bulk_run_id  uuid NOT NULL,
    kind         text NOT NULL,
    lines        bigint NOT NULL,
    merged       bigint NOT NULL DEFAULT 0,
    unchanged    bigint NOT NULL DEFAULT 0,
    quarantined  bigint NOT NULL DEFAULT 0,
    duplicate    bigint NOT NULL DEFAULT 0,
    ignored      bigint NOT NULL DEFAULT 0,
    tombstoned   bigint NOT NULL DEFAULT 0,
    CONSTRAINT bulk_counts_pkey PRIMARY KEY (shop_id, bulk_run_id, kind),
    CONSTRAINT bulk_counts_run_fkey FOREIGN KEY (shop_id, bulk_run_id)
        REFERENCES bulk_runs (shop_id, id) ON DELETE CASCADE,
    CONSTRAINT bulk_counts_reconciled_check CHECK (
        lines = merged + unchanged + quarantined + duplicate + ignored
        AND least(merged, unchanged, quarantined, duplicate, ignored, tombstoned) >= 0)
);
COMMENT ON TABLE bulk_counts IS 'What became of the lines of a completed run, per kind of line. Written in the transaction of the merge.';
COMMENT ON COLUMN bulk_counts.kind IS 'GraphQL type of the line''s object; ''?'' where it could not be told, ''-'' for blank lines, ''*'' for the lines of trees that are the '
    'same, byte for byte, as when they were merged, and so were not looked at one by one.';
COMMENT ON COLUMN bulk_counts.lines IS 'Lines of this kind that the daemon counted in the file.';
COMMENT ON COLUMN bulk_counts.tombstoned IS 'Mirror rows of this kind marked deleted (rows, not lines).';

CREATE TABLE sync_digests (
    shop_id    uuid NOT NULL,
    stream     smallint NOT NULL,
    lines      integer NOT NULL,
    object_id  bigint NOT NULL,
    digest     bigint NOT NULL,
    CONSTRAINT sync_digests_pkey PRIMARY KEY (shop_id, stream, object_id)
) WITH (fillfactor = 90);
COMMENT ON TABLE sync_digests IS
    'Digest of the tree of lines (a root object and all that belongs to it) from which mirror rows were last written. A cache: what is not here only '
    'costs a comparison. Whoever writes a row of a tree by another path sets the digest to 0 and leaves the row, as a run that is under way may have been told of it, and '
    'then takes a missing row for a tree that its file lacks. No foreign keys: a cache does not pay for them row by row. Written by schema sync.';
COMMENT ON COLUMN sync_digests.stream IS 'Stream of the root.';
COMMENT ON COLUMN sync_digests.lines IS 'Lines of the tree.';
COMMENT ON COLUMN sync_digests.object_id IS 'Numeric part of the root''s gid.';
COMMENT ON COLUMN sync_digests.digest IS 'XXH3-64 of the tree''s bytes after its first line''s leading type, as signed bigint; 0: the mirror was written otherwise since, the tree is loaded again.';

COMMIT;
