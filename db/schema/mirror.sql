-- Deploy neanelu:schema/mirror to pg
-- requires: schema/bulk
-- requires: schema/webhooks
-- requires: policies/grants
-- How the mirror stays true between bulk runs: who applies which webhook, what is known to be gone, which objects are to be
-- asked for, and what comparisons with Shopify found.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.webhook_topics (
  topic       varchar(100) NOT NULL,
  processor   text NOT NULL,
  locks       text[] NOT NULL DEFAULT '{}',
  fetch_after interval,
  CONSTRAINT webhook_topics_pkey PRIMARY KEY (topic),
  CONSTRAINT webhook_topics_topic_check CHECK (topic ~ '^[a-z0-9_]+/[a-z0-9_]+$'),
  CONSTRAINT webhook_topics_processor_check CHECK (processor ~ '^[a-z_]+\.[a-z_]+$'),
  CONSTRAINT webhook_topics_fetch_after_check CHECK (fetch_after >= '0')
);

COMMENT ON TABLE neanelu.webhook_topics IS
  'Which function applies the deliveries of a topic, and what must be asked for afterwards. A topic without a row is kept and left alone. '
  'Written by migrations; operators may change fetch_after.';
COMMENT ON COLUMN neanelu.webhook_topics.topic IS 'X-Shopify-Topic, such as orders/create.';
COMMENT ON COLUMN neanelu.webhook_topics.processor IS
  'Function (p_shop_id uuid, p_topic text, p_payload jsonb, p_triggered_at timestamptz) RETURNS text: what became of it. A name and no '
  'reference, so that the database can be upgraded.';
COMMENT ON COLUMN neanelu.webhook_topics.locks IS
  'Resources (sync_resources) that the processor writes: while one of them is being merged, the delivery waits.';
COMMENT ON COLUMN neanelu.webhook_topics.fetch_after IS
  'How long after a delivery its objects are asked for, because the payload does not carry all that the mirror keeps; deliveries of this '
  'time are answered by one request. Null: never.';

