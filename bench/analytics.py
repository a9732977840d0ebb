"""What figures cost: marking changed days during a first load, adding days up, refreshing a summary.

- `analytics_marks_ratio`: a first load of orders with the triggers that mark their days, against the same load
  without; interleaved medians of whole runs of `neanelu ingest`, each into an empty table;
- `analytics_first_rollup`: orders a second that the first roll-up of a shop adds up, all days of three years;
- `analytics_rollup`: milliseconds of a roll-up after orders of three days changed, the median of ten;
- `analytics_top_sellers`: seconds of a concurrent refresh with all orders in the window.
"""

from __future__ import annotations

import statistics
import time

from bench import frame

ORDERS = {"small": 6_000, "full": 60_000}
ROUNDS = 3
EVENTS = ("insert", "update_new", "update_old", "delete")
SHOP = "(SELECT id FROM neanelu.shops)"


def run(scale: str) -> list[frame.Figure]:
    """Measure on one shop; orders have two and a half lines each."""
    orders = ORDERS[scale]
    loads: dict[bool, list[float]] = {True: [], False: []}
    with frame.steps("analytics", 4) as step:
        step("generate files")
        options = ("--orders", str(orders), "--customers", "100")
        products = frame.generate(300, *options, name="analytics-products")
        file = frame.generate(300, *options, "--resource", "orders", name=f"analytics-orders-{orders}")
        database = frame.new_shop_database()
        with database.connect() as connection:
            frame.ingest(database, products.path)
            step(f"load {orders} orders, with and without marks")
            for number in range(2 * ROUNDS + 1):
                marked = number % 2 == 0
                connection.execute("TRUNCATE neanelu.shopify_orders, neanelu.analytics_dirty_days CASCADE")
                connection.execute("DELETE FROM neanelu.sync_digests")
                for event in EVENTS:
                    connection.execute(
                        f"ALTER TABLE neanelu.shopify_orders {'ENABLE' if marked else 'DISABLE'}"
                        f" TRIGGER tg_shopify_orders__mark_days_{event}"
                    )
                ran, _ = frame.ingest(database, file.path, "--resource", "orders")
                if number:  # the first one warms up; it and the last have marks
                    loads[marked].append(ran.seconds)
            step("add days up")
            connection.execute("VACUUM ANALYZE neanelu.shopify_orders")
            began = time.perf_counter()
            connection.execute(f"SELECT analytics.rollup_days({SHOP})")
            first = time.perf_counter() - began
            touched = []
            for number in range(10):
                connection.execute(
                    "INSERT INTO neanelu.analytics_dirty_days (shop_id, date) SELECT shop_id, date"
                    " FROM neanelu.analytics_daily_shop WHERE all_orders > 0 ORDER BY date DESC OFFSET %s LIMIT 3",
                    [number * 10],
                )
                began = time.perf_counter()
                row = connection.execute(f"SELECT analytics.rollup_days({SHOP})").fetchone()
                touched.append(time.perf_counter() - began)
                assert row == (3,), row
            step("refresh")
            connection.execute("SET app.now = '2023-02-15Z'")
            began = time.perf_counter()
            connection.execute("SELECT analytics.refresh('mv_top_sellers')")
            refresh = time.perf_counter() - began
        frame.drop(database)
    ratio = statistics.median(loads[True]) / statistics.median(loads[False])
    return [
        frame.figure("analytics_marks_ratio", ratio, "x", most=1.02),
        frame.figure("analytics_first_rollup", orders / first, "orders/s"),
        frame.figure("analytics_rollup", statistics.median(touched) * 1000, "ms"),
        frame.figure("analytics_top_sellers", refresh, "s"),
    ]
