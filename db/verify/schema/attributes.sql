-- Verify neanelu:schema/attributes on pg

BEGIN;

SELECT id, code, label, description, data_type, unit, unit_family, allowed_values, validation_regex, is_required, is_variant_level, is_searchable, is_filterable, display_order, embedding, embedding_model, created_at, updated_at
  FROM neanelu.prod_attr_definitions WHERE false;
SELECT id, definition_id, synonym_text, locale, source, confidence_score, is_approved, created_at
  FROM neanelu.prod_attr_synonyms WHERE false;
SELECT id, product_id, embedding_type, embedding, content_hash, model_version, dimensions, created_at
  FROM neanelu.prod_embeddings WHERE false;
SELECT id, shop_id, product_id, embedding_type, embedding, content_hash, model_version, dimensions, status, error_message, generated_at, created_at, updated_at
  FROM neanelu.shop_product_embeddings WHERE false;

DO $verify$
DECLARE
    v_bad text;
BEGIN
    SELECT string_agg(e.name, ', ') INTO v_bad
      FROM (VALUES ('idx_attr_code'), ('idx_attr_type'), ('idx_attr_embedding'), ('idx_synonyms_definition'),
                   ('idx_synonyms_text'), ('idx_synonyms_text_trgm'), ('idx_synonyms_unique'), ('idx_embeddings_product'),
                   ('idx_embeddings_type'), ('idx_embeddings_vector'), ('idx_embeddings_unique'), ('idx_shop_embeddings_product'),
                   ('idx_shop_embeddings_hash'), ('idx_shop_embeddings_pending'), ('idx_shop_embeddings_vector')) AS e (name)
     WHERE to_regclass('neanelu.' || e.name) IS NULL;
    IF v_bad IS NOT NULL THEN
        RAISE EXCEPTION 'indexes are missing: %', v_bad;
    END IF;
END
$verify$;

ROLLBACK;
