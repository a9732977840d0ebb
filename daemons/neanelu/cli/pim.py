"""`neanelu pim`: golden records, one at a time and all together, and who is told of their quality."""

from __future__ import annotations

import base64
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import orjson
from psycopg.types.json import Jsonb
from rich.text import Text

from neanelu.cli.output import age, confirmed, console, emit, exits, instant, number, table
from neanelu.cli.review import reviewer_name
from neanelu.cli.rules import levels, rules
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import InvalidInput, NotFound, translated
from neanelu.secrets import config_place, key_ring
from neanelu.settings import get_settings

_EDITOR = "neanelu_pim_editor"
_LEVELS = {"golden": "yellow", "silver": "cyan", "bronze": "red", "review_needed": "magenta"}
EVENTS = ("quality_promoted", "quality_demoted", "review_requested")


def one(connection: Connection, statement: str, **values: Any) -> Any:
    """Return the first value of a statement's one row; raises NeaneluError."""
    with translated():
        row = connection.execute(statement, values).fetchone()
    assert row is not None
    return next(iter(row.values()))


def plain(value: Any) -> str:
    """Return a value of a field as one line: text as it is, {"value", "unit"} as both, the rest as JSON."""
    if isinstance(value, dict) and "value" in value:
        return " ".join(filter(None, (plain(value["value"]), value.get("unit"))))
    if isinstance(value, list):
        return ", ".join(plain(item) for item in value)
    if value is None:
        return "-"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def level_text(level: str, score: Any = None) -> Text:
    """Return a quality level in its colour, with the score behind it."""
    return Text(level if score is None else f"{level} {score}", style=_LEVELS.get(level, ""))


def _find(connection: Connection, product: str) -> uuid.UUID:
    found: uuid.UUID = one(connection, sql.FIND_PRODUCT, product=product)
    return found


@click.group()
def pim() -> None:
    """Golden records: what they say, why, since when; how good they are, and who is told.

    PRODUCT is an id, SKU or GTIN.

    \b
    Examples:
      neanelu pim search "wireless headphones"
      neanelu pim show 05901234123457
      neanelu pim explain NEA-000017 specs.colour
      neanelu pim quality
    """


@pim.command()
@click.argument("product")
@click.option("--at", "at", metavar="TIME", help="As it was at a time (2026-05-01T12:00Z).")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def show(product: str, at: str | None, as_json: bool) -> None:
    """Show a golden record: values with their sources, quality, channels.

    \b
    Examples:
      neanelu pim show NEA-000017
      neanelu pim show NEA-000017 --at 2026-05-01 --json | jq .specs
    """
    with exits(as_json), session(_EDITOR, purpose="pim") as connection:
        product_id = _find(connection, product)
        if at is not None:
            try:
                moment = datetime.fromisoformat(at).astimezone()
            except ValueError:
                raise InvalidInput(f"{at!r} is no time", code="22007", hint="2026-05-01T12:00Z") from None
            record = one(connection, sql.PRODUCT_AS_OF, product_id=product_id, at=moment)
            if record is None:
                raise NotFound(f"there was no version at {instant(moment)}", code="NC006")
            if as_json:
                emit(record)
                return
            click.echo(f"version {record['version']} since {instant(record['since'])}")
            fields = {
                **record["fields"],
                **{f"specs.{code}": value for code, value in record["specs"].items()},
            }
            rows = [(name, plain(value)) for name, value in sorted(fields.items())]
            console().print(table({"FIELD": "left", "VALUE": "left"}, rows, wrap="VALUE"))
            return
        record = one(connection, sql.SHOW_PRODUCT, product_id=product_id)
        emit(record) if as_json else _print_record(record)


def _print_record(record: dict[str, Any]) -> None:
    """Print a golden record for people."""
    out = console()
    out.print(
        Text.assemble((record["title"], "bold"), "  ", level_text(record["level"], record.get("score")))
    )
    click.echo(f"{record['sku']}  {record['product_id']}  {record.get('category', 'no category')}")
    if record["dedupe"] == "duplicate":
        click.secho("merged into another record", fg="yellow")
    columns = {"FIELD": "left", "VALUE": "left", "CONFIDENCE": "right", "RULE": "left", "SOURCES": "left"}
    fields = sorted((record["fields"] or {}).items(), key=lambda f: (f[0].startswith("specs."), f[0]))
    out.print(
        table(
            columns,
            (
                (
                    name,
                    plain(field.get("value"))[:200],
                    field.get("confidence", "-"),
                    " ".join(filter(None, (field.get("rule"), field.get("status")))),
                    ", ".join(field.get("sources") or ()),
                )
                for name, field in fields
            ),
            wrap="VALUE",
        )
    )
    _print_quality(record["quality"])
    for channel in record["channels"]:
        where = channel["shop"] or ""
        click.echo(f"{channel['channel']} {where} {channel['external_id']}: {channel['status']}")
    if record["waiting"]:
        click.echo(f"{record['waiting']} proposals wait: neanelu review next --product {record['sku']}")


