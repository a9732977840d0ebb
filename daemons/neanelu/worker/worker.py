"""Claims jobs, does them side by side, and tells the database how they went."""

from __future__ import annotations

import contextlib
import os
import queue
import random
import socket
import threading
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import structlog
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from neanelu.db import sql
from neanelu.db.connection import LIMITS, Connection, connect, parameters
from neanelu.db.errors import DatabaseUnavailable, LeaseLost, NeaneluError, translated
from neanelu.observe.health import Health
from neanelu.secrets import KeyRing
from neanelu.settings import Settings, get_settings
from neanelu.worker import handlers
from neanelu.worker.context import Context, Services
from neanelu.worker.folder import Folder
from neanelu.worker.handlers import GaveUp, Job, Postponed, Result, Stopping
from neanelu.worker.leases import Leases
from neanelu.worker.listener import Listener
from neanelu.worker.metrics import WorkerMetrics
from neanelu.worker.scheduler import Scheduler

log = structlog.get_logger(__name__)

ROLE = "neanelu_worker"
#: First and longest pause of a worker that cannot reach the database, seconds.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
#: Seconds after which an empty look is repeated once; see jobs.claim.
_SECOND_LOOK_SECONDS = 0.05
#: Seconds for which a claim waits for more places while much is to be done.
_GATHER_SECONDS = 0.01
#: Times a job that the database does is sent again after its connection broke; the token makes that harmless.
_SENDS = 20
#: Seconds that jobs which were cancelled get to end.
_CANCEL_SECONDS = 5.0
#: Seconds for which the names of all queues are good.
_QUEUES_SECONDS = 300.0
#: Seconds of silence after which a thread counts as stuck.
_STUCK_SECONDS = 120.0
#: Longest texts that are kept with a job.
_ERROR_LENGTH, _STACK_LENGTH = 2000, 8000


@dataclass(slots=True)
class Tally:
    """How many attempts ended how: done, to be tried again, dead letters, given back, taken by others."""

    completed: int = 0
    retry: int = 0
    dead: int = 0
    released: int = 0
    lost: int = 0
    unknown: int = 0


