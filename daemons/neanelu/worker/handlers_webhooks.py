"""Jobs about webhooks that need Shopify: subscriptions as they should be, and deliveries that may be made up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from neanelu.db import sql
from neanelu.db.errors import NeedsAuthorization, ShopNotInstalled
from neanelu.shopify import documents
from neanelu.shopify.errors import TokenRefused
from neanelu.webhooks.subscriptions import address_of, drift, subscribe
from neanelu.worker.context import Context
from neanelu.worker.handlers import GaveUp, Job, handler


@handler("webhooks.subscriptions")
def repair_subscriptions(job: Job, context: Context) -> dict[str, Any]:
    """Find and repair what is missing, too much or different in the shop's subscriptions."""
    if job.shop_id is None:
        raise GaveUp("the job names no shop")
    if not context.settings.webhooks_address:
        return {"skipped": "NEANELU_WEBHOOKS_ADDRESS is not set"}
    address = address_of(context.settings)
    with context.shopify(job.shop_id) as client:
        steps = subscribe(client, context.rows, job.shop_id, address)
    return {**drift(steps), "errors": [f"{step.topic}: {step.error}" for step in steps if step.error][:10]}


@handler("webhook.confirm")
def confirm(job: Job, context: Context) -> dict[str, Any]:
    """Ask Shopify whether a delivery that may be a repetition is so; what is so is processed."""
    if job.shop_id is None:
        raise GaveUp("the job names no shop")
    event = {
        "shop_id": job.shop_id,
        "event_id": UUID(job.payload["event_id"]),
        "event_created_at": job.payload["event_created_at"],
    }
    rows = context.rows(sql.WEBHOOK_QUESTION, **event)
    if not rows:
        return {"outcome": "gone"}
    is_so = _is_so(dict(rows[0]), context)
    result: dict[str, Any] = {"topic": rows[0]["topic"]}
    with context.transaction(result) as connection:
        answer = connection.execute(sql.WEBHOOK_ANSWER, {**event, "is_so": is_so}).fetchone()
        result["outcome"] = answer["outcome"] if answer else None
    return result


def _is_so(question: dict[str, Any], context: Context) -> bool:
    """Return what Shopify says; raises what keeps it from saying anything."""
    if question["kind"] == "none":
        return True
    try:
        with context.shopify() as client:
            if question["kind"] == "level":
                places = {"item": question["item_gid"], "location": question["location_gid"]}
                item = client.query(documents.text("is_stocked"), places).get("inventoryItem")
                return item is None or item.get("inventoryLevel") is None
            client.query(documents.text("is_answering"))
    except (TokenRefused, NeedsAuthorization, ShopNotInstalled):
        if question["kind"] == "level":
            raise
        return True
    return False
