-- Deploy neanelu:schema/progress to pg
-- requires: schema/pim
-- requires: schema/analytics
-- requires: policies/pim
-- Module M: the materialized views of the golden records. As those of shops: the engine owns them, a refresh reads with its rights,
-- and people read them through the views of functions/analytics/progress.

BEGIN;

SET LOCAL search_path = neanelu, analytics, extensions, pg_temp;
SET LOCAL ROLE neanelu_owner;
INSERT INTO neanelu.analytics_refreshes (view_name, expected_every) VALUES
  ('mv_pim_quality_progress', '1 hour'), ('mv_pim_enrichment_status', '1 hour'), ('mv_pim_source_performance', '1 day');
GRANT CREATE ON SCHEMA neanelu TO neanelu_engine;
SET LOCAL ROLE neanelu_engine;

CREATE MATERIALIZED VIEW neanelu.mv_pim_quality_progress AS
    WITH product AS (
        SELECT m.data_quality_level, count(*) AS products, avg(m.quality_score) AS score, count(*) FILTER (WHERE m.needs_review) AS reviews,
               count(*) FILTER (WHERE m.promoted_to_silver_at >= app.now() - interval '24 hours') AS silver_24h,
               count(*) FILTER (WHERE m.promoted_to_golden_at >= app.now() - interval '24 hours') AS golden_24h,
               count(*) FILTER (WHERE m.promoted_to_silver_at >= app.now() - interval '7 days') AS silver_7d,
               count(*) FILTER (WHERE m.promoted_to_golden_at >= app.now() - interval '7 days') AS golden_7d,
               max(greatest(m.updated_at, m.last_quality_check)) AS updated
          FROM neanelu.prod_master AS m WHERE m.dedupe_status <> 'duplicate' GROUP BY m.data_quality_level)
    SELECT l.level::varchar(20) AS data_quality_level, coalesce(p.products, 0) AS product_count,
           round(coalesce(p.products, 0) / nullif(sum(p.products) OVER (), 0) * 100, 2) AS percentage, round(p.score, 4) AS avg_quality_score,
           coalesce(p.reviews, 0) AS needs_review_count,
           coalesce(p.silver_24h, 0) AS promoted_to_silver_24h, coalesce(p.golden_24h, 0) AS promoted_to_golden_24h,
           coalesce(p.silver_7d, 0) AS promoted_to_silver_7d, coalesce(p.golden_7d, 0) AS promoted_to_golden_7d, p.updated AS last_update
      FROM (VALUES ('bronze'), ('silver'), ('golden'), ('review_needed')) AS l (level)
      LEFT JOIN product AS p ON p.data_quality_level = l.level;
CREATE UNIQUE INDEX idx_mv_pim_quality_level ON neanelu.mv_pim_quality_progress (data_quality_level);
COMMENT ON MATERIALIZED VIEW neanelu.mv_pim_quality_progress IS
    'One row a quality level: how many golden records have it, how good they are, how many came up lately. Records merged into others do not count. '
    'Refreshed hourly by analytics.refresh; read it through analytics.pim_quality_progress.';
COMMENT ON COLUMN neanelu.mv_pim_quality_progress.data_quality_level IS 'Level; the key.';
COMMENT ON COLUMN neanelu.mv_pim_quality_progress.product_count IS 'Golden records of the level now.';
COMMENT ON COLUMN neanelu.mv_pim_quality_progress.percentage IS 'Of all golden records, 0 to 100; null when there are none.';
COMMENT ON COLUMN neanelu.mv_pim_quality_progress.avg_quality_score IS 'Mean score, 0 to 1.';
COMMENT ON COLUMN neanelu.mv_pim_quality_progress.needs_review_count IS 'Of them, those that somebody should look at.';
COMMENT ON COLUMN neanelu.mv_pim_quality_progress.promoted_to_silver_24h IS 'Of them, those that became silver within the last 24 hours, whatever they are now.';
COMMENT ON COLUMN neanelu.mv_pim_quality_progress.promoted_to_golden_24h IS 'The same for golden.';
COMMENT ON COLUMN neanelu.mv_pim_quality_progress.promoted_to_silver_7d IS 'The same for silver within 7 days.';
COMMENT ON COLUMN neanelu.mv_pim_quality_progress.promoted_to_golden_7d IS 'The same for golden within 7 days.';
COMMENT ON COLUMN neanelu.mv_pim_quality_progress.last_update IS 'When one of them last changed or was scored.';

