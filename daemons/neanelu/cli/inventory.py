"""`neanelu inventory`: the stock ledger: what is there, what happened, what somebody counted or moved."""

from __future__ import annotations

import sys
from typing import Any

import click

from neanelu.cli.output import console, emit, exits, instant, number, table
from neanelu.cli.shop import find_shop
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import InvalidInput, NotFound, translated

REASONS = ("SALE", "RESTOCK", "ADJUSTMENT", "RETURN")


def _variant(connection: Connection, shop_id: object, sku: str) -> dict[str, Any]:
    """Return the one variant with this SKU or id.

    Raises:
        NotFound: none has it (NI010).
        InvalidInput: several have it; the hint lists their ids (NI010).
    """
    rows = connection.execute(sql.FIND_VARIANTS, {"shop_id": shop_id, "sku": sku}).fetchall()
    if not rows:
        raise NotFound(
            f"no variant has the SKU or id {sku}",
            code="NI010",
            hint="Is the shop synchronised? neanelu sync SHOP",
        )
    if len(rows) > 1:
        ids = ", ".join(f"{row['variant_id']} ({row['product']})" for row in rows)
        raise InvalidInput(
            f"{len(rows)} variants have the SKU {sku}", code="NI010", hint=f"Name one by its id: {ids}"
        )
    return dict(rows[0])


def _some(_context: click.Context, _parameter: click.Parameter, value: int) -> int:
    """Return a change of stock that is one."""
    if value == 0:
        raise click.BadParameter("a change of nothing is none")
    return value


def _location(text: str) -> str:
    """Return the GID of a location that is given as one or by its number."""
    return f"gid://shopify/Location/{text}" if text.isdecimal() else text


@click.group()
def inventory() -> None:
    """The stock ledger: what is there, what happened, what was counted or moved by hand.

    \b
    Examples:
      neanelu inventory show demo SKU-1
      neanelu inventory history demo SKU-1 --limit 20
      neanelu inventory record demo SKU-1 -3 --location 1001 --reason ADJUSTMENT --reference count-2026-11
      neanelu inventory reconcile demo
    """


@inventory.command()
@click.argument("shop")
@click.argument("sku")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def show(shop: str, sku: str, as_json: bool) -> None:
    """Show the stock of a variant, by location, exact to this moment.

    \b
    Examples:
      neanelu inventory show demo SKU-1
      neanelu inventory show demo SKU-1 --json | jq '[.locations[].available] | add'
    """
    with exits(as_json), session("neanelu_operator", purpose="inventory") as connection, translated():
        shop_id = find_shop(connection, shop)["id"]
        variant = _variant(connection, shop_id, sku)
        asked = {"shop_id": shop_id, "variant_id": variant["variant_id"]}
        rows = connection.execute(sql.SHOW_STOCK, asked).fetchall()
    if as_json:
        emit({**variant, "locations": rows})
        return
    click.echo(f"{variant['product']} / {variant['variant']}  {variant['variant_id']}")
    if not rows:
        click.echo("nothing was ever recorded of it")
        return
    columns = {
        "LOCATION": "left",
        "NAME": "left",
        "AVAILABLE": "right",
        "FOLDED": "right",
        "WAITING": "right",
    }
    cells = (
        (
            row["location_id"] or "(none)",
            row["location"] or "",
            number(row["available"]),
            number(row["folded"]),
            number(row["waiting"]),
            number(row["entries"]),
            instant(row["last_updated_at"]),
            number(row["level"]),
        )
        for row in rows
    )
    console().print(
        table({**columns, "ENTRIES": "right", "LAST": "left", "COUNTED AT SHOPIFY": "right"}, cells)
    )


