"""Keeps a batch while something long is done with it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import UUID

import structlog

from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.db.errors import LeaseLost, NeaneluError, translated

log = structlog.get_logger(__name__)


class Lease:
    """Extends the lease on a batch every third of its time, on a connection of its own; a context manager.

    Args:
        connect: opens an autocommit connection.
        batch_id: the batch.
        token: what was given with it.
        seconds: length of the lease.
    """

    def __init__(
        self, connect: Callable[[], Connection], batch_id: UUID, token: UUID, seconds: float
    ) -> None:
        self._connect = connect
        self._values = {"batch_id": batch_id, "token": token, "lease": seconds}
        self._seconds = seconds
        self._over = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        """Begin to keep it."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; the lease runs out, if the batch was not given back."""
        self._over.set()
        self._thread.join(timeout=self._seconds)

    def check(self) -> None:
        """Raise LeaseLost when another daemon has the batch."""
        if self._lost.is_set():
            raise LeaseLost(f"the lease on batch {self._values['batch_id']} is lost", code="NT003")

    def confirm(self, connection: Connection) -> None:
        """Extend the lease right now, before what costs money; raises LeaseLost when it is lost."""
        connection.execute(sql.EXTEND_AI_BATCH, self._values)

    def _keep(self) -> None:
        connection: Connection | None = None
        while not self._over.wait(self._seconds / 3):
            try:
                with translated():
                    if connection is None or connection.closed:
                        connection = self._connect()
                    connection.execute(sql.EXTEND_AI_BATCH, self._values)
            except LeaseLost:
                if not self._over.is_set():
                    self._lost.set()
                break
            except NeaneluError as error:
                log.warning("the lease cannot be extended just now", error=str(error))
        if connection is not None:
            connection.close()
