"""`neanelu attributes`: attributes, what sources call them, and which unit is which."""

from __future__ import annotations

from typing import Any

import click

from neanelu.cli.output import console, emit, exits, number, table
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import NotFound, translated
from neanelu.settings import get_settings

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def attributes() -> None:
    """Attributes and their names: list them, ask what a name means, decide about names of sources.

    A name that a source uses is mapped when it is first seen: at once when it is certain, else it waits here.

    \b
    Examples:
      neanelu attributes candidates 'Bildschirmdiagonale' --example '27 Zoll'
      neanelu attributes review
      neanelu attributes approve 01a1fd33-4a19-7035-a9ac-b06860d25d64 --as screen_size
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
