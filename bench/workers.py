"""Workers that are killed, and one that idles.

- `workers_killed_*`: 8 worker processes do jobs whose effect is one row; one of them is killed with -9 every second and
  replaced. Every effect must be there once, and no job may stay with a dead worker for longer than a lease and five seconds.
- `workers_latency_*`: from before the enqueuer's statement to the first statement of the job's function, one worker that
  has nothing else to do, jobs at random moments.
- `workers_rate_*`: jobs a second of one process and of eight, each job a transaction of its own with one row.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from bench import frame
from neanelu.platform.scratch import Database

WORKERS = 8
SHOPS = 40
LEASE = 5.0
#: Jobs of the killing and of the rates, single jobs of the latency.
SIZES = {"small": (2_000, 1_500, 150), "full": (100_000, 10_000, 1_000)}

PREPARE = f"""
CREATE TABLE public.effects (n bigint, sent double precision, at timestamptz NOT NULL DEFAULT clock_timestamp());
GRANT USAGE ON SCHEMA public TO neanelu_engine;
GRANT INSERT ON public.effects TO neanelu_engine;
SET ROLE neanelu_engine;
CREATE FUNCTION jobs.bench_effect(p_shop_id uuid, p_payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.effects (n, sent) VALUES ((p_payload ->> 'n')::bigint, (p_payload ->> 'sent')::double precision);
    RETURN NULL;
END $$;
SELECT jobs.register_handler(
    'bench.effect', 'webhooks', 'database', 'jobs.bench_effect(uuid, jsonb)', 100, '{LEASE} seconds', '1 second');
RESET ROLE;
UPDATE neanelu.scheduled_tasks SET is_active = false;
SELECT shops.register(shops.reserve_id(d), d, '\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'),
                      1, '{{a}}')
  FROM (SELECT 'bench' || n || '.myshopify.com' AS d FROM generate_series(1, {SHOPS}) AS n) AS s;
"""
ENQUEUE = f"""
SELECT count(*) FROM jobs.enqueue_many('webhooks', 'bench.effect',
    (SELECT array_agg(s.ids[1 + n %% {SHOPS}] ORDER BY n)
       FROM generate_series(1, %(count)s) AS n, (SELECT array_agg(id) AS ids FROM neanelu.shops) AS s),
    (SELECT array_agg(jsonb_build_object('n', n) ORDER BY n) FROM generate_series(1, %(count)s) AS n))
