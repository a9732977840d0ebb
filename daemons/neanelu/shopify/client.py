"""A client of Shopify's Admin GraphQL API: one shop, one token, patient with throttling and server errors."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import orjson
import stamina

from neanelu import __version__
from neanelu.shopify.budget import Budget
from neanelu.shopify.errors import (
    CostExceeded,
    OperationInProgress,
    OperationRefused,
    ShopifyError,
    ShopifyRefused,
    ShopifyThrottled,
    ShopifyUnreachable,
    TokenRefused,
)

OPERATION_FIELDS: Final = """
    id status errorCode createdAt completedAt objectCount rootObjectCount fileSize url partialDataUrl query type"""
#: Grouped: a root's children follow it, which is what lets unchanged trees be known by one digest each. Nothing but speed
#: depends on it (docs/decisions/0001).
RUN_QUERY: Final = """mutation Run($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: true) {
    bulkOperation { id status createdAt }
    userErrors { code field message }
  }
}"""
GET_OPERATION: Final = (
    "query Operation($id: ID!) { node(id: $id) { ... on BulkOperation {" + OPERATION_FIELDS + " } } }"
)
CANCEL_OPERATION: Final = """mutation Cancel($id: ID!) {
  bulkOperationCancel(id: $id) { bulkOperation { id status } userErrors { field message } }
}"""

_GID = re.compile(r"gid://shopify/BulkOperation/[0-9]+")


class _ServerError(Exception):
    """An answer that may be better next time."""


class ShopifyClient:
    """Sends GraphQL to one shop. Not for use by several threads at once.

    Args:
        base_url: where the shop answers, `https://SHOP` or the sandbox's address for it.
        api_version: for instance `2026-10`.
        token: access token; never logged, never part of an exception.
        max_throttle_seconds: how long one query may wait for budget in all.
        attempts: tries of one query after transport errors and 5xx.
        renew: given the token that Shopify refused, returns another one, or the same when there is none.
        budget: the shop's API budget, that every request is drawn from; None outside of the daemons.
        sleep: waits a number of seconds (tests, and daemons that stop).
    """

    def __init__(
        self,
        base_url: str,
        api_version: str,
        token: str,
        *,
        timeout: float = 30.0,
        max_throttle_seconds: float = 300.0,
        attempts: int = 6,
        renew: Callable[[str], str] | None = None,
        budget: Budget | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.api_version = api_version
        self._url = f"{base_url.rstrip('/')}/admin/api/{api_version}/graphql.json"
        self._attempts = attempts
        self._max_throttle = max_throttle_seconds
        self._budget = budget
        self._sleep = sleep
        self.http = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=10.0),
            headers={"User-Agent": f"neanelu/{__version__}"},
            follow_redirects=False,
        )
        self._token = token
        self._renew = renew

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def __enter__(self) -> ShopifyClient:
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def query(self, document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return `data` of the answer.

        Raises:
            ShopifyRefused: token or scope.
            ShopifyUnreachable: no usable answer after several tries.
            ShopifyThrottled: no budget for longer than allowed.
            CostExceeded: the query is too expensive in itself.
            ShopifyError: any other error of GraphQL.
        """
        waited = 0.0
        while True:
            answer = self._send({"query": document, "variables": variables or {}})
            errors = answer.get("errors")
            if not errors:
                data = answer.get("data")
                if not isinstance(data, dict):
                    raise ShopifyError("Shopify's answer has neither data nor errors")
                return data
            codes = _codes(errors)
            if "THROTTLED" not in codes:
                raise _graphql_error(errors, codes)
            pause = _throttle_pause(answer)
            waited += pause
            if waited > self._max_throttle:
                raise ShopifyThrottled(f"Shopify throttled the query for {waited:.0f} s")
            if self._budget is None:
                self._sleep(pause)

    def start_operation(self, document: str) -> dict[str, Any]:
        """Ask for a bulk operation and return it (id, status, createdAt).

        Raises:
            OperationInProgress: the shop's slots are taken.
            OperationRefused: Shopify does not run this query.
            ShopifyError: see `query`.
        """
        result = self.query(RUN_QUERY, {"query": document})["bulkOperationRunQuery"]
        for error in result.get("userErrors") or ():
            message = str(error.get("message"))
            if (
                error.get("code") in ("OPERATION_IN_PROGRESS", "LIMIT_REACHED")
                or "already in progress" in message
            ):
                raise OperationInProgress(message, tuple(_GID.findall(message)))
            raise OperationRefused(f"Shopify does not run the bulk query: {message}")
        operation = result.get("bulkOperation")
        if not isinstance(operation, dict):
            raise ShopifyError("Shopify started no bulk operation and said no reason")
        return operation

    def operation(self, gid: str) -> dict[str, Any] | None:
        """Return a bulk operation's fields, or None when Shopify does not know it (any more)."""
        operation = self.query(GET_OPERATION, {"id": gid}).get("node")
        return operation if isinstance(operation, dict) and operation.get("id") else None

    def cancel_operation(self, gid: str) -> None:
        """Ask Shopify to cancel a bulk operation; one that has ended is left alone."""
        self.query(CANCEL_OPERATION, {"id": gid})

    def pages(
        self, document: str, root: str, *, first: int = 50, after: str | None = None
    ) -> Iterator[tuple[list[Any], str | None]]:
        """Yield (nodes, cursor after them) page by page; the last cursor is None."""
        while True:
            connection = self.query(document, {"first": first, "after": after})[root]
            info = connection["pageInfo"]
            after = info["endCursor"] if info["hasNextPage"] else None
            yield connection["nodes"], after
            if after is None:
                return

    def _send(self, payload: dict[str, Any]) -> dict[str, Any]:
        """POST once, and again after transport errors and 5xx, with growing pauses and jitter."""
        try:
            for attempt in stamina.retry_context(
                on=(httpx.TransportError, _ServerError),
                attempts=self._attempts,
                timeout=120.0,
                wait_initial=0.2,
                wait_max=10.0,
            ):
                with attempt:
                    return self._post(payload)
        except (httpx.TransportError, _ServerError) as error:
            raise ShopifyUnreachable(f"Shopify cannot be reached: {type(error).__name__}: {error}") from error
        raise AssertionError("unreachable")

    def _post(self, payload: dict[str, Any], *, is_renewed: bool = False) -> dict[str, Any]:
        """POST and return the answer's JSON, drawn from the shop's budget and settled by the answer."""
        grant = self._budget.acquire(payload["query"]) if self._budget is not None else None
        response = self.http.post(
            self._url,
            content=orjson.dumps(payload),
            headers={"X-Shopify-Access-Token": self._token, "Content-Type": "application/json"},
        )
        if response.status_code == 401 and self._renew is not None and not is_renewed:
            refused, self._token = self._token, self._renew(self._token)
            if self._token != refused:
                return self._post(payload, is_renewed=True)
        if response.status_code in (401, 403):
            kind = TokenRefused if response.status_code == 401 else ShopifyRefused
            raise kind(
                f"Shopify refuses the access token (HTTP {response.status_code})",
                hint="Install the app again and give the new token: neanelu shop add SHOP --token-file F",
            )
        if response.status_code == 429:
            pause = min(float(response.headers.get("retry-after", "2")), 30.0)
            if self._budget is not None and grant is not None:
                self._budget.settle(grant, None, "HTTP_429", pause)
            else:
                self._sleep(pause)
            raise _ServerError("HTTP 429")
        if response.status_code >= 500:
            raise _ServerError(f"HTTP {response.status_code}")
        if response.status_code != 200:
            raise ShopifyError(f"Shopify answered with HTTP {response.status_code}")
        try:
            answer = orjson.loads(response.content)
        except orjson.JSONDecodeError as error:
            raise _ServerError("an answer that is not JSON") from error
        if not isinstance(answer, dict):
            raise _ServerError("an answer that is no object")
        if self._budget is not None and grant is not None:
            self._budget.settle(grant, _cost(answer), "THROTTLED" if _is_throttled(answer) else None)
        return answer


