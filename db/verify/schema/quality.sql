-- Verify neanelu:schema/quality on pg

BEGIN;

SELECT id, code, channel, field_paths, weight, is_required, is_text, created_at FROM neanelu.prod_quality_fields WHERE false;
SELECT id, level, taxonomy_id, channel, min_score, min_completeness, min_accuracy, min_consistency, min_sources, required_fields,
       no_open_conflicts, hysteresis, is_active, created_at, updated_at
  FROM neanelu.prod_quality_rules WHERE false;
SELECT channel, field_path, owner, created_at FROM neanelu.prod_channel_fields WHERE false;
SELECT name, is_wanted FROM neanelu.prod_quality_signals WHERE false;
SELECT id, name, url, event_types, is_active, last_success_at, last_failure_at, last_error, created_at, updated_at
  FROM neanelu.prod_quality_endpoints WHERE false;
SELECT event_id, endpoint_id, status, attempts, http_status, last_error, settled_at, created_at FROM neanelu.prod_quality_deliveries WHERE false;
SELECT id, name, created_at FROM neanelu.prod_reviewers WHERE false;
SELECT item_kind, item_id, reviewer_id, claimed_at, expires_at FROM neanelu.prod_review_claims WHERE false;
SELECT item_kind, item_id, reviewer_id, skipped_at FROM neanelu.prod_review_skips WHERE false;
SELECT id, item_kind, item_id, decision, reviewer_id, notes, outcome, decided_at, undone_at, undone_by FROM neanelu.prod_review_decisions WHERE false;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(l.level, ', ') INTO v_bad
      FROM (VALUES ('silver'), ('golden'), ('review_needed')) AS l (level)
     WHERE NOT EXISTS (SELECT FROM neanelu.prod_quality_rules AS r WHERE r.level = l.level AND r.taxonomy_id IS NULL AND r.channel IS NULL);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'levels without a general rule: %', v_bad;
    END IF;
    SELECT string_agg(c.name, ', ') INTO v_bad
      FROM unnest('{simple,romanian,english,german,french,spanish,italian,hungarian,dutch,portuguese}'::text[]) AS c (name)
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_ts_config AS t WHERE t.cfgname = 'pim_' || c.name AND t.cfgnamespace = 'neanelu'::regnamespace);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'text search configurations are missing: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
