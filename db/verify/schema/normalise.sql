-- Verify neanelu:schema/normalise on pg

BEGIN;

SELECT code, family, factor, shift, symbol, rank
  FROM neanelu.prod_units WHERE false;
SELECT name_key, unit_code, name, locale, family, rank
  FROM neanelu.prod_unit_names WHERE false;
SELECT word, kind, meaning, locale
  FROM neanelu.prod_value_words WHERE false;
SELECT word, locale, concept
  FROM neanelu.prod_attr_words WHERE false;
SELECT concept, data_type, unit_family
  FROM neanelu.prod_attr_kinds WHERE false;
SELECT alias_key, brand, created_at
  FROM neanelu.prod_brand_aliases WHERE false;
SELECT id, source_id, name_key, name, locale, definition_id, decision, score, method, candidates, examples, source_unit, decided_by, created_at, updated_at
  FROM neanelu.prod_attr_mappings WHERE false;
SELECT definition_id, kind, name_key, concepts, concept_key
  FROM neanelu.prod_attr_names WHERE false;
SELECT definition_id, profile, example_count, updated_at
  FROM neanelu.prod_attr_profiles WHERE false;
SELECT name_key, model, embedding, created_at
  FROM neanelu.prod_attr_name_vectors WHERE false;
SELECT name, value, description
  FROM neanelu.normalise_settings WHERE false;
SELECT 1 / (count(*) / 5) FROM neanelu.normalise_settings;

ROLLBACK;
