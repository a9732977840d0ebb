"""Deliveries become rows: many share a transaction, each is answered when that is committed, none waits for ever.

A delivery is answered with its outcome only after the commit. It is answered with "nothing stored, come again" only when
no transaction that holds it can still be committed, with one exception: a COMMIT that was sent and not answered in time.
Coming again is harmless then as well: what was stored is a duplicate.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg
import structlog
from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from neanelu.db import sql
from neanelu.webhooks.delivery import Delivery
from neanelu.webhooks.metrics import Metrics

log = structlog.get_logger(__name__)

#: Bytes of bodies that one process holds at most.
HELD_BYTES: Final = 64 * 1024 * 1024
#: Bytes of bodies in one transaction, about.
BATCH_BYTES: Final = 8 * 1024 * 1024
#: Seconds for which an answer to COMMIT is waited for after the deadline.
COMMIT_GRACE: Final = 0.4
#: Seconds between two tries after an error of the database.
RETRY_PAUSE: Final = 0.05
MALFORMED: Final = "malformed"


#: Autocommit connections whose rows are dictionaries.
Pool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]


class NotStored(Exception):
    """Nothing was stored in time; the sender may come again."""


class Full(NotStored):
    """Too many deliveries wait already."""


class Texts(list[bytes | None]):
    """UTF-8 texts, or nulls, as one parameter of type text[]."""


class Binaries(list[bytes | None]):
    """Bytes as one parameter of type bytea[]."""


class _ArrayDumper(Dumper):
    """Writes an array in PostgreSQL's binary form in one pass, without looking at the elements."""

    format = Format.BINARY
    element = 25
    oid = 1009

    def dump(self, obj: Sequence[bytes | None]) -> bytes:
        """Return the array's bytes."""
        parts = [struct.pack("!iiIii", 1, int(None in obj), self.element, len(obj), 1)]
        for value in obj:
            if value is None:
                parts.append(b"\xff\xff\xff\xff")
            else:
                parts.append(len(value).to_bytes(4, "big"))
                parts.append(value)
        return b"".join(parts)


class _BinariesDumper(_ArrayDumper):
    """The same for bytea[]."""

    element = 17
    oid = 1001


def register_arrays(context: AdaptContext) -> None:
    """Teach a connection `Texts` and `Binaries`."""
    if context.adapters is not None:
        context.adapters.register_dumper(Texts, _ArrayDumper)
        context.adapters.register_dumper(Binaries, _BinariesDumper)


class _Attempt:
    """One transaction under way; `is_committing` once its COMMIT has been sent."""

    __slots__ = ("is_committing",)

    def __init__(self) -> None:
        self.is_committing = False


