-- Revert neanelu:functions/ops/partitions from pg
-- The partitions go, and the rows in them: schema/audit and schema/webhooks had none.

BEGIN;

DO $registry$
BEGIN
    IF to_regclass('sqitch.changes') IS NOT NULL THEN
        REVOKE SELECT ON sqitch.changes, sqitch.events FROM neanelu_engine;
        REVOKE USAGE ON SCHEMA sqitch FROM neanelu_engine;
    END IF;
END
$registry$;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION ops.refresh_migration_history();

SET LOCAL ROLE neanelu_owner;
DROP FUNCTION ops.partition_report();
DROP FUNCTION ops._has_rows(regclass);
DROP FUNCTION ops.maintain_partitions();
DROP FUNCTION ops._cover_partitions();
REVOKE USAGE ON SCHEMA ops FROM neanelu_auditor;

DO $partitions$
DECLARE
    v_name regclass;
BEGIN
    FOR v_name IN SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i
                   WHERE i.inhparent IN ('neanelu.webhook_events'::regclass, 'neanelu.audit_logs'::regclass) LOOP
        EXECUTE format('DROP TABLE %s', v_name);
    END LOOP;
END
$partitions$;
DROP TABLE partman.template_neanelu_webhook_events;
DROP TABLE partman.template_neanelu_audit_logs;
DELETE FROM partman.part_config WHERE parent_table IN ('neanelu.webhook_events', 'neanelu.audit_logs');

COMMIT;
