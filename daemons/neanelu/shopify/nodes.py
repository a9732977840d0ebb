"""Single objects by id, with the selection of the bulk queries, as the lines that a bulk result would have for them.

The documents in `queries/` stay the only place that says what is selected. `NodeQuery` takes the selection of a resource's
objects out of its bulk query and asks for it with `nodes(ids:)`; each connection below becomes pages, so small that the query
costs less than Shopify admits, and what does not fit on the first page is asked for page by page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Protocol

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    print_ast,
)

from neanelu.shopify import documents

#: Points that one query may cost by our reckoning; Shopify admits 1000.
MAX_COST: Final = 800
#: Most objects asked for at once, with pages below them and without, and most objects of a page.
MAX_BATCH, MAX_PLAIN_BATCH, MAX_PAGE = 5, 50, 100
#: Objects of a page within a page: most variants have few metafields.
INNER_PAGE: Final = 5

_INFO = "pageInfo { hasNextPage endCursor }"


class Client(Protocol):
    """What is needed of `ShopifyClient`."""

    def query(self, document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return `data` of the answer."""


@dataclass(slots=True)
class _Selection:
    """What is selected of a node: its own fields as GraphQL text, what they cost, and the connections below."""

    text: str
    cost: int
    connections: dict[str, _Connection] = field(default_factory=dict)


@dataclass(slots=True)
class _Connection:
    """A connection below a node: its name, the text of its arguments but the page's, and what is selected of its nodes."""

    name: str
    arguments: str
    node: _Selection

    def text(self, size: int, after: bool = False) -> str:
        """Return the connection's field for pages of a size."""
        arguments = ", ".join(
            filter(None, [f"first: {size}", "after: $after" if after else "", self.arguments])
        )
        return f"{self.name}({arguments}) {{ nodes {{ {_whole(self.node, INNER_PAGE)} }} {_INFO} }}"

    @property
    def unit_cost(self) -> int:
        """What one of its nodes costs at most, with the pages below it."""
        below = sum(2 + INNER_PAGE * c.unit_cost for c in self.node.connections.values())
        return 1 + self.node.cost + below


def _whole(selection: _Selection, size: int) -> str:
    """Return a node's fields with the connections below it in pages of a size."""
    return " ".join([selection.text, *(c.text(size) for c in selection.connections.values())])


