-- Verify neanelu:schema/jobs on pg

BEGIN;

SELECT queue_name, max_active, max_active_per_shop, description, created_at FROM neanelu.job_queues WHERE false;
SELECT queue_name, is_wanted FROM neanelu.job_signals WHERE false;
SELECT queue_name, ring_lane FROM neanelu.job_rings WHERE false;
SELECT job_name, queue_name, runs_in, function_name, max_attempts, lease, backoff, max_backoff, permanent_codes, created_at
  FROM neanelu.job_handlers WHERE false;
SELECT id, shop_id, queue_name, job_id, job_name, status, priority, attempts, max_attempts, payload, result, error_message, error_stack, task_id,
       started_at, completed_at, failed_at, created_at
  FROM neanelu.job_runs WHERE false;
SELECT slot, job_id, lane, queue_name, token, leased_by, leased_at, lease_expires_at FROM neanelu.job_slots WHERE false;
SELECT job_id, queue_name, lane, dedupe_key, is_closing FROM neanelu.job_keys WHERE false;
SELECT id, shop_id, task_name, cron_expression, timezone, queue_name, job_name, job_data, missed_policy, is_active, last_run_at, next_run_at,
       last_job_id, run_count, error_count, created_at, updated_at
  FROM neanelu.scheduled_tasks WHERE false;

DO $verify$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(w.name, ', ') INTO v_missing
      FROM (SELECT 'q_' || n.name || s.suffix || x.suffix
              FROM unnest(ARRAY['webhooks', 'sync', 'bulk', 'ai', 'notifications', 'maintenance']) AS n (name),
                   (VALUES (''), ('_dead')) AS s (suffix), (VALUES (''), ('_lane_idx')) AS x (suffix)) AS w (name)
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c
                        WHERE c.relname = w.name AND c.relnamespace = 'pgmq'::regnamespace
                          AND pg_catalog.pg_get_userbyid(c.relowner) = 'neanelu_owner');
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'missing in pgmq, or not the owner''s: %', v_missing;
    END IF;
    -- What keeps a job's states within one page.
    IF EXISTS (SELECT FROM pg_catalog.pg_index AS i
                 JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
                 JOIN pg_catalog.pg_am AS m ON m.oid = c.relam AND m.amname <> 'brin'
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                WHERE i.indrelid = 'neanelu.job_runs'::regclass AND a.attname IN ('status', 'started_at', 'completed_at', 'attempts')) THEN
        RAISE EXCEPTION 'an index of job_runs takes part in every change of a job''s state';
    END IF;
END
$verify$;

ROLLBACK;
