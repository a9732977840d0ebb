"""What tests of tokens and sign-in share: an app, a sandbox that knows it, a browser, and callers of the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import httpx
import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route
from sync_support import KEY_TEXT, KEYS, new_domain

from neanelu.db.errors import translated
from neanelu.oauth.routes import CALLBACK, START, Installer, Pool
from neanelu.oauth.signature import sign
from neanelu.oauth.tokens import TokenSource
from neanelu.platform.scratch import Database
from neanelu.sandbox.generator import ShopSpec
from neanelu.sandbox.server import SandboxHandle
from neanelu.secrets import KeyRing
from neanelu.settings import Settings

#: The app as the sandbox knows it.
CLIENT_ID = "neanelu-sandbox"
CLIENT_SECRET = "sandbox-client-secret"
ADDRESS = "https://app.example.com"
SCOPES = "read_products,read_orders"


def app_settings(sandbox: SandboxHandle | None, **more: Any) -> Settings:
    """Return settings of an app that is set up for OAuth against the sandbox."""
    values: dict[str, Any] = {
        "shopify_base_url": sandbox.base_url_template if sandbox else "https://{shop}",
        "shopify_client_id": CLIENT_ID,
        "shopify_client_secret": SecretStr(CLIENT_SECRET),
        "oauth_address": ADDRESS,
        "oauth_scopes": SCOPES,
        "encryption_key": SecretStr(f"1:{KEY_TEXT}"),
        **more,
    }
    return Settings(_env_file=None, **values)


def environment(database: Database, sandbox: SandboxHandle, **more: str) -> dict[str, str]:
    """Return the environment of a process of the same app."""
    return {
        "NEANELU_DATABASE_URL": database.dsn(),
        "NEANELU_SHOPIFY_BASE_URL": sandbox.base_url_template,
        "NEANELU_SHOPIFY_CLIENT_ID": CLIENT_ID,
        "NEANELU_SHOPIFY_CLIENT_SECRET": CLIENT_SECRET,
        "NEANELU_OAUTH_ADDRESS": ADDRESS,
        "NEANELU_ENCRYPTION_KEY": f"1:{KEY_TEXT}",
        **more,
    }


def new_shop(sandbox: SandboxHandle) -> str:
    """Add a small shop to the sandbox and return its domain."""
    domain = new_domain()
    sandbox.add(
        ShopSpec(
            domain, products=3, seed=sum(domain.encode()) * 1000 + int(domain.split("-")[2].split(".")[0])
        )
    )
    return domain


class Browser:
    """A merchant's browser, between the sandbox and an application with the two routes.

    Args:
        installer: serves the routes.
    """

    def __init__(self, installer: Installer) -> None:
        self.installer = installer
        app = Starlette(routes=[Route(START, installer.start), Route(CALLBACK, installer.callback)])
        self.app = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=ADDRESS, follow_redirects=False
        )
        self.shopify = httpx.AsyncClient(follow_redirects=False, timeout=60)

    async def start(self, shop: str, **query: str) -> httpx.Response:
        """Open the app's page for a shop."""
        return await self.app.get(START, params={"shop": shop, **query})

    async def agree(self, shop: str) -> dict[str, str]:
        """Begin and agree at Shopify; returns the query that the browser is sent back with."""
        begun = await self.start(shop)
        assert begun.status_code == 302, begun.text
        answer = await self.shopify.get(begun.headers["location"])
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == ADDRESS + CALLBACK
        return dict(parse_qsl(back.query))

    async def come_back(self, query: dict[str, str] | str) -> httpx.Response:
        """Come back to the app with a query."""
        text = query if isinstance(query, str) else urlencode(query)
        return await self.app.get(f"{CALLBACK}?{text}")

    async def install(self, shop: str) -> httpx.Response:
        """Install the app."""
        return await self.come_back(await self.agree(shop))

    async def close(self) -> None:
        """Close the connections."""
        await self.app.aclose()
        await self.shopify.aclose()


def browse(
    database: Database, settings: Settings, act: Callable[[Browser], Awaitable[Any]], **options: Any
) -> Any:
    """Let a browser act on an installer over a pool of real connections, and return what came of it.

    Args:
        database: where shops are registered.
        settings: of the app.
        act: what the browser does.
        options: of the `Installer`.
    """

    async def scenario() -> Any:
        pool: Pool = AsyncConnectionPool(
            database.dsn("neanelu_webhooks"),
            connection_class=psycopg.AsyncConnection[DictRow],
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=1,
            max_size=4,
            open=False,
        )
        async with pool:
            browser = Browser(Installer(settings, pool, **options))
            try:
                return await act(browser)
            finally:
                await browser.close()

    return asyncio.run(scenario())


def resigned(query: dict[str, str], **changes: str) -> dict[str, str]:
    """Return a query with changes, signed as Shopify would have."""
    changed = {**query, **changes}
    return {**changed, "hmac": sign(changed, CLIENT_SECRET)}


class Desk:
    """A database connection as a role, for looking and for token sources.

    Args:
        database: where.
        role: who; None is a superuser.
    """

    def __init__(self, database: Database, role: str | None = None, **options: Any) -> None:
        self.connection = psycopg.connect(
            database.dsn(role) if role else database.dsn(), autocommit=True, row_factory=dict_row, **options
        )

    def __call__(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Run a statement as a transaction of its own and return its rows."""
        with translated():
            cursor = self.connection.execute(statement, values or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def one(self, statement: str, **values: Any) -> dict[str, Any]:
        """Return the one row of a statement."""
        rows = self(statement, **values)
        assert len(rows) == 1, rows
        return rows[0]

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


@contextmanager
def desk(database: Database, role: str | None = None, **options: Any) -> Iterator[Desk]:
    """Yield a desk and close it."""
    made = Desk(database, role, **options)
    try:
        yield made
    finally:
        made.close()


def source(
    desk: Desk, sandbox: SandboxHandle, shop_id: UUID, keys: KeyRing = KEYS, **settings: Any
) -> TokenSource:
    """Return a token source of a shop, as the worker has one."""
    return TokenSource(desk, app_settings(sandbox, **settings), keys, shop_id)


def installed(database: Database, sandbox: SandboxHandle) -> tuple[str, UUID]:
    """Install the app in a new shop of the sandbox; returns its domain and id."""
    domain = new_shop(sandbox)

    async def act(browser: Browser) -> None:
        answer = await browser.install(domain)
        assert answer.status_code == 302, answer.text

    browse(database, app_settings(sandbox), act)
    with desk(database) as look:
        shop_id: UUID = look.one("SELECT id FROM neanelu.shops WHERE shopify_domain = %(d)s", d=domain)["id"]
    return domain, shop_id
