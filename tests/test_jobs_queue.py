"""Jobs under concurrency: limits, fairness, leases, keys that stand for others, dead letters, wake-ups, plans.

Connections are real and several; nothing sleeps where something can be waited for.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from neanelu.platform.cluster import Cluster
from neanelu.platform.scratch import Database

Connection = psycopg.Connection[Any]

#: Effects that a test can count, a sleep that it can look into, a failure.
HANDLER = """
    CREATE TABLE app.effects (job text NOT NULL);
    GRANT INSERT ON app.effects TO neanelu_engine;
    CREATE FUNCTION app.take_effect(p_shop_id uuid, p_payload jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO app.effects VALUES (p_payload ->> 'n');
        PERFORM pg_sleep(coalesce((p_payload ->> 'sleep')::float, 0));
        IF p_payload ? 'fail' THEN
            RAISE EXCEPTION 'broken' USING ERRCODE = p_payload ->> 'fail';
        END IF;
        RETURN p_payload;
    END $$;
    GRANT EXECUTE ON FUNCTION app.take_effect(uuid, jsonb) TO neanelu_engine;
    SELECT jobs.register_handler('test.effect', 'webhooks', 'database', 'app.take_effect(uuid, jsonb)', 3,
                                 p_backoff => '0', p_permanent_codes => '{NX001}');
"""
SHOPS = """
    INSERT INTO neanelu.shops
        (shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
    SELECT 'jobs-' || uuidv7() || '.myshopify.com', '\\x01', decode(repeat('00', 12), 'hex'),
           decode(repeat('00', 16), 'hex'), '{}'
      FROM generate_series(1, %s)
    RETURNING id"""


class Claimed(NamedTuple):
    """A row of jobs.claim, as far as tests look at it."""

    job_id: UUID
    token: int
    shop_id: UUID | None
    payload: dict[str, Any]
    attempt: int


class Queue:
    """What tests do with jobs, each call in a transaction of its own."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self.connect = connect
        self.own = connect()

    def value(self, query: str, *values: Any) -> Any:
        """Return the first value of the first row."""
        row = self.own.execute(query, values).fetchone()
        return row[0] if row else None

    def shops(self, count: int) -> list[UUID]:
        """Return new shops in the order of the ring."""
        return sorted(row[0] for row in self.own.execute(SHOPS, [count]))

    def limits(self, **limits: int) -> None:
        """Set max_active, max_active_per_shop or max_active_platform."""
        for name, value in limits.items():
            self.own.execute(
                "INSERT INTO neanelu.system_config (key, value) VALUES (%s, %s)"
                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [f"jobs.{name}", Jsonb(value)],
            )

    def enqueue(self, shop: UUID | None, count: int = 1, **payload: Any) -> list[UUID]:
        """Return the ids of new jobs of test.effect, each with its number in the payload."""
        payloads = [Jsonb({"n": str(number), **payload}) for number in range(count)]
        rows = self.own.execute(
            "SELECT * FROM jobs.enqueue_many('webhooks', 'test.effect', %s::uuid[], %s::jsonb[])",
            [[shop] * count, payloads],
        )
        return [row[0] for row in rows]

    def claim(self, limit: int = 10, lease: str | None = None, on: Connection | None = None) -> list[Claimed]:
        """Return what a claim from the queue of webhooks gets."""
        rows = (on or self.own).execute(
            "SELECT job_id, token, shop_id, payload, attempt"
            " FROM jobs.claim('{webhooks}', 'test', %s, %s::interval)",
            [limit, lease],
        )
        return [Claimed(*row) for row in rows]

    def complete(self, job: Claimed, on: Connection | None = None) -> None:
        """Complete a job."""
        (on or self.own).execute("SELECT jobs.complete(%s, %s)", [job.job_id, job.token])

    def execute(self, job: Claimed, on: Connection | None = None) -> None:
        """Do a job by its function."""
        (on or self.own).execute("SELECT jobs.execute(%s, %s)", [job.job_id, job.token])

    def fail(self, job: Claimed, **more: Any) -> str:
        """Return what becomes of a job whose attempt failed."""
        names = ", ".join(f"p_{name} => %({name})s" for name in more)
        query = f"SELECT jobs.fail(%(id)s, %(token)s, 'it broke'{', ' + names if names else ''})"
        row = self.own.execute(query, {"id": job.job_id, "token": job.token, **more}).fetchone()
        assert row
        return str(row[0])

    def job(self, job_id: UUID) -> dict[str, Any]:
        """Return the job's record."""
        row = self.value("SELECT to_jsonb(j) FROM neanelu.job_runs AS j WHERE id = %s", job_id)
        assert isinstance(row, dict)
        return row

    def clear(self) -> None:
        """Forget all jobs and limits."""
        self.own.execute("DELETE FROM neanelu.system_config WHERE key LIKE 'jobs.%'")
        self.own.execute("UPDATE neanelu.job_queues SET max_active = NULL, max_active_per_shop = NULL")
        self.own.execute("TRUNCATE neanelu.job_runs, neanelu.job_keys, pgmq.q_webhooks, pgmq.q_webhooks_dead")
        self.own.execute("SELECT jobs._free(array_agg(slot)) FROM neanelu.job_slots")
        self.own.execute("TRUNCATE app.effects")
        self.own.execute("UPDATE neanelu.job_signals SET is_wanted = true")
        self.own.execute("UPDATE neanelu.job_rings SET ring_lane = ''")

    def close(self) -> None:
        """End the own connection."""
        self.own.close()


@pytest.fixture(scope="module")
def deployed(module_db: Database) -> Database:
    with module_db.connect() as connection:
        connection.execute(HANDLER)
    return module_db


@pytest.fixture
def queue(deployed: Database) -> Iterator[Queue]:
    queue = Queue(deployed.connect)
    queue.clear()
    yield queue
    queue.close()


def until(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """Wait until a condition holds; return what it said."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.01)
    return answer


def sleeping(queue: Queue, pid: int) -> bool:
    """Say whether a backend is in pg_sleep."""
    return bool(
        queue.value("SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'", pid)
    )


# --- Limits and fairness ----------------------------------------------------------------------------------
def test_limits_hold_for_ten_workers_at_once(queue: Queue) -> None:
    queue.limits(max_active=12, max_active_per_shop=2)
    shops = queue.shops(10)
    for shop in shops:
        queue.enqueue(shop, 30)
    seen: Counter[int] = Counter()
    most_of_a_shop = most = 0
    working = threading.Event()
    working.set()

    def work(number: int) -> None:
        with queue.connect() as connection:
            while connection.execute("SELECT count(*) FROM pgmq.q_webhooks").fetchone() != (0,):
                jobs = queue.claim(5, on=connection)
                seen.update([number] * len(jobs))
                time.sleep(0.002)
                for job in jobs:
                    queue.execute(job, on=connection)

    def watch() -> None:
        nonlocal most, most_of_a_shop
        with queue.connect() as connection:
            while working.is_set():
                counts = connection.execute(
                    "SELECT count(*) FROM neanelu.job_slots WHERE job_id IS NOT NULL GROUP BY lane"
                ).fetchall()
                most = max(most, sum(row[0] for row in counts))
                most_of_a_shop = max([most_of_a_shop, *(row[0] for row in counts)])

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(10) as workers:
        list(workers.map(work, range(10)))
    working.clear()
    watcher.join()
    assert sum(seen.values()) == 300
    assert len(seen) >= 8, "most of the workers had work"
    assert (most, most_of_a_shop) == (12, 2)
    assert queue.value("SELECT count(*) FROM app.effects") == 300


def test_limits_change_at_run_time_and_hold_a_queue(queue: Queue) -> None:
    (shop,) = queue.shops(1)
    queue.enqueue(shop, 60)
    queue.enqueue(None, 60)
    jobs = queue.claim(100)
    assert Counter(job.shop_id for job in jobs) == {shop: 2, None: 4}
    queue.limits(max_active_per_shop=40, max_active_platform=40)
    jobs += queue.claim(100)
    assert len(jobs) == 50, "jobs.max_active"
    queue.limits(max_active=70)
    jobs += queue.claim(100)
    assert len(jobs) == 70, "slots are added"
    queue.limits(max_active=50)
    assert queue.claim(100) == []
    for job in jobs:
        queue.complete(job)
    queue.own.execute(
        "UPDATE neanelu.job_queues SET max_active = 7, max_active_per_shop = 3 WHERE queue_name = 'webhooks'"
    )
    assert len(queue.claim(100)) == 7
    assert queue.claim(100) == []


def test_a_shop_of_many_jobs_delays_nobody_by_more_than_a_few(queue: Queue) -> None:
    """And a claim looks at no more than it must: no sequential scan, however much waits."""
    big, *small = queue.shops(4)
    for _ in range(10):
        queue.enqueue(big, 10_000)
    for shop in small:
        queue.enqueue(shop, 5)
    before = _sequential_scans(queue)
    order: list[UUID | None] = []
    with queue.connect() as connection:  # plans of its own, made while the queue is long
        for _ in range(12):
            for job in queue.claim(2, on=connection):
                order.append(job.shop_id)
                queue.complete(job, on=connection)
        assert _sequential_scans(queue) == before
    assert all(shop in order[:5] for shop in small)
    assert max(Counter(order[:16]).values()) == 4, "they take turns"


def test_plans_made_for_an_empty_queue_are_good_for_a_long_one(queue: Queue) -> None:
    (shop,) = queue.shops(1)
    with queue.connect() as connection:
        for _ in range(10):
            assert queue.claim(5, on=connection) == []
        queue.enqueue(shop, 20_000)
        before = _sequential_scans(queue)
        for _ in range(5):
            for job in queue.claim(5, on=connection):
                queue.complete(job, on=connection)
    assert _sequential_scans(queue) == before


def _sequential_scans(queue: Queue) -> list[Any]:
    """Return the sequential scans of messages and jobs that the server has counted."""
    with queue.connect() as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        return connection.execute(
            "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN ('job_runs', 'q_webhooks') ORDER BY 1"
        ).fetchall()


def test_a_shop_goes_with_its_jobs_or_not_before_them(queue: Queue) -> None:
    """Who adds a job holds the shop, and who deletes the shop is waited for: no job is without one."""

    def waits(connection: Connection) -> bool:
        return bool(queue.value("SELECT cardinality(pg_blocking_pids(%s)) > 0", connection.info.backend_pid))

    def delete(on: Connection, shop: UUID) -> None:
        on.execute("DELETE FROM neanelu.shops WHERE id = %s", [shop])

    def ask(on: Connection, shop: UUID) -> None:
        on.execute("SELECT jobs.enqueue_many('webhooks', 'test.effect', %s::uuid[], '{\"{}\"}')", [[shop]])

    early, late = queue.shops(2)
    with queue.connect() as one, queue.connect() as other, ThreadPoolExecutor(1) as thread:
        for first, second, shop in ((ask, delete, early), (delete, ask, late)):
            one.execute("BEGIN")
            first(one, shop)
            waiting = thread.submit(second, other, shop)
            until(lambda: waits(other))
            one.execute("COMMIT")
            refused = waiting.exception()
            assert (refused is None) == (second is delete)
            if isinstance(refused, psycopg.Error):
                assert refused.sqlstate == "23503"
    assert queue.value("SELECT count(*) FROM neanelu.job_runs") == 0
    assert queue.value("SELECT count(*) FROM neanelu.shops WHERE id IN (%s, %s)", early, late) == 0


# --- Leases -----------------------------------------------------------------------------------------------
def test_a_stalled_worker_neither_completes_nor_takes_effect(queue: Queue) -> None:
    (job_id,) = queue.enqueue(None)
    (stalled,) = queue.claim(lease="10 milliseconds")
    (second,) = until(queue.claim)
    assert (stalled.job_id, second.job_id, second.attempt) == (job_id, job_id, 2)
    for act in (queue.complete, queue.execute, queue.fail):
        with pytest.raises(psycopg.Error) as refused:
            act(stalled)
        assert refused.value.sqlstate == "NJ001"
    with pytest.raises(psycopg.Error):
        queue.value("SELECT jobs.extend(%s, %s, '1 hour')", stalled.job_id, stalled.token)
    queue.execute(second)
    assert queue.value("SELECT count(*) FROM app.effects") == 1
    assert queue.job(job_id)["status"] == "completed"
    with pytest.raises(psycopg.Error):
        queue.complete(second)


def test_a_job_under_way_is_not_taken_however_late(queue: Queue) -> None:
    queue.enqueue(None, sleep=0.6)
    (job,) = queue.claim(lease="50 milliseconds")
    with queue.connect() as busy, ThreadPoolExecutor(1) as thread:
        running = thread.submit(queue.execute, job, busy)
        until(lambda: sleeping(queue, busy.info.backend_pid))
        until(lambda: queue.value("SELECT min(lease_expires_at) < clock_timestamp() FROM neanelu.job_slots"))
        assert queue.claim() == []
        queue.value(
            "SELECT jobs.extend(%s, %s, '1 minute')", job.job_id, job.token
        )  # does not wait for the job
        assert not running.done()
        running.result()
    assert queue.job(job.job_id)["attempts"] == 1


def test_of_two_who_complete_one_does(queue: Queue) -> None:
    for _ in range(20):
        queue.enqueue(None)
        (job,) = queue.claim()
        with queue.connect() as one, queue.connect() as other, ThreadPoolExecutor(2) as threads:
            ends = [threads.submit(queue.execute, job, on) for on in (one, other)]
            assert sorted(end.exception() is None for end in ends) == [False, True]
    assert queue.value("SELECT count(*) FROM app.effects") == 20


def test_a_job_that_kills_its_worker_is_a_dead_letter_in_the_end(queue: Queue) -> None:
    (job_id,) = queue.enqueue(None)
    for attempt in (1, 2, 3):
        (job,) = until(lambda: queue.claim(lease="1 millisecond"))
        assert job.attempt == attempt
    until(lambda: queue.claim() or queue.job(job_id)["status"] == "failed")
    record = queue.job(job_id)
    assert record["attempts"] == 3
    assert "lease" in record["error_message"]
    assert queue.value("SELECT job_id FROM jobs.dead_letters('webhooks')") == job_id


def test_a_killed_backend_leaves_no_effect_and_the_job_to_another(
    private_cluster: Callable[..., Cluster],
) -> None:
    cluster = private_cluster()

    def connect() -> Connection:
        return psycopg.connect(cluster.dsn(), autocommit=True)

    queue = Queue(connect)
    queue.own.execute(HANDLER)
    (job_id,) = queue.enqueue(None, sleep=30)
    (job,) = queue.claim(lease="1 second")
    busy = connect()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(queue.execute, job, busy)
        until(lambda: sleeping(queue, busy.info.backend_pid))  # as soon as it runs: the claim is on disk
        os.kill(busy.info.backend_pid, signal.SIGKILL)
        assert isinstance(running.exception(), psycopg.OperationalError)

    def gone() -> bool:
        try:
            queue.value("SELECT 1")
        except psycopg.OperationalError:
            return True
        return False

    def back() -> bool:
        with suppress(psycopg.OperationalError):
            queue.own = connect()
            return True
        return False

    until(gone, 30)  # the crash ends every connection: one made before that would end too
    until(back, 30)
    queue.own.execute("UPDATE neanelu.job_runs SET payload = payload - 'sleep'")
    (again,) = until(queue.claim)
    assert (again.job_id, again.attempt) == (job_id, 2)
    with pytest.raises(psycopg.Error, match="lease"):
        queue.complete(job)
    queue.execute(again)
    assert queue.value("SELECT count(*) FROM app.effects") == 1


# --- Failures ---------------------------------------------------------------------------------------------
def test_a_failed_job_is_tried_again_then_dead_then_anew(queue: Queue) -> None:
    (job_id,) = queue.enqueue(None, fail="P0001")
    for outcome in ("retry", "retry", "dead"):
        (job,) = queue.claim()
        with pytest.raises(psycopg.Error, match="broken"):
            queue.execute(job)
        assert queue.fail(job, sqlstate="P0001", detail="a trace") == outcome
    assert queue.value("SELECT count(*) FROM app.effects") == 0
    assert queue.claim() == []
    assert (
        queue.value(
            "SELECT (waiting, active, failed, dead)::text FROM jobs.metrics() WHERE queue_name = 'webhooks'"
        )
        == "(0,0,1,1)"
    )
    queue.own.execute("UPDATE neanelu.job_runs SET payload = payload - 'fail'")
    assert queue.value("SELECT jobs.retry_dead('webhooks')") == 1
    (job,) = queue.claim()
    assert (job.job_id, job.attempt) == (job_id, 1)
    queue.execute(job)
    record = queue.job(job_id)
    assert (record["status"], record["error_message"], record["error_stack"]) == (
        "completed",
        "it broke",
        "a trace",
    )


@pytest.mark.parametrize("sqlstate", ["22P02", "23505", "NX001", "NJ005"])
def test_what_will_never_do_is_dead_at_once(queue: Queue, sqlstate: str) -> None:
    queue.enqueue(None)
    (job,) = queue.claim()
    assert queue.fail(job, sqlstate=sqlstate) == "dead"


def test_pauses_grow_and_differ(queue: Queue) -> None:
    pauses = queue.own.execute(
        "SELECT a, min(p), max(p) FROM generate_series(1, 12) AS a, generate_series(1, 200) AS n,"
        " LATERAL (SELECT extract(epoch FROM jobs._pause(a + n * 0, '5 s', '1 hour'))) AS x (p) GROUP BY a ORDER BY a"
    ).fetchall()
    for attempt, shortest, longest in pauses:
        whole = min(5 * 2 ** (attempt - 1), 3600)
        assert whole * 0.5 <= shortest < whole * 0.6
        assert whole * 0.9 < longest <= whole


def test_a_job_given_back_has_lost_no_attempt(queue: Queue) -> None:
    queue.enqueue(None)
    for _ in range(10):
        (job,) = queue.claim()
        queue.value("SELECT jobs.release(%s, %s, '0')", job.job_id, job.token)
    (job,) = queue.claim()
    assert job.attempt == 1


# --- Keys -------------------------------------------------------------------------------------------------
KEYED = "SELECT jobs.enqueue('webhooks', 'test.effect', NULL, p_dedupe_key => 'k')"


def test_a_job_starts_after_those_who_rely_on_it(queue: Queue) -> None:
    first = queue.value(KEYED)
    with queue.connect() as relying:
        with relying.transaction():
            assert relying.execute(KEYED).fetchone() == (first,)
            assert queue.claim() == [], "it would not see what they write"
            second = queue.value(KEYED)
            assert second != first, "nobody may hold it up for ever"
            assert queue.value(KEYED) == second
            (job,) = queue.claim()
            assert job.job_id == second
        (job,) = until(queue.claim)
        assert job.job_id == first
    third = queue.value(KEYED)
    assert third not in (first, second)
    assert queue.value("SELECT count(*) FROM neanelu.job_keys") == 1


def test_a_job_that_must_wait_lets_others_of_its_shop_pass(queue: Queue) -> None:
    queue.value(KEYED)
    (other,) = queue.enqueue(None)
    with queue.connect() as relying, relying.transaction():
        relying.execute(KEYED)
        (job,) = until(lambda: queue.claim(1))
        assert job.job_id == other


def test_what_many_ask_for_is_seen_by_a_job_that_starts_later(queue: Queue) -> None:
    """Sixteen writers count up and ask for the same job; whatever they wrote, a job began after it."""
    queue.limits(max_active_platform=50)
    queue.own.execute("CREATE TABLE IF NOT EXISTS app.written (n integer); TRUNCATE app.written")
    writing = threading.Event()
    writing.set()

    def write(number: int) -> None:
        with queue.connect() as connection:
            for n in range(40):
                with connection.transaction():
                    connection.execute("INSERT INTO app.written VALUES (%s)", [number * 1000 + n])
                    connection.execute(KEYED)

    seen: set[int] = set()
    runs = 0

    def work() -> None:
        nonlocal runs
        with queue.connect() as connection:
            while writing.is_set() or connection.execute(
                "SELECT count(*) FROM pgmq.q_webhooks"
            ).fetchone() != (0,):
                for job in queue.claim(5, on=connection):
                    runs += 1
                    seen.update(row[0] for row in connection.execute("SELECT n FROM app.written"))
                    queue.complete(job, on=connection)

    worker = threading.Thread(target=work)
    worker.start()
    with ThreadPoolExecutor(16) as writers:
        list(writers.map(write, range(16)))
    writing.clear()
    worker.join()
    assert len(seen) == 16 * 40, "of the last writes, too"
    assert 0 < runs < 16 * 40
    assert queue.value("SELECT count(*) FROM neanelu.job_keys") == 0


# --- Business transactions and wake-ups -------------------------------------------------------------------
def test_a_job_is_there_when_the_transaction_that_asked_is(queue: Queue) -> None:
    with queue.connect() as connection, suppress(psycopg.Rollback), connection.transaction():
        connection.execute(KEYED)
        connection.execute("SELECT jobs.enqueue('webhooks', 'test.effect', NULL)")
        assert queue.claim() == []
        raise psycopg.Rollback
    assert queue.claim() == []
    assert queue.value("SELECT count(*) FROM neanelu.job_runs") == 0


def test_who_sleeps_is_woken_once_and_who_works_is_not(queue: Queue) -> None:
    with queue.connect() as listener:
        listener.execute("LISTEN neanelu_jobs")

        def woken() -> int:
            return len(list(listener.notifies(timeout=0.2)))

        def enqueue() -> None:
            queue.enqueue(None)

        enqueue()
        assert woken() == 1
        for _ in range(5):
            enqueue()
        assert woken() == 0
        assert len(queue.claim(4)) == 4
        enqueue()
        assert woken() == 0, "who found something looks again by himself"
        queue.limits(max_active_platform=50)
        queue.claim()
        assert queue.claim() == []
        with queue.connect() as slow, slow.transaction():
            slow.execute("SELECT jobs.enqueue('webhooks', 'test.effect', NULL)")
            started = time.monotonic()
            enqueue()  # does not wait for the one who is about to notify
            assert queue.claim(1) != []
            assert time.monotonic() - started < 5
        assert woken() == 1


def test_nothing_waits_for_a_claim_and_a_claim_for_no_enqueuer(queue: Queue) -> None:
    (shop,) = queue.shops(1)
    queue.enqueue(shop)
    with queue.connect() as one, one.transaction():
        one.execute("SELECT jobs.enqueue('webhooks', 'test.effect', %s)", [shop])
        queue.own.execute("SET lock_timeout = '2s'")
        (job,) = queue.claim()
        queue.complete(job)
        assert queue.claim() == []
        with queue.connect() as other, other.transaction():
            other.execute("SELECT jobs.stop_shop(%s)", [shop])
            queue.enqueue(shop)
            queue.enqueue(None)
            assert {job.shop_id for job in queue.claim()} == {shop, None}


# --- The schedule -----------------------------------------------------------------------------------------
def test_of_eight_who_see_a_tick_one_takes_it(queue: Queue) -> None:
    task = queue.value("SELECT jobs.schedule('test.tick', '* * * * *', 'webhooks', 'test.effect')")
    tick = "date_trunc('minute', clock_timestamp())"
    assert queue.value(f"SELECT jobs.fire_task(%s, NULL, {tick})", task) is None
    assert queue.value("SELECT expected IS NOT NULL FROM jobs.due_tasks() WHERE task_id = %s", task)

    def fire(_: int) -> UUID | None:
        with queue.connect() as connection:
            row = connection.execute(
                "SELECT jobs.fire_task(task_id, expected, expected + interval '1 minute') FROM jobs.due_tasks()"
                " WHERE task_id = %s",
                [task],
            ).fetchone()
            return row[0] if row else None

    with ThreadPoolExecutor(8) as workers:
        fired = [job for job in workers.map(fire, range(8)) if job]
    assert [job.job_id for job in queue.claim()] == fired
    assert len(fired) == 1
    assert queue.value(
        "SELECT (run_count, last_job_id)::text FROM neanelu.scheduled_tasks WHERE id = %s", task
    ) == (f"(1,{fired[0]})")
    assert queue.value("SELECT jobs.unschedule('test.tick')")
