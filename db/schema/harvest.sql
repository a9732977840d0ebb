-- Deploy neanelu:schema/harvest to pg
-- requires: schema/scraper
-- What harvesting keeps beside the documents: how each page stands, who fetches what, how fast, imports of feeds and what
-- they left over, and which names of sources mean which field.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.harvest_pages (
  source_id     uuid NOT NULL,
  url           text NOT NULL,
  content_hash  varchar(64) NOT NULL,
  harvest_id    uuid NOT NULL,
  fetched_at    timestamptz NOT NULL,
  checked_at    timestamptz NOT NULL DEFAULT now(),
  etag          text,
  last_modified text,
  CONSTRAINT harvest_pages_pkey PRIMARY KEY (source_id, url),
  CONSTRAINT harvest_pages_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE CASCADE,
  CONSTRAINT harvest_pages_url_check CHECK (url <> '' AND octet_length(url) <= 2000),
  CONSTRAINT harvest_pages_hash_check CHECK (content_hash ~ '^[0-9a-f]{64}$'),
  CONSTRAINT harvest_pages_validators_check CHECK (octet_length(etag) <= 1000 AND octet_length(last_modified) <= 200)
) WITH (fillfactor = 85);

COMMENT ON TABLE neanelu.harvest_pages IS
  'The newest stored document of each page or feed record: what the next one is compared with, and what a fetch asks the server by.';
COMMENT ON COLUMN neanelu.harvest_pages.source_id IS 'Source.';
COMMENT ON COLUMN neanelu.harvest_pages.url IS 'source_url of the documents.';
COMMENT ON COLUMN neanelu.harvest_pages.content_hash IS 'SHA-256 of the newest document.';
COMMENT ON COLUMN neanelu.harvest_pages.harvest_id IS
  'The newest document in prod_raw_harvest, with fetched_at; no reference, so that old partitions can go.';
COMMENT ON COLUMN neanelu.harvest_pages.fetched_at IS 'Partition key of that document.';
COMMENT ON COLUMN neanelu.harvest_pages.checked_at IS 'When it was last compared with its source, as far as that was noted. Never indexed.';
COMMENT ON COLUMN neanelu.harvest_pages.etag IS 'ETag of the server''s answer, for If-None-Match.';
COMMENT ON COLUMN neanelu.harvest_pages.last_modified IS 'Last-Modified of the server''s answer, for If-Modified-Since.';

CREATE TABLE neanelu.harvest_buckets (
  id            uuid NOT NULL DEFAULT uuidv7(),
  source_id     uuid NOT NULL,
  config_id     uuid,
  tokens        numeric(12,4) NOT NULL,
  refilled_at   timestamptz NOT NULL,
  crawl_delay   numeric(8,3),
  shut_until    timestamptz,
  refusals      integer NOT NULL DEFAULT 0,
  CONSTRAINT harvest_buckets_pkey PRIMARY KEY (id),
  CONSTRAINT harvest_buckets_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE CASCADE,
  CONSTRAINT harvest_buckets_config_id_fkey FOREIGN KEY (config_id) REFERENCES neanelu.scraper_configs (id) ON DELETE CASCADE,
  CONSTRAINT harvest_buckets_tokens_check CHECK (tokens >= 0),
  CONSTRAINT harvest_buckets_delay_check CHECK (crawl_delay > 0),
  CONSTRAINT harvest_buckets_refusals_check CHECK (refusals >= 0)
) WITH (fillfactor = 50);

CREATE UNIQUE INDEX idx_harvest_buckets_owner ON neanelu.harvest_buckets (source_id, config_id) NULLS NOT DISTINCT;
CREATE INDEX idx_harvest_buckets_config ON neanelu.harvest_buckets (config_id) WHERE config_id IS NOT NULL;

COMMENT ON TABLE neanelu.harvest_buckets IS
  'How much may be asked of a site just now: a bucket of tokens a source, and one of its own for each scraper with its own rate_limit.';
COMMENT ON COLUMN neanelu.harvest_buckets.id IS 'Id.';
COMMENT ON COLUMN neanelu.harvest_buckets.source_id IS 'Source.';
COMMENT ON COLUMN neanelu.harvest_buckets.config_id IS 'Scraper with its own limit; null: the source''s bucket.';
COMMENT ON COLUMN neanelu.harvest_buckets.tokens IS 'Fetches that may begin at once, at refilled_at.';
COMMENT ON COLUMN neanelu.harvest_buckets.refilled_at IS 'When tokens were last reckoned.';
COMMENT ON COLUMN neanelu.harvest_buckets.crawl_delay IS 'Seconds between fetches that the site''s robots.txt asks for; slows the refill, never quickens it.';
COMMENT ON COLUMN neanelu.harvest_buckets.shut_until IS 'Nothing is fetched before: the site answered 429 or 503.';
COMMENT ON COLUMN neanelu.harvest_buckets.refusals IS 'Such answers in a row.';

