"""The second half of `neanelu demo`: a shop that lives, and a mirror, a ledger and queues that follow it.

Everything is real but Shopify: `neanelu webhooks` and two `neanelu worker` as processes, one of which is killed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import httpx
from psycopg.types.json import Jsonb
from rich.console import Console
from rich.live import Live
from rich.text import Text

from neanelu.cli.demo_sandbox import DemoError, DemoSandbox, DemoShop, Processes, free_port
from neanelu.cli.output import console, number, table
from neanelu.cli.sync import run_round
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.settings import Settings
from neanelu.sync.console import progress_on

LIVE_SHOP: Final = DemoShop("demo-mures.myshopify.com", 60, 11)
#: The burst: changes unless told otherwise, changes a second, and what goes wrong with deliveries.
CHANGES, RATE = 150, 15.0
DISTURBANCE: Final = {"duplicates": 0.1, "reorder": 0.5, "drops": 0.06}
#: Seconds after which the jobs of the killed worker go to the other one; by themselves leases are longer.
LEASE_SECONDS = 4
#: What Shopify cannot count or list by when it changed: a bulk run compares it.
BY_BULK: Final = ("product_publications", "inventory", "metaobjects")
BY_ID: Final = ("locations", "products", "collections", "customers", "orders")
#: Share of the burst after which a worker is killed.
KILL_AT = 0.5
#: Longest search for a worker that has something in its hands.
_HUNT_SECONDS = 4.0
_LOOK_SECONDS, _LINE_SECONDS = 0.2, 3.0
#: Longest wait for queues to become empty.
_PATIENCE_SECONDS = 120.0
#: What is to be fetched within this time of its webhook is waited for. Other figures of levels have time: half a minute.
_SOON = timedelta(seconds=10)

Say = Callable[[str], None]


@dataclass
class Figures:
    """How far everything is; `View` shows it.

    Attributes:
        changes: made in the shop.
        sent, delivered, dropped: deliveries that Shopify handed in, that were answered 200, that it lost.
        stored, duplicates: of those, kept and told to be known.
        applied, refused: of the stored ones, done and left with an error.
        waiting, active, delayed: jobs of all shops but the models'; those that wait for their time are not among the waiting.
        busy, retried, dead: jobs of this shop; fetches that wait for their time are not among the busy.
        folded, unfolded: entries of the ledger since the burst began, and those that came just now.
        fetches: objects to be asked for.
        pending: deliveries under way.
    """

    changes: int = 0
    sent: int = 0
    delivered: int = 0
    dropped: int = 0
    given_up: int = 0
    pending: int = 0
    stored: int = 0
    duplicates: int = 0
    applied: int = 0
    refused: int = 0
    waiting: int = 0
    delayed: int = 0
    active: int = 0
    busy: int = 0
    retried: int = 0
    dead: int = 0
    folded: int = 0
    unfolded: int = 0
    fetches: int = 0
    is_over: bool = False

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is left to do for the shop."""
        left = (self.pending, self.busy, self.unfolded, self.fetches)
        return self.is_over and not any(left) and self.applied + self.refused == self.stored

    def line(self) -> str:
        """Return one line for people."""
        return (
            f"{number(self.changes)} changes  {number(self.delivered)} deliveries  {number(self.stored)} stored  "
            f"{number(self.duplicates)} duplicates refused  {number(self.waiting)} waiting  {number(self.active)} active  "
            f"{number(self.applied)} applied  {number(self.folded)} ledger entries folded"
        )


