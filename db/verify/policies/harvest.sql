-- Verify neanelu:policies/harvest on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(format('%s on %s for %s', p.right, t.name, r.rolname), '; ') INTO v_bad
      FROM (VALUES ('harvest_pages'), ('harvest_buckets'), ('harvest_leases'), ('harvest_imports'), ('harvest_errors'), ('harvest_fields'),
                   ('harvest_evidence')) AS t (name)
     CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS p ("right")
     CROSS JOIN pg_catalog.pg_roles AS r
     WHERE r.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_ai', 'neanelu_harvester',
                         'neanelu_operator', 'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')
       AND has_table_privilege(r.rolname, 'neanelu.' || t.name, p.right)
       AND NOT (p.right = 'SELECT' AND t.name <> 'harvest_leases' AND r.rolname IN ('neanelu_analyst', 'neanelu_pim_editor', 'neanelu_operator'));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights that should not be: %', v_bad;
    END IF;
    IF NOT has_table_privilege('neanelu_engine', 'neanelu.harvest_leases', 'DELETE')
       OR has_table_privilege('neanelu_engine', 'neanelu.harvest_fields', 'UPDATE')
       OR NOT has_table_privilege('neanelu_pim_editor', 'neanelu.harvest_errors', 'SELECT')
       OR has_column_privilege('neanelu_operator', 'neanelu.harvest_leases', 'token', 'SELECT') THEN
        RAISE EXCEPTION 'rights on harvest are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;