CREATE TABLE neanelu.harvest_leases (
  queue_id   uuid NOT NULL,
  bucket_id  uuid NOT NULL,
  run_id     uuid NOT NULL,
  token      uuid NOT NULL DEFAULT gen_random_uuid(),
  worker     text NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT harvest_leases_pkey PRIMARY KEY (queue_id),
  CONSTRAINT harvest_leases_queue_id_fkey FOREIGN KEY (queue_id) REFERENCES neanelu.scraper_queue (id) ON DELETE CASCADE,
  CONSTRAINT harvest_leases_bucket_id_fkey FOREIGN KEY (bucket_id) REFERENCES neanelu.harvest_buckets (id) ON DELETE CASCADE,
  CONSTRAINT harvest_leases_run_id_fkey FOREIGN KEY (run_id) REFERENCES neanelu.scraper_runs (id) ON DELETE CASCADE
);

CREATE INDEX idx_harvest_leases_bucket ON neanelu.harvest_leases (bucket_id);
CREATE INDEX idx_harvest_leases_run ON neanelu.harvest_leases (run_id);

COMMENT ON TABLE neanelu.harvest_leases IS
  'Who fetches which page: one row for each page in status processing. A page whose lease has run out goes back to the queue.';
COMMENT ON COLUMN neanelu.harvest_leases.queue_id IS 'Page in scraper_queue.';
COMMENT ON COLUMN neanelu.harvest_leases.bucket_id IS 'Bucket whose concurrency it counts against.';
COMMENT ON COLUMN neanelu.harvest_leases.run_id IS 'Run that it counts for.';
COMMENT ON COLUMN neanelu.harvest_leases.token IS 'Proof of the lease; a harvester that lost it can do no harm.';
COMMENT ON COLUMN neanelu.harvest_leases.worker IS 'Harvester, for people.';
COMMENT ON COLUMN neanelu.harvest_leases.expires_at IS 'When others may have the page.';

CREATE TABLE neanelu.harvest_imports (
  id          uuid NOT NULL DEFAULT uuidv7(),
  source_id   uuid NOT NULL,
  file_name   text NOT NULL,
  file_format varchar(10) NOT NULL,
  status      varchar(20) NOT NULL DEFAULT 'running',
  records     bigint NOT NULL DEFAULT 0,
  stored      bigint NOT NULL DEFAULT 0,
  unchanged   bigint NOT NULL DEFAULT 0,
  superseded  bigint NOT NULL DEFAULT 0,
  quarantined bigint NOT NULL DEFAULT 0,
  error_code  varchar(10),
  started_at  timestamptz NOT NULL DEFAULT now(),
  ended_at    timestamptz,
  CONSTRAINT harvest_imports_pkey PRIMARY KEY (id),
  CONSTRAINT harvest_imports_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE CASCADE,
  CONSTRAINT harvest_imports_format_check CHECK (file_format IN ('csv', 'jsonl', 'xml')),
  CONSTRAINT harvest_imports_status_check CHECK (status IN ('running', 'completed', 'failed')),
  CONSTRAINT harvest_imports_ended_check CHECK ((status = 'running') = (ended_at IS NULL)),
  CONSTRAINT harvest_imports_error_check CHECK ((status = 'failed') = (error_code IS NOT NULL)),
  CONSTRAINT harvest_imports_reconciled_check CHECK (records = stored + unchanged + superseded + quarantined)
);

CREATE INDEX idx_harvest_imports_source ON neanelu.harvest_imports (source_id, started_at DESC);

COMMENT ON TABLE neanelu.harvest_imports IS 'Supplier feeds that were imported, with accounts that add up.';
COMMENT ON COLUMN neanelu.harvest_imports.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.harvest_imports.source_id IS 'Source.';
COMMENT ON COLUMN neanelu.harvest_imports.file_name IS 'Name of the file, without folders.';
COMMENT ON COLUMN neanelu.harvest_imports.file_format IS 'csv, jsonl or xml.';
COMMENT ON COLUMN neanelu.harvest_imports.status IS 'running, completed or failed. One that was cut off stays running; import the file again.';
COMMENT ON COLUMN neanelu.harvest_imports.records IS 'Records that were read; the sum of the following four.';
COMMENT ON COLUMN neanelu.harvest_imports.stored IS 'New or changed ones.';
COMMENT ON COLUMN neanelu.harvest_imports.unchanged IS 'Those stored before with the same content.';
COMMENT ON COLUMN neanelu.harvest_imports.superseded IS 'Those followed by a later record of the same product in the same batch.';
COMMENT ON COLUMN neanelu.harvest_imports.quarantined IS 'Those that could not be used; see harvest_errors.';
COMMENT ON COLUMN neanelu.harvest_imports.error_code IS 'Why it failed (docs/errors.md).';
COMMENT ON COLUMN neanelu.harvest_imports.started_at IS 'When it began.';
COMMENT ON COLUMN neanelu.harvest_imports.ended_at IS 'When it ended.';

