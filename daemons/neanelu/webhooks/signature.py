"""Who may have signed a delivery: the app's secret, the one before it, or a shop's own."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from neanelu.db.errors import NeaneluError
from neanelu.secrets import KeyRing, Sealed, webhook_secret_place
from neanelu.settings import Settings

Signer = Literal["current", "previous", "shop"]
_NOBODY: Final = b"-"


def sign(secret: bytes, body: bytes) -> bytes:
    """Return what X-Shopify-Hmac-Sha256 says of a body: base64 of its HMAC-SHA256."""
    return base64.b64encode(hmac.digest(secret, body, "sha256"))


class Secrets:
    """The secrets that deliveries may be signed with.

    A shop with a secret of its own is believed by that one only: another app's deliveries must not pass as its.

    Args:
        current: the app's client secret, or None.
        previous: the one before its rotation, or None.
        own: by the shop's domain in lower case.
    """

    __slots__ = ("_app", "_own")

    def __init__(
        self, current: bytes | None, previous: bytes | None = None, own: Mapping[str, bytes] | None = None
    ) -> None:
        self._app: list[tuple[Signer, bytes]] = []
        if current:
            self._app.append(("current", current))
        if previous:
            self._app.append(("previous", previous))
        self._own = dict(own or {})

    @classmethod
    def of(cls, settings: Settings, own: Mapping[str, bytes] | None = None) -> Secrets:
        """Return the secrets of the settings, and those of shops."""
        secrets = (settings.shopify_client_secret, settings.shopify_client_secret_previous)
        current, previous = (secret.get_secret_value().encode() if secret else None for secret in secrets)
        return cls(current, previous, own)

    def __repr__(self) -> str:
        """Return how many there are; never a secret."""
        return f"Secrets(app={len(self._app)}, shops={len(self._own)})"

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be verified."""
        return not self._app and not self._own

    def signer(self, domain: str, body: bytes, given: bytes) -> Signer | None:
        """Return whose secret made the signature, or None when nobody's did.

        Each candidate is compared in constant time; every candidate is tried, whichever fits.

        Args:
            domain: the shop's, in lower case.
            body: the raw body.
            given: the header's value.
        """
        own = self._own.get(domain)
        candidates: Sequence[tuple[Signer, bytes]] = [("shop", own)] if own else self._app
        found: Signer | None = None
        for name, secret in candidates:
            if hmac.compare_digest(sign(secret, body), given) and found is None:
                found = name
        if not candidates:
            hmac.compare_digest(sign(_NOBODY, body), given)
        return found


def open_own(rows: Sequence[Mapping[str, Any]], ring: KeyRing) -> tuple[dict[str, bytes], list[str]]:
    """Return the shops' own secrets by domain, and the domains whose secret does not open.

    Args:
        rows: answer of webhooks.own_secrets().
        ring: keys that they were sealed with.
    """
    opened: dict[str, bytes] = {}
    failed: list[str] = []
    for row in rows:
        try:
            opened[row["domain"]] = ring.open(
                Sealed.unpack(row["sealed"]), webhook_secret_place(row["shop_id"])
            )
        except NeaneluError:
            failed.append(row["domain"])
    return opened, failed
