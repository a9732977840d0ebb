"""What Shopify tells us about a shop: subscriptions as they are wanted, as they are, and what makes one of the other.

Which topics are wanted and what is to be done about a difference is decided in the database (`webhooks.plan_subscriptions`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from psycopg.types.json import Jsonb

from neanelu.db import sql
from neanelu.db.errors import InvalidInput
from neanelu.settings import Settings
from neanelu.shopify import documents
from neanelu.shopify.budget import Call
from neanelu.shopify.client import ShopifyClient
from neanelu.shopify.errors import ShopifyError

log = structlog.get_logger(__name__)

#: What changes something at Shopify: action -> document and the field of its answer.
_MUTATIONS: Final = {
    "create": ("subscription_create", "webhookSubscriptionCreate"),
    "update": ("subscription_update", "webhookSubscriptionUpdate"),
    "delete": ("subscription_delete", "webhookSubscriptionDelete"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the plan.

    Attributes:
        action: create, update, delete, keep, skip or foreign.
        topic: as in the header.
        gid: of the subscription, None for one that is to be made.
        input: of the mutation.
        reason: why, or None.
        error: what Shopify said against it, or None.
    """

    action: str
    topic: str
    gid: str | None
    input: Mapping[str, Any]
    reason: str | None
    error: str | None = None

    @property
    def is_change(self) -> bool:
        """Whether it changes something at Shopify."""
        return self.action in _MUTATIONS

    def as_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "action": self.action,
            "topic": self.topic,
            "gid": self.gid,
            "reason": self.reason,
            "error": self.error,
        }


def address_of(settings: Settings, given: str | None = None) -> str:
    """Return the receiver's public address.

    Args:
        settings: with webhooks_address.
        given: instead of the settings'.

    Raises:
        InvalidInput: there is none, or it is not https (NW031); http is for this machine only.
    """
    address = given or settings.webhooks_address
    if not address:
        raise InvalidInput(
            "the receiver's public address is not known",
            code="NW031",
            hint="--address https://…/api/webhooks, or NEANELU_WEBHOOKS_ADDRESS.",
        )
    parts = urlsplit(address)
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_here)):
        raise InvalidInput(f"{address!r} is no https address", code="NW031", hint="Shopify takes https only.")
    return address


def subscribe(
    client: ShopifyClient, call: Call, shop_id: UUID, address: str, *, dry_run: bool = False
) -> list[Step]:
    """Make the shop's subscriptions what is wanted, mirror them, and return what was done.

    Safe to repeat, and to interrupt: the next time finds what is left to do.

    Args:
        client: of the shop.
        call: runs one statement as neanelu_worker.
        shop_id: the shop.
        address: see `address_of`.
        dry_run: change nothing, neither there nor here.

    Raises:
        NeaneluError: Shopify or the database do not answer; what Shopify refuses of single topics is in the steps.
    """
    actual = list_subscriptions(client)
    rows = call(sql.PLAN_SUBSCRIPTIONS, shop_id=shop_id, address=address, actual=Jsonb(actual))
    plan = [Step(**row) for row in rows]
    if dry_run:
        return plan
    done = [_carry_out(client, step) if step.is_change else step for step in plan]
    if any(step.is_change for step in done):
        actual = list_subscriptions(client)
    call(sql.RECORD_SUBSCRIPTIONS, shop_id=shop_id, address=address, actual=Jsonb(actual))
    return done


def list_subscriptions(client: ShopifyClient) -> list[dict[str, Any]]:
    """Return the nodes of all subscriptions that the app has to the shop."""
    document = documents.text("subscriptions")
    return [node for nodes, _ in client.pages(document, "webhookSubscriptions", first=100) for node in nodes]


def drift(steps: Sequence[Step]) -> dict[str, int]:
    """Return how many steps there are of each action, and of those that Shopify refused."""
    counts: dict[str, int] = {}
    for step in steps:
        counts[step.action] = counts.get(step.action, 0) + 1
    counts["failed"] = sum(step.error is not None for step in steps)
    return counts


def _carry_out(client: ShopifyClient, step: Step) -> Step:
    """Change one subscription; what Shopify has against it becomes part of the step."""
    name, field = _MUTATIONS[step.action]
    variables: dict[str, Any] = {}
    if step.action == "create":
        variables["topic"] = step.topic.replace("/", "_").upper()
    else:
        variables["id"] = step.gid
    if step.action != "delete":
        variables["input"] = step.input
    try:
        answer = client.query(documents.text(name), variables)[field]
    except ShopifyError as error:
        if error.retryable:
            raise
        return replace(step, error=str(error))
    errors = answer.get("userErrors") or ()
    if errors:
        log.warning(
            "subscription refused", action=step.action, topic=step.topic, error=errors[0].get("message")
        )
        return replace(step, error="; ".join(str(error.get("message")) for error in errors))
    return step
