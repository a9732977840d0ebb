"""`neanelu status`: what is where, and how fresh."""

from __future__ import annotations

import sys
from typing import Any

import click

from neanelu.cli.output import age, console, emit, exits, instant, number, size, status_text, table
from neanelu.cli.shop import find_shop
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import AccessDenied, DatabaseUnavailable, translated
from neanelu.platform.cluster import Cluster
from neanelu.settings import get_settings


@click.command()
@click.argument("shop", required=False)
@click.option("--counts/--no-counts", default=True, help="Count rows exactly; takes seconds for a million.")
@click.option("--check", is_flag=True, help="Exit with 1 when something needs a look.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def status(shop: str | None, counts: bool, check: bool, as_json: bool) -> None:
    """Show the server, the shops, how fresh each resource is, open runs and partitions.

    Exit code 3 when the server does not answer or nothing is deployed.

    \b
    Examples:
      neanelu status
      neanelu status demo --no-counts
      neanelu status --check --json | jq .problems
    """
    with exits(as_json):
        _assert_running()
        with session("neanelu_operator", purpose="status") as connection:
            report = collect(connection, shop, counts)
    if as_json:
        emit(report)
    else:
        _print(report)
    if check and report["problems"]:
        sys.exit(1)


def _assert_running() -> None:
    """Say it plainly when the embedded server is not running; raises DatabaseUnavailable."""
    settings = get_settings()
    if settings.database_url:
        return
    now = Cluster.embedded(settings).status()
    if now.state != "running":
        raise DatabaseUnavailable(f"the embedded server is {now.state}", hint="neanelu server start")


def collect(connection: Connection, shop: str | None, counts: bool) -> dict[str, Any]:
    """Return the whole report as data.

    Args:
        connection: as neanelu_operator, or as neanelu_sync (then without partitions).
        shop: only this one; NotFound when there is none.
        counts: count rows exactly.
    """
    shop_id = find_shop(connection, shop)["id"] if shop else None
    shops = connection.execute(sql.LIST_SHOPS, {"installed_only": False}).fetchall()
    shops = [row for row in shops if shop_id is None or row["id"] == shop_id]
    runs = connection.execute(sql.ACTIVE_RUNS).fetchone()
    fresh = connection.execute(sql.FRESHNESS, {"shop_id": shop_id}).fetchall()
    for row in shops:
        row["resources"] = [line for line in fresh if line["shop_id"] == row["id"]]
        tables = connection.execute(sql.ROW_COUNTS, {"shop_id": row["id"]}).fetchall() if counts else []
        for line in row["resources"]:
            line["tables"] = [found for found in tables if found["resource"] == line["resource"]]
    try:
        with translated():
            partitions = connection.execute(sql.PARTITION_REPORT).fetchall()
    except AccessDenied:
        partitions = None
    server = connection.info
    report = {
        "server": {
            "version": server.parameter_status("server_version"),
            "host": server.host,
            "port": server.port,
            "database": server.dbname,
        },
        "runs": runs,
        "shops": shops,
        "partitions": partitions,
    }
    return {**report, "problems": problems(report)}


def problems(report: dict[str, Any]) -> list[str]:
    """Return what needs a look, one sentence each."""
    found = []
    if report["runs"]["abandoned"]:
        found.append(
            f"{report['runs']['abandoned']} running runs lost their daemon; the next one takes them over"
        )
    for shop in report["shops"]:
        for line in shop["resources"] if shop["is_installed"] else ():
            what = f"{line['resource']} of {shop['domain']}"
            if line["last_run_status"] == "failed":
                found.append(
                    f"the last run of {what} failed: {line['last_error_message']} ({line['last_error_code']})"
                )
            elif line["quarantined"]:
                found.append(f"{number(line['quarantined'])} lines of {what} are in quarantine")
    found.extend(
        f"{row['partition_name']}: {row['problem']}" for row in report["partitions"] or () if row["problem"]
    )
    return found


def _print(report: dict[str, Any]) -> None:
    """Print the report for people."""
    server, runs, partitions = report["server"], report["runs"], report["partitions"]
    click.echo(
        f"server      PostgreSQL {server['version']}, database {server['database']} at {server['host']}"
    )
    abandoned = f", {number(runs['abandoned'])} of them abandoned" if runs["abandoned"] else ""
    click.echo(f"runs        {number(runs['pending'])} waiting, {number(runs['running'])} running{abandoned}")
    if partitions is not None:
        total = sum(row["total_bytes"] for row in partitions)
        parents = len({row["parent_table"] for row in partitions})
        click.echo(f"partitions  {len(partitions)} of {parents} tables, {size(total)}")
    if not report["shops"]:
        click.echo("shops       none yet; add one with: neanelu shop add DOMAIN --token-file FILE")
    for shop in report["shops"]:
        gone = "" if shop["is_installed"] else f", removed {instant(shop['uninstalled_at'])}"
        click.echo(f"\n{shop['domain']}  API {shop['api_version']}{gone}")
        console().print(_resources(shop["resources"]))
    for problem in report["problems"]:
        click.secho("! ", fg="yellow", nl=False)
        click.echo(problem)


def _resources(lines: list[dict[str, Any]]) -> Any:
    """Return the table of one shop's resources."""
    left, right = "left", "right"
    columns = {"RESOURCE": left, "SYNCED": left, "MODE": left, "LAST RUN": left, "BAD LINES": right}
    columns |= {"NOW": left, "TABLE": left, "ROWS": right, "DELETED": right}
    rows: list[tuple[Any, ...]] = []
    for line in lines:
        ago = f"{age(line['last_sync_at'])} ago" if line["last_sync_at"] else "never"
        code = line["last_error_code"] if line["last_run_status"] == "failed" else None
        head = (
            line["resource"],
            ago,
            line["last_mode"] or "-",
            status_text(line["last_run_status"], code),
            number(line["quarantined"]),
            status_text(line["active_status"]),
        )
        tables = sorted(line["tables"], key=lambda found: not found["is_main"])
        cells = [
            (found["table_name"], number(found["live"]), number(found["tombstoned"])) for found in tables
        ]
        rows.append((*head, *(cells[0] if cells else ("-", "-", "-"))))
        rows.extend(("", "", "", "", "", "", *cell) for cell in cells[1:])
    return table(columns, rows)
