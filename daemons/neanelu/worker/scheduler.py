"""Fires the schedule: every worker runs it, and the database lets one of them fire each tick."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from cronsim import CronSim, CronSimError

from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.db.errors import DatabaseUnavailable, InvalidInput, NeaneluError, translated
from neanelu.worker.metrics import WorkerMetrics

log = structlog.get_logger(__name__)

#: Seconds between two looks at what is due; the finest that a tick can be on time.
_LOOK_SECONDS = 1.0
_LONGEST_PAUSE = 10.0
#: Seconds between two complaints about one task.
_COMPLAIN_SECONDS = 300.0


def next_tick(expression: str, timezone: str, after: datetime) -> datetime:
    """Return the first tick of a cron expression later than a moment, in UTC.

    Local times that a change of the clocks leaves out are made up for right after it, and those that come twice count
    once, as Debian's cron has it; expressions finer than an hour run on through both.

    Args:
        expression: five fields, or six with the seconds first.
        timezone: IANA name.
        after: with a time zone.

    Raises:
        InvalidInput: no expression, no time zone, or one that never comes (NJ010).
    """
    second, _, rest = expression.partition(" ")
    # cronsim minds changes of the clocks in five fields only. One certain second is those five, so much later.
    is_late = len(rest.split()) == 5 and second.isdecimal() and int(second) < 60
    late = timedelta(seconds=int(second) if is_late else 0)
    try:
        ticks = CronSim(rest if is_late else expression, (after - late).astimezone(ZoneInfo(timezone)))
        # Where the clocks went back, cronsim may answer with the first of two equal local times: that is over.
        return next(tick for tick in (tick.astimezone(UTC) + late for tick in ticks) if tick > after)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(f"there is no time zone {timezone!r}", code="NJ010") from error
    except CronSimError as error:
        raise InvalidInput(f"no cron expression: {expression!r}: {error}", code="NJ010") from error
    except StopIteration:
        raise InvalidInput(f"the expression {expression!r} never comes", code="NJ010") from None


class Scheduler:
    """Looks every second for tasks whose time has come.

    Args:
        connect: opens an autocommit connection.
        metrics: counts ticks.
    """

    def __init__(self, connect: Callable[[], Connection], metrics: WorkerMetrics) -> None:
        self._connect = connect
        self._metrics = metrics
        self._complained: dict[UUID, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        """Begin to fire."""
        self._thread.start()

    def stop(self) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join(timeout=5.0)

    @property
    def is_alive(self) -> bool:
        """Whether it still looks."""
        return self._thread.is_alive()

    def _run(self) -> None:
        pause = _LOOK_SECONDS
        while not self._stop.is_set():
            try:
                with translated(), self._connect() as connection:
                    pause = _LOOK_SECONDS
                    while not self._stop.is_set():
                        self.fire_due(connection)
                        self._stop.wait(_LOOK_SECONDS * (0.75 + random.random() / 2))  # noqa: S311
            except NeaneluError as error:
                log.warning("scheduler cannot look", error=str(error))
            except Exception:  # a defect must not end the schedule for ever
                log.exception("scheduler failed")
            self._stop.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def fire_due(self, connection: Connection) -> int:
        """Fire what is due, and return how many runs this made.

        Raises:
            DatabaseUnavailable: the connection is lost.
        """
        with translated():
            tasks = connection.execute(sql.DUE_TASKS).fetchall()
        fired = 0
        for task in tasks:
            try:
                fired += self._fire(connection, task)
            except DatabaseUnavailable:
                raise
            except NeaneluError as error:
                self._metrics.ticks.labels("error").inc()
                self._complain(task, error)
        return fired

    def _fire(self, connection: Connection, task: dict[str, Any]) -> bool:
        """Take one tick, if no other worker is quicker, and return whether this asked for a job."""
        tick = next_tick(task["cron_expression"], task["timezone"], task["next_after"])
        with translated():
            row = connection.execute(
                sql.FIRE_TASK, {"task_id": task["task_id"], "expected": task["expected"], "next": tick}
            ).fetchone()
        assert row is not None
        if task["expected"] is None:
            return False  # a new task: it knows its first tick now
        if row["job_id"] is None:
            self._metrics.ticks.labels("passed").inc()
            return False
        late = (datetime.now(UTC) - task["expected"]).total_seconds()
        self._metrics.ticks.labels("fired").inc()
        self._metrics.lag.observe(max(0.0, late))
        log.info(
            "task fired",
            task=task["task_name"],
            shop_id=str(task["shop_id"]) if task["shop_id"] else None,
            job_id=str(row["job_id"]),
            tick=task["expected"].isoformat(),
            next=tick.isoformat(),
        )
        return True

    def _complain(self, task: dict[str, Any], error: NeaneluError) -> None:
        """Log what is wrong with a task, now and then."""
        now = time.monotonic()
        if now - self._complained.get(task["task_id"], -_COMPLAIN_SECONDS) >= _COMPLAIN_SECONDS:
            self._complained[task["task_id"]] = now
            log.error("task not fired", task=task["task_name"], error=str(error))
