-- Verify neanelu:policies/matching on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(format('%s on %s for %s', p.right, t.name, r.rolname), '; ') INTO v_bad
      FROM (VALUES ('prod_match_weights'), ('prod_match_thresholds'), ('prod_match_keys'), ('prod_match_terms'), ('prod_match_term_changes'),
                   ('prod_match_links'), ('prod_match_rules'), ('prod_match_journal'), ('prod_match_arrivals')) AS t (name)
     CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS p ("right")
     CROSS JOIN pg_catalog.pg_roles AS r
     WHERE r.rolname IN ('neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_ai', 'neanelu_harvester',
                         'neanelu_operator', 'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')
       AND has_table_privilege(r.rolname, 'neanelu.' || t.name, p.right)
       AND NOT (p.right = 'SELECT' AND r.rolname IN ('neanelu_operator', 'neanelu_analyst', 'neanelu_pim_editor') AND t.name <> 'prod_match_term_changes');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights that should not be: %', v_bad;
    END IF;
    IF has_table_privilege('neanelu_engine', 'neanelu.prod_match_journal', 'DELETE')
       OR has_table_privilege('neanelu_engine', 'neanelu.prod_match_weights', 'UPDATE')
       OR NOT has_table_privilege('neanelu_engine', 'neanelu.prod_match_links', 'INSERT') THEN
        RAISE EXCEPTION 'rights of the engine on the tables of matching are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;
