"""`neanelu sources`: where facts about products come from, and how pages of them are fetched."""

from __future__ import annotations

from typing import Any

import click
import orjson
from psycopg.types.json import Jsonb

from neanelu.cli.harvest import find_source
from neanelu.cli.output import age, console, emit, exits, number, table
from neanelu.db import sql
from neanelu.db.connection import session

TYPES = ("SUPPLIER", "MANUFACTURER", "SCRAPER", "SHOPIFY", "MARKETPLACE", "MANUAL")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class JsonType(click.ParamType[dict[str, Any]]):
    """A JSON object on the command line."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the object; fails for what is none."""
        if not isinstance(value, str):
            return value
        try:
            made = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            self.fail(f"no JSON: {error}", param, ctx)
        if not isinstance(made, dict):
            self.fail("no JSON object", param, ctx)
        return made


def _rate_limit(rate: float | None, burst: int | None, concurrency: int | None) -> dict[str, Any]:
    given = {"requests_per_second": rate, "burst": burst, "concurrency": concurrency}
    return {name: value for name, value in given.items() if value is not None}


def limits(command: Any) -> Any:
    """Add the options of a rate limit."""
    for option in (
        click.option("--concurrency", type=click.IntRange(1, 100), help="Pages at a time [default: 2]."),
        click.option(
            "--burst", type=click.IntRange(1, 1000), help="Pages at once after a rest [default: 5]."
        ),
        click.option("--rate", type=click.FloatRange(0.0001, 1000), help="Pages a second [default: 1]."),
    ):
        command = option(command)
    return command


@click.group()
def sources() -> None:
    """Sources of product data: add, list, show and change them; `sources scraper` says how their pages are fetched.

    \b
    Examples:
      neanelu sources add acme --type SUPPLIER --url https://www.acme.example --trust 0.7
      neanelu sources set acme --trust 0.8 --rate 2 --burst 10
      neanelu sources scraper set acme products --pattern '/p/' --links 'a.product'
    """


@sources.command()
@click.argument("name")
@click.option(
    "--type", "kind", default="SUPPLIER", show_default=True, type=click.Choice(TYPES, case_sensitive=False)
)
@click.option("--url", "base_url", help="Root of its pages; fetches stay below it.")
@click.option(
    "--trust",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="How far it is believed at first.",
)
@click.option(
    "--priority",
    default=50,
    show_default=True,
    type=click.IntRange(0, 100),
    help="Who wins a tie, higher first.",
)
@click.option(
    "--config",
    type=JsonType(),
    default="{}",
    help='Adapter settings: {"mapping": {…}, "locale": "ro", "currency": "RON", …}.',
)
@limits
@_JSON
def add(
    name: str,
    kind: str,
    base_url: str | None,
    trust: float,
    priority: int,
    config: dict[str, Any],
    rate: float | None,
    burst: int | None,
    concurrency: int | None,
    as_json: bool,
) -> None:
    """Add a source. One of that name stays as it is.

    \b
    Examples:
      neanelu sources add acme --type SUPPLIER --url https://www.acme.example --trust 0.7
      neanelu sources add feed-ro --config '{"locale": "ro", "currency": "RON", "mapping": {"title": "Denumire"}}'
    """
    limit = _rate_limit(rate, burst, concurrency)
    with exits(as_json), session("neanelu_operator", purpose="sources") as connection:
        row = connection.execute(
            sql.REGISTER_SOURCE,
            {
                "name": name,
                "type": kind.upper(),
                "base_url": base_url,
                "priority": priority,
                "trust": trust,
                "config": Jsonb(config),
                "rate_limit": Jsonb(limit) if limit else None,
            },
        ).fetchone()
        assert row is not None
    if as_json:
        emit({"id": row["id"], "name": name})
    else:
        click.echo(f"source {name} is {row['id']}")


@sources.command("list")
@_JSON
def list_(as_json: bool) -> None:
    """List the sources.

    \b
    Examples:
      neanelu sources list
      neanelu sources list --json | jq '.[] | select(.failed > 0) | .name'
    """
    with exits(as_json), session("neanelu_operator", purpose="sources") as connection:
        rows = connection.execute(sql.LIST_SOURCES, {"source_id": None}).fetchall()
    if as_json:
        emit(rows)
        return
    left, right = "left", "right"
    columns = {"SOURCE": left, "TYPE": left, "TRUST": right, "PRIORITY": right, "DOCUMENTS": right}
    columns |= {"QUEUED": right, "FAILED": right, "LAST": left, "ACTIVE": left}
    cells = (
        (
            row["name"], row["source_type"], row["trust_score"], row["priority"], number(row["documents"]), number(row["queued"]),
            number(row["failed"]), f"{age(row['last_harvest_at'])} ago" if row["last_harvest_at"] else "never",
            "yes" if row["is_active"] else "no",
        )
        for row in rows
    )  # fmt: skip
    console().print(table(columns, cells) if rows else "no sources")


