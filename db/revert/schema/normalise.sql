-- Revert neanelu:schema/normalise from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.prod_unit_names;
DROP TABLE neanelu.normalise_settings;
DROP TABLE neanelu.prod_attr_name_vectors;
DROP TABLE neanelu.prod_attr_profiles;
DROP TABLE neanelu.prod_attr_names;
DROP TABLE neanelu.prod_attr_mappings;
DROP TABLE neanelu.prod_brand_aliases;
DROP TABLE neanelu.prod_attr_kinds;
DROP TABLE neanelu.prod_attr_words;
DROP TABLE neanelu.prod_value_words;
DROP TABLE neanelu.prod_units;

COMMIT;