class NodeQuery:
    """Asks for objects of one resource.

    Args:
        resource: a key of `documents.RESOURCES` with a bulk query.
        kind: GraphQL type of its objects, `Product`.
    """

    def __init__(self, resource: str, kind: str) -> None:
        self.kind = kind
        document = parse(documents.load(resource), no_location=True)
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
        root = operation.selection_set.selections[0]
        assert isinstance(root, FieldNode)
        node = _node_of(root)
        if resource == "metaobjects":  # reached through their definitions
            node = _node_of(
                next(f for f in node.selections if isinstance(f, FieldNode) and _is_connection(f))
            )
        self.selection = self._read(node)

    def _read(self, selections: SelectionSetNode) -> _Selection:
        own: list[str] = []
        cost = 0
        connections: dict[str, _Connection] = {}
        for item in selections.selections:
            if isinstance(item, FieldNode) and _is_connection(item):
                arguments = ", ".join(print_ast(a) for a in item.arguments or ())
                connections[item.name.value] = _Connection(
                    item.name.value, arguments, self._read(_node_of(item))
                )
            else:
                own.append(print_ast(item))
                cost += self._cost(item)
        return _Selection("\n".join(own), cost, connections)

    def _cost(self, item: Any) -> int:
        """Return the points of a field, an object each; of fragments all that might apply."""
        if isinstance(item, FragmentSpreadNode):
            return sum(map(self._cost, self._fragments[item.name.value].selection_set.selections))
        if not item.selection_set:
            return 0
        inner = sum(map(self._cost, item.selection_set.selections))
        return inner if isinstance(item, InlineFragmentNode) else 1 + inner

    def _used(self, text: str) -> str:
        """Return the text with the definitions of the fragments that it spreads."""
        definitions = [print_ast(d) for name, d in self._fragments.items() if f"...{name}" in text]
        return "\n\n".join([text, *definitions])

    @cache  # noqa: B019
    def document(self, batch: int) -> str:
        """Return the query that asks for so many objects by `$ids`."""
        left = MAX_COST // batch - 1 - self.selection.cost
        share = left // max(len(self.selection.connections), 1)
        pages = " ".join(
            c.text(max(1, min(MAX_PAGE, (share - 2) // c.unit_cost)))
            for c in self.selection.connections.values()
        )
        return self._used(
            f"query Fetch($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {self.kind} {{ {self.selection.text} {pages} }} }} }}"
        )

    def cost(self, batch: int) -> int:
        """Return what `document(batch)` costs at most, by our reckoning."""
        left = MAX_COST // batch - 1 - self.selection.cost
        share = left // max(len(self.selection.connections), 1)
        sizes = [
            (max(1, min(MAX_PAGE, (share - 2) // c.unit_cost)), c)
            for c in self.selection.connections.values()
        ]
        return batch * (1 + self.selection.cost + sum(2 + n * c.unit_cost for n, c in sizes))

    def page(self, connection: _Connection, kind: str) -> str:
        """Return the query for a further page of a connection of one object: `$id`, `$after`."""
        size = max(1, min(MAX_PAGE, (MAX_COST - 3) // connection.unit_cost))
        return self._used(
            f"query Page($id: ID!, $after: String) {{ node(id: $id) {{ ... on {kind} "
            f"{{ id {connection.text(size, after=True)} }} }} }}"
        )

    def lines(self, client: Client, numbers: Sequence[int]) -> Iterator[str]:
        """Yield the lines of the objects that there are, each followed by its own; what does not exist has none.

        Raises:
            ShopifyError: see `ShopifyClient.query`.
        """
        batch = MAX_BATCH if self.selection.connections else MAX_PLAIN_BATCH
        for start in range(0, len(numbers), batch):
            ids = [f"gid://shopify/{self.kind}/{n}" for n in numbers[start : start + batch]]
            for found in client.query(self.document(len(ids)), {"ids": ids})["nodes"]:
                if found and found.get("id"):
                    yield from self._emit(client, found, self.selection, None)

    def _emit(
        self, client: Client, found: dict[str, Any], selection: _Selection, parent: str | None
    ) -> Iterator[str]:
        line = {k: v for k, v in found.items() if k not in selection.connections}
        if parent is not None:
            line["__parentId"] = parent
        yield orjson.dumps(line).decode()
        for name, connection in selection.connections.items():
            for node in self._nodes(client, found["id"], found[name], connection):
                yield from self._emit(client, node, connection.node, found["id"])

    def _nodes(
        self, client: Client, gid: str, page: dict[str, Any], connection: _Connection
    ) -> Iterator[dict[str, Any]]:
        """Yield the nodes of a connection: those of the page that came with its owner, then of further pages."""
        yield from page["nodes"]
        while page["pageInfo"]["hasNextPage"]:
            document = self.page(connection, gid.split("/")[3])
            owner = client.query(document, {"id": gid, "after": page["pageInfo"]["endCursor"]})["node"]
            if not owner:  # deleted meanwhile: the next answer about it will say so
                return
            page = owner[connection.name]
            yield from page["nodes"]


@cache
def query_for(resource: str, kind: str) -> NodeQuery:
    """Return the query of a resource's objects, made once a process."""
    return NodeQuery(resource, kind)


def _is_connection(item: FieldNode) -> bool:
    return any(
        isinstance(f, FieldNode) and f.name.value == "edges"
        for f in (item.selection_set.selections if item.selection_set else ())
    )


def _node_of(connection: FieldNode) -> SelectionSetNode:
    """Return what a connection selects of its nodes (`edges { node { … } }`)."""
    assert connection.selection_set
    edges = next(f for f in connection.selection_set.selections if isinstance(f, FieldNode))
    assert edges.selection_set
    node = next(f for f in edges.selection_set.selections if isinstance(f, FieldNode))
    assert node.selection_set
    return node.selection_set


# --- Numbers and ids --------------------------------------------------------------------------------------


def count_document(resource: str) -> str:
    """Return the query that counts a resource's objects by a search (`$query`)."""
    root = documents.RESOURCES[resource].root
    return f"query Count($query: String!) {{ count: {root}Count(query: $query, limit: null) {{ count }} }}"


def list_document(resource: str) -> str:
    """Return the query that lists ids and versions by a search (`$query`, `$after`)."""
    root = documents.RESOURCES[resource].root
    more = ", includeInactive: true, includeLegacy: true" if resource == "locations" else ""
    return (
        f"query List($query: String, $after: String) {{ list: {root}(first: 250, after: $after, query: $query{more}) "
        f"{{ nodes {{ id updatedAt }} {_INFO} }} }}"
    )


def count(client: Client, resource: str, search: str) -> int:
    """Return how many objects a search finds."""
    return int(client.query(count_document(resource), {"query": search})["count"]["count"])


def listed(client: Client, resource: str, search: str) -> Iterator[dict[str, str]]:
    """Yield `{id, updatedAt}` of the objects that a search finds; all with an empty one."""
    after = None
    while True:
        page = client.query(list_document(resource), {"query": search or None, "after": after})["list"]
        yield from page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]
