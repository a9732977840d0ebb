"""`neanelu demo`: everything once, from no database to shops in it, one that lives, and golden records of what they sell."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import orjson

from neanelu.cli.demo_live import CHANGES, LIVE_SHOP, LivePart, Outcome, new_burst, print_outcome, settle_past
from neanelu.cli.demo_pim import PIM_QUERIES, PimOutcome, PimPart, print_pim
from neanelu.cli.demo_sandbox import DemoError, DemoSandbox, DemoShop, run_sandbox
from neanelu.cli.output import console, emit, exits, number
from neanelu.cli.report import as_document, print_report, run_reports
from neanelu.cli.server import ensure_server
from neanelu.cli.shop import DEFAULT_SCOPES, find_shop, register_shop
from neanelu.cli.sync import INTERRUPTED, Round, ordered_resources, run_round, stop_on_signals
from neanelu.db import sql
from neanelu.db.connection import session
from neanelu.platform import sqitch
from neanelu.platform.cluster import Cluster, database_dsn
from neanelu.secrets import key_ring
from neanelu.settings import Settings, get_settings
from neanelu.sync.console import progress_on

Say = Callable[[str], None]

#: Kept in the home folder: what happened in the sandbox's shops so far, so that the next run goes on from there.
_MEMORY = "demo.json"


#: What goes wrong in real files, a line each: torn, glued together, of another encoding, with what JSON or
#: PostgreSQL cannot hold, and with values that do not fit. The gids are far from those of the generated shop.
_G = b'"id":"gid://shopify/'
HOSTILE: Final = (
    b"{" + _G + b'Product/9001","title":"The rest of this line is missi',
    b"{" + _G + b'Product/9002","title":"one"}{' + _G + b'Product/9003","title":"two"}',
    b"{" + _G + b'Product/9004","title":"Br\xe2nz\xe3, as Windows-1250 writes it"}',
    b"{" + _G + b'Product/9005","title":"NUL \x00 byte"}',
    b"{" + _G + b'Product/9006","title":"NUL \\u0000 escaped"}',
    b"{" + _G + b'Product/9007","title":"half a character \\ud83d"}',
    b"{" + _G + b'Product/9008","weight":NaN}',
    b"{"
    + _G
    + b'ProductVariant/18446744073709551616","title":"more than 64 bits","__parentId":"gid://shopify/Product/9001"}',
    b"{"
    + _G
    + b'Product/9009","legacyResourceId":"9009","title":"Unknown status","handle":"a","status":"SOLD","options":[]}',
    b"{"
    + _G
    + b'Product/9010","legacyResourceId":"9010","title":"When?","handle":"b","status":"ACTIVE","options":[],'
    b'"createdAt":"infinity"}',
    b"{" + _G + b'ProductVariant/9011","legacyResourceId":"9011","title":"An orphan","price":"1.00",'
    b'"__parentId":"gid://shopify/Product/9999"}',
    b"<html><body>502 Bad Gateway</body></html>",
)
SHOPS: Final = (
    DemoShop("demo-carpati.myshopify.com", 3000, 1),
    DemoShop("demo-dunarea.myshopify.com", 600, 7, HOSTILE),
)
#: What to try in psql, as long as a shop lives: the same.
LIVE_QUERIES: Final = (
    (
        "The last changes of stock, as the ledger has them",
        """
SELECT v.sku, l.reason, l.delta, l.previous_quantity AS before, l.new_quantity AS after, l.recorded_at
  FROM inventory_ledger l JOIN shopify_variants v ON (v.shop_id, v.id) = (l.shop_id, l.variant_id)
 WHERE l.reference_type <> 'bulk_run' ORDER BY l.created_at DESC LIMIT 5;""",
    ),
    (
        "How jobs went",
        """
SELECT job_name, status, count(*), count(*) FILTER (WHERE attempts > 1) AS tried_again
  FROM job_runs GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 8;""",
    ),
)
#: What to try in psql: a sentence and a statement each. A test runs them.
QUERIES: Final = (
    (
        "What each shop has, and what it had",
        """
SELECT s.shopify_domain, count(*) FILTER (WHERE p.deleted_at IS NULL) AS products, count(p.deleted_at) AS deleted
  FROM shopify_products p JOIN shops s ON s.id = p.shop_id
 GROUP BY 1;""",
    ),
    (
        "The dearest variants on stock",
        """
