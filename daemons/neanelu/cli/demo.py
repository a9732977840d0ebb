"""`neanelu demo`: everything once, from no database to two shops in it, on one's own machine."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import httpx
import orjson

from neanelu.cli.output import console, emit, exits, number
from neanelu.cli.report import as_document, print_report, run_reports
from neanelu.cli.server import ensure_server
from neanelu.cli.shop import DEFAULT_SCOPES, find_shop, register_shop
from neanelu.cli.sync import INTERRUPTED, ordered_resources, run_round, stop_on_signals
from neanelu.db import sql
from neanelu.db.connection import Connection, session
from neanelu.db.errors import ENVIRONMENT, NeaneluError
from neanelu.platform import sqitch
from neanelu.platform.cluster import Cluster, database_dsn
from neanelu.secrets import key_ring
from neanelu.settings import Settings, get_settings
from neanelu.sync.console import progress_on

#: Seconds for the sandbox to answer.
_SANDBOX_SECONDS = 30.0
#: Kept in the home folder: what happened in the sandbox's shops so far, so that the next run goes on from there.
_MEMORY = "demo.json"


@dataclass(frozen=True)
class DemoShop:
    """A shop of the demo: its domain, how many products, the seed, and lines that no shop should send."""

    domain: str
    products: int
    seed: int
    hostile: tuple[bytes, ...] = ()


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


class DemoError(NeaneluError):
    """The demo cannot go on."""

    default_code = "DEMO"
    exit_code = ENVIRONMENT


@click.command()
@click.option("--yes", "-y", is_flag=True, help="Do not ask, also when the database is one of your own.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 8), help="Runs at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as a JSON object.")
def demo(yes: bool, workers: int, as_json: bool) -> None:
    """Start the database, deploy, and bring in two shops of a sandbox Shopify. Takes less than a minute.

    The second shop's product file has a dozen damaged lines, to show what becomes of them. Run it again:
    then 1 % of the first shop's products has changed and a few are gone, and only that is written.

    \b
    Examples:
      neanelu demo
      neanelu demo && neanelu demo
      NEANELU_HOME=/tmp/neanelu neanelu demo      in a cluster of its own
    """
    settings = get_settings()
    began = time.monotonic()
    if settings.database_url and not yes:
        click.confirm(
            "NEANELU_DATABASE_URL is set: deploy there and add two demo shops?", abort=True, err=True
        )

    def say(text: str) -> None:
        click.echo(f"[{time.monotonic() - began:5.1f} s] {text}", err=as_json)

    with exits(as_json), stop_on_signals() as stop:
        _prepare(settings, say)
        with session("neanelu_operator", purpose="demo") as connection:
            is_again = _is_known(connection)
        memory = _Memory(settings.home / _MEMORY, is_again)
        with _sandbox(SHOPS) as box:
            say(f"sandbox Shopify answers at {box.url}")
            box.prepare(memory.next_round())
            if memory.rounds:
                say(f"{SHOPS[0].domain}: 1 % of the products changed and 0.1 % deleted since the last time")
            targets = _register(settings, box)
            say(f"syncing {' and '.join(shop.domain for shop in SHOPS)}")
            own = settings.model_copy(
                update={
                    "shopify_base_url": box.url + "/{shop}",
                    "sync_poll_seconds": 0.1,
                    "sync_poll_max_seconds": 0.5,
                    "sync_idle_seconds": 0.1,
                }
            )
            with session("neanelu_sync", purpose="demo") as connection:
                resources = ordered_resources(connection, ())
            names = {row["id"]: row["domain"].removesuffix(".myshopify.com") for row in targets}
            with progress_on(console(error=True), names, level="warning") as progress:
                done = run_round(
                    targets,
                    resources,
                    "snapshot",
                    workers=workers,
                    settings=own,
                    progress=progress,
                    stop=stop,
                )
        if not stop.is_set():
            memory.keep()
        with session("neanelu_sync", purpose="demo") as connection:
            runs = run_reports(connection, done.run_ids)
    if stop.is_set():
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    document = as_document(runs, done.seconds)
    if as_json:
        emit({**document, "again": is_again, "total_seconds": round(time.monotonic() - began, 3)})
    else:
        say(f"done: {number(document['totals']['lines_in'])} lines, every one accounted for")
        click.echo()
        print_report(runs, done.seconds)
        _say_what_now(document["totals"], is_again)
    if not document["ok"] or done.refused:
        for domain, resource, error in done.refused:
            click.echo(f"! {resource} of {domain}: {error}", err=True)
        sys.exit(1)


# --- The pieces -------------------------------------------------------------------------------------------


def _prepare(settings: Settings, say: Any) -> None:
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


def _is_known(connection: Connection) -> bool:
    """Return whether the demo's first shop was brought in before."""
    row = connection.execute(sql.FIND_SHOP, {"shop": SHOPS[0].domain}).fetchone()
    if row is None:
        return False
    fresh = connection.execute(sql.FRESHNESS, {"shop_id": row["id"]}).fetchall()
    return any(line["resource"] == "products" and line["last_sync_at"] for line in fresh)


