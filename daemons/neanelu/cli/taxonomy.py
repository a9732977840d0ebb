"""`neanelu taxonomy`: product categories, imported and looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import orjson
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from neanelu.cli.output import console, emit, exits, number, table
from neanelu.db import sql
from neanelu.db.connection import session
from neanelu.db.errors import NotFound, translated
from neanelu.pim.taxonomy import read_attributes, read_categories

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def taxonomy() -> None:
    """Product categories: import Shopify's published taxonomy, list, find and show categories.

    \b
    Examples:
      neanelu taxonomy import categories.txt --attributes attributes.json
      neanelu taxonomy find 'running shoes'
      neanelu taxonomy show aa-8-3
    """


@taxonomy.command("import")
@click.argument("file", type=_FILE)
@click.option("--attributes", "attributes", type=_FILE, help="Published attributes: they become definitions.")
@click.option(
    "--most-removed",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Refuse a file that lacks more than this share of the known categories.",
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@_JSON
def import_(file: Path, attributes: Path | None, most_removed: float, dry_run: bool, as_json: bool) -> None:
    """Bring a published taxonomy in: Shopify's text (gid : A > B > C) or JSON.

    Categories are made, changed, and deactivated when the file lacks them; nothing is deleted. Importing the same
    again changes nothing.

    \b
    Examples:
      neanelu taxonomy import categories.txt --dry-run
      neanelu taxonomy import categories.json --attributes attributes.json
    """
    done: dict[str, Any] = {}
    with exits(as_json), session("neanelu_operator", purpose="taxonomy import") as connection:
        categories = read_categories(file)
        wanted = read_attributes(attributes) if attributes else None
        screen = console(error=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with (
            Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar,
            translated(),
            connection.transaction(force_rollback=dry_run),
        ):
            # Each is one statement: parents, what is missing and what occurs twice are seen over the whole file.
            parts = (
                {"categories": categories}
                if wanted is None
                else {"categories": categories, "attributes": wanted}
            )
            tasks = {name: bar.add_task(name, total=len(part)) for name, part in parts.items()}
            arguments = {"categories": orjson.dumps(categories).decode(), "most_removed": most_removed}
            done["categories"] = connection.execute(sql.IMPORT_TAXONOMY, arguments).fetchone()
            bar.update(tasks["categories"], completed=len(categories))
            if wanted is not None:
                arguments = {"attributes": orjson.dumps(wanted).decode()}
                done["attributes"] = connection.execute(sql.IMPORT_ATTRIBUTES, arguments).fetchone()
                bar.update(tasks["attributes"], completed=len(wanted))
    if as_json:
        emit({**done, "dry_run": dry_run})
        return
    for name, counts in done.items():
        said = ", ".join(f"{number(count)} {word}" for word, count in counts.items())
        click.echo(f"{name}: {said}{' (nothing was changed)' if dry_run else ''}")


def _show_list(rows: list[dict[str, Any]]) -> None:
    columns = {"ID": "left", "CATEGORY": "left", "BELOW": "right", "PRODUCTS": "right", "": "left"}
    short = "gid://shopify/TaxonomyCategory/"
    console().print(
        table(
            columns,
            (
                (
                    (row["shopify_taxonomy_id"] or row["slug"]).removeprefix(short), row["path"],
                    number(row["children"]), number(row["products"]), "" if row["is_active"] else "inactive",
                )
                for row in rows
            ),
        )
    )  # fmt: skip


def _find(query: str | None, below: str | None, limit: int, every: bool, as_json: bool) -> None:
    with exits(as_json), session("neanelu_operator", purpose="taxonomy") as connection:
        parent = _category(connection, below)["id"] if below else None
        arguments = {"query": query, "parent_id": parent, "limit": limit, "all": every}
        rows = connection.execute(sql.FIND_CATEGORIES, arguments).fetchall()
    if as_json:
        emit(rows)
    elif rows:
        _show_list(rows)
    else:
        click.echo("no categories")


def _category(connection: Any, name: str) -> dict[str, Any]:
    """Return a category by id, slug or path; raises NotFound (NX006)."""
    found = connection.execute(sql.CATEGORY_ID, {"category": name}).fetchone()
    if found["id"] is None:
        raise NotFound(f"there is no category {name!r}", code="NX006", hint=f"neanelu taxonomy find {name!r}")
    category: dict[str, Any] = connection.execute(sql.CATEGORY, found).fetchone()
    return category


@taxonomy.command("list")
@click.option("--below", metavar="CATEGORY", help="Children of this category [default: the roots].")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--all", "every", is_flag=True, help="Inactive ones too.")
@_JSON
def list_(below: str | None, limit: int, every: bool, as_json: bool) -> None:
    """List the roots, or the categories below one.

    \b
    Examples:
      neanelu taxonomy list
      neanelu taxonomy list --below aa-8
    """
    _find(None, below, limit, every, as_json)


@taxonomy.command()
@click.argument("words")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--all", "every", is_flag=True, help="Inactive ones too.")
@_JSON
def find(words: str, limit: int, every: bool, as_json: bool) -> None:
    """Find categories by words of their name, by id or slug.

    \b
    Examples:
      neanelu taxonomy find sailboats
    """
    _find(words, None, limit, every, as_json)


@taxonomy.command()
@click.argument("category")
@_JSON
def show(category: str, as_json: bool) -> None:
    """Show a category with the attributes that its products should have, inherited ones included.

    CATEGORY is an id (aa-1-2, or the whole gid), a slug, or a path 'A > B > C'.

    \b
    Examples:
      neanelu taxonomy show aa-8-3
      neanelu taxonomy show 'Apparel & Accessories > Shoes' --json
    """
    with exits(as_json), session("neanelu_operator", purpose="taxonomy") as connection:
        row = _category(connection, category)
    if as_json:
        emit(row)
        return
    click.echo(f"{row['path']}{'' if row['is_active'] else '  (inactive)'}")
    click.echo(f"  {row['shopify_taxonomy_id'] or '-'}  {row['slug']}")
    if not row["attribute_schema"]:
        click.echo("  no attributes are asked of its products")
        return
    entries = sorted(row["attribute_schema"].items())
    columns = {
        "ATTRIBUTE": "left",
        "REQUIRED": "left",
        "WEIGHT": "right",
        "CHANNELS": "left",
        "LOCALES": "left",
    }
    console().print(
        table(
            columns,
            (
                (
                    code, "yes" if said.get("required") else "", str(said.get("weight", "")),
                    ", ".join(said.get("channels", ())), ", ".join(said.get("locales", ())),
                )
                for code, said in entries
            ),
        )
    )  # fmt: skip
