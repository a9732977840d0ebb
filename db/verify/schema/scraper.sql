-- Verify neanelu:schema/scraper on pg

BEGIN;

SELECT id, source_id, name, scraper_type, target_url_pattern, selectors, pagination_config, rate_limit, retry_config, headers, cookies, proxy_config, is_active, last_run_at, success_rate, created_at, updated_at
  FROM neanelu.scraper_configs WHERE false;
SELECT id, config_id, source_id, status, trigger_type, target_urls, pages_crawled, products_found, products_updated, errors_count, error_log, started_at, completed_at, duration_ms, memory_peak_mb, created_at
  FROM neanelu.scraper_runs WHERE false;
SELECT id, config_id, url, priority, depth, parent_url, status, attempts, max_attempts, last_attempt_at, next_attempt_at, error_message, created_at
  FROM neanelu.scraper_queue WHERE false;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(e.name, ', ') INTO v_bad
      FROM (VALUES ('idx_scraper_configs_source'), ('idx_scraper_configs_active'), ('idx_scraper_configs_name'), ('idx_scraper_runs_config'),
                   ('idx_scraper_runs_status'), ('idx_scraper_runs_source'), ('idx_scraper_queue_pending'), ('idx_scraper_queue_url'),
                   ('idx_scraper_queue_next'), ('idx_scraper_queue_unique')) AS e (name)
     WHERE to_regclass('neanelu.' || e.name) IS NULL;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'indexes are missing: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
