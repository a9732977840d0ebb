-- Revert neanelu:schema/audit from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.sync_checkpoints;
DROP TABLE neanelu.audit_logs;

COMMIT;
