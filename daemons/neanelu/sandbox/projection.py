"""Turns generated objects into the lines of a bulk operation's result, as the bulk query's selection asks.

A selection is compiled once into a plan per concrete type (fragments opened, defaults of missing fields taken
from the schema); a line then costs a few calls into C. Fields come in the query's order, `__parentId` last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
    parse,
    value_from_ast_untyped,
)

from neanelu.sandbox.generator import Obj
from neanelu.sandbox.schema import load_schema
from neanelu.sandbox.search import Search


class Source(Protocol):
    """What bulk operations and queries read: a generated shop or a live one."""

    def objects(self, resource: str, start: int = 0, stop: int | None = None) -> Iterator[Obj]:
        """Yield a resource's living objects."""

    def span(self, resource: str) -> int:
        """Return how many positions `objects(resource)` runs over."""

    def count(self, resource: str) -> int:
        """Return how many positions a resource has."""

    def metaobject_definitions(self) -> list[Obj]:
        """Return the definitions with the metaobjects of each."""


#: Defaults of scalars that may not be null.
_SCALARS: dict[str, Any] = {
    "String": "", "ID": "", "HTML": "", "URL": "https://example.com/", "Int": 0, "Float": 0.0,
    "Boolean": False,
    "Money": "0.00", "Decimal": "0.0", "DateTime": "2023-01-01T00:00:00Z", "UnsignedInt64": "0", "JSON": {},
}  # fmt: skip


def default_for(kind: GraphQLType, depth: int = 0) -> Any:
    """Return what a field answers when the generator knows nothing about it: null where that is allowed."""
    if not is_non_null_type(kind):
        return None
    inner = kind.of_type
    if is_list_type(inner):
        return []
    if isinstance(inner, GraphQLEnumType):
        return next(iter(inner.values))
    if isinstance(inner, GraphQLObjectType):
        return {"__typename": inner.name}
    if isinstance(inner, GraphQLInterfaceType | GraphQLUnionType):
        return {}
    return _SCALARS.get(inner.name, "")


