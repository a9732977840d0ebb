"""`neanelu attributes`: attributes, what sources call them, and which unit is which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson
from psycopg.types.json import Jsonb

from neanelu.cli.output import confirmed, console, emit, exits, number, table
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import InvalidInput, NotFound, translated
from neanelu.settings import get_settings

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_DRY = click.option("--dry-run", is_flag=True, help="Check it; change nothing.")
_KINDS = ("string", "number", "boolean", "enum", "dimensions", "range", "list")


@click.group()
def attributes() -> None:
    """Attributes and their names: list, define and expect them, ask what a name means, decide about names of sources.

    A name that a source uses is mapped when it is first seen: at once when it is certain, else it waits here.

    \b
    Examples:
      neanelu attributes candidates 'Bildschirmdiagonale' --example '27 Zoll'
      neanelu attributes review
      neanelu attributes approve 01a1fd33-4a19-7035-a9ac-b06860d25d64 --as screen_size
      neanelu attributes define screen_size --label "Screen size" --kind number --unit cm
      neanelu attributes expect "Electronics > Video > Computer Monitors" screen_size --required
    """


@attributes.command("list")
@click.argument("words", required=False)
@click.option("--limit", type=click.IntRange(1, 10000), default=100, show_default=True)
@_JSON
def list_(words: str | None, limit: int, as_json: bool) -> None:
    """List attributes with their kind, unit and names in force.

    \b
    Examples:
      neanelu attributes list
      neanelu attributes list screen --json
    """
    with exits(as_json), session("neanelu_operator", purpose="attributes") as connection:
        rows = connection.execute(sql.LIST_ATTRIBUTES, {"query": words, "limit": limit}).fetchall()
    if as_json:
        emit(rows)
        return
    columns = dict.fromkeys(("CODE", "LABEL", "KIND", "UNIT", "ALSO"), "left")
    console().print(
        table(
            columns,
            (
                (
                    r["code"],
                    r["label"],
                    r["data_type"],
                    r["unit"] or r["unit_family"] or "",
                    ", ".join(r["synonyms"]),
                )
                for r in rows
            ),
        )
    )


@attributes.command()
@click.argument("name")
@click.option("--locale", help="Language of the name: ro, en, de, fr, es.")
@click.option("--unit", help="Unit that the source gives with it.")
@click.option("--example", "examples", multiple=True, help="A value of it; may be repeated.")
@click.option("--limit", type=click.IntRange(1, 20), default=3, show_default=True)
@_JSON
def candidates(
    name: str, locale: str | None, unit: str | None, examples: tuple[str, ...], limit: int, as_json: bool
) -> None:
    """Say which attributes a name may mean, and what its example values would become.

    \b
    Examples:
      neanelu attributes candidates 'Taille de l écran' --locale fr
      neanelu attributes candidates Response --example '5 ms' --example '8 ms'
    """
    arguments = {
        "name": name,
        "locale": locale,
        "unit": unit,
        "examples": list(examples) or None,
        "limit": limit,
    }
    with exits(as_json), session("neanelu_operator", purpose="attributes") as connection:
        rows = connection.execute(sql.ATTRIBUTE_CANDIDATES, arguments).fetchall()
        for row in rows:
            row["values"] = [_read(connection, row["code"], example, locale) for example in examples]
    if as_json:
        emit(rows)
        return
    if not rows:
        click.echo("nothing like it")
        return
    columns = {"CODE": "left", "SCORE": "right", "BY": "left", "VALUES": "left"}
    console().print(
        table(columns, ((r["code"], f"{r['score']:.3f}", r["method"], _values(r["values"])) for r in rows))
    )


def _read(connection: Connection, code: str, raw: str, locale: str | None) -> Any:
    """Return what a raw value becomes as a value of an attribute."""
    found = connection.execute(sql.READ_VALUE, {"raw": raw, "locale": locale, "code": code}).fetchone()
    return found["value"] if found else None


def _values(values: list[Any]) -> str:
    """Return normalised values for people."""
    return "; ".join("-" if v is None else f"{v['value']} {v.get('unit', '')}".strip() for v in values)


@attributes.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option(
    "--decision",
    type=click.Choice(["proposed", "applied", "unknown", "ignored"]),
    default="proposed",
    show_default=True,
)
@_JSON
def review(limit: int, decision: str, as_json: bool) -> None:
    """List names of sources that wait for a decision, likeliest first.

    \b
    Examples:
      neanelu attributes review
      neanelu attributes review --decision unknown --json
    """
    with exits(as_json), session("neanelu_operator", purpose="attributes") as connection:
        rows = connection.execute(sql.REVIEW_MAPPINGS, {"limit": limit, "decision": decision}).fetchall()
    if as_json:
        emit(rows)
        return
    if not rows:
        click.echo("nothing waits" if decision == "proposed" else "none")
        return
    columns = dict.fromkeys(("ID", "SOURCE", "NAME", "MEANS", "SCORE", "OR", "VALUES"), "left")
    console().print(
        table(
            columns,
            (
                (
                    str(r["mapping_id"]), r["source"], r["name"], r["code"] or "-",
                    f"{r['score']:.3f}" if r["score"] is not None else "-",
                    ", ".join(c["code"] for c in r["candidates"] if c["code"] != r["code"]),
                    "; ".join(str(v) for v in r["examples"][:3]),
                )
                for r in rows
            ),
        )
    )  # fmt: skip


def _decide(mapping: str, decision: str, code: str | None) -> None:
    with exits(), session("neanelu_operator", purpose="attributes") as connection, translated():
        arguments = {"mapping_id": mapping, "decision": decision, "code": code}
        found = connection.execute(sql.REVIEW_MAPPING, arguments).fetchone()
    click.echo(f"means {found['code']} from now on" if found and decision == "approve" else "is not used")


@attributes.command()
@click.argument("mapping", type=click.UUID)
@click.option("--as", "code", metavar="CODE", help="Another attribute than the proposed one.")
def approve(mapping: Any, code: str | None) -> None:
    """Approve what a name of a source means: it becomes a synonym in force, for waiting names of other sources too.

    \b
    Examples:
      neanelu attributes approve 01a1fd33-4a19-7035-a9ac-b06860d25d64
    """
    _decide(str(mapping), "approve", code)


@attributes.command()
@click.argument("mapping", type=click.UUID)
def reject(mapping: Any) -> None:
    """Reject what was proposed for a name of a source; its values are not used.

    \b
    Examples:
      neanelu attributes reject 01a1fd33-4a19-7035-a9ac-b06860d25d64
    """
    _decide(str(mapping), "reject", None)


@attributes.command()
@click.argument("code")
@click.argument("name")
@click.option("--locale", default="und", show_default=True, help="Language of the name; und for any.")
def synonym(code: str, name: str, locale: str) -> None:
    """Give an attribute a further name, in force at once.

    \b
    Examples:
      neanelu attributes synonym screen_size 'Diagonală ecran' --locale ro
    """
    with exits(), session("neanelu_operator", purpose="attributes") as connection, translated():
        connection.execute(sql.ADD_SYNONYM, {"code": code, "name": name, "locale": locale})
    click.echo(f"{name} means {code}")


@attributes.command()
@click.argument("code", required=False)
@click.option("--label", help="Name for people; a new attribute needs it.")
@click.option("--kind", type=click.Choice(_KINDS), help="Of its values; a new attribute needs it.")
@click.option("--unit", help="In which values are kept, such as cm [default: as it is].")
@click.option("--description", help="What it means.")
@click.option(
    "--value", "values", multiple=True, help="An allowed value; may be repeated. All that there are."
)
@click.option("--pattern", help="Regular expression of a text value.")
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='Many at once, as JSON: [{"code", "label", "data_type", "unit", "unit_family", "allowed_values", ..}].',
)
@_DRY
@_JSON
def define(
    code: str | None,
    label: str | None,
    kind: str | None,
    unit: str | None,
    description: str | None,
    values: tuple[str, ...],
    pattern: str | None,
    file: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make or change an attribute, or all of a file. What is not named stays; of a file each entry is whole.

    \b
    Examples:
      neanelu attributes define screen_size --label "Screen size" --kind number --unit cm
      neanelu attributes define lid --label Lid --kind enum --value hinged --value loose
      neanelu attributes define --file attributes.json --dry-run
    """
    if (code is None) == (file is None):
        raise click.UsageError("an attribute, or --file")
    given: dict[str, Any] = {"label": label, "data_type": kind, "unit": unit, "description": description}
    given |= {"allowed_values": list(values) or None, "validation_regex": pattern}
    named = {name: value for name, value in given.items() if value is not None}
    if file is not None and named:
        raise click.UsageError("the file says it all")
    with exits(as_json), session("neanelu_pim_editor", purpose="attributes") as connection:
        wanted = _entries(file) if file else [_entry(connection, str(code), named)]
        with translated(), connection.transaction(force_rollback=dry_run):
            counts = connection.execute(sql.DEFINE_ATTRIBUTES, {"attributes": Jsonb(wanted)}).fetchone()
    assert counts is not None
    if as_json:
        emit({**counts, "dry_run": dry_run})
        return
    said = ", ".join(f"{number(count)} {word}" for word, count in counts.items())
    click.echo(f"{said}{' (nothing was changed)' if dry_run else ''}")


