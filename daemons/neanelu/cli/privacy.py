"""`neanelu privacy`: requests for data and erasure, their exports, and the search for what is left of a person."""

from __future__ import annotations

import sys
from uuid import UUID

import click

from neanelu.cli.output import console, emit, exits, instant, status_text, table
from neanelu.cli.shop import find_shop
from neanelu.db import sql
from neanelu.db.connection import session


@click.group()
def privacy() -> None:
    """Privacy requests of customers and shops: what was asked, what was done, what is left.

    Requests come in by webhook and are fulfilled by a worker; Shopify asks for 30 days at most.

    \b
    Examples:
      neanelu privacy list --open
      neanelu privacy export 0198c0de-0000-7000-8000-000000000000 > customer.json
      neanelu privacy traces demo ana@example.com "+40 721 000 111"
    """


@privacy.command("list")
@click.option("--open", "open_only", is_flag=True, help="Only those that still need something.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(open_only: bool, as_json: bool) -> None:
    """List requests, newest first; no personal data.

    A request in `review` was fulfilled, but the person is still mentioned somewhere that only people can judge:
    a product's text, a metaobject. Its result names the tables.

    \b
    Examples:
      neanelu privacy list
      neanelu privacy list --open --json | jq '.[].due_at'
    """
    with exits(as_json), session("neanelu_operator", purpose="privacy") as connection:
        rows = connection.execute(sql.PRIVACY_REQUESTS, {"open_only": open_only}).fetchall()
    if as_json:
        emit(rows)
        return
    if not rows:
        click.echo("nothing is open" if open_only else "no requests")
        return
    columns = {"REQUEST": "left", "SHOP": "left", "TOPIC": "left", "STATUS": "left", "RECEIVED": "left"}
    columns |= {"DUE": "left", "COMPLETED": "left", "LEFT IN": "left"}
    console().print(
        table(
            columns,
            (
                (
                    row["id"],
                    row["shop"].removesuffix(".myshopify.com"),
                    row["topic"],
                    status_text(row["status"]),
                    instant(row["received_at"]),
                    instant(row["due_at"]),
                    instant(row["completed_at"]) if row["completed_at"] else "",
                    ", ".join(row["result"].get("traces", ())),
                )
                for row in rows
            ),
        )
    )


@privacy.command()
@click.argument("request", type=click.UUID)
def export(request: UUID) -> None:
    """Print the data that a customers/data_request asked for, as JSON. Personal data: mind where it goes.

    \b
    Example:
      umask 077; neanelu privacy export 0198c0de-0000-7000-8000-000000000000 > customer.json
    """
    with exits(True), session("neanelu_operator", purpose="privacy") as connection:
        found = connection.execute(sql.PRIVACY_EXPORT, {"request_id": request}).fetchone()
    assert found is not None
    emit(found["export"])


@privacy.command()
@click.argument("shop")
@click.argument("identifiers", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def traces(shop: str, identifiers: tuple[str, ...], as_json: bool) -> None:
    """Search every table and queue for a person: an e-mail address, a telephone number, a name.

    Exits with 0 when nothing is found and with 1 otherwise. What is given here stands in the shell's history.

    \b
    Examples:
      neanelu privacy traces demo ana@example.com
      neanelu privacy traces demo gid://shopify/Customer/191167 --json
    """
    with exits(as_json), session("neanelu_operator", purpose="privacy") as connection:
        shop_id = find_shop(connection, shop)["id"]
        parameters = {"shop_id": shop_id, "identifiers": [value.lower() for value in identifiers]}
        rows = connection.execute(sql.PRIVACY_TRACES, parameters).fetchall()
    if as_json:
        emit(rows)
    elif not rows:
        click.echo("nothing found")
    else:
        columns = {"TABLE": "left", "ROWS": "right"}
        console().print(table(columns, ((row["relation"], row["rows_found"]) for row in rows)))
    sys.exit(1 if rows else 0)