class Worker:
    """Does jobs in threads: for as long as it is told (`start`, `stop`), or what waits now (`drain`).

    `with Worker(...) as worker:` opens its connections; leaving the block stops it.

    Args:
        settings: instead of the process's own.
        queues: names; empty: those of the settings, and all if they name none.
        concurrency: jobs at a time; by default the setting's.
        dsn: connect here instead of where the settings say (tests, benchmarks).
        keys: opens tokens, instead of the settings' keys.
        metrics: counts; by default in a registry of its own.
        with_schedule: fire scheduled tasks, too (never in `drain`).
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        queues: Iterable[str] = (),
        concurrency: int | None = None,
        dsn: str | None = None,
        keys: KeyRing | None = None,
        metrics: WorkerMetrics | None = None,
        with_schedule: bool = True,
    ) -> None:
        self.settings = settings or get_settings()
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        named = {name.strip() for name in self.settings.worker_queues.split(",")} - {""}
        self.queues = sorted(set(queues) or named)
        self.concurrency = concurrency or self.settings.worker_concurrency
        self.metrics = metrics or WorkerMetrics()
        self.tally = Tally()
        self._dsn = dsn
        self._stopping = threading.Event()
        self._giving_up = threading.Event()
        self._wake = threading.Event()
        #: Guards `_running`, `_sessions`, `_returned`, `tally`; notified when a job ends.
        self._changed = threading.Condition()
        self._running: set[Context] = set()
        self._sessions: dict[Context, Connection] = {}
        self._returned: list[Job] = []
        self._todo: queue.SimpleQueue[Context | None] = queue.SimpleQueue()
        self._executors: list[threading.Thread] = []
        self._dispatcher = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)
        self._claims: Connection | None = None
        self._claimed_at: float | None = None
        self._seen_at = time.monotonic()
        #: Whether the last claim found as much as it asked for.
        self._is_plenty = False
        self._known: list[str] = []
        self._known_until = 0.0
        handlers.load()
        target, keywords = parameters(
            ROLE, purpose="worker", limits=self._limits(), dsn=dsn, settings=self.settings
        )
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            target,
            kwargs={**keywords, "autocommit": True, "row_factory": dict_row},
            min_size=1,
            # A handler may need a second connection while it has one, and all of them may at once.
            max_size=2 * self.concurrency,
            timeout=10.0,
            max_idle=300.0,
            reconnect_timeout=5.0,
            open=False,
            name="jobs",
        )
        self._services = Services(self.settings, self._pool, keys)
        self._leases = Leases(lambda: self._connect("leases"))
        self._listener = Listener(
            lambda: self._connect("listen"), frozenset(self.queues), self._wake.set, self.metrics
        )
        self._scheduler = (
            Scheduler(lambda: self._connect("schedule"), self.metrics) if with_schedule else None
        )
        self._folder = Folder(lambda: self._connect("fold"), self.metrics) if with_schedule else None
        self.metrics.slots.set(self.concurrency)

    # --- Life ---------------------------------------------------------------------------------------------
    def __enter__(self) -> Worker:
        """Open connections and threads for the jobs; nothing is claimed yet."""
        self._pool.open()
        self._leases.start()
        for number in range(self.concurrency):
            thread = threading.Thread(target=self._work, name=f"job-{number}", daemon=True)
            self._executors.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Listen, claim and fire the schedule, in threads, until `stop`."""
        log.info("worker starts", worker=self.name, queues=self.queues or "all", slots=self.concurrency)
        self._listener.start()
        if self._scheduler is not None:
            self._scheduler.start()
        if self._folder is not None:
            self._folder.start()
        self._dispatcher.start()

    def drain(self) -> Tally:
        """Do what may be done now, and what it leads to, until nothing is left that does not have to wait.

        Raises:
            DatabaseUnavailable: the database is away.
        """
        while not self._stopping.is_set():
            was_idle = not self._running  # what ends during the claim may have left more to do
            if self._claim() == 0 and was_idle:
                break
            with self._changed:
                if self._running:
                    self._changed.wait(timeout=1.0)
        return self.tally

    def stop(self, grace: float | None = None) -> None:
        """Claim no more, let jobs finish, cancel those that do not, give them back. Can be called again.

        Args:
            grace: seconds to finish in; by default the setting's.
        """
        grace = self.settings.worker_grace_seconds if grace is None else grace
        was_stopping = self._stopping.is_set()
        self._stopping.set()
        self._wake.set()
        if was_stopping and not self._executors:
            return
        log.info("worker stops", jobs=len(self._running), grace_seconds=grace)
        if self._scheduler is not None:
            self._scheduler.stop()
        if self._folder is not None:
            self._folder.stop()
        if self._dispatcher.ident is not None:
            self._listener.stop()
            self._dispatcher.join(timeout=_CANCEL_SECONDS)
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=grace)
        if self._running:
            self._cancel_running()
        for _ in self._executors:
            self._todo.put(None)
        self._give_back()
        self._leases.stop()
        if self._claims is not None:
            self._claims.close()
        self._pool.close(timeout=1.0)
        self._executors.clear()
        log.info("worker stopped", **{name: getattr(self.tally, name) for name in Tally.__slots__})

    def _cancel_running(self) -> None:
        """Cancel the statements of jobs under way; give back those that do not hear, whose tokens are then worthless."""
        self._giving_up.set()
        with self._changed:
            sessions = list(self._sessions.values())
        for session in sessions:
            with contextlib.suppress(psycopg.Error):
                session.cancel_safe(timeout=2.0)
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=_CANCEL_SECONDS)
            self._returned += [context.job for context in self._running]
        if self._returned:
            log.warning("jobs did not end in time", jobs=[str(job.id) for job in self._returned])

    def _connect(self, purpose: str) -> Connection:
        """Return a connection of our own beside the pool, for short calls."""
        return connect(
            ROLE, autocommit=True, purpose=purpose, command=True, dsn=self._dsn, settings=self.settings
        )

    def _limits(self) -> dict[str, int]:
        """Return the limits of the sessions that jobs run in, milliseconds."""
        return {
            **LIMITS,
            "statement_timeout": int(self.settings.worker_statement_seconds * 1000),
            "lock_timeout": int(self.settings.worker_lock_seconds * 1000),
        }

    # --- Claiming -----------------------------------------------------------------------------------------
    def _room(self) -> int:
        """Return how many jobs may begin. None is claimed ahead: another worker may be free for it."""
        return self.concurrency - len(self._running)

    def _has_room(self) -> bool:
        """Say whether another job may begin."""
        return self._room() > 0

    def _dispatch(self) -> None:
        """Claim as many jobs as there is room for, as soon as there are some, until told to stop."""
        pause = _FIRST_PAUSE
        looked_again = False
        while not self._stopping.is_set():
            self._seen_at = time.monotonic()
            if not self._wait_for_room():
                continue
            self._wake.clear()  # before looking: what is announced meanwhile wakes us again
            try:
                self._give_back()
                claimed = self._claim()
                pause = _FIRST_PAUSE
            except NeaneluError as error:
                self.metrics.claims.labels("error").inc()
                log.warning("cannot claim", error=str(error))
                self._stopping.wait(pause * (0.5 + random.random()))  # noqa: S311
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:  # a defect must not end the worker without a word
                log.exception("cannot claim")
                self._stopping.wait(_LONGEST_PAUSE)
            else:
                if claimed:
                    looked_again = False
                    continue
                # Once again soon: an enqueuer that found nobody waiting may have been about to commit.
                poll = self.settings.worker_poll_seconds * (0.75 + random.random() / 4)  # noqa: S311
                woken = self._wake.wait(poll if looked_again else min(_SECOND_LOOK_SECONDS, poll))
                looked_again = not woken

    def _wait_for_room(self) -> bool:
        """Wait a second for a place; while much waits, a moment longer for half of them: claims wait for one another."""
        with self._changed:
            if not self._changed.wait_for(self._has_room, timeout=1.0):
                return False
            if self._is_plenty:
                self._changed.wait_for(lambda: 2 * self._room() >= self.concurrency, timeout=_GATHER_SECONDS)
        return True

    def _claim(self) -> int:
        """Claim jobs for the free slots and begin them; return how many."""
        with self._changed:
            room = self._room()
        if room <= 0:
            return 0
        lease = self.settings.worker_lease_seconds
        rows = self._call(
            sql.CLAIM_JOBS,
            queues=self._served(),
            worker=self.name,
            limit=room,
            lease=None if lease is None else timedelta(seconds=lease),
        )
        self._claimed_at = time.monotonic()
        self.metrics.claims.labels("some" if rows else "none").inc()
        self._is_plenty = len(rows) == room
        for row in rows:
            context = Context(Job.of(row), self._services, self._stopping)
            with self._changed:
                self._running.add(context)
                self.metrics.running.set(len(self._running))
            self._leases.hold(context, max(row["lease"].total_seconds(), 0.5))
            self._todo.put(context)
        if rows:
            log.debug("claimed", jobs=len(rows), room=room)
        return len(rows)

    def _served(self) -> list[str]:
        """Return the queues to claim from: those named, or all that there are, asked for now and then."""
        if self.queues:
            return self.queues
        if time.monotonic() >= self._known_until:
            self._known = [row["queue_name"] for row in self._call(sql.JOB_METRICS)]
            self._known_until = time.monotonic() + _QUEUES_SECONDS
        return self._known

    def _call(self, statement: str, **values: object) -> Sequence[DictRow]:
        """Run a statement on the dispatcher's connection; a broken one is replaced the next time."""
        if self._claims is None or self._claims.closed:
            self._claims = self._connect("claims")
        with translated():
            return self._claims.execute(statement, values).fetchall()

    def _give_back(self) -> None:
        """Release jobs of which we do not know how they ended: they begin anew at once, not when their leases end."""
        while self._returned:
            job = self._returned[-1]
            try:
                self._call(sql.RELEASE_JOB, job_id=job.id, token=job.token, delay=timedelta(0))
                log.info("job given back", job_id=str(job.id), job=job.name)
            except LeaseLost:
                pass  # it had ended, or somebody else has it
            except DatabaseUnavailable:
                if self._giving_up.is_set():
                    return
                raise
            with self._changed:
                self._returned.remove(job)

    # --- Doing --------------------------------------------------------------------------------------------
    def _work(self) -> None:
        """Do jobs as the dispatcher hands them over."""
        while (context := self._todo.get()) is not None:
            job = context.job
            began = time.monotonic()
            if job.attempt == 1:
                self.metrics.latency.labels(job.queue).observe(_seconds_since(job.enqueued_at))
            with structlog.contextvars.bound_contextvars(
                job_id=str(job.id),
                job=job.name,
                queue=job.queue,
                shop_id=str(job.shop_id) if job.shop_id else None,
                trace_id=context.trace_id,
                attempt=job.attempt,
            ):
                outcome = self._attempt(context)
                seconds = time.monotonic() - began
                if outcome == "completed":
                    log.info("job completed", seconds=round(seconds, 4))
            self.metrics.duration.labels(job.name).observe(seconds)
            self.metrics.jobs.labels(job.queue, job.name, outcome).inc()
            if outcome == "lost":
                self.metrics.lease_losses.inc()
            with self._changed:
                self._running.discard(context)
                self.metrics.running.set(len(self._running))
                setattr(self.tally, outcome, getattr(self.tally, outcome) + 1)
                self._changed.notify_all()
            self._wake.set()  # the place that it took, here and in its shop, is free

    def _attempt(self, context: Context) -> str:
        """Do a job and tell the database; return the outcome, a field of `Tally`."""
        job = context.job
        try:
            try:
                with translated():
                    self._do(context)
            finally:
                self._leases.drop(context)
        except Exception as error:
            if not context.is_completed:
                return self._ended_badly(context, error)
            log.exception("handler failed after its job was acknowledged", job_id=str(job.id))
        return "completed"

    def _do(self, context: Context) -> None:
        """Do a job, its acknowledgement included."""
        job = context.job
        if job.runs_in == "database":
            self._execute(context)
            return
        handler = handlers.find(job.name)
        if handler is None:
            raise NeaneluError(
                f"this worker has no handler for {job.name!r}",
                code="NJ021",
                hint="A newer version may have one; until then the job is tried again.",
            )
        result: Result = handler(job, context)
        if not context.is_completed:
            context.complete(result)

    def _execute(self, context: Context) -> None:
        """Let the database do a job. When the connection breaks it is sent again: it is done once, as the token sees to."""
        job = context.job
        about = {"job_id": job.id, "token": job.token, "shop_id": job.shop_id, "trace_id": context.trace_id}
        pause = _FIRST_PAUSE
        for send in range(_SENDS):
            try:
                with translated(), self._pool.connection() as connection:
                    self._sessions[context] = connection
                    try:
                        connection.execute(sql.EXECUTE_JOB, about)
                    finally:
                        with self._changed:
                            self._sessions.pop(context, None)
                context.is_completed = True
                return
            except DatabaseUnavailable as error:
                if send + 1 == _SENDS or self._stopping.is_set():
                    raise
                log.warning("database lost in the middle of a job", error=str(error))
                self._stopping.wait(pause * (0.5 + random.random()))  # noqa: S311
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _ended_badly(self, context: Context, error: Exception) -> str:
        """Tell the database that a job was not done, and return the outcome."""
        job = context.job
        try:
            if isinstance(error, LeaseLost):
                log.warning("job lost to another worker")
                return "lost"
            if isinstance(error, Stopping) or (
                self._giving_up.is_set() and isinstance(error, NeaneluError) and error.code == "57014"
            ):
                return self._release(job, timedelta(0), "stopping")
            if isinstance(error, Postponed):
                return self._release(job, error.delay, str(error))
            if isinstance(error, DatabaseUnavailable):
                raise error
            return self._fail(job, error)
        except LeaseLost:
            log.warning("job lost to another worker")
            return "lost"
        except NeaneluError as second:
            log.warning("the job's end is not known", error=str(second))
            with self._changed:
                self._returned.append(job)
            return "unknown"

    def _release(self, job: Job, delay: timedelta, reason: str) -> str:
        """Give a job back without counting the attempt."""
        with translated(), self._pool.connection() as connection:
            connection.execute(sql.RELEASE_JOB, {"job_id": job.id, "token": job.token, "delay": delay})
        log.info("job given back", reason=reason, delay_seconds=delay.total_seconds())
        return "released"

    def _fail(self, job: Job, error: Exception) -> str:
        """Report a failure; the database decides whether the job is tried again."""
        if isinstance(error, NeaneluError):
            known, stack = error, error.detail
        else:
            known = NeaneluError(f"{type(error).__name__}: {error}", code="XX000")
            stack = "".join(traceback.format_exception(error))[-_STACK_LENGTH:]
        with translated(), self._pool.connection() as connection:
            row = connection.execute(
                sql.FAIL_JOB,
                {
                    "job_id": job.id,
                    "token": job.token,
                    "error": str(known)[:_ERROR_LENGTH],
                    "detail": stack,
                    "permanent": isinstance(error, GaveUp),
                    "sqlstate": known.code,
                },
            ).fetchone()
        assert row is not None
        outcome: str = row["outcome"]
        log.log(
            40 if outcome == "dead" else 30,
            "job failed",
            outcome=outcome,
            code=known.code,
            error=known.message,
            stack=stack,
        )
        return outcome

    # --- Health -------------------------------------------------------------------------------------------
    def health(self) -> Health:
        """Return what /health/live, /health/ready and /metrics answer; adds the queues' figures to the metrics."""
        self.metrics.add_queues(lambda: self._figures(sql.JOB_METRICS))
        self.metrics.add_freshness(lambda: self._figures(sql.STALENESS))
        self.metrics.add_mirror(
            lambda: self._figures(sql.MIRROR_METRICS), lambda: self._figures(sql.EVENT_METRICS)
        )
        self.metrics.add_ledger(lambda: self._figures(sql.FOLD_LAG))
        self.metrics.add_tokens(lambda: self._figures(sql.TOKEN_METRICS))
        return Health(
            self.metrics.registry,
            live={
                "dispatcher": self._check_dispatcher,
                "scheduler": self._check_scheduler,
                "folder": self._check_folder,
            },
            ready={"listener": self._check_listener, "claims": self._check_claims},
        )

    def _figures(self, statement: str) -> Sequence[DictRow]:
        """Return the rows of a report, on a connection of its own; raises within a few seconds."""
        with translated(), self._connect("metrics") as connection:
            connection.execute(sql.SHORT_STATEMENTS)
            return connection.execute(statement).fetchall()

    def _check_dispatcher(self) -> str | None:
        silent = time.monotonic() - self._seen_at
        if self._stopping.is_set():
            return None
        if silent > _STUCK_SECONDS or not self._dispatcher.is_alive():
            return f"the dispatcher has been silent for {silent:.0f} s"
        return None

    def _check_scheduler(self) -> str | None:
        if self._scheduler is None or self._stopping.is_set():
            return None
        return None if self._scheduler.is_alive else "the scheduler has ended"

    def _check_folder(self) -> str | None:
        if self._folder is None or self._stopping.is_set():
            return None
        return None if self._folder.is_alive else "the folder of the stock ledger has ended"

    def _check_listener(self) -> str | None:
        return None if self._listener.connected.is_set() else "not listening: the database is away"

    def _check_claims(self) -> str | None:
        """Not ready: stopping, or no look for jobs has worked for a while though there was room."""
        if self._stopping.is_set():
            return "stopping"
        if self._claimed_at is None:
            return "has not looked for jobs yet"
        with self._changed:
            if not self._has_room():
                return None
        silent = time.monotonic() - self._claimed_at
        if silent > 3 * self.settings.worker_poll_seconds + 5.0:
            return f"the last look for jobs that worked was {silent:.0f} s ago"
        return None


def _seconds_since(moment: datetime) -> float:
    """Return the seconds since a moment of the database's clock, 0 where ours is behind."""
    return max(0.0, (datetime.now(UTC) - moment).total_seconds())
