"""A worker's doing: effects and acknowledgement together, leases kept, failures told, a stop that loses nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from worker_process import EFFECT
from worker_support import Jobs, jobs_in, wait_until

from neanelu.db.connection import Connection, connect
from neanelu.platform.scratch import Database
from neanelu.settings import Settings
from neanelu.worker import handlers
from neanelu.worker.context import Context
from neanelu.worker.handlers import GaveUp, Job, Postponed, Result, handler
from neanelu.worker.listener import Listener
from neanelu.worker.metrics import WorkerMetrics
from neanelu.worker.worker import Worker

Body = Callable[[Job, Context], Result]
_bodies: dict[str, Body] = {}


@handler("test.daemon")
def _daemon(job: Job, context: Context) -> Result:
    return _bodies["body"](job, context)


@pytest.fixture(scope="module")
def all_jobs(module_db: Database) -> Iterator[Jobs]:
    with jobs_in(module_db) as jobs:
        yield jobs


@pytest.fixture
def jobs(all_jobs: Jobs) -> Jobs:
    all_jobs.reset()
    return all_jobs


def new_worker(jobs: Jobs, **options: Any) -> Worker:
    """Return a worker of this database that polls so seldom that only announcements explain what is quick."""
    settings = Settings(worker_poll_seconds=60.0, worker_grace_seconds=5.0)
    return Worker(
        settings, dsn=jobs.dsn("neanelu_worker"), **{"concurrency": 4, "with_schedule": False, **options}
    )


@pytest.fixture
def worker(jobs: Jobs) -> Iterator[Worker]:
    with new_worker(jobs) as made:
        yield made


@pytest.fixture
def running(worker: Worker) -> Worker:
    worker.start()
    return worker


def body(function: Body) -> Body:
    """Make a function what jobs called test.daemon do."""
    _bodies["body"] = function
    return function


def effect(job: Job, context: Context) -> Result:
    """Have one effect, and acknowledge the job with it."""
    result: dict[str, Any] = {"had": 1}
    with context.transaction(result) as connection:
        connection.execute(EFFECT, [job.shop_id, Jsonb(job.payload)])
        result["had"] = 2
    return result


def test_a_job_of_the_database_is_done_once_and_traced(jobs: Jobs, worker: Worker) -> None:
    first, second = jobs.enqueue("test.effect", n=1), jobs.enqueue("test.effect", shop=1, n=2, trace_id="abc")
    assert worker.drain().completed == 2
    assert [jobs.run(job)["result"] for job in (first, second)] == [{"n": 1}, {"n": 2}]
    traces = jobs.connection.execute(
        "SELECT payload ->> 'n', trace, shop_id FROM public.effects ORDER BY 1"
    ).fetchall()
    assert traces == [("1", str(first), jobs.shops[0]), ("2", "abc", jobs.shops[1])]
    assert worker.drain().completed == 2


def test_a_daemons_effects_and_acknowledgement_are_one(jobs: Jobs, worker: Worker) -> None:
    body(effect)
    job = jobs.enqueue("test.daemon", shop=3, n=7)
    assert worker.drain().completed == 1
    assert (jobs.run(job)["status"], jobs.run(job)["result"], jobs.effects(n=7)) == (
        "completed",
        {"had": 2},
        1,
    )


def test_what_a_handler_returns_is_kept_where_it_acknowledged_nothing(jobs: Jobs, worker: Worker) -> None:
    body(lambda job, context: {"attempt": job.attempt})
    job = jobs.enqueue("test.daemon")
    worker.drain()
    assert (jobs.run(job)["status"], jobs.run(job)["result"]) == ("completed", {"attempt": 1})


def test_effects_of_a_failed_attempt_are_gone_and_the_next_one_counts(jobs: Jobs, worker: Worker) -> None:
    def body_(job: Job, context: Context) -> Result:
        with context.transaction() as connection:
            connection.execute(EFFECT, [job.shop_id, Jsonb(job.payload)])
            if job.attempt < 3:
                raise RuntimeError("in the middle")
        return None

    body(body_)
    job = jobs.enqueue("test.daemon", n=1)
    tally = worker.drain()
    run = jobs.run(job)
    assert (tally.retry, tally.completed, run["attempts"], jobs.effects()) == (2, 1, 3, 1)
    assert "in the middle" in run["error_message"] and "body_" in run["error_stack"]


def test_what_happens_after_the_acknowledgement_does_not_undo_it(jobs: Jobs, worker: Worker) -> None:
    def body_(job: Job, context: Context) -> Result:
        effect(job, context)
        raise RuntimeError("too late")

    body(body_)
    job = jobs.enqueue("test.daemon")
    assert worker.drain().completed == 1
    assert (jobs.run(job)["status"], jobs.effects()) == ("completed", 1)


def test_a_second_transaction_of_a_job_is_refused(jobs: Jobs, worker: Worker) -> None:
    caught: list[BaseException] = []

    def body_(job: Job, context: Context) -> Result:
        effect(job, context)
        with pytest.raises(RuntimeError) as raised:
            effect(job, context)
        caught.append(raised.value)
        return None

    body(body_)
    jobs.enqueue("test.daemon")
    assert worker.drain().completed == 1
    assert len(caught) == jobs.effects() == 1


@pytest.mark.parametrize(
    ("raised", "status", "attempts"),
    [
        (GaveUp("never"), "failed", 1),
        (Postponed(timedelta(hours=1)), "waiting", 0),
        (RuntimeError("a defect"), "waiting", 1),
        (handlers.Stopping(), "waiting", 0),
    ],
)
def test_how_a_handler_ends_says_what_becomes_of_the_job(
    jobs: Jobs, worker: Worker, raised: Exception, status: str, attempts: int
) -> None:
    def body_(job: Job, context: Context) -> Result:
        jobs.connection.execute(
            "UPDATE neanelu.job_handlers SET backoff = '1 hour' WHERE job_name = 'test.daemon'"
        )
        worker._stopping.set()  # one attempt is enough
        raise raised

    body(body_)
    job = jobs.enqueue("test.daemon")
    worker.drain()
    wait_until(lambda: not worker._running)
    jobs.connection.execute("UPDATE neanelu.job_handlers SET backoff = '0' WHERE job_name = 'test.daemon'")
    assert (jobs.run(job)["status"], jobs.run(job)["attempts"]) == (status, attempts)


@pytest.mark.parametrize(("code", "outcome"), [("23514", "dead"), ("40001", "retry"), ("22P02", "dead")])
def test_the_code_of_an_error_says_whether_to_try_again(
    jobs: Jobs, worker: Worker, code: str, outcome: str
) -> None:
    jobs.connection.execute("UPDATE neanelu.job_handlers SET max_attempts = 2 WHERE job_name = 'test.effect'")
    job = jobs.enqueue("test.effect", fail=code)
    tally = worker.drain()
    jobs.connection.execute(
        "UPDATE neanelu.job_handlers SET max_attempts = 50 WHERE job_name = 'test.effect'"
    )
    assert (jobs.run(job)["status"], tally.dead, jobs.effects()) == ("failed", 1, 0)
    assert tally.retry == (1 if outcome == "retry" else 0)
    assert code in jobs.run(job)["error_message"]


def test_a_name_without_a_handler_is_left_for_a_newer_worker(jobs: Jobs, worker: Worker) -> None:
    jobs.connection.execute(
        "UPDATE neanelu.job_handlers SET backoff = '1 hour' WHERE job_name = 'test.nobody'"
    )
    job = jobs.enqueue("test.nobody")
    worker.drain()
    assert jobs.run(job)["status"] == "waiting"
    assert "NJ021" in jobs.run(job)["error_message"]


def test_an_idle_worker_is_woken(jobs: Jobs, running: Worker) -> None:
    wait_until(running._listener.connected.is_set)
    for n in range(3):
        time.sleep(0.3)  # idle again: it polls only once a minute
        began = time.monotonic()
        jobs.wait(jobs.enqueue("test.effect", n=n))
        assert time.monotonic() - began < 40


def test_a_lost_listener_comes_back_and_wakes(jobs: Jobs, running: Worker) -> None:
    for _ in range(2):
        wait_until(running._listener.connected.is_set)
        before = running.metrics.reconnects._value.get()
        # With all sessions gone at once every part has to connect again.
        jobs.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'neanelu_worker' AND datname = current_database()"
        )
        job = jobs.enqueue("test.effect")
        wait_until(lambda before=before: running.metrics.reconnects._value.get() > before)  # type: ignore[misc]
        jobs.wait(job, "completed")


def test_a_defect_does_not_end_the_listening(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neanelu.worker.listener._LONGEST_PAUSE", 0.05)
    woken, tries = threading.Event(), []

    def connect_() -> Connection:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("a defect")
        return connect("neanelu_worker", autocommit=True, dsn=jobs.dsn("neanelu_worker"))

    listener = Listener(connect_, frozenset(), woken.set, WorkerMetrics())
    listener.start()
    try:
        assert woken.wait(30)
        assert listener.connected.is_set()
    finally:
        listener.stop()


def test_a_long_job_keeps_its_lease(jobs: Jobs, running: Worker) -> None:
    def body_(job: Job, context: Context) -> Result:
        time.sleep(2.5)
        return effect(job, context)

    body(body_)
    jobs.lease(1.5)
    job = jobs.enqueue("test.daemon")
    jobs.wait(job, "active")
    with new_worker(jobs) as other:
        for _ in range(20):
            assert other.drain().completed == 0
            time.sleep(0.1)
    run = jobs.wait(job)
    assert (run["status"], run["attempts"], jobs.effects()) == ("completed", 1, 1)


def test_leases_can_be_shorter_than_the_kinds_of_jobs_have_them(jobs: Jobs) -> None:
    left: list[float] = []
    length = "SELECT extract(epoch FROM lease_expires_at - leased_at)::float8 FROM neanelu.job_slots WHERE job_id = %s"

    def body_(job: Job, context: Context) -> Result:
        left.append(jobs.value(length, job.id))
        return effect(job, context)

    body(body_)
    for seconds, low, high in ((3.0, 2.9, 9.0), (None, 9.9, 60.0)):
        settings = Settings(worker_lease_seconds=seconds)
        jobs.enqueue("test.daemon")
        with Worker(settings, dsn=jobs.dsn("neanelu_worker"), concurrency=1, with_schedule=False) as made:
            assert made.drain().completed == 1
        assert low < left.pop() <= high


def test_who_lost_a_job_has_no_effect_and_hears_of_it(jobs: Jobs, running: Worker) -> None:
    let_go, heard = threading.Event(), []

    def body_(job: Job, context: Context) -> Result:
        if job.attempt > 1:
            return effect(job, context)
        wait_until(lambda: context.is_lost)
        heard.append(job.id)
        let_go.set()
        context._lost.clear()  # as if it had not heard, so that only the token is left to stop it
        return effect(job, context)

    body(body_)
    job = jobs.enqueue("test.daemon", n=1)
    jobs.wait(job, "active")
    # Another worker has it meanwhile: what the database does with an expired lease.
    jobs.connection.execute(
        "UPDATE neanelu.job_slots SET lease_expires_at = now() - interval '1 s' WHERE job_id = %s", [job]
    )
    assert jobs.value("SELECT jobs.reclaim_expired()") == 1
    assert let_go.wait(10)
    run = jobs.wait(job, "completed")
    assert (run["attempts"], jobs.effects(n=1), heard) == (2, 1, [job])
    wait_until(lambda: running.tally.lost == 1)


def test_stopping_lets_jobs_finish_and_gives_back_what_hears(jobs: Jobs, running: Worker) -> None:
    def body_(job: Job, context: Context) -> Result:
        if "deaf" in job.payload:
            time.sleep(1)
            return effect(job, context)
        context.sleep(60)
        return None

    body(body_)
    finished, heard = jobs.enqueue("test.daemon", deaf=True), jobs.enqueue("test.daemon", shop=1)
    slow = jobs.enqueue("test.effect", shop=2, sleep=1)
    for job in (finished, heard, slow):
        jobs.wait(job, "active")
    running.stop()
    assert [jobs.run(job)["status"] for job in (finished, heard, slow)] == [
        "completed",
        "waiting",
        "completed",
    ]
    assert jobs.run(heard)["attempts"] == 0


def test_after_the_grace_jobs_are_cancelled_and_given_back(
    jobs: Jobs, running: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neanelu.worker.worker._CANCEL_SECONDS", 1.0)
    body(lambda job, context: time.sleep(5))
    in_database, deaf = jobs.enqueue("test.effect", sleep=60), jobs.enqueue("test.daemon", shop=1)
    for job in (in_database, deaf):
        jobs.wait(job, "active")
    began = time.monotonic()
    running.stop(grace=0.2)
    assert time.monotonic() - began < 4.5
    for job in (in_database, deaf):
        assert (jobs.run(job)["status"], jobs.run(job)["attempts"]) == ("waiting", 0)
    assert jobs.effects() == 0


def test_health_tells_what_is_so(jobs: Jobs, worker: Worker) -> None:
    health = worker.health()
    assert health.answer("/health/live").status == 503  # nothing dispatches yet
    worker.start()
    wait_until(lambda: health.answer("/health/ready").status == 200)
    jobs.wait(jobs.enqueue("test.effect"))
    jobs.enqueue("test.effect", delay=3600)
    jobs.enqueue("test.effect", fail="22023")
    wait_until(lambda: worker.tally.dead == 1)
    figures = health.answer("/metrics").body.decode()
    for line in (
        'neanelu_queue_waiting{queue="webhooks"} 1.0',
        'neanelu_queue_dead{queue="webhooks"} 1.0',
        "neanelu_queues_failed 1.0",
        "neanelu_queues_up 1.0",
        'neanelu_worker_jobs_total{job="test.effect",outcome="completed",queue="webhooks"} 1.0',
        'neanelu_worker_job_latency_seconds_count{queue="webhooks"} 2.0',
    ):
        assert line in figures.splitlines(), line
    worker.stop()
    assert health.answer("/health/ready").status == 503
