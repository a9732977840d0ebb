-- Deploy neanelu:schema/quality to pg
-- requires: schema/pim
-- requires: schema/attributes
-- What golden records are measured by, who is told when their quality changes, who owns which field of a channel, and who reviews
-- what just now. Beside module D of the contract; global, no tenant owns a row.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

-- Measures ---------------------------------------------------------------------------------------------------------

CREATE TABLE neanelu.prod_quality_fields (
  id          uuid NOT NULL DEFAULT uuidv7(),
  code        varchar(50) NOT NULL,
  channel     varchar(50),
  field_paths text[] NOT NULL,
  weight      numeric(4,2) NOT NULL DEFAULT 1,
  is_required boolean NOT NULL DEFAULT false,
  is_text     boolean NOT NULL DEFAULT false,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_quality_fields_pkey PRIMARY KEY (id),
  CONSTRAINT prod_quality_fields_code_key UNIQUE NULLS NOT DISTINCT (channel, code),
  CONSTRAINT prod_quality_fields_code_check CHECK (code ~ '^[a-z][a-z0-9_.]*$'),
  CONSTRAINT prod_quality_fields_channel_check CHECK (channel <> ''),
  CONSTRAINT prod_quality_fields_paths_check CHECK (cardinality(field_paths) > 0),
  CONSTRAINT prod_quality_fields_weight_check CHECK (weight > 0)
);
COMMENT ON TABLE neanelu.prod_quality_fields IS
  'What every product should say beside the attributes of its category, in general and for a channel. Written by migrations and operators.';
COMMENT ON COLUMN neanelu.prod_quality_fields.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_quality_fields.code IS 'Name of the expectation; unique a channel.';
COMMENT ON COLUMN neanelu.prod_quality_fields.channel IS 'Channel that asks for it (shopify, google, ..); null: everybody does.';
COMMENT ON COLUMN neanelu.prod_quality_fields.field_paths IS 'Fields, as in prod_proposals.field_path, one of which is enough.';
COMMENT ON COLUMN neanelu.prod_quality_fields.weight IS 'Part of the completeness, relative to the other fields.';
COMMENT ON COLUMN neanelu.prod_quality_fields.is_required IS 'Not a product worth showing without it.';
COMMENT ON COLUMN neanelu.prod_quality_fields.is_text IS 'A text that each language should have: it counts for the completeness of a locale.';
COMMENT ON COLUMN neanelu.prod_quality_fields.created_at IS 'When the row was made.';

INSERT INTO neanelu.prod_quality_fields (code, channel, field_paths, weight, is_required, is_text) VALUES
  ('title', NULL, '{title}', 3, true, true),
  ('brand', NULL, '{brand,manufacturer}', 2, true, false),
  ('identifier', NULL, '{gtin,mpn}', 2, true, false),
  ('category', NULL, '{category}', 2, true, false),
  ('description', NULL, '{description}', 2, false, true),
  ('image', NULL, '{image}', 1, false, false),
  ('title', 'shopify', '{title}', 3, true, true),
  ('description', 'shopify', '{description}', 2, false, true),
  ('image', 'shopify', '{image}', 2, true, false),
  ('title', 'google', '{title}', 3, true, true),
  ('description', 'google', '{description}', 2, true, true),
  ('image', 'google', '{image}', 2, true, false),
  ('brand', 'google', '{brand}', 2, true, false),
  ('identifier', 'google', '{gtin,mpn}', 2, true, false);

