"""Every figure of analytics equals what Python finds in the files of a shop; days that did not change are not touched.

Two shops go through the real pipeline: one in Romania, taxes in its prices and foreign money at the till, and one in
New York, taxes on top. Orders have discounts, refunds in one or two rounds, cancellations, and some are tests.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from analytics_support import Books, top_sellers
from conftest import REPO
from psycopg.rows import dict_row
from sync_support import TestShop, joined, lines_of

from neanelu.platform.scratch import Database, Scratch
from neanelu.sandbox.generator import Edit, ShopSpec

VIEWS = (
    "orders", "order_lines", "refunds", "customers", "products", "variants", "inventory_levels", "daily_shop", "weekly_shop",
    "monthly_shop", "product_performance", "discounts", "shop_summary", "low_stock_alerts", "top_sellers", "freshness",
)  # fmt: skip
SUMMARIES = ("mv_shop_summary", "mv_low_stock_alerts", "mv_top_sellers")
RESOURCES = ("locations", "products", "customers", "orders", "inventory")
#: Orders change after the first files: refunds come and go, two orders vanish.
CHANGES = (
    Edit("changed", at="2026-11-02T21:59:00Z", resource="orders", fraction=0.2),
    Edit("deleted", at="2026-11-02T22:01:00Z", resource="orders", only=(3, 60)),
)
ROMANIAN = ShopSpec(
    seed=7, products=60, orders=240, customers=40, presentment=("EUR", "HUF"), test_orders=True
)
AMERICAN = ShopSpec(
    seed=8, products=40, orders=160, customers=30, currency="USD", taxes_included=False, test_orders=True
)
SUFFIX = uuid.uuid4().hex[:8]


@dataclass
class Filled:
    """A shop in the database, and the files that it was filled with."""

    shop: TestShop
    spec: ShopSpec
    timezone: str
    tenant: str

    def fill(self, *resources: str) -> None:
        """Take the shop's files through the pipeline."""
        for resource in resources:
            run = self.shop.ingest(joined(lines_of(self.spec, resource)), resource)
            assert run["status"] == "completed" and run["lines_quarantined"] == 0, self.shop.failure(
                run["id"]
            )

    def books(self, timezone: str | None = None) -> Books:
        """Return what Python makes of the files."""
        return Books(
            lines_of(self.spec, "orders"), lines_of(self.spec, "customers"), timezone or self.timezone
        )

    def roll_up(self) -> int:
        """Add up what changed, as the worker; return how many days that were."""
        with psycopg.connect(self.shop.database.dsn("neanelu_worker"), autocommit=True) as connection:
            row = connection.execute("SELECT analytics.rollup_days(%s)", [self.shop.id]).fetchone()
            assert row is not None
            return int(row[0])

    def ask(self, query: str, role: str = "neanelu_analyst") -> list[dict[str, Any]]:
        """Return rows of this shop as a login sees them."""
        with psycopg.connect(
            self.shop.database.dsn(role), autocommit=True, row_factory=dict_row
        ) as connection:
            return connection.execute(query.encode(), {"shop": self.shop.id}).fetchall()


@pytest.fixture(scope="module")
def shops(
    scratch: Scratch, module_db: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Filled, Filled]]:
    made = []
    tenants = []
    for name, zone, spec in (
        ("ro", "Europe/Bucharest", ROMANIAN),
        ("us", "America/New_York", AMERICAN),
    ):
        shop = TestShop.create(module_db, tmp_path_factory.mktemp(name))
        shop.execute(
            "UPDATE neanelu.shops SET timezone = %s, currency_code = %s WHERE id = %s",
            zone,
            spec.currency,
            shop.id,
        )
        tenant = f"test_analytics_{name}_{SUFFIX}"
        with module_db.connect() as connection:
            connection.execute(f"CREATE ROLE {tenant} LOGIN IN ROLE neanelu_tenant".encode())
            connection.execute("SELECT app.bind_tenant_login(%s, %s)", [tenant, shop.id])
        tenants.append(tenant)
        filled = Filled(shop, replace(spec, domain=shop.domain), zone, tenant)
        filled.fill(*RESOURCES)
        filled.roll_up()
        made.append(filled)
    with psycopg.connect(module_db.dsn("neanelu_worker"), autocommit=True) as connection:
        connection.execute("SELECT analytics.refresh_all()")
    yield made[0], made[1]
    with module_db.connect() as connection:
        for tenant in tenants:
            connection.execute("SELECT app.unbind_tenant_login(%s)", [tenant])
            connection.execute(f"DROP ROLE {tenant}".encode())


