"""Installing the app in a browser: `/oauth/start?shop=…` sends the merchant to Shopify, `/oauth/callback` takes the answer.

What protects the way there and back:

- the shop is a permanent domain of Shopify, and nothing but (`shop_of`), before anybody is sent anywhere;
- the state is 256 random bits, good once and for minutes; the database has its SHA-256 only;
- state and nonce are in a cookie of the browser that began, so that nobody else's answer is taken there (compared in
  constant time, the nonce again in the database);
- Shopify's signature over the query, in constant time, and its timestamp, 90 seconds to either side;
- the code is exchanged server to server, the token must be the shop's own, and grant the scopes that were asked for;
- tokens are sealed before they leave this process; shop, tokens and first jobs are stored in one transaction.

Nothing of a query, a cookie or an answer of Shopify's is logged but the shop and one word why.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
import psycopg
import structlog
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from neanelu import __version__
from neanelu.db import sql
from neanelu.db.errors import InvalidInput, NeaneluError, ShopIdTaken, translate
from neanelu.oauth.facts import SHOP_FACTS, Facts, OtherShop, graphql_url, read_facts, request_headers
from neanelu.oauth.grant import Grant, TokenUnavailable, code_request, read_grant, token_url, transport_error
from neanelu.oauth.signature import Rejected, parse_query, shop_of, verify
from neanelu.platform import PlatformError
from neanelu.secrets import KeyRing, key_ring, refresh_token_place, token_place
from neanelu.settings import Settings
from neanelu.shopify.errors import ShopifyError

log = structlog.get_logger(__name__)

Pool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]

START: Final = "/oauth/start"
CALLBACK: Final = "/oauth/callback"
TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
#: On every answer: they hold or lead to things that are good once.
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_SAID: Final = {
    "bad_shop": "This is not the domain of a Shopify shop.",
    "bad_signature": "Shopify has not signed this.",
    "bad_timestamp": "This was signed too long ago.",
    "denied": "The installation was not agreed to.",
    "scopes": "Not all permissions that the app needs were granted.",
    "try_again": "It did not work out just now.",
    "not_set_up": "The app is not set up.",
}


def routes(settings: Settings, pool: Pool) -> list[BaseRoute]:
    """Return the routes, none when the app's client id, secret or public address are not set.

    Args:
        settings: of the process.
        pool: autocommit connections as neanelu_webhooks or neanelu_app, whose rows are dictionaries.
    """
    if not (settings.shopify_client_id and settings.shopify_client_secret and settings.oauth_address):
        return []
    installer = Installer(settings, pool)
    return [Route(START, installer.start), Route(CALLBACK, installer.callback)]


def digest(secret: str) -> str:
    """Return what the database keeps of a state or nonce."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Installer:
    """Takes merchants through the installation.

    Args:
        settings: with client id, secret and public address.
        pool: see `routes`.
        clock: POSIX time (tests).
        keys: seal tokens; by default those of the settings, read when the first is needed.
    """

    def __init__(
        self,
        settings: Settings,
        pool: Pool,
        *,
        clock: Callable[[], float] = time.time,
        keys: KeyRing | None = None,
    ) -> None:
        assert settings.shopify_client_id and settings.shopify_client_secret and settings.oauth_address
        self._settings = settings
        self._pool = pool
        self._clock = clock
        self._keys = keys
        self._client_id = settings.shopify_client_id
        self._address = settings.oauth_address.rstrip("/")
        self._is_https = urlsplit(self._address).scheme == "https"
        #: The prefix makes browsers take it from us over TLS only, and from no neighbouring host.
        self.cookie = "__Host-neanelu-oauth" if self._is_https else "neanelu-oauth"
        previous = settings.shopify_client_secret_previous
        self._secrets = [
            secret.get_secret_value() for secret in (settings.shopify_client_secret, previous) if secret
        ]

    # --- Routes -------------------------------------------------------------------------------------------
    async def start(self, request: Request) -> Response:
        """Send the browser to the shop, to ask whether the app may be installed."""
        return await self._answer(request, self._start)

    async def callback(self, request: Request) -> Response:
        """Take what Shopify sends the browser back with."""
        return await self._answer(request, self._callback)

    async def _answer(self, request: Request, act: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            # Few come by this door, and a server that restarted meanwhile must not turn them away.
            await self._pool.check()
            response = await act(request)
        except Rejected as error:
            response = self._refuse(request, error.status, error.reason)
        except NeaneluError as error:
            log.warning("installation failed", code=error.code, error=error.message, path=request.url.path)
            response = self._refuse(request, 503 if error.retryable else 502, "try_again")
        except (psycopg.Error, PoolTimeout, PlatformError) as error:
            log.warning("installation failed", error=type(error).__name__, path=request.url.path)
            response = self._refuse(request, 503, "try_again")
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _refuse(self, request: Request, status: int, reason: str) -> Response:
        log.info("installation refused", reason=reason, path=request.url.path)
        response = PlainTextResponse(
            f"{_SAID.get(reason, 'This link is not, or no longer, good.')}\n"
            "Open the app from your shop's admin to begin again.\n",
            status,
        )
        if request.url.path == CALLBACK:
            self._forget(response)
        return response

    # --- There --------------------------------------------------------------------------------------------
    async def _start(self, request: Request) -> Response:
        query = parse_query(request.url.query)
        shop = shop_of(query)
        if "hmac" in query:  # Shopify's own link is signed; one from our pages is not
            verify(query, self._secrets, self._clock())
        state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        redirect_uri = self._address + CALLBACK
        await self._call(
            sql.BEGIN_OAUTH,
            domain=shop,
            state=digest(state),
            nonce=digest(nonce),
            redirect_uri=redirect_uri,
            lifetime=timedelta(seconds=self._settings.oauth_state_seconds),
        )
        asked = urlencode(
            {
                "client_id": self._client_id,
                "scope": self._settings.oauth_scopes,
                "redirect_uri": redirect_uri,
                "state": state,
            },
            quote_via=quote,
        )
        base = self._settings.shopify_base_url.format(shop=shop).rstrip("/")
        response = RedirectResponse(f"{base}/admin/oauth/authorize?{asked}", 302)
        response.set_cookie(
            self.cookie,
            f"{state}.{nonce}",
            max_age=self._settings.oauth_state_seconds,
            path="/",
            secure=self._is_https,
            httponly=True,
            samesite="lax",  # Shopify's way back is a navigation of the whole window
        )
        return response

    # --- And back -----------------------------------------------------------------------------------------
    async def _callback(self, request: Request) -> Response:
        query = parse_query(request.url.query)
        shop = shop_of(query)
        verify(query, self._secrets, self._clock())
        nonce = await self._take_state(request, query, shop)
        if "error" in query or not query.get("code"):
            raise Rejected(403, "denied")
        grant, facts = await self._exchange(shop, query["code"])
        result = await self._store(shop, grant, facts, nonce)
        log.info(
            "app installed",
            shop=shop,
            shop_id=result["shop_id"],
            is_new=result["is_new"],
            expires=grant.expires_in is not None,
            runs=result["runs"],
            jobs=result["jobs"],
        )
        target = self._settings.oauth_done_url.format(shop=shop, client_id=self._client_id)
        response = RedirectResponse(target, 302)
        self._forget(response)
        return response

    async def _take_state(self, request: Request, query: dict[str, str], shop: str) -> str:
        """Use the state up; returns the nonce of the browser that began with it.

        Raises:
            Rejected: there is no such state, it was used, it is of another browser, shop or time.
        """
        state = query.get("state", "")
        begun, _, nonce = request.cookies.get(self.cookie, "").partition(".")
        if not (state and begun and nonce and hmac.compare_digest(state.encode(), begun.encode())):
            raise Rejected(403, "other_browser")
        row = await self._call(sql.TAKE_OAUTH_STATE, domain=shop, state=digest(state), nonce=digest(nonce))
        if row["outcome"] != "ok":
            raise Rejected(403, row["outcome"])
        return nonce

    async def _exchange(self, shop: str, code: str) -> tuple[Grant, Facts]:
        """Return what the shop granted for the code, and what it says of itself."""
        headers = {"User-Agent": f"neanelu/{__version__}", "Accept": "application/json"}
        async with httpx.AsyncClient(timeout=TIMEOUT, headers=headers, follow_redirects=False) as client:
            failed: TokenUnavailable | None = None
            try:
                answer = await client.post(
                    token_url(self._settings, shop), json=code_request(self._settings, code)
                )
            except httpx.TransportError as error:
                failed = transport_error(error)
            if failed is not None:
                raise failed  # outside of the handler: the context would hold the request
            grant = read_grant(answer)
            missing = grant.lacks(self._settings.oauth_scopes)
            if missing:
                log.warning("scopes were not granted", shop=shop, missing=missing)
                raise Rejected(403, "scopes")
            return grant, await self._facts(client, shop, grant)

    async def _facts(self, client: httpx.AsyncClient, shop: str, grant: Grant) -> Facts:
        """Ask the shop who it is; without an answer the registration knows less, and goes on.

        Raises:
            Rejected: the token is another shop's.
        """
        version = (await self._call(sql.SUPPORTED_API_VERSION))["version"]
        try:
            answer = await client.post(
                graphql_url(self._settings, shop, version),
                json={"query": SHOP_FACTS},
                headers=request_headers(grant.access_token),
            )
            return read_facts(answer, shop)
        except OtherShop:
            raise Rejected(403, "other_shop") from None
        except (httpx.TransportError, ShopifyError) as error:
            log.warning("the shop did not say who it is", shop=shop, error=type(error).__name__)
            return Facts()

    async def _store(self, shop: str, grant: Grant, facts: Facts, nonce: str) -> dict[str, Any]:
        """Seal and store the tokens with all that comes first; returns what the database says of it."""
        keys = self._keys
        if keys is None:
            keys = self._keys = await asyncio.to_thread(key_ring, self._settings)
        for last_try in (False, False, True):
            reserved = await self._call(
                sql.RESERVE_SHOP_ID, domain=shop, shopify_shop_id=facts.shopify_shop_id
            )
            shop_id = reserved["id"]
            access = await asyncio.to_thread(keys.seal, grant.access_token, token_place(shop_id))
            refresh = (
                await asyncio.to_thread(keys.seal, grant.refresh_token, refresh_token_place(shop_id))
                if grant.refresh_token
                else None
            )
            try:
                row = await self._call(
                    sql.COMPLETE_OAUTH,
                    id=shop_id,
                    domain=shop,
                    ciphertext=access.ciphertext,
                    iv=access.iv,
                    tag=access.tag,
                    key_version=access.key_version,
                    scopes=grant.scopes,
                    refresh_token=refresh.pack() if refresh else None,
                    expires_in=grant.expires_in,
                    refresh_expires_in=grant.refresh_expires_in,
                    nonce=digest(nonce),
                    timezone=facts.timezone,
                    currency_code=facts.currency_code,
                    shopify_shop_id=facts.shopify_shop_id,
                )
            except ShopIdTaken:  # somebody registered it between the two calls
                if last_try:
                    raise
            except InvalidInput as error:
                if error.code != "NH004" or last_try:
                    raise
                log.warning(
                    "the database does not know the shop's time zone", shop=shop, timezone=facts.timezone
                )
                facts = replace(facts, timezone=None)
            else:
                result: dict[str, Any] = row["result"]
                return result
        raise AssertionError("unreachable")

    # --- Small things -------------------------------------------------------------------------------------
    async def _call(self, statement: str, **values: Any) -> DictRow:
        """Call a function in a transaction of its own and return its one row; raises NeaneluError."""
        try:
            async with self._pool.connection(timeout=5.0) as connection:
                row = await (await connection.execute(statement, values)).fetchone()
        except psycopg.Error as error:
            raise translate(error) from error
        assert row is not None
        return row

    def _forget(self, response: Response) -> None:
        """Take the cookie back."""
        response.delete_cookie(self.cookie, path="/", secure=self._is_https, httponly=True, samesite="lax")
