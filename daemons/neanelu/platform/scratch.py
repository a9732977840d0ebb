"""Databases to throw away: clones of a template that sqitch deployed once.

For tests and measurements. A template is keyed by a hash of everything that is deployed, so that it is made
once for a state of the scripts and is there for the next run. The clusters run without fsync: a crash of the
machine may break them, and they are then made anew; a crash of the server alone does not.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil
import psycopg
from psycopg import sql

from neanelu.platform import PlatformError, sqitch
from neanelu.platform.cluster import SUPERUSER, Cluster
from neanelu.settings import get_settings

#: Settings of clusters that hold nothing of value. Commits stay synchronous: without that a killed server
#: loses what it said was committed, and tests kill servers.
THROWAWAY: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "1h",
}
#: Where pgTAP's functions are found by a test script, behind the names of the product.
PGTAP_SEARCH_PATH = "neanelu,app,public,extensions,tap"
_TEMPLATES_KEPT = 2
_counter = itertools.count(1)


@dataclass
class Database:
    """A database of its own, cloned from the deployed template."""

    cluster: Cluster
    name: str
    _connections: list[psycopg.Connection[Any]] = field(default_factory=list)

    def dsn(self, role: str = SUPERUSER, **more: str) -> str:
        """Return a connection string to this database for a role."""
        return self.cluster.dsn(role, self.name, **more)

    def env(self, role: str = SUPERUSER) -> dict[str, str]:
        """Return PGHOST … PATH for programs that speak to this database."""
        return self.cluster.env(role, self.name)

    def connect(
        self, role: str | None = None, *, autocommit: bool = True, **more: Any
    ) -> psycopg.Connection[Any]:
        """Return a connection as a login role (the superuser without one), closed with the database."""
        connection: psycopg.Connection[Any] = psycopg.connect(
            self.dsn(role or SUPERUSER), autocommit=autocommit, **more
        )
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        """Close all connections that were handed out."""
        for connection in self._connections:
            with contextlib.suppress(psycopg.Error):
                connection.close()
        self._connections.clear()


def deployed_hash(project: Path | None = None) -> str:
    """Return a hash of what `sqitch deploy` reads: plan, configuration, deploy and verify scripts."""
    project = project or sqitch.project_dir()
    digest = hashlib.sha256()
    files = [project / "sqitch.plan", project / "sqitch.conf", *sorted((project / "db").rglob("*.sql"))]
    for path in files:
        if path.is_relative_to(project / "db/revert"):
            continue
        digest.update(str(path.relative_to(project)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


class Scratch:
    """A throw-away cluster that hands out deployed databases.

    Several processes may use one at the same time: the last to close it stops the server.
    """

    def __init__(self, home: Path | None = None) -> None:
        default = get_settings().home
        self.cluster = Cluster(
            home or default.with_name(default.name + "-scratch"),
            options=THROWAWAY,
        )
        self._users: IO[str] | None = None
        self._template: str | None = None
        self._golden: Path | None = None

    # --- Life ---------------------------------------------------------------------------------------------
    def open(self) -> None:
        """Start the cluster, making it anew when a crash of the machine broke it; raises PlatformError."""
        self.cluster.home.mkdir(parents=True, exist_ok=True, mode=0o755)
        self._users = (self.cluster.home / ".users").open("a")
        fcntl.flock(self._users, fcntl.LOCK_SH)
        try:
            self.cluster.start()
        except PlatformError:
            shutil.rmtree(self.cluster.data, ignore_errors=True)
            self.cluster.start()
        self._sweep()

    def close(self) -> None:
        """Drop what this process made and stop the server when nobody else uses it."""
        if self._golden is not None:
            shutil.rmtree(self._golden, ignore_errors=True)
            self._golden = None
        if self._users is None:
            return
        with self._users:
            fcntl.flock(self._users, fcntl.LOCK_UN)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.cluster.stop("fast")
        self._users = None

    def destroy(self) -> None:
        """Delete the cluster, whoever uses it; it is made again by the next `open`."""
        self.close()
        if self.cluster.home.exists():
            self.cluster.drop()

    def _sweep(self) -> None:
        """Drop the databases of processes that are gone, and the templates of older states of the scripts."""
        with self._maintenance() as connection:
            names = [
                row[0] for row in connection.execute("SELECT datname FROM pg_database ORDER BY oid DESC")
            ]
            for name in names:
                parts = name.split("_")
                if parts[0] in ("scratch", "building") and not psutil.pid_exists(int(parts[1])):
                    self._drop(connection, name)
            for name in [name for name in names if name.startswith("template_")][_TEMPLATES_KEPT:]:
                with contextlib.suppress(psycopg.Error):
                    self._drop(connection, name)

    @contextlib.contextmanager
    def _maintenance(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield a superuser's connection under the lock that keeps two processes from doing this at once."""
        with psycopg.connect(self.cluster.dsn(dbname="postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(hashtext('neanelu.scratch'))")
            yield connection

    @staticmethod
    def _drop(connection: psycopg.Connection[Any], name: str) -> None:
        """Drop a database, and who is connected to it; also what a crash left half dropped.

        Such a database is invalid (datconnlimit -2): it can be dropped, but not altered.
        """
        identifier = sql.Identifier(name)
        marked = connection.execute(
            "SELECT FROM pg_database WHERE datname = %s AND datistemplate AND datconnlimit <> -2", [name]
        ).fetchone()
        if marked is not None:
            connection.execute(sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE false").format(identifier))
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))

    # --- Databases ----------------------------------------------------------------------------------------
    def template(self) -> str:
        """Return the name of the deployed template, deploying it when the scripts are new.

        Raises:
            SqitchError: the scripts do not deploy.
        """
        if self._template is None:
            name = f"template_{deployed_hash()}"
            with self._maintenance() as connection:
                known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone()
                if known is None:
                    building = f"building_{os.getpid()}"
                    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(building)))
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(building)))
                    sqitch.deploy(self.cluster.dsn(dbname=building))
                    self._add_test_extensions(building)
                    connection.execute(
                        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                            sql.Identifier(building), sql.Identifier(name)
                        )
                    )
                    connection.execute(
                        sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE true").format(sql.Identifier(name))
                    )
            self._template = name
        return self._template

    def _add_test_extensions(self, name: str) -> None:
        """Install pgTAP and plpgsql_check into a schema that any role of a test may use."""
        with psycopg.connect(self.cluster.dsn(dbname=name), autocommit=True) as connection:
            connection.execute("CREATE SCHEMA tap")
            connection.execute("GRANT USAGE ON SCHEMA tap TO PUBLIC")
            connection.execute("CREATE EXTENSION pgtap SCHEMA tap")
            connection.execute("CREATE EXTENSION plpgsql_check SCHEMA tap")

    def create(self) -> Database:
        """Return a new database like the template: its tables, grants and settings; raises SqitchError."""
        template = self.template()
        name = f"scratch_{os.getpid()}_{next(_counter)}"
        with psycopg.connect(self.cluster.dsn(dbname="postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
            # CREATE DATABASE leaves out what belongs to the database itself: rights and settings.
            connection.execute(
                "UPDATE pg_database SET datacl = t.datacl FROM pg_database AS t"
                " WHERE pg_database.datname = %s AND t.datname = %s",
                [name, template],
            )
            connection.execute(
                "INSERT INTO pg_db_role_setting (setdatabase, setrole, setconfig)"
                " SELECT n.oid, s.setrole, s.setconfig FROM pg_db_role_setting AS s"
                " JOIN pg_database AS t ON t.oid = s.setdatabase AND t.datname = %s"
                " JOIN pg_database AS n ON n.datname = %s",
                [template, name],
            )
        return Database(self.cluster, name)

    def drop(self, database: Database) -> None:
        """Close and drop a database that `create` returned."""
        database.close()
        with psycopg.connect(self.cluster.dsn(dbname="postgres"), autocommit=True) as connection:
            self._drop(connection, database.name)

    # --- Whole clusters -----------------------------------------------------------------------------------
    def private_cluster(self, options: Mapping[str, str] | None = None) -> Cluster:
        """Return a started cluster of its own, deployed in its database `neanelu`, to be killed at will.

        The caller calls `drop()` on it. A process's first call deploys; later ones copy that data folder.
        """
        if self._golden is None:
            golden = Cluster(reachable_folder("golden"), options=THROWAWAY)
            try:
                golden.start()
                sqitch.deploy(golden.dsn())
                golden.stop()
            except BaseException:
                golden.drop()
                raise
            self._golden = golden.home
        home = reachable_folder("private")
        subprocess.run(["cp", "-a", "--reflink=auto", str(self._golden / "data"), str(home)], check=True)
        cluster = Cluster(home, options={**THROWAWAY, **(options or {})})
        try:
            cluster.start()
        except BaseException:
            cluster.drop()
            raise
        return cluster


def reachable_folder(purpose: str) -> Path:
    """Return a new temporary folder that the server's user can enter."""
    folder = Path(tempfile.mkdtemp(prefix=f"neanelu-{purpose}-"))
    folder.chmod(0o755)
    return folder
