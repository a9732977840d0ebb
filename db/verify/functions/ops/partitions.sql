-- Verify neanelu:functions/ops/partitions on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(e.name, ', ') INTO v_bad
      FROM (VALUES ('neanelu.webhook_events', '3 months'), ('neanelu.audit_logs', '24 months')) AS e (name, retention)
      LEFT JOIN partman.part_config AS f ON f.parent_table = e.name
     WHERE f.parent_table IS NULL OR f.retention <> e.retention OR f.retention_keep_table OR f.premake < 4
        OR NOT f.infinite_time_partitions OR f.automatic_maintenance <> 'on' OR f.inherit_privileges;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'not partitioned as they should be: %', v_bad;
    END IF;

    SELECT string_agg(r.partition_name, ', ') INTO v_bad FROM ops.partition_report() AS r WHERE r.problem LIKE 'no row level security%';
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'partitions without row level security: %', v_bad;
    END IF;

    IF NOT EXISTS (SELECT FROM ops.partition_report() AS r WHERE r.parent_table = 'neanelu.audit_logs' AND now() >= r.from_time AND now() < r.until_time) THEN
        RAISE EXCEPTION 'the audit log has no partition for now';
    END IF;

    IF NOT has_function_privilege('neanelu_worker', 'ops.maintain_partitions()', 'EXECUTE')
       OR has_function_privilege('neanelu_sync', 'ops.maintain_partitions()', 'EXECUTE')
       OR has_function_privilege('neanelu_tenant', 'ops.partition_report()', 'EXECUTE')
       OR (SELECT p.proowner FROM pg_catalog.pg_proc AS p WHERE p.oid = 'ops.maintain_partitions()'::regprocedure) <> 'neanelu_owner'::regrole
       OR has_function_privilege('neanelu_worker', 'ops._cover_partitions()', 'EXECUTE') THEN
        RAISE EXCEPTION 'partitions can be maintained by others than the worker and operators';
    END IF;
END
$verify$;

ROLLBACK;
