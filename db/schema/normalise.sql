-- Deploy neanelu:schema/normalise to pg
-- requires: schema/pim
-- requires: schema/attributes
-- What normalisation knows beside the contract's tables: units and their names, words of values and of attribute names, spellings of
-- brands, which attribute a source means by a name, what an attribute's values look like, and the thresholds of decisions.

BEGIN;
SET LOCAL search_path = neanelu, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

CREATE TABLE neanelu.prod_units (
  code   varchar(20) NOT NULL,
  family varchar(50) NOT NULL,
  factor numeric NOT NULL,
  shift  numeric NOT NULL DEFAULT 0,
  symbol varchar(20) NOT NULL,
  rank   integer NOT NULL,
  CONSTRAINT prod_units_pkey PRIMARY KEY (code),
  CONSTRAINT prod_units_factor_check CHECK (factor > 0)
);

CREATE INDEX idx_units_family ON neanelu.prod_units (family, factor);

COMMENT ON TABLE neanelu.prod_units IS
  'Units of measure. value in the family''s base unit = value × factor + shift; the base unit has factor 1 and shift 0. Written by '
  'the change schema/units, which tools/write_units.py makes.';
COMMENT ON COLUMN neanelu.prod_units.code IS 'Key, as prod_attr_definitions.unit names it: cm, kg, GB, degC.';
COMMENT ON COLUMN neanelu.prod_units.family IS 'What it measures: length, mass, volume, …; only units of one family convert.';
COMMENT ON COLUMN neanelu.prod_units.factor IS 'How many base units one of it is.';
COMMENT ON COLUMN neanelu.prod_units.shift IS 'What is added after multiplying; other than 0 for temperatures only.';
COMMENT ON COLUMN neanelu.prod_units.symbol IS 'How it is written for people.';
COMMENT ON COLUMN neanelu.prod_units.rank IS 'Which unit a text means that several have for a name, when nothing else tells: the smallest rank.';

CREATE TABLE neanelu.prod_unit_names (
  name_key  varchar(60) NOT NULL,
  unit_code varchar(20) NOT NULL,
  name      varchar(60) NOT NULL,
  locale    varchar(10) NOT NULL,
  family    varchar(50) NOT NULL,
  rank      integer NOT NULL,
  CONSTRAINT prod_unit_names_pkey PRIMARY KEY (name_key, unit_code, name, locale),
  CONSTRAINT prod_unit_names_unit_code_fkey FOREIGN KEY (unit_code) REFERENCES neanelu.prod_units (code) ON DELETE CASCADE
);

CREATE INDEX idx_unit_names_unit ON neanelu.prod_unit_names (unit_code);

COMMENT ON TABLE neanelu.prod_unit_names IS
  'Names, symbols and usual spellings of units. Those with a language come from Unicode CLDR (LICENSES/Unicode-3.0.txt).';
COMMENT ON COLUMN neanelu.prod_unit_names.name_key IS 'normalise.unit_key(name): what a text is looked up by.';
COMMENT ON COLUMN neanelu.prod_unit_names.unit_code IS 'Unit.';
COMMENT ON COLUMN neanelu.prod_unit_names.name IS 'The name as written; case decides between MB and Mb.';
COMMENT ON COLUMN neanelu.prod_unit_names.locale IS 'en, ro, de, fr, es; und for symbols and spellings of all languages.';
COMMENT ON COLUMN neanelu.prod_unit_names.family IS 'Family of the unit; a copy, so that a look-up reads one table.';
COMMENT ON COLUMN neanelu.prod_unit_names.rank IS 'Rank of the unit; a copy.';

CREATE TABLE neanelu.prod_value_words (
  word    varchar(60) NOT NULL,
  kind    varchar(20) NOT NULL,
  meaning varchar(60) NOT NULL,
  locale  varchar(10) NOT NULL,
  CONSTRAINT prod_value_words_pkey PRIMARY KEY (kind, word),
  CONSTRAINT prod_value_words_kind_check CHECK (kind IN ('boolean', 'count', 'nothing', 'colour'))
);