def _print_quality(breakdown: dict[str, Any]) -> None:
    """Print the parts of a score, and what is in the way of the next level."""
    if not breakdown:
        click.echo("not scored yet")
        return
    parts = [
        f"{name} {breakdown[name]}"
        for name in ("completeness", "accuracy", "consistency")
        if name in breakdown
    ]
    click.echo(f"quality: {', '.join(parts)}, sources {breakdown.get('sources', 0)}")
    for name, what in (("missing", "lacks"), ("conflicts", "open"), ("violations", "against rules")):
        if breakdown.get(name):
            texts = (v if isinstance(v, str) else f"{v['field']} ({v['rule']})" for v in breakdown[name])
            click.echo(f"  {what}: {', '.join(texts)}")
    for level, reasons in (breakdown.get("unmet") or {}).items():
        click.echo(f"  not {level}: {', '.join(reasons)}")
    for channel, facts in sorted((breakdown.get("channels") or {}).items()):
        state = "ready" if facts["ready"] else f"not ready, lacks {', '.join(facts['missing']) or 'quality'}"
        click.echo(f"  {channel}: {facts['completeness']}, {state}")


@pim.command()
@click.argument("product")
@click.argument("field")
@click.option("--json", "as_json", is_flag=True, help="Print the whole story as JSON.")
def explain(product: str, field: str, as_json: bool) -> None:
    """Tell why a field has its value: rule, options, every vote with its page, what people decided.

    \b
    Examples:
      neanelu pim explain NEA-000017 brand
      neanelu pim explain NEA-000017 specs.colour --json | jq .votes
    """
    with exits(as_json), session(_EDITOR, purpose="pim") as connection:
        story = one(connection, sql.EXPLAIN_FIELD, product_id=_find(connection, product), field=field)
        if as_json:
            emit(story)
            return
        print_story(story)


def print_story(story: dict[str, Any]) -> None:
    """Print what pim.explain tells, for people."""
    out = console()
    out.print(
        Text.assemble((f"{story['field']}: ", "bold"), plain(story["value"]), f"   {story['status'] or ''}")
    )
    rule = story.get("rule") or {}
    if rule:
        click.echo(f"rule {rule['rule']} ({rule['pattern']}): {rule['reason']}")
    if story.get("confidence") is not None:
        click.echo(f"confidence {story['confidence']}, ahead of the next by {story.get('margin')}")
    if story["options"]:
        columns = {"OPTION": "left", "SHARE": "right", "TAKEN": "left", "SOURCES": "left"}
        rows = (
            (
                plain(option["value"])[:120],
                option.get("share", "-"),
                "yes" if option.get("taken") else "",
                ", ".join(map(str, option.get("sources") or ())),
            )
            for option in story["options"]
        )
        out.print(table(columns, rows, wrap="OPTION"))
    if story["votes"]:
        columns = {
            "SOURCE": "left",
            "SAYS": "left",
            "TRUST": "right",
            "WEIGHT": "right",
            "STATUS": "left",
            "PAGE": "left",
        }
        votes = (
            (
                vote.get("source") or "-",
                plain(vote.get("value"))[:120],
                vote.get("trust", "-"),
                vote.get("weight", "-"),
                vote.get("status", "-"),
                vote.get("url") or "-",
            )
            for vote in story["votes"]
        )
        out.print(table(columns, votes, wrap="SAYS"))
    for decision in story["decisions"]:
        state = "" if decision["in_force"] else " (not in force)"
        click.echo(
            f"{instant(decision['decided_at'])} {decision['kind']} {plain(decision['value'])}{state} {decision['notes'] or ''}"
        )


