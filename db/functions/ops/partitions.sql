-- Deploy neanelu:functions/ops/partitions to pg
-- requires: schema/audit
-- requires: schema/webhooks
-- Time partitions by pg_partman, their maintenance and report; the history of deployments for those who read tables.

BEGIN;

SET LOCAL search_path = neanelu, ops, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;

DO $parents$
BEGIN
    PERFORM partman.create_parent('neanelu.webhook_events', 'created_at', '1 month', p_premake => 4);
    PERFORM partman.create_parent('neanelu.audit_logs', 'created_at', '1 month', p_premake => 4);
END
$parents$;

UPDATE partman.part_config
   SET retention = CASE parent_table WHEN 'neanelu.webhook_events' THEN '3 months' ELSE '24 months' END,
       retention_keep_table = false,
       retention_keep_index = false,
       -- a month without rows must not end the making of partitions
       infinite_time_partitions = true,
       -- partitions are reached through their parent, so they get no grants of their own
       inherit_privileges = false
 WHERE parent_table IN ('neanelu.webhook_events', 'neanelu.audit_logs');

CREATE FUNCTION ops._cover_partitions()
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    v_partition record;
    v_covered integer := 0;
BEGIN
    FOR v_partition IN
        SELECT c.oid::regclass AS name, c.relname, c.relrowsecurity AND c.relforcerowsecurity AS is_secured,
               pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT' AND NOT EXISTS (SELECT FROM pg_policy AS y WHERE y.polrelid = c.oid) AS needs_policy,
               g.tgname IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname = g.tgname) AS needs_guard,
               g.tgname AS guard, g.tgfoid::regproc AS guard_function
          FROM pg_inherits AS i
          JOIN pg_class AS c ON c.oid = i.inhrelid
          JOIN pg_class AS p ON p.oid = i.inhparent
          -- the statement trigger that refuses TRUNCATE of the parent: tgtype has the bit 32
          LEFT JOIN pg_trigger AS g ON g.tgrelid = p.oid AND g.tgtype & 32 <> 0 AND g.tgname LIKE '%\_\_refuse\_truncate'
         WHERE p.relnamespace = 'neanelu'::regnamespace AND p.relkind = 'p' AND c.relkind IN ('r', 'p')
         ORDER BY c.oid
    LOOP
        IF NOT v_partition.is_secured THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', v_partition.name);
        END IF;
        IF v_partition.needs_policy THEN
            -- Rows outside of all months must be found and moved by the one who makes months.
            EXECUTE format('CREATE POLICY %I ON %s FOR ALL TO neanelu_owner USING (true) WITH CHECK (true)',
                           v_partition.relname || '_owner_all', v_partition.name);
        END IF;
        IF v_partition.needs_guard THEN
            EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s()',
                           v_partition.guard, v_partition.name, v_partition.guard_function);
        END IF;
        v_covered := v_covered + (NOT v_partition.is_secured OR v_partition.needs_policy OR v_partition.needs_guard)::integer;
    END LOOP;
    RETURN v_covered;
END
$body$;
COMMENT ON FUNCTION ops._cover_partitions() IS
    'Gives each partition what PostgreSQL does not clone from its parent: forced row level security without policies, so that only the way '
    'through the parent shows rows (the default partition is open to neanelu_owner, who sorts its rows), and the refusal of TRUNCATE where the parent has one. Returns how many partitions it changed. '
    'Idempotent. Locks the partitions it changes (ACCESS EXCLUSIVE), no others. Raises: nothing of its own';

CREATE FUNCTION ops.maintain_partitions()
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    v_started constant timestamptz := clock_timestamp();
    v_covered integer;
    v_parent text;
    v_skipped text;
