"""The receiver while PostgreSQL stalls, dies or comes back, and while it is killed itself: every 200 is stored, once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
from webhook_support import Receiver, body_of, headers, new_shop, receiver_of

from neanelu.platform.scratch import Database

#: What the receiver counts; a busy machine's sender sees its own waits as well.
WITHIN_FIVE_SECONDS = 'neanelu_webhooks_seconds_bucket{le="5.0"}'
#: Ends the receiver's connections to one database; the cluster holds those of other tests too.
KICK_OUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name LIKE 'neanelu webhooks %%' AND datname = %s"""


@dataclass
class Traffic:
    """What a sender saw: webhook ids by status, and the slowest answer in seconds."""

    by_status: dict[int, list[str]] = field(default_factory=dict)
    slowest: float = 0.0

    def note(self, status: int, webhook_id: str, seconds: float) -> None:
        """Remember an answer."""
        self.by_status.setdefault(status, []).append(webhook_id)
        self.slowest = max(self.slowest, seconds)

    @property
    def counts(self) -> dict[int, int]:
        """How many answers by status; 0 stands for none at all."""
        return {status: len(ids) for status, ids in self.by_status.items()}


async def send(
    client: httpx.AsyncClient, receiver: Receiver, domain: str, name: str, traffic: Traffic
) -> int:
    """Deliver once and note the answer; 0 when the connection broke."""
    body = body_of()
    began = time.monotonic()
    try:
        answer = await client.post(receiver.url, content=body, headers=headers(body, domain, webhook_id=name))
        status = answer.status_code
    except httpx.TransportError:
        status = 0
    traffic.note(status, name, time.monotonic() - began)
    return status


