"""Daemons, backends and servers killed at any moment, and daemons side by side: the mirror is a clean run's all the same."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from conftest import REPO
from sync_support import KEY_TEXT, TestShop, configure, mirror_tables, new_domain

from neanelu.platform.cluster import Cluster
from neanelu.platform.scratch import Database
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import SandboxHandle, run_in_thread
from neanelu.sync.daemon import Silent, SyncDaemon, work_in_threads
from neanelu.sync.fetch import Spool

SPEC = ShopSpec(products=250, customers=80, orders=100, collections=10, metaobjects=20)
LEASE = 1.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxHandle]:
    with run_in_thread(log_level="critical") as handle:
        yield handle


def add_shop(
    database: Database, sandbox: SandboxHandle, tmp_path: Path, spec: ShopSpec = SPEC, **options: Any
) -> TestShop:
    """Add a shop to sandbox and database; options are settings of its daemons."""
    domain = new_domain()
    sandbox.add(replace(spec, domain=domain), min_polls=1)
    folder = tmp_path / domain
    folder.mkdir(parents=True)
    return TestShop.create(
        database, folder, domain=domain, token=sandbox.token(domain), base_url=sandbox.base_url_template,
        **{"sync_lease_seconds": LEASE, **options},
    )  # fmt: skip


class Worker:
    """A daemon in a process of its own, and what it said so far."""

    def __init__(self, shop: TestShop, runs: list[UUID]) -> None:
        names = ("shopify_base_url", "sync_spool_dir", "sync_poll_seconds", "sync_poll_max_seconds", "sync_idle_seconds",
                 "sync_lease_seconds")  # fmt: skip
        self.said: list[str] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(REPO / "tests/sync_worker.py"), shop.database.dsn("neanelu_sync"), str(shop.id),
             *map(str, runs)],
            env={**os.environ, "NEANELU_ENCRYPTION_KEY": KEY_TEXT}
            | {f"NEANELU_{name.upper()}": str(getattr(shop.settings, name)) for name in names},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=shop.tmp_path,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.said.append(line.strip())
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, matches: Callable[[str], bool], timeout: float = 60) -> bool:
        """Wait until it said something that matches; return False when it ended before."""
        seen = 0
        until = time.monotonic() + timeout
        with self._changed:
            while True:
                for line in self.said[seen:]:
                    if matches(line):
                        return True
                seen = len(self.said)
                if not self._reader.is_alive() or (
                    self.process.poll() is not None and seen == len(self.said)
                ):
                    return False
                assert time.monotonic() < until, f"the worker did not say it: {self.said[-5:]}"
                self._changed.wait(0.2)

    def kill(self) -> None:
        """Kill it as the kernel does when memory is short."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._reader.join()

    def finish(self, timeout: float = 120) -> None:
        """Wait until it has done everything."""
        assert self.process.wait(timeout) == 0
        self._reader.join()
        assert self.said[-1] == "done"


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    """Workers that must not outlive the test."""
    started: list[Worker] = []
    yield started
    for worker in started:
        if worker.process.poll() is None:
            worker.process.send_signal(signal.SIGCONT)
            worker.kill()


def request_all(shop: TestShop, *resources: str) -> list[UUID]:
    """Ask for runs of all resources."""
    with shop.daemon() as daemon:
        return [daemon.request(shop.id, name) for name in resources or daemon.resources()]


def assert_all_completed(shop: TestShop, runs: list[UUID]) -> list[dict[str, Any]]:
    """Return the rows of the runs, which must all have completed with everything accounted for."""
    rows = [shop.run(run) for run in runs]
    for row in rows:
        assert row["status"] == "completed", shop.failure(row["id"])
        assert row["lines_quarantined"] == 0
        assert (
            row["lines_in"]
            == row["lines_merged"] + row["lines_unchanged"] + row["lines_duplicate"] + row["lines_ignored"]
        )
    return rows


