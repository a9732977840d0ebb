"""Faults that the sandbox shows on demand, each a number of times."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

FaultName = Literal[
    "cut",
    "reset",
    "slow",
    "503",
    "changed_file",
    "expired_url",
    "wrong_count",
    "partial",
    "failed",
    "expired",
    "canceled",
    "stuck_created",
    "throttle",
    "in_progress",
    "429",
    "oauth_denied",
    "oauth_lost",
]

#: What each fault does, for the help text and the documentation.
FAULTS: dict[str, str] = {
    "cut": "the download ends after `after_bytes` bytes with the connection closed",
    "reset": "the same, with the connection reset",
    "slow": "the download runs at `rate` bytes a second",
    "503": "requests (`where`: file, graphql or oauth) are answered 503",
    "changed_file": "from the second download request on the file is another one, with another ETag",
    "expired_url": "the URL is answered 403 from now on; asking the operation again gives a new one",
    "wrong_count": "objectCount is off by `delta`",
    "partial": "the operation ends FAILED with a partialDataUrl",
    "failed": "the operation ends FAILED with `error_code` and no data",
    "expired": "the operation ends EXPIRED",
    "canceled": "the operation ends CANCELED, completedAt null, a url present",
    "stuck_created": "the operation stays CREATED for `times` polls",
    "throttle": "requests are answered THROTTLED",
    "in_progress": "bulkOperationRunQuery answers OPERATION_IN_PROGRESS",
    "429": "GraphQL requests are answered 429 with `Retry-After: 4.0`",
    "oauth_denied": "the merchant does not agree: the callback brings error=access_denied",
    "oauth_lost": "the connection is reset after a token was given out (and rotated), before the answer",
}
assert set(FAULTS) == set(get_args(FaultName))


@dataclass(slots=True)
class Fault:
    """One fault that waits to be shown.

    Attributes:
        fault: which one.
        shop: domain of the shop it concerns; None for every shop.
        root: root field of the bulk query it concerns (`products`, `inventoryItems`, …); None for every one.
        times: how often it is shown before it is used up.
        after_bytes: for `cut` and `reset`: bytes sent before, counted from the start of each answer.
        rate: for `slow`: bytes a second.
        delta: for `wrong_count`: added to objectCount.
        error_code: for `failed` and `partial`.
        where: for `503`: `file`, `graphql` or `oauth`.
    """

    fault: FaultName
    shop: str | None = None
    root: str | None = None
    times: int = 1
    after_bytes: int = 10_000
    rate: int = 100_000
    delta: int = 1
    error_code: str = "INTERNAL_SERVER_ERROR"
    where: str = "file"

    def __post_init__(self) -> None:
        """Refuse a name that is no fault (ValueError)."""
        if self.fault not in FAULTS:
            raise ValueError(f"no such fault: {self.fault}; one of {', '.join(FAULTS)}")

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes as a dictionary."""
        return asdict(self)


class FaultBook:
    """The faults that wait, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[Fault]:
        """Return the faults that are not used up."""
        with self._lock:
            return list(self._waiting)

    def take(
        self, name: FaultName, shop: str, root: str | None = None, where: str | None = None
    ) -> Fault | None:
        """Use one showing of a fault up.

        Args:
            name: which fault.
            shop: the shop that the request is for.
            root: root field of the operation concerned, if there is one.
            where: only faults with this `where`.

        Returns:
            The fault, or None when none waits.
        """
        with self._lock:
            for fault in self._waiting:
                if fault.fault != name or fault.shop not in (None, shop):
                    continue
                if fault.root is not None and fault.root != root:
                    continue
                if where is not None and fault.where != where:
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None