BEGIN
    -- One caller at a time, for the whole of it.
    PERFORM pg_advisory_xact_lock(hashtextextended('ops.maintain_partitions', 0));
    FOR v_parent IN SELECT c.parent_table FROM partman.part_config AS c WHERE c.parent_table LIKE 'neanelu.%' ORDER BY c.parent_table LOOP
        PERFORM partman.run_maintenance(v_parent, p_analyze => false, p_jobmon => false);
    END LOOP;
    v_covered := ops._cover_partitions();
    -- pg_partman turns errors into warnings; what it skipped has an old time.
    SELECT string_agg(c.parent_table, ', ') INTO v_skipped
      FROM partman.part_config AS c
     WHERE c.parent_table LIKE 'neanelu.%' AND (c.maintenance_last_run IS NULL OR c.maintenance_last_run < v_started);
    IF v_skipped IS NOT NULL THEN
        RAISE EXCEPTION 'partitions were not maintained: %', v_skipped
            USING ERRCODE = 'NO002', HINT = 'The warnings above say why.';
    END IF;
    RETURN v_covered;
END
$body$;
COMMENT ON FUNCTION ops.maintain_partitions() IS
    'Makes the partitions of the next months, drops those past retention, and covers the new ones (ops._cover_partitions). '
    'To be called daily, by neanelu_worker or an operator. Returns how many partitions were covered. Idempotent; a second caller '
    'waits for the first (advisory lock). Locks the parents while partitions come and go (ACCESS EXCLUSIVE for the drop). '
    'Raises: NO002 when pg_partman skipped a table';

CREATE FUNCTION ops._has_rows(p_table regclass)
RETURNS boolean
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    v_found boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s)', p_table) INTO STRICT v_found;
    RETURN v_found;
END
$body$;
COMMENT ON FUNCTION ops._has_rows(regclass) IS
    'Whether a table has a row that the caller may see. Writes nothing, takes no locks. Raises: 42501 without SELECT on the table';

CREATE FUNCTION ops.partition_report()
RETURNS TABLE (parent_table text, partition_name text, from_time timestamptz, until_time timestamptz, is_default boolean,
               total_bytes bigint, retention text, problem text)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
    SELECT f.parent_table, c.relname::text,
           (regexp_match(b.bound, 'FROM \(''([^'']+)''\)'))[1]::timestamptz,
           (regexp_match(b.bound, 'TO \(''([^'']+)''\)'))[1]::timestamptz,
           b.bound = 'DEFAULT', pg_total_relation_size(c.oid), f.retention,
           CASE
             WHEN NOT (c.relrowsecurity AND c.relforcerowsecurity) THEN 'no row level security: run ops.maintain_partitions()'
             WHEN b.bound = 'DEFAULT' AND ops._has_rows(c.oid) THEN 'rows outside of all months'
             WHEN b.bound <> 'DEFAULT' AND NOT EXISTS (
                    SELECT FROM pg_inherits AS x JOIN pg_class AS y ON y.oid = x.inhrelid
                     WHERE x.inhparent = i.inhparent
                       AND (regexp_match(pg_get_expr(y.relpartbound, y.oid), 'FROM \(''([^'']+)''\)'))[1]::timestamptz > now())
                  THEN 'no partition for next month: run ops.maintain_partitions()'
           END
      FROM partman.part_config AS f
      JOIN pg_inherits AS i ON i.inhparent = to_regclass(f.parent_table)
      JOIN pg_class AS c ON c.oid = i.inhrelid
     CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid)) AS b (bound)
     WHERE f.parent_table LIKE 'neanelu.%'
     ORDER BY f.parent_table, b.bound = 'DEFAULT', 3;
$body$;
COMMENT ON FUNCTION ops.partition_report() IS
    'The partitions of each partitioned table with their months, sizes in bytes (indexes and TOAST included), retention, and what is wrong '
    'with them. Writes nothing, takes no locks. Raises: nothing';

DO $cover$ BEGIN PERFORM ops._cover_partitions(); END $cover$;

GRANT USAGE ON SCHEMA ops TO neanelu_auditor;
GRANT EXECUTE ON FUNCTION ops.maintain_partitions() TO neanelu_operator, neanelu_worker;
GRANT EXECUTE ON FUNCTION ops.partition_report() TO neanelu_operator, neanelu_worker, neanelu_auditor;