def change(sandbox: SandboxHandle, shops: list[TestShop], number: int) -> None:
    """Change the shops in the same way: each round something else."""
    at = f"2026-11-10T{number:02}:00:00Z"
    for shop in shops:
        sandbox.mutate(shop.domain, "changed", at=at, fraction=0.4)
        sandbox.mutate(shop.domain, "deleted", at=at, only=[number, 20 + number])
        sandbox.mutate(shop.domain, "variants_deleted", at=at, only=[40 + number, 60 + number])
        sandbox.mutate(shop.domain, "changed", resource="orders", at=at, fraction=0.3)
        sandbox.mutate(shop.domain, "changed", resource="collections", at=at, fraction=0.3)


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_daemon_killed_at_random_moments(
    db: Database, sandbox: SandboxHandle, tmp_path: Path, workers: list[Worker]
) -> None:
    """24 kills: 12 at moments spread over the time of a round, 12 a little after the beginning of each phase, twice."""
    configure(db, retry_base_seconds=0.05)
    clean, shop = (add_shop(db, sandbox, tmp_path) for _ in range(2))
    clean.sync()
    began = time.monotonic()
    clean.sync()
    whole = time.monotonic() - began
    dice = random.Random(20261121)
    fractions = [(n + dice.random()) / 12 for n in range(12)]
    phases = ["start", "wait", "fetch", "send", "stage", "merge"] * 2
    moments: list[float | str] = [*fractions, *phases]
    dice.shuffle(moments)
    round_number, kills = 0, 0
    runs = request_all(shop)
    while moments:
        worker = Worker(shop, runs)
        workers.append(worker)
        moment = moments[-1]
        if isinstance(moment, str):
            which = dice.randrange(1, 4)
            seen: list[str] = []

            def reached(line: str, moment: str = moment, which: int = which, seen: list[str] = seen) -> bool:
                if line.startswith("phase") and line.endswith(moment):
                    seen.append(line)
                return len(seen) >= which

            alive = worker.wait_for(reached)
            time.sleep(dice.random() * 0.05)
        else:
            alive = worker.wait_for(lambda line: line == "ready")
            until = time.monotonic() + moment * whole
            while time.monotonic() < until and worker.process.poll() is None:
                time.sleep(0.002)
        if worker.process.poll() is None and alive:
            worker.kill()
            moments.pop()
            kills += 1
            continue
        # Everything was done before the moment came: the next round of changes.
        worker.finish()
        assert_all_completed(shop, runs)
        assert shop.mirror() == clean.mirror()
        whole *= 0.9
        round_number += 1
        change(sandbox, [clean, shop], round_number)
        clean.sync()
        runs = request_all(shop)
    last = Worker(shop, runs)
    workers.append(last)
    last.finish()
    rows = assert_all_completed(shop, runs)
    assert kills >= 20
    assert max(row["attempt"] for row in rows) > 1 or round_number > 0
    assert shop.mirror() == clean.mirror()
    print(f"{kills} kills in {round_number + 1} rounds, {whole:.1f} s a clean round")
    assert {row["retry_count"] for row in rows} == {0}, "to be killed is no failure of the run"


# --- the server ---------------------------------------------------------------------------------------------


class At(Silent):
    """Progress that does something once, when a run of a resource enters a phase."""

    def __init__(self, resource: str, name: str, action: Callable[[], None]) -> None:
        self._place = (resource, name)
        self._action: Callable[[], None] | None = action

    def phase(self, run: dict[str, Any], name: str, total: int | None = None) -> None:
        action = self._action
        if action is not None and (run["query_type"], name) == self._place:
            self._action = None
            action()


@contextmanager
def daemon_in_thread(shop: TestShop, runs: list[UUID], progress: Any = None) -> Iterator[threading.Thread]:
    """Run a daemon until the runs have ended; its errors are raised at the end."""
    errors: list[BaseException] = []

    def body() -> None:
        try:
            with shop.daemon(progress) as daemon:
                daemon.run_until_ended(runs, shop_id=shop.id)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    yield thread
    thread.join(120)
    assert not thread.is_alive(), "the daemon hangs"
    if errors:
        raise errors[0]


