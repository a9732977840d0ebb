-- Deploy neanelu:policies/privacy to pg
-- requires: schema/privacy
-- requires: policies/grants
-- requires: policies/jobs
-- Requests are the engine's; operators read what was asked and done, without contents. The engine may blank the images
-- of the audit log, which functions/audit/capture lets pass within an erasure only.

BEGIN;

SET LOCAL search_path = neanelu, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

ALTER TABLE neanelu.privacy_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE neanelu.privacy_requests FORCE ROW LEVEL SECURITY;
CREATE POLICY privacy_requests_operator_select ON neanelu.privacy_requests FOR SELECT TO neanelu_operator USING (true);
CREATE POLICY privacy_requests_engine_all ON neanelu.privacy_requests FOR ALL TO neanelu_engine USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON neanelu.privacy_requests TO neanelu_engine;
GRANT SELECT (id, shop_id, topic, status, result, export_expires_at, received_at, due_at, completed_at) ON neanelu.privacy_requests TO neanelu_operator;

CREATE POLICY audit_logs_engine_select ON neanelu.audit_logs FOR SELECT TO neanelu_engine USING (true);
CREATE POLICY audit_logs_engine_update ON neanelu.audit_logs FOR UPDATE TO neanelu_engine USING (true) WITH CHECK (true);
-- Nothing of ours writes to the archives of queues; the search for traces looks there all the same.
DO $archives$
DECLARE
    v_archive regclass;
BEGIN
    FOR v_archive IN SELECT c.oid FROM pg_catalog.pg_class AS c WHERE c.relnamespace = 'pgmq'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname ~ '^a_' LOOP
        EXECUTE format('GRANT SELECT ON %s TO neanelu_engine', v_archive);
    END LOOP;
END
$archives$;

GRANT SELECT, UPDATE (old_values, new_values, ip_address, user_agent) ON neanelu.audit_logs TO neanelu_engine;

COMMIT;
