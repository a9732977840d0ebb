"""`neanelu flags`: features that are on for some shops."""

from __future__ import annotations

from typing import Any

import click
import orjson

from neanelu.cli.output import confirmed, console, emit, exits, table
from neanelu.cli.shop import find_shop
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import InvalidInput, translated


def _parse_condition(text: str) -> tuple[str, Any]:
    """Return attribute and condition of `plan_tier=pro`, `plan_tier>=pro`, `scopes:has=read_orders`, `timezone:in=A,B`.

    Raises:
        InvalidInput: it is none of these (NF002).
    """
    for sign, operator in ((">=", "gte"), ("<=", "lte"), ("!=", "not"), ("=", "eq")):
        name, found, value = text.partition(sign)
        if not found:
            continue
        name, colon, word = name.strip().partition(":")
        if colon:
            operator = word.strip()
        if not name or not value.strip():
            break
        if operator == "in":
            return name, {operator: [_plain(part) for part in value.split(",")]}
        return name, {operator: _plain(value)}
    raise InvalidInput(
        f"{text!r} is not a condition",
        code="NF002",
        hint="plan_tier=pro, plan_tier>=pro, timezone:in=Europe/Paris,Europe/Rome",
    )


def _plain(text: str) -> Any:
    """Return a number or boolean where the text is one, else the text."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.strip()
    return value if isinstance(value, int | float | bool) else text.strip()


def _ids(connection: Connection, shops: tuple[str, ...]) -> list[str] | None:
    """Return the ids of shops; an empty list for the one word `none`, None when none are named."""
    if not shops:
        return None
    return [] if shops == ("none",) else [str(find_shop(connection, shop)["id"]) for shop in shops]


@click.group()
def flags() -> None:
    """Feature flags: off for everybody, on for some, on for all.

    In this order: a killed flag is off; blocked shops have it off; allowed shops have it on; shops that meet all
    conditions and fall into the rollout have it on; everybody else has the default.

    \b
    Examples:
      neanelu flags set bulk_v2 --rollout 10 --when 'plan_tier>=pro'
      neanelu flags explain bulk_v2 demo
      neanelu flags set bulk_v2 --kill
    """


@flags.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(as_json: bool) -> None:
    """List the flags.

    \b
    Examples:
      neanelu flags list
      neanelu flags list --json | jq -r '.[] | select(.is_active | not).flag_key'
    """
    with exits(as_json), session("neanelu_operator", purpose="flags") as connection:
        with translated():
            rows = connection.execute(sql.LIST_FLAGS).fetchall()
        if as_json:
            emit(rows)
        elif not rows:
            click.echo("no flags yet; make one with: neanelu flags set NAME")
        else:
            columns = {
                "FLAG": "left",
                "ACTIVE": "left",
                "DEFAULT": "left",
                "ROLLOUT": "right",
                "ALLOWED": "right",
            }
            console().print(
                table(
                    {**columns, "BLOCKED": "right", "CONDITIONS": "left", "DESCRIPTION": "left"},
                    (
                        (
                            row["flag_key"],
                            "yes" if row["is_active"] else "KILLED",
                            "on" if row["default_value"] else "off",
                            f"{row['rollout_percentage']} %",
                            len(row["allowed_shop_ids"]),
                            len(row["blocked_shop_ids"]),
                            orjson.dumps(row["conditions"]).decode() if row["conditions"] else "",
                            row["description"] or "",
                        )
                        for row in rows
                    ),
                    wrap="DESCRIPTION",
                )
            )


@flags.command("set")
@click.argument("flag")
@click.option(
    "--default", "default", type=click.Choice(["on", "off"]), help="Value for shops that no rule names."
)
@click.option(
    "--kill/--revive", "killed", default=None, help="Turn it off for everybody at once, or undo that."
)
@click.option(
    "--rollout", type=click.IntRange(0, 100), help="Percentage of the shops that meet the conditions."
)
@click.option(
    "--allow",
    multiple=True,
    metavar="SHOP",
    help="Shops that always have it (replaces the list; 'none' empties it).",
)
@click.option(
    "--block",
    multiple=True,
    metavar="SHOP",
    help="Shops that never have it (replaces the list; 'none' empties it).",
)
@click.option(
    "--when",
    multiple=True,
    metavar="CONDITION",
    help="Like plan_tier>=pro or timezone:in=A,B (replaces all).",
)
@click.option("--conditions", metavar="JSON", help="All conditions as JSON; '{}' for none.")
@click.option("--description", help="What it switches.")
@click.option("--dry-run", is_flag=True, help="Check it; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the flag as JSON.")
def set_(
    flag: str,
    default: str | None,
    killed: bool | None,
    rollout: int | None,
    allow: tuple[str, ...],
    block: tuple[str, ...],
    when: tuple[str, ...],
    conditions: str | None,
    description: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a flag or change one. What is not given stays as it is; a new flag is off.

    \b
    Examples:
      neanelu flags set bulk_v2 --description "new merge" --allow demo
      neanelu flags set bulk_v2 --rollout 25 --when 'plan_tier>=pro' --when currency_code=EUR
      neanelu flags set bulk_v2 --kill
    """
    if when and conditions is not None:
        raise click.UsageError("--when and --conditions say the same thing")
    with exits(as_json), session("neanelu_operator", purpose="flags") as connection:
        rules: Any = None
        if conditions is not None:
            try:
                rules = orjson.loads(conditions)
            except orjson.JSONDecodeError:
                raise InvalidInput("--conditions is not JSON", code="NF002") from None
        for text in when:
            name, condition = _parse_condition(text)
            rules = {**(rules or {}), name: {**(rules or {}).get(name, {}), **condition}}
        with translated(), connection.transaction(force_rollback=dry_run):
            row = connection.execute(
                sql.SET_FLAG,
                {
                    "flag": flag,
                    "default": None if default is None else default == "on",
                    "active": None if killed is None else not killed,
                    "rollout": rollout,
                    "allowed": _ids(connection, allow),
                    "blocked": _ids(connection, block),
                    "conditions": None if rules is None else orjson.dumps(rules).decode(),
                    "description": description,
                },
            ).fetchone()
        assert row is not None
        if as_json:
            emit({**row, "dry_run": dry_run})
            return
        state = "killed" if not row["is_active"] else f"{row['rollout_percentage']} % rolled out"
        would = "would be " if dry_run else ""
        click.echo(f"{flag} {would}{state}, default {'on' if row['default_value'] else 'off'}")


