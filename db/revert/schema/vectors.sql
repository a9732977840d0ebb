-- Revert neanelu:schema/vectors from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP INDEX neanelu.idx_shop_embeddings_minilm_combined;
DROP INDEX neanelu.idx_embeddings_minilm_title;
DROP INDEX neanelu.idx_embeddings_minilm_combined;
ALTER TABLE neanelu.shop_product_embeddings ALTER COLUMN embedding SET STORAGE EXTERNAL, ALTER COLUMN embedding SET COMPRESSION DEFAULT;
ALTER TABLE neanelu.prod_embeddings ALTER COLUMN embedding SET STORAGE EXTERNAL, ALTER COLUMN embedding SET COMPRESSION DEFAULT;
DROP TABLE neanelu.search_words;
DROP TABLE neanelu.embedding_texts;
DROP TABLE neanelu.embedding_sweeps;
DROP TABLE neanelu.embedding_items;
DROP TABLE neanelu.embedding_models;

COMMIT;
