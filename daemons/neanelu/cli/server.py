"""`neanelu server`: the embedded PostgreSQL, from nothing to a prompt."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click
import psycopg
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from neanelu.platform import PlatformError
from neanelu.platform import distribution as dist
from neanelu.platform.cluster import Cluster, client_env, database_dsn, export_lines
from neanelu.platform.scratch import Scratch
from neanelu.settings import get_settings

#: Messages go to standard error, so that `env` and `--json` can be read by programs.
console = Console(stderr=True)


def fail(error: Exception) -> NoReturn:
    """Print why the environment is not ready and exit with 3."""
    console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
    sys.exit(3)


@contextmanager
def provisioning_bar() -> Iterator[dist.Progress]:
    """Show a progress bar while the programs are provisioned; yields what `provision` calls."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(phase: str, fraction: float) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(phase, total=1.0)
            bar.update(tasks[phase], completed=fraction)

        yield report


def ensure_server() -> None:
    """Provision and start the embedded server, or check that the user's own database answers.

    Exits with 3 when neither works.
    """
    settings = get_settings()
    try:
        if settings.database_url:
            psycopg.connect(database_dsn(settings=settings), connect_timeout=5).close()
            return
        with provisioning_bar() as report:
            Cluster.embedded(settings).start(progress=report)
    except (PlatformError, psycopg.Error) as error:
        fail(error)


@click.group()
def server() -> None:
    """The embedded PostgreSQL: provision, start, stop, look inside.

    \b
    Examples:
      neanelu server start
      eval "$(neanelu server env)"       now psql, pg_dump, sqitch work in this shell
      neanelu server psql -c 'SELECT version()'
      neanelu server stop
    """


@server.command()
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait until it answers.")
def start(timeout: float) -> None:
    """Provision the programs when they are missing and start the server.

    Safe to repeat. With NEANELU_DATABASE_URL set nothing is provisioned or started; the command then only
    checks that the database answers (exit code 3 when it does not).
    """
    settings = get_settings()
    if settings.database_url:
        try:
            psycopg.connect(database_dsn(settings=settings), connect_timeout=5).close()
        except (PlatformError, psycopg.Error) as error:
            fail(error)
        click.echo("NEANELU_DATABASE_URL is set and answers: nothing to provision, nothing to start")
        return
    cluster = Cluster.embedded(settings)
    try:
        with provisioning_bar() as report:
            started = cluster.start(timeout, report)
    except PlatformError as error:
        fail(error)
    what = "started" if started else "running already"
    click.echo(f"PostgreSQL {what}: socket {cluster.socket_dir}, data {cluster.data}")


@server.command()
@click.option("--immediate", is_flag=True, help="Do not write a checkpoint; recover at the next start.")
def stop(immediate: bool) -> None:
    """Stop the server. Does nothing when it is not running."""
    if get_settings().database_url:
        click.echo("NEANELU_DATABASE_URL is set: that server is not ours to stop")
        return
    try:
        stopped = Cluster.embedded().stop("immediate" if immediate else "fast")
    except PlatformError as error:
        fail(error)
    click.echo("PostgreSQL stopped" if stopped else "PostgreSQL was not running")


@server.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def status(as_json: bool) -> None:
    """Say whether the server runs and where its files are. Exit code 3 when it does not run."""
    settings = get_settings()
    if settings.database_url:
        try:
            with psycopg.connect(database_dsn(settings=settings), connect_timeout=5) as connection:
                facts = {"state": "external", "version": connection.info.server_version}
        except (PlatformError, psycopg.Error) as error:
            fail(error)
        running = True
    else:
        now = Cluster.embedded(settings).status()
        found = dist.find(settings)
        facts = {
            "state": now.state,
            "pid": now.pid,
            "version": now.version,
            "socket": str(now.host),
            "data": str(now.data),
            "log": str(now.log),
            "programs": str(found.root) if found else None,
        }
        running = now.state == "running"
    if as_json:
        click.echo(json.dumps(facts))
    else:
        for name, value in facts.items():
            click.echo(f"{name:<9}{value if value is not None else '-'}")
    if not running:
        sys.exit(3)


@server.command()
def env() -> None:
    """Print `export` lines for a shell: eval "$(neanelu server env)"."""
    try:
        click.echo(export_lines(client_env()))
    except PlatformError as error:
        fail(error)


@server.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the database; arguments are psql's own."""
    try:
        variables = client_env()
    except PlatformError as error:
        fail(error)
    program = shutil.which("psql", path=variables["PATH"])
    if program is None:
        fail(PlatformError("psql is not on PATH; install a PostgreSQL client"))
    sys.stdout.flush()
    os.execve(program, [program, *arguments], {**os.environ, **variables})  # noqa: S606


@server.command()
@click.option("--programs", is_flag=True, help="Delete the provisioned programs too.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted; change nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def drop(programs: bool, dry_run: bool, yes: bool) -> None:
    """Stop the embedded server and delete its data for good."""
    settings = get_settings()
    cluster = Cluster.embedded(settings)
    if dry_run:
        gone = [cluster.home, Scratch().cluster.home, *([settings.cache_dir] if programs else [])]
        there = [str(folder) for folder in gone if folder.exists()]
        click.echo("Would delete " + (", ".join(there) or "nothing: there is no cluster"))
        return
    if not yes:
        click.confirm(f"Delete {cluster.home} with every row in it?", abort=True)
    try:
        cluster.drop()
        Scratch().destroy()
    except PlatformError as error:
        fail(error)
    if programs:
        shutil.rmtree(settings.cache_dir, ignore_errors=True)
    click.echo(f"{cluster.home} is gone" + (f", and {settings.cache_dir}" if programs else ""))


@server.command()
def drop_scratch() -> None:
    """Delete the cluster of the tests. It is made again when they run."""
    try:
        Scratch().destroy()
    except PlatformError as error:
        fail(error)
