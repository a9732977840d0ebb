"""`neanelu jobs`: what waits, what is under way, what was given up, and the few things to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import click
import orjson

from neanelu.cli.output import (
    age,
    console,
    emit,
    exits,
    instant,
    number,
    readable,
    seconds,
    status_text,
    table,
)
from neanelu.cli.shop import find_shop
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import JobElsewhere

STATUSES = ("waiting", "active", "completed", "failed", "cancelled")
_QUEUE = click.option("--queue", metavar="NAME", help="Only jobs of this queue.")
_LIMIT = click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="At most so many."
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only say what would be done.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def jobs() -> None:
    """Jobs: see the queues, look into a job, try dead letters again, cancel what waits.

    `neanelu worker` does them.

    \b
    Examples:
      neanelu jobs queues
      neanelu jobs list --status active
      neanelu jobs show 0198c0de-0000-7000-8000-000000000000
      neanelu jobs dead --queue webhooks
      neanelu jobs retry 0198c0de-0000-7000-8000-000000000000
    """


@jobs.command()
@_JSON
def queues(as_json: bool) -> None:
    """Show how many jobs of each queue wait, are active and have failed.

    DELAYED are those among the waiting whose time has not come (retries). OLDEST is how long the oldest job
    that may begin has waited: near zero when the workers keep up.

    \b
    Examples:
      neanelu jobs queues
      neanelu jobs queues --json | jq '[.[].dead] | add'
    """
    with exits(as_json), session("neanelu_operator", purpose="jobs") as connection:
        rows = connection.execute(sql.JOB_METRICS).fetchall()
    if as_json:
        emit(rows)
        return
    counts = ("waiting", "delayed", "active", "failed", "dead")
    columns = {"QUEUE": "left"} | dict.fromkeys((*(name.upper() for name in counts), "OLDEST"), "right")
    cells = [
        [row["queue_name"], *(number(row[name]) for name in counts), seconds(row["oldest_age"])]
        for row in rows
    ]
    oldest = max((row["oldest_age"] for row in rows), default=0.0)
    cells.append(["all", *(number(sum(row[name] for row in rows)) for name in counts), seconds(oldest)])
    console().print(table(columns, cells))


@jobs.command("list")
@_QUEUE
@click.option("--shop", metavar="SHOP", help="Only jobs of this shop (domain, its first word, or id).")
@click.option("--name", metavar="JOB", help="Only jobs of this name.")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only these; may repeat."
)
@_LIMIT
@_JSON
def list_(
    queue: str | None,
    shop: str | None,
    name: str | None,
    statuses: tuple[str, ...],
    limit: int,
    as_json: bool,
) -> None:
    """List jobs, the latest first.

    \b
    Examples:
      neanelu jobs list
      neanelu jobs list --queue webhooks --status waiting --limit 100
      neanelu jobs list --shop demo --name webhook.process --json | jq .[0]
    """  # fmt: skip
    with exits(as_json), session("neanelu_operator", purpose="jobs") as connection:
        shop_id = find_shop(connection, shop)["id"] if shop else None
        rows = connection.execute(
            sql.LIST_JOBS,
            {"queue": queue, "statuses": list(statuses) or None, "shop_id": shop_id, "name": name, "limit": limit},
        ).fetchall()  # fmt: skip
    if as_json:
        emit(rows)
        return
    if not rows:
        click.echo("no jobs")
        return
    columns = dict.fromkeys(
        ("JOB", "NAME", "QUEUE", "SHOP", "STATUS", "TRIES", "ASKED FOR", "TOOK", "ERROR"), "left"
    )
    console().print(
        table(
            columns,
            (
                (
                    row["job_id"], row["job_name"], row["queue_name"], _shop(row), status_text(row["status"]),
                    f"{row['attempts']}/{row['max_attempts']}", instant(row["created_at"]), _took(row),
                    readable((row["error_message"] or "").encode(), 60),
                )
                for row in rows
            ),
        )
    )  # fmt: skip


def _shop(row: dict[str, Any]) -> str:
    """Return the short name of a job's shop, or `-` for the platform's own."""
    return str(row["shop_domain"]).removesuffix(".myshopify.com") if row["shop_domain"] else "-"


def _took(row: dict[str, Any]) -> str:
    """Return how long the last attempt took, or has been taking."""
    if row["started_at"] is None:
        return "-"
    if row["status"] == "active":
        return age(row["started_at"])
    if row["ended_at"] is None:
        return "-"
    return seconds(max(0.0, (row["ended_at"] - row["started_at"]).total_seconds()))


@jobs.command()
@click.argument("job", type=click.UUID)
@_JSON
def show(job: UUID, as_json: bool) -> None:
    """Show all that is known of a job, what it was given and what went wrong included.

    \b
    Examples:
      neanelu jobs show JOB
      neanelu jobs show JOB --json | jq .payload
    """
    with exits(as_json), session("neanelu_operator", purpose="jobs") as connection:
        row = connection.execute(sql.SHOW_JOB, {"job_id": job}).fetchone()
        assert row is not None
    if as_json:
        emit(row)
        return
    click.echo(f"job       {row['job_id']}")
    task = f", by the task {row['task_name']}" if row["task_name"] else ""
    click.echo(_what(row, task))
    click.echo(f"shop      {row['shop_domain'] or '- (the platform)'}")
    out = console()
    out.print("status    ", status_text(row["status"]), sep="", end="")
    out.print(f", attempt {row['attempts']} of {row['max_attempts']}, asked for {instant(row['created_at'])}")
    if row["started_at"]:
        click.echo(f"began     {instant(row['started_at'])}, took {_took(row)}")
    if row["leased_by"]:
        click.echo(f"worker    {row['leased_by']}, lease until {instant(row['lease_expires_at'])}")
    if row["next_attempt_at"]:
        click.echo(f"next try  {instant(row['next_attempt_at'])}")
    if row["ended_at"]:
        click.echo(f"ended     {instant(row['ended_at'])}")
    if row["error_message"]:
        click.echo(f"error     {readable(row['error_message'].encode(), 1000)}")
    for label, value in (("payload", row["payload"]), ("result", row["result"])):
        if value is not None:
            click.echo(f"{label:<9} {readable(orjson.dumps(value), 2000)}")
    if row["error_stack"]:
        click.echo(row["error_stack"].rstrip())


def _what(row: dict[str, Any], task: str) -> str:
    """Return the line about name, queue and who does it."""
    where = {"database": "a function does it", "daemon": "a worker does it"}.get(
        row["runs_in"] or "", "nobody does it"
    )
    return f"what      {row['job_name']} in {row['queue_name']}, {where}{task}"


@jobs.command()
@_QUEUE
@_LIMIT
@_JSON
def dead(queue: str | None, limit: int, as_json: bool) -> None:
    """List dead letters: jobs that were given up, the latest first.

    \b
    Examples:
      neanelu jobs dead
      neanelu jobs dead --queue webhooks --json | jq -r '.[].error_message' | sort | uniq -c
    """
    with exits(as_json), session("neanelu_operator", purpose="jobs") as connection:
        rows = connection.execute(sql.DEAD_LETTERS, {"queue": queue, "limit": limit}).fetchall()
    if as_json:
        emit(rows)
        return
    if not rows:
        click.echo("no dead letters")
        return
    columns = dict.fromkeys(("JOB", "NAME", "QUEUE", "SHOP", "TRIES", "GIVEN UP", "ERROR"), "left")
    console().print(
        table(
            columns,
            (
                (
                    row["job_id"], row["job_name"], row["queue_name"], _shop(row), row["attempts"],
                    instant(row["failed_at"]), readable((row["error_message"] or "").encode(), 80),
                )
                for row in rows
            ),
        )
    )  # fmt: skip
    click.echo("when the cause is gone: neanelu jobs retry JOB, or neanelu jobs retry --queue NAME")


@jobs.command()
@click.argument("job", type=click.UUID, nargs=-1)
@click.option("--queue", metavar="NAME", help="All dead letters of this queue, the oldest first.")
@click.option("--name", metavar="JOB", help="With --queue: only those of this name.")
@click.option(
    "--limit", default=1000, show_default=True, type=click.IntRange(1, 100_000), help="With --queue: at most so many."
)  # fmt: skip
@_DRY_RUN
@_JSON
def retry(
    job: tuple[UUID, ...], queue: str | None, name: str | None, limit: int, dry_run: bool, as_json: bool
) -> None:
    """Let failed or cancelled jobs begin anew, with all their attempts before them.

    Mend the cause first: `neanelu jobs show JOB` has it.

    \b
    Examples:
      neanelu jobs retry JOB [JOB...]
      neanelu jobs retry --queue webhooks --name webhook.process --dry-run
    """
    if bool(job) == bool(queue):
        raise click.UsageError("give JOBs or --queue, and not both")
    if name and not queue:
        raise click.UsageError("--name belongs to --queue")
    with exits(as_json), session("neanelu_operator", purpose="jobs") as connection:
        if queue:
            count = _retry_queue(connection, queue, name, limit, dry_run)
        else:
            _each(connection, job, sql.RETRY_JOB, ("failed", "cancelled"), dry_run)
            count = len(job)
    _say("begun anew", count, dry_run, as_json)


def _retry_queue(connection: Connection, queue: str, name: str | None, limit: int, dry_run: bool) -> int:
    """Try a queue's dead letters again, or only count them."""
    if dry_run:
        rows = connection.execute(sql.DEAD_LETTERS, {"queue": queue, "limit": 1_000_000}).fetchall()
        return min(limit, sum(name in (None, row["job_name"]) for row in rows))
    row = connection.execute(sql.RETRY_DEAD, {"queue": queue, "name": name, "limit": limit}).fetchone()
    assert row is not None
    return int(row["retried"])


