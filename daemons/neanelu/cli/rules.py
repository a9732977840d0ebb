"""`neanelu pim rules` and `neanelu pim levels`: which value of a field survives, and what a quality level asks for."""

from __future__ import annotations

from typing import Any, Final

import click
import orjson
from psycopg.types.json import Jsonb

from neanelu.cli.output import confirmed, console, emit, exits, table
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import InvalidInput, NotFound, translated

_EDITOR: Final = "neanelu_pim_editor"
_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
_DRY = click.option("--dry-run", is_flag=True, help="Check it; change nothing.")
_YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
_SETTINGS = click.argument("settings", metavar="NAME=VALUE...", nargs=-1, required=True)
_CATEGORY = click.option(
    "--category", help="Only for this category (id, slug or path) and below [default: all]."
)
_CHANNEL = click.option(
    "--channel", help="What this channel takes [default: the level itself, whatever the channel]."
)
_LEVEL = click.argument("level", type=click.Choice(["bronze", "silver", "golden", "review_needed"]))


def read_settings(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return NAME=VALUE pairs as settings: JSON where it is some (numbers, true, false, null), else text.

    Raises:
        InvalidInput: no pair.
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise InvalidInput(f"{pair!r} is no NAME=VALUE")
        try:
            settings[name] = orjson.loads(text)
        except orjson.JSONDecodeError:
            settings[name] = text
    return settings


def _category_id(connection: Connection, category: str | None) -> Any:
    """Return a category's id, None for none; raises NotFound (NX006)."""
    if category is None:
        return None
    row = connection.execute(sql.CATEGORY_ID, {"category": category}).fetchone()
    if row is None or row["id"] is None:
        hint = f"neanelu taxonomy find {category!r}"
        raise NotFound(f"there is no category {category!r}", code="NX006", hint=hint)
    return row["id"]


def _change(statement: str, dry_run: bool, category: str | None, as_json: bool, **values: Any) -> Any:
    """Run a statement that returns a rule, for a category; return the rule."""
    with exits(as_json), session(_EDITOR, purpose="rules") as connection:
        arguments = {"taxonomy_id": _category_id(connection, category), **values}
        with translated(), connection.transaction(force_rollback=dry_run):
            row = connection.execute(statement, arguments).fetchone()
    assert row is not None
    return next(iter(row.values()))


def _told(rule: dict[str, Any], done: str, dry_run: bool, as_json: bool) -> None:
    """Say what was done to a rule."""
    if as_json:
        emit({"rule": rule, "dry_run": dry_run})
        return
    hidden = {"id", "taxonomy_id", "created_at", "updated_at", "reason", "field_pattern", "level", "channel"}
    said = ", ".join(
        f"{name} {orjson.dumps(value).decode()}" for name, value in rule.items() if name not in hidden
    )
    subject = rule.get("field_pattern") or " ".join(filter(None, (rule["level"], rule["channel"])))
    click.echo(f"{subject} {'would be' if dry_run else 'is'} {done}: {said}")


# --- Which value survives ---------------------------------------------------------------------------------
@click.group()
def rules() -> None:
    """Which of several values of a field survives: by vote, by trust, the newest, all of them.

    PATTERN is a field as in proposals, * for any characters: title, specs.weight, specs.*. The rule of the nearest category
    counts, then the longest pattern. Golden records follow when they are decided next.

    \b
    Examples:
      neanelu pim rules list
      neanelu pim rules set specs.weight tolerance=0.05 half_life_days=365 --reason "Scales of warehouses"
      neanelu pim rules remove specs.weight --dry-run
    """


@rules.command("list")
@_CATEGORY
@_JSON
def list_rules(category: str | None, as_json: bool) -> None:
    """List rules, the most general first; of a category: those that it has of its own.

    \b
    Examples:
      neanelu pim rules list --json | jq '.[] | select(.rule == "newest")'
    """
    with exits(as_json), session(_EDITOR, purpose="rules") as connection:
        values = {"taxonomy_id": _category_id(connection, category)}
        rows = connection.execute(sql.LIST_RULES, values).fetchall()
    if as_json:
        emit(rows)
        return
    left, right = (
        ("FIELD", "CATEGORY", "RULE", "KIND"),
        ("TOLERANCE", "HALF-LIFE", "APPROVED FROM", "AHEAD BY"),
    )
    columns = dict.fromkeys(left, "left") | dict.fromkeys(right, "right") | {"WHY": "left"}
    lines = (
        (
            row["field_pattern"], row["category"] or "",
            row["rule"] if row["is_active"] else f"{row['rule']} (off)", row["value_kind"], row["tolerance"],
            row["half_life_days"] or "", row["auto_approve"], row["min_margin"], row["reason"],
        )
        for row in rows
    )  # fmt: skip
    console().print(table(columns, lines, wrap="WHY"))


@rules.command("set")
@click.argument("pattern")
@_SETTINGS
@_CATEGORY
@click.option("--reason", help="Why; a new rule needs it, else the old reason stays.")
@_DRY
@_JSON
def set_rule(
    pattern: str,
    settings: tuple[str, ...],
    category: str | None,
    reason: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make or change a rule; what is not named stays.

    Settings: rule (vote, most_trusted, newest, oldest, longest, shortest, min, max, union, keep_both), value_kind, tolerance,
    half_life_days, auto_approve, min_margin, min_confidence, keep_share, omission_weight, importance, teaches_trust, review_days,
    is_active.

    \b
    Examples:
      neanelu pim rules set specs.weight tolerance=0.05 --reason "Scales of warehouses"
      neanelu pim rules set description rule=longest --category audio --reason "Editors write more"
    """  # fmt: skip
    with exits(as_json):
        wanted = Jsonb(read_settings(settings))
    rule = _change(sql.PUT_RULE, dry_run, category, as_json, pattern=pattern, settings=wanted, reason=reason)
    _told(rule, "in force", dry_run, as_json)


@rules.command("remove")
@click.argument("pattern")
@_CATEGORY
@_YES
@_DRY
@_JSON
def remove_rule(pattern: str, category: str | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Remove a rule; the next more general one counts then.

    \b
    Examples:
      neanelu pim rules remove specs.weight --yes
    """
    confirmed(f"Remove the rule of {pattern}?", yes, dry_run, as_json)
    rule = _change(sql.REMOVE_RULE, dry_run, category, as_json, pattern=pattern)
    _told(rule, "removed", dry_run, as_json)


# --- What a level asks for --------------------------------------------------------------------------------
@click.group()
def levels() -> None:
    """What a golden record must be for bronze, silver, golden or review_needed, and for a channel to take it.

    The rule of the nearest category counts, else the general one. All records are looked at again within a day.

    \b
    Examples:
      neanelu pim levels list
      neanelu pim levels set golden min_sources=3 required_fields=title,brand,gtin --category audio
      neanelu pim levels remove golden --category audio
    """


@levels.command("list")
@_JSON
def list_levels(as_json: bool) -> None:
    """List what each level asks for.

    \b
    Examples:
      neanelu pim levels list
    """
    with exits(as_json), session(_EDITOR, purpose="rules") as connection:
        rows = connection.execute(sql.LIST_LEVELS).fetchall()
    if as_json:
        emit(rows)
        return
    numbers = ("SCORE", "COMPLETE", "ACCURATE", "CONSISTENT", "SOURCES")
    columns = dict.fromkeys(("LEVEL", "CATEGORY", "CHANNEL"), "left") | dict.fromkeys(numbers, "right")
    lines = (
        (
            row["level"] if row["is_active"] else f"{row['level']} (off)", row["category"] or "", row["channel"] or "",
            row["min_score"], row["min_completeness"], row["min_accuracy"], row["min_consistency"], row["min_sources"],
            ", ".join(row["required_fields"]), "yes" if row["no_open_conflicts"] else "",
        )
        for row in rows
    )  # fmt: skip
    columns |= {"FIELDS": "left", "NO CONFLICT": "left"}
    console().print(table(columns, lines, wrap="FIELDS"))


@levels.command("set")
@_LEVEL
@_SETTINGS
@_CATEGORY
@_CHANNEL
@_DRY
@_JSON
def set_level(
    level: str,
    settings: tuple[str, ...],
    category: str | None,
    channel: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make or change what a level asks for; what is not named stays.

    Settings: min_score, min_completeness, min_accuracy, min_consistency, min_sources, required_fields (with commas),
    no_open_conflicts, hysteresis, is_active.

    \b
    Examples:
      neanelu pim levels set silver min_sources=2
      neanelu pim levels set silver min_completeness=0.9 --channel google --dry-run
    """  # fmt: skip
    with exits(as_json):
        wanted = read_settings(settings)
    if isinstance(fields := wanted.get("required_fields"), str):
        wanted["required_fields"] = [field for field in fields.split(",") if field]
    rule = _change(
        sql.PUT_LEVEL, dry_run, category, as_json, level=level, channel=channel, settings=Jsonb(wanted)
    )
    _told(rule, "in force", dry_run, as_json)


@levels.command("remove")
@_LEVEL
@_CATEGORY
@_CHANNEL
@_YES
@_DRY
@_JSON
def remove_level(
    level: str, category: str | None, channel: str | None, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Remove what a level asks for; the rule of the next category above counts then.

    \b
    Examples:
      neanelu pim levels remove golden --category audio --yes
    """
    confirmed(f"Remove what {level} asks for?", yes, dry_run, as_json)
    rule = _change(sql.REMOVE_LEVEL, dry_run, category, as_json, level=level, channel=channel)
    _told(rule, "removed", dry_run, as_json)
