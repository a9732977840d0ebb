"""Figures of the receiver. With several processes they lie in files that each process adds up when it is asked."""

from __future__ import annotations

import os
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from neanelu.observe.metrics import new_registry
from neanelu.webhooks.signature import Signer

#: Where the processes of one receiver keep their figures; set by the command.
DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"
_TIMES: Final = (0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 250, 500, 1000)


class Metrics:
    """What the receiver counts."""

    def __init__(self) -> None:
        self._own = CollectorRegistry() if DIRECTORY in os.environ else new_registry()
        self._answers = Counter(
            "neanelu_webhooks_deliveries",
            "Deliveries by what became of them: stored, duplicate, the reasons of refusals, or of 4xx and 503",
            ["outcome"],
            registry=self._own,
        )
        self._verified = Counter(
            "neanelu_webhooks_verified",
            "Deliveries with a right signature, by the secret that made it: current, previous, shop",
            ["secret"],
            registry=self._own,
        )
        self._seconds = Histogram(
            "neanelu_webhooks_seconds",
            "From a delivery's first byte to its answer, seconds",
            buckets=_TIMES,
            registry=self._own,
        )
        self._batches = Histogram(
            "neanelu_webhooks_batch",
            "Deliveries that shared a transaction",
            buckets=_SIZES,
            registry=self._own,
        )
        self._errors = Counter(
            "neanelu_webhooks_database_errors",
            "Batches that were not stored at the first try: unavailable, refused",
            ["kind"],
            registry=self._own,
        )
        self.waiting = Gauge(
            "neanelu_webhooks_waiting",
            "Deliveries that wait for the database",
            multiprocess_mode="livesum",
            registry=self._own,
        )
        self._by_outcome: dict[str, Counter] = {}
        self._by_signer: dict[str, Counter] = {}

    @property
    def registry(self) -> CollectorRegistry:
        """What is exposed: of all processes where there are several."""
        if DIRECTORY not in os.environ:
            return self._own
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return together

    def answered(self, outcome: str, seconds: float) -> None:
        """Count an answer."""
        child = self._by_outcome.get(outcome)
        if child is None:
            child = self._by_outcome[outcome] = self._answers.labels(outcome)
        child.inc()
        self._seconds.observe(seconds)

    def verified(self, signer: Signer) -> None:
        """Count a right signature."""
        child = self._by_signer.get(signer)
        if child is None:
            child = self._by_signer[signer] = self._verified.labels(signer)
        child.inc()

    def batch(self, size: int) -> None:
        """Count a transaction."""
        self._batches.observe(size)

    def error(self, kind: str) -> None:
        """Count a batch that has to be tried again."""
        self._errors.labels(kind).inc()