def waiting_backend(database: Database, table: str, held_by: int) -> int:
    """Return the process of the daemon's backend that waits for the lock on a table."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        for _ in range(600):
            row = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'neanelu_sync' AND %s = ANY (pg_blocking_pids(pid))",
                [held_by],
            ).fetchone()
            if row is not None:
                return int(row[0])
            time.sleep(0.05)
    raise AssertionError(f"nobody waits for {table}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "table"),
    [
        ("postmaster", "bulk_lines"),
        ("postmaster", "staging_variants"),
        ("postmaster", "shopify_variants"),
        ("backend", "shopify_variants"),
        ("backend", "sync_digests"),
    ],
)
def test_server_killed_while_it_works(
    private_cluster: Callable[..., Cluster], sandbox: SandboxHandle, tmp_path: Path, victim: str, table: str
) -> None:
    """A lock stops the daemon in the midst of COPY, stage or merge; then a process is killed. UNLOGGED tables are empty after."""
    database = Database(private_cluster(), "neanelu")
    configure(database, retry_base_seconds=0.05)
    clean, shop = (add_shop(database, sandbox, tmp_path) for _ in range(2))
    clean.sync("products")
    expected = clean.mirror()
    runs = request_all(shop, "products")
    blocker = psycopg.connect(database.dsn())
    blocker.execute(f"LOCK TABLE neanelu.{table} IN SHARE ROW EXCLUSIVE MODE".encode())
    with daemon_in_thread(shop, runs):
        pid = waiting_backend(database, table, blocker.info.backend_pid)
        if victim == "postmaster":
            database.cluster.kill()
            time.sleep(0.3)
            database.cluster.start()
        else:
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(psycopg.Error):
        blocker.close()
    row = assert_all_completed(shop, runs)[0]
    assert row["attempt"] > 1
    assert shop.mirror() == expected


@pytest.mark.slow
def test_server_restarts_between_every_two_steps(
    private_cluster: Callable[..., Cluster], sandbox: SandboxHandle, tmp_path: Path
) -> None:
    database = Database(private_cluster(), "neanelu")
    configure(database, retry_base_seconds=0.05)
    clean = add_shop(database, sandbox, tmp_path)
    clean.sync("products")
    expected = clean.mirror()

    def crash() -> None:
        database.cluster.kill()
        time.sleep(0.2)
        database.cluster.start()

    for name in ("start", "wait", "fetch", "send", "stage", "merge"):
        shop = add_shop(database, sandbox, tmp_path)
        runs = request_all(shop, "products")
        with daemon_in_thread(shop, runs, At("products", name, crash)):
            pass
        row = assert_all_completed(shop, runs)[0]
        assert row["attempt"] > 1, name
        assert shop.mirror() == expected, name


def test_transient_tables_are_planned_as_before_a_crash(private_cluster: Callable[..., Cluster]) -> None:
    """Recovery makes UNLOGGED tables and their indexes anew; no access method may take the new index for free."""
    cluster = private_cluster()
    cluster.kill()
    time.sleep(0.2)
    cluster.start()
    with psycopg.connect(cluster.dsn(dbname="neanelu")) as connection:
        connection.execute("SET enable_seqscan = off")
        indexed = connection.execute(
            "SELECT DISTINCT format('%s WHERE %I = %s', i.indrelid::regclass, a.attname,"
            "                       coalesce(quote_literal(CASE WHEN a.atttypid = 'uuid'::regtype THEN uuidv7() END), '0'))"
            "  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid AND c.relpersistence = 'u' AND c.relkind = 'r'"
            "  JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
            " WHERE a.atttypid IN ('uuid'::regtype, 'int8'::regtype, 'int4'::regtype, 'int2'::regtype)"
        ).fetchall()
        assert len(indexed) >= 6
        for (condition,) in indexed:
            row = connection.execute(f"EXPLAIN (FORMAT json) SELECT FROM {condition}".encode()).fetchone()
            assert row is not None
            plan = row[0]
            assert plan[0]["Plan"]["Total Cost"] > 0, (condition, plan)


@pytest.mark.parametrize(
    ("name", "tables"), [("stage", "bulk_lines"), ("merge", "staging_products, neanelu.staging_variants")]
)
def test_emptied_unlogged_tables_are_noticed_and_loaded_again(
    db: Database, sandbox: SandboxHandle, tmp_path: Path, name: str, tables: str
) -> None:
    """As after a crash that the daemon's connection did not see (a pooler in between)."""
    clean, shop = (add_shop(db, sandbox, tmp_path) for _ in range(2))
    clean.sync("products")
    runs = request_all(shop, "products")
    emptied = At("products", name, lambda: shop.execute(f"TRUNCATE neanelu.{tables}"))
    with daemon_in_thread(shop, runs, emptied):
        pass
    row = assert_all_completed(shop, runs)[0]
    assert (row["attempt"], row["retry_count"]) == (1, 0), "loaded again in the same claim"
    assert emptied._action is None
    assert shop.mirror() == clean.mirror()


# --- side by side -------------------------------------------------------------------------------------------


def test_daemons_side_by_side_do_each_run_once(db: Database, sandbox: SandboxHandle, tmp_path: Path) -> None:
    clean, shop = (add_shop(db, sandbox, tmp_path, sync_lease_seconds=30) for _ in range(2))
    clean.sync()
    runs = request_all(shop)

    def work(daemon: SyncDaemon) -> None:
        daemon.run_until_ended(runs, shop_id=shop.id)

    work_in_threads(shop.daemon, 4, work)
    rows = assert_all_completed(shop, runs)
    for row in rows:
        assert row["retry_count"] == 0
        if row["attempt"] > 1:  # given back to wait for a slot at Shopify, not worked on twice
            assert (
                shop.value(
                    "SELECT count(*) FROM neanelu.bulk_steps WHERE bulk_run_id = %s AND step_name = 'merge'",
                    row["id"],
                )
                == 1
            )
    assert len(sandbox.runtime(shop.domain).operations) == 9, (
        "one bulk operation for each of nine resources; menus are paged"
    )
    assert shop.mirror() == clean.mirror()