def _each(
    connection: Connection, jobs: Sequence[UUID], statement: str, statuses: Sequence[str], dry_run: bool
) -> None:
    """Do something with each job, all or none; or only look whether it could be done.

    Raises:
        NotFound: there is no such job (NJ008).
        JobElsewhere: one is in another state (NJ009).
    """
    with connection.transaction():
        for job_id in jobs:
            if not dry_run:
                connection.execute(statement, {"job_id": job_id})
                continue
            row = connection.execute(sql.SHOW_JOB, {"job_id": job_id}).fetchone()
            if row is not None and row["status"] not in statuses:
                raise JobElsewhere(
                    f"job {job_id} is {row['status']}", hint=f"It would have to be {' or '.join(statuses)}"
                )


def _say(what: str, count: int, dry_run: bool, as_json: bool) -> None:
    """Say how many jobs something was done with (a participle)."""
    if as_json:
        emit({"jobs": count, "dry_run": dry_run})
    else:
        click.echo(
            f"{number(count)} {'job' if count == 1 else 'jobs'} {'would be ' if dry_run else ''}{what}"
        )


@jobs.command()
@click.argument("job", type=click.UUID, nargs=-1, required=True)
@_DRY_RUN
@_JSON
def cancel(job: tuple[UUID, ...], dry_run: bool, as_json: bool) -> None:
    """Take waiting jobs out of their queues; all of them, or none when one does not wait.

    What is under way cannot be cancelled. `neanelu jobs retry` takes it back.

    \b
    Examples:
      neanelu jobs cancel JOB
      neanelu jobs cancel --dry-run JOB JOB
    """
    with exits(as_json), session("neanelu_operator", purpose="jobs") as connection:
        _each(connection, job, sql.CANCEL_JOB, ("waiting",), dry_run)
    _say("cancelled", len(job), dry_run, as_json)
