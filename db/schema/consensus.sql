-- Deploy neanelu:schema/consensus to pg
-- requires: schema/pim
-- How proposals become values: rules of survivorship, what people decided, and how trust in sources is learnt.

BEGIN;

SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.prod_survivorship_rules (
  id              uuid NOT NULL DEFAULT uuidv7(),
  field_pattern   text NOT NULL,
  taxonomy_id     uuid,
  rule            text NOT NULL DEFAULT 'vote',
  value_kind      text NOT NULL DEFAULT 'auto',
  tolerance       numeric NOT NULL DEFAULT 0.02,
  half_life_days  numeric,
  auto_approve    numeric(3,2) NOT NULL DEFAULT 0.50,
  min_margin      numeric(3,2) NOT NULL DEFAULT 0.20,
  min_confidence  numeric(3,2) NOT NULL DEFAULT 0,
  keep_share      numeric(3,2) NOT NULL DEFAULT 0.50,
  omission_weight numeric(3,2) NOT NULL DEFAULT 0.50,
  importance      integer NOT NULL DEFAULT 30,
  teaches_trust   boolean NOT NULL DEFAULT true,
  review_days     integer NOT NULL DEFAULT 90,
  reason          text NOT NULL,
  is_active       boolean NOT NULL DEFAULT true,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_survivorship_rules_pkey PRIMARY KEY (id),
  CONSTRAINT prod_survivorship_rules_taxonomy_id_fkey FOREIGN KEY (taxonomy_id) REFERENCES neanelu.prod_taxonomy (id) ON DELETE CASCADE,
  CONSTRAINT prod_survivorship_rules_pattern_check CHECK (field_pattern ~ '^[a-z0-9_.*]+$'),
  CONSTRAINT prod_survivorship_rules_rule_check
    CHECK (rule IN ('vote', 'most_trusted', 'newest', 'oldest', 'longest', 'shortest', 'min', 'max', 'union', 'keep_both')),
  CONSTRAINT prod_survivorship_rules_kind_check CHECK (value_kind IN ('auto', 'whole', 'list', 'persons')),
  CONSTRAINT prod_survivorship_rules_tolerance_check CHECK (tolerance >= 0 AND tolerance < 1),
  CONSTRAINT prod_survivorship_rules_half_life_check CHECK (half_life_days > 0),
  CONSTRAINT prod_survivorship_rules_shares_check
    CHECK (auto_approve BETWEEN 0 AND 1 AND min_margin BETWEEN 0 AND 1 AND min_confidence BETWEEN 0 AND 1
           AND keep_share BETWEEN 0 AND 1 AND omission_weight BETWEEN 0 AND 1),
  CONSTRAINT prod_survivorship_rules_importance_check CHECK (importance BETWEEN 0 AND 100),
  CONSTRAINT prod_survivorship_rules_review_check CHECK (review_days BETWEEN 1 AND 3650)
);

CREATE UNIQUE INDEX idx_survivorship_rules_unique ON neanelu.prod_survivorship_rules (field_pattern, taxonomy_id) NULLS NOT DISTINCT;
CREATE INDEX idx_survivorship_rules_taxonomy ON neanelu.prod_survivorship_rules (taxonomy_id);

COMMENT ON TABLE neanelu.prod_survivorship_rules IS
  'Which of several values of a field survives. The most specific active rule counts: of the nearest category first, then of the '
  'longest pattern. Edited by people.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.field_pattern IS 'Field path of proposals, * for any characters: title, specs.weight, specs.*, *.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.taxonomy_id IS 'Category that it is for, and those below it; null for all.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.rule IS
  'vote: most weight; most_trusted: of the most trusted source; newest, oldest: by when the source said so; longest, shortest: of '
  'text; min, max: of numbers; union: all elements; keep_both: every value with keep_share of the weight. Ties go by weight.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.value_kind IS
  'auto: by the values, arrays of texts are decided element by element; whole: arrays count as one value; list: element by element '
  'also where sources give single values; persons: a list of names of persons.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.tolerance IS 'Numbers that differ by no more than this part of the larger one agree.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.half_life_days IS
  'A vote this many days older than the field''s newest one has half its weight; null: age does not matter.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.auto_approve IS 'Confidence from which no person needs to look.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.min_margin IS 'How far, as a part of the weight, the first must be ahead of the second for that.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.min_confidence IS 'Below this confidence the record has no value at all until a person decides.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.keep_share IS 'Part of the weight that an element of a list (or with keep_both a value) needs.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.omission_weight IS
  'Lists: how much a source that does not name an element counts against it, 1 for as much as naming it counts. Sources often name '
  'the first few only.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.importance IS 'What a wrong value costs, 0 to 100; times conflict it is the priority of review.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.teaches_trust IS
  'Whether agreeing with the others says something about a source; false for what each words in its own way.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.review_days IS 'Days after which a pending challenge to the value in force lapses.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.reason IS 'Why the rule is as it is.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.is_active IS 'False: as if it were not there.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_survivorship_rules.updated_at IS 'When the row last changed.';

