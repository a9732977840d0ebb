"""Keeps the leases of jobs under way, and tells a job when its lease is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.db.errors import DatabaseUnavailable, LeaseLost, NeaneluError, translated
from neanelu.worker.context import Context
from neanelu.worker.handlers import Job

log = structlog.get_logger(__name__)

#: Seconds between two looks at the leases.
_LOOK_SECONDS = 0.25


@dataclass(slots=True)
class _Held:
    """A job in our hands: its lease's length and when it must be extended next, by our own clock."""

    context: Context
    seconds: float
    extend_at: float


class Leases:
    """Extends the lease of each held job at a third of its length, on a connection of its own.

    A stall of this process that outlasts a lease is not noticed here in time: the token is what keeps the job from being
    done twice.

    Args:
        connect: opens an autocommit connection.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._held: dict[int, _Held] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._connection: Connection | None = None
        self._is_failing = False

    def start(self) -> None:
        """Begin to keep leases."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; leases then run out by themselves."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    def hold(self, context: Context, seconds: float) -> None:
        """Keep a job's lease from now on.

        Args:
            context: of the job; hears of a loss.
            seconds: length of the lease.
        """
        with self._lock:
            self._held[id(context)] = _Held(context, seconds, time.monotonic() + seconds / 3)

    def drop(self, context: Context) -> None:
        """Keep it no longer."""
        with self._lock:
            self._held.pop(id(context), None)

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            now = time.monotonic()
            with self._lock:
                due = [held for held in self._held.values() if held.extend_at <= now]
            for held in due:
                self._extend(held)
        if self._connection is not None:
            self._connection.close()

    def _extend(self, held: _Held) -> None:
        """Extend one lease; a failure is tried again a little later."""
        job: Job = held.context.job
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._connect()
            with translated():
                self._connection.execute(
                    sql.EXTEND_JOB,
                    {"job_id": job.id, "token": job.token, "lease": timedelta(seconds=held.seconds)},
                )
            held.extend_at = time.monotonic() + held.seconds / 3
            self._is_failing = False
        except LeaseLost:
            with self._lock:
                still = self._held.pop(id(held.context), None)
            # A job that ended just now has no lease to lose.
            if still is not None and not held.context.is_completed:
                held.context.mark_lost()
                log.debug("lease lost", job_id=str(job.id), job=job.name)
        except DatabaseUnavailable as error:
            if not self._is_failing:  # once an outage
                log.warning("leases not extended", job_id=str(job.id), error=str(error))
            self._is_failing = True
            self._connection = None
            held.extend_at = time.monotonic() + 1.0
        except NeaneluError as error:
            log.warning("lease not extended", job_id=str(job.id), error=str(error))
            held.extend_at = time.monotonic() + min(held.seconds / 10, 5.0)
        except Exception:  # a defect with one lease must not let all others run out
            log.exception("lease not extended", job_id=str(job.id))
            held.extend_at = time.monotonic() + min(held.seconds / 10, 5.0)