class View:
    """One line that changes in place on a terminal, and a line every two seconds elsewhere.

    Args:
        say: prints a line.
        screen: of standard error.
    """

    def __init__(self, say: Say, screen: Console) -> None:
        self._say = say
        self._live = Live(console=screen, transient=True, auto_refresh=False) if screen.is_terminal else None
        self._told = 0.0

    def __enter__(self) -> View:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line away."""
        if self._live is not None:
            self._live.stop()

    def show(self, figures: Figures) -> None:
        """Show how far everything is."""
        if self._live is not None:
            self._live.update(Text(figures.line().replace("  ", " · ")), refresh=True)
        elif time.monotonic() - self._told >= _LINE_SECONDS:
            self._told = time.monotonic()
            self._say(figures.line())

    def say(self, text: str) -> None:
        """Print a sentence above the line."""
        if self._live is None:
            self._say(text)
            return
        self._live.stop()
        self._say(text)
        self._live.start()


@dataclass
class Outcome:
    """What the live part came to; `as_document` is for programs."""

    figures: Figures
    changes: dict[str, int]
    killed_pid: int
    killed_jobs: list[str]
    drift: dict[str, int]
    compared: dict[str, int]
    differences: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def problems(self) -> list[str]:
        """What is not as it should be, a sentence each."""
        found = [
            f"{kind}: {number(len(ids))} of {number(self.compared[kind])} differ, for instance {ids[0]}"
            for kind, ids in self.differences.items()
            if ids
        ]
        figures = self.figures
        for count, what in (
            (figures.dead, "dead letters"),
            (figures.refused, "deliveries that the mirror refused"),
        ):
            if count:
                found.append(f"{number(count)} {what}")
        if figures.delivered > figures.stored + figures.duplicates:
            found.append(
                f"{figures.delivered} deliveries were answered 200, but {figures.stored} stored and {figures.duplicates} known"
            )
        return found

    def as_document(self) -> dict[str, Any]:
        """Return all of it as a dictionary."""
        kept = {name: value for name, value in asdict(self.figures).items() if name != "is_over"}
        return {
            "ok": not self.problems,
            "shop": LIVE_SHOP.domain,
            **kept,
            "made": self.changes,
            "killed": {"pid": self.killed_pid, "jobs": self.killed_jobs},
            "drift": self.drift,
            "compared": self.compared,
            "differences": self.differences,
            "problems": self.problems,
            "seconds": round(self.seconds, 3),
        }


class LivePart:
    """The live part of one run of the demo.

    Args:
        settings: where the sandbox is, among the rest.
        box: the sandbox, with the live shop.
        shop: the live shop's row, brought in by a bulk sync.
        burst: as `new_burst` made it.
        say: prints a line.
        stop: ends the work early.
    """

    def __init__(
        self,
        settings: Settings,
        box: DemoSandbox,
        shop: dict[str, Any],
        burst: dict[str, Any],
        say: Say,
        stop: threading.Event,
    ) -> None:
        self._settings = settings
        self._box = box
        self._shop_id: UUID = shop["id"]
        self._burst = burst
        self._say = say
        self._stop = stop
        self._figures = Figures(is_over=True)
        self._since = datetime.now(UTC)
        self._runs: list[UUID] = []
        self._has_burst = False

    def run(self) -> Outcome | None:
        """Do all of it; None when it was interrupted. Every process is gone afterwards.

        Raises:
            DemoError: a process does not start, or the queues do not become empty.
            NeaneluError: the database cannot be used.
        """
        began = time.monotonic()
        with ExitStack() as stack:
            self._operator = stack.enter_context(session("neanelu_operator", purpose="demo"))
            self._tenants = stack.enter_context(session("neanelu_app", purpose="demo"))
            processes = stack.enter_context(Processes(self._settings.home / "log"))
            self._start(processes)
            view = stack.enter_context(View(self._say, console(error=True)))
            killed = self._follow(view)
            if killed is None or not self._repair(view):
                return None
            outcome = Outcome(self._figures, self._made(), *killed, self._drift(), {})
            self._compare(outcome)
            outcome.seconds = time.monotonic() - began
            return outcome

    # --- Processes ----------------------------------------------------------------------------------------
    def _start(self, processes: Processes) -> None:
        """Start receiver and workers, subscribe, and let the ledger take what the bulk syncs brought."""
        port, health = free_port(), [free_port(), free_port()]
        self._receiver = f"http://127.0.0.1:{port}"
        environment = {
            "NEANELU_SHOPIFY_BASE_URL": self._settings.shopify_base_url,
            "NEANELU_SHOPIFY_CLIENT_SECRET": self._box.secret,
            "NEANELU_WEBHOOKS_ADDRESS": f"{self._receiver}/api/webhooks",
            "NEANELU_WORKER_LEASE_SECONDS": str(LEASE_SECONDS),
            "NEANELU_WORKER_HOST": "127.0.0.1",
        }
        receiver = processes.start(
            "webhooks", ["webhooks", "--host", "127.0.0.1", "--port", str(port)], environment
        )
        self._workers = [
            processes.start(f"worker-{n}", ["worker", "--port", str(own)], environment)
            for n, own in enumerate(health, 1)
        ]
        subscribing = processes.start("subscribe", ["shop", "subscribe", LIVE_SHOP.domain], environment)
        processes.wait_for("webhooks", receiver, f"{self._receiver}/health/ready")
        for n, (worker, own) in enumerate(zip(self._workers, health, strict=True), 1):
            processes.wait_for(f"worker-{n}", worker, f"http://127.0.0.1:{own}/health/ready")
        if subscribing.wait(30) != 0:
            raise DemoError(f"{LIVE_SHOP.domain} was not subscribed to", detail=processes.tail("subscribe"))
        topics = len(self._box.ask(f"/_sandbox/shops/{LIVE_SHOP.domain}/subscriptions"))
        self._say(
            f"receiver at {self._receiver}, workers {' and '.join(str(w.pid) for w in self._workers)}, "
            f"{topics} topics of {LIVE_SHOP.domain} subscribed to; logs in {processes.log_of('worker-1').parent}"
        )

    # --- Looking ------------------------------------------------------------------------------------------
    @contextmanager
    def _as_shop(self) -> Iterator[Connection]:
        """Yield the connection that sees the shop, and no other."""
        with self._tenants.transaction():
            self._tenants.execute(sql.SET_CONTEXT, {"shop_id": self._shop_id, "trace_id": "demo"})
            yield self._tenants

    def _look(self) -> Figures:
        """Return how far everything is."""
        now = self._figures
        if self._has_burst:
            told = self._box.ask(f"/_sandbox/shops/{LIVE_SHOP.domain}/traffic")
            if told["failure"]:
                raise DemoError(f"the sandbox's traffic broke: {told['failure']}")
            way = told["deliveries"]
            now.changes, now.is_over, now.pending = told["changes"], told["done"], way["pending"]
            now.sent, now.delivered = way.get("sent", 0), way.get("delivered", 0)
            now.dropped, now.given_up = way.get("dropped", 0), way.get("given_up", 0)
        now.duplicates = self._receiver_figure('neanelu_webhooks_deliveries_total{outcome="duplicate"}')
        with self._as_shop() as connection:
            self._take(connection.execute(sql.DEMO_SHOP, {"since": self._since}).fetchone())
        values = {"shop_id": self._shop_id, "since": self._since, "soon": _SOON}
        self._take(self._operator.execute(sql.DEMO_JOBS, values).fetchone())
        # Vectors of texts are computed for minutes on a busy machine, and the mirror and the stock do not wait for them.
        queues = [row for row in self._operator.execute(sql.JOB_METRICS) if row["queue_name"] != "ai"]
        now.active = sum(row["active"] for row in queues)
        now.delayed = sum(row["delayed"] for row in queues)
        now.waiting = sum(row["waiting"] for row in queues) - now.delayed
        return now

    def _take(self, row: dict[str, Any] | None) -> None:
        """Note the columns of a row as figures."""
        for name, value in (row or {}).items():
            setattr(self._figures, name, value)

    def _receiver_figure(self, name: str) -> int:
        """Return a counter of the receiver."""
        try:
            text = httpx.get(f"{self._receiver}/metrics", timeout=5.0).text
        except httpx.HTTPError as error:
            raise DemoError(f"the receiver does not answer: {error}") from error
        return next((int(float(line.split()[-1])) for line in text.splitlines() if line.startswith(name)), 0)

    def _wait(self, view: View, until: Callable[[Figures], bool]) -> bool:
        """Look until something is so; False when told to stop. Raises DemoError when it takes too long."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while not self._stop.is_set():
            figures = self._look()
            view.show(figures)
            if until(figures):
                return True
            if time.monotonic() > end:
                raise DemoError(
                    f"the queues are not empty after {_PATIENCE_SECONDS:.0f} s: {figures.line()}",
                    hint="neanelu jobs list; neanelu jobs queues",
                )
            self._stop.wait(_LOOK_SECONDS)
        return False

    # --- The burst ----------------------------------------------------------------------------------------
    def _follow(self, view: View) -> tuple[int, list[str]] | None:
        """Make the burst, kill a worker, and wait until all is done; return whom and what it held, None when stopped."""
        if not self._wait(view, lambda f: f.is_quiet and not f.waiting + f.active):
            return None
        changes = self._burst["changes"]
        view.say(
            f"the ledger has what the bulk syncs brought; now {changes} changes in {changes / RATE:.0f} s"
        )
        row = self._operator.execute(sql.NOW).fetchone()
        assert row is not None
        self._since = row["now"]
        shop = f"/_sandbox/shops/{LIVE_SHOP.domain}"
        self._box.ask(f"{shop}/deliveries", {**DISTURBANCE, "seed": self._burst["seed"]})
        self._box.ask(
            f"{shop}/traffic", {"changes": self._burst["changes"], "rate": RATE, "seed": self._burst["seed"]}
        )
        self._figures.is_over, self._has_burst = False, True
        if not self._wait(view, lambda f: f.is_over or f.changes >= KILL_AT * self._burst["changes"]):
            return None
        pid, jobs = self._kill_one()
        held = " and ".join(jobs) or "no job"
        view.say(f"kill -9 {pid}: it had {held} in its hands; others may have that {LEASE_SECONDS} s later")
        if not self._wait(view, lambda f: f.is_quiet):
            return None
        return pid, jobs

    def _kill_one(self) -> tuple[int, list[str]]:
        """Kill a worker while it has a job of the shop in its hands; return its pid and the names of what it had.

        It is frozen to look at what it has: statements that are under way end in the server without it, and what it holds then
        nobody else does before its lease is over. It is let go when that is nothing.
        """
        end = time.monotonic() + _HUNT_SECONDS
        while True:
            for worker in list(self._workers):
                os.kill(worker.pid, signal.SIGSTOP)
                time.sleep(0.3)
                held = self._held_by(worker)
                if held or time.monotonic() > end:
                    worker.kill()
                    worker.wait()
                    self._workers.remove(worker)
                    return worker.pid, held
                os.kill(worker.pid, signal.SIGCONT)
                time.sleep(0.02)

    def _held_by(self, worker: subprocess.Popen[bytes]) -> list[str]:
        """Return the names of the jobs that a worker has."""
        every: dict[str, Any] = dict.fromkeys(("queue", "shop_id", "name"))
        rows = self._operator.execute(
            sql.LIST_JOBS, {**every, "statuses": ["active"], "limit": 100}
        ).fetchall()
        return [row["job_name"] for row in rows if row["leased_by"] == f"{socket.gethostname()}:{worker.pid}"]

    # --- What was dropped ---------------------------------------------------------------------------------
    def _repair(self, view: View) -> bool:
        """Compare with Shopify now what is compared every few hours, and wait until it is repaired; False when stopped."""
        self._box.ask(f"/_sandbox/shops/{LIVE_SHOP.domain}/deliveries", {})
        view.say(f"{self._figures.dropped} deliveries were lost on the way: comparing with Shopify")
        for resource in BY_ID:
            payload = Jsonb({"resource": resource, "grace_seconds": 0})
            values = {
                "queue": "sync",
                "name": "mirror.reconcile",
                "shop_id": self._shop_id,
                "payload": payload,
            }
            self._operator.execute(sql.ENQUEUE_JOB, values)
        if not self._wait(view, lambda f: f.is_quiet):
            return False
        targets = [{"id": self._shop_id, "domain": LIVE_SHOP.domain}]
        with progress_on(Console(stderr=True, force_terminal=False), {}, level="warning") as progress:
            done = run_round(
                targets,
                BY_BULK,
                "snapshot",
                workers=2,
                settings=self._settings,
                progress=progress,
                stop=self._stop,
            )
        self._runs = done.run_ids
        return self._wait(view, lambda f: f.is_quiet)

    def _drift(self) -> dict[str, int]:
        """Return what the comparisons found, by resource."""
        rows = self._operator.execute(
            sql.DEMO_DRIFT, {"shop_id": self._shop_id, "since": self._since}
        ).fetchall()
        found = {row["resource"]: int(row["objects"]) for row in rows}
        with self._as_shop() as connection:
            row = connection.execute(
                sql.DEMO_LEVELS, {"run_ids": [str(run) for run in self._runs]}
            ).fetchone()
        assert row is not None
        return {**found, "levels": int(row["levels"])}

    # --- The proof ----------------------------------------------------------------------------------------
    def _made(self) -> dict[str, int]:
        """Return how many changes of each kind there were."""
        made: dict[str, int] = self._box.ask(f"/_sandbox/shops/{LIVE_SHOP.domain}/traffic")["made"]
        return made

    def _compare(self, outcome: Outcome) -> None:
        """Compare the mirror, and the ledger's stock, with what the sandbox has."""
        theirs = self._box.ask(f"/_sandbox/shops/{LIVE_SHOP.domain}/essence")
        ours: dict[str, dict[str, Any]] = {kind: {} for kind in (*theirs, "stock")}
        with self._as_shop() as connection:
            for row in connection.execute(sql.DEMO_MIRROR):
                ours[row["kind"]][row["id"]] = row["value"]
        # The ledger has no entry where there never was anything.
        theirs["stock"] = {key: stock for key, stock in theirs["levels"].items() if stock}
        ours["stock"] = {key: stock for key, stock in ours["stock"].items() if stock}
        for kind, objects in theirs.items():
            outcome.compared[kind] = len(objects)
            outcome.differences[kind] = [
                f"{key}: {objects.get(key)} at Shopify, {ours[kind].get(key)} here"
                for key in sorted(objects.keys() | ours[kind].keys())
                if objects.get(key) != ours[kind].get(key)
            ]


