"""What a handler is given beside its job: connections, a client of Shopify, and the transaction that ends the job."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.db.errors import LeaseLost, translated
from neanelu.secrets import KeyRing, key_ring
from neanelu.settings import Settings
from neanelu.worker.handlers import Job, Stopping

if TYPE_CHECKING:
    from neanelu.oauth.tokens import TokenSource
    from neanelu.shopify.client import ShopifyClient

log = structlog.get_logger(__name__)

Pool = ConnectionPool[Connection]


class Services:
    """What all jobs of a worker share.

    Args:
        settings: of the worker.
        pool: autocommit connections as neanelu_worker whose rows are dictionaries.
        keys: opens tokens; by default those of the settings, read when the first is needed.
    """

    def __init__(self, settings: Settings, pool: Pool, keys: KeyRing | None = None) -> None:
        self.settings = settings
        self.pool = pool
        self._keys = keys

    @property
    def keys(self) -> KeyRing:
        """The keys to open tokens with; raises KeyUnusable."""
        if self._keys is None:
            self._keys = key_ring(self.settings)
        return self._keys


class Context:
    """One attempt at a job.

    Args:
        job: the job.
        services: what all jobs share.
        stopping: set when the worker stops.
    """

    def __init__(self, job: Job, services: Services, stopping: threading.Event) -> None:
        self.job = job
        self.services = services
        self.settings = services.settings
        self.pool = services.pool
        self.is_completed = False
        self._stopping = stopping
        self._lost = threading.Event()

    # --- Going on or not ----------------------------------------------------------------------------------
    def mark_lost(self) -> None:
        """Make `check` raise: somebody else has the job."""
        self._lost.set()

    @property
    def is_lost(self) -> bool:
        """Whether the lease is known to be lost."""
        return self._lost.is_set()

    def check(self) -> None:
        """Call now and then in long work.

        Raises:
            LeaseLost: somebody else has the job.
            Stopping: the worker stops; let it through, and the job is given back.
        """
        self._assert_held()
        if self._stopping.is_set():
            raise Stopping

    def _assert_held(self) -> None:
        if self.is_lost:
            raise LeaseLost(f"the lease on job {self.job.id} is lost", code="NJ001")

    def sleep(self, seconds: float) -> None:
        """Wait; raises Stopping at once when the worker stops, and LeaseLost as `check` does."""
        self._stopping.wait(seconds)
        self.check()

    # --- The database -------------------------------------------------------------------------------------
    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Yield an autocommit connection; database errors come out as NeaneluError."""
        with translated(), self.pool.connection() as connection:
            yield connection

    def rows(self, statement: str, **values: Any) -> Sequence[DictRow]:
        """Run one statement in a transaction of its own and return its rows."""
        with self.connection() as connection:
            return connection.execute(statement, values).fetchall()

    @contextmanager
    def transaction(self, result: Mapping[str, Any] | None = None) -> Iterator[Connection]:
        """Yield a connection in a transaction in which, at its end, the job is acknowledged: all of it, or nothing.

        The shop and the trace are set. Once a job; what a handler does after it is not covered by it.

        Args:
            result: kept with the job; what stands in it when the block ends.

        Raises:
            LeaseLost: somebody else has the job, so nothing of the block has happened.
        """
        if self.is_completed:
            raise RuntimeError("the job is acknowledged already")
        self._assert_held()  # but not `check`: who got this far finishes, also when the worker stops
        with translated(), self.pool.connection() as connection, connection.transaction():
            connection.execute(sql.SET_CONTEXT, {"shop_id": self.job.shop_id, "trace_id": self.trace_id})
            yield connection
            self._complete(connection, result)
        self.is_completed = True

    def complete(self, result: Mapping[str, Any] | None) -> None:
        """Acknowledge the job in a transaction of its own; the worker does it for handlers that did not."""
        with self.connection() as connection:
            self._complete(connection, result)
        self.is_completed = True

    def _complete(self, connection: Connection, result: Mapping[str, Any] | None) -> None:
        connection.execute(
            sql.COMPLETE_JOB,
            {
                "job_id": self.job.id,
                "token": self.job.token,
                "result": Jsonb(dict(result)) if result is not None else None,
            },
        )

    @property
    def trace_id(self) -> str:
        """What audit rows and log lines of this job have in common: the payload's `trace_id`, else the job's id."""
        return str(self.job.payload.get("trace_id") or self.job.id)

    # --- Shopify ------------------------------------------------------------------------------------------
    @contextmanager
    def shopify(self, shop_id: UUID | None = None, *, interactive: bool = False) -> Iterator[ShopifyClient]:
        """Yield a client of the shop (by default the job's), every request of which is drawn from the shop's budget.

        Args:
            shop_id: another shop than the job's.
            interactive: somebody waits for the answer, so the reserve may be used.

        Raises:
            ShopNotInstalled: the shop has no token.
            NeaneluError: there is no such shop, or its token does not open.
        """
        from neanelu.oauth.tokens import shopify_client
        from neanelu.shopify.budget import Budget

        source = self.tokens(shop_id)
        budget = Budget(self.rows, source.shop_id, interactive=interactive, sleep=self.sleep)
        with shopify_client(source, self.settings, budget=budget, sleep=self.sleep) as client:
            yield client

    def tokens(self, shop_id: UUID | None = None) -> TokenSource:
        """Return where the access token of the shop (by default the job's) comes from; it is renewed where need be."""
        from neanelu.oauth.tokens import TokenSource

        shop_id = shop_id or self.job.shop_id
        if shop_id is None:
            raise ValueError("the job has no shop, so one must be named")
        return TokenSource(self.rows, self.settings, self.services.keys, shop_id, sleep=self.sleep)
