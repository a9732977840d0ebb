"""The GraphQL documents that Neanelu sends, and the rules that bulk operations put on a document.

Every resource has one document in `queries/`, a bulk query or a paged one. A document is loaded as text,
parsed, and gets an incremental run's filter as an argument of its root connection in the syntax tree, never
by joining strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
    parse,
    print_ast,
)

#: Most connections that one bulk query may contain, the root one included.
MAX_CONNECTIONS = 5
#: Most levels of connections below the root connection.
MAX_DEPTH = 2
#: Most bytes of a bulk query's text.
MAX_BYTES = 65_535


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that can be brought in.

    Attributes:
        name: the resource's name and its document's file name without the suffix.
        mode: `bulk` for a bulk operation, `paged` for an ordinary query asked page by page.
        root: the root connection of the document, for instance `inventoryItems`.
        filterable: whether the root connection takes a search (`updated_at:>=…`): then a run can be
            incremental.
        after: resources whose rows must be there before this one is merged.
    """

    name: str
    mode: Literal["bulk", "paged"]
    root: str
    filterable: bool
    after: tuple[str, ...] = ()


#: Every resource by name, in the order in which a full sync runs them.
RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        Resource("locations", "bulk", "locations", False),
        Resource("publications", "bulk", "publications", False),
        Resource("products", "bulk", "products", True),
        Resource("product_publications", "bulk", "products", True, ("products", "publications")),
        Resource("collections", "bulk", "collections", True, ("products", "publications")),
        Resource("customers", "bulk", "customers", True),
        Resource("orders", "bulk", "orders", True, ("customers", "products")),
        Resource("metaobjects", "bulk", "metaobjectDefinitions", False),
        Resource("inventory", "bulk", "inventoryItems", True, ("products", "locations")),
        Resource("menus", "paged", "menus", False),
    )
}


def load(resource: str) -> str:
    """Return the text of a resource's document as it lies in the package.

    Args:
        resource: a key of `RESOURCES`.

    Raises:
        KeyError: there is no such resource.
    """
    name = RESOURCES[resource].name
    return resources.files("neanelu.shopify").joinpath("queries", f"{name}.graphql").read_text("utf-8")


@cache
def text(name: str) -> str:
    """Return a document that stands beside the resources' own, such as `subscription_create`.

    Args:
        name: of a file in `queries/` without the suffix.
    """
    return resources.files("neanelu.shopify").joinpath("queries", f"{name}.graphql").read_text("utf-8")


@cache
def _parsed(resource: str) -> DocumentNode:
    """Return a resource's document parsed, without source positions; parsed once a process."""
    return parse(load(resource), no_location=True)


def render(resource: str, filter: str | None = None) -> str:
    """Return the text to send for a resource, with the root connection filtered when asked.

    Args:
        resource: a key of `RESOURCES`.
        filter: a Shopify search such as `updated_at:>='2026-11-20T10:00:00Z'`, or None for everything.

    Raises:
        KeyError: there is no such resource.
        ValueError: a filter was given for a resource whose root connection takes none.
    """
    spec = RESOURCES[resource]
    document = _parsed(resource)
    if filter is None:
        return print_ast(document)
    if not spec.filterable:
        raise ValueError(f"{resource} cannot be filtered: {spec.root} takes no updated_at search")
    argument = ArgumentNode(name=NameNode(value="query"), value=StringValueNode(value=filter, block=False))
    definitions = []
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            selections = tuple(
                FieldNode(
                    name=field.name,
                    alias=field.alias,
                    arguments=(*(field.arguments or ()), argument),
                    directives=field.directives,
                    selection_set=field.selection_set,
                )
                for field in definition.selection_set.selections
                if isinstance(field, FieldNode)
            )
            definition = OperationDefinitionNode(
                operation=definition.operation,
                name=definition.name,
                variable_definitions=definition.variable_definitions,
                directives=definition.directives,
                selection_set=SelectionSetNode(selections=selections),
            )
        definitions.append(definition)
    return print_ast(DocumentNode(definitions=tuple(definitions)))


def check_bulk_rules(document: str | DocumentNode, schema: GraphQLSchema | None = None) -> list[str]:
    """Say what keeps a document from being run as a bulk query, in the words that Shopify uses.

    Args:
        document: the query's text or its syntax tree.
        schema: the Admin schema. With it a connection is known by its type; without it by its selecting
            `edges` or `nodes`, and a connection within a list cannot be seen.

    Returns:
        One message a broken rule; an empty list when the document may be run.
    """
    if isinstance(document, str):
        if len(document.encode()) > MAX_BYTES:
            return ["Query is too large"]
        try:
            document = parse(document)
        except GraphQLError as error:
            return [f"Invalid bulk query: {error.message}"]
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        return ["Invalid operation type. Only `query` operations are supported."]
    walk = _Walk(document, schema)
    walk.visit(
        operations[0].selection_set,
        schema.query_type if schema else None,
        depth=-1,
        parent=None,
        in_list=False,
    )
    return walk.messages(operations[0].selection_set)