@sources.command()
@click.argument("name")
@_JSON
def show(name: str, as_json: bool) -> None:
    """Show one source with its settings and scrapers.

    \b
    Examples:
      neanelu sources show acme
    """
    with exits(as_json), session("neanelu_operator", purpose="sources") as connection:
        source_id = find_source(connection, name)
        row = connection.execute(sql.LIST_SOURCES, {"source_id": source_id}).fetchone()
        scrapers = connection.execute(sql.LIST_SCRAPERS, {"source_id": source_id}).fetchall()
        assert row is not None
    if as_json:
        emit({**row, "scrapers": scrapers})
        return
    for label, value in row.items():
        if isinstance(value, dict):
            value = orjson.dumps(value).decode()
        click.echo(f"{label:16} {'-' if value is None else value}")
    for scraper in scrapers:
        rate = "-" if scraper["success_rate"] is None else f"{scraper['success_rate']} %"
        click.echo(
            f"scraper {scraper['name']}: {scraper['target_url_pattern']}  pending {scraper['pending']}, completed "
            f"{scraper['completed']}, failed {scraper['failed']}, success {rate}"
        )


@sources.command("set")
@click.argument("name")
@click.option("--url", "base_url", help="Root of its pages.")
@click.option("--trust", type=click.FloatRange(0, 1), help="How far it is believed.")
@click.option("--priority", type=click.IntRange(0, 100), help="Who wins a tie, higher first.")
@click.option(
    "--active/--inactive", "is_active", default=None, help="Whether anything is fetched or imported from it."
)
@click.option("--config", type=JsonType(), help="Keys to set; null takes a key away.")
@click.option(
    "--secret",
    metavar="NAME",
    help="Send the secret NEANELU_SOURCE_SECRET_<NAME> of the harvester's environment; '' for none.",
)
@click.option("--secret-header", default="Authorization", show_default=True, help="Header to send it in.")
@click.option("--secret-prefix", default="Bearer ", show_default=True, help="What stands before it.")
@limits
@_JSON
def set_(
    name: str,
    base_url: str | None,
    trust: float | None,
    priority: int | None,
    is_active: bool | None,
    config: dict[str, Any] | None,
    secret: str | None,
    secret_header: str,
    secret_prefix: str,
    rate: float | None,
    burst: int | None,
    concurrency: int | None,
    as_json: bool,
) -> None:
    """Change a source; what is not given stays.

    \b
    Examples:
      neanelu sources set acme --trust 0.8 --rate 2 --burst 10
      neanelu sources set acme --inactive
      neanelu sources set acme --secret ACME
    """
    given = {
        "base_url": base_url,
        "trust_score": trust,
        "priority": priority,
        "is_active": is_active,
        "config": config,
    }
    changes: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    limit = _rate_limit(rate, burst, concurrency)
    if secret is not None:
        facts = {"secret": secret, "header": secret_header, "prefix": secret_prefix}
        changes["auth_config"] = facts if secret else None
    with exits(as_json), session("neanelu_operator", purpose="sources") as connection:
        source_id = find_source(connection, name)
        if limit:
            row = connection.execute(sql.LIST_SOURCES, {"source_id": source_id}).fetchone()
            assert row is not None
            changes["rate_limit"] = {**(row["rate_limit"] or {}), **limit}
        if not changes:
            raise click.UsageError("nothing to set")
        row = connection.execute(
            sql.SET_SOURCE, {"source_id": source_id, "changes": Jsonb(changes)}
        ).fetchone()
        assert row is not None
    if as_json:
        emit({"name": name, "changed": row["changed"]})
    else:
        click.echo(f"{name} {'is changed' if row['changed'] else 'is so already'}")


@sources.group()
def scraper() -> None:
    """Scrapers: which pages of a source are fetched, and what is read in them.

    \b
    Examples:
      neanelu sources scraper set acme products --pattern '/p/[0-9]+' --field name=h1 --rows 'table.specs tr'
      neanelu sources scraper list
    """


