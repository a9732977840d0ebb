"""How runs look while they are worked on: bars on a terminal, one JSON document a line in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from rich.console import Console
from rich.markup import escape
from rich.text import Text
from structlog.typing import EventDict, WrappedLogger

from neanelu.cli.output import number, seconds, size
from neanelu.sync.progress import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID

log = structlog.get_logger(__name__)

#: Seconds between two looks at how far a run is; the daemon tells after every tree.
_TELL_SECONDS = 0.1
#: What the phases of `Progress` are called where people read them.
_PHASES = {
    "start": "asking Shopify",
    "wait": "Shopify works",
    "fetch": "fetching",
    "send": "loading",
    "stage": "checking",
    "merge": "merging",
}
#: How an attempt ended -> what is said and in which colour.
_ENDS = {
    "completed": ("done", "green"),
    "failed": ("failed", "red"),
    "pending": ("tried again later", "yellow"),
    "waiting": ("waits for Shopify", "yellow"),
    "stopped": ("given back", "yellow"),
    "interrupted": ("database away", "yellow"),
    "lost": ("another daemon has it", "yellow"),
}


def configure_logging(console: Console, level: str = "info") -> None:
    """Send the daemons' log to standard error: JSON lines, or on a terminal only what needs a look.

    Args:
        console: of standard error; where it is a terminal, warnings are printed above its bars.
        level: from which level on JSON lines are written.
    """
    if console.is_terminal:

        def show(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
            facts = " ".join(f"{name}={value}" for name, value in event.items() if name != "event")
            console.print(
                Text(f"{method}: ", style="yellow").append(f"{event['event']} {facts}", style="none")
            )
            raise structlog.DropEvent

        processors: list[Any] = [show]
        level = "warning"
    else:
        processors = [
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


class ConsoleProgress:
    """Shows a bar for each run. Safe to use from several threads.

    Args:
        console: where the bars go.
        shops: names of the shops by id; a run of another shop is shown without a name.
        keep: runs that ended keep their line until all have; without it they go, and a sentence is printed.
    """

    def __init__(self, console: Console, shops: Mapping[UUID, str], *, keep: bool = True) -> None:
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._console = console
        self._shops = shops
        self._keep = keep
        self._lock = threading.Lock()
        self._tasks: dict[UUID, TaskID] = {}
        self._told: dict[UUID, float] = {}
        self._most: dict[UUID, int] = {}
        self._limit: dict[UUID, int | None] = {}
        self._bars = Bars(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.fields[shop]}", style="dim"),
            TextColumn("{task.description}"),
            TextColumn("{task.fields[phase]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}", style="dim"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )

    def __enter__(self) -> ConsoleProgress:
        """Show the bars."""
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bars away."""
        self._bars.stop()

    def _task(self, run: dict[str, Any]) -> TaskID:
        """Return the bar of a run, made when it is new."""
        with self._lock:
            if run["id"] not in self._tasks:
                shop = self._shops.get(run["shop_id"], "")
                self._tasks[run["id"]] = self._bars.add_task(
                    escape(run["query_type"]), total=None, shop=escape(shop), phase="", note=""
                )
            return self._tasks[run["id"]]

    def phase(self, run: dict[str, Any], name: str, total: int | None = None) -> None:
        """Show the phase that a run entered; the bar swings where the bytes to come are not known."""
        self._most[run["id"]], self._limit[run["id"]] = 0, total
        self._bars.update(
            self._task(run), phase=_PHASES.get(name, name), total=total or None, completed=0, note=size(total)
            if total else "",
        )  # fmt: skip

    def advance(self, run: dict[str, Any], done: int) -> None:
        """Show the bytes done in the phase, a few times a second."""
        key, now = run["id"], time.monotonic()
        if now - self._told.get(key, 0.0) < _TELL_SECONDS or done <= self._most.get(key, 0):
            return
        self._told[key], self._most[key] = now, done
        # A full bar counts as finished, and its clock stops: the run is not.
        limit = self._limit.get(key)
        self._bars.update(self._task(run), completed=min(done, limit - 1) if limit else done, note=size(done))

    def ended(self, run: dict[str, Any], status: str, message: str | None) -> None:
        """Show how an attempt ended."""
        said, colour = _ENDS.get(status, (status, "none"))
        task = self._task(run)
        if self._keep:
            note = f"{number(run['lines_in'])} lines" if status == "completed" else (message or "")[:60]
            closed = {"total": 1, "completed": 1} if status in ("completed", "failed") else {"total": None}
            self._bars.update(task, phase=f"[{colour}]{said}[/]", note=escape(note), **closed)
            return
        with self._lock:
            self._tasks.pop(run["id"], None)
        self._bars.remove_task(task)
        self._console.print(
            _sentence(run, said, colour, self._shops.get(run["shop_id"], ""), status, message)
        )


def _sentence(
    run: dict[str, Any], said: str, colour: str, shop: str, status: str, message: str | None
) -> Text:
    """Return one line about the end of an attempt, for a screen that goes on."""
    line = Text(f"{datetime.now():%H:%M:%S} ", style="dim")
    line.append(f"{shop} {run['query_type']} {run['mode']}: ".lstrip(), style="none").append(
        said, style=colour
    )
    if status == "completed":
        took = (run["completed_at"] - run["started_at"]).total_seconds()
        line.append(
            f", {number(run['lines_in'])} lines: {number(run['lines_merged'])} merged, "
            f"{number(run['lines_unchanged'])} unchanged, {number(run['lines_quarantined'])} quarantined, "
            f"{number(run['rows_tombstoned'])} rows deleted, {seconds(took)}",
            style="none",
        )
    elif message:
        line.append(f": {message}", style="none")
    return line


class LoggedProgress:
    """Notes the phases of runs in the log; their ends are noted by the daemon itself."""

    def phase(self, run: dict[str, Any], name: str, total: int | None = None) -> None:
        """Note that a run entered a phase."""
        log.info("run phase", run_id=str(run["id"]), resource=run["query_type"], phase=name, bytes=total)

    def advance(self, run: dict[str, Any], done: int) -> None:
        """Note nothing: a log is no place for it."""

    def ended(self, run: dict[str, Any], status: str, message: str | None) -> None:
        """Note what the daemon has not noted itself."""
        if status == "waiting":
            log.info("run waits for a slot", run_id=str(run["id"]), resource=run["query_type"])


@contextmanager
def progress_on(
    console: Console, shops: Mapping[UUID, str], *, keep: bool = True, level: str = "info"
) -> Iterator[Progress]:
    """Set the log up and yield what shows progress on this console: bars, or lines of a log.

    Args:
        console: of standard error.
        shops: names of the shops by id.
        keep: see `ConsoleProgress`.
        level: from which level on JSON lines are written, where it is no terminal.
    """
    configure_logging(console, level)
    if console.is_terminal:
        with ConsoleProgress(console, shops, keep=keep) as bars:
            yield bars
    else:
        yield LoggedProgress()
