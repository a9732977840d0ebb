-- Deploy neanelu:schema/matching to pg
-- requires: schema/pim
-- What matching needs beside the contract's tables: what golden records are found by, which product of which source is which golden
-- record, weights and thresholds, what people said about pairs, and a journal by which everything can be undone. Global.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.prod_match_weights (
  evidence varchar(30) NOT NULL,
  weight   numeric(6,3) NOT NULL,
  means    text NOT NULL,
  CONSTRAINT prod_match_weights_pkey PRIMARY KEY (evidence)
);

COMMENT ON TABLE neanelu.prod_match_weights IS
  'What each piece of evidence adds to the log odds that two records are the same product. Fixed once, from what the evidence means, '
  'not fitted to a data set; the same for all categories. Written by migrations.';
COMMENT ON COLUMN neanelu.prod_match_weights.evidence IS 'Name of the evidence, as in match_details.';
COMMENT ON COLUMN neanelu.prod_match_weights.weight IS 'Natural logarithm of the odds that it adds, negative for evidence against.';
COMMENT ON COLUMN neanelu.prod_match_weights.means IS 'When it is there.';

INSERT INTO neanelu.prod_match_weights (evidence, weight, means) VALUES
  ('base',              -3.5, 'Always: a candidate is a match about one time in thirty before anything is compared.'),
  ('title',              9.0, 'Times the rarity-weighted cosine of the titles (0 to 1).'),
  ('code',               2.5, 'A distinctive code (letters and digits, or a long number) is in both.'),
  ('code_part',          1.5, 'A code of one is the beginning or the end of a code of the other.'),
  ('code_variant',       0.0, 'Codes differ only in the letters at the end: often the colour, or the country.'),
  ('code_family',       -2.5, 'Codes of the same shape and beginning that differ in digits: another model of the same family.'),
  ('code_other',        -0.3, 'Both have codes and none are related; shops also print numbers of their own.'),
  ('measure',           -2.0, 'The same unit or word with other numbers: 46 in and 52 in, 5 discs and 6 discs.'),
  ('number',            -0.5, 'Both have bare numbers and share none.'),
  ('colour',            -1.2, 'Both name colours and share none.'),
  ('variant',            0.0, 'Part of measure: a size, side, binding or number of pieces that makes it another article; not merged unasked, whatever its part number.'),
  ('extra',              0.0, 'One says that it is a bundle, an accessory or several, the other does not; not merged unasked but by number.'),
  ('condition',         -2.0, 'One says that it is used or refurbished, the other does not; never merged unasked.'),
  ('margin',             0.8, 'Times how far the pair is ahead of the next best of either side, at most 3.'),
  ('gtin',               8.0, 'The same GTIN.'),
  ('gtin_conflict',     -4.0, 'Both have GTINs and share none.'),
  ('mpn',                4.0, 'The same part number, and no other brand.'),
  ('mpn_conflict',      -1.5, 'Both have part numbers of one brand and share none.'),
  ('brand',              0.7, 'The same brand.'),
  ('brand_conflict',    -3.0, 'Other brands.'),
  ('price',             -1.0, 'Prices differ by more than price_gap of the larger.'),
  ('vector',             4.0, 'Times how much the cosine of the vectors is over 0.6, where both have vectors of one model.');

CREATE TABLE neanelu.prod_match_thresholds (
  id            uuid NOT NULL DEFAULT uuidv7(),
  model         varchar(100) NOT NULL,
  taxonomy_id   uuid,
  merge_at      numeric(5,4) NOT NULL,
  review_at     numeric(5,4) NOT NULL,
  max_distance  numeric(5,4) NOT NULL DEFAULT 0.05,
  price_gap     numeric(3,2) NOT NULL DEFAULT 0.5,
  wanted_precision numeric(5,4) NOT NULL DEFAULT 0.98,
  reviewed_pairs   integer NOT NULL DEFAULT 0,
  reached_precision numeric(5,4),
  calibrated_at timestamptz,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_match_thresholds_pkey PRIMARY KEY (id),
  CONSTRAINT prod_match_thresholds_model_taxonomy_key UNIQUE NULLS NOT DISTINCT (model, taxonomy_id),
  CONSTRAINT prod_match_thresholds_taxonomy_id_fkey FOREIGN KEY (taxonomy_id) REFERENCES neanelu.prod_taxonomy (id) ON DELETE CASCADE,
  CONSTRAINT prod_match_thresholds_bands_check CHECK (0 <= review_at AND review_at <= merge_at AND merge_at <= 1),
  CONSTRAINT prod_match_thresholds_distance_check CHECK (max_distance BETWEEN 0 AND 2),
  CONSTRAINT prod_match_thresholds_price_check CHECK (price_gap BETWEEN 0 AND 1),
  CONSTRAINT prod_match_thresholds_precision_check CHECK (wanted_precision > 0 AND wanted_precision <= 1 AND reached_precision BETWEEN 0 AND 1),
  CONSTRAINT prod_match_thresholds_pairs_check CHECK (reviewed_pairs >= 0)
);