CREATE TABLE neanelu.harvest_errors (
  id          uuid NOT NULL DEFAULT uuidv7(),
  import_id   uuid NOT NULL,
  line_number bigint NOT NULL,
  error_code  varchar(10) NOT NULL,
  message     text NOT NULL,
  raw         bytea NOT NULL,
  raw_bytes   bigint NOT NULL,
  CONSTRAINT harvest_errors_pkey PRIMARY KEY (id),
  CONSTRAINT harvest_errors_import_id_fkey FOREIGN KEY (import_id) REFERENCES neanelu.harvest_imports (id) ON DELETE CASCADE,
  CONSTRAINT harvest_errors_line_check CHECK (line_number > 0),
  CONSTRAINT harvest_errors_raw_check CHECK (octet_length(raw) <= raw_bytes)
);

CREATE INDEX idx_harvest_errors_import ON neanelu.harvest_errors (import_id, line_number);

COMMENT ON TABLE neanelu.harvest_errors IS 'Records of feeds that could not be used, as they stood in the file.';
COMMENT ON COLUMN neanelu.harvest_errors.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.harvest_errors.import_id IS 'Import.';
COMMENT ON COLUMN neanelu.harvest_errors.line_number IS 'Line at which the record begins, from 1.';
COMMENT ON COLUMN neanelu.harvest_errors.error_code IS 'Reason (docs/errors.md, NG1..).';
COMMENT ON COLUMN neanelu.harvest_errors.message IS 'Reason in words.';
COMMENT ON COLUMN neanelu.harvest_errors.raw IS 'The record''s bytes, the first 64 kB.';
COMMENT ON COLUMN neanelu.harvest_errors.raw_bytes IS 'How long it was, bytes.';

CREATE TABLE neanelu.harvest_fields (
  name  text NOT NULL,
  field text NOT NULL,
  rank  integer NOT NULL,
  CONSTRAINT harvest_fields_pkey PRIMARY KEY (name),
  CONSTRAINT harvest_fields_name_check CHECK (name ~ '^[[:alnum:]]+$'),
  CONSTRAINT harvest_fields_field_check CHECK (field IN (
    'title', 'brand', 'manufacturer', 'mpn', 'gtin', 'model', 'description', 'category', 'price', 'currency', 'image', 'url', 'locale',
    'attributes', 'offers', '-')),
  CONSTRAINT harvest_fields_rank_check CHECK (rank BETWEEN 1 AND 99)
);

COMMENT ON TABLE neanelu.harvest_fields IS
  'What names in documents mean, where the source''s config says nothing else: schema.org, OpenGraph and product feeds. Names that are '
  'not here are attributes.';
COMMENT ON COLUMN neanelu.harvest_fields.name IS 'Name as harvest._fold makes it: without prefix, lower case, letters and digits only.';
COMMENT ON COLUMN neanelu.harvest_fields.field IS
  'Field of extracted_specs; attributes: its members are; offers: price and currency are inside; - : says nothing about the product.';
COMMENT ON COLUMN neanelu.harvest_fields.rank IS 'Which wins when several names of one field have values, lowest first.';

CREATE TABLE neanelu.harvest_evidence (
  kind       varchar(20) NOT NULL,
  confidence numeric(3,2) NOT NULL,
  CONSTRAINT harvest_evidence_pkey PRIMARY KEY (kind),
  CONSTRAINT harvest_evidence_confidence_check CHECK (confidence BETWEEN 0 AND 1)
);

COMMENT ON TABLE neanelu.harvest_evidence IS 'How far a value is believed by the way in which the source said it.';
COMMENT ON COLUMN neanelu.harvest_evidence.kind IS 'json-ld, microdata, rdfa, opengraph, selector (CSS), feed or shop.';
COMMENT ON COLUMN neanelu.harvest_evidence.confidence IS 'Confidence of such a field, 0 to 1.';

INSERT INTO neanelu.harvest_evidence (kind, confidence) VALUES
  ('json-ld', 0.95), ('microdata', 0.90), ('rdfa', 0.85), ('opengraph', 0.70), ('selector', 0.85), ('feed', 0.95), ('shop', 0.95);