class Store:
    """Takes deliveries and stores them in batches.

    Args:
        pool: autocommit connections as neanelu_webhooks.
        metrics: where batches and errors are counted.
        linger: seconds that the first delivery of a batch waits for others.
        batch: most deliveries of a batch.
        connections: batches at a time.
        limit: most deliveries that wait or are being stored.
    """

    def __init__(
        self,
        pool: Pool,
        metrics: Metrics,
        *,
        linger: float,
        batch: int,
        connections: int,
        limit: int,
    ) -> None:
        self._pool = pool
        self._metrics = metrics
        self._linger = linger
        self._batch = batch
        self._limit = limit
        self._queue: deque[Delivery] = deque()
        self._wake = asyncio.Event()
        self._free = asyncio.Semaphore(connections)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._collector: asyncio.Task[None] | None = None
        self.count = 0
        self.held = 0

    @property
    def is_full(self) -> bool:
        """Whether another delivery would be refused."""
        return self.count >= self._limit or self.held >= HELD_BYTES

    def start(self) -> None:
        """Begin to store."""
        self._collector = asyncio.create_task(self._collect())

    async def stop(self) -> None:
        """Wait until all that was put is answered; it is by its deadline at the latest."""
        while self.count:
            await asyncio.sleep(0.01)
        if self._collector is not None:
            self._collector.cancel()
            with suppress(asyncio.CancelledError):
                await self._collector
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def put(self, delivery: Delivery) -> str:
        """Store a delivery and return its outcome once that is committed.

        Raises:
            Full: it was not even queued.
            NotStored: its deadline came first.
        """
        if self.is_full:
            raise Full
        self.count += 1
        self.held += len(delivery.body)
        try:
            self._queue.append(delivery)
            self._wake.set()
            return await delivery.outcome
        finally:
            self.count -= 1
            self.held -= len(delivery.body)

    async def _collect(self) -> None:
        """Gather deliveries into batches, one for each connection that is free, for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            await self._wake.wait()
            pause = self._queue[0].arrived + self._linger - clock()
            if pause > 0 and len(self._queue) < self._batch:
                await asyncio.sleep(pause)
            await self._free.acquire()
            batch = self._take()
            if not self._queue:
                self._wake.clear()
            if batch:
                self._keep(asyncio.create_task(self._serve(batch)))
            else:
                self._free.release()

    def _keep(self, task: asyncio.Task[Any]) -> None:
        """Hold on to a task until it ends."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take(self) -> list[Delivery]:
        """Return the next batch, in the order of arrival, without those who wait no more."""
        batch: list[Delivery] = []
        size = 0
        while self._queue and len(batch) < self._batch and size < BATCH_BYTES:
            delivery = self._queue.popleft()
            if not delivery.outcome.done():
                batch.append(delivery)
                size += len(delivery.body)
        return batch

    async def _serve(self, batch: list[Delivery]) -> None:
        """Store a batch, what is no text apart from it, and give its connection back."""
        try:
            broken = [delivery for delivery in batch if delivery.problem is not None]
            await self._store([delivery for delivery in batch if delivery.problem is None])
            for delivery in broken:
                await self._store([delivery])
        except BaseException:
            for delivery in batch:
                _give_up(delivery)
            raise
        finally:
            self._free.release()

    async def _store(self, batch: list[Delivery]) -> None:
        """Try to store a batch until it is, or nobody waits for it any more."""
        clock = asyncio.get_running_loop().time
        while batch:
            error = await self._try(batch)
            if error is None:
                return
            problem = _problem_of_a_body(error)
            if problem is not None and len(batch) > 1:
                half = len(batch) // 2
                await self._store(batch[:half])
                batch = batch[half:]
            elif problem is not None and batch[0].problem is None:
                batch[0].problem = problem
            else:
                self._report(error)
                await asyncio.sleep(RETRY_PAUSE)
            now = clock()
            for delivery in batch:
                if delivery.deadline <= now + RETRY_PAUSE:
                    _give_up(delivery)
            batch = [delivery for delivery in batch if not delivery.outcome.done()]

    async def _try(self, batch: list[Delivery]) -> BaseException | None:
        """Store a batch once; answer it and return None, or return what was in the way."""
        until = min(delivery.deadline for delivery in batch)
        attempt = _Attempt()
        task = asyncio.create_task(self._attempt(batch, attempt, until))
        self._keep(task)
        await asyncio.wait({task}, timeout=max(0.0, until - asyncio.get_running_loop().time()))
        if not task.done() and attempt.is_committing:
            await asyncio.wait({task}, timeout=COMMIT_GRACE)
        if not task.done():
            task.cancel()  # its connection is cancelled or closed behind our back; no COMMIT follows
            return TimeoutError("in doubt: COMMIT was not answered" if attempt.is_committing else "no answer")
        error = task.exception()
        if error is None:
            self._answer(batch, task.result())
        return error

    async def _attempt(self, batch: list[Delivery], attempt: _Attempt, until: float) -> list[str]:
        """Store a batch in one transaction and return its outcomes; raises whatever the database says."""
        clock = asyncio.get_running_loop().time
        problem = batch[0].problem
        async with self._pool.connection(timeout=max(0.1, until - clock())) as connection:
            async with connection.pipeline():
                await connection.execute("BEGIN")
                if problem is None:
                    cursor = await connection.execute(sql.RECEIVE_WEBHOOKS, _parameters(batch), prepare=True)
                else:
                    cursor = await connection.execute(sql.QUARANTINE_WEBHOOK, _quarantine(batch[0], problem))
                row = await cursor.fetchone()
            if clock() >= until:
                raise TimeoutError("the answer came too late")
            attempt.is_committing = True
            await connection.execute("COMMIT")
            return [MALFORMED] if problem is not None or row is None else list(row["outcomes"])

    def _answer(self, batch: list[Delivery], outcomes: list[str]) -> None:
        """Tell everybody who still waits."""
        self._metrics.batch(len(batch))
        for delivery, outcome in zip(batch, outcomes, strict=True):
            if not delivery.outcome.done():
                delivery.outcome.set_result(outcome)

    def _report(self, error: BaseException) -> None:
        """Log and count what was in the way."""
        unavailable = isinstance(error, psycopg.OperationalError | PoolTimeout | TimeoutError)
        self._metrics.error("unavailable" if unavailable else "refused")
        code = getattr(error, "sqlstate", None) or type(error).__name__
        lines = str(error).splitlines()
        log.warning("batch not stored", code=code, error=lines[0] if lines else "")


def _problem_of_a_body(error: BaseException) -> str | None:
    """Return why the database cannot read a body: class 22, or 54 for one too deep or large inside; None for other errors."""
    if isinstance(error, psycopg.Error) and (error.sqlstate or "")[:2] in ("22", "54"):
        return error.diag.message_primary or "it is not JSON"
    return None


def _give_up(delivery: Delivery) -> None:
    """Tell who waits for a delivery that nothing was stored."""
    if not delivery.outcome.done():
        delivery.outcome.set_exception(NotStored())


def _parameters(batch: Sequence[Delivery]) -> dict[str, object]:
    """Return a batch as one array a header."""
    return {
        "domains": Texts(delivery.domain.encode() for delivery in batch),
        "topics": Texts(delivery.topic.encode() for delivery in batch),
        "webhook_ids": Texts(delivery.webhook_id.encode() for delivery in batch),
        "event_ids": Texts(_encoded(delivery.event_id) for delivery in batch),
        "api_versions": Texts(_encoded(delivery.api_version) for delivery in batch),
        "triggered_at": Texts(_encoded(delivery.triggered_at) for delivery in batch),
        "digests": Binaries(delivery.digest for delivery in batch),
        "bodies": Texts(delivery.body for delivery in batch),
    }


def _quarantine(delivery: Delivery, problem: str) -> dict[str, object]:
    """Return what is kept of a delivery that is no JSON."""
    return {
        "domain": delivery.domain,
        "topic": delivery.topic,
        "webhook_id": delivery.webhook_id,
        "digest": delivery.digest,
        "body": delivery.body[:65_536].decode("utf-8", "backslashreplace").replace("\0", "\\x00")[:65_536],
        "detail": problem,
    }


def _encoded(text: str | None) -> bytes | None:
    """Return a text's bytes, or None."""
    return None if text is None else text.encode()
