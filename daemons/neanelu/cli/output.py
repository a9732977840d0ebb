"""How commands speak: tables for people, one JSON document for programs, errors with their exit codes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
import orjson
import structlog
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from neanelu.db.errors import ENVIRONMENT, NeaneluError
from neanelu.platform import PlatformError

#: Columns that a table may have where nobody tells the width: a file, a pipe, a log.
_WIDTH_OF_A_FILE = 180


def console(*, error: bool = False) -> Console:
    """Return a console for standard output or standard error, wide where it is no terminal."""
    made = Console(stderr=error, highlight=False, soft_wrap=True)
    return made if made.is_terminal else Console(stderr=error, highlight=False, width=_WIDTH_OF_A_FILE)


@contextmanager
def exits(as_json: bool = False) -> Iterator[None]:
    """End the command with the exit code of the error raised inside, after saying what and what to do.

    Args:
        as_json: the error goes to standard output as `{"error": {code, message, hint, detail}}`.
    """
    try:
        with _logs_kept_out():
            yield
    except (NeaneluError, PlatformError) as raised:
        error = raised if isinstance(raised, NeaneluError) else _Platform(str(raised))
        if as_json:
            facts = {"code": error.code, "message": error.message, "hint": error.hint, "detail": error.detail}
            emit({"error": facts})
        else:
            click.secho("error: ", fg="red", nl=False, err=True)
            click.echo(str(error), err=True)
            for extra in filter(None, (error.detail, error.hint)):
                click.echo(f"  {extra}", err=True)
        sys.exit(error.exit_code)


@contextmanager
def _logs_kept_out() -> Iterator[None]:
    """Send what is logged to standard error, unless a daemon said how: standard output is a program's to read."""
    if structlog.is_configured():
        yield
        return
    warnings = structlog.make_filtering_bound_logger("warning")
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr), wrapper_class=warnings)
    try:
        yield
    finally:
        # The process may live on, and what a daemon has said since is its own.
        if structlog.get_config()["wrapper_class"] is warnings:
            structlog.reset_defaults()


class _Platform(NeaneluError):
    """The platform's errors among ours: no code of the registry, and the environment is not ready."""

    default_code = "PLATFORM"
    exit_code = ENVIRONMENT

    def __str__(self) -> str:
        """Return the message alone."""
        return self.message


def emit(document: Any) -> None:
    """Print one JSON document; bytes become text with escapes for what is no UTF-8."""
    text = orjson.dumps(document, default=_plain, option=orjson.OPT_INDENT_2)
    click.echo(text.decode())


def confirmed(question: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Ask before something is changed for good, unless told not to; raises UsageError where nobody can be asked, Abort for no."""
    if yes or dry_run:
        return
    if as_json:
        raise click.UsageError("--json needs --yes or --dry-run")
    click.confirm(question, abort=True)


def _plain(value: object) -> object:
    """Return what orjson does not know as something that it does."""
    if isinstance(value, bytes | bytearray | memoryview):
        return readable(bytes(value))
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)


def readable(data: bytes, limit: int | None = None) -> str:
    """Return bytes as one line of printable text: control characters and what is no UTF-8 as escapes."""
    text = data.decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown if limit is None or len(shown) <= limit else f"{shown[: limit - 1]}…"


def number(value: int | None) -> str:
    """Return a count with thin groups of three, or `-` for none."""
    return "-" if value is None else f"{value:,}"


def size(value: int | None) -> str:
    """Return bytes for people: 512 B, 34.1 MB."""
    if value is None:
        return "-"
    amount = float(value)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def seconds(value: float | None) -> str:
    """Return a duration for people: 0.4 s, 3 min 20 s, 2 h 5 min."""
    if value is None:
        return "-"
    if value < 60:
        return f"{value:.1f} s"
    whole = int(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago a moment was, or `never`."""
    if moment is None:
        return "never"
    return seconds(max(0.0, ((now or datetime.now(UTC)) - moment).total_seconds()))


def instant(moment: datetime | str | None) -> str:
    """Return a moment in UTC to the second, or `-`."""
    if moment is None:
        return "-"
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def table(columns: Mapping[str, str], rows: Iterable[Sequence[object]], *, wrap: str | None = None) -> Table:
    """Return a table.

    Args:
        columns: heading and justification (left or right), in order.
        rows: cells in the order of the columns; text of others is never read as markup.
        wrap: heading of the one column that may be broken into lines.
    """
    made = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for heading, justify in columns.items():
        made.add_column(
            heading,
            justify="right" if justify == "right" else "left",
            no_wrap=heading != wrap,
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    return made


#: What a status looks like.
_COLOURS = {
    "completed": "green",
    "running": "cyan",
    "active": "cyan",
    "pending": "yellow",
    "waiting": "yellow",
    "failed": "red",
    "cancelled": "magenta",
}


def status_text(status: str | None, more: str | None = None) -> Text:
    """Return a run's status in its colour, with more about it (a step, an error code) behind it."""
    if status is None:
        return Text("-")
    return Text(f"{status} {more}" if more else status, style=_COLOURS.get(status, ""))
