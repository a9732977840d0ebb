"""Harvest: how fast documents come in and are read, without models.

- `harvest_import_per_second`: records of a CSV feed of 17 columns from the file to `prod_raw_harvest`, as
  `neanelu harvest import` takes them, in-process; `harvest_unchanged_per_second` the same file again, when nothing of it changed.
- `harvest_extract_per_second`: `harvest.extract_structured` in calls of 1,000, over half feed records and half schema.org
  products with fifteen properties each, sessions and their indexes included. One connection, each call a durable commit.
- `harvest_claim_p95_ms`: claiming ten pages of a queue of 200,000 over 20 sites, and completing each.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from bench import frame
from neanelu.harvest.importer import Importer
from neanelu.settings import Settings

COLUMNS = 14
FILL = """
SELECT harvest.store_many(harvest.register_source('schema', 'SUPPLIER'), (
    SELECT jsonb_agg(jsonb_build_object('source_product_id', g, 'json', jsonb_build_object(
        '@type', 'Product', 'name', 'Product number ' || g, 'sku', g,
        'brand', jsonb_build_object('@type', 'Brand', 'name', 'Brand ' || g %% 50),
        'description', repeat('Words about the product ', 20), 'image', jsonb_build_array('https://x.example/' || g || '.jpg'),
        'offers', jsonb_build_object('@type', 'Offer', 'price', g %% 1000, 'priceCurrency', 'EUR'), 'additionalProperty', (
            SELECT jsonb_agg(jsonb_build_object(
                '@type', 'PropertyValue', 'name', 'Property ' || k, 'value', (g * k) %% 977, 'unitCode', 'CMT'))
              FROM generate_series(1, 15) AS k))))
      FROM generate_series(%s::integer, %s::integer) AS g))
"""
QUEUE = """
SELECT harvest.enqueue_urls(
    harvest.set_scraper(harvest.register_source('site ' || s, 'SCRAPER', 'https://s' || s || '.example', p_rate_limit =>
        '{"requests_per_second": 1000, "burst": 1000, "concurrency": 100}'), 'pages', '{}'),
    ARRAY(SELECT 'https://s' || s || '.example/p/' || n FROM generate_series(1, 10000) AS n)) FROM generate_series(1, 20) AS s
"""


def _feed(path: Path, records: int) -> None:
    """Write a CSV feed."""
    names = [f"Feature {n}" for n in range(COLUMNS)]
    with path.open("w", encoding="utf-8") as file:
        file.write(";".join(["id", "title", "ean", *names]) + "\n")
        for number in range(records):
            values = [f"{number * n % 997} cm" for n in range(COLUMNS)]
            file.write(
                ";".join([f"P{number}", f"Product number {number}", str(5_000_000_000_000 + number), *values])
                + "\n"
            )


def _import(database: Any, path: Path) -> float:
    """Import the feed; return the seconds."""
    made = Importer(
        str(path),
        "feed",
        None,
        {},
        None,
        None,
        None,
        Settings(_env_file=None),
        dsn=database.dsn("neanelu_harvester"),
    )
    return float(made.run(quiet=True)["seconds"])


def _extract(connection: psycopg.Connection[Any]) -> tuple[int, float]:
    """Read all pending documents; return how many, and the seconds."""
    count, started = 0, time.perf_counter()
    while True:
        row = connection.execute("SELECT cardinality(harvest.extract_structured(1000))").fetchone()
        assert row is not None
        if not row[0]:
            return count, time.perf_counter() - started
        count += row[0]


def _claims(connection: psycopg.Connection[Any], rounds: int) -> float:
    """Claim ten pages and complete them, so many times; return the 95th percentile of a claim, milliseconds."""
    times: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        rows = connection.execute(
            "SELECT queue_id, token, url FROM harvest.claim_urls('bench', 10)"
        ).fetchall()
        times.append((time.perf_counter() - started) * 1000)
        assert len(rows) == 10, len(rows)
        for queue_id, token, _ in rows:
            connection.execute(
                'SELECT harvest.complete_url(%s, %s, \'{"status": 200, "headers": {}}\', %s)',
                (queue_id, token, str(queue_id)),
            )
    return statistics.quantiles(times, n=20)[-1]


def run(scale: str) -> list[frame.Figure]:
    """Measure; full takes five times as many records."""
    records = 20_000 if scale == "small" else 100_000
    figures: list[frame.Figure] = []
    with frame.steps("harvest", 5) as step, tempfile.TemporaryDirectory() as folder:
        database = frame.laboratory().create()
        path = Path(folder) / "feed.csv"
        _feed(path, records)
        with database.connect() as connection:
            connection.execute("SELECT harvest.register_source('feed', 'SUPPLIER')")
            step(f"import {records} records")
            figures.append(frame.figure("harvest_import_per_second", records / _import(database, path), "/s"))
            step("import them again")
            figures.append(
                frame.figure("harvest_unchanged_per_second", records / _import(database, path), "/s")
            )
            step("store as many schema.org products")
            for first in range(1, records, 5000):
                connection.execute(FILL, (first, first + 4999))
            connection.execute("VACUUM ANALYZE neanelu.prod_raw_harvest")
            step("read structured data")
            count, seconds = _extract(connection)
            assert count == 2 * records, count
            figures.append(frame.figure("harvest_extract_per_second", count / seconds, "/s", least=2000))
            step("claim pages of a queue of 200,000")
            connection.execute(QUEUE)
            connection.execute("VACUUM ANALYZE neanelu.scraper_queue")
            figures.append(frame.figure("harvest_claim_p95_ms", _claims(connection, 100), "ms"))
        frame.drop(database)
    return figures
