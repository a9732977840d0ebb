"""Deployment with sqitch: a thin wrapper that finds the program, the project and the database.

Passwords travel in the environment (PGPASSWORD), never on a command line.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from neanelu.platform import PlatformError
from neanelu.platform.distribution import Distribution, find, provision
from neanelu.settings import Settings, get_settings

#: How libpq's connection parameters are called in the environment.
LIBPQ_ENVIRONMENT = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "dbname": "PGDATABASE",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "service": "PGSERVICE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "options": "PGOPTIONS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}


class SqitchError(PlatformError):
    """sqitch ended with an error: a script failed, or a verify script found something missing."""

    def __init__(self, command: str, returncode: int, output: str) -> None:
        super().__init__(f"sqitch {command} failed with exit code {returncode}\n{output}".rstrip())
        self.returncode = returncode
        self.output = output


def project_dir(settings: Settings | None = None) -> Path:
    """Return the folder with sqitch.plan.

    Looked for in NEANELU_PROJECT_DIR, above the package, and above the current folder, in this order.

    Raises:
        PlatformError: there is none.
    """
    settings = settings or get_settings()
    if settings.project_dir is not None:
        candidates = [settings.project_dir]
    else:
        candidates = [*Path(__file__).resolve().parents, Path.cwd(), *Path.cwd().parents]
    for folder in candidates:
        if (folder / "sqitch.plan").is_file():
            return folder.absolute()
    raise PlatformError("no sqitch.plan found; run from the repository or set NEANELU_PROJECT_DIR to it")


def libpq_environment(dsn: str) -> dict[str, str]:
    """Return a connection string as variables for psql and sqitch.

    Raises:
        PlatformError: it has a parameter that the environment cannot carry.
    """
    variables = {}
    for name, value in conninfo_to_dict(dsn).items():
        if value is None:
            continue
        if name not in LIBPQ_ENVIRONMENT:
            raise PlatformError(f"the parameter {name!r} of the database URL cannot be handed to psql")
        variables[LIBPQ_ENVIRONMENT[name]] = str(value)
    return variables


def _distribution(settings: Settings) -> Distribution | None:
    """Return the provisioned programs; None when the user's own sqitch and psql on PATH are to be used.

    Raises:
        PlatformError: NEANELU_DATABASE_URL is set and there is no sqitch at all.
    """
    if not settings.database_url:
        return provision(settings)
    if shutil.which("sqitch") and shutil.which("psql"):
        return None
    found = find(settings)
    if found is None:
        raise PlatformError(
            "sqitch and psql are needed on PATH (nothing is provisioned while NEANELU_DATABASE_URL is set)"
        )
    return found


def run(
    command: str,
    dsn: str,
    arguments: Sequence[str] = (),
    *,
    echo: Callable[[str], None] | None = None,
    settings: Settings | None = None,
) -> str:
    """Run one sqitch command on a database and return what it printed.

    Args:
        command: deploy, revert, verify, status, plan …
        dsn: connection string of a role that may do it.
        arguments: handed to sqitch as they are.
        echo: called with every line as it comes.
        settings: the process's own by default.

    Raises:
        SqitchError: sqitch ended with an error.
        PlatformError: there is no sqitch, or no project.
    """
    settings = settings or get_settings()
    distribution = _distribution(settings)
    path = distribution.path() if distribution else os.environ.get("PATH", os.defpath)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PG", "SQITCH_"))},
        **libpq_environment(dsn),
        "PATH": path,
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PERL_UNICODE": "AS",  # arguments and streams are UTF-8
        # Notices are noise here; warnings and errors are not.
        "PGOPTIONS": f"{libpq_environment(dsn).get('PGOPTIONS', '')} -c client_min_messages=warning".strip(),
    }
    program = str(distribution.program("sqitch")) if distribution else "sqitch"
    process = subprocess.Popen(
        [program, command, "--target", "db:pg:", *arguments],
        cwd=project_dir(settings),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if echo:
            echo(line.rstrip("\n"))
    if process.wait() != 0:
        raise SqitchError(command, process.returncode, "" if echo else "".join(lines))
    return "".join(lines)


def deployed(dsn: str) -> list[str]:
    """Return the names of the deployed changes, the latest first; raises psycopg.Error."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT to_regclass('sqitch.changes')").fetchone()
        if row is None or row[0] is None:
            return []
        return [
            name
            for (name,) in connection.execute("SELECT change FROM sqitch.changes ORDER BY committed_at DESC")
        ]


def deploy(dsn: str, arguments: Sequence[str] = (), *, echo: Callable[[str], None] | None = None) -> None:
    """Deploy what is not deployed yet, verifying each change, and refresh the read model of the history.

    Safe to repeat: with nothing to deploy nothing happens.

    Raises:
        SqitchError: a script failed; what was deployed before it stays deployed.
    """
    run("deploy", dsn, arguments, echo=echo)
    if "--log-only" not in arguments:
        refresh_history(dsn)


def revert(
    dsn: str,
    to: str | None = None,
    arguments: Sequence[str] = (),
    *,
    echo: Callable[[str], None] | None = None,
) -> None:
    """Revert all changes, or those after the change `to`; raises SqitchError."""
    target = ["--to-change", to] if to else []
    run("revert", dsn, ["-y", *target, *arguments], echo=echo)
    refresh_history(dsn)


def verify(dsn: str, arguments: Sequence[str] = (), *, echo: Callable[[str], None] | None = None) -> None:
    """Run every deployed change's verify script; raises SqitchError when one fails."""
    run("verify", dsn, arguments, echo=echo)


def refresh_history(dsn: str) -> bool:
    """Fill migration_history from sqitch's registry; returns False when there is no such function yet."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT to_regprocedure('ops.refresh_migration_history()')").fetchone()
        if row is None or row[0] is None:
            return False
        connection.execute("SELECT ops.refresh_migration_history()")
    return True