class _Walk:
    """One pass over a bulk query that counts connections and notes where they are selected wrongly."""

    def __init__(self, document: DocumentNode, schema: GraphQLSchema | None) -> None:
        self.schema = schema
        self.fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self.connections = 0
        self.depth = 0
        self.by_nodes: list[str] = []
        self.without_id: list[str] = []
        self.within_list = False

    def fields(
        self, selection: SelectionSetNode | None, owner: GraphQLNamedType | None
    ) -> list[tuple[FieldNode, GraphQLNamedType | None]]:
        """Return the fields of a selection with fragments opened, each with the type that owns it."""
        found: list[tuple[FieldNode, GraphQLNamedType | None]] = []
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                found.append((node, owner))
            elif isinstance(node, InlineFragmentNode):
                inner = self._type(node.type_condition.name.value) if node.type_condition else owner
                found.extend(self.fields(node.selection_set, inner))
            elif isinstance(node, FragmentSpreadNode) and node.name.value in self.fragments:
                fragment = self.fragments[node.name.value]
                found.extend(
                    self.fields(fragment.selection_set, self._type(fragment.type_condition.name.value))
                )
        return found

    def _type(self, name: str) -> GraphQLNamedType | None:
        return self.schema.get_type(name) if self.schema else None

    def visit(
        self,
        selection: SelectionSetNode | None,
        owner: GraphQLNamedType | None,
        depth: int,
        parent: tuple[str, bool] | None,
        in_list: bool,
    ) -> None:
        """Walk one selection set.

        Args:
            selection: the fields to look at.
            owner: the type they belong to, when the schema is known.
            depth: how many connections lie above, minus one; the root connection gets 0.
            parent: the enclosing connection's name and whether its node selects a plain `id`.
            in_list: whether a list field lies between here and the enclosing connection.
        """
        for field, field_owner in self.fields(selection, owner):
            name = field.name.value
            target: GraphQLNamedType | None = None
            is_list = False
            if (
                isinstance(field_owner, GraphQLObjectType | GraphQLInterfaceType)
                and name in field_owner.fields
            ):
                kind = field_owner.fields[name].type
                target = get_named_type(kind)
                is_list = is_list_type(kind.of_type if is_non_null_type(kind) else kind)
            inner = self.fields(field.selection_set, target)
            names = {f.name.value for f, _ in inner}
            connection = bool(names & {"edges", "nodes"})
            if target is not None:
                connection = target.name.endswith("Connection")
            if not connection:
                self.visit(field.selection_set, target, depth, parent, in_list or is_list)
                continue
            self.connections += 1
            self.depth = max(self.depth, depth + 1)
            self.within_list |= in_list
            if "nodes" in names:
                self.by_nodes.append(name)
            if parent is not None and not parent[1] and parent[0] not in self.without_id:
                self.without_id.append(parent[0])
            for edge, edge_owner in inner:
                if edge.name.value not in ("edges", "nodes"):
                    continue
                steps = [(edge, edge_owner)]
                if edge.name.value == "edges":
                    edge_type = self._field_type(edge_owner, "edges")
                    steps = [
                        s for s in self.fields(edge.selection_set, edge_type) if s[0].name.value == "node"
                    ]
                for node, node_owner in steps:
                    node_type = self._field_type(node_owner, node.name.value)
                    has_id = any(
                        f.name.value == "id" and f.alias is None
                        for f, _ in self.fields(node.selection_set, node_type)
                    )
                    self.visit(node.selection_set, node_type, depth + 1, (name, has_id), False)

    @staticmethod
    def _field_type(owner: GraphQLNamedType | None, name: str) -> GraphQLNamedType | None:
        if isinstance(owner, GraphQLObjectType | GraphQLInterfaceType) and name in owner.fields:
            named: GraphQLNamedType = get_named_type(owner.fields[name].type)
            return named
        return None

    def messages(self, root: SelectionSetNode) -> list[str]:
        """Return the messages of all rules that the walk found broken."""
        found: list[str] = []
        top = [field.name.value for field, _ in self.fields(root, None)]
        if len(top) > 1:
            found.append("Bulk queries cannot contain more than one top level field.")
        if self.by_nodes:
            found.append(
                "All connection fields in a bulk query must select their contents using 'edges' > 'node', "
                "e.g: 'products { edges { node {'. Selecting via 'nodes' is not supported. "
                "Invalid connection fields: '" + "', '".join(self.by_nodes) + "'."
            )
        if {"node", "nodes"} & set(top):
            found.append("Bulk queries cannot contain a top level `node` field.")
        if self.depth > MAX_DEPTH:
            found.append("Bulk queries cannot contain connections with a nesting depth greater than 2.")
        if self.connections > MAX_CONNECTIONS:
            found.append("Bulk queries cannot contain more than 5 connections.")
        if self.without_id:
            found.append(
                "The parent 'node' field for a nested connection must select the 'id' field without an alias "
                f"and must be of 'ID' return type. Connection fields without 'id': "
                f"{', '.join(self.without_id)}."
            )
        if self.within_list:
            found.append(
                "Queries that contain a connection field within a list field are not currently supported."
            )
        if self.connections == 0:
            found.append("Bulk queries must contain at least one connection.")
        return found