COMMENT ON TABLE neanelu.prod_value_words IS
  'Words of values in ro, en, de, fr, es. Written by the change schema/vocabulary; people may add.';
COMMENT ON COLUMN neanelu.prod_value_words.word IS 'The word, as normalise.fold writes it.';
COMMENT ON COLUMN neanelu.prod_value_words.kind IS
  'boolean (yes, no), count (dual: 2), nothing (not a value: n/a), colour (names of colours and their English name).';
COMMENT ON COLUMN neanelu.prod_value_words.meaning IS 'true or false; the number; empty; the colour in English.';
COMMENT ON COLUMN neanelu.prod_value_words.locale IS 'Language; und for several.';

CREATE TABLE neanelu.prod_attr_words (
  word    varchar(80) NOT NULL,
  locale  varchar(10) NOT NULL,
  concept varchar(60) NOT NULL,
  CONSTRAINT prod_attr_words_pkey PRIMARY KEY (word, locale, concept)
);

CREATE INDEX idx_attr_words_concept ON neanelu.prod_attr_words (concept);

COMMENT ON TABLE neanelu.prod_attr_words IS
  'What words and fixed phrases of attribute names mean: Höhe, hauteur, altura, înălțime are all height. Written by the change '
  'schema/vocabulary; people may add.';
COMMENT ON COLUMN neanelu.prod_attr_words.word IS 'Word or phrase of up to four words, as normalise.name_key writes it.';
COMMENT ON COLUMN neanelu.prod_attr_words.locale IS 'Language.';
COMMENT ON COLUMN neanelu.prod_attr_words.concept IS 'The English word that stands for all of them; empty for words that say nothing (of, de, für).';

CREATE TABLE neanelu.prod_attr_kinds (
  concept     varchar(60) NOT NULL,
  data_type   varchar(30),
  unit_family varchar(50),
  CONSTRAINT prod_attr_kinds_pkey PRIMARY KEY (concept),
  CONSTRAINT prod_attr_kinds_type_check CHECK (data_type IN ('string', 'number', 'boolean', 'enum', 'dimensions', 'range', 'list')),
  CONSTRAINT prod_attr_kinds_any_check CHECK (num_nonnulls(data_type, unit_family) > 0)
);

COMMENT ON TABLE neanelu.prod_attr_kinds IS
  'What the words of an attribute''s name say about its values: a weight is a mass, a quantity a number.';
COMMENT ON COLUMN neanelu.prod_attr_kinds.concept IS 'Concept of prod_attr_words.';
COMMENT ON COLUMN neanelu.prod_attr_kinds.data_type IS 'Data type that the word implies.';
COMMENT ON COLUMN neanelu.prod_attr_kinds.unit_family IS 'Family of units that the word implies.';

CREATE TABLE neanelu.prod_brand_aliases (
  alias_key  varchar(255) NOT NULL,
  brand      varchar(255) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_brand_aliases_pkey PRIMARY KEY (alias_key),
  CONSTRAINT prod_brand_aliases_key_check CHECK (alias_key <> '' AND brand <> '')
);

COMMENT ON TABLE neanelu.prod_brand_aliases IS 'Other spellings and short names of brands; normalise.add_brand_alias writes it.';
COMMENT ON COLUMN neanelu.prod_brand_aliases.alias_key IS 'normalise.brand_key of the spelling: hp.';
COMMENT ON COLUMN neanelu.prod_brand_aliases.brand IS 'The brand as it is to be written.';
COMMENT ON COLUMN neanelu.prod_brand_aliases.created_at IS 'When the row was made.';

