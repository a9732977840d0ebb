"""`neanelu sync`: bring shops in, once or for as long as it runs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import click
import psycopg
import structlog

from neanelu.cli.output import console, emit, exits
from neanelu.cli.report import as_document, print_refusal, print_report, run_reports
from neanelu.cli.shop import find_shop
from neanelu.db import sql
from neanelu.db.connection import Connection, connect, session
from neanelu.db.errors import (
    DatabaseUnavailable,
    NeaneluError,
    NotFound,
    RunActive,
    ShopNotInstalled,
    translated,
)
from neanelu.settings import Settings, get_settings
from neanelu.sync.console import progress_on
from neanelu.sync.daemon import SyncDaemon, work_in_threads
from neanelu.sync.progress import Progress

log = structlog.get_logger(__name__)

INTERRUPTED = 130
#: Longest pause of an idle worker of `--watch`, in seconds; a notification ends it early.
_IDLE_SECONDS = 2.0
#: Seconds that the listener waits for a notification before it looks at the clock.
_LISTEN_SECONDS = 1.0
#: Longest pause before the listener connects again, in seconds.
_RECONNECT_SECONDS = 10.0


@dataclass
class Round:
    """Runs that were asked for together."""

    run_ids: list[UUID] = field(default_factory=list)
    refused: list[tuple[str, str, NeaneluError]] = field(default_factory=list)
    seconds: float = 0.0


@click.command()
@click.argument("shop", required=False)
@click.option("--all", "all_shops", is_flag=True, help="All installed shops.")
@click.option(
    "--resource",
    "resources",
    multiple=True,
    metavar="NAME",
    help="Only this resource; may repeat [default: all, in the order in which they depend on each other].",
)
@click.option(
    "--mode",
    type=click.Choice(["snapshot", "incremental", "verify"]),
    default="snapshot",
    show_default=True,
    help="snapshot: everything, and what is gone is marked; incremental: what changed since the last time; "
    "verify: a snapshot that does not trust the digests.",
)
@click.option("--watch", is_flag=True, help="Go on: an incremental round every NEANELU_SYNC_WATCH_SECONDS.")
@click.option(
    "--workers", type=click.IntRange(1, 32), help="Runs at a time [default: NEANELU_SYNC_WORKERS, 2]."
)
@click.option(
    "--allow-mass-delete", is_flag=True, help="These snapshots may mark most of a table as deleted (NS063)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as a JSON object.")
def sync(
    shop: str | None,
    all_shops: bool,
    resources: tuple[str, ...],
    mode: str,
    watch: bool,
    workers: int | None,
    allow_mass_delete: bool,
    as_json: bool,
) -> None:
    """Bring a shop in from Shopify: ask for runs, do them, report what became of every line.

    SHOP is a domain, its first word, or an id. A run that another daemon is at is waited for, not done
    twice. Progress goes to standard error: bars on a terminal, JSON lines otherwise. Ctrl-C or SIGTERM gives
    unfinished runs back, and the next sync goes on with them.

    Exit codes: 0 all completed; 1 a run failed or was refused; 2 no such shop or resource; 3 no database;
    130 interrupted.

    \b
    Examples:
      neanelu sync demo.myshopify.com
      neanelu sync demo --resource products --resource inventory
      neanelu sync --all --mode incremental --workers 4
      neanelu sync --all --watch                      as a service
      neanelu sync demo --json | jq .totals
    """
    if (shop is None) != all_shops:
        raise click.UsageError("give a SHOP or --all, and not both")
    if watch and as_json:
        raise click.UsageError("--watch has no end and so no report; its log is JSON where it is no terminal")
    settings = get_settings()
    with exits(as_json):
        with session("neanelu_sync", purpose="sync") as connection:
            targets = _targets(connection, shop)
            wanted = ordered_resources(connection, resources)
        if not targets and not watch:
            raise NotFound(
                "no shop is installed", code="NH002", hint="neanelu shop add DOMAIN --token-file FILE"
            )
        count = workers or settings.sync_workers
        with stop_on_signals() as stop:
            if watch:
                _watch(shop, wanted, mode, count, allow_mass_delete, settings, stop)
                return
            names = {row["id"]: row["domain"].removesuffix(".myshopify.com") for row in targets}
            with progress_on(console(error=True), names) as progress:
                done = run_round(
                    targets,
                    wanted,
                    mode,
                    workers=count,
                    allow_mass_delete=allow_mass_delete,
                    settings=settings,
                    progress=progress,
                    stop=stop,
                )
        with session("neanelu_sync", purpose="sync") as connection:
            runs = run_reports(connection, done.run_ids)
    _say(runs, done, as_json, interrupted=stop.is_set())


def _say(runs: list[dict[str, Any]], done: Round, as_json: bool, *, interrupted: bool) -> None:
    """Print the report and leave with the exit code that it deserves."""
    if as_json:
        refused = [
            {"shop": shop, "resource": resource, "code": error.code, "message": error.message}
            for shop, resource, error in done.refused
        ]
        document = as_document(runs, done.seconds)
        emit({**document, "ok": document["ok"] and not refused, "refused": refused})
    else:
        if runs:
            print_report(runs, done.seconds)
        for shop, resource, error in done.refused:
            print_refusal(shop, resource, error)
    if interrupted:
        click.echo("interrupted: unfinished runs were given back and wait", err=True)
        sys.exit(INTERRUPTED)
    if done.refused or any(run["status"] != "completed" for run in runs):
        sys.exit(1)


def _targets(connection: Connection, shop: str | None) -> list[dict[str, Any]]:
    """Return the shop with this name, or all installed ones.

    Raises:
        NotFound: there is no such shop (NH002).
        ShopNotInstalled: it was removed (NS002).
    """
    if shop is None:
        return connection.execute(sql.LIST_SHOPS, {"installed_only": True}).fetchall()
    row = find_shop(connection, shop)
    if not row["is_installed"]:
        raise ShopNotInstalled(f"{row['domain']} is not installed", hint="neanelu shop add, with a new token")
    return [row]


def ordered_resources(connection: Connection, wanted: Sequence[str]) -> list[str]:
    """Return these resources, or all, in the order in which they are run; raises NotFound (NS001)."""
    known = [row["resource"] for row in connection.execute(sql.RESOURCES)]
    for name in wanted:
        if name not in known:
            raise NotFound(
                f"there is no resource {name!r}", code="NS001", hint=f"One of: {', '.join(known)}."
            )
    return [name for name in known if name in wanted or not wanted]


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that the first SIGINT or SIGTERM sets; the second one ends the process on the spot.

    What a killed process held is taken over when its leases end.
    """
    stop = threading.Event()

    def handle(_number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        stop.set()

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_round(
    targets: Sequence[dict[str, Any]],
    resources: Sequence[str],
    mode: str,
    *,
    workers: int,
    settings: Settings,
    progress: Progress,
    stop: threading.Event,
    allow_mass_delete: bool = False,
) -> Round:
    """Ask for a run of each resource of each shop, and work until all have ended or `stop` is set.

    Args:
        targets: shops, as shops.list answers.
        resources: names, in the order of running.
        mode: snapshot, incremental or verify.
        workers: daemons that work side by side.
        settings: of the daemons.
        progress: hears how runs get on.
        stop: ends the work early.
        allow_mass_delete: see sync.request_run.

    Raises:
        NeaneluError: the database cannot be used.
    """
    began = time.monotonic()

    def make() -> SyncDaemon:
        return SyncDaemon(settings, progress=progress, stop=stop)

    with make() as asker:
        done = _request(asker, targets, resources, mode, allow_mass_delete)
    if done.run_ids:
        only = targets[0]["id"] if len(targets) == 1 else None
        work_in_threads(
            make,
            min(workers, len(done.run_ids)),
            lambda daemon: daemon.run_until_ended(done.run_ids, shop_id=only),
        )
    done.seconds = time.monotonic() - began
    return done


def _request(
    daemon: SyncDaemon,
    targets: Sequence[dict[str, Any]],
    resources: Sequence[str],
    mode: str,
    allow_mass_delete: bool,
) -> Round:
    """Ask for the runs; one that cannot be had does not keep the others from being asked for."""
    asked = Round()
    for shop in targets:
        for resource in resources:
            try:
                asked.run_ids.append(
                    daemon.request(shop["id"], resource, mode, allow_mass_delete=allow_mass_delete)
                )
            except (RunActive, ShopNotInstalled) as error:
                asked.refused.append((shop["domain"], resource, error))
    return asked


# --- Going on ---------------------------------------------------------------------------------------------


def _watch(
    shop: str | None,
    resources: Sequence[str],
    mode: str,
    workers: int,
    allow_mass_delete: bool,
    settings: Settings,
    stop: threading.Event,
) -> None:
    """Ask for a round now and an incremental one every so often, and work on all that is asked for.

    Runs that others ask for (`neanelu runs retry`) are begun at once: their request is announced. The
    database may go away and come back.
    """
    wake = threading.Event()
    names: dict[UUID, str] = {}
    with session("neanelu_sync", purpose="watch") as connection:
        only = _targets(connection, shop)[0]["id"] if shop else None
    with progress_on(console(error=True), names, keep=False) as progress:

        def make() -> SyncDaemon:
            return SyncDaemon(settings, progress=progress, stop=stop)

        threads = [
            threading.Thread(target=_work, args=(make, only, wake, stop), name=f"sync-{number}")
            for number in range(workers)
        ]
        for thread in threads:
            thread.start()
        try:
            _schedule(shop, resources, mode, allow_mass_delete, settings, names, wake, stop)
        finally:
            stop.set()
            wake.set()
            for thread in threads:
                thread.join()
    log.info("stopped")


def _work(
    make: Callable[[], SyncDaemon], shop_id: UUID | None, wake: threading.Event, stop: threading.Event
) -> None:
    """Do runs as they come until `stop` is set; look for some when woken, and every few seconds."""
    with make() as daemon:
        while not stop.is_set():
            try:
                worked = daemon.work_once(shop_id=shop_id)
            except DatabaseUnavailable as error:
                log.warning("database unavailable", error=str(error))
                daemon.close()
                stop.wait(_IDLE_SECONDS)
                continue
            except Exception:  # a defect must not end the service; the run's lease ends by itself
                log.exception("worker failed")
                daemon.close()
                stop.wait(_IDLE_SECONDS)
                continue
            if not worked and wake.wait(_IDLE_SECONDS):
                wake.clear()


def _schedule(
    shop: str | None,
    resources: Sequence[str],
    mode: str,
    allow_mass_delete: bool,
    settings: Settings,
    names: dict[UUID, str],
    wake: threading.Event,
    stop: threading.Event,
) -> None:
    """Ask for rounds when they are due, and pass announcements on, until `stop` is set."""
    due, pause = time.monotonic(), 0.5
    while not stop.is_set():
        try:
            with (
                connect("neanelu_sync", autocommit=True, purpose="listen", settings=settings) as listener,
                SyncDaemon(settings, stop=stop) as asker,
                translated(),
            ):
                listener.execute(sql.LISTEN)
                wake.set()  # what was announced while nobody listened
                pause = 0.5
                while not stop.is_set():
                    if time.monotonic() >= due:
                        targets = _targets(listener, shop)
                        names.update(
                            {row["id"]: row["domain"].removesuffix(".myshopify.com") for row in targets}
                        )
                        asked = _request(asker, targets, resources, mode, allow_mass_delete)
                        log.info("round", mode=mode, shops=len(targets), runs=len(asked.run_ids))
                        for domain, resource, error in asked.refused:
                            log.info("not asked for", shop=domain, resource=resource, because=str(error))
                        due = time.monotonic() + settings.sync_watch_seconds
                        mode, allow_mass_delete = "incremental", False
                        wake.set()
                    _listen(listener, wake)
        except DatabaseUnavailable as error:
            log.warning("database unavailable", error=str(error))
            stop.wait(pause)
            pause = min(pause * 2, _RECONNECT_SECONDS)


def _listen(listener: Connection, wake: threading.Event) -> None:
    """Wait a moment for announcements; any of them may mean that there is something to do."""
    for _ in listener.notifies(timeout=_LISTEN_SECONDS, stop_after=1):
        wake.set()
    if listener.pgconn.transaction_status == psycopg.pq.TransactionStatus.UNKNOWN:
        raise DatabaseUnavailable("the listener's connection broke")
    listener.execute("SELECT 1")
