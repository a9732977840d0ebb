"""`neanelu ingest`: the same pipeline on a file at hand, without Shopify."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

import click

from neanelu.cli.output import console, emit, exits
from neanelu.cli.report import as_document, print_report, run_reports
from neanelu.cli.runs import print_quarantine
from neanelu.cli.shop import find_shop
from neanelu.cli.sync import INTERRUPTED, ordered_resources, stop_on_signals
from neanelu.db import sql
from neanelu.db.connection import session
from neanelu.db.errors import DatabaseUnavailable, InvalidInput, NeaneluError, RunActive, translated
from neanelu.settings import Settings, get_settings
from neanelu.sync.console import progress_on
from neanelu.sync.daemon import Stopped, SyncDaemon
from neanelu.sync.fetch import CHUNK_BYTES, Copy, Spool
from neanelu.sync.progress import Progress, Silent

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

_GZIP = b"\x1f\x8b"
#: Seconds between two looks at whether a silent pipe is still to be waited for.
_WAIT_SECONDS = 0.2
#: A file that cannot be read is not read better a second time.
_UNREADABLE = "NS040"
#: Seconds for which a database that went away may stay away.
_PATIENCE = 60


@dataclass(slots=True)
class Source:
    """What to read: a plain file on disk where it lies, or a stream that is copied to disk on the way.

    Attributes:
        name: as it was given.
        path: of a plain file; None for what must be copied.
        size: bytes of a plain file; None where it is not known.
        stream: what is copied.
        packed: whether the stream is gzip.
    """

    name: str
    path: Path | None = None
    size: int | None = None
    stream: IO[bytes] | None = None
    packed: bool = False

    def spool(self, folder: Path, run_id: UUID, on_progress: Callable[[int], None]) -> Spool:
        """Return the file to load; a copy lies in the folder, by the run's id."""
        if self.path is not None:
            return Spool(self.path, None, on_progress)
        assert self.stream is not None
        return Spool(folder / f"{run_id}.jsonl", Copy(self.stream, packed=self.packed), on_progress)