SELECT left(p.title, 40) AS title, v.sku, v.price, v.inventory_quantity
  FROM shopify_variants v JOIN shopify_products p ON (p.shop_id, p.id) = (v.shop_id, v.product_id)
 WHERE v.inventory_quantity > 0 AND v.deleted_at IS NULL
 ORDER BY v.price DESC LIMIT 5;""",
    ),
    (
        "What is in quarantine, and why",
        """
SELECT e.line_number, e.error_code, left(e.error_message, 50) AS reason,
       left(coalesce(encode(e.raw, 'escape'), e.payload::text), 50) AS line
  FROM bulk_errors e JOIN bulk_runs r ON r.id = e.bulk_run_id
 WHERE r.query_type = 'products'
 ORDER BY r.created_at DESC, e.line_number LIMIT 12;""",
    ),
)


@click.command()
@click.option("--yes", "-y", is_flag=True, help="Do not ask, also when the database is one of your own.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 8), help="Runs at a time.")
@click.option(
    "--live/--no-live",
    "with_live",
    default=True,
    help="Go on with a shop that lives: webhooks, jobs, the stock ledger [default: live].",
)
@click.option(
    "--pim/--no-pim",
    "with_pim",
    default=True,
    help="Go on with the product information factory: suppliers, golden records, search [default: pim].",
)
@click.option(
    "--changes",
    default=CHANGES,
    show_default=True,
    type=click.IntRange(1, 5000),
    help="Of the shop that lives.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as a JSON object.")
def demo(yes: bool, workers: int, with_live: bool, with_pim: bool, changes: int, as_json: bool) -> None:
    """Start the database, deploy, bring in shops of a sandbox Shopify, follow one that lives, and make golden records.

    Takes about two minutes.

    The second shop's product file has a dozen damaged lines, to show what becomes of them. The third shop lives: it
    changes for ten seconds and tells of it by webhooks, some of which come twice, in another order or not at all; a
    worker is killed meanwhile; at the end mirror and ledger are compared with the shop. Run it again: then 1 % of the
    first shop's products has changed and a few are gone, and only that is written.

    At last the product information factory: five suppliers, in Romanian and English, by feeds and on sites, say things about
    some of the shops' products and others, and contradict each other. What becomes of it is shown: golden records by
    quality, merges, what waits for a person, one value explained, a search.

    Exit code 1: a run failed, the mirror or the ledger differ from the shop, or the factory left something.

    \b
    Examples:
      neanelu demo
      neanelu demo && neanelu demo
      neanelu demo --no-live --no-pim             bulk runs only
      neanelu demo --no-live                      bulk runs, then the factory
      NEANELU_HOME=/tmp/neanelu neanelu demo      in a cluster of its own
    """
    settings = get_settings()
    began = time.monotonic()
    if settings.database_url and not yes:
        click.confirm(
            "NEANELU_DATABASE_URL is set: deploy there and add two demo shops, or three?",
            abort=True,
            err=True,
        )

    def say(text: str) -> None:
        click.echo(f"[{time.monotonic() - began:5.1f} s] {text}", err=as_json)

    with exits(as_json), stop_on_signals() as stop:
        _prepare(settings, say)
        others = _others() if with_live else []
        if others:
            say(f"{others[0]} is in this database, too: nothing live, since workers would do its jobs")
        shops = (*SHOPS, LIVE_SHOP) if with_live and not others else SHOPS
        again = _known((*SHOPS, LIVE_SHOP))
        memory = _Memory(settings.home / _MEMORY, again)
        with run_sandbox(SHOPS, memory.port) as box:
            memory.port = box.port
            say(f"sandbox Shopify answers at {box.url}")
            _make_it_later(box, memory, shops, say)
            own = settings.model_copy(
                update={
                    "shopify_base_url": box.url + "/{shop}",
                    "sync_poll_seconds": 0.1,
                    "sync_poll_max_seconds": 0.5,
                    "sync_idle_seconds": 0.1,
                }
            )
            targets = _register(settings, box, shops)
            say(f"syncing {', '.join(shop.domain for shop in shops)}")
            done = _bring(own, targets, workers, stop)
            with session("neanelu_sync", purpose="demo") as connection:
                runs = run_reports(connection, done.run_ids)
            document = as_document(runs, done.seconds)
            live: Outcome | None = None
            pim: PimOutcome | None = None
            if not stop.is_set():
                memory.keep()
                if not as_json:
                    say(f"done: {number(document['totals']['lines_in'])} lines, every one accounted for")
                    click.echo()
                    print_report(runs, done.seconds)
                if LIVE_SHOP in shops and document["ok"]:
                    live = LivePart(own, box, targets[-1], memory.next_burst(changes), say, stop).run()
                if with_pim and document["ok"] and not stop.is_set():
                    if live is not None and not as_json:
                        click.echo()
                        print_outcome(live)
                        say(_verdict(live))
                        click.echo()
                    pim = PimPart(own, box, targets, say, stop).run()
    if stop.is_set():
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    is_again = SHOPS[0].domain in again
    if as_json:
        parts = {"live": live.as_document() if live else None, "pim": pim.as_document() if pim else None}
        emit({**document, "again": is_again, **parts, "total_seconds": round(time.monotonic() - began, 3)})
    else:
        if live is not None and not with_pim:
            click.echo()
            print_outcome(live)
            say(_verdict(live))
        if pim is not None:
            click.echo()
            print_pim(pim)
            say("golden records are made" if not pim.problems else "the factory left something:")
        _say_what_now(document["totals"], is_again, live, pim)
    problems = [f"{resource} of {domain}: {error}" for domain, resource, error in done.refused]
    problems += live.problems if live else []
    problems += pim.problems if pim else []
    for problem in problems:
        click.echo(f"! {problem}", err=True)
    if not document["ok"] or problems:
        sys.exit(1)


# --- The pieces -------------------------------------------------------------------------------------------


def _prepare(settings: Settings, say: Say) -> None:
    """Start the server and deploy what is not deployed."""
    ensure_server()
    if settings.database_url:
        say("your database answers")
    else:
        say(f"PostgreSQL runs: socket {Cluster.embedded(settings).socket_dir}")
    lines: list[str] = []
    try:
        sqitch.deploy(database_dsn(settings=settings), echo=lines.append)
    except sqitch.SqitchError as error:
        raise DemoError(
            f"{error}\n" + "\n".join(lines[-15:]), hint="A database of an older state? neanelu server drop"
        ) from error
    changes = sum(line.lstrip().startswith("+") for line in lines)
    say(f"deployed {changes} changes with sqitch" if changes else "the schema is deployed")


def _known(shops: Sequence[DemoShop]) -> set[str]:
    """Return the domains of those shops that were brought in before."""
    found = set()
    with session("neanelu_operator", purpose="demo") as connection:
        for shop in shops:
            row = connection.execute(sql.FIND_SHOP, {"shop": shop.domain}).fetchone()
            fresh = connection.execute(sql.FRESHNESS, {"shop_id": row["id"]}).fetchall() if row else []
            if any(line["resource"] == "products" and line["last_sync_at"] for line in fresh):
                found.add(shop.domain)
    return found


def _others() -> list[str]:
    """Return the domains of installed shops that are not the demo's."""
    ours = {shop.domain for shop in (*SHOPS, LIVE_SHOP)}
    with session("neanelu_operator", purpose="demo") as connection:
        rows = connection.execute(sql.LIST_SHOPS, {"installed_only": True}).fetchall()
    return [row["domain"] for row in rows if row["domain"] not in ours]


