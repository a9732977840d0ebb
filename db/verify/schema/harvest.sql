-- Verify neanelu:schema/harvest on pg

BEGIN;

SELECT source_id, url, content_hash, harvest_id, fetched_at, checked_at, etag, last_modified FROM neanelu.harvest_pages WHERE false;
SELECT id, source_id, config_id, tokens, refilled_at, crawl_delay, shut_until, refusals FROM neanelu.harvest_buckets WHERE false;
SELECT queue_id, bucket_id, run_id, token, worker, expires_at FROM neanelu.harvest_leases WHERE false;
SELECT id, source_id, file_name, file_format, status, records, stored, unchanged, superseded, quarantined, error_code, started_at, ended_at
  FROM neanelu.harvest_imports WHERE false;
SELECT id, import_id, line_number, error_code, message, raw, raw_bytes FROM neanelu.harvest_errors WHERE false;
SELECT 1 / (count(*) FILTER (WHERE f.name = 'additionalproperty' AND f.field = 'attributes'))::integer FROM neanelu.harvest_fields AS f;
SELECT 1 / (count(*) FILTER (WHERE e.kind = 'json-ld'))::integer FROM neanelu.harvest_evidence AS e;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(e.name, ', ') INTO v_bad
      FROM (VALUES ('idx_harvest_buckets_owner'), ('idx_harvest_buckets_config'), ('idx_harvest_leases_bucket'), ('idx_harvest_leases_run'),
                   ('idx_harvest_imports_source'), ('idx_harvest_errors_import')) AS e (name)
     WHERE to_regclass('neanelu.' || e.name) IS NULL;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'indexes are missing: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