class _Patient(io.RawIOBase):
    """A pipe or terminal that is waited for only until the process is asked to stop."""

    def __init__(self, descriptor: int, stop: threading.Event) -> None:
        self._descriptor = descriptor
        self._stop = stop

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Read what there is, at least one byte unless the other end was closed; raises Stopped."""
        while not select.select([self._descriptor], [], [], _WAIT_SECONDS)[0]:
            if self._stop.is_set():
                raise Stopped
        return os.readv(self._descriptor, [buffer])


@contextmanager
def opened(name: str, stop: threading.Event) -> Iterator[Source]:
    """Yield what a FILE argument names; gzip is told by its first bytes, not by the name.

    Args:
        name: a path, or `-`.
        stop: ends the wait for a pipe.

    Raises:
        InvalidInput: it cannot be opened.
        Stopped: `stop` was set before the first byte came.
    """
    if name == "-":
        stream = io.BufferedReader(_Patient(sys.stdin.fileno(), stop), CHUNK_BYTES)
        yield Source("standard input", stream=stream, packed=stream.peek(2)[:2] == _GZIP)
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read: {error.strerror}", code="58P01") from None
    with file:
        facts = os.fstat(file.fileno())
        regular = stat.S_ISREG(facts.st_mode)
        if not regular:
            pipe = io.BufferedReader(_Patient(file.fileno(), stop), CHUNK_BYTES)
            yield Source(name, stream=pipe, packed=pipe.peek(2)[:2] == _GZIP)
        elif file.peek(2)[:2] == _GZIP:
            yield Source(name, stream=file, packed=True)
        else:
            yield Source(name, path=Path(name), size=facts.st_size)


@click.command()
@click.argument("shop")
@click.argument("file", metavar="FILE|-")
@click.option(
    "--resource", default="products", show_default=True, metavar="NAME", help="What the file holds."
)
@click.option(
    "--mode",
    type=click.Choice(["snapshot", "incremental", "verify"]),
    default="snapshot",
    show_default=True,
    help="snapshot: the file is the whole shop, what it lacks is marked deleted; incremental: it is a part; "
    "verify: a snapshot that does not trust the digests.",
)
@click.option(
    "--allow-mass-delete", is_flag=True, help="The snapshot may mark most of a table as deleted (NS063)."
)
@click.option(
    "--errors",
    default=3,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="Quarantined lines to show.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as a JSON object.")
def ingest(
    shop: str, file: str, resource: str, mode: str, allow_mass_delete: bool, errors: int, as_json: bool
) -> None:
    """Bring in a JSONL file as Shopify's bulk operations write them, plain or gzip; - is standard input.

    The file goes the same way as one from Shopify: what did not change is not written, bad lines go to
    quarantine, every line is accounted for. Do not write to the file meanwhile.

    Exit codes: 0 completed, also with lines in quarantine below the limit; 1 the run failed; 2 no such shop,
    resource or file; 3 no database; 130 interrupted (nothing was merged).

    \b
    Examples:
      neanelu ingest demo products.jsonl
      neanelu ingest demo products.jsonl.gz --mode incremental --errors 20
      neanelu sandbox generate --products 10000 -o - | neanelu ingest demo -
      neanelu ingest demo customers.jsonl --resource customers --json | jq .totals
    """
    settings = get_settings()
    began = time.monotonic()
    with exits(as_json), stop_on_signals() as stop:
        work = _Ingest(settings, stop)
        # One connection for all of it, the daemon's: it replaces one that breaks on the way.
        with work.daemon as daemon:
            with translated():
                row = find_shop(daemon.control, shop)
                ordered_resources(daemon.control, [resource])
            names = {row["id"]: row["domain"].removesuffix(".myshopify.com")}
            try:
                with opened(file, stop) as source, progress_on(console(error=True), names) as progress:
                    work.run(source, progress, row["id"], resource, mode, allow_mass_delete)
            except Stopped:
                click.echo("interrupted: nothing was read", err=True)
                sys.exit(INTERRUPTED)
            with translated():
                runs = run_reports(daemon.control, [work.run_id])
                parameters = {"run_id": work.run_id, "limit": errors, "after_line": 0}
                quarantined = daemon.control.execute(sql.RUN_ERRORS, parameters).fetchall() if errors else []
    if as_json:
        emit({**as_document(runs, time.monotonic() - began), "errors": quarantined})
    else:
        print_report(runs, time.monotonic() - began, point_to_quarantine=errors == 0)
        if errors:
            print_quarantine(runs[0], quarantined)
    if stop.is_set() and runs[0]["status"] != "completed":
        click.echo("interrupted: nothing was merged, the run is cancelled", err=True)
        sys.exit(INTERRUPTED)
    if runs[0]["status"] != "completed":
        sys.exit(1)


class _Ingest:
    """One file's way in.

    A file run belongs to the process that has the file: nobody else can go on with it, so it is cancelled
    when this process gives up.
    """

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self.daemon = SyncDaemon(settings, progress=self, stop=stop)
        self.run_id = UUID(int=0)
        self._settings = settings
        self._stop = stop
        self._source = Source("")
        self._progress: Progress = Silent()
        self._run: dict[str, Any] = {}
        self._away = 0
        self._has_ended = False

    # The daemon tells this object; it adds the size of the file, which the daemon cannot know.

    def phase(self, run: dict[str, Any], name: str, total: int | None = None) -> None:
        """Pass a phase on."""
        self._run = run
        self._progress.phase(run, name, self._source.size if name == "send" else total)

    def advance(self, run: dict[str, Any], done: int) -> None:
        """Pass progress on."""
        self._progress.advance(run, done)

    def ended(self, run: dict[str, Any], status: str, message: str | None) -> None:
        """Pass an end on."""
        self._progress.ended(run, status, message)

    def _read(self, done: int) -> None:
        """Hear of bytes read; ends the attempt when the process is asked to stop."""
        if self._stop.is_set():
            raise Stopped
        self._progress.advance(self._run, done)

    def run(
        self,
        source: Source,
        progress: Progress,
        shop_id: UUID,
        resource: str,
        mode: str,
        allow_mass_delete: bool,
    ) -> None:
        """Ask for the run and do it, again when the database went away meanwhile.

        Raises:
            NeaneluError: the run cannot be had, or the database does not come back.
        """
        self._source, self._progress = source, progress
        self.run_id = self._request(shop_id, resource, mode, allow_mass_delete)
        spool = self._source.spool(self._settings.sync_spool_dir / "ingest", self.run_id, self._read)
        try:
            while not self._stop.is_set() and self._attempt(spool):
                pass
        finally:
            self._cancel()
            if self._source.path is None:
                spool.discard()

    def _request(self, shop_id: UUID, resource: str, mode: str, allow_mass_delete: bool) -> UUID:
        """Ask for the run, after clearing away one whose process died."""
        options: dict[str, Any] = {"source": "file", "allow_mass_delete": allow_mass_delete}
        try:
            return self.daemon.request(shop_id, resource, mode, **options)
        except RunActive:
            with session("neanelu_sync", purpose="ingest") as connection:
                parameters = {"shop_id": shop_id, "statuses": ["pending", "running"], "limit": None}
                rows = connection.execute(sql.LIST_RUNS, parameters).fetchall()
                dead = [row for row in rows if row["resource"] == resource and self._is_dead(row)]
                for row in dead:
                    connection.execute(sql.CANCEL_RUN, {"run_id": row["run_id"]})
            if not dead:
                raise
            return self.daemon.request(shop_id, resource, mode, **options)

    def _is_dead(self, run: dict[str, Any]) -> bool:
        """Return whether a file run has no process any more."""
        if run["source"] != "file":
            return False
        last = run["lease_expires_at"] or max(run["requested_at"], run["not_before"]) + timedelta(
            seconds=self._settings.sync_lease_seconds
        )
        return bool(last < datetime.now(UTC))

    def _attempt(self, spool: Spool) -> bool:
        """Work on the run once; return whether to do it again."""
        try:
            self.daemon.work_once(run_id=self.run_id, source=spool)
            state = self.daemon.states([self.run_id])[self.run_id]
            self._away = 0
        except DatabaseUnavailable:
            self._away += 1
            if self._away > _PATIENCE:
                raise
            self.daemon.close()
            self._stop.wait(1.0)
            return True
        self._has_ended = state["status"] not in ("pending", "running")
        if self._has_ended or state["error_code"] == _UNREADABLE:
            return False
        self._stop.wait(0.2)
        return True

    def _cancel(self) -> None:
        """Cancel the run if it has not ended."""
        if self._has_ended:
            return
        try:
            with session("neanelu_sync", purpose="ingest") as connection, translated():
                connection.execute(sql.CANCEL_RUN, {"run_id": self.run_id})
        except NeaneluError as error:
            if error.code not in ("NS006", "08006"):
                raise