def _register(settings: Settings, box: _Sandbox) -> list[dict[str, Any]]:
    """Add the shops with the sandbox's tokens and return them as the registry knows them."""
    ring = key_ring(settings)
    with session("neanelu_operator", purpose="demo") as connection:
        for shop in SHOPS:
            register_shop(connection, ring, shop.domain, box.tokens[shop.domain], DEFAULT_SCOPES.split(","))
        return [find_shop(connection, shop.domain) for shop in SHOPS]


def _say_what_now(totals: dict[str, int], is_again: bool) -> None:
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
    for sentence, statement in QUERIES:
        click.echo(f"\n  -- {sentence}{statement.replace(chr(10), chr(10) + '  ')}")
    click.echo(
        "\nAnd with .venv/bin/neanelu: status; runs list; runs show RUN; server stop; server drop (deletes it all)."
    )


class _Memory:
    """Edits of the first shop in earlier runs of the demo: the sandbox forgets, the database does not."""

    def __init__(self, path: Path, is_again: bool) -> None:
        self._path = path
        self.rounds: list[str] = []
        if is_again:
            try:
                self.rounds = list(orjson.loads(path.read_bytes())["rounds"])
            except (OSError, ValueError, KeyError, TypeError):
                self.rounds = []
            self.rounds.append(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def next_round(self) -> list[dict[str, Any]]:
        """Return the edits that make the shop what it is to be now."""
        edits: list[dict[str, Any]] = []
        for moment in self.rounds:
            edits.append({"kind": "changed", "fraction": 0.01, "at": moment})
            edits.append({"kind": "deleted", "fraction": 0.001, "at": moment})
        return edits

    def keep(self) -> None:
        """Remember them for the next run."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(orjson.dumps({"rounds": self.rounds}))


class _Sandbox:
    """A sandbox that runs in a process of its own.

    Attributes:
        url: where it listens.
        tokens: access tokens by domain.
    """

    def __init__(self, url: str, tokens: dict[str, str]) -> None:
        self.url = url
        self.tokens = tokens

    def prepare(self, edits: list[dict[str, Any]]) -> None:
        """Make the first shop what it became since, and damage the second one's file."""
        for edit in edits:
            self._mutate(SHOPS[0].domain, edit)
        for shop in SHOPS:
            if shop.hostile:
                lines = [
                    {"root": "products", "raw_base64": base64.b64encode(line).decode()}
                    for line in shop.hostile
                ]
                self._mutate(shop.domain, {"hostile": lines})

    def _mutate(self, domain: str, change: dict[str, Any]) -> None:
        """Change a shop of the sandbox; raises DemoError."""
        try:
            answer = httpx.post(f"{self.url}/_sandbox/shops/{domain}/mutate", json=change, timeout=30.0)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise DemoError(f"the sandbox refused a change: {error}") from error


@contextmanager
def _sandbox(shops: tuple[DemoShop, ...]) -> Iterator[_Sandbox]:
    """Run a sandbox with these shops on a free port; raises DemoError with its log when it does not start."""
    folder = Path(tempfile.mkdtemp(prefix="neanelu-demo-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, ready, log_file = f"http://127.0.0.1:{port}", folder / "ready.json", folder / "sandbox.log"
    command = [sys.executable, "-m", "neanelu", "sandbox", "--port", str(port), "--log-level", "warning"]
    command += ["--min-polls", "1", "--ready-file", str(ready)]
    for shop in shops:
        command += ["--shop", f"{shop.domain}:{shop.products}:{shop.seed}"]
    with log_file.open("wb") as out:
        # A session of its own: Ctrl-C is for us, and we end it.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ},
        )
    try:
        _wait_for(process, url, log_file)
        listed = orjson.loads(ready.read_bytes())
        yield _Sandbox(url, {entry["shop"]: entry["token"] for entry in listed})
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(process: subprocess.Popen[bytes], url: str, log_file: Path) -> None:
    """Wait until the sandbox answers; raises DemoError."""
    end = time.monotonic() + _SANDBOX_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(f"{url}/_sandbox/health", timeout=2.0).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    said = log_file.read_text("utf-8", "replace")[-2000:]
    raise DemoError(f"the sandbox does not answer at {url}", detail=said or None)
