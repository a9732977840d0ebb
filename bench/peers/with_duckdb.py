"""Loads a file of product lines into PostgreSQL with DuckDB and ADBC; runs in an environment of its own.

    with_duckdb.py DSN FILE SCHEMA

DuckDB parses the lines on all CPUs, types them into one table a kind, and the ADBC driver writes each as Arrow
batches by binary COPY into a plain table: no index, no constraint, no history. (DuckDB's own postgres extension
must be downloaded; it writes by COPY as well.) Prints the seconds of reading and writing, without the
interpreter's start.
"""

from __future__ import annotations

import sys
import time

READ = """
CREATE TEMP TABLE lines AS
SELECT split_part(id, '/', 4) AS kind, split_part(id, '/', 5)::BIGINT AS object_id, *
  FROM read_json(?, format = 'newline_delimited', maximum_object_size = 67108864, columns = {
    id: 'VARCHAR', __parentId: 'VARCHAR', title: 'VARCHAR', handle: 'VARCHAR', description: 'VARCHAR',
    descriptionHtml: 'VARCHAR', vendor: 'VARCHAR', productType: 'VARCHAR', status: 'VARCHAR', tags: 'VARCHAR[]',
    isGiftCard: 'BOOLEAN', hasOnlyDefaultVariant: 'BOOLEAN', hasOutOfStockVariants: 'BOOLEAN',
    requiresSellingPlan: 'BOOLEAN', options: 'JSON', seo: 'JSON', priceRangeV2: 'JSON', compareAtPriceRange: 'JSON',
    featuredMedia: 'JSON', templateSuffix: 'VARCHAR', category: 'JSON', publishedAt: 'TIMESTAMPTZ',
    createdAt: 'TIMESTAMPTZ', updatedAt: 'TIMESTAMPTZ', sku: 'VARCHAR', barcode: 'VARCHAR', price: 'DOUBLE',
    compareAtPrice: 'DOUBLE', position: 'INTEGER', inventoryQuantity: 'INTEGER', inventoryPolicy: 'VARCHAR',
    availableForSale: 'BOOLEAN', taxable: 'BOOLEAN', taxCode: 'VARCHAR', requiresComponents: 'BOOLEAN',
    selectedOptions: 'JSON', image: 'JSON', inventoryItem: 'JSON', namespace: 'VARCHAR', key: 'VARCHAR',
    type: 'VARCHAR', value: 'VARCHAR', alt: 'VARCHAR', mediaContentType: 'VARCHAR', preview: 'JSON',
    mimeType: 'VARCHAR', originalSource: 'JSON', host: 'VARCHAR', embedUrl: 'VARCHAR', originUrl: 'VARCHAR',
    duration: 'BIGINT', sources: 'JSON'})"""
PARENT = "split_part(__parentId, '/', 5)::BIGINT AS parent_id"
TABLES = {
    "products": (
        """object_id, title, handle, description, descriptionHtml, vendor, productType, status, tags, isGiftCard,
        hasOnlyDefaultVariant, hasOutOfStockVariants, requiresSellingPlan, options::VARCHAR AS options,
        seo::VARCHAR AS seo, priceRangeV2::VARCHAR AS price_range, compareAtPriceRange::VARCHAR AS compare_range,
        featuredMedia ->> '$.id' AS featured_media, templateSuffix, category ->> '$.id' AS category, publishedAt,
        createdAt, updatedAt""",
        "kind = 'Product'",
    ),
    "variants": (
        f"""object_id, {PARENT}, title, sku, barcode, price, compareAtPrice, position, inventoryQuantity,
        inventoryPolicy, availableForSale, taxable, taxCode, requiresComponents,
        selectedOptions::VARCHAR AS selected_options, image ->> '$.url' AS image_url,
        inventoryItem::VARCHAR AS inventory_item, createdAt, updatedAt""",
        "kind = 'ProductVariant'",
    ),
    "metafields": (f"object_id, {PARENT}, namespace, key, type, value, updatedAt", "kind = 'Metafield'"),
    "media": (
        f"""object_id, {PARENT}, alt, mediaContentType, status, preview::VARCHAR AS preview, mimeType,
        image::VARCHAR AS image, originalSource::VARCHAR AS original_source, host, embedUrl, originUrl, duration,
        sources::VARCHAR AS sources, createdAt""",
        "kind NOT IN ('Product', 'ProductVariant', 'Metafield')",
    ),
}


def main(dsn: str, path: str, schema: str) -> None:
    """Load the file into new tables of a schema that exists."""
    import duckdb
    from adbc_driver_postgresql import dbapi

    began = time.perf_counter()
    duck = duckdb.connect()
    duck.execute(READ, [path])
    rows = 0
    with dbapi.connect(dsn) as target, target.cursor() as cursor:
        for table, (columns, where) in TABLES.items():
            reader = duck.sql(f"SELECT {columns} FROM lines WHERE {where}").to_arrow_reader(50_000)
            rows += cursor.adbc_ingest(table, reader, mode="create", db_schema_name=schema)
        target.commit()
    print(time.perf_counter() - began, rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
