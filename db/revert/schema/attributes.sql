-- Revert neanelu:schema/attributes from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.shop_product_embeddings;
DROP TABLE neanelu.prod_embeddings;
DROP TABLE neanelu.prod_attr_synonyms;
DROP TABLE neanelu.prod_attr_definitions;

COMMIT;
