"""`neanelu deploy`, `revert` and `verify`: sqitch on the right database."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
import psycopg

from neanelu.cli.server import ensure_server, fail
from neanelu.platform import PlatformError, sqitch
from neanelu.platform.cluster import database_dsn

_PASS_THROUGH = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def _attempt(work: Callable[[], object]) -> None:
    """Run a sqitch command; exit with 1 when a script failed and with 3 when the environment is not ready."""
    try:
        work()
    except sqitch.SqitchError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except (PlatformError, psycopg.Error) as error:
        fail(error)


@click.command(context_settings=_PASS_THROUGH)
@click.option("--dry-run", is_flag=True, help="Say what would be deployed; change nothing.")
@click.option("--to", "to", metavar="CHANGE", help="Deploy up to this change and not further.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def deploy(dry_run: bool, to: str | None, arguments: tuple[str, ...]) -> None:
    """Deploy the schema: every change of sqitch.plan that is not deployed yet, each one verified.

    Starts the embedded server when it is not running. Arguments after `--` are sqitch's own.

    \b
    Examples:
      neanelu deploy
      neanelu deploy --dry-run
      neanelu deploy --to schema/core
      neanelu deploy -- --log-only       note the changes as deployed, without running them
    """
    ensure_server()
    dsn = database_dsn()
    if dry_run:
        _attempt(lambda: _status(dsn))
        return
    extra = [*(["--to-change", to] if to else []), *arguments]
    _attempt(lambda: sqitch.deploy(dsn, extra, echo=click.echo))


def _status(dsn: str) -> None:
    """Print which changes are deployed and which are not."""
    if not sqitch.deployed(dsn):
        click.echo("Nothing is deployed yet. The whole plan would be:")
        sqitch.run("plan", dsn, ["--format", "format:  %n", "--no-headers"], echo=click.echo)
    else:
        sqitch.run("status", dsn, echo=click.echo)


@click.command(context_settings=_PASS_THROUGH)
@click.option("--to", metavar="CHANGE", help="Revert what was deployed after this change; all without it.")
@click.option("--dry-run", is_flag=True, help="Say what would be reverted; change nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def revert(to: str | None, dry_run: bool, yes: bool, arguments: tuple[str, ...]) -> None:
    """Revert the schema, with all data in what is reverted.

    \b
    Examples:
      neanelu revert --to schema/core --dry-run
      neanelu revert --to schema/core
      neanelu revert --yes
    """
    if dry_run:
        ensure_server()
        _attempt(lambda: _would_revert(to))
        return
    what = f"everything after {to}" if to else "the whole schema"
    if not yes:
        click.confirm(f"Revert {what}? The data in it are lost.", abort=True)
    ensure_server()
    _attempt(lambda: sqitch.revert(database_dsn(), to, arguments, echo=click.echo))


def _would_revert(to: str | None) -> None:
    """Print the changes that a revert would undo, in its order; raises PlatformError when `to` is not deployed."""
    names = sqitch.deployed(database_dsn())
    if to is not None and to not in names:
        raise PlatformError(f"the change {to!r} is not deployed")
    gone = names[: names.index(to)] if to else names
    click.echo(f"Would revert {len(gone)} of {len(names)} deployed changes" + (":" if gone else ""))
    for name in gone:
        click.echo(f"  {name}")


@click.command(context_settings=_PASS_THROUGH)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def verify(arguments: tuple[str, ...]) -> None:
    """Run the verify script of every deployed change. Exit code 1 when something is missing.

    \b
    Examples:
      neanelu verify
      neanelu verify -- --from-change schema/core
    """
    ensure_server()
    _attempt(lambda: sqitch.verify(database_dsn(), arguments, echo=click.echo))
