"""Plans of hot queries: a change that loses an index fails here, before it is slow somewhere.

Plans are those that auto_explain reports of what really ran, inside functions too, as the login that runs it,
over 20,000 products in two shops and 5,000 runs.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from neanelu.platform.scratch import Database, Scratch

A = "00000000-0000-7000-8000-0000000000a1"
B = "00000000-0000-7000-8000-0000000000a2"
TENANT = f"test_plans_{uuid.uuid4().hex[:8]}"

#: `rareN` is in 10 products of a shop, `common` in each; the documents of shop B are as long as real ones, so that
#: the planner has no statistics of them.
FILL = """
INSERT INTO neanelu.shops
    (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT id::uuid, domain, '\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{{}}'
  FROM (VALUES ({a}, 'a.myshopify.com'), ({b}, 'b.myshopify.com')) AS s (id, domain);
INSERT INTO neanelu.shopify_products
    (shop_id, shopify_gid, legacy_resource_id, title, handle, description, status, tags, metafields)
SELECT s.id, 'gid://shopify/Product/' || n, n, 'Product ' || n, 'p' || n, 'rare' || n % 1000 || ' common', 'ACTIVE',
       ARRAY['rare' || n % 1000, 'common'],
       jsonb_build_object('custom.rare', jsonb_build_object('value', 'rare' || n % 1000),
                          'custom.common', jsonb_build_object('value', 'common'),
                          'custom.long', jsonb_build_object('value', repeat(n::text, s.times)))
  FROM (VALUES ({a}::uuid, 1), ({b}::uuid, 300)) AS s (id, times), generate_series(1, 10000) AS n;
INSERT INTO neanelu.shopify_variants
    (shop_id, product_id, shopify_gid, legacy_resource_id, title, sku, barcode, price, inventory_quantity)
SELECT p.shop_id, p.id, 'gid://shopify/ProductVariant/' || p.legacy_resource_id, p.legacy_resource_id, 'v',
       'sku' || p.legacy_resource_id, 'b' || p.legacy_resource_id, 1, p.legacy_resource_id % 1000
  FROM neanelu.shopify_products AS p;
INSERT INTO neanelu.bulk_runs
    (shop_id, operation_type, query_type, status, lines_in, started_at, created_at, completed_at, idempotency_key)
SELECT {a}, 'PRODUCTS_EXPORT', 'products', 'completed', 0, now(), now(), now(), 'k' || n
  FROM generate_series(1, 5000) AS n;
INSERT INTO neanelu.bulk_runs (shop_id, operation_type, query_type) VALUES ({a}, 'PRODUCTS_EXPORT', 'products');
"""

SETTINGS = {
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_verbose": "on",
    "auto_explain.log_min_duration": "0",
    "client_min_messages": "log",
}

Plans = Callable[..., str]


@pytest.fixture(scope="module")
def plans(scratch: Scratch) -> Iterator[Plans]:
    """`plans(login, statement, *parameters)`: the plans of what the statement ran; all is rolled back."""
    database: Database = scratch.create()
    with database.connect() as admin:
        admin.execute(sql.SQL(FILL).format(a=sql.Literal(A), b=sql.Literal(B)))
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE neanelu_tenant").format(sql.Identifier(TENANT)))
        admin.execute("SELECT app.bind_tenant_login(%s, %s)", (TENANT, A))
        for table in ("shopify_products", "shopify_variants", "bulk_runs"):
            admin.execute(sql.SQL("VACUUM (ANALYZE) neanelu.{}").format(sql.Identifier(table)))

    def run(login: str, statement: str, *parameters: Any, shop: str = A) -> str:
        found: list[str] = []
        with psycopg.connect(database.dsn()) as connection:
            connection.add_notice_handler(lambda notice: found.append(notice.message_primary or ""))
            connection.execute("LOAD 'auto_explain'")
            for name, value in SETTINGS.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
            connection.execute("SELECT set_config('app.current_shop_id', %s, false)", (shop,))
            connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(login)))
            found.clear()
            connection.execute(statement, parameters or None)
            connection.rollback()
        return "\n".join(found)

    yield run
    scratch.drop(database)
    with psycopg.connect(scratch.cluster.dsn("postgres", "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(TENANT)))


def scans(plan: str, table: str) -> list[str]:
    """Return the lines of a plan that say how a table is read."""
    return [line.strip() for line in plan.splitlines() if "Scan" in line and f" on neanelu.{table} " in line]


RARE = [
    ("search.products_by_metafield('custom.rare', 'rare7')", "idx_products_metafields"),
    (
        """search.products_by_metafield('{"custom.rare": {"value": "rare7"}}'::jsonb)""",
        "idx_products_metafields",
    ),
    ("search.products_by_metafield('custom.rare', 'nowhere')", "idx_products_metafields"),
    ("search.products_by_tag('{rare7}')", "idx_products_tags"),
    ("search.products_by_tag('{rare7,common}')", "idx_products_tags"),
    ("search.products_by_tag('{rare7,rare8}', false)", "idx_products_tags"),
    ("search.products('rare7')", "idx_products_fts"),
    ("search.products('common rare7 -absent')", "idx_products_fts"),
    ("search.ranked_products('rare7')", "idx_products_fts"),
]


@pytest.mark.parametrize(
    ("login", "shop"),
    [(TENANT, A), ("neanelu_app", A), ("neanelu_app", B)],
    ids=["tenant-A", "app-A", "app-B"],
)
@pytest.mark.parametrize(("call", "index"), RARE)
def test_a_search_for_what_is_rare_uses_its_gin_index(
    plans: Plans, call: str, index: str, login: str, shop: str
) -> None:
    plan = plans(login, f"SELECT * FROM {call}", shop=shop)
    assert f"Bitmap Index Scan on {index}" in plan, plan
    assert not [line for line in scans(plan, "shopify_products") if "Seq Scan" in line], plan


@pytest.mark.parametrize(
    "call",
    [
        "search.products_by_metafield('custom.common', 'common')",
        "search.products_by_tag('{common}')",
        "search.products('common')",
    ],
)
def test_a_search_for_what_is_common_walks_the_newest_products(plans: Plans, call: str) -> None:
    plan = plans(TENANT, f"SELECT * FROM {call}")
    assert "Bitmap" not in plan, plan
    assert "Index Scan Backward using shopify_products_pkey" in plan, plan


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("""metafields @> '{"custom.rare": {"value": "rare7"}}'""", "idx_products_metafields"),
        ("tags @> '{rare7}'", "idx_products_tags"),
        (
            "to_tsvector('pg_catalog.simple', title || ' ' || COALESCE(description, '')) @@ 'rare7'",
            "idx_products_fts",
        ),
    ],
)
def test_behind_the_policy_the_same_condition_has_no_index(plans: Plans, condition: str, index: str) -> None:
    """Why there are functions. When this fails, PostgreSQL has learnt something, and they may go."""
    statement = f"SELECT id FROM neanelu.shopify_products AS p WHERE shop_id = '{A}' AND {condition}"
    assert index not in plans(TENANT, statement)
    assert index in plans("postgres", statement)


LOOKUPS = [
    ("shopify_products", f"id = '{A}'", "shopify_products_pkey"),
    ("shopify_products", "shopify_gid = 'gid://shopify/Product/7'", "idx_products_shop_gid"),
    ("shopify_products", "handle = 'p7'", "idx_products_shop_handle"),
    ("shopify_variants", f"product_id = '{A}'", "idx_variants_product"),
    ("shopify_variants", "shopify_gid = 'gid://shopify/ProductVariant/7'", "idx_variants_shop_gid"),
    ("shopify_variants", "sku = 'sku7'", "idx_variants_shop_sku"),
    ("shopify_variants", "barcode = 'b7'", "idx_variants_shop_barcode"),
]


@pytest.mark.parametrize("login", [TENANT, "neanelu_app"], ids=["tenant", "app"])
@pytest.mark.parametrize(("table", "condition", "index"), LOOKUPS)
def test_a_look_up_behind_the_policy_has_the_shop_in_its_index_condition(
    plans: Plans, login: str, table: str, condition: str, index: str
) -> None:
    """In the index condition app.current_shop_id() is called once, in a filter once a row."""
    plan = plans(login, f"SELECT * FROM neanelu.{table} WHERE {condition}")
    conditions = [line for line in plan.splitlines() if "Index Cond" in line and table in line]
    assert f"Index Scan using {index} on neanelu.{table}" in plan, plan
    assert "shop_id = app.current_shop_id()" in conditions[0], plan
    assert condition.split(" ")[0] in conditions[0], plan
    assert "Filter" not in plan, plan


@pytest.mark.parametrize("table", ["shopify_products", "shopify_variants"])
def test_whose_rows_they_are_is_asked_once_for_all_rows(plans: Plans, table: str) -> None:
    """A bound login's shop is looked up when the query is planned and when its scan begins, not for 10,000 rows."""
    plan = plans(TENANT, f"SELECT count(*) FROM neanelu.{table}")
    assert 1 <= plan.count("Index Scan using tenant_logins_pkey") <= 4, plan[:2000]


@pytest.mark.parametrize("arguments", ["'w'", f"'w', '60 seconds', '{A}'"])
def test_a_daemon_finds_the_next_run_without_reading_the_old_ones(plans: Plans, arguments: str) -> None:
    plan = plans("neanelu_sync", f"SELECT * FROM sync.claim_run({arguments})")
    assert "bulk_runs_claim_idx on neanelu.bulk_runs r" in plan, plan
    assert not [line for line in scans(plan, "bulk_runs") if "Seq Scan" in line], plan


def test_a_step_finds_its_run_by_an_index(plans: Plans) -> None:
    plan = plans("neanelu_sync", "SELECT sync.renew_lease(r.id, r.lease_token) FROM sync.claim_run('w') AS r")
    assert len(scans(plan, "bulk_runs")) >= 3, plan
    assert not [line for line in scans(plan, "bulk_runs") if "Seq Scan" in line], plan
