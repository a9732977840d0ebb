"""One delivery: what its headers say, checked for form only. Headers are not signed; the database judges them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

TOPIC: Final = b"x-shopify-topic"
SIGNATURE: Final = b"x-shopify-hmac-sha256"
DOMAIN: Final = b"x-shopify-shop-domain"
API_VERSION: Final = b"x-shopify-api-version"
WEBHOOK_ID: Final = b"x-shopify-webhook-id"
EVENT_ID: Final = b"x-shopify-event-id"
TRIGGERED_AT: Final = b"x-shopify-triggered-at"
_WANTED: Final = frozenset({TOPIC, SIGNATURE, DOMAIN, API_VERSION, WEBHOOK_ID, EVENT_ID, TRIGGERED_AT})

_IS_TOPIC: Final = re.compile(r"[a-z0-9_]+/[a-z0-9_]+")
_IS_DOMAIN: Final = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
_IS_ID: Final = re.compile(r"[!-~]{1,100}")
_IS_VERSION: Final = re.compile(r"[a-z0-9-]{1,20}")
_LONGEST: Final = 100


class BadHeader(ValueError):
    """A header is missing, there twice, or not of its form; the text says which."""


@dataclass(slots=True, eq=False)
class Delivery:
    """A delivery on its way into the database.

    Attributes:
        domain: X-Shopify-Shop-Domain in lower case.
        topic: X-Shopify-Topic.
        webhook_id: X-Shopify-Webhook-Id, one a delivery.
        event_id: X-Shopify-Event-Id, or None.
        api_version: X-Shopify-API-Version, or None.
        triggered_at: X-Shopify-Triggered-At as it came, or None.
        body: raw.
        digest: SHA-256 of the body.
        arrived: event loop's time at the request's first byte.
        deadline: event loop's time until which the sender waits.
        problem: why the body cannot be JSON, or None while it may be.
        outcome: becomes what the database says.
    """

    domain: str
    topic: str
    webhook_id: str
    event_id: str | None
    api_version: str | None
    triggered_at: str | None
    body: bytes
    digest: bytes
    arrived: float
    deadline: float
    problem: str | None
    outcome: asyncio.Future[str]


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return Shopify's headers by their lower-case names; of one that came twice, neither value: b""."""
    found: dict[bytes, bytes] = {}
    for name, value in raw:
        if name in _WANTED:
            found[name] = b"" if name in found else value
    return found


def delivery_of(
    headers: dict[bytes, bytes],
    body: bytes,
    arrived: float,
    deadline: float,
    outcome: asyncio.Future[str],
) -> Delivery:
    """Return the delivery that headers and body make.

    Raises:
        BadHeader: topic, domain or id are missing, or a header has not its form.
    """
    return Delivery(
        domain=_value(headers, DOMAIN, _IS_DOMAIN, lower=True),
        topic=_value(headers, TOPIC, _IS_TOPIC),
        webhook_id=_value(headers, WEBHOOK_ID, _IS_ID),
        event_id=_value(headers, EVENT_ID, _IS_ID) if EVENT_ID in headers else None,
        api_version=_value(headers, API_VERSION, _IS_VERSION) if API_VERSION in headers else None,
        triggered_at=_instant(headers.get(TRIGGERED_AT)),
        body=body,
        digest=sha256(body).digest(),
        arrived=arrived,
        deadline=deadline,
        problem=text_problem(body),
        outcome=outcome,
    )


def text_problem(body: bytes) -> str | None:
    """Return why a body cannot be sent to the database as text, or None when it can."""
    if not body:
        return "it is empty"
    if 0 in body:
        return "it holds a NUL byte"
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"it is not UTF-8 at byte {error.start}"
    return None


def _value(headers: dict[bytes, bytes], name: bytes, form: re.Pattern[str], *, lower: bool = False) -> str:
    """Return a header's value; raises BadHeader when it is missing or has not its form."""
    text = headers.get(name, b"").decode("latin-1")
    if lower:
        text = text.lower()
    if len(text) > _LONGEST or not form.fullmatch(text):
        raise BadHeader(f"{name.decode()} is missing, or not of its form")
    return text


def _instant(value: bytes | None) -> str | None:
    """Return a moment as PostgreSQL reads it, or None when it is none: nothing depends on it."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value.decode("ascii"))
    except ValueError:
        return None
    return moment.isoformat() if moment.tzinfo is not None and moment.year > 2000 else None