CREATE INDEX idx_match_thresholds_taxonomy ON neanelu.prod_match_thresholds (taxonomy_id);

COMMENT ON TABLE neanelu.prod_match_thresholds IS
  'From which score a pair is merged by itself, and from which it is shown to people, per model of scoring and category. The row of the '
  'nearest category upwards holds; the one without category always.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.model IS 'How pairs were scored: evidence/1, or the name of an embedding model.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.taxonomy_id IS 'Category and all below it; null: all.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.merge_at IS 'Score from which a pair with sufficient evidence is merged without review.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.review_at IS 'Score from which a pair is shown to people; below it is no match.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.max_distance IS
  'Cosine distance up to which titles or vectors alone say the same; start value of the founding document.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.price_gap IS 'Part of the larger price from which a difference is suspicious.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.wanted_precision IS 'Precision that matching.calibrate was asked for.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.reviewed_pairs IS 'Reviewed pairs that the last calibration rested on.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.reached_precision IS 'Precision on those pairs at merge_at; null before a calibration.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.calibrated_at IS 'When it was calibrated; null: start values.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_match_thresholds.updated_at IS 'When the row last changed.';

INSERT INTO neanelu.prod_match_thresholds (model, merge_at, review_at) VALUES ('evidence/1', 0.95, 0.40);

CREATE TABLE neanelu.prod_match_keys (
  product_id   uuid NOT NULL,
  title        text NOT NULL,
  tokens       text[] NOT NULL,
  weights      real[] NOT NULL,
  codes        text[] NOT NULL DEFAULT '{}',
  own_codes    text[] NOT NULL DEFAULT '{}',
  measures     text[] NOT NULL DEFAULT '{}',
  colours      text[] NOT NULL DEFAULT '{}',
  brand        text,
  gtins        text[] NOT NULL DEFAULT '{}',
  mpns         text[] NOT NULL DEFAULT '{}',
  price        numeric(12,2),
  currency     varchar(3),
  made_from    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_match_keys_pkey PRIMARY KEY (product_id),
  CONSTRAINT prod_match_keys_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_match_keys_weights_check CHECK (cardinality(tokens) = cardinality(weights))
);

-- Looked up by tokens while others insert: a pending list would make readers pay.
CREATE INDEX idx_match_keys_tokens ON neanelu.prod_match_keys USING gin (tokens) WITH (fastupdate = off);

COMMENT ON TABLE neanelu.prod_match_keys IS
  'What a golden record is found and compared by; one row a product that is no duplicate. Can be made anew at any time '
  '(matching.refresh_keys). Its row type also stands for a record that is being matched.';
COMMENT ON COLUMN neanelu.prod_match_keys.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_match_keys.title IS 'Title folded by normalise.title.';
COMMENT ON COLUMN neanelu.prod_match_keys.tokens IS
  'Words and codes; #xxxx four characters of a code, ~xxx a code without its first letters, g:… a GTIN, p:… a part number.';
COMMENT ON COLUMN neanelu.prod_match_keys.weights IS 'How much each token counts in the cosine, 0 to 1, in the order of tokens; 0 for numbers that name the product.';
COMMENT ON COLUMN neanelu.prod_match_keys.codes IS 'Distinctive codes of the title, and model and part number.';
COMMENT ON COLUMN neanelu.prod_match_keys.own_codes IS 'Those of codes that do not follow words like "for": the product''s own.';
COMMENT ON COLUMN neanelu.prod_match_keys.measures IS 'Numbers with what they count: in=46, disc=5, <photoshop=6; =5 for any number; signs, as matching._signs makes them: ^size=7, !used=1.';
COMMENT ON COLUMN neanelu.prod_match_keys.colours IS 'Colours it names, in English.';
COMMENT ON COLUMN neanelu.prod_match_keys.brand IS 'Brand, folded to letters and digits.';
COMMENT ON COLUMN neanelu.prod_match_keys.gtins IS 'GTINs of 14 digits, of all its sources.';
COMMENT ON COLUMN neanelu.prod_match_keys.mpns IS 'Part numbers as normalise.mpn gives them, of all its sources.';
COMMENT ON COLUMN neanelu.prod_match_keys.price IS 'A price that a source asked, in currency.';
COMMENT ON COLUMN neanelu.prod_match_keys.currency IS 'ISO 4217.';
COMMENT ON COLUMN neanelu.prod_match_keys.made_from IS 'updated_at of the golden record when the row was made.';

