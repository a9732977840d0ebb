"""What a webhook costs on its way into the mirror, and an object that is asked for.

A live shop of the sandbox changes in all ways that it knows. Its deliveries lie stored, as the receiver leaves them, and are
processed by `webhooks.process`, each in a durable transaction of its own, in a mirror that has 50,000 other products and
the indexes that go with them. Beside it the same lines come as answers to fetches, through staging and merge of the bulk
pipeline (`webhooks.apply_fetched`), one object at a time and fifty at a time. Figures are medians of calls;
`mirror_processed` is what four connections do together.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections import defaultdict
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from bench import audit, frame
from neanelu.platform.scratch import Database
from neanelu.sandbox.files import Job
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.live import LiveShop
from neanelu.sandbox.traffic import MIX, Changes
from neanelu.shopify import documents

OTHERS = 50_000
CHANGES = 400
CONNECTIONS = 4
SHOP = audit.SHOP
#: Families whose cost is shown, with the most milliseconds that a median may have.
FAMILIES = {"products": 10.0, "orders": 15.0, "inventory_levels": 10.0, "customers": 10.0}


def _trees(live: LiveShop, resource: str) -> dict[int, list[str]]:
    """Return the lines of each object of a resource."""
    trees: dict[int, list[str]] = {}
    data = Job(live.spec, documents.render(resource), shop=live).part(0, 1_000_000).data
    for line in data.splitlines():
        parsed = json.loads(line)
        if "__parentId" in parsed:
            next(reversed(trees.values())).append(line.decode())
        else:
            trees[int(parsed["id"].rsplit("/", 1)[1])] = [line.decode()]
    return trees


def _bring(connection: psycopg.Connection[Any], live: LiveShop) -> None:
    for resource in ("locations", "publications", "products", "inventory", "customers", "orders"):
        trees = _trees(live, resource)
        _answer(connection, resource, list(trees), [line for tree in trees.values() for line in tree])


def _answer(connection: psycopg.Connection[Any], resource: str, asked: list[int], lines: list[str]) -> float:
    """Hand over an answer; return the seconds."""
    started = time.perf_counter()
    connection.execute(
        "SELECT webhooks.apply_fetched(%s, %s, %s, %s, clock_timestamp())", [SHOP, resource, asked, lines]
    )
    return time.perf_counter() - started


def _stored(connection: psycopg.Connection[Any], live: LiveShop, seed: int) -> list[tuple[str, Jsonb]]:
    """Let things happen and store the deliveries; return topics and the payloads of their jobs."""
    work = Changes(live, seed, dict.fromkeys(MIX, 1.0))
    for _ in range(CHANGES):
        work.step()
    jobs = []
    for event in live.take_events():
        if event.topic.startswith(("shop/", "app/")):
            continue
        row = connection.execute(
            "INSERT INTO neanelu.webhook_events (shop_id, topic, payload, hmac_verified, triggered_at)"
            " VALUES (%s, %s, %s, true, %s) RETURNING id, created_at",
            [SHOP, event.topic, Jsonb(event.payload), event.triggered_at],
        ).fetchone()
        assert row is not None
        jobs.append((event.topic, Jsonb({"event_id": str(row[0]), "event_created_at": row[1].isoformat()})))
    return jobs


def _process(connection: psycopg.Connection[Any], jobs: list[tuple[str, Jsonb]]) -> dict[str, list[float]]:
    """Process deliveries one by one; return the seconds of each by family."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for topic, job in jobs:
        started = time.perf_counter()
        row = connection.execute("SELECT webhooks.process(%s, %s) ->> 'outcome'", [SHOP, job]).fetchone()
        seconds[topic.split("/")[0]].append(time.perf_counter() - started)
        assert row is not None
        assert row[0] in ("applied", "unchanged", "stale", "postponed", "ignored"), row
    return seconds


def _together(database: Database, jobs: list[tuple[str, Jsonb]]) -> float:
    """Process deliveries on several connections; return how many a second."""

    def work(part: int) -> None:
        with database.connect() as connection:
            _process(connection, jobs[part::CONNECTIONS])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(CONNECTIONS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(jobs) / (time.perf_counter() - started)


def _wide(connection: psycopg.Connection[Any], live: LiveShop) -> float:
    """Return the median seconds of a delivery with 100 variants, all of which changed."""
    gid = live.create_product(variants=100)
    seconds = []
    for round_ in range(8):
        for variant in live.products[gid]["variants"]:
            variant["price"] = f"{round_ + 1}.50"
            variant["updatedAt"] = live.stamp(variant["updatedAt"])
        live.update_product(gid, title=f"Wide {round_}")
    for event in live.take_events():
        if event.topic != "products/update":
            continue
        started = time.perf_counter()
        connection.execute(
            "SELECT webhooks.apply_products(%s, %s, %s, %s)",
            [SHOP, event.topic, Jsonb(event.payload), event.triggered_at],
        )
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def run(scale: str) -> list[frame.Figure]:
    """Measure; the scale does not matter: a webhook is about one object."""
    figures: list[frame.Figure] = []
    with frame.steps("mirror", 5) as step:
        step(f"a mirror with {OTHERS} products")
        database = frame.laboratory().create()
        moments = iter(range(1, 10_000_000))
        began = time.time() - 7200
        live = LiveShop(ShopSpec(frame.SHOP, products=200), now=lambda: began + next(moments) * 0.01)
        with database.connect() as connection:
            connection.execute(audit.FILL.replace(str(audit.PRODUCTS), str(OTHERS)))
            _bring(connection, live)
            connection.execute("VACUUM ANALYZE")
            step("process deliveries one by one")
            _process(connection, _stored(connection, live, 1)[:200])
            seconds = _process(connection, _stored(connection, live, 2))
            for family, most in FAMILIES.items():
                figures.append(
                    frame.figure(
                        f"mirror_{family}_ms", 1000 * statistics.median(seconds[family]), "ms", most=most
                    )
                )
            step("deliveries with 100 variants")
            figures.append(
                frame.figure("mirror_100_variants_ms", 1000 * _wide(connection, live), "ms", most=100.0)
            )
            step(f"process deliveries on {CONNECTIONS} connections")
            figures.append(
                frame.figure(
                    "mirror_processed", _together(database, _stored(connection, live, 3)), "/s", least=150.0
                )
            )
            step("objects that were asked for")
            trees = _trees(live, "products")
            numbers = [n for n, tree in trees.items() if len(tree) < 20][:60]
            one = [_answer(connection, "products", [n], trees[n]) for n in numbers[:30]]
            fifty = [
                _answer(connection, "products", numbers[:50], [x for n in numbers[:50] for x in trees[n]])
                for _ in range(5)
            ]
            figures.append(
                frame.figure("mirror_fetched_one_ms", 1000 * statistics.median(one), "ms", most=100.0)
            )
            figures.append(
                frame.figure("mirror_fetched_each_of_50_ms", 20 * statistics.median(fifty), "ms", most=15.0)
            )
        frame.drop(database)
    return figures
