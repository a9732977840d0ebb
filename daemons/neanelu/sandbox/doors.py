"""HTTP routes of the sandbox beside GraphQL and files: OAuth, and the control of app, clock and live shops."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from neanelu.sandbox.connections import break_connection
from neanelu.sandbox.oauth import Refused, parameters
from neanelu.sandbox.shops import ShopRuntime
from neanelu.sandbox.subscriptions import TOPICS
from neanelu.sandbox.traffic import Traffic

if TYPE_CHECKING:
    from neanelu.sandbox.server import Sandbox

Endpoint = Callable[[Request], Awaitable[Response]]
Work = Callable[[ShopRuntime, Any], Awaitable[Any]]


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    return Response(orjson.dumps(body), status, headers, "application/json; charset=utf-8")


class OAuthDoor:
    """OAuth endpoints of all shops; see `neanelu.sandbox.oauth`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/{shop}/admin/oauth/authorize", self._authorize, methods=["GET"]),
            Route("/{shop}/admin/oauth/access_token", self._token, methods=["POST"]),
            Route("/{shop}/admin/api_permissions/current.json", self._remove, methods=["DELETE"]),
            Route("/_sandbox/app", self._app, methods=["GET", "POST"]),
            Route("/_sandbox/clock", self._clock, methods=["GET", "POST"]),
        ]

    async def _authorize(self, request: Request) -> Response:
        runtime = self.sandbox.shops.get(request.path_params["shop"])
        if runtime is None:
            return Response("Not Found", 404)
        query = dict(request.query_params)
        try:
            target = runtime.grants.authorize(query)
        except Refused as error:
            return Response(f"Oauth error {error.error}: {error}", error.status, media_type="text/plain")
        if self.sandbox.faults.take("oauth_denied", runtime.spec.domain):
            denied = {"error": "access_denied"}
            target = runtime.grants.callback(query["redirect_uri"], denied, query.get("state"))
        self.sandbox.log.info("sandbox.oauth.authorized", shop=runtime.spec.domain)
        return RedirectResponse(target, 302)

    async def _token(self, request: Request) -> Response:
        runtime = self.sandbox.shops.get(request.path_params["shop"])
        if runtime is None:
            return answer({"errors": "Not Found"}, 404)
        if self.sandbox.faults.take("503", runtime.spec.domain, where="oauth"):
            return Response("Service Unavailable", 503, {"Retry-After": "1"}, "text/html")
        try:
            values = parameters(await request.body(), request.headers.get("content-type", ""))
            given = runtime.grants.exchange(values)
        except Refused as error:
            self.sandbox.log.info("sandbox.oauth.refused", shop=runtime.spec.domain, error=error.error)
            return answer(error.body(), error.status)
        kind = values.get("grant_type") or "code"
        self.sandbox.log.info("sandbox.oauth.token", shop=runtime.spec.domain, grant=kind)
        if self.sandbox.faults.take("oauth_lost", runtime.spec.domain):
            await break_connection(request, reset=True)
        return answer(given)

    async def _remove(self, request: Request) -> Response:
        runtime = self.sandbox.shops.get(request.path_params["shop"])
        if runtime is None or not runtime.grants.admits(request.headers.get("x-shopify-access-token")):
            return answer({"errors": "[API] Invalid API key or access token"}, 401)
        runtime.uninstall()
        return answer({})

    async def _app(self, request: Request) -> Response:
        app = self.sandbox.credentials
        if request.method == "POST":
            try:
                app.change(orjson.loads(await request.body()))
            except (TypeError, ValueError, AttributeError) as error:
                return answer({"error": str(error)}, 400)
        return answer({"client_id": app.client_id, "client_secret": app.client_secret, "scopes": app.scopes})

    async def _clock(self, request: Request) -> Response:
        clock = self.sandbox.clock
        if request.method == "POST":
            try:
                clock.advance(float(orjson.loads(await request.body())["advance"]))
            except (KeyError, TypeError, ValueError) as error:
                return answer({"error": str(error)}, 400)
        return answer({"now": clock.now(), "offset": clock.offset})


class LiveDoor:
    """Control of live shops and of webhook deliveries; see `neanelu.sandbox.live`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.traffic: dict[str, Traffic] = {}

    def routes(self) -> list[Route]:
        """Return the routes."""
        both = ["GET", "POST"]
        return [
            Route("/_sandbox/shops/{shop}/live", self._guarded(self._live), methods=both),
            Route("/_sandbox/shops/{shop}/essence", self._guarded(self._essence), methods=["GET"]),
            Route("/_sandbox/shops/{shop}/deliveries", self._guarded(self._deliveries), methods=both),
            Route("/_sandbox/shops/{shop}/subscriptions", self._guarded(self._subscriptions), methods=both),
            Route("/_sandbox/shops/{shop}/traffic", self._guarded(self._traffic), methods=both),
        ]

    def _guarded(self, work: Work) -> Endpoint:
        """Return an endpoint that answers 404 for what is not there and 400 for what cannot be done."""

        async def endpoint(request: Request) -> Response:
            runtime = self.sandbox.shops.get(request.path_params["shop"])
            if runtime is None:
                return answer({"error": "no such shop"}, 404)
            try:
                body = orjson.loads(await request.body()) if request.method == "POST" else None
                return answer(await work(runtime, body))
            except KeyError as error:
                return answer({"error": f"not found: {error}"}, 404)
            except (TypeError, ValueError) as error:
                return answer({"error": str(error)}, 400)

        return endpoint

    async def _live(self, runtime: ShopRuntime, body: Any) -> Any:
        if runtime.live is None:
            raise ValueError(f"{runtime.spec.domain} is not live")
        if body is None:
            with runtime.lock:
                return runtime.live.counts()
        results = []
        for one in body if isinstance(body, list) else [body]:
            arguments = dict(one)
            results.append(runtime.act(arguments.pop("do"), arguments))
        return {"result": results if isinstance(body, list) else results[0]}

    async def _essence(self, runtime: ShopRuntime, _body: Any) -> Any:
        if runtime.live is None:
            raise ValueError(f"{runtime.spec.domain} is not live")
        with runtime.lock:
            return runtime.live.essence()

    async def _deliveries(self, runtime: ShopRuntime, body: Any) -> Any:
        if body is not None:
            wishes = dict(body)
            release = wishes.pop("release", None)
            if wishes or release is None:
                runtime.courier.disturb(**wishes)
            if release is not None:
                runtime.courier.release(None if release is True else release)
        return runtime.courier.describe()

    async def _subscriptions(self, runtime: ShopRuntime, body: Any) -> Any:
        if body is not None:
            for topic in body.get("topics") or TOPICS:
                runtime.subscriptions.add(topic, body["uri"])
        return list(runtime.subscriptions.by_id.values())

    async def _traffic(self, runtime: ShopRuntime, body: Any) -> Any:
        domain = runtime.spec.domain
        if body is not None:
            running = self.traffic.get(domain)
            if running is not None and not running.done:
                raise ValueError("traffic runs already")
            self.traffic[domain] = Traffic(runtime, **body)
            self.traffic[domain].start()
        if domain not in self.traffic:
            raise KeyError("no traffic ran")
        return self.traffic[domain].describe()
