"""`neanelu worker` as a process of its own with handlers for tests: `python worker_process.py OPTIONS-OF-THE-COMMAND`.

What the handlers do, they say on standard output.
"""

from __future__ import annotations

import time
from typing import Any

from psycopg.types.json import Jsonb

from neanelu.cli import main
from neanelu.worker.context import Context
from neanelu.worker.handlers import Job, handler

EFFECT = "INSERT INTO public.effects (shop_id, payload, trace) VALUES (%s, %s, app.trace_id())"


@handler("test.slow")
def slow(job: Job, context: Context) -> dict[str, Any]:
    """Take a while, deaf to everything, then have an effect."""
    print("begun", job.id, job.attempt, flush=True)
    time.sleep(float(job.payload["seconds"]))
    with context.transaction() as connection:
        connection.execute(EFFECT, [job.shop_id, Jsonb(job.payload)])
    print("done", job.id, job.attempt, flush=True)
    return {}


if __name__ == "__main__":
    main(prog_name="neanelu")
