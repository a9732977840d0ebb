"""Shopify's answers about tokens: what was granted, and what a refusal means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import httpx
import orjson

from neanelu.db.errors import ENVIRONMENT, NeaneluError, NeedsAuthorization
from neanelu.settings import Settings

#: Lifetime of an access token where Shopify's answer to a refresh does not say: it expired before, so it does again.
DEFAULT_LIFETIME: Final = timedelta(hours=1)
#: Errors that are about the app and not about the token that it showed.
_ABOUT_THE_APP: Final = frozenset({"invalid_client", "unauthorized_client", "application_cannot_be_found"})
_ABOUT_THE_TOKEN: Final = frozenset({"invalid_grant", "invalid_request", "access_denied"})
_WRITES: Final = ("unauthenticated_write_", "write_")


class TokenUnavailable(NeaneluError):
    """Shopify gave no token just now; the next try may bring one.

    Attributes:
        is_answered: Shopify's answer says that it did nothing, so that a refresh token shown is still good.
    """

    default_code = "NH008"
    exit_code = ENVIRONMENT
    retryable = True

    def __init__(self, message: str, *, is_answered: bool) -> None:
        super().__init__(message)
        self.is_answered = is_answered


class AppRefused(NeaneluError):
    """Shopify does not know the app by its client id and secret, or they are not set."""

    default_code = "NH009"
    exit_code = ENVIRONMENT


@dataclass(frozen=True, slots=True)
class Grant:
    """What Shopify granted.

    Attributes:
        access_token: for the Admin API.
        scopes: what it may do.
        expires_in: lifetime of the access token, None when it does not expire.
        refresh_token: good once, for the next pair; None when the access token does not expire.
        refresh_expires_in: lifetime of the refresh token, None when unknown.
    """

    access_token: str = field(repr=False)
    scopes: list[str]
    expires_in: timedelta | None
    refresh_token: str | None = field(repr=False)
    refresh_expires_in: timedelta | None

    def lacks(self, wanted: str) -> list[str]:
        """Return those of the wanted scopes (by commas) that were not granted; write_x includes read_x."""
        granted = set(self.scopes)
        for scope in self.scopes:
            for write in _WRITES:
                if scope.startswith(write):
                    granted.add(write.replace("write_", "read_") + scope.removeprefix(write))
        return sorted({scope.strip() for scope in wanted.split(",") if scope.strip()} - granted)


def client_of(settings: Settings) -> dict[str, str]:
    """Return the app's id and secret as a token request has them; raises AppRefused when they are not set."""
    if not settings.shopify_client_id or settings.shopify_client_secret is None:
        raise AppRefused(
            "the app's client id or secret is not set",
            hint="NEANELU_SHOPIFY_CLIENT_ID and NEANELU_SHOPIFY_CLIENT_SECRET, from the app's settings at Shopify.",
        )
    return {
        "client_id": settings.shopify_client_id,
        "client_secret": settings.shopify_client_secret.get_secret_value(),
    }


def token_url(settings: Settings, shop: str) -> str:
    """Return where a shop answers token requests."""
    return f"{settings.shopify_base_url.format(shop=shop).rstrip('/')}/admin/oauth/access_token"


def code_request(settings: Settings, code: str) -> dict[str, str]:
    """Return the body that exchanges an authorisation code for a token that expires."""
    return {**client_of(settings), "code": code, "expiring": "1"}


def refresh_request(settings: Settings, refresh_token: str) -> dict[str, str]:
    """Return the body that exchanges a refresh token for the next pair."""
    return {**client_of(settings), "grant_type": "refresh_token", "refresh_token": refresh_token}


def transport_error(error: httpx.TransportError) -> TokenUnavailable:
    """Return the error for a request that got no answer; whether it was received is known only if it never left."""
    never_left = isinstance(
        error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol
    )
    return TokenUnavailable(
        f"no answer from Shopify about a token ({type(error).__name__})", is_answered=never_left
    )


def read_grant(response: httpx.Response) -> Grant:
    """Return what an answer grants. No exception repeats anything of the body but a known error's name.

    Raises:
        NeedsAuthorization: the code or the refresh token is not taken.
        AppRefused: the client id or secret is not.
        TokenUnavailable: neither; is_answered says whether what was shown may have been used up.
    """
    body = _object(response)
    status = response.status_code
    if status == 200:
        return _granted(body)
    error = str(body.get("error") or "")
    if error in _ABOUT_THE_APP:
        raise AppRefused(f"Shopify does not accept the app's client id and secret ({error})")
    if status in (400, 401, 403) and error in _ABOUT_THE_TOKEN:
        raise NeedsAuthorization(f"Shopify does not take it ({error}, HTTP {status})")
    # A server that broke down may have done its work before; what is below 500 was decided.
    raise TokenUnavailable(
        f"Shopify answered a token request with HTTP {status}", is_answered=400 <= status < 500
    )


def _object(response: httpx.Response) -> dict[str, Any]:
    """Return the body as an object, an empty one when it is none."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _granted(body: dict[str, Any]) -> Grant:
    access, refresh = body.get("access_token"), body.get("refresh_token")
    if not _is_token(access) or not (refresh is None or _is_token(refresh)):
        raise TokenUnavailable("Shopify's answer has no token", is_answered=False)
    expires = _seconds(body.get("expires_in"))
    return Grant(
        access_token=str(access),
        scopes=[scope for scope in str(body.get("scope") or "").split(",") if scope],
        # A token that comes with a refresh token expires, whether the answer says when or not.
        expires_in=expires or (DEFAULT_LIFETIME if refresh else None),
        refresh_token=refresh,
        refresh_expires_in=_seconds(body.get("refresh_token_expires_in")),
    )


def _is_token(value: object) -> bool:
    """Say whether a value can be a token: one word of plain text."""
    return isinstance(value, str) and re.fullmatch(r"[!-~]{8,4096}", value) is not None


def _seconds(value: object) -> timedelta | None:
    """Return a lifetime, None when there is none that makes sense."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 10_000_000_000:
        return None
    return timedelta(seconds=float(value))