@pytest.mark.slow
def test_daemon_processes_side_by_side_with_kills(
    db: Database, sandbox: SandboxHandle, tmp_path: Path, workers: list[Worker]
) -> None:
    configure(db, retry_base_seconds=0.05)
    clean, shop = (add_shop(db, sandbox, tmp_path) for _ in range(2))
    clean.sync()
    runs = request_all(shop)
    workers.extend(Worker(shop, runs) for _ in range(3))
    dice = random.Random(5)
    for victim in workers[:2]:
        assert victim.wait_for(lambda line: line.startswith("phase"))
        time.sleep(dice.random() * 0.3)
        victim.kill()
    workers[2].finish()
    assert_all_completed(shop, runs)
    assert shop.mirror() == clean.mirror()


def written(shop: TestShop) -> dict[str, list[Any]]:
    """Return where each row of the shop's mirror lies and which transaction wrote it."""
    with psycopg.connect(shop.database.dsn(), autocommit=True) as connection:
        return {
            table: sorted(
                connection.execute(
                    f"SELECT ctid::text, xmin::text FROM neanelu.{table} WHERE shop_id = %s".encode(),
                    [shop.id],
                )
            )
            for table in mirror_tables(connection)
        }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["start", "wait", "fetch", "send", "stage", "merge"])
def test_stalled_daemon_whose_run_was_taken_over_changes_nothing(
    db: Database, sandbox: SandboxHandle, tmp_path: Path, workers: list[Worker], name: str
) -> None:
    clean, shop = (add_shop(db, sandbox, tmp_path) for _ in range(2))
    clean.sync("products")
    runs = request_all(shop, "products")
    stalled = Worker(shop, runs)
    workers.append(stalled)
    assert stalled.wait_for(lambda line: line == f"phase products {name}")
    stalled.process.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    if shop.run(runs[0])["status"] == "completed":
        pytest.skip("it was too fast to be stopped")
    with daemon_in_thread(shop, runs):
        pass
    row = assert_all_completed(shop, runs)[0]
    before = written(shop)
    assert shop.mirror() == clean.mirror()
    stalled.process.send_signal(signal.SIGCONT)
    stalled.finish()
    assert written(shop) == before, "who lost the lease wrote into the mirror"
    assert shop.run(runs[0]) == row
    assert shop.mirror() == clean.mirror()
    if row["attempt"] > 1:
        assert "ended products lost" in stalled.said
    assert list((shop.tmp_path / "spool").rglob("*.jsonl*")) == []


def test_stalled_writer_of_a_file_does_not_get_between_anothers_bytes(tmp_path: Path) -> None:
    """Two daemons of one machine use the same path: the one that lost its run wakes while the other downloads."""
    path = tmp_path / "spool/run.jsonl"
    bytes_of_file = [b"%06d\n" % n * 1000 for n in range(10)]

    def feed(spool: Spool) -> Iterator[bytes]:
        yield from bytes_of_file[spool.bytes // 7000 :]

    stalled = Spool(path, feed)
    begun = stalled.chunks()
    assert [next(begun) for _ in range(3)] == bytes_of_file[:3]
    other = Spool(path, feed)
    taken = other.chunks()
    assert [next(taken) for _ in range(2)] == bytes_of_file[:2]
    assert len(list(begun)) == 7, "the stalled one goes on, into a file that has no name any more"
    assert b"".join(taken) == b"".join(bytes_of_file[2:])
    assert path.read_bytes() == b"".join(bytes_of_file)
    stalled.discard()
    assert path.read_bytes() == b"".join(bytes_of_file), "and removes only what is its own"
    other.discard()
    assert list(path.parent.iterdir()) == []


def test_file_of_a_killed_writer_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "spool/run.jsonl"
    path.parent.mkdir()
    path.write_bytes(b"0123456789")

    def feed(spool: Spool) -> Iterator[bytes]:
        assert spool.bytes == 10
        yield b"abc"

    spool = Spool(path, feed)
    assert b"".join(spool.chunks()) == b"0123456789abc" == path.read_bytes()
    assert b"".join(spool.chunks()) == b"0123456789abc"
    assert spool.sha256 == hashlib.sha256(b"0123456789abc").hexdigest()
