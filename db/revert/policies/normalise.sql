-- Revert neanelu:policies/normalise from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

REVOKE ALL ON
    neanelu.prod_units,
    neanelu.prod_unit_names,
    neanelu.prod_value_words,
    neanelu.prod_attr_words,
    neanelu.prod_attr_kinds,
    neanelu.prod_brand_aliases,
    neanelu.prod_attr_mappings,
    neanelu.prod_attr_names,
    neanelu.prod_attr_profiles,
    neanelu.prod_attr_name_vectors,
    neanelu.normalise_settings
    FROM neanelu_engine, neanelu_analyst, neanelu_pim_editor, neanelu_operator;

COMMIT;
