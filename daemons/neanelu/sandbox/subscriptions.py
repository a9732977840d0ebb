"""Webhook subscriptions of a shop, as the Admin API creates, changes, lists and deletes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from neanelu.sandbox.generator import Obj

#: Topics that the sandbox sends to subscriptions, as they stand in the header.
TOPICS: tuple[str, ...] = (
    "app/scopes_update",
    "app/uninstalled",
    "bulk_operations/finish",
    "collections/create",
    "collections/delete",
    "collections/update",
    "customers/create",
    "customers/delete",
    "customers/update",
    "inventory_items/create",
    "inventory_items/delete",
    "inventory_items/update",
    "inventory_levels/connect",
    "inventory_levels/disconnect",
    "inventory_levels/update",
    "locations/create",
    "locations/delete",
    "locations/update",
    "metaobjects/create",
    "metaobjects/delete",
    "metaobjects/update",
    "orders/cancelled",
    "orders/create",
    "orders/delete",
    "orders/paid",
    "orders/updated",
    "product_publications/create",
    "product_publications/delete",
    "product_publications/update",
    "products/create",
    "products/delete",
    "products/update",
    "shop/update",
    "variants/in_stock",
    "variants/out_of_stock",
)
#: Topics that go to the app's own address, subscribed or not.
PRIVACY_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")
#: name in the API -> name in the header
BY_ENUM = {topic.replace("/", "_").upper(): topic for topic in TOPICS}


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Subscriptions:
    """The subscriptions of one shop.

    Args:
        first: number of the first subscription's id.
        now: tells the time.
    """

    def __init__(self, first: int, now: Callable[[], float] = time.time) -> None:
        self._next = first
        self._now = now
        self.by_id: dict[str, Obj] = {}

    def matching(self, topic: str) -> list[Obj]:
        """Return the subscriptions to a topic (as in the header)."""
        return [s for s in list(self.by_id.values()) if BY_ENUM.get(s["topic"]) == topic]

    def search(self, arguments: dict[str, Any]) -> list[Obj]:
        """Return what a `webhookSubscriptions` query asks for, in the order of ids."""
        uri = arguments.get("uri") or arguments.get("callbackUrl")
        found = [
            s
            for s in self.by_id.values()
            if (not arguments.get("topics") or s["topic"] in arguments["topics"])
            and uri in (None, s["uri"])
            and arguments.get("format") in (None, s["format"])
        ]
        return found[::-1] if arguments.get("reverse") else found

    def add(self, topic: str, uri: str, version: str = "2026-10", **values: Any) -> Obj:
        """Subscribe without asking, for tests.

        Args:
            topic: as in the header or as in the API.
            uri: where deliveries are posted.
            version: of the API, told in a header.
            values: includeFields and the like.

        Raises:
            ValueError: refused, with the first user error's message.
        """
        name = topic.replace("/", "_").upper()
        answer = self.create(name, {"uri": uri, **values}, version)
        if answer["userErrors"]:
            raise ValueError(answer["userErrors"][0]["message"])
        made: Obj = answer["webhookSubscription"]
        return made

    def create(self, topic: str, given: dict[str, Any], version: str) -> Obj:
        """Answer `webhookSubscriptionCreate`."""
        uri = given.get("uri") or given.get("callbackUrl")
        errors = self._errors(topic, uri, given, None)
        if errors:
            return {"webhookSubscription": None, "userErrors": errors}
        self._next += 1
        at = _iso(self._now())
        made: Obj = {
            "__typename": "WebhookSubscription",
            "id": f"gid://shopify/WebhookSubscription/{self._next}",
            "legacyResourceId": str(self._next),
            "topic": topic,
            "apiVersion": {
                "__typename": "ApiVersion",
                "handle": version,
                "displayName": version,
                "supported": True,
            },
            "createdAt": at,
            **self._fields({"format": "JSON"}, given, str(uri), at),
        }
        self.by_id[made["id"]] = made
        return {"webhookSubscription": made, "userErrors": []}

    def update(self, gid: str, given: dict[str, Any]) -> Obj:
        """Answer `webhookSubscriptionUpdate`."""
        known = self.by_id.get(gid)
        if known is None:
            return {"webhookSubscription": None, "userErrors": [_missing()]}
        uri = given.get("uri") or given.get("callbackUrl") or known["uri"]
        errors = self._errors(known["topic"], uri, given, gid)
        if errors:
            return {"webhookSubscription": None, "userErrors": errors}
        changed = {**known, **self._fields(known, given, uri, _iso(self._now()))}
        self.by_id[gid] = changed
        return {"webhookSubscription": changed, "userErrors": []}

    def delete(self, gid: str) -> Obj:
        """Answer `webhookSubscriptionDelete`."""
        if self.by_id.pop(gid, None) is None:
            return {"deletedWebhookSubscriptionId": None, "userErrors": [_missing()]}
        return {"deletedWebhookSubscriptionId": gid, "userErrors": []}

    def clear(self) -> None:
        """Delete all, as an uninstall does."""
        self.by_id.clear()

    def _errors(self, topic: str, uri: Any, given: dict[str, Any], own: str | None) -> list[Obj]:
        """Return the user errors of a wish: a topic that is not sent, an address that is none, or taken."""
        field = ["webhookSubscription", "callbackUrl" if given.get("callbackUrl") else "uri"]
        if topic not in BY_ENUM:
            allowed = ", ".join(TOPICS)
            message = f"Invalid topic specified: {topic.lower()}. Topics allowed: {allowed}"
            return [{"field": ["topic"], "message": message}]
        if not uri:
            return [{"field": field, "message": "Address can't be blank"}]
        parts = urlsplit(str(uri))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return [{"field": field, "message": "Address is invalid"}]
        if given.get("format") == "XML":
            return [{"field": ["webhookSubscription", "format"], "message": "Format is not supported"}]
        taken = any(
            s["id"] != own
            and s["topic"] == topic
            and s["uri"] == uri
            and s["filter"] == given.get("filter", s["filter"] if own else None)
            for s in self.by_id.values()
        )
        return [{"field": field, "message": "Address for this topic has already been taken"}] if taken else []

    @staticmethod
    def _fields(known: Obj, given: dict[str, Any], uri: str, at: str) -> Obj:
        """Return what an input sets; what it does not name stays."""
        return {
            "uri": uri,
            "callbackUrl": uri,
            "endpoint": {"__typename": "WebhookHttpEndpoint", "callbackUrl": uri},
            "format": given.get("format") or known.get("format"),
            "filter": given.get("filter", known.get("filter")),
            "name": given.get("name", known.get("name")),
            "includeFields": given.get("includeFields", known.get("includeFields")) or [],
            "metafieldNamespaces": given.get("metafieldNamespaces", known.get("metafieldNamespaces")) or [],
            "metafields": given.get("metafields", known.get("metafields")) or [],
            "updatedAt": at,
        }


def _missing() -> Obj:
    return {"field": ["id"], "message": "Webhook subscription does not exist"}
