"""`neanelu worker` as a process of its own with handlers for tests: `python worker_process.py OPTIONS-OF-THE-COMMAND`.

What the handlers do, they say on standard output.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from psycopg.types.json import Jsonb

from neanelu.cli import main
from neanelu.worker.context import Context
from neanelu.worker.handlers import Job, handler

EFFECT = "INSERT INTO public.effects (shop_id, payload, trace) VALUES (%s, %s, app.trace_id())"


def say(what: str, job: Job) -> None:
    """Say a line in one write: lines of several threads do not mix."""
    sys.stdout.write(f"{what} {job.id} {job.attempt}\n")
    sys.stdout.flush()


@handler("test.slow")
def slow(job: Job, context: Context) -> dict[str, Any]:
    """Take a while, deaf to everything, then have an effect."""
    say("begun", job)
    time.sleep(float(job.payload["seconds"]))
    with context.transaction() as connection:
        connection.execute(EFFECT, [job.shop_id, Jsonb(job.payload)])
    say("done", job)
    return {}


if __name__ == "__main__":
    main(prog_name="neanelu")