-- Matches are added up before they are joined: a product with three matches is one product, with one set of attributes.
CREATE MATERIALIZED VIEW neanelu.mv_pim_enrichment_status AS
    WITH product AS (
        SELECT m.data_quality_level AS level, count(*) AS products, count(s.product_id) AS with_specs
          FROM neanelu.prod_master AS m
          LEFT JOIN neanelu.prod_specs_normalized AS s ON s.product_id = m.id AND s.is_current AND s.specs <> '{}'
         WHERE m.dedupe_status <> 'duplicate' GROUP BY m.data_quality_level
    ), match AS (
        SELECT m.data_quality_level AS level, count(DISTINCT x.product_id) AS products, count(*) AS matches,
               count(*) FILTER (WHERE x.match_confidence = 'confirmed') AS confirmed, count(*) FILTER (WHERE x.match_confidence = 'pending') AS pending,
               count(*) FILTER (WHERE x.match_confidence = 'rejected') AS rejected, count(DISTINCT x.source_id) AS sources,
               avg(x.similarity_score) FILTER (WHERE x.match_confidence = 'confirmed') AS similarity, max(x.created_at) AS found
          FROM neanelu.prod_similarity_matches AS x
          JOIN neanelu.prod_master AS m ON m.id = x.product_id AND m.dedupe_status <> 'duplicate' GROUP BY m.data_quality_level)
    SELECT l.level::varchar(20) AS data_quality_level, coalesce(p.products, 0) AS total_products, coalesce(x.products, 0) AS products_with_matches,
           coalesce(x.matches, 0) AS total_matches, coalesce(x.confirmed, 0) AS confirmed_matches, coalesce(x.pending, 0) AS pending_matches,
           coalesce(x.rejected, 0) AS rejected_matches, coalesce(x.sources, 0) AS unique_sources, round(x.similarity, 4) AS avg_confirmed_similarity,
           coalesce(p.with_specs, 0) AS products_with_specs, x.found AS last_match_found
      FROM (VALUES ('bronze'), ('silver'), ('golden'), ('review_needed')) AS l (level)
      LEFT JOIN product AS p ON p.level = l.level
      LEFT JOIN match AS x ON x.level = l.level;
CREATE UNIQUE INDEX idx_mv_pim_enrichment_level ON neanelu.mv_pim_enrichment_status (data_quality_level);
COMMENT ON MATERIALIZED VIEW neanelu.mv_pim_enrichment_status IS
    'One row a quality level: how many golden records sources were matched to, and how sure. Refreshed hourly by analytics.refresh; read it through analytics.pim_enrichment_status.';
COMMENT ON COLUMN neanelu.mv_pim_enrichment_status.data_quality_level IS 'Level; the key.';
COMMENT ON COLUMN neanelu.mv_pim_enrichment_status.total_products IS 'Golden records of the level.';
COMMENT ON COLUMN neanelu.mv_pim_enrichment_status.products_with_matches IS 'Of them, those that something was compared with.';
COMMENT ON COLUMN neanelu.mv_pim_enrichment_status.total_matches IS 'Products of sources that were found to be one of them, or not.';
COMMENT ON COLUMN neanelu.mv_pim_enrichment_status.confirmed_matches IS 'Of these, confirmed.';
COMMENT ON COLUMN neanelu.mv_pim_enrichment_status.pending_matches IS 'Of these, waiting for review.';
COMMENT ON COLUMN neanelu.mv_pim_enrichment_status.rejected_matches IS 'Of these, rejected.';
COMMENT ON COLUMN neanelu.mv_pim_enrichment_status.unique_sources IS 'Sources that they come from.';
COMMENT ON COLUMN neanelu.mv_pim_enrichment_status.avg_confirmed_similarity IS 'Mean similarity of the confirmed ones, 0 to 1.';
COMMENT ON COLUMN neanelu.mv_pim_enrichment_status.products_with_specs IS 'Golden records of the level with decided attributes.';
COMMENT ON COLUMN neanelu.mv_pim_enrichment_status.last_match_found IS 'When the latest was found.';

