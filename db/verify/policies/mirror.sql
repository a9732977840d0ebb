-- Verify neanelu:policies/mirror on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(c.relname, ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c
     WHERE c.oid IN ('neanelu.mirror_tombstones'::regclass, 'neanelu.mirror_fetches'::regclass, 'neanelu.mirror_comparisons'::regclass)
       AND NOT (c.relrowsecurity AND c.relforcerowsecurity);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'no forced row level security on: %', v_bad;
    END IF;
    IF has_table_privilege('neanelu_tenant', 'neanelu.mirror_fetches', 'SELECT')
       OR has_table_privilege('neanelu_tenant', 'neanelu.mirror_tombstones', 'SELECT')
       OR has_table_privilege('neanelu_engine', 'neanelu.webhook_topics', 'UPDATE')
       OR has_column_privilege('neanelu_operator', 'neanelu.webhook_topics', 'processor', 'UPDATE')
       OR has_column_privilege('neanelu_operator', 'neanelu.webhook_events', 'payload', 'SELECT')
       OR NOT has_column_privilege('neanelu_operator', 'neanelu.webhook_events', 'processing_error', 'SELECT')
       OR has_table_privilege('neanelu_app', 'neanelu.mirror_comparisons', 'UPDATE')
       OR NOT has_column_privilege('neanelu_operator', 'neanelu.webhook_topics', 'fetch_after', 'UPDATE')
       OR NOT has_table_privilege('neanelu_tenant', 'neanelu.mirror_comparisons', 'SELECT')
       OR NOT has_table_privilege('neanelu_engine', 'neanelu.mirror_fetches', 'DELETE') THEN
        RAISE EXCEPTION 'rights on the tables of the live mirror are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;
