-- Verify neanelu:policies/privacy on pg

BEGIN;

DO $verify$
BEGIN
    IF NOT (SELECT c.relrowsecurity AND c.relforcerowsecurity FROM pg_catalog.pg_class AS c WHERE c.oid = 'neanelu.privacy_requests'::regclass) THEN
        RAISE EXCEPTION 'no forced row level security on privacy_requests';
    END IF;
    IF has_column_privilege('neanelu_operator', 'neanelu.privacy_requests', 'payload', 'SELECT')
       OR has_column_privilege('neanelu_operator', 'neanelu.privacy_requests', 'export', 'SELECT')
       OR has_table_privilege('neanelu_tenant', 'neanelu.privacy_requests', 'SELECT')
       OR has_table_privilege('neanelu_engine', 'neanelu.audit_logs', 'DELETE')
       OR has_column_privilege('neanelu_engine', 'neanelu.audit_logs', 'action', 'UPDATE')
       OR NOT has_column_privilege('neanelu_engine', 'neanelu.audit_logs', 'old_values', 'UPDATE') THEN
        RAISE EXCEPTION 'rights on requests or on the audit log are not what they should be';
    END IF;
END
$verify$;

ROLLBACK;