def argument_values(node: FieldNode, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the arguments of a field as plain values."""
    return {a.name.value: value_from_ast_untyped(a.value, variables) for a in node.arguments or ()}


def _only_named(value: list[Obj], arguments: dict[str, Any]) -> list[Obj]:
    by_name = {q["name"]: q for q in value}
    return [by_name.get(name, {"name": name, "quantity": 0}) for name in arguments.get("names", ())]


def narrow(name: str, value: Any, arguments: dict[str, Any]) -> Any:
    """Apply the arguments of the few fields whose arguments matter to a generated value."""
    if name == "quantities":
        return _only_named(value, arguments)
    if name == "metafields" and (arguments.get("namespace") or arguments.get("keys")):
        return [
            m
            for m in value
            if arguments.get("namespace") in (None, m["namespace"])
            and (
                not arguments.get("keys")
                or m["key"] in arguments["keys"]
                or f"{m['namespace']}.{m['key']}" in arguments["keys"]
            )
        ]
    if name == "resourcePublicationsV2" and arguments.get("onlyPublished", True):
        return [p for p in value if p["isPublished"]]
    return value


@dataclass(slots=True)
class _Nested:
    """A field with a selection of its own inside a line."""

    key: str
    source: str
    plans: Plans
    arguments: dict[str, Any]
    is_list: bool

    def value(self, inner: Any) -> Any:
        """Return the field's value as selected, whatever its types turn out to be."""
        if inner is None:
            return None
        if self.arguments:
            inner = narrow(self.source, inner, self.arguments)
        if isinstance(inner, list):
            return [self.plans.project(v) for v in inner]
        return self.plans.project(inner)


@dataclass(slots=True)
class _Child:
    """A connection below a node: where its list is found, and how its nodes are written."""

    path: tuple[str, ...]
    name: str
    plans: Plans
    arguments: dict[str, Any]


@dataclass(slots=True)
class Plan:
    """How objects of one concrete type are written."""

    keys: tuple[str, ...]
    sources: tuple[str, ...]
    defaults: tuple[Any, ...]
    nested: list[_Nested]
    children: list[_Child]
    fast: Callable[[Obj], Obj]

    def project(self, value: Obj) -> Obj:
        """Return the selected fields of an object, in the selection's order."""
        try:
            return self.fast(value)
        except KeyError:
            out = {k: value.get(s, d) for k, s, d in zip(self.keys, self.sources, self.defaults, strict=True)}
            for item in self.nested:
                out[item.key] = item.value(out[item.key])
            return out


def _expression(plan: Plan, variable: str, names: dict[str, Any]) -> str:
    """Return a Python expression that selects a plan's fields out of a variable.

    Args:
        plan: what is selected.
        variable: name of the variable that holds the object.
        names: functions that the expression calls, by the names it gives them; added to.
    """
    nested = {item.key: item for item in plan.nested}
    parts = []
    for key, source, default in zip(plan.keys, plan.sources, plan.defaults, strict=True):
        value = repr(default) if source == "__typename" else f"{variable}[{source!r}]"
        item = nested.get(key)
        if item is not None:
            inner = f"x{len(names)}"
            names[inner] = item.value
            if item.arguments or item.plans.single is None:
                value = f"{inner}({value})"
            else:
                names[f"{inner}s"] = None
                body = _expression(item.plans.single, f"v{inner}", names)
                if item.is_list:
                    value = (
                        f"(None if (v{inner}s := {value}) is None else [{body} for v{inner} in v{inner}s])"
                    )
                else:
                    value = f"(None if (v{inner} := {value}) is None else {body})"
        parts.append(f"{key!r}: {value}")
    return "{" + ", ".join(parts) + "}"


def _compiled(plan: Plan) -> Callable[[Obj], Obj]:
    """Return a function made of a plan's expression; all names in it are names of GraphQL, quoted.

    One expression a line takes a third of the time of a call for each of the line's objects.
    """
    names: dict[str, Any] = {}
    expression = _expression(plan, "value", names)
    made: Callable[[Obj], Obj] = eval(f"lambda value: {expression}", names)  # noqa: S307
    return made


class Plans:
    """The plans of one selection, one for each concrete type that occurs.

    Args:
        compiler: holds the schema and the query's fragments.
        selection: what is selected.
        owner: the declared type of the objects.
    """

    __slots__ = ("by_type", "compiler", "owner", "selection", "single")

    def __init__(self, compiler: Compiler, selection: SelectionSetNode, owner: Any) -> None:
        self.compiler = compiler
        self.selection = selection
        self.owner = owner
        self.by_type: dict[str, Plan] = {}
        self.single: Plan | None = None

    def plan(self, value: Obj) -> Plan:
        """Return the plan for one object."""
        name = value.get("__typename") or self.owner.name
        found = self.by_type.get(name)
        if found is None:
            found = self.by_type[name] = self.compiler.compile(self.selection, self.owner, name)
            if self.owner.name == name:
                self.single = found
        return found

    def project(self, value: Obj) -> Obj:
        """Return the selected fields of one object."""
        return (self.single or self.plan(value)).project(value)


class Compiler:
    """Compiles the selections of one query.

    Args:
        schema: the Admin schema.
        document: the parsed query.
        variables: values of its variables.
    """

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: dict[str, Any] | None = None
    ) -> None:
        self.schema = schema
        self.variables = variables
        self.fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }

    def _applies(self, condition: str, concrete: str) -> bool:
        if condition == concrete:
            return True
        kind = self.schema.get_type(condition)
        actual = self.schema.get_type(concrete)
        return (
            isinstance(kind, GraphQLInterfaceType | GraphQLUnionType)
            and isinstance(actual, GraphQLObjectType)
            and self.schema.is_sub_type(kind, actual)
        )

    def fields(self, selection: SelectionSetNode, concrete: str) -> list[FieldNode]:
        """Return the fields that apply to a concrete type, fragments opened, in order."""
        found: list[FieldNode] = []
        for node in selection.selections:
            if isinstance(node, FieldNode):
                found.append(node)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._applies(node.type_condition.name.value, concrete):
                    found.extend(self.fields(node.selection_set, concrete))
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                if self._applies(fragment.type_condition.name.value, concrete):
                    found.extend(self.fields(fragment.selection_set, concrete))
        return found

    def compile(self, selection: SelectionSetNode, owner: Any, concrete: str) -> Plan:
        """Compile one selection for objects of one concrete type."""
        kind = self.schema.get_type(concrete)
        known: dict[str, Any] = (
            dict(kind.fields) if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) else {}
        )
        keys: list[str] = []
        sources: list[str] = []
        defaults: list[Any] = []
        nested: list[_Nested] = []
        children: list[_Child] = []
        merged: dict[str, FieldNode] = {}
        for node in self.fields(selection, concrete):
            key = node.alias.value if node.alias else node.name.value
            if key in merged and node.selection_set and merged[key].selection_set:
                both = (*merged[key].selection_set.selections, *node.selection_set.selections)  # type: ignore[union-attr]
                merged[key] = FieldNode(
                    name=node.name,
                    alias=node.alias,
                    arguments=node.arguments,
                    selection_set=SelectionSetNode(selections=both),
                )
            else:
                merged.setdefault(key, node)
        for key, node in merged.items():
            name = node.name.value
            if name == "__typename":
                keys.append(key)
                sources.append(name)
                defaults.append(concrete)
                continue
            target = known[name].type
            named = get_named_type(target)
            arguments = argument_values(node, self.variables)
            if named.name.endswith("Connection"):
                child = self.connection(node, named)
                if child is not None:
                    children.append(_Child((), name, child, arguments))
                continue
            keys.append(key)
            sources.append(name)
            defaults.append(default_for(target))
            if node.selection_set:
                plans = Plans(self, node.selection_set, named)
                is_list = is_list_type(target.of_type if is_non_null_type(target) else target)
                nested.append(_Nested(key, name, plans, arguments, is_list))
                if isinstance(named, GraphQLObjectType):
                    inner = self.compile(node.selection_set, named, named.name)
                    plans.by_type[named.name] = plans.single = inner
                    children.extend(
                        _Child((name, *c.path), c.name, c.plans, c.arguments) for c in inner.children
                    )
        plan = Plan(tuple(keys), tuple(sources), tuple(defaults), nested, children, dict)
        plan.fast = _compiled(plan)
        return plan

    def connection(self, node: FieldNode, kind: Any) -> Plans | None:
        """Return the plans of a connection's nodes, or None when no node is selected."""
        edge_type = get_named_type(kind.fields["edges"].type)
        node_type = get_named_type(kind.fields["nodes"].type) if "nodes" in kind.fields else None
        for edge in self.fields(node.selection_set, kind.name) if node.selection_set else ():
            if edge.name.value == "nodes" and edge.selection_set:
                return Plans(self, edge.selection_set, node_type)
            if edge.name.value == "edges" and edge.selection_set:
                for inner in self.fields(edge.selection_set, edge_type.name):
                    if inner.name.value == "node" and inner.selection_set:
                        return Plans(self, inner.selection_set, get_named_type(edge_type.fields["node"].type))
        return None


