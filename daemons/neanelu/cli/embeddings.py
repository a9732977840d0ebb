"""`neanelu embeddings`: what waits for a vector, making vectors, which model is in use, and searching by meaning."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from neanelu.cli.output import age, console, emit, exits, number, seconds, status_text, table
from neanelu.cli.shop import find_shop
from neanelu.cli.sync import INTERRUPTED, stop_on_signals
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import translated
from neanelu.embeddings.run import Rows, collect, embed, find_model, read_question
from neanelu.platform.cluster import SUPERUSER
from neanelu.settings import get_settings

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_MODEL = click.option("--model", metavar="MODEL", help="Name of a model [default: the one in use].")


@click.group()
def embeddings() -> None:
    """Vectors of texts, for search by meaning and for matching.

    A `neanelu worker` makes those of the local model by itself, every minute (task ai.embed_local).

    \b
    Examples:
      neanelu embeddings status
      neanelu embeddings run
      neanelu embeddings search "wireless headphones" --shop demo
    """


def _rows(connection: Connection) -> Rows:
    """Return a function that runs one statement and returns its rows."""

    def rows(statement: str, **values: Any) -> list[dict[str, Any]]:
        with translated():
            return connection.execute(statement, values).fetchall()

    return rows


def meaning(connection: Connection, question: str) -> tuple[str | None, str | None]:
    """Return the model in use and the question's vector; nothing, said on standard error, where it cannot be had."""
    model, vector, reason = read_question(_rows(connection), question, get_settings())
    if reason is not None:
        click.echo(reason, err=True)
    return model, vector


@embeddings.command()
@_MODEL
@_JSON
def status(model: str | None, as_json: bool) -> None:
    """Show which texts wait for a vector, and which got none.

    \b
    Examples:
      neanelu embeddings status
      neanelu embeddings status --json | jq 'map(.texts) | add'
    """
    with exits(as_json), session("neanelu_operator", purpose="embeddings") as connection:
        rows = _rows(connection)(sql.LIST_WAITING_TEXTS, model=model)
    if as_json:
        emit(rows)
    elif not rows:
        click.echo("no text waits")
    else:
        left = dict.fromkeys(("KIND", "SHOP", "TEXT", "STATUS"), "left")
        columns = {**left, "TEXTS": "right", "TOKENS": "right", "OLDEST": "left", "LAST ERROR": "left"}
        cells = (
            (row["kind"], row["shop_id"] or "-", row["embedding_type"], status_text(row["status"]), number(row["texts"]),
             number(row["tokens"]), f"{age(row['oldest'])} ago", row["last_error"] or "-")
            for row in rows
        )  # fmt: skip
        console().print(table(columns, cells, wrap="LAST ERROR"))


@embeddings.command()
@_JSON
def models(as_json: bool) -> None:
    """List the models, how many vectors each has made, and how many texts wait.

    \b
    Examples:
      neanelu embeddings models
      neanelu embeddings models --json | jq '.[] | select(.is_default).name'
    """
    with exits(as_json), session("neanelu_operator", purpose="embeddings") as connection:
        rows = _rows(connection)(sql.LIST_EMBEDDING_MODELS)
    if as_json:
        emit(rows)
        return
    right = dict.fromkeys(("DIMENSIONS", "PRODUCTS", "SHOP PRODUCTS", "WAITING", "FAILED"), "right")
    cells = (
        (row["name"], row["provider"], "yes" if row["is_default"] else "", number(row["dimensions"]),
         number(row["product_vectors"]), number(row["shop_vectors"]), number(row["waiting"]), number(row["failed"]))
        for row in rows
    )  # fmt: skip
    console().print(table({"MODEL": "left", "PROVIDER": "left", "IN USE": "left", **right}, cells))


@embeddings.command()
@click.argument("model")
@_JSON
def use(model: str, as_json: bool) -> None:
    """Put a model to use: it gets the texts, and searches compare its vectors. Those of the former one stay.

    \b
    Examples:
      neanelu embeddings use text-embedding-3-small
      neanelu embeddings use all-minilm-l6-v2
    """
    with exits(as_json), session("neanelu_operator", purpose="embeddings") as connection:
        _rows(connection)(sql.USE_EMBEDDING_MODEL, model=model)
    if as_json:
        emit({"model": model})
    else:
        click.echo(f"{model} is in use")