-- Start values. Confidence of one source is w / (w + 0.2), w its trust times that of the extraction: 0.5 is reached with w = 0.2.
INSERT INTO neanelu.prod_survivorship_rules
    (field_pattern, rule, value_kind, tolerance, half_life_days, auto_approve, min_margin, importance, reason)
VALUES
    ('*', 'vote', 'auto', 0.02, NULL, 0.50, 0.20, 30,
     'What is said of nothing else: the most weight wins, two of three when they are trusted alike'),
    ('specs.*', 'vote', 'auto', 0.02, 730, 0.50, 0.20, 30,
     'Sheets round: 2 % covers inches against centimetres and one decimal. Data sheets are revised within years'),
    ('gtin', 'vote', 'whole', 0, NULL, 0.60, 0.40, 100,
     'An identifier is right or wrong; a wrong one merges two products'),
    ('mpn', 'vote', 'whole', 0, NULL, 0.55, 0.30, 90, 'An identifier, but sources write it in many ways'),
    ('brand', 'vote', 'whole', 0, NULL, 0.50, 0.30, 90, 'Matching and filters rest on it'),
    ('title', 'vote', 'whole', 0, 365, 0.15, 0, 60,
     'Every source words it in its own way: no two agree, the most trusted wording wins and nobody needs to look'),
    ('description', 'most_trusted', 'whole', 0, 365, 0.10, 0, 10, 'Prose: there is nothing to count, the most trusted author wins'),
    ('image', 'most_trusted', 'whole', 0, 365, 0.10, 0, 10, 'One picture is as right as another; the most trusted source has the best'),
    ('price', 'newest', 'whole', 0.005, 30, 0.00, 0, 20, 'Prices age: the last word counts'),
    ('category', 'vote', 'whole', 0, NULL, 0.50, 0.20, 80, 'Which attributes are expected hangs on it'),
    ('specs.author*', 'vote', 'persons', 0, NULL, 0.35, 0, 60, 'Open lists of persons: each is voted on alone, and who is left out may just be left out'),
    ('specs.contributor*', 'vote', 'persons', 0, NULL, 0.35, 0, 40, 'As authors'),
    ('specs.editor*', 'vote', 'persons', 0, NULL, 0.35, 0, 40, 'As authors'),
    ('specs.warning*', 'union', 'list', 0, NULL, 0.00, 0, 90, 'Safety: one source that warns is enough'),
    ('specs.country_of_origin', 'keep_both', 'auto', 0, NULL, 0.50, 0.20, 40,
     'Made in several countries at once: every one that has half of the weight is kept');

UPDATE neanelu.prod_survivorship_rules SET teaches_trust = false WHERE field_pattern IN ('title', 'description', 'image', 'price');

CREATE TABLE neanelu.prod_field_decisions (
  id           uuid NOT NULL DEFAULT uuidv7(),
  product_id   uuid NOT NULL,
  field_path   text NOT NULL,
  kind         text NOT NULL,
  value        jsonb NOT NULL,
  proposal_id  uuid,
  reviewed_by  uuid,
  notes        text,
  decided_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  replaced_at  timestamptz,
  replaced_by_id uuid,
  withdrawn_at timestamptz,
  moved_from   uuid[] NOT NULL DEFAULT '{}',
  CONSTRAINT prod_field_decisions_pkey PRIMARY KEY (id),
  CONSTRAINT prod_field_decisions_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_field_decisions_proposal_id_fkey FOREIGN KEY (proposal_id) REFERENCES neanelu.prod_proposals (id) ON DELETE SET NULL,
  CONSTRAINT prod_field_decisions_replaced_by_id_fkey FOREIGN KEY (replaced_by_id) REFERENCES neanelu.prod_field_decisions (id) ON DELETE SET NULL,
  CONSTRAINT prod_field_decisions_kind_check CHECK (kind IN ('approve', 'reject', 'set', 'restore')),
  CONSTRAINT prod_field_decisions_field_check
    CHECK (field_path ~ '^(title|brand|manufacturer|mpn|gtin|model|description|category|image|price|specs\.[a-z0-9_]+)$'),
  CONSTRAINT prod_field_decisions_null_check CHECK (kind IN ('set', 'restore') OR jsonb_typeof(value) <> 'null'),
  CONSTRAINT prod_field_decisions_replaced_check CHECK (replaced_by_id IS NULL OR replaced_at IS NOT NULL)
);

