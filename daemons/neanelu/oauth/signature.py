"""What Shopify signs when it sends a browser to us: the query, with the app's client secret."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlencode

#: Seconds that a signed query may be older or younger than our clock.
WINDOW: Final = 90
#: Longest query that is looked at.
_MAX_QUERY: Final = 4096
_SHOP: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.myshopify\.com")
_HMAC: Final = re.compile(r"[0-9a-f]{64}")
_UNSIGNED: Final = ("hmac", "signature")


class Rejected(Exception):
    """A query that is not to be believed.

    Attributes:
        status: HTTP status of the answer.
        reason: one word, for the log and the answer; says nothing of secrets.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def shop_of(query: Mapping[str, str]) -> str:
    """Return the query's shop, a permanent domain and nothing but.

    Raises:
        Rejected: it is missing or no domain of a Shopify shop.
    """
    shop = query.get("shop", "")
    if not _SHOP.fullmatch(shop):
        raise Rejected(400, "bad_shop")
    return shop


def parse_query(raw: str) -> dict[str, str]:
    """Return the parameters of a query string.

    Raises:
        Rejected: it is too long, not UTF-8, or names a parameter twice (which of them was signed?).
    """
    if len(raw) > _MAX_QUERY:
        raise Rejected(414, "too_long")
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:  # UnicodeDecodeError is one
        raise Rejected(400, "bad_query") from None
    query = dict(pairs)
    if len(query) != len(pairs):
        raise Rejected(400, "bad_query")
    return query


def messages(query: Mapping[str, str]) -> tuple[str, str]:
    """Return the two texts that Shopify's own libraries sign for a query: values as they are, and encoded.

    They are one and the same for what Shopify sends today, letters, digits, `-`, `_`, `.`.
    """
    pairs = sorted((k, v) for k, v in query.items() if k not in _UNSIGNED)
    plain = "&".join(f"{_escape(k).replace('=', '%3D')}={_escape(v)}" for k, v in pairs)
    return plain, urlencode(pairs)


def _escape(text: str) -> str:
    """Return a text in which `&` and `%` cannot be taken for the query's own."""
    return text.replace("%", "%25").replace("&", "%26")


def sign(query: Mapping[str, str], secret: str) -> str:
    """Return Shopify's `hmac` for a query: HMAC-SHA256, hexadecimal."""
    return _digest(messages(query)[0], secret)


def _digest(message: str, secret: str) -> str:
    return hmac.digest(secret.encode(), message.encode(), "sha256").hex()


def verify(query: Mapping[str, str], secrets: Sequence[str], now: float) -> None:
    """Believe a query or not.

    Every secret and both texts are compared, in constant time, whichever fits.

    Args:
        query: with `hmac` and `timestamp`.
        secrets: the app's client secret, and the one before while it is being rotated.
        now: POSIX time.

    Raises:
        Rejected: the signature is missing or wrong, or the query is from another time.
    """
    given = query.get("hmac", "")
    well_formed = _HMAC.fullmatch(given) is not None
    fits = False
    for secret in secrets:
        for message in messages(query):
            fits |= hmac.compare_digest(_digest(message, secret).encode(), given.encode())
    if not (fits and well_formed):
        raise Rejected(401, "bad_signature")
    timestamp = query.get("timestamp", "")
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(now - int(timestamp)) > WINDOW:
        raise Rejected(401, "bad_timestamp")
