"""What tests of the harvester share: a web site that can be as bad as one likes, and a source that is fetched from it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import uvicorn
from psycopg.rows import dict_row
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from neanelu.harvest.daemon import Harvester
from neanelu.platform.scratch import Database
from neanelu.settings import Settings

Handler = Callable[[Request], Awaitable[Response]]
ANYTHING = "User-agent: *\nAllow: /\n"


class Site:
    """A web server in a thread. `pages[path]` is a body, an answer, or a function that makes one."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.hits: list[tuple[float, str, dict[str, str]]] = []
        self.reset()
        app = Starlette(routes=[Route("/{path:path}", self._answer)])
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def reset(self) -> None:
        """Forget pages and hits."""
        self.pages.clear()
        self.hits.clear()
        self.pages["/robots.txt"] = ANYTHING

    def __enter__(self) -> Site:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.port: int = self._server.servers[0].sockets[0].getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(timeout=10)

    async def _answer(self, request: Request) -> Response:
        self.hits.append((time.monotonic(), request.url.path, dict(request.headers)))
        page = self.pages.get(request.url.path)
        if page is None:
            return Response(status_code=404)
        if callable(page) and not isinstance(page, Response):
            page = page(request)
            if asyncio.iscoroutine(page):
                page = await page
        return page if isinstance(page, Response) else Response(page, media_type="text/html")

    def fetched(self, but: str = "/robots.txt") -> list[str]:
        """Return the paths that were asked for, in order."""
        return [path for _, path, _ in self.hits if path != but]


@contextmanager
def running_site() -> Iterator[Site]:
    with Site() as site:
        yield site


class Source:
    """A source with one scraper, fetched from a site."""

    def __init__(self, database: Database, site: Site, name: str = "shop", **rate: float) -> None:
        self.database = database
        self.site = site
        self.db = psycopg.connect(database.dsn(), autocommit=True, row_factory=dict_row)
        limit = {"requests_per_second": 1000, "burst": 1000, "concurrency": 8, **rate}
        self.id: UUID = self.value(
            "SELECT harvest.register_source(%s, 'SCRAPER', %s, p_rate_limit => %s)",
            name,
            site.base,
            psycopg.types.json.Jsonb(limit),
        )
        self.scraper = self.set()

    def set(self, **changes: Any) -> UUID:
        """Make or change the scraper."""
        defaults = {"retry_config": {"max_attempts": 3, "backoff_seconds": 0.05}}
        made: UUID = self.value(
            "SELECT harvest.set_scraper(%s, 'pages', %s)",
            self.id,
            psycopg.types.json.Jsonb(defaults | changes),
        )
        return made

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Return all rows."""
        return self.db.execute(statement, values).fetchall()  # type: ignore[arg-type]

    def value(self, statement: str, *values: Any) -> Any:
        """Return the first value."""
        row = self.db.execute(statement, values).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return next(iter(row.values()))

    def add(self, *paths: str, again: bool = False) -> dict[str, Any]:
        """Queue pages of the site, or whole URLs."""
        urls = [path if "://" in path else self.site.base + path for path in paths]
        return self.rows(
            "SELECT * FROM harvest.enqueue_urls(%s, %s, p_again => %s)", self.scraper, urls, again
        )[0]

    def settings(self, **more: Any) -> Settings:
        """Return settings that allow the site and wait for nothing long."""
        limits = {
            "harvest_allow_networks": "127.0.0.1/32",
            "harvest_deadline_seconds": 5.0,
            "harvest_read_seconds": 3.0,
            "harvest_grace_seconds": 1.0,
        }
        return Settings(_env_file=None, **{**limits, **more})  # type: ignore[arg-type]

    def harvester(self, *, once: bool = True, **more: Any) -> Harvester:
        """Return a harvester of this database."""
        return Harvester(self.settings(**more), once=once, dsn=self.database.dsn("neanelu_harvester"))

    def run(self, **more: Any) -> dict[str, int]:
        """Fetch what is queued; return what became of it."""
        made = self.harvester(**more)
        asyncio.run(made.run())
        return dict(made.tally.counts)

    def queue(self) -> dict[str, tuple[str, str | None]]:
        """Return status and error code by path."""
        rows = self.rows(
            "SELECT url, status, left(error_message, 5) AS code FROM neanelu.scraper_queue ORDER BY url"
        )
        return {row["url"].removeprefix(self.site.base): (row["status"], row["code"]) for row in rows}

    def documents(self) -> list[dict[str, Any]]:
        """Return the documents in the order of their coming."""
        return self.rows("SELECT * FROM neanelu.prod_raw_harvest WHERE source_id = %s ORDER BY id", self.id)

    def close(self) -> None:
        """Close the connection."""
        self.db.close()