CREATE UNIQUE INDEX idx_field_decisions_in_force ON neanelu.prod_field_decisions (product_id, field_path)
  WHERE kind <> 'reject' AND replaced_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX idx_field_decisions_product ON neanelu.prod_field_decisions (product_id, field_path);
CREATE INDEX idx_field_decisions_proposal ON neanelu.prod_field_decisions (proposal_id);
CREATE INDEX idx_field_decisions_replaced_by ON neanelu.prod_field_decisions (replaced_by_id);

COMMENT ON TABLE neanelu.prod_field_decisions IS
  'What people decided about fields of golden records. A value decided sticks: votes cannot change it. At most one is in force per '
  'field; a rejected value, of which there may be several, has no vote any more.';
COMMENT ON COLUMN neanelu.prod_field_decisions.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_field_decisions.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_field_decisions.field_path IS 'Field, as in prod_proposals.';
COMMENT ON COLUMN neanelu.prod_field_decisions.kind IS
  'approve (a proposal), reject (a proposal''s value), set (a value of the person''s own), restore (of an old version).';
COMMENT ON COLUMN neanelu.prod_field_decisions.value IS 'The value, as in prod_proposals; JSON null: the field is to have none.';
COMMENT ON COLUMN neanelu.prod_field_decisions.proposal_id IS 'Proposal that was reviewed.';
COMMENT ON COLUMN neanelu.prod_field_decisions.reviewed_by IS 'Staff user who decided; no reference, as in prod_proposals.';
COMMENT ON COLUMN neanelu.prod_field_decisions.notes IS 'Why.';
COMMENT ON COLUMN neanelu.prod_field_decisions.decided_at IS 'When it was decided.';
COMMENT ON COLUMN neanelu.prod_field_decisions.replaced_at IS 'When a later decision took its place.';
COMMENT ON COLUMN neanelu.prod_field_decisions.replaced_by_id IS 'That decision; this one is in force again when it is withdrawn.';
COMMENT ON COLUMN neanelu.prod_field_decisions.withdrawn_at IS 'When it was taken back (pim.undo_review, pim.release_field).';

COMMENT ON COLUMN neanelu.prod_field_decisions.moved_from IS
  'Golden records that it was decided about before they were merged away, the first one first: it goes back when they are taken out again.';

CREATE TABLE neanelu.prod_trust_observations (
  id          uuid NOT NULL DEFAULT uuidv7(),
  source_id   uuid NOT NULL,
  decision_id uuid NOT NULL,
  proposal_id uuid NOT NULL,
  product_id  uuid NOT NULL,
  field_path  text NOT NULL,
  is_right    boolean NOT NULL,
  observed_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_trust_observations_pkey PRIMARY KEY (id),
  CONSTRAINT prod_trust_observations_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE CASCADE,
  CONSTRAINT prod_trust_observations_decision_id_fkey FOREIGN KEY (decision_id) REFERENCES neanelu.prod_field_decisions (id) ON DELETE CASCADE,
  CONSTRAINT prod_trust_observations_proposal_id_fkey FOREIGN KEY (proposal_id) REFERENCES neanelu.prod_proposals (id) ON DELETE CASCADE,
  CONSTRAINT prod_trust_observations_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_trust_observations_decision_id_proposal_id_key UNIQUE (decision_id, proposal_id)
);

CREATE INDEX idx_trust_observations_source ON neanelu.prod_trust_observations (source_id);
CREATE INDEX idx_trust_observations_proposal ON neanelu.prod_trust_observations (proposal_id);
CREATE INDEX idx_trust_observations_product ON neanelu.prod_trust_observations (product_id);

COMMENT ON TABLE neanelu.prod_trust_observations IS
  'What people''s decisions say about sources: each value that a source had proposed for a decided field was right or wrong. '
  'Written by pim.learn_trust.';
COMMENT ON COLUMN neanelu.prod_trust_observations.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_trust_observations.source_id IS 'Source.';
COMMENT ON COLUMN neanelu.prod_trust_observations.decision_id IS 'Decision that it was measured by.';
COMMENT ON COLUMN neanelu.prod_trust_observations.proposal_id IS 'What the source had proposed.';
COMMENT ON COLUMN neanelu.prod_trust_observations.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_trust_observations.field_path IS 'Field.';
COMMENT ON COLUMN neanelu.prod_trust_observations.is_right IS 'The value agrees with the decision.';
COMMENT ON COLUMN neanelu.prod_trust_observations.observed_at IS 'When it was noted.';

