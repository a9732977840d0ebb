"""Jobs that keep the mirror true: objects asked for one by one, and comparisons with Shopify. The database decides, these ask."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from datetime import timedelta
from typing import Any

from psycopg.types.json import Jsonb

from neanelu.db import sql
from neanelu.db.errors import ComparisonOver, NeaneluError, TryAgain
from neanelu.shopify import nodes
from neanelu.shopify.client import ShopifyClient
from neanelu.shopify.errors import ShopifyThrottled
from neanelu.worker.context import Context
from neanelu.worker.handlers import GaveUp, Job, Postponed, handler

#: Objects of one answer to the database, and seconds after which a job leaves the rest to another one.
BATCH, TURN_SECONDS = 50, 45.0
#: How long to wait for a merge that is under way, or for points.
_BUSY, _DRY = timedelta(seconds=10), timedelta(seconds=60)


@handler("mirror.fetch")
def fetch(job: Job, context: Context) -> dict[str, Any]:
    """Ask for the objects of a shop that are due, and hand over what there is of them."""
    if job.shop_id is None:
        raise GaveUp("the job names no shop")
    totals: Counter[str] = Counter()
    until = time.monotonic() + TURN_SECONDS
    if job.attempt > 1:  # who had it may have died with a claim that is good for minutes
        context.rows(sql.FORGET_CLAIMS, shop_id=job.shop_id)
    claims = context.rows(sql.CLAIM_FETCHES, shop_id=job.shop_id, limit=BATCH)
    if claims:
        with context.shopify() as client:
            while claims:
                totals.update(_fetch(client, context, claims[0]))
                context.check()
                if time.monotonic() > until:
                    break
                claims = context.rows(sql.CLAIM_FETCHES, shop_id=job.shop_id, limit=BATCH)
    result: dict[str, Any] = dict(totals)
    with context.transaction(result) as connection:
        connection.execute(sql.NEXT_FETCH, {"shop_id": job.shop_id})
    return result


def _fetch(client: ShopifyClient, context: Context, claim: dict[str, Any]) -> dict[str, int]:
    """Ask for the objects of one claim; return what became of them."""
    query = nodes.query_for(claim["resource"], claim["kind"])
    about = {
        "shop_id": context.job.shop_id,
        "resource": claim["resource"],
        "asked": claim["object_ids"],
        "claimed_at": claim["claimed_at"],
    }
    try:
        lines = list(query.lines(client, claim["object_ids"]))
        rows = context.rows(sql.APPLY_FETCHED, **about, lines=lines)
    except Exception as error:
        with contextlib.suppress(NeaneluError):  # a claim that nobody gives back ends by itself
            context.rows(sql.RELEASE_FETCHES, **about)
        if isinstance(error, TryAgain):
            raise Postponed(_BUSY, str(error)) from error
        if isinstance(error, ShopifyThrottled):
            raise Postponed(_DRY, str(error)) from error
        raise
    result: dict[str, Any] = rows[0]["result"]
    return {name: result[name] for name in ("asked", "written", "deleted", "refused")}


@handler("mirror.reconcile")
def reconcile(job: Job, context: Context) -> dict[str, Any]:
    """Compare one resource of a shop with Shopify, asking what the database wants to know until it wants no more.

    Payload: `resource`; `grace_seconds`, instead of the setting, where no webhook can be on its way.
    """
    if job.shop_id is None:
        raise GaveUp("the job names no shop")
    resource, grace = str(job.payload.get("resource")), job.payload.get("grace_seconds")
    begun = context.rows(
        sql.BEGIN_COMPARISON,
        shop_id=job.shop_id,
        resource=resource,
        grace=None if grace is None else timedelta(seconds=float(grace)),
    )
    if not begun:
        return {"resource": resource, "skipped": "nothing was brought whole yet"}
    comparison, questions = begun[0]["comparison_id"], begun[0]["questions"]
    asked = 0
    try:
        with context.shopify() as client:
            while questions:
                context.check()
                answers = [_answer(client, resource, question) for question in questions]
                asked += len(answers)
                rows = context.rows(
                    sql.CONTINUE_COMPARISON,
                    shop_id=job.shop_id,
                    comparison_id=comparison,
                    answers=Jsonb(answers),
                )
                questions = rows[0]["questions"]
    except ShopifyThrottled as error:
        raise Postponed(_DRY, str(error)) from error
    except ComparisonOver as error:
        return {"resource": resource, "skipped": str(error)}
    return {"resource": resource, "comparison": str(comparison), "asked": asked}


def _answer(client: ShopifyClient, resource: str, question: dict[str, Any]) -> dict[str, Any]:
    """Return a question with Shopify's answer."""
    if question["kind"] == "count":
        return {**question, "count": nodes.count(client, resource, question["filter"])}
    return {**question, "objects": list(nodes.listed(client, resource, question["filter"]))}
