-- Revert neanelu:schema/progress from pg

BEGIN;
SET LOCAL ROLE neanelu_engine;

DROP MATERIALIZED VIEW neanelu.mv_pim_source_performance;
DROP MATERIALIZED VIEW neanelu.mv_pim_enrichment_status;
DROP MATERIALIZED VIEW neanelu.mv_pim_quality_progress;

SET LOCAL ROLE neanelu_owner;
DELETE FROM neanelu.analytics_refreshes WHERE view_name IN ('mv_pim_quality_progress', 'mv_pim_enrichment_status', 'mv_pim_source_performance');

COMMIT;