CREATE TABLE neanelu.prod_attr_mappings (
  id            uuid NOT NULL DEFAULT uuidv7(),
  source_id     uuid NOT NULL,
  name_key      varchar(255) NOT NULL,
  name          varchar(255) NOT NULL,
  locale        varchar(10),
  definition_id uuid,
  decision      varchar(20) NOT NULL,
  score         numeric(5,4),
  method        varchar(30),
  candidates    jsonb NOT NULL DEFAULT '[]',
  examples      jsonb NOT NULL DEFAULT '[]',
  source_unit   varchar(20),
  decided_by    uuid,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_attr_mappings_pkey PRIMARY KEY (id),
  CONSTRAINT prod_attr_mappings_name_key UNIQUE (source_id, name_key),
  CONSTRAINT prod_attr_mappings_source_id_fkey FOREIGN KEY (source_id) REFERENCES neanelu.prod_sources (id) ON DELETE CASCADE,
  CONSTRAINT prod_attr_mappings_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES neanelu.prod_attr_definitions (id) ON DELETE CASCADE,
  CONSTRAINT prod_attr_mappings_source_unit_fkey FOREIGN KEY (source_unit) REFERENCES neanelu.prod_units (code) ON DELETE SET NULL,
  CONSTRAINT prod_attr_mappings_decision_check CHECK (decision IN ('applied', 'proposed', 'unknown', 'ignored')),
  CONSTRAINT prod_attr_mappings_definition_check CHECK ((definition_id IS NOT NULL) = (decision IN ('applied', 'proposed'))),
  CONSTRAINT prod_attr_mappings_score_check CHECK (score BETWEEN 0 AND 1),
  CONSTRAINT prod_attr_mappings_candidates_check CHECK (jsonb_typeof(candidates) = 'array' AND jsonb_typeof(examples) = 'array')
);

CREATE INDEX idx_attr_mappings_definition ON neanelu.prod_attr_mappings (definition_id);
CREATE INDEX idx_attr_mappings_unit ON neanelu.prod_attr_mappings (source_unit);
CREATE INDEX idx_attr_mappings_review ON neanelu.prod_attr_mappings (score DESC) WHERE decision = 'proposed';

COMMENT ON TABLE neanelu.prod_attr_mappings IS
  'Which attribute a source means by a name: what was decided when the name was first seen, and by people since. '
  'Written by normalise.map_attributes and the review functions.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.id IS 'Id, ordered by time of making.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.source_id IS 'Source.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.name_key IS 'normalise.name_key of the name.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.name IS 'The name as the source first wrote it.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.locale IS 'Language of the source when the name was first seen.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.definition_id IS 'Attribute; when proposed, the best candidate.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.decision IS
  'applied; proposed (for review, its values are not used yet); unknown (nothing near, tried again when attributes change); ignored '
  '(people said it is no attribute).';
COMMENT ON COLUMN neanelu.prod_attr_mappings.score IS 'Score of the best candidate, 0 to 1.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.method IS 'code, synonym, folded, similar, vector, or review.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.candidates IS '[{"code", "score", "method"}] of the first three.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.examples IS 'Up to ten values that the source gave with it.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.source_unit IS
  'Unit of the source''s values that carry none; null: the attribute''s own.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.decided_by IS 'Staff user who decided; no reference: staff belong to shops, mappings to nobody.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.created_at IS 'When the row was made.';
COMMENT ON COLUMN neanelu.prod_attr_mappings.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_attr_names (
  definition_id uuid NOT NULL,
  kind          varchar(10) NOT NULL,
  name_key      varchar(255) NOT NULL,
  concepts      text[] NOT NULL,
  concept_key   text NOT NULL,
  CONSTRAINT prod_attr_names_pkey PRIMARY KEY (definition_id, kind, name_key),
  CONSTRAINT prod_attr_names_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES neanelu.prod_attr_definitions (id) ON DELETE CASCADE,
  CONSTRAINT prod_attr_names_kind_check CHECK (kind IN ('code', 'label', 'synonym'))
);

CREATE INDEX idx_attr_names_key ON neanelu.prod_attr_names (name_key);
CREATE INDEX idx_attr_names_key_trgm ON neanelu.prod_attr_names USING gin (name_key extensions.gin_trgm_ops);
CREATE INDEX idx_attr_names_concepts ON neanelu.prod_attr_names USING gin (concepts);

COMMENT ON TABLE neanelu.prod_attr_names IS
  'What attributes are found by: codes, labels and approved synonyms, folded, and the concepts their words mean. Derived; triggers on '
  'prod_attr_definitions and prod_attr_synonyms keep it.';