class BulkQuery:
    """A bulk query that can be run over a range of a shop's objects.

    Args:
        text: the query; must be valid and obey the bulk rules.
    """

    def __init__(self, text: str) -> None:
        document = parse(text)
        compiler = Compiler(load_schema(), document)
        operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
        root = compiler.fields(operation.selection_set, "QueryRoot")[0]
        schema_root = load_schema().query_type
        assert schema_root is not None
        self.root = root.name.value
        self.arguments = argument_values(root)
        plans = compiler.connection(root, get_named_type(schema_root.fields[self.root].type))
        self.plans = plans
        self.search = Search(self.arguments.get("query") or "")

    def objects(self, shop: Source, start: int = 0, stop: int | None = None) -> Iterator[Obj]:
        """Yield the root objects that the query's arguments let through."""
        source = shop.objects(self.root, start, stop) if self.root in SUPPORTED_ROOTS else iter(())
        matches = self.search.matches if self.search.terms else None
        hide_inactive = self.root == "locations" and not self.arguments.get("includeInactive")
        for value in source:
            if hide_inactive and not value["isActive"]:
                continue
            if matches is None or matches(value):
                yield value

    def lines(self, shop: Source, start: int = 0, stop: int | None = None) -> tuple[list[bytes], int]:
        """Return the lines of a range of root objects, slashes not yet escaped, and the number of roots."""
        out: list[bytes] = []
        roots = 0
        if self.plans is None:
            return out, 0
        for value in self.objects(shop, start, stop):
            roots += 1
            emit(self.plans, value, None, out)
        return out, roots

    def chunk(self, shop: Source, start: int = 0, stop: int | None = None) -> tuple[bytes, int, int]:
        """Return the file's part for a range of root objects, its number of lines, and of root objects."""
        out, roots = self.lines(shop, start, stop)
        return b"".join(out).replace(b"/", b"\\/"), len(out), roots


#: Root connections that the generator can fill; others are valid and empty.
SUPPORTED_ROOTS = frozenset(
    [
        "products",
        "productVariants",
        "inventoryItems",
        "customers",
        "orders",
        "collections",
        "metaobjectDefinitions",
        "locations",
        "publications",
        "menus",
    ]
)


def emit(plans: Plans, value: Obj, parent: str | None, out: list[bytes]) -> None:
    """Append the line of an object and of everything below it."""
    plan = plans.single or plans.plan(value)
    line = plan.project(value)
    if parent is not None:
        line["__parentId"] = parent
    out.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    for child in plan.children:
        holder: Any = value
        for step in child.path:
            holder = holder.get(step) if holder else None
        items = holder.get(child.name) if holder else None
        if callable(items):
            items = items()
        if not items:
            continue
        if child.arguments or child.name == "resourcePublicationsV2":
            items = narrow(child.name, items, child.arguments)
        own = value["id"]
        for item in items:
            emit(child.plans, item, own, out)
