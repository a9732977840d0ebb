"""Connections as a role, with a name, limits, and errors of our own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row

from neanelu.db.errors import DatabaseUnavailable, translated
from neanelu.platform import PlatformError
from neanelu.platform.cluster import database_dsn
from neanelu.settings import Settings, get_settings

#: A connection whose rows are dictionaries.
Connection = psycopg.Connection[DictRow]

#: Seconds to wait for the server's answer to a new connection.
CONNECT_TIMEOUT = 10
#: Limits of a session, in milliseconds. A lock that another holds for a minute is an error to be tried again;
#: statements of daemons may take as long as a merge of a million rows does, those of commands may not.
LIMITS = {"lock_timeout": 60_000, "statement_timeout": 0, "idle_in_transaction_session_timeout": 600_000}
COMMAND_LIMITS = {**LIMITS, "lock_timeout": 15_000, "statement_timeout": 300_000}


def application_name(purpose: str | None = None) -> str:
    """Return what the session is called in pg_stat_activity: `neanelu PURPOSE PID`, at most 63 bytes."""
    purpose = purpose or Path(sys.argv[0]).name
    return f"neanelu {purpose} {os.getpid()}"[:63]


def parameters(
    role: str,
    *,
    purpose: str | None = None,
    limits: Mapping[str, int] = LIMITS,
    dsn: str | None = None,
    settings: Settings | None = None,
) -> tuple[str, dict[str, Any]]:
    """Return connection string and keywords for psycopg's connect, or for a pool's `conninfo` and `kwargs`.

    Args:
        role: login to connect as; one that NEANELU_DATABASE_URL names wins over it.
        purpose: a word for pg_stat_activity's application_name.
        limits: parameters of the session, milliseconds.
        dsn: connect here instead of where the settings say (tests).
        settings: instead of the process's own.

    Raises:
        PlatformError: NEANELU_DATABASE_URL or its password file is no good.
    """
    target = dsn or database_dsn(role, settings or get_settings())
    # What the connection string sets comes last and wins.
    options = [f"-c {name}={value}" for name, value in limits.items()]
    options.append(str(conninfo_to_dict(target).get("options") or ""))
    keywords: dict[str, Any] = {
        "options": " ".join(options).strip(),
        "application_name": application_name(purpose),
        "connect_timeout": CONNECT_TIMEOUT,
        # A cable that was pulled out is noticed within a minute instead of hours.
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }
    return target, keywords


def connect(
    role: str = "neanelu_sync",
    *,
    autocommit: bool = False,
    purpose: str | None = None,
    command: bool = False,
    dsn: str | None = None,
    settings: Settings | None = None,
) -> Connection:
    """Return an open connection; the caller closes it (it is a context manager).

    Args:
        role: login to connect as; one that NEANELU_DATABASE_URL names wins over it.
        autocommit: each statement is its own transaction (listeners, heartbeats, single calls).
        purpose: a word for pg_stat_activity's application_name.
        command: a person waits: shorter limits for locks and statements.
        dsn: connect here instead of where the settings say (tests).
        settings: instead of the process's own.

    Raises:
        DatabaseUnavailable: nobody answers, the login is refused, or NEANELU_DATABASE_URL or its password file is no
            good; a daemon asks again later, as a secret's file may be missing for the moment in which it is replaced.
    """
    try:
        target, keywords = parameters(
            role, purpose=purpose, limits=COMMAND_LIMITS if command else LIMITS, dsn=dsn, settings=settings
        )
    except PlatformError as error:
        raise DatabaseUnavailable(str(error)) from error
    with translated():
        connection: Connection = psycopg.connect(
            target, autocommit=autocommit, row_factory=dict_row, **keywords
        )
    return connection


@contextmanager
def session(role: str = "neanelu_operator", **options: Any) -> Iterator[Connection]:
    """Yield an autocommit connection for a command and close it; database errors come out as NeaneluError.

    Args:
        role: login to connect as.
        options: further arguments of `connect`.

    Raises:
        NeaneluError: what the database said, by its code, or that it is not there.
    """
    with translated(), connect(role, **{"autocommit": True, "command": True, **options}) as connection:
        yield connection