def deliver(
    receiver: Receiver,
    domain: str,
    names: list[str],
    senders: int = 16,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> Traffic:
    """Deliver all, some at a time, while something happens; returns what was answered."""
    traffic = Traffic()

    async def run() -> None:
        waiting = iter(names)
        async with httpx.AsyncClient(timeout=12, limits=httpx.Limits(max_connections=senders)) as client:

            async def one_after_another() -> None:
                for name in waiting:
                    if not await send(client, receiver, domain, name, traffic):
                        return  # nobody is there any more

            others = [meanwhile()] if meanwhile else []
            await asyncio.gather(*(one_after_another() for _ in range(senders)), *others)

    asyncio.run(run())
    return traffic


def stored(connection: psycopg.Connection[Any], shop_id: UUID) -> Counter[str]:
    """Return the webhook ids that have an event and a job, and how many of them."""
    rows = connection.execute(
        """
        SELECT e.shopify_webhook_id
          FROM neanelu.webhook_events AS e
          JOIN neanelu.job_runs AS j ON j.payload ->> 'event_id' = e.id::text
         WHERE e.shop_id = %s""",
        [shop_id],
    )
    return Counter(row[0] for row in rows)


def names(count: int, prefix: str = "w") -> list[str]:
    """Return webhook ids."""
    return [f"{prefix}{number}" for number in range(count)]


def backends(connection: psycopg.Connection[Any]) -> list[int]:
    """Return the receiver's server processes."""
    rows = connection.execute(
        "SELECT pid FROM pg_stat_activity"
        " WHERE application_name LIKE 'neanelu webhooks %' AND datname = current_database()"
    )
    return [row[0] for row in rows]


def test_three_seconds_without_postgresql_are_bridged(module_db: Database, tmp_path: Path) -> None:
    shop_id, domain = new_shop(module_db)
    superuser = module_db.connect()
    with receiver_of(module_db, tmp_path) as receiver:
        stopped = backends(superuser)
        assert stopped
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        threading.Timer(3.0, lambda: [os.kill(pid, signal.SIGCONT) for pid in stopped]).start()
        traffic = deliver(receiver, domain, names(40), senders=40)
        assert traffic.counts == {200: 40} and traffic.slowest > 2.5
        assert receiver.figure(WITHIN_FIVE_SECONDS) == 40
        assert stored(superuser, shop_id) == Counter(names(40))


def test_a_longer_stall_is_answered_in_time_and_nothing_is_stored_behind_its_back(
    module_db: Database, tmp_path: Path
) -> None:
    shop_id, domain = new_shop(module_db)
    superuser = module_db.connect()
    with receiver_of(module_db, tmp_path, settings={"webhooks_deadline_seconds": "1.2"}) as receiver:
        lock = module_db.connect(autocommit=False)
        lock.execute("LOCK TABLE neanelu.webhook_receipts IN ACCESS EXCLUSIVE MODE")
        traffic = deliver(receiver, domain, names(30), senders=30)
        assert traffic.counts == {503: 30} and traffic.slowest < 2.0
        lock.rollback()
        time.sleep(0.3)
        assert stored(superuser, shop_id) == Counter()
        stopped = backends(superuser)
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            traffic = deliver(receiver, domain, names(30), senders=30)
            assert traffic.counts == {503: 30} and traffic.slowest < 2.0
        finally:
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        time.sleep(0.3)
        assert stored(superuser, shop_id) == Counter()
        again = deliver(receiver, domain, names(30), senders=30)
        assert again.counts == {200: 30}
        assert stored(superuser, shop_id) == Counter(names(30))


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again(
    module_db: Database, tmp_path: Path
) -> None:
    shop_id, domain = new_shop(module_db)
    superuser = module_db.connect()
    settings = {"webhooks_queue": "5", "webhooks_deadline_seconds": "3"}
    with receiver_of(module_db, tmp_path, settings=settings) as receiver:
        lock = module_db.connect(autocommit=False)
        lock.execute("LOCK TABLE neanelu.webhook_events IN ACCESS EXCLUSIVE MODE")
        threading.Timer(1.0, lock.rollback).start()
        began = time.monotonic()
        traffic = deliver(receiver, domain, names(25), senders=25)
        assert traffic.counts == {200: 5, 503: 20} and time.monotonic() - began < 3
        assert stored(superuser, shop_id) == Counter(traffic.by_status[200])
        lock.execute("LOCK TABLE neanelu.webhook_events IN ACCESS EXCLUSIVE MODE")
        deliveries = threading.Thread(target=deliver, args=(receiver, domain, names(5, "x"), 5))
        deliveries.start()
        time.sleep(0.5)
        body = body_of()
        answer = receiver.client.post(receiver.url, content=body, headers=headers(body, domain))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        lock.rollback()
        deliveries.join()


def test_a_database_that_goes_and_comes_back_costs_nothing_but_time(
    module_db: Database, tmp_path: Path
) -> None:
    shop_id, domain = new_shop(module_db)
    superuser = module_db.connect()
    with receiver_of(module_db, tmp_path) as receiver:

        async def kick_out() -> None:
            for _ in range(4):
                await asyncio.sleep(0.1)
                superuser.execute(KICK_OUT, [module_db.name])

        traffic = deliver(receiver, domain, names(300), meanwhile=kick_out)
        assert traffic.counts == {200: 300} and receiver.figure(WITHIN_FIVE_SECONDS) == 300
        assert stored(superuser, shop_id) == Counter(names(300))
        with psycopg.connect(module_db.cluster.dsn("postgres", "postgres"), autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {module_db.name} ALLOW_CONNECTIONS false")
            admin.execute(KICK_OUT, [module_db.name])
            until = time.monotonic() + 10
            while receiver.get("/health/ready").status_code != 503:
                assert time.monotonic() < until
                time.sleep(0.05)
            assert receiver.get("/health/live").status_code == 200
            admin.execute(f"ALTER DATABASE {module_db.name} ALLOW_CONNECTIONS true")
        until = time.monotonic() + 10
        while receiver.get("/health/ready").status_code != 200:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert deliver(receiver, domain, names(5, "y")).counts == {200: 5}


def test_kill_9_loses_no_delivery_that_was_answered(module_db: Database, tmp_path: Path) -> None:
    shop_id, domain = new_shop(module_db)
    superuser = module_db.connect()
    with receiver_of(module_db, tmp_path, workers=2) as receiver:

        async def kill() -> None:
            await asyncio.sleep(0.7)
            receiver.kill()

        traffic = deliver(receiver, domain, names(3000), meanwhile=kill)
    answered = traffic.by_status.get(200, [])
    assert answered and traffic.counts.keys() == {0, 200}
    kept = stored(superuser, shop_id)
    assert set(answered) <= set(kept) and set(kept.values()) == {1}
    with receiver_of(module_db, tmp_path) as receiver:
        again = deliver(receiver, domain, [*traffic.by_status[0], *answered[-20:]])
        assert again.counts.keys() == {200}
    kept = stored(superuser, shop_id)
    assert {*answered, *traffic.by_status[0]} == set(kept) and set(kept.values()) == {1}


def test_a_stopping_receiver_answers_what_it_has_and_ends_with_0(module_db: Database, tmp_path: Path) -> None:
    shop_id, domain = new_shop(module_db)
    superuser = module_db.connect()
    with receiver_of(module_db, tmp_path, workers=2) as receiver:

        async def stop() -> None:
            await asyncio.sleep(0.5)
            os.kill(receiver.process.pid, signal.SIGTERM)

        traffic = deliver(receiver, domain, names(2000), meanwhile=stop)
        assert receiver.process.wait(15) == 0
    assert traffic.by_status[200] and 503 not in traffic.counts
    kept = stored(superuser, shop_id)
    # A connection that was closed while a request came in was not answered; what was stored was stored once all the same.
    assert set(traffic.by_status[200]) <= set(kept) and set(kept.values()) == {1}


def test_a_worker_process_that_dies_is_replaced(module_db: Database, tmp_path: Path) -> None:
    _, domain = new_shop(module_db)
    with receiver_of(module_db, tmp_path, workers=2) as receiver:
        children = (
            Path(f"/proc/{receiver.process.pid}/task/{receiver.process.pid}/children").read_text().split()
        )
        served = {pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()}
        os.kill(int(min(served)), signal.SIGKILL)
        until = time.monotonic() + 15
        while True:
            children = (
                Path(f"/proc/{receiver.process.pid}/task/{receiver.process.pid}/children").read_text().split()
            )
            now = {pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()}
            if len(now) == 2 and now != served:
                break
            assert time.monotonic() < until
            time.sleep(0.1)
        assert deliver(receiver, domain, names(20)).counts == {200: 20}
