"""What a query costs, and the bucket that it is drawn from.

The rule: a scalar or an enum costs nothing, an object one point, a connection two and for each of the objects that it may
return (`first` or `last`, one without either) what one of them costs, at least one; a mutation costs ten. Edges and page
information are free. So `{ products(first: 10) { nodes { id variants(first: 5) { nodes { id } } } } }` costs
2 + 10 × (2 + 5) = 72. Admission looks at this requested cost; the bucket pays what was really returned, one point an object,
never more than was requested.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    value_from_ast_untyped,
)

from neanelu.sandbox.projection import Compiler, argument_values
from neanelu.sandbox.schema import load_schema

#: Most points that one query may ask for.
MAX_COST = 1000
#: What a mutation costs.
MUTATION_COST = 10
#: GraphQL points restored a second, by the shop's plan; the bucket holds twenty times as much.
RESTORE_RATES = {"standard": 100, "advanced": 200, "plus": 1000, "enterprise": 2000}


def requested_cost(
    document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any] | None
) -> int:
    """Return what an operation may cost at most, in points."""
    if operation.operation is OperationType.MUTATION:
        return MUTATION_COST
    schema = load_schema()
    compiler = Compiler(schema, document, variables)
    known = {
        d.variable.name.value: value_from_ast_untyped(d.default_value) if d.default_value else None
        for d in operation.variable_definitions or ()
    } | (variables or {})

    def cost(node: FieldNode, owner: Any) -> int:
        if node.name.value.startswith("__") or not node.selection_set:
            return 0
        named = get_named_type(owner.fields[node.name.value].type)
        inner = 0
        for child in compiler.fields(node.selection_set, named.name):
            if hasattr(named, "fields") and child.name.value in named.fields:
                inner += cost(child, named)
        if named.name.endswith("Connection"):
            arguments = argument_values(node, known)
            size = arguments.get("first") or arguments.get("last") or 1
            return 2 + int(size) * max(inner, 1)
        if named.name.endswith("Edge") or named.name == "PageInfo":
            return inner
        return 1 + inner

    root = schema.query_type
    assert root is not None
    return sum(cost(n, root) for n in compiler.fields(operation.selection_set, root.name) if n.selection_set)


def actual_cost(value: Any) -> int:
    """Return how many objects an answer holds."""
    if isinstance(value, dict):
        return 1 + sum(actual_cost(v) for v in value.values())
    if isinstance(value, list):
        return sum(actual_cost(v) for v in value)
    return 0


class TokenBucket:
    """Shopify's leaky bucket of GraphQL points. Not for several threads at once.

    Args:
        rate: points restored a second; it holds twenty times as much.
        now: tells the time in seconds.
    """

    def __init__(self, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self.maximum = rate * 20
        self.available = self.maximum
        #: Points paid since the beginning, and queries that were refused.
        self.paid = 0.0
        self.throttled = 0
        self._now = now
        self._at = now()

    def change(self, rate: float) -> None:
        """Take another plan's rate; what is there stays, up to what fits."""
        self.refill()
        self.rate, self.maximum = rate, rate * 20
        self.available = min(self.available, self.maximum)

    def refill(self) -> float:
        """Restore what time gave back and return what is available."""
        now = self._now()
        self.available = min(self.maximum, self.available + max(0.0, now - self._at) * self.rate)
        self._at = now
        return self.available

    def pay(self, points: float) -> None:
        """Take points out; they must be there."""
        self.available -= points
        self.paid += points

    def status(self) -> dict[str, float]:
        """Return `throttleStatus`, a float and two ints as Shopify mixes them."""
        return {
            "maximumAvailable": float(self.maximum),
            "currentlyAvailable": int(self.refill()),
            "restoreRate": float(self.rate),
        }
