"""The shop's budget of API points, as all daemons share it: granted before a request is sent, settled by its answer.

The bucket stands in PostgreSQL (functions of schema `budget`); here is only the waiting.
"""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from neanelu.db import sql
from neanelu.shopify.errors import ShopifyThrottled

#: Points to ask for while nobody knows what a document costs. Shopify's plans admit 1000 for one query.
UNKNOWN_COST: Final = 50
_OPERATION: Final = re.compile(r"\s*(query|mutation|subscription)\s+(\w+)")


class Call(Protocol):
    """Runs one statement as a transaction of its own and returns its rows."""

    def __call__(self, statement: str, **values: Any) -> Sequence[dict[str, Any]]:
        """Return the rows of `statement`."""


@lru_cache(maxsize=1024)
def describe(document: str) -> tuple[str, str]:
    """Return (operation and name, SHA-256 in hex) of a GraphQL document."""
    found = _OPERATION.match(document)
    name = f"{found[1]} {found[2]}" if found else "query"
    return name, hashlib.sha256(document.encode()).hexdigest()


@dataclass(slots=True)
class Grant:
    """Points that were granted for one request, until its answer settles them."""

    request_id: UUID
    operation: str
    query_hash: str
    cost: Decimal
    requested_at: datetime
    started: float


class Budget:
    """Draws one shop's requests from its bucket.

    Args:
        call: runs one statement in a transaction of its own; the bucket is locked until its commit.
        shop_id: the shop.
        interactive: somebody waits for the answer, so the reserve may be used too.
        max_wait: seconds that one request may wait in all.
        sleep: waits a number of seconds, or raises when the daemon must stop.
    """

    def __init__(
        self,
        call: Call,
        shop_id: UUID,
        *,
        interactive: bool = False,
        max_wait: float = 300.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._call = call
        self._shop_id = shop_id
        self._interactive = interactive
        self._max_wait = max_wait
        self._sleep = sleep

    def acquire(self, document: str) -> Grant:
        """Wait until the document's cost is granted.

        Raises:
            ShopifyThrottled: not within `max_wait`.
            CostTooHigh: the document costs more than the bucket holds.
            NeaneluError: what else the database says.
        """
        operation, query_hash = describe(document)
        waited = 0.0
        while True:
            row = self._call(
                sql.ACQUIRE_BUDGET,
                shop_id=self._shop_id,
                cost=UNKNOWN_COST,
                query_hash=query_hash,
                interactive=self._interactive,
            )[0]
            if row["granted"]:
                return Grant(uuid4(), operation, query_hash, row["cost"], datetime.now(UTC), time.monotonic())
            # Those who wait for the same bucket must not come back together.
            pause = row["wait"].total_seconds() * (1 + random.random() / 4) + 0.01  # noqa: S311
            waited += pause
            if waited > self._max_wait:
                raise ShopifyThrottled(f"the shop's API budget stayed empty for {waited - pause:.0f} s")
            self._sleep(pause)

    def settle(
        self,
        grant: Grant,
        cost: dict[str, Any] | None,
        throttle: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Book an answer.

        Args:
            grant: what `acquire` gave.
            cost: the answer's `extensions.cost`, if it has one.
            throttle: THROTTLED or HTTP_429 when the limit was hit.
            retry_after: seconds that Shopify asks to wait.
        """
        self._call(
            sql.SETTLE_BUDGET,
            request_id=grant.request_id,
            shop_id=self._shop_id,
            operation=grant.operation,
            query_hash=grant.query_hash,
            granted=grant.cost,
            cost=Jsonb(cost) if cost is not None else None,
            throttle=throttle,
            retry_after=timedelta(seconds=retry_after) if retry_after is not None else None,
            requested_at=grant.requested_at,
            response_time_ms=int((time.monotonic() - grant.started) * 1000),
        )