CREATE MATERIALIZED VIEW neanelu.mv_pim_source_performance AS
    WITH match AS (
        SELECT x.source_id, count(*) AS matches, count(*) FILTER (WHERE x.match_confidence = 'confirmed') AS confirmed,
               count(*) FILTER (WHERE x.match_confidence = 'rejected') AS rejected, avg(x.similarity_score) AS similarity,
               count(DISTINCT x.product_id) AS products, max(x.scraped_at) AS scraped
          FROM neanelu.prod_similarity_matches AS x GROUP BY x.source_id
    ), reading AS (
        SELECT h.source_id, count(*) FILTER (WHERE s.error_message IS NULL) AS readings, max(h.fetched_at) AS fetched
          FROM neanelu.prod_extraction_sessions AS s
          JOIN neanelu.prod_raw_harvest AS h ON h.id = s.harvest_id AND h.fetched_at = s.harvest_fetched_at GROUP BY h.source_id
    ), proposal AS (
        SELECT p.source_id, count(DISTINCT p.product_id) FILTER (WHERE p.proposal_status IN ('approved', 'merged')) AS products,
               count(*) FILTER (WHERE p.proposal_status IN ('approved', 'merged')) AS in_force,
               count(*) FILTER (WHERE p.proposal_status = 'rejected') AS rejected
          FROM neanelu.prod_proposals AS p GROUP BY p.source_id)
    SELECT s.id AS source_id, s.name AS source_name, s.source_type, s.trust_score, coalesce(x.matches, 0) AS total_matches,
           coalesce(x.confirmed, 0) AS confirmed_matches, coalesce(x.rejected, 0) AS rejected_matches,
           round(x.confirmed / nullif(x.confirmed + x.rejected, 0)::numeric * 100, 2) AS confirmation_rate, round(x.similarity, 4) AS avg_similarity,
           greatest(coalesce(x.products, 0), coalesce(p.products, 0)) AS products_enriched, coalesce(r.readings, 0) AS specs_extracted,
           greatest(x.scraped, r.fetched) AS last_scrape, coalesce(p.in_force, 0) AS values_in_force, coalesce(p.rejected, 0) AS values_rejected,
           round(p.in_force / nullif(p.in_force + p.rejected, 0)::numeric * 100, 2) AS acceptance_rate
      FROM neanelu.prod_sources AS s
      LEFT JOIN match AS x ON x.source_id = s.id
      LEFT JOIN reading AS r ON r.source_id = s.id
      LEFT JOIN proposal AS p ON p.source_id = s.id;
CREATE UNIQUE INDEX idx_mv_pim_source_perf_pk ON neanelu.mv_pim_source_performance (source_id);
CREATE INDEX idx_mv_pim_source_perf_rate ON neanelu.mv_pim_source_performance (confirmation_rate DESC);
COMMENT ON MATERIALIZED VIEW neanelu.mv_pim_source_performance IS
    'One row a source: how much of what it says is taken. Refreshed daily at 04:30 UTC by analytics.refresh; read it through analytics.pim_source_performance.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.source_id IS 'Source; the key.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.source_name IS 'Its name.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.source_type IS 'Its kind.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.trust_score IS 'How far it is believed, 0 to 1.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.total_matches IS 'Its products that were compared with golden records.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.confirmed_matches IS 'Of these, confirmed.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.rejected_matches IS 'Of these, rejected.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.confirmation_rate IS 'Confirmed of those that were decided, 0 to 100; null when none was.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.avg_similarity IS 'Mean similarity, 0 to 1.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.products_enriched IS 'Golden records that it was matched to or has a value in.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.specs_extracted IS 'Its documents that a product was read from.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.last_scrape IS 'When the latest document came that a product was read from.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.values_in_force IS 'Its values that are in force or agree with what is.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.values_rejected IS 'Its values that were rejected.';
COMMENT ON COLUMN neanelu.mv_pim_source_performance.acceptance_rate IS 'values_in_force of both, 0 to 100; null when there are none.';

SET LOCAL ROLE neanelu_owner;
REVOKE CREATE ON SCHEMA neanelu FROM neanelu_engine;

COMMIT;
