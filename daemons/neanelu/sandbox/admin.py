"""The Admin GraphQL API of the sandbox: validation, costs, throttling, and answers from generated shops."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    get_named_type,
    parse,
    validate,
)

from neanelu.sandbox.generator import Obj
from neanelu.sandbox.projection import SUPPORTED_ROOTS, Compiler, Search, argument_values, default_for, narrow
from neanelu.sandbox.schema import load_schema
from neanelu.sandbox.shops import FIVE_AT_ONCE, Operation, ShopRuntime
from neanelu.shopify.documents import check_bulk_rules

#: Most points that one query may ask for.
MAX_COST = 1000
_VERSION = re.compile(r"^(\d{4}-(?:01|04|07|10)|unstable)$")
_UNDEFINED = re.compile(r"Cannot query field '([^']+)' on type '([^']+)'")
_COUNTS = {
    "productsCount": "products",
    "customersCount": "customers",
    "ordersCount": "orders",
    "collectionsCount": "collections",
    "locationsCount": "locations",
    "publicationsCount": "publications",
}
_BY_TYPE = {"Product": "products", "Customer": "customers", "Order": "orders", "Collection": "collections"}
_OFFSETS = {
    "products": 7_000_000_000,
    "customers": 9_000_000_000,
    "orders": 6_000_000_000,
    "collections": 5_000_000_000,
}


def is_version(text: str) -> bool:
    """Say whether a path segment is an API version."""
    return _VERSION.match(text) is not None


@lru_cache(maxsize=512)
def _check(text: str) -> tuple[DocumentNode | None, tuple[dict[str, Any], ...]]:
    """Parse and validate a query; the result is kept, as clients send the same text again and again."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return None, (_shaped(error, "syntaxError"),)
    errors = validate(load_schema(), document)
    return document, tuple(_shaped(error, "graphqlError") for error in errors)


