-- Revert neanelu:schema/media from pg

BEGIN;
SET LOCAL ROLE neanelu_owner;

DROP TABLE neanelu.shopify_resource_publications;
DROP TABLE neanelu.shopify_publications;
DROP TABLE neanelu.shopify_variant_media;
DROP TABLE neanelu.shopify_product_media;
DROP TABLE neanelu.shopify_media;

COMMIT;
