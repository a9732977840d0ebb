"""Worker processes stopped, killed, frozen and cut off: every effect is there once, and nothing stays lying."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from worker_support import Jobs, WorkerProcess, jobs_in, wait_until, worker_processes

from neanelu.platform.cluster import Cluster
from neanelu.platform.scratch import Database

Start = Callable[..., WorkerProcess]


@pytest.fixture(scope="module")
def all_jobs(module_db: Database) -> Iterator[Jobs]:
    with jobs_in(module_db) as jobs:
        yield jobs


@pytest.fixture
def jobs(all_jobs: Jobs) -> Jobs:
    all_jobs.reset()
    return all_jobs


@pytest.fixture
def start() -> Iterator[Start]:
    with worker_processes() as starter:
        yield starter


def dsn(jobs: Jobs) -> str:
    return jobs.dsn("neanelu_worker")


@pytest.mark.slow
def test_killed_again_and_again_every_effect_is_there_once(jobs: Jobs, start: Start) -> None:
    """Three workers, one of them killed every half second, in the middle of jobs, and replaced."""
    count = 1000
    jobs.lease(1)
    jobs.enqueue_effects(count, sleep=0.03)
    workers = [start(dsn(jobs), log_level="warning", concurrency=4) for _ in range(3)]
    wait_until(lambda: jobs.effects() > 0)
    kills = 0
    deadline = time.monotonic() + 90
    while jobs.open():
        assert time.monotonic() < deadline, jobs.open()
        holders = jobs.value(
            "SELECT array_agg(split_part(leased_by, ':', 2)::int) FROM neanelu.job_slots WHERE job_id IS NOT NULL"
        )
        victim = next((w for w in workers if w.process.pid in (holders or ())), None)
        if kills < 5 and victim is not None:
            workers.remove(victim)
            victim.kill()
            workers.append(start(dsn(jobs), log_level="warning", concurrency=4))
            kills += 1
        time.sleep(0.5)
        stale = jobs.value("SELECT max(clock_timestamp() - lease_expires_at) FROM neanelu.job_slots")
        assert stale is None or stale.total_seconds() < 5, "a job is stuck"
    assert kills >= 3
    assert jobs.effects() == count
    assert jobs.value("SELECT count(DISTINCT payload -> 'n') FROM public.effects") == count
    assert jobs.value("SELECT count(*) FROM neanelu.job_runs WHERE status = 'completed'") == count
    assert jobs.value("SELECT count(*) FROM neanelu.job_slots WHERE job_id IS NOT NULL") == 0


def test_frozen_beyond_its_lease_a_worker_has_no_second_effect(jobs: Jobs, start: Start) -> None:
    jobs.lease(1.5)
    first = start(dsn(jobs)).wait_ready()
    job = jobs.enqueue("test.slow", seconds=0.5)
    wait_until(lambda: f"begun {job} 1" in first.said)
    first.signal(signal.SIGSTOP)
    second = start(dsn(jobs))
    attempts = jobs.wait(job)["attempts"]
    assert attempts >= 2  # its lease ran out, and the other worker did it
    assert jobs.effects() == 1
    first.signal(signal.SIGCONT)
    wait_until(lambda: bool(first.logged("job lost to another worker")))
    assert f"done {job} 1" not in first.said
    wait_until(lambda: f"done {job} {attempts}" in second.said)
    assert jobs.effects() == 1
    # It goes on with other work.
    second.kill()
    jobs.wait(jobs.enqueue("test.effect"), "completed")


def test_sigterm_finishes_what_is_under_way(jobs: Jobs, start: Start) -> None:
    worker = start(dsn(jobs)).wait_ready()
    slow = [jobs.enqueue("test.slow", shop=n, seconds=1) for n in range(3)]
    for job in slow:
        wait_until(lambda job=job: f"begun {job} 1" in worker.said)  # type: ignore[misc]
    worker.signal(signal.SIGTERM)
    wait_until(lambda: bool(worker.logged("worker stops")))
    late = jobs.enqueue("test.effect")
    assert worker.finish() == 0
    assert [jobs.run(job)["status"] for job in slow] == ["completed"] * 3
    assert (jobs.run(late)["status"], jobs.run(late)["attempts"]) == ("waiting", 0)
    assert worker.logged("worker stopped")[0]["completed"] == 3


def test_a_second_signal_ends_it_on_the_spot(jobs: Jobs, start: Start) -> None:
    worker = start(dsn(jobs)).wait_ready()
    job = jobs.enqueue("test.slow", seconds=30)
    wait_until(lambda: f"begun {job} 1" in worker.said)
    worker.signal(signal.SIGINT)
    wait_until(lambda: bool(worker.logged("worker stops")))
    began = time.monotonic()
    worker.signal(signal.SIGTERM)
    assert worker.finish() == 130
    assert time.monotonic() - began < 3


def test_metrics_are_served_and_a_taken_port_is_refused(jobs: Jobs, start: Start) -> None:
    jobs.enqueue_effects(5)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = start(dsn(jobs), "--port", str(port))
        assert refused.finish() == 3
    worker = start(dsn(jobs), "--queue", "webhooks").wait_ready()
    wait_until(lambda: jobs.open() == 0)
    body = worker.get("/metrics")[1]
    assert 'neanelu_worker_jobs_total{job="test.effect",outcome="completed",queue="webhooks"} 5.0' in body
    assert worker.get("/health/live")[0] == 200


def test_once_does_what_waits_and_says_so(jobs: Jobs) -> None:
    jobs.enqueue_effects(20)
    jobs.enqueue("test.slow", seconds=0)  # of another queue
    jobs.enqueue("test.effect", fail="23514")
    command = [sys.executable, "-m", "neanelu", "worker", "--queue", "webhooks", "--once", "--json"]
    done = subprocess.run(
        command, env={"NEANELU_DATABASE_URL": dsn(jobs)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    tally = json.loads(done.stdout)
    assert (tally["completed"], tally["dead"], tally["retry"]) == (20, 1, 0)
    assert jobs.effects() == 20 and jobs.open() == 1


@pytest.mark.slow
def test_a_restart_of_the_server_is_survived(private_cluster: Callable[..., Cluster], start: Start) -> None:
    cluster = private_cluster()
    jobs = Jobs(cluster.dsn, shops=3)
    worker = start(jobs.dsn("neanelu_worker"), poll_seconds=0.5).wait_ready()
    jobs.enqueue_effects(40)
    interrupted = [jobs.enqueue("test.effect", shop=n, sleep=1, interrupted=n) for n in range(3)]
    jobs.wait(interrupted[0], "active")
    jobs.close()
    cluster.stop("immediate")
    time.sleep(1.0)
    assert worker.get("/health/live")[0] == 200
    assert worker.get("/health/ready")[0] == 503
    cluster.start()
    jobs.connect()
    wait_until(lambda: jobs.open() == 0, 40, lambda: str(worker.log[-5:]))
    assert jobs.effects() == 43
    assert jobs.value("SELECT count(DISTINCT payload) FROM public.effects") == 43
    wait_until(lambda: worker.get("/health/ready")[0] == 200)
    worker.signal(signal.SIGTERM)
    assert worker.finish() == 0
    jobs.close()
