"""`neanelu harvest`: fetch pages, import feeds, and see what became of them."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import click

from neanelu.cli.output import age, console, emit, exits, instant, number, readable, status_text, table
from neanelu.cli.shop import find_shop
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import ENVIRONMENT, NeaneluError, NotFound
from neanelu.observe.health import HealthServer
from neanelu.observe.log import LEVELS, configure_logging
from neanelu.settings import get_settings

INTERRUPTED = 130
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class _PortTaken(NeaneluError):
    """The port of health and metrics cannot be had."""

    default_code = "NG012"
    exit_code = ENVIRONMENT


@click.group()
def harvest() -> None:
    """Harvest what sources say about products: pages of sites, feeds of suppliers, products of shops.

    Sources are made by `neanelu sources`. What was harvested becomes golden records in the worker's job pim.process.

    \b
    Examples:
      neanelu harvest import prices.csv.gz --source acme
      neanelu harvest add acme https://www.acme.example/monitors
      neanelu harvest run
      neanelu harvest queue --source acme --status failed
    """


@harvest.command()
@click.option("--once", is_flag=True, help="End when nothing is queued or under way.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port of health and metrics; 0: a free one [default: NEANELU_HARVEST_PORT, 9465].",
)
@click.option(
    "--log-level", default="info", show_default=True, type=click.Choice(LEVELS), help="What is logged."
)
@click.option("--json", "as_json", is_flag=True, help="With --once: print what became of the pages.")
def run(once: bool, port: int | None, log_level: str, as_json: bool) -> None:
    """Fetch the pages that are queued, for as long as it runs, or with --once until none is left.

    Any number may run side by side. robots.txt and the limits of each source are honoured by all of them
    together; pages of a harvester that was killed come back when its leases run out. SIGTERM or Ctrl-C: nothing
    more is claimed, pages under way may finish for NEANELU_HARVEST_GRACE_SECONDS; a second one ends it on the spot.

    Exit codes: 0 stopped, or done; 1 with --once: a page failed; 3 no database (with --once; otherwise it
    waits for one), or the port is taken; 130 second signal.

    \b
    Examples:
      neanelu harvest run
      neanelu harvest run --once --json
    """
    if as_json and not once:
        raise click.UsageError("--json belongs to --once: a service has no end to report")
    from neanelu.harvest.daemon import Harvester

    settings = get_settings()
    configure_logging(log_level)

    async def work() -> Harvester:
        made = Harvester(settings, once=once)
        loop = asyncio.get_running_loop()
        asked: list[bool] = []

        def on_signal() -> None:
            if asked:
                import os

                os._exit(INTERRUPTED)
            asked.append(True)
            made.stop()

        for kind in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(kind, on_signal)
        if once:
            await made.run()
            return made
        chosen = settings.harvest_port if port is None else port
        try:
            server = HealthServer(made.health(), settings.harvest_host, chosen)
        except OSError as error:
            raise _PortTaken(
                f"cannot listen on {settings.harvest_host}:{chosen}: {error.strerror}",
                hint="Another harvester on this machine? Give each a --port of its own, or 0.",
            ) from error
        with server:
            await made.run()
        return made

    with exits(as_json):
        counts = dict(asyncio.run(work()).tally.counts)
    if not once:
        return
    if as_json:
        emit(counts)
    else:
        click.echo(
            ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing to fetch"
        )
    if counts.get("failed"):
        sys.exit(1)


def find_source(connection: Connection, name: str) -> Any:
    """Return the id of a source; raises NotFound (NG002)."""
    row = connection.execute(sql.FIND_SOURCE, {"name": name}).fetchone()
    assert row is not None
    return row["id"]


@harvest.command()
@click.argument("source")
@click.argument("urls", nargs=-1, metavar="URL...")
@click.option("--scraper", metavar="NAME", help="Scraper of the source, when it has several.")
@click.option(
    "--file",
    "file",
    type=click.File("r"),
    help="Also the URLs of this file, one a line; - for standard input.",
)
@click.option("--priority", default=0, show_default=True, help="Higher is fetched first.")
@click.option("--again", is_flag=True, help="Also what was fetched, or given up, before.")
@_JSON
def add(
    source: str,
    urls: tuple[str, ...],
    scraper: str | None,
    file: Any,
    priority: int,
    again: bool,
    as_json: bool,
) -> None:
    """Queue pages of a source.

    Refused are URLs that are not below the source's base URL or not of the scraper's pattern.

    \b
    Examples:
      neanelu harvest add acme https://www.acme.example/monitors
      neanelu harvest add acme --scraper products --file urls.txt --again
    """
    from neanelu.harvest.page import normal_url

    given = [*urls, *(line.strip() for line in file or () if line.strip())]
    if not given:
        raise click.UsageError("no URLs")
    with exits(as_json), session("neanelu_operator", purpose="harvest") as connection:
        scrapers = [
            row
            for row in connection.execute(
                sql.LIST_SCRAPERS, {"source_id": find_source(connection, source)}
            ).fetchall()
            if scraper in (None, row["name"])
        ]
        if len(scrapers) != 1:
            raise NotFound(
                f"{source} has {len(scrapers)} scrapers" + (f" named {scraper}" if scraper else ""),
                code="NG009",
                hint=f"neanelu sources scraper set {source} NAME; or say which: --scraper NAME",
            )
        row = connection.execute(
            sql.ENQUEUE_URLS,
            {
                "config_id": scrapers[0]["id"],
                "urls": [normal_url(url) or url for url in given],
                "priority": priority,
                "again": again,
            },
        ).fetchone()
        assert row is not None
    if as_json:
        emit(row)
    else:
        click.echo(f"{row['enqueued']} queued, {row['known']} known, {row['refused']} refused")
    if row["refused"] and not row["enqueued"] and not row["known"]:
        sys.exit(1)


@harvest.command()
@click.option("--source", metavar="NAME", help="Only this source's.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(["pending", "processing", "completed", "failed"]),
    help="Only these; may repeat.",
)
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 10_000))
@_JSON
def queue(source: str | None, statuses: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Show pages of the queue, latest first.

    \b
    Examples:
      neanelu harvest queue --status failed
      neanelu harvest queue --source acme --json
    """
    with exits(as_json), session("neanelu_operator", purpose="harvest") as connection:
        rows = connection.execute(
            sql.LIST_PAGES,
            {
                "source_id": find_source(connection, source) if source else None,
                "statuses": list(statuses) or None,
                "limit": limit,
            },
        ).fetchall()
    if as_json:
        emit(rows)
        return
    columns = {
        "SOURCE": "left",
        "STATUS": "left",
        "TRIES": "right",
        "LAST": "left",
        "URL": "left",
        "ERROR": "left",
    }
    cells = (
        (
            row["source"],
            status_text(row["status"]),
            f"{row['attempts']}/{row['max_attempts']}",
            f"{age(row['last_attempt_at'])} ago" if row["last_attempt_at"] else "never",
            row["url"],
            row["error_message"] or "",
        )
        for row in rows
    )
    console().print(table(columns, cells) if rows else "nothing queued")