CREATE TABLE neanelu.prod_quality_rules (
  id                uuid NOT NULL DEFAULT uuidv7(),
  level             varchar(20) NOT NULL,
  taxonomy_id       uuid,
  channel           varchar(50),
  min_score         numeric(3,2) NOT NULL DEFAULT 0,
  min_completeness  numeric(3,2) NOT NULL DEFAULT 0,
  min_accuracy      numeric(3,2) NOT NULL DEFAULT 0,
  min_consistency   numeric(3,2) NOT NULL DEFAULT 0,
  min_sources       integer NOT NULL DEFAULT 0,
  required_fields   text[] NOT NULL DEFAULT '{}',
  no_open_conflicts boolean NOT NULL DEFAULT false,
  hysteresis        numeric(3,2) NOT NULL DEFAULT 0.05,
  is_active         boolean NOT NULL DEFAULT true,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_quality_rules_pkey PRIMARY KEY (id),
  CONSTRAINT prod_quality_rules_level_key UNIQUE NULLS NOT DISTINCT (level, taxonomy_id, channel),
  CONSTRAINT prod_quality_rules_taxonomy_id_fkey FOREIGN KEY (taxonomy_id) REFERENCES neanelu.prod_taxonomy (id) ON DELETE CASCADE,
  CONSTRAINT prod_quality_rules_level_check CHECK (level IN ('bronze', 'silver', 'golden', 'review_needed')),
  CONSTRAINT prod_quality_rules_use_check
    CHECK (CASE level WHEN 'bronze' THEN channel IS NOT NULL WHEN 'review_needed' THEN channel IS NULL AND required_fields <> '{}' ELSE true END),
  CONSTRAINT prod_quality_rules_channel_check CHECK (channel <> ''),
  CONSTRAINT prod_quality_rules_parts_check
    CHECK (min_score BETWEEN 0 AND 1 AND min_completeness BETWEEN 0 AND 1 AND min_accuracy BETWEEN 0 AND 1 AND min_consistency BETWEEN 0 AND 1),
  CONSTRAINT prod_quality_rules_sources_check CHECK (min_sources >= 0),
  CONSTRAINT prod_quality_rules_hysteresis_check CHECK (hysteresis BETWEEN 0 AND 0.5)
);
CREATE INDEX idx_quality_rules_taxonomy ON neanelu.prod_quality_rules (taxonomy_id) WHERE taxonomy_id IS NOT NULL;
COMMENT ON TABLE neanelu.prod_quality_rules IS
  'What a golden record must be for a quality level, and for a channel to take it. The rule of the nearest category above counts, else '
  'the general one. Written by migrations and operators; pim.score reads it.';
COMMENT ON COLUMN neanelu.prod_quality_rules.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_quality_rules.level IS
  'Level that the rule admits to. review_needed: required_fields are those of which a conflict or a violation calls a person. '
  'With a channel: the least level that the channel takes.';
COMMENT ON COLUMN neanelu.prod_quality_rules.taxonomy_id IS 'Category that it is for, with all below it; null: all.';
COMMENT ON COLUMN neanelu.prod_quality_rules.channel IS 'Channel that asks; its completeness is compared then. Null: the level itself.';
COMMENT ON COLUMN neanelu.prod_quality_rules.min_score IS 'Least quality score, 0 to 1.';
COMMENT ON COLUMN neanelu.prod_quality_rules.min_completeness IS 'Least completeness, 0 to 1.';
COMMENT ON COLUMN neanelu.prod_quality_rules.min_accuracy IS 'Least accuracy, 0 to 1.';
COMMENT ON COLUMN neanelu.prod_quality_rules.min_consistency IS 'Least consistency, 0 to 1.';
COMMENT ON COLUMN neanelu.prod_quality_rules.min_sources IS 'Least number of sources whose values are in force.';
COMMENT ON COLUMN neanelu.prod_quality_rules.required_fields IS 'Fields that must be there, as in prod_proposals.field_path.';
COMMENT ON COLUMN neanelu.prod_quality_rules.no_open_conflicts IS 'No proposal and no cluster of the product waits for review.';
COMMENT ON COLUMN neanelu.prod_quality_rules.hysteresis IS
  'How far below the least values a product that has the level may fall before it loses it, so that it does not flicker.';
COMMENT ON COLUMN neanelu.prod_quality_rules.is_active IS 'False: as if it were not there.';
COMMENT ON COLUMN neanelu.prod_quality_rules.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_quality_rules.updated_at IS 'When the row last changed.';

