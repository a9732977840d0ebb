"""`neanelu review`: what waits for people, one item after another with the evidence, or by options for scripts."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import click
from psycopg.types.json import Jsonb
from rich.table import Table
from rich.text import Text

from neanelu.cli.output import age, console, emit, exits, instant, number, table
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import InvalidInput, NeaneluError, translated
from neanelu.settings import get_settings

_EDITOR: Final = "neanelu_pim_editor"
_INTERRUPTED: Final = 130
#: Records of a cluster that fit side by side.
_SIDES: Final = 4
_KEYS: Final = "[a]pprove  [r]eject  [s]kip  [u]ndo the last  [q]uit"
_KINDS: Final = ("proposal", "cluster", "synonym", "match")


def reviewer_name(name: str | None) -> str:
    """Return who reviews: as given, else NEANELU_REVIEWER, else the system's user."""
    return name or get_settings().reviewer or getpass.getuser()


def _filters(function: Any) -> Any:
    """Add the options that choose among what waits."""
    for option in reversed(
        (
            click.option("--kind", type=click.Choice(_KINDS), help="Only these."),
            click.option("--category", help="Only products of a category (slug, name or id) and below."),
            click.option("--source", help="Only what this source says."),
            click.option("--field", help="Only proposals for this field, such as brand or colour."),
            click.option("--product", help="Only of this golden record (id, SKU or GTIN)."),
            click.option("--min-priority", type=int, help="Only what matters at least so much (0 to 100)."),
        )
    ):
        function = option(function)
    return function


_as = click.option(
    "--as", "name", metavar="NAME", help="Who reviews [default: NEANELU_REVIEWER, else the system's user]."
)
_minutes = click.option(
    "--minutes",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0.1, 1440),
    help="How long an item is kept from others.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


def _filter(connection: Connection, options: Mapping[str, Any]) -> Jsonb:
    """Return the filter of pim.review_queue; a product is looked up."""
    chosen = {key: value for key, value in options.items() if value is not None}
    if "product" in chosen:
        chosen["product"] = str(_value(connection, sql.FIND_PRODUCT, product=chosen["product"]))
    return Jsonb(chosen)


def _value(connection: Connection, statement: str, **values: Any) -> Any:
    """Return the first value of a statement's one row."""
    with translated():
        row = connection.execute(statement, values).fetchone()
    assert row is not None
    return next(iter(row.values()))


class Desk:
    """A reviewer at work: claims, decides, takes back.

    Args:
        connection: autocommit, as neanelu_pim_editor.
        name: who reviews.
        chosen: filter.
        seconds: how long an item is kept from others.
    """

    def __init__(
        self, connection: Connection, name: str, chosen: Jsonb | None = None, seconds: float = 600.0
    ) -> None:
        self.connection = connection
        self.reviewer_id: UUID = _value(connection, sql.REVIEWER, name=name)
        self._chosen = chosen or Jsonb({})
        self._seconds = seconds

    def next(self) -> dict[str, Any] | None:
        """Claim the next item and return it with its evidence; None when nothing waits."""
        with translated():
            row = self.connection.execute(
                sql.CLAIM_REVIEW,
                {"reviewer_id": self.reviewer_id, "filter": self._chosen, "seconds": self._seconds},
            ).fetchone()
        if row is None:
            return None
        item: dict[str, Any] = _value(
            self.connection, sql.REVIEW_ITEM, kind=row["item_kind"], item_id=row["item_id"]
        )
        return item

    def decide(
        self, kind: str, item_id: str | UUID, decision: str, notes: str | None, means: str | None = None
    ) -> UUID:
        """Approve or reject; `means` is the attribute that a name means. Returns the decision's id."""
        made: UUID = _value(
            self.connection,
            sql.DECIDE_REVIEW,
            kind=kind,
            item_id=item_id,
            decision=decision,
            reviewer_id=self.reviewer_id,
            notes=notes,
            means=means,
        )
        return made

    def release(self, kind: str, item_id: str | UUID, *, skip: bool) -> None:
        """Give an item back, for good or for others."""
        values = {"kind": kind, "item_id": item_id, "reviewer_id": self.reviewer_id, "is_skipped": skip}
        with translated():
            self.connection.execute(sql.RELEASE_REVIEW, values)

    def undo(self, decision_id: str | None = None) -> dict[str, Any]:
        """Take back the last decision, or the given one."""
        with translated():
            row = self.connection.execute(
                sql.UNDO_DECISION, {"reviewer_id": self.reviewer_id, "decision_id": decision_id}
            ).fetchone()
        assert row is not None
        return row