COMMENT ON COLUMN neanelu.prod_attr_names.definition_id IS 'Attribute.';
COMMENT ON COLUMN neanelu.prod_attr_names.kind IS 'code, label or synonym.';
COMMENT ON COLUMN neanelu.prod_attr_names.name_key IS 'normalise.name_key of the name.';
COMMENT ON COLUMN neanelu.prod_attr_names.concepts IS 'normalise.concepts of the name.';
COMMENT ON COLUMN neanelu.prod_attr_names.concept_key IS 'The concepts as one text, for similarity.';

CREATE TABLE neanelu.prod_attr_profiles (
  definition_id uuid NOT NULL,
  profile       jsonb NOT NULL,
  example_count integer NOT NULL,
  updated_at    timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_attr_profiles_pkey PRIMARY KEY (definition_id),
  CONSTRAINT prod_attr_profiles_definition_id_fkey FOREIGN KEY (definition_id) REFERENCES neanelu.prod_attr_definitions (id) ON DELETE CASCADE,
  CONSTRAINT prod_attr_profiles_profile_check CHECK (jsonb_typeof(profile) = 'object'),
  CONSTRAINT prod_attr_profiles_count_check CHECK (example_count > 0)
);

COMMENT ON TABLE neanelu.prod_attr_profiles IS
  'What the known values of an attribute look like; normalise.learn_profiles writes it from the golden records'' raw values.';
COMMENT ON COLUMN neanelu.prod_attr_profiles.definition_id IS 'Attribute.';
COMMENT ON COLUMN neanelu.prod_attr_profiles.profile IS 'normalise.profile of the values: kinds, unit families, words, spread of numbers.';
COMMENT ON COLUMN neanelu.prod_attr_profiles.example_count IS 'How many values it is made of.';
COMMENT ON COLUMN neanelu.prod_attr_profiles.updated_at IS 'When the row last changed.';

CREATE TABLE neanelu.prod_attr_name_vectors (
  name_key   varchar(255) NOT NULL,
  model      varchar(50) NOT NULL,
  embedding  extensions.vector(1536) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT prod_attr_name_vectors_pkey PRIMARY KEY (name_key, model)
);

COMMENT ON TABLE neanelu.prod_attr_name_vectors IS
  'Vectors of names of attributes that sources use; normalise.store_name_vectors writes it, only where vectors are used.';
COMMENT ON COLUMN neanelu.prod_attr_name_vectors.name_key IS 'normalise.name_key of the name.';
COMMENT ON COLUMN neanelu.prod_attr_name_vectors.model IS 'Model; vectors of two models are never compared.';
COMMENT ON COLUMN neanelu.prod_attr_name_vectors.embedding IS 'Unit vector, padded with zeros.';
COMMENT ON COLUMN neanelu.prod_attr_name_vectors.created_at IS 'When the row was made.';

CREATE TABLE neanelu.normalise_settings (
  name        varchar(40) NOT NULL,
  value       numeric NOT NULL,
  description text NOT NULL,
  CONSTRAINT normalise_settings_pkey PRIMARY KEY (name)
);

COMMENT ON TABLE neanelu.normalise_settings IS 'Thresholds and weights of the mapping of attribute names; normalise.set_setting changes them.';
COMMENT ON COLUMN neanelu.normalise_settings.name IS 'Key.';
COMMENT ON COLUMN neanelu.normalise_settings.value IS 'Value.';
COMMENT ON COLUMN neanelu.normalise_settings.description IS 'What it does.';

INSERT INTO neanelu.normalise_settings (name, value, description) VALUES
  ('apply_score', 0.86, 'A name is mapped without asking from this score on'),
  ('propose_score', 0.45, 'From this score on the best candidate is proposed for review; below, the name is unknown'),
  ('apply_margin', 0.08, 'The best candidate must be this much better than the second to be applied'),
  ('values_weight', 0.30, 'How far what the values look like moves a score'),
  ('vector_weight', 0.25, 'How far the vectors of names move a score, where there are vectors');

COMMIT;
