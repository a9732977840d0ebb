"""What all measurements share: a private cluster, files, subprocesses, figures and where they are written."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import re
import secrets
import statistics
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import psutil
import psycopg
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from neanelu.platform import PlatformError
from neanelu.platform.cluster import SUPERUSER, Cluster
from neanelu.platform.scratch import Database, Scratch, deployed_hash
from neanelu.settings import get_settings

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
WORK = HERE / ".work"
SHOP = "bench.myshopify.com"
#: How COPY takes JSON lines without looking into them.
RAW_CSV = "(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"

Figure = dict[str, Any]


# --- Figures ----------------------------------------------------------------------------------------------
def figure(
    name: str,
    value: float,
    unit: str,
    *,
    most: float | None = None,
    least: float | None = None,
    digits: int = 3,
) -> Figure:
    """Return one figure; with `most` or `least` it has a target, and `ok` says whether it holds."""
    ok = None
    if most is not None:
        ok = value <= most
    if least is not None:
        ok = value >= least
    target = f"<= {most:g}" if most is not None else f">= {least:g}" if least is not None else None
    return {"name": name, "value": round(value, digits), "unit": unit, "target": target, "ok": ok}


def spread(values: Sequence[float]) -> str:
    """Return smallest and largest of some seconds, for the progress lines."""
    return f"{min(values):.2f}..{max(values):.2f}"


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def line(item: Figure) -> str:
    """Return a figure as `name value unit target ok|SHORT`."""
    verdict = "-" if item["ok"] is None else "ok" if item["ok"] else "SHORT"
    target = (item["target"] or "-").replace(" ", "")
    return f"{item['name']} {item['value']:g} {item['unit']} {target} {verdict}"


# --- The cluster ------------------------------------------------------------------------------------------
class Laboratory(Scratch):
    """A private cluster with the settings of production, fsync included, that hands out deployed databases."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.cluster = Cluster(home)
        self.files = home / "files"
        self._lock: IO[str] | None = None

    def open(self) -> None:
        """Start from nothing: what an interrupted measurement left is dropped; raises PlatformError while one runs."""
        lock = self.cluster.home.with_name(self.cluster.home.name + ".lock")
        lock.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        self._lock = lock.open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PlatformError(
                "another measurement is running; two at once would measure each other"
            ) from None
        if self.cluster.home.exists():
            self.cluster.drop()
        super().open()
        self.files.mkdir(mode=0o755, exist_ok=True)
        self.files.chmod(0o755)

    def superuser(self, dbname: str = "postgres") -> psycopg.Connection[Any]:
        """Return an autocommit connection of the superuser."""
        return psycopg.connect(self.cluster.dsn(SUPERUSER, dbname), autocommit=True)

    def create(self) -> Database:
        """Return a new deployed database with pg_walinspect, after a checkpoint."""
        database = super().create()
        with self.superuser(database.name) as connection:
            connection.execute("CREATE SCHEMA bench")
            connection.execute("CREATE EXTENSION pg_walinspect SCHEMA bench")
            connection.execute("CHECKPOINT")
        return database


_open: list[Laboratory] = []


def laboratory() -> Laboratory:
    """Return the cluster of this process, made on the first call; `close_laboratory` deletes it."""
    if not _open:
        home = get_settings().home
        lab = Laboratory(home.with_name(home.name + "-bench"))
        lab.open()
        _open.append(lab)
    return _open[0]


def close_laboratory() -> None:
    """Stop and delete the cluster with all files, if there is one."""
    while _open:
        _open.pop().destroy()


# --- The product ------------------------------------------------------------------------------------------
_KEY = secrets.token_bytes(32)


def product_environment(database: Database) -> dict[str, str]:
    """Return the environment in which `neanelu` works on a database."""
    import base64

    socket = str(database.cluster.socket_dir)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEANELU_", "PG"))}
    return {
        **kept,
        "NEANELU_DATABASE_URL": make_conninfo(host=socket, port=5432, dbname=database.name),
        "NEANELU_ENCRYPTION_KEY": base64.b64encode(_KEY).decode(),
        "NEANELU_SYNC_SPOOL_DIR": str(laboratory().files / "spool"),
        "COLUMNS": "200",
    }