def _make_it_later(box: DemoSandbox, memory: _Memory, shops: Sequence[DemoShop], say: Say) -> None:
    """Make the sandbox's shops what they became since the first run of the demo, and damage a file."""
    for edit in memory.next_round():
        box.mutate(SHOPS[0].domain, edit)
    for shop in SHOPS:
        box.damage(shop)
    if memory.rounds:
        say(f"{SHOPS[0].domain}: 1 % of the products changed and 0.1 % deleted since the last time")
    if LIVE_SHOP in shops:
        box.add_live(LIVE_SHOP)
        settle_past(box, memory.bursts)


def _register(settings: Settings, box: DemoSandbox, shops: Sequence[DemoShop]) -> list[dict[str, Any]]:
    """Add the shops with the sandbox's tokens and return them as the registry knows them."""
    ring = key_ring(settings)
    with session("neanelu_operator", purpose="demo") as connection:
        for shop in shops:
            register_shop(connection, ring, shop.domain, box.tokens[shop.domain], DEFAULT_SCOPES.split(","))
        return [find_shop(connection, shop.domain) for shop in shops]


def _bring(settings: Settings, targets: list[dict[str, Any]], workers: int, stop: threading.Event) -> Round:
    """Bring the shops in by bulk operations."""
    with session("neanelu_sync", purpose="demo") as connection:
        resources = ordered_resources(connection, ())
    names = {row["id"]: row["domain"].removesuffix(".myshopify.com") for row in targets}
    with progress_on(console(error=True), names, level="warning") as progress:
        return run_round(
            targets, resources, "snapshot", workers=workers, settings=settings, progress=progress, stop=stop
        )


