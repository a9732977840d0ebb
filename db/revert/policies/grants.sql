-- Revert neanelu:policies/grants from pg

BEGIN;

SET LOCAL ROLE neanelu_owner;

REVOKE MAINTAIN, TRUNCATE ON
    neanelu.bulk_lines, neanelu.bulk_manifest, neanelu.bulk_trees, neanelu.bulk_groups,
    neanelu.bulk_outcomes, neanelu.bulk_rejects, neanelu.staging_products, neanelu.staging_variants,
    neanelu.staging_media, neanelu.staging_product_media, neanelu.staging_variant_media, neanelu.staging_publications,
    neanelu.staging_product_publications, neanelu.staging_collection_publications, neanelu.staging_collections, neanelu.staging_collection_products,
    neanelu.staging_customers, neanelu.staging_orders, neanelu.staging_metaobjects, neanelu.staging_locations,
    neanelu.staging_inventory_levels, neanelu.staging_menus, neanelu.staging_menu_items
    FROM neanelu_engine;
REVOKE SELECT (
        id, shopify_domain, shopify_shop_id, plan_tier, api_version, key_version, scopes, timezone, currency_code, installed_at, uninstalled_at,
        created_at, updated_at) ON
    neanelu.shops
    FROM neanelu_operator;
REVOKE SELECT (id, reason, body_digest, shop_domain, topic, webhook_id, detail, times, first_at, last_at) ON
    neanelu.webhook_refusals
    FROM neanelu_operator;
REVOKE SELECT (id, bulk_run_id, shop_id, error_type, error_code, error_message, line_number, kind, object_gid, raw_bytes, created_at) ON
    neanelu.bulk_errors
    FROM neanelu_operator;
REVOKE SELECT (id, bulk_run_id, shop_id, artifact_type, etag, bytes_size, rows_count, checksum, expires_at, removed_at, created_at) ON
    neanelu.bulk_artifacts
    FROM neanelu_operator;
REVOKE SELECT (
        id, shop_id, operation_type, query_type, mode, source, status, shopify_operation_id, api_version, filter_from, started_at, completed_at,
        records_processed, bytes_processed, is_partial, objects_expected, roots_expected, bytes_expected, lines_in, lines_merged, lines_unchanged,
        lines_quarantined, lines_duplicate, lines_ignored, rows_inserted, rows_updated, rows_tombstoned, error_code, error_message, retry_count,
        max_retries, attempt, created_at, updated_at, leased_by, lease_expires_at, not_before) ON
    neanelu.bulk_runs
    FROM neanelu_operator;
REVOKE SELECT ON
    neanelu.sync_checkpoints, neanelu.bulk_steps, neanelu.bulk_counts, neanelu.shopify_webhooks,
    neanelu.migration_history, neanelu.feature_flags, neanelu.key_rotations, neanelu.system_config
    FROM neanelu_operator;
REVOKE SELECT (id, shopify_domain, installed_at, uninstalled_at) ON
    neanelu.shops
    FROM neanelu_auditor;
REVOKE SELECT ON
    neanelu.audit_logs
    FROM neanelu_auditor;
REVOKE SELECT (id, shopify_domain, plan_tier, timezone, currency_code, installed_at, uninstalled_at) ON
    neanelu.shops
    FROM neanelu_analyst;
REVOKE SELECT (
        id, shop_id, shopify_gid, legacy_resource_id, name, order_number, financial_status, fulfillment_status, total_price, subtotal_price,
        total_tax, total_discounts, total_shipping, current_total_price, current_subtotal_price, current_total_tax, current_shipping_price,
        taxes_included, is_test, refunds, currency_code, presentment_currency, customer_locale, gateway, risk_level, source_name,
        cancelled_at, cancel_reason, closed_at, processed_at, created_at_shopify, updated_at_shopify, synced_at, deleted_at, deletion_reason,
        created_at, updated_at) ON
    neanelu.shopify_orders
    FROM neanelu_analyst;
REVOKE SELECT ON
    neanelu.shopify_products, neanelu.shopify_variants, neanelu.shopify_collections,
    neanelu.shopify_collection_products, neanelu.shopify_media, neanelu.shopify_product_media,
    neanelu.shopify_variant_media, neanelu.shopify_publications, neanelu.shopify_resource_publications,
    neanelu.shopify_menus, neanelu.shopify_menu_items, neanelu.inventory_locations, neanelu.inventory_levels
    FROM neanelu_analyst;
REVOKE SELECT (id, bulk_run_id, shop_id, artifact_type, etag, bytes_size, rows_count, checksum, expires_at, removed_at, created_at) ON
    neanelu.bulk_artifacts
    FROM neanelu_tenant, neanelu_app;
