"""The sandbox's OAuth: an app's credentials, codes, access tokens that expire and refresh tokens that rotate.

Endpoints, under a shop's base URL (`http://127.0.0.1:PORT/{shop}`):

- `GET /admin/oauth/authorize?client_id&scope&redirect_uri&state`: the merchant agrees at once; 302 to `redirect_uri` with
  code, hmac (hex, over the sorted query), host, shop, state and timestamp. The fault `oauth_denied` sends
  `error=access_denied` instead of a code.
- `POST /admin/oauth/access_token` (JSON or a form): `client_id`, `client_secret` and either `code` (with `expiring=1` for a
  token that expires) or `grant_type=refresh_token` and `refresh_token`, which is good once. Refused: 400 `invalid_request` or
  `invalid_grant`, 401 `invalid_client`. The fault `oauth_lost` resets the connection after the token was rotated, before the
  answer.
- `DELETE /admin/api_permissions/current.json` with an access token: the app removes itself.

Control: `GET|POST /_sandbox/app` (`client_id`; `client_secret`, the one before becoming `previous_secret`; `scopes`;
`redirect_uris`; `privacy_uri`),
`POST /_sandbox/clock` with `{"advance": seconds}`: tokens, codes and what live shops note as the time go by
that clock. In Python: `handle.sandbox.credentials` (an `App`), `handle.sandbox.clock`, `handle.runtime(shop).grants`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

#: Seconds for which an access token that expires is good, and the refresh token given with it.
ACCESS_SECONDS = 3600
REFRESH_SECONDS = 7_776_000
#: Seconds for which a code may be exchanged.
CODE_SECONDS = 60

DEFAULT_SCOPES = (
    "read_products,read_inventory,read_locations,read_customers,read_orders,read_publications,"
    "read_metaobjects,read_online_store_navigation"
)


class Clock:
    """The sandbox's time, which tests can move forward."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        """Return the POSIX time."""
        return time.time() + self.offset

    def advance(self, seconds: float) -> float:
        """Move the time on and return it."""
        self.offset += seconds
        return self.now()


@dataclass(slots=True)
class App:
    """The one app that is installed in the sandbox's shops.

    Attributes:
        client_id: public name of the app.
        client_secret: signs webhooks and callbacks, and is asked for with codes and refresh tokens.
        previous_secret: the one before its rotation; still accepted from the app.
        scopes: what a shop grants when the app asks for nothing in particular.
        redirect_uris: where a browser may be sent to; None for anywhere.
        privacy_uri: where the privacy topics are posted; None for the address that webhooks went to last.
        version: of the API, for deliveries without a subscription.
        last_uri: the address that webhooks went to last.
    """

    client_id: str = "neanelu-sandbox"
    client_secret: str = "sandbox-client-secret"  # noqa: S105
    previous_secret: str | None = None
    scopes: str = DEFAULT_SCOPES
    redirect_uris: tuple[str, ...] | None = None
    privacy_uri: str | None = None
    version: str = "2026-10"
    last_uri: str | None = None

    def rotate(self, secret: str) -> None:
        """Take a new secret; the one before signs on demand for a while."""
        self.previous_secret, self.client_secret = self.client_secret, secret

    def change(self, values: dict[str, Any]) -> None:
        """Set attributes by name; a new `client_secret` rotates it (TypeError for a name that is none)."""
        for name, value in values.items():
            if name not in self.__slots__:
                raise TypeError(f"an app has no {name}")
            if name == "client_secret" and value != self.client_secret:
                self.rotate(value)
            elif name != "client_secret":
                setattr(self, name, tuple(value) if isinstance(value, list) else value)

    def sign_query(self, query: dict[str, str]) -> dict[str, str]:
        """Return a query with Shopify's `hmac`: hex HMAC-SHA256 over the sorted parameters."""
        unsigned = {k: v for k, v in query.items() if k not in ("hmac", "signature")}
        message = "&".join(f"{k}={v}" for k, v in sorted(unsigned.items()))
        digest = hmac.new(self.client_secret.encode(), message.encode(), "sha256").hexdigest()
        return {**unsigned, "hmac": digest}

    def knows(self, secret: str) -> bool:
        """Say whether a client secret is the app's, current or previous."""
        known = [self.client_secret, *([self.previous_secret] if self.previous_secret else [])]
        return any(hmac.compare_digest(secret.encode(), one.encode()) for one in known)


class Refused(Exception):
    """A token request that is turned down.

    Attributes:
        status: of the answer.
        error: code of RFC 6749.
    """

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error

    def body(self) -> dict[str, str]:
        """Return the answer's body."""
        return {"error": self.error, "error_description": str(self)}


@dataclass(slots=True)
class _Code:
    scope: str
    expires: float