INSERT INTO neanelu.harvest_fields (name, field, rank) VALUES
  ('title', 'title', 1), ('name', 'title', 2), ('productname', 'title', 3), ('producttitle', 'title', 4), ('headline', 'title', 9),
  ('brand', 'brand', 1), ('brandname', 'brand', 2), ('vendor', 'brand', 5),
  ('manufacturer', 'manufacturer', 1), ('manufacturername', 'manufacturer', 2), ('producer', 'manufacturer', 3),
  ('mpn', 'mpn', 1), ('manufacturerpartnumber', 'mpn', 2), ('partnumber', 'mpn', 3), ('partno', 'mpn', 4), ('mfrpartno', 'mpn', 4),
  ('manufacturersku', 'mpn', 5), ('retailerpartno', '-', 1),
  ('gtin14', 'gtin', 1), ('gtin13', 'gtin', 2), ('gtin12', 'gtin', 3), ('gtin', 'gtin', 4), ('gtin8', 'gtin', 5), ('ean', 'gtin', 6),
  ('ean13', 'gtin', 6), ('eancode', 'gtin', 6), ('upc', 'gtin', 7), ('isbn', 'gtin', 8), ('isbn13', 'gtin', 8), ('barcode', 'gtin', 9),
  ('model', 'model', 1), ('modelnumber', 'model', 2), ('modelname', 'model', 3), ('modelno', 'model', 4),
  ('description', 'description', 1), ('longdescription', 'description', 2), ('productdescription', 'description', 3),
  ('shortdescription', 'description', 8), ('disambiguatingdescription', 'description', 9),
  ('category', 'category', 1), ('googleproductcategory', 'category', 2), ('producttype', 'category', 3), ('categorypath', 'category', 4),
  ('categoryname', 'category', 5), ('categories', 'category', 6),
  ('price', 'price', 1), ('priceamount', 'price', 2), ('saleprice', 'price', 8), ('lowprice', 'price', 9),
  ('currency', 'currency', 1), ('pricecurrency', 'currency', 2), ('currencycode', 'currency', 3),
  ('image', 'image', 1), ('imagelink', 'image', 2), ('imageurl', 'image', 3), ('images', 'image', 4), ('picture', 'image', 5),
  ('img', 'image', 6), ('thumbnailurl', 'image', 9), ('thumbnail', 'image', 9),
  ('url', 'url', 1), ('link', 'url', 2), ('producturl', 'url', 3), ('canonicalurl', 'url', 4),
  ('locale', 'locale', 1), ('inlanguage', 'locale', 2), ('language', 'locale', 3), ('lang', 'locale', 4),
  ('attributes', 'attributes', 1), ('additionalproperty', 'attributes', 1), ('specifications', 'attributes', 1), ('specs', 'attributes', 1),
  ('productdetail', 'attributes', 1), ('properties', 'attributes', 1), ('parameters', 'attributes', 1), ('params', 'attributes', 1),
  ('param', 'attributes', 1), ('features', 'attributes', 1),
  ('offers', 'offers', 1),
  ('id', '-', 1), ('sku', '-', 1), ('productid', '-', 1), ('sourceproductid', '-', 1), ('identifier', '-', 1), ('itemgroupid', '-', 1),
  ('aggregaterating', '-', 1), ('review', '-', 1), ('reviews', '-', 1), ('rating', '-', 1), ('ratingvalue', '-', 1), ('reviewcount', '-', 1),
  ('mainentityofpage', '-', 1), ('mainentity', '-', 1), ('potentialaction', '-', 1), ('sameas', '-', 1), ('isrelatedto', '-', 1),
  ('issimilarto', '-', 1), ('isvariantof', '-', 1), ('hasvariant', '-', 1), ('variesby', '-', 1), ('isaccessoryorsparepartfor', '-', 1),
  ('availability', '-', 1), ('availabilitydate', '-', 1), ('itemcondition', '-', 1), ('condition', '-', 1), ('pricevaliduntil', '-', 1),
  ('seller', '-', 1), ('offeredby', '-', 1), ('shippingdetails', '-', 1), ('hasmerchantreturnpolicy', '-', 1), ('shipping', '-', 1),
  ('stock', '-', 1), ('quantity', '-', 1), ('inventory', '-', 1), ('additionalimagelink', '-', 1), ('sitename', '-', 1),
  ('updatedat', '-', 1), ('createdat', '-', 1), ('datemodified', '-', 1), ('datepublished', '-', 1), ('releasedate', '-', 2);

COMMIT;