INSERT INTO neanelu.prod_quality_rules
  (level, channel, min_score, min_completeness, min_accuracy, min_consistency, min_sources, required_fields, no_open_conflicts) VALUES
  ('silver', NULL, 0.60, 0.60, 0, 0.80, 1, '{title,brand}', false),
  ('golden', NULL, 0.85, 0.85, 0.80, 0.95, 2, '{title,brand,category}', true),
  ('review_needed', NULL, 0, 0, 0, 0, 0, '{brand,gtin,mpn,category}', false),
  ('silver', 'shopify', 0, 0.60, 0, 0, 0, '{title}', false),
  ('silver', 'google', 0, 0.90, 0, 0, 0, '{title,brand}', false);

CREATE TABLE neanelu.prod_channel_fields (
  channel    varchar(50) NOT NULL,
  field_path text NOT NULL,
  owner      varchar(10) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_channel_fields_pkey PRIMARY KEY (channel, field_path),
  CONSTRAINT prod_channel_fields_owner_check CHECK (owner IN ('pim', 'channel')),
  CONSTRAINT prod_channel_fields_path_check CHECK (field_path <> '')
);
COMMENT ON TABLE neanelu.prod_channel_fields IS
  'Who owns which field where: what the channel owns is never overwritten from here. A mapping''s channel_meta.owned_fields, when it is '
  'there, says it for that product instead. Fields that stand nowhere are the PIM''s. Written by operators.';
COMMENT ON COLUMN neanelu.prod_channel_fields.channel IS 'Channel, as in prod_channel_mappings.';
COMMENT ON COLUMN neanelu.prod_channel_fields.field_path IS 'Field, as in prod_proposals.field_path; or a name of the channel''s own.';
COMMENT ON COLUMN neanelu.prod_channel_fields.owner IS 'pim or channel.';
COMMENT ON COLUMN neanelu.prod_channel_fields.created_at IS 'When the row was made.';
INSERT INTO neanelu.prod_channel_fields (channel, field_path, owner) VALUES
  ('shopify', 'price', 'channel'), ('shopify', 'tags', 'channel'), ('shopify', 'status', 'channel'), ('shopify', 'handle', 'channel'),
  ('google', 'price', 'channel'), ('facebook', 'price', 'channel');

-- Who is told ------------------------------------------------------------------------------------------------------

CREATE TABLE neanelu.prod_quality_signals (
  name      text NOT NULL,
  is_wanted boolean NOT NULL DEFAULT true,
  CONSTRAINT prod_quality_signals_pkey PRIMARY KEY (name),
  CONSTRAINT prod_quality_signals_name_check CHECK (name = 'neanelu_quality')
);
COMMENT ON TABLE neanelu.prod_quality_signals IS
  'Whether anybody has looked at the events since the last notification; so that a bulk of events is one notification.';
COMMENT ON COLUMN neanelu.prod_quality_signals.name IS 'Channel of the notification.';
COMMENT ON COLUMN neanelu.prod_quality_signals.is_wanted IS 'True: the next event notifies. Set by pim.quality_events, reset by who notifies.';
INSERT INTO neanelu.prod_quality_signals (name) VALUES ('neanelu_quality');

CREATE TABLE neanelu.prod_quality_endpoints (
  id              uuid NOT NULL DEFAULT uuidv7(),
  name            varchar(60) NOT NULL,
  url             text NOT NULL,
  event_types     text[] NOT NULL DEFAULT '{quality_promoted,quality_demoted,review_requested}',
  is_active       boolean NOT NULL DEFAULT true,
  last_success_at timestamptz,
  last_failure_at timestamptz,
  last_error      text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_quality_endpoints_pkey PRIMARY KEY (id),
  CONSTRAINT prod_quality_endpoints_name_key UNIQUE (name),
  CONSTRAINT prod_quality_endpoints_name_check CHECK (name ~ '^[a-z][a-z0-9_]*$'),
  CONSTRAINT prod_quality_endpoints_url_check CHECK (url ~ '^https?://[^/[:space:]@]+(/[^[:space:]]*)?$' AND length(url) <= 2000),
  CONSTRAINT prod_quality_endpoints_types_check
    CHECK (event_types <@ '{quality_promoted,quality_demoted,review_requested}'::text[] AND event_types <> '{}')
);
COMMENT ON TABLE neanelu.prod_quality_endpoints IS
  'Addresses that are told of changes of quality level. The secret that signs is the sensitive setting pim.endpoint.<name>.';
