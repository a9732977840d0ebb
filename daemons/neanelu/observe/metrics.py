"""Figures for Prometheus: a registry a daemon, and gauges whose values stand in the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = structlog.get_logger(__name__)

#: Buckets of times that should be milliseconds and may become minutes, seconds.
SECONDS: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
)  # fmt: skip


def new_registry() -> CollectorRegistry:
    """Return a registry with the process's own figures: memory, CPU, open files, garbage collections."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class RowsCollector(Collector):
    """Gauges from the rows of a database function, asked for when somebody scrapes, at most every few seconds.

    When the database does not answer, the gauges are left out (a stale figure is worse than none) and `name`_up is 0.

    Args:
        name: what `_up` is called after, for instance `neanelu_queues`.
        fetch: returns the rows; called by one thread at a time; whatever it raises counts as "not up".
        gauges: metric name -> (column of the rows, help).
        labels: label -> column of the rows.
        totals: metric name -> (column, how to add up, help): one figure over all rows, without labels.
        ttl: seconds for which rows are used again.
    """

    def __init__(
        self,
        name: str,
        fetch: Callable[[], Sequence[Mapping[str, Any]]],
        gauges: Mapping[str, tuple[str, str]],
        labels: Mapping[str, str] | None = None,
        totals: Mapping[str, tuple[str, Callable[[Iterable[float]], float], str]] | None = None,
        ttl: float = 2.0,
    ) -> None:
        self._name = name
        self._fetch = fetch
        self._gauges = gauges
        self._labels = dict(labels or {})
        self._totals = totals or {}
        self._ttl = ttl
        self._lock = threading.Lock()
        self._rows: Sequence[Mapping[str, Any]] | None = None
        self._until = 0.0

    def describe(self) -> list[Metric]:
        """Return nothing: the registry must not ask the database when the collector is registered."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges."""
        rows = self._current()
        yield GaugeMetricFamily(
            f"{self._name}_up", "Whether the database answered: 1 or 0", value=0.0 if rows is None else 1.0
        )
        if rows is None:
            return
        for metric, (column, text) in self._gauges.items():
            family = GaugeMetricFamily(metric, text, labels=list(self._labels))
            for row in rows:
                if row[column] is not None:
                    family.add_metric([str(row[name]) for name in self._labels.values()], float(row[column]))
            yield family
        for metric, (column, add_up, text) in self._totals.items():
            values = [float(row[column]) for row in rows if row[column] is not None]
            yield GaugeMetricFamily(metric, text, value=add_up(values) if values else 0.0)

    def _current(self) -> Sequence[Mapping[str, Any]] | None:
        """Return the rows, or None when they could not be had."""
        with self._lock:
            if time.monotonic() >= self._until:
                try:
                    self._rows = self._fetch()
                except Exception as error:  # whatever it is, the other figures must come out
                    log.warning("figures not available", figures=self._name, error=str(error))
                    self._rows = None
                self._until = time.monotonic() + self._ttl
            return self._rows
