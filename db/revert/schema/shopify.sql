-- Revert neanelu:schema/shopify from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.shopify_metaobjects;
DROP TABLE neanelu.shopify_orders;
DROP TABLE neanelu.shopify_customers;
DROP TABLE neanelu.shopify_collection_products;
DROP TABLE neanelu.shopify_collections;
DROP TABLE neanelu.shopify_variants;
DROP TABLE neanelu.shopify_products;

COMMIT;
