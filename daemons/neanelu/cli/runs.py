"""`neanelu runs`: what the pipeline did and does, and the few things to do about it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import click

from neanelu.cli.output import (
    console,
    emit,
    exits,
    instant,
    number,
    readable,
    seconds,
    size,
    status_text,
    table,
)
from neanelu.cli.shop import find_shop
from neanelu.db import sql
from neanelu.db.connection import session

STATUSES = ("pending", "running", "completed", "failed", "cancelled")
_COUNTS = ("lines", "merged", "unchanged", "quarantined", "duplicate", "ignored", "tombstoned")


@click.group()
def runs() -> None:
    """Runs: list them, look into one, try one again, cancel one.

    \b
    Examples:
      neanelu runs list --status failed
      neanelu runs show 0198c0de-0000-7000-8000-000000000000 --errors 50
      neanelu runs retry 0198c0de-0000-7000-8000-000000000000
    """


@runs.command("list")
@click.option("--shop", metavar="SHOP", help="Only runs of this shop (domain, its first word, or id).")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only these; may repeat."
)
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(shop: str | None, statuses: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List runs, newest first.

    \b
    Examples:
      neanelu runs list
      neanelu runs list --shop demo --status pending --status running
      neanelu runs list --json --limit 1000 | jq '[.[] | select(.lines_quarantined > 0)]'
    """
    with exits(as_json), session("neanelu_operator", purpose="runs") as connection:
        shop_id = find_shop(connection, shop)["id"] if shop else None
        parameters = {"shop_id": shop_id, "statuses": list(statuses) or None, "limit": limit}
        rows = connection.execute(sql.LIST_RUNS, parameters).fetchall()
    if as_json:
        emit(rows)
        return
    if not rows:
        click.echo("no runs" if shop or statuses else "no runs yet; start one with: neanelu sync SHOP")
        return
    left, right = "left", "right"
    columns = {"RUN": left, "SHOP": left, "RESOURCE": left, "MODE": left, "STATUS": left, "REQUESTED": left}
    columns |= dict.fromkeys(("TOOK", "LINES", "MERGED", "UNCHANGED", "BAD", "DELETED"), right)
    console().print(
        table(
            columns,
            (
                (
                    row["run_id"],
                    row["shop"].removesuffix(".myshopify.com"),
                    row["resource"],
                    row["mode"] + ("*" if row["is_partial"] else ""),
                    status_text(row["status"], _where(row)),
                    instant(row["requested_at"]),
                    seconds(row["seconds"]),
                    number(row["lines_in"]),
                    number(row["lines_merged"]),
                    number(row["lines_unchanged"]),
                    number(row["lines_quarantined"]),
                    number(row["rows_tombstoned"]),
                )
                for row in rows
            ),
        )
    )
    if any(row["is_partial"] for row in rows):
        click.echo("* from partial data: Shopify's operation did not finish, so nothing was judged deleted")


def _where(row: dict[str, Any]) -> str | None:
    """Return what to say behind a status: the step of a running run, the code of a failure."""
    if row["status"] == "running":
        return str(row["step"]) if row["step"] else None
    if row["status"] in ("failed", "pending") and row["error_code"]:
        return str(row["error_code"])
    return None


