"""A shop's access token, opened, and renewed in time by one refresher a shop.

Shopify takes a refresh token once. So the database is told before Shopify is asked, and who dies between Shopify's
answer and our commit leaves a mark there; nobody else asks while the lease lasts, and a pair that cannot be stored at once is
held on to and offered again, because nothing brings it back.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import httpx
import structlog

from neanelu import __version__
from neanelu.db import sql
from neanelu.db.errors import DatabaseUnavailable, KeyReplaced, NeaneluError, NeedsAuthorization, TryAgain
from neanelu.oauth.grant import (
    AppRefused,
    Grant,
    TokenUnavailable,
    read_grant,
    refresh_request,
    token_url,
    transport_error,
)
from neanelu.secrets import KeyRing, Sealed, refresh_token_place, token_place
from neanelu.settings import Settings

if TYPE_CHECKING:
    from neanelu.shopify.budget import Budget, Call
    from neanelu.shopify.client import ShopifyClient

log = structlog.get_logger(__name__)

#: How long one refresher has a shop for itself, and Shopify may take to answer it.
LEASE: Final = timedelta(seconds=60)
TIMEOUT: Final = httpx.Timeout(20.0, connect=10.0)
#: Seconds for which a pair that the database does not take is offered again.
STORE_SECONDS: Final = 120.0
#: Seconds that a caller without a usable token waits for another refresher.
WAIT_SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """A shop, and the token to ask it with.

    Attributes:
        expires_at: None when the token does not expire.
        pair_id: names the pair that the token belongs to, None when it does not expire.
    """

    shop_id: UUID
    domain: str
    api_version: str
    token: str = field(repr=False)
    expires_at: datetime | None
    pair_id: UUID | None


class TokenSource:
    """One shop's access token.

    Args:
        call: runs one statement as a transaction of its own, as neanelu_sync or neanelu_worker.
        settings: of the process.
        keys: opens and seals tokens.
        shop_id: the shop.
        sleep: waits a number of seconds.
    """

    def __init__(
        self,
        call: Call,
        settings: Settings,
        keys: KeyRing,
        shop_id: UUID,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._call = call
        self._settings = settings
        self._keys = keys
        self._sleep = sleep
        self._last: Credentials | None = None
        self.shop_id = shop_id

    def current(self) -> Credentials:
        """Return credentials that last a while, renewed where they would not.

        Raises:
            NeaneluError: no such shop, uninstalled (NH006), Shopify refused to renew (NH007), no token to be had just
                now (NH008), the token does not open (NK001, NK002).
        """
        found = self._read()
        if found.expires_at is not None and _left(found) < self._settings.token_margin_seconds:
            self.refresh()
            found = self._read()
        return found

    def renew(self, refused: str) -> str:
        """Return another token than the one that Shopify refused, or that one when there is no other.

        Raises:
            NeaneluError: as `current`.
        """
        found = self._read()
        if found.token == refused and found.pair_id is not None:
            log.info("access token refused, renewing it", shop=found.domain)
            self.refresh(refused_pair=found.pair_id)
            found = self._read()
        return found.token

    def refresh(
        self, *, refused_pair: UUID | None = None, insist: bool = False, wait: float = WAIT_SECONDS
    ) -> str:
        """Renew the token if it is due; returns refreshed, fresh, permanent, or busy after having waited long enough.

        Args:
            refused_pair: pair whose access token Shopify refused: due, however long it should last.
            insist: renew it whatever the record says.
            wait: seconds to wait for another refresher; a token that still lasts is used meanwhile.

        Raises:
            NeaneluError: as `current`.
        """
        until = time.monotonic() + wait
        while True:
            begun = self._call(
                sql.BEGIN_RENEWAL,
                shop_id=self.shop_id,
                refresher=f"{socket.gethostname()}/{os.getpid()}",
                lease=LEASE,
                margin=timedelta(seconds=self._settings.token_margin_seconds),
                refused_pair=refused_pair,
                insist=insist,
            )[0]
            outcome: str = begun["outcome"]
            if outcome == "refresh":
                self._ask(begun)
                return "refreshed"
            if outcome != "wait":
                return outcome
            if refused_pair is None and self._last is not None and _left(self._last) > 30.0:
                return "busy"
            if time.monotonic() >= until:
                if wait <= 0:
                    return "busy"
                raise TokenUnavailable(
                    f"the token of shop {self.shop_id} is being renewed, or could not be just now",
                    is_answered=True,
                )
            self._sleep(min(max(begun["wait"].total_seconds(), 0.05), 0.5))

    # --- Parts --------------------------------------------------------------------------------------------
    def _read(self) -> Credentials:
        row = self._call(sql.SHOP_CREDENTIALS, shop_id=self.shop_id)[0]
        sealed = Sealed(row["ciphertext"], row["iv"], row["tag"], row["key_version"])
        token = self._keys.open(sealed, token_place(self.shop_id)).decode()
        self._last = Credentials(
            self.shop_id, row["domain"], row["api_version"], token, row["expires_at"], row["pair_id"]
        )
        return self._last

    def _ask(self, begun: dict[str, Any]) -> None:
        """Show Shopify the refresh token and store the answer; a failure is put on record and raised."""
        try:
            packed = Sealed.unpack(begun["refresh_token"])
            shown = self._keys.open(packed, refresh_token_place(self.shop_id)).decode()
            grant = self._exchange(begun["domain"], shown)
            if grant.refresh_token is None:
                raise TokenUnavailable("Shopify's answer has no refresh token", is_answered=False)
        except NeaneluError as error:
            self._fail(begun, error)
            raise
        self._store(begun, grant)
        log.info(
            "access token renewed",
            shop=begun["domain"],
            after_lost_answer=begun["unanswered_since"] is not None,
        )

    def _exchange(self, domain: str, refresh_token: str) -> Grant:
        body = refresh_request(self._settings, refresh_token)
        try:
            answer = httpx.post(
                token_url(self._settings, domain),
                json=body,
                timeout=TIMEOUT,
                headers={"User-Agent": f"neanelu/{__version__}", "Accept": "application/json"},
                follow_redirects=False,
            )
        except httpx.TransportError as error:
            failed = transport_error(error)
        else:
            return read_grant(answer)
        raise failed  # outside of the handler: the context would hold the request

    def _store(self, begun: dict[str, Any], grant: Grant) -> None:
        """Store the pair, again and again while the database is away: there is no other copy."""
        assert grant.refresh_token is not None
        until = time.monotonic() + STORE_SECONDS
        pause = 0.1
        while True:
            access = self._keys.seal(grant.access_token, token_place(self.shop_id))
            refresh = self._keys.seal(grant.refresh_token, refresh_token_place(self.shop_id))
            try:
                stored = self._call(
                    sql.STORE_TOKENS,
                    shop_id=self.shop_id,
                    pair_id=begun["pair_id"],
                    ciphertext=access.ciphertext,
                    iv=access.iv,
                    tag=access.tag,
                    key_version=access.key_version,
                    refresh_token=refresh.pack(),
                    expires_in=grant.expires_in,
                    refresh_expires_in=grant.refresh_expires_in,
                    scopes=grant.scopes or None,
                )[0]["stored"]
            except (DatabaseUnavailable, TryAgain, KeyReplaced) as error:
                if time.monotonic() + pause > until:
                    log.error(
                        "a renewed token could not be stored and is lost",
                        shop=begun["domain"],
                        code=error.code,
                    )
                    raise
                log.warning("a renewed token is not stored yet", shop=begun["domain"], code=error.code)
                # Not the caller's sleep: who is asked to stop stops when this is done.
                time.sleep(pause)
                pause = min(pause * 2, 5.0)
                if isinstance(error, KeyReplaced):
                    self._keys.refresh()
            else:
                if not stored:
                    log.info("another pair was stored meanwhile", shop=begun["domain"])
                return

    def _fail(self, begun: dict[str, Any], error: NeaneluError) -> None:
        refused = isinstance(error, NeedsAuthorization)
        answered = not isinstance(error, TokenUnavailable) or error.is_answered
        status = self._call(
            sql.FAIL_RENEWAL,
            shop_id=self.shop_id,
            attempt_id=begun["attempt_id"],
            code=error.code,
            message=error.message,
            is_refused=refused,
            is_answered=answered,
        )[0]["status"]
        say = log.error if refused or isinstance(error, AppRefused) else log.warning
        say(
            "access token not renewed",
            shop=begun["domain"],
            status=status,
            code=error.code,
            error=error.message,
        )


def _left(credentials: Credentials) -> float:
    """Return the seconds that a token lasts."""
    if credentials.expires_at is None:
        return float("inf")
    return (credentials.expires_at - datetime.now(UTC)).total_seconds()


def shopify_client(
    source: TokenSource,
    settings: Settings,
    *,
    api_version: str | None = None,
    budget: Budget | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> ShopifyClient:
    """Return a client of the source's shop, with a token that is renewed before it ends and when Shopify refuses it.

    Args:
        source: the shop's token.
        settings: of the process.
        api_version: instead of the shop's.
        budget: the shop's API budget.
        sleep: waits a number of seconds.

    Raises:
        NeaneluError: as `TokenSource.current`.
    """
    from neanelu.shopify.client import ShopifyClient

    found = source.current()
    return ShopifyClient(
        settings.shopify_base_url.format(shop=found.domain),
        api_version or found.api_version,
        found.token,
        renew=source.renew,
        budget=budget,
        sleep=sleep,
    )
