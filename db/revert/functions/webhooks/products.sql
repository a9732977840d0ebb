-- Revert neanelu:functions/webhooks/products from pg

BEGIN;

SET LOCAL ROLE neanelu_engine;
DROP FUNCTION webhooks.apply_collections(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks._collection_row(jsonb, boolean);
DROP FUNCTION webhooks._write_publication(uuid, bigint, bigint, timestamptz, boolean, timestamptz);
DROP FUNCTION webhooks.apply_publications(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks.apply_variants(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks.apply_products(uuid, text, jsonb, timestamptz);
DROP FUNCTION webhooks._want_collections_of(uuid, text);
DROP FUNCTION webhooks._variant_gids(jsonb);
DROP FUNCTION webhooks._delete_variants(uuid, text, text[], timestamptz, text);
DROP FUNCTION webhooks._write_variants(uuid, text, jsonb, jsonb, timestamptz);
DROP FUNCTION webhooks._new_items(uuid, jsonb);
DROP FUNCTION webhooks._variant_row(jsonb, jsonb, text);
DROP FUNCTION webhooks._image_url(jsonb, jsonb);
DROP FUNCTION webhooks._selected_options(jsonb, jsonb);
DROP FUNCTION webhooks._product_row(jsonb);

COMMIT;
