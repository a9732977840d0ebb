"""What tests of the factory share: a deployed PIM that knows the sandbox's attributes, and suppliers' documents in it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row

from neanelu.platform.scratch import Database
from neanelu.sandbox.suppliers import catalogue, feeds, judge
from neanelu.sandbox.suppliers.suppliers import BY_CODE, Record, records, source_config
from neanelu.sandbox.suppliers.world import World

FEEDS = ("distribuitor", "manufacturer", "marketplace")
Connection = psycopg.Connection[Any]


def superuser(db: Database) -> Connection:
    """Return an autocommit connection of the superuser, rows as dictionaries."""
    connection = db.connect(autocommit=True)
    connection.row_factory = dict_row
    return connection


def one(connection: Connection, statement: str, values: Sequence[Any] = ()) -> Any:
    """Return the only value of the only row."""
    row = connection.execute(statement, values).fetchone()
    assert row is not None
    return next(iter(row.values())) if isinstance(row, dict) else row[0]


def define(db: Database) -> None:
    """Import the sandbox's categories and attributes."""
    with superuser(db) as connection:
        catalogue.define(connection)


def deliver(
    db: Database, world: World, codes: Iterable[str] = FEEDS, only: set[str] | None = None
) -> dict[str, list[Record]]:
    """Store what suppliers say about a world, or about some of its products, as documents; return it by supplier."""
    delivered = {}
    with superuser(db) as connection:
        for code in codes:
            supplier = BY_CODE[code]
            source = one(
                connection,
                "SELECT harvest.register_source(%s, %s, p_trust_score => %s, p_config => %s)",
                [
                    supplier.title,
                    supplier.source_type,
                    str(supplier.trust),
                    orjson.dumps(source_config(supplier)).decode(),
                ],
            )
            said = [record for record in records(world, supplier) if only is None or record.key in only]
            delivered[code] = said
            document = orjson.dumps(feeds.as_read(supplier, said)).decode()
            connection.execute("SELECT harvest.store_many(%s, %s)", [source, document])
    return delivered


def process(db: Database, callers: int = 1, limit: int = 200) -> dict[str, int]:
    """Run pim.process as the operator until nothing waits, side by side; return the sums of its counts."""
    totals: dict[str, int] = {}
    lock = threading.Lock()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with db.connect("neanelu_operator", autocommit=True) as connection:
                while True:
                    counts = one(connection, "SELECT pim.process(%s)", [limit])
                    with lock:
                        for name, value in counts.items():
                            totals[name] = totals.get(name, 0) + int(value)
                    if not counts["sessions"] and not counts["products"]:
                        return
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return totals


def verdict(db: Database, world: World, codes: Iterable[str] = FEEDS) -> judge.Verdict:
    """Return how near the golden records come to the truth."""
    chosen = set(codes)
    truth = feeds.truth(world)
    truth["records"] = [record for record in truth["records"] if record["supplier"] in chosen]
    titles = {BY_CODE[code].title: code for code in chosen}
    with superuser(db) as connection:
        belongs = {
            (titles[row["source"]], row["source_product_id"]): str(row["product_id"])
            for row in connection.execute(judge.BELONGS)
            if row["source"] in titles
        }
        return judge.judge(truth, belongs, connection.execute(judge.GOLDEN).fetchall())


def groups(db: Database) -> set[frozenset[tuple[str, str]]]:
    """Return which records of sources are one golden record: sets of (source, its id)."""
    found: dict[str, set[tuple[str, str]]] = {}
    with superuser(db) as connection:
        for row in connection.execute(judge.BELONGS):
            found.setdefault(str(row["product_id"]), set()).add((row["source"], row["source_product_id"]))
    return {frozenset(members) for members in found.values()}