def _entries(file: Path) -> Any:
    """Return the attributes of a file; raises InvalidInput (NX005)."""
    try:
        return orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{file} is no JSON: {error}", code="NX005") from error


def _entry(connection: Connection, code: str, named: dict[str, Any]) -> dict[str, Any]:
    """Return an attribute as it is with what is named changed; the family follows the unit."""
    known = connection.execute(sql.ATTRIBUTE, {"code": code}).fetchone()
    entry = {**(known or {"code": code}), **named}
    if "unit" in named:
        units = connection.execute(sql.LIST_UNITS, {"family": None}).fetchall()
        families = [row["family"] for row in units if row["code"] == named["unit"]]
        if not families:
            hint = "neanelu attributes units"
            raise NotFound(f"there is no unit {named['unit']!r}", code="NN005", hint=hint)
        entry["unit_family"] = families[0]
    return entry


@attributes.command()
@click.argument("code")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@_DRY
@_JSON
def remove(code: str, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Remove an attribute that no category expects and of which no source has ever said anything.

    \b
    Examples:
      neanelu attributes remove screen_siez --dry-run
    """
    confirmed(f"Remove {code} with its synonyms?", yes, dry_run, as_json)
    with (
        exits(as_json),
        session("neanelu_pim_editor", purpose="attributes") as connection,
        translated(),
        connection.transaction(force_rollback=dry_run),
    ):
        row = connection.execute(sql.REMOVE_ATTRIBUTE, {"code": code}).fetchone()
    assert row is not None
    if as_json:
        emit({**row, "dry_run": dry_run})
    else:
        click.echo(f"{code} {'would be' if dry_run else 'is'} removed")


@attributes.command()
@click.argument("category")
@click.argument("codes", metavar="CODE...", nargs=-1, required=True)
@click.option("--required", is_flag=True, help="Not worth showing without it.")
@click.option(
    "--weight", type=click.FloatRange(0, 1000), help="Part of the completeness [default: 2 if required]."
)
@click.option("--channel", "channels", multiple=True, help="Only this channel wants it; may be repeated.")
@click.option("--locale", "locales", multiple=True, help="In this language; may be repeated.")
@click.option("--never", is_flag=True, help="Products of the category do not have it, whatever is inherited.")
@_DRY
@_JSON
def expect(
    category: str,
    codes: tuple[str, ...],
    required: bool,
    weight: float | None,
    channels: tuple[str, ...],
    locales: tuple[str, ...],
    never: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Say that products of a category, and of those below it, should have attributes; taxonomy show lists them.

    \b
    Examples:
      neanelu attributes expect el-2-2-7-1 impedance driver_size --weight 2
      neanelu attributes expect "Electronics > Audio" colour --required
      neanelu attributes expect el-2-2-7-1 colour --never
    """
    said: dict[str, Any] = {"required": required or None, "weight": weight}
    said |= {"channels": list(channels) or None, "locales": list(locales) or None}
    wanted = {name: value for name, value in said.items() if value is not None}
    if never and wanted:
        raise click.UsageError("what is never there has no settings")
    arguments = {"attributes": Jsonb(dict.fromkeys(codes, None if never else wanted))}
    _say_of(category, sql.EXPECT_ATTRIBUTES, arguments, dry_run, as_json)


@attributes.command()
@click.argument("category")
@click.argument("codes", metavar="CODE...", nargs=-1, required=True)
@_DRY
@_JSON
def unexpect(category: str, codes: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Take back what a category itself says of attributes: what it inherits counts again.

    \b
    Examples:
      neanelu attributes unexpect el-2-2-7-1 colour --dry-run
    """
    _say_of(category, sql.FORGET_EXPECTATIONS, {"codes": list(codes)}, dry_run, as_json)


def _say_of(category: str, statement: str, arguments: dict[str, Any], dry_run: bool, as_json: bool) -> None:
    """Change what a category expects, and say what it expects now."""
    with (
        exits(as_json),
        session("neanelu_pim_editor", purpose="attributes") as connection,
        translated(),
        connection.transaction(force_rollback=dry_run),
    ):
        changed = connection.execute(statement, {"category": category, **arguments}).fetchone()
        found = connection.execute(sql.CATEGORY_ID, {"category": category}).fetchone()
        row = connection.execute(sql.CATEGORY, found).fetchone()
    assert changed is not None and row is not None
    if as_json:
        emit({**changed, "attribute_schema": row["attribute_schema"], "dry_run": dry_run})
        return
    word = "would be changed" if dry_run else "is changed"
    click.echo(f"{row['path']} {word if changed['changed'] else 'says so already'}")
    click.echo("it expects " + (", ".join(sorted(row["attribute_schema"])) or "nothing"))


@attributes.command()
@click.option("--family", help="Only of this family: length, mass, …")
@_JSON
def units(family: str | None, as_json: bool) -> None:
    """List units with their factor to the family's base unit and the names they are known by.

    \b
    Examples:
      neanelu attributes units --family length
    """
    with exits(as_json), session("neanelu_operator", purpose="attributes") as connection:
        rows = connection.execute(sql.LIST_UNITS, {"family": family}).fetchall()
        if family and not rows:
            raise NotFound(
                f"there is no family of units {family!r}", code="NN005", hint="neanelu attributes units"
            )
    if as_json:
        emit(rows)
        return
    columns = {"FAMILY": "left", "CODE": "left", "FACTOR": "right", "NAMES": "left"}
    console().print(
        table(
            columns, ((r["family"], r["code"], f"{r['factor']:f}", ", ".join(r["names"] or ())) for r in rows)
        )
    )


@attributes.command()
@click.option(
    "--batch", type=click.IntRange(1, 2000), default=256, show_default=True, help="Names at a time."
)
def embed(batch: int) -> None:
    """Make vectors of attributes and of names that sources use, with the local model; they then count in scores.

    \b
    Examples:
      neanelu attributes embed
    """
    from neanelu.embeddings.minilm import MiniLM

    stored = {"definition": 0, "name": 0}
    with exits(), session("neanelu_operator", purpose="attributes") as connection, translated():
        model = MiniLM.shared(get_settings().embeddings_threads)
        rows = connection.execute(sql.NAMES_WITHOUT_VECTOR, {"model": model.name}).fetchall()
        statements = {"definition": sql.STORE_DEFINITION_VECTORS, "name": sql.STORE_NAME_VECTORS}
        for kind, statement in statements.items():
            wanted = [row for row in rows if row["kind"] == kind]
            for start in range(0, len(wanted), batch):
                part = wanted[start : start + batch]
                arguments = {
                    "model": model.name,
                    "keys": [row["key"] for row in part],
                    "vectors": model.embed([row["text"] for row in part]),
                }
                done = connection.execute(statement, arguments).fetchone()
                stored[kind] += done["stored"] if done else 0
    click.echo(f"vectors of {number(stored['definition'])} attributes and {number(stored['name'])} names")