INSERT INTO neanelu.webhook_topics (topic, processor, locks, fetch_after) VALUES
  ('products/create',             'webhooks.apply_products',     '{inventory,products}',        '2 seconds'),
  ('products/update',             'webhooks.apply_products',     '{inventory,products}',        '2 seconds'),
  ('products/delete',             'webhooks.apply_products',     '{inventory,products}',        NULL),
  ('variants/in_stock',           'webhooks.apply_variants',     '{products}',                  '2 seconds'),
  ('variants/out_of_stock',       'webhooks.apply_variants',     '{products}',                  '2 seconds'),
  ('product_publications/create', 'webhooks.apply_publications', '{product_publications}',      '2 seconds'),
  ('product_publications/update', 'webhooks.apply_publications', '{product_publications}',      '2 seconds'),
  ('product_publications/delete', 'webhooks.apply_publications', '{product_publications}',      '2 seconds'),
  ('collections/create',          'webhooks.apply_collections',  '{collections}',               '2 seconds'),
  ('collections/update',          'webhooks.apply_collections',  '{collections}',               '2 seconds'),
  ('collections/delete',          'webhooks.apply_collections',  '{collections}',               NULL),
  ('customers/create',            'webhooks.apply_customers',    '{customers}',                 '5 seconds'),
  ('customers/update',            'webhooks.apply_customers',    '{customers}',                 '5 seconds'),
  ('customers/delete',            'webhooks.apply_customers',    '{customers}',                 NULL),
  ('orders/create',               'webhooks.apply_orders',       '{customers,orders}',          '5 seconds'),
  ('orders/updated',              'webhooks.apply_orders',       '{customers,orders}',          '5 seconds'),
  ('orders/paid',                 'webhooks.apply_orders',       '{customers,orders}',          '5 seconds'),
  ('orders/cancelled',            'webhooks.apply_orders',       '{customers,orders}',          '5 seconds'),
  ('orders/delete',               'webhooks.apply_orders',       '{customers,orders}',          NULL),
  ('inventory_items/create',      'webhooks.apply_items',        '{inventory,products}',        '30 seconds'),
  ('inventory_items/update',      'webhooks.apply_items',        '{inventory,products}',        '30 seconds'),
  ('inventory_items/delete',      'webhooks.apply_items',        '{inventory,products}',        NULL),
  ('inventory_levels/connect',    'webhooks.apply_levels',       '{inventory}',                 '30 seconds'),
  ('inventory_levels/update',     'webhooks.apply_levels',       '{inventory}',                 '30 seconds'),
  ('inventory_levels/disconnect', 'webhooks.apply_levels',       '{inventory}',                 '30 seconds'),
  ('locations/create',            'webhooks.apply_locations',    '{locations}',                 '5 seconds'),
  ('locations/update',            'webhooks.apply_locations',    '{locations}',                 '5 seconds'),
  ('locations/delete',            'webhooks.apply_locations',    '{inventory,locations}',       NULL),
  ('metaobjects/create',          'webhooks.apply_metaobjects',  '{metaobjects}',               '5 seconds'),
  ('metaobjects/update',          'webhooks.apply_metaobjects',  '{metaobjects}',               '5 seconds'),
  ('metaobjects/delete',          'webhooks.apply_metaobjects',  '{metaobjects}',               NULL),
  ('shop/update',                 'webhooks.apply_shop',         '{}',                          NULL),
  ('app/uninstalled',             'webhooks.apply_shop',         '{}',                          NULL),
  ('app/scopes_update',           'webhooks.apply_shop',         '{}',                          NULL),
  ('bulk_operations/finish',      'webhooks.apply_bulk',         '{}',                          NULL),
  ('customers/data_request',      'webhooks.apply_privacy',      '{}',                          NULL),
  ('customers/redact',            'webhooks.apply_privacy',      '{}',                          NULL),
  ('shop/redact',                 'webhooks.apply_privacy',      '{}',                          NULL);

CREATE TABLE neanelu.mirror_tombstones (
  shop_id    uuid NOT NULL,
  kind       varchar(30) NOT NULL,
  object_id  bigint NOT NULL,
  part_id    bigint NOT NULL DEFAULT 0,
  deleted_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT mirror_tombstones_pkey PRIMARY KEY (shop_id, kind, object_id, part_id),
  CONSTRAINT mirror_tombstones_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT mirror_tombstones_deleted_at_check CHECK (isfinite(deleted_at))
);
CREATE INDEX mirror_tombstones_age_idx ON neanelu.mirror_tombstones (created_at);

COMMENT ON TABLE neanelu.mirror_tombstones IS
  'Objects that a webhook said are deleted, also those that the mirror never had: what is older and comes later does not bring them to '
  'life. Forgotten after a month, when nothing older can come any more. Written by schemas webhooks and sync.';
COMMENT ON COLUMN neanelu.mirror_tombstones.shop_id IS 'Tenant; first column of the primary key.';
COMMENT ON COLUMN neanelu.mirror_tombstones.kind IS 'GraphQL type, as it stands in a gid.';
COMMENT ON COLUMN neanelu.mirror_tombstones.object_id IS 'Numeric id at Shopify; of inventory levels the item''s.';
COMMENT ON COLUMN neanelu.mirror_tombstones.part_id IS 'Of inventory levels the location''s numeric id; else 0.';
COMMENT ON COLUMN neanelu.mirror_tombstones.deleted_at IS
  'When it was deleted at Shopify (X-Shopify-Triggered-At, at the latest when the delivery came). What changed later is alive.';
COMMENT ON COLUMN neanelu.mirror_tombstones.created_at IS 'When the row was inserted here; age for forgetting.';

