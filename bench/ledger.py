"""What the stock ledger takes: appends to one hot SKU against an UPDATE of a hot row, and batches, folded while they come.

All writers are pgbench, on durable commits; the ledger is folded throughout by the worker's own loop, so nothing is put off.

- `ledger_hot`, `ledger_spread`, `ledger_update`: single calls a second of 16 connections: `inventory.record` for one SKU,
  for 1,000 SKUs, and, as peer, `UPDATE … SET quantity = quantity - 1` of one row. The rounds are interleaved.
- `ledger_bare`: the same 16 connections appending to a table without an index, which is all that this machine can do one by one;
  `ledger_bare_of_update` is what `ledger_hot_of_update` could be at most here: it depends on how fast the disk confirms a commit.
- `ledger_batch`: deltas a second in batches of 500 over 1,000 SKUs, every batch its own commit, as fast as two connections can;
  `ledger_batch_referenced` the same with a fresh reference for each delta. What comes so fast is folded a little later.
- `ledger_steady_…`: the batches at 42,000 deltas a second: what reached the partitioned ledger with all its indexes
  in a second while the load ran; `inventory.available` for one of the SKUs, timed by the caller; the age of the oldest entry that
  was not folded, the worst that was seen.
- `ledger_hot_available_p99`, `ledger_hot_lag`: the same two while single appends go to one SKU, as fast as they can.
- `ledger_steady_plain_p99`, `ledger_hot_plain_p99`: `SELECT 1` on the same connection, in turns: what a reader waits for a CPU;
  no figure of `available` can be better.
"""

from __future__ import annotations

import random
import re
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench import frame
from neanelu.db.connection import connect
from neanelu.worker.folder import Folder
from neanelu.worker.metrics import WorkerMetrics

ROUNDS = 3
SECONDS = 3
BATCH_SECONDS = 8
CONNECTIONS = 16
BATCH_CONNECTIONS = 2
STEADY = 42_000
SKUS = 1000
BATCH = 500
SHOP = "00000000-0000-7000-8000-0000000000a1"
HERE = "gid://shopify/Location/1"
FIRST = 100000000001  # variants are numbered so that twelve digits end their ids

FILL = f"""
INSERT INTO neanelu.shops
    (id, shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
VALUES ('{SHOP}', 'bench.myshopify.com', '\\x01',
        decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{{}}');
INSERT INTO neanelu.shopify_products (id, shop_id, shopify_gid, legacy_resource_id, title, handle, status)
VALUES ('{SHOP}', '{SHOP}', 'gid://shopify/Product/1', 1, 'p', 'p', 'ACTIVE');
INSERT INTO neanelu.shopify_variants
    (id, shop_id, product_id, shopify_gid, legacy_resource_id, title, sku, price, inventory_item_id)
SELECT ('00000000-0000-7000-8000-' || n)::uuid, '{SHOP}', '{SHOP}', 'gid://shopify/ProductVariant/' || n, n, 'v',
       'SKU-' || n, 1, 'gid://shopify/InventoryItem/' || n
  FROM generate_series({FIRST}, {FIRST + SKUS - 1}) AS n;
CREATE TABLE bench.hot (id integer PRIMARY KEY, quantity bigint NOT NULL) WITH (fillfactor = 50);
INSERT INTO bench.hot VALUES (1, 0);
CREATE TABLE bench.appends (id bigint GENERATED ALWAYS AS IDENTITY, variant_id uuid, delta integer, at timestamptz DEFAULT now());
CREATE TABLE bench.batches AS
SELECT b AS no, array_agg(('00000000-0000-7000-8000-' || {FIRST} + (b * 7919 + n * 31) % {SKUS})::uuid) AS variants,
       array_agg('{HERE}'::text) AS locations, array_agg(n % 9 - 5 + (n % 9 = 5)::int) AS deltas,
       array_agg(CASE WHEN n % 9 > 4 THEN 'RESTOCK' ELSE 'SALE' END) AS reasons, array_agg('order'::text) AS types
  FROM generate_series(0, 99) AS b, generate_series(1, {BATCH}) AS n GROUP BY b;
ALTER TABLE bench.batches ADD PRIMARY KEY (no);
GRANT USAGE ON SCHEMA bench TO neanelu_worker;
GRANT SELECT, UPDATE ON bench.hot TO neanelu_worker;
GRANT INSERT ON bench.appends TO neanelu_worker;
GRANT SELECT ON bench.batches TO neanelu_worker;
"""
_RECORD = (
    f"SELECT inventory.record('{SHOP}', ('00000000-0000-7000-8000-' || :n)::uuid, '{HERE}', -1, 'SALE');\n"
)
SCRIPTS = {
    "update": "UPDATE bench.hot SET quantity = quantity - 1 WHERE id = 1;\n",
    "bare": "INSERT INTO bench.appends (variant_id, delta) VALUES ('00000000-0000-7000-8000-000000000001', -1);\n",
    "hot": f"\\set n {FIRST}\n{_RECORD}",
    "spread": f"\\set n random({FIRST}, {FIRST + SKUS - 1})\n{_RECORD}",
    "batch": f"""\\set b random(0, 99)
SELECT inventory.record_many('{SHOP}', b.variants, b.locations, b.deltas, b.reasons) FROM bench.batches AS b WHERE b.no = :b;
""",
    "referenced": f"""\\set b random(0, 99)
SELECT inventory.record_many('{SHOP}', b.variants, b.locations, b.deltas, b.reasons, b.types,
                             ARRAY(SELECT uuidv7()::text FROM generate_series(1, {BATCH})))
  FROM bench.batches AS b WHERE b.no = :b;
""",
}