"""
OPEN = "SELECT count(*) FROM neanelu.job_runs WHERE status IN ('waiting', 'active')"


def _value(connection: psycopg.Connection[Any], statement: str, **values: Any) -> Any:
    """Return the first value that a statement answers."""
    row = connection.execute(statement, values).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


class Crew:
    """Worker processes of a database."""

    def __init__(self, database: Database, concurrency: int) -> None:
        self._environment = frame.product_environment(database) | {
            "NEANELU_WORKER_PORT": "0",
            "NEANELU_WORKER_LOG_LEVEL": "error",
            "NEANELU_WORKER_CONCURRENCY": str(concurrency),
        }
        self.living: list[subprocess.Popen[bytes]] = []

    def hire(self, count: int = 1) -> None:
        """Start so many."""
        for _ in range(count):
            self.living.append(
                subprocess.Popen(
                    [sys.executable, "-m", "neanelu", "worker"],
                    env=self._environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )

    def kill(self, among: set[int]) -> int | None:
        """Kill the longest serving of these process ids and return it; None when none of ours is among them."""
        victim = next((process for process in self.living if process.pid in among), None)
        if victim is None:
            return None
        self.living.remove(victim)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        return victim.pid

    def dismiss(self) -> None:
        """Stop all as they should be; they must end with 0."""
        for process in self.living:
            process.terminate()
        codes = [process.wait(60) for process in self.living]
        if any(codes):
            raise RuntimeError(f"workers ended with {codes}")
        self.living.clear()


@contextmanager
def crew(database: Database, concurrency: int) -> Iterator[Crew]:
    """Yield worker processes that do not outlive the block."""
    made = Crew(database, concurrency)
    try:
        yield made
    finally:
        for process in made.living:
            process.kill()
            process.wait()


def _listening(connection: psycopg.Connection[Any]) -> set[int]:
    """Return the process ids of the workers that have come up."""
    query = (
        "SELECT split_part(application_name, ' ', 3)::integer FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'neanelu listen %'"
    )
    return {row[0] for row in connection.execute(query)}


def _wait_for_workers(connection: psycopg.Connection[Any], count: int) -> None:
    """Wait until so many listen."""
    until = time.monotonic() + 60
    while len(_listening(connection)) < count:
        if time.monotonic() > until:
            raise RuntimeError("the workers do not come")
        time.sleep(0.05)


def _killed(database: Database, connection: psycopg.Connection[Any], count: int) -> list[frame.Figure]:
    """Do the jobs while workers are killed."""
    connection.execute("TRUNCATE public.effects")
    _value(connection, ENQUEUE, count=count)
    killed: dict[int, float] = {}
    longest, began = 0.0, time.monotonic()
    due = began + 1.0
    with crew(database, 4) as workers:
        workers.hire(WORKERS)
        while _value(connection, OPEN):
            up = _listening(connection) if time.monotonic() >= due else set()
            # Where half of them are still starting, killing more would measure how Python starts.
            if len(up) > WORKERS // 2:
                due = time.monotonic() + 1.0
                victim = workers.kill(up)
                if victim is not None:
                    killed[victim] = time.monotonic()
                    workers.hire()
            now = time.monotonic()
            for (pid,) in connection.execute(
                "SELECT DISTINCT split_part(leased_by, ':', 2)::integer FROM neanelu.job_slots WHERE job_id IS NOT NULL"
            ):
                longest = max(longest, now - killed.get(pid, now))
            time.sleep(0.05)
        seconds = time.monotonic() - began
        _wait_for_workers(connection, WORKERS)
        workers.dismiss()
    effects = _value(connection, "SELECT count(*) FROM public.effects")
    different = _value(connection, "SELECT count(DISTINCT n) FROM public.effects")
    again = _value(connection, "SELECT count(*) FROM neanelu.job_runs WHERE attempts > 1")
    return [
        frame.figure("workers_killed_jobs", count, "jobs"),
        frame.figure("workers_killed_kills", len(killed), "kills"),
        frame.figure("workers_killed_again", again, "jobs"),
        frame.figure("workers_killed_missing", count - different, "effects", most=0),
        frame.figure("workers_killed_double", effects - different, "effects", most=0),
        frame.figure("workers_killed_longest_stuck", longest, "s", most=LEASE + 5.0),
        frame.figure("workers_killed_rate", count / seconds, "jobs/s", digits=0),
    ]


def _latency(database: Database, connection: psycopg.Connection[Any], count: int) -> list[frame.Figure]:
    """Ask for single jobs of an idle worker."""
    connection.execute("TRUNCATE public.effects")
    shops = [row[0] for row in connection.execute("SELECT id FROM neanelu.shops")]
    dice = random.Random(20261121)
    with crew(database, 8) as workers:
        workers.hire()
        _wait_for_workers(connection, 1)
        time.sleep(1.0)
        for number in range(count):
            time.sleep(dice.uniform(0.02, 0.12))
            connection.execute(
                "SELECT jobs.enqueue('webhooks', 'bench.effect', %s, jsonb_build_object('n', %s::int, 'sent', %s::float8))",
                [dice.choice(shops), number, time.time()],
            )
        until = time.monotonic() + 30
        while _value(connection, OPEN):
            if time.monotonic() > until:
                raise RuntimeError("jobs are left")
            time.sleep(0.05)
        workers.dismiss()
    waits = sorted(
        row[0] * 1000
        for row in connection.execute("SELECT extract(epoch FROM at)::float8 - sent FROM public.effects")
    )
    if len(waits) != count:
        raise RuntimeError(f"{len(waits)} of {count} effects")
    return [
        frame.figure("workers_latency_median", waits[len(waits) // 2], "ms", digits=1),
        frame.figure("workers_latency_p99", waits[int(len(waits) * 0.99)], "ms", most=100, digits=1),
    ]


def _rate(database: Database, connection: psycopg.Connection[Any], processes: int, count: int) -> float:
    """Return the jobs a second that so many processes do, from the first effect to the last."""
    connection.execute("TRUNCATE public.effects")
    with crew(database, 8) as workers:
        workers.hire(processes)
        _wait_for_workers(connection, processes)
        _value(connection, ENQUEUE, count=count)
        while _value(connection, OPEN):
            time.sleep(0.05)
        workers.dismiss()
    return float(
        _value(
            connection,
            "SELECT (count(*) / extract(epoch FROM max(at) - min(at)))::float8 FROM public.effects",
        )
    )


def run(scale: str) -> list[frame.Figure]:
    """Measure."""
    killed, rated, single = SIZES[scale]
    figures: list[frame.Figure] = []
    with frame.steps("workers", 4) as step:
        database = frame.laboratory().create()
        with database.connect() as connection:
            connection.execute(PREPARE)
            step(f"{single} single jobs of an idle worker")
            figures += _latency(database, connection, single)
            step(f"{rated} jobs by one worker")
            figures.append(
                frame.figure("workers_rate_one", _rate(database, connection, 1, rated), "jobs/s", digits=0)
            )
            step(f"{rated} jobs by {WORKERS} workers")
            figures.append(
                frame.figure(
                    "workers_rate_eight", _rate(database, connection, WORKERS, rated), "jobs/s", digits=0
                )
            )
            step(f"{killed} jobs, {WORKERS} workers, one killed every second")
            figures += _killed(database, connection, killed)
        frame.drop(database)
    return figures
