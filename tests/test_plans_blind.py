"""Set functions do work in proportion to their sets, also when the planner knows nothing of the tables.

After a first load nobody has analysed anything yet, or only when the tables were empty, and what it brought is compared, folded
and added up at once. Counted are rows that plan nodes handle, of every statement inside a function, never seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from ledger_support import HERE, SHOP, Ledger

from neanelu.platform.scratch import Scratch

#: Rows of each table, and how many times as many one node may handle. Each row with each other would be N times.
N, MOST = 1500, 60

DAYS = "ARRAY(SELECT date '2025-01-01' + n FROM generate_series(0, 699) AS n)"
FILL = f"""
INSERT INTO neanelu.inventory_levels
    (shop_id, shopify_gid, inventory_item_gid, inventory_item_legacy_id, location_id, available, updated_at_shopify)
SELECT v.shop_id, 'gid://shopify/InventoryLevel/1?inventory_item_id=' || v.legacy_resource_id, v.inventory_item_id,
       v.legacy_resource_id, l.id, v.legacy_resource_id % 50, now() - interval '1 hour'
  FROM neanelu.shopify_variants AS v JOIN neanelu.inventory_locations AS l ON l.shop_id = v.shop_id AND l.shopify_gid = '{HERE}'
 WHERE v.legacy_resource_id <= {N};
INSERT INTO neanelu.shopify_products (shop_id, shopify_gid, legacy_resource_id, title, handle, status)
SELECT '{SHOP}', 'gid://shopify/Product/' || n, n, 'p', 'p' || n, 'ACTIVE' FROM generate_series(2, {N}) AS n;
INSERT INTO neanelu.analytics_product_performance
    (shop_id, product_id, period_type, period_start, period_end, orders_count, units_sold)
SELECT p.shop_id, p.id, 'daily', d.day, d.day, 1, 1
  FROM neanelu.shopify_products AS p
 CROSS JOIN LATERAL (SELECT date '2025-01-01' + (p.legacy_resource_id % 700)::integer) AS d (day);
"""


@pytest.fixture(
    scope="module", params=[(-1, 0), (0, 1)], ids=["never_looked_at", "vacuumed_when_their_rows_were_gone"]
)
def blind(request: pytest.FixtureRequest, scratch: Scratch) -> Iterator[psycopg.Connection[Any]]:
    """A shop that was just filled, and a connection on which auto_explain tells of all statements.

    The planner has not heard of the rows: the tables were never looked at, or were when they had pages and no rows.
    """
    database = scratch.create()
    connection = Ledger.of(database).connection
    connection.execute(FILL.encode())
    # Whatever the fixtures did.
    connection.execute("SET allow_system_table_mods = on")
    connection.execute(
        "DELETE FROM pg_statistic AS s USING pg_class AS c"
        " WHERE c.oid = s.starelid AND c.relnamespace = 'neanelu'::regnamespace"
    )
    connection.execute(
        "UPDATE pg_class SET reltuples = %s, relpages = %s"
        " WHERE relnamespace = 'neanelu'::regnamespace AND relkind IN ('r', 'i')",
        request.param,
    )
    connection.execute("RESET allow_system_table_mods")
    for setting in ("log_min_duration = 0", "log_nested_statements = on", "log_analyze = on", "log_timing = off",
                    "log_format = json", "log_level = notice"):  # fmt: skip
        connection.execute(f"LOAD 'auto_explain'; SET auto_explain.{setting}".encode())
    yield connection
    scratch.drop(database)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a plan's nodes."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def handled(node: dict[str, Any]) -> float:
    """Return how many rows a node returned or looked at in vain."""
    removed = sum(
        node.get(f"Rows Removed by {what}", 0) for what in ("Filter", "Join Filter", "Index Recheck")
    )
    return float(node["Actual Loops"] * (node["Actual Rows"] + removed))


def most(connection: psycopg.Connection[Any], statement: str) -> tuple[float, str]:
    """Run a statement; return the most rows that one node of it, or of a statement inside, handled, and which one."""
    told: list[str] = []

    def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
        told.append(diagnostic.message_primary or "")

    connection.add_notice_handler(hear)
    try:
        connection.execute(statement.encode())
    finally:
        connection.remove_notice_handler(hear)
    plans = [json.loads(text.partition("plan:")[2]) for text in told if "plan:" in text]
    found = [
        (handled(node), f"{node['Node Type']} on {node.get('Relation Name')} in {plan['Query Text'][:200]}")
        for plan in plans
        for node in nodes(plan["Plan"])
    ]
    assert len(found) > 1, told
    return max(found, key=lambda each: each[0])


MORE = f"""
SELECT inventory.record_many('{SHOP}', array_agg(v.id), array_agg('{HERE}'::text), array_agg(1), array_agg('RESTOCK'::text))
  FROM neanelu.shopify_variants AS v WHERE v.shop_id = '{SHOP}' AND v.legacy_resource_id <= {N}"""


@pytest.mark.parametrize(
    "statement",
    [
        f"SELECT inventory.record_levels('{SHOP}', now())",
        "SELECT inventory.fold()",
        f"SELECT * FROM inventory.drift('{SHOP}')",
        f"SELECT * FROM inventory.reconcile('{SHOP}')",
        f"SELECT analytics._roll_product_periods('{SHOP}', {DAYS}, 'weekly', 'week')",
        f"SELECT analytics._roll_product_periods('{SHOP}', {DAYS}, 'weekly', 'week')",
        f"SELECT analytics.rollup_days('{SHOP}')",
        MORE,
        "SELECT inventory.fold()",
    ],
    ids=["levels", "fold", "drift", "reconcile", "weeks", "weeks_again", "days", "more", "fold_again"],
)
def test_work_grows_with_the_set_and_not_with_its_square(
    blind: psycopg.Connection[Any], statement: str
) -> None:
    rows, where = most(blind, statement)
    assert rows <= MOST * N, where
