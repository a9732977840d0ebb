-- Revert neanelu:functions/harvest/shops from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION harvest.take_shop_products(uuid, integer);
DROP FUNCTION harvest._shop_documents(uuid, uuid, uuid, integer);
DROP FUNCTION harvest._shop_attributes(neanelu.shopify_products, neanelu.shopify_variants);
DROP FUNCTION harvest._metafield(jsonb);

COMMIT;
