"""Claims runs and takes them through their steps. Decisions are the database's; this fetches, sends and calls."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from neanelu.db import sql
from neanelu.db.connection import Connection, connect
from neanelu.db.errors import DatabaseUnavailable, LeaseLost, LoadLost, NeaneluError, translated
from neanelu.settings import Settings, get_settings
from neanelu.sync.fetch import Spool
from neanelu.sync.lease import Heartbeat, Lease
from neanelu.sync.load import Loader
from neanelu.sync.progress import Progress, Silent
from neanelu.sync.steps import StageAndMerge

if TYPE_CHECKING:
    from neanelu.secrets import KeyRing

log = structlog.get_logger(__name__)

#: Times a run loads again in one claim when the server lost its unlogged tables.
_RELOADS = 3


class Stopped(Exception):
    """The daemon was asked to stop; the run is given back."""


class SyncDaemon:
    """Works on runs, one at a time; several may work side by side, in threads or processes.

    Args:
        settings: instead of the process's own.
        dsn: connect here instead of where the settings say (tests, benchmarks).
        progress: hears how runs get on.
        stop: when set, the daemon gives its run back at the next occasion.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        dsn: str | None = None,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
        keys: KeyRing | None = None,
    ) -> None:
        self._settings = settings or get_settings()
        self._dsn = dsn
        self._progress: Progress = progress or Silent()
        self.stop = stop or threading.Event()
        self._keys = keys
        self._worker = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident() % 100_000}"
        self._control: Connection | None = None
        self._resources: dict[str, dict[str, Any]] = {}

    # --- connections --------------------------------------------------------------------------------------

    def _connect(self, purpose: str = "sync", *, autocommit: bool = True) -> Connection:
        """Return a new connection as the daemon's role."""
        return connect(
            "neanelu_sync", autocommit=autocommit, purpose=purpose, dsn=self._dsn, settings=self._settings
        )

    @property
    def control(self) -> Connection:
        """The connection for calls, replaced when it broke."""
        if self._control is None or self._control.broken or self._control.closed:
            self._control = self._connect()
        return self._control

    def close(self) -> None:
        """Close the control connection."""
        if self._control is not None:
            self._control.close()
            self._control = None

    def __enter__(self) -> SyncDaemon:
        """Return the daemon itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the control connection."""
        self.close()

    def _rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Call a function and return its rows."""
        with translated():
            return self.control.execute(statement, values).fetchall()

    # --- asking and waiting -------------------------------------------------------------------------------

    def resources(self) -> dict[str, dict[str, Any]]:
        """Return sync.resources() by name, in running order; read once."""
        if not self._resources:
            self._resources = {row["resource"]: row for row in self._rows(sql.RESOURCES)}
        return self._resources

    def request(
        self,
        shop_id: UUID,
        resource: str,
        mode: str = "snapshot",
        *,
        source: str = "shopify",
        key: str | None = None,
        allow_mass_delete: bool = False,
    ) -> UUID:
        """Ask for a run and return its id; see sync.request_run."""
        row = self._rows(
            sql.REQUEST_RUN,
            shop_id=shop_id,
            resource=resource,
            mode=mode,
            source=source,
            key=key,
            allow_mass_delete=allow_mass_delete,
        )[0]
        run_id: UUID = row["run_id"]
        return run_id

    def states(self, run_ids: Iterable[UUID]) -> dict[UUID, dict[str, Any]]:
        """Return where these runs stand, by id."""
        return {row["run_id"]: row for row in self._rows(sql.RUN_STATES, run_ids=list(run_ids))}

    def run_until_ended(self, run_ids: Iterable[UUID], *, shop_id: UUID | None = None) -> None:
        """Work on the shop's runs until these have ended, by this daemon's work or another's."""
        waiting = set(run_ids)
        while waiting and not self.stop.is_set():
            try:
                worked = self.work_once(shop_id=shop_id)
                states = self.states(waiting)
            except DatabaseUnavailable as error:
                log.warning("database unavailable", error=str(error))
                self._control = None
                self.stop.wait(0.5)
                continue
            waiting = {run_id for run_id in waiting if states[run_id]["status"] in ("pending", "running")}
            if waiting and not worked:
                self.stop.wait(self._settings.sync_idle_seconds)

    def work_once(
        self, *, shop_id: UUID | None = None, run_id: UUID | None = None, source: Spool | None = None
    ) -> bool:
        """Claim one run and work on it until it ends or must wait; return whether there was one.

        Args:
            shop_id: only runs of this shop.
            run_id: only this run.
            source: the file of a file run.
        """
        claimed = self._rows(
            sql.CLAIM_RUN,
            worker=self._worker,
            lease=timedelta(seconds=self._settings.sync_lease_seconds),
            shop_id=shop_id,
            run_id=run_id,
        )
        if not claimed:
            return False
        self._attempt(Lease(self.control, claimed[0]), source)
        return True

    # --- one attempt --------------------------------------------------------------------------------------

    def _attempt(self, lease: Lease, source: Spool | None) -> None:
        """Take a claimed run as far as it goes, and tell the database how it went."""
        run = lease.run
        bound = log.bind(run_id=str(run["id"]), resource=run["query_type"], attempt=run["attempt"])
        bound.info("run claimed", mode=run["mode"], source=run["source"])
        try:
            with Heartbeat(lease, lambda: self._connect("heartbeat"), self._settings.sync_lease_seconds):
                self._steps(lease, source)
        except LeaseLost:
            bound.warning("run given up: the lease is lost")
            self._forget(run)
            self._progress.ended(run, "lost", None)
        except Stopped:
            self._rows(sql.RELEASE_RUN, run_id=run["id"], token=run["lease_token"], delay=timedelta(0))
            bound.info("run given back: stopping")
            self._progress.ended(run, "stopped", None)
        except DatabaseUnavailable as error:
            bound.warning("database lost in the middle of a run", error=str(error))
            self._give_back(run)
            self._progress.ended(run, "interrupted", str(error))
        except NeaneluError as error:
            self._fail(lease, error)
        except OSError as error:
            code = "53100" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "58030"
            where = f" {error.filename}" if error.filename else ""
            self._fail(lease, NeaneluError(f"the daemon's disk:{where} {error.strerror or error}", code=code))
        except Exception as error:  # a defect: the run fails with it, the daemon goes on with other runs
            bound.exception("defect")
            self._fail(
                lease, NeaneluError(f"a defect of the daemon: {type(error).__name__}: {error}", code="XX000")
            )

    def _forget(self, run: dict[str, Any]) -> None:
        """Remove the file of a run that was lost, if it has ended: whoever ended it has removed his own."""
        with contextlib.suppress(NeaneluError, OSError):
            if self.states([run["id"]])[run["id"]]["status"] not in ("pending", "running"):
                Spool(self._spool(run)).discard()

    def _give_back(self, run: dict[str, Any]) -> None:
        """Release the lease on a new connection once the server is back; if it stays away, the lease expires."""
        for _ in range(60):
            if self.stop.wait(0.5):
                return
            try:
                self._control = None
                self._rows(sql.RELEASE_RUN, run_id=run["id"], token=run["lease_token"], delay=timedelta(0))
                return
            except DatabaseUnavailable:
                continue
            except NeaneluError:
                return

    def _fail(self, lease: Lease, error: NeaneluError) -> None:
        """Report a failure; the database decides whether the run is tried again."""
        run = lease.run
        message = error.message if error.detail is None else f"{error.message} ({error.detail})"
        try:
            status = self._rows(
                sql.FAIL_RUN,
                run_id=run["id"],
                token=run["lease_token"],
                code=error.code,
                message=message[:2000],
            )[0]["status"]
        except NeaneluError as second:
            log.warning("failure not reported", run_id=str(run["id"]), error=str(error), because=str(second))
            return
        log.error(
            "run failed",
            run_id=str(run["id"]),
            resource=run["query_type"],
            code=error.code,
            error=message,
            status=status,
        )
        if status == "failed":
            with contextlib.suppress(OSError):  # perhaps the very disk that failed
                Spool(self._spool(run)).discard()
        self._progress.ended(run, status, f"{message} ({error.code})")

    def _steps(self, lease: Lease, source: Spool | None) -> None:
        """Fetch, load, stage, merge."""
        run = lease.run
        resource = self.resources()[run["query_type"]]
        if run["source"] == "file":
            if source is None:
                raise NeaneluError(
                    "a file run needs its file", code="NS007", hint="Give it again: neanelu ingest SHOP FILE"
                )
            self._load_and_merge(lease, resource, source)
            return
        # A file run needs neither HTTP nor GraphQL: they are imported when they are.
        from neanelu.oauth.tokens import TokenSource, shopify_client
        from neanelu.secrets import key_ring
        from neanelu.shopify.budget import Budget
        from neanelu.sync.origin import Origin

        keys = self._keys or key_ring(self._settings)
        tokens = TokenSource(self._rows, self._settings, keys, run["shop_id"], sleep=self._sleep)
        budget = Budget(self._rows, run["shop_id"], sleep=self._sleep)
        with shopify_client(
            tokens, self._settings, api_version=run["api_version"], budget=budget, sleep=self._sleep
        ) as client:
            origin = Origin(
                lease, client, self._settings, self._progress, self._sleep, lambda: self._checkpoint(lease)
            )
            path = self._spool(run)
            feed = origin.pages() if resource["transport"] == "paged" else origin.operation(path)
            if feed is None:
                return
            file = Spool(path, feed, lambda done: self._fetched(lease, done))
            lease.call(
                sql.RECORD_ARTIFACT,
                path=str(path),
                url=run.get("result_url"),
                etag=None,
                bytes=None,
                checksum=None,
                expires_at=None,
            )
            self._load_and_merge(lease, resource, file)
            file.discard()

    def _load_and_merge(self, lease: Lease, resource: dict[str, Any], file: Spool) -> None:
        """Load the file, then let the database stage and merge; load again when the server lost the lines."""
        run = lease.run
        for attempt in range(_RELOADS):
            try:
                with Loader(
                    lease,
                    lambda: self._connect("copy", autocommit=False),
                    resource,
                    max_line_bytes=self._settings.sync_max_line_bytes,
                    on_progress=lambda name, done: self._sent(lease, name, done),
                ) as loader:
                    ended = self._load_and_merge_once(lease, loader, file)
                break
            except LoadLost:
                if attempt + 1 == _RELOADS:
                    raise
        self._progress.ended(ended, "completed", None)
        log.info(
            "run completed",
            run_id=str(run["id"]),
            resource=run["query_type"],
            lines=ended["lines_in"],
            merged=ended["lines_merged"],
            unchanged=ended["lines_unchanged"],
            quarantined=ended["lines_quarantined"],
            tombstoned=ended["rows_tombstoned"],
        )
        self._rows(sql.SWEEP_STAGING)

    def _load_and_merge_once(self, lease: Lease, loader: Loader, file: Spool) -> dict[str, Any]:
        """Load the file, have it staged and merged; return the run as it ended."""
        run = lease.run
        self._progress.phase(run, "send", run.get("bytes_expected"))
        with translated():
            sent = loader.load(file)
        self._checkpoint(lease)
        if loader.is_unchanged:
            self._progress.phase(run, "merge")
            return lease.row(sql.CONCLUDE_UNCHANGED)
        self._progress.phase(run, "stage")
        return StageAndMerge(
            lease,
            lambda: self._connect("stage"),
            sent,
            send_trees=loader.send_trees,
            check=lambda: self._checkpoint(lease),
            on_merge=lambda: self._progress.phase(run, "merge"),
        ).run()

    # --- small things -------------------------------------------------------------------------------------

    def _spool(self, run: dict[str, Any]) -> Path:
        """Return where the run's file lies on this machine."""
        return self._settings.sync_spool_dir / str(run["shop_id"]) / f"{run['id']}.jsonl"

    def _sleep(self, seconds: float) -> None:
        """Wait, or raise Stopped when the daemon is asked to stop."""
        if self.stop.wait(seconds):
            raise Stopped

    def _checkpoint(self, lease: Lease) -> None:
        """Raise when the daemon must stop or lost the run."""
        if self.stop.is_set():
            raise Stopped
        lease.check()

    def _fetched(self, lease: Lease, done: int) -> None:
        """Hear of bytes read from the source."""
        self._checkpoint(lease)
        self._progress.advance(lease.run, done)

    def _sent(self, lease: Lease, name: str, done: int) -> None:
        """Hear of bytes scanned or sent."""
        if name == "send":
            self._progress.advance(lease.run, done)


def work_in_threads(make: Callable[[], SyncDaemon], count: int, work: Callable[[SyncDaemon], None]) -> None:
    """Let several daemons work side by side until all are done; the first error is raised after the others ended."""
    errors: list[BaseException] = []

    def body() -> None:
        try:
            with make() as daemon:
                work(daemon)
        except BaseException as error:  # re-raised below
            errors.append(error)

    threads = [threading.Thread(target=body, name=f"sync-{number}") for number in range(count)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.05)
    if errors:
        raise errors[0]
