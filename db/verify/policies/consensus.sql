-- Verify neanelu:policies/consensus on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(r.role || ' on ' || t.name, ', ') INTO v_bad
      FROM unnest('{neanelu_tenant, neanelu_app, neanelu_analyst, neanelu_operator, neanelu_pim_editor, neanelu_worker, neanelu_harvester}'::text[]) AS r (role)
     CROSS JOIN unnest('{prod_survivorship_rules, prod_field_decisions, prod_trust_observations, prod_source_trust}'::text[]) AS t (name)
     WHERE has_table_privilege(r.role, 'neanelu.' || t.name, 'INSERT, UPDATE, DELETE, TRUNCATE')
        OR r.role IN ('neanelu_tenant', 'neanelu_app', 'neanelu_harvester') AND has_table_privilege(r.role, 'neanelu.' || t.name, 'SELECT');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights that nobody should have: %', v_bad;
    END IF;
    IF NOT has_table_privilege('neanelu_pim_editor', 'neanelu.prod_field_decisions', 'SELECT')
       OR NOT has_table_privilege('neanelu_analyst', 'neanelu.prod_source_trust', 'SELECT') THEN
        RAISE EXCEPTION 'a right on rules and decisions is missing';
    END IF;
    IF EXISTS (SELECT FROM unnest('{prod_master, prod_survivorship_rules, prod_field_decisions, prod_source_trust}'::text[]) AS t (name)
                WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
                                   WHERE g.tgrelid = ('neanelu.' || t.name)::regclass AND g.tgname = 'tg_' || t.name || '__capture_update')) THEN
        RAISE EXCEPTION 'what people decide is not audited';
    END IF;
END
$verify$;

ROLLBACK;