@runs.command()
@click.argument("run", type=click.UUID)
@click.option(
    "--errors", default=5, show_default=True, type=click.IntRange(0), help="Quarantined lines to show."
)
@click.option(
    "--after", default=0, type=click.IntRange(0), help="Show quarantined lines after this line number."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def show(run: UUID, errors: int, after: int, as_json: bool) -> None:
    """Show one run: its steps, what became of its lines, and lines in quarantine.

    \b
    Examples:
      neanelu runs show RUN
      neanelu runs show RUN --errors 100 --after 5000
      neanelu runs show RUN --json --errors 0 | jq .counts
    """
    with exits(as_json), session("neanelu_sync", purpose="runs") as connection:
        found = connection.execute(sql.RUN_DETAILS, {"run_id": run}).fetchone()
        assert found is not None
        details: dict[str, Any] = found["details"]
        quarantined = (
            connection.execute(
                sql.RUN_ERRORS, {"run_id": run, "limit": errors, "after_line": after}
            ).fetchall()
            if errors
            else []
        )
    if as_json:
        emit({**details, "errors": quarantined})
        return
    _print_summary(details)
    _print_steps(details)
    _print_counts(details)
    print_quarantine(details, quarantined)


def _print_summary(details: dict[str, Any]) -> None:
    """Print what a run is and how it stands."""
    source = "from a file" if details["source"] == "file" else f"API {details['api_version']}"
    click.echo(f"run       {details['run_id']}")
    click.echo(f"what      {details['resource']} of {details['shop']}, {details['mode']}, {source}")
    if details["filter_from"]:
        click.echo(f"since     {instant(details['filter_from'])}")
    if details["operation_gid"]:
        click.echo(f"operation {details['operation_gid']}")
    out = console()
    out.print("status    ", status_text(details["status"], _where(details)), sep="", end="")
    out.print(f", requested {instant(details['requested_at'])}, took {seconds(details['seconds'])}")
    if details["leased_by"]:
        lease = instant(details["lease_expires_at"])
        click.echo(f"daemon    {details['leased_by']}, attempt {details['attempt']}, lease until {lease}")
    if details["status"] == "pending":
        tries = f"{details['retry_count']} of {details['max_retries']} retries used"
        click.echo(f"next try  {instant(details['not_before'])}, {tries}")
    if details["error_message"]:
        click.echo(f"error     {details['error_message']} ({details['error_code']})")
    if details["is_partial"]:
        click.echo("partial   Shopify's operation did not finish: nothing was judged deleted")
    written = (number(details[name]) for name in ("rows_inserted", "rows_updated", "rows_tombstoned"))
    click.echo("rows      {} inserted, {} updated, {} marked deleted".format(*written))
    for artifact in details["artifacts"]:
        gone = ", removed" if artifact["removed_at"] else ""
        click.echo(f"file      {artifact['file_path']} ({size(artifact['bytes'])}{gone})")
        if artifact["sha256"]:
            click.echo(f"sha256    {artifact['sha256']}")


def _print_steps(details: dict[str, Any]) -> None:
    """Print the steps of a run."""
    if not details["steps"]:
        return
    columns = {
        "STEP": "left",
        "STATUS": "left",
        "STARTED": "left",
        "TOOK": "right",
        "RECORDS": "right",
        "ERROR": "left",
    }
    rows = (
        (
            step["step"],
            status_text(step["status"]),
            instant(step["started_at"]),
            seconds(step["seconds"]),
            number(step["records"]),
            step["error_message"] or "",
        )
        for step in details["steps"]
    )
    console().print(table(columns, rows, wrap="ERROR"))


def _print_counts(details: dict[str, Any]) -> None:
    """Print what became of the lines, kind by kind, with the sum."""
    counts = details["counts"]
    if not counts:
        if details["lines_in"] is not None:
            click.echo(
                f"{number(details['lines_in'])} lines came in; they are accounted for when the run is merged"
            )
        return
    names = {"?": "(unknown)", "-": "(blank)"}
    rows = [[names.get(row["kind"], row["kind"]), *(number(row[name]) for name in _COUNTS)] for row in counts]
    if len(counts) > 1:
        rows.append(["all", *(number(sum(row[name] for row in counts)) for name in _COUNTS)])
    columns = {"KIND": "left"} | dict.fromkeys((name.upper() for name in _COUNTS), "right")
    console().print(table(columns, rows))


def print_quarantine(details: dict[str, Any], quarantined: list[dict[str, Any]]) -> None:
    """Print the reasons for quarantine, and some of the lines."""
    reasons = details["error_codes"]
    if not reasons:
        return
    total = sum(reason["lines"] for reason in reasons)
    why = ", ".join(
        f"{number(reason['lines'])} {reason['code']} {reason['kind'] or '?'}" for reason in reasons
    )
    click.echo(f"{number(total)} lines in quarantine: {why}")
    for row in quarantined:
        what = "  ".join(filter(None, (row["error_code"], row["kind"], row["object_gid"])))
        click.echo(f"  line {row['line_number']}  {what}")
        click.echo(f"    {readable(row['error_message'].encode(), 300)}")
        if row["excerpt"] is not None:
            click.echo(f"    {readable(row['excerpt'], 200)}  [{size(row['raw_bytes'])}]")
    if quarantined and len(quarantined) < total:
        last = quarantined[-1]["line_number"]
        click.echo(f"  more: neanelu runs show {details['run_id']} --errors 100 --after {last}")


@runs.command()
@click.argument("run", type=click.UUID)
@click.option(
    "--allow-mass-delete",
    is_flag=True,
    help="This snapshot may mark most of a table as deleted (after NS063, when the shop really lost it).",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def retry(run: UUID, allow_mass_delete: bool, as_json: bool) -> None:
    """Ask for an ended run once more, or end the pause of a waiting one. Prints the run to watch.

    A daemon, or `neanelu sync SHOP`, then does it.

    \b
    Examples:
      neanelu runs retry RUN
      neanelu runs retry RUN --allow-mass-delete
    """
    with exits(as_json), session("neanelu_operator", purpose="runs") as connection:
        parameters = {"run_id": run, "allow_mass_delete": allow_mass_delete}
        row = connection.execute(sql.RETRY_RUN, parameters).fetchone()
        assert row is not None
    if as_json:
        emit({"run_id": row["run_id"], "is_new": row["run_id"] != run})
    elif row["run_id"] == run:
        click.echo(f"run {run} may be claimed now")
    else:
        click.echo(f"run {row['run_id']} was requested")


@runs.command()
@click.argument("run", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def cancel(run: UUID, as_json: bool) -> None:
    """Cancel a waiting or running run. What was merged before stays; a daemon stops at its next step.

    \b
    Examples:
      neanelu runs cancel RUN
    """
    with exits(as_json), session("neanelu_operator", purpose="runs") as connection:
        row = connection.execute(sql.CANCEL_RUN, {"run_id": run}).fetchone()
        assert row is not None
    if as_json:
        emit(row)
    else:
        click.echo(f"run {run} is cancelled")