def assert_rows(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Compare rows column by column, exactly, for the columns that are expected."""
    assert len(found) == len(expected)
    for got, want in zip(found, expected, strict=True):
        assert {name: got[name] for name in want} == want


def assert_everything_adds_up(filled: Filled, timezone: str | None = None) -> None:
    """Compare every view that has figures with what Python finds."""
    books = filled.books(timezone)
    of_shop = "WHERE shop_id = %(shop)s ORDER BY"
    assert_rows(filled.ask(f"SELECT * FROM analytics.orders {of_shop} order_id"), books.order_rows())
    assert_rows(
        filled.ask(f'SELECT * FROM analytics.order_lines {of_shop} order_line_id COLLATE "C"'),
        books.line_rows(),
    )
    assert_rows(
        filled.ask(f'SELECT * FROM analytics.refunds {of_shop} refund_id COLLATE "C"'), books.refund_rows()
    )
    days = books.daily_rows()
    today = datetime.now(books.zone).date()
    assert_rows(
        [
            row
            for row in filled.ask(f"SELECT * FROM analytics.daily_shop {of_shop} date_day")
            if row["date_day"] in days or row["count_orders"]
        ],
        [days[day] for day in sorted(days)],
    )
    for unit, view in (("week", "weekly_shop"), ("month", "monthly_shop")):
        periods = books.period_rows(unit)
        rows = filled.ask(f"SELECT * FROM analytics.{view} {of_shop} {unit}_start")
        assert_rows(
            [row for row in rows if row[f"{unit}_start"] in periods],
            [periods[start] for start in sorted(periods)],
        )
        assert all(
            row["count_orders"] == 0 and row[f"{unit}_start"] <= today
            for row in rows
            if row[f"{unit}_start"] not in periods
        )
    for kind, unit in (("daily", "day"), ("weekly", "week"), ("monthly", "month")):
        products = books.product_rows(unit)
        rows = filled.ask(
            f"SELECT * FROM analytics.product_performance"
            f" WHERE period_type = '{kind}' AND shop_id = %(shop)s ORDER BY product_id, period_start"
        )
        assert_rows(rows, [products[key] for key in sorted(products)])
    customers = books.customer_rows()
    assert_rows(
        filled.ask(f"SELECT * FROM analytics.customers {of_shop} customer_id"),
        [customers[key] for key in sorted(customers)],
    )


def test_every_figure_is_what_the_files_come_to(shops: tuple[Filled, Filled]) -> None:
    for filled in shops:
        books = filled.books()
        kinds = [order.doc["displayFinancialStatus"] for order in books.orders.values()]
        assert {"REFUNDED", "PARTIALLY_REFUNDED", "PAID", "VOIDED"} <= set(kinds)
        assert any(order.doc["test"] for order in books.orders.values()) and any(
            order.doc["discountCodes"] for order in books.counted
        )
        assert_everything_adds_up(filled)
    assert len({order.doc["presentmentCurrencyCode"] for order in shops[0].books().orders.values()}) == 3


def test_what_is_left_of_an_order_is_items_shipping_and_tax(shops: tuple[Filled, Filled]) -> None:
    """The figures of one order hang together, whether tax is in the prices or on top."""
    for filled in shops:
        wrong = filled.ask(
            "SELECT order_id FROM analytics.orders WHERE shop_id = %(shop)s AND NOT ("
            " gross_sales - discounts - returns = net_sales AND gross_sales - discounts = subtotal_price"
            " AND order_adjusted_total = net_sales + shipping + CASE WHEN has_taxes_included THEN 0 ELSE taxes END"
            " AND order_adjusted_total = total_price - refund_subtotal"
            "     - CASE WHEN has_taxes_included THEN 0 ELSE refund_total_tax END + order_adjustment_amount)"
        )
        assert wrong == []
        lines = filled.ask(
            "SELECT o.order_id FROM analytics.orders AS o JOIN analytics.order_lines AS l USING (shop_id, order_id)"
            " WHERE o.shop_id = %(shop)s"
            " GROUP BY o.order_id, o.gross_sales, o.returns, o.net_sales"
            " HAVING (sum(l.gross_sales), sum(l.refunded_subtotal), sum(l.subtotal_net_refunds))"
            "     <> (o.gross_sales, o.returns, o.net_sales)"
        )
        assert lines == []


def test_summaries_are_what_the_files_come_to(shops: tuple[Filled, Filled]) -> None:
    for filled in shops:
        books = filled.books()
        products = [orjson.loads(line) for line in lines_of(filled.spec, "products")]
        roots = {doc["id"]: doc for doc in products if "__parentId" not in doc}
        variants = {
            doc["id"]: doc["__parentId"] for doc in products if "/ProductVariant/" in doc.get("id", "")
        }
        [summary] = filled.ask("SELECT * FROM analytics.shop_summary WHERE shop_id = %(shop)s")
        totals = [order.figures() for order in books.counted]
        assert summary["total_products"] == sum(doc["status"] == "ACTIVE" for doc in roots.values())
        assert (summary["total_variants"], summary["total_customers"]) == (
            len(variants),
            len(books.customers),
        )
        assert (summary["total_orders"], summary["total_revenue"]) == (
            len(totals),
            sum(row["total_price"] for row in totals),
        )
        assert summary["adjusted_revenue"] == sum(row["order_adjusted_total"] for row in totals)

        low = filled.ask(
            "SELECT v.shopify_gid, m.inventory_quantity, m.threshold FROM neanelu.shopify_variants AS v"
            " JOIN analytics.low_stock_alerts AS m ON m.shop_id = v.shop_id AND m.variant_id = v.id WHERE v.shop_id = %(shop)s"
        )
        stock = {
            doc["id"]: doc["inventoryQuantity"] for doc in products if "/ProductVariant/" in doc.get("id", "")
        }
        expected = {
            gid: n for gid, n in stock.items() if roots[variants[gid]]["status"] == "ACTIVE" and 0 <= n <= 5
        }
        assert {row["shopify_gid"]: row["inventory_quantity"] for row in low} == expected
        assert expected and {row["threshold"] for row in low} == {5}

        [stocked] = filled.ask(
            "SELECT * FROM analytics.daily_shop WHERE shop_id = %(shop)s AND stock_at IS NOT NULL"
        )
        active = [n for gid, n in stock.items() if roots[variants[gid]]["status"] == "ACTIVE"]
        assert (stocked["low_stock_count"], stocked["out_of_stock_count"]) == (
            sum(1 <= n <= 5 for n in active),
            sum(n <= 0 for n in active),
        )


def test_top_sellers_are_of_the_last_thirty_days_by_the_variants_gid(shops: tuple[Filled, Filled]) -> None:
    """The clock is set to the shop's busiest month, as generated orders lie in the past."""
    filled = shops[0]
    books = filled.books()
    products = [orjson.loads(line) for line in lines_of(filled.spec, "products")]
    variants = {doc["id"]: doc["__parentId"] for doc in products if "/ProductVariant/" in doc.get("id", "")}
    since = sorted(order.at for order in books.counted)[100]
    clock = since + timedelta(days=30)
    with filled.shop.database.connect(autocommit=False) as connection:
        connection.execute(f"SET LOCAL app.now = '{clock.isoformat()}'".encode())
        connection.execute("SELECT analytics.refresh('mv_top_sellers')")
        rows = connection.execute(
            "SELECT p.shopify_gid, m.units_sold, m.revenue, m.net_revenue, m.variants_sold, m.revenue_rank"
            " FROM neanelu.mv_top_sellers AS m"
            " JOIN neanelu.shopify_products AS p ON p.shop_id = m.shop_id AND p.id = m.product_id WHERE m.shop_id = %s",
            [filled.shop.id],
        ).fetchall()
        connection.rollback()
    expected = top_sellers(books, since, variants)
    assert len(expected) > 20
    assert {row[0]: row[1:] for row in rows} == {
        gid: (row["units"], row["revenue"], row["net"], row["variants"], row["rank"])
        for gid, row in expected.items()
    }


def test_only_days_that_changed_are_added_up_again(shops: tuple[Filled, Filled]) -> None:
    """Refunds that come late, refunds taken back and deleted orders correct their days, and no other row is written."""
    filled = shops[1]
    assert filled.roll_up() == 0
    before = {
        row["date"]: row["updated_at"]
        for row in filled.shop.rows(
            "SELECT date, updated_at FROM neanelu.analytics_daily_shop WHERE shop_id = %s", filled.shop.id
        )
    }
    old = filled.books().orders
    for edit in CHANGES:
        filled.spec = filled.spec.with_edit(edit)
    filled.fill("orders")
    new = filled.books().orders
    changed = {
        gid
        for gid in old.keys() | new.keys()
        if gid not in new or old[gid].doc["updatedAt"] != new[gid].doc["updatedAt"]
    }
    days = {old[gid].day for gid in changed}
    assert 10 < len(days) < len(before) / 2 and len(old) - len(new) == 2

    marked = filled.shop.rows(
        "SELECT DISTINCT date FROM neanelu.analytics_dirty_days WHERE shop_id = %s", filled.shop.id
    )
    assert {row["date"] for row in marked} == days
    [waiting] = filled.ask("SELECT days_waiting FROM analytics.freshness WHERE shop_id = %(shop)s")
    assert waiting["days_waiting"] == len(days)
    assert filled.roll_up() == len(days)
    after = {
        row["date"]: row["updated_at"]
        for row in filled.shop.rows(
            "SELECT date, updated_at FROM neanelu.analytics_daily_shop WHERE shop_id = %s", filled.shop.id
        )
    }
    assert after.keys() == before.keys()
    written = {day for day in before if before[day] != after[day]}
    assert written <= days and len(written) > 5
    assert_everything_adds_up(filled)
    assert filled.roll_up() == 0


def test_another_time_zone_computes_all_days_again(shops: tuple[Filled, Filled]) -> None:
    filled = shops[1]
    filled.shop.execute(
        "UPDATE neanelu.shops SET timezone = 'Pacific/Auckland' WHERE id = %s", filled.shop.id
    )
    days = filled.roll_up()
    assert days >= len(filled.books("Pacific/Auckland").daily_rows())
    assert_everything_adds_up(filled, "Pacific/Auckland")
    filled.shop.execute(
        "UPDATE neanelu.shops SET timezone = %s WHERE id = %s", filled.timezone, filled.shop.id
    )
    filled.roll_up()
    assert_everything_adds_up(filled)


ORDER = """
INSERT INTO neanelu.shopify_orders
  (shop_id, shopify_gid, legacy_resource_id, name, order_number, total_price, currency_code, line_items, processed_at)
VALUES (%(shop)s, 'gid://shopify/Order/' || %(number)s, %(number)s, '#' || %(number)s, %(number)s,
  %(total)s, %(currency)s, %(lines)s, %(at)s)
"""


def add_order(
    shop: TestShop, number: int, at: str, *, total: int = 10, currency: str = "RON", lines: str = "[]"
) -> None:
    """Insert an order as a webhook might have."""
    with shop.database.connect() as connection:
        connection.execute(
            ORDER,
            {
                "shop": shop.id,
                "number": number,
                "at": at,
                "total": total,
                "currency": currency,
                "lines": lines,
            },
        )


@pytest.fixture
def small(module_db: Database, tmp_path: Path) -> Filled:
    """A shop without anything, in Bucharest."""
    shop = TestShop.create(module_db, tmp_path)
    return Filled(shop, ShopSpec(domain=shop.domain, products=0), "Europe/Bucharest", "")


def daily(filled: Filled) -> dict[date, tuple[int, int]]:
    """Return orders and total of the days that have any."""
    rows = filled.ask(
        "SELECT date_day, count_orders, order_adjusted_total FROM analytics.daily_shop"
        " WHERE shop_id = %(shop)s AND count_orders > 0"
    )
    return {row["date_day"]: (row["count_orders"], int(row["order_adjusted_total"])) for row in rows}


def test_a_roll_up_reads_the_orders_of_its_days_only(small: Filled) -> None:
    """Of ten thousand orders on a thousand days, those of two days."""
    with small.shop.database.connect(autocommit=False) as connection:
        connection.execute(
            "INSERT INTO neanelu.shopify_orders (shop_id, shopify_gid, legacy_resource_id, name, order_number,"
            " total_price, currency_code, line_items, processed_at)"
            " SELECT %s, 'gid://shopify/Order/' || n, n, '#' || n, n, 1, 'RON', '[]',"
            "        '2020-01-01Z'::timestamptz + n * interval '144 minutes'"
            " FROM generate_series(1, 10000) AS n",
            [small.shop.id],
        )
        connection.execute("ANALYZE neanelu.shopify_orders")
        connection.execute("DELETE FROM neanelu.analytics_dirty_days WHERE shop_id = %s", [small.shop.id])
        connection.execute(
            "INSERT INTO neanelu.analytics_dirty_days (shop_id, date) VALUES (%(shop)s, '2020-03-03'), (%(shop)s, '2021-07-07')",
            {"shop": small.shop.id},
        )
        # The first roll-up of a shop adds up everything.
        connection.execute(
            "INSERT INTO neanelu.analytics_rollups"
            " SELECT id, now(), 0, 0, timezone, currency_code, current_date FROM neanelu.shops WHERE id = %s",
            [small.shop.id],
        )
        before = fetched(connection)
        assert connection.execute("SELECT analytics.rollup_days(%s)", [small.shop.id]).fetchone() == (3,)
        assert 20 <= fetched(connection) - before <= 60
        connection.rollback()


def fetched(connection: psycopg.Connection[Any]) -> int:
    """Return how many rows of orders this transaction has read."""
    row = connection.execute(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'shopify_orders'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_days_are_the_shops_own_also_when_clocks_change(small: Filled) -> None:
    for number, at in enumerate(
        (
            "2026-06-30 23:30+03",
            "2026-07-01 00:10+03",  # the last and the first half hour of months
            "2026-03-28 23:59:59.999999+02",
            "2026-03-29 00:00+02",
            "2026-03-29 23:30+03",  # a day of 23 hours
            "2026-10-25 00:00+03",
            "2026-10-25 03:30+03",
            "2026-10-25 03:30+02",  # of 25
            "2026-10-25 23:59+02",
            "2026-10-26 00:00+02",
        ),
        1,
    ):
        add_order(small.shop, number, at)
    small.roll_up()
    assert daily(small) == {
        date(2026, 6, 30): (1, 10),
        date(2026, 7, 1): (1, 10),
        date(2026, 3, 28): (1, 10),
        date(2026, 3, 29): (2, 20),
        date(2026, 10, 25): (4, 40),
        date(2026, 10, 26): (1, 10),
    }


def test_orders_that_move_or_go_correct_both_days(small: Filled) -> None:
    add_order(small.shop, 1, "2026-05-01 12:00+03")
    add_order(small.shop, 2, "2026-05-01 13:00+03", total=7)
    small.roll_up()
    small.shop.execute(
        "UPDATE neanelu.shopify_orders SET processed_at = '2026-05-03 00:30+03' WHERE shop_id = %s AND legacy_resource_id = 1",
        small.shop.id,
    )
    assert small.roll_up() == 2
    assert daily(small) == {date(2026, 5, 1): (1, 7), date(2026, 5, 3): (1, 10)}
    small.shop.execute(
        "DELETE FROM neanelu.shopify_orders WHERE shop_id = %s AND legacy_resource_id = 2", small.shop.id
    )
    assert small.roll_up() == 1
    assert daily(small) == {date(2026, 5, 3): (1, 10)}


def test_amounts_of_two_currencies_are_not_added(small: Filled) -> None:
    add_order(small.shop, 1, "2026-05-01 12:00+03")
    add_order(small.shop, 2, "2026-05-01 12:00+03", total=99, currency="EUR")
    small.roll_up()
    rows = small.ask("SELECT * FROM analytics.daily_shop WHERE shop_id = %(shop)s AND count_orders > 0")
    assert [
        (row["currency"], row["count_orders"], row["orders_total"], row["count_orders_other_currency"])
        for row in rows
    ] == [("RON", 1, 10, 1)]


def test_damaged_lines_count_nothing_and_stop_nothing(small: Filled) -> None:
    add_order(
        small.shop,
        1,
        "2026-05-01 12:00+03",
        lines='[{"id": "x", "quantity": "many", "originalUnitPriceSet": {"shopMoney": {"amount": "NaN"}},'
        ' "discountAllocations": "no"},'
        ' "not a line", null, {"quantity": 2, "currentQuantity": -1, "taxLines": {},'
        ' "originalUnitPriceSet": {"shopMoney": {"amount": "1e5"}}}]',
    )
    small.roll_up()
    assert daily(small) == {date(2026, 5, 1): (1, 10)}
    with psycopg.connect(small.shop.database.dsn("neanelu_worker"), autocommit=True) as connection:
        connection.execute("SELECT analytics.refresh_all()")


def test_products_that_come_after_their_orders_are_counted_then(module_db: Database, tmp_path: Path) -> None:
    shop = TestShop.create(module_db, tmp_path)
    filled = Filled(
        shop,
        ShopSpec(domain=shop.domain, seed=9, products=10, orders=20, customers=5),
        "Europe/Bucharest",
        "",
    )
    filled.fill("orders")
    filled.roll_up()
    assert filled.ask("SELECT 1 FROM analytics.product_performance WHERE shop_id = %(shop)s") == []
    filled.fill("products", "customers")
    filled.roll_up()
    assert (
        shop.value("SELECT count(*) FROM neanelu.analytics_unresolved_products WHERE shop_id = %s", shop.id)
        == 0
    )
    products = filled.books().product_rows("day")
    rows = filled.ask(
        "SELECT * FROM analytics.product_performance"
        " WHERE period_type = 'daily' AND shop_id = %(shop)s ORDER BY product_id, period_start"
    )
    assert_rows(rows, [products[key] for key in sorted(products)])


def test_marks_of_changes_that_commit_during_a_roll_up_stay(small: Filled) -> None:
    """A change that the roll-up could not see is added up by the next one."""
    add_order(small.shop, 1, "2026-05-01 12:00+03")
    with small.shop.database.connect(autocommit=False) as late:
        late.execute(
            ORDER,
            {
                "shop": small.shop.id,
                "number": 2,
                "at": "2026-05-01 12:00+03",
                "total": 5,
                "currency": "RON",
                "lines": "[]",
            },
        )
        small.roll_up()
        assert daily(small) == {date(2026, 5, 1): (1, 10)}
        late.commit()
    assert small.roll_up() == 1
    assert daily(small) == {date(2026, 5, 1): (2, 15)}


def test_jobs_roll_up_what_is_due_and_refresh_what_they_are_told(small: Filled) -> None:
    add_order(small.shop, 1, "2026-05-01 12:00+03")
    with psycopg.connect(small.shop.database.dsn("neanelu_worker"), autocommit=True) as connection:

        def work(name: str, payload: str = "{}") -> list[Any]:
            connection.execute("SELECT jobs.enqueue('maintenance', %s, NULL, %s::jsonb)", [name, payload])
            done = []
            while claimed := connection.execute(
                "SELECT job_id, token, job_name, shop_id FROM jobs.claim(ARRAY['maintenance'], 'test', 10)"
            ).fetchall():
                for job_id, token, job_name, shop_id in claimed:
                    row = connection.execute("SELECT jobs.execute(%s, %s)", [job_id, token]).fetchone()
                    done.append((job_name, shop_id, row and row[0]))
            return done

        done = work("analytics.rollups")
        assert ("analytics.rollup", small.shop.id) in [row[:2] for row in done]
        assert daily(small) == {date(2026, 5, 1): (1, 10)}
        before = small.shop.value(
            "SELECT refreshed_at FROM neanelu.analytics_refreshes WHERE view_name = 'mv_low_stock_alerts'"
        )
        done = work("analytics.refresh", '{"view": "mv_low_stock_alerts"}')
        assert [row[0] for row in done] == ["analytics.refresh"]
        assert (
            small.shop.value(
                "SELECT refreshed_at FROM neanelu.analytics_refreshes WHERE view_name = 'mv_low_stock_alerts'"
            )
            > before
        )


def test_tasks_are_scheduled_as_the_founding_document_says(module_db: Database) -> None:
    with module_db.connect() as connection:
        rows = connection.execute(
            "SELECT job_data ->> 'view', cron_expression, timezone FROM neanelu.scheduled_tasks"
            " WHERE job_name = 'analytics.refresh' ORDER BY 1"
        ).fetchall()
    assert rows == [
        ("mv_low_stock_alerts", "*/15 * * * *", "UTC"),
        ("mv_pim_enrichment_status", "20 * * * *", "UTC"),
        ("mv_pim_quality_progress", "10 * * * *", "UTC"),
        ("mv_pim_source_performance", "30 4 * * *", "UTC"),
        ("mv_shop_summary", "0 * * * *", "UTC"),
        ("mv_top_sellers", "0 3 * * *", "UTC"),
    ]


def test_a_refresh_keeps_readers_going_and_a_second_one_away(shops: tuple[Filled, Filled]) -> None:
    filled = shops[0]
    read: list[int] = []
    with psycopg.connect(filled.shop.database.dsn("neanelu_worker")) as first:
        first.execute("SELECT analytics.refresh('mv_shop_summary')")

        def reader() -> None:
            for _ in range(3):
                read.append(len(filled.ask("SELECT 1 FROM analytics.shop_summary WHERE shop_id = %(shop)s")))

        thread = threading.Thread(target=reader)
        thread.start()
        thread.join(20)
        assert read == [1, 1, 1]
        with psycopg.connect(filled.shop.database.dsn("neanelu_worker"), autocommit=True) as second:
            assert second.execute("SELECT analytics.refresh('mv_shop_summary')").fetchone() == (None,)
        first.rollback()


def test_two_roll_ups_of_a_shop_take_turns(small: Filled) -> None:
    add_order(small.shop, 1, "2026-05-01 12:00+03")
    done: list[int] = []
    with psycopg.connect(small.shop.database.dsn("neanelu_worker")) as first:
        first.execute("SELECT analytics.rollup_days(%s)", [small.shop.id])
        thread = threading.Thread(target=lambda: done.append(small.roll_up()))
        thread.start()
        thread.join(0.5)
        assert done == []
        first.commit()
        thread.join(20)
    assert done == [0]
    assert daily(small) == {date(2026, 5, 1): (1, 10)}


def test_tenants_see_their_shop_and_analysts_all(shops: tuple[Filled, Filled]) -> None:
    ours, other = shops
    for view in VIEWS:
        both = {
            row["shop_id"]
            for row in ours.ask(f"SELECT DISTINCT shop_id FROM analytics.{view}")
            if row["shop_id"]
        }
        if view != "top_sellers":
            assert {ours.shop.id, other.shop.id} <= both, view
            assert {
                row["shop_id"]
                for row in ours.ask(f"SELECT DISTINCT shop_id FROM analytics.{view}", ours.tenant)
            } - {None} == {ours.shop.id}, view
        assert [
            row for row in ours.ask(f"SELECT shop_id FROM analytics.{view}", "neanelu_app") if row["shop_id"]
        ] == [], view
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ours.ask(f"SELECT 1 FROM analytics.{view} AS x WHERE x.shop_id IS NOT NULL", "neanelu_sync")
    with psycopg.connect(ours.shop.database.dsn("neanelu_app")) as connection:
        connection.execute("SELECT app.set_context(%s)", [other.shop.id])
        assert connection.execute("SELECT DISTINCT shop_id FROM analytics.orders").fetchall() == [
            (other.shop.id,)
        ]


@pytest.mark.parametrize("relation", [f"neanelu.{name}" for name in SUMMARIES] + ["analytics._order_figures"])
def test_nobody_reads_what_has_no_policies(shops: tuple[Filled, Filled], relation: str) -> None:
    for role in (
        shops[0].tenant,
        "neanelu_app",
        "neanelu_analyst",
        "neanelu_worker",
        "neanelu_operator",
        "neanelu_sync",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shops[0].ask(f"SELECT 1 FROM {relation}", role)


def test_a_tenants_function_sees_no_row_of_another_shop(shops: tuple[Filled, Filled]) -> None:
    """A cheap function in a condition is not asked about rows that the view then hides."""
    ours, other = shops
    with psycopg.connect(ours.shop.database.dsn(ours.tenant)) as connection:
        said: list[str] = []
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        rows = connection.execute(
            "SELECT name FROM analytics.orders WHERE query_to_xml(format('SELECT %%L', shop_id), true, false, '') IS NOT NULL"
            " AND shop_id::text <> %s AND ('x' || total_price)::text::bytea IS NOT NULL",
            [str(ours.shop.id)],
        ).fetchall()
    assert rows == [] and str(other.shop.id) not in " ".join(said)


def test_no_view_has_anything_that_names_a_person(shops: tuple[Filled, Filled]) -> None:
    persons = shops[0].books().persons() | shops[1].books().persons()
    assert len(persons) > 200
    for view in VIEWS:
        rows = shops[0].ask(f"SELECT to_jsonb(v) AS row FROM analytics.{view} AS v")
        said = "\n".join({value for row in rows for value in row["row"].values() if isinstance(value, str)})
        assert [word for word in persons if word in said] == [], view
        assert said or view == "top_sellers", view


def test_every_column_says_what_it_is(module_db: Database) -> None:
    with module_db.connect() as connection:
        rows = connection.execute(
            "SELECT a.attrelid::regclass::text, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
            " WHERE c.relnamespace = 'analytics'::regnamespace AND c.relkind = 'v' AND c.relname NOT LIKE '\\_%' AND a.attnum > 0"
            " AND col_description(a.attrelid, a.attnum) IS NULL"
        ).fetchall()
    assert rows == []


def test_the_documents_questions_have_answers(shops: tuple[Filled, Filled]) -> None:
    text = (REPO / "docs/analytics.md").read_text(encoding="utf-8")
    questions = text.rpartition("## Questions")[2].split("```sql")[1].split("```")[0].split(";")
    assert len(questions) == 4
    answers = [shops[0].ask(question) for question in questions if question.strip()]
    assert answers[0] and answers[1] and {row["new_vs_repeat"] for row in answers[1]} == {"new", "repeat"}