# --- Showing ----------------------------------------------------------------------------------------------
def show_item(item: dict[str, Any]) -> None:
    """Print an item with both sides and the evidence."""
    show = {
        "proposal": _show_proposal,
        "cluster": _show_cluster,
        "synonym": _show_synonym,
        "match": _show_match,
    }
    show[item["kind"]](item)
    claim = item.get("claim")
    if claim:
        click.echo(f"{claim['reviewer']} has it until {instant(claim['until'])}")


def _show_proposal(item: dict[str, Any]) -> None:
    from neanelu.cli.pim import plain

    out = console()
    product, proposed, story = item["product"], item["proposed"], item["story"]
    out.print(
        Text.assemble(
            ("proposal ", "dim"), item["id"], f"  priority {item['priority']}  since {age_of(item)}"
        )
    )
    out.print(Text(product["title"], style="bold"))
    facts = (
        product.get("brand"),
        product.get("mpn"),
        product.get("gtin"),
        product.get("category"),
        product["sku"],
    )
    click.echo("  ".join(str(fact) for fact in facts if fact))
    field = item["field"]
    sides = Table(title=Text(field.get("label") or field["path"], style="bold"), title_justify="left")
    sides.add_column("IN FORCE", overflow="fold")
    sides.add_column("PROPOSED", overflow="fold")
    sides.add_row(Text(plain(story.get("value"))), Text(plain(proposed["value"]), style="bold green"))
    if proposed.get("raw") is not None or story.get("raw") is not None:
        sides.add_row(
            Text(f"written {plain(story.get('raw'))}"), Text(f"written {plain(proposed.get('raw'))}")
        )
    behind = sorted(
        {v["source"] for v in story["votes"] if v.get("source") and v["status"] in ("approved", "merged")}
    )
    source = f"{proposed.get('source', 'nobody')} (trust {proposed.get('trust', '-')})"
    source += f", confidence {proposed.get('confidence', '-')}"
    sides.add_row(Text(", ".join(behind) or "-"), Text(source))
    if proposed.get("url") or proposed.get("snippet"):
        sides.add_row(
            "", Text("\n".join(filter(None, (proposed.get("url"), _quoted(proposed.get("snippet"))))))
        )
    out.print(sides)
    if item.get("why"):
        click.echo(item["why"])
    rivals = [v for v in story["votes"] if v.get("proposal_id") != item["id"] and v["status"] != "superseded"]
    if rivals:
        columns = {
            "ALSO SAID": "left",
            "BY": "left",
            "TRUST": "right",
            "WEIGHT": "right",
            "STATUS": "left",
            "PAGE": "left",
        }
        rows = (
            (
                plain(vote.get("value"))[:100],
                vote.get("source", "-"),
                vote.get("trust", "-"),
                vote.get("weight", "-"),
                vote["status"],
                vote.get("url", "-"),
            )
            for vote in rivals
        )
        out.print(table(columns, rows, wrap="ALSO SAID"))


def _quoted(text: str | None) -> str | None:
    return f"“{text[:300]}”" if text else None


def age_of(item: Mapping[str, Any]) -> str:
    """Return how long an item has been waiting."""
    from datetime import datetime

    return age(datetime.fromisoformat(item["created_at"]))


