"""A private PostgreSQL cluster: made, started, stopped, without root and without touching the host's own.

It listens on a unix socket only; whoever may enter the socket's folder may connect as any role (trust), so
the folder's permissions (0700) are the lock. PostgreSQL refuses to run as root: root's clusters run as
`settings.server_user`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from neanelu.platform import PlatformError
from neanelu.platform.distribution import PG_MAJOR, Distribution, Progress, check_timezones, find, provision
from neanelu.platform.sqitch import libpq_environment
from neanelu.settings import Settings, get_settings

PORT = 5432
SUPERUSER = "postgres"
DATABASE = "neanelu"
#: A unix socket's path may have 107 bytes; the file's own name takes 14 of them.
_SOCKET_PATH_LIMIT = 90
_GIB = 1 << 30
_MIB = 1 << 20
# Of the server's log, at a start; a larger one becomes postgresql.log.1.
_LOG_LIMIT = 64 * _MIB


@dataclass(frozen=True)
class Status:
    """What a cluster is doing: `state` is absent (never made), stopped or running."""

    state: str
    pid: int | None
    data: Path
    log: Path
    host: Path
    port: int = PORT
    version: str | None = None


def configuration(memory: int, cpus: int) -> list[tuple[str, str, str]]:
    """Return the server's settings as (name, value, why), for a machine with so many bytes and CPUs."""
    shared = max(128 * _MIB, min(memory // 4, 4 * _GIB))
    maintenance = max(64 * _MIB, min(memory // 16, 1 * _GIB))
    work = max(8 * _MIB, min(memory // 400, 64 * _MIB))
    return [
        ("shared_preload_libraries", "'pg_stat_statements'", "which queries cost what"),
        ("max_connections", "100", "daemons pool; tenants come through a pooler"),
        ("shared_buffers", _mib(shared), "a quarter of memory; beyond 4 GB the page cache does as well"),
        ("effective_cache_size", _mib(memory * 5 // 8), "what the page cache is likely to hold"),
        ("work_mem", _mib(work), "merges hash and sort whole shops"),
        ("maintenance_work_mem", _mib(maintenance), "index builds (GIN, HNSW) want to stay in memory"),
        ("max_wal_size", "8GB", "a first load of a large shop must not force checkpoints"),
        ("min_wal_size", "1GB", "recycle segments instead of making new ones"),
        ("checkpoint_timeout", "15min", "fewer full-page images in long loads"),
        ("checkpoint_completion_target", "0.9", "spread the writes"),
        ("wal_compression", "lz4", "full-page images shrink to a third for little CPU"),
        ("wal_buffers", "64MB", "bulk loads fill the default of 16MB between two flushes"),
        ("default_toast_compression", "lz4", "JSON decompresses several times faster than with pglz"),
        ("jit", "off", "compiling costs more than it gives in queries of milliseconds"),
        ("random_page_cost", "1.1", "solid state disks"),
        ("effective_io_concurrency", "64", "solid state disks"),
        ("max_parallel_workers_per_gather", str(max(1, min(cpus // 2, 4))), "leave a CPU to the daemons"),
        ("max_parallel_maintenance_workers", str(max(1, min(cpus // 2, 4))), "index builds may use the CPUs"),
        ("autovacuum_vacuum_cost_limit", "2000", "keep up with merges of a million rows"),
        ("autovacuum_naptime", "10s", "queues and arrivals that are emptied as they fill want it often"),
        ("track_io_timing", "on", "EXPLAIN and pg_stat_io then tell where time goes"),
        ("track_functions", "'pl'", "calls and time of the functions the daemons use"),
        ("log_lock_waits", "on", "a wait of a second should be seen"),
        ("log_min_duration_statement", "5s", "slow statements into the log"),
        ("log_line_prefix", "'%m [%p] %q%u@%d %a '", "who did it"),
        ("idle_in_transaction_session_timeout", "10min", "a hung client must not hold back vacuum for ever"),
        ("timezone", "'UTC'", "times are instants; the viewer's zone is the viewer's business"),
        ("log_timezone", "'UTC'", "as above"),
        ("lc_messages", "'C'", "messages in English; programs go by SQLSTATE anyway"),
    ]


def configuration_text(options: Mapping[str, str]) -> str:
    """Return the text of neanelu.conf for this machine; `options` replace or add to what is computed."""
    computed = configuration(_memory(), os.cpu_count() or 1)
    lines = ["# Written at every start. Change settings with ALTER SYSTEM, which wins over this file."]
    lines += [f"{name} = {value}  # {why}" for name, value, why in computed if name not in options]
    lines += [f"{name} = '{value}'" for name, value in options.items()]
    return "\n".join(lines) + "\n"


def _mib(size: int) -> str:
    """Return a number of bytes as PostgreSQL writes megabytes."""
    return f"{size // _MIB}MB"


def _memory() -> int:
    """Return the bytes of memory that this process may use: the machine's, or the control group's if less."""
    import psutil  # here, as most commands need it never

    total = psutil.virtual_memory().total
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            total = min(total, int(Path(name).read_text()))
    return int(total)


@dataclass
class Cluster:
    """One private cluster in the folder `home` (data, run for the socket, log).

    Attributes:
        home: its folder; made by `init`.
        distribution: the programs; None finds the provisioned ones, building them on the first `start`.
        options: server settings that replace the computed ones, e.g. {"fsync": "off"} for tests.
        user: system user of the server when root starts it.
    """

    home: Path
    distribution: Distribution | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    user: str = field(default_factory=lambda: get_settings().server_user)

    @classmethod
    def embedded(cls, settings: Settings | None = None) -> Cluster:
        """Return the cluster that the settings describe (it need not exist yet)."""
        settings = settings or get_settings()
        return cls(settings.home, user=settings.server_user)

    # --- Places -------------------------------------------------------------------------------------------
    @property
    def data(self) -> Path:
        """The data folder (PGDATA)."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.home / "log" / "postgresql.log"

    @property
    def socket_dir(self) -> Path:
        """The folder of the unix socket; under /tmp when the home's path does not do for one.

        It may be too long, or have characters that mean something in a list of hosts (a comma) or a setting.
        """
        path = self.home.absolute() / "run"
        if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT and re.fullmatch(r"[\w./+-]+", str(path)):
            return path
        digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return Path("/tmp") / f"neanelu-{os.geteuid()}-{digest}"  # noqa: S108 - made 0700 and checked

    def programs(self, progress: Progress | None = None) -> Distribution:
        """Return the distribution, provisioning it when there is none yet; raises PlatformError."""
        if self.distribution is None:
            self.distribution = provision(progress=progress) if progress else provision()
        return self.distribution

    def bin(self, name: str) -> Path:
        """Return the path of a program such as psql, pg_dump, sqitch, pg_prove; raises PlatformError."""
        return self.programs().program(name)

    def dsn(self, role: str = SUPERUSER, dbname: str = DATABASE, **more: str) -> str:
        """Return a connection string for a role and a database of this cluster."""
        return make_conninfo(host=str(self.socket_dir), port=PORT, user=role, dbname=dbname, **more)

    def env(self, role: str = SUPERUSER, dbname: str = DATABASE) -> dict[str, str]:
        """Return PGHOST, PGPORT, PGUSER, PGDATABASE and PATH for programs that speak to this cluster."""
        return {
            "PGHOST": str(self.socket_dir),
            "PGPORT": str(PORT),
            "PGUSER": role,
            "PGDATABASE": dbname,
            "PATH": self.programs().path(),
        }

    # --- Life ---------------------------------------------------------------------------------------------
    def status(self) -> Status:
        """Return what the cluster is doing; changes nothing."""
        version_file = self.data / "PG_VERSION"
        try:
            version = version_file.read_text().strip()
        except OSError:
            return Status("absent", None, self.data, self.log, self.socket_dir)
        pid = self._pid()
        state = "running" if pid is not None else "stopped"
        return Status(state, pid, self.data, self.log, self.socket_dir, version=version)

    def start(self, timeout: float = 60.0, progress: Progress | None = None) -> bool:
        """Make the cluster when it is new, start it when it is stopped, and wait until it answers.

        Args:
            timeout: seconds to wait for the server to accept connections.
            progress: hears about provisioning.

        Returns:
            True when the server was started, False when it was running already.

        Raises:
            PlatformError: it did not start; the message carries the end of its log.
        """
        self.programs(progress)
        with self._locked():
            self._make_folder(self.log.parent)
            self._init()
            if self._pid() is not None:
                self._wait(timeout)
                return False
            self._remove_stale_files()
            check_timezones()
            self._write_configuration()
            self._make_folder(self.socket_dir)
            self._turn_log()
            self._run_as_server(
                "pg_ctl",
                "start",
                "--no-wait",
                "--silent",
                "-D",
                str(self.data.absolute()),
                "-l",
                str(self.log.absolute()),
            )
            self._wait(timeout)
            self._create_database()
        return True

    def stop(self, mode: str = "fast", timeout: float = 60.0) -> bool:
        """Stop the server and wait for its end.

        Args:
            mode: fast ends sessions and writes a checkpoint; immediate is like a crash and recovers later.
            timeout: seconds to wait.

        Returns:
            True when it was stopped, False when it was not running.

        Raises:
            PlatformError: it did not end in time.
        """
        with self._locked():
            pid = self._pid()
            if pid is None:
                return False
            os.kill(pid, {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "smart": signal.SIGTERM}[mode])
            self._wait_for_end(pid, timeout)
        return True

    def kill(self, timeout: float = 10.0) -> None:
        """Kill the postmaster with SIGKILL, like a power failure, and wait until its backends are gone."""
        pid = self._pid()
        if pid is None:
            return
        import psutil

        backends = psutil.Process(pid).children(recursive=True)
        os.kill(pid, signal.SIGKILL)
        for process in (pid, *(backend.pid for backend in backends)):
            self._wait_for_end(process, timeout)

    def drop(self) -> None:
        """Stop the server and delete the cluster with all its data."""
        self.stop("immediate")
        shutil.rmtree(self.home, ignore_errors=True)
        if self.socket_dir.parent != self.home.absolute():
            shutil.rmtree(self.socket_dir, ignore_errors=True)

    # --- Inside -------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the cluster's lock: two commands that start or stop it wait for each other."""
        try:
            self.home.mkdir(parents=True, exist_ok=True, mode=0o755)
            handle = (self.home / ".lock").open("a")
        except OSError as error:
            raise PlatformError(f"cannot use the folder {self.home}: {error}") from error
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _turn_log(self) -> None:
        """Begin a new log at a start when the old one has grown large; the last one is kept beside it."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_LIMIT:
                self.log.replace(self.log.with_name(self.log.name + ".1"))

    def _account(self) -> pwd.struct_passwd | None:
        """Return the account of the server, or None when this process's own will do."""
        if os.geteuid() != 0:
            return None
        try:
            account = pwd.getpwnam(self.user)
        except KeyError as error:
            raise PlatformError(
                f"there is no system user {self.user!r} to run PostgreSQL as; set NEANELU_SERVER_USER"
            ) from error
        if account.pw_uid == 0:
            raise PlatformError("PostgreSQL refuses to run as root; set NEANELU_SERVER_USER to another user")
        return account

    def _make_folder(self, folder: Path) -> None:
        """Make a folder that only the server's user may enter; raises PlatformError when another owns it."""
        account = self._account()
        owner = account.pw_uid if account else os.geteuid()
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
            if account:
                os.chown(folder, account.pw_uid, account.pw_gid)
        if folder.is_symlink() or folder.stat().st_uid != owner:
            raise PlatformError(
                f"{folder} belongs to user {folder.stat().st_uid} and not to the server's user {owner}; "
                "use the same user as before or another NEANELU_HOME"
            )
        folder.chmod(0o700)

    def _run_as_server(self, program: str, *arguments: str) -> None:
        """Run a server program as the server's user; raises PlatformError with what it said."""
        account = self._account()
        change: dict[str, Any] = {}
        if account:
            change = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        try:
            done = subprocess.run(
                [str(self.bin(program)), *arguments],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", check=False,
                env={**environment, "LC_ALL": "C.UTF-8", "TZ": "UTC"}, **change,
            )  # fmt: skip
        except PermissionError as error:
            raise PlatformError(
                f"user {self.user!r} cannot run {self.bin(program)}: the cache must lie where that user can "
                f"reach it (NEANELU_CACHE_DIR): {error}"
            ) from error
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()
            raise PlatformError(f"{program} failed ({done.returncode}): {said}\n{self._log_tail()}")

    def _log_tail(self, lines: int = 15) -> str:
        """Return the end of the server's log."""
        try:
            return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])
        except OSError:
            return ""

    def _init(self) -> None:
        """Run initdb when the data folder is new; raises PlatformError when another major version made it."""
        version_file = self.data / "PG_VERSION"
        if version_file.exists():
            if version_file.read_text().strip() != str(PG_MAJOR):
                raise PlatformError(
                    f"{self.data} was made by PostgreSQL {version_file.read_text().strip()} and this is "
                    f"{PG_MAJOR}: upgrade it with pg_upgrade, or set NEANELU_HOME to a new folder"
                )
            return
        # initdb cleans up a data folder that it could not finish; one that was killed left an unusable rest.
        if self.data.exists() and any(self.data.iterdir()) and not (self.data / "global/pg_control").exists():
            shutil.rmtree(self.data)
        self._make_folder(self.data)
        self._run_as_server(
            "initdb", "-D", str(self.data), "--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8",
            "--locale-provider", "builtin", "--locale", "C.UTF-8", "--no-instructions",
            *(["--no-sync"] if self.options.get("fsync") == "off" else []),
        )  # fmt: skip
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write("\ninclude = 'neanelu.conf'\n")
        (self.data / "pg_hba.conf").write_text(
            "# The socket's folder is 0700: whoever may enter it may be any role. There is no other way in.\n"
            "local all all trust\n"
            "local replication all trust\n",
            "utf-8",
        )

    def _write_configuration(self) -> None:
        """Write neanelu.conf anew from the machine's memory; ALTER SYSTEM wins over it."""
        options = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            **self.options,
        }
        (self.data / "neanelu.conf").write_text(configuration_text(options), "utf-8")

    def _pid(self) -> int | None:
        """Return the postmaster's process id while it is alive; None when not, or when the file is stale."""
        import psutil

        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            # The number may have gone to another process since, or to a zombie that nobody reaps. The command
            # line tells; unlike the working folder, root may read it in a container too.
            command = psutil.Process(pid).cmdline()
            if not command or Path(command[0]).name != "postgres":
                return None
            data = self.data.resolve()
            if not any(argument.startswith("/") and Path(argument).resolve() == data for argument in command):
                return None
        except (OSError, ValueError, psutil.Error):
            return None
        return pid

    def _remove_stale_files(self) -> None:
        """Remove a dead server's pid and socket files, which keep PostgreSQL from starting."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for left in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
            (self.socket_dir / left).unlink(missing_ok=True)

    def _wait(self, timeout: float) -> None:
        """Wait until the server accepts connections; raises PlatformError with its log when it does not."""
        end = time.monotonic() + timeout
        while True:
            try:
                psycopg.connect(self.dsn(dbname="template1"), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                # Give the new postmaster a moment to write its pid file before calling it dead.
                late = time.monotonic() > end - timeout + 3
                if time.monotonic() > end or (late and self._pid() is None):
                    raise PlatformError(f"the server does not answer: {error}\n{self._log_tail()}") from error
                time.sleep(0.05)
            else:
                return

    def _wait_for_end(self, pid: int, timeout: float) -> None:
        """Wait until a process is gone; raises PlatformError when it is still there after the timeout."""
        import psutil

        end = time.monotonic() + timeout
        while time.monotonic() < end:
            try:
                if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                    return
            except psutil.NoSuchProcess:
                return
            time.sleep(0.02)
        raise PlatformError(f"the server (process {pid}) did not end within {timeout:g} s")

    def _create_database(self) -> None:
        """Create the database of the product when it is not there."""
        with psycopg.connect(self.dsn(dbname="postgres"), autocommit=True) as connection:
            row = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if row is None:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')


def database_dsn(role: str | None = None, settings: Settings | None = None) -> str:
    """Return the connection string that every command and daemon uses.

    With NEANELU_DATABASE_URL set that is what it says, with `role` put in only where the URL names no user,
    and the password of NEANELU_DATABASE_PASSWORD_FILE where it has none. Otherwise it is the embedded
    cluster's, for the role (default: the superuser).

    Raises:
        PlatformError: the password's file cannot be read, or the URL is not one.
    """
    settings = settings or get_settings()
    if settings.database_url:
        more = {}
        try:
            parts = conninfo_to_dict(settings.database_url)
            if role and not parts.get("user"):
                more["user"] = role
            if settings.database_password_file and not parts.get("password"):
                more["password"] = settings.database_password_file.read_text("utf-8").strip()
        except psycopg.ProgrammingError as error:
            raise PlatformError(f"NEANELU_DATABASE_URL is not a connection string: {error}") from error
        except OSError as error:
            raise PlatformError(f"the database's password cannot be read: {error}") from error
        return make_conninfo(settings.database_url, **more)
    return Cluster.embedded(settings).dsn(role or SUPERUSER)


def client_env(settings: Settings | None = None, role: str | None = None) -> dict[str, str]:
    """Return the variables for libpq programs (psql, pg_dump): PGHOST, PGPORT, PGUSER, PGDATABASE, PATH …

    Raises:
        PlatformError: the embedded cluster's programs cannot be provisioned.
    """
    settings = settings or get_settings()
    if not settings.database_url:
        return Cluster.embedded(settings).env(role or SUPERUSER)
    variables = libpq_environment(database_dsn(role, settings))
    found = find(settings) if shutil.which("psql") is None else None
    return {**variables, "PATH": found.path() if found else os.environ.get("PATH", os.defpath)}


def export_lines(variables: Mapping[str, str]) -> str:
    """Return shell lines that export the variables, quoted for eval."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