def _rate(
    database: frame.Database, script: str, connections: int, seconds: int, limit: float | None = None
) -> float:
    """Return the transactions a second of a pgbench script, which makes at most `limit`."""
    path = frame.laboratory().files / f"ledger_{script}.sql"
    path.write_text(SCRIPTS[script])
    done = subprocess.run(
        [database.cluster.bin("pgbench"), "-n", "-M", "prepared", "-c", str(connections), "-j", "1", "-T", str(seconds),
         "-f", str(path), *(["-R", str(limit)] if limit else [])],
        env=database.env("neanelu_worker"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if done.returncode != 0 or found is None:
        raise RuntimeError(done.stdout + done.stderr)
    return float(found[1])


@dataclass
class Watch:
    """What was seen while a load ran: milliseconds of each available() and of each SELECT 1, seconds of lag at each look."""

    milliseconds: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)


def _p99(values: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(values, n=100)[98]


@contextmanager
def _watched(database: frame.Database, watch: Watch, *, hot: bool) -> Iterator[None]:
    """Ask for the stock and for nothing, in turns, fifty times a second each, and ten times for the lag, until the block ends."""
    ended = threading.Event()

    def ask() -> None:
        with database.connect("neanelu_worker") as connection:
            while not ended.wait(0.01):
                number = FIRST if hot else FIRST + random.randrange(SKUS)
                began = time.perf_counter()
                connection.execute(
                    "SELECT inventory.available(%s, %s, %s)",
                    (SHOP, f"00000000-0000-7000-8000-{number}", HERE),
                )
                watch.milliseconds.append((time.perf_counter() - began) * 1000)
                if ended.wait(0.01):
                    return
                began = time.perf_counter()
                connection.execute("SELECT 1")
                watch.plain.append((time.perf_counter() - began) * 1000)

    def look() -> None:
        with database.connect() as connection:
            while not ended.wait(0.1):
                row = connection.execute(
                    "SELECT extract(epoch FROM clock_timestamp() - a.created_at) FROM neanelu.inventory_arrivals AS a"
                    " ORDER BY a.arrival_no LIMIT 1"
                ).fetchone()
                watch.lags.append(float(row[0]) if row else 0.0)

    threads = [threading.Thread(target=ask), threading.Thread(target=look)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _count(database: frame.Database) -> int:
    """Return how many entries are folded."""
    with database.connect() as connection:
        row = connection.execute(
            "SELECT coalesce(sum(entries), 0)::bigint FROM neanelu.inventory_balances"
        ).fetchone()
        assert row is not None
        return int(row[0])


def _folded(database: frame.Database) -> float:
    """Return how many entries are folded in a second, from the second second of the load to its last but one."""
    time.sleep(1)
    began, before = time.monotonic(), _count(database)
    time.sleep(BATCH_SECONDS - 2)
    return (_count(database) - before) / (time.monotonic() - began)


def _settle(database: frame.Database) -> None:
    """Wait until all is folded, so that each round begins with nothing to do."""
    with database.connect() as connection:
        while (
            row := connection.execute("SELECT count(*) FROM neanelu.inventory_arrivals").fetchone()
        ) and row[0]:
            time.sleep(0.1)
        connection.execute("VACUUM neanelu.inventory_arrivals")
        connection.execute("CHECKPOINT")


def _check(database: frame.Database) -> None:
    """The ledger must be sound, or the figures are worth nothing."""
    with database.connect() as connection:
        wrong = connection.execute("SELECT * FROM inventory.reconcile(%s)", (SHOP,)).fetchall()
        assert wrong == [], wrong


def run(scale: str) -> list[frame.Figure]:
    """Measure; the scale does not matter: the targets are for these loads."""
    rates: dict[str, list[float]] = {name: [] for name in (*SCRIPTS, "steady")}
    singles, steady = Watch(), Watch()
    with frame.steps("ledger", ROUNDS * 7 + 1) as step:
        step("fill")
        database = frame.laboratory().create()
        with database.connect() as connection:
            connection.execute(FILL)
            connection.execute("VACUUM ANALYZE neanelu.shopify_variants, bench.hot, bench.batches")
        folder = Folder(
            lambda: connect("neanelu_worker", autocommit=True, dsn=database.dsn("neanelu_worker")),
            WorkerMetrics(),
        )
        folder.start()
        try:
            for number in range(ROUNDS):
                for name in ("update", "bare", "hot", "spread"):
                    step(f"{name}, round {number + 1}")
                    with _watched(database, singles if name == "hot" else Watch(), hot=True):
                        rates[name].append(_rate(database, name, CONNECTIONS, SECONDS))
                    _settle(database)
                for name in ("batch", "referenced"):
                    step(f"{name}, round {number + 1}")
                    rates[name].append(_rate(database, name, BATCH_CONNECTIONS, SECONDS) * BATCH)
                    _settle(database)
                step(f"steady, round {number + 1}")
                with _watched(database, steady, hot=False), ThreadPoolExecutor() as pool:
                    folded = pool.submit(_folded, database)
                    _rate(database, "batch", 4, BATCH_SECONDS, STEADY / BATCH)
                    rates["steady"].append(folded.result())
                _settle(database)
        finally:
            folder.stop()
        _check(database)
        frame.drop(database)
    middle = {name: frame.median(values) for name, values in rates.items()}
    return [
        frame.figure("ledger_hot", middle["hot"], "1/s", digits=0),
        frame.figure("ledger_spread", middle["spread"], "1/s", digits=0),
        frame.figure("ledger_update", middle["update"], "1/s", digits=0),
        frame.figure("ledger_bare", middle["bare"], "1/s", digits=0),
        frame.figure("ledger_hot_of_update", middle["hot"] / middle["update"], "x", least=8),
        frame.figure("ledger_bare_of_update", middle["bare"] / middle["update"], "x"),
        frame.figure("ledger_hot_of_spread", middle["hot"] / middle["spread"], "x", least=0.9),
        frame.figure("ledger_batch", middle["batch"], "deltas/s", least=40_000, digits=0),
        frame.figure("ledger_batch_referenced", middle["referenced"], "deltas/s", digits=0),
        frame.figure("ledger_steady_folded", middle["steady"], "deltas/s", least=40_000, digits=0),
        frame.figure("ledger_steady_available_p99", _p99(steady.milliseconds), "ms", most=5),
        frame.figure("ledger_steady_plain_p99", _p99(steady.plain), "ms"),
        frame.figure("ledger_steady_lag", max(steady.lags), "s", most=1),
        frame.figure("ledger_hot_available_p99", _p99(singles.milliseconds), "ms", most=5),
        frame.figure("ledger_hot_plain_p99", _p99(singles.plain), "ms"),
        frame.figure("ledger_hot_lag", max(singles.lags), "s", most=1),
    ]
