"""The figures of the daemon that asks models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter

from neanelu.observe.metrics import RowsCollector, new_registry

Rows = Callable[[], Sequence[Mapping[str, Any]]]


class AiMetrics:
    """Counters of one daemon.

    Args:
        registry: where they are registered; by default one of their own.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or new_registry()
        r = self.registry
        self.batches = Counter(
            "neanelu_ai_batches",
            "Batches by what became of them: submitted, completed, expired, cancelled, failed",
            ["kind", "outcome"],
            registry=r,
        )
        self.answers = Counter("neanelu_ai_answers", "Answers taken", ["kind"], registry=r)
        self.pages = Counter("neanelu_ai_pages", "Pages whose text was made", registry=r)
        self.errors = Counter(
            "neanelu_ai_errors", "What the provider did not do, by code", ["code"], registry=r
        )

    def add_database(self, fetch: Rows, fetch_budgets: Rows) -> None:
        """Add what stands in the database: batches at each stage, and this month's budgets."""
        self.registry.register(
            RowsCollector(
                "neanelu_ai",
                fetch,
                {
                    "neanelu_ai_batches_pending": ("pending", "Batches that are not begun"),
                    "neanelu_ai_batches_submitting": ("submitting", "Batches on their way to the provider"),
                    "neanelu_ai_batches_running": ("running", "Batches at the provider"),
                    "neanelu_ai_items_waiting": ("items_waiting", "Requests without an answer"),
                    "neanelu_ai_oldest_batch_seconds": (
                        "oldest_seconds",
                        "Age of the oldest batch that has not ended",
                    ),
                },
                labels={"type": "batch_type"},
                ttl=10.0,
            )
        )
        self.registry.register(
            RowsCollector(
                "neanelu_ai_budget",
                fetch_budgets,
                {
                    "neanelu_ai_budget_limit_usd": ("monthly_limit", "This month's budget"),
                    "neanelu_ai_budget_spent_usd": ("spent", "Spent of it"),
                    "neanelu_ai_budget_reserved_usd": ("reserved", "Put aside for work under way"),
                },
                labels={"provider": "provider"},
                ttl=30.0,
            )
        )