@dataclass(slots=True)
class Grants:
    """What one shop has granted the app: codes, access tokens, refresh tokens.

    Attributes:
        permanent: the token that the shop was made with; never expires; None after an uninstall.
        access: access tokens and when they expire (None: never).
        refresh: refresh tokens that were not used, with expiry and scope.
        spent: how many refresh tokens were used.
    """

    domain: str
    app: App
    clock: Clock
    permanent: str | None
    access: dict[str, float | None] = field(default_factory=dict)
    refresh: dict[str, tuple[float, str]] = field(default_factory=dict)
    spent: int = 0
    access_seconds: int = ACCESS_SECONDS
    refresh_seconds: int = REFRESH_SECONDS
    installed: bool = True
    _codes: dict[str, _Code] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admits(self, token: str | None) -> bool:
        """Say whether an access token is good now."""
        if token is None:
            return False
        if self.permanent is not None and hmac.compare_digest(token.encode(), self.permanent.encode()):
            return True
        expires = self.access.get(token, 0.0)
        return expires is None or self.clock.now() < expires

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser is sent after the merchant agreed.

        Raises:
            Refused: the app or the address is not known.
        """
        if query.get("client_id") != self.app.client_id:
            raise Refused(400, "invalid_request", "Could not find Shopify API application")
        address = query.get("redirect_uri", "")
        allowed = self.app.redirect_uris
        if not urlsplit(address).scheme or (allowed is not None and address not in allowed):
            raise Refused(400, "invalid_request", "The redirect_uri is not whitelisted")
        code = secrets.token_hex(16)
        with self._lock:
            scope = query.get("scope") or self.app.scopes
            self._codes[code] = _Code(scope, self.clock.now() + CODE_SECONDS)
        return self.callback(address, {"code": code}, query.get("state"))

    def callback(self, address: str, values: dict[str, str], state: str | None) -> str:
        """Return an address with the signed query of a callback."""
        name = self.domain.split(".")[0]
        host = base64.b64encode(f"admin.shopify.com/store/{name}".encode()).decode().rstrip("=")
        given = {**values, "host": host, "shop": self.domain, "timestamp": str(int(self.clock.now()))}
        if state is not None:
            given["state"] = state
        return f"{address}{'&' if '?' in address else '?'}{urlencode(self.app.sign_query(given))}"

    def exchange(self, values: dict[str, str]) -> dict[str, Any]:
        """Answer a token request.

        Raises:
            Refused: a wrong client, code or refresh token.
        """
        if values.get("client_id") != self.app.client_id or not self.app.knows(
            values.get("client_secret", "")
        ):
            raise Refused(401, "invalid_client", "Client authentication failed")
        with self._lock:
            if values.get("grant_type") == "refresh_token":
                return self._refreshed(values.get("refresh_token", ""))
            code = self._codes.pop(values.get("code", ""), None)
            if code is None or code.expires <= self.clock.now():
                message = "The authorization code was not found or was already used"
                raise Refused(400, "invalid_request", message)
            self.installed = True
            return self._issue(code.scope, expiring=values.get("expiring") == "1")

    def _refreshed(self, token: str) -> dict[str, Any]:
        """Turn a refresh token in for a new pair; it is good once."""
        expires, scope = self.refresh.pop(token, (0.0, ""))
        if expires <= self.clock.now():
            raise Refused(400, "invalid_grant", "The refresh token is invalid, expired or was used already")
        self.spent += 1
        return self._issue(scope, expiring=True)

    def _issue(self, scope: str, *, expiring: bool) -> dict[str, Any]:
        token = f"shpat_{secrets.token_hex(16)}"
        if not expiring:
            self.access[token] = None
            return {"access_token": token, "scope": scope}
        now = self.clock.now()
        refresh = f"shprt_{secrets.token_hex(16)}"
        self.access[token] = now + self.access_seconds
        self.refresh[refresh] = (now + self.refresh_seconds, scope)
        return {
            "access_token": token,
            "scope": scope,
            "expires_in": self.access_seconds,
            "refresh_token": refresh,
            "refresh_token_expires_in": self.refresh_seconds,
        }

    def revoke(self) -> None:
        """Take everything back, as an uninstall does."""
        with self._lock:
            self.permanent = None
            self.installed = False
            self.access.clear()
            self.refresh.clear()
            self._codes.clear()

    def describe(self) -> dict[str, Any]:
        """Return how many tokens there are; no token itself."""
        now = self.clock.now()
        return {
            "installed": self.installed,
            "access_tokens": sum(1 for e in self.access.values() if e is None or e > now),
            "refresh_tokens": sum(1 for e, _ in self.refresh.values() if e > now),
            "refreshes": self.spent,
        }


def permanent_token(domain: str, seed: int) -> str:
    """Return the token that a shop is made with; it follows from domain and seed."""
    return f"shpat_{hashlib.sha256(f'{domain}/{seed}'.encode()).hexdigest()[:32]}"


def parameters(body: bytes, content_type: str) -> dict[str, str]:
    """Return the fields of a token request, a JSON object or a form.

    Raises:
        Refused: it is neither.
    """
    if not content_type.startswith("application/json"):
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Refused(400, "invalid_request", "The body is not a JSON object")
    return {k: str(v) for k, v in found.items() if v is not None}
