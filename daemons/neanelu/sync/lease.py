"""A run under lease: every call shows the token, a heartbeat keeps it, and who lost it stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import structlog

from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.db.errors import LeaseLost, NeaneluError, translated

log = structlog.get_logger(__name__)


class Lease:
    """A claimed run and the connection on which its steps are called.

    Args:
        connection: autocommit connection for the calls; used by one thread.
        run: the row that sync.claim_run returned.
    """

    def __init__(self, connection: Connection, run: dict[str, Any]) -> None:
        self.connection = connection
        self.run = run
        self._lost = threading.Event()
        self._names = {"run_id": run["id"], "token": run["lease_token"]}

    def check(self) -> None:
        """Raise LeaseLost when the heartbeat found that the lease is gone."""
        if self._lost.is_set():
            raise LeaseLost(f"the lease on run {self.run['id']} is lost")

    def mark_lost(self) -> None:
        """Make the next `check` raise."""
        self._lost.set()

    def row(self, statement: str, **values: Any) -> dict[str, Any]:
        """Call a function and return its first row; database errors come out as NeaneluError."""
        self.check()
        with translated():
            row = self.connection.execute(statement, {**self._names, **values}).fetchone()
        assert row is not None
        return row

    def value(self, statement: str, **values: Any) -> Any:
        """Call a function and return its only value."""
        return next(iter(self.row(statement, **values).values()))

    def call(self, statement: str, **values: Any) -> None:
        """Call a function for its effect."""
        self.row(statement, **values)

    @contextmanager
    def stream(self, statement: str, **values: Any) -> Iterator[Iterator[dict[str, Any]]]:
        """Yield an iterator over a function's rows that holds only a batch of them at a time."""
        self.check()
        with (
            translated(),
            self.connection.transaction(),
            self.connection.cursor(name="neanelu_rows") as cursor,
        ):
            cursor.itersize = 10_000
            cursor.execute(statement, {**self._names, **values})
            yield iter(cursor)


class Heartbeat:
    """Renews a lease on a connection of its own until it is stopped.

    A merge holds the run's row, so that a renewal waits for it: then nobody else can take the run either.
    """

    def __init__(self, lease: Lease, connect: Callable[[], Connection], seconds: float) -> None:
        self._lease = lease
        self._connect = connect
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{lease.run['id']}", daemon=True)

    def __enter__(self) -> Heartbeat:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the thread; one that waits for a lock is left to end by itself."""
        self._stop.set()
        self._thread.join(timeout=1.0)

    def _beat(self) -> None:
        """Renew at a third of the lease; a broken connection is replaced, a lost lease is noted."""
        connection: Connection | None = None
        parameters = {
            "run_id": self._lease.run["id"],
            "token": self._lease.run["lease_token"],
            "lease": timedelta(seconds=self._seconds),
        }
        while not self._stop.wait(self._seconds / 3):
            try:
                if connection is None or connection.broken:
                    connection = self._connect()
                with translated():
                    connection.execute(sql.RENEW_LEASE, parameters)
            except LeaseLost:
                # Also when the run has just ended: a renewal that waited for the merge comes too late.
                log.debug("lease ended", run_id=str(self._lease.run["id"]))
                self._lease.mark_lost()
                break
            except NeaneluError as error:
                log.warning("heartbeat failed", run_id=str(self._lease.run["id"]), error=str(error))
                connection = None if connection is None or connection.broken else connection
        if connection is not None:
            connection.close()
