"""Queues and jobs: against bare pgmq and two peers, between shops, and what a wake-up costs.

- `queue_single_*`: as workers do it: jobs are asked for one by one, ten are taken at a time, each is acknowledged by itself.
  pgmq: send, read 10, archive. Ours: jobs.enqueue, jobs.claim of 10, jobs.complete, over 100 shops with all limits on.
- `queue_batch_*`: ten at a time everywhere. pgmq: send_batch, read, archive of an array. Ours: enqueue_many, claim,
  complete_many.
  Both with 8 processes, each call a durable transaction (but for claims, which are safe without), and the same payload.
- `queue_consume_*`: empty jobs a second of one process: pgqueuer, procrastinate, and a loop of claim, an empty function,
  complete_many. pgqueuer and ours in batches of 250 (which suit pgqueuer best) on two connections, `…_one` on one;
  of each the better one counts, as on busy CPUs a second connection only costs. procrastinate as suits it best.
- `queue_fair_*`: 99 shops with 10 jobs each, without and with one shop of 100,000 before them; how long a job of the small
  shops waits (p95), 8 workers, 2 active jobs a shop.
- `queue_wake_*`: durable enqueues a second of 32 connections while a worker listens and consumes, with wake-ups, without any, and
  with one NOTIFY a transaction, as triggers of queues do it.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing as mp
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from bench import frame
from neanelu.platform.cluster import SUPERUSER
from neanelu.platform.scratch import Database

PROCESSES = 8
SHOPS = 100
BATCH = 10
#: Of the comparison with pgqueuer, on both sides.
LARGE_BATCH = 250
#: Jobs of single and of batch, of each peer; rounds; seconds of each kind of wake-up; jobs of the large shop.
SIZES: dict[str, dict[str, int]] = {
    "small": {
        "single": 4_000, "batch": 16_000, "ours": 30_000, "pgqueuer": 10_000, "procrastinate": 400,
        "rounds": 3, "wake": 3, "large": 100_000,
    },
    "full": {
        "single": 16_000, "batch": 80_000, "ours": 100_000, "pgqueuer": 40_000, "procrastinate": 4_000,
        "rounds": 5, "wake": 10, "large": 100_000,
    },
}  # fmt: skip

PAYLOAD = {"event_id": "0192d0a0-0000-7000-8000-000000000000", "event_created_at": "2026-01-01T00:00:00Z"}
PREPARE = f"""
SELECT pgmq.create('bare');
INSERT INTO neanelu.shops (shopify_domain, access_token_ciphertext, access_token_iv, access_token_tag, scopes)
SELECT 'bench' || n || '.myshopify.com', '\\x01', decode(repeat('00', 12), 'hex'), decode(repeat('00', 16), 'hex'), '{{}}'
  FROM generate_series(1, {SHOPS}) AS n;
