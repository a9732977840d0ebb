-- Deploy neanelu:functions/analytics/progress to pg
-- requires: schema/progress
-- requires: functions/analytics/schedule
-- How the golden records come along, for analysts, editors and operators; and when the figures are refreshed.

BEGIN;

SET LOCAL search_path = neanelu, analytics, app, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;
GRANT USAGE ON SCHEMA analytics TO neanelu_pim_editor;
SET LOCAL ROLE neanelu_engine;

CREATE VIEW analytics.pim_quality_progress WITH (security_barrier) AS
    SELECT m.data_quality_level, m.product_count, m.percentage, m.avg_quality_score, m.needs_review_count, m.promoted_to_silver_24h,
           m.promoted_to_golden_24h, m.promoted_to_silver_7d, m.promoted_to_golden_7d, m.last_update
      FROM neanelu.mv_pim_quality_progress AS m;
COMMENT ON VIEW analytics.pim_quality_progress IS 'neanelu.mv_pim_quality_progress, one row a quality level; as fresh as analytics_refreshes says. No tenant sees it.';
COMMENT ON COLUMN analytics.pim_quality_progress.data_quality_level IS 'Level; the key.';
COMMENT ON COLUMN analytics.pim_quality_progress.product_count IS 'Golden records of the level now.';
COMMENT ON COLUMN analytics.pim_quality_progress.percentage IS 'Of all golden records, 0 to 100; null when there are none.';
COMMENT ON COLUMN analytics.pim_quality_progress.avg_quality_score IS 'Mean score, 0 to 1.';
COMMENT ON COLUMN analytics.pim_quality_progress.needs_review_count IS 'Of them, those that somebody should look at.';
COMMENT ON COLUMN analytics.pim_quality_progress.promoted_to_silver_24h IS 'Of them, those that became silver within the last 24 hours, whatever they are now.';
COMMENT ON COLUMN analytics.pim_quality_progress.promoted_to_golden_24h IS 'The same for golden.';
COMMENT ON COLUMN analytics.pim_quality_progress.promoted_to_silver_7d IS 'The same for silver within 7 days.';
COMMENT ON COLUMN analytics.pim_quality_progress.promoted_to_golden_7d IS 'The same for golden within 7 days.';
COMMENT ON COLUMN analytics.pim_quality_progress.last_update IS 'When one of them last changed or was scored.';

CREATE VIEW analytics.pim_enrichment_status WITH (security_barrier) AS
    SELECT m.data_quality_level, m.total_products, m.products_with_matches, m.total_matches, m.confirmed_matches, m.pending_matches,
           m.rejected_matches, m.unique_sources, m.avg_confirmed_similarity, m.products_with_specs, m.last_match_found
      FROM neanelu.mv_pim_enrichment_status AS m;
COMMENT ON VIEW analytics.pim_enrichment_status IS 'neanelu.mv_pim_enrichment_status, one row a quality level; as fresh as analytics_refreshes says. No tenant sees it.';
COMMENT ON COLUMN analytics.pim_enrichment_status.data_quality_level IS 'Level; the key.';
COMMENT ON COLUMN analytics.pim_enrichment_status.total_products IS 'Golden records of the level.';
COMMENT ON COLUMN analytics.pim_enrichment_status.products_with_matches IS 'Of them, those that something was compared with.';
COMMENT ON COLUMN analytics.pim_enrichment_status.total_matches IS 'Products of sources that were found to be one of them, or not.';
COMMENT ON COLUMN analytics.pim_enrichment_status.confirmed_matches IS 'Of these, confirmed.';
COMMENT ON COLUMN analytics.pim_enrichment_status.pending_matches IS 'Of these, waiting for review.';
COMMENT ON COLUMN analytics.pim_enrichment_status.rejected_matches IS 'Of these, rejected.';
COMMENT ON COLUMN analytics.pim_enrichment_status.unique_sources IS 'Sources that they come from.';
COMMENT ON COLUMN analytics.pim_enrichment_status.avg_confirmed_similarity IS 'Mean similarity of the confirmed ones, 0 to 1.';
COMMENT ON COLUMN analytics.pim_enrichment_status.products_with_specs IS 'Golden records of the level with decided attributes.';
COMMENT ON COLUMN analytics.pim_enrichment_status.last_match_found IS 'When the latest was found.';

CREATE VIEW analytics.pim_source_performance WITH (security_barrier) AS
    SELECT m.source_id, m.source_name, m.source_type, m.trust_score, m.total_matches, m.confirmed_matches, m.rejected_matches,
           m.confirmation_rate, m.avg_similarity, m.products_enriched, m.specs_extracted, m.last_scrape, m.values_in_force,
           m.values_rejected, m.acceptance_rate
      FROM neanelu.mv_pim_source_performance AS m;
COMMENT ON VIEW analytics.pim_source_performance IS 'neanelu.mv_pim_source_performance, one row a source; as fresh as analytics_refreshes says. No tenant sees it.';
COMMENT ON COLUMN analytics.pim_source_performance.source_id IS 'Source; the key.';
COMMENT ON COLUMN analytics.pim_source_performance.source_name IS 'Its name.';
COMMENT ON COLUMN analytics.pim_source_performance.source_type IS 'Its kind.';
COMMENT ON COLUMN analytics.pim_source_performance.trust_score IS 'How far it is believed, 0 to 1.';
COMMENT ON COLUMN analytics.pim_source_performance.total_matches IS 'Its products that were compared with golden records.';
COMMENT ON COLUMN analytics.pim_source_performance.confirmed_matches IS 'Of these, confirmed.';
COMMENT ON COLUMN analytics.pim_source_performance.rejected_matches IS 'Of these, rejected.';
COMMENT ON COLUMN analytics.pim_source_performance.confirmation_rate IS 'Confirmed of those that were decided, 0 to 100; null when none was.';
COMMENT ON COLUMN analytics.pim_source_performance.avg_similarity IS 'Mean similarity, 0 to 1.';
COMMENT ON COLUMN analytics.pim_source_performance.products_enriched IS 'Golden records that it was matched to or has a value in.';
COMMENT ON COLUMN analytics.pim_source_performance.specs_extracted IS 'Its documents that a product was read from.';
COMMENT ON COLUMN analytics.pim_source_performance.last_scrape IS 'When the latest document came that a product was read from.';
COMMENT ON COLUMN analytics.pim_source_performance.values_in_force IS 'Its values that are in force or agree with what is.';
COMMENT ON COLUMN analytics.pim_source_performance.values_rejected IS 'Its values that were rejected.';
COMMENT ON COLUMN analytics.pim_source_performance.acceptance_rate IS 'values_in_force of both, 0 to 100; null when there are none.';

GRANT SELECT ON analytics.pim_quality_progress, analytics.pim_enrichment_status, analytics.pim_source_performance
    TO neanelu_analyst, neanelu_pim_editor, neanelu_operator;

SELECT jobs.schedule('analytics.pim_quality', '10 * * * *', 'maintenance', 'analytics.refresh', '{"view": "mv_pim_quality_progress"}');
SELECT jobs.schedule('analytics.pim_enrichment', '20 * * * *', 'maintenance', 'analytics.refresh', '{"view": "mv_pim_enrichment_status"}');
SELECT jobs.schedule('analytics.pim_sources', '30 4 * * *', 'maintenance', 'analytics.refresh', '{"view": "mv_pim_source_performance"}');

COMMIT;
