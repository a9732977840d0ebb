"""What tests of the worker share: jobs with an effect that can be counted, and worker processes to be stopped and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from conftest import REPO
from psycopg.types.json import Jsonb

from neanelu.platform.scratch import Database

#: A table for effects; a job of the database that sleeps, fails or has one; jobs that daemons do.
INSTALL = """
CREATE TABLE public.effects (
    id bigint GENERATED ALWAYS AS IDENTITY, shop_id uuid, payload jsonb, trace text, at timestamptz DEFAULT clock_timestamp());
GRANT USAGE ON SCHEMA public TO neanelu_engine, neanelu_worker;
GRANT SELECT, INSERT ON public.effects TO neanelu_engine, neanelu_worker;
SET ROLE neanelu_engine;
CREATE FUNCTION jobs.test_effect(p_shop_id uuid, p_payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep((p_payload ->> 'sleep')::float);
    INSERT INTO public.effects (shop_id, payload, trace) VALUES (p_shop_id, p_payload, app.trace_id());
    IF p_payload ? 'fail' THEN
        RAISE EXCEPTION 'as told' USING ERRCODE = p_payload ->> 'fail';
    END IF;
    RETURN jsonb_build_object('n', p_payload -> 'n');
END $$;
SELECT jobs.register_handler('test.effect', 'webhooks', 'database', 'jobs.test_effect(uuid, jsonb)', 50, '10 seconds', '0');
SELECT jobs.register_handler(n, 'sync', 'daemon', NULL, 50, '10 seconds', '0')
  FROM unnest('{test.slow,test.daemon,test.nobody}'::text[]) AS n;
RESET ROLE;
"""


class Jobs:
    """Jobs in a database of its own, with shops to have them for."""

    def __init__(self, dsn: Callable[[str], str], shops: int = 10) -> None:
        self.dsn = dsn
        self.connect()
        self.connection.execute(INSTALL)
        sealed = "'\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), 1, '{a}'"
        self.shops: list[UUID] = [
            self.value(f"SELECT shops.register(shops.reserve_id(d), d, {sealed}) FROM (VALUES (%s)) AS v (d)", domain)
            for domain in (f"w{number}.myshopify.com" for number in range(shops))
        ]  # fmt: skip
        # What the platform asks for by itself would be in the way of what is counted.
        self.connection.execute("UPDATE neanelu.scheduled_tasks SET is_active = false")

    def connect(self) -> None:
        """Connect, or connect again."""
        self.connection = psycopg.connect(self.dsn("postgres"), autocommit=True)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def value(self, statement: str, *values: Any) -> Any:
        """Return the first value that a statement answers."""
        row = self.connection.execute(statement, values).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return row[0]

    def enqueue(self, name: str, *, shop: int | None = 0, delay: float = 0.0, **payload: Any) -> UUID:
        """Ask for a job of one of the shops, or of the platform's."""
        queue = "webhooks" if name == "test.effect" else "sync"
        job_id: UUID = self.value(
            "SELECT jobs.enqueue(%s, %s, %s, %s, make_interval(secs => %s))",
            queue, name, None if shop is None else self.shops[shop], Jsonb(payload), delay,
        )  # fmt: skip
        return job_id

    def enqueue_effects(self, count: int, sleep: float = 0.0) -> None:
        """Ask for so many jobs with an effect, for all shops alike; each has its own number, and takes so many seconds."""
        self.connection.execute(
            "SELECT count(*) FROM jobs.enqueue_many('webhooks', 'test.effect',"
            " (SELECT array_agg((%(shops)s::uuid[])[1 + n %% %(most)s] ORDER BY n) FROM generate_series(1, %(count)s) AS n),"
            " (SELECT array_agg(jsonb_build_object('n', n, 'sleep', %(sleep)s::float8) ORDER BY n)"
            " FROM generate_series(1, %(count)s) AS n))",
            {"shops": self.shops, "most": len(self.shops), "count": count, "sleep": sleep},
        )

    def run(self, job_id: UUID) -> dict[str, Any]:
        """Return a job's record."""
        with self.connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            row = cursor.execute("SELECT * FROM neanelu.job_runs WHERE id = %s", [job_id]).fetchone()
        assert row is not None
        return row

    def wait(self, job_id: UUID, *statuses: str, timeout: float = 20.0) -> dict[str, Any]:
        """Wait until a job has one of the statuses (by default: has ended), and return its record."""
        wanted = statuses or ("completed", "failed", "cancelled")
        wait_until(lambda: self.run(job_id)["status"] in wanted, timeout, lambda: str(self.run(job_id)))
        return self.run(job_id)

    def effects(self, **payload: Any) -> int:
        """Return how many effects there are whose payload has all of this."""
        count: int = self.value("SELECT count(*) FROM public.effects WHERE payload @> %s", Jsonb(payload))
        return count

    def open(self) -> int:
        """Return how many jobs wait or are active."""
        count: int = self.value("SELECT count(*) FROM neanelu.job_runs WHERE status IN ('waiting', 'active')")
        return count

    def lease(self, seconds: float) -> None:
        """Give the leases of all further jobs this length."""
        self.connection.execute(
            "UPDATE neanelu.job_handlers SET lease = make_interval(secs => %s) WHERE job_name LIKE 'test.%%'",
            [seconds],
        )

    def reset(self) -> None:
        """Forget all jobs and effects; leases are long again, so that a slow machine loses none by itself."""
        self.lease(10)
        self.connection.execute(
            "TRUNCATE public.effects, neanelu.job_runs, neanelu.job_keys, pgmq.q_webhooks, pgmq.q_sync,"
            " pgmq.q_webhooks_dead, pgmq.q_sync_dead"
        )
        self.connection.execute(
            "UPDATE neanelu.job_slots SET job_id = NULL, lane = NULL, queue_name = NULL, token = NULL,"
            " leased_by = NULL, leased_at = NULL, lease_expires_at = NULL"
        )


@contextmanager
def jobs_in(database: Database) -> Iterator[Jobs]:
    """Yield the jobs of a test's database."""
    jobs = Jobs(database.dsn)
    yield jobs
    jobs.close()


def wait_until(true: Callable[[], bool], timeout: float = 20.0, tell: Callable[[], str] = lambda: "") -> None:
    """Wait until something is so; fail with what `tell` says when it takes too long."""
    until = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < until, f"not within {timeout} s {tell()}"
        time.sleep(0.02)


class WorkerProcess:
    """A worker in a process of its own: what its handlers said, and what it logged."""

    def __init__(self, dsn: str, *options: str, **settings: object) -> None:
        self.said: list[str] = []
        self.log: list[dict[str, Any]] = []
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEANELU_", "PG"))}
        names = {f"NEANELU_WORKER_{name.upper()}": str(value) for name, value in settings.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-u", str(REPO / "tests/worker_process.py"), "worker", *options],
            env={**kept, "NEANELU_WORKER_PORT": "0", **names, "NEANELU_DATABASE_URL": dsn},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._readers = [
            threading.Thread(target=self._read, args=(pipe, keep), daemon=True)
            for pipe, keep in (
                (self.process.stdout, self.said.append),
                (self.process.stderr, self._keep_log),
            )
        ]
        for reader in self._readers:
            reader.start()

    def _keep_log(self, line: str) -> None:
        try:
            self.log.append(json.loads(line))
        except ValueError:
            self.log.append({"event": line})

    @staticmethod
    def _read(pipe: Any, keep: Callable[[str], None]) -> None:
        for line in pipe:
            keep(line.strip())

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the log about an event."""
        return [line for line in self.log if line["event"] == event]

    def wait_ready(self) -> WorkerProcess:
        """Wait until it answers that it is ready; return itself."""

        def ready() -> bool:
            assert self.process.poll() is None, self.log
            listening = self.logged("health server listens")
            return bool(listening) and self.get("/health/ready")[0] == 200

        wait_until(ready, 20.0, lambda: str(self.log))
        return self

    def get(self, path: str) -> tuple[int, str]:
        """Return status and body of its answer to a GET."""
        port = self.logged("health server listens")[0]["port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it as the kernel does when memory is short."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGKILL)
        self.finish()

    def finish(self, timeout: float = 20.0) -> int:
        """Wait for its end and return its exit code."""
        code = self.process.wait(timeout)
        for reader in self._readers:
            reader.join()
        return code


@contextmanager
def worker_processes() -> Iterator[Callable[..., WorkerProcess]]:
    """Yield a function that starts worker processes, which do not outlive the block."""
    started: list[WorkerProcess] = []

    def start(dsn: str, *options: str, **settings: object) -> WorkerProcess:
        started.append(WorkerProcess(dsn, *options, **settings))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