@dataclass(frozen=True, slots=True)
class Ran:
    """How a subprocess did: wall seconds, peak resident MB, what it printed."""

    seconds: float
    peak_mb: float
    output: str


def run_process(command: Sequence[str], environment: Mapping[str, str], given: str = "") -> Ran:
    """Run a program to its end; raises RuntimeError with its output when it fails.

    The peak is the kernel's own high-water mark (VmHWM), read twenty times a second.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = [0]

    def watch() -> None:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            with suppress(OSError):
                found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
                peak[0] = max(peak[0], int(found[1]) if found else 0)
            time.sleep(0.05)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        output, errors = process.communicate(given)
    except BaseException:
        process.kill()
        raise
    seconds = time.perf_counter() - began
    watcher.join()
    if process.returncode != 0:
        raise RuntimeError(
            f"{' '.join(command)} ended with {process.returncode}\n{output[-3000:]}{errors[-3000:]}"
        )
    return Ran(seconds, peak[0] / 1024, output)


def neanelu(database: Database, *arguments: str, given: str = "") -> Ran:
    """Run a `neanelu` command on a database, as a user would."""
    return run_process([sys.executable, "-m", "neanelu", *arguments], product_environment(database), given)


def new_shop_database() -> Database:
    """Return a deployed database with one shop in it."""
    database = laboratory().create()
    neanelu(database, "shop", "add", SHOP, "--token-file", "-", given="shpat_measured")
    return database


def ingest(database: Database, path: Path, *options: str) -> tuple[Ran, dict[str, Any]]:
    """Bring a file in and return how long it took and what the run says of itself; all its lines must count."""
    with laboratory().superuser(database.name) as connection:
        connection.execute("CHECKPOINT")
    ran = neanelu(database, "ingest", SHOP, str(path), "--json", *options)
    report = json.loads(ran.output)
    run: dict[str, Any] = report["runs"][0]
    if run["status"] != "completed" or run["lines_quarantined"]:
        raise RuntimeError(f"the run is no clean one: {run}")
    return ran, run


@dataclass(frozen=True, slots=True)
class File:
    """A generated file: where it is, bytes, JSON lines, root objects."""

    path: Path
    size: int
    lines: int
    roots: int


def generate(products: int, *options: str, name: str) -> File:
    """Return a file of the sandbox's generator for a shop of so many products, made once a process."""
    path = laboratory().files / f"{name}.jsonl"
    facts = path.with_suffix(".json")
    if not facts.exists():
        command = [
            sys.executable,
            "-m",
            "neanelu",
            "sandbox",
            "generate",
            "--products",
            str(products),
            "--json",
        ]
        ran = run_process([*command, *options, "-o", str(path)], os.environ)
        path.chmod(0o644)
        facts.write_text(ran.output)
    written = json.loads(facts.read_text())
    return File(path, written["size"], written["lines"], written["roots"])


def copy_raw(path: Path, kind: str) -> float:
    """Return the seconds that the server's own COPY of a file into one UNLOGGED column of a type takes."""
    with laboratory().superuser() as connection:
        connection.execute("DROP TABLE IF EXISTS bench_raw")
        connection.execute(f"CREATE UNLOGGED TABLE bench_raw (line {kind})")
        connection.execute("CHECKPOINT")
        began = time.perf_counter()
        connection.execute(f"COPY bench_raw FROM '{path}' WITH {RAW_CSV}")
        seconds = time.perf_counter() - began
        connection.execute("DROP TABLE bench_raw")
    return seconds


def drop(database: Database) -> None:
    """Drop a database."""
    laboratory().drop(database)


def data_folder(name: str) -> Path | None:
    """Return a folder of public data below NEANELU_BENCH_DATA (`--data`), or None with a remark when it is not there."""
    root = os.environ.get("NEANELU_BENCH_DATA", "")
    folder = Path(root) / name
    if root and folder.is_dir():
        return folder
    say(
        f"no public data: {folder if root else name}; give its folder as --data or NEANELU_BENCH_DATA (skipped)"
    )
    return None


