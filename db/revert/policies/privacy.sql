-- Revert neanelu:policies/privacy from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

REVOKE SELECT, UPDATE (old_values, new_values, ip_address, user_agent) ON neanelu.audit_logs FROM neanelu_engine;
DO $archives$
DECLARE
    v_archive regclass;
BEGIN
    FOR v_archive IN SELECT c.oid FROM pg_catalog.pg_class AS c WHERE c.relnamespace = 'pgmq'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname ~ '^a_' LOOP
        EXECUTE format('REVOKE SELECT ON %s FROM neanelu_engine', v_archive);
    END LOOP;
END
$archives$;
DROP POLICY audit_logs_engine_update ON neanelu.audit_logs;
DROP POLICY audit_logs_engine_select ON neanelu.audit_logs;

REVOKE SELECT (id, shop_id, topic, status, result, export_expires_at, received_at, due_at, completed_at) ON neanelu.privacy_requests FROM neanelu_operator;
REVOKE ALL ON neanelu.privacy_requests FROM neanelu_engine;
DROP POLICY privacy_requests_engine_all ON neanelu.privacy_requests;
DROP POLICY privacy_requests_operator_select ON neanelu.privacy_requests;
ALTER TABLE neanelu.privacy_requests NO FORCE ROW LEVEL SECURITY;
ALTER TABLE neanelu.privacy_requests DISABLE ROW LEVEL SECURITY;

COMMIT;
