"""The Admin GraphQL API of the sandbox: validation, costs, throttling, and answers from generated shops."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    get_named_type,
    parse,
    validate,
)

from neanelu.sandbox.costs import MAX_COST, actual_cost, requested_cost
from neanelu.sandbox.generator import Obj
from neanelu.sandbox.pages import Objects, page
from neanelu.sandbox.projection import SUPPORTED_ROOTS, Compiler, default_for, narrow
from neanelu.sandbox.schema import load_schema
from neanelu.sandbox.search import Search
from neanelu.sandbox.shops import FIVE_AT_ONCE, Operation, ShopRuntime
from neanelu.shopify.documents import check_bulk_rules

_VERSION = re.compile(r"^(\d{4}-(?:01|04|07|10)|unstable)$")
_UNDEFINED = re.compile(r"Cannot query field '([^']+)' on type '([^']+)'")
_COUNTS = {
    "productsCount": "products",
    "customersCount": "customers",
    "ordersCount": "orders",
    "collectionsCount": "collections",
    "locationsCount": "locations",
    "publicationsCount": "publications",
    "productVariantsCount": "productVariants",
}
#: Root fields that answer one object by its id.
_SINGLES = frozenset(
    [
        "node",
        "product",
        "productVariant",
        "inventoryItem",
        "inventoryLevel",
        "customer",
        "order",
        "collection",
        "location",
        "metaobject",
        "metaobjectDefinition",
        "publication",
        "menu",
        "webhookSubscription",
    ]
)
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
        requested = requested_cost(document, operation, variables)
        with self.runtime.lock:
            refusal = self._refusal(requested)
            if refusal is not None:
                return refusal
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
            actual = requested if is_mutation else min(requested, actual_cost(result.data))
            self.runtime.bucket.pay(actual)
            body: dict[str, Any] = {"data": result.data}
            if result.errors:
                body["errors"] = [
                    {**_shaped(e, "INTERNAL_SERVER_ERROR"), "path": e.path, "extensions": e.extensions or {}}
                    for e in result.errors
                ]
            body["extensions"] = self._told(requested, actual)
            return body

    def _told(self, requested: int, actual: int | None) -> dict[str, Any]:
        """Return the extensions that tell of a query's cost."""
        status = self.runtime.bucket.status()
        return {
            "cost": {
                "requestedQueryCost": requested,
                "actualQueryCost": actual,
                "throttleStatus": status,
            }
        }

    def _refusal(self, requested: int) -> dict[str, Any] | None:
        """Return the answer to a query that is too dear in itself or for what the bucket holds."""
        if requested > MAX_COST:
            message = (
                f"Query cost is {requested}, which exceeds the single query max cost limit ({MAX_COST})."
            )
            code = {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": MAX_COST}
            return {
                "errors": [{"message": message, "extensions": code}],
                "extensions": self._told(requested, None),
            }
        bucket = self.runtime.bucket
        asked = self.runtime.faults.take("throttle", self.runtime.spec.domain)
        if asked is None and bucket.refill() >= requested:
            return None
        bucket.throttled += 1
        extensions = self._told(requested, None)
        if asked is not None:
            status = extensions["cost"]["throttleStatus"]
            status["currentlyAvailable"] = min(int(status["currentlyAvailable"]), max(requested - 1, 0))
        self.runtime.log.info("sandbox.throttled", requested=requested)
        return {
            "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
            "extensions": extensions,
        }

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
            return page(value, arguments, self.runtime.live is not None)
        if isinstance(value, list) and arguments:
            value = narrow(name, value, arguments)
        return value

    def _root(self, name: str, arguments: dict[str, Any], info: GraphQLResolveInfo[Any]) -> Any:
        runtime = self.runtime
        if name == "shop":
            return runtime.shop_object()
        if name in _COUNTS:
            return self._count(_COUNTS[name], arguments)
        if name == "bulkOperation":
            return self._operation(arguments["id"])
        if name == "currentBulkOperation":
            last = list(runtime.operations)[-1:]
            return self._operation(last[0]) if last else None
        if name == "bulkOperations":
            return [self._seen(o) for o in reversed(runtime.operations.values())]
        if name == "webhookSubscriptions":
            return runtime.subscriptions.search(arguments)
        if name == "webhookSubscriptionsCount":
            return {"count": len(runtime.subscriptions.by_id), "precision": "EXACT"}
        if name == "nodes":
            return [self._node(i) for i in arguments["ids"]]
        if name == "location" and not arguments.get("id"):
            return next((n for n in runtime.source.objects("locations") if n["isPrimary"]), None)
        if name in _SINGLES:
            return self._node(arguments["id"])
        if name == "metaobjects":
            definitions = runtime.source.metaobject_definitions()
            found = [m for d in definitions if d["type"] == arguments["type"] for m in d["metaobjects"]]
            return list(filter(Search(arguments.get("query") or "").matches, found))
        if name in SUPPORTED_ROOTS:
            return Objects(runtime.source, name, arguments)
        return default_for(info.return_type)

    def _count(self, resource: str, arguments: dict[str, Any]) -> Obj:
        """Return how many objects of a resource there are, or how many of them a search finds."""
        runtime = self.runtime
        if arguments.get("query") or runtime.spec.edits:
            search = Search(arguments.get("query") or "")
            count = sum(1 for value in runtime.source.objects(resource) if search.matches(value))
        else:
            count = runtime.source.count(resource)
        limit = arguments.get("limit", 10_000)
        over = limit is not None and count > limit
        return {"count": limit if over else count, "precision": "AT_LEAST" if over else "EXACT"}

    def _node(self, gid: str) -> Obj | None:
        """Return an object by its id, or None."""
        kind, _, number = gid.removeprefix("gid://shopify/").partition("/")
        if kind == "BulkOperation":
            return self._operation(gid)
        if kind == "WebhookSubscription":
            return self.runtime.subscriptions.by_id.get(gid)
        if self.runtime.live is not None:
            return self.runtime.live.node(gid)
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
        subscriptions = self.runtime.subscriptions
        if name == "webhookSubscriptionCreate":
            return subscriptions.create(arguments["topic"], arguments["webhookSubscription"], self.version)
        if name == "webhookSubscriptionUpdate":
            return subscriptions.update(arguments["id"], arguments["webhookSubscription"])
        if name == "webhookSubscriptionDelete":
            return subscriptions.delete(arguments["id"])
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