@embeddings.command()
@_MODEL
@click.option("--recheck", is_flag=True, help="Look at all texts again, and try again what failed.")
@click.option(
    "--collect-only", is_flag=True, help="Only queue texts; leave them to the batches of `neanelu ai run`."
)
@_JSON
def run(model: str | None, recheck: bool, collect_only: bool, as_json: bool) -> None:
    """Make the vectors that are missing, until no text waits. With a provider that is paid, at once and at the full price.

    Exit codes: 1 some texts got no vector; 3 the model cannot be used here.

    \b
    Examples:
      neanelu embeddings run
      neanelu embeddings run --model text-embedding-3-small --collect-only
    """
    began, totals = time.monotonic(), Counter[str]()
    with exits(as_json), session("neanelu_ai", purpose="embeddings", command=False) as connection:
        rows = _rows(connection)
        found = find_model(rows, model)
        if recheck:
            rows(sql.RECHECK_TEXTS, model=found["name"])
        totals.update(collect(rows, found["name"]))
        with stop_on_signals() as stop:
            if not collect_only:
                totals.update(_embed(rows, found, stop.is_set))
            is_stopped = stop.is_set()
    took = round(time.monotonic() - began, 3)
    if as_json:
        emit({"model": found["name"], **totals, "seconds": took})
    else:
        words = ", ".join(f"{number(count)} {name}" for name, count in totals.items())
        click.echo(f"{found['name']}: {words} in {seconds(took)}")
    if is_stopped:
        raise SystemExit(INTERRUPTED)
    if totals["failed"] or totals["refused"]:
        raise SystemExit(1)


def _embed(rows: Rows, model: Any, is_stopped: Any) -> Counter[str]:
    """Embed with a bar on a terminal; return what became of the texts."""
    totals, screen = Counter[str](), console(error=True)
    waiting = sum(
        row["texts"]
        for row in rows(sql.LIST_WAITING_TEXTS, model=model["name"])
        if row["status"] == "pending"
    )
    columns = (TextColumn("embeddings"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("", total=waiting)
        for batch in embed(rows, model, get_settings()):
            totals.update(batch)
            bar.update(task, advance=sum(batch.values()))
            if is_stopped():
                break
    return totals


@embeddings.command()
@_MODEL
@click.option("--rebuild", is_flag=True, help="Also build the indexes that are there anew.")
@click.option("--dry-run", is_flag=True, help="Only print the statements.")
@_JSON
def reindex(model: str | None, rebuild: bool, dry_run: bool, as_json: bool) -> None:
    """Make the indexes of a model that are missing. Nobody waits meanwhile; 200,000 vectors take some minutes.

    Connects as the one who deploys.

    \b
    Examples:
      neanelu embeddings reindex --model text-embedding-3-large
      neanelu embeddings reindex --rebuild --dry-run
    """
    with exits(as_json), session(SUPERUSER, purpose="embeddings", command=False) as connection:
        statements = [
            row["statement"] for row in _rows(connection)(sql.INDEX_STATEMENTS, model=model, rebuild=rebuild)
        ]
        if not dry_run:
            for statement in statements:
                connection.execute(statement)
    if as_json:
        emit({"statements": statements, "done": not dry_run})
        return
    for statement in statements or ["all indexes are there"]:
        click.echo(statement)


@embeddings.command()
@click.argument("query")
@click.option("--shop", metavar="SHOP", help="The products of this shop [default: golden records].")
@click.option("--locale", metavar="LOCALE", help="Language of the question [default: Romanian or English].")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1, 1000), help="Rows.")
@click.option("--words-only", is_flag=True, help="Do not ask the model.")
@_JSON
def search(
    query: str, shop: str | None, locale: str | None, limit: int, words_only: bool, as_json: bool
) -> None:
    """Search by words, mistyped words and meaning at once. The ranks say which list brought a row.

    \b
    Examples:
      neanelu embeddings search "monitor 27 inch"
      neanelu embeddings search "gift for a runner" --shop demo --json
    """
    role = "neanelu_app" if shop else "neanelu_operator"
    with exits(as_json), session(role, purpose="embeddings") as connection:
        rows = _rows(connection)
        model, vector = (None, None) if words_only else meaning(connection, query)
        values = {"query": query, "vector": vector, "limit": limit}
        if shop:
            answer = rows(sql.SEARCH_SHOP, **values, shop_id=find_shop(connection, shop)["id"])
        else:
            answer = rows(sql.SEARCH_PRODUCTS, **values, locale=locale, model=model)
    if as_json:
        emit(answer)
        return
    ranks = dict.fromkeys(("SCORE", "WORDS", "SIMILAR", "MEANING"), "right")
    cells = (
        (row["title"], row.get("vendor") or row.get("brand") or "-", f"{row['score']:.4f}",
         *(row[f"{name}_rank"] or "-" for name in ("text", "word", "vector")))
        for row in answer
    )  # fmt: skip
    console().print(table({"TITLE": "left", "BRAND": "left", **ranks}, cells, wrap="TITLE"))
