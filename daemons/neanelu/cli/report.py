"""What `sync`, `ingest` and `demo` say at the end: what became of every line, run by run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import click

from neanelu.cli.output import console, number, readable, seconds, size, status_text, table
from neanelu.db import sql
from neanelu.db.connection import Connection
from neanelu.db.errors import NeaneluError

#: Counts of a run in the order of the report.
COUNTS = (
    "lines_in",
    "lines_merged",
    "lines_unchanged",
    "lines_quarantined",
    "lines_duplicate",
    "lines_ignored",
    "rows_tombstoned",
)
_HEADINGS = ("LINES", "MERGED", "UNCHANGED", "QUARANTINED", "DUPLICATE", "IGNORED", "TOMBSTONED")


def run_reports(connection: Connection, run_ids: Iterable[UUID]) -> list[dict[str, Any]]:
    """Return what is known of these runs, in this order; see sync.run_details."""
    found = []
    for run_id in run_ids:
        row = connection.execute(sql.RUN_DETAILS, {"run_id": run_id}).fetchone()
        assert row is not None
        found.append(row["details"])
    return found


def as_document(runs: Sequence[dict[str, Any]], wall: float) -> dict[str, Any]:
    """Return the report for programs.

    Args:
        runs: as `run_reports` returns them.
        wall: seconds that the whole took.
    """
    totals = {name: sum(run[name] or 0 for run in runs) for name in COUNTS}
    return {
        "ok": all(run["status"] == "completed" for run in runs),
        "seconds": round(wall, 3),
        "totals": totals,
        "runs": [{**run, "deletions_judged": judged_deletions(run)} for run in runs],
    }


def judged_deletions(run: dict[str, Any]) -> bool | None:
    """Return whether the run judged what was missing to be deleted; None where it has not merged."""
    merge = next((step for step in run["steps"] if step["step"] == "merge"), None)
    if run["status"] != "completed" or merge is None:
        return None
    return bool(merge["facts"].get("may_tombstone"))


def print_report(runs: Sequence[dict[str, Any]], wall: float, *, point_to_quarantine: bool = True) -> None:
    """Print the report for people: a row a run, the sum, and what needs a look.

    Args:
        runs: as `run_reports` returns them.
        wall: seconds that the whole took.
        point_to_quarantine: say how to see the lines in quarantine.
    """
    several = len({run["shop"] for run in runs}) > 1
    left, right = "left", "right"
    columns = {"SHOP": left} if several else {}
    columns |= {"RESOURCE": left, "MODE": left, "STATUS": left}
    columns |= dict.fromkeys((*_HEADINGS, "SIZE", "TOOK", "LINES/S"), right)
    rows: list[Sequence[object]] = [
        (
            *([_short(run["shop"])] if several else []),
            run["resource"],
            run["mode"] + ("*" if run["is_partial"] else ""),
            status_text(run["status"], run["error_code"] if run["status"] != "completed" else None),
            *(_count(run, name) for name in COUNTS),
            size(run["bytes_processed"]),
            seconds(run["seconds"]),
            _rate(run["lines_in"], run["seconds"]),
        )
        for run in runs
    ]
    if len(runs) > 1:
        document = as_document(runs, wall)["totals"]
        rows.append(
            (
                *([""] if several else []),
                "all",
                "",
                "",
                *(number(document[name]) for name in COUNTS),
                size(sum(run["bytes_processed"] or 0 for run in runs)),
                seconds(wall),
                _rate(document["lines_in"], wall),
            )
        )
    console().print(table(columns, rows))
    for run in runs:
        _print_notes(run)
        if point_to_quarantine and run["status"] == "completed" and run["lines_quarantined"]:
            click.echo(
                f"! {run['resource']} of {_short(run['shop'])}: {number(run['lines_quarantined'])} lines in "
                f"quarantine: neanelu runs show {run['run_id']}"
            )


def _short(domain: str) -> str:
    """Return a shop's name without what all shops' domains end with."""
    return domain.removesuffix(".myshopify.com")


def _count(run: dict[str, Any], name: str) -> str:
    """Return a count of a run; what is only counted by the merge is `-` where there was none."""
    merged = run["status"] == "completed" or name in ("lines_in", "lines_quarantined")
    return number(run[name]) if merged else "-"


def _rate(lines: int | None, took: float | None) -> str:
    """Return lines a second."""
    return number(round(lines / took)) if lines and took else "-"


def _print_notes(run: dict[str, Any]) -> None:
    """Print what the row of a run cannot say."""
    what = f"{run['resource']} of {_short(run['shop'])}"
    if run["status"] in ("failed", "pending", "cancelled") and run["error_message"]:
        again = "; it is tried again later" if run["status"] == "pending" else ""
        message = readable(run["error_message"].encode(), 500)
        click.secho(f"! {what}: {message} ({run['error_code']}){again}", fg="red")
        click.echo(f"  neanelu runs show {run['run_id']}")
    elif run["is_partial"]:
        click.echo(f"* {what}: from partial data, so nothing was judged deleted")
    elif run["mode"] != "incremental" and judged_deletions(run) is False:
        click.echo(
            f"! {what}: nothing was judged deleted, because of quarantined lines whose object is unknown"
        )


def print_refusal(shop: str, resource: str, error: NeaneluError) -> None:
    """Print why a run was not even asked for."""
    click.secho(f"! {resource} of {_short(shop)}: {error}", fg="red", err=True)
    for more in filter(None, (error.detail, error.hint)):
        click.echo(f"  {more}", err=True)
