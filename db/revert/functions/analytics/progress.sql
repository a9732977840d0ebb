-- Revert neanelu:functions/analytics/progress from pg

BEGIN;
SET LOCAL ROLE neanelu_engine;

SELECT jobs.unschedule(t.name) FROM (VALUES ('analytics.pim_quality'), ('analytics.pim_enrichment'), ('analytics.pim_sources')) AS t (name);
DROP VIEW analytics.pim_source_performance;
DROP VIEW analytics.pim_enrichment_status;
DROP VIEW analytics.pim_quality_progress;

SET LOCAL ROLE neanelu_owner;
REVOKE USAGE ON SCHEMA analytics FROM neanelu_pim_editor;

COMMIT;
