-- Verify neanelu:policies/normalise on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(r.role || ' on ' || t.name, ', ') INTO v_bad
      FROM unnest('{neanelu_tenant, neanelu_analyst, neanelu_pim_editor, neanelu_operator, neanelu_worker, neanelu_ai, neanelu_harvester}'::text[]) AS r (role)
     CROSS JOIN unnest('{prod_units, prod_unit_names, prod_value_words, prod_attr_words, prod_attr_kinds, prod_brand_aliases, prod_attr_mappings, prod_attr_names, prod_attr_profiles, prod_attr_name_vectors, normalise_settings}'::text[]) AS t (name)
     WHERE has_table_privilege(r.role, 'neanelu.' || t.name, 'INSERT, UPDATE, DELETE, TRUNCATE')
        OR r.role = 'neanelu_tenant' AND has_table_privilege(r.role, 'neanelu.' || t.name, 'SELECT')
        OR r.role IN ('neanelu_analyst', 'neanelu_pim_editor', 'neanelu_operator') AND NOT has_table_privilege(r.role, 'neanelu.' || t.name, 'SELECT');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'wrong rights: %', v_bad;
    END IF;
    IF has_table_privilege('neanelu_engine', 'neanelu.prod_units', 'INSERT, UPDATE, DELETE')
       OR NOT has_table_privilege('neanelu_engine', 'neanelu.prod_attr_mappings', 'INSERT') THEN
        RAISE EXCEPTION 'the engine has wrong rights';
    END IF;
END
$verify$;

ROLLBACK;
