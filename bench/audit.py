"""What the audit costs: an UPDATE of 100,000 products with the capture trigger against the same one without.

Both sides run in one database, interleaved, each over a freshly vacuumed table after a checkpoint; the
figure is the ratio of the medians. Without means that the trigger is not there: for one that is only disabled
PostgreSQL collects the old and the new rows all the same. Two kinds of update are measured:

- `audit_update_ratio`: vendor, a column with an index, as a changed product has it: every index of the
  table gets an entry;
- `audit_update_hot_ratio`: a column without an index, on pages with room, so that every update is heap-only.
  That is the cheapest update PostgreSQL has, and costs less than to collect two images of a row and insert one
  with three B-tree indexes: the worst case there is.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import psycopg

from bench import frame

PRODUCTS = 100_000
ROUNDS = 3
TARGET = 2.2
SHOP = "00000000-0000-7000-8000-0000000000a1"
TRIGGER = "tg_shopify_products__capture_update"

FILL = f"""
INSERT INTO neanelu.shops
    (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
VALUES ('{SHOP}', 'bench.myshopify.com', '\\x01',
        decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{{}}');
INSERT INTO neanelu.shopify_products
    (shop_id, shopify_gid, legacy_resource_id, title, handle, description, description_html, vendor,
     product_type, status, tags, options, seo, price_range, metafields, created_at_shopify,
     updated_at_shopify)
SELECT '{SHOP}', 'gid://shopify/Product/' || g, g, 'Product number ' || g || ' of the shop',
       'product-' || g,
       (SELECT string_agg(md5((g * 31 + w)::text), ' ') FROM generate_series(1, 6) AS w),
       (SELECT string_agg('<p>' || md5((g * 37 + w)::text) || '</p>', '') FROM generate_series(1, 8) AS w),
       'vendor ' || g % 50, 'type ' || g % 40, 'ACTIVE', ARRAY['tag' || g % 100, 't' || g % 7, 'sale'],
       jsonb_build_array(jsonb_build_object('name', 'Size', 'values', jsonb_build_array('S', 'M', 'L'))),
       jsonb_build_object('title', 'T' || g, 'description', 'seo ' || g),
       jsonb_build_object('min', g % 100, 'max', g % 100 + 10),
       jsonb_build_object('custom.material', 'cotton' || g % 20, 'custom.weight', g % 1000,
                          'custom.note', md5(g::text)),
       now(), now()
  FROM generate_series(1, {PRODUCTS}) AS g;
"""


def _update(connection: psycopg.Connection[Any], column: str, value: str, definition: str | None) -> float:
    """Return the seconds that one UPDATE of all products takes with the trigger of a definition, or without any."""
    connection.execute("VACUUM neanelu.shopify_products")
    connection.execute(f"DROP TRIGGER IF EXISTS {TRIGGER} ON neanelu.shopify_products")
    if definition is not None:
        connection.execute(definition)
    connection.execute("CHECKPOINT")
    started = time.perf_counter()
    done = connection.execute(f"UPDATE neanelu.shopify_products SET {column} = %s", (value,))
    seconds = time.perf_counter() - started
    assert done.rowcount == PRODUCTS, done.rowcount
    return seconds


def _measure(connection: psycopg.Connection[Any], column: str) -> tuple[float, float]:
    """Return the median seconds without and with the trigger."""
    row = connection.execute(
        "SELECT pg_get_triggerdef(t.oid) FROM pg_trigger AS t WHERE t.tgname = %s", (TRIGGER,)
    ).fetchone()
    assert row is not None, TRIGGER
    definition: str = row[0]
    _update(connection, column, "warm-up 1", None)
    _update(connection, column, "warm-up 2", definition)
    plain: list[float] = []
    audited: list[float] = []
    for number in range(ROUNDS):
        plain.append(_update(connection, column, f"p{number}", None))
        audited.append(_update(connection, column, f"a{number}", definition))
    return statistics.median(plain), statistics.median(audited)


def run(scale: str) -> list[frame.Figure]:
    """Measure; the scale does not matter: the target is for 100,000 rows."""
    figures: list[frame.Figure] = []
    with frame.steps("audit", 3) as step:
        step(f"insert {PRODUCTS} products")
        database = frame.laboratory().create()
        with database.connect() as connection:
            connection.execute(FILL)
            connection.execute("VACUUM ANALYZE neanelu.shopify_products")
            for name, column in (("audit_update", "vendor"), ("audit_update_hot", "template_suffix")):
                step(f"update {column}")
                if name == "audit_update_hot":
                    connection.execute("ALTER TABLE neanelu.shopify_products SET (fillfactor = 40)")
                    connection.execute("VACUUM FULL ANALYZE neanelu.shopify_products")
                plain, audited = _measure(connection, column)
                figures.append(frame.figure(f"{name}_plain", plain, "s"))
                figures.append(frame.figure(f"{name}_audited", audited, "s"))
                figures.append(frame.figure(f"{name}_ratio", audited / plain, "x", most=TARGET))
            logged = connection.execute(
                "SELECT count(*) FROM neanelu.audit_logs WHERE action = 'UPDATE'"
            ).fetchone()
            assert logged == (2 * (ROUNDS + 1) * PRODUCTS,), logged
        frame.drop(database)
    return figures
