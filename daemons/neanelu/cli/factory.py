"""`neanelu factory`: run the product information factory, and say what it has made."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any

import click
import psycopg
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from neanelu.cli.output import age, console, emit, exits, number, seconds, table
from neanelu.cli.pim import print_story
from neanelu.cli.sync import INTERRUPTED, stop_on_signals
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.settings import Settings

#: Readings of a batch, one transaction.
BATCH = 500
#: Deadlocks that a batch may lose before that is an error.
_DEADLOCKS = 5

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def factory() -> None:
    """The product information factory: what was harvested becomes golden records.

    A `neanelu worker` does the same by itself, every minute (task pim.process).

    \b
    Examples:
      neanelu factory run --until-idle
      neanelu factory status
      neanelu factory report --json | jq .levels
    """


@factory.command()
@click.option("--until-idle", is_flag=True, help="Go on until nothing waits; else one batch.")
@click.option(
    "--limit", default=BATCH, show_default=True, type=click.IntRange(1, 10_000), help="Readings a batch."
)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 8), help="Batches at a time.")
@_JSON
def run(until_idle: bool, limit: int, workers: int, as_json: bool) -> None:
    """Read what was harvested and take it into golden records: match, propose, decide, score, describe.

    Each batch is one transaction; interrupted, nothing of it is there and the next run does it. What has content
    that the database refuses is set aside (`neanelu factory retry`).

    Exit code 1: something was set aside.

    \b
    Examples:
      neanelu factory run
      neanelu factory run --until-idle --workers 2
    """
    with exits(as_json), stop_on_signals() as stop:
        done = run_factory(workers if until_idle else 1, limit, stop=stop, until_idle=until_idle)
    if as_json:
        emit(done)
    else:
        print_run(done)
    if stop.is_set():
        sys.exit(INTERRUPTED)
    if done.get("failed"):
        sys.exit(1)


@factory.command()
@_JSON
def status(as_json: bool) -> None:
    """Say what waits: documents to read, readings to take in, golden records to finish, and what was set aside.

    \b
    Examples:
      neanelu factory status
      neanelu factory status --json
    """
    with exits(as_json), session("neanelu_operator", purpose="factory") as connection:
        found = _one(connection, sql.FACTORY_STATUS)
    if as_json:
        emit(found)
        return
    since = f", the oldest for {age(datetime.fromisoformat(found['oldest']))}" if found["oldest"] else ""
    click.echo(f"documents to read    {number(found['documents'])}")
    click.echo(f"readings to take in  {number(found['readings'])}{since}")
    click.echo(f"records to finish    {number(found['products'])}")
    click.echo(f"set aside            {number(found['failed'])}")
    if found["last_error"]:
        click.echo(f"! {found['last_error']}")


@factory.command()
@_JSON
def retry(as_json: bool) -> None:
    """Let what was set aside be tried again.

    \b
    Examples:
      neanelu factory retry && neanelu factory run --until-idle
    """
    with exits(as_json), session("neanelu_operator", purpose="factory") as connection:
        again = _one(connection, sql.FACTORY_RETRY)
    if as_json:
        emit({"again": again})
    else:
        click.echo(f"{number(again)} wait again")


@factory.command()
@_JSON
def report(as_json: bool) -> None:
    """Show what the factory has made: sources, golden records by level, merges, reviews waiting, a value explained.

    Reads whole tables: seconds at a million records.

    \b
    Examples:
      neanelu factory report
      neanelu factory report --json | jq '.levels, .proposals'
    """
    with exits(as_json), session("neanelu_operator", purpose="factory") as connection:
        found = collect(connection)
    if as_json:
        emit(found)
    else:
        print_report(found)


# --- The work ---------------------------------------------------------------------------------------------
def run_factory(
    workers: int,
    limit: int = BATCH,
    *,
    stop: threading.Event | None = None,
    until_idle: bool = True,
    settings: Settings | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Run batches until nothing waits, or one, and return the sums of their counts with `seconds` and `batches`.

    Args:
        workers: batches at a time, each with a connection of its own.
        limit: readings a batch.
        stop: ends the work after the batches under way.
        until_idle: go on until nothing waits.
        settings: instead of the process's own.
        quiet: no bar.

    Raises:
        NeaneluError: what the database said.
    """
    began = time.monotonic()
    stop = stop or threading.Event()
    totals: dict[str, int] = {"batches": 0, "sessions": 0, "products": 0}
    lock = threading.Lock()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    screen = console(error=True)
    with Progress(*columns, console=screen, transient=True, disable=quiet or not screen.is_terminal) as bar:
        with session("neanelu_operator", purpose="factory", settings=settings) as connection:
            waiting = _one(connection, sql.FACTORY_STATUS)
        readings = bar.add_task("readings", total=waiting["documents"] + waiting["readings"])
        records = bar.add_task("golden records", total=None)

        def work(_: int) -> None:
            with session("neanelu_operator", purpose="factory", command=False, settings=settings) as own:
                left = -1
                while not stop.is_set():
                    counts = _batch(own, limit)
                    with lock:
                        totals["batches"] += 1
                        for name, value in counts.items():
                            totals[name] = totals.get(name, 0) + int(value)
                        bar.update(readings, completed=totals["sessions"])
                        bar.update(records, completed=totals["products"])
                    if not until_idle:
                        return
                    if not counts["sessions"] and not counts["products"]:
                        # Documents without product data leave no readings. Those that do not become fewer are another's.
                        before, left = left, _one(own, sql.FACTORY_STATUS)["documents"]
                        if left in (0, before):
                            return

        if workers == 1:
            work(0)
        else:
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(work, range(workers)))
    return {**totals, "seconds": round(time.monotonic() - began, 3)}


