"""Jobs about shops' tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from neanelu.worker.context import Context
from neanelu.worker.handlers import Job, Postponed, handler


@handler("token.refresh")
def refresh(job: Job, context: Context) -> dict[str, Any]:
    """Renew the shop's access token if it is due; payload: `insist` renews it in any case.

    The pair is stored in a transaction of its own, not the job's: it must not be lost because a lease was.
    """
    outcome = context.tokens().refresh(insist=bool(job.payload.get("insist")), wait=0.0)
    if outcome == "busy":
        raise Postponed(timedelta(seconds=15), "another refresher is at it, or it failed just now")
    return {"outcome": outcome}