def print_outcome(outcome: Outcome) -> None:
    """Print the outcome as a table."""
    figures = outcome.figures
    drift = ", ".join(f"{count} {name}" for name, count in outcome.drift.items() if count)
    compared = ", ".join(f"{number(count)} {name}" for name, count in outcome.compared.items())
    rows: list[tuple[str, str, str]] = [
        (
            "changes in the shop",
            number(figures.changes),
            ", ".join(f"{n} {k}" for k, n in outcome.changes.items()),
        ),
        ("deliveries", number(figures.delivered), f"{number(figures.dropped)} more were lost on the way"),
        ("  stored", number(figures.stored), "each once, with its job in the same transaction"),
        ("  duplicates refused", number(figures.duplicates), ""),
        ("effects", number(figures.applied), "of stored deliveries, each exactly once"),
        ("ledger entries folded", number(figures.folded), ""),
        (
            "tried again",
            number(figures.retried),
            f"worker {outcome.killed_pid} was killed with {len(outcome.killed_jobs)} in its hands",
        ),
        ("dead letters", number(figures.dead), ""),
        ("drift found and repaired", number(sum(outcome.drift.values())), drift),
        ("differences", number(sum(map(len, outcome.differences.values()))), f"compared: {compared}"),
    ]
    console().print(
        table(
            {LIVE_SHOP.domain.removesuffix(".myshopify.com"): "left", "COUNT": "right", "": "left"},
            rows,
            wrap="",
        )
    )


def settle_past(box: DemoSandbox, bursts: Sequence[dict[str, Any]]) -> None:
    """Let the live shop become what it was after earlier bursts: the sandbox forgets, the database does not.

    Args:
        box: the sandbox; nobody is subscribed to the shop yet.
        bursts: as `new_burst` made them, in their order.
    """
    path = f"/_sandbox/shops/{LIVE_SHOP.domain}/traffic"
    for burst in bursts:
        # As of a little later, so that nothing in the database is newer.
        then = min(datetime.fromisoformat(burst["at"]) + timedelta(seconds=90), datetime.now(UTC))
        clock = box.ask("/_sandbox/clock")
        box.ask("/_sandbox/clock", {"advance": then.timestamp() - clock["now"]})
        box.ask(path, {"changes": burst["changes"], "rate": 0, "seed": burst["seed"]})
        while not box.ask(path)["done"]:
            time.sleep(0.02)
    clock = box.ask("/_sandbox/clock")
    box.ask("/_sandbox/clock", {"advance": -clock["offset"]})


def new_burst(seed: int, changes: int) -> dict[str, Any]:
    """Return what is to be remembered of a burst that begins."""
    return {"at": datetime.now(UTC).isoformat(timespec="seconds"), "changes": changes, "seed": seed}