UPDATE neanelu.scheduled_tasks SET is_active = false;
"""
EMPTY = """
TRUNCATE pgmq.q_bare, pgmq.a_bare, pgmq.q_webhooks, neanelu.job_runs;
SELECT jobs._free(array_agg(slot)) FROM neanelu.job_slots;
UPDATE neanelu.job_signals SET is_wanted = true;
UPDATE neanelu.job_rings SET ring_lane = '';
"""
ENQUEUE_MANY = "SELECT * FROM jobs.enqueue_many('webhooks', 'bench', %s::uuid[], %s::jsonb[])"
CLAIM = "SELECT job_id, token, shop_id, enqueued_at FROM jobs.claim('{webhooks}', 'bench', %s)"

COMPLETE_MANY = "SELECT jobs.complete_many(%b::bigint[])"

Worker = Callable[[psycopg.Connection[Any], int], Any]


# --- Processes --------------------------------------------------------------------------------------------
def _child(dsn: str, work: Worker, number: int, start: Any, answers: Any) -> None:
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=1) as connection:
        connection.execute("SELECT 1")
        start.wait()
        answers.put(work(connection, number))


def _at_once(database: Database, work: Worker, processes: int = PROCESSES) -> tuple[float, list[Any]]:
    """Return the seconds that so many processes take, and what they answer."""
    context = mp.get_context("fork")
    start, answers = context.Barrier(processes + 1), context.Queue()
    dsn = database.dsn(SUPERUSER)
    children = [
        context.Process(target=_child, args=(dsn, work, number, start, answers))
        for number in range(processes)
    ]
    for child in children:
        child.start()
    start.wait()
    began = time.perf_counter()
    said = [answers.get() for _ in children]
    seconds = time.perf_counter() - began
    for child in children:
        child.join()
    return seconds, said


def _limits(connection: psycopg.Connection[Any], **limits: int) -> None:
    for name, value in limits.items():
        connection.execute(
            "INSERT INTO neanelu.system_config (key, value) VALUES (%s, %s)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [f"jobs.{name}", Jsonb(value)],
        )


def _shops(connection: psycopg.Connection[Any]) -> list[Any]:
    return [row[0] for row in connection.execute("SELECT id FROM neanelu.shops ORDER BY id")]


# --- Against pgmq -----------------------------------------------------------------------------------------
def _pgmq(jobs: int, batch: int) -> tuple[Worker, Worker]:
    """Return how pgmq sends and consumes; with batch 1 it is read in tens all the same."""

    def send(connection: psycopg.Connection[Any], _: int) -> None:
        for _ in range(jobs // PROCESSES // batch):
            if batch == 1:
                connection.execute("SELECT pgmq.send('bare', %s)", [Jsonb(PAYLOAD)])
            else:
                connection.execute("SELECT pgmq.send_batch('bare', %s)", [[Jsonb(PAYLOAD)] * batch])

    def consume(connection: psycopg.Connection[Any], _: int) -> int:
        count = 0
        while rows := connection.execute(
            "SELECT msg_id, message FROM pgmq.read('bare', 60, %s)", [BATCH]
        ).fetchall():
            count += len(rows)
            if batch == 1:
                for row in rows:
                    connection.execute("SELECT pgmq.archive('bare', %s::bigint)", [row[0]])
            else:
                connection.execute("SELECT pgmq.archive('bare', %s::bigint[])", [[row[0] for row in rows]])
        return count

    return send, consume


def _ours(jobs: int, batch: int) -> tuple[Worker, Worker]:
    """Return how jobs are asked for and consumed."""

    def send(connection: psycopg.Connection[Any], number: int) -> None:
        shops = _shops(connection)
        for turn in range(jobs // PROCESSES // batch):
            whose = [shops[(number * 13 + turn * batch + n) % SHOPS] for n in range(batch)]
            if batch == 1:
                connection.execute(
                    "SELECT jobs.enqueue('webhooks', 'bench', %s, %s)", [whose[0], Jsonb(PAYLOAD)]
                )
            else:
                connection.execute(ENQUEUE_MANY, [whose, [Jsonb(PAYLOAD)] * batch])

    def consume(connection: psycopg.Connection[Any], _: int) -> int:
        count = 0
        # an empty answer may only mean that every shop has two jobs active
        while (rows := connection.execute(CLAIM, [BATCH]).fetchall()) or not _is_empty(connection):
            count += len(rows)
            if batch == 1:
                for row in rows:
                    connection.execute("SELECT jobs.complete(%s, %s)", [row[0], row[1]])
            elif rows:
                connection.execute("SELECT jobs.complete_many(%s::bigint[])", [[r[1] for r in rows]])
        return count

    return send, consume


def _is_empty(connection: psycopg.Connection[Any]) -> bool:
    return connection.execute("SELECT FROM pgmq.q_webhooks LIMIT 1").fetchone() is None


def _against_pgmq(
    database: Database, connection: psycopg.Connection[Any], name: str, jobs: int, batch: int, rounds: int
) -> list[frame.Figure]:
    rates: dict[str, list[float]] = {"pgmq": [], "ours": []}
    for _ in range(rounds):
        for side, make in (("pgmq", _pgmq), ("ours", _ours)):
            connection.execute(EMPTY)
            connection.execute("CHECKPOINT")
            send, consume = make(jobs, batch)
            sending, _said = _at_once(database, send)
            consuming, counts = _at_once(database, consume)
            if sum(counts) != jobs:
                raise RuntimeError(f"{side} consumed {sum(counts)} of {jobs} jobs")
            rates[side].append(jobs / (sending + consuming))
    ratio = frame.median([own / bare for own, bare in zip(rates["ours"], rates["pgmq"], strict=True)])
    return [
        frame.figure(f"queue_{name}_pgmq", frame.median(rates["pgmq"]), "jobs/s", digits=0),
        frame.figure(f"queue_{name}_ours", frame.median(rates["ours"]), "jobs/s", digits=0),
        frame.figure(f"queue_{name}_ratio", ratio, "x", least=0.7),
    ]


# --- Against peers ----------------------------------------------------------------------------------------
class Peer:
    """pgqueuer or procrastinate, on a database of its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        with frame.laboratory().superuser() as connection:
            connection.execute(f"CREATE DATABASE peer_{name}")
        self._do("install", 0)

    def _do(self, action: str, jobs: int) -> float:
        lab = frame.laboratory()
        script = str(frame.HERE / "peers/with_queue.py")
        place = [str(lab.cluster.socket_dir), f"peer_{self._name}", self._name, action, str(jobs)]
        ran = frame.run_process([frame.peer_python("queue"), script, *place], _plain_environment())
        return float(ran.output.split()[-1])

    def rate(self, jobs: int) -> float:
        """Return the jobs that it consumes in a second."""
        self._do("enqueue", jobs)
        return jobs / self._do("consume", jobs)

    def drop(self) -> None:
        """Drop its database."""
        with frame.laboratory().superuser() as connection:
            connection.execute(f"DROP DATABASE peer_{self._name} WITH (FORCE)")


