-- Verify neanelu:schema/vectors on pg

BEGIN;

SELECT name, provider, dimensions, max_bytes, is_default, created_at FROM neanelu.embedding_models WHERE false;
SELECT id, kind, shop_id, shop_product_id, product_id, definition_id, embedding_type, model, content, content_hash, tokens, status, attempts,
       available_at, batch_id, error_message, created_at, updated_at FROM neanelu.embedding_items WHERE false;
SELECT id, purpose, shop_id, horizon, next_horizon, cursor_id, swept_at FROM neanelu.embedding_sweeps WHERE false;
SELECT id, model_version, content, content_hash, embedding, created_at FROM neanelu.embedding_texts WHERE false;
SELECT id, shop_id, word, scope FROM neanelu.search_words WHERE false;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    IF (SELECT count(*) FROM neanelu.embedding_models AS m WHERE m.is_default) <> 1 THEN
        RAISE EXCEPTION 'not one model is the default';
    END IF;
    -- No index mixes the vectors of two models.
    SELECT string_agg(i.indexname, ', ') INTO v_bad
      FROM pg_catalog.pg_indexes AS i
     WHERE i.schemaname = 'neanelu' AND i.tablename IN ('prod_embeddings', 'shop_product_embeddings')
       AND i.indexdef LIKE '%USING hnsw%' AND i.indexdef NOT LIKE '%model_version)::text = ''%';
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'indexes of vectors that are not one model''s: %', v_bad;
    END IF;
    SELECT string_agg(e.name, ', ') INTO v_bad
      FROM (VALUES ('idx_embedding_items_due'), ('idx_embedding_items_batch'), ('idx_search_words_trgm'), ('idx_embeddings_minilm_combined'),
                   ('idx_embeddings_minilm_title'), ('idx_shop_embeddings_minilm_combined')) AS e (name)
     WHERE to_regclass('neanelu.' || e.name) IS NULL;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'indexes are missing: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
