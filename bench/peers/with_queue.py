"""Enqueues and consumes empty jobs with pgqueuer or procrastinate; runs in their own environment.

    with_queue.py HOST DATABASE pgqueuer|pgqueuer_one|procrastinate install|enqueue|consume JOBS

pgqueuer drains the queue with its asyncpg driver and batches of 250, the best of 10, 100, 250 and 1,000, on a pool of two
connections, or (pgqueuer_one) on one; procrastinate with its async connector and 100 jobs at a time, the best of 20, 50 and 100,
and as many connections as it likes. `consume` prints the seconds from the first fetch to the last job's end, without the
interpreter's start.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
import time
from typing import Any

BATCH = int(os.environ.get("BENCH_BATCH", "250"))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "2"))
CONCURRENCY = int(os.environ.get("BENCH_CONCURRENCY", "100"))


async def with_pgqueuer(
    host: str, database: str, action: str, jobs: int, connections: int = CONNECTIONS
) -> float:
    """Do one action with pgqueuer; return its seconds."""
    import asyncpg
    from pgqueuer import PgQueuer
    from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
    from pgqueuer.queries import Queries
    from pgqueuer.types import QueueExecutionMode

    connection = await asyncpg.connect(host=host, database=database, user="postgres")
    queries = Queries(AsyncpgDriver(connection))
    started = time.perf_counter()
    if action == "install":
        await queries.install()
    elif action == "enqueue":
        for first in range(0, jobs, 1000):
            count = min(1000, jobs - first)
            await queries.enqueue(["empty"] * count, [None] * count, [0] * count)
    else:
        pool = None
        if connections > 1:
            pool = await asyncpg.create_pool(
                host=host, database=database, user="postgres", min_size=connections, max_size=connections
            )
        queuer = PgQueuer(AsyncpgPoolDriver(pool) if pool else AsyncpgDriver(connection))

        @queuer.entrypoint("empty")
        async def empty(job: Any) -> None:
            pass

        started = time.perf_counter()
        await queuer.run(batch_size=BATCH, mode=QueueExecutionMode.drain)
    seconds = time.perf_counter() - started
    if not connection.is_closed():
        await connection.close()
    return seconds


async def with_procrastinate(host: str, database: str, action: str, jobs: int) -> float:
    """Do one action with procrastinate; return its seconds."""
    import procrastinate

    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=f"host={host} dbname={database} user=postgres", max_size=CONCURRENCY
        )
    )

    @app.task(name="empty", pass_context=False)
    async def empty() -> None:
        pass

    async with app.open_async():
        started = time.perf_counter()
        if action == "install":
            await app.schema_manager.apply_schema_async()
        elif action == "enqueue":
            for first in range(0, jobs, 1000):
                await empty.batch_defer_async(*([{}] * min(1000, jobs - first)))
        else:
            await app.run_worker_async(
                wait=False, concurrency=CONCURRENCY, install_signal_handlers=False, listen_notify=False
            )
        return time.perf_counter() - started


def main() -> None:
    """Do what the command line says and print the seconds."""
    host, database, peer, action, jobs = sys.argv[1:]
    work = {
        "pgqueuer": with_pgqueuer,
        "pgqueuer_one": functools.partial(with_pgqueuer, connections=1),
        "procrastinate": with_procrastinate,
    }[peer]
    print(asyncio.run(work(host, database, action, int(jobs))))


main()