SET LOCAL ROLE neanelu_engine;

CREATE FUNCTION ops.refresh_migration_history()
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    v_rows integer := 0;
BEGIN
    IF to_regclass('sqitch.changes') IS NULL OR to_regclass('sqitch.events') IS NULL
       OR NOT has_table_privilege('sqitch.changes', 'SELECT') OR NOT has_table_privilege('sqitch.events', 'SELECT') THEN
        RAISE EXCEPTION 'the registry of sqitch (schema sqitch) is missing or may not be read'
            USING ERRCODE = 'NO001', HINT = 'Deploy with sqitch, or GRANT USAGE ON SCHEMA sqitch, SELECT ON its tables TO neanelu_engine.';
    END IF;
    LOCK TABLE neanelu.migration_history IN SHARE ROW EXCLUSIVE MODE;
    WITH registry AS (
        -- a reworked change stands in the registry once per version; its script's digest tells them apart
        SELECT left(c.project || ':' || c.change
                    || CASE WHEN count(*) OVER w > 1 THEN '@' || left(c.change_id, 8) ELSE '' END, 255) AS name,
               coalesce(c.script_hash, '') AS checksum, c.committed_at, left(c.committer_name, 100) AS committer,
               true AS success, NULL::text AS problem
          FROM sqitch.changes AS c
         WHERE c.project = 'neanelu'
        WINDOW w AS (PARTITION BY c.project, c.change)
        UNION ALL
        -- a change whose last event is a failure
        SELECT left(e.project || ':' || e.change || ' (failed)', 255), '', e.committed_at, left(e.committer_name, 100), false, e.note
          FROM (SELECT DISTINCT ON (x.change_id) x.* FROM sqitch.events AS x
                 WHERE x.project = 'neanelu' ORDER BY x.change_id, x.committed_at DESC) AS e
         WHERE e.event = 'fail'
    ), gone AS (
        DELETE FROM neanelu.migration_history AS h
         WHERE NOT EXISTS (SELECT FROM registry AS r WHERE r.name = h.migration_name)
        RETURNING 1
    ), changed AS (
        UPDATE neanelu.migration_history AS h
           SET checksum = r.checksum, applied_at = r.committed_at, applied_by = r.committer, success = r.success, error_message = r.problem
          FROM registry AS r
         WHERE r.name = h.migration_name
           AND (h.checksum, h.applied_at, h.applied_by, h.success, h.error_message)
               IS DISTINCT FROM (r.checksum, r.committed_at, r.committer, r.success, r.problem)
        RETURNING 1
    ), made AS (
        INSERT INTO neanelu.migration_history (migration_name, checksum, applied_at, applied_by, success, error_message)
        SELECT r.name, r.checksum, r.committed_at, r.committer, r.success, r.problem
          FROM registry AS r
         WHERE NOT EXISTS (SELECT FROM neanelu.migration_history AS h WHERE h.migration_name = r.name)
         ORDER BY r.committed_at
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM changed) + (SELECT count(*) FROM made) INTO v_rows;
    RETURN v_rows;
END
$body$;
COMMENT ON FUNCTION ops.refresh_migration_history() IS
    'Makes neanelu.migration_history say what sqitch''s registry says. Checksums are those of the registry (SHA-1 of the deploy script); '
    'the registry keeps no durations. To be called after a deploy or revert. Returns how many rows it changed. Idempotent. '
    'Locks migration_history (SHARE ROW EXCLUSIVE). Raises: NO001 when the registry cannot be read';

GRANT EXECUTE ON FUNCTION ops.refresh_migration_history() TO neanelu_owner, neanelu_operator;

RESET ROLE;

-- The registry exists when sqitch deploys, and does not when the scripts are run by hand.
DO $registry$
BEGIN
    IF to_regclass('sqitch.changes') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA sqitch TO neanelu_engine;
        GRANT SELECT ON sqitch.changes, sqitch.events TO neanelu_engine;
    END IF;
END
$registry$;

COMMIT;