COMMENT ON COLUMN neanelu.prod_quality_endpoints.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_quality_endpoints.name IS 'Name, unique.';
COMMENT ON COLUMN neanelu.prod_quality_endpoints.url IS 'Where events are posted, without user and password.';
COMMENT ON COLUMN neanelu.prod_quality_endpoints.event_types IS 'Events that it wants.';
COMMENT ON COLUMN neanelu.prod_quality_endpoints.is_active IS 'False: it gets no further events. An answer of 410 makes it false.';
COMMENT ON COLUMN neanelu.prod_quality_endpoints.last_success_at IS 'When it last took an event.';
COMMENT ON COLUMN neanelu.prod_quality_endpoints.last_failure_at IS 'When it last did not.';
COMMENT ON COLUMN neanelu.prod_quality_endpoints.last_error IS 'What it said then; null after a success.';
COMMENT ON COLUMN neanelu.prod_quality_endpoints.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_quality_endpoints.updated_at IS 'When address, events or activity last changed.';

CREATE TABLE neanelu.prod_quality_deliveries (
  event_id    uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  status      varchar(20) NOT NULL DEFAULT 'pending',
  attempts    integer NOT NULL DEFAULT 0,
  http_status integer,
  last_error  text,
  settled_at  timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_quality_deliveries_pkey PRIMARY KEY (event_id, endpoint_id),
  CONSTRAINT prod_quality_deliveries_event_id_fkey FOREIGN KEY (event_id) REFERENCES neanelu.prod_quality_events (id) ON DELETE CASCADE,
  CONSTRAINT prod_quality_deliveries_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES neanelu.prod_quality_endpoints (id) ON DELETE CASCADE,
  CONSTRAINT prod_quality_deliveries_status_check CHECK (status IN ('pending', 'sent', 'failed')),
  CONSTRAINT prod_quality_deliveries_settled_check CHECK ((status = 'pending') = (settled_at IS NULL)),
  CONSTRAINT prod_quality_deliveries_attempts_check CHECK (attempts >= 0),
  CONSTRAINT prod_quality_deliveries_http_check CHECK (http_status BETWEEN 100 AND 599)
);
CREATE INDEX idx_quality_deliveries_endpoint ON neanelu.prod_quality_deliveries (endpoint_id, status);
COMMENT ON TABLE neanelu.prod_quality_deliveries IS 'Which event goes to which address, and what became of it. Each has a job quality.notify.';
COMMENT ON COLUMN neanelu.prod_quality_deliveries.event_id IS 'Event.';
COMMENT ON COLUMN neanelu.prod_quality_deliveries.endpoint_id IS 'Address.';
COMMENT ON COLUMN neanelu.prod_quality_deliveries.status IS 'pending, sent (answered with 2xx) or failed (given up).';
COMMENT ON COLUMN neanelu.prod_quality_deliveries.attempts IS 'Times that it was posted, or could not be.';
COMMENT ON COLUMN neanelu.prod_quality_deliveries.http_status IS 'Last answer; null when there was none.';
COMMENT ON COLUMN neanelu.prod_quality_deliveries.last_error IS 'Why the last attempt failed.';
COMMENT ON COLUMN neanelu.prod_quality_deliveries.settled_at IS 'When it was sent or given up.';
COMMENT ON COLUMN neanelu.prod_quality_deliveries.created_at IS 'When the row was made.';

-- Reviews ----------------------------------------------------------------------------------------------------------