CREATE TABLE neanelu.prod_match_terms (
  term           text NOT NULL,
  document_count bigint NOT NULL,
  log_count      real NOT NULL,
  CONSTRAINT prod_match_terms_pkey PRIMARY KEY (term),
  CONSTRAINT prod_match_terms_count_check CHECK (document_count >= 0)
);

COMMENT ON TABLE neanelu.prod_match_terms IS
  'How many golden records have a token: what makes a shared token worth something. The empty term has the number of golden records.';
COMMENT ON COLUMN neanelu.prod_match_terms.term IS 'Token of prod_match_keys.tokens.';
COMMENT ON COLUMN neanelu.prod_match_terms.document_count IS 'Rows of prod_match_keys with it, but for prod_match_term_changes.';
COMMENT ON COLUMN neanelu.prod_match_terms.log_count IS 'ln(document_count + what is expected of a token of its kind), so that few records make no wild weights.';

CREATE TABLE neanelu.prod_match_term_changes (
  term   text NOT NULL,
  change integer NOT NULL,
  id     bigint GENERATED ALWAYS AS IDENTITY,
  CONSTRAINT prod_match_term_changes_pkey PRIMARY KEY (id)
);

COMMENT ON TABLE neanelu.prod_match_term_changes IS
  'Changes of document counts that are not yet in prod_match_terms: appended by whoever changes keys, so that nobody waits for a '
  'frequent word''s row; folded by matching.fold_terms.';
COMMENT ON COLUMN neanelu.prod_match_term_changes.term IS 'Token; empty for the number of golden records.';
COMMENT ON COLUMN neanelu.prod_match_term_changes.change IS 'By how much.';
COMMENT ON COLUMN neanelu.prod_match_term_changes.id IS 'Order of arrival.';

CREATE TABLE neanelu.prod_match_links (
  source_id  uuid NOT NULL,
  source_key text NOT NULL,
  product_id uuid NOT NULL,
  session_id uuid,
  decision   varchar(10) NOT NULL,
  method     varchar(30) NOT NULL,
  score      numeric(5,4) NOT NULL,
  gtin       varchar(14),
  mpn        varchar(100),
  model      varchar(100),
  linked_at  timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_match_links_pkey PRIMARY KEY (source_id, source_key),
  CONSTRAINT prod_match_links_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE RESTRICT,
  CONSTRAINT prod_match_links_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_match_links_session_id_fkey FOREIGN KEY (session_id) REFERENCES neanelu.prod_extraction_sessions (id) ON DELETE SET NULL,
  CONSTRAINT prod_match_links_decision_check CHECK (decision IN ('matched', 'created', 'review')),
  CONSTRAINT prod_match_links_method_check
    CHECK (method IN ('gtin_exact', 'mpn_exact', 'vector_semantic', 'title_fuzzy', 'model_code', 'manual', 'none')),
  CONSTRAINT prod_match_links_score_check CHECK (score BETWEEN 0 AND 1),
  CONSTRAINT prod_match_links_gtin_check CHECK (gtin ~ '^[0-9]{14}$'),
  CONSTRAINT prod_match_links_key_check CHECK (source_key <> '')
);

CREATE INDEX idx_match_links_product ON neanelu.prod_match_links (product_id, source_id);
CREATE INDEX idx_match_links_session ON neanelu.prod_match_links (session_id);

COMMENT ON TABLE neanelu.prod_match_links IS
  'Which golden record a product of a source is. A product of a source stays with its golden record until somebody merges or splits.';
COMMENT ON COLUMN neanelu.prod_match_links.source_id IS 'Source.';
COMMENT ON COLUMN neanelu.prod_match_links.source_key IS 'Its key of the product, or the page''s address where it has none.';
COMMENT ON COLUMN neanelu.prod_match_links.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_match_links.session_id IS 'Newest reading that was linked.';
COMMENT ON COLUMN neanelu.prod_match_links.decision IS
  'How it came about: matched with a golden record that was there, created one, or review: created one and somebody is asked whether it is another.';