def _verdict(live: Outcome) -> str:
    """Return one sentence on the live part."""
    if live.problems:
        return "the mirror or the ledger are NOT what the shop is:"
    return "the mirror is what the shop is, the ledger's stock is its levels, and nothing was lost with the worker"


def _say_what_now(
    totals: dict[str, int], is_again: bool, live: Outcome | None, pim: PimOutcome | None
) -> None:
    """Say what was shown and what can be looked at."""
    click.echo()
    if is_again:
        click.echo(
            f"{number(totals['lines_unchanged'])} of {number(totals['lines_in'])} lines were as the last time, "
            "and nothing was written for them."
        )
    else:
        click.echo("Run it again to see what a second sync writes when 1 % of a shop has changed.")
    click.echo("\nLook around with `make psql`:")
    for sentence, statement in QUERIES + (LIVE_QUERIES if live else ()) + (PIM_QUERIES if pim else ()):
        click.echo(f"\n  -- {sentence}{statement.replace(chr(10), chr(10) + '  ')}")
    click.echo(
        "\nAnd with .venv/bin/neanelu: status; runs list; runs show RUN; server stop; server drop (deletes it all)."
    )
    if live:
        click.echo("What the workers did: jobs list; jobs queues; jobs show JOB; tasks list.")
    if pim:
        click.echo(
            "Golden records: factory report; pim search WORDS; pim show GTIN; pim explain GTIN FIELD; review; sources list."
        )


class _Memory:
    """What happened in the sandbox's shops in earlier runs of the demo: the sandbox forgets, the database does not.

    Attributes:
        rounds: when the first shop was edited.
        bursts: of the live shop.
        port: of the sandbox: pages of its suppliers keep their addresses, where it is free again.

    Args:
        path: the file.
        known: domains that the database has; what the file says of others is not so any more.
    """

    def __init__(self, path: Path, known: set[str]) -> None:
        self._path = path
        kept: dict[str, Any] = {}
        with suppress(OSError, ValueError, TypeError):
            kept = dict(orjson.loads(path.read_bytes()))
        self.rounds = list(kept.get("rounds", ())) if SHOPS[0].domain in known else []
        self.port = int(kept.get("port", 0))
        self.bursts = list(kept.get("bursts", ())) if LIVE_SHOP.domain in known else []
        if SHOPS[0].domain in known:
            self.rounds.append(_now())

    def next_round(self) -> list[dict[str, Any]]:
        """Return the edits that make the first shop what it is to be now."""
        edits: list[dict[str, Any]] = []
        for moment in self.rounds:
            edits.append({"kind": "changed", "fraction": 0.01, "at": moment})
            edits.append({"kind": "deleted", "fraction": 0.001, "at": moment})
        return edits

    def next_burst(self, changes: int) -> dict[str, Any]:
        """Note a burst of the live shop, before it begins, for it may be interrupted, and return it."""
        self.bursts.append(new_burst(len(self.bursts) + 1, changes))
        self.keep()
        return dict(self.bursts[-1])

    def keep(self) -> None:
        """Remember it for the next run."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(
            orjson.dumps({"rounds": self.rounds, "bursts": self.bursts, "port": self.port})
        )


def _now() -> str:
    """Return the time as the sandbox takes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