@inventory.command()
@click.argument("shop")
@click.argument("sku")
@click.option("--location", metavar="ID", help="Only this location: its GID or number.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def history(shop: str, sku: str, location: str | None, limit: int, as_json: bool) -> None:
    """List what happened to a variant's stock, newest first.

    \b
    Examples:
      neanelu inventory history demo SKU-1
      neanelu inventory history demo SKU-1 --location 1001 --json
    """
    with exits(as_json), session("neanelu_operator", purpose="inventory") as connection, translated():
        shop_id = find_shop(connection, shop)["id"]
        asked = {"shop_id": shop_id, "variant_id": _variant(connection, shop_id, sku)["variant_id"]}
        asked |= {"location_id": _location(location) if location else None, "limit": limit}
        rows = connection.execute(sql.STOCK_HISTORY, asked).fetchall()
    if as_json:
        emit(rows)
        return
    if not rows:
        click.echo("nothing was ever recorded of it")
        return
    columns = {
        "RECORDED": "left",
        "LOCATION": "left",
        "DELTA": "right",
        "STOCK AFTER": "right",
        "REASON": "left",
    }
    cells = (
        (
            instant(row["recorded_at"]),
            row["location_id"],
            f"{row['delta']:+,}",
            number(row["quantity"]),
            row["reason"],
            " ".join(filter(None, (row["reference_type"], row["reference_id"]))),
        )
        for row in rows
    )
    console().print(table({**columns, "REFERENCE": "left"}, cells))


@inventory.command(context_settings={"ignore_unknown_options": True})
@click.argument("shop")
@click.argument("sku")
@click.argument("delta", type=int, callback=_some)
@click.option("--location", required=True, metavar="ID", help="GID or number of the location.")
@click.option("--reason", type=click.Choice(REASONS), default="ADJUSTMENT", show_default=True, help="Why.")
@click.option("--reference", help="What makes it known again: recorded twice, it counts once.")
@click.option("--dry-run", is_flag=True, help="Say what it would come to; record nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def record(
    shop: str,
    sku: str,
    delta: int,
    location: str,
    reason: str,
    reference: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Record a change of stock by hand: DELTA units, signed.

    Shopify is not told. The ledger follows Shopify's counts where they are its source, so the next count may correct it.

    \b
    Examples:
      neanelu inventory record demo SKU-1 -3 --location 1001 --reference count-2026-11
      neanelu inventory record demo SKU-1 24 --location 1001 --reason RESTOCK --dry-run
    """
    with exits(as_json), session("neanelu_operator", purpose="inventory") as connection, translated():
        shop_id = find_shop(connection, shop)["id"]
        asked = {"shop_id": shop_id, "variant_id": _variant(connection, shop_id, sku)["variant_id"]}
        asked |= {
            "location_id": _location(location),
            "delta": delta,
            "reason": reason,
            "reference": reference,
        }
        with connection.transaction(force_rollback=dry_run):
            is_new = connection.execute(sql.RECORD_STOCK, asked).fetchone()["is_new"]  # type: ignore[index]
            left = connection.execute(sql.AVAILABLE_STOCK, asked).fetchone()["available"]  # type: ignore[index]
    if as_json:
        emit({"recorded": is_new and not dry_run, "is_new": is_new, "available": left})
        return
    done = "would be recorded" if dry_run else "recorded"
    click.echo(f"{done if is_new else 'this reference was recorded before'}; available there: {left:,}")


@inventory.command()
@click.argument("shop")
@click.argument("sku")
@click.argument("quantity", type=click.IntRange(1))
@click.option(
    "--from", "origin", required=True, metavar="ID", help="GID or number of the location it leaves."
)
@click.option(
    "--to", "target", required=True, metavar="ID", help="GID or number of the location it comes to."
)
@click.option("--reference", help="What makes it known again: recorded twice, it counts once.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")
def transfer(
    shop: str, sku: str, quantity: int, origin: str, target: str, reference: str | None, as_json: bool
) -> None:
    """Record that units moved from one location to another: two entries that sum to zero.

    \b
    Example:
      neanelu inventory transfer demo SKU-1 5 --from 1001 --to 1002 --reference T-17
    """
    with exits(as_json), session("neanelu_operator", purpose="inventory") as connection, translated():
        shop_id = find_shop(connection, shop)["id"]
        asked = {"shop_id": shop_id, "variant_id": _variant(connection, shop_id, sku)["variant_id"]}
        asked |= {
            "from": _location(origin),
            "to": _location(target),
            "quantity": quantity,
            "reference": reference,
        }
        is_new = connection.execute(sql.TRANSFER_STOCK, asked).fetchone()["is_new"]  # type: ignore[index]
    if as_json:
        emit({"recorded": is_new})
    else:
        click.echo("recorded" if is_new else "this reference was recorded before")


@inventory.command()
@click.argument("shop")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def reconcile(shop: str, as_json: bool) -> None:
    """Recompute every balance from the ledger and list what differs. Exit code 1 when anything does.

    \b
    Examples:
      neanelu inventory reconcile demo
      neanelu inventory reconcile demo --json | jq length
    """
    with exits(as_json), session("neanelu_operator", purpose="inventory") as connection, translated():
        rows = connection.execute(
            sql.RECONCILE_STOCK, {"shop_id": find_shop(connection, shop)["id"]}
        ).fetchall()
    if as_json:
        emit(rows)
    elif rows:
        columns = {
            "VARIANT": "left",
            "LOCATION": "left",
            "BALANCE": "right",
            "LEDGER": "right",
            "PROBLEM": "left",
        }
        cells = (
            (
                row["variant_id"],
                row["location_id"],
                number(row["balance"]),
                number(row["recomputed"]),
                row["problem"],
            )
            for row in rows
        )
        console().print(table(columns, cells))
    else:
        click.echo("every balance is what its entries come to")
    sys.exit(1 if rows else 0)


@inventory.command()
@click.argument("shop")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def drift(shop: str, as_json: bool) -> None:
    """List where the ledger's stock is not what Shopify counted last.

    \b
    Example:
      neanelu inventory drift demo
    """
    with exits(as_json), session("neanelu_operator", purpose="inventory") as connection, translated():
        rows = connection.execute(sql.STOCK_DRIFT, {"shop_id": find_shop(connection, shop)["id"]}).fetchall()
    if as_json:
        emit(rows)
    elif rows:
        columns = {"VARIANT": "left", "LOCATION": "left", "LEDGER": "right", "SHOPIFY": "right"}
        cells = (
            (row["variant_id"], row["location_id"], number(row["stock"]), number(row["level"]))
            for row in rows
        )
        console().print(table(columns, cells))
    else:
        click.echo("the ledger and the last counts agree")
