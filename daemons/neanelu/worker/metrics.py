"""The worker's figures. Those of the queues stand in the database and are the same whichever worker is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from neanelu.observe.metrics import SECONDS, RowsCollector, new_registry

Rows = Callable[[], Sequence[Mapping[str, Any]]]


class WorkerMetrics:
    """Counters and histograms of one worker process.

    Args:
        registry: where they are registered; by default one of their own.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or new_registry()
        r = self.registry
        self.jobs = Counter(
            "neanelu_worker_jobs",
            "Attempts that ended, by outcome: completed, retry, dead, released, lost, unknown",
            ["queue", "job", "outcome"],
            registry=r,
        )
        self.latency = Histogram(
            "neanelu_worker_job_latency_seconds",
            "From when a job was asked for to its first attempt; of delayed jobs the delay included",
            ["queue"],
            buckets=SECONDS,
            registry=r,
        )
        self.duration = Histogram(
            "neanelu_worker_job_duration_seconds", "Time of one attempt", ["job"], buckets=SECONDS, registry=r
        )
        self.running = Gauge("neanelu_worker_jobs_running", "Jobs under way in this process", registry=r)
        self.slots = Gauge("neanelu_worker_slots", "Jobs that this process does at a time", registry=r)
        self.claims = Counter(
            "neanelu_worker_claims", "Looks for jobs, by result: some, none, error", ["result"], registry=r
        )
        self.lease_losses = Counter(
            "neanelu_worker_lease_losses", "Jobs that another worker had got when this one ended", registry=r
        )
        self.reconnects = Counter(
            "neanelu_worker_listen_reconnects", "Times the listener had to connect again", registry=r
        )
        self.ticks = Counter(
            "neanelu_scheduler_ticks",
            "Ticks of scheduled tasks, by outcome: fired, passed (another worker was quicker, or missed by rule), error",
            ["outcome"],
            registry=r,
        )
        self.lag = Histogram(
            "neanelu_scheduler_lag_seconds",
            "From a tick to its firing",
            buckets=SECONDS,
            registry=r,
        )
        self.folded = Counter(
            "neanelu_ledger_folded", "Entries of the stock ledger that this process folded", registry=r
        )
        for result in ("some", "none", "error"):
            self.claims.labels(result)
        for outcome in ("fired", "passed", "error"):
            self.ticks.labels(outcome)

    def add_queues(self, fetch: Rows) -> None:
        """Add the gauges of jobs.metrics()."""
        self.registry.register(
            RowsCollector(
                "neanelu_queues",
                fetch,
                {
                    "neanelu_queue_waiting": ("waiting", "Jobs that wait, those for their next attempt included"),
                    "neanelu_queue_delayed": ("delayed", "Of these, the ones whose time has not come"),
                    "neanelu_queue_active": ("active", "Jobs under lease"),
                    "neanelu_queue_failed": ("failed", "Jobs that ended failed and are kept"),
                    "neanelu_queue_dead": ("dead", "Messages in the dead-letter queue"),
                    "neanelu_queue_oldest_age_seconds": ("oldest_age", "Age of the oldest job that may begin"),
                },
                labels={"queue": "queue_name"},
                totals={
                    "neanelu_queues_waiting": ("waiting", sum, "Jobs that wait, in all queues"),
                    "neanelu_queues_delayed": ("delayed", sum, "Of these, the ones whose time has not come"),
                    "neanelu_queues_active": ("active", sum, "Jobs under lease, in all queues"),
                    "neanelu_queues_failed": ("failed", sum, "Jobs that ended failed, in all queues"),
                    "neanelu_queues_dead": ("dead", sum, "Dead letters, in all queues"),
                    "neanelu_queues_oldest_age_seconds": ("oldest_age", max, "Age of the oldest job that may begin"),
                },
            )
        )  # fmt: skip

    def add_ledger(self, fetch: Rows) -> None:
        """Add what waits for the fold of the stock ledger."""
        self.registry.register(
            RowsCollector(
                "neanelu_ledger",
                fetch,
                {
                    "neanelu_ledger_waiting": (
                        "waiting",
                        "Entries of the stock ledger that are not folded yet",
                    ),
                    "neanelu_ledger_oldest_age_seconds": ("oldest_seconds", "Age of the oldest of them"),
                },
            )
        )

    def add_tokens(self, fetch: Rows) -> None:
        """Add how the shops' access tokens do."""
        self.registry.register(
            RowsCollector(
                "neanelu_tokens",
                fetch,
                {
                    "neanelu_shop_tokens": (
                        "shops",
                        "Installed shops by the state of their access token; needs_authorization: a person must act",
                    )
                },
                labels={"status": "status"},
                ttl=30.0,
            )
        )

    def add_mirror(self, fetch: Rows, fetch_events: Rows) -> None:
        """Add how the mirror follows Shopify, by resource, and how many webhooks are without their effect."""
        self.registry.register(
            RowsCollector(
                "neanelu_mirror",
                fetch,
                {
                    "neanelu_mirror_fetches_waiting": ("fetches_waiting", "Objects that are to be asked for"),
                    "neanelu_mirror_fetches_refused": (
                        "fetches_refused",
                        "Objects of which the mirror did not take the answer",
                    ),
                    "neanelu_mirror_comparisons": ("comparisons", "Comparisons with Shopify in the last day"),
                    "neanelu_mirror_drift_shops": (
                        "drift_shops",
                        "Shops in which they found what webhooks had missed",
                    ),
                    "neanelu_mirror_drift_objects": ("drift_objects", "Objects that they found different"),
                },
                labels={"resource": "resource"},
                ttl=30.0,
            )
        )
        self.registry.register(
            RowsCollector(
                "neanelu_webhook_events",
                fetch_events,
                {
                    "neanelu_webhook_events_waiting": ("waiting", "Deliveries that wait for their effect"),
                    "neanelu_webhook_events_refused": (
                        "refused",
                        "Deliveries that the mirror refused; see webhook_events.processing_error",
                    ),
                    "neanelu_webhook_events_oldest_age_seconds": (
                        "oldest_seconds",
                        "Age of the oldest that waits",
                    ),
                },
                ttl=10.0,
            )
        )

    def add_freshness(self, fetch: Rows) -> None:
        """Add how old the mirror is; one figure a resource, that of the shop that is furthest behind."""
        self.registry.register(
            RowsCollector(
                "neanelu_freshness",
                fetch,
                {
                    "neanelu_sync_oldest_age_seconds": (
                        "oldest_age",
                        "Since the last completed run of the shop that is furthest behind",
                    ),
                    "neanelu_sync_shops": ("shops", "Installed shops that were synchronised at least once"),
                },
                labels={"resource": "resource"},
                ttl=60.0,
            )
        )
