-- Verify neanelu:policies/quality on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    -- Nobody but the engine writes; tenants, and daemons that fetch or call models, see none of it.
    SELECT string_agg(format('%s on %s for %s', p.right, c.relname, r.rolname), '; ') INTO v_bad
      FROM pg_catalog.pg_class AS c
     CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS p ("right")
     CROSS JOIN pg_catalog.pg_roles AS r
     WHERE c.relnamespace = 'neanelu'::regnamespace
       AND c.relname IN ('prod_quality_fields', 'prod_quality_rules', 'prod_channel_fields', 'prod_quality_signals', 'prod_quality_endpoints',
                         'prod_quality_deliveries', 'prod_reviewers', 'prod_review_claims', 'prod_review_skips', 'prod_review_decisions')
       AND r.rolname LIKE 'neanelu\_%' AND r.rolname NOT IN ('neanelu_owner', 'neanelu_engine')
       AND has_table_privilege(r.rolname, c.oid, p.right)
       AND NOT (p.right = 'SELECT' AND r.rolname IN ('neanelu_analyst', 'neanelu_pim_editor', 'neanelu_operator'));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights that should not be: %', v_bad;
    END IF;
    IF has_table_privilege('neanelu_analyst', 'neanelu.prod_quality_endpoints', 'SELECT')
       OR has_table_privilege('neanelu_engine', 'neanelu.prod_review_decisions', 'DELETE')
       OR has_column_privilege('neanelu_engine', 'neanelu.prod_review_decisions', 'decision', 'UPDATE')
       OR NOT has_table_privilege('neanelu_pim_editor', 'neanelu.prod_quality_rules', 'SELECT') THEN
        RAISE EXCEPTION 'rights on rules, addresses or decisions are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;