@harvest.command("import")
@click.argument("file", metavar="FILE|-")
@click.option("--source", required=True, metavar="NAME", help="Source that says it (neanelu sources add).")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "jsonl", "xml"]),
    help="[default: by what the file looks like]",
)
@click.option(
    "--mapping",
    multiple=True,
    metavar="FIELD=NAME",
    help="The file's NAME means FIELD (id, title, gtin, …; -: leave it out); kept in the source's config. May repeat.",
)
@click.option(
    "--item",
    metavar="TAG",
    help="XML: element of a record [default: the source's config, else the one that repeats].",
)
@click.option(
    "--delimiter",
    metavar="CHAR",
    help="CSV: between columns [default: the source's config, else by the header].",
)
@click.option(
    "--encoding", metavar="NAME", help="[default: the source's config, else by the file's beginning]"
)
@click.option("--dry-run", is_flag=True, help="Read the file and say what would be taken; store nothing.")
@_JSON
def import_(
    file: str,
    source: str,
    kind: str | None,
    mapping: tuple[str, ...],
    item: str | None,
    delimiter: str | None,
    encoding: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import a supplier's feed: CSV, JSON lines or XML, also gzipped.

    Every record becomes a document, unless it did so before with the same content. Names mean what
    the source's mapping says, else what schema.org and product feeds mean by them; other names are attributes.
    Records that cannot be used go to quarantine with their line: neanelu harvest errors.

    Exit codes: 0 all records are in; 1 some are in quarantine; 2 wrong call, or the file cannot be read; 3 no
    database.

    \b
    Examples:
      neanelu harvest import prices.csv.gz --source acme --mapping id=Cod --mapping title=Denumire
      neanelu harvest import feed.xml --source acme --item SHOPITEM --dry-run
    """
    from neanelu.harvest.importer import Importer

    pairs = [pair.partition("=") for pair in mapping]
    if any(not (field and name) for field, _, name in pairs):
        raise click.UsageError("--mapping FIELD=NAME")
    chosen: dict[str, list[str]] = {}
    for field, _, name in pairs:
        chosen.setdefault(field, []).append(name)
    with exits(as_json):
        made = Importer(file, source, kind, chosen, item, delimiter, encoding, get_settings())
        report = made.run(dry_run=dry_run, quiet=as_json)
    if as_json:
        emit(report)
    else:
        _print_import(report)
    if report["quarantined"]:
        sys.exit(1)


def _print_import(report: dict[str, Any]) -> None:
    would = "would be " if report["dry_run"] else ""
    said = f"{number(report['records'])} records: "
    if report["dry_run"]:
        said += f"{number(report['records'] - report['quarantined'])} {would}taken"
    else:
        said += f"{number(report['stored'])} stored, {number(report['unchanged'])} unchanged"
        said += f", {number(report['superseded'])} superseded" if report["superseded"] else ""
    said += f", {number(report['quarantined'])} {would}in quarantine"
    click.echo(f"{said}; {report['seconds']:.1f} s")
    for error in report["errors"]:
        click.echo(f"  line {error['line']}: {error['message']} ({error['code']})  {error['raw']}")
    if report["import_id"] and report["quarantined"] > len(report["errors"]):
        click.echo(f"  more: neanelu harvest errors {report['import_id']}")


@harvest.command()
@click.option("--source", metavar="NAME", help="Only this source's.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@_JSON
def imports(source: str | None, limit: int, as_json: bool) -> None:
    """List imports of feeds, latest first.

    \b
    Examples:
      neanelu harvest imports --source acme
    """
    with exits(as_json), session("neanelu_operator", purpose="harvest") as connection:
        rows = connection.execute(
            sql.LIST_IMPORTS,
            {"source_id": find_source(connection, source) if source else None, "limit": limit},
        ).fetchall()
    if as_json:
        emit(rows)
        return
    columns = dict.fromkeys(("IMPORT", "SOURCE", "FILE", "STATUS", "BEGAN"), "left")
    columns |= dict.fromkeys(("RECORDS", "STORED", "UNCHANGED", "SUPERSEDED", "QUARANTINE"), "right")
    cells = (
        (
            row["id"], row["source"], row["file_name"], status_text(row["status"], row["error_code"]), instant(row["started_at"]),
            number(row["records"]), number(row["stored"]), number(row["unchanged"]), number(row["superseded"]),
            number(row["quarantined"]),
        )
        for row in rows
    )  # fmt: skip
    console().print(table(columns, cells) if rows else "no imports")


@harvest.command()
@click.argument("import_id", metavar="IMPORT", type=click.UUID)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@_JSON
def errors(import_id: Any, limit: int, as_json: bool) -> None:
    """Show what an import left in quarantine.

    \b
    Examples:
      neanelu harvest errors "$(neanelu harvest imports --json | jq -r '.[0].id')"
    """
    with exits(as_json), session("neanelu_operator", purpose="harvest") as connection:
        rows = connection.execute(sql.IMPORT_ERRORS, {"import_id": import_id, "limit": limit}).fetchall()
    if as_json:
        emit(rows)
        return
    columns = {"LINE": "right", "CODE": "left", "REASON": "left", "RECORD": "left"}
    cells = (
        (number(row["line_number"]), row["error_code"], row["message"], readable(bytes(row["raw"]), 80))
        for row in rows
    )
    console().print(table(columns, cells) if rows else "nothing in quarantine")


@harvest.command()
@click.argument("shop")
@click.option(
    "--limit", default=1_000_000, show_default=True, type=click.IntRange(1), help="Most products to store."
)
@_JSON
def shop(shop: str, limit: int, as_json: bool) -> None:
    """Take a shop's own products as documents, now; the worker does so every hour.

    \b
    Examples:
      neanelu harvest shop demo.myshopify.com
    """
    with exits(as_json), session("neanelu_operator", purpose="harvest") as connection:
        shop_id = find_shop(connection, shop)["id"]
        stored = 0
        while stored < limit:
            row = connection.execute(
                sql.TAKE_SHOP_PRODUCTS, {"shop_id": shop_id, "limit": min(10_000, limit - stored)}
            ).fetchone()
            assert row is not None
            stored += row["stored"]
            if row["stored"] < min(10_000, limit - (stored - row["stored"])):
                break
    if as_json:
        emit({"stored": stored})
    else:
        click.echo(f"{number(stored)} new or changed products")


def file_name(name: str) -> str:
    """Return a file's name without folders."""
    return "standard input" if name == "-" else Path(name).name