def _plain_environment() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PG", "PYTHON", "NEANELU_"))
    }


def _empty(job_id: Any) -> None:
    """Do nothing: the empty job of all sides."""


def _consume(connection: psycopg.Connection[Any]) -> int:
    """Consume until nothing waits, in the wire's binary format, as asyncpg does for pgqueuer."""
    cursor, count = connection.cursor(binary=True), 0
    while rows := cursor.execute(CLAIM, [LARGE_BATCH]).fetchall():
        for row in rows:
            _empty(row[0])
        cursor.execute(COMPLETE_MANY, [[r[1] for r in rows]])
        count += len(rows)
    return count


def _consume_all(connections: int, connection: psycopg.Connection[Any], _: int) -> int:
    """Consume on the connection, and on further ones, a thread each."""
    if connections == 1:
        return _consume(connection)
    with (
        psycopg.connect(connection.info.dsn, autocommit=True, prepare_threshold=1) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        return sum(threads.map(_consume, (connection, other)))


def _against_peers(
    database: Database, connection: psycopg.Connection[Any], sizes: dict[str, int]
) -> list[frame.Figure]:
    names = {"ours_one": 1, "pgqueuer_one": 0, "ours": 2, "pgqueuer": 0, "procrastinate": 0}
    rates: dict[str, list[float]] = {name: [] for name in names}
    shops = _shops(connection)
    # room for two batches, shared evenly: a batch takes three of a shop, or five of the two's six
    _limits(connection, max_active=2 * LARGE_BATCH, max_active_per_shop=2 * LARGE_BATCH // SHOPS + 1)
    for _ in range(sizes["rounds"]):
        for name, connections in names.items():
            if not connections:
                peer = Peer(name)
                try:
                    rates[name].append(peer.rate(sizes[name.removesuffix("_one")]))
                finally:
                    peer.drop()
                continue
            connection.execute(EMPTY)
            for first in range(0, sizes["ours"], 1_000):
                whose = [shops[(first + n) % SHOPS] for n in range(1_000)]
                connection.execute(ENQUEUE_MANY, [whose, [Jsonb({})] * 1_000])
            connection.execute("CHECKPOINT")
            seconds, counts = _at_once(database, functools.partial(_consume_all, connections), 1)
            if counts != [sizes["ours"]]:
                raise RuntimeError(f"consumed {counts} of {sizes['ours']} jobs")
            rates[name].append(sizes["ours"] / seconds)
    _limits(connection, max_active=50, max_active_per_shop=2)
    # what follows must not look at slots that only this needed
    connection.execute("DELETE FROM neanelu.job_slots WHERE slot > 50")
    connection.execute("VACUUM neanelu.job_slots")
    middle = {name: frame.median(values) for name, values in rates.items()}
    ours, pgqueuer = (max(middle[name], middle[f"{name}_one"]) for name in ("ours", "pgqueuer"))
    return [
        *(frame.figure(f"queue_consume_{name}", rate, "jobs/s", digits=0) for name, rate in middle.items()),
        frame.figure("queue_consume_to_pgqueuer", ours / pgqueuer, "x", least=3),
        frame.figure("queue_consume_to_procrastinate", ours / middle["procrastinate"], "x", least=20),
    ]


# --- Between shops ----------------------------------------------------------------------------------------
def _work_until_small_are_done(left: Any, connection: psycopg.Connection[Any], _: int) -> list[float]:
    """Return how long after the start of the measurement each job of a small shop began.

    `left` counts the small shops' jobs that nobody has yet, among all processes: asking the queue for them would cost more than
    what is measured.
    """
    large, began = connection.execute("SELECT large, began FROM public.fair").fetchone() or (None, None)
    waits: list[float] = []
    while left.value > 0:
        rows = connection.execute(CLAIM, [4]).fetchall()
        now = time.time()
        small = [now - began for row in rows if row[2] != large]
        with left.get_lock():
            left.value -= len(small)
        waits += small
        for row in rows:
            connection.execute("SELECT jobs.complete(%s, %s)", [row[0], row[1]])
    return waits


def _fairness(
    database: Database, connection: psycopg.Connection[Any], sizes: dict[str, int]
) -> list[frame.Figure]:
    large, *small = _shops(connection)
    p95: dict[bool, list[float]] = {False: [], True: []}
    connection.execute("CREATE TABLE public.fair (large uuid, began double precision)")
    for _ in range(sizes["rounds"]):
        for with_large in (False, True):
            connection.execute(EMPTY)
            for _ in range(sizes["large"] // 10_000 if with_large else 0):
                connection.execute(ENQUEUE_MANY, [[large] * 10_000, [Jsonb({})] * 10_000])
            for shop in small:
                connection.execute(ENQUEUE_MANY, [[shop] * 10, [Jsonb({})] * 10])
            connection.execute("CHECKPOINT")
            connection.execute("TRUNCATE public.fair")
            connection.execute("INSERT INTO public.fair VALUES (%s, %s)", [large, time.time()])
            left = mp.get_context("fork").Value("i", 10 * len(small))
            _, said = _at_once(database, functools.partial(_work_until_small_are_done, left))
            waits = sorted(wait for each in said for wait in each)
            if len(waits) != 10 * len(small):
                raise RuntimeError(f"{len(waits)} of {10 * len(small)} small jobs were done")
            p95[with_large].append(waits[int(len(waits) * 0.95)] * 1000)
    connection.execute("DROP TABLE public.fair")
    alone, beside = frame.median(p95[False]), frame.median(p95[True])
    return [
        frame.figure("queue_fair_p95_alone", alone, "ms", digits=0),
        frame.figure("queue_fair_p95_beside_large", beside, "ms", digits=0),
        frame.figure("queue_fair_p95_ratio", beside / alone, "x", most=3),
    ]


# --- Wake-ups ---------------------------------------------------------------------------------------------
WRITERS = 32
WAKE = {
    "without": "BEGIN RETURN; END",
    "ours": None,
    "always": "BEGIN PERFORM pg_catalog.pg_notify('neanelu_jobs', p_queue || clock_timestamp()); END",
}


def _wake_load(seconds: int) -> Worker:
    """Return the work of 32 enqueuers and, as the last process, a worker that listens and consumes."""

    def work(connection: psycopg.Connection[Any], number: int) -> int:
        ends, count = time.perf_counter() + seconds, 0
        if number < WRITERS:
            shops = _shops(connection)
            while time.perf_counter() < ends:
                connection.execute(
                    "SELECT jobs.enqueue('webhooks', 'bench', %s, %s)",
                    [shops[(number + count) % SHOPS], Jsonb(PAYLOAD)],
                )
                count += 1
            return count
        connection.execute("LISTEN neanelu_jobs")
        while time.perf_counter() < ends:
            rows = connection.execute(CLAIM, [50]).fetchall()
            if rows:
                connection.execute("SELECT jobs.complete_many(%s::bigint[])", [[r[1] for r in rows]])
            else:
                with contextlib.closing(connection.notifies(timeout=0.05, stop_after=1)) as woken:
                    list(woken)
        return 0

    return work


def _wake_ups(
    database: Database, connection: psycopg.Connection[Any], sizes: dict[str, int]
) -> list[frame.Figure]:
    row = connection.execute("SELECT pg_get_functiondef('jobs._wake(text)'::regprocedure)").fetchone()
    assert row
    plain, enqueue = row[0], _enqueue_definition(connection)
    rates: dict[str, list[float]] = {name: [] for name in WAKE}
    for _ in range(sizes["rounds"]):
        for name, body in WAKE.items():
            connection.execute(EMPTY)
            connection.execute(plain if body is None else _with_body(plain, body))
            # where every transaction notifies, it does so whether somebody sleeps or not
            connection.execute(enqueue.replace("AND s.is_wanted", "") if name == "always" else enqueue)
            connection.execute("CHECKPOINT")
            _, counts = _at_once(database, _wake_load(sizes["wake"]), WRITERS + 1)
            rates[name].append(sum(counts) / sizes["wake"])
    connection.execute(plain)
    connection.execute(enqueue)
    middle = {name: frame.median(values) for name, values in rates.items()}
    ratio = frame.median([own / none for own, none in zip(rates["ours"], rates["without"], strict=True)])
    return [
        *(frame.figure(f"queue_wake_{name}", rate, "jobs/s", digits=0) for name, rate in middle.items()),
        frame.figure("queue_wake_ratio", ratio, "x", least=0.9),
    ]


def _enqueue_definition(connection: psycopg.Connection[Any]) -> str:
    """Return the statement that makes jobs._enqueue."""
    row = connection.execute(
        "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p"
        " WHERE p.pronamespace = 'jobs'::regnamespace AND p.proname = '_enqueue'"
    ).fetchone()
    assert row
    return str(row[0])


def _with_body(definition: str, body: str) -> str:
    """Return a function's definition with another body."""
    head = definition[: definition.index("AS $function$")]
    return f"{head}AS $function${body}$function$"


def run(scale: str) -> list[frame.Figure]:
    """Measure; see the module's text."""
    frame.peer_python("queue")
    sizes = SIZES[scale]
    figures: list[frame.Figure] = []
    with frame.steps("queue", 6) as step:
        step("deploy")
        database = frame.laboratory().create()
        with database.connect() as connection:
            connection.execute(PREPARE)
            for name, batch in (("single", 1), ("batch", BATCH)):
                step(f"against pgmq, {name}")
                figures += _against_pgmq(database, connection, name, sizes[name], batch, sizes["rounds"])
            step("against pgqueuer and procrastinate")
            figures += _against_peers(database, connection, sizes)
            step("between shops")
            figures += _fairness(database, connection, sizes)
            step("wake-ups")
            figures += _wake_ups(database, connection, sizes)
        frame.drop(database)
    return figures