CREATE TABLE neanelu.prod_reviewers (
  id         uuid NOT NULL DEFAULT uuidv7(),
  name       varchar(100) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_reviewers_pkey PRIMARY KEY (id),
  CONSTRAINT prod_reviewers_name_key UNIQUE (name),
  CONSTRAINT prod_reviewers_name_check CHECK (name <> '')
);
COMMENT ON TABLE neanelu.prod_reviewers IS 'People who review, by the name they give; reviewed_by of proposals and clusters is their id.';
COMMENT ON COLUMN neanelu.prod_reviewers.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_reviewers.name IS 'Name, unique.';
COMMENT ON COLUMN neanelu.prod_reviewers.created_at IS 'When the row was made.';

CREATE TABLE neanelu.prod_review_claims (
  item_kind   varchar(20) NOT NULL,
  item_id     uuid NOT NULL,
  reviewer_id uuid NOT NULL,
  claimed_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  CONSTRAINT prod_review_claims_pkey PRIMARY KEY (item_kind, item_id),
  CONSTRAINT prod_review_claims_reviewer_id_fkey FOREIGN KEY (reviewer_id) REFERENCES neanelu.prod_reviewers (id) ON DELETE CASCADE,
  CONSTRAINT prod_review_claims_kind_check CHECK (item_kind IN ('proposal', 'cluster', 'synonym', 'match')),
  CONSTRAINT prod_review_claims_expires_check CHECK (expires_at > claimed_at)
);
CREATE INDEX idx_review_claims_reviewer ON neanelu.prod_review_claims (reviewer_id);
COMMENT ON TABLE neanelu.prod_review_claims IS 'Who looks at what just now: nobody else gets it until the claim ends. Written by pim.claim_reviews.';
COMMENT ON COLUMN neanelu.prod_review_claims.item_kind IS 'proposal, cluster, synonym (a name of a source that may mean an attribute) or match (a pair that no cluster asks about).';
COMMENT ON COLUMN neanelu.prod_review_claims.item_id IS 'Id in prod_proposals, prod_dedupe_clusters, prod_attr_mappings or prod_similarity_matches; no reference, it is short-lived.';
COMMENT ON COLUMN neanelu.prod_review_claims.reviewer_id IS 'Who.';
COMMENT ON COLUMN neanelu.prod_review_claims.claimed_at IS 'Since when.';
COMMENT ON COLUMN neanelu.prod_review_claims.expires_at IS 'When others may have it.';

CREATE TABLE neanelu.prod_review_skips (
  item_kind   varchar(20) NOT NULL,
  item_id     uuid NOT NULL,
  reviewer_id uuid NOT NULL,
  skipped_at  timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_review_skips_pkey PRIMARY KEY (item_kind, item_id, reviewer_id),
  CONSTRAINT prod_review_skips_reviewer_id_fkey FOREIGN KEY (reviewer_id) REFERENCES neanelu.prod_reviewers (id) ON DELETE CASCADE,
  CONSTRAINT prod_review_skips_kind_check CHECK (item_kind IN ('proposal', 'cluster', 'synonym', 'match'))
);
CREATE INDEX idx_review_skips_reviewer ON neanelu.prod_review_skips (reviewer_id);
COMMENT ON TABLE neanelu.prod_review_skips IS 'What a reviewer has passed over, and is not given again for a day.';
COMMENT ON COLUMN neanelu.prod_review_skips.item_kind IS 'proposal, cluster, synonym (a name of a source that may mean an attribute) or match (a pair that no cluster asks about).';
COMMENT ON COLUMN neanelu.prod_review_skips.item_id IS 'Id, as in prod_review_claims.';
COMMENT ON COLUMN neanelu.prod_review_skips.reviewer_id IS 'Who.';
COMMENT ON COLUMN neanelu.prod_review_skips.skipped_at IS 'When.';