@pim.command()
@click.argument("product")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def history(product: str, as_json: bool) -> None:
    """List the versions of a golden record, newest first, with what each changed.

    \b
    Examples:
      neanelu pim history NEA-000017
    """
    with exits(as_json), session(_EDITOR, purpose="pim") as connection:
        product_id = _find(connection, product)
        with translated():
            rows = connection.execute(sql.PRODUCT_HISTORY, {"product_id": product_id}).fetchall()
        if as_json:
            emit(rows)
            return
        columns = {"VERSION": "right", "SINCE": "left", "FIELD": "left", "FROM": "left", "TO": "left"}
        lines: list[tuple[object, ...]] = []
        for row in rows:
            head: tuple[object, ...] = (
                f"{row['version']}{'*' if row['is_current'] else ''}",
                instant(row["created_at"]),
            )
            for name, change in sorted(row["changes"].items()) or [("(no values changed)", {})]:
                lines.append((*head, name, plain(change.get("from"))[:60], plain(change.get("to"))[:60]))
                head = ("", "")
        console().print(table(columns, lines))


@pim.command()
@click.argument("product")
@click.argument("version", type=click.IntRange(1))
@click.option("--notes", help="Why.")
@click.option(
    "--as", "name", metavar="NAME", help="Who restores [default: NEANELU_REVIEWER, else the system's user]."
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be in force.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON; needs --yes or --dry-run.")
def restore(
    product: str, version: int, notes: str | None, name: str | None, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Make a new version with the values of an old one; they stick like a person's decision.

    \b
    Examples:
      neanelu pim restore NEA-000017 3 --notes "import of May was wrong"
    """
    if as_json and not (yes or dry_run):
        raise click.UsageError("--json needs --yes or --dry-run")
    with exits(as_json), session(_EDITOR, purpose="pim") as connection:
        product_id = _find(connection, product)
        if not (yes or dry_run):
            click.confirm(f"Restore version {version} of {product}?", abort=True)
        with translated(), connection.transaction(force_rollback=dry_run):
            made = one(
                connection,
                sql.RESTORE_PRODUCT,
                product_id=product_id,
                version=version,
                reviewer_id=one(connection, sql.REVIEWER, name=reviewer_name(name)),
                notes=notes,
            )
        if as_json:
            emit({"product_id": product_id, "restored": version, "version": made, "dry_run": dry_run})
        else:
            would = "would be" if dry_run else "is"
            click.echo(f"version {made} {would} in force, with the values of version {version}")


@pim.command("set")
@click.argument("product")
@click.argument("field")
@click.argument("value")
@click.option("--notes", help="Why.")
@click.option(
    "--as", "name", metavar="NAME", help="Who says so [default: NEANELU_REVIEWER, else the system's user]."
)
@click.option("--dry-run", is_flag=True, help="Check it; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def set_(
    product: str, field: str, value: str, notes: str | None, name: str | None, dry_run: bool, as_json: bool
) -> None:
    """Set a field yourself; later votes of sources do not overwrite it.

    VALUE is JSON, or text when it is no JSON. A GTIN stays text; null empties the field.

    \b
    Examples:
      neanelu pim set NEA-000017 brand Sony
      neanelu pim set NEA-000017 specs.weight '{"value": 1.2, "unit": "kg"}'
    """
    with exits(as_json), session(_EDITOR, purpose="pim") as connection:
        product_id = _find(connection, product)
        with translated(), connection.transaction(force_rollback=dry_run):
            decision = one(
                connection,
                sql.SET_PRODUCT_VALUE,
                product_id=product_id,
                field=field,
                value=Jsonb(_value_of(field, value)),
                reviewer_id=one(connection, sql.REVIEWER, name=reviewer_name(name)),
                notes=notes,
            )
        if as_json:
            emit({"product_id": product_id, "field": field, "decision_id": decision, "dry_run": dry_run})
        else:
            click.echo(f"{field} of {product} {'would be' if dry_run else 'is'} {value}")


def _value_of(field: str, text: str) -> Any:
    """Return what is meant: JSON where it is JSON; main fields are text."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    if value is not None and not field.startswith("specs.") and field not in ("price", "image"):
        return value if isinstance(value, str) else text
    return value


@pim.command()
@click.argument("query")
@click.option("--locale", help="Language of the question [default: Romanian or English].")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="Rows.")
@click.option("--words-only", is_flag=True, help="Do not ask the model in use for the question's meaning.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def search(query: str, locale: str | None, limit: int, words_only: bool, as_json: bool) -> None:
    """Find golden records by words, by similar spelling, and by meaning where the model in use is there (neanelu embeddings).

    Products of a shop: neanelu embeddings search --shop.

    \b
    Examples:
      neanelu pim search "căști wireless"
      neanelu pim search "WH-1000XM4" --json | jq -r '.[].product_id'
    """
    # The model's packages take half a second to load, which the other commands do without.
    from neanelu.cli.embeddings import meaning

    with exits(as_json), session(_EDITOR, purpose="pim") as connection:
        model, vector = (None, None) if words_only else meaning(connection, query)
        values = {"query": query, "vector": vector, "locale": locale, "limit": limit, "model": model}
        with translated():
            rows = connection.execute(sql.SEARCH_PRODUCTS, values).fetchall()
        if as_json:
            emit(rows)
            return
        ranks = dict.fromkeys(("WORDS", "SIMILAR", "MEANING"), "right")
        columns = {"SCORE": "right", "TITLE": "left", "BRAND": "left", "LEVEL": "left", **ranks, "ID": "left"}
        lines = (
            (
                f"{row['score']:.4f}",
                row["title"],
                row["brand"] or "-",
                level_text(row["data_quality_level"]),
                *(row[f"{name}_rank"] or "-" for name in ("text", "word", "vector")),
                row["product_id"],
            )
            for row in rows
        )
        console().print(table(columns, lines, wrap="TITLE")) if rows else click.echo("nothing found")


@pim.command()
@click.argument("product", required=False)
@click.option("--rescore", is_flag=True, help="Compute the score of PRODUCT anew first.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def quality(product: str | None, rescore: bool, as_json: bool) -> None:
    """Show the quality of all golden records, or of one: what it lacks, and what keeps it from the next level.

    \b
    Examples:
      neanelu pim quality
      neanelu pim quality NEA-000017 --rescore
    """
    with exits(as_json), session(_EDITOR, purpose="pim") as connection:
        if product is not None:
            product_id = _find(connection, product)
            if rescore:
                one(connection, sql.RESCORE_PRODUCTS, product_ids=[product_id])
            record = one(connection, sql.SHOW_PRODUCT, product_id=product_id)
            facts = {
                key: record.get(key)
                for key in ("product_id", "sku", "title", "level", "score", "quality", "events")
            }
            if as_json:
                emit(facts)
                return
            console().print(
                Text.assemble(
                    (record["title"], "bold"), "  ", level_text(record["level"], record.get("score"))
                )
            )
            _print_quality(record["quality"])
            for event in record["events"]:
                click.echo(f"  {instant(event['at'])} {event['from']} → {event['to']} ({event['reason']})")
            return
        overview = one(connection, sql.QUALITY_OVERVIEW)
        if as_json:
            emit(overview)
            return
        rows = (
            (
                level_text(level),
                number(facts["products"]),
                facts["score"] if facts["score"] is not None else "-",
            )
            for level, facts in sorted(
                overview["levels"].items(), key=lambda item: list(_LEVELS).index(item[0])
            )
        )
        console().print(table({"LEVEL": "left", "RECORDS": "right", "SCORE": "right"}, rows))
        for name, what in (("missing", "missing most"), ("short_of_golden", "not golden because of")):
            items = [
                f"{item.get('field') or item.get('reason')} ({number(item['products'])})"
                for item in overview[name]
            ]
            if items:
                click.echo(f"{what}: {', '.join(items)}")
        waiting = overview["waiting"]
        click.echo(
            f"waiting for review: {number(waiting['proposals'])} proposals, {number(waiting['clusters'])} clusters"
        )


# --- Who is told ------------------------------------------------------------------------------------------
@pim.group()
def endpoints() -> None:
    """Addresses that are told of changes of quality: one signed POST an event, repeated until it is taken.

    Signed as Standard Webhooks describes (webhook-id, webhook-timestamp, webhook-signature). Sent by `neanelu worker`.

    \b
    Examples:
      neanelu pim endpoints add shop_team https://example.com/hooks/quality
      neanelu pim endpoints test shop_team
    """


@endpoints.command()
@click.argument("name")
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, type=click.Choice(EVENTS), help="Only these events [default: all]."
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use this secret instead of a new one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def add(name: str, url: str, events: tuple[str, ...], secret_file: Path | None, as_json: bool) -> None:
    """Add an address, or change one and give it a new secret. The secret is shown once, and kept sealed.

    \b
    Examples:
      neanelu pim endpoints add shop_team https://example.com/hooks/quality
      neanelu pim endpoints add alarms https://example.com/a --event quality_demoted --event review_requested
    """
    from neanelu.worker.handlers_quality import endpoint_setting
    from neanelu.worker.outbound import new_secret

    with exits(as_json), session("neanelu_operator", purpose="pim") as connection:
        secret = new_secret()
        if secret_file is not None:
            try:
                secret = secret_file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise InvalidInput(f"{secret_file} cannot be read", code="NQ001") from None
            if not secret:
                raise InvalidInput(f"{secret_file} is empty", code="NQ001")
        packed = key_ring().seal(secret, config_place(endpoint_setting(name))).pack()
        sealed = Jsonb({"sealed": base64.b64encode(packed).decode()})
        made = one(
            connection, sql.SET_ENDPOINT, name=name, url=url, sealed=sealed, event_types=list(events) or None
        )
        shown = None if secret_file else secret
        if as_json:
            emit({"endpoint_id": made, "name": name, "url": url, "secret": shown})
            return
        click.echo(f"{name} is told of {', '.join(events) or 'all changes of quality'}")
        if shown:
            click.echo(f"secret, shown this once: {shown}")


@endpoints.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(as_json: bool) -> None:
    """List the addresses, and what they took.

    \b
    Examples:
      neanelu pim endpoints list
    """
    with exits(as_json), session("neanelu_operator", purpose="pim") as connection:
        with translated():
            rows = connection.execute(sql.LIST_ENDPOINTS).fetchall()
        if as_json:
            emit(rows)
        elif not rows:
            click.echo("nobody is told yet: neanelu pim endpoints add NAME URL")
        else:
            columns = {
                "NAME": "left",
                "URL": "left",
                "ACTIVE": "left",
                "SENT": "right",
                "PENDING": "right",
                "FAILED": "right",
            }
            lines = (
                (
                    row["name"],
                    row["url"],
                    "yes" if row["is_active"] else "NO",
                    number(row["sent"]),
                    number(row["pending"]),
                    number(row["failed"]),
                    age(row["last_success_at"]),
                    row["last_error"] or "",
                )
                for row in rows
            )
            console().print(
                table({**columns, "LAST TAKEN": "right", "LAST ERROR": "left"}, lines, wrap="LAST ERROR")
            )


@endpoints.command()
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON; needs --yes or --dry-run.")
def remove(name: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Forget an address with its secret and what it is still owed.

    \b
    Examples:
      neanelu pim endpoints remove shop_team
    """
    confirmed(f"Remove {name}?", yes, dry_run, as_json)
    with exits(as_json), session("neanelu_operator", purpose="pim") as connection:
        with translated(), connection.transaction(force_rollback=dry_run):
            connection.execute(sql.REMOVE_ENDPOINT, {"name": name})
        if as_json:
            emit({"name": name, "removed": not dry_run})
        else:
            click.echo(f"{name} {'would be' if dry_run else 'is'} removed")


@endpoints.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def test(name: str, as_json: bool) -> None:
    """Post a made-up event to an address, signed as the real ones, and say what it answered; exit code 1 unless it is 2xx.

    \b
    Examples:
      neanelu pim endpoints test shop_team
    """
    from neanelu.worker.handlers_quality import endpoint_setting, open_secret
    from neanelu.worker.outbound import Undelivered, post

    with exits(as_json), session("neanelu_worker", purpose="pim") as connection:
        with translated():
            rows = connection.execute(sql.LIST_ENDPOINTS).fetchall()
        found = next((row for row in rows if row["name"] == name), None)
        if found is None:
            raise NotFound(f"there is no address {name}", code="NQ002", hint="neanelu pim endpoints list")
        sealed = one(connection, sql.SEALED_CONFIG, key=endpoint_setting(name))
        settings = get_settings()
        event = {
            "type": "test",
            "timestamp": datetime.now().astimezone().isoformat(),
            "data": {"endpoint": name},
        }
        answer = post(
            found["url"],
            f"test-{uuid.uuid4()}",
            event,
            open_secret(key_ring(settings), name, sealed),
            settings,
        )
        if answer.error is not None:
            raise Undelivered(
                f"{name}: {answer.error}",
                hint="NEANELU_QUALITY_ALLOW_NETWORKS for receivers in your own network.",
            )
        if as_json:
            emit({"name": name, "http_status": answer.status})
        else:
            click.echo(f"{name} answered {answer.status}")


pim.add_command(rules)
pim.add_command(levels)
