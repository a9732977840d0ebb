"""Jobs that a daemon does, and who does them: `@handler("token.refresh")` above a function of a `handlers_*.py` beside this.

A job that the database does (`runs_in = 'database'`) needs no handler here. One that needs HTTP, keys or files does:

    @handler("token.refresh")
    def refresh(job: Job, context: Context) -> dict[str, Any] | None:
        with context.shopify(job.shop_id) as client:
            answer = client.query(...)
        result = {"nodes": len(answer)}
        with context.transaction(result) as connection:      # effects and acknowledgement commit together
            connection.execute(sql.STORE, ...)
        return result

A handler that uses no `transaction()` is acknowledged when it returns; then it must be harmless to do it twice.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from neanelu.db.errors import NeaneluError

if TYPE_CHECKING:
    from neanelu.worker.context import Context


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job, as jobs.claim returned it.

    Attributes:
        token: must be shown with every call about the job; a newer claim makes it worthless.
        shop_id: None for the platform's own jobs.
        attempt: 1 for the first.
        runs_in: database or daemon.
        enqueued_at: when it was asked for.
    """

    id: UUID
    token: int
    queue: str
    name: str
    shop_id: UUID | None
    payload: dict[str, Any]
    attempt: int
    max_attempts: int
    runs_in: str
    lease_expires_at: datetime
    enqueued_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Job:
        """Return the job of a row of jobs.claim."""
        return cls(
            id=row["job_id"],
            token=row["token"],
            queue=row["queue_name"],
            name=row["job_name"],
            shop_id=row["shop_id"],
            payload=row["payload"] or {},
            attempt=row["attempt"],
            max_attempts=row["max_attempts"],
            runs_in=row["runs_in"],
            lease_expires_at=row["lease_expires_at"],
            enqueued_at=row["enqueued_at"],
        )


class Stopping(Exception):
    """The worker stops: the job is given back, and no attempt is counted."""


class Postponed(Exception):
    """Not now: the job is given back for a while, and no attempt is counted (no budget, somebody else is at it).

    Args:
        delay: when it may be claimed again.
    """

    def __init__(self, delay: timedelta, reason: str = "postponed") -> None:
        super().__init__(reason)
        self.delay = delay


class GaveUp(NeaneluError):
    """Trying again is of no use: the job goes to the dead letters."""

    default_code = "NJ020"


Result = dict[str, Any] | None
Handler = Callable[[Job, "Context"], Result]
_handlers: dict[str, Handler] = {}


def handler(name: str) -> Callable[[Handler], Handler]:
    """Register the function below as the one that does jobs of this name; the name must also be known to the database.

    Raises:
        ValueError: another function has the name.
    """

    def register(function: Handler) -> Handler:
        if _handlers.setdefault(name, function) is not function:
            raise ValueError(f"two handlers are called {name!r}")
        return function

    return register


def find(name: str) -> Handler | None:
    """Return who does jobs of this name."""
    return _handlers.get(name)


def load() -> list[str]:
    """Import every `handlers_*.py` of this package, and return the names that have handlers."""
    package = importlib.import_module("neanelu.worker")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("handlers_"):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return sorted(_handlers)