CREATE TABLE neanelu.prod_review_decisions (
  id          uuid NOT NULL DEFAULT uuidv7(),
  item_kind   varchar(20) NOT NULL,
  item_id     uuid NOT NULL,
  decision    varchar(20) NOT NULL,
  reviewer_id uuid NOT NULL,
  notes       text,
  outcome     jsonb NOT NULL DEFAULT '{}',
  decided_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  undone_at   timestamptz,
  undone_by   uuid,
  CONSTRAINT prod_review_decisions_pkey PRIMARY KEY (id),
  CONSTRAINT prod_review_decisions_reviewer_id_fkey FOREIGN KEY (reviewer_id) REFERENCES neanelu.prod_reviewers (id) ON DELETE RESTRICT,
  CONSTRAINT prod_review_decisions_undone_by_fkey FOREIGN KEY (undone_by) REFERENCES neanelu.prod_reviewers (id) ON DELETE RESTRICT,
  CONSTRAINT prod_review_decisions_kind_check CHECK (item_kind IN ('proposal', 'cluster', 'synonym', 'match')),
  CONSTRAINT prod_review_decisions_decision_check CHECK (decision IN ('approve', 'reject')),
  CONSTRAINT prod_review_decisions_undone_check CHECK ((undone_at IS NULL) = (undone_by IS NULL))
);
CREATE INDEX idx_review_decisions_item ON neanelu.prod_review_decisions (item_kind, item_id);
CREATE INDEX idx_review_decisions_reviewer ON neanelu.prod_review_decisions (reviewer_id, id);
CREATE INDEX idx_review_decisions_undone ON neanelu.prod_review_decisions (undone_by) WHERE undone_by IS NOT NULL;
COMMENT ON TABLE neanelu.prod_review_decisions IS 'What people decided, and what they took back; append only but for undone_*.';
COMMENT ON COLUMN neanelu.prod_review_decisions.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_review_decisions.item_kind IS 'proposal, cluster, synonym (a name of a source that may mean an attribute) or match (a pair that no cluster asks about).';
COMMENT ON COLUMN neanelu.prod_review_decisions.item_id IS 'Id, as in prod_review_claims; no reference, the decision outlives it.';
COMMENT ON COLUMN neanelu.prod_review_decisions.decision IS 'approve or reject.';
COMMENT ON COLUMN neanelu.prod_review_decisions.reviewer_id IS 'Who.';
COMMENT ON COLUMN neanelu.prod_review_decisions.notes IS 'Why.';
COMMENT ON COLUMN neanelu.prod_review_decisions.outcome IS 'What it was about, and of names and pairs what it changed as it was before: {"products": [..], "before": {..}, ..}.';
COMMENT ON COLUMN neanelu.prod_review_decisions.decided_at IS 'When.';
COMMENT ON COLUMN neanelu.prod_review_decisions.undone_at IS 'When it was taken back.';
COMMENT ON COLUMN neanelu.prod_review_decisions.undone_by IS 'By whom.';

-- Full text --------------------------------------------------------------------------------------------------------

-- Each folds diacritics before it stems, since people type without them.
DO $configurations$
DECLARE
    v_language text;
    v_stemmer  text;
BEGIN
    FOREACH v_language IN ARRAY '{simple,romanian,english,german,french,spanish,italian,hungarian,dutch,portuguese}'::text[] LOOP
        v_stemmer := CASE v_language WHEN 'simple' THEN 'simple' ELSE v_language || '_stem' END;
        EXECUTE format('CREATE TEXT SEARCH CONFIGURATION neanelu.%I (COPY = pg_catalog.%I)', 'pim_' || v_language, v_language);
        EXECUTE format('ALTER TEXT SEARCH CONFIGURATION neanelu.%I ALTER MAPPING FOR hword, hword_part, word WITH extensions.unaccent, pg_catalog.%I',
                       'pim_' || v_language, v_stemmer);
        EXECUTE format('COMMENT ON TEXT SEARCH CONFIGURATION neanelu.%I IS %L', 'pim_' || v_language,
                       'Golden records in this language: diacritics folded, then stemmed; asciiwords as the language''s own. See pim.search_config.');
    END LOOP;
END
$configurations$;

COMMIT;
