"""Vectors follow what changes: texts are collected for the model in use and, when it is the local one, embedded here."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import Any

import structlog

from neanelu.embeddings import ProviderMissing
from neanelu.embeddings.run import collect, embed, find_model
from neanelu.worker.context import Context
from neanelu.worker.handlers import Job, handler

log = structlog.get_logger(__name__)

#: Seconds after which a job leaves the rest to the next minute's, and how often everything is looked at.
TURN_SECONDS, EVERY = 30.0, timedelta(minutes=5)


@handler("ai.embed_local")
def embed_local(job: Job, context: Context) -> dict[str, Any]:
    """Collect texts that changed; embed them when the model in use is local. Others' texts wait for `neanelu ai run`."""
    until = time.monotonic() + TURN_SECONDS
    model = find_model(context.rows)
    totals: Counter[str] = Counter(collect(context.rows, model["name"], every=EVERY))
    result: dict[str, Any] = {"model": model["name"]}
    if model["provider"] == "local":
        try:
            for batch in embed(context.rows, model, context.settings, politely=True):
                totals.update(batch)
                context.check()
                if time.monotonic() > until:
                    break
        except ProviderMissing as error:
            log.warning("texts wait for a model that is not installed", error=str(error))
            result["skipped"] = str(error)
    return {**result, **totals}