def _show_cluster(item: dict[str, Any]) -> None:
    from neanelu.cli.pim import plain

    out = console()
    members = item["members"] or []
    head = f"{len(members)} records that may be one  confidence {item.get('confidence')}  {item['type']}"
    out.print(Text.assemble(("cluster ", "dim"), item["id"], f"  {head}"))
    shown = members[:_SIDES]
    sides = Table(show_lines=False)
    sides.add_column("", style="dim")
    for place, member in enumerate(shown):
        sides.add_column("SURVIVOR" if member.get("is_canonical") else f"RECORD {place + 1}", overflow="fold")
    flat = [_flat(member) for member in shown]
    for name in dict.fromkeys(key for side in flat for key in side):
        values = [plain(side.get(name)) for side in flat]
        said = {value for value in values if value != "-"}
        style = "" if len(said) < 2 else "bold yellow"
        sides.add_row(name, *(Text(value, style=style) for value in values))
    out.print(sides)
    if len(members) > _SIDES:
        click.echo(f"and {len(members) - _SIDES} more: neanelu review show {item['id']} --json")
    if item.get("criteria"):
        click.echo(
            "because of " + ", ".join(f"{key}: {plain(value)}" for key, value in item["criteria"].items())
        )


def _show_synonym(item: dict[str, Any]) -> None:
    from neanelu.cli.pim import plain

    out = console()
    name, means = item["name"], item["candidates"]
    head = f"  score {item.get('confidence')}  since {age_of(item)}"
    out.print(Text.assemble(("synonym ", "dim"), item["id"], head))
    said = f"“{name['name']}” of {name['source']}"
    said += f" ({name['locale']})" if name.get("locale") else ""
    sides = Table(title=Text(said, style="bold"), title_justify="left")
    sides.add_column("THE SOURCE WRITES", overflow="fold")
    for place, candidate in enumerate(means):
        label = f"{candidate['code']}?" if place == 0 else f"[{place + 1}] {candidate['code']}?"
        sides.add_column(Text(label), overflow="fold")
    sides.add_row("", *(Text(f"{c.get('score', '-')} by {c.get('method', '-')}") for c in means))
    what = ("  ".join(filter(None, (c.get("label"), c.get("type"), c.get("unit")))) for c in means)
    sides.add_row(f"unit {name['unit']}" if name.get("unit") else "", *(Text(text) for text in what))
    sides.add_row("", *(Text(", ".join(c.get("also") or ()) or "-") for c in means))
    for place, example in enumerate(name.get("examples") or ()):
        read = (_value_at(candidate, place) for candidate in means)
        sides.add_row(Text(plain(example)), *(Text(plain(value), style="green") for value in read))
    out.print(sides)
    for other in item["elsewhere"]:
        click.echo(f"{other['source']}: {other['decision']} {other.get('means', '')}".rstrip())


def _value_at(candidate: Mapping[str, Any], place: int) -> Any:
    """Return what an example of a name would become as a value of a candidate; None: it cannot be read."""
    values = candidate.get("values") or ()
    return values[place].get("value") if place < len(values) else None


def _show_match(item: dict[str, Any]) -> None:
    from neanelu.cli.pim import plain

    out = console()
    offer = item["offer"]
    head = f"  score {item.get('confidence')} by {item['method']}  since {age_of(item)}"
    out.print(Text.assemble(("match ", "dim"), item["id"], head))
    sides = Table()
    sides.add_column("", style="dim")
    sides.add_column("RECORD", overflow="fold")
    columns = [_flat(item["product"])]
    if item.get("other"):
        sides.add_column("IS A RECORD OF ITS OWN NOW", overflow="fold")
        columns.append(_flat(item["other"]))
    sides.add_column(Text(f"{offer.get('source', 'a source')} says"), overflow="fold")
    said = _flat({**offer, "sources": None})
    said["price"] = " ".join(str(offer[key]) for key in ("price", "currency") if offer.get(key)) or None
    columns.append({**said, "url": offer.get("url"), "key": offer.get("key")})
    for name in dict.fromkeys(key for side in columns for key in side):
        values = [plain(side.get(name)) for side in columns]
        style = "" if len({value for value in values if value != "-"}) < 2 else "bold yellow"
        sides.add_row(name, *(Text(value, style=style) for value in values))
    out.print(sides)
    if item["scores"]:
        evidence = sorted(item["scores"].items(), key=lambda piece: str(piece[0]))
        click.echo("because of " + ", ".join(f"{key}: {plain(value)}" for key, value in evidence))
    if item["conflicts"]:
        click.secho("against it: " + ", ".join(item["conflicts"]), fg="yellow")


