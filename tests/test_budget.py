"""The API budget under many callers at once, and the client that draws from it against a Shopify that throttles."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sync_support import new_domain

from neanelu.db.errors import translated
from neanelu.platform.scratch import Database
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.shopify.budget import Budget
from neanelu.shopify.client import ShopifyClient

CALLERS = 50
SHOP_QUERY = "query ShopName { shop { id name } }"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with run_in_thread(log_level="critical") as handle:
        yield handle


def register(database: Database, domain: str) -> UUID:
    shop_id = uuid4()
    with database.connect() as connection:
        connection.execute(
            "SELECT shops.register(%s, %s, '\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{}')",
            (shop_id, domain),
        )
    return shop_id


@pytest.fixture
def shop(module_db: Database) -> UUID:
    return register(module_db, new_domain())


def caller(connection: psycopg.Connection[Any]) -> Callable[..., list[dict[str, Any]]]:
    cursor = connection.cursor(row_factory=dict_row)

    def call(statement: str, **values: Any) -> list[dict[str, Any]]:
        with translated():
            return cursor.execute(statement, values).fetchall()

    return call


def test_fifty_callers_never_overspend(module_db: Database, shop: UUID) -> None:
    capacity, rate, cost = 200, 100, 7
    with module_db.connect() as connection:
        connection.execute(
            "INSERT INTO neanelu.rate_limit_buckets (shop_id, tokens_remaining, max_tokens, refill_rate)"
            " VALUES (%s, %s, %s, %s)",
            (shop, capacity, capacity, rate),
        )
    stop = threading.Event()
    start = threading.Barrier(CALLERS + 1)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with module_db.connect("neanelu_worker") as connection:
                connection.execute("SET synchronous_commit = off")
                start.wait()
                while not stop.is_set():
                    row = connection.execute(
                        "SELECT granted FROM budget.acquire(%s, %s, NULL, %s)", (shop, cost, number % 2 == 0)
                    ).fetchone()
                    if row == (True,):
                        connection.execute(
                            "SELECT budget.settle(uuidv7(), %s, 'query Race', NULL, %s, %s, NULL, NULL, clock_timestamp(), 1)",
                            (shop, cost, Jsonb({"requestedQueryCost": cost, "actualQueryCost": cost})),
                        )
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    start.wait()
    time.sleep(1.5)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    with module_db.connect() as connection:
        row = connection.execute(
            """
            WITH spent AS (
                SELECT requested_at AS at, sum(actual_cost) OVER (ORDER BY requested_at, id) AS total,
                       extract(epoch FROM requested_at - (SELECT last_refill_at FROM neanelu.rate_limit_buckets
                                                           WHERE shop_id = %(shop)s)) AS since
                  FROM neanelu.api_cost_tracking WHERE shop_id = %(shop)s)
            SELECT max(total), extract(epoch FROM max(at) - (SELECT min(at) FROM spent)) FROM spent
            """,
            {"shop": shop},
        ).fetchone()
    assert row is not None
    spent, seconds = int(row[0]), float(row[1])
    assert spent <= capacity + rate * (seconds + 0.5)
    # and what there was was used: the bucket is no brake where there is budget (less the fifth that is kept back)
    assert spent >= capacity + rate * seconds * 0.5


def test_a_client_waits_for_its_budget_and_books_every_answer(
    module_db: Database, sandbox: SandboxHandle
) -> None:
    domain = new_domain()
    sandbox.add(replace(ShopSpec(products=5), domain=domain), min_polls=1)
    shop = register(module_db, domain)
    sandbox.fault("throttle", domain, times=2)
    slept: list[float] = []
    with module_db.connect("neanelu_sync") as connection:
        call = caller(connection)

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            time.sleep(min(seconds, 2.0))

        budget = Budget(call, shop, sleep=sleep)
        with ShopifyClient(
            sandbox.base_url_template.format(shop=domain), "2026-10", sandbox.token(domain), budget=budget
        ) as client:
            assert client.query(SHOP_QUERY)["shop"]["id"]
            assert client.query(SHOP_QUERY)["shop"]["id"]
    with module_db.connect() as connection:
        rows = connection.execute(
            "SELECT operation_type, throttle_status, actual_cost > 0 FROM neanelu.api_cost_tracking"
            " WHERE shop_id = %s ORDER BY created_at, id",
            (shop,),
        ).fetchall()
        known = connection.execute(
            "SELECT requested_cost FROM neanelu.api_query_costs WHERE operation_type = 'query ShopName'"
        ).fetchall()
    assert rows == [("query ShopName", "THROTTLED", False)] * 2 + [("query ShopName", None, True)] * 2
    assert len(known) == 1
    assert slept, "a throttled bucket is waited for"


def test_an_answer_is_booked_once(module_db: Database, shop: UUID) -> None:
    with module_db.connect("neanelu_worker") as connection:
        budget = Budget(caller(connection), shop)
        grant = budget.acquire(SHOP_QUERY)
        cost = {"requestedQueryCost": 1, "actualQueryCost": 1}
        budget.settle(grant, cost)
        budget.settle(grant, cost)
    with module_db.connect() as connection:
        assert connection.execute(
            "SELECT count(*) FROM neanelu.api_cost_tracking WHERE shop_id = %s", (shop,)
        ).fetchone() == (1,)
