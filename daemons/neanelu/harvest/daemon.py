"""The harvester: claims pages, fetches and reads them, hands over what they brought. It decides nothing.

A page is under a lease from its claim to `complete_url` or `fail_url`, each one transaction; a harvester that is killed
in between leaves nothing behind, and the page comes back when the lease runs out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import resource
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import structlog
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client import Counter as Figure
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from neanelu.db import sql
from neanelu.db.connection import connect, parameters
from neanelu.db.errors import (
    AccessDenied,
    DatabaseUnavailable,
    LeaseLost,
    NeaneluError,
    NotDeployed,
    TryAgain,
    translated,
)
from neanelu.harvest.errors import FetchError
from neanelu.harvest.fetch import Answer, Fetcher, Request
from neanelu.harvest.page import TooComplex, json_documents, normal_url
from neanelu.harvest.reader import Reader
from neanelu.harvest.text import clean, clean_json
from neanelu.harvest.transport import Proxy
from neanelu.observe.health import Health
from neanelu.observe.metrics import SECONDS, RowsCollector, new_registry
from neanelu.settings import Settings

log = structlog.get_logger(__name__)

ROLE: Final = "neanelu_harvester"
#: Pauses after the database went away, seconds.
_PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
#: Longest sleep between two looks at the queue, seconds.
_LOOK: Final = 2.0
_HTML: Final = frozenset(("text/html", "application/xhtml+xml", ""))
_JSON: Final = re.compile(r"^application/(json|[a-z0-9.+-]+\+json)$")
#: Largest JSON document that is taken whole, bytes.
_JSON_BYTES: Final = 4 * 1024 * 1024
_SECRET: Final = "NEANELU_SOURCE_SECRET_"  # noqa: S105 - a prefix


@dataclass
class Tally:
    """What became of pages."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: str, number: int = 1) -> None:
        """Count."""
        self.counts[outcome] += number


