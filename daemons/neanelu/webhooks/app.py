"""The receiver as an ASGI application.

POST /api/webhooks takes deliveries; GET /health/live, /health/ready and /metrics tell how it does; what signs people in
(`neanelu.oauth.routes`) is served beside them.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import psycopg
import structlog
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from neanelu.db import sql
from neanelu.db.connection import parameters
from neanelu.db.errors import NeaneluError
from neanelu.observe.health import LIVE, METRICS, READY, Health
from neanelu.platform import PlatformError
from neanelu.secrets import key_ring
from neanelu.settings import Settings, get_settings
from neanelu.webhooks.delivery import DOMAIN, SIGNATURE, BadHeader, delivery_of, headers_of
from neanelu.webhooks.metrics import Metrics
from neanelu.webhooks.signature import Secrets, Signer, open_own
from neanelu.webhooks.store import MALFORMED, NotStored, Pool, Store, register_arrays

log = structlog.get_logger(__name__)

PATHS: Final = ("/api/webhooks", "/webhooks")
#: Module with `routes(settings, pool)`, where it is installed.
OAUTH: Final = "neanelu.oauth.routes"
#: Seconds between two looks at the shops' own secrets, at the database's health, and at the parent process.
SECRETS_EVERY: Final = 30.0
LOOK_EVERY: Final = 1.0
#: After a signature that fits nobody's secret, the shops' own are read again, at most every so many seconds.
SECRETS_AGAIN: Final = 2.0
#: Statements of the receiver that take longer are cancelled by the server, and so are transactions that it forgot, ms.
_LIMITS: Final = {
    "statement_timeout": 4_000,
    "lock_timeout": 4_000,
    "idle_in_transaction_session_timeout": 5_000,
}

_JSON: Final = (b"content-type", b"application/json")
_PLAIN: Final = (b"content-type", b"text/plain; charset=utf-8")


class Receiver:
    """The state of one process: its pool, its secrets, what waits for the database."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        target, keywords = parameters(
            "neanelu_webhooks", purpose="webhooks", limits=_LIMITS, settings=settings
        )
        self.pool: Pool = AsyncConnectionPool(
            target,
            connection_class=psycopg.AsyncConnection[DictRow],
            kwargs={**keywords, "autocommit": True, "row_factory": dict_row, "connect_timeout": 3},
            min_size=settings.webhooks_connections,
            max_size=settings.webhooks_connections + 3,
            configure=_configure,
            open=False,
            reconnect_timeout=5.0,
            name="webhooks",
        )
        self.store = Store(
            self.pool,
            self.metrics,
            linger=settings.webhooks_linger_ms / 1000,
            batch=settings.webhooks_batch,
            connections=settings.webhooks_connections,
            limit=settings.webhooks_queue,
        )
        self.secrets = Secrets.of(settings)
        self._secrets_read = 0.0
        self._secrets_lock = asyncio.Lock()
        self.database_problem: str | None = "not asked yet"
        self.is_stopping = False

    # --- Life ---------------------------------------------------------------------------------------------
    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Open the pool and begin to work; at the end, answer what waits and close it."""
        await self.pool.open(wait=False)
        self.store.start()
        tasks = [asyncio.create_task(self._look_after())]
        try:
            yield
        finally:
            self.is_stopping = True
            await self.store.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.pool.close(timeout=2.0)
            log.info("receiver stopped")

    async def _look_after(self) -> None:
        """Read the shops' secrets, see whether the database answers, and end with the parent process; for ever."""
        clock = asyncio.get_running_loop().time
        parent = os.getppid()
        while True:
            try:
                async with asyncio.timeout(2.0):
                    if clock() - self._secrets_read >= SECRETS_EVERY or not self._secrets_read:
                        await self.read_secrets()
                    else:
                        async with self.pool.connection(timeout=2.0) as connection:
                            await connection.execute(sql.PING)
                self.database_problem = None
            except (TimeoutError, PoolTimeout, psycopg.Error) as error:
                self.database_problem = f"the database does not answer ({type(error).__name__})"
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
            self.metrics.waiting.set(self.store.count)
            await asyncio.sleep(LOOK_EVERY)

    async def read_secrets(self) -> None:
        """Read the shops' own secrets; raises what the database says."""
        async with self.pool.connection(timeout=2.0) as connection:
            rows = await (await connection.execute(sql.OWN_WEBHOOK_SECRETS)).fetchall()
        own: dict[str, bytes] = {}
        if rows:
            try:
                own, failed = open_own(rows, key_ring(self.settings))
            except (NeaneluError, PlatformError) as error:
                failed = [row["domain"] for row in rows]
                log.error("no encryption key", error=str(error))
            for domain in failed:
                log.error(
                    "the webhook secret of a shop does not open: its deliveries are refused", shop=domain
                )
                own[domain] = os.urandom(32)  # fits no signature; the app's secret must not stand in
        self.secrets = Secrets.of(self.settings, own)
        self._secrets_read = asyncio.get_running_loop().time()

    # --- Deliveries ---------------------------------------------------------------------------------------
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one delivery and answer it."""
        clock = asyncio.get_running_loop().time
        arrived = clock()
        try:
            status, outcome = await self._take(scope, receive, arrived)
        except NotStored:
            status, outcome = 503, "try_again"
        self.metrics.answered(outcome, clock() - arrived)
        await _send(send, status, outcome)

    async def _take(self, scope: Scope, receive: Receive, arrived: float) -> tuple[int, str]:
        """Return the status and one word for the answer; raises NotStored."""
        if scope["method"] != "POST":
            return 405, "only_post"
        deadline = arrived + self.settings.webhooks_deadline_seconds
        headers = headers_of(scope["headers"])
        limit = self.settings.webhooks_max_body_bytes
        if _announced(scope["headers"]) > limit:
            return 413, "too_large"
        if self.store.is_full:
            raise NotStored
        try:
            async with asyncio.timeout_at(deadline):
                body = await _read(receive, limit)
        except TimeoutError:
            return 408, "too_slow"
        if body is None:
            return 413, "too_large"
        signer = await self._signer(headers, body)
        if signer is None:
            return 401, "bad_signature"
        self.metrics.verified(signer)
        try:
            waiting = asyncio.get_running_loop().create_future()
            delivery = delivery_of(headers, body, arrived, deadline, waiting)
        except BadHeader:
            return 400, "bad_header"
        outcome = await self.store.put(delivery)
        return (400 if outcome == MALFORMED else 200), outcome

    async def _signer(self, headers: dict[bytes, bytes], body: bytes) -> Signer | None:
        """Return whose secret signed the body, or None.

        Raises:
            NotStored: no secret fits, and those that shops may have got just now cannot be read.
        """
        given = headers.get(SIGNATURE)
        if not given:
            return None
        domain = headers.get(DOMAIN, b"").decode("latin-1").lower()
        signer = self.secrets.signer(domain, body, given)
        if signer is not None:
            return signer
        clock = asyncio.get_running_loop().time
        if clock() - self._secrets_read < SECRETS_AGAIN:
            return None
        try:
            async with self._secrets_lock:
                if clock() - self._secrets_read >= SECRETS_AGAIN:
                    await self.read_secrets()
        except (PoolTimeout, psycopg.Error):
            raise NotStored from None
        return self.secrets.signer(domain, body, given)

    # --- Health -------------------------------------------------------------------------------------------
    async def health(self, request: Request) -> Response:
        """Answer /health/live, /health/ready and /metrics."""
        answer = Health(
            self.metrics.registry,
            ready={
                "database": lambda: self.database_problem,
                "secrets": lambda: "no client secret is set" if self.secrets.is_empty else None,
                "queue": lambda: "too many deliveries wait" if self.store.is_full else None,
                "process": lambda: "it is stopping" if self.is_stopping else None,
            },
        ).answer(request.url.path, request.headers.get("accept", ""))
        return Response(answer.body, answer.status, media_type=answer.content_type)


class _App(Starlette):
    """Starlette, with a short way for deliveries: no routing, no middleware."""

    receiver: Receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand deliveries to the receiver and all else to the routes."""
        if scope["type"] == "http" and scope["path"] in PATHS:
            await self.receiver(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings | None = None, extra: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the application.

    Args:
        settings: instead of the process's own.
        extra: routes that are served as well; those of `neanelu.oauth.routes` are there without being given.
    """
    settings = settings or get_settings()
    receiver = Receiver(settings)
    routes: list[BaseRoute] = [Route(path, receiver.health) for path in (LIVE, READY, METRICS)]
    if importlib.util.find_spec(OAUTH.rpartition(".")[0]) is not None:
        routes += importlib.import_module(OAUTH).routes(settings, receiver.pool)
    app = _App(routes=[*routes, *extra], lifespan=receiver.lifespan)
    app.receiver = receiver
    return app


async def _configure(connection: psycopg.AsyncConnection[object]) -> None:
    """Prepare a new connection of the pool."""
    register_arrays(connection)


def _announced(headers: Sequence[tuple[bytes, bytes]]) -> int:
    """Return the Content-Length, or 0."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def _read(receive: Receive, limit: int) -> bytes | None:
    """Return the body, or None when it is longer than the limit."""
    parts: list[bytes] = []
    size = 0
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise TimeoutError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _send(send: Send, status: int, outcome: str) -> None:
    """Answer with one word as JSON."""
    body = b'{"outcome":"%s"}\n' % outcome.encode()
    headers = [_JSON, (b"content-length", str(len(body)).encode())]
    if status == 503:
        headers.append((b"retry-after", b"2"))
    elif status == 405:
        headers.append((b"allow", b"POST"))
    elif status in (408, 413):
        headers.append((b"connection", b"close"))  # the rest of the body is not read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
