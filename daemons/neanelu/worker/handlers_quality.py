"""Jobs that tell others about changes of quality: one event to one address, by the job queue until it is taken."""

from __future__ import annotations

from typing import Any

from neanelu.db import sql
from neanelu.secrets import KeyRing, Sealed, config_place
from neanelu.worker.context import Context
from neanelu.worker.handlers import GaveUp, Job, handler
from neanelu.worker.outbound import Undelivered, post


def endpoint_setting(name: str) -> str:
    """Return the setting that has the sealed secret of an address."""
    return f"pim.endpoint.{name}"


def open_secret(keys: KeyRing, name: str, sealed: bytes) -> str:
    """Return the secret that signs what goes to an address; raises OpenError."""
    return keys.open(Sealed.unpack(sealed), config_place(endpoint_setting(name))).decode()


@handler("quality.notify")
def notify(job: Job, context: Context) -> dict[str, Any]:
    """Post one event to one address. It is marked in the transaction that ends the job, so once.

    A crash between the answer and that transaction posts it again: the receiver knows it by its `webhook-id`.
    """
    ids = {"event_id": job.payload["event_id"], "endpoint_id": job.payload["endpoint_id"]}
    rows = context.rows(sql.QUALITY_DELIVERY, **ids)
    if not rows:
        return {"outcome": "gone"}
    row = rows[0]
    name = row["endpoint_name"]
    sealed = context.rows(sql.SEALED_CONFIG, key=endpoint_setting(name))[0]["sealed"]
    secret = open_secret(context.services.keys, name, sealed)
    answer = post(row["url"], ids["event_id"], row["body"], secret, context.settings)
    result: dict[str, Any] = {"endpoint": name, "http_status": answer.status}
    taken = {
        **ids,
        "http_status": answer.status,
        "error": answer.error,
        "is_last": job.attempt >= job.max_attempts,
    }
    if answer.error is None:
        with context.transaction(result) as connection:
            recorded = connection.execute(sql.RECORD_DELIVERY, taken).fetchone()
            result["outcome"] = recorded["status"] if recorded else None
        return result
    status = context.rows(sql.RECORD_DELIVERY, **taken)[0]["status"]
    if status != "pending":
        raise GaveUp(f"{name} did not take the event: {answer.error}", code="NQ011")
    raise Undelivered(f"{name} did not take the event: {answer.error}")
