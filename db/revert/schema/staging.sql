-- Revert neanelu:schema/staging from pg
BEGIN;
DROP TABLE neanelu.sync_references;
DROP TABLE neanelu.sync_children;
DROP TABLE neanelu.sync_fields;
DROP TABLE neanelu.sync_tables;
DROP TABLE neanelu.staging_menu_items, neanelu.staging_menus, neanelu.staging_inventory_levels, neanelu.staging_locations,
    neanelu.staging_metaobjects, neanelu.staging_orders, neanelu.staging_customers, neanelu.staging_collection_products,
    neanelu.staging_collections, neanelu.staging_collection_publications, neanelu.staging_product_publications,
    neanelu.staging_publications, neanelu.staging_variant_media, neanelu.staging_product_media, neanelu.staging_media,
    neanelu.staging_variants, neanelu.staging_products;
DROP TABLE neanelu.bulk_rejects, neanelu.bulk_outcomes, neanelu.bulk_groups, neanelu.bulk_trees, neanelu.bulk_manifest, neanelu.bulk_lines;
COMMIT;