COMMENT ON COLUMN neanelu.prod_match_links.method IS 'What decided, as prod_similarity_matches.match_method; none: nothing was near.';
COMMENT ON COLUMN neanelu.prod_match_links.score IS 'Score of the pair that decided, 0 to 1; 0 where nothing was near.';
COMMENT ON COLUMN neanelu.prod_match_links.gtin IS 'GTIN that the source says.';
COMMENT ON COLUMN neanelu.prod_match_links.mpn IS 'Part number that the source says, as normalise.mpn gives it.';
COMMENT ON COLUMN neanelu.prod_match_links.model IS 'Model number that the source says, letters and digits in capitals; null where its model is a name.';
COMMENT ON COLUMN neanelu.prod_match_links.linked_at IS 'When it was first linked.';
COMMENT ON COLUMN neanelu.prod_match_links.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_match_arrivals (
  product_id uuid NOT NULL,
  arrived_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_match_arrivals_pkey PRIMARY KEY (product_id),
  CONSTRAINT prod_match_arrivals_product_id_fkey FOREIGN KEY (product_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE
);

CREATE INDEX idx_match_arrivals_arrived ON neanelu.prod_match_arrivals (arrived_at);

COMMENT ON TABLE neanelu.prod_match_arrivals IS
  'Golden records that have a new vector of the model in use, and have not been compared with their neighbours yet. Written by a trigger on prod_embeddings, '
  'taken by matching.rescan.';
COMMENT ON COLUMN neanelu.prod_match_arrivals.product_id IS 'Golden record.';
COMMENT ON COLUMN neanelu.prod_match_arrivals.arrived_at IS 'When the vector came.';

CREATE TABLE neanelu.prod_match_rules (
  low_id     uuid NOT NULL,
  high_id    uuid NOT NULL,
  rule       varchar(10) NOT NULL,
  said_by    uuid,
  notes      text,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_match_rules_pkey PRIMARY KEY (low_id, high_id),
  CONSTRAINT prod_match_rules_low_id_fkey FOREIGN KEY (low_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_match_rules_high_id_fkey FOREIGN KEY (high_id) REFERENCES neanelu.prod_master (id) ON DELETE CASCADE,
  CONSTRAINT prod_match_rules_order_check CHECK (low_id < high_id),
  CONSTRAINT prod_match_rules_rule_check CHECK (rule IN ('must', 'cannot'))
);

CREATE INDEX idx_match_rules_high ON neanelu.prod_match_rules (high_id);

COMMENT ON TABLE neanelu.prod_match_rules IS
  'What people said about pairs of golden records: these are one product, these never are. Remembered and honoured by everything that matches.';
COMMENT ON COLUMN neanelu.prod_match_rules.low_id IS 'The golden record with the smaller id; also one that was merged since.';
COMMENT ON COLUMN neanelu.prod_match_rules.high_id IS 'The other.';
COMMENT ON COLUMN neanelu.prod_match_rules.rule IS 'must or cannot.';
COMMENT ON COLUMN neanelu.prod_match_rules.said_by IS 'Staff user who said so; no reference, see prod_proposals.';
COMMENT ON COLUMN neanelu.prod_match_rules.notes IS 'Why.';
COMMENT ON COLUMN neanelu.prod_match_rules.created_at IS 'When it was said.';

CREATE TABLE neanelu.prod_match_journal (
  id          bigint GENERATED ALWAYS AS IDENTITY,
  action      varchar(20) NOT NULL,
  cluster_id  uuid,
  product_id  uuid,
  survivor_id uuid,
  done_by     uuid,
  notes       text,
  before      jsonb NOT NULL DEFAULT '{}',
  done_at     timestamptz NOT NULL DEFAULT now(),
  undone_at   timestamptz,
  undoes      bigint,
  CONSTRAINT prod_match_journal_pkey PRIMARY KEY (id),
  CONSTRAINT prod_match_journal_undoes_fkey FOREIGN KEY (undoes) REFERENCES neanelu.prod_match_journal (id) ON DELETE RESTRICT,
  CONSTRAINT prod_match_journal_action_check
    CHECK (action IN ('merge', 'unmerge', 'approve', 'reject', 'must', 'cannot', 'unlink', 'calibrate')),
  CONSTRAINT prod_match_journal_before_check CHECK (jsonb_typeof(before) = 'object')
);

CREATE INDEX idx_match_journal_cluster ON neanelu.prod_match_journal (cluster_id, id DESC);
CREATE INDEX idx_match_journal_product ON neanelu.prod_match_journal (product_id);
CREATE INDEX idx_match_journal_undoes ON neanelu.prod_match_journal (undoes);

COMMENT ON TABLE neanelu.prod_match_journal IS
  'What was done to clusters, by whom, and the rows as they were before, so that it can be undone. Append only but for undone_at. '
  'No references to products and clusters: it outlives them.';
COMMENT ON COLUMN neanelu.prod_match_journal.id IS 'Order.';
COMMENT ON COLUMN neanelu.prod_match_journal.action IS 'merge (one product into another), unmerge, approve, reject, must, cannot, unlink or calibrate.';
COMMENT ON COLUMN neanelu.prod_match_journal.cluster_id IS 'Cluster that it is about.';
COMMENT ON COLUMN neanelu.prod_match_journal.product_id IS 'Golden record that was merged or taken out; of a rule the one with the smaller id.';
COMMENT ON COLUMN neanelu.prod_match_journal.survivor_id IS 'Golden record it was merged into; of a rule the other.';
COMMENT ON COLUMN neanelu.prod_match_journal.done_by IS 'Staff user; null: the rules.';
COMMENT ON COLUMN neanelu.prod_match_journal.notes IS 'Why.';
COMMENT ON COLUMN neanelu.prod_match_journal.before IS 'Rows before, by table: {"prod_master": [row, ..], ..}.';
COMMENT ON COLUMN neanelu.prod_match_journal.done_at IS 'When.';
COMMENT ON COLUMN neanelu.prod_match_journal.undone_at IS 'When it was undone.';
COMMENT ON COLUMN neanelu.prod_match_journal.undoes IS 'Entry that this one undid.';

-- What functions of matching hand each other.
CREATE TYPE matching.features AS (
    tokens    text[],
    weights   real[],
    codes     text[],
    own_codes text[],
    measures  text[],
    colours   text[]
);
COMMENT ON TYPE matching.features IS 'What matching.features finds in a title; the columns of prod_match_keys of the same names';

CREATE TYPE matching.code AS (
    item   integer,
    code   text,
    is_own boolean
);
COMMENT ON TYPE matching.code IS 'A distinctive code of one of several titles, and whether it is the product''s own';

CREATE TYPE matching.piece AS (
    item     integer,
    position integer,
    kind     text,
    chunk    text,
    joined   text,
    parts    text[],
    number   text,
    unit     text,
    is_own   boolean
);
COMMENT ON TYPE matching.piece IS
    'One part of one of several titles, between blanks: word, code, number, measure (46in), range (18-70mm) or count (6-disc); its letters and digits '
    'joined and in parts; whether it is the product''s own, not behind a "for"';

CREATE TYPE matching.term AS (
    item   integer,
    token  text,
    weight real,
    rarity real,
    found  bigint
);
COMMENT ON TYPE matching.term IS 'A token of one of several records: its weight there, ln of its rarity, and in how many golden records it is';

CREATE TYPE matching.pair AS (
    item          integer,
    product_id    uuid,
    cosine        real,
    log_odds      double precision,
    method        text,
    is_sufficient boolean,
    evidence      jsonb
);
COMMENT ON TYPE matching.pair IS
    'A record and a golden record: cosine of their titles, log odds that they are the same product, what speaks for it most, whether that is enough for '
    'a merge without review, and each piece of evidence with its strength';

CREATE TYPE matching.offer AS (
    session_id    uuid,
    source_id     uuid,
    source_key    text,
    shop_id       uuid,
    is_one_to_one boolean,
    title         text,
    brand         text,
    manufacturer  text,
    mpn           text,
    model         text,
    gtin          text,
    further       text,
    price         numeric(12,2),
    currency      text,
    target_sku    text
);
COMMENT ON TYPE matching.offer IS 'A product of a source as its newest reading says, before matching';

CREATE TYPE matching.decision AS (
    item       integer,
    product_id uuid,
    decision   text,
    method     text,
    score      double precision,
    evidence   jsonb,
    review_of  uuid
);
COMMENT ON TYPE matching.decision IS 'What becomes of a record: its golden record, how that was found, and which other one it may be (review_of)';

COMMIT;