def _flat(member: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's facts in one level, those that tell records apart first."""
    names = (
        "title",
        "brand",
        "manufacturer",
        "mpn",
        "gtin",
        "category",
        "price",
        "sku",
        "level",
        "similarity",
    )
    facts = {name: member[name] for name in names if member.get(name) is not None}
    facts.update({f"specs.{code}": value for code, value in sorted((member.get("specs") or {}).items())})
    if member.get("evidence"):
        facts["evidence"] = "; ".join(f"{key} {value}" for key, value in member["evidence"].items())
    if member.get("sources"):
        facts["sources"] = member["sources"]
    if member.get("description"):
        facts["description"] = member["description"][:200]
    return facts


# --- Commands ---------------------------------------------------------------------------------------------
@click.group(invoke_without_command=True)
@_filters
@_as
@_minutes
@click.pass_context
def review(ctx: click.Context, /, name: str | None, minutes: float, **options: Any) -> None:
    """Decide what waits for people: proposed values (proposal), records that may be one (cluster), names that may mean an
    attribute (synonym), and single pairs of a source's record and a golden record (match).

    Without a command: one item after another in the terminal, by key: approve, reject, skip, undo, quit. Nobody else gets an
    item that you look at. The login neanelu_pim_editor suffices.

    \b
    Examples:
      neanelu review --category headphones
      neanelu review list --kind cluster --json
      neanelu review --kind synonym --source "Acme feed"
      neanelu review next --json
      neanelu review decide 0199… approve --notes "as printed on the box"
      neanelu review undo
    """
    if ctx.invoked_subcommand is not None:
        return
    with exits(), session(_EDITOR, purpose="review") as connection:
        desk = Desk(connection, reviewer_name(name), _filter(connection, options), minutes * 60)
        work(desk)


def work(desk: Desk) -> None:
    """Go through what waits, key by key."""
    counts = {"approve": 0, "reject": 0, "skip": 0}
    item: dict[str, Any] | None = None
    try:
        while (item := desk.next()) is not None:
            click.echo()
            show_item(item)
            if not _answer(desk, item, counts):
                break
            item = None
        else:
            click.echo("nothing waits")
    except (KeyboardInterrupt, EOFError, click.Abort):
        if item is not None:
            desk.release(item["kind"], item["id"], skip=False)
        _summary(counts)
        sys.exit(_INTERRUPTED)
    _summary(counts)


def _answer(desk: Desk, item: dict[str, Any], counts: dict[str, int]) -> bool:
    """Ask for a key until one decides about the item; returns whether to go on."""
    kind, item_id = item["kind"], item["id"]
    while True:
        others = [candidate["code"] for candidate in item.get("candidates", ())[1:]]
        more = "".join(f"  [{place}] it means {code}" for place, code in enumerate(others, 2))
        click.echo(_KEYS + more)
        key = click.getchar().lower()
        means = others[int(key) - 2] if key.isdecimal() and 2 <= int(key) < len(others) + 2 else None
        key = "a" if means else key
        try:
            if key in ("a", "r"):
                decision = "approve" if key == "a" else "reject"
                desk.decide(kind, item_id, decision, None, means)
                counts[decision] += 1
                click.secho("approved" if key == "a" else "rejected", fg="green" if key == "a" else "red")
                return True
            if key == "s":
                desk.release(kind, item_id, skip=True)
                counts["skip"] += 1
                return True
            if key == "u":
                undone = desk.undo()
                click.echo(f"taken back: {undone['decision']} of {undone['item_kind']} {undone['item_id']}")
                desk.release(kind, item_id, skip=False)
                return True
            if key in ("q", "\x1b"):
                desk.release(kind, item_id, skip=False)
                return False
            if key == "\x03":
                raise KeyboardInterrupt
            if key == "\x04":
                raise EOFError
        except NeaneluError as error:
            click.secho(f"not done: {error}", fg="red")
            if key in ("a", "r"):
                desk.release(kind, item_id, skip=True)
                return True


def _summary(counts: Mapping[str, int]) -> None:
    click.echo(
        f"{number(counts['approve'])} approved, {number(counts['reject'])} rejected, {number(counts['skip'])} skipped"
    )


@review.command("list")
@_filters
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Rows.")
@_json
def list_(limit: int, as_json: bool, **options: Any) -> None:
    """List what waits, the most important first.

    \b
    Examples:
      neanelu review list --kind proposal --category headphones
      neanelu review list --min-priority 50 --json | jq -r '.[].item_id'
    """
    with exits(as_json), session(_EDITOR, purpose="review") as connection:
        values = {"filter": _filter(connection, options), "limit": limit}
        with translated():
            rows = connection.execute(sql.REVIEW_QUEUE, values).fetchall()
        if as_json:
            emit(rows)
        elif not rows:
            click.echo("nothing waits")
        else:
            columns = {
                "PRIORITY": "right",
                "KIND": "left",
                "ID": "left",
                "PRODUCT": "left",
                "ABOUT": "left",
                "CONFIDENCE": "right",
            }
            lines = (
                (
                    row["priority"],
                    row["item_kind"],
                    row["item_id"],
                    (row["title"] or "-")[:50],
                    row["subject"],
                    row["confidence"] if row["confidence"] is not None else "-",
                    age(row["created_at"]),
                    row["claimed_by"] or "",
                )
                for row in rows
            )
            console().print(table({**columns, "WAITS": "right", "LOOKED AT BY": "left"}, lines, wrap="ABOUT"))


@review.command("next")
@_filters
@_as
@_minutes
@_json
def next_(name: str | None, minutes: float, as_json: bool, **options: Any) -> None:
    """Take the next item and show it; it is yours until the minutes are over. Called again it gives the same one.

    Prints null when nothing waits.

    \b
    Examples:
      neanelu review next
      neanelu review next --kind cluster --json | jq '.members[].title'
    """
    with exits(as_json), session(_EDITOR, purpose="review") as connection:
        desk = Desk(connection, reviewer_name(name), _filter(connection, options), minutes * 60)
        item = desk.next()
        if as_json:
            emit(item)
        elif item is None:
            click.echo("nothing waits")
        else:
            show_item(item)
            click.echo(f"neanelu review decide {item['id']} approve|reject")


@review.command()
@click.argument("item_id", metavar="ID", type=click.UUID)
@_json
def show(item_id: UUID, as_json: bool) -> None:
    """Show an item with both sides and the evidence, without taking it.

    \b
    Examples:
      neanelu review show 0199c0de-0000-7000-8000-000000000001
    """
    with exits(as_json), session(_EDITOR, purpose="review") as connection:
        kind = _value(connection, sql.REVIEW_KIND, item_id=item_id)
        item = _value(connection, sql.REVIEW_ITEM, kind=kind, item_id=item_id)
        emit(item) if as_json else show_item(item)


@review.command()
@click.argument("item_ids", metavar="ID...", type=click.UUID, nargs=-1, required=True)
@click.argument("decision", type=click.Choice(["approve", "reject", "skip"]))
@click.option("--notes", help="Why; kept with the decision.")
@click.option("--means", metavar="CODE", help="Of names: the attribute, when it is not the proposed one.")
@_as
@click.option("--dry-run", is_flag=True, help="Check it; change nothing.")
@_json
def decide(
    item_ids: tuple[UUID, ...],
    decision: str,
    notes: str | None,
    means: str | None,
    name: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Approve, reject or skip items; all of them or none. Approving a cluster or a match merges its records.

    \b
    Examples:
      neanelu review decide 0199… approve --notes "as printed on the box"
      neanelu review decide 0199… 0199… reject --dry-run
      neanelu review decide 0199… approve --means screen_size
    """
    if decision == "skip" and (notes or means):
        raise InvalidInput("what is skipped has no notes")
    with exits(as_json), session(_EDITOR, purpose="review") as connection:
        desk = Desk(connection, reviewer_name(name))
        done: list[dict[str, Any]] = []
        with translated(), connection.transaction(force_rollback=dry_run):
            for item_id in item_ids:
                kind = _value(connection, sql.REVIEW_KIND, item_id=item_id)
                made = None
                if decision == "skip":
                    desk.release(kind, item_id, skip=True)
                else:
                    made = desk.decide(kind, item_id, decision, notes, means)
                done.append(
                    {"item_kind": kind, "item_id": item_id, "decision": decision, "decision_id": made}
                )
        if as_json:
            emit({"decisions": done, "dry_run": dry_run})
            return
        for row in done:
            click.echo(
                f"{row['item_kind']} {row['item_id']}: {'would be ' if dry_run else ''}{_PAST[decision]}"
            )


_PAST: Final = {"approve": "approved", "reject": "rejected", "skip": "skipped"}


@review.command()
@click.argument("decision_id", metavar="[DECISION]", type=click.UUID, required=False)
@_as
@click.option("--dry-run", is_flag=True, help="Check it; change nothing.")
@_json
def undo(decision_id: UUID | None, name: str | None, dry_run: bool, as_json: bool) -> None:
    """Take back your last decision, or the one given: values, merges and quality are as they were.

    \b
    Examples:
      neanelu review undo
      neanelu review undo 0199c0de-0000-7000-8000-000000000001
    """
    with exits(as_json), session(_EDITOR, purpose="review") as connection:
        desk = Desk(connection, reviewer_name(name))
        with translated(), connection.transaction(force_rollback=dry_run):
            row = desk.undo(str(decision_id) if decision_id else None)
        if as_json:
            emit({**row, "dry_run": dry_run})
        else:
            would = "would be" if dry_run else "is"
            click.echo(f"{row['decision']} of {row['item_kind']} {row['item_id']} {would} taken back")


@review.command()
@click.option("--mine", is_flag=True, help="Only your own.")
@_as
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Rows.")
@_json
def log(mine: bool, name: str | None, limit: int, as_json: bool) -> None:
    """List the latest decisions.

    \b
    Examples:
      neanelu review log --mine
      neanelu review log --json | jq -r '.[0].decision_id'
    """
    with exits(as_json), session(_EDITOR, purpose="review") as connection:
        who = _value(connection, sql.REVIEWER, name=reviewer_name(name)) if mine or name else None
        with translated():
            rows = connection.execute(sql.REVIEW_LOG, {"reviewer_id": who, "limit": limit}).fetchall()
        if as_json:
            emit(rows)
        elif not rows:
            click.echo("nobody has decided anything yet")
        else:
            columns = {
                "WHEN": "left",
                "WHO": "left",
                "DECISION": "left",
                "ABOUT": "left",
                "NOTES": "left",
                "ID": "left",
            }
            lines = (
                (
                    instant(row["decided_at"]),
                    row["reviewer"],
                    f"{row['decision']}{' (taken back)' if row['undone_at'] else ''}",
                    f"{row['item_kind']} {row['subject'] or row['item_id']}",
                    row["notes"] or "",
                    row["decision_id"],
                )
                for row in rows
            )
            console().print(table(columns, lines, wrap="ABOUT"))