# --- Peers ------------------------------------------------------------------------------------------------
def peer_python(name: str) -> str:
    """Return the interpreter of an environment with bench/requirements-NAME.txt, made when it is not there."""
    requirements = HERE / f"requirements-{name}.txt"
    folder = WORK / name
    stamp = folder / "installed.txt"
    python = folder / "bin/python"
    if not stamp.exists() or stamp.read_text() != requirements.read_text():
        say(f"installing {requirements.name} into {folder}")
        venv.create(folder, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run_process([*install, "--requirement", str(requirements)], os.environ)
        stamp.write_text(requirements.read_text())
    return str(python)


# --- What people see --------------------------------------------------------------------------------------
_console = Console(stderr=True)


def say(text: str) -> None:
    """Print a remark to standard error."""
    _console.print(text, markup=False, highlight=False)


@contextmanager
def steps(name: str, total: int) -> Iterator[Callable[[str], None]]:
    """Yield a function that says which of `total` steps begins: a bar on a terminal, a line each in a log."""
    done = 0
    if not _console.is_terminal:

        def tell(what: str) -> None:
            nonlocal done
            done += 1
            say(f"{datetime.now(UTC):%H:%M:%S} {name} {done}/{total} {what}")

        yield tell
        return
    columns = (TextColumn("{task.fields[name]}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=_console, transient=True) as progress:
        task = progress.add_task("", total=total, name=name)

        def show(what: str) -> None:
            nonlocal done
            progress.update(task, completed=done, description=what)
            done += 1

        yield show


# --- Whose CPU -------------------------------------------------------------------------------------------
def cpu_seconds() -> float:
    """Return the CPU seconds so far of this process, its ended subprocesses, and the cluster, ended backends too."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    pid = laboratory().cluster.status().pid
    if pid is None:
        return total
    postmaster = psutil.Process(pid)
    for process in (postmaster, *postmaster.children()):
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
            if process is postmaster:
                total += times.children_user + times.children_system
    return total


def busy_seconds() -> float:
    """Return the CPU seconds so far that anything on this machine was busy, or that its host took away."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


class Noise:
    """How much of the machine's CPUs others took since this was made."""

    def __init__(self) -> None:
        laboratory()
        self._ours = cpu_seconds()
        self._busy = busy_seconds()
        self._began = time.monotonic()

    def share(self) -> float:
        """Return the share of all CPUs, 0 to 1."""
        others = busy_seconds() - self._busy - (cpu_seconds() - self._ours)
        return max(0.0, others / (time.monotonic() - self._began) / (os.cpu_count() or 1))


# --- Where and when ---------------------------------------------------------------------------------------
@lru_cache(maxsize=1)
def fdatasync_us() -> float:
    """Return the microseconds of one 8 kB write with fdatasync on the cluster's disk, by pg_test_fsync."""
    lab = laboratory()
    file = lab.files / "fsync.out"
    program = [str(lab.cluster.bin("pg_test_fsync")), "-s", "2", "-f", str(file)]
    output = run_process(program, os.environ).output
    found = re.search(r"fdatasync\s+[\d.]+ ops/sec\s+(\d+) usecs/op", output)
    if found is None:
        raise RuntimeError(f"pg_test_fsync said something else:\n{output}")
    return float(found[1])


def machine() -> dict[str, Any]:
    """Return what these figures were measured on."""
    cpu = "unknown"
    with suppress(OSError):
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
        cpu = found[1] if found else platform.machine()
    return {
        "cpu": cpu,
        "cpus": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def provenance() -> dict[str, Any]:
    """Return date, commit, versions and the noise around a measurement."""
    with laboratory().superuser() as connection:
        row = connection.execute("SHOW server_version").fetchone()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit,
        "scripts": deployed_hash(),
        "postgresql": row[0].split()[0] if row else "?",
        "fdatasync_us": fdatasync_us(),
        "machine": machine(),
    }


def record(name: str, scale: str, entry: Mapping[str, Any]) -> None:
    """Put a measurement into results.json, in place of its earlier one of the same scale."""
    known: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known.setdefault(name, {})[scale] = dict(entry)
    RESULTS.write_text(json.dumps(dict(sorted(known.items())), indent=2, ensure_ascii=False) + "\n")