CREATE TABLE neanelu.prod_source_trust (
  source_id      uuid NOT NULL,
  is_pinned      boolean NOT NULL DEFAULT false,
  start_trust    numeric(3,2) NOT NULL,
  reviewed_right integer NOT NULL DEFAULT 0,
  reviewed_wrong integer NOT NULL DEFAULT 0,
  agreed         integer NOT NULL DEFAULT 0,
  disagreed      integer NOT NULL DEFAULT 0,
  learnt_trust   numeric(3,2),
  explanation    text,
  learnt_at      timestamptz,
  pinned_by      uuid,
  pinned_at      timestamptz,
  notes          text,
  CONSTRAINT prod_source_trust_pkey PRIMARY KEY (source_id),
  CONSTRAINT prod_source_trust_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE CASCADE,
  CONSTRAINT prod_source_trust_start_check CHECK (start_trust BETWEEN 0 AND 1),
  CONSTRAINT prod_source_trust_learnt_check CHECK (learnt_trust BETWEEN 0.05 AND 0.95),
  CONSTRAINT prod_source_trust_counts_check CHECK (least(reviewed_right, reviewed_wrong, agreed, disagreed) >= 0),
  CONSTRAINT prod_source_trust_pinned_check CHECK (is_pinned = (pinned_at IS NOT NULL))
);

COMMENT ON TABLE neanelu.prod_source_trust IS
  'How the trust of each source came about. prod_sources.trust_score is what counts; pim.learn_trust moves it to learnt_trust unless pinned.';
COMMENT ON COLUMN neanelu.prod_source_trust.source_id IS 'Source.';
COMMENT ON COLUMN neanelu.prod_source_trust.is_pinned IS 'True: what is learnt is shown, not used.';
COMMENT ON COLUMN neanelu.prod_source_trust.start_trust IS 'Trust given by hand, the prior; worth ten reviewed values.';
COMMENT ON COLUMN neanelu.prod_source_trust.reviewed_right IS 'Values of it that people found right.';
COMMENT ON COLUMN neanelu.prod_source_trust.reviewed_wrong IS 'Values of it that people found wrong.';
COMMENT ON COLUMN neanelu.prod_source_trust.agreed IS 'Values, not reviewed, that consensus of at least three sources took.';
COMMENT ON COLUMN neanelu.prod_source_trust.disagreed IS 'Values, not reviewed, that consensus of at least three sources refused.';
COMMENT ON COLUMN neanelu.prod_source_trust.learnt_trust IS 'What these come to, 0.05 to 0.95.';
COMMENT ON COLUMN neanelu.prod_source_trust.explanation IS 'The same in words.';
COMMENT ON COLUMN neanelu.prod_source_trust.learnt_at IS 'When it was last reckoned.';
COMMENT ON COLUMN neanelu.prod_source_trust.pinned_by IS 'Staff user who pinned it.';
COMMENT ON COLUMN neanelu.prod_source_trust.pinned_at IS 'When it was pinned.';
COMMENT ON COLUMN neanelu.prod_source_trust.notes IS 'Why it was pinned.';

-- What the functions of pim hand on to each other while they decide a batch: rows that are never stored.
CREATE TYPE pim.vote AS (
  product_id  uuid,
  field_path  text,
  proposal_id uuid,
  source_id   uuid,
  session_id  uuid,
  status      text,
  is_refused  boolean,
  is_own      boolean,
  created_at  timestamptz,
  observed_at timestamptz,
  expires_at  timestamptz,
  trust       numeric,
  confidence  numeric,
  recency     numeric,
  weight      numeric,
  priority    integer,
  kind        text,
  value       jsonb,
  raw         jsonb,
  rule_id     uuid
);
COMMENT ON TYPE pim.vote IS
  'What one source says now about one field: its newest proposal, with its weight (trust x confidence x recency). is_refused: a person '
  'rejected the value. is_own: a person''s decision is about this very proposal. kind: number, text, whole, list or persons.';

CREATE TYPE pim.option AS (
  product_id uuid,
  field_path text,
  key        text,
  item       jsonb,
  support    numeric,
  total      numeric,
  share      numeric,
  place      integer,
  is_taken   boolean,
  position   numeric,
  proposals  uuid[],
  rule_id    uuid,
  kind       text
);
COMMENT ON TYPE pim.option IS
  'One value that a field could have, or one element of a list: what agrees after folding, in its best supported writing. support: weight '
  'of the sources for it; total: of all that speak; is_taken: the rule takes it.';

CREATE TYPE pim.outcome AS (
  product_id   uuid,
  field_path   text,
  value        jsonb,
  raw          jsonb,
  rule         text,
  status       text,
  confidence   numeric,
  margin       numeric,
  importance   integer,
  review_days  integer,
  decision_id  uuid,
  reviewer     uuid,
  decided_at   timestamptz,
  sources      uuid[],
  sessions     uuid[],
  proposals    uuid[],
  alternatives jsonb
);
COMMENT ON TYPE pim.outcome IS
  'What becomes of a field: approved (by the rules), pending (in force until a person looks), open (no value until a person decides) or '
  'decided (by a person).';

COMMIT;