CREATE TABLE neanelu.mirror_fetches (
  shop_id    uuid NOT NULL,
  resource   text NOT NULL,
  object_id  bigint NOT NULL,
  wanted_at  timestamptz,
  due_at     timestamptz,
  claimed_at timestamptz,
  fetched_at timestamptz,
  failures   integer NOT NULL DEFAULT 0,
  error      text,
  CONSTRAINT mirror_fetches_pkey PRIMARY KEY (shop_id, resource, object_id),
  CONSTRAINT mirror_fetches_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT mirror_fetches_resource_fkey FOREIGN KEY (resource) REFERENCES neanelu.sync_resources (resource) ON DELETE RESTRICT,
  CONSTRAINT mirror_fetches_due_check CHECK ((wanted_at IS NULL) = (due_at IS NULL)),
  CONSTRAINT mirror_fetches_claim_check CHECK (claimed_at IS NULL OR wanted_at IS NOT NULL),
  CONSTRAINT mirror_fetches_failures_check CHECK (failures >= 0 AND (failures = 0) = (error IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX mirror_fetches_due_idx ON neanelu.mirror_fetches (shop_id, due_at) WHERE wanted_at IS NOT NULL;
CREATE INDEX mirror_fetches_resource_idx ON neanelu.mirror_fetches (resource);
CREATE INDEX mirror_fetches_age_idx ON neanelu.mirror_fetches (fetched_at) WHERE wanted_at IS NULL;

COMMENT ON TABLE neanelu.mirror_fetches IS
  'Objects that are to be asked for, one by one, because a webhook does not carry all of them or a comparison found them different; those '
  'that were, for some days, so that a bulk run that began before does not have the last word. Written by schema webhooks.';
COMMENT ON COLUMN neanelu.mirror_fetches.shop_id IS 'Tenant; first column of the primary key.';
COMMENT ON COLUMN neanelu.mirror_fetches.resource IS 'Document that asks for it (sync_resources).';
COMMENT ON COLUMN neanelu.mirror_fetches.object_id IS 'Numeric id at Shopify of the document''s root.';
COMMENT ON COLUMN neanelu.mirror_fetches.wanted_at IS 'When it was last wanted; null once it was fetched after that.';
COMMENT ON COLUMN neanelu.mirror_fetches.due_at IS 'When to fetch it: some seconds later, so that further webhooks are answered by the same request.';
COMMENT ON COLUMN neanelu.mirror_fetches.claimed_at IS 'When a worker began to fetch it; null when none does.';
COMMENT ON COLUMN neanelu.mirror_fetches.fetched_at IS 'As of when the mirror has it; null when never fetched.';
COMMENT ON COLUMN neanelu.mirror_fetches.failures IS 'Answers in a row that the mirror could not take.';
COMMENT ON COLUMN neanelu.mirror_fetches.error IS 'Why the mirror could not take the last answer; null when it could. No contents.';

CREATE TABLE neanelu.mirror_comparisons (
  id          uuid NOT NULL DEFAULT uuidv7(),
  shop_id     uuid NOT NULL,
  resource    text NOT NULL,
  status      varchar(20) NOT NULL DEFAULT 'running',
  horizon     timestamptz NOT NULL,
  recent_from timestamptz NOT NULL,
  born_from   timestamptz,
  questions   jsonb NOT NULL DEFAULT '[]',
  asked       integer NOT NULL DEFAULT 0,
  missing     integer NOT NULL DEFAULT 0,
  outdated    integer NOT NULL DEFAULT 0,
  extra       integer NOT NULL DEFAULT 0,
  repair      varchar(20) NOT NULL DEFAULT 'none',
  run_id      uuid,
  started_at  timestamptz NOT NULL DEFAULT now(),
  ended_at    timestamptz,
  CONSTRAINT mirror_comparisons_pkey PRIMARY KEY (shop_id, id),
  CONSTRAINT mirror_comparisons_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES neanelu.shops (id) ON DELETE CASCADE,
  CONSTRAINT mirror_comparisons_resource_fkey FOREIGN KEY (resource) REFERENCES neanelu.sync_resources (resource) ON DELETE RESTRICT,
  CONSTRAINT mirror_comparisons_status_check CHECK (status IN ('running', 'equal', 'drift', 'abandoned')),
  CONSTRAINT mirror_comparisons_repair_check CHECK (repair IN ('none', 'fetch', 'incremental', 'snapshot')),
  CONSTRAINT mirror_comparisons_questions_check CHECK (jsonb_typeof(questions) = 'array'),
  CONSTRAINT mirror_comparisons_counts_check CHECK (asked >= 0 AND missing >= 0 AND outdated >= 0 AND extra >= 0),
  CONSTRAINT mirror_comparisons_windows_check CHECK (recent_from <= horizon),
  CONSTRAINT mirror_comparisons_ended_check CHECK ((ended_at IS NULL) = (status = 'running')),
  CONSTRAINT mirror_comparisons_equal_check CHECK (status <> 'equal' OR repair = 'none' AND missing + outdated + extra = 0)
);
CREATE UNIQUE INDEX mirror_comparisons_running_key ON neanelu.mirror_comparisons (shop_id, resource) WHERE status = 'running';
CREATE INDEX mirror_comparisons_last_idx ON neanelu.mirror_comparisons (shop_id, resource, started_at DESC);
CREATE INDEX mirror_comparisons_resource_idx ON neanelu.mirror_comparisons (resource);
CREATE INDEX mirror_comparisons_age_idx ON neanelu.mirror_comparisons (started_at);

COMMENT ON TABLE neanelu.mirror_comparisons IS
  'Comparisons of a shop''s mirror with Shopify, resource by resource: first numbers, then ids where the numbers differ. What was found is '
  'drift: webhooks that never came. Kept for 90 days. Written by schema webhooks.';
COMMENT ON COLUMN neanelu.mirror_comparisons.id IS 'Comparison id.';
COMMENT ON COLUMN neanelu.mirror_comparisons.shop_id IS 'Tenant; first column of the primary key.';
COMMENT ON COLUMN neanelu.mirror_comparisons.resource IS 'What is compared (sync_resources).';
COMMENT ON COLUMN neanelu.mirror_comparisons.status IS
  'running; equal; drift: differences were found and are being repaired; abandoned: another one began before it ended.';
COMMENT ON COLUMN neanelu.mirror_comparisons.horizon IS
  'Only what changed before is compared: webhooks of what changed later may still be under way.';
COMMENT ON COLUMN neanelu.mirror_comparisons.recent_from IS 'What changed from then on is compared id by id, whatever the numbers say.';
COMMENT ON COLUMN neanelu.mirror_comparisons.born_from IS
  'Only objects created from then on are compared: older ones the token may not see (orders of more than 60 days); null: all.';
COMMENT ON COLUMN neanelu.mirror_comparisons.questions IS
  'What the daemon has yet to ask Shopify: [{kind: count or list, from, to}], by updated_at; null is no bound.';
COMMENT ON COLUMN neanelu.mirror_comparisons.asked IS 'Questions answered.';
COMMENT ON COLUMN neanelu.mirror_comparisons.missing IS 'Objects that Shopify has and the mirror has not.';
COMMENT ON COLUMN neanelu.mirror_comparisons.outdated IS 'Objects that the mirror has in an older version.';
COMMENT ON COLUMN neanelu.mirror_comparisons.extra IS 'Objects that the mirror has and Shopify has not, or not where they should be.';
COMMENT ON COLUMN neanelu.mirror_comparisons.repair IS
  'none; fetch: the objects are asked for one by one (mirror_fetches); incremental or snapshot: there were so many that a bulk run was asked for.';
COMMENT ON COLUMN neanelu.mirror_comparisons.run_id IS 'That bulk run (bulk_runs.id); no reference, runs are purged on their own.';
COMMENT ON COLUMN neanelu.mirror_comparisons.started_at IS 'When it began.';
COMMENT ON COLUMN neanelu.mirror_comparisons.ended_at IS 'When it ended; null while it runs.';

COMMIT;