def _cost(answer: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer's `extensions.cost`, None when there is none."""
    extensions = answer.get("extensions")
    cost = extensions.get("cost") if isinstance(extensions, dict) else None
    return cost if isinstance(cost, dict) else None


def _is_throttled(answer: dict[str, Any]) -> bool:
    """Say whether Shopify refused for want of points: HTTP 200 with an error's code."""
    return "THROTTLED" in _codes(answer.get("errors"))


def _codes(errors: Any) -> set[str]:
    """Return the codes of an answer's errors."""
    if not isinstance(errors, list):
        return set()
    return {str((error.get("extensions") or {}).get("code")) for error in errors if isinstance(error, dict)}


def _throttle_pause(answer: dict[str, Any]) -> float:
    """Return the seconds until the bucket holds what the query asks for: (requested - available) / restore rate."""
    cost = (answer.get("extensions") or {}).get("cost") or {}
    status = cost.get("throttleStatus") or {}
    missing = float(cost.get("requestedQueryCost") or 0) - float(status.get("currentlyAvailable") or 0)
    return min(max(missing / max(float(status.get("restoreRate") or 50), 1.0), 0.1), 60.0)


def _graphql_error(errors: list[Any], codes: set[str]) -> ShopifyError:
    """Return the exception for GraphQL errors other than throttling."""
    message = "; ".join(
        str(error.get("message")) if isinstance(error, dict) else str(error) for error in errors
    )[:500]
    if "MAX_COST_EXCEEDED" in codes:
        return CostExceeded(f"the query costs more than Shopify allows: {message}")
    if "ACCESS_DENIED" in codes:
        return ShopifyRefused(f"the token has not the scope for this query: {message}")
    return ShopifyError(f"Shopify refuses the query: {message}")
