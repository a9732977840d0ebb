"""HTTP routes of the sandbox beside GraphQL and files: OAuth, and the control of app, clock and live shops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from neanelu.sandbox.connections import break_connection
from neanelu.sandbox.oauth import Refused, parameters

if TYPE_CHECKING:
    from neanelu.sandbox.server import Sandbox


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