REVOKE SELECT (
        id, shop_id, operation_type, query_type, mode, source, status, shopify_operation_id, api_version, filter_from, started_at, completed_at,
        records_processed, bytes_processed, is_partial, objects_expected, roots_expected, bytes_expected, lines_in, lines_merged, lines_unchanged,
        lines_quarantined, lines_duplicate, lines_ignored, rows_inserted, rows_updated, rows_tombstoned, error_code, error_message, retry_count,
        max_retries, attempt, created_at, updated_at) ON
    neanelu.bulk_runs
    FROM neanelu_tenant, neanelu_app;
REVOKE SELECT ON
    neanelu.staff_users, neanelu.shopify_webhooks, neanelu.webhook_events,
    neanelu.sync_checkpoints, neanelu.bulk_steps, neanelu.bulk_errors, neanelu.bulk_counts, neanelu.audit_logs
    FROM neanelu_tenant, neanelu_app;
REVOKE SELECT ON
    neanelu.shopify_products, neanelu.shopify_variants, neanelu.shopify_collections,
    neanelu.shopify_collection_products, neanelu.shopify_customers, neanelu.shopify_orders,
    neanelu.shopify_metaobjects, neanelu.shopify_media, neanelu.shopify_product_media, neanelu.shopify_variant_media,
    neanelu.shopify_publications, neanelu.shopify_resource_publications, neanelu.shopify_menus,
    neanelu.shopify_menu_items, neanelu.inventory_locations, neanelu.inventory_levels
    FROM neanelu_tenant, neanelu_app;
REVOKE SELECT ON
    neanelu.sync_resources, neanelu.sync_streams
    FROM neanelu_platform, neanelu_operator;
REVOKE INSERT ON
    neanelu.bulk_lines, neanelu.bulk_manifest
    FROM neanelu_sync;
REVOKE SELECT ON
    neanelu.sync_resources, neanelu.sync_streams, neanelu.sync_tables, neanelu.sync_fields, neanelu.sync_children,
    neanelu.sync_references
    FROM neanelu_engine;
REVOKE SELECT, INSERT, UPDATE, DELETE ON
    neanelu.bulk_lines, neanelu.bulk_manifest, neanelu.bulk_trees, neanelu.bulk_groups, neanelu.bulk_outcomes, neanelu.bulk_rejects,
    neanelu.staging_products, neanelu.staging_variants, neanelu.staging_media, neanelu.staging_product_media,
    neanelu.staging_variant_media, neanelu.staging_publications, neanelu.staging_product_publications,
    neanelu.staging_collection_publications, neanelu.staging_collections, neanelu.staging_collection_products,
    neanelu.staging_customers, neanelu.staging_orders, neanelu.staging_metaobjects, neanelu.staging_locations,
    neanelu.staging_inventory_levels, neanelu.staging_menus, neanelu.staging_menu_items
    FROM neanelu_engine;
REVOKE SELECT, INSERT, UPDATE, DELETE ON
    neanelu.staff_users, neanelu.shopify_webhooks, neanelu.webhook_events, neanelu.sync_checkpoints,
    neanelu.bulk_runs, neanelu.bulk_steps, neanelu.bulk_artifacts, neanelu.bulk_errors, neanelu.bulk_counts,
    neanelu.app_sessions, neanelu.oauth_states, neanelu.oauth_nonces, neanelu.webhook_receipts,
    neanelu.webhook_refusals, neanelu.bulk_error_chunks, neanelu.sync_digests
    FROM neanelu_engine;
REVOKE SELECT, INSERT, UPDATE, DELETE ON
    neanelu.shops, neanelu.key_rotations, neanelu.feature_flags, neanelu.system_config, neanelu.migration_history,
    neanelu.shopify_products, neanelu.shopify_variants, neanelu.shopify_collections,
    neanelu.shopify_collection_products, neanelu.shopify_customers, neanelu.shopify_orders,
    neanelu.shopify_metaobjects, neanelu.shopify_media, neanelu.shopify_product_media, neanelu.shopify_variant_media,
    neanelu.shopify_publications, neanelu.shopify_resource_publications, neanelu.shopify_menus,
    neanelu.shopify_menu_items, neanelu.inventory_locations, neanelu.inventory_levels
    FROM neanelu_engine;
-- functions/app/context granted this one, and it stays until that is reverted.
GRANT SELECT ON neanelu.shops TO neanelu_engine;
SET LOCAL ROLE neanelu_engine;
REVOKE SELECT ON neanelu.current_shop FROM neanelu_tenant, neanelu_platform;

COMMIT;