@scraper.command("set")
@click.argument("source")
@click.argument("name")
@click.option("--pattern", help="Regular expression of the URLs that it is for [default: all].")
@click.option("--links", metavar="CSS", help="Links to follow; without it none are.")
@click.option("--next", "next_", metavar="CSS", help="Links to further pages of a list.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME=CSS",
    help="Read this member (name, brand, gtin13, …); may repeat.",
)
@click.option("--rows", metavar="CSS", help="Rows of attributes: the name in th, the value in td.")
@click.option("--max-depth", type=click.IntRange(0, 50), help="Links from the first page [default: 3].")
@click.option("--max-pages", type=click.IntRange(1), help="Most pages in the queue [default: no limit].")
@click.option(
    "--attempts", type=click.IntRange(1, 20), help="Fetches before a page is given up [default: 3]."
)
@click.option(
    "--proxy", metavar="URL", help="Fetch through this HTTP proxy (http://host:port); none for no proxy."
)
@click.option(
    "--proxy-secret",
    metavar="NAME",
    help="Its user:password stand in the harvester's environment as NEANELU_SOURCE_SECRET_NAME.",
)
@click.option("--active/--inactive", "is_active", default=None)
@limits
@_JSON
def scraper_set(
    source: str,
    name: str,
    pattern: str | None,
    links: str | None,
    next_: str | None,
    fields: tuple[str, ...],
    rows: str | None,
    max_depth: int | None,
    max_pages: int | None,
    attempts: int | None,
    proxy: str | None,
    proxy_secret: str | None,
    is_active: bool | None,
    rate: float | None,
    burst: int | None,
    concurrency: int | None,
    as_json: bool,
) -> None:
    """Make or change a scraper; what is not given stays.

    \b
    Examples:
      neanelu sources scraper set acme products --pattern '/p/' --links 'a.product' --next 'a.next'
      neanelu sources scraper set acme products --field name=h1 --field brand='.brand' --rows 'table.specs tr'
    """
    if any("=" not in pair for pair in fields):
        raise click.UsageError("--field NAME=CSS")
    if proxy_secret and proxy in (None, "none"):
        raise click.UsageError("--proxy-secret belongs to --proxy")
    with exits(as_json), session("neanelu_operator", purpose="sources") as connection:
        source_id = find_source(connection, source)
        known = connection.execute(sql.LIST_SCRAPERS, {"source_id": source_id}).fetchall()
        old: dict[str, Any] = next((row for row in known if row["name"] == name), {})
        selectors = dict(old.get("selectors") or {})
        pagination = dict(old.get("pagination_config") or {})
        if links is not None:
            selectors["links"] = links
        if fields:
            selectors["fields"] = {
                **selectors.get("fields", {}),
                **dict(pair.split("=", 1) for pair in fields),
            }
        if rows is not None:
            selectors["attributes"] = {"rows": rows}
        for key, value in (("selector", next_), ("max_depth", max_depth), ("max_pages", max_pages)):
            if value is not None:
                pagination[key] = value
        changes: dict[str, Any] = {
            "selectors": selectors,
            "target_url_pattern": pattern,
            "is_active": is_active,
        }
        if pagination:
            changes["pagination_config"] = pagination
        if attempts is not None:
            changes["retry_config"] = {**(old.get("retry_config") or {}), "max_attempts": attempts}
        if limit := _rate_limit(rate, burst, concurrency):
            changes["rate_limit"] = {**(old.get("rate_limit") or {}), **limit}
        given = {k: v for k, v in changes.items() if v is not None}
        if proxy is not None:
            way = {"url": proxy, "secret": proxy_secret}
            given["proxy_config"] = None if proxy == "none" else {k: v for k, v in way.items() if v}
        row = connection.execute(
            sql.SET_SCRAPER, {"source_id": source_id, "name": name, "changes": Jsonb(given)}
        ).fetchone()
        assert row is not None
    if as_json:
        emit(row)
    else:
        click.echo(f"scraper {name} of {source} is {row['id']}")


@scraper.command("list")
@click.option("--source", metavar="NAME", help="Only this source's.")
@_JSON
def scraper_list(source: str | None, as_json: bool) -> None:
    """List scrapers with their queues and success rates.

    \b
    Examples:
      neanelu sources scraper list --source acme
    """
    with exits(as_json), session("neanelu_operator", purpose="sources") as connection:
        rows = connection.execute(
            sql.LIST_SCRAPERS, {"source_id": find_source(connection, source) if source else None}
        ).fetchall()
    if as_json:
        emit(rows)
        return
    left, right = "left", "right"
    columns = {"SOURCE": left, "SCRAPER": left, "PATTERN": left, "PENDING": right, "COMPLETED": right}
    columns |= {"FAILED": right, "SUCCESS": right, "LAST RUN": left}
    cells = (
        (
            row["source"], row["name"], row["target_url_pattern"], number(row["pending"]),
            number(row["completed"]), number(row["failed"]), "-" if row["success_rate"] is None else f"{row['success_rate']} %",
            f"{age(row['last_run_at'])} ago" if row["last_run_at"] else "never",
        )
        for row in rows
    )  # fmt: skip
    console().print(table(columns, cells) if rows else "no scrapers")