def _shaped(error: GraphQLError, code: str) -> dict[str, Any]:
    """Return an error in Shopify's shape."""
    message = error.message
    found = _UNDEFINED.match(message)
    extensions: dict[str, Any] = {"code": code}
    if found:
        message = f"Field '{found[1]}' doesn't exist on type '{found[2]}'"
        extensions = {"code": "undefinedField", "typeName": found[2], "fieldName": found[1]}
    shaped: dict[str, Any] = {"message": message, "extensions": extensions}
    if error.locations:
        shaped["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    return shaped


class AdminApi:
    """Answers GraphQL requests for one shop.

    Args:
        runtime: the shop.
        base_url: scheme, host and port under which the client reached the sandbox.
        version: the API version in the request's path.
    """

    def __init__(self, runtime: ShopRuntime, base_url: str, version: str) -> None:
        self.runtime = runtime
        self.base_url = base_url
        self.version = version

    def answer(
        self, text: str, variables: dict[str, Any] | None, operation_name: str | None
    ) -> dict[str, Any]:
        """Return the body of the answer to one request; always for HTTP status 200."""
        document, errors = _check(text)
        if document is None or errors:
            return {"errors": list(errors)}
        operation = _operation(document, operation_name)
        if operation is None:
            return {"errors": [{"message": "An operation name is required"}]}
        old = self._too_new(document, operation)
        if old:
            return {"errors": [old]}
        requested = self._cost(document, operation, variables)
        if requested > MAX_COST:
            return {
                "errors": [
                    {
                        "message": f"Query cost is {requested}, which exceeds the single query max cost "
                        f"limit ({MAX_COST}).",
                        "extensions": {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": MAX_COST},
                    }
                ]
            }
        bucket = self.runtime.bucket
        with self.runtime.lock:
            throttled = self.runtime.faults.take("throttle", self.runtime.spec.domain)
            if throttled is not None or bucket.refill() < requested:
                status = bucket.status()
                if throttled is not None:
                    status["currentlyAvailable"] = min(
                        int(status["currentlyAvailable"]), max(requested - 1, 0)
                    )
                self.runtime.log.info("sandbox.throttled", requested=requested)
                return {
                    "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
                    "extensions": {
                        "cost": {
                            "requestedQueryCost": requested,
                            "actualQueryCost": None,
                            "throttleStatus": status,
                        }
                    },
                }
            result = execute_sync(
                load_schema(),
                document,
                root_value={},
                variable_values=variables,
                operation_name=operation_name,
                field_resolver=self._resolve,
            )
            assert isinstance(result, ExecutionResult)
            is_mutation = operation.operation is OperationType.MUTATION
            actual = requested if is_mutation else min(requested, _objects(result.data))
            bucket.available -= actual
            body: dict[str, Any] = {"data": result.data}
            if result.errors:
                body["errors"] = [
                    {**_shaped(e, "INTERNAL_SERVER_ERROR"), "path": e.path, "extensions": e.extensions or {}}
                    for e in result.errors
                ]
            body["extensions"] = {
                "cost": {
                    "requestedQueryCost": requested,
                    "actualQueryCost": actual,
                    "throttleStatus": bucket.status(),
                }
            }
            return body

    def _too_new(self, document: DocumentNode, operation: OperationDefinitionNode) -> dict[str, Any] | None:
        """Return an error when the query uses what the asked version does not have yet."""
        if self.version >= FIVE_AT_ONCE:
            return None
        fields = Compiler(load_schema(), document).fields(operation.selection_set, "QueryRoot")
        for node in fields:
            if node.name.value in ("bulkOperation", "bulkOperations"):
                name = node.name.value
                return {
                    "message": f"Field '{name}' doesn't exist on type 'QueryRoot'",
                    "extensions": {"code": "undefinedField", "typeName": "QueryRoot", "fieldName": name},
                }
        return None

    # -- costs ---------------------------------------------------------------------------------------------

    def _cost(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any] | None
    ) -> int:
        """Return a query's cost in points: an object is one, a connection what it may return, and two."""
        if operation.operation is OperationType.MUTATION:
            return 10
        schema = load_schema()
        compiler = Compiler(schema, document, variables)
        defaults = {
            d.variable.name.value: getattr(d.default_value, "value", None)
            for d in operation.variable_definitions or ()
        }
        known = {**defaults, **(variables or {})}

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
        return sum(
            cost(n, root) for n in compiler.fields(operation.selection_set, root.name) if n.selection_set
        )

    # -- answers -------------------------------------------------------------------------------------------

    def _resolve(self, source: Obj, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        """Resolve one field: roots by name, generated objects by key, all else by the type's default."""
        name = info.field_name
        owner = info.parent_type.name
        named = get_named_type(info.return_type)
        if owner == "Mutation":
            return self._mutate(name, arguments)
        if owner == "QueryRoot":
            value = self._root(name, arguments, info)
        else:
            value = source.get(name, _MISSING)
            if value is _MISSING:
                value = default_for(info.return_type)
        if callable(value):
            value = value()
        if named.name.endswith("Connection") and isinstance(value, Sequence):
            value = narrow(name, value, arguments) if isinstance(value, list) else value
            return _page(value, arguments)
        if isinstance(value, list) and arguments:
            value = narrow(name, value, arguments)
        return value

    def _root(self, name: str, arguments: dict[str, Any], info: GraphQLResolveInfo[Any]) -> Any:
        runtime = self.runtime
        if name == "shop":
            return self._shop()
        if name in _COUNTS:
            total = sum(1 for _ in runtime.shop.objects(_COUNTS[name])) if runtime.spec.edits else None
            count = runtime.shop.count(_COUNTS[name]) if total is None else total
            limit = arguments.get("limit", 10_000)
            over = limit is not None and count > limit
            return {"count": limit if over else count, "precision": "AT_LEAST" if over else "EXACT"}
        if name == "bulkOperation":
            return self._operation(arguments["id"])
        if name == "currentBulkOperation":
            last = list(runtime.operations)[-1:]
            return self._operation(last[0]) if last else None
        if name == "bulkOperations":
            return [self._seen(o) for o in reversed(runtime.operations.values())]
        if name == "node":
            return self._node(arguments["id"])
        if name == "nodes":
            return [self._node(i) for i in arguments["ids"]]
        if name in ("product", "customer", "order", "collection"):
            return self._node(arguments["id"])
        if name == "metaobjects":
            found = [m for d in runtime.shop.metaobject_definitions() for m in d["metaobjects"]]
            return [m for m in found if m["type"] == arguments["type"]]
        if name in SUPPORTED_ROOTS:
            return _Objects(runtime, name, arguments)
        return default_for(info.return_type)

    def _shop(self) -> Obj:
        spec = self.runtime.spec
        name = spec.domain.split(".")[0]
        return {
            "__typename": "Shop",
            "id": f"gid://shopify/Shop/{60_000_000_000 + spec.seed}",
            "name": name.replace("-", " ").title(),
            "myshopifyDomain": spec.domain,
            "email": f"owner@{name}.example.com",
            "contactEmail": f"office@{name}.example.com",
            "currencyCode": spec.currency,
            "ianaTimezone": "Europe/Bucharest",
            "url": f"https://{spec.domain}",
            "weightUnit": "KILOGRAMS",
            "createdAt": "2022-05-01T08:00:00Z",
            "updatedAt": "2026-11-01T08:00:00Z",
            "primaryDomain": {
                "id": "gid://shopify/Domain/1",
                "host": spec.domain,
                "url": f"https://{spec.domain}",
            },
            "plan": {
                "displayName": self.runtime.plan.title(),
                "publicDisplayName": self.runtime.plan.title(),
                "partnerDevelopment": False,
                "shopifyPlus": self.runtime.plan == "plus",
            },
        }

    def _node(self, gid: str) -> Obj | None:
        """Return an object by its id, or None."""
        kind, _, number = gid.removeprefix("gid://shopify/").partition("/")
        if kind == "BulkOperation":
            return self._operation(gid)
        resource = _BY_TYPE.get(kind)
        if resource is None or not number.isdigit():
            return None
        shop = self.runtime.shop
        index = shop.index_of(int(number), _OFFSETS[resource])
        if not 0 <= index < shop.count(resource):
            return None
        found = next(shop.objects(resource, index, index + 1), None)
        return found if found is not None and found["id"] == gid else None

    def _operation(self, gid: str) -> Obj | None:
        operation = self.runtime.operations.get(gid)
        if operation is None:
            return None
        self.runtime.poll(operation)
        return self._seen(operation)

    def _seen(self, operation: Operation) -> Obj:
        return self.runtime.as_object(operation, self.base_url)

    def _mutate(self, name: str, arguments: dict[str, Any]) -> Obj:
        if name == "bulkOperationRunQuery":
            return self._run(arguments["query"])
        if name == "bulkOperationCancel":
            return self._cancel(arguments["id"])
        raise GraphQLError(
            f"Access denied for {name} field.",
            extensions={"code": "ACCESS_DENIED", "requiredAccess": "none given"},
        )

    def _run(self, query: str) -> Obj:
        runtime = self.runtime
        messages: list[str] = []
        document, errors = _check(query)
        if document is None:
            messages = [f"Invalid bulk query: {errors[0]['message']}"]
        else:
            messages = check_bulk_rules(query, load_schema())
            if errors and not messages:
                messages = [f"Invalid bulk query: {e['message']}" for e in errors]
        if messages:
            wrong = [{"field": ["query"], "message": m, "code": "INVALID"} for m in messages]
            return {"bulkOperation": None, "userErrors": wrong}
        assert document is not None
        root = _operation(document, None)
        assert root is not None
        field = Compiler(load_schema(), document).fields(root.selection_set, "QueryRoot")[0].name.value
        running = runtime.running()
        limit = 5 if self.version >= FIVE_AT_ONCE else 1
        refused = runtime.faults.take("in_progress", runtime.spec.domain, field)
        if refused is not None or len(running) >= limit:
            ids = ", ".join(o.gid for o in running) or "gid://shopify/BulkOperation/1"
            message = f"A bulk query operation for this app and shop is already in progress: {ids}."
            error = {"field": None, "message": message, "code": "OPERATION_IN_PROGRESS"}
            return {"bulkOperation": None, "userErrors": [error]}
        operation = runtime.start(query, field)
        return {"bulkOperation": self._seen(operation), "userErrors": []}

    def _cancel(self, gid: str) -> Obj:
        operation = self.runtime.operations.get(gid)
        if operation is None:
            error = {"field": ["id"], "message": "Bulk operation does not exist"}
            return {"bulkOperation": None, "userErrors": [error]}
        if operation.ended:
            message = f"A bulk operation cannot be canceled when it is {operation.status.lower()}"
            return {
                "bulkOperation": self._seen(operation),
                "userErrors": [{"field": None, "message": message}],
            }
        self.runtime.cancel(operation)
        return {"bulkOperation": self._seen(operation), "userErrors": []}


_MISSING = object()


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """Return the operation of a document that is to be run, or None when it is not clear which."""
    found = [
        d
        for d in document.definitions
        if isinstance(d, OperationDefinitionNode) and (name is None or (d.name and d.name.value == name))
    ]
    return found[0] if len(found) == 1 else None


def _objects(value: Any) -> int:
    """Return how many objects an answer holds."""
    if isinstance(value, dict):
        return 1 + sum(_objects(v) for v in value.values())
    if isinstance(value, list):
        return sum(_objects(v) for v in value)
    return 0


class _Objects(Sequence[Obj]):
    """A root connection's objects, made only as far as a page needs them."""

    def __init__(self, runtime: ShopRuntime, root: str, arguments: dict[str, Any]) -> None:
        self._shop = runtime.shop
        self._root = root
        self._search = Search(arguments.get("query") or "")
        self._inactive = root != "locations" or bool(arguments.get("includeInactive"))

    def __iter__(self) -> Iterator[Obj]:
        """Yield the objects that the connection's arguments let through."""
        for value in self._shop.objects(self._root):
            if (self._inactive or value["isActive"]) and self._search.matches(value):
                yield value

    def window(self, start: int, size: int) -> tuple[list[Obj], bool]:
        """Return so many objects from a position on, and whether there are more."""
        found = list(islice(self, start, start + size + 1))
        return found[:size], len(found) > size

    def __len__(self) -> int:
        """Count the objects, making each."""
        return sum(1 for _ in self)

    def __getitem__(self, index: Any) -> Any:
        """Return the object at a position, or a slice of them."""
        return list(self)[index]


def _page(items: Sequence[Obj], arguments: dict[str, Any]) -> Obj:
    """Return one page of a connection; cursors are positions.

    Raises:
        GraphQLError: neither `first` nor `last` was given, or more than 250 were asked for.
    """
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})
    size = int(first if first is not None else last or 0)
    if size > 250:
        raise GraphQLError(f"first cannot exceed 250, was {size}", extensions={"code": "BAD_REQUEST"})
    try:
        start = int(arguments["after"]) if arguments.get("after") else 0
    except ValueError:
        raise GraphQLError("Invalid cursor for current pagination sort.") from None
    if first is None:
        start = max(0, len(items) - size)
    if isinstance(items, _Objects):
        found, more = items.window(start, size)
    else:
        found, more = list(items[start : start + size]), len(items) > start + size
    edges = [{"cursor": str(start + n + 1), "node": v} for n, v in enumerate(found)]
    return {
        "edges": edges,
        "nodes": found,
        "pageInfo": {
            "hasNextPage": more,
            "hasPreviousPage": start > 0,
            "startCursor": edges[0]["cursor"] if edges else None,
            "endCursor": edges[-1]["cursor"] if edges else None,
        },
    }
