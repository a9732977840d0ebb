"""The factory, from harvested documents to golden records, and how near these come to the truth.

N documents of three suppliers of the sandbox (a distributor's CSV, a manufacturer's JSON lines, a marketplace's XML) are
stored, then taken in by `pim.process`, on a warm database: documents of the same suppliers about another world went through
before.

- `factory_rate`: documents a second, all stages, two callers side by side;
- `factory_per_cpu`: documents a second of CPU time, of callers and server together;
- `factory_read` … `factory_describe`: seconds of a stage for all N, one caller, batches of 500;
- `factory_values_right`: share of decided attribute values that are true, beside `factory_statements_right`, of what
  suppliers said;
- `factory_values_known`: share of attributes that somebody spoke of and that have a decided value;
- `factory_pair_precision`, `factory_pair_recall`: of pairs of records in one golden record;
- `factory_mixed`, `factory_split`: golden records of several products, products in several golden records.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import orjson
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from bench import frame
from neanelu.platform.scratch import Database
from neanelu.sandbox.suppliers import feeds, judge
from neanelu.sandbox.suppliers.catalogue import define
from neanelu.sandbox.suppliers.suppliers import BY_CODE, records, source_config
from neanelu.sandbox.suppliers.world import World, WorldSpec

SUPPLIERS = ("distribuitor", "manufacturer", "marketplace")
#: Products of a world: each has 2.6 documents of these three.
PRODUCTS = {"small": 1_150, "full": 4_000}
WARM_PRODUCTS = 200
BATCH = 500
STAGES = ("read", "match", "propose", "decide", "score", "describe")

Connection = psycopg.Connection[dict[str, Any]]


def run(scale: str) -> list[frame.Figure]:
    """Measure with a world of one seed; the verdict holds for others, too (tests/test_factory.py)."""
    world = World.of(WorldSpec(seed=11, products=PRODUCTS[scale]))
    timed: dict[str, float] = {}
    with frame.steps("factory", 5) as step:
        step("warm up: another world of the same suppliers")
        database = frame.laboratory().create()
        with connect(database) as connection:
            define(connection)
            store(connection, World.of(WorldSpec(seed=99, products=WARM_PRODUCTS)))
            process(database, 1)
            connection.execute("VACUUM ANALYZE")
            step("store documents")
            began = time.perf_counter()
            count = store(connection, world)
            stored = time.perf_counter() - began
            step(f"{count} documents become golden records")
            spent = frame.cpu_seconds()
            took = process(database, 2)
            spent = frame.cpu_seconds() - spent
            verdict = find_verdict(connection, world)
        frame.drop(database)
        step("stage by stage")
        database = frame.laboratory().create()
        with connect(database) as connection:
            define(connection)
            store(connection, World.of(WorldSpec(seed=99, products=WARM_PRODUCTS)))
            process(database, 1)
            connection.execute("VACUUM ANALYZE")
            store(connection, world)
            timed = by_stage(connection)
        frame.drop(database)
        step("judge")
    found = verdict.as_document()
    for example in found["examples"][:5]:
        frame.say(example)
    return [
        frame.figure("factory_rate", count / took, "documents/s", least=300),
        frame.figure("factory_per_cpu", count / spent, "documents/s"),
        frame.figure("factory_store", count / stored, "documents/s"),
        *(frame.figure(f"factory_{name}", timed[name], "s") for name in STAGES),
        frame.figure("factory_values_right", found["values_right"], "share", digits=4),
        frame.figure("factory_statements_right", found["statements_right"], "share", digits=4),
        frame.figure("factory_values_known", found["values_known"], "share", digits=4),
        frame.figure("factory_pair_precision", found["pair_precision"], "share", least=0.98, digits=4),
        frame.figure("factory_pair_recall", found["pair_recall"], "share", digits=4),
        frame.figure("factory_mixed", found["mixed"], "records"),
        frame.figure("factory_split", found["split"], "products"),
    ]


def connect(database: Database) -> Connection:
    """Return an autocommit connection of the superuser with rows as dictionaries."""
    socket = str(database.cluster.socket_dir)
    return psycopg.connect(
        host=socket, port=5432, dbname=database.name, user="postgres", autocommit=True, row_factory=dict_row
    )


def store(connection: Connection, world: World) -> int:
    """Store what three suppliers say about a world, a thousand records at a time; return how many documents that is."""
    count = 0
    for code in SUPPLIERS:
        supplier = BY_CODE[code]
        values = (
            supplier.title,
            supplier.source_type,
            str(supplier.trust),
            Jsonb(source_config(supplier)),
        )
        row = connection.execute(
            "SELECT harvest.register_source(%s, %s, p_trust_score => %s, p_config => %s) AS id", values
        ).fetchone()
        assert row is not None
        said = feeds.as_read(supplier, list(records(world, supplier)))
        for start in range(0, len(said), 1000):
            part = said[start : start + 1000]
            connection.execute("SELECT harvest.store_many(%s, %s)", [row["id"], orjson.dumps(part).decode()])
            count += len(part)
    return count


def process(database: Database, callers: int) -> float:
    """Run pim.process side by side until nothing waits; return the seconds that it took."""

    def work() -> None:
        with connect(database) as connection:
            while True:
                row = connection.execute("SELECT pim.process(%s) AS counts", [BATCH]).fetchone()
                assert row is not None
                if not row["counts"]["sessions"] and not row["counts"]["products"]:
                    return

    began = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def by_stage(connection: Connection) -> dict[str, float]:
    """Take everything in with the calls of pim.process, one by one, and return seconds by stage."""
    spent = dict.fromkeys(STAGES, 0.0)

    def timed(stage: str, statement: str, values: Sequence[Any]) -> Any:
        began = time.perf_counter()
        row = connection.execute(statement, values).fetchone()
        spent[stage] += time.perf_counter() - began
        assert row is not None
        return row

    while True:
        sessions = timed("read", "SELECT harvest.extract_structured(%s) AS ids", [BATCH])["ids"]
        if not sessions:
            return spent
        found = timed(
            "match",
            "SELECT array_agg(session_id) AS sessions, array_agg(product_id) AS products, array_agg(DISTINCT product_id)"
            " AS touched FROM matching.match_sessions(%s)",
            [sessions],
        )
        timed("propose", "SELECT pim.propose(%s, %s)", [found["sessions"], found["products"]])
        timed("decide", "SELECT pim.decide(%s)", [found["touched"]])
        timed("score", "SELECT pim.score(%s)", [found["touched"]])
        timed("describe", "SELECT pim.refresh_semantics(%s)", [found["touched"]])


def find_verdict(connection: Connection, world: World) -> judge.Verdict:
    """Return how near the golden records come to a world; records of another one are left out."""
    truth = feeds.truth(world)
    truth["records"] = [record for record in truth["records"] if record["supplier"] in SUPPLIERS]
    titles = {BY_CODE[code].title: code for code in SUPPLIERS}
    belongs = {
        (titles[row["source"]], row["source_product_id"]): str(row["product_id"])
        for row in connection.execute(judge.BELONGS).fetchall()
        if row["source"] in titles
    }
    return judge.judge(truth, belongs, connection.execute(judge.GOLDEN).fetchall())
