"""`neanelu tasks`: recurring work, when it ran and will run."""

from __future__ import annotations

from typing import Any

import click

from neanelu.cli.output import age, console, emit, exits, instant, number, status_text, table
from neanelu.cli.shop import find_shop
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import NotFound

_SHOP = click.option("--shop", metavar="SHOP", help="The task of this shop [default: the platform's].")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def tasks() -> None:
    """Recurring tasks: list them, run one now, pause one, let it go on.

    Every `neanelu worker` fires them; each tick runs once, however many workers there are.

    \b
    Examples:
      neanelu tasks list
      neanelu tasks run partitions.maintain
      neanelu tasks pause jobs.purge
    """


@tasks.command("list")
@_JSON
def list_(as_json: bool) -> None:
    """List the tasks with their last and next run.

    \b
    Examples:
      neanelu tasks list
      neanelu tasks list --json | jq '.[] | select(.error_count > 0)'
    """
    with exits(as_json), session("neanelu_operator", purpose="tasks") as connection:
        rows = connection.execute(sql.LIST_TASKS).fetchall()
    if as_json:
        emit(rows)
        return
    if not rows:
        click.echo("no tasks")
        return
    left, right = "left", "right"
    columns = dict.fromkeys(("TASK", "SHOP", "WHEN", "ZONE", "LAST", "NEXT", "LAST JOB"), left)
    columns |= dict.fromkeys(("RUNS", "FAILED"), right)
    console().print(
        table(
            columns,
            (
                (
                    row["task_name"], row["shop_id"] or "-", row["cron_expression"], row["timezone"],
                    f"{age(row['last_run_at'])} ago" if row["last_run_at"] else "never",
                    instant(row["next_run_at"]) if row["is_active"] else "paused",
                    status_text(row["last_status"]), number(row["run_count"]), number(row["error_count"]),
                )
                for row in rows
            ),
        )
    )  # fmt: skip
    if any(row["is_active"] and row["next_run_at"] is None for row in rows):
        click.echo("a task without a next run waits for a worker to work it out: neanelu worker")


def _target(connection: Connection, name: str, shop: str | None) -> dict[str, Any]:
    """Return name and shop of a task that there is; raises NotFound (NJ011, NH002)."""
    shop_id = find_shop(connection, shop)["id"] if shop else None
    known = connection.execute(sql.LIST_TASKS).fetchall()
    if not any(row["task_name"] == name and row["shop_id"] == shop_id for row in known):
        raise NotFound(f"there is no task {name!r}", code="NJ011", hint="neanelu tasks list")
    return {"name": name, "shop_id": shop_id}


@tasks.command()
@click.argument("task")
@_SHOP
@_JSON
def run(task: str, shop: str | None, as_json: bool) -> None:
    """Ask for a task's job now, beside its ticks. Prints the job; a worker does it.

    \b
    Examples:
      neanelu tasks run partitions.maintain
      neanelu jobs show "$(neanelu tasks run jobs.purge --json | jq -r .job_id)"
    """
    with exits(as_json), session("neanelu_operator", purpose="tasks") as connection:
        row = connection.execute(sql.RUN_TASK, _target(connection, task, shop)).fetchone()
        assert row is not None
    if as_json:
        emit(row)
    else:
        click.echo(f"job {row['job_id']} was asked for")


def _set_active(task: str, shop: str | None, is_active: bool, as_json: bool) -> None:
    """Pause a task or let it go on, and say so."""
    with exits(as_json), session("neanelu_operator", purpose="tasks") as connection:
        parameters = {**_target(connection, task, shop), "is_active": is_active}
        row = connection.execute(sql.PAUSE_TASK, parameters).fetchone()
        assert row is not None
    if as_json:
        emit({"task_name": task, "is_active": is_active, "changed": row["changed"]})
    else:
        already = "" if row["changed"] else " already"
        click.echo(f"{task} {'goes on' if is_active else 'is paused'}{already}")


@tasks.command()
@click.argument("task")
@_SHOP
@_JSON
def pause(task: str, shop: str | None, as_json: bool) -> None:
    """Let a task's ticks pass by until `resume`. A job that waits already is not touched.

    \b
    Examples:
      neanelu tasks pause jobs.purge
    """
    _set_active(task, shop, False, as_json)


@tasks.command()
@click.argument("task")
@_SHOP
@_JSON
def resume(task: str, shop: str | None, as_json: bool) -> None:
    """Let a paused task go on with its next tick.

    \b
    Examples:
      neanelu tasks resume jobs.purge
    """
    _set_active(task, shop, True, as_json)