def _batch(connection: Connection, limit: int) -> dict[str, int]:
    """Run one batch; again when it met another in a deadlock, which undid it whole."""
    for _ in range(_DEADLOCKS):
        with suppress(psycopg.errors.DeadlockDetected):
            return dict(_one(connection, sql.FACTORY_PROCESS, {"limit": limit}))
    return dict(_one(connection, sql.FACTORY_PROCESS, {"limit": limit}))


def _one(connection: Connection, statement: str, values: dict[str, Any] | None = None) -> Any:
    """Return the only value of a statement's only row."""
    row = connection.execute(statement, values).fetchone()
    assert row is not None
    return next(iter(row.values()))


def collect(connection: Connection) -> dict[str, Any]:
    """Return the report, with the decided value explained about which sources disagree most."""
    found: dict[str, Any] = _one(connection, sql.FACTORY_REPORT)
    disputed = connection.execute(sql.FACTORY_DISPUTED).fetchone()
    found["explained"] = None
    if disputed is not None:
        found["explained"] = {
            "title": disputed["title"],
            "field": disputed["field_path"],
            "product_id": disputed["product_id"],
            "story": _one(connection, sql.PIM_EXPLAIN, disputed),
        }
    return found


# --- What people see --------------------------------------------------------------------------------------
def print_run(done: dict[str, Any]) -> None:
    """Say what a run did."""
    took = done["seconds"]
    rate = f", {number(round(done['sessions'] / took))}/s" if done["sessions"] and took else ""
    click.echo(f"{number(done['sessions'])} readings in {seconds(took)}{rate}")
    for name, what in (
        ("matched", "belong to a record that was there"),
        ("created", "made a new record"),
        ("review", "made a record that a person should compare"),
        ("proposed", "values proposed"),
        ("versions", "new versions of golden records"),
        ("failed", "set aside: neanelu factory status"),
    ):
        if done.get(name):
            click.echo(f"  {number(done[name])} {what}")


def print_report(found: dict[str, Any]) -> None:
    """Print the report for people."""
    left, right = "left", "right"
    columns = {"SOURCE": left, "TYPE": left}
    columns |= dict.fromkeys(("TRUST", "DOCUMENTS", "READINGS", "PRODUCTS", "VALUES", "AGREE"), right)
    rows: list[Sequence[object]] = [
        (
            one["name"], one["type"].lower(), f"{one['trust']:.2f}", number(one["documents"]), number(one["readings"]),
            number(one["products"]), number(one["votes"]), f"{one['won'] / one['votes']:.0%}" if one["votes"] else "-",
        )
        for one in found["sources"]
    ]  # fmt: skip
    console().print(table(columns, rows))
    levels, proposals, clusters = found["levels"], found["proposals"], found["clusters"]
    named = [f"{number(levels[name])} {name}" for name in _LEVELS if levels.get(name)]
    lines = (
        ("golden records", f"{number(found['products'])}: {', '.join(named) or 'none'}"),
        ("told by several", f"{number(found['said_by_several'])} records"),
        ("shops", f"{number(found['linked'])} products linked with their golden record"),
        ("merges", f"{number(found['duplicates'])} duplicates merged, {_counted(clusters, 'pending')} groups wait for review"),
        ("values", f"{_counted(proposals, 'approved')} in force, {_counted(proposals, 'merged')} agree, "
                   f"{_counted(proposals, 'rejected')} lost, {_counted(proposals, 'pending')} wait for review"),
        ("names", f"{number(found['names_proposed'])} names of attributes wait for review"),
    )  # fmt: skip
    for name, text in lines:
        click.echo(f"{name:<16} {text}")
    if found["explained"]:
        click.echo()
        print_explained(found["explained"])
    if found["waiting"]["failed"]:
        click.echo(f"! {number(found['waiting']['failed'])} were set aside: neanelu factory status")


_LEVELS = ("golden", "silver", "bronze", "review_needed")


def _counted(counts: dict[str, int], name: str) -> str:
    return number(counts.get(name, 0))


def print_explained(explained: dict[str, Any]) -> None:
    """Tell the story of a value; see pim.explain."""
    click.echo(f"the most disputed value: {explained['field']} of {explained['title']}")
    print_story(explained["story"])
