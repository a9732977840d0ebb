-- Deploy neanelu:policies/normalise to pg
-- requires: schema/normalise
-- requires: policies/pim
-- Who reads what normalisation knows. The engine writes; words, units and kinds change by deploys, so nobody else may.

BEGIN;

SET LOCAL search_path = neanelu, pg_temp;
SET LOCAL ROLE neanelu_owner;

GRANT SELECT ON
    neanelu.prod_units, neanelu.prod_unit_names, neanelu.prod_value_words, neanelu.prod_attr_words, neanelu.prod_attr_kinds,
    neanelu.prod_brand_aliases, neanelu.prod_attr_mappings, neanelu.prod_attr_names, neanelu.prod_attr_profiles,
    neanelu.prod_attr_name_vectors, neanelu.normalise_settings
    TO neanelu_engine, neanelu_analyst, neanelu_pim_editor, neanelu_operator;
GRANT INSERT, UPDATE, DELETE ON
    neanelu.prod_brand_aliases, neanelu.prod_attr_mappings, neanelu.prod_attr_names, neanelu.prod_attr_profiles,
    neanelu.prod_attr_name_vectors
    TO neanelu_engine;
GRANT UPDATE ON neanelu.normalise_settings TO neanelu_engine;

COMMIT;
