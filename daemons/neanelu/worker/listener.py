"""Hears that there are jobs: a connection of its own that comes back when it is lost."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import psycopg
import structlog

from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.db.errors import DatabaseUnavailable, NeaneluError, translated
from neanelu.worker.metrics import WorkerMetrics

log = structlog.get_logger(__name__)

#: Seconds without a word after which the connection is tried.
_PROBE_SECONDS = 10.0
#: Seconds between two looks at whether to stop.
_LOOK_SECONDS = 0.5
#: First and longest pause before connecting again, seconds.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0


class Listener:
    """Calls `wake` when a job was announced for one of the queues, and each time it has (re)connected.

    A notification sent while nobody listens is lost; so after each connecting it wakes, and the worker polls besides.

    Args:
        connect: opens an autocommit connection.
        queues: names whose announcements count; empty: all.
        wake: must return quickly.
        metrics: counts reconnects.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        queues: frozenset[str],
        wake: Callable[[], None],
        metrics: WorkerMetrics,
    ) -> None:
        self._connect = connect
        self._queues = queues
        self._wake = wake
        self._metrics = metrics
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self.connected = threading.Event()

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop within about half a second."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        first = True
        while not self._stop.is_set():
            try:
                with translated(), self._connect() as connection:
                    connection.execute(sql.LISTEN_JOBS)
                    if not first:
                        self._metrics.reconnects.inc()
                        log.info("listening again")
                    first = False
                    pause = _FIRST_PAUSE
                    self.connected.set()
                    self._wake()
                    self._listen(connection)
            except NeaneluError as error:
                self.connected.clear()
                wait = pause * (0.5 + random.random())  # noqa: S311
                log.warning("listener lost its connection", error=str(error), again_in=round(wait, 2))
                self._stop.wait(wait)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:  # a defect must not end the listening without a word
                self.connected.clear()
                log.exception("listener failed")
                self._stop.wait(_LONGEST_PAUSE)
        self.connected.clear()

    def _listen(self, connection: Connection) -> None:
        """Pass announcements on until asked to stop; raises DatabaseUnavailable when the connection breaks."""
        heard = time.monotonic()
        while not self._stop.is_set():
            for notification in connection.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                heard = time.monotonic()
                if notification.channel == sql.JOBS_CHANNEL and (
                    not self._queues or notification.payload in self._queues
                ):
                    self._wake()
            if connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.UNKNOWN:
                raise DatabaseUnavailable("the listener's connection broke")
            if time.monotonic() - heard > _PROBE_SECONDS:
                connection.execute("SELECT 1")
                heard = time.monotonic()