class Figures:
    """The harvester's figures for Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.pages = Figure(
            "neanelu_harvest_pages", "Pages by what became of them", ["outcome"], registry=registry
        )
        self.errors = Figure(
            "neanelu_harvest_errors", "Fetches that failed, by code", ["code"], registry=registry
        )
        self.documents = Figure("neanelu_harvest_documents", "Documents that were stored", registry=registry)
        self.bytes = Figure("neanelu_harvest_bytes", "Bytes of pages, unpacked", registry=registry)
        self.seconds = Histogram(
            "neanelu_harvest_page_seconds",
            "Time from claim to commit of a page",
            buckets=SECONDS,
            registry=registry,
        )


class Harvester:
    """Fetches what is queued until it is told to stop, or, with `once`, until nothing is left.

    Args:
        settings: limits, name, database.
        once: end when nothing is queued or under way.
        dsn: connect here instead of where the settings say (tests).
    """

    def __init__(self, settings: Settings, *, once: bool = False, dsn: str | None = None) -> None:
        self._settings = settings
        self._once = once
        self._dsn = dsn
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._lease = timedelta(
            seconds=2 * settings.harvest_deadline_seconds + 2 * settings.harvest_reader_seconds + 30
        )
        self._stop = asyncio.Event()
        self._alive = time.monotonic()
        self._database_ok = False
        self.tally = Tally()
        self.registry = new_registry()
        self.figures = Figures(self.registry)
        self.registry.register(
            RowsCollector(
                "neanelu_harvest_queue",
                self._queue_rows,
                {
                    "neanelu_harvest_pending": ("pending", "Pages that wait"),
                    "neanelu_harvest_due": ("due", "Pages that might be fetched now, but for rate limits"),
                    "neanelu_harvest_processing": ("processing", "Pages under way"),
                    "neanelu_harvest_failed": ("failed", "Pages that were given up"),
                    "neanelu_harvest_oldest_due_seconds": (
                        "oldest_due_seconds",
                        "How long the oldest page is due",
                    ),
                },
                {"source": "source"},
            )
        )

    def stop(self) -> None:
        """Ask it to end: nothing more is claimed, pages under way may finish for a while."""
        self._stop.set()

    def health(self) -> Health:
        """Return answers for /health and /metrics."""

        def live() -> str | None:
            idle = time.monotonic() - self._alive
            return f"its loop stands still for {idle:.0f} s" if idle > 60 else None

        def ready() -> str | None:
            return None if self._database_ok else "the database does not answer"

        return Health(self.registry, live={"loop": live}, ready={"database": ready})

    def _queue_rows(self) -> list[dict[str, Any]]:
        with connect(
            ROLE,
            autocommit=True,
            purpose="harvest metrics",
            command=True,
            dsn=self._dsn,
            settings=self._settings,
        ) as connection:
            return connection.execute(sql.HARVEST_METRICS).fetchall()

    # --- The loop -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work; returns when it was stopped, or with `once` when nothing is left."""
        target, keywords = parameters(ROLE, purpose="harvest", dsn=self._dsn, settings=self._settings)
        connections = min(self._settings.harvest_concurrency, 8)
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[DictRow]] = AsyncConnectionPool(
            target,
            connection_class=psycopg.AsyncConnection[DictRow],
            kwargs={**keywords, "autocommit": True, "row_factory": dict_row},
            min_size=1,
            max_size=connections,
            open=False,
            check=AsyncConnectionPool.check_connection,
            timeout=15.0,
        )
        await self._pool.open()
        self._fetcher = Fetcher(self._settings)
        self._readers = [
            Reader(self._settings.harvest_reader_seconds, self._settings.harvest_reader_megabytes)
            for _ in range(self._settings.harvest_readers)
        ]
        self._turn = 0
        self._delays: dict[Any, float | None] = {}
        tasks: dict[asyncio.Task[None], dict[str, Any]] = {}
        try:
            await self._loop(tasks)
            await self._finish(tasks)
            with contextlib.suppress(NeaneluError):
                await self._close_runs()
        finally:
            for reader in self._readers:
                await reader.close()
            await self._fetcher.close()
            await self._pool.close()

    async def _loop(self, tasks: dict[asyncio.Task[None], dict[str, Any]]) -> None:
        failures = 0
        while not self._stop.is_set():
            self._alive = time.monotonic()
            for task in [t for t in tasks if t.done()]:
                tasks.pop(task)
                task.result()  # a defect ends the harvester; what a page does is no defect
            wait = _LOOK
            try:
                free = self._settings.harvest_concurrency - len(tasks)
                claimed = await self._claim(free) if free else []
                self._database_ok, failures = True, 0
                for page in claimed:
                    tasks[asyncio.create_task(self._work(page))] = page
                if claimed:
                    continue
                outlook = (await self._rows(sql.HARVEST_OUTLOOK))[0]
                if not tasks and not outlook["pending"]:
                    await self._close_runs()
                    if self._once and not outlook["processing"]:
                        return
                if outlook["wait"] is not None:
                    wait = min(max(outlook["wait"].total_seconds(), 0.02), _LOOK)
            except (DatabaseUnavailable, TryAgain) as error:
                if self._once and not self._database_ok:
                    raise
                self._database_ok = isinstance(error, TryAgain)
                wait = _PAUSES[min(failures, len(_PAUSES) - 1)]
                failures += 1
                log.warning("the database does not answer", error=str(error), pause=wait)
            await self._sleep(wait, tasks)

    async def _sleep(self, seconds: float, tasks: dict[asyncio.Task[None], dict[str, Any]]) -> None:
        """Sleep until the time is over, a page is done, or somebody says stop."""
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({stop, *tasks}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()

    async def _finish(self, tasks: dict[asyncio.Task[None], dict[str, Any]]) -> None:
        """Let pages under way finish, then give back those that do not."""
        if not tasks:
            return
        log.info("stopping", under_way=len(tasks))
        _, late = await asyncio.wait(tasks, timeout=self._settings.harvest_grace_seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in late:
            page = tasks[task]
            with contextlib.suppress(NeaneluError):
                await self._rows(sql.RELEASE_URL, {"queue_id": page["queue_id"], "token": page["token"]})
                self.tally.add("released")

    async def _rows(self, statement: str, arguments: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        with translated():
            try:
                async with self._pool.connection() as connection:
                    cursor = await connection.execute(statement, arguments)
                    return await cursor.fetchall() if cursor.description else []
            except psycopg.errors.ConnectionTimeout as error:
                raise psycopg.OperationalError(str(error)) from error

    async def _claim(self, limit: int) -> list[dict[str, Any]]:
        return await self._rows(sql.CLAIM_URLS, {"worker": self._name, "limit": limit, "lease": self._lease})

    async def _close_runs(self) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        await self._rows(sql.CLOSE_SCRAPER_RUNS, {"memory": peak})

    # --- One page -----------------------------------------------------------------------------------------

    async def _work(self, page: dict[str, Any]) -> None:
        """Fetch, read and hand over one page; whatever happens ends in the database, or the lease runs out."""
        began = time.monotonic()
        lease = {"queue_id": page["queue_id"], "token": page["token"]}
        try:
            try:
                facts = await self._bring(page)
            except FetchError as error:
                await self._fail(page, lease, error)
                return
            done = (await self._rows(sql.COMPLETE_URL, {**lease, **facts}))[0]
        except LeaseLost:
            self._count("lost")
            log.warning("lease lost", url=page["url"])
        except (DatabaseUnavailable, TryAgain) as error:
            self._count("unsaved")
            log.warning("page not handed over, it comes back", url=page["url"], error=str(error))
        except NeaneluError as error:
            if isinstance(error, NotDeployed | AccessDenied):
                raise
            # What the page holds is refused: as it will be next time.
            with contextlib.suppress(NeaneluError):
                refused = FetchError("NG041", f"refused by the database: {error}"[:300])
                await self._fail(page, lease, refused)
        else:
            status = facts["page"].obj["status"]
            outcome = "not_modified" if status == 304 else "stored" if done["stored"] else "unchanged"
            self._count(outcome)
            self.tally.add("documents", done["stored"])
            self.tally.add("queued", done["enqueued"])
            self.figures.documents.inc(done["stored"])
            log.info("page", url=page["url"], outcome=outcome, **done)
        finally:
            self.figures.seconds.observe(time.monotonic() - began)

    def _count(self, outcome: str) -> None:
        self.tally.add(outcome)
        self.figures.pages.labels(outcome).inc()

    async def _fail(self, page: dict[str, Any], lease: dict[str, Any], error: FetchError) -> None:
        wait = timedelta(seconds=min(error.retry_after, 86_400.0)) if error.retry_after is not None else None
        row = (
            await self._rows(
                sql.FAIL_URL,
                {
                    **lease,
                    "code": error.code,
                    "message": clean(error.message),
                    "may_pass": error.may_pass,
                    "is_refusal": error.is_refusal,
                    "retry_after": wait,
                },
            )
        )[0]
        self._count("failed" if row["status"] == "failed" else "postponed")
        self.figures.errors.labels(error.code).inc()
        log.info("page failed", url=page["url"], code=error.code, error=error.message, becomes=row["status"])

    async def _bring(self, page: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of complete_url; raises FetchError."""
        url = normal_url(page["url"]) or page["url"]
        proxy = _proxy(page["proxy_config"])
        await self._note_delay(page, url, proxy)
        answer = await self._fetcher.fetch(
            Request(
                url,
                page["base_url"],
                page["headers"] if isinstance(page["headers"], dict) else {},
                page["cookies"] if isinstance(page["cookies"], dict) else {},
                _secret(page["auth_config"]),
                page["etag"],
                page["last_modified"],
                proxy,
            )
        )
        self.figures.bytes.inc(len(answer.body))
        facts: dict[str, Any] = {"html": None, "documents": None, "links": []}
        read: dict[str, Any] = {}
        if answer.status != 304:
            read = await self._read(page, answer)
            facts |= {"html": read.get("html"), "documents": Jsonb(read["documents"]), "links": read["links"]}
        headers = {clean(k): clean(v) for k, v in answer.headers.items()}
        told = {"status": answer.status, "headers": headers, "hash": read.get("hash")}
        return {**facts, "page": Jsonb(told)}

    async def _note_delay(self, page: dict[str, Any], url: str, proxy: Proxy | None) -> None:
        """Tell the database the crawl delay of the site, when it is another than before."""
        rules = await self._fetcher.robots(url, proxy)
        delay = rules.crawl_delay(self._settings.harvest_user_agent)
        if delay is None and (rate := rules.request_rate(self._settings.harvest_user_agent)):
            delay = rate.seconds / max(rate.requests, 1)
        seconds = round(float(delay), 3) if delay and delay > 0 else None
        if self._delays.get(page["config_id"], -1.0) != seconds:
            await self._rows(sql.NOTE_CRAWL_DELAY, {"config_id": page["config_id"], "seconds": seconds})
            self._delays[page["config_id"]] = seconds

    async def _read(self, page: dict[str, Any], answer: Answer) -> dict[str, Any]:
        """Return {"html", "documents", "links", "hash"}; raises FetchError."""
        start = answer.body[:512].lstrip()[:1]
        if _JSON.match(answer.content_type) or (not answer.content_type and start in (b"{", b"[")):
            return _read_json(answer)
        if answer.content_type not in _HTML or (not answer.content_type and start != b"<"):
            raise FetchError("NG038", f"it is {answer.content_type[:100] or 'of no known type'}")
        self._turn += 1
        reader = self._readers[self._turn % len(self._readers)]
        selectors = page["selectors"] if isinstance(page["selectors"], dict) else {}
        read = await reader.read(
            answer.body, answer.url, answer.headers.get("content-type"), selectors, page["pagination"]
        )
        return {**read, "html": read["html"] or " "}


def _secret(auth_config: dict[str, Any] | None) -> tuple[str, str] | None:
    """Return header and value of the secret that a source names; raises FetchError when it is not set here."""
    if not auth_config:
        return None
    value = os.environ.get(_SECRET + auth_config["secret"])
    if not value:
        raise FetchError("NG033", f"{_SECRET}{auth_config['secret']} is not set", may_pass=True)
    return auth_config.get("header", "Authorization"), auth_config.get("prefix", "") + value


def _proxy(proxy_config: dict[str, Any] | None) -> Proxy | None:
    """Return the proxy of a scraper; raises FetchError when it is none, or its password is not set here."""
    if not proxy_config:
        return None
    try:
        parts = urlsplit(str(proxy_config.get("url")))
        host, port = parts.hostname, parts.port or 80
    except ValueError:
        host = None
    if not host or parts.scheme != "http" or parts.username:
        raise FetchError("NG033", "the scraper's proxy_config has no url of an HTTP proxy")
    secret = proxy_config.get("secret")
    credentials = os.environ.get(_SECRET + str(secret)) if secret else None
    if secret and not credentials:
        raise FetchError("NG033", f"{_SECRET}{secret} is not set", may_pass=True)
    return Proxy(host, port, credentials)


def _read_json(answer: Answer) -> dict[str, Any]:
    """Return a JSON answer as a document; raises FetchError."""
    if len(answer.body) > _JSON_BYTES:
        raise FetchError("NG037", f"JSON of more than {_JSON_BYTES} bytes")
    try:
        value = clean_json(json.loads(answer.body))
    except (ValueError, RecursionError):
        raise FetchError("NG041", "it is no JSON") from None
    if not isinstance(value, dict | list):
        raise FetchError("NG038", "the JSON is neither an object nor an array")
    try:
        return {"documents": json_documents(value, answer.url), "links": [], "hash": None}
    except TooComplex as error:
        raise FetchError("NG037", str(error)) from None
