-- Verify neanelu:policies/pim on pg

BEGIN;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(c.relname, ', ') INTO v_bad
      FROM pg_catalog.pg_class AS c
     WHERE c.relnamespace = 'neanelu'::regnamespace AND c.relkind IN ('r', 'p')
       AND (c.relname IN ('prod_channel_mappings', 'shop_product_embeddings', 'ai_batches', 'ai_batch_items', 'embedding_batches')
            OR c.relname LIKE 'api\_usage\_log%')
       AND NOT (c.relrowsecurity AND c.relforcerowsecurity);
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'no forced row level security on: %', v_bad;
    END IF;

    -- Nobody but the engine writes, and it does not change what came in; tenants see nothing that is not their shop's.
    SELECT string_agg(format('%s on %s for %s', p.right, t.name, r.rolname), '; ') INTO v_bad
      FROM (VALUES ('prod_taxonomy'), ('prod_sources'), ('prod_raw_harvest'), ('prod_extraction_sessions'), ('prod_master'),
                   ('prod_dedupe_clusters'), ('prod_dedupe_cluster_members'), ('prod_specs_normalized'), ('prod_semantics'), ('prod_proposals'),
                   ('prod_similarity_matches'), ('prod_quality_events'), ('prod_translations'), ('prod_attr_definitions'), ('prod_attr_synonyms'),
                   ('prod_embeddings'), ('scraper_configs'), ('scraper_runs'), ('scraper_queue'), ('prod_channel_mappings'),
                   ('shop_product_embeddings'), ('ai_batches'), ('ai_batch_items'), ('embedding_batches'), ('api_usage_log')) AS t (name)
     CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS p ("right")
     CROSS JOIN pg_catalog.pg_roles AS r
     WHERE r.rolname IN ('neanelu_engine', 'neanelu_sync', 'neanelu_webhooks', 'neanelu_app', 'neanelu_worker', 'neanelu_ai', 'neanelu_harvester',
                         'neanelu_operator', 'neanelu_tenant', 'neanelu_analyst', 'neanelu_pim_editor', 'neanelu_auditor')
       AND has_table_privilege(r.rolname, 'neanelu.' || t.name, p.right)
       AND NOT (r.rolname = 'neanelu_engine' AND p.right <> 'TRUNCATE'
                AND (p.right = 'INSERT'
                     OR t.name NOT IN ('prod_raw_harvest', 'prod_extraction_sessions', 'prod_quality_events', 'api_usage_log')));
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'rights that should not be: %', v_bad;
    END IF;
    SELECT string_agg(format('%s for %s', t.name, r.rolname), '; ') INTO v_bad
      FROM (VALUES ('prod_taxonomy'), ('prod_sources'), ('prod_raw_harvest'), ('prod_extraction_sessions'), ('prod_master'),
                   ('prod_dedupe_clusters'), ('prod_dedupe_cluster_members'), ('prod_specs_normalized'), ('prod_semantics'), ('prod_proposals'),
                   ('prod_similarity_matches'), ('prod_quality_events'), ('prod_translations'), ('prod_attr_definitions'), ('prod_attr_synonyms'),
                   ('prod_embeddings'), ('scraper_configs'), ('scraper_runs'), ('scraper_queue')) AS t (name)
     CROSS JOIN pg_catalog.pg_roles AS r
     WHERE r.rolname IN ('neanelu_tenant', 'neanelu_app', 'neanelu_sync', 'neanelu_webhooks', 'neanelu_harvester')
       AND has_table_privilege(r.rolname, 'neanelu.' || t.name, 'SELECT');
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'readers that should not be: %', v_bad;
    END IF;
    IF NOT (has_table_privilege('neanelu_pim_editor', 'neanelu.prod_master', 'SELECT')
            AND has_table_privilege('neanelu_tenant', 'neanelu.shop_product_embeddings', 'SELECT')
            AND has_column_privilege('neanelu_engine', 'neanelu.prod_raw_harvest', 'processing_status', 'UPDATE')) THEN
        RAISE EXCEPTION 'who should read or write the PIM may not';
    END IF;
END
$verify$;

ROLLBACK;
