-- Verify neanelu:policies/budget on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(c.relname, ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c
     WHERE c.oid IN ('neanelu.rate_limit_buckets'::regclass, 'neanelu.api_cost_tracking'::regclass, 'neanelu.user_request_windows'::regclass)
       AND NOT (c.relrowsecurity AND c.relforcerowsecurity);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'no forced row level security on: %', v_bad;
    END IF;
    IF has_table_privilege('neanelu_tenant', 'neanelu.user_request_windows', 'SELECT')
       OR has_table_privilege('neanelu_app', 'neanelu.rate_limit_buckets', 'UPDATE')
       OR has_table_privilege('neanelu_engine', 'neanelu.api_cost_tracking', 'UPDATE')
       OR NOT has_table_privilege('neanelu_tenant', 'neanelu.rate_limit_buckets', 'SELECT')
       OR NOT has_table_privilege('neanelu_engine', 'neanelu.rate_limit_buckets', 'UPDATE') THEN
        RAISE EXCEPTION 'rights on the tables of the budget are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;