@flags.command()
@click.argument("flag")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON; needs --yes or --dry-run.")
def delete(flag: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Delete a flag; it is off everywhere from then on.

    \b
    Examples:
      neanelu flags delete bulk_v2
    """
    confirmed(f"Delete flag {flag}?", yes, dry_run, as_json)
    with exits(as_json), session("neanelu_operator", purpose="flags") as connection:
        with translated(), connection.transaction(force_rollback=dry_run):
            connection.execute(sql.DELETE_FLAG, {"flag": flag})
        if as_json:
            emit({"flag": flag, "deleted": not dry_run})
        else:
            click.echo(f"{flag} would be deleted" if dry_run else f"{flag} deleted")


@flags.command()
@click.argument("flag")
@click.argument("shop", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def explain(flag: str, shop: str | None, as_json: bool) -> None:
    """Say whether a flag is on for a shop, and why; without a shop, for the platform itself.

    \b
    Examples:
      neanelu flags explain bulk_v2 demo
      neanelu flags explain bulk_v2 demo --json | jq .is_enabled
    """
    with exits(as_json), session("neanelu_operator", purpose="flags") as connection:
        shop_id = find_shop(connection, shop)["id"] if shop else None
        with translated():
            row = connection.execute(sql.EXPLAIN_FLAG, {"flag": flag, "shop_id": shop_id}).fetchone()
        assert row is not None
        if as_json:
            emit({"flag": flag, "shop_id": shop_id, **row})
            return
        click.echo(f"{flag} is {'on' if row['is_enabled'] else 'off'}: {_why(row)}")


def _why(row: dict[str, Any]) -> str:
    """Return the reason of a decision as a sentence."""
    detail = row["detail"]
    if row["reason"] == "conditions":
        if "wanted" not in detail:
            return "its conditions are about shops, and there is none"
        wanted = orjson.dumps(detail["wanted"]).decode()
        return f"{detail['attribute']} is {orjson.dumps(detail['is']).decode()}, wanted {wanted}; so the default counts"
    where = f"part {detail.get('bucket')} of 100, {detail.get('rollout_percentage')} rolled out"
    return {
        "unknown": "there is no such flag",
        "killed": "it is killed",
        "blocked": "the shop is blocked",
        "allowed": "the shop is allowed",
        "rollout": f"the shop is in {where}",
    }.get(row["reason"], f"the default; the shop is in {where}")
