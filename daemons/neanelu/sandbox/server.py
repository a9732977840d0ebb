"""The sandbox's HTTP server: the Admin API of many shops, result files on signed URLs, and a door for faults.

A client's base URL is the template `http://127.0.0.1:PORT/{shop}`; what follows is Shopify's own path.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import sys
import threading
import time
import uuid
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import orjson
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from neanelu.sandbox.admin import AdminApi, is_version
from neanelu.sandbox.connections import Protocol, break_connection
from neanelu.sandbox.deliveries import Road
from neanelu.sandbox.doors import LiveDoor, OAuthDoor, answer
from neanelu.sandbox.faults import Fault, FaultBook
from neanelu.sandbox.generator import Edit, Shop, ShopSpec
from neanelu.sandbox.live import LiveShop
from neanelu.sandbox.oauth import App, Clock
from neanelu.sandbox.openai.door import OpenAIDoor
from neanelu.sandbox.openai.provider import Provider
from neanelu.sandbox.shops import Operation, ShopRuntime, iso
from neanelu.sandbox.subscriptions import TOPICS
from neanelu.sandbox.suppliers.door import SupplierDoor

#: Options of a shop that can be given when it is added.
OPTIONS = ("token", "plan", "shuffled", "min_polls", "url_seconds", "live", "ties", "forget_deleted")
#: Bytes that a download sends at once.
BLOCK = 65_536


def _logger(level: str) -> FilteringBoundLogger:
    """Return a logger that writes JSON lines to standard error from a level on."""
    logger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    return cast(FilteringBoundLogger, logger)


class Sandbox:
    """All shops of one server.

    Args:
        log_level: `info` logs every request, `warning` only what broke.
    """

    def __init__(self, log_level: str = "info") -> None:
        self.log = _logger(log_level)
        self.faults = FaultBook()
        self.credentials = App()
        self.clock = Clock()
        self.road = Road()
        self.shops: dict[str, ShopRuntime] = {}
        self.suppliers = SupplierDoor(self._specs)
        self.openai = Provider()

    def _specs(self) -> tuple[ShopSpec, ...]:
        """Return what the shops began as."""
        return tuple(replace(runtime.spec, edits=()) for runtime in self.shops.values())

    def add(self, spec: ShopSpec, **options: Any) -> ShopRuntime:
        """Add a shop, in the place of one of the same name.

        Args:
            spec: what the shop consists of.
            options: those of `OPTIONS`; see `ShopRuntime`.
        """
        old = self.shops.pop(spec.domain, None)
        if old is not None:
            old.close()
        runtime = ShopRuntime(
            spec,
            faults=self.faults,
            log=self.log,
            app=self.credentials,
            clock=self.clock,
            road=self.road,
            **options,
        )
        self.shops[spec.domain] = runtime
        self.log.info("sandbox.shop.added", shop=spec.domain, products=spec.products, seed=spec.seed)
        return runtime

    def close(self) -> None:
        """Remove all shops and their files."""
        for runtime in self.shops.values():
            runtime.close()
        self.road.close()

    def mutate(self, domain: str, change: dict[str, Any]) -> dict[str, Any]:
        """Change a shop.

        Args:
            domain: which.
            change: an `Edit` by its attributes (`at` defaults to now), or
                `{"hostile": {"root": "products", "raw": "…"}}` (or `raw_base64`), or `{"shuffled": true}`, or
                several of these together.

        Returns:
            The shop's description afterwards.

        Raises:
            KeyError: there is no such shop.
            TypeError, ValueError: the change cannot be understood.
        """
        runtime = self.shops[domain]
        change = dict(change)
        hostile = change.pop("hostile", None)
        if hostile is not None:
            for item in hostile if isinstance(hostile, list) else [hostile]:
                raw = base64.b64decode(item["raw_base64"]) if "raw_base64" in item else item["raw"].encode()
                runtime.inject(item.get("root", "products"), raw if raw.endswith(b"\n") else raw + b"\n")
        if "shuffled" in change:
            runtime.shuffled = bool(change.pop("shuffled"))
        if change:
            change.setdefault("at", iso(time.time()))
            change["only"] = tuple(change.get("only", ()))
            runtime.edit(Edit(**change))
        return runtime.describe()

    # -- requests ------------------------------------------------------------------------------------------

    def app(self) -> Starlette:
        """Return the ASGI application."""

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            yield
            self.close()

        routes = [
            Route("/_sandbox/health", self._health),
            Route("/_sandbox/shops", self._shops, methods=["GET", "POST"]),
            Route("/_sandbox/shops/{shop}", self._shop, methods=["GET", "DELETE"]),
            Route("/_sandbox/shops/{shop}/mutate", self._mutate, methods=["POST"]),
            Route("/_sandbox/faults", self._faults, methods=["GET", "POST", "DELETE"]),
            Route("/_sandbox/files/{shop}/{number:int}/{name}", _Download(self), methods=["GET", "HEAD"]),
            Route("/{shop}/admin/api/{version}/graphql.json", self._graphql, methods=["POST"]),
            *self.suppliers.routes(),
            *OpenAIDoor(self.openai).routes(),
            *OAuthDoor(self).routes(),
            *LiveDoor(self).routes(),
        ]
        return Starlette(routes=routes, lifespan=lifespan)

    async def _health(self, _: Request) -> Response:
        return answer({"status": "ok", "shops": list(self.shops)})

    async def _shops(self, request: Request) -> Response:
        if request.method == "GET":
            return answer([runtime.describe() for runtime in self.shops.values()])
        body = orjson.loads(await request.body())
        options = {k: body.pop(k) for k in OPTIONS if k in body}
        try:
            runtime = self.add(ShopSpec(**body), **options)
        except (TypeError, ValueError, KeyError) as error:
            return answer({"error": str(error)}, 400)
        return answer(runtime.describe(), 201)

    async def _shop(self, request: Request) -> Response:
        runtime = self.shops.get(request.path_params["shop"])
        if runtime is None:
            return answer({"error": "no such shop"}, 404)
        if request.method == "DELETE":
            self.shops.pop(runtime.spec.domain).close()
            return Response(status_code=204)
        return answer(runtime.describe())

    async def _mutate(self, request: Request) -> Response:
        try:
            return answer(self.mutate(request.path_params["shop"], orjson.loads(await request.body())))
        except KeyError as error:
            return answer({"error": f"no such shop or field: {error}"}, 404)
        except (TypeError, ValueError) as error:
            return answer({"error": str(error)}, 400)

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.faults.clear()
            return Response(status_code=204)
        if request.method == "POST":
            try:
                fault = Fault(**orjson.loads(await request.body()))
            except (TypeError, ValueError) as error:
                return answer({"error": str(error)}, 400)
            self.faults.add(fault)
            self.log.info("sandbox.fault.added", **fault.as_dict())
            return answer(fault.as_dict(), 201)
        return answer([fault.as_dict() for fault in self.faults.waiting()])

    async def _graphql(self, request: Request) -> Response:
        domain, version = request.path_params["shop"], request.path_params["version"]
        runtime = self.shops.get(domain)
        headers = {"X-Request-Id": str(uuid.uuid4()), "X-Shopify-API-Version": version}
        if runtime is None or not is_version(version):
            return answer({"errors": "Not Found"}, 404, headers)
        if not runtime.grants.admits(request.headers.get("x-shopify-access-token")):
            self.log.info("sandbox.unauthorized", shop=domain)
            message = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return answer({"errors": message}, 401, headers)
        if self.faults.take("503", domain, where="graphql"):
            self.log.info("sandbox.fault.shown", shop=domain, fault="503")
            return Response("Service Unavailable", 503, {**headers, "Retry-After": "1"}, "text/html")
        if self.faults.take("429", domain):
            self.log.info("sandbox.fault.shown", shop=domain, fault="429")
            message = "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service."
            return answer({"errors": message}, 429, {**headers, "Retry-After": "4.0"})
        try:
            body = orjson.loads(await request.body())
            text, variables = body["query"], body.get("variables")
            if not isinstance(text, str):
                raise TypeError
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return answer({"errors": {"query": "Required parameter missing or invalid"}}, 400, headers)
        began = time.monotonic()
        api = AdminApi(runtime, str(request.base_url).rstrip("/"), version)
        found = api.answer(text, variables, body.get("operationName"))
        self.log.info(
            "sandbox.graphql",
            shop=domain,
            version=version,
            errors=[e["message"] for e in found.get("errors", ())],
            cost=found.get("extensions", {}).get("cost", {}).get("requestedQueryCost"),
            milliseconds=round((time.monotonic() - began) * 1000, 1),
        )
        return answer(found, 200, headers)


_DENIED = (
    b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>ExpiredToken</Code>"
    b"<Message>Invalid argument.</Message><Details>The provided token has expired.</Details></Error>"
)


class _Download:
    """Sends result files: whole, by range, compressed when asked, and with the faults that wait."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request for a file."""
        request = Request(scope, receive)
        response = await self._refusal(request)
        if response is not None:
            await response(scope, receive, send)
            return
        await self._send_file(request, send)

    def _find(self, request: Request) -> tuple[ShopRuntime, Operation] | None:
        runtime = self.sandbox.shops.get(request.path_params["shop"])
        gid = f"gid://shopify/BulkOperation/{request.path_params['number']}"
        operation = runtime.operations.get(gid) if runtime else None
        return (runtime, operation) if runtime and operation else None

    async def _refusal(self, request: Request) -> Response | None:
        """Return an answer that is not the file, or None."""
        found = self._find(request)
        if found is None:
            return Response(b"<Error><Code>NoSuchKey</Code></Error>", 404, media_type="application/xml")
        runtime, operation = found
        take, domain = self.sandbox.faults.take, runtime.spec.domain
        if take("expired_url", domain, operation.root):
            operation.url_epoch += 1
        if not runtime.admits(operation, dict(request.query_params)):
            self.sandbox.log.info("sandbox.download.denied", operation=operation.gid)
            return Response(_DENIED, 403, media_type="application/xml; charset=UTF-8")
        if take("503", domain, operation.root, where="file"):
            self.sandbox.log.info("sandbox.fault.shown", operation=operation.gid, fault="503")
            return Response(b"Service Unavailable", 503, media_type="text/plain")
        operation.downloads += 1
        if operation.downloads > 1 and take("changed_file", domain, operation.root):
            self.sandbox.log.info("sandbox.fault.shown", operation=operation.gid, fault="changed_file")
            await asyncio.to_thread(runtime.swap_file, operation)
        return None

    async def _send_file(self, request: Request, send: Send) -> None:
        found = self._find(request)
        assert found is not None
        runtime, operation = found
        take, domain, root = self.sandbox.faults.take, runtime.spec.domain, operation.root
        with operation.path.open("rb") as file:
            size = file.seek(0, 2)
            headers = {
                "Content-Type": "application/jsonl",
                "ETag": operation.etag,
                "Accept-Ranges": "bytes",
                "Last-Modified": "Sat, 21 Nov 2026 00:00:00 GMT",
                "Content-Disposition": f'attachment; filename="bulk-{operation.number}.jsonl"',
            }
            start, stop, status = 0, size, 200
            asked = request.headers.get("range")
            if asked and request.headers.get("if-range") in (None, operation.etag):
                span = _range(asked, size)
                if span is None:
                    headers["Content-Range"] = f"bytes */{size}"
                    await _start(send, 416, headers | {"Content-Length": "0"})
                    await send({"type": "http.response.body", "body": b""})
                    return
                (start, stop), status = span, 206
                headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
            packed = status == 200 and "gzip" in request.headers.get("accept-encoding", "")
            if packed:
                headers["Content-Encoding"] = "gzip"
                headers["Vary"] = "Accept-Encoding"
            else:
                headers["Content-Length"] = str(stop - start)
            self.sandbox.log.info(
                "sandbox.download",
                operation=operation.gid,
                status=status,
                start=start,
                stop=stop,
                gzip=packed,
            )
            await _start(send, status, headers)
            if request.method == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            broken = take("cut", domain, root) or take("reset", domain, root)
            slow = take("slow", domain, root)
            limit = broken.after_bytes if broken else None
            block = min(BLOCK, max(slow.rate // 10, 1)) if slow else BLOCK
            packer = zlib.compressobj(6, zlib.DEFLATED, 31) if packed else None
            file.seek(start)
            left, sent = stop - start, 0
            while left > 0:
                data = file.read(min(block, left))
                left -= len(data)
                if packer is not None:
                    data = packer.compress(data) + (packer.flush() if left <= 0 else b"")
                if limit is not None and sent + len(data) > limit:
                    data = data[: limit - sent]
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                    assert broken is not None
                    self.sandbox.log.info(
                        "sandbox.fault.shown", operation=operation.gid, fault=broken.fault, sent=limit
                    )
                    await break_connection(request, broken.fault == "reset")
                    return
                sent += len(data)
                await send({"type": "http.response.body", "body": data, "more_body": True})
                if slow is not None:
                    await asyncio.sleep(block / slow.rate)
            await send({"type": "http.response.body", "body": b""})


async def _start(send: Send, status: int, headers: dict[str, str]) -> None:
    raw = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


def _range(text: str, size: int) -> tuple[int, int] | None:
    """Return the half-open span that a Range header of one span asks for, or None when it cannot be met."""
    unit, _, spec = text.partition("=")
    first, dash, last = spec.partition("-")
    if unit.strip() != "bytes" or not dash or "," in spec:
        return None
    try:
        if not first:
            return max(0, size - int(last)), size
        start, stop = int(first), min(int(last) + 1, size) if last else size
    except ValueError:
        return None
    return (start, stop) if start < stop else None


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the process's signals alone."""

    def install_signal_handlers(self) -> None:
        """Install none."""


def configuration(app: Starlette, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Config:
    """Return the settings with which uvicorn serves the sandbox."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Protocol,
        lifespan="on",
        access_log=False,
        log_level="critical",
        timeout_graceful_shutdown=2,
    )


class SandboxHandle:
    """A sandbox that runs in a thread of this process.

    Args:
        sandbox: the shops.
        host: address it listens on.
    """

    def __init__(self, sandbox: Sandbox, host: str = "127.0.0.1") -> None:
        self.sandbox = sandbox
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        self.base_url_template = f"{self.url}/{{shop}}"
        self.openai_url = f"{self.url}/openai/v1"
        self.openai = sandbox.openai
        self._server = _Server(configuration(sandbox.app(), host, self.port))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True, name="sandbox"
        )
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.01)

    def __enter__(self) -> SandboxHandle:
        """Return the handle itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server."""
        self.close()

    def close(self) -> None:
        """Stop the server and remove its files."""
        self._server.should_exit = True
        self._thread.join(10)
        self.sandbox.close()
        self._socket.close()

    def add(self, spec: ShopSpec, **options: Any) -> ShopRuntime:
        """Add a shop; see `Sandbox.add`."""
        return self.sandbox.add(spec, **options)

    def token(self, shop: str) -> str:
        """Return the access token of a shop."""
        return self.sandbox.shops[shop].token

    def runtime(self, shop: str) -> ShopRuntime:
        """Return a running shop: its operations, bucket, and switches."""
        return self.sandbox.shops[shop]

    def shop(self, shop: str) -> Shop:
        """Return the generated shop as it is now, to compare with what was brought in."""
        return self.sandbox.shops[shop].shop

    def fault(self, name: str, shop: str | None = None, **options: Any) -> None:
        """Ask for a fault; options are the attributes of `Fault`."""
        self.sandbox.faults.add(Fault(cast(Any, name), shop, **options))

    def faults(self) -> list[Fault]:
        """Return the faults that are not used up."""
        return self.sandbox.faults.waiting()

    def clear_faults(self) -> None:
        """Forget all faults."""
        self.sandbox.faults.clear()

    def live(self, shop: str) -> LiveShop:
        """Return a live shop (ValueError when it is none)."""
        found = self.sandbox.shops[shop].live
        if found is None:
            raise ValueError(f"{shop} is not live")
        return found

    def act(self, shop: str, name: str, **arguments: Any) -> Any:
        """Do an action in a live shop; see `ShopRuntime.act`."""
        return self.sandbox.shops[shop].act(name, arguments)

    def mutate(self, shop: str, kind: str | None = None, **change: Any) -> dict[str, Any]:
        """Change a shop; see `Sandbox.mutate`."""
        if kind is not None:
            change["kind"] = kind
        return self.sandbox.mutate(shop, change)


def run_in_thread(
    shops: Sequence[ShopSpec] = (), *, log_level: str = "warning", host: str = "127.0.0.1", **options: Any
) -> SandboxHandle:
    """Start a sandbox in a thread, on a port that is free.

    Args:
        shops: what it starts with.
        log_level: see `Sandbox`.
        host: address to listen on.
        options: for every shop; see `ShopRuntime`.

    Returns:
        The running sandbox; a context manager.
    """
    sandbox = Sandbox(log_level)
    for spec in shops:
        sandbox.add(spec, **options)
    return SandboxHandle(sandbox, host)


def serve(
    shops: Sequence[tuple[ShopSpec, dict[str, Any]]],
    host: str,
    port: int,
    log_level: str,
    ready: Path | None,
    *,
    client_secret: str | None = None,
    subscribe: str | None = None,
) -> None:
    """Run a sandbox until it is told to stop.

    Args:
        shops: what it starts with, and each shop's options.
        host: address to listen on.
        port: port to listen on.
        log_level: see `Sandbox`.
        ready: file to write the shops' domains, tokens and base URLs to, as JSON, before requests are taken.
        client_secret: the app's secret, where it is not the one that every sandbox begins with.
        subscribe: address that is subscribed to every topic of every shop.
    """
    sandbox = Sandbox(log_level)
    if client_secret:
        sandbox.credentials.client_secret = client_secret
    for spec, options in shops:
        runtime = sandbox.add(spec, **options)
        for topic in TOPICS if subscribe else ():
            runtime.subscriptions.add(topic, str(subscribe))
    if ready is not None:
        listed = [
            {"shop": d, "token": r.token, "base_url": f"http://{host}:{port}/{{shop}}"}
            for d, r in sandbox.shops.items()
        ]
        ready.write_bytes(orjson.dumps(listed, option=orjson.OPT_INDENT_2))
        ready.chmod(0o600)
    uvicorn.Server(configuration(sandbox.app(), host, port)).run()
